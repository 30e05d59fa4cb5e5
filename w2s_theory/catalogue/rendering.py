"""A page as text for a terminal, and as Markdown."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable

from .blocks import Block, Formula, Numbered, PageSection, Paragraph, Terms

#: Terms up to this many columns stand beside their meaning; longer ones above it.
_TERM = 24
#: A space at which no line is broken.
_KEPT = "\u00a0"


def text(name: str, title: str, sections: Iterable[PageSection], width: int) -> str:
    """The page in ``width`` columns (40 at least). Formulas, names and addresses are never broken."""
    width = max(width, 40)
    lines = [name, "═" * min(len(name), width), *_wrapped(title, width, "")]
    for section in sections:
        heading = _wrapped(section.title, width, "")
        lines += ["", *heading, "─" * max(map(len, heading))]
        for index, block in enumerate(section.blocks):
            lines += ([""] if index else []) + _text_block(block, width)
    return "\n".join(lines) + "\n"


def markdown(name: str, title: str, sections: Iterable[PageSection], level: int) -> str:
    """The page in Markdown; every heading, list and table of code is plain CommonMark, every other character is text."""
    parts = [f"{'#' * level} {_escaped(name)}", f"**{_escaped(title)}**"]
    for section in sections:
        parts.append(f"{'#' * (level + 1)} {_escaped(section.title)}")
        parts += [_markdown_block(block) for block in section.blocks]
    return "\n\n".join(parts) + "\n"


def _text_block(block: Block, width: int) -> list[str]:
    match block:
        case Paragraph(words):
            return _wrapped(words, width, "  ")
        case Formula(formula):
            return [f"      {line}" for line in formula]
        case Numbered(items):
            return [line for i, item in enumerate(items, 1) for line in _wrapped(item, width, "     ", f"  {i}. ".ljust(5))]
        case Terms(rows):
            column = min(max((len(term) for term, _ in rows), default=0), _TERM, width // 3)
            lines = []
            for term, meaning in rows:
                if len(term) > column:
                    lines.append(f"  {term}")
                    term = ""
                lines += _wrapped(meaning, width, " " * (column + 4), f"  {term:<{column}}  ")
            return lines


def _wrapped(words: str, width: int, indent: str, first: str | None = None) -> list[str]:
    """Lines of at most ``width`` columns. Where there is room, short terms stay with their sign and no line begins with a relation."""
    kept = re.sub(r"(?<!\S)(\S{1,4}) ([−+]) (?=\S{1,6}(?:\s|$))", rf"\1{_KEPT}\2{_KEPT}", words)
    kept = re.sub(r"(?<=\S) (?=[=≤≥→<>∈] )", _KEPT, kept)
    wrapper = textwrap.TextWrapper(
        width,
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    lines = wrapper.wrap(kept)
    if max(map(len, lines), default=0) > width:
        lines = wrapper.wrap(words)
    return [line.replace(_KEPT, " ") for line in lines]


def _markdown_block(block: Block) -> str:
    match block:
        case Paragraph(words):
            return _escaped(words)
        case Formula(formula):
            return "\n".join(f"    {line}" for line in formula)
        case Numbered(items):
            return "\n".join(f"{i}. {_escaped(item)}" for i, item in enumerate(items, 1))
        case Terms(rows):
            return "\n".join(f"- `{term}`: {_escaped(meaning)}" for term, meaning in rows)


def _escaped(words: str) -> str:
    """Text in which no character is a command of Markdown; addresses stay links."""
    return re.sub(r"(https?://\S+)|([\\`*_{}\[\]<>#|~])", lambda m: f"<{m[1]}>" if m[1] else f"\\{m[2]}", words)
