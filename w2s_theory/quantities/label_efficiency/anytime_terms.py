"""Terms with the gain as their mean and a known range, one per gold label, for intervals that are valid whenever one stops.

At every point the gain is affine in the label (``blend``): D(y, w) − D(y, s) = D(s, w) + ⟨y − s, h⟩. With a guess ŷ of the
labels and a point I drawn with probability p_I from all N,

    Z = mean_i (D(s_i, w_i) + ⟨ŷ_i − s_i, h_i⟩) + ⟨y_I − ŷ_I, h_I⟩/(N p_I),      E Z = gain of the pool, whatever ŷ and p are,

because the expectation of the second part is mean_i ⟨y_i − ŷ_i, h_i⟩. So ŷ may change from draw to draw as long as it is
decided by *earlier* labels: E[Z_t | past] = gain still, which is all that ``anytime`` asks for. (A ŷ fitted to the very label
that it is compared with makes Z biased.) Of ŷ only g = ⟨ŷ, h⟩ matters. The range of Z follows from that of the labels, h, g
and p before the label is seen; with p ∝ |h| all |h_i|/(N p_i) equal the mean of |h|, and no other p makes that range narrower
for a ŷ in the middle of it. NumPy only.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._validation import finite
from .anytime import MeanStream
from .blend import Affine, fitted_coefficients
from .draws import Draw

#: The guess is fitted anew when there are this many times as many labels as at the last fit, the first time at FIRST_FIT.
GROWTH, FIRST_FIT = 1.25, 10


def weighted_terms(affine: Affine, probabilities: Any, guess: Any, rows: Any, gold: Any) -> np.ndarray:
    """Z (k,) of the points ``rows`` (k,), drawn with ``probabilities`` (N,), with labels ``gold`` (k,) or (k, C).

    ``guess`` (N,): g = ⟨ŷ, h⟩ of all points, decided before these labels were seen. Units of the loss.
    """
    guess, share = _of_points(affine, "guess", guess), _chances(affine, probabilities)
    gold = np.asarray(finite("gold", gold), dtype=np.float64)
    seen = np.asarray(affine.loss.inner(gold, affine.slopes[rows]))
    return float(np.mean(_start(affine) + guess)) + (seen - guess[rows]) / (affine.size * share[rows])


def term_range(
    affine: Affine, probabilities: Any, guess: Any, *, labels: tuple[float, float] | None = None
) -> tuple[float, float]:
    """The least and the largest that Z can be: ``low`` and ``high`` for ``anytime``.

    ``labels``: the range that gold labels (every coordinate of theirs) lie in: stated, not read off those that were seen;
    ``None`` where the answers are probabilities of classes and a label is one of them. Raises ``ValueError`` when a point
    whose label matters can't be drawn.
    """
    guess, share = _of_points(affine, "guess", guess), _chances(affine, probabilities)
    least, most = _label_ends(affine, labels)
    drawn = share > 0.0
    scale = affine.size * share[drawn]
    known = float(np.mean(_start(affine) + guess))
    return known + float(np.min((least - guess)[drawn] / scale)), known + float(np.max((most - guess)[drawn] / scale))


def sequential_terms(
    affine: Affine, draw: Draw, gold: Any, *, labels: tuple[float, float] | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Terms, and the lower and upper end of what each could have been, (n,) each, for the draws in their order; ŷ is the blend
    of earlier labels.

    ``draw``: with replacement, from ``draw_points``; of its rows the first n may be labelled: ``gold`` (n,) or (n, C), in that
    order. A later label changes no earlier term. ``labels`` as in ``term_range``. Raises ``ValueError`` for a draw of another
    design, whose terms are not of one mean given the past.
    """
    if draw.how != "replacement":
        raise ValueError(
            f"draw must be with replacement, so that every next draw is the same whatever came before; it is {draw.how!r}."
        )
    gold = np.asarray(finite("gold", gold), dtype=np.float64)
    if len(gold) > len(draw.rows):
        raise ValueError(
            f"gold must hold at most the {len(draw.rows)} labels of the draw; it holds {len(gold)}. Check the order."
        )
    rows, share = draw.rows[: len(gold)], draw.probabilities
    middle, directions = affine.basis
    rate = affine.size * share[rows]
    misses = (np.asarray(affine.loss.inner(gold, affine.slopes[rows])) - middle[rows]) / rate
    scaled = directions[rows] / rate[:, None]
    can = share > 0.0
    size = np.sqrt(np.sum(directions[can] ** 2 / share[can, None], axis=0)) / affine.size
    terms, lows, highs = np.empty(len(gold)), np.empty(len(gold)), np.empty(len(gold))
    start = 0
    while start < len(gold):
        stop = min(max(FIRST_FIT, int(start * GROWTH) + 1), len(gold))
        guess = middle + directions @ fitted_coefficients(scaled[:start], misses[:start], size)
        terms[start:stop] = weighted_terms(affine, share, guess, rows[start:stop], gold[start:stop])
        lows[start:stop], highs[start:stop] = term_range(affine, share, guess, labels=labels)
        start = stop
    return terms, lows, highs


def sequential_gain(
    affine: Affine, draw: Draw, gold: Any, *, labels: tuple[float, float] | None = None, level: float = 0.95
) -> MeanStream:
    """The running interval for the pool's gain after the labels so far: ``.lower``, ``.upper``, ``.interval()``; see
    ``sequential_terms``.
    """
    terms, lows, highs = sequential_terms(affine, draw, gold, labels=labels)
    stream = MeanStream(level=level)
    stream.add(terms, low=lows, high=highs)
    return stream


def _start(affine: Affine) -> np.ndarray:
    """D(s, w) − ⟨s, h⟩: the gain at each point but for what depends on the label."""
    return affine.misfit - np.asarray(affine.loss.inner(affine.student, affine.slopes))


def _label_ends(affine: Affine, labels: tuple[float, float] | None) -> tuple[np.ndarray, np.ndarray]:
    """The least and the largest ⟨y, h⟩ at every point."""
    slopes = affine.slopes
    if labels is None:
        if not affine.has_classes:
            raise ValueError(
                "labels must state the range (low, high) of the gold labels; it is None, and the answers are not probabilities of classes."
            )
        return slopes.min(axis=1), slopes.max(axis=1)
    if not labels[0] < labels[1]:
        raise ValueError(f"labels must be a range (low, high) with low < high; it is {labels!r}.")
    ends = np.sort([labels[0] * slopes, labels[1] * slopes], axis=0)
    return (ends[0], ends[1]) if slopes.ndim == 1 else (ends[0].sum(axis=1), ends[1].sum(axis=1))


def _of_points(affine: Affine, name: str, value: Any) -> np.ndarray:
    array = np.asarray(finite(name, value, ndim=1), dtype=np.float64)
    if array.shape != (affine.size,):
        raise ValueError(f"{name} must have one entry for each of the {affine.size} points; its shape is {array.shape}.")
    return array


def _chances(affine: Affine, probabilities: Any) -> np.ndarray:
    share = _of_points(affine, "probabilities", probabilities)
    if share.min() < 0.0 or abs(share.sum() - 1.0) > 1e-6:
        raise ValueError(
            f"probabilities must be >= 0 and sum to 1; the smallest is {share.min():.3g}, the sum {share.sum():.9g}. Divide by the sum."
        )
    matters = np.any(affine.slopes.reshape(affine.size, -1) != 0.0, axis=1)
    if np.any(matters & (share == 0.0)):
        bad = int(np.argmax(matters & (share == 0.0)))
        raise ValueError(
            f"probabilities must be positive wherever weak and student differ; that of point {bad} is 0. Put a floor under them."
        )
    return share
