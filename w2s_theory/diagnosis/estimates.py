"""The gain in one loss, from the labels at hand and how their points were chosen; and how many more labels would settle its sign.

    gold is …   what it means                                  estimate
    random      a uniform draw of all points, none left out    accuracy: from those where weak and student differ; else the
                                                               difference estimate with equal chances
    drawn       by ``record.draw_next``, all labelled          the same two, with the recorded chances
    unknown     nothing is known of how they were chosen       none; bounds that hold whatever the others are (``limits``)

Sequential intervals hold at all times at once, so that one may look after each label and stop. They take the labels in the
order of the draw, up to the first that is missing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from ..montecarlo import mean_estimate
from ..outcomes import Estimate
from ..quantities.label_efficiency.accuracy import accuracy_gain, classical_interval
from ..quantities.label_efficiency.anytime import MeanStream
from ..quantities.label_efficiency.anytime_asymptotic import FIRST, AsymptoticStream, boundary
from ..quantities.label_efficiency.anytime_outcomes import OutcomeStream, log_likelihood_ratio
from ..quantities.label_efficiency.anytime_terms import sequential_gain, sequential_terms
from ..quantities.label_efficiency.blend import Affine
from ..quantities.label_efficiency.difference import difference_gain
from ..quantities.label_efficiency.draws import Draw
from ..quantities.label_efficiency.outcome import LabelledGain, Target
from ..quantities.label_efficiency.planner import labels_to_settle
from ..quantities.label_efficiency.trinomial import score_interval
from .answers import Answers
from .limits import pointwise_gain
from .record import DrawRecord, differs, soft_or_numbers

#: With fewer draws Student's interval of a mean says nothing that can be trusted.
FEWEST = 10
#: No more labels than this are forecast.
MOST = 1_000_000
#: Labels ahead, and forecasts, where a confidence sequence is continued at random.
FORECAST, FORECASTS = 1000, 100


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


def from_random(answers: Answers, loss: str, *, target: Target, level: float) -> Found:
    """The gain from labels at uniformly drawn points; from all of them it is known for the pool."""
    rows = answers.labelled
    is_complete = len(rows) == answers.size
    if is_complete and (target == "pool" or (loss != "accuracy" and answers.size > 1)):
        return Found(_of_all(answers, loss, target, level), labels=len(rows), more=0 if target == "pool" else None)
    if loss == "accuracy":
        if not np.any(differs(answers)[rows]):
            return Found(None, labels=0, notes=(_no_disagreement(answers, len(rows)),))
        found = accuracy_gain(
            answers.hard("weak"), answers.hard("student"), answers.gold, classes=_classes(answers), target=target, level=level
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
    return replace(found, gain=replace(found.gain, method=f"Student t, {len(rows)} uniform draws"))


def _of_all(answers: Answers, loss: str, target: Target, level: float) -> Estimate:
    """The gain when every point has a label: known for the pool, and for the population the paired estimate, which nothing is left to improve."""
    gains = pointwise_gain(answers, loss, np.arange(answers.size))
    if target == "pool":
        return Estimate(float(np.mean(gains)), level=level, method="all points are labelled")
    return replace(mean_estimate(gains, level=level), method=f"paired Student t, {answers.size} labels")


def from_draw(answers: Answers, record: DrawRecord, *, target: Target, level: float) -> Found:
    """The gain from the labels of a recorded draw; raises ``ValueError`` when some are missing, or the answers are others."""
    record.check(answers)
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
            classes=_classes(answers),
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
    return Found(found.gain, found.classical, _more_draws(found.gain, draw, answers.size, target), found.labels, found.notes)


def sequential(answers: Answers, record: DrawRecord, *, level: float, label_range: tuple[float, float] | None) -> Found:
    """The gain of the pool from the labels of a recorded draw, in its order up to the first that is missing, valid whenever one
    stops."""
    record.check(answers)
    missing = np.isnan(answers.gold[record.rows])
    rows = record.rows[: int(np.argmax(missing))] if missing.any() else record.rows
    notes = ()
    if missing.any():
        later = record.points[np.isnan(answers.gold[record.points])]
        notes = (
            f"{later.size} of the {record.points.size} points drawn have no label yet; labels after the first of them wait for it",
        )
    if not rows.size:
        return Found(None, notes=("no label yet at the first point drawn",))
    if record.loss == "accuracy":
        found = _sequential_accuracy(answers, rows, level)
    else:
        found = _sequential_mean(answers, record.loss, record.draw(answers, len(rows)), level, label_range)
    return replace(found, notes=(*notes, *found.notes))


def _sequential_accuracy(answers: Answers, rows: np.ndarray, level: float) -> Found:
    apart = differs(answers)
    rows = rows[apart[rows]]
    among, outcomes = int(apart.sum()), pointwise_gain(answers, "accuracy", rows)
    share = among / answers.size
    if not rows.size:
        return Found(None, notes=("no point on which weak and student differ has a label yet",))
    if len(answers.classes) <= 2:
        stream = OutcomeStream(2, level=level, pool=among)
        stream.add((outcomes + 1.0) / 2.0)
        half = stream.interval()
        ends = [2.0 * end - 1.0 for end in (half.value, half.low, half.high)]
        found, error = ends, 2.0 * half.stderr
        more = _more_likelihood(float(np.sum(outcomes > 0)), len(rows), among, level)
        method = half.method
    else:
        mean = MeanStream(level=level, pool=among)
        mean.add(outcomes, low=-1.0, high=1.0)
        whole = mean.interval()
        found, error, method = [whole.value, whole.low, whole.high], whole.stderr, whole.method
        more = _forecast(mean)
    low, high = share * found[1], share * found[2]
    gain = Estimate(share * found[0], share * error, low, high, level, f"{method}, on disagreements")
    return Found(gain, None, 0 if _told(gain) else more, len(rows))


def _sequential_mean(answers: Answers, loss: str, draw: Draw, level: float, label_range: tuple[float, float] | None) -> Found:
    """By betting where labels have a range (classes have), else asymptotic."""
    affine, gold = Affine.of(*soft_or_numbers(answers, loss)), answers.gold[draw.rows]
    labels = len(np.unique(draw.rows))
    if answers.has_probabilities:
        gold = np.eye(len(answers.classes))[gold.astype(np.int64)]
    elif label_range is not None and (gold.min() < label_range[0] or gold.max() > label_range[1]):
        raise ValueError(
            f"label_range must hold every gold label; it is {label_range}, and they reach from {gold.min():g} to "
            f"{gold.max():g}. Widen it."
        )
    if answers.has_probabilities or label_range is not None:
        stream = sequential_gain(affine, draw, gold, labels=label_range, level=level)
        gain = stream.interval()
        return Found(gain, None, 0 if _told(gain) else _forecast(stream), labels)
    notes = ("the interval is asymptotic: without a stated range of labels there is no exact one",)
    if len(gold) < FIRST:
        return Found(
            None, labels=labels, notes=(*notes, f"it begins at {FIRST} draws, and there are {len(gold)}"), more=FIRST - len(gold)
        )
    terms = sequential_terms(affine, draw, gold, labels=(-1.0, 1.0))[0]  # the range is for betting: terms don't depend on it
    running = AsymptoticStream(level=level)
    running.add(terms)
    gain = running.interval()
    counts = np.unique(np.geomspace(len(terms), MOST, 4000).astype(np.int64))
    enough = boundary(counts, level=level) * float(np.std(terms, ddof=1)) < abs(gain.value)
    return Found(gain, None, 0 if _told(gain) else _first(counts, enough), labels, notes)


def _told(gain: Estimate) -> bool:
    return gain.low > 0.0 or gain.high < 0.0


def _classes(answers: Answers) -> int | None:
    """How many classes there are; None where answers and labels name two at most, and nothing else says so."""
    count = len(answers.classes)
    return count if answers.has_probabilities or count > 2 else None


def _accuracy(answers: Answers, found: LabelledGain, rows: np.ndarray) -> Found:
    """With a forecast: labels on disagreements until the interval leaves out 0, the shares staying what they are."""
    used = rows[differs(answers)[rows]]
    outcomes, m = pointwise_gain(answers, "accuracy", used), len(used)
    among = int(differs(answers).sum()) if found.target == "pool" else None
    if _told(found.gain):
        more = 0
    else:
        counts = np.arange(m, among + 1) if among is not None else np.unique(np.geomspace(m, MOST, 4000).astype(np.int64))
        won, lost = (float(np.sum(outcomes == sign)) * counts / m for sign in (1.0, -1.0))
        low, high = score_interval(won, lost, counts.astype(np.float64), among=among, level=found.gain.level)
        enough = (low > 0.0) | (high < 0.0)
        enough[0] = False  # the exact interval, a little wider, has not left out 0 yet
        more = _first(counts, enough)
    return Found(found.gain, found.classical, more, m, found.notes)


def _more_likelihood(ones: float, labels: int, among: int, level: float) -> int | None:
    """Labels until a confidence sequence for two classes leaves out one half, the share staying what it is."""
    counts = np.arange(labels, among + 1)
    grown = log_likelihood_ratio(np.minimum(ones / labels * counts, counts), counts, 0.5, pool=among if among % 2 == 0 else None)
    return _first(counts, grown >= -math.log1p(-level))


def _first(counts: np.ndarray, enough: np.ndarray) -> int | None:
    return int(counts[np.argmax(enough)] - counts[0]) if enough.any() else None


def _more_draws(gain: Estimate, draw: Draw, size: int, target: Target) -> int | None:
    """Draws until the half-width is the size of the estimate: it falls as √(1/n), or √(1/n − 1/N) for a pool drawn without
    replacement."""
    if _told(gain):
        return 0
    if gain.value == 0.0:
        return None
    n, half = len(draw.rows), (gain.high - gain.low) / 2.0
    quantile = float(special.stdtrit(max(n - 1, 1), 0.5 + gain.level / 2.0)) / float(special.ndtri(0.5 + gain.level / 2.0))
    ratio = (abs(gain.value) / half * quantile) ** 2
    left = 1.0 / size if draw.how == "systematic" and target == "pool" else 0.0
    needed = 1.0 / ((1.0 / n - left) * ratio + left)
    return max(1, math.ceil(needed) - n) if needed < MOST else None


def _forecast(stream: MeanStream) -> int | None:
    if len(stream.terms) < 2:
        return None
    wait = labels_to_settle(stream, rng=np.random.default_rng(0), most=FORECAST, repeats=FORECASTS)
    return int(wait.value) if math.isfinite(wait.value) else None


def _too_few(labels: int) -> str:
    return f"there {'is 1 label' if labels == 1 else f'are {labels} labels'}, and an interval for a mean needs {FEWEST} or more"


def _no_disagreement(answers: Answers, labels: int) -> str:
    return (
        f"none of the {labels} gold labels is at one of the {int(differs(answers).sum())} points on which weak and student "
        "differ; labels where they agree say "
        "nothing about the gain"
    )
