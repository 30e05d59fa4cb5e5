"""Run an experiment's grid: seeds, checkpoints, provenance, the table and the figure.

Everything is a function of ``root``, the folder that holds ``experiments/`` and ``figures/``, so that tests can run a small one.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import importlib.util
import io
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import numpy as np

from ._store import Checkpoint, Row, Table, columns, plain, read_table, write_bytes, write_table

ROOT = Path(__file__).resolve().parents[1]
Scale = Literal["quick", "full"]
SEED_RULE = (
    "SeedSequence(SHA-256 of the JSON list [stem, [[axis, value] for the seed axes]], as eight little-endian 32-bit words)"
)


@dataclass(frozen=True)
class Experiment:
    """What a file says about itself without being run: its stem, its title (first docstring line) and its ``SOURCE``."""

    stem: str
    title: str
    source: str


class PointFailed(RuntimeError):
    """A point of a grid raised; the message names the experiment and the point, the cause is what was raised."""


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


def point_seed(stem: str, axes: tuple[str, ...], params: Mapping[str, Any]) -> np.random.SeedSequence:
    """The seed of a point: a function of the experiment's stem and of the point's values on ``axes``, and of nothing else."""
    absent = [axis for axis in axes if axis not in params]
    if absent:
        raise ValueError(f"SEED_AXES of {stem} must name values of every point; {absent} are not in {dict(params)}.")
    words = json.dumps([stem, [[axis, plain(axis, params[axis])] for axis in axes]])
    return np.random.SeedSequence(np.frombuffer(hashlib.sha256(words.encode()).digest(), dtype="<u4").tolist())


def fingerprint(stem: str, root: Path = ROOT) -> str:
    """Sixteen hexadecimal digits of everything a row depends on: the experiment's file, the shared ones, w2s_theory, versions."""
    spec = importlib.util.find_spec("w2s_theory")
    assert spec is not None and spec.submodule_search_locations
    library = Path(next(iter(spec.submodule_search_locations)))
    sources = [root / "experiments" / f"{stem}.py", *sorted((root / "experiments").glob("_*.py")), *sorted(library.rglob("*.py"))]
    digest = hashlib.sha256(
        json.dumps([platform.python_version(), _version("numpy"), _version("scipy"), _version("torch")]).encode()
    )
    for path in sources:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def run_grid(
    stem: str,
    module: ModuleType,
    scale: Scale,
    *,
    root: Path = ROOT,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Path:
    """Run the points of ``module.SCALES[scale]`` that no checkpoint holds, write the table and return its path.

    ``report(done, total)`` is called before the first point and after each. Finished points are on disk as soon as they end; an
    interruption (Ctrl-C, a kill, an error) loses the open point only. Raises ``PointFailed`` naming the point that raised.
    """
    made = provenance(stem, scale, root)
    grid = [{name: plain(name, value) for name, value in params.items()} for params in module.SCALES[scale]]
    keys = [
        hashlib.sha256(json.dumps([params, scale, made["fingerprint"]], sort_keys=True).encode()).hexdigest() for params in grid
    ]
    if len(set(keys)) < len(keys):
        raise ValueError(f"SCALES[{scale!r}] of {stem} must not hold the same point twice. Add an axis such as 'trial'.")
    path = results_folder(scale, root) / f"{stem}.parquet"
    checkpoint = Checkpoint(path.with_suffix(".partial.jsonl"))
    done = sum(key in checkpoint.points for key in keys)
    report(done, len(grid))
    for params, key in zip(grid, keys, strict=True):
        if key in checkpoint.points:
            continue
        start = time.perf_counter()
        rng = np.random.default_rng(point_seed(stem, tuple(module.SEED_AXES), params))
        try:
            rows = [_full_row(scale, params, row) for row in module.run_one(dict(params), rng=rng)]
        except Exception as error:
            raise PointFailed(f"{stem} failed at {params}") from error
        checkpoint.append(key, rows, time.perf_counter() - start)
        done += 1
        report(done, len(grid))
    points = [checkpoint.points[key] for key in keys]
    table = columns(row for point in points for row in point["rows"])
    made |= {
        "points": len(grid),
        "rows": len(table["scale"]),
        "seed_axes": list(module.SEED_AXES),
        "device": sorted(set(table["device"].tolist())),
        "wall_seconds": round(sum(point["seconds"] for point in points), 3),
        "versions": versions(),  # now, when the packages that the experiment uses have been imported
    }
    write_table(path, table, made)
    checkpoint.delete()
    return path


def _full_row(scale: Scale, params: Row, row: Mapping[str, Any]) -> Row:
    """A row with the values of its point and the runner's two columns."""
    full = {"scale": scale, "device": "cpu"} | params | dict(row)
    if full["scale"] != scale:
        raise ValueError(
            f"'scale' is the runner's column; the experiment sets it to {full['scale']!r}. Give its own another name."
        )
    return {name: plain(name, value) for name, value in full.items()}


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
    return {
        "experiment": stem,
        "scale": scale,
        "seed_rule": SEED_RULE,
        "fingerprint": fingerprint(stem, root),
        "commit": commit,
        "dirty": is_dirty,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "platform": " ".join([platform.system(), *platform.libc_ver()]).strip(),
        "machine": {"architecture": platform.machine(), "processor": _processor(), "cores": os.cpu_count()},
    }


def versions() -> dict[str, str]:
    """Versions of Python, NumPy, SciPy and NumPy's BLAS, and of torch, cvxpy and scikit-learn where they are in use."""
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]  # type: ignore[index]
    found = {"python": platform.python_version(), "numpy": np.__version__, "scipy": _version("scipy")}
    found["blas"] = f"{blas['name']} {blas.get('version', '')}".strip()
    optional = {"torch": "torch", "cvxpy": "cvxpy", "sklearn": "scikit-learn"}
    return found | {package: _version(package) for module, package in optional.items() if module in sys.modules}


def git_state(root: Path = ROOT) -> tuple[str, bool]:
    """The commit, and whether the code differs from it (what runs write does not count); ("unknown", True) outside a checkout."""
    written = (":!experiments/results", ":!benchmarks/results", ":!figures/*.svg", ":!figures/*.png", ":!paper_repro.md")
    try:
        top = _git(root, "rev-parse", "--show-toplevel")
        if not top or not Path(top).samefile(root):
            return "unknown", True
        return _git(root, "rev-parse", "HEAD"), bool(_git(root, "status", "--porcelain", "--", ".", *written))
    except (OSError, subprocess.CalledProcessError):
        return "unknown", True


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _processor() -> str:
    """The processor's name where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor())
