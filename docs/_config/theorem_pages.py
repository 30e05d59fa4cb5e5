"""A page for every paper with its statements, made of the statements themselves; and one that lists them all."""

from __future__ import annotations

import re

from w2s_theory.catalogue import page
from w2s_theory.theorems import STATEMENTS


def pages() -> dict[str, str]:
    """Path -> Markdown."""
    papers = papers_in_order()
    found = {f"theorems/{paper}.md": _paper(paper, names) for paper, names in papers.items()}
    rows = [
        "# Theorems",
        "Every published bound, and what was derived here on the way, as a value that can be checked: "
        "`w2s show NAME` prints a statement with an example in numbers, `w2s verify NAME` checks it on problems of its own.",
        "| statement | says | kind |\n|---|---|---|\n"
        + "\n".join(
            f"| [`{name}`]({paper}.md#{anchor(name)}) | {_cell(STATEMENTS[name].says)} | {STATEMENTS[name].kind.noun} |"
            for paper, names in papers.items()
            for name in names
        ),
    ]
    found["theorems/index.md"] = "\n\n".join(rows)
    return found


def papers_in_order() -> dict[str, list[str]]:
    """Paper -> the names of its statements, both in the order of the catalogue."""
    papers: dict[str, list[str]] = {}
    for name in STATEMENTS:
        papers.setdefault(name.partition(".")[0], []).append(name)
    return papers


def anchor(name: str) -> str:
    """Where a statement stands on its paper's page."""
    return name.replace(".", "-")


def _paper(paper: str, names: list[str]) -> str:
    return "\n\n".join([f"# {paper}", *(_statement(name) for name in names)])


def _statement(name: str) -> str:
    """The statement's page, one heading lower, with links to its neighbours."""
    lines = []
    for line in page(name, seed=None).as_markdown().split("\n"):
        if line.startswith("# "):
            line = f"## {line[2:]} {{ #{anchor(name)} }}"
        elif line.startswith("## "):
            line = f"### {line[3:]} {{ #{anchor(name)}-{re.sub('[^a-z]+', '-', line[3:].lower()).strip('-')} }}"
        elif not line.startswith("    "):  # which is a formula
            line = re.sub(r"`([a-z0-9]+[a-z0-9_]*\.[a-z0-9_]+)`", lambda match: _link(match.group(1), name), line)
        lines.append(line)
    return "\n".join(lines)


def _link(name: str, here: str) -> str:
    if name not in STATEMENTS or name == here:
        return f"`{name}`"
    return f"[`{name}`]({name.partition('.')[0]}.md#{anchor(name)})"


def _cell(text: str) -> str:
    return re.sub(r"([|*_\[\]])", r"\\\1", text).replace("<", "&lt;")
