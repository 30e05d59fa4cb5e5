"""Error and wrong weight against the length of prompts for concepts that bend: exact laws as lines, sampled prompts as markers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from experiments.refinement_u_shape import BENDING, LENGTHS, LONGEST, SHOWN, best_length, exact, world
from figures._style import COLOURS, LINES, caption, new_figure
from w2s_theory.quantities.soft_concepts import saturated_weights, told_risk

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: From sharp concepts to those that bend most.
SHADES = ("#222222", "#08519C", "#0072B2", "#5FA8D3", "#A6CEE3")
FARTHEST = 2048


def draw(table: dict[str, np.ndarray]) -> Figure:
    """Left: error of one prompt's answers, with the best length. Right: weight of the wrong concepts and where it ends."""
    figure, (error, wrong) = new_figure(1, 2, height=5.2)
    lengths = np.unique(np.geomspace(LENGTHS[0], FARTHEST, 24).astype(int))
    for variance, shade in zip(BENDING, SHADES, strict=True):
        risks, weights = np.array([exact(variance, int(n)) for n in lengths]).T
        label = "ψ² = 0 (sharp)" if variance == 0.0 else f"ψ² = {variance:g}"
        rows = table["variance"] == variance
        for axes, line, name in ((error, risks, "risk"), (wrong, weights, "wrong")):
            axes.plot(lengths, line, color=shade, linewidth=1.6, label=label)
            axes.errorbar(
                table["n"][rows],
                table[name][rows],
                yerr=2 * table[f"{name}_stderr"][rows],
                fmt="o",
                color=shade,
                elinewidth=1.2,
                zorder=3,
            )
        if variance == SHOWN:
            told = [told_risk(world(variance), int(n)) for n in lengths]
            error.plot(lengths, told, color=shade, linewidth=1.4, linestyle=":")
            error.text(27.0, 0.245, "told the\nconcept", fontsize=8, color=shade)
        if variance > 0.0:
            best = best_length(variance)
            if best < LONGEST:
                error.plot(
                    [best], [exact(variance, best)[0]], "D", color="white", markeredgecolor=shade, markeredgewidth=1.6, zorder=4
                )
            limit = 1.0 - float(saturated_weights(world(variance))[0])
            if limit > 1e-3:
                wrong.plot([200, FARTHEST], [limit, limit], **LINES["bound"])
    weak = world(0.0).weak_error
    error.axhline(weak, **LINES["weak"])
    error.text(LENGTHS[0], weak + 0.012, "naive: weak error", fontsize=9, color=COLOURS["weak"])
    error.set(ylim=(0.0, 1.35), ylabel="error of the answers to one prompt")
    error.set_title("Identify the concept, then copy the bias")
    error.legend(fontsize=9, loc="upper right", ncols=2, columnspacing=1.2)
    wrong.set(ylim=(-0.02, 0.78), ylabel="mean weight of the wrong concepts")
    wrong.set_title("Evidence between soft concepts saturates")
    for axes in (error, wrong):
        axes.set(xscale="log", xlabel="examples in a prompt, n")
        axes.set_xticks([12, 32, 128, 512, 2048], ["12", "32", "128", "512", "2048"])
        axes.minorticks_off()
    caption(
        figure,
        f"Synthetic. Five orthonormal concepts, weak error {weak:.1f}, label noise and belief 1, 12 features, orthogonal prompts. The strong "
        "model believes that a concept bends by a Gaussian vector of variance ψ² per feature. Lines: exact law. Markers: means over up to "
        f"{int(table['prompts'].max())} sampled prompts; bars ± 2 standard errors. Dotted: a model that is told the concept "
        "copies the bias all the same. Diamonds: the best length of prompts, where there is one "
        "(left). Dashed: the limit as n grows (right, where visible). One soft concept would be in-context ridge regression.",
    )
    return figure
