"""What a page is made of: paragraphs, formulas, numbered lists, terms with their meanings, under headings."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Paragraph:
    """Running text on one line; a renderer breaks it."""

    text: str


@dataclass(frozen=True)
class Formula:
    """Displayed mathematics, line by line; a renderer never breaks these lines."""

    lines: tuple[str, ...]


@dataclass(frozen=True)
class Numbered:
    """A numbered list."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Terms:
    """Terms and what is said of each; no sentence, mathematics or names of code on the left."""

    rows: tuple[tuple[str, str], ...]


Block = Paragraph | Formula | Numbered | Terms


@dataclass(frozen=True)
class PageSection:
    """A heading and what stands below it."""

    title: str
    blocks: tuple[Block, ...]


def blocks_of(text: str) -> tuple[Block, ...]:
    """The paragraphs and the displayed formulas (indented by four) of a docstring's text.

    >>> blocks_of("For all x,\\nsay,\\n\\n    x² ≥ 0.")
    (Paragraph(text='For all x, say,'), Formula(lines=('x² ≥ 0.',)))
    """
    blocks: list[Block] = []
    for part in filter(str.strip, re.split(r"\n[ \t]*\n", text)):
        lines = part.strip("\n").splitlines()
        if all(line.startswith("    ") for line in lines):
            blocks.append(Formula(tuple(line.strip() for line in lines)))
        else:
            blocks.append(Paragraph(" ".join(part.split())))
    return tuple(blocks)
