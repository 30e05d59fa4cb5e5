"""What a study leaves behind: its table, a figure and a page to look at, beside the store that it can go on from."""

from __future__ import annotations

import io
import json
import traceback
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .._validation import MissingExtra
from ..embeddings.files import replace_file
from ..report import Section, interval, write_report
from ..report.columns import mean_interval
from ..schemas import schema
from .result import SweepResult
from .saved import write_table
from .study import Study

#: Rows of the table, failures and means that the page shows; the files have all rows.
HEAD, FAILURES, MEANS = 20, 100, 200
#: Lines of a figure that can be told apart.
MOST_LINES = 8


class NoFigure(Exception):
    """There is no figure; the message says why."""


def write_study(study: Study, result: SweepResult, folder: Path) -> tuple[list[Path], str]:
    """Write table, figure and page of ``result`` into ``folder``; return the paths, and why there is no figure ("" when there is one).

    ``table.parquet`` with ``table.json`` (provenance, schema "sweep-table") beside it and ``table.csv``; ``figure.svg`` and
    ``figure.png``; ``report.html``, ``report.md`` and ``report.json``. The table is on disk before anything is drawn. Each file is
    written whole or not at all; raises ``OSError`` that names the one that could not be.
    """
    named = schema("sweep-table")["$id"]
    table = result.arrow().replace_schema_metadata({"w2s_theory": json.dumps({"schema": named})})
    about = {"study": str(study.file), **result.provenance}
    head = {"schema": named, "study": str(study.file), "title": study.title, "sweep": result.provenance}
    paths = write_table(folder / "table.parquet", table, head)
    replace_file(folder / "table.csv", _csv(table))
    paths.append(folder / "table.csv")
    shown, why = b"", ""
    try:
        pictures = figure_files(study, result.table)
        shown = pictures["png"]
        for extension, data in pictures.items():
            replace_file(folder / f"figure.{extension}", data)
            paths.append(folder / f"figure.{extension}")
    except NoFigure as error:
        why = str(error)
        for extension in ("svg", "png"):  # one of an earlier run would show other numbers
            (folder / f"figure.{extension}").unlink(missing_ok=True)
    plain = {
        "points": result.provenance["points"],
        "finished": result.provenance["finished"],
        "failures": _short(result.failures),
    }
    paths += write_report(study.title, sections(study, result, shown, why), folder, plain=plain, provenance=about)
    return paths, why


def sections(study: Study, result: SweepResult, figure: bytes, why: str) -> list[Section]:
    """The parts of the page: what was run, what came out, the failures, the first rows."""
    about, table = result.provenance, result.table
    ran: list[dict[str, Any]] = [
        {"what": "study", "value": study.file.name},
        {"what": "points", "value": _count(len(study.grid), study.trials)},
        {"what": "finished", "value": f"{about['finished']} of {about['points']}"},
        *(
            {"what": f"axis {axis}", "value": _values([point[axis] for point in study.grid if axis in point])}
            for axis in study.axes
        ),
    ]
    words = study.about.removeprefix(study.title).lstrip(".").strip()  # the title stands above
    parts = [Section("What was run", "\n\n".join([words, *result.notes]), rows=ran)]
    if result.failures:
        text = f"{len(result.failures)} of {about['points']} points have no rows. Their draws can be repeated: a point's seed is its own."
        if len(result.failures) > FAILURES:
            text += f" The first {FAILURES} are shown."
        parts.append(Section("Failures", text, rows=_short(result.failures)))
    if len(next(iter(table.values()))):
        means, words = summary(study, table)
        if len(means) > MEANS:
            words += f" The first {MEANS} of {len(means)} are shown."
        picture = figure or None
        text = f"{words}{f' There is no figure: {why}' if why else ''}"
        parts.append(Section("What came out", text, rows=means[:MEANS], picture=picture, caption=_caption(study, table)))
        rows = [{name: column[i].item() for name, column in table.items()} for i in range(min(HEAD, len(table["error"])))]
        parts.append(Section("The first rows", f"{len(table['error'])} rows are in table.parquet and table.csv.", rows=rows))
    return parts


def summary(study: Study, table: Mapping[str, np.ndarray]) -> tuple[list[dict[str, Any]], str]:
    """The mean of every column of numbers, by the axes and the columns of text, with its 95 % interval over what varies besides."""
    good = table["error"] == ""
    ours = {"trial", "error"}
    values = [name for name, column in table.items() if name not in {*study.axes, *ours} and column.dtype.kind in "fib"]
    by = [name for name in table if name not in {*values, *ours}]
    rows, columns = int(good.sum()), [table[name][good] for name in by]
    labels = np.array([np.unique(column, return_inverse=True)[1] for column in columns]).reshape(len(by), rows)
    _, first, group = np.unique(labels, axis=1, return_index=True, return_inverse=True)
    group = group.reshape(-1)
    means: list[dict[str, Any]] = [{name: column[i].item() for name, column in zip(by, columns, strict=True)} for i in first]
    for name in values:
        column = table[name][good].astype(np.float64)
        known = np.isfinite(column)
        bars = mean_interval(group[known], column[known])
        for at, mean, half in zip(bars.at, bars.mean, bars.half, strict=True):
            means[at][name] = interval(mean, mean - half, mean + half)
    order = np.argsort(first)  # as the grid has them
    words = (
        "Means over the trials, with their 95 % intervals"
        if study.trials
        else "Means, with their 95 % intervals over what varies besides"
    )
    return [means[i] for i in order], f"{words}; rows that failed or hold no finite number are left out."


def figure_files(study: Study, table: Mapping[str, np.ndarray]) -> dict[str, bytes]:
    """The figure as SVG and PNG: the study's own ``draw``, or lines of ``Y`` against ``X``. Raises ``NoFigure``."""
    try:
        import matplotlib
    except ImportError:
        raise NoFigure(str(MissingExtra("figures", "matplotlib"))) from None
    from ..report.style import style

    matplotlib.use("Agg")
    with style(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)  # the figure shows them as boxes
        try:
            figure = study.draw(dict(table)) if study.draw is not None else _lines(study, table)
        except NoFigure:
            raise
        except Exception as error:
            lines = [
                frame.lineno
                for frame in traceback.extract_tb(error.__traceback__)
                if Path(frame.filename).name == study.file.name
            ]
            by = "the figure of X, Y and BY" if study.draw is None else f"draw, line {lines[-1]}," if lines else "draw"
            raise NoFigure(f"{by} failed: {type(error).__name__}: {error}") from error
        figure = getattr(figure, "figure", figure)  # axes are as good
        if not hasattr(figure, "savefig"):
            raise NoFigure(f"draw must return a matplotlib figure; it returned {figure!r}.")
        made = {}
        for extension, metadata in (("svg", {"Date": None}), ("png", {"Software": None})):
            buffer = io.BytesIO()
            figure.savefig(buffer, format=extension, metadata=metadata)
            made[extension] = buffer.getvalue()
    return made


def _lines(study: Study, table: Mapping[str, np.ndarray]) -> Any:
    from ..plotting import new_figure, sweep_lines

    x, y, by = shown_columns(study, table)
    figure, axes = new_figure()
    sweep_lines(axes, table, x, y, by=by or None)
    return figure


def shown_columns(study: Study, table: Mapping[str, np.ndarray]) -> tuple[str, str, str]:
    """Which columns the figure shows: what the study says, else the first number returned against the axis with most values, by the
    first text or other axis that varies. Raises ``NoFigure`` when there is nothing like that."""
    varies = {name: len(np.unique(column)) for name, column in table.items() if name not in ("trial", "error")}
    numbers = [name for name in varies if table[name].dtype.kind in "fi"]
    axes = [name for name in study.axes if name in numbers and varies[name] > 1]
    x = study.x or max(axes, key=lambda name: varies[name], default="")
    y = study.y or next((name for name in numbers if name not in study.axes), "")
    if not x or not y:
        raise NoFigure("no axis of numbers varies, or no number was returned. Name columns as X and Y, or define draw(table).")
    others = [name for name in varies if name not in (x, y) and 1 < varies[name] <= MOST_LINES]
    texts = [name for name in others if table[name].dtype.kind == "U"]
    return x, y, study.by or next(iter([*texts, *(name for name in others if name in study.axes)]), "")


def _caption(study: Study, table: Mapping[str, np.ndarray]) -> str:
    if study.draw is not None:
        return study.title
    try:
        x, y, by = shown_columns(study, table)
    except NoFigure:
        return study.title
    return f"Mean of {y} against {x}{f', by {by}' if by else ''}, with 95 % intervals."


def _short(failures: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in failure.items() if name != "traceback"} for failure in failures[:FAILURES]]


def _count(points: int, trials: int | None) -> str:
    return f"{points}" if trials is None else f"{points} × {trials} trials"


def _values(values: Sequence[Any]) -> str:
    distinct = list(dict.fromkeys(values))
    if len(distinct) <= 12:
        return ", ".join(f"{value:.6g}" if isinstance(value, float) else str(value) for value in distinct)
    ends = (
        f" from {min(distinct):.6g} to {max(distinct):.6g}" if all(isinstance(value, int | float) for value in distinct) else ""
    )
    return f"{len(distinct)} values{ends}"


def _csv(table: Any) -> bytes:
    import pyarrow.csv

    buffer = io.BytesIO()
    pyarrow.csv.write_csv(table, buffer)
    return buffer.getvalue()
