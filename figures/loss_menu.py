"""The loss menu as a map: accuracy of the student under each loss less that under cross-entropy, by task, supervisor and length of training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from experiments._loss_menu import (
    BASE,
    ERRORS,
    LONG,
    NAMES,
    SHORT,
    Key,
    Map,
    cell,
    columns_of,
    differences,
    losses_of,
    map_level,
)
from experiments._tables import FEWEST, told
from experiments.loss_menu import LEARNING_RATE, REGIONS, TEXT
from figures._style import COLOURS, caption, mean_interval, new_figure, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROWS = tuple(name for name in NAMES if name != BASE)
#: The colours end at this difference; a map with a few large cells would hide the others.
REACH = 0.1


def draw(rows: Mapping[str, np.ndarray]) -> Figure:
    """Top: accuracies of weak labels, cross-entropy student and ceiling. Below: differences to cross-entropy, short and long training."""
    table = Map(rows)
    keys = columns_of(table)
    figure, (top, short, long) = new_figure(3, 1, height=9.2, height_ratios=[1.0, 1.5, 1.5])
    _accuracies(top, table, keys)
    for axes, epochs in ((short, SHORT), (long, LONG)):
        image = _map(axes, table, keys, epochs)
        axes.set_title(f"Student's accuracy less that under cross-entropy, {epochs} epochs")
    long.set_xticks(range(len(keys)), [_name(key) for key in keys], rotation=90, fontsize=9)
    bar = figure.colorbar(image, ax=[short, long], shrink=0.6, extend="both", ticks=[-REACH, 0.0, REACH])
    bar.set_ticklabels([f"−{REACH:g}", "0", f"+{REACH:g}"])
    trials = table.trials()
    texts = ", and on the text tasks some such labels are better than the ceiling" if any(key[0] in TEXT for key in keys) else ""
    dots = (
        "A dot: beyond noise, the interval of the paired difference over splits leaves out 0, at 95 % for the whole map."
        if trials >= FEWEST
        else f"Too few splits (fewer than {FEWEST}) for dots."
    )
    caption(
        figure,
        f"Softmax heads on frozen features, Adam at rate {LEARNING_RATE:g} on batches of 32; means over {trials} random "
        "splits that all losses share. Columns: "
        "task, then who labels: wrong at random, by class (odd and even classes unequally), or on whole regions "
        f"({REGIONS} k-means cells of the strong features), with the share of wrong labels, or the weak representation with a head of its own. "
        f"{dots} Grey: adaptive (its threshold is the median confidence of the batch) is one of its two parts where all labels are equally sure. "
        f"With more than two classes the confidence losses threshold by our extension of the rule. Top: {SHORT} epochs, 95 % intervals over "
        "splits, not data sets (none below three splits). Clusters are "
        f"synthetic, a new world for every split; errors other than the weak model's are simulated{texts}.",
    )
    return figure


def _name(key: Key) -> str:
    return f"{key[1]} {key[2]:g}" if key[1] in ERRORS else key[1]


def _separate(axes: Axes, keys: list[Key]) -> None:
    """A line between tasks."""
    for i in range(1, len(keys)):
        if keys[i][0] != keys[i - 1][0]:
            axes.axvline(i - 0.5, color="#555555", linewidth=1.0)
    axes.set_xlim(-0.5, len(keys) - 0.5)


def _accuracies(axes: Axes, table: Map, keys: list[Key]) -> None:
    at = np.arange(len(keys))
    for column, role, name, marker in (
        ("ceiling", "ceiling", "ceiling", "_"),
        ("weak", "weak", "weak labels", "_"),
        ("student", "student", "student, cross-entropy", "o"),
    ):
        values = [cell(table, column, key, loss=BASE, epochs=SHORT) for key in keys]
        places = np.repeat(at, [len(each) for each in values])
        bars = mean_interval(places, np.concatenate(values))
        size = 9 if marker == "_" else 4
        axes.errorbar(
            at, bars.mean, yerr=shown(bars), fmt=marker, color=COLOURS[role], markersize=size, markeredgewidth=1.6,
            elinewidth=0.9, capsize=0, label=name,
        )  # fmt: skip
    _separate(axes, keys)
    axes.set_xticks([])
    axes.grid(axis="x", visible=False)
    for task in dict.fromkeys(key[0] for key in keys):
        places = [i for i, key in enumerate(keys) if key[0] == task]
        axes.text(
            float(np.mean(places)),
            1.02,
            task.replace("_", " "),
            transform=axes.get_xaxis_transform(),
            ha="center",
            va="bottom",
            fontsize=10,
        )
    axes.set_ylabel("test accuracy")
    axes.legend(fontsize=8.5, ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.02))


def _map(axes: Axes, table: Map, keys: list[Key], epochs: int):
    from matplotlib import colormaps

    level = map_level(table)
    values, marks = np.full((len(ROWS), len(keys)), np.nan), np.zeros((len(ROWS), len(keys)), dtype=int)
    for i, name in enumerate(ROWS):
        for j, key in enumerate(keys):
            if name in losses_of(key[1]):
                found = differences(table, key, name, epochs)
                values[i, j], marks[i, j] = found.mean(), told(found, level=level)
    colours = colormaps["RdBu"].with_extremes(bad="#BBBBBB")
    image = axes.imshow(values, cmap=colours, vmin=-REACH, vmax=REACH, aspect="auto", interpolation="nearest")
    rows, columns = np.nonzero(marks)
    axes.plot(columns, rows, "o", color="#111111", markersize=3, linestyle="none")
    axes.set_yticks(range(len(ROWS)), ROWS, fontsize=9)
    axes.set_xticks([])
    axes.grid(visible=False)
    _separate(axes, keys)
    return image
