"""A diagnosis in plain English: the sentences of the answer, the table by loss, and the sections of a report."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..quantities.label_efficiency.planner import plan_accuracy
from ..report import Section
from ..report.pictures import gain_by_loss
from .limits import UNASSUMED
from .outcome import Diagnosis, LossAnswer
from .ranking import Standing

#: What a loss is called, what a gain in it is measured in, and what the misfit is.
NOUNS = {"accuracy": "accuracy", "cross_entropy": "cross-entropy", "squared": "squared error"}
UNITS = {"accuracy": "a share of points", "cross_entropy": "nats", "squared": "squared units of the answers"}
MISFITS = {
    "accuracy": "the share of points on which they differ",
    "cross_entropy": "the mean KL divergence of the student from weak",
    "squared": "the mean squared distance of weak and student",
}
#: Gains that are planned for before there are labels, as shares of the misfit.
PLANNED = (0.5, 0.25)


def headline(diagnosis: Diagnosis) -> str:
    """Did the student beat its teacher, by how much: one or two sentences."""
    main, noun = diagnosis.main, NOUNS[diagnosis.main.loss]
    if main.verdict == "equal":
        same = "name the same class" if main.loss == "accuracy" else "give the same answer"
        why = f"weak and student {same} at every point, so" if main.misfit == 0.0 else "at these points"
        return f"Neither is better: {why} the gain in {noun} is exactly 0."
    if main.gain is None:
        return _without_estimate(main, noun)
    gain = main.gain
    size = (
        f"{_percent(gain.level)} interval {_n(gain.low)} to {_n(gain.high)}"
        if gain.low < gain.high
        else "known exactly for these points"
    )
    if main.verdict == "open":
        return f"Not settled: the student's gain in {noun} is {_n(gain.value)} ({size}), which leaves both signs possible."
    better, worse = ("higher", "lower") if main.loss == "accuracy" else ("lower", "higher")
    if main.verdict == "yes":
        return f"Yes, the student beats its teacher: its {noun} is {better} by {_n(gain.value)} ({size})."
    size = (
        f"{_percent(gain.level)} interval {_n(-gain.high)} to {_n(-gain.low)}"
        if gain.low < gain.high
        else "known exactly for these points"
    )
    return f"No, the teacher is better: the student's {noun} is {worse} by {_n(-gain.value)} ({size})."


def _without_estimate(main: LossAnswer, noun: str) -> str:
    possible = main.possible
    if not (math.isfinite(possible.low) or math.isfinite(possible.high)):
        return f"Not known: nothing bounds the gain in {noun} yet."
    how = "whatever the missing labels are" if possible.assumes == UNASSUMED else f"if {possible.assumes}"
    unit = UNITS[main.loss]
    between = (
        f"the student's gain in {noun} at these points lies between {_n(possible.low)} and {_n(possible.high)} ({unit}), {how}"
    )
    if main.verdict == "open":
        return f"Not known: {between}."
    return f"{'Yes, the student beats its teacher' if main.verdict == 'yes' else 'No, the teacher is better'}: {between}."


def next_step(diagnosis: Diagnosis) -> str:
    """How many more labels settle the sign; empty where it is told."""
    main = diagnosis.main
    if main.verdict != "open":
        return ""
    if main.gain is None:
        return " ".join([*_planned(diagnosis), "Draw the points to label with `w2s diagnose next`."])
    if main.more is None:
        rest = " The labels of all points on which they differ tell it exactly." if diagnosis.target == "pool" else ""
        return f"No number of labels drawn so is forecast to settle the sign: the gain is too near 0, or too few points are left.{rest}"
    where = "at points on which weak and student differ" if main.loss == "accuracy" else "at points drawn in the same way"
    return (
        f"About {main.more} more labels {where} would settle the sign if the gain is what it seems now: a forecast, as often too low "
        "as too high."
    )


def _planned(diagnosis: Diagnosis) -> list[str]:
    """What a plan says before there are labels: in accuracy, where the misfit alone fixes it."""
    main = diagnosis.main
    if main.loss != "accuracy":
        return ["How many labels it takes depends on the gain and on the noise of labels: a first round tells."]
    apart = round(main.misfit * diagnosis.points)
    plans = [(share * main.misfit, plan_accuracy(share * main.misfit, main.misfit, level=diagnosis.level)) for share in PLANNED]
    told = [f"about {plan.labels} labels there show a gain of {_n(gain)}" for gain, plan in plans if plan.labels < apart]
    said = [f"Of the {apart} points on which they differ, {' and '.join(told)}, four times in five (`w2s diagnose plan`)."]
    return [*(said if told else ()), f"The labels of all {apart} tell the gain of these points exactly."]


def rows(diagnosis: Diagnosis) -> list[dict[str, Any]]:
    """A row for each loss, its cells as ``report.Section`` takes them."""
    found = []
    for answer in diagnosis.answers:
        saved = answer.saving
        found.append(
            {
                "loss": NOUNS[answer.loss],
                "gain (error of weak − error of student)": answer.gain,
                "misfit (needs no label)": answer.misfit,
                "labels used": answer.labels,
                "uniform labels for this width": f"{saved:.2g} times as many"
                if saved is not None and math.isfinite(saved)
                else None,
                "beats its teacher": answer.verdict,
            }
        )
    return found


def sections(diagnosis: Diagnosis) -> list[Section]:
    """The report: the answer, by loss, which labels, what is assumed, what to mind."""
    answer = " ".join(part for part in (headline(diagnosis), next_step(diagnosis)) if part)
    of = "these points" if diagnosis.target == "pool" else "the population that the points are a sample of"
    shown = [
        {"loss": NOUNS[each.loss], "value": each.gain.value, "low": each.gain.low, "high": each.gain.high, "misfit": math.nan}
        for each in diagnosis.answers
        if each.gain is not None
    ]
    found = [
        Section("Did the student beat its teacher?", answer),
        Section(
            "By loss",
            f"Gains of {of}: positive where the student is better. Losses can disagree.",
            rows=rows(diagnosis),
            picture=(lambda axes: gain_by_loss(axes, shown)) if shown else None,
            caption="Gain in each loss with its interval; right of 0 the student is better.",
        ),
        Section("Which labels are needed", diagnosis.needs),
    ]
    if diagnosis.ceiling is not None:
        found.append(Section("Performance gap recovered", ceiling_line(diagnosis)))
    notes = [*diagnosis.assumed, *(f"{note[0].upper()}{note[1:]}." for note in _notes(diagnosis))]
    if notes:
        found.append(Section("What is assumed", "\n\n".join(notes)))
    if diagnosis.warnings:
        found.append(Section("What to mind", "\n\n".join(diagnosis.warnings)))
    return found


def ceiling_line(diagnosis: Diagnosis) -> str:
    """Performance gap recovered, or why there is none; empty without a ceiling."""
    found = diagnosis.ceiling
    if found is None:
        return ""
    if found.is_refused:
        return f"Performance gap recovered in accuracy is refused: {found.why}."
    return f"Performance gap recovered in accuracy: {_n(found.value)} ({_percent(found.level)} interval {_n(found.low)} to {_n(found.high)})."


def lines(diagnosis: Diagnosis) -> list[str]:
    """What the command prints, a paragraph each, table and all."""
    said = [
        headline(diagnosis),
        next_step(diagnosis),
        diagnosis.needs,
        ceiling_line(diagnosis),
        f"{_table(diagnosis)}\n{_legend(diagnosis)}",
    ]
    notes = [*diagnosis.assumed, *(f"{note[0].upper()}{note[1:]}." for note in _notes(diagnosis))]
    if notes:
        said.append("\n".join(["assumed:", *(f"  {note}" for note in notes)]))
    if diagnosis.warnings:
        said.append("\n".join(["mind:", *(f"  {warning}" for warning in diagnosis.warnings)]))
    return [part for part in said if part]


def _table(diagnosis: Diagnosis) -> str:
    head = ("loss", "gain", f"{_percent(diagnosis.level)} interval", "misfit", "labels", "saving", "method")
    body = []
    for answer in diagnosis.answers:
        gain, saved = answer.gain, answer.saving
        known = ("–", "–", "–") if gain is None else (_n(gain.value), f"{_n(gain.low)} to {_n(gain.high)}", gain.method)
        times = "–"
        if saved is not None and math.isfinite(saved):
            times = f"{saved:.2g}×" if saved >= 1.0 else f"none ({saved:.2g}×)"
        body.append((NOUNS[answer.loss], known[0], known[1], _n(answer.misfit), str(answer.labels), times, known[2]))
    widths = [max(len(row[k]) for row in (head, *body)) for k in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in (head, *body)
    )


def _legend(diagnosis: Diagnosis) -> str:
    """What the columns of the table are, and in which units."""
    losses = [answer.loss for answer in diagnosis.answers]
    units = ", ".join(f"{UNITS[loss]} ({NOUNS[loss]})" for loss in losses)
    misfits = ", ".join(f"{MISFITS[loss]} ({NOUNS[loss]})" for loss in losses)
    said = [f"gain: error of weak − error of student; {units}", f"misfit: {misfits}; needs no gold label"]
    if any(answer.saving is not None for answer in diagnosis.answers):
        said.append(
            "saving: so many times as many uniformly drawn labels the paired estimate takes for this width; below 1× it takes fewer"
        )
    return "\n".join(f"  {line}" for line in said)


def _notes(diagnosis: Diagnosis) -> list[str]:
    return list(dict.fromkeys(note for answer in diagnosis.answers for note in answer.notes))


def ranking_lines(standing: Standing, level: float) -> list[str]:
    """What is printed of a ranking of supervisors, a paragraph each."""
    names, width = standing.names, max(len(name) for name in ("supervisor", *standing.names))
    ranking, gains = standing.ranking, standing.gains
    if ranking is None or gains is None:
        tables = []
        for rule, values in standing.label_free.items():
            lines = [f"  {names[k]:<{width}}  {values[k]:.4g}" for k in np.argsort(values, kind="stable")]
            tables.append("\n".join([rule, *lines]))
        return [standing.warning, *tables]
    noun = "error rate" if standing.loss == "accuracy" else NOUNS[standing.loss]
    best = [names[k] for k in ranking.order if ranking.may_be_best[k]]
    said = f"Not settled at level {level:g}: {', '.join(best)} may each be the best."
    if len(best) == 1:
        said = f"Take {best[0]}: its student's {noun} is the lowest, surely so at level {level:g}."
    table = [f"{'supervisor':<{width}}  {noun + ' of student':<24}  gain over it  misfit   may be best"]
    pairs = [f"differences of {noun}, intervals that hold together at {level:g} ({ranking.labels} gold points):"]
    for i, k in enumerate(ranking.order.tolist()):
        may = "yes" if ranking.may_be_best[k] else "no"
        numbers = f"{ranking.means[k]:<24.4g}  {gains[k]:<+12.3g}  {standing.misfit[k]:<7.3g}"
        table.append(f"{names[k]:<{width}}  {numbers}  {may}")
        for other in ranking.order[i + 1 :].tolist():
            pair = ranking.difference(k, other)
            pairs.append(f"  {names[k]} − {names[other]}: {pair.value:+.3g} ({pair.low:+.3g} to {pair.high:+.3g})")
    found = [said, "\n".join(table), "\n".join(pairs)]
    if standing.loss == "accuracy" and ranking.labels < standing.points:
        found.append(
            f"Gains here are means over the {ranking.labels} gold points. `w2s diagnose` on one file also uses on how many of all "
            f"{standing.points} points weak and student differ, so it estimates the same gain by another number."
        )
    return found


def _percent(level: float) -> str:
    return f"{100.0 * level:.6g}%"


def _n(value: float) -> str:
    return f"{value + 0.0:.3g}"
