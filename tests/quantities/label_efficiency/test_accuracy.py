"""The gain in accuracy from labels on disagreements: values, coverage of both targets, what uniform labels add, savings, refusals."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from tests.tolerances import BISECTED_SHARE, ROUNDING, STANDARD_ERRORS
from w2s_theory import gain_report
from w2s_theory.quantities.label_efficiency.accuracy import (
    MISFIT_SHARE,
    accuracy_gain,
    classical_interval,
    gain_from_counts,
    wilson,
)


def answers(seed: int, *, points: int = 120, classes: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weak, student and gold classes; the student is the better one."""
    rng = np.random.default_rng(seed)
    gold = rng.integers(classes, size=points)
    weak, student = (np.where(rng.random(points) < right, gold, rng.integers(classes, size=points)) for right in (0.6, 0.8))
    return weak, student, gold


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("interval", ["exact", "score"])
def test_with_all_disagreements_labelled_the_gain_of_the_pool_is_known(classes, interval):
    weak, student, gold = answers(0, classes=classes)
    expected = float(gain_report(weak, student, gold, divergence="zero-one").gain)
    found = accuracy_gain(weak, student, np.where(weak != student, gold, np.nan), interval=interval)
    assert found.value == pytest.approx(expected, abs=ROUNDING)
    assert (found.low, found.high) == pytest.approx((expected, expected), abs=BISECTED_SHARE)
    assert found.stderr == 0.0
    assert found.known == pytest.approx(np.mean(weak != student))
    assert found.labels == np.sum(weak != student)


def test_labels_where_they_agree_say_nothing_and_rows_are_another_way_to_say_it():
    weak, student, gold = answers(1)
    rows = np.random.default_rng(0).choice(120, size=60, replace=False)
    differing = rows[weak[rows] != student[rows]]
    everywhere = np.full(120, np.nan)
    everywhere[rows] = gold[rows]
    first, second = accuracy_gain(weak, student, everywhere), accuracy_gain(weak, student, gold[differing], rows=differing)
    assert first.gain == second.gain
    assert first.labels == 60
    assert any("agree" in note for note in first.notes)
    assert "binomial" in accuracy_gain(weak % 2, student % 2, gold % 2).method
    assert "trinomial" in accuracy_gain(weak % 2, student % 2, gold % 2, classes=3).method


@pytest.mark.parametrize(("target", "interval"), [("pool", "exact"), ("population", "exact"), ("population", "score")])
def test_intervals_cover_the_gain_of_their_target(target, interval):
    rng, trials, points, m = np.random.default_rng(2), 1200, 400, 40
    misfit, right = 0.3, 0.7
    find = lru_cache(
        lambda n, among: gain_from_counts(
            n, m - n, m, among=among, points=points, decided=True, target=target, interval=interval, level=0.9
        )[0]
    )
    among = rng.binomial(points, misfit, size=trials)
    if target == "pool":
        among[:] = 120  # one pool
        good = np.round(right * among).astype(int)
        found = [find(int(n), int(a)) for n, a in zip(rng.hypergeometric(good, among - good, m), among, strict=True)]
        truth = (2 * good - among) / points
    else:
        found = [find(int(n), int(a)) for n, a in zip(rng.binomial(m, right, size=trials), among, strict=True)]
        truth = np.full(trials, misfit * (2 * right - 1))
    low, high, value = (np.array([getattr(one, end) for one in found]) for end in ("low", "high", "value"))
    covered = np.mean((low <= truth + ROUNDING) & (truth - ROUNDING <= high))
    error = np.sqrt(0.9 * 0.1 / trials)
    if interval == "score":
        assert abs(covered - 0.9) <= STANDARD_ERRORS * error
    else:
        assert covered >= 0.9 - STANDARD_ERRORS * error
        assert covered < (0.97 if target == "pool" else 0.995)  # two exact intervals together are conservative
    shorter = 0.6 if (target, interval) == ("population", "exact") else 0.8
    assert np.mean(np.abs(truth - (low + high) / 2) <= shorter * (high - low) / 2) < 0.9
    spread = np.array([one.stderr for one in found])
    seen = np.std(value - truth)
    assert np.sqrt(np.mean(spread**2)) == pytest.approx(seen, rel=0.1)  # 1200 trials know it to 2 %


def test_the_misfit_s_own_uncertainty_widens_the_population_s_interval():
    made = {"points": 100, "decided": True, "interval": "exact"}
    narrow, wide = (gain_from_counts(27, 3, 30, among=30, target=target, **made)[0] for target in ("pool", "population"))
    many = gain_from_counts(27, 3, 30, among=30_000, target="population", **(made | {"points": 100_000}))[0]
    assert narrow.high - narrow.low == 0.0
    assert wide.high - wide.low > 1.2 * (many.high - many.low) > 0.0


@pytest.mark.parametrize("interval", ["exact", "score"])
def test_intervals_for_the_population_are_mirrored(interval):
    made = {"among": 60, "points": 200, "decided": False, "target": "population", "interval": interval}
    (first, _), (second, _) = gain_from_counts(20, 6, 30, **made), gain_from_counts(6, 20, 30, **made)
    assert (first.low, first.high) == pytest.approx((-second.high, -second.low))
    assert first.low < first.value < first.high


def test_at_least_one_over_the_misfit_as_many_uniform_labels_are_needed():
    for student, weak in ((50, 50), (70, 30), (60, 20)):
        found, classical = gain_from_counts(
            student, weak, 100, among=20_000, points=100_000, decided=False, target="population", interval="score"
        )
        needed = 100 * (classical.stderr / found.stderr) ** 2
        assert needed >= (1 - 0.01) * 100 / 0.2  # 1 %: the misfit is not known exactly
        same = classical_interval(needed * 0.2 * student / 100, needed * 0.2 * weak / 100, round(needed))
        assert same.high - same.low == pytest.approx(found.high - found.low, rel=0.05)  # z²/m of shrinkage
    exact, _ = gain_from_counts(50, 50, 100, among=20_000, points=100_000, decided=True, target="population", interval="score")
    assert (classical.value, exact.value) == (pytest.approx(0.2 * 0.4), 0.0)


def test_wilson_s_interval_solves_its_equation():
    low, high = wilson(7, 40, 0.95)
    for end in (low, high):
        assert abs(7 / 40 - end) == pytest.approx(1.959963984540054 * np.sqrt(end * (1 - end) / 40))


def test_models_that_agree_everywhere_have_no_gain():
    found = accuracy_gain([0, 1, 1], [0, 1, 1], [0, np.nan, np.nan])
    assert (found.low, found.value, found.high, found.known) == (0.0, 0.0, 0.0, 0.0)


def test_models_that_agree_on_a_sample_may_differ_elsewhere():
    found = accuracy_gain([0, 1] * 50, [0, 1] * 50, [0], rows=[0], target="population")
    assert found.low == -found.high
    # The chance that none of 100 points differs, when the misfit is at the end: half of a tenth of the error rate.
    assert (1 - found.high) ** 100 == pytest.approx(0.05 * MISFIT_SHARE / 2)


def test_the_classical_interval_is_of_all_labels_that_were_bought():
    weak, student, gold = answers(3)
    found = accuracy_gain(weak, student, gold[:60], rows=np.arange(60))
    m = int(np.sum(weak[:60] != student[:60]))
    right, wrong = (
        np.mean((one != other)[:60] & (one == gold)[:60]) * 60 / m for one, other in ((student, weak), (weak, student))
    )
    expected = classical_interval(60 * found.known * right, 60 * found.known * wrong, 60, among=120)
    assert (found.classical.low, found.classical.high) == pytest.approx((expected.low, expected.high))
    assert found.classical.stderr == pytest.approx(expected.stderr)


@pytest.mark.parametrize(
    ("gold", "options", "message"),
    [
        ([0, np.nan, np.nan], {}, "where weak and student differ; none of the 1 labels"),
        ([np.nan] * 3, {}, "at least one label"),
        ([0, 1], {}, "an entry per point"),
        ([0, 1], {"rows": [1, 1]}, "different points"),
        ([0, 1], {"rows": [1, 3]}, "row numbers from 0 to 2"),
        ([0.5], {"rows": [1]}, "whole numbers"),
        ([0, 1, 2], {"classes": 2}, "at least the 3"),
        ([0, 1, 1], {"target": "sample"}, "target must be"),
        ([0, 1, 1], {"level": 1.0}, "level"),
    ],
)
def test_labels_that_say_nothing_are_refused(gold, options, message):
    with pytest.raises(ValueError, match=message):
        accuracy_gain([0, 1, 0], [0, 0, 1], gold, **options)
