"""Sample weights of each task's own, against one Design per task."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.design.cases import case
from tests.tolerances import SOLVE
from w2s_theory import Design
from w2s_theory.design import solve_task_weights

PENALTIES = np.array([0.0, 1.0, 30.0])


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("shape", [(60, 5), (8, 20)])
def test_each_task_gets_the_heads_of_its_own_weights(shape, intercept, monkeypatch):
    data = case(50, *shape)
    weights = np.random.default_rng(51).uniform(0.1, 2.0, size=data.weak.shape)
    heads = solve_task_weights(data.features, data.weak, weights, penalties=PENALTIES, intercept=intercept)
    for task in range(4):
        expected = Design(data.features, weights=weights[:, task], intercept=intercept).solve(
            data.weak[:, task], penalties=PENALTIES
        )
        assert heads.coefficients[:, :, task] == pytest.approx(expected.coefficients, rel=SOLVE, abs=SOLVE)
        assert heads.intercept[:, task] == pytest.approx(expected.intercept, rel=SOLVE, abs=SOLVE)
    monkeypatch.setattr("w2s_theory.design.task_weights.BLOCK", 2 * shape[0] * shape[1])
    blocks = solve_task_weights(data.features, data.weak, weights, penalties=PENALTIES, intercept=intercept)
    assert blocks.coefficients == pytest.approx(heads.coefficients, rel=SOLVE, abs=SOLVE)


def test_torch_in_is_torch_out_and_a_single_task_has_no_task_axis():
    data = case(52)
    weights = np.random.default_rng(53).uniform(0.1, 2.0, size=data.weak.shape)
    arrays = [torch.tensor(array) for array in (data.features, data.weak, weights)]
    heads = solve_task_weights(*arrays, penalties=PENALTIES)
    expected = solve_task_weights(data.features, data.weak, weights, penalties=PENALTIES)
    assert heads.coefficients.numpy() == pytest.approx(expected.coefficients, rel=SOLVE, abs=SOLVE)
    one = solve_task_weights(data.features, data.weak[:, 0], weights[:, 0], penalties=PENALTIES)
    assert one.coefficients == pytest.approx(expected.coefficients[:, :, 0], rel=SOLVE, abs=SOLVE)


@pytest.mark.parametrize(
    ("weights", "match"),
    [
        (np.ones((3, 3)), "the shape of labels"),
        (-np.ones((3, 2)), "weights must be non-negative"),
        (np.array([[1.0, 0.0]] * 3), "positive sum for every task"),
        (np.full((3, 2), np.nan), "weights must be finite"),
    ],
)
def test_wrong_weights_are_refused(weights, match):
    with pytest.raises(ValueError, match=match):
        solve_task_weights(np.eye(3), np.ones((3, 2)), weights, penalties=1.0)
