"""A draw on disk: a CSV to fill in, and a JSON beside it that remembers how the points were drawn.

The CSV has a line for every point that needs a label: its number ``point`` (rows of the answers, counted from 1 below the
header), an empty ``gold``, the ``probability`` of one draw, and the columns of the answers' file that say what the point is. The
answers of weak and student are left out, so that they don't sway whoever labels. Lines may be in any order.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..embeddings.tables import as_number, read_columns
from ..report.writing import replace_file
from .record import DrawRecord

COLUMNS = ("point", "gold", "probability")


def write_draw(path: str | Path, record: DrawRecord, others: Mapping[str, np.ndarray], labels: Mapping[int, str]) -> list[Path]:
    """Write the CSV and its JSON, each whole or not at all, the JSON first; return both paths.

    ``others``: further columns, (N,) each; ``labels``: gold labels that are known already, by row from 0. Raises ``ValueError``
    unless the path ends in .csv, ``OSError`` naming the file that could not be written.
    """
    path = _csv_path(path)
    chance = dict(zip(record.rows.tolist(), record.probabilities.tolist(), strict=True))
    names = {name: f"{name} (answers)" if name in COLUMNS else name for name in others}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*COLUMNS, *names.values()])
    for row in record.points.tolist():
        further = ["" if others[name][row] is None else others[name][row] for name in names]
        writer.writerow([row + 1, labels.get(row, ""), repr(chance[row]), *further])
    replace_file(path.with_suffix(".json"), (json.dumps(record.plain(), allow_nan=False) + "\n").encode())
    replace_file(path, text.getvalue().encode())
    return [path, path.with_suffix(".json")]


def read_draw(path: str | Path) -> tuple[DrawRecord, dict[int, str]]:
    """The record of a draw and the gold labels that were filled in, by row from 0.

    Raises ``ValueError`` (naming the file) for a CSV whose lines are not the points of the record, and for damaged files;
    ``FileNotFoundError``.
    """
    path = _csv_path(path)
    beside = path.with_suffix(".json")
    if not beside.is_file():
        raise FileNotFoundError(
            f"{beside} is not there: without the record of the draw its labels can't be used. Put it back beside {path.name}."
        )
    try:
        record = DrawRecord.from_plain(json.loads(beside.read_text(encoding="utf-8")))
    except ValueError as error:
        raise ValueError(f"{beside}: {error}") from error
    values = read_columns(path, COLUMNS[:2])
    labels: dict[int, str] = {}
    seen: set[int] = set()
    wanted = set(record.points.tolist())
    for line, (point, gold) in enumerate(zip(values["point"], values["gold"], strict=True), 1):
        number = as_number(point)
        if number is None or number - 1.0 not in wanted or int(number) - 1 in seen:
            raise ValueError(
                f"{path}: the column 'point' must hold each point of the draw once; row {line} holds {point!r}. Correct it."
            )
        seen.add(int(number) - 1)
        if gold is not None and str(gold).strip():
            labels[int(number) - 1] = str(gold).strip()
    if seen != wanted:
        lost = min(wanted - seen) + 1
        raise ValueError(
            f"{path} must hold all {len(wanted)} points of the draw; {len(wanted - seen)} are not there, the first is point "
            f"{lost}. Points may not be "
            "left out, or the estimate would be biased: put their lines back."
        )
    return record, labels


def _csv_path(path: str | Path) -> Path:
    path = Path(path)
    if path.suffix.lower() != ".csv":
        raise ValueError(
            f"the draw must be a file that ends in .csv; it is {str(path)!r}. Its record goes beside it, ending in .json."
        )
    return path
