"""How many gold labels it takes to see a gain of g: at level α, with power β.

*Accuracy.* On points where weak and student disagree the outcome is 1 (student right), −1 (weak right) or 0 (neither, three
classes or more). The exact sign test counts only the K points with a right answer among n and is conditional on K: two-sided,
at level α, it rejects when the binomial tails of Bin(K, ½) are at most α/2. With K ~ Bin(n, 1 − ν) and a share π = ½(1 + δ/(1
− ν)) of them going to the student,

    power(n) = Σ_k P(K = k) · P(Bin(k, π) in the rejection region on the student's side),      δ = gain/misfit,

summed exactly. It is a saw in n; the plan is the smallest n from which on the power stays ≥ β. The classical paired (McNemar)
test is the same test with labels on all points, of which only a share ``misfit`` tells anything: it needs about plan/misfit of them.

*A mean* (squared loss and others): terms of standard deviation σ, n of them; the t test at level α has the noncentral t law's
power, noncentrality √n g/σ, exact for normal terms. σ comes from a pilot: of the weighted terms of the label-efficient
estimate, or of the paired differences.

Seeds and test points: ``planner_seeds``. NumPy and scipy.special.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from ..._validation import generator, positive, probability, whole
from ...outcomes import Estimate
from .anytime import MeanStream, log_capital
from .anytime_terms import weighted_terms
from .blend import Affine

#: Plans beyond this many are refused: the effect is too small to be planned for.
MOST = 2_000_000


@dataclass(frozen=True)
class Plan:
    """``labels`` needed for ``power`` at ``level`` (a confidence level, 1 − α), ``points`` that must be at hand without
    labels, and the labels that the ``classical`` paired test takes."""

    labels: int
    points: int
    classical: int
    power: float
    level: float
    method: str

    def __str__(self) -> str:
        return (
            f"{self.labels} gold labels, on {self.points} unlabelled points, see it with power {self.power:.3g} at level "
            f"{self.level:g} ({self.method}); "
            f"the paired test takes {self.classical} labels"
        )


def sign_test_power(count: Any, advantage: float, *, neither: float = 0.0, level: float = 0.95) -> np.ndarray:
    """Power of the exact two-sided sign test after ``count`` (...) labels on disagreements, seen on the right side.

    ``advantage`` δ = P(student right) − P(weak right), 0 < δ ≤ 1 − ``neither``, both given that they disagree.
    """
    count = np.asarray(count)
    neither = positive("neither", neither, strict=False)
    if not 0.0 < advantage <= 1.0 - neither:
        raise ValueError(
            f"advantage must lie in (0, 1 − neither] = (0, {1.0 - neither:.6g}]; it is {advantage!r}. Swap weak and student?"
        )
    student = 0.5 * (1.0 + advantage / (1.0 - neither))
    size = int(count.max(initial=1)) + 1
    decided = np.arange(size)
    power = special.bdtrc(_critical(decided, 1.0 - probability("level", level)) - 1.0, decided, student)
    if neither == 0.0:
        return power[count]
    found = [float(_binomial(decided[: n + 1], n, 1.0 - neither) @ power[: n + 1]) for n in count.ravel()]
    return np.reshape(found, count.shape)


def _critical(decided: np.ndarray, miss: float) -> np.ndarray:
    """The fewest of ``decided`` fair coins whose upper tail is at most miss/2 (one more than there are where none is)."""
    lowest, highest = np.floor(decided / 2.0), decided + 1.0
    while np.any(highest - lowest > 1.0):
        middle = np.floor((lowest + highest) / 2.0)
        rare = special.bdtrc(middle - 1.0, decided, 0.5) <= miss / 2.0
        lowest, highest = np.where(rare, lowest, middle), np.where(rare, middle, highest)
    return highest


def _binomial(k: np.ndarray, n: int, p: float) -> np.ndarray:
    log = special.gammaln(n + 1.0) - special.gammaln(k + 1.0) - special.gammaln(n - k + 1.0)
    return np.exp(log + special.xlogy(k, p) + special.xlog1py(n - k, -p))


def plan_accuracy(gain: float, misfit: float, *, neither: float = 0.0, power: float = 0.8, level: float = 0.95) -> Plan:
    """Labels on disagreements that see a ``gain`` in accuracy (0 < gain ≤ misfit·(1 − ``neither``)) with ``power``.

    ``misfit``: share of points where weak and student differ, known without labels; ``neither``: share of those on which both
    are wrong. ``points``: unlabelled points that hold as many disagreements on average. Raises ``ValueError`` for impossible
    gains, and where more than MOST labels would be needed.
    """
    misfit = probability("misfit", misfit, strict=False)
    probability("power", power)
    advantage = positive("gain", gain) / misfit if misfit else math.inf
    if not advantage <= 1.0 - neither:
        raise ValueError(
            f"gain must be at most misfit·(1 − neither) = {misfit * (1.0 - neither):.6g}; it is {gain!r}. No labels show more than that."
        )
    normal = float(special.ndtri(0.5 + level / 2.0) + special.ndtri(power)) ** 2 * (1.0 - neither) / advantage**2
    _not_too_many(normal)
    reach = int(1.5 * normal + 60.0 + 10.0 / advantage)  # a tooth of the saw is 2/advantage of the smooth curve at most, nearly
    counts = np.arange(1, reach + 1) if neither == 0.0 else np.unique(np.geomspace(1, reach, 400).astype(int))
    enough = sign_test_power(counts, advantage, neither=neither, level=level) >= power
    last_short = int(np.flatnonzero(~enough)[-1])
    if neither != 0.0:  # smooth in n: fill in between the last that fell short and the next
        counts = np.arange(counts[last_short], counts[min(last_short + 1, len(counts) - 1)] + 1)
        enough = sign_test_power(counts, advantage, neither=neither, level=level) >= power
        last_short = int(np.flatnonzero(~enough)[-1])
    labels = int(counts[last_short]) + 1
    reached = float(sign_test_power(np.array([labels]), advantage, neither=neither, level=level)[0])
    points = math.ceil(labels / misfit)
    return Plan(labels, points, points, reached, level, "exact sign test where weak and student disagree")


def t_test_power(count: Any, effect: float, *, level: float = 0.95) -> np.ndarray:
    """Power of the two-sided t test after ``count`` ≥ 2 normal terms of mean/standard deviation ``effect``, seen on the right
    side.
    """
    count = np.asarray(count, dtype=np.float64)
    critical = special.stdtrit(count - 1.0, 0.5 + probability("level", level) / 2.0)
    return 1.0 - special.nctdtr(count - 1.0, np.sqrt(count) * abs(effect), critical)


def plan_mean(gain: float, deviation: float, *, classical: float | None = None, power: float = 0.8, level: float = 0.95) -> Plan:
    """Labels that see a mean ``gain`` ≠ 0 of terms with standard ``deviation``, by a t test.

    ``deviation``: of the weighted terms of the label-efficient estimate (a pilot's, or from pseudo-labels); ``classical``: of
    the paired differences of errors, for what the paired test takes (the same as ``deviation`` by default). Normal terms;
    heavier tails take more.
    """
    effect = abs(positive("the size of gain", abs(gain))) / positive("deviation", deviation)
    labels = _smallest_t(effect, power, level)
    other = labels if classical is None else _smallest_t(abs(gain) / positive("classical", classical), power, level)
    reached = float(t_test_power(labels, effect, level=level))
    return Plan(labels, labels, other, reached, level, "t test, normal terms")


def term_deviations(affine: Affine, probabilities: Any, labels: Any) -> tuple[float, float]:
    """Standard deviations of a weighted term and of a paired difference of errors if ``labels`` (N,) or (N, C) were the truth:
    for ``plan_mean``.

    Give pseudo-labels of all points (a ceiling's, a stronger model's) with noise of the size that gold labels have: smooth
    ones promise too much. ŷ is the middle of weak and student; ``probabilities`` (N,) as in ``anytime_terms``.
    """
    rows, share = np.arange(affine.size), np.asarray(probabilities, dtype=np.float64)
    drawn = share > 0.0
    terms = weighted_terms(affine, share, affine.basis[0], rows[drawn], np.asarray(labels)[drawn])
    mean = float(share[drawn] @ terms)
    return math.sqrt(float(share[drawn] @ (terms - mean) ** 2)), float(np.std(affine.gain(np.asarray(labels), rows)))


def _smallest_t(effect: float, power: float, level: float) -> int:
    guess = float(special.ndtri(0.5 + level / 2.0) + special.ndtri(probability("power", power))) ** 2 / effect**2
    _not_too_many(guess)
    low, high = 1, 2
    while float(t_test_power(high, effect, level=level)) < power:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if float(t_test_power(middle, effect, level=level)) >= power else (middle, high)
    return high


def _not_too_many(count: float) -> None:
    if count > MOST:
        raise ValueError(
            f"the gain is too small to plan for: about {count:.2g} labels would be needed, more than {MOST}. Plan for a larger one."
        )


def labels_to_settle(
    stream: MeanStream, *, rng: np.random.Generator, most: int = 2000, repeats: int = 200, at: float = 0.0
) -> Estimate:
    """How many more labels until the interval of ``stream`` leaves ``at`` (0: the sign is settled): median, and an 80 % range;
    inf beyond ``most``.

    A forecast, not a guarantee: the terms so far are drawn again, with replacement, as those to come (in their place in the
    range), ``repeats`` times. Zero when it is settled; infinite ends mean that many forecasts did not settle.
    """
    rng = generator(rng)
    if stream.lower > at or stream.upper < at:
        return Estimate(0.0, 0.0, 0.0, 0.0, 0.8, "settled")
    n = len(stream.terms)
    if n < 2:
        raise ValueError(f"a forecast needs at least 2 terms; the stream has {n}. Label some points first.")
    more = whole("most", most) if stream.pool is None else min(most, stream.pool - n)
    drawn = rng.integers(n, size=(repeats, more))
    past = np.broadcast_to(stream.terms, (repeats, n))
    terms = np.concatenate([past, stream.terms[drawn]], axis=1)
    low, high = (np.concatenate([np.broadcast_to(end, (repeats, n)), end[drawn]], axis=1) for end in (stream.lows, stream.highs))
    owned = log_capital(terms, np.full(repeats, at), low=low, high=high, pool=stream.pool)
    rich = np.any(owned >= math.log(2.0 / (1.0 - stream.level)), axis=0)
    waits = np.where(rich.any(axis=1), np.maximum(np.argmax(rich, axis=1) + 1.0 - n, 0.0), np.inf)
    low_end, middle, high_end = np.quantile(waits, [0.1, 0.5, 0.9], method="higher")
    return Estimate(
        float(middle), 0.0, float(low_end), float(high_end), 0.8, f"forecast from {n} terms drawn again {repeats} times"
    )
