"""Features of pairs of texts, against the columns written out."""

from __future__ import annotations

import numpy as np
import pytest

from w2s_theory.embeddings.pairs import COMBINATIONS, combine

U, V = np.array([[1.0, -2.0], [0.5, 3.0]]), np.array([[4.0, 2.0], [-1.0, 3.0]])


def test_each_combination_has_its_columns_in_the_order_that_the_docstring_gives() -> None:
    difference, product = [[3.0, 4.0], [1.5, 0.0]], [[4.0, -4.0], [-0.5, 9.0]]
    wanted = {
        "difference_product": np.hstack([difference, product]),
        "all": np.hstack([U, V, difference, product]),
        "concatenation": np.hstack([U, V]),
    }
    assert set(wanted) == set(COMBINATIONS)
    for how, columns in wanted.items():
        np.testing.assert_array_equal(combine(U, V, how), columns)


def test_only_the_symmetric_combination_ignores_which_text_comes_first() -> None:
    assert [how for how in COMBINATIONS if np.array_equal(combine(U, V, how), combine(V, U, how))] == ["difference_product"]


def test_single_precision_stays_single() -> None:
    assert combine(U.astype(np.float32), V.astype(np.float32)).dtype == np.float32


def test_combine_refuses_what_are_not_two_matrices_of_one_shape() -> None:
    with pytest.raises(ValueError, match="must be one of difference_product, all, concatenation; it is 'sum'"):
        combine(U, V, "sum")
    with pytest.raises(ValueError, match=r"same shape; the shapes are \(2, 2\) and \(1, 2\)"):
        combine(U, V[:1])
    with pytest.raises(ValueError, match="u must be finite"):
        combine(U * np.nan, V)
