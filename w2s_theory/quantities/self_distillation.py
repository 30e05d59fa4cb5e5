"""Risk of self-distilled ridge students on a fixed design, their best mixings, and the floor under all of them.

In the singular basis of the features, with θ and ω the coordinates of target and weak head and ν = σ²/s² the variance of least squares:

    ridge keeps         g = s²/(s² + λ),  and what distillation can act on is  h = g(1 − g)
    step i keeps        f_i = g(1 − ξ_i(1 − f_{i−1})),  f_0 = g;  one step:  g − ξ h
    risk                R = Σ (f ω − θ)² + f² ν  (+ what of the target no head on these features can reach)
    best one-step ξ     ξ* = Σ h[(g ω − θ)ω + g ν] / Σ h²(ω² + ν) = −(λ/2) R'(λ) / Σ h²(ω² + ν),  R' the slope of the ridge risk

k steps give g·(a polynomial of degree k in 1 − g that is 1 at 0), so as many steps as there are distinct singular values reach any filter
that depends on s alone; the best of these has the risk

    floor               Σ_G [Σθ² − (Σωθ)²/Σ(ω² + ν)],   inner sums over the directions G that share a singular value.

For an unbiased weak model (ω = θ) and distinct singular values that is Σ θ²ν/(θ² + ν). Derivation: R is quadratic in every f. After Das and
Sanghavi (2023) and Pareek, Du and Oh (2024), whose weak labels are unbiased; biased weak heads and repeated singular values are derived
here. NumPy float64.
"""

from __future__ import annotations

import numpy as np

from .._validation import whole
from ..problems.fixed_design import FixedDesign
from ..students.linear import Ridge
from ..students.self_distillation import SelfDistilled
from .quantity import Quantity

#: A mixing below this share of the coefficients that it is the sum of is zero up to rounding.
VANISHING = 1e-10


def ridge_filter(world: FixedDesign) -> np.ndarray:
    """g = s²/(s² + λ), what the ridge student keeps of each direction: (r,)."""
    return world.squares / (world.squares + world.penalty)


def distilled_filter(world: FixedDesign) -> np.ndarray:
    """What the last student keeps of each direction, after all of the world's mixings: (r,)."""
    g = f = ridge_filter(world)
    for mixing in world.mixings:
        f = g * (1.0 - mixing * (1.0 - f))
    return f


def risk_of_filter(world: FixedDesign, kept: np.ndarray) -> float:
    """R of the estimator that keeps ``kept`` (r,) of the least-squares head's coordinates."""
    weak, target, variance = _coordinates(world)
    return float(np.sum((kept * weak - target) ** 2 + kept**2 * variance)) + _out_of_reach(world, target)


def best_mixing(world: FixedDesign) -> float:
    """ξ*, the one-step mixing of least risk. Raises ``ValueError`` without a penalty, or when weak labels are zero without noise."""
    return float(-0.5 * world.penalty * ridge_slope(world) / _curvature(world))


def ridge_slope(world: FixedDesign) -> float:
    """R'(λ) = −(2/λ) Σ h[(g ω − θ)ω + g ν]: how the risk of the ridge student changes with its penalty."""
    _curvature(world)
    weak, target, variance = _coordinates(world)
    g = ridge_filter(world)
    return float(-2.0 / world.penalty * np.sum(g * (1.0 - g) * ((g * weak - target) * weak + g * variance)))


def large_noise_mixing(world: FixedDesign) -> float:
    """lim ξ* as σ → ∞: Σ s²/(s² + λ)³ / (λ Σ s²/(s² + λ)⁴) = 1 + a weighted mean of s²/λ > 1, whatever the heads."""
    _penalised(world)
    total = world.squares + world.penalty
    return float(np.sum(world.squares / total**3) / (world.penalty * np.sum(world.squares / total**4)))


def large_noise_distance(world: FixedDesign) -> float:
    """A bound on |ξ*/lim ξ* − 1| at the world's noise: (|p| b/a + q)/(b σ²), so that it falls with the square of the noise.

    a = Σ h g/s², b = Σ h²/s², p = Σ h(θ − g ω)ω and q = Σ h² ω²: ξ* = (a σ² − p)/(b σ² + q).
    """
    weak, target, _ = _coordinates(world)
    g = ridge_filter(world)
    h = g * (1.0 - g)
    a, b = np.sum(h * g / world.squares), np.sum(h**2 / world.squares)
    p, q = np.sum(h * (target - g * weak) * weak), np.sum(h**2 * weak**2)
    return float((abs(p) * b / a + q) / (b * world.noise**2))


def wiener_floor(world: FixedDesign) -> float:
    """The least risk of any filter that depends on the singular value alone: no number of steps and no mixing goes below."""
    weak, target, variance = _coordinates(world)
    products, squares = (np.bincount(world.groups, weights=part) for part in (weak * target, weak**2 + variance))
    gain = np.divide(products**2, squares, out=np.zeros_like(products), where=squares > 0)
    return float(np.sum(target**2) - np.sum(gain)) + _out_of_reach(world, target)


def best_mixings(world: FixedDesign, steps: int) -> tuple[float, ...]:
    """ξ_1, …, ξ_k of least risk for k = ``steps``; with k ≥ the number of distinct singular values the risk is the floor.

    The risk is a sum of squares of the coefficients c of g(1 + Σ_m c_m (1 − g)^m), m = 1, …, k; they are solved for, and unrolled into
    mixings. Raises ``ValueError`` without a penalty, and for the exceptional worlds where a mixing of the sequence would vanish
    (or be infinite) while the ones before it still matter.
    """
    whole("steps", steps)
    _curvature(world)
    weak, target, variance = _coordinates(world)
    g = ridge_filter(world)
    size = np.sqrt(weak**2 + variance)
    wanted = np.divide(weak * target, size, out=np.zeros_like(size), where=size > 0)
    columns = (size * g)[:, None] * (1.0 - g)[:, None] ** np.arange(1, steps + 1)
    lengths = np.linalg.norm(columns, axis=0)
    coefficients = np.linalg.lstsq(columns / lengths, wanted - size * g, rcond=1e-13)[0] / lengths
    mixings = []
    while coefficients.size:
        mixing = -float(coefficients.sum())
        if not np.any(coefficients):  # nothing is left to correct: the steps before are of no consequence
            mixings += coefficients.size * [0.0]
            break
        if abs(mixing) <= VANISHING * np.abs(coefficients).sum():
            raise ValueError(f"a mixing must not vanish; one of {steps} steps does. Change the penalty or the number of steps.")
        mixings.append(mixing)
        # 1 − (1 − polynomial)/ξ is what the teacher keeps, g times the teacher's own polynomial: divide by g = 1 − (1 − g).
        coefficients = 1.0 + np.cumsum(coefficients / mixing)[:-1]
    return tuple(reversed(mixings))


def refitted_risk(world: FixedDesign) -> float:
    """Exact risk of the world's student from refits, not from its spectrum: students fitted to each unit label are its matrix."""
    student = SelfDistilled(Ridge(world.penalty, intercept=False), world.mixings)
    heads = student.fit(world.features, np.eye(world.n)).coefficients  # (n, d): the head for the label 1 on one point
    mean = (world.features @ world.weak_head) @ heads
    return float(world.risk(mean) + world.noise**2 * np.sum(heads**2))


def _trials(world: FixedDesign, count: int, rng: np.random.Generator) -> np.ndarray:
    student = SelfDistilled(Ridge(world.penalty, intercept=False), world.mixings)
    return world.risk(student.fit(world.features, world.sample(count, rng=rng)).coefficients)


RISK = Quantity("risk of the self-distilled student", lambda world: risk_of_filter(world, distilled_filter(world)), _trials)


def _coordinates(world: FixedDesign) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """ω, θ and ν, each (r,)."""
    return world.weak_head @ world.basis, world.target_head @ world.basis, world.noise**2 / world.squares


def _out_of_reach(world: FixedDesign, target: np.ndarray) -> float:
    """The squared length of the target outside the features' row space, where every head is zero."""
    return float(np.sum((world.target_head - world.basis @ target) ** 2))


def _curvature(world: FixedDesign) -> float:
    """Σ h²(ω² + ν), half the second derivative of the risk in ξ."""
    _penalised(world)
    weak, _, variance = _coordinates(world)
    g = ridge_filter(world)
    curvature = float(np.sum((g * (1.0 - g)) ** 2 * (weak**2 + variance)))
    if not curvature > 0:
        raise ValueError("weak labels must not all be zero: every mixing gives the same student. Pass a weak head or noise.")
    return curvature


def _penalised(world: FixedDesign) -> None:
    if not world.is_penalised():
        raise ValueError(
            "penalty must be > 0; it is 0, and without it a student is its teacher whatever the mixing. Add a penalty."
        )
