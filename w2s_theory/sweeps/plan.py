"""What a sweep is to do, checked before anything runs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._validation import whole
from .code import code_version, file_of
from .points import Params, plain, point_key
from .source_file import SourceFile
from .units import refuse_name


@dataclass(frozen=True)
class Plan:
    """The points of a sweep: every one of ``grid`` with each trial, trials of a point side by side; ``keys`` in that order."""

    name: str
    grid: list[Params]
    trials: int | None
    seed: int
    seed_axes: tuple[str, ...]
    version: str
    keys: list[bytes]

    def point(self, number: int) -> tuple[Params, int | None]:
        """Parameters and trial of the point with this number."""
        if self.trials is None:
            return self.grid[number], None
        return self.grid[number // self.trials], number % self.trials


def make_plan(
    run_one: Callable[..., Any],
    grid: Iterable[Mapping[str, Any]],
    *,
    trials: int | None,
    name: str | None,
    seed: int,
    seed_axes: Sequence[str] | None,
    version: str | None,
    is_kept: bool = True,
) -> Plan:
    """Check what the caller of ``sweep`` asks for; raises ``TypeError`` or ``ValueError`` that names what is wrong."""
    _check_function(run_one)
    if trials is not None:
        trials = whole("trials", trials)
    seed = whole("seed", seed, at_least=0)
    for what, value in (("name", name), ("version", version)):
        if value is not None and (not isinstance(value, str) or not value):
            raise ValueError(f"{what} must be a string that is not empty; it is {value!r}.")
    points = _checked(grid, trials)
    axes = [*points[0], *(["trial"] if trials is not None else [])]
    if seed_axes is None:
        chosen = sorted(axes)
    elif isinstance(seed_axes, str):
        raise TypeError(f"seed_axes must be a list of names; it is the string {seed_axes!r}. Pass [{seed_axes!r}].")
    else:
        chosen = list(seed_axes)
        if unknown := [axis for axis in chosen if axis not in axes]:
            raise ValueError(f"seed_axes must name axes of the grid, {axes}; {unknown} are none of them.")
        if len(set(chosen)) < len(chosen):
            raise ValueError(f"seed_axes must not name an axis twice; they are {chosen}.")
        if trials is not None and "trial" not in chosen:
            chosen.append("trial")
    name = name or name_of(run_one)
    if version is None:
        try:
            version = code_version(run_one)
        except ValueError:
            if is_kept:
                raise
            version = "unknown"  # nothing older could be mixed in
    keys = [
        point_key(name, params, trial, seed, version, chosen)
        for params in points
        for trial in (range(trials) if trials is not None else (None,))
    ]
    if len(set(keys)) < len(keys):
        _refuse_twins(points, keys[:: trials or 1])
    return Plan(name, points, trials, seed, tuple(chosen), version, keys)


def name_of(run_one: Callable[..., Any]) -> str:
    """A sweep's name when none is given: the file's stem for a ``SourceFile`` or a function called ``run_one``, else the function's name."""
    name = getattr(run_one, "__name__", "")
    if isinstance(run_one, SourceFile) or name == "run_one":
        path = file_of(run_one)
        return path.stem if path else "run_one"
    return name if name.isidentifier() else "sweep"


def _check_function(run_one: Any) -> None:
    if not callable(run_one):
        raise TypeError(f"run_one must be a function of (params, rng); it is {run_one!r}.")
    function = run_one.load() if isinstance(run_one, SourceFile) else run_one
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # written in C: it will be seen
        return
    try:
        signature.bind({}, rng=None)
    except TypeError as error:
        raise TypeError(f"run_one must be a function of (params, rng), called as run_one(params, rng=rng); {error}.") from None


def _checked(grid: Any, trials: int | None) -> list[Params]:
    if isinstance(grid, Mapping):
        raise TypeError("grid must be a list of points, each a dict; it is one dict. Pass grids.product(**grid).")
    points: list[Params] = []
    for number, point in enumerate(grid):
        if not isinstance(point, Mapping):
            raise TypeError(f"grid must be a list of points, each a dict; entry {number} is {point!r}.")
        points.append({axis: plain(axis, value) for axis, value in point.items()})
        if points[-1].keys() != points[0].keys():
            raise ValueError(
                f"the points of a grid must have the same axes; the first has {list(points[0])}, point {number} has {list(points[-1])}. "
                "Give every point every axis, or run two sweeps."
            )
        for axis, value in points[-1].items():
            if value != value:
                raise ValueError(
                    f"a point must not hold NaN: it equals nothing; {axis!r} of point {number} is NaN. Leave the point out."
                )
    if not points:
        raise ValueError("grid must not be empty: it has no points.")
    for axis in points[0]:
        if not isinstance(axis, str):
            raise TypeError(f"the axes of a grid must be named by strings; one is {axis!r}.")
        if axis != "trial":
            refuse_name(axis)
        elif trials is not None:
            raise ValueError("the grid has an axis 'trial' already, and trials= would add another. Leave one of them out.")
    return points


def _refuse_twins(points: Sequence[Params], keys: Sequence[bytes]) -> None:
    first: dict[bytes, int] = {}
    for number, key in enumerate(keys):
        if key in first:
            raise ValueError(
                f"a grid must not hold the same point twice; points {first[key]} and {number} are both {points[number]}. "
                "Drop one, or use trials= for repetitions."
            )
        first[key] = number
