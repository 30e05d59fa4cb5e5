"""As a law, weak training is off by KL(Σ q_k f_k ‖ Σ q_k f^w_k) ≤ Σ q_k {½ [σ²/τ² − 1 − log(σ²/τ²)] + (μ_k − μ^w_k)²/2τ²}.

A student that copies the weak law of labels exactly keeps this divergence from the target's, noise included: where it samples rather than
averages, noise-only weak labels hurt as well. Joint convexity of KL. Derived here.
"""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp

from ...problems.mixtures import GaussianMixture
from ...quantities.prior_shift import weak_law_divergence_bound
from ...statements import InExpectation, Sides, Statement
from .._mixtures import SOURCE, biased_triple


def _sides(world: GaussianMixture, count: int, rng: np.random.Generator) -> Sides:
    labels = world.faithful().sample(count, rng=rng)[1][:, 0]
    logs = np.stack([world.log_densities(labels), world.weak_log_densities(labels)])
    strong, weak = np.asarray(logsumexp(logs, axis=-1, b=world.target))
    return Sides(strong - weak, weak_law_divergence_bound(world))


def _examples(rng: np.random.Generator) -> tuple[GaussianMixture, ...]:
    one = np.ones(1)
    noisy = GaussianMixture(one, one, np.zeros(1), 1.0, np.zeros(1), 2.0)
    return biased_triple(rng), noisy, GaussianMixture(one, one, np.zeros(1), 1.0, rng.uniform(0.8, 1.2, 1), 1.5)


WEAK_LAW = Statement(
    name="prior_shift.weak_law",
    says="copying the law of weak labels: KL(target ‖ weak) ≤ Σ q_k {½ [σ²/τ² − 1 − log(σ²/τ²)] + (μ_k − μ^w_k)²/2τ²}",
    relation="<=",
    sides=_sides,
    about=GaussianMixture,
    kind=InExpectation(resolution=0.05),
    source=SOURCE,
    tightness="an equality for one concept, and nearly for concepts far apart",
    examples=_examples,
)
