"""A study as a file: what ``w2s sweep FILE`` runs, written in Python or in TOML.

``FILE.py`` has a docstring (its first line is the title), ``GRID`` (a list of points) and ``run_one(params, rng)``, and where wanted
``TRIALS``, ``SEED``, ``SEED_AXES``, ``NAME``, what the figure shows (``X``, ``Y``, ``BY``: names of columns) or ``draw(table)``, a function
that returns a matplotlib figure. ``FILE.toml`` says the same of a function that stands elsewhere; ``study_toml`` has its words.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._validation import whole
from .source_file import SourceFile

#: A study to start from: what ``w2s sweep --example`` prints.
EXAMPLE = '''\
"""Which share of a weak teacher's error a ridge student recovers, by the noise of the teacher.

Run it:  w2s sweep study.py
"""

import numpy as np

from w2s_theory.sweeps.grids import log_range, product

GRID = product(penalty=[0.0, 10.0, 100.0], noise=log_range(0.5, 8.0, 5))
TRIALS = 20
#: Penalties share their draws, so that they are compared on the same samples.
SEED_AXES = ("noise", "trial")
X, Y, BY = "noise", "recovered", "penalty"


def run_one(params, rng):
    """One draw: a linear target in 20 dimensions, a teacher that labels 100 points with noise, a ridge student of these labels."""
    target = rng.normal(size=20) / np.sqrt(20)
    points = rng.normal(size=(100, 20))
    truth = points @ target
    weak = truth + params["noise"] * rng.normal(size=100)
    student = points @ np.linalg.solve(points.T @ points + params["penalty"] * np.eye(20), points.T @ weak)
    weak_error, student_error = np.mean((weak - truth) ** 2), np.mean((student - truth) ** 2)
    return {
        "gain": weak_error - student_error,
        "misfit": np.mean((weak - student) ** 2),
        "recovered": 1.0 - student_error / weak_error,
    }
'''


class StudyError(ValueError):
    """A study can't be run; the message names the file, the key, its value and what it must be."""


@dataclass(frozen=True)
class Study:
    """What a file says: a function of a point and a generator, the points, and what the figure shows."""

    file: Path
    title: str
    about: str
    name: str
    run_one: Callable[..., Any]
    grid: list[dict[str, Any]]
    trials: int | None = None
    seed: int = 0
    seed_axes: tuple[str, ...] | None = None
    x: str = ""
    y: str = ""
    by: str = ""
    draw: Callable[[Any], Any] | None = None

    @property
    def axes(self) -> list[str]:
        """The names that the points have values of, without "trial"."""
        return list(dict.fromkeys(name for point in self.grid for name in point))


def read_study(path: str | Path) -> Study:
    """The study of a .py or .toml file. Raises ``StudyError`` when it is none, ``OSError`` when it can't be read.

    A Python file is run; files beside it can be imported, as when Python itself runs it.
    """
    path = Path(path)
    if path.suffix not in (".py", ".toml"):
        raise StudyError(f"{path} must be a study: a .py file with GRID and run_one, or a .toml file with run and grid.")
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    if path.suffix == ".toml":
        from .study_toml import read_toml

        return read_toml(path)
    return _read_python(path)


def _read_python(path: Path) -> Study:
    module = loaded(path)
    lacking = [name for name in ("GRID", "run_one") if not hasattr(module, name)]
    if lacking:
        raise StudyError(
            f"{path} must have {' and '.join(lacking)}: a study has GRID, a list of points, and run_one(params, rng). "
            "`w2s sweep --example` prints one to start from."
        )
    about = (module.__doc__ or "").strip()
    said = {key: getattr(module, key.upper(), None) for key in ("trials", "seed", "seed_axes", "name", "x", "y", "by")}
    for name in ("run_one", "draw"):
        if not callable(getattr(module, name, print)):
            raise StudyError(f"{name} of {path} must be a function; it is {getattr(module, name)!r}.")
    return checked(
        path,
        {key.upper(): value for key, value in said.items() if value is not None},
        title=about.partition("\n")[0].rstrip("."),
        about=about,
        run_one=SourceFile(path),
        grid=module.GRID,
        draw=getattr(module, "draw", None),
    )


def loaded(path: Path) -> Any:
    """The module of a Python file. What its code raises becomes a ``StudyError`` with the line."""
    try:
        source = SourceFile(path)
    except ValueError as error:  # unreadable, or no Python; the message names the file
        raise StudyError(str(error)) from error
    try:
        return source.module()
    except (Exception, SystemExit) as error:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == source.path]
        raise StudyError(f"{path}, line {lines[-1]}, can't be run: {type(error).__name__}: {error}") from error


def checked(
    path: Path,
    said: Mapping[str, Any],
    *,
    title: str,
    about: str,
    run_one: Callable[..., Any],
    grid: Any,
    draw: Callable[[Any], Any] | None = None,
) -> Study:
    """A study of validated values; ``said`` has the optional ones under the names that they have in the file, for the messages."""
    values = {key.lower(): (key, value) for key, value in said.items()}

    def take(name: str, default: Any, is_good: Callable[[Any], bool], must: str) -> Any:
        key, value = values.get(name, (name, default))
        if name in values and not is_good(value):
            raise StudyError(f"{key} of {path} must be {must}; it is {value!r}.")
        return value

    points = _points(path, grid)
    axes = list(dict.fromkeys(name for point in points for name in point))
    trials = take("trials", None, lambda value: _is_whole(value, 1), "a whole number >= 1")
    seed_axes = take("seed_axes", None, _is_names, "a list of names of axes")
    known = [*axes, *(["trial"] if trials is not None else [])]
    for axis in seed_axes or ():
        if axis not in known or any(axis not in point for point in points if axis != "trial" or trials is None):
            raise StudyError(
                f"{values['seed_axes'][0]} of {path} must name axes of every point ({', '.join(known)}); it names {axis!r}."
            )
    if trials is not None and "trial" in axes:
        raise StudyError(
            f"{values['trials'][0]} of {path} adds an axis 'trial', which the grid has already. Leave one of them out."
        )
    text = {name: take(name, "", lambda value: isinstance(value, str) and bool(value), "a text") for name in ("x", "y", "by")}
    return Study(
        file=path,
        title=title or path.stem,
        about=about,
        name=take("name", path.stem, lambda value: isinstance(value, str) and bool(value.strip()), "a text"),
        run_one=run_one,
        grid=points,
        trials=trials,
        seed=take("seed", 0, lambda value: _is_whole(value, 0), "a whole number >= 0"),
        seed_axes=None if seed_axes is None else tuple(seed_axes),
        draw=draw,
        **text,
    )


def _points(path: Path, grid: Any) -> list[dict[str, Any]]:
    try:
        points: list[Any] = [] if isinstance(grid, Mapping | str) else list(grid)
    except TypeError:
        points = []
    if not points:
        way = "w2s_theory.sweeps.grids.product(n=[10, 20]) makes one"
        raise StudyError(f"the grid of {path} must be a list of points with one at least ({way}); it is {grid!r}.")
    for number, point in enumerate(points, start=1):
        if not isinstance(point, Mapping) or not all(isinstance(name, str) for name in point):
            raise StudyError(f"point {number} of the grid of {path} must be a dict of names and plain values; it is {point!r}.")
    return [dict(point) for point in points]


def _is_whole(value: Any, at_least: int) -> bool:
    try:
        whole("", value, at_least=at_least)
    except ValueError:
        return False
    return not isinstance(value, str)


def _is_names(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(name, str) for name in value)
