"""What refinement reaches, what it gains over naive fine-tuning, and how many examples that takes, in closed form.

A refiner that reads n weakly labelled examples holds weights w over its concepts (w̄ = E w). Its students have the errors

    one prompt   E‖B w − β_*‖²                    every answer comes from the same prompt
    refined      R(n) = ‖B w̄ − β_*‖²              infinitely many answers, a fresh prompt for each
    finite       R(n) + [σ² d + (d+2)(m−2)/(m+2) tr S]/(m−d−1)     m > d + 1 sampled answers, S = B (diag w̄ − w̄ w̄ᵀ) Bᵀ
    intent       Σ_k p_k ‖β_k − β_*‖²             the concept that one batch makes most likely (p_k) answers everything
    gap          G(n) = ε_w² − R(n),   pgr = G(n)/ε_w²   (the ceiling, a student of the truth, has error 0)

with the concepts as columns of B. With two concepts w̄ is exact, with more it is a quadrature with a relative error of about 1e-3
(``quantities.posterior_weights``). The expected error of the finite student is exact: its labels are B w̄·x + δ_k·x + σξ with δ_k = β_k −
B w̄ and k drawn with w̄ anew for each point, so its excess is the mean of tr[(XᵀX)⁻¹Xᵀ diag(σ² + x_iᵀSx_i) X(XᵀX)⁻¹]. By rotation
invariance the second part is m (tr S/d) E[‖x‖² xᵀ(XᵀX)⁻²x]; with A the Wishart matrix of the other points, a ~ χ²(m−d) the Schur
complement of A along x and h the regression coefficients on the rest, xᵀ(XᵀX)⁻²x = ‖x‖²(1 + ‖h‖²)/(a + ‖x‖²)². There ‖x‖²/(a + ‖x‖²) is
Beta(d/2, (m−d)/2) and E‖h‖² = (d−1)/(m−d−1), independent. Derived here (after somerstep2025). Gaussian features, sharp concepts. NumPy
float64.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .._validation import whole
from ..problems.concepts import ConceptWorld
from .evidence_mgf import exponents
from .phase_boundaries import limit_weights, nearest
from .posterior_weights import expected_weights, preferred_shares, weight_moments

#: No sample size beyond this is looked for.
MOST_EXAMPLES = 2**20
#: Concepts nearer to each other than this share of the largest are copies.
SAME = 1e-12


def refined_risk(world: ConceptWorld, n: int) -> float:
    """R(n): error of a student with unlimited answers of the refiner, a fresh prompt of n weakly labelled examples for each."""
    return float(world.error(expected_weights(world, n) @ world.concepts))


def single_prompt_risk(world: ConceptWorld, n: int) -> float:
    """E‖B w − β_*‖²: error of a student whose answers all come from one prompt of n weakly labelled examples."""
    second = weight_moments(world, n).second
    arms = world.concepts - world.truth  # B w − β_* = Σ w_k (β_k − β_*), because the weights sum to one
    return float(np.sum(second * (arms @ arms.T)))


def finite_student_risk(world: ConceptWorld, n: int, labels: int) -> float:
    """Expected error of least squares on ``labels`` sampled answers of the refiner, each from a fresh prompt of n examples.

    Raises ``ValueError`` unless labels > d + 1, where the expectation is finite.
    """
    d, m = world.d, _enough(labels, world.d)
    weights = expected_weights(world, n)
    spread = world.concepts - weights @ world.concepts
    trace = float(weights @ np.sum(spread**2, axis=-1))
    excess = world.belief**2 * d + (d + 2) * (m - 2) / (m + 2) * trace
    return refined_risk(world, n) + excess / (m - d - 1)


def intent_risk(world: ConceptWorld, n: int) -> float:
    """Expected error when the concept that one batch of n ≥ 1 examples makes most likely answers everything: Σ_k p_k ‖β_k − β_*‖²."""
    return float(preferred_shares(world, n) @ world.error(world.concepts))


def repeated_risk(world: ConceptWorld, n: int, rounds: int) -> np.ndarray:
    """Errors (rounds + 1,) of refinement repeated: ε_w², then of students of unlimited answers, each round's labelling the next one's prompts.

    A student labels with its head and the strong model's own noise σ. See ``students.refinement.repeated_heads``.
    """
    errors = [world.weak_error]
    for _ in range(whole("rounds", rounds)):
        head = expected_weights(world, n) @ world.concepts
        errors.append(float(world.error(head)))
        world = replace(world, weak=head, weak_noise=world.belief)
    return np.array(errors)


def limit_risk(world: ConceptWorld) -> float:
    """R(∞): the error of the concept nearest to the weak vector (of a mixture of the nearest ones if several tie)."""
    return float(world.error(limit_weights(world) @ world.concepts))


def gap(world: ConceptWorld, n: int) -> float:
    """G(n) = ε_w² − R(n): what refinement gains over naive fine-tuning with unlimited labels. Negative where it loses."""
    return world.weak_error - refined_risk(world, n)


def limit_gap(world: ConceptWorld) -> float:
    """G(∞) = ε_w² − R(∞)."""
    return world.weak_error - limit_risk(world)


def pgr(world: ConceptWorld, n: int) -> float:
    """G(n)/ε_w²: performance gap recovered, the ceiling being the truth. NaN when the weak vector is already exact."""
    return gap(world, n) / world.weak_error if world.weak_error > 0.0 else float("nan")


def gap_rate(world: ConceptWorld) -> float:
    """An exponent ρ with which G(n) approaches its limit at least: |G(∞) − G(n)| = O(exp(−ρ n)) up to e^{o(n)}.

    The weight of competitor j decays with its own r_1 (``quantities.evidence_mgf``). Where it moves the limit's error to first order,
    ⟨β_j − β_near, β_near − β_*⟩ ≠ 0, the gap follows at that rate; otherwise, as always where the limit is exact, at twice the slowest.
    Exact unless contributions of several competitors cancel. NaN when different concepts are nearest, inf without competitors.
    """
    tied = nearest(world)
    winner = int(tied[0])
    arms = world.concepts - world.concepts[winner]
    same = np.linalg.norm(arms, axis=-1) <= SAME * np.max(np.linalg.norm(world.concepts, axis=-1))
    if not np.all(same[tied]):
        return float("nan")
    rivals = np.flatnonzero(~same & (world.alpha > 0.0))
    rates = np.array([exponents(_duel(world, winner, int(j))).first for j in rivals])
    offset = world.concepts[winner] - world.truth
    sizes = np.linalg.norm(arms[rivals], axis=-1) * max(np.linalg.norm(offset), 1e-9 * np.linalg.norm(world.truth))
    first_order = np.abs(arms[rivals] @ offset) > 1e-9 * sizes
    return float(min(np.min(rates[first_order], initial=np.inf), 2.0 * np.min(rates, initial=np.inf)))


def examples_for_gap(world: ConceptWorld, target: float) -> int:
    """An n ≥ 1 with G(n) ≥ ``target``, and G(n − 1) < ``target`` if n > 1: the smallest one where the gap grows with n.

    Found by doubling and bisection, so R(n) is computed some ten times. Raises ``ValueError`` when no power of two reaches the target
    before the gap has settled below it.
    """
    if not np.isfinite(float(target)):
        raise ValueError(f"target must be a finite gap; it is {target!r}.")
    low, high = 0, 1
    while gap(world, high) < target:
        low, high = high, 2 * high
        if high > MOST_EXAMPLES or (high > 64 and target >= limit_gap(world)):
            raise ValueError(
                f"target must be a gap that refinement reaches; it is {target:.6g}, the gap tends to {limit_gap(world):.6g}, "
                f"and {low} examples give {gap(world, low):.6g}. Ask for less."
            )
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if gap(world, middle) >= target else (middle, high)
    return high


def _duel(world: ConceptWorld, winner: int, rival: int) -> ConceptWorld:
    """The winner against one rival, the winner being the concept meant. Priors play no part in exponents."""
    return replace(world, concepts=world.concepts[[winner, rival]], prior=None, aligned=0)


def _enough(labels: int, d: int) -> int:
    if whole("labels", labels) <= d + 1:
        raise ValueError(f"labels must exceed d + 1 = {d + 1} for a finite expectation; it is {labels}. Sample more answers.")
    return labels
