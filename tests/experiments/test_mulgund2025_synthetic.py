"""The synthetic experiment on gain and KL misfit: what a tiny run returns, and findings that can come out otherwise."""

from __future__ import annotations

import numpy as np
import pytest

from experiments import _classification, _runner
from experiments import mulgund2025_synthetic as experiment
from experiments._store import columns
from experiments._tables import pick
from tests.tolerances import ROUNDING


def made(residuals, *, worlds=6, gain=0.3, spread=0.002, identity="HOLDS"):
    """Rows of ``worlds`` worlds in which gain − misfit is ``residuals[student, where, order]`` (0 where absent), give or take ``spread``."""
    rows = []
    for trial in range(worlds):
        off = spread * (trial - (worlds - 1) / 2) / worlds
        for name in experiment.STUDENTS:
            for where in ("train", "fresh"):
                for order in ("primal", "dual"):
                    exact = (name, where, order) == (experiment.FORWARD, "train", "dual")
                    residual = residuals.get((name, where, order), 0.0) + (0.0 if exact else off)
                    rows.append(
                        {
                            "scale": "full",
                            "n": 20_000,
                            "fresh": 200_000,
                            "trial": trial,
                            "student": name,
                            "where": where,
                            "order": order,
                        }
                        | {"heads": 1, "weak_error": 1.0, "student_error": 1.0 - gain, "gain": gain, "misfit": gain - residual}
                        | {"residual": residual, "residual_stderr": 0.001, "identity": identity, "identity_gap": 1e-16}
                    )
    return columns(rows)


def statuses(table):
    return [finding.status.split(" (")[0].split(",")[0] for finding in experiment.findings(table)]


def test_equal_gains_and_misfits_are_what_was_published():
    table = made({})
    assert statuses(table) == ["reproduced", "reproduced", "holds", "observed here", "not attempted", "holds"]
    fresh = experiment.findings(table)[0]
    assert "-0.0013 ± 0.0005; levels" in fresh.evidence and "6 worlds" in fresh.evidence and "0.6% apart" in fresh.claim


MIXTURE, FORWARD = experiment.MIXTURE, experiment.FORWARD


@pytest.mark.parametrize(
    ("residuals", "options", "place", "status"),
    [
        ({(MIXTURE, "fresh", "primal"): -0.03}, {}, 0, "not reproduced"),
        ({(MIXTURE, "fresh", "primal"): 0.03}, {}, 0, "not reproduced"),
        ({(MIXTURE, "fresh", "primal"): -0.01}, {}, 0, "reproduced"),
        ({}, {"spread": 0.2}, 0, "not attempted"),
        ({(MIXTURE, "train", "primal"): -0.03}, {}, 1, "not reproduced"),
        ({(MIXTURE, "train", "primal"): 0.1}, {}, 1, "reproduced"),
        ({(FORWARD, "train", "dual"): 0.001}, {}, 2, "counterexample found"),
        ({(experiment.SINGLE, "train", "primal"): 0.03}, {}, 3, "not reproduced"),
        ({(experiment.SINGLE, "train", "primal"): 0.005}, {}, 3, "not attempted"),
        ({(FORWARD, "fresh", "primal"): -0.03}, {}, 4, "observed here"),
        ({(FORWARD, "fresh", "primal"): 0.03}, {}, 4, "not reproduced"),
        ({}, {"identity": "VIOLATED"}, 5, "counterexample found"),
        ({}, {"identity": "INCONCLUSIVE"}, 5, "not attempted"),
    ],
)
def test_findings_notice_what_does_not_hold(residuals, options, place, status):
    assert statuses(made(residuals, **options))[place] == status


def test_a_gain_below_zero_reproduces_nothing():
    assert statuses(made({}, gain=-0.3))[0] == "not reproduced"


@pytest.fixture(scope="module")
def tiny():
    """One world of three classes, seen through 400 inputs."""
    patch = pytest.MonkeyPatch()
    patch.setattr(experiment, "CLASSES", 3)
    patch.setattr(
        experiment, "STUDENTS", {MIXTURE: ("reverse_kl", 2), experiment.SINGLE: ("reverse_kl", 1), FORWARD: ("forward_kl", 1)}
    )
    patch.setattr(_classification, "STEPS", 60)
    params = {"n": 400, "fresh": 3000, "trial": 0}
    rng = np.random.default_rng(_runner.point_seed("any", experiment.SEED_AXES, params))
    table = columns({"scale": "quick"} | params | row for row in experiment.run_one(params, rng=rng))
    patch.undo()
    return table


def test_a_point_has_a_row_per_student_place_and_order_and_the_identity_in_each(tiny):
    assert len(tiny["gain"]) == 3 * 2 * 2
    assert set(tiny["identity"].tolist()) == {"HOLDS"}
    np.testing.assert_allclose(tiny["gain"], tiny["misfit"] + tiny["residual"], atol=ROUNDING)
    assert np.all(tiny["misfit"] > 0.01) and np.all(tiny["residual_stderr"] > 0)


def test_cross_entropy_gives_equality_in_sample_in_the_other_order_and_only_there(tiny):
    rows = pick(tiny, student=FORWARD, where="train")
    share = dict(zip(rows["order"].tolist(), np.abs(rows["residual"]) / rows["misfit"], strict=True))
    assert share["dual"] < experiment.SOLVED < 0.01 < share["primal"]


def test_students_of_a_world_share_its_weak_model(tiny):
    for where in ("train", "fresh"):
        rows = pick(tiny, where=where, order="primal")
        assert np.ptp(rows["weak_error"]) == 0.0


def test_the_picture_shows_every_world_and_interval():
    pytest.importorskip("matplotlib")
    from figures._style import style
    from figures.mulgund2025_synthetic import draw

    table = made({(MIXTURE, "fresh", "primal"): -0.01})
    with style():
        figure = draw(table)
        figure.draw_without_rendering()
    scatter, differences = figure.axes
    drawn = np.concatenate([line.get_ydata() for line in scatter.lines if len(line.get_xdata()) == 6])
    assert len(drawn) == 3 * 6 and np.all(drawn == 0.3)
    assert len(differences.containers) == 2 * 4 + 1
