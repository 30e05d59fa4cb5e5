"""Hunt for counterexamples: give a conjecture and a way to draw problems, get back the smallest problem that violates it.

    from w2s_theory import bound, falsify, testing
    greedy = bound("the student always gains its misfit", lambda r: r.gain, ">=", lambda r: r.misfit)
    print(falsify(greedy, testing.triples()))

``bound`` makes a statement of the conjecture; any other ``Statement`` will do as well.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ._array import is_array, to_numpy
from ._validation import MissingExtra, whole
from .checking import EPSILON, ROUNDING_UNITS, check_statement
from .outcomes import Check, GainReport, Verdict
from .problems.population import Population
from .quantities.gain import report, rounding_scale
from .quantities.projection import projection_numbers
from .statements import Assumption, Relation, Sides, Statement
from .theorems import find
from .triple import Triple


@dataclass(frozen=True)
class Falsification:
    """The outcome of a hunt: the smallest violating ``problem`` with its Check, or ``None`` twice after ``tried`` problems.

    ``undecided`` of them had another verdict than HOLDS or VIOLATED: outside the assumptions, not finite, not resolved.
    """

    statement: str
    problem: Any
    check: Check | None
    tried: int
    undecided: int = 0

    @property
    def is_found(self) -> bool:
        """True when a counterexample was found. False proves nothing: it only says that ``tried`` problems did not violate it."""
        return self.check is not None

    def __str__(self) -> str:
        if self.check is None:
            decided = f"{self.tried - self.undecided} of {self.tried} problems could be decided"
            return f"{self.statement}: no counterexample; {decided} (which is no proof)"
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
            numbers, slip = projected.report, ROUNDING_UNITS * EPSILON * projected.scale + projected.solver_error
        else:
            numbers, slip = report(problem), ROUNDING_UNITS * EPSILON * to_numpy(rounding_scale(problem))
        here = _evaluate(numbers, left, right)
        # What an error of each number of the report does to the sides: they are the user's, of any unit.
        moved = 0.0
        for name, value in numbers.numbers().items():
            if name != "pgr":
                change = max(
                    (np.abs(_evaluate(replace(numbers, **{name: value + sign * slip}), left, right) - here) for sign in (1, -1)),
                    key=np.sum,
                )
                moved = moved + np.sum(change, axis=0)
        return Sides(here[0], here[1], scale=moved / (ROUNDING_UNITS * EPSILON), size=np.max(np.abs(here), axis=0))

    return Statement(says, says, relation, sides, about=(Triple, Population), assumptions=assumptions)


def _evaluate(numbers: GainReport, left: Callable[[GainReport], Any], right: Callable[[GainReport], Any]) -> np.ndarray:
    """Both sides as one float64 array (2, tasks...); raises ``ValueError`` when a side is a number that the report lacks."""
    sides = [left(numbers), right(numbers)]
    if any(side is None for side in sides):
        raise ValueError("a side of the bound is None: that number of the report needs a ceiling. Draw triples with a ceiling.")
    return np.stack(np.broadcast_arrays(*(np.asarray(to_numpy(s) if is_array(s) else s, dtype=np.float64) for s in sides)))


def falsify(
    statement: str | Statement,
    strategy: Any,
    engine: str | Callable[..., Falsification] = "hypothesis",
    *,
    max_examples: int = 500,
) -> Falsification:
    """Look for a problem drawn from ``strategy`` on which ``statement`` is VIOLATED, and shrink it to the smallest.

    ``strategy`` is a Hypothesis strategy for problems (``w2s_theory.testing`` has them). ``engine`` is "hypothesis" or a function
    ``(statement, strategy, max_examples) -> Falsification``. The hunt is deterministic. Problems outside the assumptions count
    as undecided. Raises ``MissingExtra`` without Hypothesis, ``KeyError`` for an unknown statement, ``ValueError`` for an unknown engine.
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
    verdicts: list[Verdict] = []

    def is_violated(problem: Any) -> bool:
        verdicts.append(check_statement(statement, problem, rng=np.random.default_rng(0)).verdict)
        return verdicts[-1] is Verdict.VIOLATED

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
        problem = None
    undecided = sum(verdict not in (Verdict.HOLDS, Verdict.VIOLATED) for verdict in verdicts)
    outcome = None if problem is None else check_statement(statement, problem, rng=np.random.default_rng(0))
    return Falsification(statement.name, problem, outcome, len(verdicts), undecided)


#: Ways to hunt, by name.
ENGINES: dict[str, Callable[[Statement, Any, int], Falsification]] = {"hypothesis": _hypothesis}
