"""An ``EmbeddingReport`` as the sections of a page, and two of them side by side."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..outcomes import VERDICT_TABLE, Check, Verdict
from ..report import Section, interval
from ..report.pictures import gain_against_misfit, gain_by_loss, gain_by_penalty
from .answers import answers, beats_constant
from .intervals import NEW_DATA, SPLITS, TEST_POINTS
from .report import EmbeddingReport

#: What a reader is told each interval covers.
COVERS = {
    NEW_DATA: "another data set of this size: other training rows, test rows and splits. The headline",
    TEST_POINTS: "other test rows, these models",
    SPLITS: "only the choice of split of these very rows; too narrow for any other question, as all splits cut the same rows",
}


def sections(report: EmbeddingReport) -> list[Section]:
    """Answers, numbers, gain against misfit, dependence on penalty and split, verdicts, settings."""
    short = [
        {
            "loss": each.loss,
            "value": each.value,
            "low": each.low,
            "high": each.high,
            # Theory makes a gain of the misfit in losses that are divergences; in accuracy it is only the most that one can gain.
            "misfit": math.nan if each.loss == "accuracy" else report.number("misfit", each.loss).value,
        }
        for each in (report.number("gain", loss) for loss in report.losses if report.has("gain", loss))
    ]
    gain, misfit, ceiling = (report.number(name) for name in ("gain", "misfit", "ceiling_error"))
    point = {
        "name": report.about["task"],
        "misfit": misfit.value,
        "gain": gain.value,
        "low": gain.low,
        "high": gain.high,
        "epsilon": ceiling.value,
    }
    path = [{name.replace("_", " "): value for name, value in point.row().items()} for point in report.path]
    return [
        Section(
            "In short",
            "\n\n".join(answers(report)),
            picture=lambda axes: gain_by_loss(axes, short),
            caption="Gain under each loss with its 95 % interval for a new data set, and the misfit, which theory makes the gain where the "
            "task is realizable.",
        ),
        Section(
            "The numbers",
            "Errors are means over test rows, which trained none of the models. "
            "Gain = weak error − student error = misfit + residual; residual = cross term + penalty term. The misfit is how far student and weak "
            "model are apart, the cross term is due to the target missing the strong class, the penalty term is the rest; gap = weak error − ceiling "
            "error, pgr = gain / gap. The baseline is what a constant answer costs; a margin is the baseline minus the model's error."
            "\n\nIntervals are at 95 %, approximate, and allow for: "
            + "; ".join(f"{name}: {what}" for name, what in COVERS.items())
            + ".",
            rows=_table(report),
        ),
        Section(
            "Gain against misfit",
            "For least squares without a penalty, in the population or on the rows that it is fitted to, theory says gain = misfit where the strong "
            "class holds the target, and a gain within the band where it misses it by ε. Here heads have penalties, gain and misfit are measured on "
            "test rows, and ε is the ceiling's held-out error, on average too high: the band is a guide, not a bound.",
            picture=lambda axes: gain_against_misfit(axes, [point]),
        ),
        Section(
            "How the gain depends on penalty and split",
            "Ridge student and ceiling with one penalty (in units of the features' mean eigenvalue, tr(XᵀX)/d); the share of splits where the gain "
            f"is positive. In the first split the student chose {report.chosen[0]:.3g} of these units, "
            f"λ = {report.about['penalties']['student']:.3g} in ‖Xb − y‖² + λ‖b‖².",
            rows=path,
            picture=lambda axes: _penalty_picture(axes, report),
        ),
        Section(
            "Which statements hold here",
            "Checked on the first split. The identities hold for any three models, so they check the arithmetic and say nothing about these "
            "models; the others ask for more. A statement that is out of scope asks for something that these data do not have.",
            rows=[verdict_row(check) for check in report.verdicts],
        ),
        Section(
            "Settings",
            "Penalties are λ of the first split, in the units of its features.",
            rows=[{"what": name.replace("_", " "), "value": _word(value)} for name, value in report.about.items()],
        ),
    ]


def _table(report: EmbeddingReport) -> list[dict[str, Any]]:
    """A row per loss and quantity, a column per interval."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for each in (*report.numbers, *report.baselines):
        if each.quantity == "sharp_band":  # no confidence interval: it has its picture
            continue
        row = rows.setdefault((each.loss, each.quantity), {"loss": each.loss, "quantity": each.quantity.replace("_", " ")})
        finite = bool(np.isfinite([each.low, each.high]).all())
        row[each.how] = interval(each.value, each.low, each.high) if finite else "refused: the gap is inside its noise"
        if each.quantity == "pgr" and not beats_constant(report, each.loss, "ceiling"):
            row[each.how] = "refused: the ceiling does not beat a constant"
    return list(rows.values())


def _penalty_picture(axes: Any, report: EmbeddingReport) -> None:
    gain_by_penalty(axes, _path_rows(report))
    axes.set_xlabel("penalty of the student (in mean eigenvalues of its features)")


def _path_rows(report: EmbeddingReport) -> list[dict[str, Any]]:
    """A row per penalty and split; the penalty next to the one that the split's student chose is marked."""
    penalties = np.array([point.penalty for point in report.path])
    nearest = [int(np.argmin(np.abs(np.log(penalties / chosen)))) for chosen in report.chosen]
    return [
        {"penalty": point.penalty, "split": split, "gain": gain, "chosen": nearest[split] == k}
        for k, point in enumerate(report.path)
        for split, gain in enumerate(point.gains)
    ]


def verdict_row(check: Check) -> dict[str, Any]:
    """A verdict for a table."""
    return {
        "statement": check.statement,
        "verdict": check.verdict,
        "left": check.left,
        "relation": check.relation,
        "right": check.right,
        "margin": check.margin,
        "on": check.method,
        "why": reason(check),
    }


def reason(check: Check) -> str:
    """Why a statement did not hold: in words, or the assumptions that these data do not meet."""
    return check.why or (f"not so here: {'; '.join(check.failed)}" if check.failed else "")


def side_by_side(first: EmbeddingReport, second: EmbeddingReport) -> list[dict[str, Any]]:
    """Verdicts, margins and gains of one task on two devices, a row each: what agrees, and the difference of the margins.

    Raises ``ValueError`` for reports of other tasks, sizes or numbers of splits.
    """
    for name in ("task", "rows", "splits", "transfer_rows"):
        if first.about[name] != second.about[name]:
            raise ValueError(f"the reports must be of one task; {name} is {first.about[name]!r} and {second.about[name]!r}.")
    left, right = (str(report.about["device"]) for report in (first, second))
    rows = []
    for one, other in zip(first.verdicts, second.verdicts, strict=True):
        rows.append(
            {
                "what": one.statement,
                left: one.verdict.name,
                right: other.verdict.name,
                f"{left} margin": one.margin,
                f"{right} margin": other.margin,
                "difference": abs(one.margin - other.margin),
                "agree": one.verdict is other.verdict,
            }
        )
    for loss in first.losses:
        if first.has("gain", loss):
            one, other = (report.number("gain", loss) for report in (first, second))
            apart = abs(one.value - other.value)
            rows.append(
                {
                    "what": f"gain, {loss}",
                    left: "",
                    right: "",
                    f"{left} margin": one.value,
                    f"{right} margin": other.value,
                    "difference": apart,
                    "agree": apart <= 0.01 * (one.high - one.low),
                }
            )
    return rows


def exit_code(report: EmbeddingReport) -> int:
    """1 when a statement is violated or a side of it is not finite, else 0."""
    return max((VERDICT_TABLE[check.verdict][1] for check in report.verdicts), default=0)


def counts(report: EmbeddingReport) -> str:
    """How many statements have which verdict, in words."""
    found = [check.verdict for check in report.verdicts]
    return ", ".join(f"{found.count(verdict)} {verdict.name}" for verdict in Verdict if verdict in found)


def _word(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {item:.3g}" for key, item in value.items())
    return f"{value:.4g}" if isinstance(value, float) else str(value)
