"""How close the two sides of every statement came, on every example problem."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from experiments.statements import closeness
from figures._style import COLOURS, LINES, caption, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Verdict → colour and marker. An unknown verdict is a KeyError, not an invisible marker.
LOOKS = {
    "HOLDS": (COLOURS["student"], "o"),
    "VIOLATED": (COLOURS["weak"], "X"),
    "NONFINITE": (COLOURS["weak"], "P"),
    "INCONCLUSIVE": (COLOURS["control"], "s"),
    "OUT_OF_SCOPE": (COLOURS["bound"], "v"),
    "UNSOLVED": (COLOURS["bound"], "^"),
}


#: Statements in one column of the picture, at most.
IN_A_COLUMN = 45


def draw(table: dict[str, np.ndarray]) -> Figure:
    """One line per statement; a marker per check at 1 − |left − right| / larger side, coloured by verdict."""
    names = list(dict.fromkeys(table["statement"].tolist()))
    columns = -(-len(names) // IN_A_COLUMN)
    each = -(-len(names) // columns)
    close = closeness(table)
    held = int(np.count_nonzero(table["verdict"] == "HOLDS"))
    small = {1: 10.0, 2: 7.5}.get(columns, 5.0)
    figure, panels = new_figure(1, columns, height=2.4 + 0.027 * small * each, squeeze=False)
    known = close[~np.isnan(close)]
    low = min(0.0, float(known.min())) if known.size else 0.0
    for position, axes in enumerate(panels[0]):
        _column(axes, table, close, names[position * each : (position + 1) * each], low)
        axes.tick_params(axis="y", labelsize=small)
    figure.suptitle(_title(held, len(close)), x=0.01, ha="left")
    handles = {label: line for axes in panels[0] for line, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    counts = {verdict: int(np.count_nonzero(table["verdict"] == verdict)) for verdict in LOOKS}
    labels = [f"{_words(verdict)} ({counts[verdict]})" for verdict in LOOKS if _words(verdict) in handles]
    shown = [handles[_words(verdict)] for verdict in LOOKS if _words(verdict) in handles]
    panels[0][0].legend(shown, labels, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3, borderpad=0.2)
    trials = len(set(table["trial"].tolist()))
    seeds = "one seed" if trials == 1 else f"{trials} seeds"
    caption(
        figure,
        "Closeness: 1 − |left − right| / larger side; 1 is equal, 0.5 a factor of 2, below 0 unlike signs. "
        f"Synthetic problems drawn by each statement's own examples, {seeds}; a marker is one check (for many tasks at once, the "
        "one with the least room); left of the dotted line: claims that compare with 0. Exact claims are compared up to rounding, "
        "random ones at a false-alarm rate of one in a million.",
    )
    return figure


def _column(axes, table, close, names, low):
    """The statements ``names``, one below the other."""
    row = {name: index for index, name in enumerate(names)}
    at = np.array([row.get(name, -1) for name in table["statement"].tolist()])
    no_ratio = low - 0.08 * (1.0 - low)
    for verdict, (colour, marker) in LOOKS.items():
        here = (table["verdict"] == verdict) & (at >= 0)
        if np.any(here):  # a check whose sides have no ratio still gets a marker, so that it is seen
            x = np.where(np.isnan(close[here]), no_ratio, close[here])
            axes.plot(
                x, at[here], marker, color=colour, alpha=0.55, markeredgewidth=0, markersize=6, label=_words(verdict), zorder=3
            )
    axes.axvline(1.0, **LINES["theory"], zorder=2)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.axvline((low + no_ratio) / 2, color=COLOURS["bound"], linewidth=0.8, linestyle=":")
    axes.set_xlim(2 * no_ratio - low + 0.02, 1.03)
    axes.set_xlabel("closeness")


def _words(verdict: str) -> str:
    return verdict.lower().replace("_", " ")


def _title(held: int, total: int) -> str:
    if held == total:
        return f"All {total} checks hold; a marker on the line is a bound that is attained"
    return f"{held} of {total} checks hold; the others are marked"
