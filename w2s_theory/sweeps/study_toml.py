"""A study in TOML: a function that stands elsewhere, and the grid to run it on.

    run = "model.py:gain"            # a function of a file beside this one, or "package.module:function"
    trials = 20                      # repetitions of every point (axis "trial"); the seed of a trial is its own
    seed_axes = ["noise", "trial"]   # axes that key the draws; all of them unless this says otherwise
    seed = 0                         # another number: other draws
    name = "gain by noise"           # keys the draws too; the file's stem unless this says otherwise
    x = "noise"                      # columns that the figure shows
    y = "gain"
    by = "penalty"

    [grid]                           # the axes are crossed; the last one varies fastest
    penalty = [0.0, 1.0]                            # these values
    noise = {log = [0.1, 10.0], count = 5}          # evenly spread on a logarithmic scale, both ends included
    share = {linear = [0.0, 1.0], count = 3}        # evenly spread
    [grid.zip]                       # side by side: the first values of all, then the second ones, …
    d_weak = [10, 20]
    d_strong = [20, 80]
    [grid.random]                    # count random points of ranges, or of values to choose from
    count = 50
    seed = 1
    width = {log = [8, 512]}
    depth = {linear = [1, 12]}
    method = ["ols", "ridge"]
    [grid.sobol]                     # the same, of a scrambled Sobol sequence, which fills space evenly
    count = 64
    seed = 1
    rate = {log = [1e-4, 1e-1]}

Only ``run`` and ``grid`` are needed. zip, random and sobol are crossed with the other axes. Ranges between whole numbers give whole
numbers. ``[[grid]]`` in place of ``[grid]``, several times, gives several grids, one after the other.
"""

from __future__ import annotations

import difflib
import importlib
import sys
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from . import grids
from .source_file import SourceFile
from .study import Study, StudyError, checked

KEYS = ("run", "name", "trials", "seed", "seed_axes", "x", "y", "by", "grid")
SCALES = ("linear", "log")


def read_toml(path: Path) -> Study:
    """The study of a TOML file. Raises ``StudyError`` that names the key and its value, ``OSError`` when the file can't be read."""
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StudyError(f"{path} must be TOML in UTF-8: {error}.") from error
    for key in said:
        if key not in KEYS:
            raise StudyError(f"{path} has the key {key!r}, which no study has. {_close(key, KEYS)}")
    for key in ("run", "grid"):
        if key not in said:
            raise StudyError(f"{path} must have the key {key!r}: a study has run, a function, and grid, its points.")
    run_one, about = _function(path, said.pop("run"))
    points = _blocks(path, said.pop("grid"))
    title = f"{path.stem}: {about.partition(chr(10))[0].rstrip('.')}" if about else path.stem
    return checked(path, said, title=title, about=about, run_one=run_one, grid=points)


def _function(path: Path, words: Any) -> tuple[Callable[..., Any], str]:
    """The function that ``run`` names, and its docstring."""
    place, _, name = words.rpartition(":") if isinstance(words, str) else ("", "", "")
    if not place or not name.isidentifier():
        raise StudyError(f'run of {path} must be "file.py:function" or "package.module:function"; it is {words!r}.')
    try:
        if place.endswith(".py"):
            run_one: Any = SourceFile(path.parent / place, name)
            found = run_one.load()
        else:
            if (folder := str(path.resolve().parent)) not in sys.path:
                sys.path.append(folder)
            run_one = found = getattr(importlib.import_module(place), name)
    except Exception as error:
        raise StudyError(f"run of {path} is {words!r}, which can't be loaded: {type(error).__name__}: {error}") from error
    if not callable(found):
        raise StudyError(f"run of {path} must name a function; {words!r} is {found!r}.")
    return run_one, (found.__doc__ or "").strip()


def _blocks(path: Path, grid: Any) -> list[dict[str, Any]]:
    blocks = grid if isinstance(grid, list) else [grid]
    if not blocks or not all(isinstance(block, dict) and block for block in blocks):
        raise StudyError(f"grid of {path} must be a table of axes, [grid], or several, [[grid]]; it is {grid!r}.")
    return [point for block in blocks for point in _block(path, block)]


def _block(path: Path, block: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The points of one grid: its axes crossed in the order in which they stand."""
    factors = []
    for key, value in block.items():
        where = f"grid.{key} of {path}"
        try:
            if key == "zip":
                factors.append(grids.zipped(**_table(where, value)))
            elif key in ("random", "sobol"):
                factors.append(_drawn(where, key, _table(where, value)))
            else:
                factors.append(grids.product(**{key: _values(where, value)}))
        except StudyError:
            raise
        except (ValueError, TypeError) as error:
            raise StudyError(f"{where} is {value!r}, and can't be: {error}") from error
    try:
        return grids.cross(*factors)
    except ValueError as error:
        raise StudyError(f"grid of {path}: {error}") from error


def _values(where: str, value: Any) -> list[Any]:
    """The values of one axis: a list, or a range with a count."""
    if isinstance(value, list):
        return value
    if not isinstance(value, dict):
        raise StudyError(
            f"{where} must be a list of values, as in [{value!r}], or a range, as in {{log = [1, 100], count = 3}}; it is {value!r}."
        )
    count = value.get("count")
    if type(count) is not int or count < 1:
        raise StudyError(f"{where} must have a count, a whole number >= 1: {{linear = [0, 1], count = 5}}; it is {value!r}.")
    scale, low, high = _range(where, {key: ends for key, ends in value.items() if key != "count"})
    if scale == "log":
        return list(grids.log_range(low, high, count))
    spread = np.linspace(low, high, count)
    is_whole = type(low) is int and type(high) is int
    return list(dict.fromkeys(np.rint(spread).astype(int).tolist())) if is_whole else spread.tolist()


def _drawn(where: str, kind: str, table: Mapping[str, Any]) -> list[dict[str, Any]]:
    """``count`` points drawn from ranges."""
    for key, least in (("count", 1), ("seed", 0)):
        if type(table.get(key)) is not int or table[key] < least:
            raise StudyError(f"{where} must have a {key}, a whole number >= {least}; it is {table.get(key)!r}.")
    ranges: dict[str, Any] = {}
    for axis, value in table.items():
        if axis in ("count", "seed"):
            continue
        here = f"grid.{kind}.{axis}{where.removeprefix(f'grid.{kind}')}"
        if isinstance(value, list):
            ranges[axis] = value
            continue
        scale, low, high = _range(here, _table(here, value))
        ranges[axis] = grids.Log(low, high) if scale == "log" else (low, high)
    if not ranges:
        raise StudyError(f"{where} must have an axis beside count and seed: width = {{log = [8, 512]}}.")
    if kind == "sobol":
        return grids.sobol(table["count"], seed=table["seed"], **ranges)
    return grids.random(table["count"], rng=np.random.default_rng(table["seed"]), **ranges)


def _range(where: str, value: Mapping[str, Any]) -> tuple[str, Any, Any]:
    """The scale and the two ends of a range."""
    if len(value) != 1 or next(iter(value)) not in SCALES:
        odd = next((key for key in value if key not in SCALES), "")
        raise StudyError(
            f"{where} must be a range, linear = [low, high] or log = [low, high]; it is {dict(value)!r}. {_close(odd, SCALES)}"
        )
    ((scale, ends),) = value.items()
    if not (isinstance(ends, list) and len(ends) == 2 and all(type(end) in (int, float) for end in ends)):
        raise StudyError(f"{where} must have two ends, {scale} = [low, high]; they are {ends!r}.")
    return scale, *ends


def _table(where: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict) or not value:
        raise StudyError(f"{where} must be a table; it is {value!r}.")
    return value


def _close(word: str, known: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    return f"Did you mean {close[0]!r}?" if close else f"There are {', '.join(known)}."
