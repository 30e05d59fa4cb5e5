"""Grids: lists of points, each a dict with the same names. Append grids with ``+``, cross them with ``cross``.

>>> product(n=[10, 100], method=["ridge", "lasso"])[:2]
[{'n': 10, 'method': 'ridge'}, {'n': 10, 'method': 'lasso'}]
>>> zipped(d=[4, 8], n=[40, 80], noise=0.5)
[{'d': 4, 'n': 40, 'noise': 0.5}, {'d': 8, 'n': 80, 'noise': 0.5}]
>>> log_range(1, 1000, 4), log_range(0.01, 1.0, 3)
([1, 10, 100, 1000], [0.01, 0.1, 1.0])
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._validation import generator, positive, whole
from .points import Params, plain

Grid = list[Params]


@dataclass(frozen=True)
class Log:
    """A range from ``low`` to ``high``, both > 0, of which equal ratios are equally likely."""

    low: float
    high: float


def product(**axes: Any) -> Grid:
    """Every combination of the values of ``axes``, the last axis fastest. A single value is an axis of one."""
    return cross(*([{name: value} for value in values] for name, values in _axes(axes).items()))


def zipped(**axes: Any) -> Grid:
    """The first values of all ``axes``, then the second ones …; a single value is repeated. Raises ``ValueError`` for different lengths."""
    columns = _axes(axes)
    lengths = {name: len(values) for name, values in columns.items() if not _is_single(axes[name])}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"zipped axes must have the same length; they have {lengths}. Use product for every combination.")
    count = next(iter(lengths.values()), 1)
    return [
        {name: values[0] if name not in lengths else values[number] for name, values in columns.items()}
        for number in range(count)
    ]


def cross(*grids: Iterable[Mapping[str, Any]]) -> Grid:
    """Every point of the first grid with every point of the second, and so on; their axes must differ."""
    made: Grid = []
    for parts in itertools.product(*(list(grid) for grid in grids)):
        point: Params = {}
        for part in parts:
            if shared := point.keys() & part.keys():
                raise ValueError(f"grids that are crossed must have different axes; {sorted(shared)} are in two of them.")
            point |= part
        made.append(point)
    return made


def log_range(low: float, high: float, count: int) -> list[float] | list[int]:
    """``count`` values with equal ratios, ``low`` and ``high`` among them: an axis for ``product``.

    Whole numbers when both ends are ints (1.0 is none): rounded, and each once, so that there may be fewer.
    """
    low_, high_ = positive("low", low), positive("high", high)
    if low_ > high_:
        raise ValueError(f"low must not exceed high; they are {low!r} and {high!r}. Swap them.")
    values = np.geomspace(low_, high_, whole("count", count)).tolist()
    if _is_whole(low) and _is_whole(high):
        return list(dict.fromkeys(round(value) for value in values))
    return values


def random(count: int, /, *, rng: np.random.Generator, **ranges: Any) -> Grid:
    """``count`` independent points, uniform on ``ranges``: (low, high), ``Log(low, high)``, a list to choose from, or one value.

    Whole numbers, ends included, when both ends are ints.
    """
    generator(rng)
    return _scaled(rng.random((whole("count", count), len(ranges))), ranges)


def sobol(count: int, /, *, seed: int, **ranges: Any) -> Grid:
    """The first ``count`` points of a scrambled Sobol sequence on ``ranges`` (see ``random``): more even than random ones, best when
    ``count`` is a power of two. A larger ``count`` with the same ``seed`` adds points to the same sequence."""
    from scipy.stats import qmc

    count = whole("count", count)
    if not ranges:
        raise ValueError("sobol needs at least one range. Pass one, for instance ridge=Log(1e-3, 1.0).")
    sequence = qmc.Sobol(len(ranges), scramble=True, seed=np.random.default_rng(whole("seed", seed, at_least=0)))  # pyright: ignore
    return _scaled(sequence.random_base2(max(count - 1, 0).bit_length())[:count], ranges)


def _scaled(shares: np.ndarray, ranges: Mapping[str, Any]) -> Grid:
    columns = {name: _column(name, shares[:, place], ranges[name]) for place, name in enumerate(ranges)}
    return [{name: values[number] for name, values in columns.items()} for number in range(len(shares))]


def _column(name: str, shares: np.ndarray, span: Any) -> list[Any]:
    """Numbers in [0, 1) stretched over a range."""
    if _is_single(span):
        return [plain(name, span)] * len(shares)
    if isinstance(span, list):
        values = _values(name, span)
        return [values[min(int(share * len(values)), len(values) - 1)] for share in shares]
    is_log = isinstance(span, Log)
    if not is_log and not (isinstance(span, tuple) and len(span) == 2):
        raise ValueError(f"{name} must be (low, high), Log(low, high), a list to choose from, or one value; it is {span!r}.")
    low, high = (span.low, span.high) if is_log else span
    if (
        not all(_is_whole(end) or (isinstance(end, float | np.floating) and math.isfinite(end)) for end in (low, high))
        or not low < high
    ):
        raise ValueError(f"{name} must go from a finite number to a larger one; it goes from {low!r} to {high!r}.")
    if is_log and low <= 0:
        raise ValueError(f"{name} must have ends > 0 on a logarithmic scale; it starts at {low!r}.")
    is_whole = _is_whole(low) and _is_whole(high)
    first, last = (low - 0.5, high + 0.5) if is_whole else (low, high)
    if is_log:
        stretched = np.exp(math.log(first) + shares * (math.log(last) - math.log(first)))
    else:
        stretched = first + shares * (last - first)
    if is_whole:
        return np.clip(np.rint(stretched), low, high).astype(np.int64).tolist()
    return np.clip(stretched, low, high).tolist()


def _axes(axes: Mapping[str, Any]) -> dict[str, list[Any]]:
    return {name: _values(name, axis) for name, axis in axes.items()}


def _values(name: str, axis: Any) -> list[Any]:
    if _is_single(axis):
        return [plain(name, axis)]
    if isinstance(axis, Mapping | set | frozenset) or not hasattr(axis, "__iter__"):
        raise TypeError(f"{name} must be a list of values, or one; it is {axis!r}.")
    values = [plain(name, value) for value in axis]
    if not values:
        raise ValueError(f"{name} must have at least one value; it has none, which would leave no points.")
    return values


def _is_single(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | bool | np.generic)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
