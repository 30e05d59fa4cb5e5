"""No draw gives the corrected mean a smaller variance than p_i ∝ |w_i − s_i|·rms(y_i − ŷ_i).

    ((1/N) Σ a_i)² − E[T²] ≤ (1/N²) Σ a_i²/p_i − E[T²],     a_i = 2|w_i − s_i|·rms(y_i − ŷ_i)

The right side is the variance, per label, of the corrected mean with draws of any probabilities p > 0
(``difference_variance``). Proof: by Cauchy and Schwarz (Σ a)² = (Σ (a/√p)·√p)² ≤ Σ a²/p, with equality for p ∝ a. Derived here
(Neyman's allocation with a stratum for each point).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...problems.labelled_pool import LabelledPool
from ...quantities.label_efficiency.variances import best_difference_variance, best_probabilities, difference_variance
from ...statements import Sides, Source, Statement
from .._label_efficiency import numbers


def _guess(pool: LabelledPool) -> np.ndarray:
    return (pool.weak + pool.student) / 2.0


def _sides(pool: LabelledPool) -> Sides:
    return Sides(best_difference_variance(pool, _guess(pool)), difference_variance(pool, _guess(pool)))


def _examples(rng: np.random.Generator) -> tuple[LabelledPool, ...]:
    pool = numbers(rng)
    return (pool, replace(pool, probabilities=None), replace(pool, probabilities=best_probabilities(pool, _guess(pool))))


OPTIMAL_DRAWS = Statement(
    name="label_efficiency.optimal_draws",
    says="variance of the corrected mean with draws p ∝ |w − s|·rms(y − ŷ) ≤ its variance with any other draw probabilities",
    relation="<=",
    sides=_sides,
    about=LabelledPool,
    source=Source("", "Cauchy and Schwarz", derived=True),
    tightness="attained by p ∝ |w − s|·rms(y − ŷ)",
    examples=_examples,
)
