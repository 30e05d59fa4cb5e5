"""The weight of wrong concepts decays with exactly the exponent r_1 = ½ log Δ(min(1, λ*)), its constant known on either side of λ* = 1.

Two concepts, n > 3 examples. Identification-limited, 0 < λ* < 1: E(1 − w_*) lies in [E (1 − e), E] with E ~ const · e^{−nρ}/√n and e of
order 1/n. Temperature-limited, λ* > 1: the same with E = (α_k/α_*) Δ(1)^(−n/2) and e exponentially small. Both explicit, for every n, in
``quantities.evidence_mgf``. Compared with the exact mean weight, itself checked on raw prompts in weight_law.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...problems.concepts import orthonormal_world
from ...problems.prompting import Prompting
from ...quantities.evidence_mgf import identification_limit, log_pair_moments, optimal_tilt, temperature_limit
from ...statements import Assumption, Sides, Statement
from .._identification import ASSUMPTIONS, DERIVED, KEPT, TWO_CONCEPTS, is_covered


def _is_off_the_boundary(prompting: Prompting) -> bool:
    return is_covered(prompting) and not np.any(optimal_tilt(prompting.world) == 1.0)


def _sides(prompting: Prompting) -> Sides:
    world, n = prompting.world, prompting.examples
    mean = float(np.exp(log_pair_moments(world, n))[0])
    if optimal_tilt(world)[0] < 1.0:
        value, error = (float(number[0]) for number in identification_limit(world, n))
    else:
        value, error = temperature_limit(world, n)
    return Sides(np.array([value * (1.0 - error), mean]), np.array([mean, value]), solver_error=1e-9 * mean)


def _examples(rng: np.random.Generator) -> tuple[Prompting, ...]:
    """In either regime with few and with many examples, with and without unequal priors."""
    paper = orthonormal_world(2, alignment=0.8, length=1.0, weak_noise=0.5)
    return tuple(
        Prompting(replace(paper, belief=belief, prior=prior), n)
        for belief in (np.sqrt(3.0), 0.5)
        for prior in (np.array([0.3, 0.7]), None)
        for n in (10, 2000)
    )


WEIGHT_EXPONENT = Statement(
    name="identification.weight_exponent",
    says="two concepts: E(1 − w_*) decays with exponent ½ log Δ(min(1, λ*)), between explicit bounds that meet as n grows",
    relation="<=",
    sides=_sides,
    about=Prompting,
    assumptions=(
        *ASSUMPTIONS,
        TWO_CONCEPTS,
        KEPT,
        Assumption("n > 3", lambda prompting: prompting.examples > 3),
        Assumption("λ* is not exactly 1", _is_off_the_boundary),
    ),
    source=DERIVED,
    tightness="attained as n grows: the bounds differ by a share of order 1/n (identification-limited), or exponentially small",
    examples=_examples,
)
