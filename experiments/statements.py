"""Every statement in the library, checked on its own example problems.

A point is one statement and one trial; a trial draws the examples afresh. The rows hold both sides, so that the figure and the
ledger can say how tight a bound was and not only that it held.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments._ledger import Finding
from w2s_theory.outcomes import VERDICT_TABLE, Check, Verdict
from w2s_theory.statements import Statement
from w2s_theory.theorems import STATEMENTS, check_examples

SOURCE = "the papers of the statements"
TRIALS = {"quick": 1, "full": 5}
SCALES = {
    scale: [{"statement": name, "trial": trial} for name in STATEMENTS for trial in range(trials)]
    for scale, trials in TRIALS.items()
}
SEED_AXES = ("statement", "trial")

#: A bound is attained when its sides differ by at most this share of the larger one.
ATTAINED = 0.01


def run_one(params: dict[str, Any], *, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Check one statement on each of its examples; every example has a generator of its own, so that one more disturbs none."""
    return check_rows(STATEMENTS[params["statement"]], rng=rng)


def check_rows(statement: Statement, *, rng: np.random.Generator) -> list[dict[str, Any]]:
    """One row per example of ``statement``; one row, UNSOLVED, where an extra that the examples need is not installed."""
    return [_row(index, statement, check) for index, check in enumerate(check_examples(statement, rng=rng))]


def _row(example: int, statement: Statement, check: Check) -> dict[str, Any]:
    return {
        "example": example,
        "kind": statement.kind.noun,
        "relation": statement.relation,
        "is_derived": statement.source.derived,
        "verdict": check.verdict.name,
        "left": check.left,
        "right": check.right,
        "margin": check.margin,
        "error": check.error,
        "tightness": check.tightness,
        "draws": check.trials,
        "method": check.method,
        "why": "; ".join([*check.failed, check.why] if check.why else check.failed),
    }


def closeness(table: Mapping[str, np.ndarray]) -> np.ndarray:
    """1 − |left − right| / larger side: 1 when the sides are equal, the tightness when both are positive, < 0 for unlike signs.

    NaN where a side is exactly 0 (a claim about a sign), NaN or infinite: a ratio means nothing there.
    """
    left, right = (np.where(np.isfinite(table[side]) & (table[side] != 0), table[side], np.nan) for side in ("left", "right"))
    return 1.0 - np.abs(left - right) / np.maximum(np.abs(left), np.abs(right))


def findings(table: dict[str, np.ndarray]) -> list[Finding]:
    """One finding per statement, in the order of the table; the claim is the statement's name."""
    names = dict.fromkeys(table["statement"].tolist())
    return [_finding(name, {key: column[table["statement"] == name] for key, column in table.items()}) for name in names]


def _finding(name: str, rows: dict[str, np.ndarray]) -> Finding:
    trials, draws = len(set(rows["trial"].tolist())), int(rows["draws"].sum())
    on_what = f"{_count(len(set(rows['example'].tolist())), 'problem')} × {_count(trials, 'seed')}"
    if draws:
        on_what += f", {draws} draws"
    close = closeness(rows)
    for verdict, (status, _) in VERDICT_TABLE.items():
        hit = np.flatnonzero(rows["verdict"] == verdict.name)
        if hit.size and verdict is not Verdict.HOLDS:
            why = "" if verdict is Verdict.VIOLATED else _why(verdict, rows, hit)
            return Finding(name, status + why, f"{len(hit)} of {_count(len(close), 'check')} {verdict.name}; {on_what}")
    word = "holds (derived here)" if rows["is_derived"][0] else "reproduced"
    close = close[~np.isnan(close)]
    if close.size == 0:
        return Finding(name, word, f"compares with 0, so no ratio; smallest margin {rows['margin'].min():.2g}; {on_what}")
    if rows["relation"][0] == "==":
        return Finding(name, word, f"sides agree to {1.0 - close.min():.1g} of the larger; {on_what}")
    best, median = float(close.max()), float(np.median(close))
    if best < 1.0 - ATTAINED:
        loose = f"loose ({_factor(best, median)})"
        word = f"{word}, {loose}" if rows["is_derived"][0] else f"holds but {loose}"
    return Finding(name, word, f"ratio of the sides: best {best:.3g}, median {median:.3g}; {on_what}")


def _factor(best: float, median: float) -> str:
    """Larger over smaller side: the median one, or the best one where most sides differ in sign and the median means nothing."""
    if median > 0:
        return f"factor {1.0 / median:.3g}"
    return f"factor {1.0 / best:.3g} at best" if best > 0 else "sides of unlike sign"


def _why(verdict: Verdict, rows: dict[str, np.ndarray], hit: np.ndarray) -> str:
    reason = str(rows["why"][hit[0]])
    return f" ({verdict.name.lower().replace('_', ' ')}{': ' + reason if reason else ''})"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
