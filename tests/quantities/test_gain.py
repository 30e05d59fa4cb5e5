"""gain_report: against plain loops, on every array library, with tasks in front, and with bad input."""

from __future__ import annotations

import math

import array_api_strict
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.tolerances import ROUNDING, ROUNDING_FLOAT32
from w2s_theory import gain_report, testing
from w2s_theory.divergences import Squared
from w2s_theory.quantities.gain import report


def by_hand(weak, student, target, weights, ceiling):
    """The squared-loss numbers from plain Python loops, in exact rational-friendly order."""
    total = math.fsum(weights)
    p = [v / total for v in weights]

    def mean(terms):
        return math.fsum(pi * t for pi, t in zip(p, terms, strict=True))

    weak_error = mean((f - w) ** 2 for f, w in zip(target, weak, strict=True))
    student_error = mean((f - s) ** 2 for f, s in zip(target, student, strict=True))
    ceiling_error = mean((f - c) ** 2 for f, c in zip(target, ceiling, strict=True))
    rows = list(zip(weak, student, target, ceiling, strict=True))
    return {
        "weak_error": weak_error,
        "student_error": student_error,
        "gain": weak_error - student_error,
        "misfit": mean((s - w) ** 2 for w, s, _, _ in rows),
        "residual": mean(2 * (w - s) * (s - f) for w, s, f, _ in rows),
        "ceiling_error": ceiling_error,
        "cross_term": mean(-2 * (w - s) * (f - c) for w, s, f, c in rows),
        "penalty_term": mean(2 * (w - s) * (s - c) for w, s, _, c in rows),
        "pgr": (weak_error - student_error) / (weak_error - ceiling_error) if weak_error > ceiling_error else math.nan,
    }


@given(st.integers(0, 2**16), st.integers(1, 30))
def test_the_report_agrees_with_plain_loops(seed, n):
    rng = np.random.default_rng(seed)
    weak, student, target, ceiling = rng.standard_normal((4, n))
    weights = rng.uniform(0, 1, n) + 0.01
    numbers = gain_report(weak, student, target, weights, ceiling=ceiling).numbers()
    expected = by_hand(weak, student, target, weights, ceiling)
    assert set(numbers) == set(expected)
    for name, value in expected.items():
        scale = (
            10.0 if name != "pgr" else 10.0 * (1 + abs(value)) / min(1.0, abs(expected["weak_error"] - expected["ceiling_error"]))
        )
        assert numbers[name] == pytest.approx(value, rel=0, abs=ROUNDING * scale, nan_ok=True), name


@pytest.mark.parametrize("divergence", ["squared", "kl", "reverse-kl", "itakura-saito", "zero-one"])
def test_gain_is_misfit_plus_residual_and_the_residual_splits_at_the_ceiling(divergence):
    @given(testing.triples(divergence), st.randoms(use_true_random=False))
    def identity(triple, random):
        numbers = report(triple)
        assert numbers.gain == pytest.approx(numbers.misfit + numbers.residual, rel=0, abs=ROUNDING * 1e3)
        if divergence != "zero-one":
            with_ceiling = gain_report(
                triple.weak, triple.student, triple.target, triple.weights, divergence, ceiling=triple.weak
            )
            split = with_ceiling.cross_term + with_ceiling.penalty_term
            assert split == pytest.approx(numbers.residual, rel=0, abs=ROUNDING * 1e3)

    identity()


def test_tasks_in_front_are_reported_one_by_one():
    rng = np.random.default_rng(0)
    weak, student = rng.standard_normal((2, 4, 3, 20))
    target = rng.standard_normal(20)
    together = gain_report(weak, student, target)
    assert together.gain.shape == (4, 3)
    alone = gain_report(weak[2, 1], student[2, 1], target)
    assert together.misfit[2, 1] == pytest.approx(alone.misfit, rel=ROUNDING)
    assert len(together.rows()) == 12


def test_vector_outputs_sum_over_the_last_axis():
    weak, student, target = np.random.default_rng(1).standard_normal((3, 10, 4))
    vector = gain_report(weak, student, target, divergence=Squared(vector=True))
    columns = gain_report(weak.T, student.T, target.T)
    assert vector.gain == pytest.approx(columns.gain.sum(), rel=ROUNDING)


def test_weights_count_samples():
    weak, student, target = np.random.default_rng(2).standard_normal((3, 5))
    counts = np.array([1, 2, 3, 1, 4])
    repeated = gain_report(*(np.repeat(a, counts) for a in (weak, student, target)))
    assert gain_report(weak, student, target, counts).gain == pytest.approx(repeated.gain, rel=1e-11)


@pytest.mark.parametrize("library", [torch, array_api_strict])
@pytest.mark.parametrize("divergence", ["squared", "kl", "itakura-saito", "zero-one"])
def test_every_array_library_gives_the_numpy_numbers_in_its_own_arrays(library, divergence):
    rng = np.random.default_rng(3)
    arrays = {
        "squared": rng.standard_normal((4, 2, 9)),
        "kl": rng.dirichlet(np.ones(3), size=(4, 2, 9)),
        "itakura-saito": rng.lognormal(size=(4, 2, 9)),
        "zero-one": rng.integers(0, 3, size=(4, 2, 9)),
    }[divergence]
    reference = gain_report(*arrays[:3], divergence=divergence, ceiling=arrays[3])
    other = gain_report(*(library.asarray(a) for a in arrays[:3]), divergence=divergence, ceiling=library.asarray(arrays[3]))
    for name, value in reference.numbers().items():
        theirs = other.numbers()[name]
        assert type(theirs) is type(library.asarray(1.0)), name
        assert np.allclose(np.asarray(theirs), value, rtol=0, atol=100 * ROUNDING, equal_nan=True), name


def test_float32_tensors_are_accumulated_in_float64():
    weak, student, target = torch.randn(3, 2000, generator=torch.Generator().manual_seed(0))
    single = gain_report(weak, student, target)
    double = gain_report(weak.double(), student.double(), target.double())
    assert single.gain.dtype == torch.float64
    assert float(single.gain) == pytest.approx(float(double.gain), abs=ROUNDING_FLOAT32)


def test_pgr_is_nan_where_the_ceiling_does_not_beat_the_weak_model():
    target = np.zeros(4)
    numbers = gain_report(np.ones(4), 0.5 * np.ones(4), target, ceiling=np.stack([2 * np.ones(4), np.ones(4), 0.5 * np.ones(4)]))
    assert np.isnan(numbers.pgr[:2]).all()
    assert numbers.pgr[2] == 1.0


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"weak": [1.0, np.nan, 2.0]}, ValueError, "weak must be finite; 1 of 3 .* index \\(1,\\)"),
        ({"target": [1.0, np.inf, 2.0]}, ValueError, "target must be finite"),
        ({"student": []}, ValueError, "student must not be empty"),
        ({"student": [1.0, 2.0]}, ValueError, "one shape"),
        ({"student": [1.0]}, ValueError, "same samples"),
        ({"weights": [1.0, -1.0, 1.0]}, ValueError, "weights must be non-negative; the smallest is -1"),
        ({"weights": [0.0, 0.0, 0.0]}, ValueError, "positive sum"),
        ({"weights": [1.0, 1.0]}, ValueError, r"weights must have shape \(3,\)"),
        ({"weights": [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]}, ValueError, "broadcast"),
        ({"weights": [1.0, np.nan, 1.0]}, ValueError, "weights must be finite"),
        ({"weak": ["a", "b", "c"]}, TypeError, "weak must hold real numbers"),
        ({"weak": [1j, 1.0, 2.0]}, TypeError, "weak must hold real numbers"),
        ({"weak": [[1.0], [1.0, 2.0]]}, ValueError, "rectangular"),
        ({"divergence": "kl"}, ValueError, "compares vectors"),
        ({"weak": None}, TypeError, "weak must hold real numbers; it is None"),
        ({"weak": np.ma.array([1.0, 1e6, 3.0], mask=[0, 1, 0])}, TypeError, "masked array"),
        ({"divergence": None}, TypeError, "divergence must be a name"),
        ({"divergence": Squared}, TypeError, "divergence must be a name"),
        ({"weak": 1.0}, ValueError, "weak must have at least 1 dimension"),
        ({"weak": torch.zeros(3), "student": np.zeros(3)}, TypeError, "one library"),
    ],
)
def test_bad_input_is_refused_by_name(arguments, error, message):
    good = {"weak": [1.0, 2.0, 3.0], "student": [1.0, 2.0, 2.0], "target": [1.0, 2.0, 1.0]}
    with pytest.raises(error, match=message):
        gain_report(**{**good, **arguments})


@pytest.mark.parametrize("weights", [np.array([1e308, 1e308, 1e308]), np.full(3, 6e4, dtype=np.float16), np.full(3, 1e-320)])
def test_weights_of_any_size_are_normalised(weights):
    plain = gain_report([1.0, 2.0, 4.0], [1.0, 1.0, 2.0], [0.0, 2.0, 3.0])
    assert gain_report([1.0, 2.0, 4.0], [1.0, 1.0, 2.0], [0.0, 2.0, 3.0], weights).gain == pytest.approx(plain.gain, rel=1e-3)


def test_many_short_float_weights_lose_nothing():
    values = np.random.default_rng(5).standard_normal((3, 70_000))
    ones = gain_report(*values, np.ones(70_000, dtype=np.float16))
    assert ones.gain == pytest.approx(gain_report(*values).gain, rel=ROUNDING)


def test_a_list_beside_a_short_tensor_keeps_its_digits():
    target = torch.tensor([0.0, 0.0], dtype=torch.float16)
    assert float(gain_report([1e5, 16777217.0], target, target).weak_error) == (1e10 + 16777217.0**2) / 2
