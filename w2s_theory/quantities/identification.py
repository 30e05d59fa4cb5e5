"""Which concept does the refiner settle on? The exact law of its posterior log-odds between a competitor k and the aligned concept.

With u = β_k − β_{k*}, b = β_w − β_{k*}, U = ‖u‖², V = u·b, W = ‖b‖² and weak noise τ, one Gaussian example moves the log-odds of k over
k* by (p e − p²/2)/σ², where p = u·x and e = b·x + τξ. Its mean is −D, D = (U − 2V)/2σ². Given p, e is (V/U) p plus independent Gaussian
noise of variance s² = τ² + W − V²/U, so that after n examples, with C = Σp²/U ~ χ²(n) and c = σ² log(α_*/α_k)/(s√U),

    P(the posterior prefers k to k*) = E Q(κ√C + c/√C),   κ = (U − 2V)/(2 s √U),   Q the normal tail,
                                     = P(T_n > κ√n)   for equal priors, T_n Student's t: free of σ, exact for every n.

The exponent is ρ = ½ log(1 + κ²), because Q(x) ≤ ½ exp(−x²/2) gives P ≤ ½ (1 + κ²)^(−n/2). κ ≤ 0 (V ≥ U/2) is a lost concept: the weak
vector is no nearer to k* than to k, and ρ = 0. κ is infinite when the evidence has no noise (τ = 0 and b along u). Ties count half.
Everything is about the aligned concept k*: w_* and α_* are its posterior and prior weight, and the truth β_* plays no part. Derived here
(after somerstep2025). NumPy float64.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import betainc, gammainc, gammaincc, gammaln, log_ndtr, ndtr

from .._validation import finite, positive, probability, whole
from ..problems.concepts import ConceptWorld
from ..problems.prompting import Prompting
from ..students.refiner import simulate_evidence
from .quantity import Quantity

#: Rounding, in relative terms: differences of vectors below this are nothing.
SLACK = 16.0 * float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class Rivals:
    """Geometry of the K − 1 competitors as seen from the aligned concept; every array has shape (K − 1,).

    ``separation`` U, ``overlap`` V, ``bias`` W (a number), ``noise`` s² = τ² + W − V²/U, ``log_prior`` log(α_k/α_*), ``variance`` σ².
    """

    separation: np.ndarray
    overlap: np.ndarray
    bias: float
    noise: np.ndarray
    log_prior: np.ndarray
    variance: float

    @property
    def margin(self) -> np.ndarray:
        """U − 2V = ‖β_w − β_k‖² − ‖β_w − β_{k*}‖²: positive where the weak vector is nearer to the aligned concept."""
        margin = self.separation - 2.0 * self.overlap
        return np.where(np.abs(margin) <= SLACK * (self.separation + np.abs(self.overlap)), 0.0, margin)

    @property
    def drift(self) -> np.ndarray:
        """D = (U − 2V)/2σ², the mean log likelihood ratio per example of the aligned concept over k."""
        return self.margin / (2.0 * self.variance)

    @property
    def kappa(self) -> np.ndarray:
        """κ = (U − 2V)/(2 s √U); ±inf without noise in the evidence, 0 when the margin is zero too."""
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = self.margin / (2.0 * np.sqrt(self.noise * self.separation))
        return np.where(self.margin == 0.0, 0.0, ratio)

    @property
    def rate(self) -> np.ndarray:
        """ρ = ½ log(1 + κ²), the exponent with which a competitor is ruled out; 0 where the concept is lost, inf where α_k = 0."""
        with np.errstate(over="ignore"):
            rate = 0.5 * np.log1p(np.maximum(self.kappa, 0.0) ** 2)
        return np.where(np.isneginf(self.log_prior), np.inf, rate)


def rivals(world: ConceptWorld) -> Rivals:
    """The competitors of ``world``'s aligned concept, for any features of identity covariance.

    Raises ``ValueError`` for soft concepts, and for a competitor that equals the aligned concept: no evidence tells them apart.
    """
    if not world.is_sharp():
        raise ValueError(
            f"spread must be 0 for evidence that is a sum over examples; it is {world.spread!r}. See students.refiner."
        )
    if not has_distinct_rivals(world):
        raise ValueError("concepts must differ from the aligned one; another equals it. Merge the two, adding their priors.")
    aligned, others = world.concepts[world.aligned], world.competitors
    steps, bias = world.concepts[others] - aligned, world.weak - aligned
    separation, overlap, square = np.sum(steps**2, axis=-1), steps @ bias, float(bias @ bias)
    across = np.sum((bias - (overlap / separation)[:, None] * steps) ** 2, axis=-1)
    across = np.where(across <= SLACK**2 * square, 0.0, across)  # what rounding leaves when b lies along u
    with np.errstate(divide="ignore"):
        log_prior = np.log(world.alpha[others]) - np.log(world.alpha[world.aligned])
    return Rivals(separation, overlap, square, world.weak_noise**2 + across, log_prior, world.belief**2)


def has_distinct_rivals(world: ConceptWorld) -> bool:
    """True when no competitor equals the aligned concept, up to rounding."""
    aligned, others = world.concepts[world.aligned], world.concepts[world.competitors]
    scale = np.sum(others**2, axis=-1) + aligned @ aligned
    return bool(np.all(np.sum((others - aligned) ** 2, axis=-1) > SLACK**2 * scale))


def preference_probability(world: ConceptWorld, n: int) -> np.ndarray:
    """P(posterior weight of k > that of k*) after n ≥ 1 examples, ties counted half: (K − 1,), exact.

    Equal priors: the Student tail, ½ I_{1/(1+κ²)}(n/2, ½) for κ ≥ 0. Unequal: the trapezoidal rule in log χ². Raises ``ValueError`` for
    features that are not Gaussian (use ``conditional_preference``) or soft concepts.
    """
    whole("n", n)
    seen = gaussian_rivals(world)
    return np.array([_preference(seen, k, n) for k in range(seen.kappa.size)])


def conditional_preference(world: ConceptWorld, features: np.ndarray) -> np.ndarray:
    """The same probability given the prompt's features (..., n, d): (..., K − 1). Exact for features of any law.

    Given X, the log-odds are Gaussian because the label noise is: Q((S/2 − Σ p·(b·x) + σ² log(α_*/α_k))/(τ√S)), S = Σp²; S = 0 leaves it to
    the prior. Raises ``ValueError`` for τ = 0, where nothing is random given X.
    """
    seen = rivals(world)
    features = finite("features", features, min_ndim=2)
    if features.shape[-1] != world.d:
        raise ValueError(f"features must have shape (..., n, {world.d}), as the concepts; it is {features.shape}.")
    aligned = world.concepts[world.aligned]
    steps = features @ (world.concepts[world.competitors] - aligned).T  # p, (..., n, K − 1)
    pulled = np.sum(steps * (features @ (world.weak - aligned))[..., None], axis=-2)
    energy = np.sum(steps**2, axis=-2)
    noise = positive("weak_noise", world.weak_noise) * np.sqrt(energy)
    with np.errstate(divide="ignore", invalid="ignore"):
        given = ndtr((pulled - 0.5 * energy + seen.variance * seen.log_prior) / noise)
    return np.where(energy == 0.0, preferences(seen.log_prior), given)


def chernoff_bound(world: ConceptWorld, n: int) -> np.ndarray:
    """γ_k (α_k/α_*)^λ* (1 + κ²)^(−n/2) ≥ preference_probability, (K − 1,); γ = ½ if α_k ≤ α_*, else 1.

    It is 1, no bound, where the concept is lost, or where evidence without noise (κ = ∞) faces a prior against k*.
    λ* = σ²κ/(s√U) minimises the moment generating function of the log-odds. The half, for priors not against k*, is what conditioning on
    the features adds to the usual bound; at κ = 0 and equal priors the bound is attained.
    """
    whole("n", n)
    seen = gaussian_rivals(world)
    with np.errstate(invalid="ignore"):
        return np.exp(np.fmin(_log_prefactor(seen) - n * seen.rate, 0.0))


def error_bracket(world: ConceptWorld, n: int) -> tuple[float, float]:
    """(max_k P_k, min(1, Σ_k P_k)): between these lies the probability that some competitor beats k*. Equal for two concepts."""
    each = preference_probability(world, n)
    return float(np.max(each, initial=0.0)), float(min(1.0, np.sum(each)))


def sample_size(world: ConceptWorld, delta: float) -> float:
    """A number of examples with which k* wins with probability ≥ 1 − δ: max_k log((K − 1) g_k/δ)/ρ_k, at least 1, rounded up.

    g_k is ``chernoff_bound``'s factor before (1 + κ²)^(−n/2), ½ for equal priors. ``inf`` when that bound is none.
    """
    probability("delta", delta)
    seen = gaussian_rivals(world)
    possible = np.isfinite(seen.log_prior)
    if not possible.any():
        return 1.0
    if np.any(seen.kappa[possible] <= 0.0):
        return math.inf
    with np.errstate(invalid="ignore"):
        needed = (np.log(possible.sum() / delta) + _log_prefactor(seen)[possible]) / seen.rate[possible]
    return float(np.ceil(np.max(np.where(np.isnan(needed), np.inf, needed), initial=1.0)))


def flip_probability(separation: float, bias: float, d: int) -> float:
    """Probability that an error of the weak vector of length ``bias`` and uniform direction in R^d loses its concept to a rival.

    ½ I_{1−a²}((d−1)/2, ½), a = ``separation``/(2 ``bias``), ``separation`` = ‖β_k − β_{k*}‖: the share of the sphere's cap beyond the
    half-way plane. Zero when a ≥ 1: a small enough error never loses the concept.
    """
    half = 0.5 * positive("separation", separation)
    if half >= positive("bias", bias, strict=False):
        return 0.0
    if whole("d", d) == 1:
        return 0.5
    return float(0.5 * betainc(0.5 * (d - 1), 0.5, 1.0 - (half / bias) ** 2))


def gaussian_rivals(world: ConceptWorld) -> Rivals:
    """``rivals``, for laws that need Gaussian features; raises ``ValueError`` for others."""
    if not world.is_gaussian():
        raise ValueError(
            "features must be Gaussian for this law; use conditional_preference, or students.refiner.simulate_evidence."
        )
    return rivals(world)


def _log_prefactor(seen: Rivals) -> np.ndarray:
    """log γ_k + λ* log(α_k/α_*), 0 where the concept is lost."""
    with np.errstate(divide="ignore", invalid="ignore"):
        tilt = np.where(seen.log_prior == 0.0, 0.0, seen.variance * seen.kappa / np.sqrt(seen.noise * seen.separation))
        log_factor = np.where(seen.log_prior <= 0.0, np.log(0.5), 0.0) + np.where(tilt == 0.0, 0.0, tilt * seen.log_prior)
    return np.where(seen.kappa < 0.0, 0.0, log_factor)


def _preference(seen: Rivals, k: int, n: int) -> float:
    kappa, log_prior, margin = float(seen.kappa[k]), float(seen.log_prior[k]), float(seen.margin[k])
    if log_prior == -math.inf:
        return 0.0
    if log_prior == 0.0:
        tail = 0.5 * float(betainc(0.5 * n, 0.5, 1.0 / (1.0 + kappa**2)))
        return tail if kappa >= 0.0 else 1.0 - tail
    if seen.noise[k] == 0.0:  # the evidence is −margin · C/2σ²
        if margin == 0.0:
            return float(log_prior > 0.0)
        level = max(0.0, seen.variance * log_prior / margin)
        return float(gammainc(0.5 * n, level) if margin > 0.0 else gammaincc(0.5 * n, level))
    return _chi_square_average(kappa, float(-seen.variance * log_prior / np.sqrt(seen.noise[k] * seen.separation[k])), n)


def _chi_square_average(kappa: float, shift: float, n: int) -> float:
    """E Q(κ√C + c/√C) over C ~ χ²(n), c = ``shift``: the trapezoidal rule in log C, where the integrand is analytic and dies at both ends."""
    logs = _log_grid(kappa, shift, n)
    root = np.exp(0.5 * logs)
    log_density = 0.5 * n * logs - 0.5 * root**2 - 0.5 * n * math.log(2.0) - gammaln(0.5 * n)
    return float((logs[1] - logs[0]) * np.sum(np.exp(log_density + log_ndtr(-kappa * root - shift / root))))


def _log_grid(kappa: float, shift: float, n: int) -> np.ndarray:
    """Points that hold the bulk of χ²(n), tilted by the normal tail, and resolve its width."""
    low = math.log(n / (1.0 + kappa**2)) - 3.0 - 80.0 / n - 12.0 / math.sqrt(n)
    high = math.log(2.0 * (n + abs(shift)) + 200.0)
    step = min(0.1, 0.5 / math.sqrt(0.5 * n + math.hypot(1.0, kappa) * abs(shift)))
    return np.linspace(low, high, math.ceil((high - low) / step) + 1)


def posterior_odds(prompting: Prompting, count: int, rng: np.random.Generator) -> np.ndarray:
    """Posterior log-odds of every competitor over k* after ``count`` simulated prompts, (count, K − 1): the raw mechanism."""
    world = prompting.world
    evidence = simulate_evidence(world, [prompting.examples], count, rng=rng)[0]
    with np.errstate(divide="ignore"):
        odds = evidence + np.log(world.alpha) - np.log(world.alpha[world.aligned])
    return odds[:, world.competitors]


def preferences(odds: np.ndarray) -> np.ndarray:
    """1 where log-odds favour a competitor, ½ at ties, else 0."""
    return 0.5 + 0.5 * np.sign(odds)


PREFERENCE = Quantity(
    "share of competitors that the posterior prefers to the aligned concept",
    lambda prompting: float(np.mean(preference_probability(prompting.world, prompting.examples))),
    lambda prompting, count, rng: np.mean(preferences(posterior_odds(prompting, count, rng)), axis=-1),
)
