"""One look: colours by role, theory a line, a bound dashed, weak and ceiling thin lines; for reports, figures and users' own plots."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from .._validation import MissingExtra
from .sections import harmless

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Colour-blind safe (Okabe and Ito; the target's violet is ours), dark enough for lines on white.
COLOURS = {
    "weak": "#D55E00",
    "student": "#0072B2",
    "ceiling": "#009E73",
    "target": "#5B3A8C",
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
#: What else may stand beside the roles, and the markers that tell lines apart without colour.
_MORE_COLOURS = ("#E69F00", "#56B4E9", "#8C510A", "#117733")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")
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
    """A context in which figures are made and saved with the look of this repository. Raises ``MissingExtra`` without matplotlib."""
    try:
        import matplotlib
    except ImportError:
        raise MissingExtra("figures", "matplotlib") from None
    return matplotlib.rc_context(_RC)


def new_figure(rows: int = 1, columns: int = 1, *, height: float = 4.6, **options: Any) -> tuple[Figure, Any]:
    """A figure of README width and its axes (as ``plt.subplots`` returns them), outside pyplot's global list of figures."""
    with style():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        return figure, figure.subplots(rows, columns, **options)


def colours(values: Sequence[Any]) -> list[Any]:
    """A colour for each of at most ``len(MARKERS)`` values: its role's, where it names one; a scale from dark to light for numbers.

    Raises ``ValueError`` for more values, which nobody could tell apart.
    """
    if len(values) > len(MARKERS):
        raise ValueError(
            f"by must have at most {len(MARKERS)} values, one colour and marker each; it has {len(values)}. Take fewer rows, or draw phase_map."
        )
    if len(values) > 1 and all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        from matplotlib import colormaps

        return [colormaps["viridis"](0.85 * i / (len(values) - 1)) for i in range(len(values))]
    named = {str(value) for value in values} & set(COLOURS)
    # Beside a role, what is none must not look like one.
    cycle = iter([*_MORE_COLOURS, *(colour for role, colour in COLOURS.items() if role not in named)])
    if not named:
        cycle = iter(
            [*(COLOURS[role] for role in ("student", "weak", "ceiling", "control", "target")), *_MORE_COLOURS, COLOURS["theory"]]
        )
    return [COLOURS[str(value)] if str(value) in named else next(cycle) for value in values]


def legend_above(axes: Any, columns: int = 2) -> None:
    """The legend outside the data, above the axes, where a title of the axes would stand."""
    fitted(axes)
    axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=columns, borderaxespad=0.2)


def legend_beside(axes: Any, handles: list[Any], title: str | None = None) -> None:
    """The legend of ``handles`` outside the data, to the right of the axes."""
    fitted(axes)
    axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.4, title=title, alignment="left")


def short(name: Any, most: int = 32) -> str:
    """A name as matplotlib should show it: on one line, not too long, and without the dollar signs that would start mathematics."""
    text = " ".join(harmless(str(name)).split()).replace("$", r"\$")
    return text if len(text) <= most else text[: most - 1] + "…"


def fitted(axes: Any) -> None:
    """See that the figure makes room for what stands outside the axes, unless its maker has chosen a layout.

    A colour bar that was drawn without a layout keeps its place: matplotlib can't give such a figure one any more.
    """
    figure = axes.figure.figure  # of a part of a figure: the whole
    if figure.get_layout_engine() is None and not any(hasattr(each, "_colorbar") for each in figure.axes):
        figure.set_layout_engine("constrained")
