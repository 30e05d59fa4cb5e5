"""Hunt for counterexamples: give a conjecture and a way to draw problems, get back the smallest problem that violates it.

from w2s_theory import bound, falsify, testing
greedy = bound("the student always gains its misfit", lambda r: r.gain, ">=", lambda r: r.misfit)
print(falsify(greedy, testing.triples()))
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._validation import MissingExtra, whole
from .checking import check_statement
from .outcomes import Check, GainReport, Verdict
from .problems.population import Population
from .quantities.gain import report, rounding_scale
from .quantities.projection import projection_numbers
from .statements import Assumption, Relation, Sides, Statement
from .theorems import find
from .triple import Triple


@dataclass(frozen=True)
class Falsification:
    """The outcome of a hunt: the smallest violating ``problem`` with its Check, or ``None`` twice after ``tried`` problems."""

    statement: str
    problem: Any
    check: Check | None
    tried: int

    @property
    def is_found(self) -> bool:
        """True when a counterexample was found. False proves nothing: it only says that ``tried`` problems did not violate it."""
        return self.check is not None

    def __str__(self) -> str:
        if self.check is None:
            return f"{self.statement}: no counterexample in {self.tried} problems (which is no proof)"
        return f"{self.statement}: counterexample found after {self.tried} problems\n  {self.check}\n  {self.problem}"


def bound(
    says: str,
    left: Callable[[GainReport], Any],
    relation: Relation,
    right: Callable[[GainReport], Any],
    *,
    assumptions: tuple[Assumption, ...] = (),
) -> Statement:
    """A conjecture of yours about the numbers of a GainReport, as a Statement.

    It speaks about a Triple (any three predictors) or a Population (whose student is the projection of the weak labels on the strong
    class, and whose report includes the ceiling's terms). ``relation`` is "<=", ">=" or "==".
    """

    def sides(problem: Triple | Population) -> Sides:
        if isinstance(problem, Population):
            projected = projection_numbers(problem)
            numbers = projected.report
            return Sides(left(numbers), right(numbers), projected.scale, projected.solver_error, projected.size)
        numbers = report(problem)
        return Sides(left(numbers), right(numbers), rounding_scale(problem))

    return Statement(says, says, relation, sides, about=(Triple, Population), assumptions=assumptions)


def falsify(
    statement: str | Statement,
    strategy: Any,
    engine: str | Callable[..., Falsification] = "hypothesis",
    *,
    max_examples: int = 500,
) -> Falsification:
    """Look for a problem drawn from ``strategy`` on which ``statement`` is VIOLATED, and shrink it to the smallest.

    ``strategy`` is a Hypothesis strategy for problems (``w2s_theory.testing`` has them). ``engine`` is "hypothesis" or a function
    ``(statement, strategy, max_examples) -> Falsification``. The hunt is deterministic. Problems outside the assumptions are
    skipped. Raises ``MissingExtra`` without Hypothesis, ``KeyError`` for an unknown statement, ``ValueError`` for an unknown engine.
    """
    whole("max_examples", max_examples)
    if callable(engine):
        return engine(find(statement), strategy, max_examples)
    if engine not in ENGINES:
        raise ValueError(f"engine must be one of {', '.join(ENGINES)} or a function; it is {engine!r}.")
    return ENGINES[engine](find(statement), strategy, max_examples)


def _hypothesis(statement: Statement, strategy: Any, max_examples: int) -> Falsification:
    try:
        from hypothesis import HealthCheck, Phase, Verbosity, errors, find, settings
    except ImportError:
        raise MissingExtra("testing", "hypothesis") from None
    tried = 0

    def is_violated(problem: Any) -> bool:
        nonlocal tried
        tried += 1
        return check_statement(statement, problem, rng=np.random.default_rng(0)).verdict is Verdict.VIOLATED

    options = settings(
        max_examples=max_examples,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=(HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large),
        verbosity=Verbosity.quiet,
    )
    try:
        problem = find(strategy, is_violated, settings=options, random=random.Random(0))
    except errors.NoSuchExample:
        return Falsification(statement.name, None, None, tried)
    return Falsification(statement.name, problem, check_statement(statement, problem, rng=np.random.default_rng(0)), tried)


#: Ways to hunt, by name.
ENGINES: dict[str, Callable[[Statement, Any, int], Falsification]] = {"hypothesis": _hypothesis}
