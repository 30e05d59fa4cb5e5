"""Standard error of PGR against the number of questions, coverage of its intervals, and what dropping pairs without a gap reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from experiments._answer_patterns import delta_stderr
from experiments._tables import part
from experiments.pgr_error import (
    ACCURACIES,
    METHODS,
    PAIRS,
    QUESTIONS,
    SIZES,
    TRUE,
    WORLDS,
    expected_half_width,
    expected_practice,
    expected_refusals,
)
from figures._style import COLOURS, LINES, caption, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHARED_LOOKS = {0.0: (COLOURS["weak"], "s", "independent"), 0.5: (COLOURS["student"], "o", "half shared")}
METHOD_LOOKS = {
    "fieller": (COLOURS["student"], "o"),
    "delta": (COLOURS["weak"], "s"),
    "bootstrap": (COLOURS["ceiling"], "^"),
    "exact": (COLOURS["control"], "D"),
}
TRUE_LOOKS = {0.0: (COLOURS["weak"], "s"), 0.2: (COLOURS["student"], "o"), 0.8: (COLOURS["ceiling"], "^")}


def draw(table: dict[str, np.ndarray]) -> Figure:
    """Top: standard error, share refused. Bottom: coverage, the published recipe."""
    figure, ((error, refused), (coverage, practice)) = new_figure(2, 2, height=7.4)
    _error(error, table)
    _refused(refused, table)
    _coverage(coverage, table)
    _practice(practice, table)
    trials = {name: part(table, name)["trials"] for name in ("error", "coverage", "practice")}
    caption(
        figure,
        "Synthetic answers to n questions; weak model, student and ceiling right with "
        f"{', '.join(f'{a:.2f}' for a in ACCURACIES)}; half shared: half of "
        "the questions are as hard for all three. Top: lines theory (ratio of normal differences; dotted: first order), "
        f"markers {int(trials['error'][0])} test sets, ± 2 standard errors "
        "(within the markers); the error is half the central 68 %, as ratios have heavy tails. "
        f"Bottom left: three worlds ({_worlds()}; nested: all questions shared, else half); 95 % intervals, "
        f"{int(trials['coverage'].max())} test sets each, ± 2 standard errors; "
        "filled: a refused interval covers everything; hollow: of "
        f"those not refused. Bottom right: {PAIRS} pairs of models alike, {QUESTIONS} questions each; those with ceiling ≤ "
        "weak are dropped and the median of the rest is "
        f"reported; markers: middle of {int(trials['practice'][0])} reports, bars 95 % of them; lines: theory for many pairs.",
    )
    return figure


def _error(axes, table):
    n = np.geomspace(80, 36_000, 40)
    for shared, (colour, marker, label) in SHARED_LOOKS.items():
        axes.plot(n, [expected_half_width(shared, int(k)) for k in n], color=colour, linewidth=1.6)
        axes.plot(n, [delta_stderr(ACCURACIES, shared, int(k)) for k in n], color=colour, linewidth=1.1, linestyle=":")
        rows = part(table, "error", shared=shared)
        axes.errorbar(
            rows["n"], rows["value"], yerr=2 * rows["stderr"], fmt=marker, color=colour, elinewidth=1.2, label=label, zorder=3
        )
    axes.set(xscale="log", yscale="log", xlabel="questions, n", ylabel="standard error of PGR")
    axes.set_yticks([0.02, 0.05, 0.1, 0.2, 0.5], ["0.02", "0.05", "0.1", "0.2", "0.5"])
    _sizes(axes)
    axes.legend(fontsize=9)
    axes.set_title("A tenth of PGR takes thousands\nof questions at a gap of 10 points")


def _refused(axes, table):
    n = np.geomspace(80, 36_000, 120)
    for shared, (colour, marker, _) in SHARED_LOOKS.items():
        axes.plot(n, [expected_refusals(ACCURACIES, shared, int(k)) for k in n], color=colour, linewidth=1.6)
        rows = part(table, "error", shared=shared)
        axes.errorbar(
            rows["n"], rows["refused"], yerr=2 * rows["refused_stderr"], fmt=marker, color=colour, elinewidth=1.2, zorder=3
        )
    axes.set(xscale="log", xlabel="questions, n", ylabel="share of test sets", ylim=(-0.03, 0.8))
    _sizes(axes)
    axes.set_title("Refused: the gap is not told\nfrom zero")


def _worlds():
    return "; ".join(f"{name}: {', '.join(f'{a:.2f}' for a in accuracies)}" for name, (accuracies, _, _) in WORLDS.items())


def _coverage(axes, table):
    axes.axhspan(0.93, 0.97, color="#E4EEF4", zorder=0)
    axes.axhline(0.95, **LINES["bound"])
    places = {(world, n): i for i, (world, n) in enumerate((world, n) for world, of in WORLDS.items() for n in of[2])}
    for k, method in enumerate(METHODS):
        colour, marker = METHOD_LOOKS[method]
        rows = part(table, "coverage", method=method)
        keys = zip(rows["world"].tolist(), rows["n"].tolist(), strict=True)
        at = np.array([places[key] for key in keys]) + 0.17 * (k - 1.5)
        axes.errorbar(
            at, rows["value"], yerr=2 * rows["stderr"], fmt=marker, color=colour, elinewidth=1.2, label=method, zorder=3
        )
        axes.plot(at, rows["told"], marker, color=colour, markerfacecolor="white", zorder=2, markersize=4)
    axes.set(xlabel="questions, n", ylabel="covers the true PGR", ylim=(0.76, 1.07))
    axes.set_yticks([0.85, 0.9, 0.95, 1.0])
    axes.set_xticks(range(len(places)), [str(n) if n < 1000 else f"{n // 1000}k" for _, n in places])
    axes.grid(visible=False, axis="x")
    first = 0
    for world, (_, _, sizes) in WORLDS.items():
        axes.text(first + (len(sizes) - 1) / 2, 1.06, world.replace(" ", "\n", 1), ha="center", va="top", fontsize=8.5)
        first += len(sizes)
        if first < len(places):
            axes.axvline(first - 0.5, color="#BBBBBB", linewidth=0.8)
    axes.legend(fontsize=8.5, loc="lower center", ncols=4, columnspacing=1.0, handletextpad=0.2)
    axes.set_title("Coverage, and 93 to 97 %")


def _practice(axes, table):
    gaps = np.linspace(0.0, 8.2, 60)
    for true, (colour, marker) in TRUE_LOOKS.items():
        axes.plot(gaps, [expected_practice(true, float(gap)) for gap in gaps], color=colour, linewidth=1.6)
        rows = part(table, "practice", true=true)
        reach = np.abs(np.stack([rows["low"], rows["high"]]) - rows["value"])
        axes.errorbar(
            rows["gap"] + 0.1 * (TRUE.index(true) - 1),
            rows["value"],
            yerr=reach,
            fmt=marker,
            color=colour,
            elinewidth=1.0,
            label=f"true PGR {true:g}",
            zorder=3,
        )
    axes.axhline(0.5, **LINES["bound"])
    axes.set(xlabel="true gap, in standard errors", ylabel="median PGR reported", ylim=(-0.75, 1.95))
    axes.legend(fontsize=9, loc="upper right", ncols=1)
    axes.set_title("Dropping pairs and taking the\nmedian reports ½ where no gap is")


def _sizes(axes):
    axes.set_xticks(SIZES, [str(n) if n < 1000 else f"{n // 1000}k" for n in SIZES])
    axes.minorticks_off()
