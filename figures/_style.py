"""One look for every figure: theory is a line, simulation a marker with an error bar, a bound is dashed, colours go by role."""

from __future__ import annotations

import textwrap
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.special import stdtrit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Colour-blind safe (Okabe and Ito), dark enough for lines on white.
COLOURS = {
    "weak": "#D55E00",
    "student": "#0072B2",
    "ceiling": "#009E73",
    "theory": "#222222",
    "bound": "#7A7A7A",
    "control": "#CC79A7",
}
#: How a role is drawn: pass ``**LINES[role]`` to ``plot``, ``axhline`` or ``axvline``.
LINES: dict[str, dict[str, Any]] = {
    "theory": {"color": COLOURS["theory"], "linewidth": 1.6, "linestyle": "-"},
    "bound": {"color": COLOURS["bound"], "linewidth": 1.4, "linestyle": "--"},
    "weak": {"color": COLOURS["weak"], "linewidth": 0.9, "linestyle": "-"},
    "ceiling": {"color": COLOURS["ceiling"], "linewidth": 0.9, "linestyle": "-"},
    "zero": {"color": "#999999", "linewidth": 0.8, "linestyle": "-"},
}
#: Width in inches at which the type below is readable in a README (about 830 pixels wide there).
WIDTH = 8.3
LEVEL = 0.95
_RC: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # ships with matplotlib: the same glyphs, and so the same bytes, on every machine
    "font.size": 11,
    "axes.titlesize": 12,
    "axes.titlelocation": "left",
    "axes.labelsize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#E6E6E6",
    "grid.linewidth": 0.7,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "legend.fontsize": 10,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "lines.markersize": 5,
    "errorbar.capsize": 2,
    "figure.figsize": (WIDTH, 4.6),
    "figure.facecolor": "white",
    "figure.constrained_layout.use": True,
    "savefig.dpi": 150,
    "svg.hashsalt": "w2s_theory",  # without it the ids in the file are random
    "svg.fonttype": "path",
}
_CAPTION_SIZE = 9.0


def style() -> AbstractContextManager[None]:
    """A context in which figures are made and saved with the look of this repository."""
    import matplotlib

    return matplotlib.rc_context(_RC)


def new_figure(rows: int = 1, columns: int = 1, *, height: float = 4.6, **options: Any) -> tuple[Figure, Any]:
    """A figure of README width and its axes (as ``plt.subplots`` returns them), outside pyplot's global list of figures."""
    from matplotlib.figure import Figure

    with style():
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        return figure, figure.subplots(rows, columns, **options)


def caption(figure: Figure, text: str) -> None:
    """Put ``text`` under the axes, wrapped to the figure's width: how many seeds, which interval, what is synthetic."""
    width, height = figure.get_size_inches()
    lines = textwrap.wrap(text, int(width * 72 / (0.56 * _CAPTION_SIZE)))
    share = (len(lines) * 1.35 * _CAPTION_SIZE + 8) / 72 / height
    figure.set_layout_engine("constrained", rect=(0, share, 1, 1 - share))
    figure.text(0.01, 0.01, "\n".join(lines), fontsize=_CAPTION_SIZE, color="#444444", va="bottom", linespacing=1.35)


class Bars(NamedTuple):
    """Per group, in increasing order of ``at``: the mean, the half-width of its interval (NaN for one value), how many values."""

    at: np.ndarray
    mean: np.ndarray
    half: np.ndarray
    count: np.ndarray


def mean_interval(groups: np.ndarray, values: np.ndarray, *, level: float = LEVEL) -> Bars:
    """Mean and Student-t interval of ``values`` (one per seed) within each of ``groups``; both are columns of one table.

    half = t_{count−1}((1+level)/2) · std(ddof=1)/√count.
    """
    at, index, count = np.unique(groups, return_inverse=True, return_counts=True)
    mean = np.bincount(index, weights=values) / count
    squares = np.bincount(index, weights=(values - mean[index]) ** 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        half = stdtrit(count - 1.0, (1.0 + level) / 2.0) * np.sqrt(squares / (count - 1.0) / count)
    return Bars(at, mean, np.where(count > 1, half, np.nan), count)


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
