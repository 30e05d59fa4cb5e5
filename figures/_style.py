"""One look for every figure: theory is a line, simulation a marker with an error bar, a bound is dashed, colours go by role."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np

from w2s_theory.report.columns import Bars, mean_interval
from w2s_theory.report.style import COLOURS, LINES, WIDTH, new_figure, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: What the figures take from here; the look itself has its home in the package, where reports use it too.
__all__ = [
    "COLOURS",
    "LINES",
    "WIDTH",
    "DRAWN",
    "Bars",
    "caption",
    "errorbar",
    "mean_interval",
    "new_figure",
    "shown",
    "style",
]
_CAPTION_SIZE = 9.0


def caption(figure: Figure, text: str) -> None:
    """Put ``text`` under the axes, wrapped to the figure's width: how many seeds, which interval, what is synthetic."""
    width, height = figure.get_size_inches()
    lines = textwrap.wrap(text, int(width * 72 / (0.56 * _CAPTION_SIZE)))
    share = (len(lines) * 1.35 * _CAPTION_SIZE + 8) / 72 / height
    figure.set_layout_engine("constrained", rect=(0, share, 1, 1 - share))
    figure.text(0.01, 0.01, "\n".join(lines), fontsize=_CAPTION_SIZE, color="#444444", va="bottom", linespacing=1.35)


#: Fewest values whose interval is drawn: that of two is often wider than the axes.
DRAWN = 3


def shown(bars: Bars) -> np.ndarray:
    """The half-widths to draw: 0 for a mean of fewer than ``DRAWN`` values."""
    return np.where(bars.count < DRAWN, 0.0, np.nan_to_num(bars.half))


def errorbar(
    axes: Axes, groups: np.ndarray, values: np.ndarray, *, role: str = "student", label: str = "", marker: str = "o"
) -> Bars:
    """Draw the means over seeds as markers with their intervals, in the colour of ``role``; return what was drawn."""
    bars = mean_interval(groups, values)
    half = np.nan_to_num(bars.half)
    axes.errorbar(bars.at, bars.mean, yerr=half, fmt=marker, color=COLOURS[role], elinewidth=1.2, label=label or None, zorder=3)
    return bars
