"""The ledger: the generated block of ``paper_repro.md``, built from the tables and from the code, never by hand."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from w2s_theory.montecarlo import proportion_estimate

from ._runner import ROOT, Experiment, Scale, catalogue, load, results_folder
from ._store import StoreError, Table, read_table, write_bytes

BEGIN, END = "<!-- generated: begin -->", "<!-- generated: end -->"
STATUS_WORDS = (
    "reproduced, with changes",
    "reproduced",
    "holds but loose",
    "holds (derived here)",
    "observed here",
    "counterexample found",
    "not reproduced",
    "not attempted",
)


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
    before, _, after = _split(path)
    text = before + render(root) + after
    if text == path.read_text(encoding="utf-8"):
        return False
    write_bytes(path, text.encode())
    return True


def committed(root: Path = ROOT) -> str:
    """The block as it stands in ``paper_repro.md``, markers included."""
    return _split(root / "paper_repro.md")[1]


def _split(path: Path) -> tuple[str, str, str]:
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
    absent = Finding("", "not attempted (no rows yet)", _to_run("statements"))
    lines, tally = [], Counter[str]()
    for name, statement in STATEMENTS.items():
        finding = found.get(name, absent)
        tally[next(word for word in STATUS_WORDS if finding.status.startswith(word))] += 1
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
            lines.append(_row(experiment.title, experiment.source, "none", "", "not attempted (no rows yet)", _to_run(stem)))
            continue
        scale, table = latest
        picture = f"figures/{stem}.svg"
        name = f"[{experiment.title}]({picture})" if scale == "full" else f"{experiment.title} (figures/quick/{stem}.svg)"
        rows = f"{len(table['scale'])}, {scale}"
        if stem == "statements":  # its findings are the first table
            lines.append(_row(name, experiment.source, rows, "see the table above", "", ""))
            continue
        for finding in _findings(stem, scale, table, root):
            lines.append(_row(name, experiment.source, rows, finding.claim, finding.status, finding.evidence))
            name = rows = ""
    return "\n".join(lines)


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


def _to_run(stem: str) -> str:
    return f"run `python -m experiments {stem} --full`"


def _row(*cells: str) -> str:
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"


def _rule(columns: int) -> str:
    return "|" + " --- |" * columns
