"""A strong model that over-estimates label noise keeps weight E(1 − w_*) → Σ_k (α_k/α_*) Δ_k(1)^(−n/2), more than identification needs.

Every λ*_k > 1, that is σ² > 2(U(W + τ²) − V²)/(U − 2V). The ratio of the two sides lies in [1 − e(n), 1], e explicit and exponentially small
(``quantities.evidence_mgf.temperature_limit``); the envelope is 2e, because simulation can't settle a ratio at its very edge. The trials are raw
posteriors. Near λ* = 1 the error closes only where the weight has become too rare to be sampled, and the check declines.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...problems.concepts import orthonormal_world
from ...problems.prompting import Prompting
from ...quantities.evidence_mgf import optimal_tilt, temperature_limit, weight_bound
from ...statements import Assumption, InLimit, Sides, Statement
from .._identification import ASSUMPTIONS, DERIVED, is_covered, wrong_weights
from .._limits import MOST_EXAMPLES, Reach

#: A mean that rests on one trial in this many is seen by the 4096 trials that a check begins with.
MOST_SPREAD = 25.0


def _sides(prompting: Prompting, count: int, rng: np.random.Generator) -> Sides:
    return Sides(wrong_weights(prompting, count, rng), temperature_limit(prompting.world, prompting.examples)[0])


def _envelope(prompting: Prompting, n: int) -> float:
    return 2.0 * temperature_limit(prompting.world, n)[1]


REACH = Reach(_envelope, (0.4, 0.08), MOST_EXAMPLES)


def _is_overestimated(prompting: Prompting) -> bool:
    return is_covered(prompting) and bool(np.all(optimal_tilt(prompting.world) > 1.0))


def _is_seen(prompting: Prompting) -> bool:
    """Whether E(1 − w_*)²/[E(1 − w_*)]² is bounded by ``MOST_SPREAD`` at the longest prompt of the check."""
    longest = max(REACH.sizes(prompting), default=0) if _is_overestimated(prompting) else 0
    if longest == 0:  # declined elsewhere
        return True
    value, error = temperature_limit(prompting.world, longest)
    return weight_bound(prompting.world, longest, power=2.0) <= MOST_SPREAD * (value * (1.0 - error)) ** 2


def _examples(rng: np.random.Generator) -> tuple[Prompting, ...]:
    return (
        Prompting(orthonormal_world(3, alignment=0.9, weak_noise=0.6, belief=2.5), 1),
        Prompting(orthonormal_world(2, alignment=0.9, weak_noise=0.6, belief=2.5, prior=np.array([0.4, 0.6])), 1),
    )


TEMPERATURE_LIMIT = Statement(
    name="identification.temperature_limit",
    says="noise over-estimated (every λ* > 1): E(1 − w_*)/Σ_k (α_k/α_*) Δ_k(1)^(−n/2) → 1, exponentially fast",
    relation="==",
    sides=_sides,
    about=Prompting,
    kind=InLimit(
        at=lambda prompting, n: replace(prompting, examples=n),
        sizes=REACH.sizes,
        envelope=_envelope,
    ),
    assumptions=(
        *ASSUMPTIONS,
        Assumption("every λ*_k > 1: the strong model over-estimates label noise", _is_overestimated),
        REACH.within(_is_overestimated),
        Assumption("those prompts leave wrong concepts a weight that is not too rare to be sampled", _is_seen),
    ),
    source=DERIVED,
    tightness="the ratio lies between 1 − e and 1, near 1 − e with two concepts; the envelope is 2e",
    examples=_examples,
)
