"""Label refinement against weak training in regression with a hidden, shifted prior: which of the two is left with the larger error?

Two concepts with difference u = β_1 − β_2 and equal source priors, target shares (q, 1 − q), p = u·x ~ N(0, U), U = ‖u‖². At x the concepts are
p apart, so refinement shrinks the shares there towards ½ by 1 − 2c(|p|/2σ), c as in ``prior_shift.confusion_probability`` (weak noise τ: ratio τ/σ):

* E(refined regression − β_q·x)² = (2q − 1)² E[p² c(|p|/2σ)²]           noise-only weak labels, for a student that fits any function;
* a linear student fits slope (q − ½) E[p²(1 − 2c)]/U along u (the target's is q − ½), and is off by (2q − 1)² E[p² c]²/U;
* a student trained on the weak labels themselves tends to Σ q_k β^w_k, off by ‖Σ q_k b_k‖², b_k = β^w_k − β_k: nothing when weak labels
  are only noisy.

So refinement loses to weak training under noise alone, and wins when bias is what is wrong. A common bias b orthogonal to u acts on the
posterior as noise of variance τ² + ‖b‖²; a share of it also leaks into the student along b. Derived here, a reconstruction of objects
of somerstep2025limitations. NumPy float64.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from ..linalg import least_squares
from ..montecarlo import categorical, in_pieces
from ..problems.regression_mixture import RegressionMixture, RegressionTraining
from ..students.label_refinement import concept_posterior
from .quantity import Quantity

#: Refined labels averaged on each side of a trial of the regression risk, to make it less noisy.
COPIES = 16
#: At most this many nodes of the double trapezium rule (128 MiB); concepts that are sharper against σ are refused.
MOST_NODES = 2**24


def refined_head(world: RegressionMixture) -> np.ndarray:
    """Population least squares on refined labels, (d,): two different concepts, equal source priors, weak labels with a common bias ⟂ u
    (or none).

    Raises ``ValueError`` outside these hypotheses.
    """
    p, t, gap, mass = _shares_along(world)
    u, bias = world.concepts[0] - world.concepts[1], world.mean_bias
    middle = 0.5 * (world.concepts[0] + world.concepts[1])
    along = np.sum(mass * p**2 * gap) / (u @ u)
    leak = np.sum(mass * p * t * gap) / (bias @ bias + world.weak_scale**2)
    return middle + along * u + leak * bias


def _shares_along(world: RegressionMixture) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """p = u·x (G, 1), t = bias and noise of a weak label (1, H); the first concept's expected posterior share minus ½, and the mass (G, H).

    Two trapezium rules, whose steps resolve the posterior: it changes over σ in p, and over σ²/p in t. Raises
    ``ValueError`` for worlds where the shares depend on more than these two numbers.
    """
    if not (world.is_balanced_pair() and world.has_common_orthogonal_bias()):
        raise ValueError(
            "world must have two different concepts of equal source prior, and weak concepts off by one vector orthogonal to their "
            "difference. Simulate refined_labels for others."
        )
    length, bias = float(np.linalg.norm(world.concepts[0] - world.concepts[1])), world.mean_bias
    spread = float(np.sqrt(bias @ bias + world.weak_scale**2))
    size = length / world.noise
    grids = [np.arange(-half, half + 1) * (9.0 / half) for half in _half_counts(size, size * spread / world.noise)]
    masses = [np.exp(-0.5 * grid**2) / np.sum(np.exp(-0.5 * grid**2)) for grid in grids]
    p, t = length * grids[0][:, None], spread * grids[1][None, :]
    first, second = (expit(p * (sign * p / 2.0 + t) / world.noise**2) - 0.5 for sign in (1.0, -1.0))
    return p, t, world.target[0] * first + world.target[1] * second, masses[0][:, None] * masses[1]


def _half_counts(*sharpness: float) -> tuple[int, ...]:
    """Nodes on each side of zero, 9 standard deviations apart, for posteriors that change over 1/sharpness standard deviations."""
    counts = tuple(int(np.ceil(9.0 * max(10.0, 4.0 * value))) for value in sharpness)
    if np.prod(np.array(counts, dtype=float) * 2.0 + 1.0) > MOST_NODES:
        raise ValueError(
            f"concepts must be less than about fifty noise standard deviations apart for the quadrature; they are {sharpness[0]:.3g}. "
            "Concepts that far apart are hardly ever confused."
        )
    return counts


def linear_risk(world: RegressionMixture) -> float:
    """‖refined head − β_q‖²: what a linear student on unlimited refined labels is left with."""
    return float(np.sum(np.square(refined_head(world) - world.target_head)))


def weak_risk(world: RegressionMixture) -> float:
    """‖Σ q_k b_k‖²: what a linear student on unlimited weak labels is left with."""
    return float(np.sum(np.square(world.mean_bias)))


def _refined_risk(world: RegressionMixture) -> float:
    """(2q − 1)² E[p² c(|p|/2σ)²], from shares shrunk towards ½ at each p; noise-only weak labels."""
    if not world.is_unbiased():
        raise ValueError("weak_concepts must be the strong ones: the formula is for weak labels that are only noisy.")
    p, _, gap, mass = _shares_along(world)
    at = mass.sum(axis=1)
    share = np.sum(mass * gap, axis=1) / at
    return float(at @ np.square(p[:, 0] * (share - (world.target[0] - 0.5))))


def refined_labels(world: RegressionMixture, features: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Refined labels (...) at ``features`` (..., d): a weak label, a concept from its posterior, a label of that concept."""
    weak = world.weak_labels(features, rng=rng)
    chosen = categorical(concept_posterior(world.log_densities(features, weak), world.source), rng=rng)
    return world.draw(features, chosen, rng=rng)


def _risk_trials(world: RegressionMixture, count: int, rng: np.random.Generator) -> np.ndarray:
    """(mean of COPIES refined labels − truth) · (mean of COPIES others − truth) at one x per trial: unbiased for the squared error."""

    def draw(trials: int) -> np.ndarray:
        features = rng.standard_normal((trials, world.d))
        repeated = np.broadcast_to(features[:, None, None, :], (trials, 2, COPIES, world.d))
        off = refined_labels(world, repeated, rng).mean(axis=2) - (features @ world.target_head)[:, None]
        return off[:, 0] * off[:, 1]

    return in_pieces(draw, count, numbers=2 * COPIES * (3 * world.d + 5 * world.source.size))


def _weak_training_trials(training: RegressionTraining, count: int, rng: np.random.Generator) -> np.ndarray:
    """⟨head − β_q, other head − β_q⟩ for two students trained on n weak labels each: unbiased for what more labels don't remove."""
    if not training.has_enough_labels():
        raise ValueError(f"labels must exceed d + 1 = {training.world.d + 1} for heads with a mean; they are {training.labels}.")
    world = training.world

    def draw(trials: int) -> np.ndarray:
        features = rng.standard_normal((2, trials, training.labels, world.d))
        heads = least_squares(features, world.weak_labels(features, rng=rng)).coefficients
        return np.sum((heads[0] - world.target_head) * (heads[1] - world.target_head), axis=-1)

    return in_pieces(draw, count, numbers=2 * training.labels * (4 * world.d + world.source.size + 4))


#: Squared error of the refined regression function itself; noise-only weak labels, two concepts.
REFINED_REGRESSION = Quantity("error of a student on unlimited refined labels", _refined_risk, _risk_trials)
#: Irreducible squared error of students trained on weak labels; any concepts, more than d + 1 labels.
WEAK_REGRESSION = Quantity(
    "irreducible error of weak training", lambda training: weak_risk(training.world), _weak_training_trials
)
