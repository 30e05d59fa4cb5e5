"""What choosing does to PGR: closed forms against order statistics, truncated normals and raw noise; refusals and power.

best_of_runs, kept_gap.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm, truncnorm

from tests.theorems.ladder import assert_holds, assert_is_caught, examples, scaled_right
from tests.tolerances import QUADRATURE, ROUNDING, STANDARD_ERRORS
from w2s_theory import Verdict, check
from w2s_theory.problems.noisy_runs import NoisyRuns
from w2s_theory.quantities.pgr_selection import best_of_runs, expected_maximum, kept_gap, kept_share

NAMES = ("pgr.best_of_runs", "pgr.kept_gap")


@pytest.mark.parametrize("name", NAMES)
def test_the_statements_hold_on_their_examples_and_a_constant_off_is_caught(name):
    for problem in examples(name):
        assert_holds(name, problem)
    assert_is_caught(scaled_right(name, 1.1))
    assert_is_caught(scaled_right(name, 0.9))


@pytest.mark.parametrize("name", NAMES)
def test_a_ceiling_below_the_weak_model_is_out_of_scope(name):
    outcome = check(name, NoisyRuns(0.8, 0.7, 0.7, noise=0.01), rng=np.random.default_rng(0))
    assert outcome.verdict is Verdict.OUT_OF_SCOPE


def test_the_mean_of_a_maximum_has_its_known_values_and_is_the_integral_of_its_tail():
    known = {1: 0.0, 2: 1 / math.sqrt(math.pi), 3: 1.5 / math.sqrt(math.pi)}
    for count, value in known.items():
        assert expected_maximum(count) == pytest.approx(value, abs=ROUNDING)
    for count in (5, 20):
        tail = quad(lambda x, m=count: 1 - norm.cdf(x) ** m - norm.cdf(-x) ** m, 0, 12)[0]
        assert expected_maximum(count) == pytest.approx(tail, rel=QUADRATURE)


@given(st.floats(0.0, 0.3), st.floats(0.005, 0.2))
def test_the_kept_gap_is_the_mean_of_a_truncated_normal(gap, noise):
    world = NoisyRuns(0.5, 0.6, 0.5 + gap, noise=noise)
    spread = noise * math.sqrt(2)
    assert kept_gap(world) == pytest.approx(truncnorm.mean(-world.gap / spread, math.inf, world.gap, spread), rel=QUADRATURE)
    assert kept_share(world) == pytest.approx(norm.sf(0.0, world.gap, spread), rel=ROUNDING)


def test_the_best_of_runs_of_a_useless_student_recovers_gaps_that_it_does_not():
    world = NoisyRuns(0.70, 0.70, 0.72, noise=0.02, runs=5)
    assert world.pgr == 0.0
    weak, students, _ = world.measured(40_000, rng=np.random.default_rng(0))
    ratios = (students.max(axis=1) - weak) / world.gap
    error = np.std(ratios) / math.sqrt(ratios.size)
    assert abs(np.mean(ratios) - best_of_runs(world)) <= STANDARD_ERRORS * error < 0.1 * best_of_runs(world)
    assert best_of_runs(world) > 1.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((math.nan, 0.7, 0.8, 0.1), "performances must be finite"),
        ((0.6, 0.7, 0.8, 0.0), "noise must be"),
        ((0.6, 0.7, 0.8, 0.1, 0), "runs must be"),
    ],
)
def test_impossible_runs_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        NoisyRuns(*arguments)
