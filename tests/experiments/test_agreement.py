"""What the ledger says of a closed form and its simulation: agreement, disagreement, or too noisy to tell."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import ArrayLike

from experiments._agreement import agreement, select

EXACT = np.array([1.0, 2.0, 4.0])


def status(measured: ArrayLike, stderr: ArrayLike, exact: ArrayLike = EXACT, **how: float) -> str:
    return agreement("claim", measured, stderr, exact, **how).status


def test_precise_measurements_within_their_errors_hold_and_the_evidence_says_what_would_have_been_seen():
    found = agreement("claim", EXACT + 0.03, 0.01, EXACT)
    assert (found.claim, found.status) == ("claim", "holds (derived here)")
    assert "largest deviation 3.0 standard errors over 3 points" in found.evidence
    assert "at 3 of them (smallest share that would: median 2.5%, worst 5.0%)" in found.evidence


def test_one_point_too_far_off_is_a_counterexample_however_precise_the_others_are():
    assert status(EXACT + np.array([0.0, 0.0, 0.051]), 0.01) == "counterexample found"
    assert status(EXACT * 1.1 + 1e-9, EXACT * 0.02 * (1 - 1e-6)) == "counterexample found"  # the least that is to be seen


def test_noise_that_hides_ten_per_cent_at_most_points_decides_nothing():
    assert status(EXACT, 0.03 * EXACT).startswith("not attempted (too noisy to see 10% at half of the points)")
    assert status(EXACT, [0.03, 0.06, 0.01]).startswith("not attempted")
    assert status(EXACT, [0.03, 0.01, 0.01]) == "holds (derived here)"
    assert status(EXACT, 0.03 * EXACT, see=0.2) == status(EXACT, 0.03 * EXACT, z=3.0) == "holds (derived here)"
    assert status(2.0 * EXACT, 0.1 * EXACT) == "counterexample found"  # noisy, and yet too far off


def test_points_too_small_to_be_measured_are_left_out_and_counted():
    found = agreement("claim", [1.0, 1e-5], [0.01, 1e-6], [1.0, 1e-4], least=1e-3)
    assert found.status == "holds (derived here)" and "over 1 points (1 below 0.001 left out)" in found.evidence
    assert status([1.0, 1e-5], [0.01, 1e-6], [1.0, 0.1], least=1e-3) == "counterexample found"  # its closed form is not small
    with pytest.raises(ValueError, match="must reach least = 2 at some point"):
        agreement("claim", 1.0, 0.1, 1.0, least=2.0)


def test_values_without_noise_must_be_equal():
    assert status(EXACT, 0.0) == "holds (derived here)"
    assert status(EXACT * (1 + 1e-9), 0.0) == "counterexample found"
    assert status(0.0, [0.0, 0.1], 0.0) == "holds (derived here)"  # at one of the two points nothing else could be


@pytest.mark.parametrize(("measured", "stderr"), [([1.0, np.nan], 0.1), (1.0, np.nan), (1.0, -0.1), ([], 0.1)])
def test_what_is_no_measurement_is_refused(measured, stderr):
    with pytest.raises(ValueError, match=r"measured|stderr"):
        agreement("claim", measured, stderr, 1.0)


def test_selected_rows_come_in_order_and_match_every_key():
    table = {
        "part": np.array(["a", "a", "b", "a"]),
        "rule": np.array(["x", "x", "x", "y"]),
        "at": np.array([2.0, 1.0, 0.0, 0.0]),
        "value": np.array([20.0, 10.0, 5.0, 7.0]),
        "stderr": np.array([0.2, 0.1, 0.5, 0.7]),
    }
    at, value, stderr = select(table, part="a", rule="x")
    assert (at.tolist(), value.tolist(), stderr.tolist()) == ([1.0, 2.0], [10.0, 20.0], [0.1, 0.2])
