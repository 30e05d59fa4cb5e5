"""Gain in accuracy from gold labels only where weak and student disagree: gain = misfit·(q_s − q_w).

misfit = P(s ≠ w) needs no label; q_s = P(student right | s ≠ w), q_w = P(weak right | s ≠ w). Where they agree the gain is 0
whatever the truth.

*Why it saves.* With m labels on disagreements the variance is misfit²(r − δ²)/m, r = q_s + q_w, δ = q_s − q_w; with n labels
drawn uniformly from all points that of the paired estimate is (misfit·r − misfit²δ²)/n. So equal variances take

    n/m = (1/misfit)·(r − misfit·δ²)/(r − δ²) ≥ 1/misfit,

with equality when δ = 0 (statement ``label_efficiency.disagreement_saving``). It is a statement about variances: with a
handful of labels, where intervals are wide against their range, and where the misfit itself is uncertain
(``target="population"`` with few unlabelled points), it need not carry over.

*Targets.* "pool": the gain of the N points at hand, with the m labelled ones a uniform draw without replacement of the M that
differ; a finite population, so the interval shrinks to a point when all M are labelled. "population": the N points are a
sample themselves. Given M, the labelled points are independent draws from the law of disagreements, so intervals for the
misfit (from M of N) and for δ (from the labels) are independent, and

    exact   all products of the two, at levels whose product is ``level``: the misfit, of which there is more data, gets
            MISFIT_SHARE of 1 − level (conservative where the misfit is as uncertain as δ: with few unlabelled points);
    score   v ± √((μ̂·(δ̂ − end of δ))² + (δ̂·(μ̂ − end of μ))²) with v = μ̂δ̂ and both at ``level``: the variances recovered
            from the ends.

NumPy and scipy.special only.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from scipy import special

from ..._validation import finite, probability, whole
from ...montecarlo import proportion_estimate
from ...outcomes import Estimate
from .outcome import LabelledGain, Target
from .trinomial import exact_interval, score_interval, standard_error

Interval = Literal["exact", "score"]
#: Share of the error rate that the interval of the misfit gets in an exact interval for the population.
MISFIT_SHARE = 0.1


def accuracy_gain(
    weak: Any,
    student: Any,
    gold: Any,
    *,
    rows: Any = None,
    classes: int | None = None,
    target: Target = "pool",
    interval: Interval = "exact",
    level: float = 0.95,
) -> LabelledGain:
    """Accuracy of the student less that of the weak model, from gold labels where they disagree.

    ``weak``, ``student`` (N,): classes, whole numbers, of all points. ``gold``: classes at ``rows`` (m,), different points;
    without ``rows`` (N,) with NaN where a point has no label. The labelled points on which weak and student differ must be a
    uniform draw from all on which they differ: ``draw_points((weak != student) * 1.0, m, rng=rng, how="systematic").rows`` is
    one. A uniform draw from all points serves too, of which those where they agree say nothing. No gold label may have trained
    the weak model, the student or a penalty. ``classes``: how many there are; by default as many as occur. With two the
    intervals are binomial (hypergeometric), with more trinomial. ``interval``: "exact" covers with at least ``level``, "score"
    approximately.

    The classical interval is the score interval of as many labels drawn uniformly, without replacement for a pool, at the
    shares found here. Raises ``ValueError`` when no labelled point differs, for a point labelled twice, for labels that are no
    whole numbers and for misaligned arrays.
    """
    weak, student = _classes("weak", weak), _classes("student", student)
    if weak.shape != student.shape:
        raise ValueError(f"weak and student must be of one length; they are {weak.size} and {student.size}. Align them.")
    probability("level", level)
    if target not in ("pool", "population") or interval not in ("exact", "score"):
        raise ValueError(
            f"target must be 'pool' or 'population' and interval 'exact' or 'score'; they are {target!r} and {interval!r}."
        )
    rows, gold = _labelled(gold, rows, weak.size)
    seen = np.unique(np.concatenate([weak, student, gold])).size
    if classes is not None and whole("classes", classes, at_least=2) < seen:
        raise ValueError(f"classes must be at least the {seen} that occur; it is {classes}.")
    decided = (classes or max(seen, 2)) == 2
    differs = weak != student
    among, labelled = int(differs.sum()), rows.size
    if not among:
        nothing = _no_disagreement(weak.size, target, level)
        return LabelledGain(nothing, nothing, 0.0, labelled, weak.size, target, "accuracy")
    used = differs[rows]
    m = int(used.sum())
    if not m:
        raise ValueError(
            f"gold must hold a label where weak and student differ; none of the {labelled} labels is at one of the {among} such points. "
            "Label some of those: the others say nothing about the gain."
        )
    right = int(np.sum(gold[used] == student[rows[used]]))
    wrong = int(np.sum(gold[used] == weak[rows[used]]))
    gain, classical = gain_from_counts(
        right,
        wrong,
        m,
        among=among,
        points=weak.size,
        decided=decided,
        target=target,
        interval=interval,
        level=level,
        bought=labelled,
    )
    notes = [f"{m} of the {among} points on which weak and student differ have a label"]
    if labelled > m:
        notes.append(f"{labelled - m} labels are at points on which they agree, and say nothing")
    if classes is None and decided:
        notes.append("two classes were taken for granted, as no third occurs")
    return LabelledGain(gain, classical, among / weak.size, labelled, weak.size, target, "accuracy", tuple(notes))


def gain_from_counts(
    student: int,
    weak: int,
    labels: int,
    *,
    among: int,
    points: int,
    decided: bool,
    target: Target = "pool",
    interval: Interval = "exact",
    level: float = 0.95,
    bought: int | None = None,
) -> tuple[Estimate, Estimate]:
    """The gain and its classical counterpart from counts: student right, weak right, of ``labels`` points of the ``among`` of
    ``points`` that differ; the counterpart is of ``bought`` labels, by default as many."""
    bought = labels if bought is None else bought
    misfit, shares = among / points, (student - weak) / labels
    inside = among if target == "pool" else None

    def ends(level: float) -> tuple[float, float]:
        if interval == "exact":
            return exact_interval(student, weak, labels, among=inside, decided=decided, level=level)
        low, high = score_interval(student, weak, labels, among=inside, level=level)
        return float(low), float(high)

    error = misfit * standard_error(student, weak, labels, among=inside)
    if target == "pool":
        low, high = (misfit * end for end in ends(level))
    elif interval == "exact":
        alpha = MISFIT_SHARE * (1.0 - level)
        known = proportion_estimate(among, points, level=1.0 - alpha)
        products = np.outer([known.low, known.high], ends(level / (1.0 - alpha)))
        low, high = float(products.min()), float(products.max())
    else:
        least, most = wilson(among, points, level)
        first, last = ends(level)
        below, above = (misfit - least, most - misfit) if shares >= 0.0 else (most - misfit, misfit - least)
        low = misfit * shares - math.hypot(misfit * (shares - first), shares * below)
        high = misfit * shares + math.hypot(misfit * (last - shares), shares * above)
    if target == "population":
        error = math.hypot(error, shares * math.sqrt(misfit * (1.0 - misfit) / points))
    method = {"exact": "exact, " + ("binomial" if decided else "trinomial"), "score": "score"}[interval]
    if target == "pool":
        method += ", without replacement"
    gain = Estimate(misfit * shares, error, low, high, level, f"{method}, {labels} labels on disagreements")
    return gain, classical_interval(
        bought * misfit * student / labels,
        bought * misfit * weak / labels,
        bought,
        among=points if target == "pool" else None,
        level=level,
    )


def classical_interval(student: float, weak: float, labels: int, *, among: int | None = None, level: float = 0.95) -> Estimate:
    """The paired estimate from ``labels`` points drawn uniformly (of ``among``, or of a law), on ``student`` of which only the
    student is right, on ``weak`` only the weak model: its score interval, a McNemar-type interval for the difference of paired
    proportions.
    """
    low, high = (float(end) for end in score_interval(student, weak, labels, among=among, level=level))
    error = standard_error(student, weak, labels, among=among)
    return Estimate((student - weak) / labels, error, low, high, level, f"paired score interval, {labels} uniform labels")


def _no_disagreement(points: int, target: Target, level: float) -> Estimate:
    """The gain when the two agree at all points: 0 of the pool; of the population within ± what their misfit may yet be."""
    if target == "pool":
        return Estimate(0.0, level=level, method="weak and student agree everywhere")
    most = proportion_estimate(0, points, level=1.0 - MISFIT_SHARE * (1.0 - level)).high  # as elsewhere, with nothing known of δ
    return Estimate(0.0, 0.0, -most, most, level, f"exact, no disagreement at {points} points")


def wilson(successes: float, trials: float, level: float) -> tuple[float, float]:
    """Wilson's score interval of a proportion."""
    z = float(special.ndtri(0.5 + level / 2.0))
    share = successes / trials
    centre, half = share + z**2 / (2.0 * trials), z * math.sqrt(share * (1.0 - share) / trials + (z / (2.0 * trials)) ** 2)
    return (centre - half) / (1.0 + z**2 / trials), (centre + half) / (1.0 + z**2 / trials)


def _classes(name: str, values: Any) -> np.ndarray:
    array = np.asarray(finite(name, values, ndim=1), dtype=np.float64)
    if np.any(array != np.round(array)):
        raise ValueError(f"{name} must hold classes, whole numbers; it does not. Take an argmax or a threshold first.")
    return array


def _labelled(gold: Any, rows: Any, points: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and gold classes of the labelled points."""
    if rows is None:
        gold = np.asarray(gold, dtype=np.float64)
        if gold.shape != (points,):
            raise ValueError(
                f"gold must have an entry per point, {points}, NaN where there is no label, or come with rows; its shape is {gold.shape}."
            )
        rows = np.flatnonzero(~np.isnan(gold))
        if not rows.size:
            raise ValueError(
                "gold must hold at least one label; all entries are NaN. Label a point on which weak and student differ."
            )
        return rows, _classes("gold", gold[rows])
    gold, rows = _classes("gold", gold), np.asarray(rows)
    if rows.shape != gold.shape or rows.dtype.kind not in "iu" or rows.min() < 0 or rows.max() >= points:
        raise ValueError(
            f"rows must be {gold.size} row numbers from 0 to {points - 1}, one per gold label; the shape is {rows.shape}, the type {rows.dtype}."
        )
    if np.unique(rows).size < rows.size:
        raise ValueError(
            "rows must be different points: a point that is labelled once can't count twice. Draw without replacement."
        )
    return rows, gold
