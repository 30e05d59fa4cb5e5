"""What is known without labels: attained by instances made for it, never exceeded by any target, found again by optimisation."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from tests.tolerances import LINEAR_PROGRAM, ROUNDING, SLSQP, SOLVE
from w2s_theory.quantities.gain import gain_report
from w2s_theory.quantities.label_efficiency.no_labels import (
    accuracy_range,
    cross_entropy_range,
    head_range,
    projected_range,
    settling_epsilon,
    slope_range,
)


def gain_of(weak, student, target):
    return float(np.mean((weak - target) ** 2 - (student - target) ** 2))


def projection(features, weak):
    return features @ np.linalg.lstsq(features, weak)[0]


@pytest.fixture
def linear():
    rng = np.random.default_rng(0)
    features, weak = rng.standard_normal((12, 3)), rng.standard_normal(12)
    return features, weak, projection(features, weak), rng


def test_no_target_leaves_the_affine_band_and_both_ends_are_attained(linear):
    features, weak, student, rng = linear
    epsilon = 0.3
    found = projected_range(weak, student, epsilon=epsilon)
    away = weak - student
    member = features @ rng.standard_normal(3)
    for sign, end in ((1.0, found.low), (-1.0, found.high)):
        target = member + sign * math.sqrt(epsilon) * away / math.sqrt(np.mean(away**2))
        assert np.mean((target - projection(features, target)) ** 2) == pytest.approx(epsilon, rel=SOLVE)
        assert gain_of(weak, student, target) == pytest.approx(end, abs=ROUNDING)
    for _ in range(200):
        noise = rng.standard_normal(12)
        noise -= projection(features, noise)
        target = features @ rng.standard_normal(3) + math.sqrt(epsilon * rng.random()) * noise / math.sqrt(np.mean(noise**2))
        assert found.low - ROUNDING <= gain_of(weak, student, target) <= found.high + ROUNDING


def test_the_convex_band_holds_from_below_only(linear):
    *_, rng = linear
    weak = rng.uniform(-1.0, 2.0, 12)
    student = np.clip(weak, 0.0, 1.0)  # projection on the box [0, 1]^n
    epsilon = 0.05
    found = projected_range(weak, student, epsilon=epsilon, strong_class="convex")
    away = weak - student
    worst = student + math.sqrt(epsilon) * away / math.sqrt(np.mean(away**2))
    assert np.mean((worst - np.clip(worst, 0.0, 1.0)) ** 2) == pytest.approx(epsilon)
    assert gain_of(weak, student, worst) == pytest.approx(found.low, abs=ROUNDING)
    assert found.high == math.inf
    opposite = np.clip(1.0 - weak, 0.0, 1.0)
    assert gain_of(weak, student, opposite) > projected_range(weak, student, epsilon=0.0).high * 1.1


def test_ridge_in_sample_and_held_out_points_need_the_third_statement(linear):
    """Optimising over all targets that the assumption allows finds the ends, in sample and elsewhere; the affine band is broken by some."""
    features, weak, _, rng = linear
    penalty, epsilon, radius = 4.0, 0.1, 1.2
    head = np.linalg.solve(features.T @ features + penalty * np.eye(3), features.T @ weak)
    for points, teacher in ((features, weak), (rng.standard_normal((15, 3)), rng.standard_normal(15))):
        student = points @ head
        found = head_range(teacher, points, head, epsilon=epsilon, radius=radius)
        ends = []
        for sign in (1.0, -1.0):
            solved = minimize(
                lambda v, s=sign, x=points, w=teacher, f=student: s * gain_of(w, f, x @ v[:3] + v[3:]),
                np.zeros(3 + len(points)) + 1e-3,
                constraints=[
                    {"type": "ineq", "fun": lambda v: radius**2 - v[:3] @ v[:3]},
                    {"type": "ineq", "fun": lambda v: epsilon - np.mean(v[3:] ** 2)},
                ],
                method="SLSQP",
                options={"ftol": 1e-15, "maxiter": 500},
            )
            ends.append(sign * float(solved.fun))
        assert ends[0] == pytest.approx(found.low, abs=SLSQP) and ends[1] == pytest.approx(found.high, abs=SLSQP)
        band = projected_range(teacher, student, epsilon=epsilon)
        assert ends[0] < band.low - 0.01 or ends[1] > band.high + 0.01


def test_ridge_is_a_projection_on_the_ball_of_its_own_radius(linear):
    features, weak, student, _ = linear
    head = np.linalg.solve(features.T @ features + 4.0 * np.eye(3), features.T @ weak)
    found = head_range(weak, features, head, epsilon=0.1, radius=float(np.linalg.norm(head)))
    convex = projected_range(weak, features @ head, epsilon=0.1, strong_class="convex")
    assert found.low == pytest.approx(convex.low, abs=ROUNDING)
    unpenalised = np.linalg.lstsq(features, weak)[0]
    exact = head_range(weak, features, unpenalised, epsilon=0.1, radius=100.0)
    band = projected_range(weak, student, epsilon=0.1)
    assert (exact.low, exact.high) == pytest.approx((band.low, band.high), abs=SOLVE)


def test_the_sign_is_settled_up_to_a_quarter_of_the_misfit(linear):
    _, weak, student, _ = linear
    misfit = float(np.mean((weak - student) ** 2))
    limit = settling_epsilon(misfit)
    assert not projected_range(weak, student, epsilon=limit * 0.999).is_vacuous
    beyond = projected_range(weak, student, epsilon=limit * 1.001)
    assert beyond.is_vacuous and "Label some points" in beyond.warning and beyond.warning in str(beyond)
    assert projected_range(weak, student, epsilon=limit * 0.999).warning == ""


def test_the_range_of_labels_alone_is_attained_at_its_corners():
    rng = np.random.default_rng(1)
    weak, student = rng.uniform(0.0, 1.0, (2, 6))
    corners = np.array(list(product((0.0, 1.0), repeat=6)))
    gains = [gain_of(weak, student, target) for target in corners]
    found = slope_range(weak, student, labels=(0.0, 1.0))
    assert (found.low, found.high) == pytest.approx((min(gains), max(gains)), abs=ROUNDING)


def test_the_cross_entropy_range_is_attained_by_one_class_per_point():
    rng = np.random.default_rng(2)
    weak, student = rng.dirichlet(np.ones(3), (2, 4))
    gains = [float(gain_report(weak, student, np.eye(3)[list(k)], divergence="kl").gain) for k in product(range(3), repeat=4)]
    found = cross_entropy_range(weak, student)
    assert (found.low, found.high) == pytest.approx((min(gains), max(gains)), abs=ROUNDING)
    assert found.misfit == pytest.approx(float(gain_report(weak, student, student, divergence="kl").gain), abs=ROUNDING)


def test_accuracy_lies_within_the_misfit_which_is_attained():
    weak, student = np.array([0, 1, 1, 0, 2, 2]), np.array([0, 0, 1, 1, 2, 1])
    found = accuracy_range(weak, student)
    assert (found.low, found.high) == (-0.5, 0.5)
    for target, end in ((student, found.high), (weak, found.low)):
        assert float(gain_report(weak, student, target, divergence="zero-one").gain) == pytest.approx(end)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("what", ["shares", "weak error", "both"])
def test_side_information_leaves_what_listing_all_gold_labels_leaves(classes, what):
    rng = np.random.default_rng(classes)
    n = 8 if classes == 2 else 6
    weak, student = rng.integers(0, classes, (2, n))
    student = np.where(rng.random(n) < 0.3, weak, student)
    # Of two classes also points that are half of one and half of the other: the ends are about chances, not about whole points.
    gold = np.array(list(product((0.0, 0.5, 1.0) if classes == 2 else range(3), repeat=n)))

    def share_of(k):
        return 1.0 - np.abs(gold - k) if classes == 2 else (gold == k) * 1.0

    def right(answers):
        return np.stack([share_of(k)[:, i] for i, k in enumerate(answers)], axis=1)

    counts = np.bincount(np.append(weak[:-2], (weak[-2:] + 1) % classes), minlength=classes)  # two are wrong: it can be
    allowed = np.ones(len(gold), dtype=bool)
    options = {}
    if what != "weak error":
        options["class_shares"] = counts / n
        allowed &= np.all([share_of(k).sum(axis=1) == counts[k] for k in range(classes)], axis=0)
    if what != "shares":
        options["weak_error"] = (2 / n, 3 / n)
        wrong = n - right(weak).sum(axis=1)
        allowed &= (wrong >= 2) & (wrong <= 3)
    assert allowed.any()
    gains = np.mean(right(student) - right(weak), axis=1)[allowed]
    found = accuracy_range(weak, student, **options)
    assert (found.low, found.high) == pytest.approx((gains.min(), gains.max()), abs=LINEAR_PROGRAM)


@given(st.floats(0.0, 1.0), st.integers(0, 100))
def test_more_realizability_never_widens_a_range(share, seed):
    rng = np.random.default_rng(seed)
    weak, student = rng.standard_normal((2, 7))
    wide, narrow = (projected_range(weak, student, epsilon=e) for e in (0.5, 0.5 * share))
    assert wide.low <= narrow.low <= narrow.high <= wide.high


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: projected_range([1.0, 2.0], [1.0], epsilon=0.1), "one shape"),
        (lambda: projected_range([1.0], [1.0], epsilon=-0.1), "epsilon must be"),
        (lambda: projected_range([1.0], [1.0], epsilon=0.1, strong_class="odd"), "strong_class must be"),  # type: ignore[arg-type]
        (lambda: head_range([1.0, 2.0], [[1.0], [2.0]], [1.0, 2.0], epsilon=0.1, radius=1.0), "one entry per feature"),
        (lambda: slope_range([1.0], [2.0], labels=(1.0, 1.0)), "low < high"),
        (lambda: cross_entropy_range([[1.0, 0.0]], [[0.5, 0.5]]), "positive and of one shape"),
        (lambda: accuracy_range([0, 1], [0.5, 1]), "class indices"),
        (lambda: accuracy_range([0, 1], [1, 2], class_shares=[0.5, 0.5]), "one entry per class"),
        (lambda: accuracy_range([0, 1], [1, 0], weak_error=(0.5, 0.1)), "within"),
        (lambda: accuracy_range([0, 0], [1, 1], class_shares=[1.0, 0.0], weak_error=(0.9, 1.0)), "compatible"),
    ],
)
def test_misuse_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
