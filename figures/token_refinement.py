"""Accuracy of naive and refined students against the share of wrong labels, and how fast examples single out a concept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from experiments._agreement import select
from experiments.token_refinement import (
    DISAGREEMENT,
    EXAMPLES,
    VOTES,
    WORLDS,
    bound,
    predicted_accuracy,
    predicted_flip,
)
from figures._style import COLOURS, caption, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RULES = {
    "naive": ("naive, systematic errors", COLOURS["weak"], "s"),
    "random": ("naive, random errors", COLOURS["ceiling"], "^"),
    "refined": ("refined, one prompt", COLOURS["student"], "o"),
    "voted": (f"refined, {VOTES} prompts vote", COLOURS["control"], "D"),
}
LOOK = {"clear": (COLOURS["student"], "o"), "rare": (COLOURS["ceiling"], "^"), "hard": (COLOURS["weak"], "s")}


def draw(table: dict[str, np.ndarray]) -> Figure:
    """Left: accuracy against the share of wrong labels. Right: probability of the wrong concept against examples."""
    figure, (accuracy, identification) = new_figure(1, 2, height=4.9)
    shares = np.linspace(0.0, 0.72, 145)
    lines = [predicted_accuracy(float(e)) for e in shares]
    for rule, (name, colour, marker) in RULES.items():
        accuracy.plot(shares, [line[rule] for line in lines], color=colour, linewidth=1.6)
        _markers(accuracy, table, "systematic", rule, colour, marker, name)
    accuracy.axvline(0.5, color="#999999", linewidth=0.8)
    accuracy.set(xlabel="error share, e", ylabel="accuracy of the student", ylim=(-0.02, 1.04))
    accuracy.set_title("Refinement removes systematic errors\nwhile they are fewer than one half")
    accuracy.legend(fontsize=8.5, loc="lower left")

    n = np.arange(1, 48)
    for name, (delta, a, b) in WORLDS.items():
        colour, marker = LOOK[name]
        identification.plot(n, [predicted_flip(name, int(k)) for k in n], color=colour, linewidth=1.6)
        identification.plot(n, [bound(name, float(k)) for k in n], color=colour, linewidth=1.2, linestyle="--")
        _markers(identification, table, name, "flip", colour, marker, f"δ = {delta}, a = {a}, b = {b}")
    identification.set(
        yscale="log", xlabel="weakly labelled examples in a prompt, n", ylabel="P(wrong concept)", ylim=(7e-4, 0.9)
    )
    identification.set_title("Examples single out the concept\nexponentially fast")
    identification.legend(fontsize=8.5, loc="lower left")
    caption(
        figure,
        f"Synthetic: two concepts over tokens. Lines: exact laws; markers: {table['trials'].min()} sampled labels each (right: "
        f"{table['trials'].max()} prompts), ± 2 standard errors; dashed: bound ½ρⁿ. Left: the concepts disagree on {DISAGREEMENT:.0%} of inputs; "
        f"{EXAMPLES} weak labels per input or prompt. Systematic: on a share e of the disagreement the weak model always answers as the "
        "wrong concept. Random: any label is wrong with probability e. Right: a, b are the chances of the right and the competitor's token "
        "where the two disagree (share δ), ρ = 1 − δ(√a − √b)². Naive: the most frequent of the labels.",
    )
    return figure


def _markers(axes, table, world, rule, colour, marker, label):
    at, value, stderr = select(table, world=world, rule=rule)
    seen = value > 0  # a rate of zero has no place on a logarithmic axis
    axes.errorbar(at[seen], value[seen], yerr=2 * stderr[seen], fmt=marker, color=colour, elinewidth=1.2, label=label, zorder=3)
