"""How things went, as values: an estimate with its interval, a verdict with its sentence, a check, a gain report.

Nothing here computes; the floors above fill these in. Each value prints as a line or two that a human can read.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Estimate:
    """A number and how well it is known.

    ``value`` is the point estimate; ``low`` and ``high`` bound it at confidence ``level`` (1.0 for an exact value, whose interval is
    a point; ``-inf`` and ``inf`` for one-sided intervals); ``stderr`` is the standard error (0 when exact); ``method`` says how it
    was made ("closed form", "Monte Carlo, 4000 trials", ...).
    """

    value: float
    stderr: float = 0.0
    low: float = math.nan
    high: float = math.nan
    level: float = 1.0
    method: str = "closed form"

    def __post_init__(self) -> None:
        for end in ("low", "high"):
            if math.isnan(getattr(self, end)):
                object.__setattr__(self, end, self.value)
        if self.low > self.high:
            raise ValueError(f"low must not exceed high; they are {self.low} and {self.high}. Swap them.")

    def covers(self, truth: float) -> bool:
        """True when the interval contains ``truth``."""
        return self.low <= truth <= self.high

    def __str__(self) -> str:
        if self.low == self.high:
            return f"{self.value:.6g} ({self.method})"
        return f"{self.value:.6g} [{self.low:.6g}, {self.high:.6g}] at {self.level:.4g} ({self.method})"


class Verdict(enum.Enum):
    """What a check found. Each member's value is the sentence a human reads."""

    HOLDS = "the statement holds on this problem, up to the stated numerical error"
    VIOLATED = "the statement is violated on this problem, by more than the stated numerical error"
    INCONCLUSIVE = "the check could not resolve the difference; nothing has been shown"
    NONFINITE = "a side of the statement is NaN or infinite, so no comparison is possible"
    OUT_OF_SCOPE = "an assumption of the statement fails on this problem, so it claims nothing here"
    UNSOLVED = "a solver failed or a needed extra is not installed, so the check was not carried out"


#: One table maps a verdict to the word in the ledger and to the exit code of ``w2s verify``. Worst first: what is said of several checks
#: is the first that any of them reached.
VERDICT_TABLE: Mapping[Verdict, tuple[str, int]] = {
    Verdict.VIOLATED: ("counterexample found", 1),
    Verdict.NONFINITE: ("not attempted", 1),
    Verdict.UNSOLVED: ("not attempted", 0),
    Verdict.INCONCLUSIVE: ("not attempted", 0),
    Verdict.OUT_OF_SCOPE: ("not attempted", 0),
    Verdict.HOLDS: ("holds", 0),
}


@dataclass(frozen=True)
class Check:
    """The outcome of checking one statement on one problem.

    ``margin`` is the room left: right − left for ``<=``, left − right for ``>=``, −|left − right| for ``==``; for many tasks at once
    it is the worst one, and ``left`` and ``right`` are the sides there. ``error`` is the numerical or statistical error that
    ``margin`` was judged against; ``failed`` names the assumptions that do not hold; ``seed`` is a fingerprint of the
    generator's state on entry: equal fingerprints, equal draws.
    """

    statement: str
    verdict: Verdict
    margin: float = math.nan
    error: float = math.nan
    left: float = math.nan
    right: float = math.nan
    relation: str = ""
    failed: tuple[str, ...] = ()
    why: str = ""
    method: str = ""
    trials: int = 0
    seed: str = ""

    @property
    def tightness(self) -> float:
        """Smaller side divided by larger side where both are positive: 1 means attained, NaN when the ratio means nothing."""
        small, large = sorted((self.left, self.right))
        return small / large if small > 0 and math.isfinite(large) else math.nan

    def __bool__(self) -> bool:
        raise TypeError("a Check has six verdicts, not two; compare check.verdict with Verdict.HOLDS.")

    def __str__(self) -> str:
        head = f"{self.statement}: {self.verdict.name} ({self.verdict.value})"
        if math.isfinite(self.margin):
            head += f"; left {self.left:.6g} {self.relation} right {self.right:.6g}, margin {self.margin:.3g} ± {self.error:.1g}"
        if self.failed:
            head += "; failed: " + "; ".join(self.failed)
        return head + (f"; {self.why}" if self.why else "")


def _optional() -> Any:
    return field(default=None)


@dataclass(frozen=True)
class GainReport:
    """The numbers of one Triple; every field is an array of shape (tasks...), or ``None`` where it is not defined.

    With D the divergence, f the target, w the weak labels, s the student and c the ceiling (the strong model trained on the truth),
    all averaged over samples with weights that sum to one (no factor 1/2):

    * ``weak_error`` D(f, w), ``student_error`` D(f, s), ``gain`` their difference, ``misfit`` D(s, w);
    * ``residual``: what separates gain from misfit, from its own formula, so that ``gain = misfit + residual`` is a check;
    * ``ceiling_error`` D(f, c) and ``pgr`` = gain / (weak_error − ceiling_error), the performance gap recovered, NaN where the
      ceiling does not beat the weak model (the ratio means nothing there);
    * ``cross_term`` and ``penalty_term``: residual = cross_term + penalty_term. For squared loss
      cross_term = −2⟨w − s, f − c⟩, zero when the ceiling reproduces the target, and penalty_term = 2⟨w − s, s − c⟩, zero for an
      unpenalised linear head in sample (for a ridge head it is the penalty's contribution; out of sample it also carries the
      head's estimation error).
    """

    weak_error: Any
    student_error: Any
    gain: Any
    misfit: Any
    residual: Any
    ceiling_error: Any = _optional()
    cross_term: Any = _optional()
    penalty_term: Any = _optional()
    pgr: Any = _optional()
    divergence: str = "squared"

    def numbers(self) -> dict[str, Any]:
        """The fields that hold numbers, as a dictionary in reading order (absent ones left out)."""
        pairs = ((f.name, getattr(self, f.name)) for f in fields(self) if f.name != "divergence")
        return {name: value for name, value in pairs if value is not None}

    def rows(self) -> list[dict[str, float]]:
        """One dictionary of floats per task, ready for a table."""
        columns = {
            name: np.asarray(value.detach().cpu() if hasattr(value, "detach") else value).reshape(-1)
            for name, value in self.numbers().items()
        }
        return [{name: float(column[i]) for name, column in columns.items()} for i in range(len(columns["gain"]))]

    def __str__(self) -> str:
        rows = self.rows()
        lines = [f"GainReport ({self.divergence}, {len(rows)} task{'s' if len(rows) > 1 else ''})"]
        for name in self.numbers():
            values = np.array([row[name] for row in rows])
            spread = f"   from {values.min():.6g} to {values.max():.6g}" if len(rows) > 1 else ""
            lines.append(f"  {name:<14}{values.mean(): .6g}{spread}")
        return "\n".join(lines)
