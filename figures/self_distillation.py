"""Risk of self-distilled ridge students: against the mixing, against the number of steps, and against the weak bias."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from experiments.self_distillation import LEARNERS, OVER, UNDER, VALUES, learner_mixings, tuned_ridge, world
from figures._style import COLOURS, LINES, caption, new_figure
from w2s_theory.quantities.self_distillation import RISK, best_mixing, best_mixings, wiener_floor

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOOKS = {"ridge": (COLOURS["weak"], "o"), "one step": (COLOURS["student"], "s"), "all steps": (COLOURS["ceiling"], "^")}
NAMES = {"ridge": "ridge", "one step": "one step, best ξ", "all steps": f"{len(VALUES)} steps, best ξ"}


def draw(table: dict[str, np.ndarray]) -> Figure:
    """Three panels; lines are closed forms, markers refitted students."""
    figure, (mixing, steps, bias) = new_figure(1, 3, height=4.7)
    best, tuned = tuned_ridge()
    floor = wiener_floor(world(UNDER))
    xi = np.linspace(table["mixing"].min(), table["mixing"].max(), 200)
    for penalty, colour, marker in ((UNDER, COLOURS["student"], "o"), (OVER, COLOURS["control"], "s")):
        line = [RISK.exact(replace(world(penalty), mixings=(x,))).value for x in xi]
        mixing.plot(xi, line, color=colour, linewidth=1.6)
        _markers(
            mixing,
            table,
            (table["part"] == "mixing") & (table["penalty"] == penalty),
            "mixing",
            colour,
            marker,
            f"λ = {penalty:g}",
        )
        star = best_mixing(world(penalty))
        mixing.plot(
            star,
            RISK.exact(replace(world(penalty), mixings=(star,))).value,
            "*",
            color=COLOURS["theory"],
            markersize=11,
            zorder=4,
        )
    mixing.axvline(0.0, color="#999999", linewidth=0.8)
    mixing.set(xlabel="mixing ξ", ylabel="risk, ‖head − target‖²", ylim=(1.0, 6.0))
    mixing.set_title(f"ξ > 0 helps if λ is too small,\nξ < 0 if too large (best λ: {best:.1f})")

    counts = np.arange(int(table["steps"].max()) + 1)
    exact = [RISK.exact(replace(world(UNDER), mixings=best_mixings(world(UNDER), int(k)) if k else ())).value for k in counts]
    steps.plot(counts, exact, color=COLOURS["student"], linewidth=1.6)
    _markers(steps, table, table["part"] == "steps", "steps", COLOURS["student"], "o", f"λ = {UNDER:g}, best mixings")
    steps.set(xlabel="steps of self-distillation", ylim=(1.0, 6.0), xticks=counts)
    steps.set_title(f"{len(VALUES)} directions: {len(VALUES)} steps\nreach the floor")
    for value, role, text in ((tuned, "weak", "ridge, best λ"), (floor, "ceiling", "floor of all filters")):
        mixing.axhline(value, **LINES[role])
        steps.axhline(value, **LINES[role])
        is_above = role == "weak"
        style = {"ha": "right", "va": "bottom" if is_above else "top", "fontsize": 8.5, "color": COLOURS[role]}
        steps.text(0.98, value + (0.05 if is_above else -0.08), text, transform=steps.get_yaxis_transform(), **style)

    line = np.linspace(0.0, table["bias"].max(), 2)
    for learner in LEARNERS:
        colour, marker = LOOKS[learner]
        start = RISK.exact(replace(world(UNDER), mixings=learner_mixings(learner, world(UNDER)))).value
        bias.plot(line, start + line, color=colour, linewidth=1.6)
        _markers(bias, table, (table["part"] == "bias") & (table["learner"] == learner), "bias", colour, marker, NAMES[learner])
    bias.plot(line, line, **LINES["bound"], label="the bias alone")
    bias.set(xlabel="squared weak bias, ‖δ‖²", ylim=(0.0, None))
    bias.set_title("A weak bias passes through,\nwhatever the mixing")
    for axes, place in ((mixing, "upper center"), (steps, "upper right"), (bias, "upper left")):
        axes.legend(fontsize=8.5, loc=place)
    caption(
        figure,
        "Synthetic: a fixed design with five singular values, weak labels = weak head + noise. Lines: closed forms; markers: means over "
        f"{int(table['students'][0])} students refitted to sampled labels, ± 2 standard errors (often smaller than the marker); stars: "
        "the best ξ. Horizontals: ridge at its best penalty, and the floor. Left and middle: unbiased weak labels. Right: λ = "
        f"{UNDER:g}; mean over the two targets at distance ‖δ‖ on either side of the weak head.",
    )
    return figure


def _markers(axes, table, rows, name, colour, marker, label):
    axes.errorbar(
        table[name][rows],
        table["risk"][rows],
        yerr=2 * table["risk_stderr"][rows],
        fmt=marker,
        color=colour,
        elinewidth=1.2,
        label=label,
        zorder=3,
    )
