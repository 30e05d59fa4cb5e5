"""Weak model, student and ceiling that answer the same test points with known quality: what intervals of PGR are tried out on.

A point has a label y (1 with chance ``share``) and a difficulty that all models feel. Model k on seed s sees the evidence

    x_ksi = (μ_k + τ ξ_ks)(2 y_i − 1) + √r u_i + √q v_ki + √(1 − r − q) e_ksi        all of ξ, u, v, e standard normal

and answers P(y = 1) = logistic(confidence · (2 μ_k x + log(share/(1 − share)))), which is Bayes' rule when confidence = 1 and τ = 0. So two
models' evidence on one point has ``correlation`` r, one model's on two seeds r + q (``seed_correlation`` q), and τ = ``seed_spread`` is how much a
seed changes a model. With share ½ and τ = 0 a model is right with chance Φ(μ_k), and right answers are latent-Gaussian correlated.

``quantities.binormal`` has the true value of every metric.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from .._validation import frozen, generator, positive, probability, whole
from .classification import two_columns


@dataclass(frozen=True, eq=False)
class PairedClassifiers:
    """Three binary classifiers of ``strengths`` μ (weak, student, ceiling), all > 0, on shared points; see the module.

    Raises ``ValueError`` for strengths that are not three positive numbers, ``correlation`` + ``seed_correlation`` above 1 or negative ones.
    """

    strengths: np.ndarray
    correlation: float = 0.7
    share: float = 0.5
    confidence: float = 1.0
    seed_spread: float = 0.0
    seed_correlation: float = 0.0

    def __post_init__(self) -> None:
        strengths = frozen("strengths", self.strengths, ndim=1)
        if strengths.shape != (3,) or strengths.min() <= 0.0:
            raise ValueError(f"strengths must be three numbers > 0 (weak, student, ceiling); they are {strengths}.")
        object.__setattr__(self, "strengths", strengths)
        probability("share", self.share)
        positive("confidence", self.confidence)
        positive("seed_spread", self.seed_spread, strict=False)
        parts = [positive(name, getattr(self, name), strict=False) for name in ("correlation", "seed_correlation")]
        if sum(parts) > 1.0:
            raise ValueError(f"correlation + seed_correlation must be at most 1; they are {parts}.")

    @classmethod
    def of_accuracies(cls, weak: float, student: float, ceiling: float, *, correlation: float = 0.7) -> PairedClassifiers:
        """Two equally likely classes, and models that are right with these chances, each above ½ and below 1."""
        chances = [probability(name, p) for name, p in (("weak", weak), ("student", student), ("ceiling", ceiling))]
        return cls(special.ndtri(chances), correlation=correlation)

    @property
    def bias(self) -> float:
        """Log odds of class 1 before any evidence."""
        return float(special.logit(self.share))

    def sample(self, n: int, *, rng: np.random.Generator, runs: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Predictions (3, n, 2) of weak, student and ceiling and labels (n,); with ``runs`` seeds (3, runs, n, 2)."""
        n, seeds = whole("n", n), 1 if runs is None else whole("runs", runs)
        labels = generator(rng).binomial(1, self.share, size=n)
        own = self.strengths[:, None] + self.seed_spread * rng.standard_normal((3, seeds))
        noise = np.sqrt(self.correlation) * rng.standard_normal(n) + np.sqrt(self.seed_correlation) * rng.standard_normal(
            (3, 1, n)
        )
        rest = max(0.0, 1.0 - self.correlation - self.seed_correlation)
        evidence = own[..., None] * (2 * labels - 1) + noise + np.sqrt(rest) * rng.standard_normal((3, seeds, n))
        chance = special.expit(self.confidence * (2.0 * self.strengths[:, None, None] * evidence + self.bias))
        predictions = two_columns(chance)
        return (predictions[:, 0] if runs is None else predictions), labels
