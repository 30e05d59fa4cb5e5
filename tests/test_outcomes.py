"""Estimates, verdicts, checks and reports: they say what they hold, and refuse to be misread."""

from __future__ import annotations

import math

import numpy as np
import pytest

from w2s_theory.outcomes import VERDICT_TABLE, Check, Estimate, GainReport, Verdict


def test_an_exact_estimate_has_a_point_interval():
    estimate = Estimate(2.0)
    assert estimate.covers(2.0)
    assert not estimate.covers(2.1)
    assert "closed form" in str(estimate)


def test_an_estimate_can_have_an_unbounded_interval_and_refuses_a_reversed_one():
    assert Estimate(1.0, low=0.5, high=math.inf, level=0.95).covers(1e9)
    with pytest.raises(ValueError, match="low must not exceed high"):
        Estimate(1.0, low=2.0, high=0.0)


def test_every_verdict_has_a_sentence_a_ledger_word_and_an_exit_code():
    assert set(VERDICT_TABLE) == set(Verdict)
    assert {VERDICT_TABLE[v][1] for v in (Verdict.VIOLATED, Verdict.NONFINITE)} == {1}
    assert {VERDICT_TABLE[v][1] for v in (Verdict.HOLDS, Verdict.UNSOLVED, Verdict.OUT_OF_SCOPE, Verdict.INCONCLUSIVE)} == {0}
    assert all(len(verdict.value.split()) > 5 for verdict in Verdict)


def test_a_check_refuses_to_be_used_as_a_truth_value():
    with pytest.raises(TypeError, match="six verdicts"):
        bool(Check("x", Verdict.VIOLATED))


def test_tightness_is_the_ratio_of_positive_sides_only():
    assert Check("x", Verdict.HOLDS, left=1.0, right=4.0).tightness == 0.25
    assert Check("x", Verdict.HOLDS, left=4.0, right=1.0).tightness == 0.25
    assert math.isnan(Check("x", Verdict.HOLDS, left=-1.0, right=4.0).tightness)


def test_a_report_of_many_tasks_becomes_one_row_each():
    report = GainReport(*(np.arange(3.0) + i for i in range(5)))
    assert report.rows()[1] == {"weak_error": 1.0, "student_error": 2.0, "gain": 3.0, "misfit": 4.0, "residual": 5.0}
    assert "3 tasks" in str(report)
