"""What a student keeps of its own labels under the confidence loss, and its accuracy in three populations, against the coefficient."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from experiments._agreement import select
from experiments.confidence_loss import CONFIDENCES, LEVELS, PRIORS, population, predicted_accuracy, predicted_kept
from figures._style import COLOURS, LINES, caption, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOOK = ((COLOURS["student"], "o"), (COLOURS["ceiling"], "^"), (COLOURS["control"], "D"), (COLOURS["theory"], "s"))


def draw(table: dict[str, np.ndarray]) -> Figure:
    """Left: share of its own labels that a student keeps against weak ones. Right: accuracy of the student."""
    figure, (kept, accuracy) = new_figure(1, 2, height=4.9)
    a = np.linspace(0.0, 0.9, 721)
    for i, (confidence, (colour, marker)) in enumerate(zip(CONFIDENCES, LOOK, strict=True)):
        shift = 0.012 * (i - 1.5)  # lines that would lie on each other
        at, value, _ = select(table, part="transition", world=f"{confidence}")
        kept.plot(a, [predicted_kept(confidence, x) + shift for x in a], color=colour, linewidth=1.6)
        kept.plot(at, value + shift, marker, color=colour, linestyle="none", label=f"{confidence}", zorder=3)
    kept.axvline(0.5, **LINES["bound"])
    kept.set(xlabel="coefficient of the confidence loss, a", ylabel="share of own labels kept", ylim=(-0.06, 1.06))
    kept.set_title("Which weak labels\noverturn the student")
    kept.legend(title="weak confidence", fontsize=9, title_fontsize=9, loc="center right")

    weak = population("helps", 0.0).weak_accuracy
    accuracy.axhline(weak, **LINES["weak"])
    accuracy.text(0.9, weak - 0.006, "weak labels", color=COLOURS["weak"], fontsize=9, ha="right", va="top")
    for name, (colour, marker) in zip(PRIORS, LOOK[:3], strict=True):
        at, value, stderr = select(table, part="population", world=name)
        accuracy.plot(a, [predicted_accuracy(name, x) for x in a], color=colour, linewidth=1.6)
        accuracy.errorbar(at, value, yerr=2 * stderr, fmt=marker, color=colour, elinewidth=1.2, label=name, zorder=3)
    accuracy.axvline(0.5, **LINES["bound"])
    accuracy.set(xlabel="coefficient of the confidence loss, a", ylabel="accuracy of the student")
    accuracy.set_title("Three students, right more or\nless often than the weak labels")
    accuracy.legend(fontsize=9, loc="lower left", handlelength=1.0, handletextpad=0.5, borderaxespad=0.2)
    chances = "; ".join(f"{name}: {wrong:g}, {right:g}" for name, (wrong, right) in PRIORS.items())
    caption(
        figure,
        f"Synthetic: memorising students, threshold ½. Lines: closed forms; markers: descent of the loss, on the left {int(table['items'].min())} "
        f"students that disagree with the weak label (lines shifted apart a little), on the right {int(table['items'].max())} items, ± 2 standard "
        f"errors. Right: {LEVELS.size} levels of weak confidence, evenly spread over (½, 1), each label right with the probability that it says. "
        f"Chances that the student's own decision is right where the weak label is wrong, and where it is right: {chances}.",
    )
    return figure
