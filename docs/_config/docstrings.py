"""Docstrings here are plain prose with ``code`` and indented formulas; this makes Markdown of them that looks the same.

Characters that Markdown would take for markup are escaped, doctests become code blocks, and what a ``#:`` comment says of a constant, or
the text that is the value of an enumeration's member, is its docstring.
"""

from __future__ import annotations

import ast
import re
from typing import Any

import griffe

#: What Markdown would take for emphasis, a link or a tag.
_MARKUP = re.compile(r"(?<!\\)([*_\[\]|])")
_CODE = re.compile(r"(``.+?``|`[^`]+`)", re.DOTALL)


class PlainProse(griffe.Extension):
    """What mkdocstrings calls for every object that it reads."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        if isinstance(obj, griffe.Attribute) and obj.docstring is None:
            obj.docstring = _sentence_of_member(obj) or _comment_above(obj)
        if obj.docstring is not None:
            obj.docstring.value = as_markdown(obj.docstring.value)


def as_markdown(text: str) -> str:
    """A docstring as Markdown: prose escaped, doctests fenced, indented blocks (formulas, examples) as they are."""
    parts: list[tuple[str, list[str]]] = []
    for line in text.split("\n"):
        kind = _kind(line, parts[-1][0] if parts else "prose", in_list=_in_list(parts))
        if not parts or parts[-1][0] != kind:
            parts.append((kind, []))
        parts[-1][1].append(line)
    return "\n\n".join(_rendered(kind, "\n".join(lines)) for kind, lines in parts if "\n".join(lines).strip())


def _kind(line: str, before: str, *, in_list: bool) -> str:
    if line.lstrip().startswith(">>>") or (before == "doctest" and line.strip()):
        return "doctest"
    if line.startswith("    ") and not in_list:
        return "block"
    if not line.strip() and before == "block":
        return "block"  # perhaps between two lines of it
    return "prose"


def _in_list(parts: list[tuple[str, list[str]]]) -> bool:
    """Whether the paragraph that is being read is an item of a list, whose further lines are indented."""
    if not parts or parts[-1][0] != "prose":
        return False
    for line in reversed(parts[-1][1]):
        if not line.strip():
            return False
        if re.match(r"\s*([*-]|\d+\.) ", line):
            return True
    return False


def _rendered(kind: str, text: str) -> str:
    if kind == "doctest":
        indent = len(text) - len(text.lstrip())
        return "```pycon\n" + "\n".join(line[indent:] for line in text.split("\n")) + "\n```"
    if kind == "block":
        return text.rstrip()
    lines = _with_room_for_lists(text.strip("\n"))
    return "".join(part if part.startswith("`") else _escaped(part) for part in _CODE.split(lines))


def _with_room_for_lists(text: str) -> str:
    """A list begins after an empty line; without one Markdown takes its items for the paragraph's words."""
    lines: list[str] = []
    for line in text.split("\n"):
        begins = re.match(r" {0,3}[*-] ", line) and lines and lines[-1].strip()
        if begins and not re.match(r" {0,3}[*-] | ", lines[-1]):  # after an item, or the further line of one, it has begun
            lines.append("")
        lines.append(line)
    return "\n".join(lines)


def _escaped(prose: str) -> str:
    """Prose whose characters mean themselves; the bullets of lists stay."""
    escaped = _MARKUP.sub(r"\\\1", prose).replace("<", "&lt;")
    escaped = re.sub(r"(?m)^(\s*)\\\* ", r"\1* ", escaped)
    return re.sub(r"(?m)^(\s*)([#+>=]|-(?! ))", r"\1\\\2", escaped)


def _sentence_of_member(attribute: griffe.Attribute) -> griffe.Docstring | None:
    """The text that is the value of an ``Enum``'s member, as its docstring."""
    parent, value = attribute.parent, str(attribute.value)
    if not isinstance(parent, griffe.Class) or not any("Enum" in str(base) for base in parent.bases) or value[:1] not in "\"'":
        return None
    return griffe.Docstring(str(ast.literal_eval(value)), parent=attribute)


def _comment_above(attribute: griffe.Attribute) -> griffe.Docstring | None:
    """The ``#:`` lines that stand right above a constant, as its docstring."""
    try:
        lines = attribute.lines_collection[attribute.filepath]
    except (KeyError, griffe.BuiltinModuleError):
        return None
    said: list[str] = []
    for line in reversed(lines[: (attribute.lineno or 1) - 1]):
        if not line.strip().startswith("#:"):
            break
        said.insert(0, line.strip().removeprefix("#:").strip())
    return griffe.Docstring("\n".join(said), parent=attribute) if said else None
