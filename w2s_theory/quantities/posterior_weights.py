"""Moments of the refiner's posterior weights after n weakly labelled examples: the law of the log-odds, integrated.

Two concepts have exact moments (``quantities.evidence_mgf``). With more, every wrong concept k is integrated under the tilt that makes its
weight common (``quantities.log_odds``), with its exact weight against the base alone as control variate. So a mean weight has a small
relative error however small it is: about 1e-3, given as ``stderr``. The base is the concept nearest to β_w, whose weight is one minus
the rest. Derived here (after somerstep2025). NumPy float64.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.special import log_expit

from .._validation import whole
from ..problems.concepts import ConceptWorld
from ..students.refiner import log_weights, weights_of
from .evidence_mgf import log_pair_moments
from .identification import preference_probability
from .log_odds import SCRAMBLES, LogOddsLaw
from .phase_boundaries import nearest


class WeightMoments(NamedTuple):
    """``mean``: E w (K,); ``second``: E w wᵀ (K, K); ``stderr``: standard errors of ``mean``, zero where it is exact (two concepts, n = 0)."""

    mean: np.ndarray
    second: np.ndarray
    stderr: np.ndarray


def expected_weights(world: ConceptWorld, n: int) -> np.ndarray:
    """E w: the mean posterior over concepts after n weakly labelled examples, (K,). See ``weight_moments``."""
    return weight_moments(world, n).mean


@lru_cache(maxsize=64)
def weight_moments(world: ConceptWorld, n: int) -> WeightMoments:
    """First and second moments of the posterior weights after n ≥ 0 examples. Kept for worlds (which never change) asked about before.

    Raises ``ValueError`` for uniform features or soft concepts, to which the law does not apply, and for more than 24 concepts.
    """
    base = int(nearest(world)[0])
    law = LogOddsLaw.of(world, base)
    if whole("n", n, at_least=0) == 0 or law.rank == 0:
        weights = world.alpha
        return _read_only(WeightMoments(weights, np.outer(weights, weights), np.zeros(world.count)))
    if world.count == 2:
        wrong = 1 - world.aligned
        first, square = (float(np.exp(log_pair_moments(world, n, power=power)[0])) for power in (1.0, 2.0))
        mean, second = _completed(np.array([first]), np.array([[square]]), [wrong], world.aligned, 2)
        return _read_only(WeightMoments(mean, second, np.zeros(2)))
    rivals = [k for k in range(world.count) if k != base and world.alpha[k] > 0.0]
    means, seconds = np.empty((SCRAMBLES, len(rivals))), np.empty((SCRAMBLES, len(rivals), len(rivals)))
    alone = _pair_means(world, n, law, base)
    for i, k in enumerate(rivals):
        for power, kept in ((1, means), (2, seconds)):
            tilt = law.best_tilt(k, float(power))
            for scramble in range(SCRAMBLES):
                drawn = law.draws(n, k, tilt, scramble)
                weights = weights_of(world, drawn.log_odds)
                with np.errstate(divide="ignore"):
                    shared = np.exp(drawn.log_weight + np.log(weights[:, k]))  # the product is bounded, its factors are not
                if power == 2:
                    kept[scramble, i] = shared @ weights[:, rivals] / len(weights)
                elif alone is None:
                    kept[scramble, i] = shared.mean()
                else:  # what it would have against the base alone is known exactly; in the tail that is nearly all of it
                    odds = log_weights(world, drawn.log_odds)
                    against_base = np.exp(drawn.log_weight + log_expit(odds[:, k] - odds[:, base]))
                    kept[scramble, i] = alone[k] + np.mean(shared - against_base)
    inner = seconds.mean(axis=0)
    mean, second = _completed(means.mean(axis=0), 0.5 * (inner + inner.T), rivals, base, world.count)
    spread = np.std(means, axis=0, ddof=1) / np.sqrt(SCRAMBLES)
    stderr = np.zeros(world.count)
    stderr[rivals], stderr[base] = spread, np.std(means.sum(axis=1), ddof=1) / np.sqrt(SCRAMBLES)
    return _read_only(WeightMoments(mean, second, stderr))


@lru_cache(maxsize=64)
def preferred_shares(world: ConceptWorld, n: int) -> np.ndarray:
    """The probability that each concept is the most likely one after n ≥ 1 examples, (K,): exact for two, to about 1e-3 of itself for more.

    Ties have probability zero unless τ = 0 leaves nothing to tell concepts apart; of equal concepts the one with the larger prior is
    preferred. Raises ``ValueError`` as ``weight_moments`` does.
    """
    whole("n", n)
    base = int(nearest(world)[0])
    law = LogOddsLaw.of(world, base)
    shares = np.zeros(world.count)
    if law.rank == 0:
        shares[np.argmax(world.alpha)] = 1.0
    elif world.count == 2:
        wrong = float(preference_probability(world, n)[0])
        shares[1 - world.aligned], shares[world.aligned] = wrong, 1.0 - wrong
    else:
        for k in (k for k in range(world.count) if k != base and world.alpha[k] > 0.0):
            tilt = law.best_tilt(k, np.inf)
            for scramble in range(SCRAMBLES):
                drawn = law.draws(n, k, tilt, scramble)
                leads = np.argmax(log_weights(world, drawn.log_odds), axis=-1) == k
                shares[k] += np.sum(np.exp(drawn.log_weight[leads])) / (leads.size * SCRAMBLES)
        shares[base] = 1.0 - shares.sum()
    shares.setflags(write=False)
    return shares


def _pair_means(world: ConceptWorld, n: int, law: LogOddsLaw, base: int) -> np.ndarray | None:
    """E[w_k/(w_k + w_base)], (K,), exact; ``None`` when another concept equals the base."""
    others = np.delete(np.arange(world.count), base)
    if np.any(np.all(law.corners[others] == 0.0, axis=-1)):
        return None
    found = np.zeros(world.count)
    found[others] = np.exp(log_pair_moments(replace(world, aligned=base), n))
    return found


def _completed(first: np.ndarray, inner: np.ndarray, rivals: list[int], base: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Moments of all K weights from those of the ``rivals``, as the weights sum to one: the base has what they leave."""
    mean, second = np.zeros(count), np.zeros((count, count))
    mean[rivals], mean[base] = first, 1.0 - first.sum()
    second[np.ix_(rivals, rivals)] = inner
    second[rivals, base] = second[base, rivals] = first - inner.sum(axis=0)
    second[base, base] = 1.0 - 2.0 * first.sum() + inner.sum()
    return mean, second


def _read_only(moments: WeightMoments) -> WeightMoments:
    for part in moments:
        part.setflags(write=False)
    return moments
