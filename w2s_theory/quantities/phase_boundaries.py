"""Where refinement fails: with long prompts the refiner is a quantiser, which moves the weak vector to the nearest concept.

The mean log-likelihood ratio of concept j over k per example is (‖β_w − β_k‖² − ‖β_w − β_j‖²)/2σ², whatever the noise and the features'
law (identity covariance). So one prompt of n → ∞ examples answers with the concept nearest to β_w, and the limit error is its distance to
β_*: zero when that is the concept meant, however large the weak error ε_w²; its distance otherwise, however small.

    the concept meant loses to k      u_k·b > ‖u_k‖²/2          u_k = β_k − β_{k*}, b = β_w − β_{k*}
    smallest such ‖b‖ along b         min_k ‖u_k‖²/2(u_k·b̂)₊     flip_size
    smallest such ‖b‖ of any b        ½ min_k ‖u_k‖              identification_radius

Ties. When several concepts are nearest, their log-odds are random walks without drift: divided by √n they tend to a Gaussian vector g with
covariance ∝ (r_j·r_k + τ²)², r_j = β_w − β_j (Gaussian features), and one prompt ends on the concept with the largest g, whatever the prior.
So a prompt's posterior is one-hot in the limit, at a concept that differs from prompt to prompt, while a student of fresh prompts learns
Σ p_k β_k, p_k = P(g_k largest). K − 1 orthonormal competitors at equal distance: error 2 against K/(K − 1). Only noiseless labels half-way
between two concepts never tell them apart, and leave the prior's odds. Derived here (after somerstep2025). NumPy float64.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ..problems.concepts import ConceptWorld

#: Squared distances to the weak vector that differ by less than this share of the largest are equal.
TIE = 1e-9


class LimitLaw(NamedTuple):
    """The law of one prompt's posterior as n → ∞: ``posteriors`` (m, K), taken with probabilities ``chances`` (m,)."""

    chances: np.ndarray
    posteriors: np.ndarray


def nearest(world: ConceptWorld) -> np.ndarray:
    """Indices of the concepts nearest to the weak vector, among those that the prior does not rule out."""
    distances = np.where(world.alpha > 0.0, np.sum(np.square(world.weak - world.concepts), axis=-1), np.inf)
    return np.flatnonzero(distances <= distances.min() + TIE * np.max(distances[world.alpha > 0.0]))


def settled(world: ConceptWorld) -> ConceptWorld:
    """The world of the possible concepts (positive prior), with the one nearest to the weak vector called the aligned one; the truth stays.

    Laws about the aligned concept are then about the concept on which long prompts settle. Raises ``ValueError`` when several tie.
    """
    winners = nearest(world)
    if winners.size > 1:
        raise ValueError(f"weak must have one nearest concept; {winners.tolist()} are equally near. Move the weak vector.")
    possible = np.flatnonzero(world.alpha > 0.0)
    return replace(
        world,
        concepts=world.concepts[possible],
        prior=world.alpha[possible],
        aligned=int(np.searchsorted(possible, winners[0])),
    )


def limit_law(world: ConceptWorld) -> LimitLaw:
    """Where one prompt's posterior ends. One outcome unless nearest concepts tie; those chances are exact for up to three rivals, and
    for rivals that are all alike (equal Gram entries), and good to 1e-5 otherwise.

    Raises ``ValueError`` for soft concepts, and for a tie under uniform features, whose law is another one.
    """
    if not world.is_sharp():
        raise ValueError("spread must be 0 for the nearest concept to win; soft concepts are in quantities.soft_concepts.")
    tied = nearest(world)
    if tied.size == 1:
        return LimitLaw(np.ones(1), np.eye(world.count)[tied])
    if not world.is_gaussian():
        raise ValueError(
            f"features must be Gaussian to break a tie; concepts {tied.tolist()} are equally near. Move the weak vector."
        )
    arms = world.weak - world.concepts[tied]
    walk = np.square(arms @ arms.T + world.weak_noise**2)
    same = np.abs(np.diag(walk)[:, None] - walk) <= TIE * np.max(walk)  # their log-odds never move
    first = np.unique(np.argmax(same, axis=1))
    posteriors = np.zeros((first.size, world.count))
    for row, index in zip(posteriors, first, strict=True):
        group = tied[same[index]]
        row[group] = world.alpha[group] / world.alpha[group].sum()
    return LimitLaw(_largest(walk[np.ix_(first, first)]), posteriors)


def limit_weights(world: ConceptWorld) -> np.ndarray:
    """lim E w, (K,): what a student of fresh prompts mixes. Exactly one-hot when one concept is nearest. See ``limit_law``."""
    law = limit_law(world)
    return law.chances @ law.posteriors


def one_prompt_limit(world: ConceptWorld) -> float:
    """lim E‖B w − β_*‖²: expected error of answering from one endless prompt. See ``limit_law``."""
    law = limit_law(world)
    return float(law.chances @ world.error(law.posteriors @ world.concepts))


def flip_size(world: ConceptWorld) -> float:
    """The size ‖b‖ at which a bias in the direction of the world's own moves its weak vector to another concept; inf if it never does.

    Raises ``ValueError`` when the weak vector is the concept meant, so that there is no direction.
    """
    bias = world.weak - world.concepts[world.aligned]
    length = float(np.linalg.norm(bias))
    if length == 0.0:
        raise ValueError("weak must differ from the concept that it means, or there is no direction; they are equal.")
    rivals = _rivals(world)
    ahead = rivals @ bias / length
    sizes = np.sum(np.square(rivals), axis=-1)[ahead > 0.0] / (2.0 * ahead[ahead > 0.0])
    return float(np.min(sizes, initial=np.inf))


def identification_radius(world: ConceptWorld) -> float:
    """½ min_k ‖β_k − β_{k*}‖: no bias shorter than this makes another concept the nearest; inf with one concept."""
    return 0.5 * float(np.min(np.linalg.norm(_rivals(world), axis=-1), initial=np.inf))


def _rivals(world: ConceptWorld) -> np.ndarray:
    """u_k of the other concepts that the prior does not rule out, (m, d)."""
    others = world.competitors[world.alpha[world.competitors] > 0.0]
    return world.concepts[others] - world.concepts[world.aligned]


def _largest(walk: np.ndarray) -> np.ndarray:
    """P(g_k is the largest) of g ~ N(0, ``walk``), (m,)."""
    m = walk.shape[0]
    off = walk[~np.eye(m, dtype=bool)]
    if m <= 2 or np.ptp(off) + np.ptp(np.diag(walk)) <= TIE * np.max(walk):
        return np.full(m, 1.0 / m)
    chances = np.empty(m)
    for k in range(m):
        lead = np.delete(np.eye(m)[k] - np.eye(m), k, axis=0)
        gaps = lead @ walk @ lead.T
        if m == 3:  # two Gaussian gaps are both positive with probability 1/4 + arcsin(correlation)/2π
            chances[k] = 0.25 + np.arcsin(gaps[0, 1] / np.sqrt(gaps[0, 0] * gaps[1, 1])) / (2.0 * np.pi)
        else:
            from scipy.stats import multivariate_normal

            chances[k] = multivariate_normal.cdf(np.zeros(m - 1), cov=gaps, abseps=1e-5, rng=np.random.default_rng(k))
    return chances / chances.sum()
