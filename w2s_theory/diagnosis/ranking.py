"""Which weak supervisor to take: students of several teachers at the same points, ranked with family-wise intervals.

Without gold labels no ranking by error is known; what is left is how far each student is from its teacher and from the others'
average, and neither says which one is right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..quantities.label_efficiency.supervisors import LABEL_FREE, RULES, Ranking, rank, scores
from .answers import Answers
from .limits import misfit, pointwise_gain
from .record import differs


@dataclass(frozen=True, eq=False)
class Standing:
    """``names``, and for each candidate ``misfit`` (its student's distance from it) and, with gold labels, ``gains`` (mean at
    the gold points).

    ``ranking``: of students' errors (None without gold labels); ``label_free``: for numbers without gold labels, what each rule
    of
    ``supervisors.LABEL_FREE`` makes of each; ``warning``: what a reader must know;
    ``points``: how many there are, with a gold label or without.
    """

    names: tuple[str, ...]
    loss: str
    misfit: np.ndarray
    gains: np.ndarray | None
    ranking: Ranking | None
    label_free: dict[str, np.ndarray]
    warning: str
    points: int


def rank_supervisors(
    candidates: Sequence[tuple[str, Answers]],
    *,
    gold_is: Literal["random", "unknown"] = "unknown",
    level: float = 0.95,
    rng: np.random.Generator,
) -> Standing:
    """Rank teachers by their students' error (accuracy for classes, squared error for numbers) at the points that have a gold
    label in every file.

    The labelled points must be a uniform draw of all (``gold_is`` "random"), or all points. Raises ``ValueError`` for fewer
    than two candidates, different numbers of points, kinds or gold labels, labels of unknown origin, and one gold label.
    """
    names, answers = tuple(name for name, _ in candidates), [each for _, each in candidates]
    if len(answers) < 2:
        raise ValueError(
            f"there must be two candidates or more to rank; there are {len(answers)}. Name several files, or columns "
            "weak_<name> and student_<name>."
        )
    if len(set(names)) < len(names):
        raise ValueError(f"candidates must have different names; they are {', '.join(names)}. Rename a file.")
    first = answers[0]
    for name, each in candidates[1:]:
        if each.size != first.size or each.kind != first.kind:
            raise ValueError(
                f"candidates must answer the same points in the same way; {names[0]} has {first.size} points ({first.kind}), "
                f"{name} has {each.size} "
                f"({each.kind}). Align them."
            )
    rows = np.flatnonzero(np.all([~np.isnan(each.gold) for each in answers], axis=0))
    for name, each in candidates[1:]:
        if [_gold(each, row) for row in rows.tolist()] != [_gold(first, row) for row in rows.tolist()]:
            raise ValueError(
                f"gold labels must be the same in every file; those of {names[0]} and {name} differ. Are the rows in the same "
                "order?"
            )
    loss = "accuracy" if first.kind == "classes" else "squared"
    apart = np.array([misfit(each, loss) for each in answers])
    if not rows.size:
        return _without_labels(names, answers, loss, apart)
    if gold_is != "random" and rows.size < first.size:
        raise ValueError(
            "gold labels are at some points only, and how these were chosen is not known, so no ranking follows. If they are a "
            "uniform random draw, say that gold is "
            "random."
        )
    if loss == "accuracy":
        errors = np.array([(each.hard("student") != each.gold)[rows] for each in answers], dtype=np.float64)
    else:
        errors = np.array([(each.student - each.gold)[rows] ** 2 for each in answers])
    gains = np.array([np.mean(pointwise_gain(each, loss, rows)) for each in answers])
    return Standing(names, loss, apart, gains, rank(errors, level=level, rng=rng), {}, "", first.size)


def _without_labels(names: tuple[str, ...], answers: list[Answers], loss: str, apart: np.ndarray) -> Standing:
    warning = (
        "There are no gold labels at points that all files share, so which student is best is not known. The numbers say how "
        "far students are from their teachers and from "
        "each other, which a bad pair can share with a good one."
    )
    if loss == "squared":
        weak, student = (np.stack([getattr(each, which) for each in answers]) for which in ("weak", "student"))
        found = {f"{rule}: {RULES[rule]}": scores(rule, weak, student) for rule in LABEL_FREE}
    else:
        found = {"share of points where weak and student differ": np.array([np.mean(differs(each)) for each in answers])}
    return Standing(names, loss, apart, None, None, found, warning, answers[0].size)


def _gold(answers: Answers, row: int) -> str | float:
    value = answers.gold[row]
    return answers.classes[int(value)] if answers.classes else float(value)
