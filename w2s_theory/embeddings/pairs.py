"""Features of a pair of texts from the features of each. NumPy only."""

from __future__ import annotations

import numpy as np

from .._validation import finite

#: The ways to combine two vectors u and v; only "difference_product" does not change when u and v change places.
COMBINATIONS = ("difference_product", "all", "concatenation")


def combine(u: np.ndarray, v: np.ndarray, how: str = "difference_product") -> np.ndarray:
    """Features of pairs, row by row: u, v (..., d) → (..., 2d) or (..., 4d), in the wider floating dtype of the two.

    "difference_product": [|u − v|, u·v] with the product entry by entry, the same for either order of the two texts;
    "all": [u, v, |u − v|, u·v]; "concatenation": [u, v].

    Raises ``ValueError`` for an unknown ``how``, different shapes, NaN or infinite entries.

    >>> combine(np.array([[1.0, 2.0]]), np.array([[3.0, 1.0]]))
    array([[2., 1., 3., 2.]])
    """
    if how not in COMBINATIONS:
        raise ValueError(f"how must be one of {', '.join(COMBINATIONS)}; it is {how!r}.")
    u, v = np.asarray(finite("u", u, min_ndim=1)), np.asarray(finite("v", v, min_ndim=1))
    if u.shape != v.shape:
        raise ValueError(
            f"u and v must have the same shape; the shapes are {u.shape} and {v.shape}. Pass one row of each per pair."
        )
    if how == "concatenation":
        return np.concatenate([u, v], axis=-1)
    made = [np.abs(u - v), u * v]
    return np.concatenate(made if how == "difference_product" else [u, v, *made], axis=-1)
