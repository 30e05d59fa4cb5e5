"""Theorem 2's ingredients with explicit constants, for a ball of linear heads.

Setting: class V = {x ↦ ⟨b, x⟩ : ‖b‖ ≤ R}; |weak|, |target| and every member bounded by B on the population; n i.i.d. points. With M the
population misfit, M_n the empirical one, s its population and ŝ its empirical minimiser, the excess E = M(ŝ) − M(s) is at most
sup_V (M − M_n) + (M_n(s) − M(s)). Squared losses lie in [0, 4B²] and are 4B-Lipschitz in the prediction, so
  * E sup_V (M − M_n) ≤ 2·4B·Rad_n(V) ≤ 8 B R X/√n, with X² = E‖x‖² (symmetrisation, contraction, Cauchy–Schwarz);
  * sup_V (M − M_n) exceeds its mean by more than 4B²√(log(2/δ)/(2n)) with probability ≤ δ/2 (McDiarmid, differences 4B²/n);
  * M_n(s) − M(s) exceeds the same number with probability ≤ δ/2 (Hoeffding).
Hence with probability 1 − δ:  E ≤ 8 B R X/√n + 8 B² √(log(2/δ)/(2n)).
"""

from __future__ import annotations

import math
from typing import Any

from .._array import array_namespace
from ..problems.training import SampledTraining
from ..students.convex import Ball


def value_bound(training: SampledTraining) -> float:
    """B: bound on |weak|, |target| and |every member| over the population, for a ball of heads."""
    world = training.population
    strong_class = _ball(training)
    xp = array_namespace(strong_class.features)
    longest = float(xp.max(_lengths(strong_class)))
    return max(float(xp.max(xp.abs(world.weak))), float(xp.max(xp.abs(world.target))), strong_class.radius * longest)


def excess_misfit_bound(training: SampledTraining) -> float:
    """8 B R X/√n + 8 B² √(log(2/δ)/(2n)): holds for the excess misfit with probability 1 − δ (module docstring)."""
    strong_class, n = _ball(training), training.n_pseudo
    b = value_bound(training)
    spread = math.sqrt(float(training.population.squared_norm(_lengths(strong_class))))
    complexity = 8.0 * b * strong_class.radius * spread / math.sqrt(n)
    return complexity + 8.0 * b**2 * math.sqrt(math.log(2.0 / training.delta) / (2.0 * n))


def allowance(training: SampledTraining, *, with_epsilon: bool = True, with_sample: bool = True) -> float:
    """What Theorem 2 allows the student to fall short of gain = misfit: 4B√ε + 2Ē + 4B√Ē, Ē the excess misfit bound.

    More than 8B² says nothing, because misfit − gain = 2⟨weak − student, target − student⟩ ≤ 8B² always. The two flags drop a term,
    to show by counterexample that neither can be dropped.
    """
    b = value_bound(training)
    epsilon = float(training.population.approximation_error)
    excess = excess_misfit_bound(training)
    return with_epsilon * 4.0 * b * math.sqrt(epsilon) + with_sample * (2.0 * excess + 4.0 * b * math.sqrt(excess))


def _lengths(strong_class: Ball) -> Any:
    """‖x‖ of every point, (n,)."""
    return array_namespace(strong_class.features).linalg.vector_norm(strong_class.features, axis=-1)


def _ball(training: SampledTraining) -> Ball:
    strong_class = training.population.strong_class
    if not isinstance(strong_class, Ball):
        raise TypeError(f"the explicit constants are for students.convex.Ball; the class is a {type(strong_class).__name__}.")
    return strong_class
