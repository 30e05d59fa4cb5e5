"""Which concept do n weakly labelled examples single out, when concepts are maps to tokens? Exact law, exponent, accuracies of students.

Where competitor and target disagree (a share δ of inputs) the weak label is the target's token with probability a and the competitor's with
probability b; every other example says nothing. With equal priors the strong model prefers whichever has more of its tokens in the prompt,
whatever error rate it believes labels to have. Ties count one half: it chooses at random. So, with N ~ Bin(n, δ(a + b)) telling examples,

    p_n = P(the competitor is preferred) = E I_θ(⌈N/2⌉, ⌈N/2⌉),     θ = b/(a + b),     1/2 where N = 0,

I the regularised incomplete beta function: a majority of 2r votes with ties split is one of 2r − 1 votes. For a ≥ b

    p_n ≤ ½ ρⁿ,   ρ = 1 − δ(√a − √b)²,       p_n ~ ρⁿ ½ coth(λ/2)/√(2πvn),   e^λ = √(a/b),   v = 2δ√(ab)/ρ,

the first since after tilting by λ, N_competitor − N_target is symmetric. The second, a local limit theorem under the tilt, needs examples
that say nothing (δ(a + b) < 1), else the walk jumps over every other number. Derived here (after somerstep2025). NumPy float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import betainc, gammaln, xlogy

from .._validation import whole
from ..montecarlo import categorical, cumulative, in_pieces, inverted
from ..problems.token_concepts import TokenConcepts
from ..students.label_refinement import plurality
from .quantity import Quantity

#: Shares of a world sum to one up to 1e-9, so that numbers read off it exceed one by about as much.
SHARE_SLACK = 2e-9


def misidentification_probability(n: int, *, disagreement: float, right: float, wrong: float) -> float:
    """p_n: n examples prefer the competitor to the target, ties counted one half.

    ``disagreement`` δ, ``right`` a and ``wrong`` b in [0, 1], a + b ≤ 1. Raises ``ValueError`` otherwise.
    """
    whole("n", n, at_least=0)
    _require_probabilities(disagreement, right, wrong)
    telling = disagreement * (right + wrong)
    if telling == 0.0:
        return 0.5
    number, silent = np.arange(n + 1), max(1.0 - telling, 0.0)
    log_binomial = gammaln(n + 1) - gammaln(number + 1) - gammaln(n - number + 1)
    mass = np.exp(log_binomial + xlogy(number, telling) + xlogy(n - number, silent))
    half = np.ceil(number / 2.0)
    given = np.where(number == 0, 0.5, betainc(np.maximum(half, 1), np.maximum(half, 1), wrong / (right + wrong)))
    return float(mass @ given)


def chernoff_factor(*, disagreement: Any, right: Any, wrong: Any) -> Any:
    """ρ = 1 − δ(√a − √b)² of numbers or arrays; −log ρ is the exact exponent of p_n for a > b.

    Raises ``ValueError`` for numbers outside [0, 1] or a + b > 1.
    """
    _require_probabilities(disagreement, right, wrong)
    return 1.0 - disagreement * (np.sqrt(right) - np.sqrt(wrong)) ** 2


def sharp_asymptotic(n: int, *, disagreement: float, right: float, wrong: float) -> float:
    """ρⁿ ½ coth(λ/2)/√(2πvn), what p_n divides to one with, n ≥ 1. Raises ``ValueError`` unless a > b > 0 and 0 < δ(a + b) < 1."""
    whole("n", n)
    _require_spread(disagreement, right, wrong)
    rho = chernoff_factor(disagreement=disagreement, right=right, wrong=wrong)
    variance = 2.0 * disagreement * np.sqrt(right * wrong) / rho
    both = np.sqrt(right) + np.sqrt(wrong)
    return rho**n * 0.5 * both / (np.sqrt(right) - np.sqrt(wrong)) / np.sqrt(2.0 * np.pi * variance * n)


def asymptotic_correction(*, disagreement: float, right: float, wrong: float) -> float:
    """κ with p_n / sharp_asymptotic = 1 + κ/n + O(n⁻²): (1 − 3v)/(8v) − x/(v(1 − x)²), x = √(b/a), v the variance under the tilt.

    Raises ``ValueError`` unless a > b > 0 and 0 < δ(a + b) < 1.
    """
    _require_spread(disagreement, right, wrong)
    rho = chernoff_factor(disagreement=disagreement, right=right, wrong=wrong)
    variance = 2.0 * disagreement * np.sqrt(right * wrong) / rho
    x = np.sqrt(wrong / right)
    return (1.0 - 3.0 * variance) / (8.0 * variance) - x / (variance * (1.0 - x) ** 2)


def _require_probabilities(disagreement: Any, right: Any, wrong: Any) -> None:
    numbers = {"disagreement": disagreement, "right": right, "wrong": wrong, "right + wrong": np.add(right, wrong)}
    for name, value in numbers.items():
        if not np.all((np.asarray(value) >= 0.0) & (np.asarray(value) <= 1.0 + SHARE_SLACK)):
            raise ValueError(f"disagreement, right and wrong must be probabilities with right + wrong <= 1; {name} is {value}.")


def _require_spread(disagreement: float, right: float, wrong: float) -> None:
    _require_probabilities(disagreement, right, wrong)
    if not (right > wrong > 0.0 and 0.0 < disagreement * (right + wrong) < 1.0):
        raise ValueError(
            f"the expansion needs right > wrong > 0 and 0 < disagreement · (right + wrong) < 1; they are {right}, {wrong} and "
            f"{disagreement}. Use misidentification_probability."
        )


def identified(world: TokenConcepts, count: int, rng: np.random.Generator) -> np.ndarray:
    """The concept (count,) that the strong model prefers after each of ``count`` sampled prompts, ties broken at random.

    With equal priors the likelihood grows with the number of examples that carry a concept's token, so those are counted.
    """

    def draw(prompts: int) -> np.ndarray:
        inputs, labels = world.sample(prompts, rng=rng)
        matches = np.sum(world.concepts[:, inputs] == labels, axis=-1)  # (K, prompts)
        return plurality(matches.T, rng=rng)

    return in_pieces(draw, count, numbers=world.examples * max(len(world.concepts), *world.weak_law.shape))


def _labels_by_vote(world: TokenConcepts, votes: np.ndarray, inputs: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """1 where the token with most ``votes`` (count, m) at ``inputs`` (count,) is the right one."""
    tokens = world.weak_law.shape[1]
    cells = votes + tokens * np.arange(len(votes))[:, None]
    counts = np.bincount(cells.ravel(), minlength=tokens * len(votes)).reshape(len(votes), tokens)
    return (plurality(counts, rng=rng) == world.truth[inputs]).astype(np.float64)


def _naive_trials(world: TokenConcepts, count: int, rng: np.random.Generator) -> np.ndarray:
    law = cumulative(world.weak_law)

    def draw(trials: int) -> np.ndarray:
        inputs = categorical(world.inputs, rng=rng, shape=(trials,))
        votes = inverted(law[inputs][:, None, :], rng=rng, shape=(trials, world.examples))
        return _labels_by_vote(world, votes, inputs, rng)

    return in_pieces(draw, count, numbers=max(world.inputs.size, (world.examples + 3) * law.shape[1]))


def _refined_trials(world: TokenConcepts, count: int, rng: np.random.Generator) -> np.ndarray:
    def draw(trials: int) -> np.ndarray:
        inputs = categorical(world.inputs, rng=rng, shape=(trials,))
        chosen = identified(world, trials * world.prompts, rng).reshape(trials, world.prompts)
        return _labels_by_vote(world, world.concepts[chosen, inputs[:, None]], inputs, rng)

    return in_pieces(draw, count, numbers=max(world.inputs.size, 4 * world.prompts + 3 * world.weak_law.shape[1]))


def competitor_numbers(world: TokenConcepts, competitor: int = 1) -> dict[str, float]:
    """δ, a and b of a competitor, as the closed forms take them."""
    right, wrong = world.support(competitor)
    return {"disagreement": world.disagreement(competitor), "right": right, "wrong": wrong}


def _misidentification(world: TokenConcepts) -> float:
    """p_n of the only competitor."""
    if not world.has_one_competitor():
        raise ValueError(
            f"concepts must be two for the exact law; they are {len(world.concepts)}. Add up p_n of each competitor for a bound."
        )
    return misidentification_probability(world.examples, **competitor_numbers(world))


def _naive_accuracy(world: TokenConcepts) -> float:
    """1 − e δ: the right token where the concepts agree, and where they don't but the weak label is right."""
    if not (world.has_one_competitor() and world.is_deterministic() and world.errs_towards_competitor_only()):
        raise ValueError(
            "weak_law must answer with the target's token or the only competitor's, always the same at an input. Simulate others."
        )
    return 1.0 - world.disagreement() * world.support()[1]


def _refined_accuracy(world: TokenConcepts) -> float:
    """1 − δ times the chance that most of the fresh prompts flip: votes with a = 1 − p_n and b = p_n, all of them telling."""
    flip = _misidentification(world)
    return 1.0 - world.disagreement() * misidentification_probability(
        world.prompts, disagreement=1.0, right=1.0 - flip, wrong=flip
    )


#: The chance that one prompt prefers the competitor (K = 2), ties one half.
MISIDENTIFICATION = Quantity(
    "probability that a prompt prefers the wrong concept",
    _misidentification,
    lambda world, count, rng: (identified(world, count, rng) != 0).astype(np.float64),
)
#: Accuracy of a student that memorises the most frequent of n weak labels at every input; weak errors systematic, towards the competitor.
NAIVE_ACCURACY = Quantity(
    "accuracy of naive fine-tuning on systematic weak errors",
    _naive_accuracy,
    _naive_trials,
)
#: Accuracy of a student whose label at an input is the majority over fresh prompts, each answered by the concept that it singles out (K = 2).
REFINED_ACCURACY = Quantity("accuracy of fine-tuning on refined labels", _refined_accuracy, _refined_trials)
