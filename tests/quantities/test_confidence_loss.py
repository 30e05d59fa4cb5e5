"""Free scores in closed form: the confidence loss and its phase transition, the window, the product loss; populations by simulation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from tests.tolerances import INTEGRATED_FLOW, ROUNDING, STANDARD_ERRORS
from w2s_theory.problems.classification import two_columns
from w2s_theory.problems.confident_labels import STARTS, ConfidentLabels
from w2s_theory.quantities.confidence_loss import (
    CONFIDENCE_GAIN,
    kept_share,
    override_confidence,
    settled_probability,
)
from w2s_theory.quantities.free_scores import product_clock, window_end
from w2s_theory.students.batch_loss import END
from w2s_theory.students.confidence import Confidence
from w2s_theory.students.free_scores import FreeScores, flow, settle
from w2s_theory.students.loss_menu import Product, Window

COEFFICIENTS = st.floats(0.0, 0.95)
OPEN = st.floats(0.02, 0.98)


def end_of_flow(start, y, a, time=3000.0):
    """m' = 2 (t − p), t = (1 − a) y + a·[p > ½], one trajectory, restarted where it crosses ½."""
    m, left = np.log(start / (1.0 - start)), time
    for _ in range(3):
        side = float(m > 0)

        def slope(_, z, side=side):
            return 2.0 * ((1.0 - a) * y + a * side - 1.0 / (1.0 + np.exp(-z)))

        def crossed(_, z):
            return z[0]

        crossed.terminal = True  # type: ignore[attr-defined]
        done = solve_ivp(slope, (0.0, left), [m], rtol=1e-11, atol=1e-12, method="LSODA", events=crossed)
        m, left = done.y[0, -1], left - done.t[-1]
        if left <= 0.0:
            break
        m += 1e-9 * np.sign(slope(0.0, m))
    return 1.0 / (1.0 + np.exp(-m))


@pytest.mark.parametrize("a", [0.0, 0.25, 0.4, 0.5, 0.75, 0.9])
def test_the_end_of_the_confidence_loss_is_that_of_an_integrated_flow(a):
    rng = np.random.default_rng(0)
    start, y = rng.uniform(0.05, 0.95, (2, 12))
    y = np.where(np.abs(np.maximum(y, 1.0 - y) - override_confidence(a)) < 0.02, 0.9 * y, y)
    ends = [end_of_flow(*pair, a) for pair in zip(start, y, strict=True)]
    np.testing.assert_allclose(settled_probability(start, y, a), ends, atol=INTEGRATED_FLOW)


@pytest.mark.parametrize(("a", "y", "end"), [(0.4, 0.1, 0.06), (0.4, 0.3, 0.58), (0.75, 0.001, 0.75025)])
def test_the_end_agrees_with_numbers_worked_by_hand(a, y, end):
    assert settled_probability(0.8, y, a) == pytest.approx(end, rel=ROUNDING)


def test_a_hard_opposite_label_is_outvoted_only_above_one_half():
    rows = FreeScores(Confidence(0.75, warmup=0.0, threshold="half"), two_columns(np.array([0.8])), np.array([[1.0, 0.0]]))
    assert settle(rows).predictions[0, 1] == pytest.approx(0.75)
    ends = {
        a: settle(replace(rows, loss=Confidence(a, warmup=0.0, threshold="half")), most=2000) for a in (0.45, 0.49, 0.51, 0.55)
    }
    assert [end.predictions[0, 1] > 0.5 for end in ends.values()] == [False, False, True, True]


@given(OPEN, OPEN, COEFFICIENTS)
def test_both_labels_are_fixed_points_exactly_in_the_bistable_band(start, y, a):
    high = min(override_confidence(a), 1.0)
    low = 1.0 - high
    one, zero = (1.0 - a) * y + a > 0.5, (1.0 - a) * y < 0.5
    if min(abs(y - low), abs(y - high)) > 1e-9:
        assert (low < y < high) == (one and zero)
    if one and zero:
        other = 1.0 - start
        ends = settled_probability(np.array([start, other]), np.full(2, y), a)
        assert start == 0.5 or abs(ends[0] - ends[1]) == pytest.approx(a, abs=1e-12)


def test_the_border_rises_with_the_coefficient_from_one_half_and_is_one_at_one_half():
    borders = {0.0: 0.5, 0.25: 2 / 3, 0.4: 5 / 6, 0.5: 1.0, 0.75: 2.0}
    assert {a: override_confidence(a) for a in borders} == pytest.approx(borders, rel=ROUNDING)


def test_on_the_border_a_weak_label_that_disagrees_leaves_the_student_undecided():
    """The target is ½ itself, to which descent creeps from the student's side."""
    for a in (0.1, 0.25, 1 / 3, 0.4, 0.45):
        for y, start in ((1.0 - override_confidence(a), 0.8), (override_confidence(a), 0.3)):
            assert settled_probability(start, y, a) == 0.5
            assert settled_probability(1.0 - start, y, a) == pytest.approx(
                (1.0 - a) * y + a * (y > 0.5), rel=ROUNDING
            )  # they agree
            rows = FreeScores(
                Confidence(a, warmup=0.0, threshold="half"), two_columns(np.array([start])), two_columns(np.array([y]))
            )
            # Once rounding puts p on the other side of ½ it goes on from there: 30 steps of length 2 come close, and no further.
            assert settle(rows, step=2.0, most=30).predictions[0, 1] == pytest.approx(0.5, abs=1e-6)
    assert kept_share(np.array([0.8]), np.array([1 / 3]), 0.25) == 0.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: settled_probability(0.8, 1.7, 0.25),
            r"label must hold probabilities of class 1, in \[0, 1\]; it reaches from 1.7",
        ),
        (
            lambda: settled_probability([0.8, 0.3], [0.5], 0.25),
            r"start and label must have one shape; they are \(2,\) and \(1,\)",
        ),
        (lambda: settled_probability(0.8, 0.3, 1.0), "coefficient must lie"),
        (lambda: kept_share([-0.1], [0.7], 0.25), "start must hold probabilities"),
        (lambda: window_end([1.5], [-3.0], 0.2), "start must hold probabilities"),
        (lambda: window_end(0.5, 0.7, 0.0), "radius must lie in"),
        (lambda: product_clock(1.0, 0.5), "p must lie strictly between 0 and 1"),
        (lambda: product_clock(0.0, 0.5), "p must lie strictly between 0 and 1"),
        (lambda: product_clock(0.5, [2.0]), "label must hold probabilities"),
        (lambda: product_clock(0.5, [0.7]), "p and label must have one shape"),
    ],
)
def test_what_is_no_probability_or_has_another_shape_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("radius", [0.1, 0.2, 0.3])
def test_a_start_exactly_on_the_border_of_the_window_stays(radius):
    """As the loss has it, whose window is max p < ½ + radius; 0.5 − 0.2 is not 0.3 in double precision."""
    for p in (0.5 + radius, 1.0 - (0.5 + radius)):
        pair = two_columns(np.array([p]))
        pair[0, pair[0].argmax()] = 0.5 + radius
        assert not Window(radius).evaluate(pair, np.log(pair), np.full((1, 2), 0.5), END)[1].any()
        assert float(window_end(p, 0.5, radius)) == p


@given(OPEN, OPEN, st.floats(0.0, 0.9))
def test_p_moves_to_its_end_monotonically(start, y, a):
    loss = Confidence(a, warmup=0.0, threshold="half")
    rows = FreeScores(loss, two_columns(np.array([start])), two_columns(np.array([y])))
    path = [start, *(settle(rows, most=most, tolerance=1e-14).predictions[0, 1] for most in (1, 2, 4, 8, 16, 32))]
    moves = np.diff(path)
    assert np.all(moves >= -1e-12) or np.all(moves <= 1e-12)


def worlds():
    confidence = np.array([0.55, 0.7, 0.9])
    shares = np.array([0.3, 0.4, 0.3])
    right = np.array([[0.7, 0.9], [0.6, 0.8], [0.5, 0.95]])
    return [ConfidentLabels(confidence, shares, np.array([0.5, 0.65, 0.9]), right, a) for a in (0.0, 0.2, 0.35, 0.6)]


@pytest.mark.parametrize("world", worlds(), ids=lambda world: f"a={world.coefficient}")
def test_the_gain_is_that_of_drawn_items_with_scores_of_their_own(world):
    trials = CONFIDENCE_GAIN.trials(world, 100_000, np.random.default_rng(3))
    stderr = trials.std(ddof=1) / np.sqrt(trials.size)
    exact = CONFIDENCE_GAIN.closed_form(world)
    assert abs(trials.mean() - exact) <= STANDARD_ERRORS * stderr + ROUNDING
    if world.coefficient == 0.0:
        assert exact == 0.0
    else:
        assert STANDARD_ERRORS * stderr < 0.1 * abs(exact)


def test_the_gain_is_the_sum_over_disagreements_worked_by_hand():
    world = worlds()[1]  # κ = 0.625: the first level only
    assert CONFIDENCE_GAIN.closed_form(world) == pytest.approx(0.3 * (0.5 * 0.7 - 0.5 * 0.1))
    everything = worlds()[3]
    prior = everything.level_shares @ np.array([0.5 * 0.7 + 0.5 * 0.9, 0.35 * 0.6 + 0.65 * 0.8, 0.1 * 0.5 + 0.9 * 0.95])
    assert CONFIDENCE_GAIN.closed_form(everything) == pytest.approx(prior - everything.weak_accuracy)
    assert everything.weak_accuracy == pytest.approx(0.3 * 0.5 + 0.4 * 0.65 + 0.3 * 0.9)


@pytest.mark.parametrize("world", worlds()[1:2])
def test_drawn_items_and_listed_cases_are_of_one_population(world):
    drawn, cases = world.sample(200_000, rng=np.random.default_rng(0)), world.cases()
    assert cases.weights.sum() == pytest.approx(1.0)
    assert drawn.weights.sum() == pytest.approx(1.0)
    for read in (
        lambda i: (i.weak > 0.5) == i.target,
        lambda i: (i.start > 0.5) == i.target,
        lambda i: ((i.start > 0.5) == i.target) & ((i.weak > 0.5) != i.target),
        lambda i: np.maximum(i.weak, 1.0 - i.weak),
    ):
        values = read(drawn).astype(float)
        exact = np.sum(cases.weights * read(cases))
        assert abs(values.mean() - exact) <= STANDARD_ERRORS * values.std() / np.sqrt(values.size)
        assert values.std() / np.sqrt(values.size) < 0.01 * exact
    assert abs(np.mean(drawn.target) - 0.5) < 0.01
    np.testing.assert_allclose(np.unique(np.maximum(drawn.start, 1.0 - drawn.start).round(9)), STARTS)
    assert np.maximum(cases.start, 1.0 - cases.start) == pytest.approx(STARTS[0])


def test_the_kept_share_counts_weak_labels_below_the_border_among_disagreements():
    start = np.array([0.8, 0.8, 0.8, 0.2, 0.8])
    label = np.array([0.45, 0.3, 0.1, 0.65, 0.9])  # the last agrees
    assert kept_share(start, label, 0.25) == pytest.approx(0.5)  # κ = 2/3: 0.55 and 0.65 are kept, 0.7 and 0.9 not
    assert kept_share(start, label, 0.0) == 0.0
    assert kept_share(start, label, 0.5) == 1.0
    with pytest.raises(ValueError, match="different sides"):
        kept_share(start[:1], start[:1], 0.2)


@given(OPEN, OPEN, st.floats(0.02, 0.3))
def test_the_window_ends_inside_at_the_clipped_label_and_outside_where_it_was(start, y, radius):
    rows = FreeScores(Window(radius), two_columns(np.array([start])), two_columns(np.array([y])))
    edge = abs(start - 0.5) - radius
    if abs(edge) < 1e-6:
        return
    step = 1e-2  # the last step may leave the window by |Δp| ≤ ¼·2·step
    end = settle(rows, step=step, most=4000, tolerance=1e-5).predictions[0, 1]
    assert float(window_end(start, y, radius)) == pytest.approx(end, abs=0.5 * step)
    if edge > 0.0:
        assert end == pytest.approx(start, abs=1e-12)


def test_doubt_under_the_product_loss_falls_as_one_over_time():
    y, time = np.array([0.6, 0.9, 0.2]), 4000.0
    rows = FreeScores(Product(), two_columns(np.array([0.1, 0.9, 0.7])), two_columns(y))
    scores = flow(rows, time)
    odds = np.exp(scores[:, 1] - scores[:, 0])
    doubt = np.where(y > 0.5, 1.0 / odds, odds)
    winner = np.maximum(y, 1.0 - y)
    assert doubt == pytest.approx(winner / (2.0 * (2.0 * winner - 1.0) * time), rel=0.02)


def test_the_clock_is_what_it_says_and_runs_at_the_slope_of_the_scores():
    assert product_clock(0.8, 0.3) == pytest.approx(np.log(4.0) + 0.3 * 4.0 - 0.7 / 4.0)
    p, y, h = 0.37, 0.62, 1e-6
    m = np.log(p / (1 - p))
    rate = 2.0 * (p * y / (p * y + (1 - p) * (1 - y)) - p)  # m'
    clocks = [product_clock(1.0 / (1.0 + np.exp(-(m + sign * h * rate))), y) for sign in (1, -1)]
    assert (clocks[0] - clocks[1]) / (2 * h) == pytest.approx(2.0 * (2 * y - 1), rel=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"confidence": [0.5, 0.7, 0.9]}, "strictly between ½ and 1"),
        ({"confidence": [0.6, 0.7, 1.0]}, "strictly between ½ and 1"),
        ({"weak_right": [0.5, 0.5]}, r"weak_right must be numbers in \[0, 1\] of shape \(3,\)"),
        ({"student_right": [[0.5, 1.2]] * 3}, "student_right must be numbers"),
        ({"level_shares": [0.5, 0.5]}, "level_shares must have shape"),
        ({"level_shares": [0.5, 0.5, 0.5]}, "level_shares must be non-negative and sum to 1"),
        ({"coefficient": 1.0}, "coefficient must be below 1"),
        ({"coefficient": -0.1}, "coefficient"),
    ],
)
def test_a_population_refuses_what_is_not_one(change, message):
    with pytest.raises(ValueError, match=message):
        replace(worlds()[0], **change)


@pytest.mark.parametrize("a", [1.0, -0.1, float("nan")])
def test_a_coefficient_outside_its_range_is_refused(a):
    with pytest.raises(ValueError, match="coefficient must lie"):
        override_confidence(a)
