"""Published gain against published misfit, the residual against the number of heads, and reverse against forward KL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from experiments import _yao2025 as yao
from experiments._tables import part
from experiments.mulgund2025_tables import ENOUGH, reverse_minus_forward
from figures._style import COLOURS, LINES, caption, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SWEEP_LOOKS = {"4.1": ("D", COLOURS["control"]), "4.2": ("o", COLOURS["student"])}

#: GPT-2 in its three sizes, and Qwen2.5.
SHORT = {"GPT-2 base to medium": "B to M", "GPT-2 base to large": "B to L", "GPT-2 medium to large": "M to L"}
SHORT |= {f"Qwen2.5 {weak}B to {strong}B": f"{weak}B to {strong}B" for weak, strong in ((3, 7), (3, 14), (7, 14))}


def draw(table: dict[str, np.ndarray]) -> Figure:
    """Left: gain against misfit. Middle: gain − misfit against k. Right: accuracy of reverse minus forward KL."""
    figure, (left, middle, right) = new_figure(1, 3, height=5.2, width_ratios=(1.2, 1.1, 0.9))
    _gain(left, table)
    _heads(middle, table)
    _losses(right, table)
    settings = part(table, "settings")
    caption(
        figure,
        "Published numbers, nothing was run here. Left: gain = difference of cross-entropies (nats) on test examples, misfit = "
        "KL(student ‖ weak); "
        "filled: gain towards the labels, hollow: towards what the strong class learns from gold labels, which the class "
        "holds. Line: gain = misfit, the "
        "least that a projection on a convex class that holds the truth would gain. AlexNet teaches heads on DINO features; "
        "errors over "
        f"{settings['runs'].min():.0f} to {settings['runs'].max():.0f} runs are smaller than the markers. The star: their "
        "synthetic networks (Gaussian inputs). Middle: CIFAR-10, "
        f"two versions of the authors' code, one run per k, vertical line at k = {ENOUGH}. Right: reward models on "
        "CAI-Harmless, second-hand numbers, ± 2 standard "
        f"errors for {yao.TEST} test examples if the two students erred independently (an upper bound); circles: clean weak "
        "labels, squares: a share "
        "of them flipped. B, M, L: GPT-2 base, medium, large; the others are Qwen2.5.",
    )
    return figure


def _gain(axes, table):
    axes.plot((0, 1.8), (0, 1.8), **LINES["theory"])
    axes.annotate("gain = misfit", (0.9, 0.9), xytext=(-5, 3), textcoords="offset points", ha="right", fontsize=9)
    settings, colours = (
        part(table, "settings"),
        {"heads": COLOURS["student"], "runs": COLOURS["ceiling"], "settings": COLOURS["weak"]},
    )
    for (name, colour), marker in zip(colours.items(), "o^s", strict=True):
        rows = part(table, name)
        axes.plot(rows["misfit"], rows["gain"], marker, color=colour, zorder=3, markersize=4.5)
        axes.plot(
            rows["misfit"], rows["gain_to_surrogate"], marker, color=colour, markerfacecolor="white", zorder=3, markersize=4.5
        )
    rows = part(table, "synthetic")
    axes.plot(rows["misfit"], rows["gain"], "*", color=COLOURS["theory"], markersize=10, zorder=4)
    places = zip(
        settings["misfit"], settings["gain"], ("ImageNet,\nViT-B/8", "ImageNet,\nResNet-50", "CIFAR-10, ViT-B/8"), strict=True
    )
    words = [(x, y - 0.04, text, "center", "top", "settings") for x, y, text in places]
    words[2] = (words[2][0] + 0.06, settings["gain"][2] - 0.01, words[2][2], "left", "top", "settings")
    words[1] = (words[1][0] + 0.06, settings["gain"][1] + 0.02, words[1][2], "left", "top", "settings")
    words += [
        (0.4, 0.27, "CIFAR-10,\nk heads", "left", "center", "heads"),
        (1.27, 0.62, "ImageNet,\n10 runs", "left", "center", "runs"),
    ]
    for x, y, text, horizontal, vertical, name in words:
        axes.text(x, y, text, ha=horizontal, va=vertical, fontsize=8.5, color=colours[name])
    axes.text(0.2, 0.04, "star: synthetic", fontsize=8.5)
    axes.set(xlim=(0, 1.95), ylim=(0, 1.1), xlabel="misfit, KL(student ‖ weak)", ylabel="gain (nats)")
    axes.set_title("Gain against misfit,\nas published")


def _heads(axes, table):
    axes.axhline(0.0, **LINES["theory"])
    for version, (marker, colour) in SWEEP_LOOKS.items():
        rows = part(table, "heads", version=version)
        axes.plot(rows["heads"], rows["residual"], marker, color=colour, zorder=3)
        hollow = rows["residual_to_surrogate"]
        axes.plot(rows["heads"], hollow, marker, color=colour, markerfacecolor="white", zorder=3)
    axes.axvline(ENOUGH, color="#999999", linewidth=0.8)
    axes.text(6, -0.004, "gain = misfit", va="top", fontsize=9)
    axes.text(6, -0.026, "to the surrogate", va="bottom", fontsize=8.5, color=COLOURS["student"])
    axes.text(6, -0.064, "to the labels", va="bottom", fontsize=8.5, color=COLOURS["student"])
    axes.text(6, -0.086, "diamonds:\nother version", va="top", fontsize=8.5, color=COLOURS["control"])
    axes.set(xscale="log", xlabel="heads in the student, k", ylabel="gain − misfit", ylim=(-0.116, 0.006))
    axes.set_xticks([1, 5, 20, 100, 500], ["1", "5", "20", "100", "500"])
    axes.minorticks_off()
    axes.set_title("Gain − misfit against\nthe number of heads")


def _losses(axes, table):
    rows = part(table, "losses")
    difference, stderr = reverse_minus_forward(table)
    at = np.arange(difference.size)[::-1]
    flipped = rows["noise"] > 0
    for which, marker in ((~flipped, "o"), (flipped, "s")):
        axes.errorbar(
            100 * difference[which],
            at[which],
            xerr=200 * stderr[which],
            fmt=marker,
            color=COLOURS["student"],
            elinewidth=1.2,
            zorder=3,
        )
    axes.axvline(0.0, **LINES["zero"])
    short = [SHORT.get(name, name) for name in rows["student"].tolist()]
    axes.set_yticks(
        at, [f"{name}, {noise:.0%}" if noise else name for name, noise in zip(short, rows["noise"], strict=True)], fontsize=8.5
    )
    axes.set(xlabel="accuracy (points)", xlim=(-2.0, 11.0), ylim=(-0.6, difference.size - 0.4))
    axes.set_title("Reverse minus\nforward KL")
