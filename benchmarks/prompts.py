"""Reading a million simulated prompts: weak labels, every concept's evidence, posterior weights."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from w2s_theory.problems.concepts import ConceptWorld, orthonormal_world
from w2s_theory.quantities.posterior_weights import weight_moments
from w2s_theory.students.refiner import posterior, simulate_evidence, weights_of

from ._place import Place
from ._record import Section
from ._timing import Contender, contest

MODULES = ("scipy.stats",)


class Size(NamedTuple):
    """N prompts of n examples in d features under K concepts; the peer is timed on ``sample`` prompts, ``batch`` at a time."""

    prompts: int
    examples: int
    concepts: int
    features: int
    sample: int
    batch: int


SIZES = {"quick": Size(20_000, 8, 4, 16, 2000, 1000), "full": Size(10**6, 32, 8, 64, 10_000, 1000)}
#: Seconds that a million prompts may take.
GOAL = 10.0
#: Standard errors that a mean of simulated weights may be off (false alarm 3e-7), times the largest ratio of their deviation to the mean.
SAME = 5.15


def run(scale: str, here: Place) -> Section:
    """``simulate_evidence`` beside the same with all features at once, and beside drawing the normal numbers alone."""
    size = SIZES[scale]
    world = orthonormal_world(size.concepts, alignment=0.6, length=0.9, weak_noise=0.8, d=size.features)
    exact = float(weight_moments(world, size.examples).mean[0])
    shape = f"N={size.prompts} n={size.examples} K={size.concepts} d={size.features}"
    section = Section(
        "Simulated prompts",
        "Posterior weights (N, K) of a refiner that reads N prompts of n weakly labelled examples each, the raw mechanism: features, labels, "
        "every concept's log likelihood. Ours works in the K + 1 features that matter and adds up examples in blocks that fit the cache; "
        "its memory is that of the answer. Errors are those of the mean weight of the right concept against its integrated law.",
        error="relative error of the mean weight",
    )

    def error(weights: np.ndarray) -> float:
        return abs(float(weights[:, 0].mean()) / exact - 1.0)

    def ours() -> np.ndarray:
        return weights_of(world, simulate_evidence(world, [size.examples], size.prompts, rng=np.random.default_rng(0))[0])

    share = size.sample / size.prompts
    entries = [
        Contender("ours, simulate_evidence", ours, error, SAME / np.sqrt(size.prompts)),
        Contender("drawing its normal numbers", lambda: normals(world, size), note="yardstick: nothing is done with them"),
        Contender(
            "NumPy, all features and examples at once",
            lambda: all_features(world, size),
            error,
            SAME / np.sqrt(size.sample),
            share,
            f"timed on {size.sample} of {size.prompts} prompts, {size.batch} at a time, extrapolated",
        ),
    ]
    outcomes = contest(entries, scale, here)
    section.add_contest(shape, outcomes, scale, f"simulated prompts, {shape}")
    seconds = outcomes[0].median
    met = seconds <= GOAL and not outcomes[0].is_wrong
    section.add_goal(f"simulated prompts, {shape}", f"≤ {GOAL:g} s, one thread", f"{seconds:.1f} s", met, scale)
    section.notes.append(f"{shape}: drawing the normal numbers is {outcomes[1].median / seconds:.0%} of it.")
    return section


def normals(world: ConceptWorld, size: Size) -> None:
    """The random numbers that ours needs: K + 1 features and the label's noise for every example."""
    rng, block = np.random.default_rng(0), np.empty((size.concepts + 2, 2048))
    for _ in range(size.examples * -(-size.prompts // 2048)):
        rng.standard_normal(out=block)


def all_features(world: ConceptWorld, size: Size) -> np.ndarray:
    """Sample whole prompts and read them by the definition, batch by batch."""
    rng = np.random.default_rng(0)
    batches = range(size.sample // size.batch)
    return np.concatenate([posterior(world, *world.sample(size.batch, size.examples, rng=rng)) for _ in batches])
