"""Folds of whole groups, and the errors of ridge heads on them, by scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest

from tests.tolerances import SOLVE
from w2s_theory.design import Design
from w2s_theory.design.folds import FOLDS, LeftOut, group_folds


def test_groups_stay_together_and_every_row_is_left_out_once():
    groups = np.random.default_rng(0).integers(0, 30, 200)
    folds = group_folds(groups)
    assert folds is not None
    assert set(folds) == set(range(FOLDS))
    assert all(len(set(folds[groups == g])) == 1 for g in set(groups))
    assert group_folds(np.array([4, 1, 9])) is None


def test_every_kind_stays_among_the_rows_that_are_learnt_from():
    groups = np.repeat(np.arange(12), 3)
    kinds = np.where(groups == 4, 2, groups % 2)
    folds = group_folds(groups, kinds)
    assert folds is not None
    assert np.array_equal(folds == -1, groups == 4)
    for fold in range(FOLDS):
        assert set(kinds[folds != fold]) == {0, 1, 2}


@pytest.mark.parametrize("like", [True, False])
def test_errors_are_those_of_heads_fitted_without_the_fold(like):
    linear = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng(1)
    features, labels = rng.standard_normal((40, 6)) + 1.0, rng.standard_normal((40, 2))
    groups = np.arange(40) // 2 if like else np.arange(40)
    folds = groups % FOLDS if like else groups
    penalties = np.array([0.1, 3.0, 50.0])
    found = LeftOut(Design(features, intercept=True), features, groups).errors(labels, penalties)
    expected = np.zeros((3, 2))
    for fold in np.unique(folds):
        kept = folds != fold
        for k, penalty in enumerate(penalties * (kept.mean() if like else 1.0)):
            head = linear.Ridge(alpha=penalty).fit(features[kept], labels[kept])
            expected[k] += np.sum((head.predict(features[~kept]) - labels[~kept]) ** 2, axis=0) / 40
    np.testing.assert_allclose(found, expected, rtol=0, atol=SOLVE)
