"""Predicted skewness: against every label and draw there can be, Hall's cubic, and coverage where a rare class carries much."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tolerances import ROUNDING, STANDARD_ERRORS
from w2s_theory.quantities.label_efficiency.blend import Affine, spread_of
from w2s_theory.quantities.label_efficiency.difference import gain_of
from w2s_theory.quantities.label_efficiency.draws import draw_points
from w2s_theory.quantities.label_efficiency.skewness import MOST, hall_deviate, predicted_skewness

WEAK = np.array([[0.2, 0.3, 0.5], [0.1, 0.8, 0.1], [0.45, 0.45, 0.1]])
STUDENT = np.array([[0.3, 0.3, 0.4], [0.02, 0.9, 0.08], [0.3, 0.1, 0.6]])


def central(values: np.ndarray, chances: np.ndarray) -> np.ndarray:
    """Second and third central moments."""
    off = values - chances @ values
    return np.array([chances @ off**2, chances @ off**3])


def misses(affine: Affine) -> np.ndarray:
    """h_c − E h_Y of each point and class."""
    means = [np.sum(p * h) for p, h in zip(affine.chances, affine.slopes, strict=True)]
    return affine.slopes - np.array(means)[:, None]


def test_of_draws_with_replacement_it_is_that_of_one_term_over_the_root_of_their_number():
    affine, p = Affine.of(WEAK, STUDENT, "kl"), np.array([0.2, 0.3, 0.5])
    values, chances = misses(affine) / (3 * p[:, None]), affine.chances * p[:, None]
    second, third = central(values.ravel(), chances.ravel())
    found = predicted_skewness(affine, 7 * p, repeats=True)
    assert found == pytest.approx(third / second**1.5 / np.sqrt(7), rel=1e-9)
    assert abs(found) > 0.01


def test_of_points_drawn_or_not_it_is_that_over_all_draws_given_the_labels():
    affine, rates = Affine.of(WEAK, STUDENT, "kl"), np.array([0.2, 0.7, 1.0])
    t, total = misses(affine), np.zeros(2)
    for labels in product(range(3), repeat=3):
        chance = np.prod(affine.chances[np.arange(3), labels])
        taken = np.array(list(product((0, 1), repeat=3)))
        sums = taken @ (t[np.arange(3), labels] / rates)
        total += chance * central(sums, np.prod(np.where(taken == 1, rates, 1 - rates), axis=1))
    assert predicted_skewness(affine, rates, repeats=False) == pytest.approx(total[1] / total[0] ** 1.5, rel=1e-9)


def test_nothing_is_predicted_of_numbers_or_where_all_is_known():
    rng = np.random.default_rng(0)
    assert predicted_skewness(Affine.of(rng.normal(size=9), rng.normal(size=9)), np.full(9, 0.5), repeats=False) == 0.0
    assert predicted_skewness(Affine.of(WEAK, STUDENT, "kl"), np.ones(3), repeats=False) == 0.0
    affine, some = Affine.of(WEAK, STUDENT, "kl"), np.array([0.4, 0.0, 0.6])  # a point that is never drawn says nothing
    two = Affine.of(WEAK[[0, 2]], STUDENT[[0, 2]], "kl")
    assert predicted_skewness(affine, some, repeats=True) == pytest.approx(predicted_skewness(two, some[[0, 2]], repeats=True))


@given(st.floats(-13.0, 13.0), st.floats(-0.4, 0.4))
def test_the_deviate_solves_hall_s_cubic(quantile, skewness):
    t = hall_deviate(quantile, skewness)
    cubic = t + skewness * t**2 / 3 + skewness**2 * t**3 / 27 + skewness / 6
    assert cubic == pytest.approx(quantile, abs=1e-8)
    assert hall_deviate(-quantile, -skewness) == pytest.approx(-t, abs=ROUNDING)


def rare(seed: int, points: int = 600) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two classes, the second of which is rare; the student is surer of the first."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=points)
    weak, student = 1 / (1 + np.exp(2.6 + scores)), 1 / (1 + np.exp(4.0 + 1.2 * scores))
    gold = (rng.random(points) < (weak + student) / 2).astype(int)
    return np.stack([1 - weak, weak], axis=1), np.stack([1 - student, student], axis=1), gold


def test_the_interval_covers_where_student_s_misses_on_one_side():
    weak, student, gold = rare(1)
    affine, truth = Affine.of(weak, student, "kl"), np.eye(2)[gold]
    each = affine.gain(truth, np.arange(affine.size)).mean()
    rng, trials, n = np.random.default_rng(2), 1200, 120
    draws = (draw_points(affine.spread, n, rng=rng) for _ in range(trials))
    found = [gain_of(affine, draw, truth[draw.rows]) for draw in draws]
    low, high, value, error = (np.array([getattr(one, name) for one in found]) for name in ("low", "high", "value", "stderr"))
    resolution = STANDARD_ERRORS * np.sqrt(0.95 * 0.05 / trials)
    covered = np.mean((low <= each) & (each <= high))
    assert abs(covered - 0.95) <= resolution
    students = np.mean(np.abs(value - each) <= 1.980 * error)
    assert students < covered - 0.01
    below = np.mean(each < low)
    assert np.mean(each < value - 1.980 * error) > 1.5 * below  # where Student's misses
    assert np.mean(each > high) <= resolution
    assert found[0].method.startswith("skewed Student t")


def test_a_skewness_beyond_what_is_corrected_is_told():
    weak, student, gold = rare(1)
    for n, told in ((8, True), (400, False)):
        draw = draw_points(spread_of(weak, student, "kl"), n, rng=np.random.default_rng(0))
        affine = Affine.of(weak, student, "kl")
        assert (abs(predicted_skewness(affine, draw.rates, repeats=True)) > MOST) == told
        notes = gain_of(affine, draw, gold[draw.rows]).notes
        assert any("rare labels" in note for note in notes) == told
