"""How much weight do wrong concepts keep? Moment generating function, exponents and exact moments of the refiner's posterior weights.

w_* and α_* belong to the aligned concept k*; the truth plays no part. Let L_k be the log-odds of competitor k over the aligned concept k*
after n Gaussian examples, prior left out, ℓ_k = log(α_k/α_*), and q_k = w_k/(w_k + w_*) = expit(L_k + ℓ_k). In the notation of
``quantities.identification``, with G = U s² = U(W + τ²) − V²,

    E exp(λ L_k) = Δ_k(λ)^(−n/2),   Δ_k(λ) = 1 + λ (U − 2V)/σ² − λ² G/σ⁴     (where Δ_k > 0, else infinite)
    E q_k^m ≤ g(λ) (α_k/α_*)^λ Δ_k(λ)^(−n/2),   g(λ) = λ^λ (m−λ)^(m−λ)/m^m,   0 ≤ λ ≤ m
    E q_k^m = (1/2π) ∫ e^{zℓ} Δ_k(z)^(−n/2) B(z, m−z) dy,   z = c + iy,   any 0 < c < m with Δ_k(c) > 0     (exact)
    max_k E q_k^m ≤ E (1 − w_*)^m ≤ (Σ_k (E q_k^m)^{1/m})^m     (equal for two concepts; Minkowski above, since 1 − w_* ≤ Σ q_k)

g(λ) is the largest value of expit(x)^m e^{−λx}; the integral is the inverse Laplace transform of expit^m, whose transform is the beta function.
Δ is largest at λ* = σ²(U − 2V)/2G, where it is 1 + κ². So E(1 − w_*)^m decays as e^{−n r_m}, r_m = min_k ½ log Δ_k(min(m, λ*_k)):

    λ* ≤ m   "identification-limited"   r_m = ρ, the rate at which the wrong concept is preferred at all
    λ* > m   "temperature-limited"      r_m < ρ: the strong model over-estimates label noise, and keeps weight on what it has ruled out

Both limits come with their constants and explicit errors (``identification_limit``, ``temperature_limit``). On the line through λ* < m, Δ is
real, (1 + κ²)(1 + y²/γ²) with γ² = σ⁴(1 + κ²)/G, which gives the first; tilting by λ = m gives the second. Derived here (after
somerstep2025). NumPy float64.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal, NamedTuple

import numpy as np
from scipy.special import betaln, digamma, gammaln, loggamma, polygamma, xlogy

from .._validation import positive, whole
from ..problems.concepts import ConceptWorld
from .identification import Rivals, gaussian_rivals

Regime = Literal["identification-limited", "temperature-limited", "lost"]


class Exponents(NamedTuple):
    """``first``: r_1 of E(1 − w_*); ``second``: r_2 of E(1 − w_*)²; ``identification``: ρ of the misidentification probability."""

    first: float
    second: float
    identification: float

    @property
    def regime(self) -> Regime:
        """Whether the mean weight decays as fast as misidentification does (r_1 = ρ), slower (r_1 < ρ), or not at all (ρ = 0)."""
        if self.identification == 0.0:
            return "lost"
        return "identification-limited" if self.first == self.identification else "temperature-limited"


def exponents(world: ConceptWorld) -> Exponents:
    """r_1, r_2 and ρ. The risk of one prompt decays with r_2, that of a student of fresh prompts with 2 r_1 (if told the truth exactly).

    Competitors of prior zero don't count; without competitors everything is infinite. Raises ``ValueError`` for uniform features, soft
    concepts or a competitor equal to the aligned concept.
    """
    seen = gaussian_rivals(world)
    return Exponents(exponent(world, 1.0), exponent(world, 2.0), float(np.min(seen.rate, initial=np.inf)))


def exponent(world: ConceptWorld, power: float) -> float:
    """r_m, m = ``power`` > 0: the exponent of E(1 − w_*)^m, min_k ½ log Δ_k(min(m, λ*_k)); 0 where the concept is lost."""
    seen, best = gaussian_rivals(world), optimal_tilt(world)
    capped = np.clip(best, 0.0, positive("power", power))
    inside = 0.5 * np.log(_delta(seen, capped))
    each = np.where(best <= power, seen.rate, np.where(np.isneginf(seen.log_prior), np.inf, inside))
    return float(np.min(each, initial=np.inf))


def delta(world: ConceptWorld, tilt: float) -> np.ndarray:
    """Δ_k(λ), (K − 1,): E exp(λ L_k) = Δ_k(λ)^(−n/2) where it is positive; elsewhere the expectation is infinite."""
    return _delta(gaussian_rivals(world), tilt)


def domain(world: ConceptWorld) -> tuple[np.ndarray, np.ndarray]:
    """The roots λ_− < 0 < λ_+ of Δ_k, each (K − 1,): the moment generating function is finite between them. ±inf without noise."""
    return _roots(gaussian_rivals(world))


def optimal_tilt(world: ConceptWorld) -> np.ndarray:
    """λ*_k = σ²(U − 2V)/2G, (K − 1,): where Δ_k is largest. Negative where the concept is lost, ±inf without noise in the evidence."""
    seen = gaussian_rivals(world)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(seen.margin == 0.0, 0.0, _slope(seen) / (2.0 * _curvature(seen)))


def evidence_mgf(world: ConceptWorld, n: int, tilt: float) -> np.ndarray:
    """E exp(λ L_k) after n ≥ 0 examples, λ = ``tilt``, prior left out: Δ_k(λ)^(−n/2), (K − 1,); inf outside the domain (n ≥ 1)."""
    base = delta(world, tilt)
    with np.errstate(divide="ignore"):
        return np.maximum(base, 0.0) ** (-0.5 * whole("n", n, at_least=0))


def weight_bound(world: ConceptWorld, n: int, *, power: float = 1.0, tilt: float | None = None) -> float:
    """Upper bound on E(1 − w_*)^m, m = ``power`` ≥ 1, after n ≥ 1 examples: (Σ_k [g(λ_k) (α_k/α_*)^λ_k Δ_k(λ_k)^(−n/2)]^{1/m})^m, at most 1.

    ``tilt`` is one λ in [0, m] for all competitors; ``None`` takes the best λ_k for each. Attained as the evidence vanishes (σ → ∞).
    """
    seen, n = gaussian_rivals(world), whole("n", n)
    m = _at_least_one(power)
    if tilt is None:
        at = _minimiser(seen, n, m, lambda z: np.log(z) - np.log(m - z))
    elif 0.0 <= tilt <= m:
        at = np.full(seen.separation.shape, float(tilt))
    else:
        raise ValueError(f"tilt must lie in [0, power] = [0, {m:g}]; it is {tilt!r}.")
    logs = _log_transform(seen, n, at) + xlogy(at, at) + xlogy(m - at, m - at) - xlogy(m, m)
    return float(min(1.0, np.sum(np.exp(np.minimum(logs, 0.0) / m)) ** m))


def weight_bracket(world: ConceptWorld, n: int, *, power: float = 1.0) -> tuple[float, float]:
    """Exact bounds below and above E(1 − w_*)^m, m = ``power`` ≥ 1; equal for two concepts."""
    moments = np.exp(log_pair_moments(world, n, power=power))
    m = _at_least_one(power)
    return float(np.max(moments, initial=0.0)), float(min(1.0, np.sum(moments ** (1.0 / m)) ** m))


def log_pair_moments(world: ConceptWorld, n: int, *, power: float = 1.0) -> np.ndarray:
    """log E[(w_k/(w_k + w_*))^m] after n ≥ 1 examples, m = ``power`` > 0, (K − 1,): exact, to about 1e-11 however small it is.

    The integral is taken through its saddle point by the trapezoidal rule in arcsinh(y/d), d the distance to the nearest pole. Raises
    ``ValueError`` for uniform features, soft concepts or a competitor equal to the aligned concept.
    """
    seen, n = gaussian_rivals(world), whole("n", n)
    m = positive("power", power)
    possible = np.isfinite(seen.log_prior)
    if not possible.any():
        return np.full(possible.shape, -np.inf)
    seen = replace(seen, log_prior=np.where(possible, seen.log_prior, 0.0))
    centre = _minimiser(seen, n, m, lambda z: digamma(z) - digamma(m - z))
    peak = _log_transform(seen, n, centre) + betaln(centre, m - centre)
    reach = np.minimum(centre, np.minimum(m, _roots(seen)[1]) - centre)

    def log_values(grid: np.ndarray) -> np.ndarray:
        line = centre + 1j * reach * np.sinh(grid)
        return _log_transform(seen, n, line) + loggamma(line) + loggamma(m - line) - gammaln(m) + np.log(np.cosh(grid)) - peak

    last, steps = _resolution(seen, n, m, centre, reach, log_values)
    count = int(np.max(steps[possible]))
    values = np.real(np.exp(log_values(np.linspace(0.0, 1.0, count + 1)[:, None] * last)))
    values[0] *= 0.5
    return np.where(possible, peak + np.log(reach * last / count * np.sum(values, axis=0) / np.pi), -np.inf)


def identification_limit(world: ConceptWorld, n: int, *, power: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """(E_k, e_k): E q_k^m lies in [E_k (1 − e_k), E_k] after n > 3 examples, for competitors with 0 < λ* < m = ``power``; NaN for others.

    E = (α_k/α_*)^λ* (1 + κ²)^(−n/2) · B(λ*, m−λ*) · γ Γ((n−1)/2)/(2√π Γ(n/2)), and e = γ² b/(2(n − 3)) with
    b = ψ'(λ*) + ψ'(m−λ*) + (ψ(λ*) − ψ(m−λ*) + ℓ)²: cos y ≥ 1 − y²/2 under the integral, where y/γ is Student's t of n − 1 degrees
    over √(n−1). So E q^m ~ e^{−nρ}/√n.
    """
    seen, best, m = gaussian_rivals(world), optimal_tilt(world), positive("power", power)
    if whole("n", n) <= 3:
        raise ValueError(f"n must exceed 3, for the error of the limit to be finite; it is {n}.")
    inside = (best > 0.0) & (best < m) & np.isfinite(seen.log_prior)
    at = np.where(inside, best, 0.5 * m)
    with np.errstate(divide="ignore", invalid="ignore"):
        gamma = np.sqrt(_delta(seen, at) / _curvature(seen))
        width = gamma * np.exp(gammaln(0.5 * (n - 1.0)) - gammaln(0.5 * n)) / (2.0 * np.sqrt(np.pi))
        value = np.exp(_log_transform(seen, n, at) + betaln(at, m - at)) * width
        bend = polygamma(1, at) + polygamma(1, m - at) + (digamma(at) - digamma(m - at) + seen.log_prior) ** 2
        error = 0.5 * gamma**2 * bend / (n - 3.0)
    return np.where(inside, value, np.nan), np.where(inside, error, np.nan)


def temperature_limit(world: ConceptWorld, n: int) -> tuple[float, float]:
    """(E, e): E(1 − w_*) lies in [E (1 − e), E], E = Σ_k (α_k/α_*) Δ_k(1)^(−n/2), where that is finite; e → 0 if every λ*_k > 1.

    With T = Σ_k w_k/w_* the mean weight is E T − E[T²/(1+T)], and T²/(1+T) ≤ g(λ) T^{1+λ} for 0 ≤ λ ≤ 1, m = 1. So
    e = min_λ g(λ) (Σ_k [(α_k/α_*)^{1+λ} Δ_k(1+λ)^(−n/2)]^{1/(1+λ)})^{1+λ}/E. Raises ``ValueError`` where some Δ_k(1) ≤ 0.
    """
    seen, n = gaussian_rivals(world), whole("n", n)
    if np.any(_delta(seen, 1.0) <= 0.0):
        raise ValueError("Δ_k(1) must be positive for every competitor: the odds have no finite mean here; see weight_bracket.")
    extra = np.linspace(0.0, 1.0, 201)[:, None]
    roots = _log_transform(seen, n, 1.0 + extra) / (1.0 + extra)
    with np.errstate(over="ignore", invalid="ignore"):  # where numbers overflow the error is 1: the lower end is 0
        value = np.sum(np.exp(_log_transform(seen, n, 1.0)))
        powers = np.sum(np.exp(roots), axis=1) ** (1.0 + extra[:, 0])
        bound = np.min(np.exp(xlogy(extra, extra) + xlogy(1.0 - extra, 1.0 - extra))[:, 0] * powers)
        return float(value), float(np.fmin(bound / value, 1.0))


def _slope(seen: Rivals) -> np.ndarray:
    return seen.margin / seen.variance


def _curvature(seen: Rivals) -> np.ndarray:
    return seen.separation * seen.noise / seen.variance**2


def _delta(seen: Rivals, tilt: Any) -> Any:
    """Δ at tilts that broadcast with (K − 1,), real or complex."""
    return 1.0 + tilt * _slope(seen) - tilt**2 * _curvature(seen)


def _roots(seen: Rivals) -> tuple[np.ndarray, np.ndarray]:
    half, curve = 0.5 * _slope(seen), _curvature(seen)
    large = np.sqrt(half**2 + curve) + np.abs(half)  # the roots are 1/large and large/curve, with opposite signs: no cancellation
    with np.errstate(divide="ignore", invalid="ignore"):
        near, far = 1.0 / large, np.where(curve > 0.0, large / curve, np.inf)
    return np.where(half >= 0.0, -near, -far), np.where(half >= 0.0, far, near)


def _log_transform(seen: Rivals, n: int, tilt: Any) -> Any:
    """λ ℓ − (n/2) log Δ(λ); +inf where a real Δ is not positive."""
    base = _delta(seen, tilt)
    with np.errstate(divide="ignore", invalid="ignore"):
        tilted = np.where(tilt == 0.0, 0.0, tilt * seen.log_prior)
        logs = tilted - 0.5 * n * np.log(base)
    return logs if np.iscomplexobj(logs) else np.where(base > 0.0, logs, np.inf)


def _minimiser(seen: Rivals, n: int, power: float, slope_of_rest: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Where λℓ − (n/2) log Δ(λ) + rest(λ), convex on (0, min(m, λ_+)), is smallest, by bisection of its increasing derivative."""
    steep, curve = _slope(seen), _curvature(seen)
    log_prior = np.maximum(seen.log_prior, -1e300)  # of a competitor ruled out beforehand: the largest tilt is best
    high = np.minimum(power, _roots(seen)[1])
    low = np.zeros_like(high)
    for _ in range(60):
        middle = 0.5 * (low + high)
        with np.errstate(divide="ignore"):  # log 0 at an end, which is then the place
            gradient = log_prior - n * (0.5 * steep - curve * middle) / _delta(seen, middle) + slope_of_rest(middle)
        low, high = np.where(gradient < 0.0, middle, low), np.where(gradient < 0.0, high, middle)
    return 0.5 * (low + high)


def _at_least_one(power: float) -> float:
    if positive("power", power) < 1.0:
        raise ValueError(f"power must be at least 1 for sums over competitors to be bounded by their roots; it is {power!r}.")
    return float(power)


def _resolution(
    seen: Rivals, n: int, power: float, centre: np.ndarray, reach: np.ndarray, log_values: Callable[[np.ndarray], np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Where the rule of ``log_pair_moments`` may end, and its steps: they resolve the width of the peak and the turning of the phase."""
    coarse = np.linspace(0.0, 1.0, 257)[:, None] * np.arcsinh((15.0 + power) / reach)
    matters = np.real(log_values(coarse)) > -40.0
    last = np.max(np.where(matters, coarse, coarse[1]), axis=0)
    line, pace = centre + 1j * reach * np.sinh(coarse), reach * np.cosh(coarse)
    phase = 0.5 * n * np.abs(np.real((_slope(seen) - 2.0 * _curvature(seen) * line) / _delta(seen, line)))
    turns = np.max(np.where(matters, (np.abs(seen.log_prior) + phase) * pace, 0.0), axis=0)
    base, steep = _delta(seen, centre), _slope(seen) - 2.0 * _curvature(seen) * centre
    bend = polygamma(1, centre) + polygamma(1, power - centre) + 0.5 * n * (steep**2 + 2.0 * _curvature(seen) * base) / base**2
    return last, np.ceil(last * np.maximum(5.0, np.maximum(2.0 * np.sqrt(bend) * reach, turns)))
