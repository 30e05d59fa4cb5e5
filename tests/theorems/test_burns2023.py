"""The original protocol: what losses on weak labels ask for, and what neighbours repair.

kl_is_cross_entropy, entropy_is_a_smaller_step, window_end, product_clock, confidence_end, keeps_its_label, confidence_gain, adaptive_balance.
In ``test_burns2023_neighbours``: neighbour_repair, systematic_errors_survive, filtered_noise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.theorems.ladder import assert_holds, assert_is_caught, examples, scaled_right, with_sides
from tests.tolerances import ROUNDING
from w2s_theory import Verdict, check
from w2s_theory.problems.classification import two_columns
from w2s_theory.problems.confident_labels import ConfidentLabels
from w2s_theory.quantities.confidence_loss import override_confidence
from w2s_theory.students.confidence import Confidence
from w2s_theory.students.free_scores import FreeScores, settle
from w2s_theory.students.loss_menu import CrossEntropy, ForwardKL, Product, Window
from w2s_theory.theorems._burns import memoriser

RNG = np.random.default_rng(0)
LOSS_EQUALITIES = (
    "kl_is_cross_entropy",
    "entropy_is_a_smaller_step",
    "window_end",
    "product_clock",
    "confidence_end",
    "keeps_its_label",
    "confidence_gain",
)
SEEDS = st.integers(0, 2**16)


def fixed(a):
    return Confidence(a, warmup=0.0, threshold="half")


@pytest.mark.parametrize("name", [*LOSS_EQUALITIES, "adaptive_balance"])
def test_a_statement_about_losses_holds_on_its_own_examples(name):
    for seed in range(2 if name in ("window_end", "product_clock") else 4):
        for problem in examples("burns2023." + name, seed):
            assert_holds("burns2023." + name, problem, seed)


@pytest.mark.parametrize("name", LOSS_EQUALITIES)
@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_a_loss_law_ten_percent_off_is_caught(name, factor):
    assert_is_caught(scaled_right("burns2023." + name, factor))


@given(SEEDS, st.integers(2, 6))
def test_kl_and_entropy_are_cross_entropy_for_any_number_of_classes(seed, classes):
    rng = np.random.default_rng(seed)
    assert_holds("burns2023.kl_is_cross_entropy", memoriser(ForwardKL(), rng, classes=classes, rows=5))
    soft = Confidence(rng.uniform(0.0, 0.95), warmup=0.0, soft=True)
    assert_holds("burns2023.entropy_is_a_smaller_step", memoriser(soft, rng, classes=classes, rows=5))


@given(SEEDS, st.floats(0.0, 0.9))
def test_the_confidence_loss_ends_where_it_should_from_any_start(seed, a):
    rng = np.random.default_rng(seed)
    rows = memoriser(fixed(a), rng, rows=30)
    for name in ("confidence_end", "keeps_its_label"):
        outcome = check("burns2023." + name, rows, rng=rng)
        assert outcome.verdict in (Verdict.HOLDS, Verdict.OUT_OF_SCOPE), outcome
        assert outcome.verdict is Verdict.HOLDS or all("border" in f or "disagree" in f for f in outcome.failed), outcome


@given(SEEDS, st.integers(2, 40))
def test_the_adaptive_threshold_keeps_the_balance_of_any_batch(seed, n):
    assert_holds("burns2023.adaptive_balance", memoriser(Confidence(), np.random.default_rng(seed), rows=n))


@given(SEEDS, st.floats(0.0, 0.9))
def test_the_gain_holds_in_any_population(seed, a):
    rng = np.random.default_rng(seed)
    confidence = np.sort(rng.uniform(0.51, 0.99, 4))
    confidence = np.where(np.abs(confidence - override_confidence(a)) < 2e-3, confidence - 5e-3, confidence)
    world = ConfidentLabels(np.maximum(confidence, 0.501), rng.dirichlet(np.ones(4)), rng.random(4), rng.random((4, 2)), a)
    outcome = check("burns2023.confidence_gain", world, rng=rng)
    assert outcome.verdict is Verdict.HOLDS or "border" in str(outcome.failed), outcome


def test_the_balance_is_attained_and_a_smaller_bound_is_caught():
    name = "burns2023.adaptive_balance"
    outcome = check(name, examples(name)[-1], rng=RNG)
    assert outcome.left == pytest.approx(outcome.right, rel=ROUNDING)
    assert_is_caught(scaled_right(name, 0.9))


def test_a_fixed_threshold_breaks_the_balance_and_is_declined():
    p = two_columns(np.linspace(0.05, 0.45, 20))
    rows = FreeScores(Confidence(threshold="half"), p, two_columns(np.full(20, 0.5)))
    assert "threshold" in check("burns2023.adaptive_balance", rows, rng=RNG).failed[0]
    assert settle(replace(rows, loss=fixed(0.75))).predictions[:, 1].max() < 0.5  # class 1 is gone


def test_ties_break_the_balance_and_are_declined():
    rows = FreeScores(Confidence(), two_columns(np.full(20, 0.3)), two_columns(np.full(20, 0.5)))
    assert check("burns2023.adaptive_balance", rows, rng=RNG).failed == ("no two predictions tie, up to a billionth",)


def test_predictions_that_tie_up_to_rounding_are_declined_and_near_ties_never_break_the_balance():
    """A threshold between two predictions is rounded: onto one of them where they are neighbouring numbers."""
    labels = two_columns(np.full(2, 0.4))
    for lower in (0.3, 0.5, 0.7):
        tie = np.array([lower, np.nextafter(lower, 1.0)])
        rows = FreeScores(Confidence(), two_columns(1.0 - tie), labels)
        assert check("burns2023.adaptive_balance", rows, rng=RNG).verdict is Verdict.OUT_OF_SCOPE
    for gap in (2e-9, 1e-7, 1e-4):
        for share in (1e-12, 1e-9, 1e-5, 0.4, 1.0 - 1e-9):
            close = two_columns(0.7 - gap * np.arange(5))
            for whole in range(4):
                rows = FreeScores(Confidence(), close, two_columns(np.full(5, (whole + share) / 4.0)))
                outcome = check("burns2023.adaptive_balance", rows, rng=RNG)
                assert outcome.verdict is Verdict.HOLDS, (gap, share, whole, outcome)
    assert check("burns2023.adaptive_balance", FreeScores(Confidence(), close[:1], labels[:1]), rng=RNG).verdict is Verdict.HOLDS


@dataclass(frozen=True)
class Backwards(Confidence):
    """Hard labels with the balance the wrong way round."""

    def target(self, p, logs, labels, moment):
        return super().target(p, logs, labels[:, ::-1], moment)


@dataclass(frozen=True)
class Steep(ForwardKL):
    """A slope three times too steep."""

    def evaluate(self, p, logs, labels, moment):
        values, slopes = super().evaluate(p, logs, labels, moment)
        return values, 3.0 * slopes


@pytest.mark.parametrize(("name", "wrong"), [("adaptive_balance", Backwards()), ("kl_is_cross_entropy", Steep())])
def test_a_loss_that_does_something_else_breaks_the_statement_about_it(name, wrong):
    problem = examples("burns2023." + name)[-1]
    assert check("burns2023." + name, replace(problem, loss=wrong), rng=RNG).verdict is Verdict.VIOLATED


def test_kl_is_cross_entropy_speaks_of_that_loss_alone():
    assert check("burns2023.kl_is_cross_entropy", memoriser(CrossEntropy(), RNG), rng=RNG).failed == ("the loss KL(y‖p)",)


@pytest.mark.parametrize("a", [0.5, 1.0 - 1e-6, 1.0 - 1e-9, 1.0 - 1e-12])
def test_the_entropy_loss_is_a_smaller_step_up_to_any_coefficient_below_one(a):
    """Small slopes once ended the descent of one side before that of the other."""
    assert_holds("burns2023.entropy_is_a_smaller_step", memoriser(Confidence(a, soft=True), np.random.default_rng(0)))


def test_the_entropy_loss_without_weak_labels_is_declined():
    outcome = check("burns2023.entropy_is_a_smaller_step", memoriser(Confidence(1.0, soft=True), RNG), rng=RNG)
    assert outcome.verdict is Verdict.OUT_OF_SCOPE and "below 1" in outcome.failed[0]


@pytest.mark.parametrize("radius", [0.05, 0.1, 0.2, 0.3])
def test_a_start_on_the_border_of_the_window_is_declined_and_one_beside_it_is_not(radius):
    for start, verdict in (
        (0.5 - radius, Verdict.OUT_OF_SCOPE),
        (0.5 - radius - 1e-6, Verdict.HOLDS),
        (0.5 - radius + 1e-6, Verdict.HOLDS),
    ):
        rows = FreeScores(Window(radius), two_columns(np.array([start])), two_columns(np.array([0.5])))
        assert check("burns2023.window_end", rows, rng=RNG).verdict is verdict


def test_an_undecided_weak_label_moves_nothing_under_the_product_loss_and_any_other_wins_as_a_class():
    start = two_columns(np.array([0.8, 0.8, 0.2]))
    rows = FreeScores(Product(), start, two_columns(np.array([0.5, 0.4, 0.6])))
    assert_holds("burns2023.product_clock", rows)
    ends = settle(rows, tolerance=1e-3).predictions[:, 1]
    assert ends[0] == pytest.approx(0.8) and ends[1] < 0.05 and ends[2] > 0.95


def test_a_start_that_double_precision_cannot_follow_is_declined_under_the_product_loss():
    rows = FreeScores(Product(), np.array([[1e-300, 1.0]]), two_columns(np.array([0.4])))
    assert "nearer to 0 or 1" in check("burns2023.product_clock", rows, rng=RNG).failed[0]


def test_what_a_statement_does_not_cover_is_declined():
    hard = FreeScores(fixed(0.4), two_columns(np.array([0.8])), np.array([[1.0, 0.0]]))
    assert any("soft" in failed for failed in check("burns2023.confidence_end", hard, rng=RNG).failed)
    assert check("burns2023.keeps_its_label", hard, rng=RNG).verdict is Verdict.HOLDS
    border = FreeScores(fixed(0.25), two_columns(np.array([0.8])), two_columns(np.array([1.0 / 3.0])))
    assert any("border" in failed for failed in check("burns2023.confidence_end", border, rng=RNG).failed)
    three = memoriser(Product(), RNG, classes=3)
    assert check("burns2023.product_clock", three, rng=RNG).failed == ("two classes",)
    assert check("burns2023.product_clock", replace(hard, loss=Product(0.5)), rng=RNG).failed[-1].startswith("the product loss")
    assert check("burns2023.window_end", memoriser(CrossEntropy(), RNG), rng=RNG).verdict is Verdict.OUT_OF_SCOPE
    assert check("burns2023.window_end", memoriser(Window(0.4), RNG), rng=RNG).verdict is Verdict.OUT_OF_SCOPE
    assert check("burns2023.entropy_is_a_smaller_step", memoriser(Confidence(), RNG), rng=RNG).verdict is Verdict.OUT_OF_SCOPE
    agreeing = FreeScores(fixed(0.4), two_columns(np.array([0.8])), two_columns(np.array([0.7])))
    assert check("burns2023.keeps_its_label", agreeing, rng=RNG).failed == ("student and weak label disagree somewhere",)


def test_with_an_adaptive_threshold_the_law_of_the_fixed_one_is_false_and_declined():
    rows = replace(examples("burns2023.confidence_end")[0], loss=Confidence(0.75, warmup=0.0))
    shifted = replace(rows, start=two_columns(0.5 + 0.49 * rows.start[:, 1]))
    assert check("burns2023.confidence_end", shifted, rng=RNG).verdict is Verdict.OUT_OF_SCOPE
    fixed_end = settle(replace(shifted, loss=fixed(0.75))).predictions[:, 1]
    assert np.abs(settle(shifted).predictions[:, 1] - fixed_end).max() > 0.1


def test_descent_that_is_cut_short_does_not_pass_for_a_violated_theorem():
    cut = with_sides("burns2023.confidence_end", lambda sides: replace(sides, left=sides.left + 0.01, solver_error=0.01))
    assert check(cut, examples("burns2023.confidence_end")[0], rng=RNG).verdict is Verdict.UNSOLVED
