"""The statements as pages: what is claimed, why, of what, where it is printed, how it is checked, and a problem in numbers.

    from w2s_theory.catalogue import page
    print(page("charikar2024.theorem_1").as_text(width=100))

``page(name)`` returns a ``StatementPage``: its fields, its ``sections()`` of blocks for a renderer, and the page as text, as Markdown and
as plain values.
"""

from __future__ import annotations

from .blocks import Block, Formula, Numbered, PageSection, Paragraph, Terms
from .example import Example
from .page import Neighbour, StatementPage, page
from .places import Place
from .references import Reference, references
from .symbols import Symbol

__all__ = [
    "Block",
    "Example",
    "Formula",
    "Neighbour",
    "Numbered",
    "PageSection",
    "Paragraph",
    "Place",
    "Reference",
    "StatementPage",
    "Symbol",
    "Terms",
    "page",
    "references",
]
