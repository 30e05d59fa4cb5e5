"""The saved results redrawn: published numbers that agree among themselves, and findings that can come out otherwise."""

from __future__ import annotations

import numpy as np
import pytest

from experiments import _mulgund2025 as published
from experiments import mulgund2025_tables as tables
from experiments._store import columns
from tests.experiments import made
from w2s_theory.divergences import KL
from w2s_theory.quantities.gain import gain_report


@pytest.fixture(scope="module")
def table():
    rows = []
    for params in tables.SCALES["full"]:
        rows += [{"scale": "full"} | params | row for row in tables.run_one(dict(params), rng=np.random.default_rng(0))]
    return columns(rows)


def finding(table, words):
    return made.finding(tables, table, words)


def test_every_published_row_says_where_it_was_read_and_only_drawn_inputs_are_synthetic(table):
    assert set(table["origin"].tolist()) == {"published"}
    assert "" not in table["read"].tolist()
    assert set(table["part"][table["synthetic"]].tolist()) == {"synthetic"}
    counts = {name: int(np.sum(table["part"] == name)) for name in tables.PARTS}
    assert counts == {"settings": 3, "heads": 22, "runs": 10, "synthetic": 1, "losses": 10}


def test_single_runs_have_accuracies_in_steps_of_the_test_set():
    accuracies = np.array([published.SWEEP_WEAK_ACCURACY, *(run[0] for run in published.RUNS)])
    np.testing.assert_allclose(accuracies * 10_000, np.round(accuracies * 10_000), atol=1e-6)


def test_residuals_are_gain_minus_misfit_and_split_at_the_surrogate(table):
    """With probabilities at hand the two parts are inner products; here they come from differences of divergences."""
    rng = np.random.default_rng(3)
    truth = np.eye(4)[rng.integers(0, 4, 200)]
    weak, student, surrogate = rng.dirichlet(np.ones(4), size=(3, 200))
    to_truth = gain_report(weak, student, truth, divergence=KL())
    to_surrogate = gain_report(weak, student, surrogate, divergence=KL())
    outside = np.mean(np.sum((truth - surrogate) * np.log(student / weak), axis=1))
    inside = np.mean(np.sum((surrogate - student) * np.log(student / weak), axis=1))
    assert to_surrogate.gain - to_surrogate.misfit == pytest.approx(inside)
    assert (to_truth.gain - to_truth.misfit) - (to_surrogate.gain - to_surrogate.misfit) == pytest.approx(outside)
    known = np.isfinite(table["misfit"])
    np.testing.assert_allclose(table["residual"][known], (table["gain"] - table["misfit"])[known], atol=tables.ROUNDED)
    known = np.isfinite(table["gain_to_surrogate"])
    np.testing.assert_allclose(
        (table["residual_to_surrogate"] - table["gain_to_surrogate"])[known], -table["misfit"][known], atol=tables.ROUNDED
    )


def test_the_residual_is_the_student_s_excess_entropy_less_what_the_weak_model_loses_on_its_labels(table):
    rng = np.random.default_rng(4)
    labels = rng.integers(0, 5, 300)
    weak, student = rng.dirichlet(np.ones(5), size=(2, 300))
    numbers = gain_report(weak, student, np.eye(5)[labels], divergence=KL())
    own, of_weak = (-np.mean(np.log(p[np.arange(300), labels])) for p in (student, weak))
    entropy, crossed = (-np.mean(np.sum(student * np.log(p), axis=1)) for p in (student, weak))
    assert numbers.gain - numbers.misfit == pytest.approx((entropy - own) - (crossed - of_weak))
    found = finding(table, "both directions")
    assert "less sure" in found.status
    sure = made.changed_part(table, "settings", student_ce=lambda t: np.full_like(t["student_ce"], 1.0))
    assert finding(sure, "both directions").status == "observed here"


def test_the_two_versions_of_the_sweep_tell_one_story(table):
    for version in published.SWEEPS:
        share, slope, half = tables.saturation(tables.part(table, "heads", version=version))
        assert 0.75 < share <= 1.0
        assert abs(slope) < half
    rising = {"heads": np.array([1.0, 5, 10, 50, 100]), "residual": np.array([-1.0, -0.7, -0.5, -0.3, 0.0])}
    share, slope, half = tables.saturation(rising)
    assert share == pytest.approx(0.3)
    assert slope > half


def test_findings_on_misfit_can_come_out_otherwise(table):
    assert finding(table, "gain ≥ misfit on frozen features").status.startswith("observed here")
    assert finding(table, "with the truth replaced").status.startswith("observed here")
    won = made.changed_part(table, "settings", residual=lambda t: np.full_like(t["residual"], 0.1))
    assert finding(won, "gain ≥ misfit on frozen features").status.startswith("reproduced")
    held = table | {"residual_to_surrogate": np.abs(table["residual_to_surrogate"])}
    assert finding(held, "with the truth replaced").status.startswith("reproduced")


def test_arithmetic_that_does_not_add_up_is_seen(table):
    assert finding(table, "differences of cross-entropies").status.startswith("reproduced")
    wrong = made.changed_part(table, "heads", printed_gain=lambda t: t["printed_gain"] + 1e-4)
    assert finding(wrong, "differences of cross-entropies").status.startswith("not reproduced")


def test_findings_on_heads_can_come_out_otherwise(table):
    assert finding(table, "mixtures of k heads").status.startswith("reproduced")
    rising = made.changed_part(table, "heads", residual=lambda t: -0.1 + 0.02 * np.log10(np.maximum(t["heads"], 1)))
    assert finding(rising, "mixtures of k heads").status.startswith("not reproduced")
    above = made.changed_part(table, "heads", residual=lambda t: table["residual"] + 0.1)
    assert finding(above, "mixtures of k heads").status.startswith("not reproduced")


def test_the_synthetic_result_is_near_but_on_the_wrong_side(table):
    found = finding(table, "synthetic networks")
    assert found.status.startswith("reproduced, with changes")
    assert "-2.8 standard errors" in found.evidence
    far = made.changed_part(table, "synthetic", printed_residual=lambda t: np.full_like(t["printed_residual"], -0.05))
    assert finding(far, "synthetic networks").status.startswith("not reproduced")


def test_runs_and_losses_can_come_out_otherwise(table):
    assert "other way" in finding(table, "gain grows with misfit").status
    along = made.changed_part(table, "runs", gain=lambda t: np.where(t["part"] == "runs", t["misfit"], t["gain"]))
    assert finding(along, "gain grows with misfit").status == "observed here"
    assert finding(table, "reverse KL gives").status.startswith("reproduced")
    worse = made.changed_part(table, "losses", reverse_accuracy=lambda t: t["forward_accuracy"] - 0.01)
    assert finding(worse, "reverse KL gives").status.startswith("not reproduced")
    assert finding(table, "a run of these").status.startswith("not attempted (needs ImageNet")


def test_the_error_of_a_difference_is_an_upper_bound_for_paired_students(table):
    """Two students that err on the same questions differ less than the independent error says."""
    rng = np.random.default_rng(0)
    difference, stderr = tables.reverse_minus_forward(table)
    rows = tables.part(table, "losses")
    question = rng.random((800, tables.yao.TEST))
    spread = np.std(np.mean(question < rows["reverse_accuracy"][0], 1) - np.mean(question < rows["forward_accuracy"][0], 1))
    apart = rng.random((800, tables.yao.TEST))
    alone = np.std(np.mean(question < rows["reverse_accuracy"][0], 1) - np.mean(apart < rows["forward_accuracy"][0], 1))
    assert spread < 0.7 * stderr[0]
    assert alone == pytest.approx(stderr[0], rel=0.13)  # 0.13: five standard errors of a spread over 800 draws
    assert difference[0] == pytest.approx(0.018)


def test_the_picture_shows_every_gain(table):
    pytest.importorskip("matplotlib")
    from figures._style import style
    from figures.mulgund2025_tables import draw

    with style():
        figure = draw(table)
        figure.draw_without_rendering()
    left = figure.axes[0]
    drawn = np.concatenate([line.get_ydata() for line in left.get_lines() if str(line.get_marker()) in "o^s*"])
    gains = np.concatenate([table["gain"], table["gain_to_surrogate"]])
    expected = np.sort(gains[np.isfinite(gains)])
    np.testing.assert_allclose(np.sort(drawn[np.isfinite(drawn)]), expected)
