"""The papers: refs.bib, which lies beside the package in a wheel and above it in a checkout, read into references."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Reference:
    """A paper: its ``key``, ``title``, ``authors`` ("Given Family"), ``year``, where it appeared, and where to read it ("" where unknown)."""

    key: str
    title: str
    authors: tuple[str, ...]
    year: str
    venue: str = ""
    url: str = ""
    note: str = ""

    def __str__(self) -> str:
        *others, last = self.authors
        who = f"{', '.join(others)} and {last}" if others else last
        parts = [f"{who} ({self.year}).", f"{self.title.rstrip('.')}."]
        parts += [f"{part}." for part in (self.venue, self.note) if part]
        return " ".join([*parts, self.url]).rstrip()


@cache
def references() -> dict[str, Reference]:
    """Every reference of refs.bib by its key.

    Raises ``FileNotFoundError`` when the file is neither in the package nor above it, ``ValueError`` for an entry without a title,
    an author or a year.
    """
    for folder in (_PACKAGE, _PACKAGE.parent):
        path = folder / "refs.bib"
        if path.is_file():
            return parse(path.read_text(encoding="utf-8"))
    raise FileNotFoundError(f"refs.bib is neither in {_PACKAGE} nor above it; the package is incomplete. Install it again.")


def parse(bibliography: str) -> dict[str, Reference]:
    """The entries of a bibliography by key; a field stands on a line of its own, in braces."""
    found: dict[str, Reference] = {}
    for entry in re.finditer(r"^@(\w+)\{([^,\s]+),(.*?)^\}", bibliography, re.MULTILINE | re.DOTALL):
        key = entry[2]
        fields = {
            name.lower(): _plain(value) for name, value in re.findall(r"^\s*(\w+)\s*=\s*\{(.*)\},?\s*$", entry[3], re.MULTILINE)
        }
        absent = [name for name in ("title", "author", "year") if not fields.get(name)]
        if absent:
            raise ValueError(
                f"the entry {key} of refs.bib must have {', '.join(absent)} in braces, on a line of its own. Add it."
            )
        authors = tuple(" ".join(reversed(name.split(", ", 1))) for name in fields["author"].split(" and "))
        venue = fields.get("booktitle") or fields.get("journal", "")
        if "volume" in fields and "journal" in fields:
            venue += f" {fields['volume']}" + (f"({fields['number']})" if "number" in fields else "")
        if "pages" in fields:
            venue += f", {fields['pages']}"
        url = fields.get("url") or (f"https://doi.org/{fields['doi']}" if "doi" in fields else "")
        if not url and "eprint" in fields:
            url = f"https://arxiv.org/abs/{fields['eprint']}"
        found[key] = Reference(key, fields["title"], authors, fields["year"], venue, url, fields.get("note", ""))
    return found


def _plain(value: str) -> str:
    """A field without TeX's braces, dashes and quotation marks."""
    value = value.replace("``", "“").replace("''", "”").replace("--", "–")
    return " ".join(re.sub(r"[{}]", "", value).split())
