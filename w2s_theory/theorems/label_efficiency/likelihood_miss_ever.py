"""Two outcomes: the chance that the likelihood-ratio interval misses the true share at any time at all is at most α.

Left, exactly: the chance, over all sequences there are, that the ratio of the outcomes' chance under a Beta prior to that
under the true share ever reaches 1/α; outcomes drawn afresh, or without replacement from a pool. Proof (Ville): the ratio is a
non-negative martingale that starts at 1 (``quantities.label_efficiency.anytime_outcomes``). Attained by a prior that is sure
of one outcome: the ratio is 1/P(nothing else so far), or nothing. Derived here after Waudby-Smith and Ramdas.
"""

from __future__ import annotations

import math

import numpy as np

from ...problems.label_stream import LabelStream
from ...quantities.label_efficiency.anytime_outcomes import PRIOR, log_likelihood_ratio
from ...statements import Assumption, Sides, Source, Statement


def _sides(world: LabelStream) -> Sides:
    terms, chances = world.paths()
    ones, count = np.cumsum(terms, axis=1), np.arange(1, terms.shape[1] + 1)
    ratio = log_likelihood_ratio(ones, count, world.mean, pool=world.pool, prior=world.prior or (PRIOR, PRIOR))
    missed = float(chances @ np.any(ratio >= -math.log1p(-world.level), axis=1))
    return Sides(missed, 1.0 - world.level, scale=1.0, size=1.0)


def _examples(rng: np.random.Generator) -> tuple[LabelStream, ...]:
    ends = np.array([0.0, 1.0])
    rate = rng.uniform(0.1, 0.9)
    sure = (1e3, 1e-6)
    return (
        LabelStream(ends, np.array([1.0 - rate, rate]), count=14, level=0.8),
        LabelStream(ends, np.array([0.97, 0.03]), count=14, level=0.95),
        LabelStream(np.repeat(ends, 3), level=0.7),
        LabelStream(np.array([1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]), level=0.9),
        # A prior that is sure of ones: of a pool of three and three, three ones come first with chance 1/20; the ratio is 20 then.
        LabelStream(np.repeat(ends, 3), level=1.0 - 1.0 / 20.0 - 1e-6, prior=sure),
        LabelStream(ends, np.array([0.5, 0.5]), count=6, level=1.0 - 2.0**-4 - 1e-6, prior=sure),
    )


LIKELIHOOD_MISS_EVER = Statement(
    name="label_efficiency.likelihood_miss_ever",
    says="outcomes 0 and 1, afresh or without replacement: P(the likelihood-ratio interval misses the share of ones at any time) ≤ 1 − level",
    relation="<=",
    sides=_sides,
    about=LabelStream,
    assumptions=(Assumption("terms are 0 or 1", LabelStream.has_two_outcomes),),
    source=Source("waudbysmith2024", "prior-posterior ratio", derived=True),
    tightness="attained by a prior that is sure of one outcome",
    examples=_examples,
)
