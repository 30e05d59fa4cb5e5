"""Write a report: the machine's file first, then the pages, each whole or not at all."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np

from .._array import is_array, to_numpy
from .._validation import MissingExtra
from ..embeddings import files as on_disk
from .glossary import glossary
from .markup import html_page, markdown_page
from .sections import Section


def write_report(
    title: str,
    sections: Iterable[Section],
    folder: str | Path,
    *,
    plain: Mapping[str, Any],
    provenance: Mapping[str, Any],
) -> list[Path]:
    """Write ``report.json``, ``report.md`` (its pictures ``picture_1.png`` … beside it) and ``report.html`` (self-contained).

    ``plain`` is the result for a program, under the key "result" of ``report.json`` (see ``json_ready``); ``provenance`` is from the
    function of that name. A glossary of the words on it and a section on how the report was made are added at its end. Without matplotlib the report
    says that it has no pictures. Every file is written to a temporary name in ``folder`` and renamed; earlier reports are replaced.
    Returns the paths, the three pages first. Raises ``ValueError`` without sections, ``TypeError`` (naming the key) for a value that
    JSON has no word for, ``OSError`` naming the file that could not be written.
    """
    sections = [*sections]
    if not sections:
        raise ValueError("sections must not be empty; a report without them says nothing. Pass at least one Section.")
    folder = Path(folder)
    words = glossary(title, sections)
    whole = [*sections, *([words] if words else []), _made(provenance)]
    pages = ["report.json", "report.md", "report.html"]
    machine = {
        "title": title,
        "provenance": provenance,
        "result": plain,
        "sections": [{"title": s.title, "text": s.text, "rows": s.rows, "caption": s.caption} for s in sections],
    }
    text = json.dumps(json_ready(machine), indent=2, ensure_ascii=True, allow_nan=False) + "\n"
    # The numbers may have taken hours: they are on disk before anything is drawn.
    replace_file(folder / "report.json", text.encode())
    pictures = _draw(sections)
    shown = [number for number, picture in pictures.items() if isinstance(picture, bytes)]
    files = {number: f"picture_{place}.png" for place, number in enumerate(shown, start=1)}
    for number, name in files.items():
        replace_file(folder / name, pictures[number])  # type: ignore[arg-type]
    replace_file(folder / "report.md", markdown_page(title, whole, pictures, files).encode())
    replace_file(folder / "report.html", html_page(title, whole, pictures).encode())
    return [folder / name for name in (*pages, *files.values())]


def json_ready(value: Any, name: str = "result") -> Any:
    """``value`` in the words of JSON: arrays become lists, dataclasses objects, members of an ``Enum`` their names, NaN and ±infinity null.

    Raises ``TypeError`` that names the key for anything else that JSON can't say.
    """
    if is_array(value):
        value = to_numpy(value).tolist()
    elif isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, Path):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: json_ready(getattr(value, field.name), f"{name}.{field.name}") for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): json_ready(item, f"{name}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [json_ready(item, f"{name}[{i}]") for i, item in enumerate(value)]
    raise TypeError(f"{name} must be something that JSON can say; it is a {type(value).__name__}. Convert it to numbers or text.")


def _made(provenance: Mapping[str, Any]) -> Section:
    """How the report was made, for a reader."""
    rows = []
    for key, value in provenance.items():
        if isinstance(value, Mapping):
            rows += [{"what": f"{key}: {name}", "value": _word(item)} for name, item in value.items()]
        else:
            rows.append({"what": key, "value": _word(value)})
    text = "The inputs are named with their SHA-256." if provenance.get("inputs") else ""
    return Section("How this report was made", text, rows=rows)


def _word(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(json_ready(value, "provenance"), ensure_ascii=False)


def _draw(sections: list[Section]) -> dict[int, bytes | str]:
    """The pictures as PNG, by the number of their section; where matplotlib is absent, the sentence that says so."""
    pictures = {number: section.picture for number, section in enumerate(sections, start=1) if section.picture is not None}
    drawn: dict[int, bytes | str] = {number: picture for number, picture in pictures.items() if isinstance(picture, bytes)}
    asked = {number: picture for number, picture in pictures.items() if not isinstance(picture, bytes)}
    if not asked:
        return drawn
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        return drawn | dict.fromkeys(asked, f"There is no picture here: {MissingExtra('figures', 'matplotlib')}")
    from .style import new_figure, style

    for number, picture in asked.items():
        with style():
            figure, axes = new_figure()
            picture(axes)
            buffer = io.BytesIO()
            figure.savefig(buffer, format="png", metadata={"Software": None})
        drawn[number] = buffer.getvalue()
    return drawn


def replace_file(path: Path, data: bytes) -> None:
    """``embeddings.files.replace_file`` with an error that says what could not be written."""
    try:
        on_disk.replace_file(path, data)
    except OSError as error:
        raise OSError(error.errno, f"could not write {path}: {error.strerror or error}") from error
