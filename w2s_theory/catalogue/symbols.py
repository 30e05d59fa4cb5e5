"""What a sign in a statement stands for: a table for all, one for each paper where its use is its own, one for single statements."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from ..report.glossary import WORDS
from .symbol_tables import PAPERS, STATEMENTS, SYMBOLS

#: A letter belongs to a longer sign when one of these is beside it.
_LETTERS = "A-Za-zα-ωΑ-Ω_\u0300-\u036f"
#: Signs that are looked for otherwise than as a letter of their own.
_PATTERNS = {
    "‖·‖": r"‖[²₁)/,;.·]",  # the bar of KL(p ‖ q) is not a norm's
    "⟨·,·⟩": "⟨",
    "E": r"(?<![A-Za-z])E(?=[\[(‖⟨]| [A-Za-z‖⟨Σ]|_[Qx])",
    "P(…)": r"(?<![A-Za-z])P\(",
    "KL": r"\bKL\b",
    "CE": r"\bCE\b",
}


@dataclass(frozen=True)
class Symbol:
    """A sign or a word, and what it means."""

    sign: str
    means: str


def symbols_in(words: str, name: str) -> tuple[Symbol, ...]:
    """The signs of the tables, and the words of the glossary, that occur in ``words``, a text of the statement ``name``; in order of occurrence.

    >>> [symbol.sign for symbol in symbols_in("gain ≥ misfit − 2√(misfit·ε)", "charikar2024.nonrealizable_convex")]
    ['gain', 'misfit', 'ε']
    """
    known = {word: meaning for word, meaning in WORDS.items() if word not in ("ε", "interval")}
    known |= SYMBOLS | PAPERS.get(name.partition(".")[0], {}) | STATEMENTS.get(name, {})
    places = {sign: _compiled(sign).search(words) for sign in known}
    found = sorted((place.start(), sign) for sign, place in places.items() if place)
    return tuple(Symbol(sign, known[sign]) for _, sign in found if known[sign])


@cache  # there are more signs than ``re`` keeps patterns
def _compiled(sign: str) -> re.Pattern[str]:
    return re.compile(_pattern(sign))


def _pattern(sign: str) -> str:
    """Where a sign stands by itself: ``a`` is a number only beside mathematics, and no letter of a word or of a longer sign counts."""
    if sign in _PATTERNS:
        return _PATTERNS[sign]
    if sign == "a":
        return r"(?<=[(·−+=,√ ])a(?= ?[=<>≤≥·,;)²|(−+/])|(?<=[·√−])a\b|α ?a\b"
    return rf"(?<![{_LETTERS}'’]){re.escape(sign)}(?![{_LETTERS}*̂])"
