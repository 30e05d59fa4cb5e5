"""Results as values, on disk and as Markdown: a JSON file per benchmark, and one page per device made from them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from experiments._store import write_bytes

from . import BENCHMARKS
from ._timing import Outcome

RESULTS = Path(__file__).parent / "results"


class Goal(NamedTuple):
    """A number that was wanted and the one that was found; ``met`` is ``None`` where it was not judged."""

    problem: str
    wanted: str
    measured: str
    met: bool | None


class Table(NamedTuple):
    """Rows with the same keys, which are the column heads."""

    caption: str
    rows: list[dict[str, Any]]


@dataclass
class Section:
    """The outcome of one benchmark. ``error`` is what the errors of its contests are; ``wrong`` lists contenders whose answer was wrong
    or that failed; ``pictures`` are files by name."""

    title: str
    problem: str
    error: str = "relative error"
    tables: list[Table] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    pictures: dict[str, bytes] = field(default_factory=dict)

    def plain(self, about: dict[str, Any]) -> dict[str, Any]:
        """The section and ``about``, which says where it was made, as JSON has them; pictures by name."""
        return {
            "about": about,
            "title": self.title,
            "problem": self.problem,
            "tables": [{"caption": table.caption, "rows": [_without_nan(row) for row in table.rows]} for table in self.tables],
            "goals": [goal._asdict() for goal in self.goals],
            "notes": self.notes,
            "wrong": self.wrong,
            "pictures": list(self.pictures),
        }

    def add_contest(self, caption: str, outcomes: list[Outcome], scale: str, goal_problem: str) -> None:
        """Enter a contest, whose first contender is ours: its table, the goals that its peers carry, and what was wrong."""
        ours = outcomes[0]
        rows = []
        for outcome in outcomes:
            contender, ratio = outcome.contender, outcome.median / ours.median
            rows.append(
                {
                    "contender": contender.name,
                    "seconds": outcome.median,
                    "fastest": min(outcome.seconds, default=float("nan")),
                    "slowest": max(outcome.seconds, default=float("nan")),
                    "runs": len(outcome.seconds),
                    "× ours": ratio,
                    self.error: outcome.error,
                    "answer": outcome.verdict,
                    "note": outcome.failure or contender.absent or contender.note,
                }
            )
            if outcome.is_wrong:
                self.wrong.append(f"{caption}: {contender.name}: {outcome.failure or f'{self.error} {outcome.error:.1e}'}")
            if contender.goal is not None:
                self.add_goal(
                    goal_problem,
                    f"≥ {contender.goal:g} × faster than {contender.name}",
                    f"{show(ratio)} ×" if outcome.seconds else outcome.verdict,
                    ratio >= contender.goal and not outcome.is_wrong and not ours.is_wrong if outcome.seconds else None,
                    scale,
                )
        self.tables.append(Table(caption, rows))

    def add_goal(self, problem: str, wanted: str, measured: str, met: bool | None, scale: str) -> None:
        """Enter a goal; quick problems are too small to judge it."""
        self.goals.append(Goal(problem, wanted, measured, met if scale == "full" else None))


def _without_nan(row: dict[str, Any]) -> dict[str, Any]:
    return {key: None if value != value else value for key, value in row.items()}


def save(name: str, section: Section, about: dict[str, Any], folder: Path) -> Path:
    """Write ``<folder>/<name>.json``, whole or not at all, and the page ``<folder>.md`` of everything that the folder holds."""
    for picture, data in section.pictures.items():
        write_bytes(folder / picture, data)
    text = json.dumps(section.plain(about), indent=1, ensure_ascii=False) + "\n"
    write_bytes(folder / f"{name}.json", text.encode())
    paths = [folder / f"{each}.json" for each in BENCHMARKS]
    found = [json.loads(path.read_text(encoding="utf-8")) for path in paths if path.exists()]
    write_bytes(folder.with_suffix(".md"), page(found, folder).encode())
    return folder.with_suffix(".md")


def page(sections: list[dict[str, Any]], folder: Path) -> str:
    """The Markdown page of saved ``sections``: the machine, the goals, then every table."""
    newest = max((section["about"] for section in sections), key=lambda about: about["date"])
    lines = [
        f"# Benchmarks, {newest['device']}, {newest['scale']} sizes",
        "",
        "Made by `python -m benchmarks`; [how to read it](" + ("../../" if newest["scale"] == "quick" else "../") + "README.md).",
        "",
        *_machine(newest),
        "",
    ]
    goals = [goal for section in sections for goal in section["goals"]]
    if goals:
        told = {True: "yes", False: "**no**", None: "not judged"}
        rows = [{k: told[v] if k == "met" else v for k, v in goal.items()} for goal in goals]
        lines += ["## Goals", "", *markdown(rows), ""]
    for section in sections:
        lines += section_lines(section, folder.name, repeat=_same_machine(section["about"], newest))
    return "\n".join(lines).rstrip() + "\n"


def section_lines(section: dict[str, Any], folder: str = "", *, repeat: bool = True) -> list[str]:
    """One benchmark as Markdown; ``repeat``: it was made on the machine and with the versions of the page's head."""
    about = section["about"]
    rates = ", ".join(f"{precision} {show(rate)}" for precision, rate in about["gflops"].items())
    lines = [f"## {section['title']}", "", section["problem"], ""]
    lines += [f"{about['date']}; one matrix product before it, Gflop/s: {rates}.", ""]
    if not repeat:
        lines += ["Made by other code, or on another machine:", "", *_machine(about), ""]
    for table in section["tables"]:
        lines += [f"**{table['caption']}**", "", *markdown(table["rows"]), ""]
    lines += [f"![{section['title']}]({folder}/{name})\n" for name in section["pictures"] if name.endswith(".svg")]
    lines += [f"* {note}" for note in section["notes"]]
    lines += [f"* **WRONG** {entry}" for entry in section["wrong"]]
    return [*lines, ""]


def _machine(about: dict[str, Any]) -> list[str]:
    pools = [f"{p['name']} {p['version'] or ''} {'kernel ' + p['core'] if p['core'] else ''}".split() for p in about["pools"]]
    return [
        f"* {about['processor']}; {about['system']}; commit {about['commit'][:12]}{' and changes' if about['dirty'] else ''}",
        "* " + ", ".join(f"{name} {version}" for name, version in about["versions"].items()),
        f"* {max((p['threads'] for p in about['pools']), default=1)} thread: " + "; ".join(" ".join(words) for words in pools),
    ]


def _same_machine(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(one[key] == other[key] for key in ("processor", "system", "versions", "commit", "dirty"))


def markdown(rows: list[dict[str, Any]]) -> list[str]:
    """A Markdown table; columns in which nothing is written are left out."""
    names = [name for name in rows[0] if any(show(row[name]) for row in rows)]
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    return lines + ["| " + " | ".join(show(row[name]).replace("|", "\\|") for name in names) + " |" for row in rows]


def show(value: Any) -> str:
    """Three digits of a number; nothing for ``None`` and NaN."""
    if value is None or value != value:
        return ""
    if not isinstance(value, float):
        return str(value)
    if value == 0.0 or 1e-3 <= abs(value) < 1e6:
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{value:.1e}"
