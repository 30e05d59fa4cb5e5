"""Run an experiment's grid with `w2s_theory.sweeps`: store, provenance, the table and the figure.

Everything is a function of ``root``, the folder that holds ``experiments/`` and ``figures/``, so that tests can run a small one.
"""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
import io
import json
import shutil
import sys
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import numpy as np

from w2s_theory.sweeps import provenance as where
from w2s_theory.sweeps.code import code_version
from w2s_theory.sweeps.engines import Engine
from w2s_theory.sweeps.points import SEED_RULE, plain
from w2s_theory.sweeps.points import point_seed as point_seed
from w2s_theory.sweeps.result import SweepResult
from w2s_theory.sweeps.run import Reporter, sweep
from w2s_theory.sweeps.source_file import SourceFile
from w2s_theory.sweeps.store import StoreError as SweepStoreError

from ._store import Row, StoreError, Table, read_table, write_bytes, write_table

ROOT = Path(__file__).resolve().parents[1]
Scale = Literal["quick", "full"]
Executor = str | Engine
#: Points that a message about failures lists.
SHOWN = 20
#: What the columns that experiments return begin with in the store, where some names are the sweep's own; and the column that keeps
#: their order (one that is None in a row counts as there) and the packages in use.
MARK, ABOUT = "row ", "about the row"
#: Packages that provenance names where points used them, by their module.
USED = {"torch": "torch", "cvxpy": "cvxpy", "sklearn": "scikit-learn"}
#: Files that runs write: changes to them are no changes of the code.
WRITTEN = ("experiments/results", "benchmarks/results", "figures/*.svg", "figures/*.png", "paper_repro.md")


@dataclass(frozen=True)
class Experiment:
    """What a file says about itself without being run: its stem, its title (first docstring line) and its ``SOURCE``."""

    stem: str
    title: str
    source: str


class PointFailed(RuntimeError):
    """Points of a grid raised: the message lists them, ``traceback`` is that of the first."""

    def __init__(self, stem: str, points: int, failures: Sequence[Mapping[str, Any]]) -> None:
        lines = [f"{_values(each)}: {each['error']}" for each in failures[:SHOWN]]
        lines += [f"and {len(failures) - SHOWN} more"] if len(failures) > SHOWN else []
        head = [f"{stem} failed at {lines[0]}"]
        if len(failures) > 1:
            head = [f"{stem} failed at {len(failures)} of {points} points:", *(f"  {line}" for line in lines)]
        way = "The other points are kept while the code stays as it is; the same command runs these again."
        super().__init__("\n".join([*head, way]))
        self.traceback: str = failures[0]["traceback"]


def _values(failure: Mapping[str, Any]) -> Row:
    return {axis: value for axis, value in failure.items() if axis not in ("status", "error", "traceback")}


def catalogue(root: Path = ROOT) -> dict[str, Experiment]:
    """Every experiment, by stem. The files are parsed, not imported: listing costs nothing and can't fail on a missing extra."""
    found = {}
    for path in sorted((root / "experiments").glob("[!_]*.py")):
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
        except SyntaxError as error:  # the others can still be listed and run
            found[path.stem] = Experiment(path.stem, f"does not parse: {error.msg}, line {error.lineno}", "")
            continue
        title = (ast.get_docstring(tree) or path.stem).splitlines()[0].rstrip(".")
        constants = {
            target.id: node.value.value
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        found[path.stem] = Experiment(path.stem, title, str(constants.get("SOURCE", "")))
    return found


def load(kind: Literal["experiments", "figures"], stem: str, root: Path = ROOT) -> ModuleType:
    """Import ``<kind>/<stem>.py`` under ``root``. Raises ``FileNotFoundError`` when there is none."""
    path = root / kind / f"{stem}.py"
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; an experiment and its figure share a stem. Write it.")
    spec = importlib.util.spec_from_file_location(f"{kind}.{stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def results_folder(scale: Scale, root: Path = ROOT) -> Path:
    """Where tables go: quick ones apart, so that a quick run can't overwrite a full one."""
    return root / "experiments" / "results" / ("quick" if scale == "quick" else "")


def figures_folder(scale: Scale, root: Path = ROOT) -> Path:
    """Where pictures go."""
    return root / "figures" / ("quick" if scale == "quick" else "")


def scales_of(stem: str, root: Path = ROOT) -> list[Scale]:
    """The scales that there is a table of."""
    scales: tuple[Scale, ...] = ("quick", "full")
    return [scale for scale in scales if (results_folder(scale, root) / f"{stem}.parquet").exists()]


def fingerprint(stem: str, root: Path = ROOT) -> str:
    """Sixteen hexadecimal digits of what a row depends on: the experiment's file and the shared ones that it imports, w2s_theory,
    versions (``w2s_theory.sweeps.code_version``)."""
    return code_version(source(stem, root))


def source(stem: str, root: Path = ROOT) -> SourceFile:
    """``run_one`` of an experiment, as it travels to workers; they import ``experiments`` for what the file shares with others."""
    return SourceFile(root / "experiments" / f"{stem}.py", package="experiments")


class Rows:
    """``run_one`` of an experiment as the sweep calls it: the names of the columns it returns get a mark, so that they may be any.

    Raises ``ValueError`` for a row that contradicts its point or the runner's column ``scale``, and ``TypeError`` for values that are not plain.
    """

    def __init__(self, run_one: SourceFile, scale: Scale) -> None:
        self.run_one, self.scale = run_one, scale

    def __call__(self, params: Row, *, rng: np.random.Generator) -> list[Row]:
        return [self._marked(params, row) for row in self.run_one(dict(params), rng=rng)]

    def _marked(self, params: Row, row: Mapping[str, Any]) -> Row:
        if row.get("scale", self.scale) != self.scale:
            raise ValueError(
                f"'scale' is the runner's column; the experiment sets it to {row['scale']!r}. Give its own another name."
            )
        full = {name: plain(name, value) for name, value in row.items() if name != "scale"}
        for name in sorted(full.keys() & params.keys()):
            if full[name] != params[name]:
                raise ValueError(
                    f"a row must repeat its point: {name!r} is {params[name]!r} there and {full[name]!r} in the row. Rename it."
                )
        own = {name: value for name, value in full.items() if name not in params}
        about = {"order": list(own), "used": sorted(USED.keys() & sys.modules.keys())}
        return {ABOUT: json.dumps(about)} | {MARK + name: value for name, value in own.items()}


def run_grid(
    stem: str,
    module: ModuleType,
    scale: Scale,
    *,
    root: Path = ROOT,
    report: Reporter | None = None,
    executor: Executor = "in-process",
) -> Path:
    """Run the points of ``module.SCALES[scale]`` that its store does not hold, write the table and return its path.

    ``report(done, total)`` is called before the first point and as points end. Finished points are on disk as soon as their unit ends; an
    interruption (Ctrl-C, a kill) loses open units only, and a point that raises does not stop the others. Raises ``PointFailed`` that
    lists those; the same call runs them again.
    """
    path = results_folder(scale, root) / f"{stem}.parquet"
    store = root / "experiments" / "results" / ".sweeps" / f"{stem}-{scale}"
    made = provenance(stem, scale, root)
    try:
        result = sweep(
            Rows(source(stem, root), scale),
            module.SCALES[scale],
            store=store,
            executor=executor,
            name=stem,
            seed_axes=module.SEED_AXES,
            version=made["fingerprint"],
            retry_failed=True,
            progress=report,
        )
        if result.failures:
            raise PointFailed(stem, result.provenance["points"], result.failures)
        table = _table(stem, scale, result)
    except SweepStoreError as error:
        if path.exists() and read_table(path)[1]["fingerprint"] == made["fingerprint"]:
            return path  # another run of the same code ended before this one and took the store away: its table is this one's
        raise StoreError(str(error)) from error
    except KeyboardInterrupt as stop:
        raise KeyboardInterrupt("Finished points are kept: run the same command again to go on.") from stop
    made |= {
        "points": result.provenance["points"],
        "rows": len(table["scale"]),
        "seed_axes": list(module.SEED_AXES),
        "device": sorted(set(table["device"].tolist())),
        "wall_seconds": round(result.seconds, 3),
        "versions": where.versions()
        | {USED[name]: where.version(USED[name]) for about in _abouts(result) for name in about["used"]},
    }
    write_table(path, table, made)
    _take_away(store)
    return path


def _take_away(store: Path) -> None:
    """Delete a store at one go for another run that works on it: it finds all of it, or nothing."""
    with suppress(OSError):
        store.rename(store.with_name(f"{store.name}-{uuid.uuid4().hex[:8]}.gone"))
    for gone in store.parent.glob(f"{store.name}-*.gone"):  # also what a killed run left
        shutil.rmtree(gone, ignore_errors=True)


def _abouts(result: SweepResult) -> list[dict[str, Any]]:
    """What rows say about themselves, each different word once, in order."""
    return [json.loads(about) for about in dict.fromkeys(result.table[ABOUT].tolist())]


def _table(stem: str, scale: Scale, result: SweepResult) -> Table:
    """The runner's columns, the values of the points, and what the experiment returned."""
    found = result.table
    rows = len(found["error"])
    if not rows:
        raise ValueError(f"rows must not be empty; {stem} returned none.")
    order = dict.fromkeys(name for about in _abouts(result) for name in about["order"])
    own = {name: found[MARK + name] for name in order}
    device = own.pop("device", np.full(rows, ""))
    return {
        "scale": np.full(rows, scale),
        "device": np.where(device == "", "cpu", device),
        **{axis: found[axis] for axis in result.provenance["axes"]},
        **own,
    }


def draw_figure(stem: str, scale: Scale, *, root: Path = ROOT) -> list[Path]:
    """Draw ``<stem>.svg`` and ``<stem>.png`` from the table of that scale and return their paths. Same table, same bytes."""
    import matplotlib

    matplotlib.use("Agg")
    from figures._style import style

    table: Table = read_table(results_folder(scale, root) / f"{stem}.parquet")[0]
    module = load("figures", stem, root)
    paths = []
    with style():
        figure = module.draw(table)
        for extension, metadata in (("svg", {"Date": None}), ("png", {})):  # a date would change the bytes at every run
            buffer = io.BytesIO()
            figure.savefig(buffer, format=extension, metadata=metadata)
            paths.append(figures_folder(scale, root) / f"{stem}.{extension}")
            write_bytes(paths[-1], buffer.getvalue())
    return paths


def provenance(stem: str, scale: Scale, root: Path = ROOT) -> dict[str, Any]:
    """What is known of a table before its first row."""
    commit, is_dirty = git_state(root)
    machine = where.machine()
    return {
        "experiment": stem,
        "scale": scale,
        "seed_rule": SEED_RULE,
        "fingerprint": fingerprint(stem, root),
        "commit": commit,
        "dirty": is_dirty,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "platform": machine.pop("system"),
        "machine": machine,
        "threads": 1,  # of each library of linear algebra, wherever points run
    }


def git_state(root: Path = ROOT) -> tuple[str, bool]:
    """The commit, and whether the code differs from it (what runs write does not count); ("unknown", True) outside a checkout."""
    return where.git_state(root, WRITTEN)
