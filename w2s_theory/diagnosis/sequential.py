"""Intervals for the gain that hold at all times at once, so that one may look after each label and stop.

They take the labels of a recorded draw in its order, up to the first that is missing.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from ..outcomes import Estimate
from ..quantities.label_efficiency.anytime import MeanStream
from ..quantities.label_efficiency.anytime_asymptotic import FIRST, AsymptoticStream, boundary
from ..quantities.label_efficiency.anytime_outcomes import OutcomeStream, log_likelihood_ratio
from ..quantities.label_efficiency.anytime_terms import sequential_gain, sequential_terms
from ..quantities.label_efficiency.blend import Affine
from ..quantities.label_efficiency.draws import Draw
from ..quantities.label_efficiency.planner import labels_to_settle
from .answers import Answers
from .estimates import MOST, Found, first_enough, new_labels, stated_classes, told
from .limits import pointwise_gain
from .record import DrawRecord, differs, soft_or_numbers

#: Labels ahead, and forecasts, where a confidence sequence is continued at random.
FORECAST, FORECASTS = 1000, 100


def sequential(answers: Answers, record: DrawRecord, *, level: float, label_range: tuple[float, float] | None) -> Found:
    """The gain of the pool from the labels of a recorded draw, in its order up to the first that is missing, valid whenever one
    stops."""
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
    notes = ()
    if len(answers.classes) <= 2:
        if stated_classes(answers) is None:
            notes = ("two classes were taken for granted, as no third occurs",)
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
    return Found(gain, None, 0 if told(gain) else more, len(rows), notes)


def _sequential_mean(answers: Answers, loss: str, draw: Draw, level: float, label_range: tuple[float, float] | None) -> Found:
    """By betting where labels have a range (classes have), else asymptotic."""
    affine, gold = Affine.of(*soft_or_numbers(answers, loss)), answers.gold[draw.rows]
    labels = len(np.unique(draw.rows))
    if answers.has_probabilities:
        gold = np.eye(len(answers.classes))[gold.astype(np.int64)]
    if answers.has_probabilities or label_range is not None:
        stream = sequential_gain(affine, draw, gold, labels=label_range, level=level)
        gain = stream.interval()
        return Found(gain, None, 0 if told(gain) else new_labels(draw, _forecast(stream)), labels)
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
    return Found(gain, None, 0 if told(gain) else new_labels(draw, first_enough(counts, enough)), labels, notes)


def _more_likelihood(ones: float, labels: int, among: int, level: float) -> int | None:
    """Labels until a confidence sequence for two classes leaves out one half, the share staying what it is."""
    counts = np.arange(labels, among + 1)
    grown = log_likelihood_ratio(np.minimum(ones / labels * counts, counts), counts, 0.5, pool=among if among % 2 == 0 else None)
    return first_enough(counts, grown >= -math.log1p(-level))


def _forecast(stream: MeanStream) -> int | None:
    if len(stream.terms) < 2:
        return None
    wait = labels_to_settle(stream, rng=np.random.default_rng(0), most=FORECAST, repeats=FORECASTS)
    return int(wait.value) if math.isfinite(wait.value) else None
