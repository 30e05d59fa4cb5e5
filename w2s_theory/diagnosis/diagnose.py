"""Did the student beat its teacher, by how much, which labels are needed to know, and how many more?

    diagnose(weak, student)                               no gold label: what is possible, and where labels are needed
    diagnose(weak, student, gold, gold_is="random")       labels at uniformly drawn points (NaN elsewhere), or at all
    diagnose(weak, student, gold, gold_is=record)         labels at points that ``draw_next`` drew
    diagnose(weak, student, gold)                         labels of unknown origin: bounds without assumptions, no estimate

Gold labels must have trained neither the weak model nor the student, nor chosen a penalty.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np

from .._validation import positive, probability
from ..outcomes import Estimate
from ..quantities.label_efficiency.no_labels import accuracy_range, projected_range
from ..quantities.label_efficiency.outcome import Target
from ..quantities.pgr import PGR, pgr
from .answers import Answers, Kind, answers_of
from .disclosures import assumed, needs, warnings
from .estimates import Found, from_draw, from_random, known_exactly, within
from .limits import limits, misfit
from .outcome import Diagnosis, LossAnswer
from .record import DrawRecord
from .sequential import sequential

GoldIs = Literal["random", "unknown"] | DrawRecord


def diagnose(
    weak: Any,
    student: Any,
    gold: Any = None,
    *,
    ceiling: Any = None,
    kind: Kind | None = None,
    loss: str | None = None,
    gold_is: GoldIs = "unknown",
    target: Target = "pool",
    level: float = 0.95,
    is_sequential: bool = False,
    epsilon: float | None = None,
    weak_error: tuple[float, float] | None = None,
    label_range: tuple[float, float] | None = None,
) -> Diagnosis:
    """Diagnose arrays: ``weak``, ``student``, ``gold``, ``ceiling`` and ``kind`` as ``answers_of`` takes them, the rest as
    ``diagnose_answers``."""
    return diagnose_answers(
        answers_of(weak, student, gold, ceiling=ceiling, kind=kind),
        loss=loss,
        gold_is=gold_is,
        target=target,
        level=level,
        is_sequential=is_sequential,
        epsilon=epsilon,
        weak_error=weak_error,
        label_range=label_range,
    )


def diagnose_answers(
    answers: Answers,
    *,
    loss: str | None = None,
    gold_is: GoldIs = "unknown",
    target: Target = "pool",
    level: float = 0.95,
    is_sequential: bool = False,
    epsilon: float | None = None,
    weak_error: tuple[float, float] | None = None,
    label_range: tuple[float, float] | None = None,
) -> Diagnosis:
    """Diagnose answers. ``loss``: one of ``answers.losses``; by default all that the labels allow, the main one first.

    ``gold_is``: how the labelled points were chosen (see the module); "unknown" gives no estimate unless all points are
    labelled. ``target``: the gain of these points ("pool"), or of the population that they are a sample of. ``is_sequential``:
    intervals that hold whenever one stops (for the pool). ``epsilon``: without gold labels, squared loss: assumed mean squared
    distance of the truth from the student's class, of which the student is taken to be the least squares fit to the
    weak labels on these very points. ``weak_error``: assumed range of the weak model's error rate. ``label_range``: the range
    that every gold label of a regression lies in, stated and not read off the labels.

    Raises ``ValueError`` for options that don't go together, missing labels of a recorded draw, and answers that are not those
    of the draw.
    """
    probability("level", level)
    _check_options(answers, loss, gold_is, target, is_sequential, epsilon, weak_error, label_range)
    record = gold_is if isinstance(gold_is, DrawRecord) else None
    is_complete = answers.labelled.size == answers.size
    losses = answers.losses if loss is None else (loss,)
    if record is not None:
        losses = (record.loss,)
    elif is_sequential:
        losses = losses[:1]
    found = tuple(
        _answer(answers, each, gold_is, is_complete, target, level, is_sequential, epsilon, weak_error, label_range)
        for each in losses
    )
    return Diagnosis(
        answers.kind,
        answers.size,
        int(answers.labelled.size),
        level,
        target,
        found,
        _ceiling(answers, gold_is, is_complete, level),
        needs(answers, losses[0]),
        assumed(answers, gold_is, is_complete, target),
        warnings(answers, found, record, gold_is, is_complete, is_sequential),
    )


def _check_options(
    answers: Answers, loss: Any, gold_is: Any, target: Any, is_sequential: bool, epsilon: Any, weak_error: Any, label_range: Any
) -> None:
    if loss is not None and loss not in answers.losses:
        raise ValueError(f"loss must be one of {', '.join(answers.losses)} for these answers; it is {loss!r}.")
    if gold_is not in ("random", "unknown") and not isinstance(gold_is, DrawRecord):
        raise ValueError(f"gold_is must be 'random', 'unknown' or a DrawRecord; it is {gold_is!r}.")
    if target not in ("pool", "population"):
        raise ValueError(f"target must be 'pool' or 'population'; it is {target!r}.")
    if is_sequential and target != "pool":
        raise ValueError("target must be 'pool' for a sequential interval; it is 'population'. Leave one of the two out.")
    if is_sequential and not isinstance(gold_is, DrawRecord):
        raise ValueError(
            "a sequential interval needs the order in which points were drawn: gold_is must be a DrawRecord. Draw points with "
            "`next`."
        )
    if epsilon is not None:
        positive("epsilon", epsilon, strict=False)
        if answers.kind != "regression":
            raise ValueError(
                "epsilon is for squared loss on numbers; for classes state a range of the weak model's error instead."
            )
        if answers.labelled.size:
            raise ValueError("epsilon is for answers without gold labels; there are some. Say how they were chosen instead.")
    if weak_error is not None and (answers.kind != "classes" or answers.labelled.size):
        raise ValueError("weak_error is for classes without gold labels. Leave it out.")
    if label_range is not None and (answers.kind != "regression" or not label_range[0] < label_range[1]):
        raise ValueError(f"label_range must be a range (low, high) of a regression's labels, low < high; it is {label_range!r}.")
    gold = answers.gold[answers.labelled]
    if label_range is not None and gold.size and (gold.min() < label_range[0] or gold.max() > label_range[1]):
        raise ValueError(
            f"label_range must hold every gold label; it is {label_range}, and they reach from {gold.min():g} to "
            f"{gold.max():g}. Widen it."
        )


def _answer(
    answers: Answers,
    loss: str,
    gold_is: GoldIs,
    is_complete: bool,
    target: Target,
    level: float,
    is_sequential: bool,
    epsilon: float | None,
    weak_error: tuple[float, float] | None,
    label_range: tuple[float, float] | None,
) -> LossAnswer:
    possible = limits(answers, loss, label_range=label_range)
    if epsilon is not None:
        possible = projected_range(answers.weak, answers.student, epsilon=epsilon)
    elif weak_error is not None and loss == "accuracy":
        possible = accuracy_range(answers.hard("weak"), answers.hard("student"), weak_error=weak_error)
    apart, record = misfit(answers, loss), gold_is if isinstance(gold_is, DrawRecord) else None
    if record is not None:
        record.check(answers)
    if apart == 0.0:
        found = Found(Estimate(0.0, level=level, method="weak and student agree everywhere"), more=0)
    elif target == "pool" and answers.labelled.size and possible.low == possible.high:
        found = known_exactly(answers, loss, possible.low, level)
    elif record is not None and is_sequential:
        found = sequential(answers, record, level=level, label_range=label_range)
    elif record is not None:
        found = from_draw(answers, record, target=target, level=level)
    elif answers.labelled.size and (gold_is == "random" or is_complete):
        found = from_random(answers, loss, target=target, level=level)
    else:
        found = Found(None)
    if target == "pool" and found.gain is not None:
        found = replace(found, gain=within(found.gain, possible))
    return LossAnswer(loss, apart, found.gain, found.classical, possible, found.labels, found.more, found.notes)


def _ceiling(answers: Answers, gold_is: GoldIs, is_complete: bool, level: float) -> PGR | None:
    """Performance gap recovered in accuracy, on labels at uniformly drawn points: a draw made for weak and student says nothing
    fair about a third."""
    rows = answers.labelled
    if answers.ceiling is None or answers.kind != "classes" or rows.size < 2 or not (gold_is == "random" or is_complete):
        return None
    weak, student, ceiling = (answers.hard(which)[rows] for which in ("weak", "student", "ceiling"))
    return pgr(weak, student, ceiling, answers.gold[rows].astype(np.int64), level=level)
