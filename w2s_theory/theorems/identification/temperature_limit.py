"""A strong model that over-estimates label noise keeps weight E(1 − w_*) → Σ_k (α_k/α_*) Δ_k(1)^(−n/2), more than identification needs.

Every λ*_k > 1, that is σ² > 2(U(W + τ²) − V²)/(U − 2V). The ratio of the two sides lies in [1 − e(n), 1], e explicit and exponentially small
(``quantities.evidence_mgf.temperature_limit``); the envelope is 2e, because simulation can't settle a ratio at its very edge. The trials are raw
posteriors; sizes are the first at which e is below each of ``LEVELS``.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...problems.concepts import orthonormal_world
from ...problems.prompting import Prompting
from ...quantities.evidence_mgf import optimal_tilt, temperature_limit
from ...statements import Assumption, InLimit, Sides, Statement
from .._identification import ASSUMPTIONS, DERIVED, is_covered, wrong_weights

LEVELS = (0.2, 0.04)


def _sides(prompting: Prompting, count: int, rng: np.random.Generator) -> Sides:
    return Sides(wrong_weights(prompting, count, rng), temperature_limit(prompting.world, prompting.examples)[0])


def _sizes(prompting: Prompting) -> tuple[int, ...]:
    sizes = np.unique(np.geomspace(1, 4096, 200).astype(int))
    errors = np.array([temperature_limit(prompting.world, int(n))[1] for n in sizes])
    return tuple(int(sizes[min(np.sum(errors > level), sizes.size - 1)]) for level in LEVELS)


def _is_overestimated(prompting: Prompting) -> bool:
    return is_covered(prompting) and bool(np.all(optimal_tilt(prompting.world) > 1.0))


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
        sizes=_sizes,
        envelope=lambda prompting, n: 2.0 * temperature_limit(prompting.world, n)[1],
    ),
    assumptions=(*ASSUMPTIONS, Assumption("every λ*_k > 1: the strong model over-estimates label noise", _is_overestimated)),
    source=DERIVED,
    tightness="the ratio lies between 1 − e and 1, near 1 − e with two concepts; the envelope is 2e",
    examples=_examples,
)
