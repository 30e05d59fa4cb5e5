"""The ledger: the generated block of ``paper_repro.md``, built from the tables and from the code, never by hand."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from w2s_theory.montecarlo import proportion_estimate

from ._runner import ROOT, Experiment, Scale, catalogue, load, results_folder
from ._store import StoreError, Table, read_table, write_bytes

BEGIN, END = "<!-- generated: begin -->", "<!-- generated: end -->"
STATUS_WORDS = (
    "reproduced",
    "reproduced, with changes",
    "holds but loose",
    "holds (derived here)",
    "observed here",
    "counterexample found",
    "not reproduced",
    "not attempted",
)
NO_ROWS = "not attempted (no rows yet)"


@dataclass(frozen=True)
class Finding:
    """One line of the ledger: the claim, a status that begins with one of ``STATUS_WORDS``, and the numbers behind it.

    Raises ``ValueError`` for any other status.
    """

    claim: str
    status: str
    evidence: str

    def __post_init__(self) -> None:
        if not self.status.startswith(STATUS_WORDS):
            raise ValueError(
                f"status must begin with one of {STATUS_WORDS}; it is {self.status!r}. Add the detail after the word."
            )


def share_status(successes: int, trials: int, *, level: float = 0.9) -> str:
    """Status of "more often than not" from ``trials`` worlds: by the exact interval of the share, or too few to tell."""
    share = proportion_estimate(successes, trials, level=level)
    if share.low > 0.5:
        return "reproduced, with changes"
    return "not reproduced (see the evidence)" if share.high < 0.5 else f"not attempted (too few worlds to tell: {trials})"


def render(root: Path = ROOT, *, with_quick: bool = True) -> str:
    """The generated block, markers included: full rows where there are any, else quick rows (marked, and only ``with_quick``).

    Raises ``StoreError`` when a table is damaged.
    """
    known = catalogue(root)
    tables = {stem: _latest(stem, root, with_quick) for stem in known}
    return "\n\n".join([BEGIN, _statements(tables.get("statements"), root), _experiments(known, tables, root), END])


def write(root: Path = ROOT) -> bool:
    """Rewrite the block between the markers of ``paper_repro.md``; return whether the file changed."""
    path = root / "paper_repro.md"
    before, _, after = parts(path)
    text = before + render(root) + after
    if text == path.read_text(encoding="utf-8"):
        return False
    write_bytes(path, text.encode())
    return True


def committed(root: Path = ROOT) -> str:
    """The block as it stands in ``paper_repro.md``, markers included."""
    return parts(root / "paper_repro.md")[1]


def parts(path: Path) -> tuple[str, str, str]:
    """The text before the block, the block, the text after it."""
    text = path.read_text(encoding="utf-8")
    start, end = text.find(BEGIN), text.find(END) + len(END)
    if text.count(BEGIN) != 1 or text.count(END) != 1 or end <= start:
        raise StoreError(f"{path} must hold the lines {BEGIN!r} and {END!r} once each, in this order. Put them back.")
    return text[:start], text[start:end], text[end:]


def _latest(stem: str, root: Path, with_quick: bool) -> tuple[Scale, Table] | None:
    """The table that the ledger speaks about: the full one, else the quick one, else none."""
    scales: tuple[Scale, ...] = ("full", "quick") if with_quick else ("full",)
    for scale in scales:
        path = results_folder(scale, root) / f"{stem}.parquet"
        if path.exists() or path.with_suffix(".json").exists():
            return scale, read_table(path)[0]
    return None


def _statements(latest: tuple[Scale, Table] | None, root: Path) -> str:
    """A row for every statement in the library, whether or not it has been checked."""
    from w2s_theory.theorems import STATEMENTS

    found: dict[str, Finding] = {}
    mark = ""
    if latest is not None:
        scale, table = latest
        mark = " (quick)" if scale == "quick" else ""
        found = {finding.claim: finding for finding in _findings("statements", scale, table, root)}
    absent = Finding("", NO_ROWS, to_run("statements"))
    lines, tally = [], Counter[str]()
    for name, statement in STATEMENTS.items():
        finding = found.get(name, absent)
        tally[max((word for word in STATUS_WORDS if finding.status.startswith(word)), key=len)] += 1  # one begins with another
        noun = f"{statement.kind.noun}, {statement.relation}"
        test = _test_file(name, root)
        cells = (f"`{name}`", statement.says, str(statement.source), noun, finding.status + mark, finding.evidence, test)
        lines.append(_row(*cells))
    count = f"{len(lines)} statements{mark}: " + ", ".join(f"{tally[word]} {word}" for word in STATUS_WORDS if tally[word]) + "."
    head = _row("statement", "what it says", "source", "kind", "status", "on what", "test")
    return "\n".join(["### Statements", "", count, "", head, _rule(7), *lines])


def _experiments(known: dict[str, Experiment], tables: dict[str, tuple[Scale, Table] | None], root: Path) -> str:
    """A row for every finding of every experiment; one row for an experiment without a table."""
    lines = ["### Experiments", "", _row("experiment", "source", "rows", "claim", "status", "evidence"), _rule(6)]
    for stem, experiment in known.items():
        latest = tables[stem]
        if latest is None:
            lines.append(_row(experiment.title, experiment.source, "none", "", NO_ROWS, to_run(stem)))
            continue
        scale, table = latest
        name = _named(experiment, scale)
        rows = f"{len(table['scale'])}, {scale}"
        if stem == "statements":  # its findings are the first table
            lines.append(_row(name, experiment.source, rows, "see the table above", "", ""))
            continue
        for finding in _findings(stem, scale, table, root):
            lines.append(_row(name, experiment.source, rows, finding.claim, finding.status, finding.evidence))
            name = rows = ""
    return "\n".join(lines)


def _named(experiment: Experiment, scale: Scale) -> str:
    """An experiment with its figure; quick figures are not committed, and so not linked."""
    if scale == "full":
        return f"[{experiment.title}](figures/{experiment.stem}.svg)"
    return f"{experiment.title} (figures/quick/{experiment.stem}.svg)"


def _findings(stem: str, scale: Scale, table: Table, root: Path) -> list[Finding]:
    """The experiment's findings on its table, which an older version of the experiment may have made."""
    try:
        return load("experiments", stem, root).findings(table)
    except Exception as error:
        raise StoreError(
            f"the findings of {stem} can't be computed from its {scale} table ({type(error).__name__}: {error}). "
            f"If the experiment has changed since, rebuild the table: python -m experiments {stem} --{scale}"
        ) from error


def _test_file(name: str, root: Path) -> str:
    """The test of a statement: the file that mirrors its path under ``theorems/``, or its paper's."""
    paper, _, statement = name.partition(".")
    for path in (f"tests/theorems/{paper}/test_{statement}.py", f"tests/theorems/test_{paper}.py"):
        if (root / path).exists():
            return f"[{Path(path).name}]({path})"
    return "**none**"


def to_run(stem: str) -> str:
    """What is still to be done where there are no rows."""
    return f"run `python -m experiments {stem} --full`"


def _row(*cells: str) -> str:
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"


def _rule(columns: int) -> str:
    return "|" + " --- |" * columns


@dataclass(frozen=True)
class Lines:
    """What a block says of an experiment: the number of rows, of which scale (``None`` without a table), and the findings."""

    rows: int
    scale: Scale | None
    findings: tuple[Finding, ...]


def read_back(block: str, known: dict[str, Experiment]) -> tuple[dict[str, tuple[Finding, Scale]], dict[str, Lines]]:
    """The findings that a block holds: of statements with the scale of their table, by name; of the ``known`` experiments, by stem.

    Computing them again from the tables takes a minute; that the committed block says what the tables say is tested.
    """
    statements: dict[str, tuple[Finding, Scale]] = {}
    experiments: dict[str, Lines] = {}
    stems = {experiment.title: stem for stem, experiment in known.items()}
    stems |= {_named(experiment, scale): stem for stem, experiment in known.items() for scale in ("full", "quick")}
    stem = ""
    for line in block.splitlines():
        cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == 7 and (name := cells[0].strip("`")) != cells[0]:
            mark = " (quick)" if cells[4].endswith(" (quick)") else ""
            statements[name] = Finding(name, cells[4].removesuffix(mark), cells[5]), "quick" if mark else "full"
        elif len(cells) == 6 and (cells[0] in stems or (stem and not cells[0])):
            if cells[0]:
                stem = stems[cells[0]]
                rows, _, word = cells[2].partition(", ")
                experiments[stem] = Lines(int(rows), "quick" if word == "quick" else "full", ()) if word else Lines(0, None, ())
            if cells[4]:
                before = experiments[stem]
                experiments[stem] = replace(before, findings=(*before.findings, Finding(*cells[3:])))
    return statements, experiments
