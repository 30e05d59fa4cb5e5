"""Label refinement, its iteration, EM and deconvolution: bias, error, variance, and who wins in regression."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from experiments._agreement import select
from experiments.refinement_limits import MOST_SAMPLES, ROUNDS, pair, predicted_bias, predicted_error, regression, triple
from figures._style import COLOURS, LINES, caption, new_figure
from w2s_theory.quantities.prior_shift import amplification, amplification_bound, likelihood_variance
from w2s_theory.quantities.prior_shift_regression import linear_risk, weak_risk

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Colour and marker of a rule.
LOOK = {
    "refined": (COLOURS["student"], "o"),
    "frozen": (COLOURS["weak"], "s"),
    "em": (COLOURS["ceiling"], "^"),
    "deconvolved": (COLOURS["control"], "D"),
    "weak training": (COLOURS["weak"], "s"),
    "amplification": (COLOURS["control"], "D"),
}


def draw(table: dict[str, np.ndarray]) -> Figure:
    """Top: bias against separation, error against sample size. Bottom: price of deconvolution, regression students against weak bias."""
    figure, ((bias, error), (variance, students)) = new_figure(2, 2, height=7.6)
    _bias(bias, table)
    _error(error, table)
    _variance(variance, table)
    _students(students, table)
    labels = int(table["labels"][table["part"] == "separation"][0])
    samples = int(table["samples"][0])
    caption(
        figure,
        "Synthetic; a reconstruction of the objects of the paper on the limits of refinement, not of its figures. The strong model's "
        "concepts are right, its prior π is not: weak labels have prior q. Markers: sampled weak labels, refined and scored, "
        f"means over {samples} samples (in (b) up to {MOST_SAMPLES}; of {labels} labels, where not on the axis) ± 2 standard errors. Solid lines: "
        "closed forms. EM: the prior is updated each round. Deconvolved: refined shares times the inverse of the confusion matrix, λ_min its "
        "smallest eigenvalue. "
        "(a) q = (.9, .1), π = (.5, .5), concepts at ±D. (b, c) three concepts; error is root mean square; the dashed line "
        "of EM is the Cramér–Rao bound, which biased estimates can pass when labels are few; variances are summed with weights 1/π. "
        "(d) two regression functions, weak labels off by a common vector.",
    )
    return figure


def _bias(axes, table):
    d = np.linspace(0.02, 3.1, 80)
    lines = [predicted_bias(float(x)) for x in d]
    for rule, name in (
        ("frozen", f"refined {ROUNDS} times, prior frozen"),
        ("refined", "refined once"),
        ("em", f"EM, {ROUNDS} rounds: prior updated"),
        ("deconvolved", "deconvolved"),
    ):
        axes.plot(d, [line[rule] for line in lines], color=LOOK[rule][0], linewidth=1.6)
        _markers(axes, table, "separation", rule, name)
    axes.axhline(float(pair(1.0).target[0] - pair(1.0).source[0]), color="#999999", linewidth=0.8)
    axes.annotate("prior not learnt at all", (3.1, 0.41), fontsize=8.5, color="#666666", ha="right")
    axes.set(xlabel="half the separation of two concepts, D/σ", ylabel="shortfall of the target's share", ylim=(-0.08, 0.78))
    axes.set_title("(a) Refinement is pulled to its prior")
    axes.legend(fontsize=8.5, loc="upper right")


def _error(axes, table):
    n = np.geomspace(25, 36_000, 60)
    lines = [predicted_error(float(x)) for x in n]
    for rule, name in (("refined", "refined once"), ("em", "EM to its end"), ("deconvolved", "deconvolved")):
        if rule == "em":
            bound = np.sqrt(np.trace(likelihood_variance(triple())) / n)
            axes.plot(n, bound, color=LOOK[rule][0], linewidth=1.4, linestyle="--")
        else:
            axes.plot(n, np.sqrt([line[rule] for line in lines]), color=LOOK[rule][0], linewidth=1.6)
        at, value, stderr = select(table, part="labels", rule=rule)
        colour, marker = LOOK[rule]
        half = stderr / np.sqrt(value)  # two standard errors of a square root
        axes.errorbar(at, np.sqrt(value), yerr=half, fmt=marker, color=colour, elinewidth=1.2, label=name, zorder=3)
    axes.set(xscale="log", yscale="log", xlabel="weak labels", ylabel="error of the learnt prior")
    axes.set_title("(b) More labels don't help refinement")
    axes.legend(fontsize=8.5, loc="lower left")


def _variance(axes, table):
    stretch = np.linspace(0.65, 3.05, 60)
    axes.plot(stretch, [amplification_bound(triple(float(x))) for x in stretch], **LINES["bound"], label="bound, 1/λ_min²")
    axes.plot(stretch, [amplification(triple(float(x))) for x in stretch], color=LOOK["amplification"][0], linewidth=1.6)
    _markers(axes, table, "variance", "amplification", "measured")
    axes.axhline(1.0, color="#999999", linewidth=0.8)
    axes.set(yscale="log", xlabel="separation of three concepts (1: as in b)", ylabel="variance, after over before")
    axes.set_title("(c) Deconvolution pays in variance")
    axes.legend(fontsize=8.5, loc="upper right")


def _students(axes, table):
    bias = np.linspace(0.0, 0.42, 15)
    for rule, risk, name in (
        ("weak training", weak_risk, "trained on weak labels"),
        ("refined", linear_risk, "trained on refined labels"),
    ):
        axes.plot(bias, [risk(regression(float(b))) for b in bias], color=LOOK[rule][0], linewidth=1.6)
        _markers(axes, table, "regression", rule, name)
    axes.set(xlabel="bias of weak labels, ‖b‖", ylabel="error of a linear student")
    axes.set_title("(d) Loses on noise, wins on bias")
    axes.legend(fontsize=8.5, loc="upper left")


def _markers(axes, table, part, rule, label):
    colour, marker = LOOK[rule]
    at, value, stderr = select(table, part=part, rule=rule)
    axes.errorbar(at, value, yerr=2 * stderr, fmt=marker, color=colour, elinewidth=1.2, label=label, zorder=3)
