"""One look: colours by role, theory a line, a bound dashed, weak and ceiling thin lines; for reports and for this repository's figures."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
