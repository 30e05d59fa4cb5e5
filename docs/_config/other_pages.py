"""The command line, the schemas, the gallery and the ledger: made of the programs, the files and the tables that they are about."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import gallery
from docstrings import as_markdown

from w2s_theory import plotting, schemas
from w2s_theory.cli import COMMANDS

ROOT = Path(__file__).parents[2]


def command_line() -> str:
    """The help of ``w2s`` and of each command."""
    names = ["", *COMMANDS]
    with ThreadPoolExecutor(max_workers=2) as pool:
        helps = list(pool.map(_help, names))
    parts = ["# Command line", "What `w2s --help` and `w2s COMMAND --help` print."]
    for name, text in zip(names, helps, strict=True):
        parts += [f"## w2s {name}".rstrip(), f"```text\n{text}\n```"]
    return "\n\n".join(parts)


def _help(name: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-m", "w2s_theory", *name.split(), "--help"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"},
    )
    if ran.returncode:
        raise RuntimeError(f"`w2s {name} --help` failed:\n{ran.stderr}")
    return ran.stdout.rstrip()


def schema_pages() -> str:
    """Every schema as a table of its keys, and as it is."""
    parts = ["# Schemas", as_markdown(schemas.__doc__ or "")]
    for name in schemas.names():
        schema = schemas.schema(name)
        parts += [
            f"## {name}",
            f"`{schema['$id']}`: {as_markdown(schema.get('title', ''))}",
            as_markdown(schema.get("description", "")),
        ]
        rows = list(_keys(schema, schema))
        if rows:
            parts.append("| key | type | always there | means |\n|---|---|---|---|\n" + "\n".join(rows))
        parts.append(f"```json\n{json.dumps(schema, indent=2, ensure_ascii=False)}\n```")
    return "\n\n".join(parts)


def _keys(schema: dict[str, Any], whole: dict[str, Any], above: str = "", depth: int = 0) -> Any:
    """A row for each key of an object, those of objects within it after it."""
    for key, about in schema.get("properties", {}).items():
        about = _resolved(about, whole)
        must = "yes" if key in schema.get("required", ()) else "no"
        means = as_markdown(about.get("description", "")).replace("\n", " ")
        yield f"| `{above}{key}` | {_type(about, whole)} | {must} | {means} |"
        inner = _resolved(about.get("items", {}), whole) if about.get("type") == "array" else about
        if depth < 4:
            yield from _keys(inner, whole, f"{above}{key}{'[]' if inner is not about else ''}.", depth + 1)


def _resolved(schema: Any, whole: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(schema, dict):
        return {}
    if "$ref" in schema:
        found: Any = whole
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        return {**_resolved(found, whole), **{key: value for key, value in schema.items() if key != "$ref"}}
    return schema


def _type(schema: dict[str, Any], whole: dict[str, Any]) -> str:
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if "enum" in schema:
        return " or ".join(f"`{json.dumps(value)}`" for value in schema["enum"])
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return " or ".join(dict.fromkeys(_type(_resolved(each, whole), whole) for each in schema[word]))
    kind = schema.get("type", "any")
    kind = " or ".join(kind) if isinstance(kind, list) else kind
    return f"array of {_type(_resolved(schema['items'], whole), whole)}" if kind == "array" and schema.get("items") else kind


def gallery_page() -> tuple[str, dict[str, bytes]]:
    """The page, and the pictures on it by path."""
    parts = ["# Gallery", "What `w2s_theory.plotting` draws, on synthetic data, with the lines that draw it."]
    pictures = {}
    for name in gallery.PICTURES:
        function = getattr(plotting, gallery.USES.get(name, name))
        says = (function.__doc__ or "").split("\n\n")[0].replace("\n", " ").strip()
        pictures[f"pictures/{name}.svg"] = gallery.drawn(name)
        parts += [
            f"## {name}",
            as_markdown(says),
            f"![{says.replace('`', '')}](pictures/{name}.svg)",
            f"```python\n{gallery.source(name).rstrip()}\n```",
        ]
    return "\n\n".join(parts), pictures


def ledger() -> str:
    """paper_repro.md without what only a checkout has: its pictures, and links to other files, which keep their paths."""
    text = (ROOT / "paper_repro.md").read_text(encoding="utf-8")
    text = re.sub(r"(?m)^!\[[^\]]*\]\([^)]*\)$", "", text)
    return re.sub(
        r"\[([^\]]+)\]\((?!https?:)([^)#]+)\)",
        lambda m: m.group(1) if m.group(1) == m.group(2) else f"{m.group(1)} (`{m.group(2)}`)",
        text,
    )
