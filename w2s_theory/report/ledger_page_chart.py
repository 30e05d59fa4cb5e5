"""Every check of a statement on one line: how near its sides came to each other."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .markup import escaped

#: Size in pixels, room for the labels at the ends, height of the line.
WIDTH, HEIGHT, END, LINE = 240, 36, 16, 13
#: The left end of the axis of an equality: float64 can't tell the sides apart below.
SMALLEST = 1e-16


@dataclass(frozen=True)
class Margins:
    """The checks of one statement: ``closeness`` of the sides (1 − |left − right| / larger side, NaN where a side is 0) and whether each ``held``.

    ``worst`` is the index of the check with the least margin in units of its error (−1 where no check has one); ``left``, ``right``,
    ``margin``, ``error`` and ``tightness`` (smaller over larger side, NaN where that means nothing) are of that one.
    """

    relation: str
    closeness: np.ndarray
    held: np.ndarray
    worst: int
    left: float
    right: float
    margin: float
    error: float
    tightness: float


def chart(margins: Margins) -> str:
    """The chart as inline SVG with a sentence for those who can't see it; "" where no check has a ratio of its sides."""
    known = np.isfinite(margins.closeness)
    if not known.any():
        return ""
    is_equality = margins.relation == "=="
    at = _places(margins.closeness, is_equality)
    dots = "".join(f"M{x:.1f} {LINE}h0" for x in sorted({round(float(x), 1) for x in at[known & margins.held]}))
    crosses = "".join(f"M{x - 4:.1f} {LINE - 4}l8 8m0 -8l-8 8" for x in at[known & ~margins.held])
    ring = f'<circle cx="{at[margins.worst]:.1f}" cy="{LINE}" r="6"/>' if margins.worst >= 0 and known[margins.worst] else ""
    labels = (
        (("start", "10⁻¹⁶"), ("middle", "10⁻⁸"), ("end", "1"))
        if is_equality
        else (("start", "0"), ("middle", "½"), ("end", "1, equal"))
    )
    words = "".join(
        f'<text x="{x}" y="{HEIGHT - 3}" text-anchor="{anchor}">{label}</text>'
        for x, (anchor, label) in zip((4, WIDTH / 2, WIDTH - 4), labels, strict=True)
    )
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" '
        f'aria-label="{escaped(_said(margins, known, is_equality))}">'
        f'<path class="axis" d="M{END} {LINE}H{WIDTH - END}M{END} {LINE - 4}v8M{WIDTH / 2} {LINE - 4}v8M{WIDTH - END} {LINE - 4}v8"/>'
        f'<path class="dots" d="{dots}"/>{ring}<path class="crosses" d="{crosses}"/>{words}</svg>'
    )


def _places(closeness: np.ndarray, is_equality: bool) -> np.ndarray:
    """Where on the axis, in pixels."""
    if is_equality:
        share = 1.0 - np.log10(np.clip(1.0 - closeness, SMALLEST, 1.0)) / math.log10(SMALLEST)
    else:
        share = np.clip(closeness, 0.0, 1.0)
    return END + share * (WIDTH - 2 * END)


def _said(margins: Margins, known: np.ndarray, is_equality: bool) -> str:
    close, checks, violated = margins.closeness[known], int(known.sum()), int((~margins.held).sum())
    what = f"{checks} check{'s' if checks > 1 else ''}"
    if is_equality:
        said = f"{what}: the sides differ by {signed(1.0 - close.max(), 1)} to {signed(1.0 - close.min(), 1)} of the larger one"
    else:
        unlike = int((close < 0.0).sum())
        said = f"{what}: ratio of the sides at best {signed(close.max(), 3)}, median {signed(float(np.median(close)), 3)}"
        said += f"; unlike signs in {unlike}" if unlike else ""
    return said + (f"; {violated} without a verdict that it holds" if violated else "")


def signed(value: float, digits: int) -> str:
    """A number with that many significant digits and a proper minus sign."""
    return f"{value:.{digits}g}".replace("-", "−")
