"""The words of a report, for somebody who has not read the papers."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..outcomes import Estimate
from .sections import Section

#: Word -> what it means.
WORDS = {
    "target": "the truth: gold labels, or what they are drawn from",
    "weak": "the weak supervisor (teacher): the model whose labels the strong model is trained on",
    "student": "the strong model trained on the weak labels; it has seen no gold label",
    "ceiling": "the same strong model trained on gold labels: what it could do with a perfect teacher",
    "gain": "error of weak − error of student; positive means that the student beats its teacher",
    "misfit": "how far student and weak are apart, in the same loss; it needs no gold label",
    "residual": "gain − misfit; zero where the strong class is convex, contains the target, and the student is its best fit",
    "PGR": "performance gap recovered: gain / (error of weak − error of ceiling); 1 means that the student is as good as the ceiling, "
    "0 that it is as good as the weak model; no number where the ceiling does not beat the weak model",
    "ε": "realizability error: the error of the best model in the strong class. In squared loss, for an unpenalised linear student of "
    "the whole population, the gain lies within misfit ± 2√(misfit · ε)",
    "interval": "[low, high] covers the true value in the stated share of repetitions (95 % unless said otherwise)",
}


def glossary(title: str, sections: Iterable[Section]) -> Section | None:
    """The words that occur on a page (in names of columns too: ``weak_error``), and those that explain them; None where there are none."""
    text = "\n".join([title, *(part for section in sections for part in _texts(section))])
    found: set[str] = set()
    while occurring := {word for word in WORDS.keys() - found if re.search(_pattern(word), text, re.IGNORECASE)}:
        found |= occurring
        text = "\n".join(WORDS[word] for word in occurring)
    rows = [{"word": word, "meaning": meaning} for word, meaning in WORDS.items() if word in found]
    return Section("Glossary", rows=rows) if rows else None


def _pattern(word: str) -> str:
    return rf"(?<![^\W_]){word}s?(?![^\W_])"


def _texts(section: Section) -> Iterable[str]:
    """Everything that a section says in words; an interval among its cells says "interval"."""
    yield from (section.title, section.text, section.caption, *section.columns())
    for row in section.rows:
        for cell in row.values():
            if isinstance(cell, str):
                yield cell
            elif isinstance(cell, Estimate):
                yield "interval"
