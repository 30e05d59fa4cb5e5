"""The figure that the experiments on real representations share: four panels, from the table alone and the laws' closed forms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from experiments._real import CONTROLS, law_rows, mean_by
from experiments._tables import pick
from figures._style import COLOURS, LINES, caption, mean_interval, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TERMS = {"misfit": COLOURS["student"], "cross_term": COLOURS["ceiling"], "penalty_term": COLOURS["bound"]}
CONTROL_MARKERS = dict(zip(CONTROLS, ("D", "s", "^"), strict=True))


def draw_real(table: Mapping[str, np.ndarray], about: str) -> Figure:
    """Gain against misfit, its decomposition, least squares against the number of features, the errors; ``about`` opens the caption."""
    figure, ((scatter, bars), (law, errors)) = new_figure(2, 2, height=10.4)
    targets = np.unique(pick(table, student="ridge", control="none")["target"])
    _gain_against_misfit(scatter, table)
    _decomposition(bars, table, targets)
    _against_features(law, table)
    _errors(errors, table, targets)
    trials = len(set(table["trial"].tolist()))
    caption(
        figure,
        f"{about} Errors in units of the label's variance. Markers: means over {trials} random splits of one data set with 95 % "
        "Student-t intervals, which cover the choice of split and not the choice of data set. Ridge: penalty by leave-one-out. "
        "Cross term: −2⟨weak − student, gold − ceiling⟩, zero for a realizable target; penalty term: 2⟨weak − student, student − "
        "ceiling⟩, in sample the ridge penalty's doing, out of sample also estimation error. Controls are hollow: a student of "
        "shuffled labels, or of a random teacher (least squares on features of noise), gains about its whole misfit and still knows "
        "nothing (lower right), so gain alone proves no knowledge.",
    )
    return figure


def _gain_against_misfit(axes: Axes, table: Mapping[str, np.ndarray]) -> None:
    rows = pick(table, where="test", control="none")
    styles = {"ridge": ("o", "ridge, all features"), "least squares": ("s", "least squares, d ≤ n/8")}
    low = high = right = 0.0
    for student, (marker, label) in styles.items():
        part = pick(rows, student=student)
        part = pick(part, n=part["n"].max())
        part = pick(part, d=_eighth(part)) if student == "least squares" else part
        x, y = mean_interval(part["target"], part["misfit"]), mean_interval(part["target"], part["gain"])
        filled = COLOURS["student"] if student == "ridge" else COLOURS["theory"]
        axes.errorbar(x.mean, y.mean, yerr=y.half, xerr=x.half, fmt=marker, color=filled, elinewidth=0.9, label=label, zorder=3)
        right = max(right, float(np.max(x.mean + np.nan_to_num(x.half))))
        low, high = (
            min(low, float(np.min(y.mean - np.nan_to_num(y.half)))),
            max(high, float(np.max(y.mean + np.nan_to_num(y.half)))),
        )
        below = int(np.sum(y.mean < x.mean))
        if student == "ridge":
            axes.set_title(f"The gain stays below the misfit\non {below} of {len(y.mean)} targets")
            for extreme, below_or_above in ((np.argmin(y.mean), -11), (np.argmax(y.mean), 5)):
                place = (x.mean[extreme], y.mean[extreme])
                offset = {"xytext": (4, below_or_above), "textcoords": "offset points"}
                axes.annotate(x.at[extreme], place, fontsize=8, color="#555555", **offset)
    right, low, high = 1.1 * right, low - 0.1 * (high - low), high + 0.1 * (high - low)
    for control, marker in CONTROL_MARKERS.items():
        part = pick(table, where="test", student="ridge", control=control)
        x, y = (mean_interval(part["target"], part[name]).mean for name in ("misfit", "gain"))
        hidden = int(np.sum((x > right) | (y > high)))
        label = control + (f" ({hidden} of {len(x)} beyond\nthe axis, up to {x.max():.2f}, {y.max():.2f})" if hidden else "")
        axes.plot(x, y, marker, color=COLOURS["control"], markerfacecolor="none", linestyle="none", label=label, zorder=2)
    axes.plot([0, right], [0, right], label="gain = misfit", zorder=1, **LINES["theory"])
    axes.axhline(0, color="#999999", linewidth=0.8)
    axes.set(
        xlim=(-0.05 * right, right),
        ylim=(low, max(high, 0.6 * right)),
        xlabel="misfit",
        ylabel="gain (weak error − student error)",
    )
    _legend(axes, columns=2)


def _legend(axes: Axes, *, columns: int) -> None:
    """A legend under the axes, where it hides nothing."""
    axes.legend(fontsize=8, ncols=columns, loc="upper center", bbox_to_anchor=(0.5, -0.16), columnspacing=1.0, handlelength=1.6)


def _eighth(rows: Mapping[str, np.ndarray]) -> int:
    """The largest number of features that is at most n/8."""
    return int(rows["d"][8 * rows["d"] <= rows["n"]].max())


def _decomposition(axes: Axes, table: Mapping[str, np.ndarray], targets: np.ndarray) -> None:
    for where, shift, alpha in (("test", -0.2, 1.0), ("train", 0.2, 0.45)):
        rows = pick(table, where=where, student="ridge", control="none")
        left = {1: np.zeros(len(targets)), -1: np.zeros(len(targets))}
        at = np.arange(len(targets)) + shift
        for term, colour in TERMS.items():
            value = mean_by(rows["target"], rows[term])
            start = np.where(value >= 0, left[1], left[-1])
            label = term.replace("_", " ") if where == "test" else None
            axes.barh(at, value, 0.36, left=start, color=colour, alpha=alpha, label=label)
            left[1] = np.where(value >= 0, start + value, left[1])
            left[-1] = np.where(value < 0, start + value, left[-1])
        gain = mean_interval(rows["target"], rows["gain"])
        label = "their sum, the gain" if where == "test" else None
        axes.errorbar(
            gain.mean, at, xerr=gain.half, fmt="D", color="black", markersize=3.5, elinewidth=0.9, label=label, zorder=3
        )
    rows = pick(table, where="test", student="ridge", control="none")
    cross, penalty = (float(np.mean(np.abs(mean_by(rows["target"], rows[f"{term}_term"])))) for term in ("cross", "penalty"))
    axes.axvline(0, color="#999999", linewidth=0.8)
    axes.set_yticks(range(len(targets)), [name.replace("_", "\n") for name in targets], fontsize=8.5)
    axes.set_ylim(len(targets) - 0.4, -0.6)
    axes.set_xlabel("part of the gain (pale: in sample)")
    axes.set_title(f"What separates gain and misfit:\n{cross / (cross + penalty):.0%} is the cross term (ridge)")
    _legend(axes, columns=2)


def _against_features(axes: Axes, table: Mapping[str, np.ndarray]) -> None:
    rows = law_rows(table)
    n = int(rows["n"][0])
    share = rows["d"] / n
    # One value per trial and number of features: targets share their split, so they are averaged before an interval is taken.
    key = rows["trial"] * 10_000 + rows["d"]
    d = np.unique(key) % 10_000
    mean = {name: mean_by(key, rows[name]) for name in ("gain", "law_gain", "law_cross_term")}
    gain = mean_interval(d, mean["gain"])
    law, both = mean_by(d, mean["law_gain"]), mean_by(d, mean["law_gain"] + mean["law_cross_term"])
    axes.plot(gain.at, law, label="law for a realizable target,\nM∞(1 − r), no gold labels", **LINES["theory"])
    axes.plot(gain.at, both, color=COLOURS["ceiling"], linewidth=1.6, label="law + cross term of\nthe transfer rows")
    axes.errorbar(
        gain.at,
        gain.mean,
        yerr=np.nan_to_num(gain.half),
        fmt="s",
        color=COLOURS["theory"],
        label="measured",
        zorder=3,
    )
    for at, text in ((n / 8, "n/8"), ((n - 1) / 2, "n = 2d + 1")):
        axes.axvline(at, **LINES["bound"])
        axes.text(at, 0.99, f" {text}", transform=axes.get_xaxis_transform(), va="top", fontsize=9, color=COLOURS["bound"])
    axes.axhline(0, color="#999999", linewidth=0.8)
    axes.set_xlim(0, 1.06 * float(share.max()) * n)
    axes.set(xlabel=f"components d (n = {n} weak labels)", ylabel="gain, mean over the targets")
    axes.set_title("Least squares: too many features,\nand variance eats the gain")
    _legend(axes, columns=2)


def _errors(axes: Axes, table: Mapping[str, np.ndarray], targets: np.ndarray) -> None:
    rows = pick(table, where="test", student="ridge", control="none")
    at = np.arange(len(targets))
    for role, marker in (("ceiling", "|"), ("weak", "|"), ("student", "o")):
        error = mean_interval(rows["target"], rows[f"{role}_error"])
        size = 14 if marker == "|" else 5
        axes.errorbar(
            error.mean,
            at,
            xerr=error.half,
            fmt=marker,
            color=COLOURS[role],
            markersize=size,
            markeredgewidth=1.6,
            elinewidth=0.9,
            label=role,
        )
    for control, marker in CONTROL_MARKERS.items():
        if control == "same features":
            continue  # its student is the weak model again
        part = pick(table, where="test", student="ridge", control=control)
        student = mean_by(part["target"], part["student_error"])
        axes.plot(
            student, at, marker, color=COLOURS["control"], markerfacecolor="none", linestyle="none", label=f"student, {control}"
        )
    axes.axvline(1.0, **LINES["bound"])
    axes.set_yticks(range(len(targets)), [name.replace("_", "\n") for name in targets], fontsize=8.5)
    axes.set_ylim(len(targets) - 0.4, -0.6)
    axes.set_xlim(left=0)
    axes.set_xlabel("error on test rows (1: the mean)")
    axes.set_title("The errors behind the gain:\nceiling, weak, student (ridge)")
    _legend(axes, columns=2)
