"""Betting against a mean: the chance that the interval misses the true mean at any time at all is at most α, whatever the law
of bounded terms.

Left, exactly: the chance, over all sequences there are, that the high or the low gamblers ever own 2/α when the true mean is
tested. Terms drawn afresh, or without replacement from a pool. Proof (Ville): what each own is a non-negative martingale that
starts at 1 (``quantities.label_efficiency.anytime``). Attained by gamblers who always bet all they have on terms that are at
the ends of their range: they own 2/α or nothing. Betting is Waudby-Smith and Ramdas's; fixed shares and the exact chance are
derived here.
"""

from __future__ import annotations

import math

import numpy as np

from ...problems.label_stream import LabelStream
from ...quantities.label_efficiency.anytime import SHARES, START, log_capital
from ...statements import Sides, Source, Statement

#: As good as all there is: a loser keeps a part in 10¹².
ALL = 1.0 - 1e-12


def _sides(world: LabelStream) -> Sides:
    terms, chances = world.paths()
    shares = SHARES if world.shares is None else world.shares
    start = START if world.shares is None else np.full(len(shares), 1.0 / len(shares))
    owned = log_capital(terms, world.mean, low=world.low, high=world.high, pool=world.pool, shares=shares, start=start)
    enough = math.log(2.0 / (1.0 - world.level))
    missed = float(chances @ np.any(owned >= enough, axis=(0, 2)))
    return Sides(missed, 1.0 - world.level, scale=1.0, size=1.0)


def _examples(rng: np.random.Generator) -> tuple[LabelStream, ...]:
    ends = np.array([0.0, 1.0])
    values = np.sort(rng.random(3))
    return (
        LabelStream(values, rng.dirichlet(np.ones(3)), count=9, level=0.5),
        LabelStream(np.array([0.0, 0.01, 1.0]), np.array([0.90, 0.07, 0.03]), count=9, level=0.9),
        LabelStream(rng.random(6), level=0.6),
        LabelStream(np.array([1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]), level=0.8),
        # Half of the pool is 1: the chance of two equal ones first is 2·(3/6)(2/5), and all-in gamblers own its inverse,
        # doubled, then.
        LabelStream(np.repeat(ends, 3), level=1.0 - 2.0 / 5.0 - 1e-6, shares=np.array([ALL])),
        LabelStream(ends, np.array([0.5, 0.5]), count=6, level=1.0 - 2.0**-4 - 1e-6, shares=np.array([ALL])),
    )


BETTING_MISS_EVER = Statement(
    name="label_efficiency.betting_miss_ever",
    says="terms in a stated range, a fixed mean given the past: P(the interval by betting misses it at any time) ≤ 1 − level",
    relation="<=",
    sides=_sides,
    about=LabelStream,
    source=Source("waudbysmith2024", "capital process", derived=True),
    tightness="attained by gamblers who bet all on terms at the ends of their range",
    examples=_examples,
)
