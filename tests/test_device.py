"""The same problem as NumPy arrays and as torch tensors: same sides, same verdicts, up to the error that each check states."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from w2s_theory import Check, Verdict
from w2s_theory._array import to_numpy
from w2s_theory.checking import margin_difference, sides_difference
from w2s_theory.problems.devices import can_move, on_device, torch_device
from w2s_theory.problems.population import Population
from w2s_theory.students.convex import Ball, Box, Subspace
from w2s_theory.theorems import NUMPY_ONLY, STATEMENTS, compare_examples
from w2s_theory.theorems._examples import gaussian_triple, population, subspace

torch = pytest.importorskip("torch")


def examples(name: str) -> tuple:
    made = STATEMENTS[name].examples
    assert made is not None
    return made(np.random.default_rng(np.random.SeedSequence([0, *name.encode()])))


#: Statements about problems that can move; the classes of one of them are all written in cvxpy.
MOVABLE = tuple(
    name
    for name, statement in STATEMENTS.items()
    if getattr(statement.about, "lives_on_devices", False) and name not in {*NUMPY_ONLY, "charikar2024.theorem_1_any_set"}
)
ON_EVERY_DEVICE = pytest.mark.parametrize("device", ["cpu-torch", pytest.param("cuda", marks=pytest.mark.gpu)])


@pytest.fixture
def no_way_to_numpy(monkeypatch):
    """Tensors on the processor that, as those on a GPU, do not turn into NumPy arrays by themselves."""

    def refuse(self, *_, **__):
        raise AssertionError("a tensor was turned into a NumPy array on the way")

    monkeypatch.setattr(torch.Tensor, "__array__", refuse)


@ON_EVERY_DEVICE
@pytest.mark.parametrize("name", MOVABLE)
def test_both_sides_of_a_statement_are_the_same_numbers_on_a_device(name, device, no_way_to_numpy):
    moved = [problem for problem in examples(name) if can_move(problem)]
    assert moved
    for problem in moved:
        assert STATEMENTS[name].failed_assumptions(on_device(problem, device)) == ()
        assert sides_difference(STATEMENTS[name], problem, on_device(problem, device)) <= 1.0


@pytest.mark.parametrize(
    "name", ["identities.squared", "ridge.penalty", "charikar2024.cross_term", "finite_sample.expected_gain"]
)
def test_a_device_that_is_a_millionth_off_would_be_seen(name):
    problem = examples(name)[-1]
    field = "target_head" if name.startswith("finite") else "weak"
    moved = on_device(problem, "cpu-torch")
    assert sides_difference(STATEMENTS[name], problem, replace(moved, **{field: getattr(moved, field) * (1.0 + 1e-6)})) > 10.0


@ON_EVERY_DEVICE
@pytest.mark.parametrize("name", ["identities.bregman", "charikar2024.theorem_1", "finite_sample.sign_flip"])
def test_verdicts_are_equal_and_margins_within_their_errors(name, device):
    pairs = compare_examples(name, device, rng=np.random.default_rng(1))
    moved = [(here, there) for here, there in pairs if there is not None]
    assert moved
    for here, there in moved:
        assert here.verdict is there.verdict is Verdict.HOLDS
        assert here.seed == there.seed
        assert margin_difference(here, there) <= 1.0


@ON_EVERY_DEVICE
def test_the_work_is_done_where_the_tensors_are(device):
    world = on_device(population(subspace(np.random.default_rng(0)), np.random.default_rng(1), distance=0.5), device)
    place = torch.device(torch_device(device)).type
    for array in (world.weak, world.weights, world.student.values, world.student.gap, world.ceiling.values, world.magnitude):
        assert isinstance(array, torch.Tensor) and array.device.type == place and array.dtype == torch.float64


def test_a_moved_problem_keeps_its_numbers_its_loss_and_its_settings():
    triple = gaussian_triple(np.random.default_rng(0))
    moved = on_device(triple, "cpu-torch")
    assert np.array_equal(to_numpy(moved.weak), triple.weak) and moved.loss is triple.loss and moved.weights is None
    world = population(Ball(np.random.default_rng(0).standard_normal((24, 5)), radius=0.7), np.random.default_rng(1))
    there = on_device(world, "cpu-torch")
    assert there.strong_class.radius == 0.7 and np.allclose(to_numpy(there.weights), world.weights, rtol=1e-15)


def test_tensors_and_numpy_do_not_mix_silently():
    features = np.random.default_rng(0).standard_normal((24, 5))
    weak = torch.zeros(24, dtype=torch.float64)
    with pytest.raises(TypeError, match="must be a NumPy array"):
        _ = Population(weak, weak, Subspace(features)).student
    with pytest.raises(TypeError, match="one library"):
        Subspace(torch.as_tensor(features)).project(np.zeros(24))
    with pytest.raises(TypeError, match="must be a NumPy array"):
        _ = Population(weak, weak, Box(features, 0.0, np.inf)).student


@pytest.mark.parametrize("deficient", [False, True], ids=["full rank", "deficient"])
def test_the_certificate_of_a_projection_is_as_small_in_torch(deficient):
    rng = np.random.default_rng(3)
    features = rng.standard_normal((30, 6))
    if deficient:
        features[:, 5] = features[:, 0] - features[:, 1]
    weak = rng.standard_normal((4, 30))
    for make in (Subspace, lambda x: Ball(x, radius=0.2)):
        here, there = make(features).project(weak), make(torch.as_tensor(features)).project(torch.as_tensor(weak))
        np.testing.assert_allclose(to_numpy(there.values), here.values, rtol=0.0, atol=1e-13)  # rounding of values of order one
        assert here.rank == there.rank == 6 - deficient
        assert float(there.gap.max()) <= 1e-12


def test_a_statement_that_is_numpy_only_is_checked_with_numpy():
    assert set(STATEMENTS) >= NUMPY_ONLY
    for name in NUMPY_ONLY:
        pairs = compare_examples(name, "cpu-torch", rng=np.random.default_rng(0))
        assert all(here.verdict is Verdict.HOLDS and there is None for here, there in pairs)


def test_what_is_numpy_only_is_refused_with_its_name():
    world = population(Box(np.random.default_rng(0).standard_normal((24, 5)), 0.0, np.inf), np.random.default_rng(1))
    assert not can_move(world)
    with pytest.raises(TypeError, match="Population here is not"):
        on_device(world, "cpu-torch")


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "cpu", "cuda:4096"])
def test_a_device_that_is_not_there_is_refused(name):
    with pytest.raises(ValueError, match="device"):
        torch_device(name)


def test_margins_are_compared_in_units_of_their_errors():
    check = Check("s", Verdict.HOLDS, margin=1.0, error=0.1)
    assert margin_difference(check, replace(check, margin=1.1)) == pytest.approx(0.5)
    assert margin_difference(check, replace(check, margin=math.nan)) == math.inf
    assert margin_difference(replace(check, error=0.0), replace(check, error=0.0)) == 0.0
    assert margin_difference(replace(check, error=0.0), replace(check, error=0.0, margin=2.0)) == math.inf
