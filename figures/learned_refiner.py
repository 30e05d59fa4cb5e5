"""How near a trained transformer comes to exact Bayes, and the error of its students against the closed form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.learned_refiner import NEAR, WORLD, curves
from figures._style import COLOURS, LINES, caption, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Paler for less training.
MARKERS = ("v", "^", "o")


def draw(table: dict[str, np.ndarray]) -> Figure:
    """Left: nats per label from exact Bayes, by training budget and kind of prompt. Right: error of the students, by budget."""
    figure, (nats, errors) = new_figure(1, 2, height=5.2)
    budgets = [int(budget) for budget in np.unique(table["training_prompts"])]
    looks = _looks(budgets)
    for budget in reversed(budgets):
        rows, look = curves(table, budget), looks[budget]
        n = rows["n"]
        label = f"trained on {_count(budget)} prompts" if budget else "untrained (control)"
        for kind, line, face in (("source", "-", None), ("weak", ":", "white")):
            name = f"{kind}_divergence"
            nats.errorbar(n, rows[name], yerr=2 * rows[f"{name}_stderr"], linestyle=line, markerfacecolor=face, **look)
        errors.errorbar(n, rows["student_error"], yerr=2 * rows["student_error_stderr"], linestyle="none", label=label, **look)
    nats.plot([], [], "-o", color="#555555", linewidth=1.0, markersize=4, label="prompts like those in training")
    nats.plot(
        [], [], ":o", color="#555555", linewidth=1.0, markersize=4, markerfacecolor="white", label="weakly labelled prompts"
    )
    nats.axhline(NEAR, **LINES["bound"], label=f"target, {NEAR} nats")
    nats.set(yscale="log", xlabel="examples in the prompt, n", ylabel="KL(exact Bayes ‖ network), nats per label")
    low, high = nats.get_ylim()
    nats.set_ylim(low, high * (high / low) ** 0.22)
    nats.legend(fontsize=8.5, loc="upper right")
    nats.set_title("Distance from exact Bayes")

    exact = curves(table, budgets[-1])
    errors.plot(exact["n"], exact["exact_error"], **LINES["theory"], label="exact Bayes, closed form")
    errors.axhline(exact["naive_error"][0], **LINES["weak"], label="naive fine-tuning")
    errors.set(xlabel="examples in the prompt, n", ylabel="student's error ‖β − β*‖²", yscale="log", ylim=(2e-3, 1.5))
    errors.legend(fontsize=8.5, loc="lower left")
    errors.set_title("Students of its answers")
    for axes in (nats, errors):
        axes.set_xticks(range(0, int(exact["n"][-1]) + 1, 2))
    first = {name: exact[name][0] for name in ("labels", "students", "held_out", "weights", "device")}
    caption(
        figure,
        f"Synthetic: {WORLD.count} orthonormal concepts, {WORLD.d} features, weak error {WORLD.weak_error:.1f}. A transformer of "
        f"{first['weights']} weights ({first['device']}), trained only on prompts of one concept each, drawn from the prior; one run per budget. "
        f"Left: means over {first['held_out']} fresh prompts of each kind, colours as on the right; dashed: our goal. "
        f"Right: means over {first['students']} least-squares students, each "
        f"on {first['labels']} answers sampled from the network to fresh weakly labelled prompts; the line is the exact expectation for such a "
        "student of exact Bayes. Bars: ± 2 standard errors; lengths share draws.",
    )
    return figure


def _looks(budgets: list[int]) -> dict[int, dict[str, Any]]:
    """Colour and marker of each budget: the control apart, then the darker the more training."""
    trained = [budget for budget in budgets if budget]
    looks: dict[int, dict[str, Any]] = {0: {"color": COLOURS["control"], "marker": "s"}}
    for i, budget in enumerate(reversed(trained)):
        looks[budget] = {"color": _paler(COLOURS["student"], 0.32 * i), "marker": MARKERS[-1 - i % len(MARKERS)]}
    return {budget: look | {"markersize": 4, "linewidth": 1.0, "elinewidth": 1.0, "capsize": 0} for budget, look in looks.items()}


def _paler(colour: str, share: float) -> tuple[float, ...]:
    """A colour mixed with white."""
    from matplotlib.colors import to_rgb

    return tuple(1.0 - (1.0 - share) * (1.0 - part) for part in to_rgb(colour))


def _count(prompts: int) -> str:
    """1600000 → 1.6 million, 48000 → 48 thousand."""
    return f"{prompts / 1e6:g} million" if prompts >= 1_000_000 else f"{prompts / 1e3:g} thousand"
