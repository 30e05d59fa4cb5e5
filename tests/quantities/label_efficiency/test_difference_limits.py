"""The corrected mean at its limits: pools smaller than the folds, certain points, answers that differ by rounding, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from tests.quantities.label_efficiency.pools import numbers, probabilities, terms
from w2s_theory.quantities.label_efficiency.blend import Affine, spread_of, with_truth_first
from w2s_theory.quantities.label_efficiency.difference import difference_gain
from w2s_theory.quantities.label_efficiency.draws import Draw, draw_points


@pytest.mark.parametrize("points", [2, 3, 4])
@pytest.mark.parametrize("how", ["replacement", "systematic"])
def test_pools_with_fewer_points_than_folds_have_an_estimate(points, how):
    weak, student, gold = numbers(8, points=points)
    for count in range(2, points + 1):
        draw = draw_points(spread_of(weak, student), count, rng=np.random.default_rng(count), how=how)
        found = difference_gain(weak, student, draw, gold[draw.rows], target="population")
        assert np.all(np.isfinite([found.low, found.value, found.high]))
        if how == "systematic" and count == points:
            assert found.value == pytest.approx(np.mean((gold - weak) ** 2 - (gold - student) ** 2))


def test_certain_points_are_no_evidence_of_how_much_the_others_vary():
    # Four points are certain, and one of fifty is drawn.
    spread, chances = np.r_[np.full(4, 100.0), np.ones(50)], np.r_[np.ones(4), np.full(50, 0.02)]
    gold = np.random.default_rng(0).normal(size=54)
    draw = draw_points(spread, 5, rng=np.random.default_rng(1), how="systematic", floor=0.0)
    np.testing.assert_allclose(draw.probabilities, chances)
    found = difference_gain(np.zeros(54), spread / 2, draw, gold[draw.rows])
    assert found.stderr > 0.0
    assert (found.high - found.low) / 2 == pytest.approx(12.706 * found.stderr, rel=1e-3)  # one degree of freedom
    # Of those by chance the spread is told as if there were no others: adding certain points changes nothing.
    missed = np.random.default_rng(2).normal(size=12)
    few, many = (np.r_[np.ones(k), np.full(12, 5 / 12)] for k in (0, 7))
    alone, besides = Draw(np.arange(5), few, "systematic", 5), Draw(np.arange(12), many, "systematic", 12)
    first, second = terms(missed, alone), terms(np.r_[np.ones(7), missed], besides)
    assert second.variance(besides) * 19**2 == pytest.approx(first.variance(alone) * 12**2)
    assert (first.degrees(alone), second.degrees(besides)) == (4, 4)
    nothing = Draw(np.arange(4), chances, "poisson", 5)
    with pytest.raises(ValueError, match="all 4 were certain"):
        difference_gain(np.zeros(54), spread / 2, nothing, gold[:4])


def test_a_point_on_which_they_differ_by_rounding_alone_needs_no_chance():
    weak = np.array([[0.5, 0.5], [0.3, 0.7], [0.6, 0.4]])
    student = np.array([[0.5 * (1 + 2e-16), 0.5 * (1 + 2e-16)], [0.4, 0.6], [0.2, 0.8]])
    assert spread_of(weak, student, "kl")[0] == 0.0 < np.abs(Affine.of(weak, student, "kl").slopes[0]).max()
    draw = draw_points(spread_of(weak, student, "kl"), 2, rng=np.random.default_rng(0), how="systematic")
    found = difference_gain(weak, student, draw, np.array([0, 1])[draw.rows - 1], divergence="kl")
    expected = np.log(student[[1, 2], [0, 1]] / weak[[1, 2], [0, 1]]).sum() / 3
    assert found.value == pytest.approx(expected)


@pytest.mark.parametrize(
    ("divergence", "message"),
    [
        ("reverse-kl", "truth first.*not affine|affine in the gradient"),
        ("zero-one", "accuracy_gain"),
        ("hinge", "must be one of"),
    ],
)
def test_losses_that_are_not_affine_in_the_truth_are_refused_with_the_reason(divergence, message):
    with pytest.raises(ValueError, match=message):
        with_truth_first(divergence)


def test_draws_and_labels_that_do_not_belong_together_are_refused():
    weak, student, gold = numbers(0)
    draw = draw_points(spread_of(weak, student), 10, rng=np.random.default_rng(0))
    labels = gold[draw.rows]
    for arguments, options, message in (
        ((weak, student, draw, gold), {}, "an entry for each of the 10 rows"),
        ((weak, student, draw, np.append(labels[1:], np.nan)), {}, "gold must be finite"),
        ((weak[1:], student[1:], draw, labels), {}, "draw must be of the 399 points"),
        ((weak, student[1:], draw, labels), {}, "one shape"),
        ((weak, student, draw, labels), {"target": "sample"}, "target must be"),
        ((weak, student, draw, labels), {"level": 0.0}, "level"),
    ):
        with pytest.raises(ValueError, match=message):
            difference_gain(*arguments, **options)
    one = draw_points(spread_of(weak, student), 1, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="at least 2"):
        difference_gain(weak, student, one, gold[one.rows])
    half = draw_points(np.where(np.arange(400) < 200, 1.0, 0.0), 10, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="200 have probability 0"):
        difference_gain(weak, student, half, gold[half.rows])
    weak, student, gold = probabilities(0)
    draw = draw_points(spread_of(weak, student, "kl"), 10, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="classes 0 to 2"):
        difference_gain(weak, student, draw, gold[draw.rows] + 1, divergence="kl")
    zero = weak.copy()
    zero[0] = [1.0, 0.0, 0.0]
    with pytest.raises(ValueError, match="strictly positive"):
        difference_gain(zero, student, draw, gold[draw.rows], divergence="kl")
