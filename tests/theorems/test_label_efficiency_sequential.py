"""The statements on stopping early, on linear students without labels, and on ranking: they hold, refuse, and see constants that are off.

betting_miss_ever, likelihood_miss_ever, head_band, all_differences, best_is_kept.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.theorems.ladder import assert_holds, assert_is_caught, examples, scaled_right, with_sides
from w2s_theory import Verdict, check
from w2s_theory.problems.label_stream import LabelStream
from w2s_theory.problems.linear_sample import LinearSample
from w2s_theory.quantities.label_efficiency import supervisors
from w2s_theory.theorems.label_efficiency import all_differences, best_is_kept

NAMES = tuple(
    f"label_efficiency.{n}" for n in ("betting_miss_ever", "likelihood_miss_ever", "head_band", "all_differences", "best_is_kept")
)


@pytest.mark.parametrize("name", NAMES)
def test_the_statements_hold_on_their_examples(name):
    for problem in examples(name):
        assert_holds(name, problem)


@pytest.mark.parametrize("name", NAMES[:3])
def test_a_constant_ten_percent_off_is_caught(name):
    assert_is_caught(scaled_right(name, 0.9))


@pytest.mark.parametrize(
    ("name", "module", "quantile"),
    [(NAMES[3], all_differences, "all_pairs_quantile"), (NAMES[4], best_is_kept, "against_others_quantile")],
)
def test_a_quantile_ten_percent_small_is_caught(name, module, quantile, monkeypatch):
    right = getattr(supervisors, quantile)
    monkeypatch.setattr(module, quantile, lambda *arguments: 0.9 * right(*arguments))
    outcome = check(name, examples(name)[-1], rng=np.random.default_rng(0))
    assert outcome.verdict is Verdict.VIOLATED


@settings(max_examples=15)
@given(st.integers(0, 10_000), st.floats(0.3, 0.95), st.booleans())
def test_no_law_and_no_pool_makes_betting_miss_too_often(seed, level, is_pool):
    rng = np.random.default_rng(seed)
    values = np.round(rng.random(5 if is_pool else 3), 2)
    world = LabelStream(values, None if is_pool else rng.dirichlet(np.ones(3)), count=5, level=level)
    assert_holds("label_efficiency.betting_miss_ever", world)


@settings(max_examples=15)
@given(st.floats(0.01, 0.99), st.floats(0.3, 0.95), st.integers(1, 5))
def test_no_share_makes_the_likelihood_ratio_miss_too_often(rate, level, ones):
    ends = np.array([0.0, 1.0])
    assert_holds("label_efficiency.likelihood_miss_ever", LabelStream(ends, np.array([1.0 - rate, rate]), count=9, level=level))
    pool = np.repeat(ends, (6 - ones, ones))
    assert_holds("label_efficiency.likelihood_miss_ever", LabelStream(pool, level=level))


def test_other_outcomes_are_out_of_scope():
    world = LabelStream(np.array([0.0, 0.5]), np.array([0.5, 0.5]))
    outcome = check("label_efficiency.likelihood_miss_ever", world, rng=np.random.default_rng(0))
    assert outcome.verdict is Verdict.OUT_OF_SCOPE


@given(st.integers(0, 10_000), st.floats(0.0, 20.0))
def test_the_head_band_holds_for_any_sample_and_any_head(seed, penalty):
    rng = np.random.default_rng(seed)
    weak, target = rng.standard_normal((2, 12))
    assert_holds(
        "label_efficiency.head_band", LinearSample(rng.standard_normal((12, 3)), weak, target, penalty, rng.standard_normal(3))
    )


def test_the_head_band_without_its_middle_is_broken():
    def without_head(sides):
        return replace(sides, right=sides.right - 0.1 * np.abs(sides.left))

    assert_is_caught(with_sides("label_efficiency.head_band", without_head))
