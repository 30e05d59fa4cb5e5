"""Log-likelihoods of many sequences under several hidden Markov concepts, against a loop over sequences."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.special import logsumexp

from w2s_theory.problems.hidden_markov import HiddenMarkovConcepts
from w2s_theory.students.hidden_markov_filter import forward_filter

from ._place import Place
from ._record import Section
from ._timing import Contender, contest, peer, relative_error, yardstick

MODULES = ("scipy.linalg", "hmmlearn.hmm")


class Size(NamedTuple):
    """N sequences of L tokens, K concepts over H states and V tokens; the loops are timed on ``sample`` sequences, checked on ``checked``."""

    count: int
    length: int
    concepts: int
    states: int
    vocabulary: int
    sample: int
    checked: int


#: The full size is that of GINC: ten entities times ten properties, five concepts.
SIZES = {"quick": Size(40, 20, 2, 10, 8, 20, 10), "full": Size(1024, 200, 5, 100, 50, 40, 10)}
OVER_LOOP, OF_PRODUCT = 8.0, 0.6
#: Rounding of logarithms summed over hundreds of steps, relative to sums of hundreds.
SAME = 1e-11


def run(scale: str, here: Place) -> Section:
    """``forward_filter`` beside one sequence and concept at a time, in NumPy and in hmmlearn's C++."""
    size = SIZES[scale]
    world, tokens = problem(size)
    wanted = in_logarithms(world, tokens[: size.checked])
    shape = f"N={size.count} L={size.length} K={size.concepts} H={size.states} V={size.vocabulary}"
    section = Section(
        "Hidden Markov filter",
        "Log-likelihoods (N, K) of N sequences of L tokens under K hidden Markov models of H states. Ours is `forward_filter`, which also "
        "returns the filtered states. Errors are ‖ℓ − ℓ*‖/‖ℓ*‖, the worst over sequences, with ℓ* from the forward recursion in "
        "logarithms, one sequence at a time.",
    )

    def error(answer: np.ndarray) -> float:
        return relative_error(answer[: size.checked], wanted)

    def loop() -> np.ndarray:
        return one_at_a_time(world, tokens[: size.sample])

    share = size.sample / size.count
    note = f"timed on {size.sample} of {size.count} sequences, extrapolated"
    product, product_flops = yardstick(here, "float64", scale)
    entries = [
        Contender("ours, forward_filter", lambda: forward_filter(world, tokens).log_likelihoods, error, SAME),
        product,
        Contender("NumPy, a loop over sequences", loop, error, SAME, share, note, OVER_LOOP),
        peer("hmmlearn CategoricalHMM.score", lambda: hmmlearn(world, tokens[: size.sample], error, share, note)),
    ]
    outcomes = contest(entries, scale, here)
    section.add_contest(shape, outcomes, scale, f"hidden Markov filter, {shape}")
    flops = 2.0 * size.count * size.concepts * size.states**2 * (size.length - 1)
    fraction = flops / outcomes[0].median / (product_flops / outcomes[1].median)
    met = fraction >= OF_PRODUCT and not outcomes[0].is_wrong
    wanted_fraction = f"≥ {OF_PRODUCT:.0%} of an in-process matrix product"
    section.add_goal(f"hidden Markov filter, {shape}", wanted_fraction, f"{fraction:.1%}", met, scale)
    section.notes.append(
        f"{shape}: {fraction:.1%} of the matrix product. Counted: 2 N K H² flops for each of the L − 1 steps, nothing for emissions and scaling."
    )
    section.notes.append(
        "The loop: a vector-matrix product, a column of emissions and a rescaling per step. hmmlearn: `implementation='scaling'`, a call "
        "per sequence, since one call for many returns only their sum."
    )
    return section


def problem(size: Size) -> tuple[HiddenMarkovConcepts, np.ndarray]:
    """Dense random models, rows uniform on the simplex, and tokens drawn from them."""
    rng = np.random.default_rng(0)
    start, transitions, emissions = (
        rng.dirichlet(np.ones(shape[-1]), shape[:-1])
        for shape in ((size.concepts, size.states), (size.concepts, size.states, size.states), (size.states, size.vocabulary))
    )
    world = HiddenMarkovConcepts(start, transitions, emissions)
    return world, world.sample(size.count, size.length, rng=rng).tokens


def in_logarithms(world: HiddenMarkovConcepts, tokens: np.ndarray) -> np.ndarray:
    """Log-likelihoods (N, K) without any scaling."""
    start, transitions, emissions = (np.log(array) for array in (world.start, world.transitions, world.emissions))
    found = []
    for sequence in tokens:
        weights = start + emissions[:, sequence[0]]
        for token in sequence[1:]:
            weights = logsumexp(weights[:, :, None] + transitions, axis=1) + emissions[:, token]
        found.append(logsumexp(weights, axis=1))
    return np.array(found)


def one_at_a_time(world: HiddenMarkovConcepts, tokens: np.ndarray) -> np.ndarray:
    """Log-likelihoods (N, K) by the scaled recursion for one sequence and concept after the other."""
    found = np.zeros((len(tokens), world.n_concepts))
    by_token = np.ascontiguousarray(world.emissions.T)
    for i, sequence in enumerate(tokens.tolist()):
        for k, transition in enumerate(world.transitions):
            weights, total = world.start[k] * by_token[sequence[0]], 0.0
            for token in sequence[1:]:
                scale = weights.sum()
                total += np.log(scale)
                weights = (weights / scale) @ transition * by_token[token]
            found[i, k] = total + np.log(weights.sum())
    return found


def hmmlearn(world: HiddenMarkovConcepts, tokens: np.ndarray, error: Any, share: float, note: str) -> Contender:
    """hmmlearn, its parameters set by hand."""
    from hmmlearn.hmm import CategoricalHMM  # pyright: ignore[reportMissingImports]

    models = []
    for start, transition in zip(world.start, world.transitions, strict=True):
        model = CategoricalHMM(world.n_states, implementation="scaling", init_params="", n_features=world.vocabulary)
        model.startprob_, model.transmat_, model.emissionprob_ = start, transition, world.emissions
        models.append(model)

    def score() -> np.ndarray:
        return np.array([[model.score(sequence[:, None]) for model in models] for sequence in tokens])

    return Contender("hmmlearn CategoricalHMM.score", score, error, SAME, share, note)
