"""E residual of students that project on classes that are not convex: spheres, best subsets, and any smooth class at small noise.

residual = gain − misfit (squared loss). The target lies in the class and the teacher is the target plus N(0, σ² I). For a convex
class the residual of every single teacher is non-negative. Derived here.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from scipy.special import gammaln, ndtr, xlogy

from .._validation import finite, positive
from ..problems.gaussian_teachers import SparseTeacher, SphereTeacher

#: Gauss–Legendre nodes for integrands that vary on the scale of σ, per 24 σ on the sphere and per 12 σ or less for subsets.
NODES = 160
#: Normal and chi variables are followed this far from their middle: beyond it lies less than 1e-31. Poisson counts, by that many standard
#: deviations and ``MORE``.
REACH, MORE = 12.0, 40.0
#: Radius over noise from where the sphere is done by quadrature around the target: the other side of the origin weighs less than 1e-14
#: there, and the series, whose terms cancel to the power -4 of it, still keeps eleven digits.
FAR = 8.0
#: Size over noise from where nothing happens between the two ends of a subset's integrals: the residual, of order exp(−(size/noise)²/4), is 0
#: in floating point.
APART = 80.0


class ExpectedNumbers(NamedTuple):
    """E gain, E misfit, and E residual = E gain − E misfit by its own formula."""

    gain: float
    misfit: float
    residual: float


def sphere_numbers(world: SphereTeacher) -> ExpectedNumbers:
    """The student r·ŵ on the sphere of radius r, with w = f + σz in d dimensions and ‖f‖ = r:

        E residual = 2r (E‖w‖ + r E cos θ − 2r),   E misfit = 2r² + dσ² − 2r E‖w‖,   E gain = dσ² − 2r²(1 − E cos θ)

    θ is the angle between w and f. At small σ the residual is σ⁴(d − 1)(d − 3)/(2r²): negative in two dimensions, positive in more
    than three. In three it is 8r(σφ − rΦ), with the normal density φ at r/σ and probability Φ beyond it; in one dimension, where the
    class is {±r}, it is 4r(σφ − 2rΦ). Else by a Poisson mixture of chi distributions or, where that cancels, by quadrature of
    2r(‖w‖ − r)(1 − cos θ): relative errors below 1e-9 at every noise. Raises ``ValueError`` for the hull, which has none.
    """
    if world.hull:
        raise ValueError("world must not have hull=True: there is a closed form for the sphere only. Simulate the ball.")
    d, r, noise = world.dimension, world.radius, world.noise
    if d in (1, 3):
        return _elementary(d, r, noise)
    if r >= FAR * noise:
        return _sphere_by_quadrature(d, r, noise)
    half = (r / noise) ** 2 / 2.0
    k = np.arange(np.ceil(half + REACH * np.sqrt(half) + MORE))
    chance = np.exp(xlogy(k, half) - half - gammaln(k + 1.0))  # w has the length of a chi variable with d + 2k degrees
    x = d / 2.0 + k
    ratio = np.exp(gammaln(x + 0.5) - gammaln(x))
    length = noise * np.sqrt(2.0) * np.sum(chance * ratio)
    cosine = r / noise / np.sqrt(2.0) * np.sum(chance * ratio / x)
    residual = 2.0 * r * (length + r * cosine - 2.0 * r)
    misfit = 2.0 * r**2 + d * noise**2 - 2.0 * r * length
    return ExpectedNumbers(float(d * noise**2 - 2.0 * r**2 * (1.0 - cosine)), float(misfit), float(residual))


def _elementary(d: int, r: float, noise: float) -> ExpectedNumbers:
    """One and three dimensions, where E‖w‖ is a matter of the normal distribution."""
    density, beyond = noise * np.exp(-((r / noise) ** 2) / 2.0) / np.sqrt(2.0 * np.pi), r * ndtr(-r / noise)
    if d == 1:
        misfit, residual = noise**2 - 4.0 * r * (density - beyond), 4.0 * r * (density - 2.0 * beyond)
    else:
        misfit = noise**2 + 4.0 * (r + noise**2 / r) * beyond - 4.0 * r * density
        residual = 8.0 * r * (density - beyond)
    return ExpectedNumbers(float(misfit + residual), float(misfit), float(residual))


def _sphere_by_quadrature(d: int, r: float, noise: float) -> ExpectedNumbers:
    """Over z = (w₁ − r)/σ and the length u of the other coordinates over σ: all factors are small and none is a difference of large numbers."""
    node, weight = _nodes()
    z, u = REACH * node[:, None], _chi_nodes(d - 1)
    exponent = xlogy(d - 2.0, u) - u**2 / 2.0
    of_z, of_u = weight * np.exp(-(z[:, 0] ** 2) / 2.0), weight * np.exp(exponent - exponent.max())
    chance = (of_z / of_z.sum())[:, None] * (of_u / of_u.sum())
    first, rest = r + noise * z, noise * u
    length = np.hypot(first, rest)
    longer = noise * (z * (2.0 * r + noise * z) + u * rest) / (length + r)  # ‖w‖ − r
    short = np.where(first > 0.0, rest**2 / (length + np.abs(first)), length - first) / length  # 1 − cos θ
    residual, misfit = 2.0 * r * np.sum(chance * longer * short), np.sum(chance * longer**2)
    return ExpectedNumbers(float(d * noise**2 - 2.0 * r**2 * np.sum(chance * short)), float(misfit), float(residual))


def _chi_nodes(freedom: int) -> np.ndarray:
    """Nodes within REACH of the middle of a chi variable: any window that reaches as far would do."""
    middle, (node, _) = np.sqrt(freedom), _nodes()
    low, high = max(0.0, middle - REACH), middle + REACH
    return low + (high - low) * (node + 1.0) / 2.0


def sparse_numbers(world: SparseTeacher) -> ExpectedNumbers:
    """The student that keeps the s largest of d coordinates; the target has s coordinates r and zeros elsewhere.

        E residual = −2 s r E[w g(|w|)],  w ~ N(r, σ²),  g(t) = P(s or more of the others exceed t in absolute value)

    Never positive: E[w g(|w|)] = ∫₀^∞ t g(t)(φ(t; r) − φ(t; −r)) dt and φ(t; r) > φ(t; −r). Residual −2⟨w − s, f⟩, as w − s and s
    share no coordinate. E misfit sums E w² over dropped coordinates. By quadrature.
    """
    d, s, r, noise = world.dimension, world.kept, world.size, world.noise
    t, weight = _subset_nodes(world)
    dropped_signal, ahead, behind = _signal(world, t)
    dropped_zero = _at_least(s, s, _exceeds(t, r, noise), d - s - 1, _exceeds(t, 0.0, noise))
    more = -ahead * np.expm1(-2.0 * (t / noise) * (r / noise))  # ahead − behind
    residual = -2.0 * s * r * np.sum(weight * t * dropped_signal * more)
    misfit = s * np.sum(weight * t**2 * dropped_signal * (ahead + behind))
    misfit += 2.0 * (d - s) * np.sum(weight * t**2 * dropped_zero * _density(t, 0.0, noise))
    return ExpectedNumbers(float(misfit + residual), float(misfit), float(residual))


def dropped_coordinates(world: SparseTeacher) -> float:
    """How many of the target's coordinates the student drops on average, s E g(|w|): its residual is zero when it drops none."""
    t, weight = _subset_nodes(world)
    dropped, ahead, behind = _signal(world, t)
    return float(world.kept * np.sum(weight * dropped * (ahead + behind)))


def _signal(world: SparseTeacher, t: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """g(t), and the densities of w ~ N(r, σ²) at t and at −t."""
    d, s, r, noise = world.dimension, world.kept, world.size, world.noise
    others = _at_least(s, s - 1, _exceeds(t, r, noise), d - s, _exceeds(t, 0.0, noise))
    return others, _density(t, r, noise), _density(t, -r, noise)


def _subset_nodes(world: SparseTeacher) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights on [0, r + REACH σ], in panels of REACH σ or less, as the count of d coordinates that exceed t is sharper for large d;
    around both ends only where they are far apart."""
    node, weight = _nodes()
    noise, ratio = world.noise, world.size / world.noise
    if ratio > APART:
        edges = noise * np.array([[0.0, REACH], [ratio - REACH, ratio], [ratio, ratio + REACH]])
    else:
        ends = noise * np.linspace(
            0.0, ratio + REACH, int(np.ceil((1.0 + ratio / REACH) * np.ceil(np.sqrt(world.dimension) / 4.0))) + 1
        )
        edges = np.stack([ends[:-1], ends[1:]], axis=1)
    half = np.diff(edges, axis=1) / 2.0
    return (edges.mean(axis=1, keepdims=True) + half * node).ravel(), (half * weight).ravel()


def curvature_residual(second_form: Any, *, noise: float) -> float:
    """σ⁴(½‖H‖² − ‖II‖²): E residual, to leading order in σ, of the nearest point on a smooth class of dimension m. Derived here.

    ``second_form`` (p, m, m) is the second fundamental form II at the target in an orthonormal tangent basis, p coordinates of
    the ambient space; H = Σ_i II_ii. A class with one parameter has −σ⁴κ²/2, κ its curvature: it always gains less than its
    misfit at small noise. So do minimal surfaces (H = 0); a sphere of m > 2 dimensions gains more. Proof: write the class as h =
    ½II(t, t) + O(t³) over its tangent space and w = (a, b); then t = a + Σ_k b_k II_k a + … and the residual is −2(b − h)·(h +
    …), of mean 2E|h(a)|² − 2σ² E Σ_k |II_k a|². A sum of squares over coordinates, not a mean. Raises ``ValueError`` for other
    shapes.
    """
    second_form = finite("second_form", second_form, ndim=3)
    if second_form.shape[1] != second_form.shape[2]:
        raise ValueError(f"second_form must have shape (p, m, m); it is {second_form.shape}.")
    trace = np.trace(second_form, axis1=1, axis2=2)
    return float(positive("noise", noise) ** 4 * (0.5 * np.sum(trace**2) - np.sum(second_form**2)))


def second_fundamental_form(jacobian: Any, hessian: Any) -> np.ndarray:
    """II (p, m, m) of a parametrised class from the first (p, m) and second (p, m, m) derivatives of its points.

    Raises ``ValueError`` for other shapes or when the parameters are not independent there.
    """
    jacobian, hessian = finite("jacobian", jacobian, ndim=2), finite("hessian", hessian, ndim=3)
    p, m = jacobian.shape
    if hessian.shape != (p, m, m):
        raise ValueError(f"hessian must have shape {(p, m, m)}, for a jacobian {(p, m)}; it is {hessian.shape}.")
    tangent, triangle = np.linalg.qr(jacobian)
    sizes = np.abs(np.diag(triangle))
    if p < m or sizes.min() <= 1e-12 * sizes.max():
        raise ValueError("jacobian must have independent columns; it does not. Drop parameters that change nothing.")
    inverse = np.linalg.inv(triangle)
    bent = np.einsum("pij,ia,jb->pab", hessian, inverse, inverse)
    return bent - np.einsum("pk,qk,qab->pab", tangent, tangent, bent)


@cache
def _nodes() -> tuple[np.ndarray, np.ndarray]:
    return np.polynomial.legendre.leggauss(NODES)


def _density(t: np.ndarray, centre: float, noise: float) -> np.ndarray:
    return np.exp(-(((t - centre) / noise) ** 2) / 2.0) / (noise * np.sqrt(2.0 * np.pi))


def _exceeds(t: np.ndarray, centre: float, noise: float) -> np.ndarray:
    """P(|centre + noise·z| > t)."""
    return ndtr((centre - t) / noise) + ndtr(-(centre + t) / noise)


def _at_least(count: int, first: int, p: np.ndarray, second: int, q: np.ndarray) -> np.ndarray:
    """P(Bin(first, p) + Bin(second, q) ≥ count), elementwise in p and q."""
    from scipy import stats

    ones = np.arange(first + 1)[:, None]
    return np.sum(stats.binom.pmf(ones, first, p) * stats.binom.sf(count - ones - 1, second, q), axis=0)
