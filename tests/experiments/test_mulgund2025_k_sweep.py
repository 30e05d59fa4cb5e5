"""The sweep over heads: the laws of averages on tiny worlds, and findings that can come out otherwise."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from experiments import _classification, _runner
from experiments import mulgund2025_k_sweep as experiment
from experiments._store import columns
from experiments._tables import pick
from tests.tolerances import NEXT_ORDER, ROUNDING, STANDARD_ERRORS
from w2s_theory.divergences import KL

KS = (1, 2, 5, 20)


def made(*, power=-1.0, level=0.1, law=0.1, bracket=(0.09, 0.11), root=2.0, realizable=None, lacking=None, worlds=3):
    """Averages that fall as ``level`` · k^``power``, and learned students with these differences gain − misfit, per k."""
    realizable = {1: -0.01, 2: 0.01, 5: 0.01, 20: 0.01} if realizable is None else realizable
    lacking = {1: -0.4, 2: -0.35, 5: -0.3, 20: -0.29} if lacking is None else lacking
    rows = []
    for c in (2, 5):
        for trial in range(worlds):
            start = {"scale": "full", "classes": c, "trial": trial, "draws": 100, "most": 20, "stderr": 0.0}
            wobble = 1.0 + 0.01 * trial
            for k in experiment.AVERAGED:
                for measure in ("excess", "error"):
                    rows.append(start | {"kind": "average", "k": k, "measure": measure, "value": wobble * level * k**power})
                known = {"law": law, "low": bracket[0], "high": bracket[1], "root": root * np.sqrt(k)}
                rows += [
                    start | {"kind": "average", "k": k, "measure": name, "value": wobble * value / k}
                    for name, value in known.items()
                ]
            for kind, residuals in (("realizable", realizable), ("not realizable", lacking)):
                for k, residual in residuals.items():
                    for measure, value in {"residual": wobble * residual, "misfit": 0.4, "gain": 0.4 + wobble * residual}.items():
                        rows.append(start | {"kind": kind, "k": k, "measure": measure, "value": value})
    return columns(rows)


def statuses(table):
    return [finding.status.split(" (")[0].split(",")[0] for finding in experiment.findings(table)]


def test_what_is_expected_holds():
    assert statuses(made()) == ["observed here"] * 2 + ["holds"] + ["holds but loose"] * 2 + ["reproduced"] * 2


@pytest.mark.parametrize(
    ("options", "place", "status"),
    [
        ({"power": -0.5}, 0, "not reproduced"),
        ({"power": -0.5}, 1, "not reproduced"),
        ({"law": 0.12}, 2, "holds but loose"),
        ({"law": 0.08}, 2, "holds but loose"),
        ({"bracket": (0.101, 0.11)}, 2, "counterexample found"),
        ({"bracket": (0.09, 0.099)}, 2, "counterexample found"),
        ({"root": 0.05}, 4, "counterexample found"),
        ({"level": 1.1, "law": 1.1}, 3, "counterexample found"),
        ({"realizable": {1: -0.1, 2: 0.0, 5: 0.0, 20: 0.0}}, 5, "reproduced"),
        ({"realizable": {1: 0.1, 2: 0.0, 5: -0.02, 20: 0.0}}, 5, "not reproduced"),
        ({"lacking": {1: -0.4, 2: -0.3, 5: -0.2, 20: 0.1}}, 6, "not reproduced"),
        ({"lacking": {1: -0.3, 2: -0.3, 5: -0.4, 20: -0.4}}, 6, "not reproduced"),
        ({"lacking": {1: -0.8, 2: -0.7, 5: -0.6, 20: -0.2}}, 6, "not reproduced"),
    ],
)
def test_findings_notice_what_does_not_hold(options, place, status):
    assert statuses(made(**options))[place] == status


def test_worlds_that_disagree_about_the_power_decide_nothing():
    table = made()
    rows = (table["trial"] == 0) & (table["measure"] == "excess")
    value = np.where(rows, table["value"] * table["k"] ** 0.9, table["value"])
    assert statuses(table | {"value": value})[0] == "not attempted"


def test_worlds_that_disagree_about_the_sign_decide_nothing():
    table = made()
    rows = (table["trial"] == 0) & (table["kind"] == "not realizable") & (table["measure"] == "residual")
    assert statuses(table | {"value": np.where(rows, -3.0 * table["value"], table["value"])})[6] == "not attempted"


@pytest.fixture(scope="module")
def heads():
    rng = np.random.default_rng(0)
    return softmax(2.0 * rng.standard_normal((6, 40, 3)), axis=-1), rng.dirichlet(np.ones(6))


def test_the_bound_on_averages_holds_and_is_reached_by_members_that_are_certain(heads):
    """χ² of k draws from an even choice among c one-hot members is (c − 1)/k exactly; KL stays below it."""
    for c in (2, 3, 5):
        shares = np.full(c, 1.0 / c)
        k = 7
        counts = np.random.default_rng(1).multinomial(k, shares, size=200_000) / k
        chi = np.sum((counts - shares) ** 2 / shares, axis=1)
        assert abs(chi.mean() - experiment.proved(c, k)) < STANDARD_ERRORS * chi.std() / np.sqrt(len(chi)) < 0.02 * chi.mean()
    members, shares = heads
    mixture = np.tensordot(shares, members, axes=1)
    for k in (1, 4):
        average = np.tensordot(np.random.default_rng(2).multinomial(k, shares, size=2000) / k, members, axes=1)
        assert np.mean(KL().between(average, mixture)) < experiment.proved(3, k)


@pytest.fixture(scope="module")
def tiny():
    """A world of each kind, with few inputs, draws and heads."""
    patch = pytest.MonkeyPatch()
    patch.setattr(experiment, "POINTS", 50)
    patch.setattr(experiment, "INPUTS", 150)
    patch.setattr(_classification, "STEPS", 60)
    rows = []
    for kind in experiment.KINDS:
        params = {"kind": kind, "classes": 3, "draws": 3000, "most": 2, "trial": 0}
        rng = np.random.default_rng(_runner.point_seed("any", experiment.SEED_AXES, params))
        rows += [{"scale": "quick"} | params | row for row in experiment.run_one(params, rng=rng)]
    patch.undo()
    return columns(rows)


def test_averages_of_many_members_follow_their_law(tiny):
    rows, law = (pick(tiny, kind="average", measure=name, k=100) for name in ("excess", "law"))
    low, high = (pick(tiny, kind="average", measure=name, k=100)["value"] for name in ("low", "high"))
    assert low < law["value"] < high
    assert STANDARD_ERRORS * rows["stderr"] < 0.1 * law["value"]  # 10 per cent off would be seen
    assert abs(rows["value"] - law["value"]) < STANDARD_ERRORS * rows["stderr"] + NEXT_ORDER * law["value"]


def test_learned_students_have_gain_misfit_and_what_separates_them(tiny):
    for kind in ("realizable", "not realizable"):
        gain, misfit, residual = (pick(tiny, kind=kind, measure=name)["value"] for name in ("gain", "misfit", "residual"))
        np.testing.assert_allclose(gain, misfit + residual, atol=ROUNDING)
        assert len(gain) == 2
    worse = pick(tiny, kind="not realizable", measure="residual")["value"]
    better = pick(tiny, kind="realizable", measure="residual")["value"]
    assert np.all(worse < better - 0.05)


def test_the_picture_shows_every_mean():
    pytest.importorskip("matplotlib")
    from figures._style import style
    from figures.mulgund2025_k_sweep import draw

    with style():
        figure = draw(made())
        figure.draw_without_rendering()
    averages, *learned = figure.axes
    assert [len(bars[0].get_ydata()) for bars in averages.containers] == [len(experiment.AVERAGED)] * 2
    assert [len(bars[0].get_ydata()) for axes in learned for bars in axes.containers] == [len(KS)] * 4
    drawn = averages.containers[0][0].get_ydata(orig=False)
    np.testing.assert_allclose(drawn, 1.01 * 0.1 / np.array(experiment.AVERAGED))
