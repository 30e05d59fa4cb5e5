"""PGR by metric against the asymmetry of a supervisor's errors, and on two text tasks by supervisor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from experiments._asymmetric_errors import CONFIDENCE, DISTANCE, PRIOR, WRONG, expected
from experiments._tables import part
from experiments.pgr_metrics import CONDITIONS, CONTROLS, TASKS, TEST, TEST_REAL, TRAIN, WRONG_REAL
from figures._style import COLOURS, LINES, caption, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Metrics of decisions, and of probabilities.
LOOKS = {
    "accuracy": (COLOURS["weak"], "s"),
    "balanced_accuracy": ("#B8860B", "D"),
    "f1": (COLOURS["control"], "v"),
    "auc": (COLOURS["student"], "o"),
    "cross_entropy": (COLOURS["ceiling"], "^"),
    "brier": ("#56B4E9", "P"),
    "ece": (COLOURS["bound"], "X"),
}
NAMES = {
    "balanced_accuracy": "balanced accuracy",
    "f1": "F1",
    "auc": "AUC",
    "cross_entropy": "cross-entropy",
    "brier": "Brier",
    "ece": "ECE",
}
PANELS = (("accuracy", "balanced_accuracy", "f1"), ("auc", "cross_entropy", "brier", "ece"))
LOWEST = -2.6


def draw(table: dict[str, np.ndarray]) -> Figure:
    """Top: synthetic, metrics of decisions and of probabilities. Bottom: two text tasks, where the table has them."""
    synthetic, real = part(table, "synthetic"), part(table, "real")
    has_texts = real["pgr"].size > 0
    figure, axes = new_figure(1 + has_texts, 2, height=4.8 + 3.6 * has_texts, squeeze=False)
    for panel, names, title in zip(axes[0], PANELS, ("Metrics of decisions", "Metrics of probabilities"), strict=True):
        _asymmetry(panel, table, names)
        panel.set_title(f"{title} (synthetic)")
    axes[0, 0].set_ylabel("PGR")
    if has_texts:
        for panel, task in zip(axes[1], TASKS, strict=True):
            _task(panel, table, task)
            panel.set_title(f"{task} (real)")
        axes[1, 0].set_ylabel("PGR")
    handles = {}
    for panel in axes[0]:
        handles |= dict(zip(*reversed(panel.get_legend_handles_labels()), strict=True))
    figure.legend(
        handles.values(), handles.keys(), loc="outside upper center", ncols=7, fontsize=8.5, columnspacing=1.0, handletextpad=0.2
    )
    caption(
        figure,
        f"{'Top, synthetic' if has_texts else 'Synthetic'}: Gaussian classes {DISTANCE:g} apart, {PRIOR:.0%} in class 1; weak "
        f"labels wrong on {WRONG:.0%} of the points at every abscissa; lines: theory for endless data; "
        f"markers: {TRAIN} training and {TEST} test points, "
        f"{int(synthetic['seeds'][0])} seeds, 95 % "
        f"intervals (Fieller; calibration error: bootstrap, and biased). {_texts(real) if has_texts else ''}Simulated supervisors give "
        "their labels with "
        f"confidence {CONFIDENCE:g}. Crosses at the bottom: refused, the gap is not told from zero. Markers and intervals are "
        "cut at the frame. "
        "Orange and green lines: weak model and ceiling.",
    )
    return figure


def _texts(real: dict[str, np.ndarray]) -> str:
    return (
        "Bottom, real embeddings: layer 6 of a small encoder learns from layer 0 and from simulated supervisors wrong on "
        f"{WRONG_REAL:.0%}; grey, controls: permuted labels, a teacher on random features, a student on layer 0 itself; {TEST_REAL} test "
        f"rows, {int(real['seeds'][0])} draws of the training rows. "
    )


def _frame(axes):
    axes.axhline(0.0, **LINES["weak"])
    axes.axhline(1.0, **LINES["ceiling"])
    axes.set_ylim(LOWEST, 1.6)


def _asymmetry(axes, table, names):
    _frame(axes)
    at = np.linspace(0.0, 1.0, 81)
    lines = [expected(round(float(a), 6)) for a in at]
    for k, name in enumerate(names):
        colour, marker = LOOKS[name]
        axes.plot(at, [line[name] for line in lines], color=colour, linewidth=1.6)
        rows = part(table, "synthetic", supervisor="errors", metric=name)
        _markers(axes, rows["asymmetry"] + 0.012 * (k - 1.5), rows, colour, marker, NAMES.get(name, name))
    axes.set(xlabel="share of false alarms among the errors", xlim=(-0.05, 1.05))


def _task(axes, table, task):
    _frame(axes)
    places = {name: i for i, name in enumerate(CONDITIONS)}
    for k, (name, (colour, marker)) in enumerate(LOOKS.items()):
        rows = part(table, "real", task=task, metric=name)
        at = np.array([places[supervisor] for supervisor in rows["supervisor"].tolist()]) + 0.115 * (k - 3)
        _markers(axes, at, rows, colour, marker, None)
    axes.axvspan(places[CONTROLS[0]] - 0.5, len(CONDITIONS) - 0.5, color="#F0F0F0", zorder=0)
    names = [name.replace(" teacher", "\nteacher").replace(" features", "\nfeatures") for name in CONDITIONS]
    axes.set_xticks(range(len(CONDITIONS)), names, fontsize=8.5, rotation=35, ha="right", rotation_mode="anchor")
    axes.grid(visible=False, axis="x")
    axes.set_xlim(-0.5, len(CONDITIONS) - 0.5)


def _markers(axes, at, rows, colour, marker, label):
    told = ~rows["refused"]
    reach = np.stack([rows["pgr"] - rows["low"], rows["high"] - rows["pgr"]])[:, told]
    values = rows["pgr"][told]
    axes.errorbar(
        at[told], values, yerr=reach, fmt=marker, color=colour, elinewidth=1.0, markersize=4.5, capsize=0, label=label, zorder=3
    )
    axes.plot(at[~told], np.full(np.sum(~told), LOWEST + 0.12), "x", color=colour, markersize=5, zorder=4)
