"""Looseness of the bands, gain against misfit of a reverse-KL head, forward against reverse, and calibration without a bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from experiments._agreement import select
from experiments.yao2025_bounds import CERTAINTY, CLASSES, FEATURES, POINTS, SLIP, column
from figures._style import COLOURS, LINES, caption, new_figure
from w2s_theory.quantities.disagreement_bounds import calibration_bound

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RULES = {
    "pinsker": ("by Pinsker", COLOURS["weak"], "s"),
    "sharp forward": ("best constant, KL(w‖s)", COLOURS["ceiling"], "^"),
    "sharp reverse": ("best constant, KL(s‖w)", COLOURS["student"], "o"),
}


def draw(table: dict[str, np.ndarray]) -> Figure:
    """Four panels."""
    figure, ((band, residual), (gains, calibration)) = new_figure(2, 2, height=7.8)
    for rule, (name, colour, marker) in RULES.items():
        _bars(band, table, "lowest", colour, marker, name, part="band", rule=rule)
    band.axhline(1.0, **LINES["bound"])
    band.set(xscale="log", yscale="log", xlabel="smallest probability, γ", ylabel="bound / change in cross-entropy")
    band.set_title("The band is wide: the best constant\nhelps most at low floors")
    band.legend(fontsize=8.5)

    for axes, rule, share in ((residual, "relative residual", "short"), (gains, "relative lead", "forward is better")):
        at, high = _bars(axes, table, "low", COLOURS["student"], "o", "median world", part="heads", rule=rule)
        axes.axhline(0.0, color="#999999", linewidth=0.8)
        for x, top, part in zip(at, high, select(table, part="heads", rule=share)[1], strict=True):
            axes.annotate(f"{part:.0%}", (x, top), textcoords="offset points", xytext=(0, 5), ha="center", fontsize=9)
        axes.margins(x=0.08, y=0.15)
        axes.set_xlabel("noise of the weak scores")
    residual.set_ylabel("(gain − misfit) / misfit")
    residual.set_title("One softmax head, reverse KL: worlds\nwith less gain than misfit (%)")
    at, mean, error = select(table, part="heads", rule="lead of reverse")
    misfit = select(table, part="heads", rule="misfit of reverse")[1]
    gains.errorbar(
        at + 0.06, mean / misfit, yerr=2 * error / misfit, fmt="D", color=COLOURS["weak"], elinewidth=1.2, label="mean"
    )
    gains.set_ylabel("(reverse − forward gain) / misfit")
    gains.set_title("Reverse against forward KL: worlds in\nwhich forward KL gains more (%)")
    gains.legend(fontsize=8.5, loc="lower left")

    _, ece, error = select(table, part="ece", rule="ece of student")
    divergence = select(table, part="ece", rule="misfit")[1]
    _, marginal, spread = select(table, part="marginal", rule="marginal change")
    fine = np.linspace(0.015, 0.35, 200)
    misfit = np.log(2.0) + (0.5 + fine) * np.log(0.5 + fine) + (0.5 - fine) * np.log(0.5 - fine)
    calibration.plot(misfit, CERTAINTY - fine, **LINES["theory"])
    calibration.plot(misfit, calibration_bound(misfit), **LINES["bound"], label="bound on marginal change")
    calibration.errorbar(divergence, ece, yerr=2 * error, fmt="s", color=COLOURS["weak"], label="ECE of the student", zorder=3)
    calibration.errorbar(
        divergence, marginal, yerr=2 * spread, fmt="o", color=COLOURS["student"], label="marginal change", zorder=3
    )
    calibration.set(xscale="log", xlabel="misfit KL(s‖w)", ylabel="calibration error")
    calibration.set_title("Misfit bounds the change of marginal\ncalibration error, but not ECE")
    calibration.legend(fontsize=8.5)
    worlds, draws = (int(table[name][table["part"] == "heads"].max()) for name in ("trials", "draws"))
    labels, samples = (int(table[name][table["part"] == "ece"].max()) for name in ("trials", "draws"))
    caption(
        figure,
        f"Synthetic. Softmax heads, {CLASSES} classes, {POINTS} points, {FEATURES} features, realizable targets, weak scores = target scores + "
        f"noise; {draws} draws of features, {worlds} worlds each. Blue, and all of the top left: medians over worlds; bars to the 95 % quantile, "
        "from the smallest (top left) or the 5 % quantile. Percentages: worlds that are so by more than "
        f"{SLIP:.3%} of the misfit. Mean: over the mean misfit, ± 2 standard errors between draws. Gain: in KL(f‖s). Bottom right ({samples} × "
        f"{labels} labels a marker, ± 2 standard errors): weak model ½; for ECE, labels ½ ± {CERTAINTY:g}, student ½ ± ε (line: {CERTAINTY:g} "
        "− ε), ten bins; for the marginal change, student and labels ½ + ε.",
    )
    return figure


def _bars(axes, table, start, colour, marker, label, **keys):
    """Medians with bars from the column ``start`` to the 95 % quantile; return where they stand and where the bars end."""
    at = select(table, **keys)[0]
    low, value, high = (column(table, name, **keys) for name in (start, "middle", "high"))
    axes.errorbar(
        at, value, [value - low, high - value], fmt=marker, color=colour, elinewidth=1.2, label=label, capsize=2, zorder=3
    )
    return at, high
