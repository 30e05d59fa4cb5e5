"""What the ledger's page says: statements and experiments with their findings, figures, margins and provenance, gathered from a checkout."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from w2s_theory.catalogue import page as statement_page
from w2s_theory.catalogue import references
from w2s_theory.catalogue.blocks import Block, blocks_of
from w2s_theory.report import provenance
from w2s_theory.report.ledger_page import ExperimentEntry, LedgerPage, Link, Margins, Picture, StatementEntry
from w2s_theory.theorems import STATEMENTS

from . import _ledger as ledger
from ._pictures import picture, words_of
from ._runner import ROOT, Experiment, Scale, catalogue, figures_folder, git_state, results_folder
from ._store import Table, read_table
from .statements import closeness

#: Sections of a statement's page that its card shows by itself.
SHOWN_BY_THE_CARD = ("Claim", "In the ledger", "Where it lives")
#: The scale of what has no table.
NO_TABLE = "none"
#: Keys of a table's provenance that the page shows elsewhere or not at all.
NOT_SHOWN = ("experiment", "scale", "columns", "rows")


def gather(path: Path, root: Path = ROOT) -> LedgerPage:
    """Everything for a page that will stand at ``path``. Raises ``StoreError`` when the ledger or a table is damaged, ``OSError`` for a figure."""
    known, papers = catalogue(root), references()
    before, block, after = ledger.parts(root / "paper_repro.md")
    found, lines = ledger.read_back(block, known)
    place = _Place(path, root)
    with ThreadPoolExecutor() as threads:  # images are encoded while the statements are read
        drawn = {
            stem: threads.submit(picture, stem, said.scale, words_of(stem, root), root)
            for stem, said in lines.items()
            if said.scale is not None
        }
        statements = tuple(_statements(found, place))
        pictures = {stem: future.result() for stem, future in drawn.items()}
    nothing = ledger.Lines(0, None, ())
    experiments = (_experiment(known[stem], lines.get(stem, nothing), pictures.get(stem), papers, place) for stem in known)
    return LedgerPage(
        words=ledger.STATUS_WORDS,
        statements=statements,
        experiments=tuple(experiments),
        papers={key: str(reference) for key, reference in papers.items()},
        notes=_notes(before) + after,
        made=tuple(_made(root)),
        link=place.address,
    )


class _Place:
    """The repository as seen from where the page will stand."""

    def __init__(self, path: Path, root: Path) -> None:
        # Not resolved: a browser takes ".." for the folder above in the address, and knows nothing of symbolic links.
        self.folder, self.root = Path(os.path.abspath(path)).parent, root.absolute()

    def address(self, target: str) -> str:
        """The relative address of a path in the repository; "" where nothing is there."""
        bare, mark, fragment = target.partition("#")
        file = self.root / bare
        return quote(Path(os.path.relpath(file, self.folder)).as_posix()) + mark + fragment if file.exists() else ""

    def link(self, what: str, target: str) -> Link:
        return Link(what, target, self.address(target))


def _statements(found: Mapping[str, tuple[ledger.Finding, Scale]], place: _Place) -> Iterator[StatementEntry]:
    """Every statement of the library, whether or not it has been checked."""
    absent = ledger.Finding("", ledger.NO_ROWS, ledger.to_run("statements")), None
    scales: set[Scale] = {scale for _, scale in found.values()}
    checks = {scale: _checks(scale, place.root) for scale in scales}
    for name, statement in STATEMENTS.items():
        finding, scale = found.get(name, absent)
        whole = statement_page(name, seed=None)
        yield StatementEntry(
            name=name,
            title=whole.title,
            says=statement.says,
            papers=tuple(dict.fromkeys(key for key in (name.partition(".")[0], statement.source.key) if key)),
            source=str(statement.source),
            kind=statement.kind.noun,
            relation=statement.relation,
            tightness=statement.tightness,
            status=finding.status,
            evidence=finding.evidence,
            scale=scale or NO_TABLE,
            margins=checks[scale].get(name) if scale is not None else None,
            sections=tuple(section for section in whole.sections() if section.title not in SHOWN_BY_THE_CARD),
            figures=tuple(Path(at.path).stem for at in whole.places if at.what == "figure"),
            links=tuple(place.link(at.what, at.path) for at in whole.places),
        )


def _checks(scale: Scale, root: Path) -> dict[str, Margins]:
    """The checks of every statement in the table of that scale; none where there is no table."""
    path = results_folder(scale, root) / "statements.parquet"
    if not path.exists():
        return {}
    table = read_table(path)[0]
    names = dict.fromkeys(table["statement"].tolist())
    return {name: _margins({key: column[table["statement"] == name] for key, column in table.items()}) for name in names}


def _margins(rows: Table) -> Margins:
    """The checks of one statement; the worst has the least margin in units of its error."""
    with np.errstate(divide="ignore", invalid="ignore"):
        room = np.where(rows["error"] > 0, rows["margin"] / rows["error"], np.where(rows["margin"] < 0, -np.inf, np.inf))
    room = np.where(np.isfinite(rows["margin"]), room, np.nan)
    worst = -1 if np.isnan(room).all() else int(np.nanargmin(room))
    numbers = ("left", "right", "margin", "error", "tightness")
    there = {name: float(rows[name][worst]) if worst >= 0 else np.nan for name in numbers}
    return Margins(str(rows["relation"][0]), closeness(rows), rows["verdict"] == "HOLDS", worst, **there)


def _experiment(
    experiment: Experiment, said: ledger.Lines, drawn: Picture | None, papers: Collection[str], place: _Place
) -> ExperimentEntry:
    stem, root = experiment.stem, place.root
    command = f"python -m experiments {stem} --{said.scale or 'full'}"
    files = [("experiment", f"experiments/{stem}.py"), ("drawing", f"figures/{stem}.py")]
    made: Mapping[str, Any] = {}
    if said.scale is not None:
        table = results_folder(said.scale, root) / f"{stem}.parquet"
        picture_file = figures_folder(said.scale, root) / f"{stem}.svg"
        files += [(what, file.relative_to(root).as_posix()) for what, file in (("figure", picture_file), ("table", table))]
        if table.exists():
            made = read_table(table)[1]
    return ExperimentEntry(
        stem=stem,
        title=experiment.title,
        about=_about(root / "experiments" / f"{stem}.py"),
        papers=tuple(key for key in papers if re.search(rf"\b{re.escape(key)}\b", experiment.source)),
        source=experiment.source,
        scale=said.scale or NO_TABLE,
        rows=said.rows,
        findings=tuple((finding.claim, finding.status, finding.evidence) for finding in said.findings),
        picture=drawn,
        absent=f"No figure has been drawn yet: `{command}`",
        provenance=tuple((key.replace("_", " "), _said(value)) for key, value in made.items() if key not in NOT_SHOWN),
        command=command,
        links=tuple(place.link(*file) for file in files),
    )


def _about(path: Path) -> tuple[Block, ...]:
    """The docstring of an experiment below its title."""
    try:
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    except SyntaxError:
        return ()
    return blocks_of(docstring.partition("\n")[2])


def _said(value: object) -> str:
    """A value of the provenance in words."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_said(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(map(_said, value))
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def _notes(before: str) -> str:
    """The notes before the generated block, without their title and the empty heading that announces the block."""
    return re.sub(r"\n#+ [^\n]*\s*\Z", "\n", re.sub(r"\A\s*# [^\n]*\n", "", before))


def _made(root: Path) -> Iterator[tuple[str, str]]:
    """When and of what the page was made."""
    commit, is_dirty = git_state(root)
    made = provenance(seed=0, command=("w2s", "report"))
    yield "commit", commit + (" with changes" if is_dirty and commit != "unknown" else "")
    yield "date", made["date"]
    yield "versions", _said(made["versions"])
    yield "command", made["command"]
