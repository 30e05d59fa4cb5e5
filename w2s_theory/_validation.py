"""Input checks shared by every floor: they raise early and say how to repair the input.

A message names the argument, the requirement, the offending value and the way out. Functions return the validated array, so that a
caller writes ``labels = finite("labels", labels, ndim=1)`` and goes on.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ._array import array_namespace, is_array, to_numpy


class MissingExtra(ImportError):
    """A needed optional package is absent; ``extra`` is the name to install (``pip install 'w2s-theory[<extra>]'``)."""

    def __init__(self, extra: str, package: str) -> None:
        self.extra = extra
        super().__init__(
            f"{package} is not installed; it comes with the extra {extra!r}: pip install 'w2s-theory[{extra}]', in a checkout '.[{extra}]'."
        )


class SolverFailure(RuntimeError):
    """A numerical solver stopped without a usable answer. A check reports it as UNSOLVED, never as a violated theorem."""


def finite(name: str, value: Any, *, ndim: int | None = None, min_ndim: int = 0) -> Any:
    """Return ``value`` as a real floating-point array, or raise if it is empty, non-numeric, NaN or infinite.

    NumPy, torch and array-API arrays keep their library and device; anything else becomes a NumPy float64 array; integers and
    booleans become floats. Raises ``TypeError`` (not numeric) or ``ValueError`` (shape, emptiness, NaN, infinity).
    """
    array = as_float(name, value)
    if ndim is not None and array.ndim != ndim:
        raise ValueError(f"{name} must have {ndim} dimension(s); its shape is {tuple(array.shape)}. Reshape it first.")
    if array.ndim < min_ndim:
        raise ValueError(
            f"{name} must have at least {min_ndim} dimension(s); its shape is {tuple(array.shape)}. Reshape it first."
        )
    if math.prod(array.shape) == 0:
        raise ValueError(f"{name} must not be empty; its shape is {tuple(array.shape)}. Pass at least one sample.")
    xp = array_namespace(array)
    good = xp.isfinite(array)
    if not bool(xp.all(good)):
        bad = np.argwhere(~to_numpy(good))
        where = tuple(int(i) for i in bad[0])
        raise ValueError(
            f"{name} must be finite; {len(bad)} of {math.prod(array.shape)} entries are NaN or infinite, "
            f"the first at index {where}. Drop or impute them."
        )
    return array


def squarable(name: str, array: Any) -> Any:
    """Return ``array`` if its squares, and sums of them, fit its dtype; raise ``ValueError`` otherwise."""
    xp = array_namespace(array)
    limit = float(xp.finfo(array.dtype).max) ** 0.5 * 1e-4
    largest = float(xp.max(xp.abs(array)))
    if not largest <= limit:
        raise ValueError(
            f"{name} must stay within ±{limit:.1g}, so that squares fit {array.dtype}; the largest is {largest:.3g}. Rescale."
        )
    return array


def frozen(name: str, value: Any, *, ndim: int | None = None, min_ndim: int = 0) -> np.ndarray:
    """Return a read-only NumPy float64 copy of finite numbers: what a problem keeps, so that nothing can change it from outside."""
    array = np.array(to_numpy(finite(name, value, ndim=ndim, min_ndim=min_ndim)), dtype=np.float64)
    array.setflags(write=False)
    return array


def kept(name: str, value: Any, *, ndim: int | None = None, min_ndim: int = 0) -> Any:
    """``frozen`` for problems that can live on a device: NumPy (and lists) read-only, other libraries a float64 copy where they are."""
    if not is_array(value) or isinstance(value, np.ndarray):
        return frozen(name, value, ndim=ndim, min_ndim=min_ndim)
    array = finite(name, value, ndim=ndim, min_ndim=min_ndim)
    xp = array_namespace(array)
    return xp.asarray(array, dtype=xp.float64, copy=True)


def as_float(name: str, value: Any) -> Any:
    """Return ``value`` as a real floating array of its own library (NumPy float64 for lists and scalars)."""
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(
            f"{name} must not be a masked array: the mask would be ignored. Drop the masked samples, or give them weight 0."
        )
    if value is None:
        raise TypeError(f"{name} must hold real numbers; it is None. Pass an array.")
    if not is_array(value):
        try:
            value = np.asarray(value)
        except ValueError as error:
            raise ValueError(f"{name} must be a rectangular array of numbers: {error}.") from None
        if value.dtype.kind not in "fiub":
            raise TypeError(f"{name} must hold real numbers; its dtype is {value.dtype}. Convert it to float first.")
    xp = array_namespace(value)
    if xp.isdtype(value.dtype, "real floating"):
        return value
    if xp.isdtype(value.dtype, ("integral", "bool")):
        return xp.astype(value, xp.float64)
    raise TypeError(f"{name} must hold real numbers; its dtype is {value.dtype}. Convert it to float first.")


def positive(name: str, value: float, *, strict: bool = True) -> float:
    """Return ``value`` as a float if it is a finite number > 0 (``strict``) or >= 0; raise ``ValueError`` otherwise."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number) or number < 0 or (strict and number == 0):
        sign = "> 0" if strict else ">= 0"
        raise ValueError(f"{name} must be a finite number {sign}; it is {value!r}.")
    return number


def whole(name: str, value: int, *, at_least: int = 1) -> int:
    """Return ``value`` as an int if it is a whole number >= ``at_least``; raise otherwise."""
    try:
        is_whole = not isinstance(value, bool) and int(value) == value and value >= at_least
    except (TypeError, ValueError, OverflowError):
        is_whole = False
    if not is_whole:
        raise ValueError(f"{name} must be a whole number >= {at_least}; it is {value!r}.")
    return int(value)


def probability(name: str, value: float, *, strict: bool = True) -> float:
    """Return ``value`` as a float if it lies between 0 and 1, strictly (``strict``) or ends included; raise ``ValueError`` otherwise."""
    number = float(value)
    if not (0.0 < number < 1.0 or (not strict and number in (0.0, 1.0))):
        raise ValueError(f"{name} must lie {'strictly between 0 and 1' if strict else 'in [0, 1]'}; it is {value!r}.")
    return number


def shares(name: str, value: Any, *, ndim: int = 1) -> np.ndarray:
    """Return read-only probabilities with ``ndim`` axes: non-negative, summing to 1 up to 1e-9 over the last axis; raise otherwise."""
    array = frozen(name, value, ndim=ndim)
    sums = array.sum(axis=-1)
    worst = float(sums.flat[np.argmax(np.abs(sums - 1.0))])
    if array.min() < 0.0 or abs(worst - 1.0) > 1e-9:
        over = "" if ndim == 1 else " over the last axis"
        raise ValueError(
            f"{name} must be non-negative and sum to 1{over}; its smallest entry is {array.min():.6g}, its sum {worst:.12g}. "
            "Divide by the sum."
        )
    return array


def class_probabilities(name: str, value: Any) -> np.ndarray:
    """Return read-only float64 probabilities of classes (n, C), C >= 2: non-negative rows, divided by their sums; raise otherwise.

    Sums may be off by 1e-5, as a softmax in single precision leaves them; what is returned sums to 1 up to double precision.
    """
    array = frozen(name, value, ndim=2)
    if array.shape[1] < 2:
        raise ValueError(
            f"{name} must have one column per class, two or more columns; the shape is {array.shape}. Two classes are the columns 1 − y and y."
        )
    sums = array.sum(axis=1, keepdims=True)
    worst = float(np.max(np.abs(sums - 1.0)))
    if array.min() < 0.0 or worst > 1e-5:
        raise ValueError(
            f"{name} must be non-negative and sum to 1 in every row; the smallest entry is {array.min():.6g}, the worst sum is off by "
            f"{worst:.3g}. Divide by the sum."
        )
    array = array / sums
    array.setflags(write=False)
    return array


def generator(rng: Any) -> np.random.Generator:
    """Return ``rng`` if it is a ``numpy.random.Generator``; a seed or the legacy RandomState is refused with the way out."""
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng must be a numpy.random.Generator; it is {rng!r}. Pass numpy.random.default_rng(seed).")
    return rng


def sample_weights(weights: Any, like: Any, shape: tuple[int, ...]) -> Any:
    """Return float64 weights that sum to one over the last axis, broadcastable to ``shape`` = (..., n), beside ``like``.

    ``weights=None`` means 1/n each. Raises ``ValueError`` for negative entries, a zero sum, NaN or a shape that does not broadcast.
    """
    xp = array_namespace(like)
    n = shape[-1]
    if weights is None:
        return xp.full((n,), 1.0 / n, dtype=xp.float64, device=like.device)
    weights = finite("weights", weights, min_ndim=1)
    if not is_same_library(weights, like):
        weights = xp.asarray(to_numpy(weights), dtype=xp.float64, device=like.device)
    wrong_shape = ValueError(
        f"weights must have shape ({n},) or broadcast to {shape}; its shape is {tuple(weights.shape)}. "
        "Pass one weight per sample."
    )
    if weights.shape[-1] != n:
        raise wrong_shape
    try:
        broadcast = np.broadcast_shapes(tuple(weights.shape), shape)
    except ValueError:
        raise wrong_shape from None
    if broadcast != shape:
        raise wrong_shape
    smallest = float(xp.min(weights))
    if smallest < 0:
        raise ValueError(f"weights must be non-negative; the smallest is {smallest:.6g}. Clip or drop those samples.")
    weights = xp.astype(weights, xp.float64)  # sums of short floats overflow, and lose digits
    largest = xp.max(weights, axis=-1, keepdims=True)
    if not bool(xp.all(largest > 0)):
        raise ValueError("weights must have a positive sum; they are all zero. Pass at least one positive weight.")
    weights = weights / largest
    return weights / xp.sum(weights, axis=-1, keepdims=True)


def is_same_library(first: Any, second: Any) -> bool:
    """True when both arrays belong to the same array library."""
    return array_namespace(first) is array_namespace(second)
