"""A published claim as a value: what it says, where it is printed, what it assumes, and how its two sides are computed.

There are four kinds of claim, each with its own checking routine in ``checking.py``:

* ``ForEvery``: the relation holds on every problem within the assumptions (compared up to rounding and solver error);
* ``InExpectation``: it holds for expected values (Monte Carlo with a calibrated interval and a declared resolution);
* ``WithProbability``: it holds with probability at least 1 − δ over draws (exact binomial test of the failure rate);
* ``InLimit``: left approaches right along a sequence of sizes (decay at a declared rate, judged beyond the sizes it was fitted on).

``sides`` has one meaning per kind: ``sides(problem) -> Sides`` for ``ForEvery``; ``sides(problem, count, rng) -> Sides`` with
arrays over ``count`` independent trials for the random kinds; and for ``InLimit`` the same with ``problem`` at one size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

Relation = Literal["<=", ">=", "=="]


@dataclass(frozen=True)
class Source:
    """Where a statement is printed: ``key`` in refs.bib and the ``locus`` (theorem, version). ``derived`` marks what we added."""

    key: str = ""
    locus: str = ""
    derived: bool = False

    def __str__(self) -> str:
        place = " ".join(part for part in (self.key, self.locus) if part)
        if not self.derived:
            return place
        return f"derived here (after {place})" if place else "derived here"


@dataclass(frozen=True)
class Assumption:
    """A named hypothesis and a predicate on the problem. Outside it the statement claims nothing and a check says OUT_OF_SCOPE.

    The predicate has an answer for every problem of the statement's type: a check asks all of them, to name each that is not met.
    """

    says: str
    is_met: Callable[[Any], bool]


@dataclass(frozen=True)
class Sides:
    """The two sides of a statement on one problem, as arrays of one shape (tasks or trials), and how exactly they are known.

    ``scale`` is the size of the numbers that were subtracted on the way (rounding error is proportional to it); it defaults to the
    larger side. ``solver_error`` bounds what an inexact solve can add to |left − right|. ``size`` is the size of what is compared,
    by default ``scale``: when the solver's error is not small against it the check is UNSOLVED, and when rounding could hide a
    thousandth of it a comparison that needed that forgiveness is INCONCLUSIVE.
    """

    left: Any
    right: Any
    scale: Any = None
    solver_error: Any = 0.0
    size: Any = None


@dataclass(frozen=True)
class ForEvery:
    """Claim for every problem within the assumptions."""

    noun = "for every problem"


@dataclass(frozen=True)
class InExpectation:
    """Claim about expectations. ``resolution`` is relative: a check that could not see that much has checked nothing.

    ``is_calibrated`` says whether the trials' tails are light enough on a problem for a t interval (a finite fourth moment, so that
    the variance can itself be estimated, and no event that decides and is too rare to be met: ``checking.is_met``); elsewhere the
    check is INCONCLUSIVE.
    """

    resolution: float = 0.02
    is_calibrated: Callable[[Any], bool] = lambda problem: True
    noun = "in expectation"


@dataclass(frozen=True)
class WithProbability:
    """Claim that holds with probability at least 1 − δ over draws; ``delta(problem)`` reads δ off the problem."""

    delta: Callable[[Any], float]
    noun = "with probability 1 − δ"


@dataclass(frozen=True)
class InLimit:
    """Claim that E left / E right → 1 along ``at(problem, size)``, with |ratio − 1| ≤ ``envelope(problem, size)`` at each size.

    A limit alone can't be refuted by finitely many sizes, so the claim carries its own explicit, vanishing envelope; every size of
    ``sizes(problem)`` is simulated until it is decided against it. ``is_calibrated`` as for ``InExpectation``, of ``at(problem, size)``.
    """

    at: Callable[[Any, int], Any]
    sizes: Callable[[Any], tuple[int, ...]]
    envelope: Callable[[Any, int], float]
    is_calibrated: Callable[[Any], bool] = lambda problem: True
    noun = "in a limit"


Kind = ForEvery | InExpectation | WithProbability | InLimit


@dataclass(frozen=True)
class Statement:
    """A claim about problems.

    ``name`` is "<paper>.<statement>" and is also its path under ``theorems/``; ``says`` is one sentence; ``about`` is the type of
    problem; ``tightness`` says where the bound is attained, or how loose it is; ``examples(rng)`` gives problems within the
    assumptions on which ``w2s verify`` and the ledger check it, the last one being where the bound is attained when it is tight.
    """

    name: str
    says: str
    relation: Relation
    sides: Callable[..., Sides]
    about: type | tuple[type, ...]
    kind: Kind = field(default_factory=ForEvery)
    assumptions: tuple[Assumption, ...] = ()
    source: Source = Source(derived=True)
    tightness: str = ""
    examples: Callable[[Any], tuple[Any, ...]] | None = None

    def __post_init__(self) -> None:
        if self.relation not in ("<=", ">=", "=="):
            raise ValueError(f"relation must be '<=', '>=' or '=='; it is {self.relation!r}.")

    def failed_assumptions(self, problem: Any) -> tuple[str, ...]:
        """The sentences of the assumptions that ``problem`` does not meet."""
        return tuple(a.says for a in self.assumptions if not a.is_met(problem))
