"""What k nearest neighbours make of noisy labels where neighbourhoods are pure: exact laws of a vote. NumPy and SciPy only.

In a pure neighbourhood all points have one class, so the labels of the neighbours are independent draws and the vote is right or not by the
law of their counts. A point that is one of its own neighbours counts as any other draw, unless its own label is known to be wrong.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._validation import probability, shares, whole
from ..problems.clusters import NoisyClusters
from ..students.neighbours import nearest
from .quantity import Quantity

#: What a share can be, to which rounding is cut.
POSSIBLE = (0.0, 1.0)


def plurality_error(chances: Any, right: int, votes: int, *, known: int | None = None) -> float:
    """P(the most frequent of ``votes`` labels is not ``right``) when they are independent with ``chances`` (C,), ties broken by a fair draw.

    ``known``: the class of one of the votes, which is not drawn then. Two classes and chance η of the wrong one:
    P(Bin(k, η) > k/2) + ½P(Bin(k, η) = k/2). Counts of k draws are Poisson counts given their sum, which makes the sum over all of them
    a product of polynomials: exact, in O(k³C²) steps. All terms are positive, so that an error far below 1 keeps its digits. Raises ``ValueError``
    for chances that are none, or votes < 1.

    >>> round(plurality_error([0.7, 0.3], 0, 5), 3), round(plurality_error([0.6, 0.4], 0, 51), 4)
    (0.163, 0.0735)
    >>> f"{plurality_error([0.99, 0.01], 0, 51):.2g}"
    '1.9e-38'
    """
    chances = shares("chances", chances)
    drawn = whole("votes", votes) - (known is not None)
    head = np.zeros(chances.size, dtype=np.int64)
    if known is not None:
        head[known] = 1
    if drawn == 0:
        return float(known != right)
    counts = np.arange(drawn + 1)
    poisson = _poisson(drawn * chances[:, None], counts)
    others = [c for c in range(chances.size) if c != right]
    lost = np.append(np.arange(chances.size) / np.arange(1.0, chances.size + 1.0), 1.0)
    losses = 0.0
    for own in counts:
        top = own + head[right]
        # ways[t, s]: weight of the other classes having s draws in all, t of them tied with the right one and none above it; last: some above.
        ways = np.zeros((chances.size + 1, drawn + 1))
        ways[0, 0] = 1.0
        for c in others:
            place = np.sign(counts + head[c] - top)
            below, tied, above = (_products(ways, np.where(place == side, poisson[c], 0.0)) for side in (-1, 0, 1))
            ways = below
            ways[1:-1] += tied[:-2]
            ways[-1] += tied[-1] + above.sum(axis=0)
        losses += poisson[right, own] * float(lost @ ways[:, drawn - own])
    return float(np.clip(losses / _poisson(np.array(float(drawn)), np.array(drawn)), *POSSIBLE))


def _products(rows: np.ndarray, polynomial: np.ndarray) -> np.ndarray:
    """Each row (n,) of coefficients times ``polynomial`` (n,), up to the same power."""
    return np.array([np.convolve(row, polynomial)[: polynomial.size] for row in rows])


def _poisson(mean: np.ndarray, count: np.ndarray) -> np.ndarray:
    """The Poisson chance of ``count`` at ``mean``, 0 at mean 0 but for count 0."""
    from scipy.special import gammaln, xlogy

    return np.exp(xlogy(count, mean) - mean - gammaln(count + 1.0))


def random_error_chances(share: float, classes: int) -> np.ndarray:
    """Chances (C,) of a label under random errors: right, class 0, with chance 1 − share, any other class with share/(C − 1)."""
    others = probability("share", share, strict=False) / (whole("classes", classes, at_least=2) - 1)
    return np.concatenate([[1.0 - share], np.full(classes - 1, others)])


def residual_noise(share: float, contamination: float) -> float:
    """The least share of wrong labels after dropping the share c of a sample in which η are wrong: max(0, (η − c)/(1 − c))."""
    return max(0.0, (share - contamination) / (1.0 - contamination))


def _repaired_error(world: NoisyClusters) -> float:
    return plurality_error(random_error_chances(world.share, world.world.classes), 0, world.neighbours)


def _trials(world: NoisyClusters, count: int, rng: np.random.Generator) -> np.ndarray:
    """Per data set, the share of points whose vote is wrong: drawn points, drawn errors, neighbours by distance, itself among them."""
    features, target, labels = world.draw(count, rng=rng)
    found = nearest(features, features, k=world.neighbours)
    votes = np.take_along_axis(labels[:, None, :], found, axis=2)
    counts = np.sum(votes[..., None] == np.arange(world.world.classes), axis=2)
    is_top = counts == counts.max(axis=-1, keepdims=True)
    right = np.take_along_axis(is_top, target[None, :, None], axis=2)[..., 0] / is_top.sum(axis=-1)
    return 1.0 - right.mean(axis=1)


#: Error of labels repaired by k nearest neighbours where neighbourhoods are pure and errors random.
REPAIRED_ERROR = Quantity("error after neighbour repair", _repaired_error, _trials)
