"""What a reader of a diagnosis must know, in sentences: which points need a label, what is assumed, what to mind."""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from ..quantities.label_efficiency.no_labels import settling_epsilon
from ..quantities.label_efficiency.outcome import Target
from .answers import Answers
from .limits import UNASSUMED
from .outcome import LossAnswer
from .record import DrawRecord, carriers, differs, spread

#: Chance below which labels that are said to be a uniform draw are not believed to be one.
SUSPICIOUS = 1e-5


def needs(answers: Answers, loss: str) -> str:
    """Which points need a gold label."""
    if loss == "accuracy":
        apart = int(differs(answers).sum())
        if not apart:
            return "No gold label is needed: weak and student answer the same class at every point, so the gain in accuracy is exactly 0."
        labelled = int(np.sum(~np.isnan(answers.gold[differs(answers)])))
        return (
            f"Gold labels are needed only at the {apart} of {answers.size} points ({apart / answers.size:.1%}) on which weak "
            "and student differ, whatever the others "
            f"are; of these, {labelled} {'has' if labelled == 1 else 'have'} one."
        )
    worth = spread(answers, loss)
    if not worth.any():
        return "No gold label is needed: weak and student give the same answer at every point, so the gain is exactly 0."
    half = int(carriers(worth).sum())
    zero = int(np.sum(worth == 0.0))
    agreed = f"; at {zero} points they agree, and a label says nothing" if zero else ""
    return (
        f"A label is worth about as much as weak and student are apart at its point: half of that lies in {half} of the "
        f"{answers.size} points "
        f"({half / answers.size:.1%}){agreed}. `w2s diagnose next` draws points with such chances."
    )


def assumed(answers: Answers, gold_is: object, is_complete: bool, target: Target) -> tuple[str, ...]:
    said = []
    if answers.labelled.size:
        said.append("No gold label trained the weak model or the student, or chose a penalty.")
        if isinstance(gold_is, DrawRecord):
            said.append(
                "The points were drawn by `w2s diagnose next`, and each label is of its point, also where that was hard to tell."
            )
        elif is_complete:
            said.append("All points have a gold label, so nothing is assumed of how they were chosen.")
        elif gold_is == "random":
            said.append(
                "The labelled points are a uniform draw of all points (as stated): not the easy ones, not the newest, none left "
                "out."
            )
        else:
            said.append("Nothing is assumed of how the labelled points were chosen, so they say nothing about the others.")
    if target == "population":
        said.append("The points themselves are independent draws from the population that is asked about.")
    return (*said, *(f"{note[0].upper()}{note[1:]}." for note in answers.notes))


def warnings(
    answers: Answers,
    found: tuple[LossAnswer, ...],
    record: DrawRecord | None,
    gold_is: object,
    is_complete: bool,
    is_sequential: bool,
) -> tuple[str, ...]:
    said = []
    main = found[0]
    if answers.labelled.size and gold_is == "unknown" and not is_complete and main.gain is None:
        said.append(
            "There are gold labels, but how their points were chosen is not known, so there is no estimate. If they are a "
            "uniform random draw of all points, none left out, say --gold-is random; else draw points with `w2s diagnose next`."
        )
    if (
        record is not None
        and len(record.rounds) > 1
        and not is_sequential
        and main.gain is not None
        and main.gain.low < main.gain.high
    ):
        said.append(
            f"The {len(record.rounds)} rounds are taken for one draw of fixed size. If you looked after each and went on until "
            "the sign was told, this interval is too narrow: "
            "ask for a sequential one, --sequential."
        )
    if gold_is == "random" and not is_complete and answers.labelled.size:
        said.extend(_not_uniform(answers, main.loss))
    if main.gain is None and not answers.labelled.size:
        if main.possible.is_vacuous and main.possible.assumes != UNASSUMED:
            said.append(
                "The assumption leaves both signs possible, so it says nothing about which model is better: label some points."
            )
        if main.loss == "squared" and answers.kind == "regression" and main.misfit > 0.0:
            said.append(
                "Were the student the least squares fit to the weak labels on these points, and the truth within a mean "
                f"squared distance of {settling_epsilon(main.misfit):.4g} from its "
                "class (a quarter of the misfit), it would have beaten its teacher: see --epsilon."
            )
    if answers.ceiling is not None and answers.kind == "regression":
        said.append(
            "The ceiling is not used for numbers: run this on weak and ceiling in the place of student to see what it gains."
        )
    elif answers.ceiling is not None and not (gold_is == "random" or is_complete):
        said.append("The ceiling is not used: performance gap recovered needs gold labels at uniformly drawn points.")
    if any(math.isinf(end) for end in (main.possible.low, main.possible.high)) and main.gain is None and answers.labelled.size:
        said.append("Without a stated range of labels nothing bounds a gain in squared loss: see --label-range.")
    return tuple(said)


def _not_uniform(answers: Answers, loss: str) -> list[str]:
    """A warning where a uniform draw would hardly ever have met so many, or so few, of the points that carry the gain."""
    carry = differs(answers) if loss == "accuracy" else carriers(spread(answers, loss))
    rows, share = answers.labelled, float(np.mean(carry))
    met = int(np.sum(carry[rows]))
    if min(special.bdtr(met, rows.size, share), special.bdtrc(met - 1, rows.size, share) if met else 1.0) > SUSPICIOUS:
        return []
    where = "on which weak and student differ" if loss == "accuracy" else "that carry half of what labels can tell"
    said = f"{met / rows.size:.1%} of the labelled points and {share:.1%} of all are among those {where}: hardly a uniform draw of all. "
    if loss == "accuracy":
        return [f"{said}The gain in accuracy is still right if it is a uniform draw of those on which they differ."]
    return [f"{said}Then this interval is not valid."]
