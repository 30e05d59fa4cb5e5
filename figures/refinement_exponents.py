"""Decay exponents against the strong model's belief in label noise, and identification error against examples per prompt."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from experiments.refinement_exponents import BASE, ERROR_SIZES, SETTINGS, SIZES, exact_slope, law, limit_slope
from figures._style import COLOURS, LINES, caption, new_figure
from w2s_theory.quantities.evidence_mgf import optimal_tilt
from w2s_theory.quantities.identification import chernoff_bound

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: What is measured -> colour, marker, words.
ROLES = {
    "fresh prompts": (COLOURS["student"], "o", "risk, a fresh prompt per answer (→ 2 r₁)"),
    "one prompt": (COLOURS["control"], "s", "risk, one prompt for all answers (→ r₂)"),
    "mean weight": (COLOURS["theory"], "D", "mean weight of the wrong concept (→ r₁)"),
}
STYLES = dict(zip(SETTINGS, (("weak", "o"), ("control", "^"), ("student", "s"), ("ceiling", "D")), strict=True))


def draw(table: dict[str, np.ndarray]) -> Figure:
    """Left: exponents and their limits over the two regimes. Right: the law of the identification error and its bound."""
    figure, (left, right) = new_figure(1, 2, height=5.6)
    _exponents(left, table)
    _errors(right, table)
    prompts = int(table["prompts"][0])
    caption(
        figure,
        f"Synthetic; two orthonormal concepts, d = 3. Markers: {prompts} simulated prompts each, ± 2 standard errors (often smaller than the "
        f"marker). Left: weak noise {BASE.weak_noise:g}, bias² {BASE.weak_error:.1f}; slopes of −log between {SIZES[0]} and {SIZES[-1]} examples. "
        "Thin lines: the same slopes of the exact averages. Thick: their limits as n grows; where identification limits, a factor 1/√n "
        "makes slopes at small n steeper. Right: solid, exact law; for uniform features the law given the features, averaged over sampled ones. "
        "Dashed: bound ½(1 + κ²)^(−n/2), Gaussian features.",
    )
    return figure


def _exponents(axes, table):
    ends = table["belief"].min(), table["belief"].max()
    beliefs, finer = np.geomspace(*ends, 25).tolist(), np.geomspace(*ends, 121).tolist()
    (unit,) = optimal_tilt(replace(BASE, belief=1.0))
    change = 1.0 / np.sqrt(unit)  # λ* = σ² · unit is 1 here
    axes.axvspan(beliefs[0], change, color=COLOURS["ceiling"], alpha=0.10, linewidth=0)
    axes.axvspan(change, beliefs[-1], color=COLOURS["weak"], alpha=0.10, linewidth=0)
    for name, (colour, marker, words) in ROLES.items():
        rows = table["quantity"] == name
        axes.plot(finer, [limit_slope(belief, name) for belief in finer], color=colour, linewidth=2.2, alpha=0.55)
        axes.plot(beliefs, [exact_slope(belief, name) for belief in beliefs], color=colour, linewidth=0.9)
        axes.errorbar(
            table["belief"][rows],
            table["value"][rows],
            yerr=2 * table["stderr"][rows],
            fmt=marker,
            color=colour,
            markersize=4,
            elinewidth=1.2,
            label=words,
            zorder=3,
        )
    axes.set(
        xscale="log", xlabel="strong model's belief in label noise, σ", ylabel="decay per example", xlim=(beliefs[0], beliefs[-1])
    )
    axes.set_ylim(0.0, 0.75)
    axes.set_xticks([0.25, 0.5, 1, 2, 4], ["0.25", "0.5", "1", "2", "4"])
    axes.minorticks_off()
    axes.text(np.sqrt(beliefs[0] * change), 0.6, "identification-limited\nλ* < 1", fontsize=8.5, ha="center", va="center")
    axes.text(np.sqrt(change * beliefs[-1]), 0.6, "temperature-limited\nλ* > 1", fontsize=8.5, ha="center", va="center")
    axes.legend(fontsize=8.5, loc="upper left", borderaxespad=0.1)
    axes.set_title("Over-estimated noise slows refinement")


def _errors(axes, table):
    n = np.unique(np.round(np.geomspace(1, ERROR_SIZES[-1], 20)).astype(int))
    for name, (role, marker) in STYLES.items():
        rows = (table["part"] == "error") & (table["setting"] == name) & (table["value"] > 0)
        axes.plot(n, [law(name, int(k))[0] for k in n], color=COLOURS[role], linewidth=1.6)
        if SETTINGS[name].is_gaussian():
            bounds = [chernoff_bound(SETTINGS[name], int(k))[0] for k in n]
            axes.plot(n, bounds, **{**LINES["bound"], "color": COLOURS[role], "linewidth": 1.0})
        axes.errorbar(
            table["n"][rows],
            table["value"][rows],
            yerr=np.minimum(2 * table["stderr"][rows], 0.9 * table["value"][rows]),
            fmt=marker,
            color=COLOURS[role],
            markersize=4,
            elinewidth=1.2,
            label=name,
            zorder=3,
        )
    axes.set(yscale="log", xlabel="weakly labelled examples per prompt, n", ylabel="probability that the wrong concept leads")
    axes.set_ylim(1e-5, 1.0)
    axes.legend(fontsize=8.5, loc="lower left", title="weak labels", title_fontsize=8.5)
    axes.set_title("Identification error: Student's t")
