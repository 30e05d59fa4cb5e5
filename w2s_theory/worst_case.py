"""Among problems that can be drawn, the one that leaves a statement least room: a search, and no proof.

    from w2s_theory.worst_case import worst_case
    print(worst_case("charikar2024.nonrealizable_convex", draws=200))

Two searches, each finding what the other does not: the statement's own examples, drawn afresh for many seeds (the sizes and spectra of
real problems), and, where ``w2s_theory.testing`` can draw the type of problem, a hunt by Hypothesis among small whole numbers, whose
counterexample is shrunk. A worst case that is certified by a solver is another thing, and nothing of the kind is claimed here.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ._validation import MissingExtra, SolverFailure, whole
from .catalogue.blocks import PageSection, Paragraph, Terms
from .catalogue.example import Example, described, drawn_problems
from .catalogue.rendering import text
from .checking import check_statement
from .outcomes import VERDICT_TABLE, Check, Verdict
from .statements import ForEvery, InExpectation, InLimit, Statement, WithProbability
from .theorems import find

if TYPE_CHECKING:
    from .sweeps.run import Reporter

#: What the least room means for each kind of claim; the last sentence of a report.
_READING = {
    ForEvery: "",
    InExpectation: "Margins are means of simulations, each within its error; the smallest of many is smaller than the truth by luck.",
    WithProbability: "The margin is that of the worst single draw, which the claim allows to fail δ of the time.",
    InLimit: "The margin is what the envelope leaves at the last size, in units of the ratio's limit 1.",
}


@dataclass(frozen=True)
class Hunt:
    """A hunt by Hypothesis: how many problems were tried, how many of them decided nothing, and the smallest counterexample."""

    tried: int
    undecided: int
    found: Example | None


@dataclass(frozen=True)
class LeastRoom:
    """The least ``room`` of problem number ``index`` of the statement's own, over the draws that decided: ``checks`` of them, at ``seed``."""

    index: int
    checks: int
    room: float
    seed: int


@dataclass(frozen=True)
class WorstCase:
    """What a search found. ``verdicts`` counts the checks of the statement's own problems, over ``draws`` seeds from ``seed`` on.

    A statement has several problems to a draw, of which the last attains the bound where it is tight; ``by_problem`` has the least room of
    each. ``tightest`` is the problem with the least room of all, among those on which the statement holds or is violated (an inconclusive check is
    not a tight one); ``room`` is its margin as a share of the larger side, or the margin itself where ``is_relative`` is False
    because the claim compares with 0. ``violated`` are problems on which it fails, the worst first, three at most. ``errors`` are
    draws that ended in an exception. ``hunt`` is ``None`` where no strategy draws that type of problem.
    """

    statement: str
    relation: str
    draws: int
    seed: int
    verdicts: Mapping[str, int]
    tightest: Example | None
    room: float
    is_relative: bool
    by_problem: tuple[LeastRoom, ...]
    violated: tuple[Example, ...]
    errors: tuple[str, ...]
    hunt: Hunt | None
    reading: str

    @property
    def exit_code(self) -> int:
        """1 when the statement is violated, or a side not finite, on some problem."""
        hunted = self.hunt is not None and self.hunt.found is not None
        return max([int(hunted), *(VERDICT_TABLE[Verdict[name]][1] for name in self.verdicts)])

    def as_plain(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        plain = asdict(self) | {"verdicts": dict(self.verdicts), "exit_code": self.exit_code}
        plain["tightest"] = None if self.tightest is None else self.tightest.as_plain()
        plain["violated"] = [problem.as_plain() for problem in self.violated]
        if self.hunt is not None:
            plain["hunt"]["found"] = None if self.hunt.found is None else self.hunt.found.as_plain()
        return plain

    def as_text(self, width: int = 80) -> str:
        """The outcome for a terminal of that many columns."""
        return text(self.statement, find(self.statement).says, _sections(self), width)

    def __str__(self) -> str:
        return self.as_text()


def worst_case(
    statement: str | Statement,
    *,
    draws: int = 100,
    seed: int = 0,
    hunt: int = 100,
    executor: Any = "in-process",
    progress: Reporter | None = None,
) -> WorstCase:
    """Search for the problem that leaves ``statement`` least room: its examples for ``draws`` seeds from ``seed`` on, and ``hunt`` others.

    ``executor`` and ``progress`` are those of ``sweeps.sweep``; the result is the same on every engine. ``hunt=0``, or Hypothesis not
    installed, leaves the hunt out. Raises ``KeyError`` for an unknown name and ``ValueError`` for numbers that are not whole, or
    a statement that is not in the catalogue or has no examples.
    """
    from .sweeps import sweep

    statement = find(statement)
    for name, value, least in (("draws", draws, 1), ("seed", seed, 0), ("hunt", hunt, 0)):
        whole(name, value, at_least=least)
    if find(statement.name) is not statement:
        raise ValueError(f"statement must be in the catalogue; {statement.name} is not. Hunt with w2s_theory.falsify.")
    grid = [{"statement": statement.name, "seed": seed + i} for i in range(draws)]
    result = sweep(draw_checks, grid, executor=executor, name="worst-case", progress=progress)
    rows = [row for row in result.rows() if not row.get("error")]
    errors = tuple(dict.fromkeys(str(row["error"]) for row in result.rows() if row.get("error")))
    decided = [row for row in rows if row["verdict"] in (Verdict.HOLDS.name, Verdict.VIOLATED.name)]
    is_relative = any(row["left"] and row["right"] for row in decided)
    ranked = sorted(decided, key=lambda row: (_room(row, is_relative), row["seed"], row["example"]))
    return WorstCase(
        statement=statement.name,
        relation=statement.relation,
        draws=draws,
        seed=seed,
        verdicts=dict(Counter(row["verdict"] for row in rows)),
        tightest=_again(statement, ranked[0]) if ranked else None,
        room=_room(ranked[0], is_relative) if ranked else math.nan,
        is_relative=is_relative,
        by_problem=tuple(_least_rooms(ranked, is_relative)),
        violated=tuple(_again(statement, row) for row in ranked if row["verdict"] == Verdict.VIOLATED.name)[:3],
        errors=errors,
        hunt=_hunted(statement, hunt) if hunt else None,
        reading=_READING[type(statement.kind)],
    )


def draw_checks(params: Mapping[str, Any], *, rng: np.random.Generator) -> list[dict[str, Any]]:
    """One row per example of ``params["statement"]`` for ``params["seed"]``, which decides the draws: those of ``w2s verify --seed``."""
    statement = find(params["statement"])
    try:
        drawn = drawn_problems(statement, params["seed"])
    except MissingExtra as error:
        return [_row(0, Check(statement.name, Verdict.UNSOLVED, why=str(error)))]
    return [_row(index, check_statement(statement, problem, rng=child)) for index, (problem, child) in enumerate(drawn)]


def _row(index: int, check: Check) -> dict[str, Any]:
    numbers = {name: float(getattr(check, name)) for name in ("margin", "left", "right")}
    return {"example": index, "verdict": check.verdict.name, **numbers}


def _room(row: Mapping[str, Any], is_relative: bool) -> float:
    """The margin, as a share of the larger side where that means something."""
    size = max(abs(row["left"]), abs(row["right"])) if is_relative else 1.0
    return row["margin"] / size if size > 0 else 0.0


def _least_rooms(ranked: list[dict[str, Any]], is_relative: bool) -> Iterator[LeastRoom]:
    """The first of ``ranked`` rows for each problem of the statement's own, in their order."""
    for index in sorted({row["example"] for row in ranked}):
        rows = [row for row in ranked if row["example"] == index]
        yield LeastRoom(index, len(rows), _room(rows[0], is_relative), rows[0]["seed"])


def _again(statement: Statement, row: Mapping[str, Any]) -> Example:
    """The problem of a row, drawn and checked once more."""
    seed, index = int(row["seed"]), int(row["example"])
    problem, rng = drawn_problems(statement, seed)[index]
    return described(problem, check_statement(statement, problem, rng=rng), seed, index)


def _hunted(statement: Statement, count: int) -> Hunt | None:
    """What Hypothesis finds among ``count`` problems within the assumptions; ``None`` without it, or where nothing draws such problems."""
    from .falsification import falsify

    try:
        strategy = _strategy(statement)
    except MissingExtra:
        return None
    if strategy is None:
        return None
    from hypothesis.errors import Unsatisfiable

    from .sweeps.interrupts import PatientInterrupts

    # Hypothesis watches the garbage collector, and Python drops a Ctrl-C that comes while it does.
    with PatientInterrupts(breaks=False) as interrupts:

        def is_in_scope(problem: Any) -> bool:
            interrupts.obey()
            return _is_in_scope(statement, problem)

        try:
            outcome = falsify(statement, strategy.filter(is_in_scope), max_examples=count)
        except Unsatisfiable:
            return None
    if not outcome.tried:
        return None
    found = None if outcome.check is None else described(outcome.problem, outcome.check)
    return Hunt(outcome.tried, outcome.undecided, found)


def _is_in_scope(statement: Statement, problem: Any) -> bool:
    """Whether the problem meets the assumptions, or they can't be evaluated and the check has to say so."""
    try:
        return not statement.failed_assumptions(problem)
    except (MissingExtra, SolverFailure):
        return True


def _strategy(statement: Statement) -> Any:
    """A Hypothesis strategy for the problems that the statement is about, ``None`` where there is none; raises ``MissingExtra``."""
    from hypothesis import strategies as st

    from . import testing

    losses = ("squared", "kl", "reverse-kl", "itakura-saito", "zero-one")
    known = {
        testing.Triple: [*(testing.triples(loss) for loss in losses), testing.triples("zero-one", classes=2)],
        testing.HullPopulation: [testing.hull_populations(loss) for loss in losses[:-1]],
        testing.Population: [
            testing.populations(realizable=True),
            testing.populations(),
            testing.populations(kinds=("subspace", "affine")),
        ],
        testing.LinearSample: [testing.linear_samples(), testing.linear_samples(realizable=True, penalised=False)],
        testing.GaussianWorld: [testing.gaussian_worlds()],
        testing.ConceptWorld: [testing.concept_worlds()],
    }
    about = statement.about if isinstance(statement.about, tuple) else (statement.about,)
    strategies = [strategy for kind in about for strategy in known.get(kind, ())]
    return st.one_of(strategies) if strategies else None


def _sections(found: WorstCase) -> list[PageSection]:
    """The outcome as the sections of a page."""
    counted = ", ".join(f"{count} {name}" for name, count in found.verdicts.items()) or "none"
    searched = [Paragraph(f"Own examples for the seeds {found.seed} to {found.seed + found.draws - 1}: {counted}.")]
    searched += [Paragraph(f"A draw failed: {error}") for error in found.errors[:3]]
    if found.hunt is None:
        searched.append(
            Paragraph("No hunt: no Hypothesis strategy draws such problems, it is not installed, or none was asked for.")
        )
    else:
        decided = found.hunt.tried - found.hunt.undecided
        outcome = "a counterexample" if found.hunt.found else "no counterexample"
        searched.append(Paragraph(f"Hunt by Hypothesis: {found.hunt.tried} problems, {decided} of them decided; {outcome}."))
    sections = [PageSection("Searched", tuple(searched))]
    if found.tightest is None:
        sections.append(PageSection("The tightest", (Paragraph("No problem was decided, so none is the tightest."),)))
    else:
        again = Paragraph(f"Again: w2s verify {found.statement} --seed {found.tightest.seed}")
        sections.append(PageSection("The tightest", (Paragraph(_tightness(found)), *found.tightest.blocks(), again)))
        rows = [(f"problem {r.index + 1}", f"{r.room:.3g} at seed {r.seed} ({r.checks} decided)") for r in found.by_problem]
        sections.append(PageSection("Least room, by problem of the statement's own", (Terms(tuple(rows)),)))
    for problem in found.violated[found.tightest in found.violated :]:
        sections.append(PageSection("Violated too", problem.blocks()))
    if found.hunt is not None and found.hunt.found is not None:
        sections.append(PageSection("The hunt's counterexample", found.hunt.found.blocks()))
    end = "This was a search, not a proof: a problem with less room may exist, and a worst case certified by a solver is another thing."
    sections.append(PageSection("What this says", tuple(Paragraph(words) for words in (end, found.reading) if words)))
    return sections


def _tightness(found: WorstCase) -> str:
    """How tight the tightest problem is, in a sentence."""
    assert found.tightest is not None
    check = found.tightest.check
    unit = "of the larger side" if found.is_relative else "(a side is 0 on every problem, so margins are compared as they are)"
    if check.verdict is Verdict.VIOLATED:
        return f"Violated, by {abs(found.room):.2g} {unit}."
    if abs(check.margin) <= check.error:
        return f"The sides can't be told apart: they differ by {abs(found.room):.2g} {unit}, less than the stated error."
    ratio = f"; smaller over larger side {check.tightness:.6g}" if math.isfinite(check.tightness) else ""
    return f"Room: {found.room:.3g} {unit}{ratio}."
