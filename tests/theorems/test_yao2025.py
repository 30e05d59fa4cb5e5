"""Bands around the weak model's risk and calibration: best constants against brute force, where they are attained, what has no bound.

band_forward, band_reverse, band_pinsker, band_squared, marginal_calibration, conditional_calibration.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import rel_entr

from tests.theorems.ladder import assert_holds, assert_is_caught, examples, scaled_right
from tests.tolerances import CANCELLED, NEAR_KL, NEARLY_ATTAINED, PRINTED, ROUNDING, STANDARD_ERRORS
from w2s_theory import Triple, Verdict, check
from w2s_theory.divergences import KL
from w2s_theory.quantities import disagreement_bounds as bounds
from w2s_theory.quantities.gain import report
from w2s_theory.theorems._yao import hint, moved_from_floor, random_probabilities

BANDS = ("band_forward", "band_reverse", "band_pinsker", "band_squared", "marginal_calibration")
NAMES = (*BANDS, "conditional_calibration")
RNG = np.random.default_rng(0)


@st.composite
def triples(draw):
    """Predictions of up to five classes, from near to far apart, with soft or hard targets and weights."""
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    classes, points = draw(st.integers(2, 5)), draw(st.integers(1, 6))
    concentration = draw(st.sampled_from([0.3, 1.0, 20.0]))
    weak, other = 1e-4 + (1 - 1e-4 * classes) * rng.dirichlet(np.full(classes, concentration), size=(2, points))
    student = weak + draw(st.sampled_from([1e-3, 0.1, 1.0])) * (other - weak)
    target = (
        np.eye(classes)[rng.integers(classes, size=points)] if draw(st.booleans()) else rng.dirichlet(np.ones(classes), points)
    )
    return Triple(weak, student, target, rng.uniform(0.2, 2.0, points), divergence=KL())


@given(triples())
def test_the_bands_hold_for_any_student(triple):
    for name in ("band_forward", "band_reverse", "band_pinsker", "marginal_calibration"):
        assert_holds("yao2025." + name, triple)


@given(triples())
def test_changes_and_misfits_are_those_of_the_gain_report(triple):
    numbers = report(triple)
    # KL(f‖·) and cross-entropy differ by the target's entropy; both lose digits to the size of their terms.
    size = float(numbers.weak_error + numbers.student_error)
    assert bounds.cross_entropy_change(triple) == pytest.approx(numbers.gain, rel=ROUNDING, abs=ROUNDING * size)
    assert bounds.reverse_misfit(triple) == pytest.approx(numbers.misfit, rel=ROUNDING, abs=ROUNDING)
    swapped = Triple(triple.student, triple.weak, triple.target, triple.weights, divergence=KL())
    assert bounds.forward_misfit(triple) == pytest.approx(report(swapped).misfit, rel=ROUNDING, abs=ROUNDING)
    peer = np.average(rel_entr(triple.weak, triple.student).sum(-1), weights=triple.weights)
    assert bounds.forward_misfit(triple) == pytest.approx(peer, abs=CANCELLED)


@pytest.mark.parametrize("floor", [0.003, 0.05, 0.2, 0.45])
def test_no_pair_of_two_class_predictions_exceeds_the_sharp_constant_and_some_come_close(floor):
    p = np.linspace(floor, 1.0 - floor, 401)
    pairs = np.array([(a, b) for a, b in product(p, p) if a != b])
    near = np.stack([np.full(60, floor), floor * (1 + np.geomspace(1e-4, 0.2, 60))], axis=1)
    pairs = np.concatenate([pairs, near, near[:, ::-1]])
    first, second = (np.stack([column, 1.0 - column], axis=-1) for column in pairs.T)
    ratio = np.abs(np.log(first / second)).max(axis=-1) / np.sqrt(
        np.sum(first * np.log1p((first - second) / second) - (first - second), axis=-1)
    )
    best = bounds.sharp_constant(floor)
    assert ratio.max() <= best * (1.0 + NEAR_KL)
    assert ratio.max() > (1.0 - NEARLY_ATTAINED) * best


def test_the_sharp_constant_is_never_above_that_of_pinsker_and_meets_it_at_one_half():
    for floor in (0.001, 0.1, 0.3, 0.5):
        ratio = bounds.pinsker_constant(floor) / bounds.sharp_constant(floor)
        assert ratio == pytest.approx(1.0 / (2.0 * np.sqrt(floor * (1.0 - floor))), rel=ROUNDING)
        assert ratio >= 1.0 - ROUNDING
    assert round(bounds.pinsker_constant(0.001)) == 707
    assert round(bounds.pinsker_constant(0.001) / bounds.sharp_constant(0.001), 1) == 15.8


def test_the_band_is_met_from_both_sides():
    for step in (1e-4, -1e-4):
        triple = moved_from_floor(0.01, step=step)
        assert np.sign(bounds.cross_entropy_change(triple)) == np.sign(step)
        for name in ("band_forward", "band_reverse"):
            outcome = check("yao2025." + name, triple, rng=RNG)
            assert outcome.tightness > 1.0 - NEARLY_ATTAINED


@pytest.mark.parametrize("step", [1e-5, 1e-7, 1e-9, 1e-12, 0.0])
def test_predictions_that_nearly_agree_are_never_called_a_violation(step):
    for name in ("band_forward", "band_reverse", "band_pinsker", "marginal_calibration"):
        outcome = check("yao2025." + name, moved_from_floor(0.01, step=step), rng=RNG)
        assert outcome.verdict is Verdict.HOLDS if step >= 1e-5 else outcome.verdict in (Verdict.HOLDS, Verdict.INCONCLUSIVE)


@pytest.mark.parametrize("step", [1e-3, 1e-4, 1e-5])
def test_short_floats_and_sums_that_are_off_by_rounding_are_never_called_a_violation(step):
    """Sums that are off by 1e-7 are as large as such a step: of numbers that are no distributions the bounds are not true."""
    for floor in np.random.default_rng(0).uniform(0.003, 0.3, 40):
        exact = moved_from_floor(floor, step=step, classes=2)
        short = Triple(*(np.float32(part) for part in (exact.weak, exact.student, exact.target)), divergence=KL())
        for name in ("band_forward", "band_reverse", "band_pinsker", "marginal_calibration"):
            assert_holds("yao2025." + name, short)
    off = Triple([[0.4, 0.6]], [[0.4 + 4e-7, 0.6]], [[1.0, 0.0]], divergence=KL())
    for name in ("band_forward", "band_reverse", "band_pinsker", "marginal_calibration"):
        assert check("yao2025." + name, off, rng=RNG).verdict in (Verdict.HOLDS, Verdict.INCONCLUSIVE)
    assert bounds.cross_entropy_change(off) == pytest.approx(np.log((0.4 + 4e-7) / (1 + 4e-7) / 0.4), rel=NEAR_KL)
    assert bounds.marginal_calibration_error(off, "student") == pytest.approx(1.2 / (1 + 4e-7), rel=ROUNDING)
    assert bounds.smallest_probability(off) == pytest.approx(0.4, rel=ROUNDING)


def test_predictions_many_orders_of_magnitude_apart_have_finite_changes_and_misfits():
    """KL(w‖s) and KL(s‖w) of (½, ½) and (1 − ε, ε), and log 2 of a target on the first class, by hand."""
    tiny = 1e-20
    triple = Triple([[0.5, 0.5]], [[1.0 - tiny, tiny]], [[1.0, 0.0]], divergence=KL())
    assert bounds.forward_misfit(triple) == pytest.approx(-np.log(2.0) - 0.5 * np.log(tiny), rel=ROUNDING)
    assert bounds.reverse_misfit(triple) == pytest.approx(np.log(2.0), rel=ROUNDING)
    assert bounds.cross_entropy_change(triple) == pytest.approx(np.log(2.0), rel=ROUNDING)
    for name in ("band_forward", "band_reverse", "band_pinsker", "marginal_calibration"):
        assert_holds("yao2025." + name, triple)


def test_one_class_only_has_nothing_to_differ_in():
    certain = Triple(*np.ones((3, 2, 1)), divergence=KL())
    for name in ("band_forward", "band_reverse", "band_pinsker", "marginal_calibration"):
        assert check("yao2025." + name, certain, rng=RNG).verdict in (Verdict.HOLDS, Verdict.INCONCLUSIVE)


def test_squared_errors_never_differ_by_more_than_the_bound_and_can_by_as_much():
    grid = np.linspace(0.0, 1.0, 9)
    points = np.array(list(product(grid, repeat=3)))
    chosen = np.random.default_rng(0).integers(len(points), size=(4000, 3))  # three points, equally likely
    mixed = points[np.concatenate([chosen, np.arange(len(points))[:, None].repeat(3, axis=1)])]
    weak, student, target = np.moveaxis(mixed, -1, 0)
    change = np.abs(np.mean((weak - target) ** 2 - (student - target) ** 2, axis=-1))
    bound = bounds.squared_bound(np.mean((weak - student) ** 2, axis=-1), width=1.0)
    assert np.all(change <= bound + ROUNDING)
    assert np.max(change[bound > 0.1] / bound[bound > 0.1]) == pytest.approx(1.0, rel=ROUNDING)
    assert bounds.squared_bound(0.04, width=2.0) == pytest.approx(0.76)  # by hand: 4 · 0.2 − 0.04


@given(triples(), st.floats(0.1, 10.0), st.floats(-3.0, 3.0))
def test_the_squared_band_holds_in_any_unit(triple, scale, shift):
    assert_holds(
        "yao2025.band_squared", Triple(*(scale * getattr(triple, n)[:, 0] + shift for n in ("weak", "student", "target")))
    )


def test_calibration_bounds_are_those_of_pinsker_and_of_bretagnolle_and_huber():
    first, second = np.random.default_rng(0).dirichlet(np.full(3, 0.3), size=(2, 20_000)) * (1 - 3e-9) + 1e-9
    divergence = rel_entr(first, second).sum(-1)
    distance = np.abs(first - second).sum(-1)
    assert np.all(distance <= bounds.calibration_bound(divergence) + ROUNDING)
    assert bounds.calibration_bound(0.5) == pytest.approx(1.0)
    assert bounds.calibration_bound(3.0) == pytest.approx(2.0 * np.sqrt(1.0 - np.exp(-3.0)))
    crossing = 1.5936  # where 2x = 4(1 − exp(−x))
    assert bounds.calibration_bound(crossing) == pytest.approx(np.sqrt(2 * crossing), abs=PRINTED)
    assert bounds.calibration_bound(crossing + 0.1) < np.sqrt(2 * (crossing + 0.1))


def test_calibration_errors_agree_with_counting():
    rng = np.random.default_rng(1)
    levels = rng.integers(1, 10, 60) / 10.0
    labels = (rng.random(60) < 0.5).astype(float)
    weights = rng.uniform(0.5, 1.5, 60)
    by_level = sum(abs(np.sum((weights * (labels - levels))[levels == v])) for v in set(levels)) / weights.sum()
    assert bounds.conditional_calibration_error(levels, labels, weights) == pytest.approx(by_level, rel=ROUNDING)
    triple = Triple(
        *(np.stack([p, 1 - p], axis=-1) for p in (levels, np.full(60, 0.4), labels)), weights=weights, divergence=KL()
    )
    share = np.average(labels, weights=weights)
    assert bounds.marginal_calibration_error(triple, "student") == pytest.approx(2 * abs(0.4 - share), rel=ROUNDING)
    weak = 2 * abs(np.average(levels, weights=weights) - share)
    assert bounds.marginal_calibration_error(triple, "weak") == pytest.approx(weak, rel=ROUNDING)


@pytest.mark.parametrize("size", [0.3, 0.02])
def test_a_student_that_is_told_the_label_is_near_in_kl_and_far_from_calibrated(size):
    triple = hint(size)
    entropy = -(0.5 + size) * np.log(0.5 + size) - (0.5 - size) * np.log(0.5 - size)
    assert bounds.reverse_misfit(triple) == pytest.approx(np.log(2.0) - entropy, rel=CANCELLED, abs=ROUNDING)
    assert_holds("yao2025.conditional_calibration", triple)
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 2, 100_000)
    said = 0.5 + size * (2.0 * labels - 1.0)
    bins = np.clip((said * 10).astype(int), 0, 9)  # ten bins, as usual
    ece = sum(abs(np.sum((labels - said)[bins == b])) for b in range(10)) / labels.size
    assert abs(ece - (0.5 - size)) < ROUNDING * labels.size
    assert abs(np.mean(labels) - 0.5) < STANDARD_ERRORS * 0.5 / np.sqrt(labels.size)  # so the weak model's ECE is 0
    change = bounds.conditional_calibration_error(triple.student[:, 0], triple.target[:, 0])
    assert change == pytest.approx(0.5 - size, rel=ROUNDING)
    assert bounds.conditional_calibration_error(triple.weak[:, 0], triple.target[:, 0]) == 0.0


@pytest.mark.parametrize("name", NAMES)
def test_the_statement_holds_on_its_own_examples(name):
    for seed in range(3):
        for triple in examples("yao2025." + name, seed):
            assert_holds("yao2025." + name, triple, seed)


@pytest.mark.parametrize("name", NAMES)
def test_a_constant_ten_percent_off_is_caught(name):
    assert_is_caught(scaled_right("yao2025." + name, 1.1 if name == "conditional_calibration" else 0.9))


def test_other_losses_and_other_students_are_declined():
    squared = Triple([0.1, 0.2], [0.3, 0.3], [0.0, 1.0])
    for name in ("band_forward", "band_reverse", "band_pinsker", "marginal_calibration", "conditional_calibration"):
        assert check("yao2025." + name, squared, rng=RNG).verdict is Verdict.OUT_OF_SCOPE
    triple = random_probabilities(np.random.default_rng(0))
    assert check("yao2025.band_squared", triple, rng=RNG).verdict is Verdict.OUT_OF_SCOPE
    assert check("yao2025.band_squared", Triple([1.0], [1.0], [1.0]), rng=RNG).verdict is Verdict.OUT_OF_SCOPE
    told = hint(0.1)
    unbalanced = Triple(told.weak, told.student, told.target[[0, 0]], divergence=KL())
    wrong_weak = Triple(told.weak + np.array([0.1, -0.1]), told.student, told.target, divergence=KL())
    misleading = Triple(told.weak, 1.0 - told.student, told.target, divergence=KL())
    weighted = Triple(told.weak, told.student, told.target, [1.0, 2.0], divergence=KL())
    uneven = Triple(told.weak, told.student + np.array([[0.0, 0.0], [-0.1, 0.1]]), told.target, divergence=KL())
    for other in (triple, unbalanced, wrong_weak, misleading, weighted, uneven):
        assert check("yao2025.conditional_calibration", other, rng=RNG).verdict is Verdict.OUT_OF_SCOPE


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bounds.sharp_constant(0.0), "floor must lie strictly between 0 and 1"),
        (lambda: bounds.pinsker_constant(1.0), "floor must lie strictly between 0 and 1"),
        (lambda: bounds.squared_bound(2.0, width=1.0), "misfit must lie between 0 and width² = 1; it reaches 2"),
        (lambda: bounds.squared_bound(-0.1, width=1.0), "misfit must lie between"),
        (lambda: bounds.squared_bound(0.1, width=0.0), "width must be"),
        (lambda: bounds.calibration_bound(-1.0), "misfit must be >= 0"),
        (lambda: bounds.conditional_calibration_error([0.1, 0.2], [1.0]), "target must have the shape of predictions"),
        (lambda: bounds.conditional_calibration_error([7.0, 7.0], [0.0, 1.0]), r"predictions must lie in \[0, 1\]"),
        (lambda: bounds.conditional_calibration_error([0.5, 0.5], [0.0, -1.0]), r"target must lie in \[0, 1\]"),
        (lambda: bounds.marginal_calibration_error(hint(0.1), "target"), "which must be 'weak' or 'student'; it is 'target'"),
        (lambda: bounds.marginal_calibration_error(hint(0.1), "ceiling"), "which must be 'weak' or 'student'"),
        (lambda: bounds.sharp_constant(0.7), "floor must be at most 1/2"),
        (lambda: bounds.pinsker_constant(0.7), "floor must be at most 1/2"),
    ],
    ids=[
        *("zero floor", "floor of one", "misfit above", "misfit below", "no width", "negative KL", "shapes", "prediction of 7"),
        *("target of -1", "which target", "which ceiling", "sharp floor", "Pinsker floor"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
