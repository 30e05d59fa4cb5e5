"""Shrinkage towards the source: against stacked least squares, at both ends of the pull, on torch, and with bad input."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.tolerances import ROUNDING, SOLVE
from w2s_theory.students.linear import OLS
from w2s_theory.students.source_shrinkage import shrink_to_source

RNG = np.random.default_rng(0)
FEATURES, LABELS, SOURCE = RNG.standard_normal((30, 4)), RNG.standard_normal((30, 3)), RNG.standard_normal(4)


def test_every_pull_is_the_least_squares_head_of_rows_that_ask_for_the_source():
    etas = [0.0, 0.03, 1.0, 20.0]
    heads = shrink_to_source(FEATURES, LABELS, SOURCE, etas=etas)
    assert heads.coefficients.shape == (4, 4, 3) and heads.path.tolist() == etas
    for eta, found in zip(etas, heads.coefficients, strict=True):
        root = np.sqrt(30 * eta)
        rows = np.vstack([FEATURES, root * np.eye(4)])
        wanted = np.vstack([LABELS, root * np.tile(SOURCE[:, None], 3)])
        assert np.allclose(found, np.linalg.lstsq(rows, wanted, rcond=None)[0], atol=SOLVE)


def test_no_pull_is_least_squares_and_a_huge_one_stays_at_the_source():
    heads = shrink_to_source(FEATURES, LABELS[:, 0], SOURCE, etas=[0.0, 1e12])
    assert np.allclose(heads.coefficients[0], OLS().fit(FEATURES, LABELS[:, 0]).coefficients, atol=SOLVE)
    assert np.allclose(heads.coefficients[1], SOURCE, atol=SOLVE)
    assert heads.predict(FEATURES).shape == (2, 30)
    assert np.all(heads.intercept == 0.0)


def test_with_fewer_points_than_features_no_pull_gives_the_interpolator_nearest_to_the_source():
    head = shrink_to_source(FEATURES[:2], LABELS[:2, 0], SOURCE, etas=0.0).coefficients[0]
    assert np.allclose(FEATURES[:2] @ head, LABELS[:2, 0], atol=SOLVE)
    free = np.linalg.svd(FEATURES[:2])[2][2:]  # moving along these changes no fitted value
    assert np.allclose(free @ (head - SOURCE), 0.0, atol=SOLVE)


def test_on_orthogonal_points_the_head_is_a_mixture_of_source_and_least_squares():
    points = np.sqrt(30) * np.linalg.qr(FEATURES)[0]
    least_squares = points.T @ LABELS[:, 0] / 30
    for eta in (0.25, 3.0):
        found = shrink_to_source(points, LABELS[:, 0], SOURCE, etas=eta).coefficients[0]
        assert np.allclose(found, (least_squares + eta * SOURCE) / (1.0 + eta), atol=ROUNDING)


def test_torch_tensors_give_the_same_heads():
    given = (torch.asarray(array) for array in (FEATURES, LABELS, SOURCE))
    found = shrink_to_source(*given, etas=[0.1, 2.0]).coefficients
    assert isinstance(found, torch.Tensor)
    assert np.allclose(found.numpy(), shrink_to_source(FEATURES, LABELS, SOURCE, etas=[0.1, 2.0]).coefficients, atol=SOLVE)


@pytest.mark.parametrize(
    ("features", "labels", "source", "etas", "message"),
    [
        (FEATURES, LABELS, SOURCE[:3], 1.0, "source must have one coefficient for each of 4 features"),
        (FEATURES, LABELS[:9], SOURCE, 1.0, "labels must have one row for each of 30 points"),
        (FEATURES, LABELS, SOURCE, [-0.5], "etas must be numbers >= 0"),
        (FEATURES, LABELS, SOURCE, [[1.0]], "etas must be numbers >= 0"),
        (FEATURES, LABELS, SOURCE, np.nan, "etas must be finite"),
        (FEATURES, np.full((30, 3), np.nan), SOURCE, 1.0, "labels must be finite"),
        (FEATURES[0], LABELS, SOURCE, 1.0, "features must have 2 dimension"),
    ],
)
def test_bad_input_is_refused(features, labels, source, etas, message):
    with pytest.raises(ValueError, match=message):
        shrink_to_source(features, labels, source, etas=etas)
