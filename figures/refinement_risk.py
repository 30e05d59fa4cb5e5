"""Error against in-context examples for every student: closed forms as lines, simulated students as markers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments.refinement_risk import LABELS, SIZES, WORLDS
from figures._style import COLOURS, LINES, caption, new_figure
from w2s_theory.quantities.hull_training import hull_risk

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure

#: Student -> colour, marker, name in the legend.
CURVES = {
    "one prompt": ("#56B4E9", "v", "all answers from one prompt"),
    "intent": ("#CC79A7", "D", "intent read off one batch"),
    "refined": (COLOURS["student"], "o", "refined: a fresh prompt per answer"),
    "refined, 400 labels": (COLOURS["student"], "s", f"the same, {LABELS} answers"),
    "repeated": (COLOURS["theory"], "^", "refined four times over"),
}
FLAT = {
    "naive": (COLOURS["weak"], "-", "naive fine-tuning"),
    "shrunken": ("#E69F00", "--", "best pull towards the source"),
    "hull": ("#8C6D31", ":", "kept in the hull of the concepts"),
}


def draw(table: dict[str, np.ndarray]) -> Figure:
    """A panel per weak model, on one logarithmic axis of errors."""
    figure, panels = new_figure(1, 3, height=5.0, sharey=True)
    for axes, (name, world) in zip(panels, WORLDS.items(), strict=True):
        here = table["weak"] == name
        for student, (colour, line, label) in FLAT.items():
            rows = here & (table["student"] == student)
            theory = hull_risk(world) if student == "hull" else float(table["closed_form"][rows][0])
            if theory > 0.0:  # a logarithmic axis has no zero
                axes.axhline(theory, color=colour, linestyle=line, linewidth=1.2)
            axes.errorbar(
                [42.0], table["error"][rows], 2 * table["stderr"][rows], fmt="_", color=colour, markersize=13, label=label
            )
        axes.axhline(world.source_error, **LINES["bound"], label="before fine-tuning")
        for student, (colour, marker, label) in CURVES.items():
            dashes = (0, (4, 1.5)) if student.endswith("labels") else "-"
            rows = here & (table["student"] == student)
            axes.plot(table["n"][rows], table["closed_form"][rows], color=colour, linewidth=1.3, linestyle=dashes)
            face = "white" if student.endswith("labels") else colour
            axes.errorbar(
                table["n"][rows],
                table["error"][rows],
                2 * table["stderr"][rows],
                fmt=marker,
                color=colour,
                markerfacecolor=face,
                label=label,
                zorder=3,
            )
        axes.set_title(name[0].upper() + name[1:] + " weak model", fontsize=11)
        axes.set(xscale="log", yscale="log", ylim=(2e-4, 2.5), xlabel="examples per prompt, n")
        axes.set_xticks(SIZES, [str(n) for n in SIZES])
        axes.minorticks_off()
    panels[0].set_ylabel("error ‖β − β*‖²")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3, fontsize=8.5)
    students = int(table["students"].max())
    noise, bias = (", ".join(f"{value:.2g}" for value in values) for values in zip(*map(_weak, WORLDS.values()), strict=True))
    caption(
        figure,
        f"Synthetic: four orthonormal concepts, d = {WORLDS['noisy'].d}, belief {WORLDS['noisy'].belief}; from left to right weak noise {noise} "
        f"and bias² {bias}. Lines: exact laws at the marked n (the hull's and the source's with unlimited labels; zero has no line). Markers: "
        f"sampled prompts read by Bayes, and least squares on {LABELS} labels ({students} students each); bars ± 2 standard errors; those that "
        "need no examples stand at the right edge. A fresh prompt per answer without a number means unlimited answers.",
    )
    return figure


def _weak(world):
    return world.weak_noise, world.weak_error
