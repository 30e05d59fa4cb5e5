"""An ``EmbeddingReport`` in plain English: what somebody wants to know who has two models and a task."""

from __future__ import annotations

import math

from .constant import MODELS
from .intervals import NEW_DATA
from .report import EmbeddingReport, Number

#: Errors are about 1 in size; a sum of thousands of them is known to this.
ROUNDING = 1e-9
#: A part of a split with fewer rows than this gets a word of caution: intervals are approximate for many rows.
FEW_ROWS = 30
#: The law "gain = misfit" is called right where the interval of their difference stays within this share of the misfit, or within a
#: hundredth of the label's variance, which nobody would miss.
NEAR, NEGLIGIBLE = 0.5, 0.01
#: What a constant answers under each loss.
CONSTANTS = {
    "squared": "the mean of the labels",
    "cross-entropy": "the classes' shares",
    "accuracy": "always the commonest class",
}
#: What one unit of each loss is, for a reader.
UNITS = {
    "squared": "in units of the label's variance (1 = what predicting the mean costs)",
    "cross-entropy": "in nats",
    "accuracy": "errors are shares of wrong answers",
}


def answers(report: EmbeddingReport) -> list[str]:
    """Sentences: a caution where rows are few, the gain under each loss, who does not beat a constant, whether misfit predicts the gain,
    how far the task is from realizable, how the sign depends on penalty and split, the performance gap recovered.

    Every interval is for a new data set, at 95 %.
    """
    found = [_gain(report, loss) for loss in report.losses if report.has("gain", loss)]
    missing = [loss for loss in report.losses if not report.has("gain", loss)]
    found += [
        f"There is no gain in {loss}: the supervisor's answers are hard, and a wrong one of them costs infinitely much."
        for loss in missing
    ]
    return [
        *_few(report),
        *found,
        *_no_better_than_a_constant(report),
        *_disagreement(report),
        _prediction(report),
        _realizability(report),
        _dependence(report),
        *_at_an_end(report),
        *_recovered(report),
    ]


def sign(number: Number) -> int:
    """1 or −1 where the interval leaves out 0 by more than rounding, else 0."""
    return int(number.low > ROUNDING) - int(number.high < -ROUNDING)


def said(number: Number) -> str:
    """The value with its interval, to three decimals or to two digits of the interval's half-width."""
    half = (number.high - number.low) / 2.0
    places = 3 if not ROUNDING < half < 0.01 else 1 - math.floor(math.log10(half))
    value, low, high = (round(each, places) + 0.0 for each in (number.value, number.low, number.high))
    return f"{value:+.{places}f} [{low:+.{places}f}, {high:+.{places}f}]"


def _gain(report: EmbeddingReport, loss: str) -> str:
    gain, weak = report.number("gain", loss), report.number("weak_error", loss)
    does = {1: "beats its teacher", -1: "is worse than its teacher", 0: "is not told from its teacher"}[sign(gain)]
    return f"In {named(loss)} the student {does}: gain {said(gain)}, weak error {weak.value:.3f}; {UNITS[loss]}."


def named(loss: str) -> str:
    """A loss in a sentence."""
    return "squared loss" if loss == "squared" else loss


def _few(report: EmbeddingReport) -> list[str]:
    """A caution where a part is small; without a weak head there is no weak part."""
    rows = {part: report.about[f"{part}_rows"] for part in ("weak", "transfer", "test")}
    few = [f"{count} {part}" for part, count in rows.items() if 0 < count < FEW_ROWS]
    if not few:
        return []
    return [
        f"Caution: there are only {' and '.join(few)} rows in a split. Intervals are approximate for many rows, and with fewer than about "
        f"{FEW_ROWS} in a part they may be too narrow: take these numbers as a first look."
    ]


def beats_constant(report: EmbeddingReport, loss: str, model: str) -> bool:
    """Whether the "weak", "student" or "ceiling" model's error is below a constant's cost by more than the margin's interval."""
    return sign(report.number(f"{model}_margin", loss)) > 0


def _no_better_than_a_constant(report: EmbeddingReport) -> list[str]:
    found = []
    for loss in report.losses:
        told = []
        for model in MODELS:
            if report.has(f"{model}_margin", loss) and not beats_constant(report, loss, model):
                worse = sign(report.number(f"{model}_margin", loss)) < 0
                error = report.number(f"{model}_error", loss).value
                told.append(f"the {model} model's {error:.4f} is {'worse' if worse else 'not told from it'}")
        if told:
            cost = report.number("baseline", loss).value
            nothing = (
                "" if beats_constant(report, loss, "student") else " A gain here is no sign that the student knows the task."
            )
            found.append(f"In {named(loss)} a constant ({CONSTANTS[loss]}) costs {cost:.4f}: {', '.join(told)}.{nothing}")
    return found


def _disagreement(report: EmbeddingReport) -> list[str]:
    signs = {loss: sign(report.number("gain", loss)) for loss in report.losses if report.has("gain", loss)}
    if {1, -1} <= set(signs.values()):
        return ["The losses disagree about the sign of the gain: say which one you mean."]
    told = [loss for loss, each in signs.items() if each]
    if told and len(told) < len(signs):
        return [f"Only in {' and '.join(map(named, told))} is the sign of the gain told from noise."]
    return []


def _prediction(report: EmbeddingReport) -> str:
    gain, misfit, residual = (report.number(name) for name in ("gain", "misfit", "residual"))
    band = report.number("sharp_band")
    inside = "inside" if band.low <= gain.value <= band.high else "outside"
    close = max(-residual.low, residual.high) <= max(NEAR * misfit.value, NEGLIGIBLE)
    head = {
        0: "Misfit predicts the gain here as far as these data can tell"
        if close
        else "These data can't tell whether misfit predicts the gain (the difference may be nothing, or more than half of the misfit)",
        -1: "Misfit promises more than the student gains",
        1: "The student gains more than misfit promises",
    }[sign(residual)]
    share = f", {gain.value / misfit.value:.0%} of it" if misfit.value > 0.0 and sign(gain) > 0 else ""
    small = " Both are next to nothing." if max(misfit.value, abs(gain.value)) < NEGLIGIBLE else ""
    vacuous = " The band holds zero, so it does not tell the sign." if band.low <= 0.0 <= band.high else ""
    return (
        f"{head}: misfit {misfit.value:.3f}, gain {gain.value:+.3f}{share}, difference {said(residual)}. The gain is {inside} the sharp band "
        f"misfit ± 2√(misfit·ε) = [{band.low:.3f}, {band.high:.3f}].{small}{vacuous} The band is a theorem for least squares without a "
        "penalty, in the population or on the rows that it is fitted to; for a penalised head on test rows it is a guide."
    )


def _realizability(report: EmbeddingReport) -> str:
    ceiling = report.number("ceiling_error")
    return (
        f"How far the task is from realizable: ε, the least squared error of any linear head on the strong features, is estimated by "
        f"{ceiling.value:.3f} [{ceiling.low:.3f}, {ceiling.high:.3f}] of the label's variance, the held-out error of the strong model trained "
        "on gold labels. On average that is at or above ε, because a head learnt from a sample is no better on new rows than the best one."
    )


def _dependence(report: EmbeddingReport) -> str:
    gains = report.gains["squared"]
    positive = sum(gain > 0.0 for gain in gains)
    means = [point.row()["gain"] for point in report.path]
    some = [point.penalty for point, mean in zip(report.path, means, strict=True) if mean > 0.0]
    best = report.path[max(range(len(means)), key=means.__getitem__)]
    along = (
        f"the mean gain is positive for penalties from {min(some):.1g} to {max(some):.1g}"
        if some
        else "no penalty has a positive mean gain"
    )
    return (
        f"The gain is positive in {positive} of {len(gains)} splits with the penalty chosen from the weak labels; along the path of "
        f"penalties {along} (in units of the mean eigenvalue), the largest mean gain is {max(means):+.3f} at {best.penalty:.1g}; it takes "
        "gold labels to find that penalty."
    )


def _at_an_end(report: EmbeddingReport) -> list[str]:
    """The splits in which the student's penalty is the smallest or the largest of the grid, so that the best one may lie beyond."""
    found = []
    for end, name, means in (
        (report.path[0].penalty, "smallest", "nearly least squares"),
        (report.path[-1].penalty, "largest", "the student says nearly the same everywhere"),
    ):
        count = sum(math.isclose(chosen, end, rel_tol=1e-6) for chosen in report.chosen)
        if count:
            found.append(
                f"In {count} of {len(report.chosen)} splits the penalty that the weak labels choose for the student is the {name} that is tried, "
                f"{end:.1g} mean eigenvalues ({means}): the best one may lie beyond."
            )
    return found


def _recovered(report: EmbeddingReport) -> list[str]:
    found = []
    for loss in report.losses:
        if not report.has("pgr", loss):
            continue
        pgr = report.number("pgr", loss, NEW_DATA)
        if math.isnan(pgr.value):
            found.append(f"No performance gap recovered is given in {named(loss)}: the ceiling is not told from the weak model.")
        elif not beats_constant(report, loss, "ceiling"):
            found.append(
                f"No performance gap recovered is given in {named(loss)}: the ceiling does not beat a constant, so there is nothing to recover."
            )
        else:
            found.append(f"Performance gap recovered in {named(loss)}: {pgr.value:.2f} [{pgr.low:.2f}, {pgr.high:.2f}].")
    return found
