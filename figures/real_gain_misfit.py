"""Gain against misfit on all real tasks with the sharp band; three losses; penalty and split; what the intervals cover."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from experiments._gain_findings import HEADLINE, NAIVE, WANTED, coverage_of, number, tasks, worlds
from experiments._tables import pick
from experiments.real_gain_misfit import CONTROLS, FROM_OUTSIDE, MOST_ROWS
from figures._style import COLOURS, LINES, caption, new_figure
from w2s_theory.montecarlo import proportion_estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CONTROL_MARKERS = dict(zip(CONTROLS[1:], ("D", "s", "^"), strict=True))
LOSS_LOOKS = {"squared": ("student", "o"), "cross-entropy": ("ceiling", "s"), "accuracy": ("weak", "^")}
KIND_LOOKS = {HEADLINE: ("student", "o"), "test points": ("ceiling", "s"), NAIVE: ("weak", "^")}
PATHS = ("openai_moderation", "unfair terms", "stsb_en", "esol")
PATH_COLOURS = ("student", "weak", "ceiling", "control")


def draw(table: dict[str, np.ndarray]) -> Figure:
    """Four panels."""
    figure, ((scatter, losses), (path, cover)) = new_figure(2, 2, height=10.2)
    hidden = _scatter(scatter, table)
    _losses(losses, table)
    _path(path, table)
    _cover(cover, table)
    splits = int(pick(table, kind="size", quantity="splits", control="none")["value"].max())
    sets = max(coverage_of(table, *key, "gain", HEADLINE)[1] for key in worlds(table))
    caption(
        figure,
        f"Frozen features of real data, at most {MOST_ROWS} rows a task, {splits} random splits (copies of a text on one side). Text: layer 0 of a "
        "6-layer sentence encoder teaches layer 6; GPT-3.5: its own answers teach layer 6; esol: fingerprints teach descriptors. Ridge "
        "heads for squared loss (label variance 1), softmax heads for cross-entropy and accuracy; penalties chosen from the labels a head is given. "
        "Bars: 95 % intervals for a new data set. Top left: pale bars misfit ± 2√(misfit·ε) with ε the ceiling's held-out error, an upper "
        f"estimate; hollow: negative controls{hidden}. Bottom left: one penalty for student and ceiling, mean and range over splits. Bottom right: "
        f"synthetic worlds where the truth is known, {sets} data sets each, with 95 % exact intervals.",
    )
    return figure


def _scatter(axes: Axes, table: dict[str, np.ndarray]) -> str:
    names = [task for task in tasks(table) if task != FROM_OUTSIDE]
    rows = {
        task: (number(table, task, "misfit"), number(table, task, "gain"), number(table, task, "sharp_band")) for task in names
    }
    right = 1.25 * max(misfit[2] for misfit, _, _ in rows.values())
    axes.axhline(0.0, **LINES["zero"])
    axes.plot([0, right], [0, right], label="gain = misfit", **LINES["theory"])
    low = min(gain[1] for _, gain, _ in rows.values())
    high = max(right, max(gain[2] for _, gain, _ in rows.values()))
    for k, (misfit, gain, edges) in enumerate(rows.values()):
        label = "misfit ± 2√(misfit·ε)" if k == 0 else None
        axes.plot(
            [misfit[0]] * 2,
            edges[1:],
            color=COLOURS["bound"],
            linewidth=6,
            alpha=0.22,
            solid_capstyle="butt",
            label=label,
            zorder=0,
        )
        axes.errorbar(
            misfit[0],
            gain[0],
            xerr=[[misfit[0] - misfit[1]], [misfit[2] - misfit[0]]],
            yerr=[[gain[0] - gain[1]], [gain[2] - gain[0]]],
            fmt="o",
            color=COLOURS["student"],
            elinewidth=0.9,
            label="measured" if k == 0 else None,
            zorder=3,
        )
    _names(axes, {task: (misfit[0], gain[0]) for task, (misfit, gain, _) in rows.items()}, right)
    beyond = 0
    for control, marker in CONTROL_MARKERS.items():
        points = [(number(table, t, "misfit", control=control)[0], number(table, t, "gain", control=control)[0]) for t in names]
        shown = [(x, y) for x, y in points if x <= right and y <= 1.15 * high]
        beyond += sum(np.isfinite(x) for x, _ in points) - len(shown)
        if shown:
            axes.plot(
                *zip(*shown, strict=True),
                marker,
                color=COLOURS["control"],
                markerfacecolor="none",
                linestyle="none",
                label=control,
                zorder=2,
            )
    axes.set(
        xlim=(-0.03 * right, right),
        ylim=(min(1.3 * low, -0.35 * right), 1.15 * high),
        xlabel="misfit",
        ylabel="gain, squared loss",
    )
    below = sum(gain[0] < misfit[0] for misfit, gain, _ in rows.values())
    axes.set_title(f"The gain is below the misfit\non {below} of {len(names)} tasks")
    axes.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.45, -0.13), ncols=3, columnspacing=1.0, handlelength=1.4)
    return f" ({beyond} beyond the axes, on the line gain = misfit)" if beyond else ""


def _names(axes: Axes, places: dict[str, tuple[float, float]], right: float) -> None:
    """A name beside each point, moved down while it would touch the one above."""
    step, last = 0.055 * right * 1.5, np.inf
    for task, (x, y) in sorted(places.items(), key=lambda item: -item[1][1]):
        at = min(y, last - step)
        axes.annotate(
            task, (x, y), xytext=(1.01 * right, at), fontsize=8, color="#333333", annotation_clip=False, va="center",
            arrowprops={"arrowstyle": "-", "color": "#BBBBBB", "linewidth": 0.6},
        )  # fmt: skip
        last = at


def _losses(axes: Axes, table: dict[str, np.ndarray]) -> None:
    names = tasks(table)
    at = np.arange(len(names))[::-1]
    axes.axvline(0.0, **LINES["zero"])
    for j, (loss, (role, marker)) in enumerate(LOSS_LOOKS.items()):
        found = np.array([(*number(table, t, "gain", loss=loss), number(table, t, "weak_error", loss=loss)[0]) for t in names])
        value, low, high, weak = found.T
        axes.errorbar(
            value / weak,
            at + 0.22 * (1 - j),
            xerr=np.stack([value - low, high - value]) / weak,
            fmt=marker,
            color=COLOURS[role],
            elinewidth=1.2,
            markersize=4.5,
            label=loss,
            zorder=3,
        )
    axes.set_yticks(at, [name.replace(", ", ",\n") for name in names], fontsize=9)
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.set_xlabel("gain, as a share of the weak error")
    axes.set_title("The gain of one student\nunder three losses")
    axes.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.4, -0.13), ncols=3, columnspacing=1.0, handletextpad=0.3)


def _path(axes: Axes, table: dict[str, np.ndarray]) -> None:
    axes.axhline(0.0, **LINES["zero"])
    lowest, highest = -0.05, 0.05
    for task, role in zip(PATHS, PATH_COLOURS, strict=True):
        rows = pick(table, part="task", kind="path", task=task, control="none")
        if not len(rows["value"]):
            continue
        penalties, index = np.unique(rows["penalty"], return_inverse=True)
        order = np.argsort(index, kind="stable")
        gains = rows["value"][order].reshape(len(penalties), -1)
        axes.plot(penalties, gains.mean(axis=1), color=COLOURS[role], linewidth=1.6, label=task)
        axes.fill_between(penalties, gains.min(axis=1), gains.max(axis=1), color=COLOURS[role], alpha=0.15, linewidth=0)
        highest = max(highest, 1.3 * float(gains.max()))
    lowest = -2.5 * highest
    axes.set(
        xscale="log",
        ylim=(lowest, 1.1 * highest),
        xlabel="penalty, in units of the features' mean eigenvalue",
        ylabel="gain, squared loss",
    )
    axes.set_title("The gain along the penalty,\nmean and range over splits")
    axes.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.45, -0.15), ncols=2, columnspacing=1.0)


def _cover(axes: Axes, table: dict[str, np.ndarray]) -> None:
    keys = worlds(table)
    at = np.arange(len(keys))[::-1]
    axes.axvspan(*WANTED, color="#E4EEF4", zorder=0)
    axes.axvline(0.95, **LINES["bound"])
    for j, (how, (role, marker)) in enumerate(KIND_LOOKS.items()):
        found = [proportion_estimate(*coverage_of(table, world, loss, "gain", how)) for world, loss in keys]
        value = np.array([each.value for each in found])
        reach = np.array([[each.value - each.low for each in found], [each.high - each.value for each in found]])
        axes.errorbar(
            value,
            at + 0.22 * (1 - j),
            xerr=reach,
            fmt=marker,
            color=COLOURS[role],
            elinewidth=1.2,
            markersize=4.5,
            label=how,
            zorder=3,
        )
    axes.set_yticks(at, [f"{world},\n{loss}" for world, loss in keys], fontsize=8.5)
    axes.set_ylim(-0.6, len(keys) - 0.4)
    axes.set_xlim(right=1.005)
    axes.set_xlabel("covers the expected gain")
    axes.set_title("What three kinds of interval\ncover, of 95 %")
    axes.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.4, -0.15), ncols=3, columnspacing=1.0, handletextpad=0.3)
