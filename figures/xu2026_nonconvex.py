"""E residual over E misfit for classes that are not convex, against noise; and for random features, against their number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from experiments.xu2026_nonconvex import DIMENSIONS, ERRORS, NOISES, SUBSETS, clear_signs, law, ratio
from figures._style import COLOURS, caption, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOOKS = [
    (COLOURS["weak"], "s"),
    (COLOURS["student"], "o"),
    (COLOURS["theory"], "v"),
    (COLOURS["ceiling"], "^"),
    (COLOURS["control"], "D"),
]


def draw(table: dict[str, np.ndarray]) -> Figure:
    """Sphere and best subset with their laws, the neuron, and the width of random features."""
    figure, ((sphere, subset), (neuron, width)) = new_figure(2, 2, height=7.6)
    fine = np.geomspace(NOISES[0] * 0.9, NOISES[-1] * 1.1, 120)
    for axes, part, names in (
        (sphere, "sphere", {str(d): f"d = {d}" for d in DIMENSIONS}),
        (subset, "subset", {case: case for case in SUBSETS}),
    ):
        for (case, name), (colour, marker) in zip(names.items(), LOOKS, strict=False):
            line = [law(part, case, float(noise)) for noise in fine]
            axes.plot(fine, [numbers.residual / numbers.misfit for numbers in line], color=colour, linewidth=1.5)
            _markers(axes, ratio(table, part=part, case=case), colour, marker, name)
    for case, (colour, marker) in zip(ERRORS, LOOKS[1:3], strict=True):
        _markers(neuron, ratio(table, part="neuron", case=case), colour, marker, f"{case} errors")
    for axes in (sphere, subset, neuron):
        axes.axhline(0.0, color="#999999", linewidth=0.8)
        axes.set(xscale="log", xlabel="noise of the teacher, σ")
        axes.set_xticks([0.2, 0.5, 1.0, 2.0], ["0.2", "0.5", "1", "2"])
        axes.minorticks_off()
        axes.legend(fontsize=8.5, loc="lower left", ncols=3 if axes is sphere else 1)
    sphere.set_ylim(-1.05, 1.3)
    neuron.margins(y=0.3)
    sphere.set_ylabel("E residual / E misfit")
    neuron.set_ylabel("E residual / E misfit")
    sphere.set_title("Heads of fixed length: the sign depends\non dimension and noise")
    subset.set_title("Best subset: on average, gain is\nnever above misfit")
    neuron.legend(fontsize=8.5, loc="lower right")
    signs = np.concatenate([clear_signs(table, part="neuron", case=case) for case in ERRORS])
    neuron.set_title(
        f"One tanh neuron: clearly below zero at\n{np.sum(signs < 0)}, above at {np.sum(signs > 0)} of {signs.size} points"
    )
    at, value, stderr = ratio(table, part="width")
    colour, marker = LOOKS[1]
    width.errorbar(
        at, np.abs(value), yerr=2 * stderr, fmt=marker, color=colour, elinewidth=1.2, label="random features", zorder=3
    )
    width.plot(at, abs(value[-1]) * at[-1] / at, color=COLOURS["bound"], linestyle=":", linewidth=1.4, label="∝ 1/number")
    width.set(xscale="log", yscale="log", xlabel="random features of the student", ylabel="|E residual| / E misfit")
    width.set_title("Ridge on random features: the wider,\nthe smaller the residual")
    width.legend(fontsize=8.5)
    many, pairs, draws = (int(table["trials"][table["part"] == part].max()) for part in ("sphere", "neuron", "width"))
    caption(
        figure,
        "Synthetic. E residual = E gain − E misfit (squared loss); target in the class, teacher = target + N(0, σ²) errors, student = nearest "
        "member; bars ± 2 standard errors. Lines: closed forms. For a convex class no teacher has a negative residual; for the posterior mean of "
        f"the teacher the mean is zero. Top ({many} teachers a marker): left, target of length one in d dimensions; right, ones on s of d "
        f"coordinates. Bottom left ({pairs} pairs of opposite errors): best output weights over a grid of inner weights, 32 points; smooth errors "
        f"are correlated between points; clearly is by five standard errors. Bottom right ({draws} draws of points and features): ridge with "
        "penalty σ², the teacher a Gaussian process seen with noise.",
    )
    return figure


def _markers(axes, points, colour, marker, label):
    at, value, stderr = points
    axes.errorbar(at, value, yerr=2 * stderr, fmt=marker, color=colour, elinewidth=1.2, label=label, zorder=3)
