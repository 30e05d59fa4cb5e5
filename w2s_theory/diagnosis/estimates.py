"""The gain in one loss, from the labels at hand and how their points were chosen; and how many more labels would settle its sign.

    gold is …   what it means                                  estimate
    random      a uniform draw of all points, none left out    accuracy: from those where weak and student differ; else the
                                                               difference estimate with equal chances
    drawn       by ``record.draw_next``, all labelled          the same two, with the recorded chances
    unknown     nothing is known of how they were chosen       none; bounds that hold whatever the others are (``limits``)

Intervals for whoever looks and goes on are in ``sequential``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from ..montecarlo import mean_estimate
from ..outcomes import Estimate
from ..quantities.label_efficiency.accuracy import accuracy_gain, classical_interval
from ..quantities.label_efficiency.difference import difference_gain
from ..quantities.label_efficiency.draws import Draw
from ..quantities.label_efficiency.no_labels import GainRange
from ..quantities.label_efficiency.outcome import LabelledGain, Target
from ..quantities.label_efficiency.trinomial import score_interval
from .answers import Answers
from .limits import pointwise_gain
from .record import DrawRecord, carriers, differs, matters, soft_or_numbers, spread

#: With fewer draws Student's interval of a mean says nothing that can be trusted.
FEWEST = 10
#: With fewer draws at the points that carry half of what labels can tell, its level is not to be relied on.
APPROXIMATE = 15
#: No more labels than this are forecast.
MOST = 1_000_000


@dataclass(frozen=True)
class Found:
    """What labels say of one gain: ``gain`` (None where they say too little), ``classical`` for comparison, ``more`` labels (of
    the same draw) until the sign is told, if it is what it seems (None: not known, or nothing is left; 0: it is told),
    ``labels`` used, ``notes``."""

    gain: Estimate | None
    classical: Estimate | None = None
    more: int | None = None
    labels: int = 0
    notes: tuple[str, ...] = ()


def known_exactly(answers: Answers, loss: str, gain: float, level: float) -> Found:
    """The gain of the pool where every point on which weak and student differ has a label."""
    is_complete = answers.labelled.size == answers.size
    where = "all points" if is_complete else "all points on which weak and student differ"
    used = answers.size if is_complete else int(np.sum(~np.isnan(answers.gold) & matters(answers, loss)))
    return Found(Estimate(gain, level=level, method=f"{where} are labelled"), more=0, labels=used)


def within(gain: Estimate, possible: GainRange) -> Estimate:
    """The estimate of the pool's gain inside what is possible whatever the missing labels are; all of that if none of it is."""
    low, high = max(gain.low, possible.low), min(gain.high, possible.high)
    if low > high:
        low, high = possible.low, possible.high
    return replace(gain, value=min(max(gain.value, low), high), low=low, high=high)


def from_random(answers: Answers, loss: str, *, target: Target, level: float) -> Found:
    """The gain from labels at uniformly drawn points."""
    rows = answers.labelled
    if len(rows) == answers.size and loss != "accuracy" and answers.size > 1:
        gains = pointwise_gain(answers, loss, rows)  # nothing is left to improve on the paired estimate
        return Found(replace(mean_estimate(gains, level=level), method=f"paired Student t, {len(rows)} labels"), labels=len(rows))
    if loss == "accuracy":
        if not np.any(differs(answers)[rows]):
            return Found(None, labels=0, notes=(_no_disagreement(answers, len(rows)),))
        found = accuracy_gain(
            answers.hard("weak"),
            answers.hard("student"),
            answers.gold,
            classes=stated_classes(answers),
            target=target,
            level=level,
        )
        outcomes = pointwise_gain(answers, "accuracy", rows)
        among = answers.size if target == "pool" else None
        won, lost = (float(np.sum(outcomes == sign)) for sign in (1.0, -1.0))
        # What was bought are all of these labels, not those on disagreements alone.
        paired = classical_interval(won, lost, len(rows), among=among, level=level)
        return replace(_accuracy(answers, found, rows), classical=paired)
    if len(rows) < FEWEST:
        return Found(None, labels=len(rows), notes=(_too_few(len(rows)),))
    draw = Draw(rows, np.full(answers.size, len(rows) / answers.size), "systematic", len(rows))
    found = _difference(answers, loss, draw, target, level)
    assert found.gain is not None
    method = found.gain.method.split(",")[0]
    return replace(found, gain=replace(found.gain, method=f"{method}, {len(rows)} uniform labels"))


def from_draw(answers: Answers, record: DrawRecord, *, target: Target, level: float) -> Found:
    """The gain from the labels of a recorded draw; raises ``ValueError`` when some are missing."""
    missing = record.points[np.isnan(answers.gold[record.points])]
    if missing.size:
        raise ValueError(
            f"{missing.size} of the {record.points.size} points drawn have no gold label, the first is point "
            f"{int(missing[0]) + 1}. Leaving them out would bias the "
            "estimate: label them, or ask for a sequential interval, which uses those drawn before the first that is missing."
        )
    if record.loss == "accuracy":
        found = accuracy_gain(
            answers.hard("weak"),
            answers.hard("student"),
            answers.gold[record.rows],
            rows=record.rows,
            classes=stated_classes(answers),
            target=target,
            level=level,
        )
        return _accuracy(answers, found, record.rows)
    if len(record.rows) < FEWEST:
        return Found(None, labels=record.points.size, notes=(_too_few(len(record.rows)),))
    return _difference(answers, record.loss, record.draw(answers), target, level)


def _difference(answers: Answers, loss: str, draw: Draw, target: Target, level: float) -> Found:
    weak, student, divergence = soft_or_numbers(answers, loss)
    found = difference_gain(weak, student, draw, answers.gold[draw.rows], divergence=divergence, target=target, level=level)
    worth = spread(answers, loss)
    heavy = int(np.sum(carriers(worth)[draw.rows]))
    notes = found.notes
    if heavy < APPROXIMATE:
        notes += (
            f"only {heavy} of the {len(draw.rows)} labels drawn are at the {int(carriers(worth).sum())} points that carry half of what "
            "labels can tell, so this approximate interval holds less often than it says; label more, drawn by `w2s diagnose next`",
        )
    more = new_labels(draw, _more_draws(found.gain, draw, answers.size, target))
    return Found(found.gain, found.classical, more, found.labels, notes)


def told(gain: Estimate) -> bool:
    """Whether the interval leaves out 0."""
    return gain.low > 0.0 or gain.high < 0.0


def stated_classes(answers: Answers) -> int | None:
    """How many classes there are; None where answers and labels name two at most, and nothing else says so."""
    count = len(answers.classes)
    return count if answers.has_probabilities or count > 2 else None


def _accuracy(answers: Answers, found: LabelledGain, rows: np.ndarray) -> Found:
    """With a forecast: labels on disagreements until the interval leaves out 0, the shares staying what they are."""
    used = rows[differs(answers)[rows]]
    outcomes, m = pointwise_gain(answers, "accuracy", used), len(used)
    among = int(differs(answers).sum()) if found.target == "pool" else None
    if told(found.gain):
        more = 0
    else:
        counts = np.arange(m, among + 1) if among is not None else np.unique(np.geomspace(m, MOST, 4000).astype(np.int64))
        won, lost = (float(np.sum(outcomes == sign)) * counts / m for sign in (1.0, -1.0))
        low, high = score_interval(won, lost, counts.astype(np.float64), among=among, level=found.gain.level)
        enough = (low > 0.0) | (high < 0.0)
        enough[0] = False  # the exact interval, a little wider, has not left out 0 yet
        more = first_enough(counts, enough)
    return Found(found.gain, found.classical, more, m, found.notes)


def first_enough(counts: np.ndarray, enough: np.ndarray) -> int | None:
    """Labels from the first of ``counts`` to the first that is ``enough``; None where none is."""
    return int(counts[np.argmax(enough)] - counts[0]) if enough.any() else None


def new_labels(draw: Draw, draws: int | None) -> int | None:
    """How many points without a label as many further ``draws`` meet on average: all of them without replacement."""
    if not draws or draw.how != "replacement":
        return draws
    chance = draw.probabilities.copy()
    chance[draw.rows] = 0.0
    return max(1, round(float(-np.sum(np.expm1(draws * np.log1p(-chance))))))


def _more_draws(gain: Estimate, draw: Draw, size: int, target: Target) -> int | None:
    """Draws until the half-width is the size of the estimate: it falls as √(1/n), or √(1/n − 1/N) for a pool drawn without
    replacement."""
    if told(gain):
        return 0
    if gain.value == 0.0:
        return None
    n, half = len(draw.rows), (gain.high - gain.low) / 2.0
    quantile = float(special.stdtrit(max(n - 1, 1), 0.5 + gain.level / 2.0)) / float(special.ndtri(0.5 + gain.level / 2.0))
    ratio = (abs(gain.value) / half * quantile) ** 2
    left = 1.0 / size if draw.how == "systematic" and target == "pool" else 0.0
    needed = 1.0 / ((1.0 / n - left) * ratio + left)
    return max(1, math.ceil(needed) - n) if needed < MOST else None


def _too_few(labels: int) -> str:
    return f"there {'is 1 label' if labels == 1 else f'are {labels} labels'}, and an interval for a mean needs {FEWEST} or more"


def _no_disagreement(answers: Answers, labels: int) -> str:
    return (
        f"none of the {labels} gold labels is at one of the {int(differs(answers).sum())} points on which weak and student "
        "differ; labels where they agree say "
        "nothing about the gain"
    )
