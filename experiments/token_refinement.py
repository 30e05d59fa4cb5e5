"""Naive fine-tuning and refinement when concepts are maps to tokens: accuracy under systematic and random weak errors, identification.

Prompts, weak labels and votes are sampled one by one; closed forms never enter a row. Two concepts that disagree on a share δ of the inputs.
Derived here (after somerstep2025); the paper's own experiments need language models and are not attempted.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from experiments._agreement import agreement, select
from experiments._ledger import Finding
from w2s_theory.problems.token_concepts import TokenConcepts, random_errors, systematic_errors
from w2s_theory.quantities.token_identification import (
    MISIDENTIFICATION,
    NAIVE_ACCURACY,
    REFINED_ACCURACY,
    chernoff_factor,
    misidentification_probability,
)

SOURCE = "derived here (after somerstep2025)"
SHOWS = (
    "tokens.identification_probability",
    "tokens.identification_bound",
    "tokens.naive_accuracy",
    "tokens.refined_accuracy",
    "tokens.random_errors_are_harmless",
)
#: Share of inputs where the concepts disagree, weak labels per input or prompt, prompts that vote on a label.
DISAGREEMENT, EXAMPLES, VOTES = 0.9, 20, 15
SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.45, 0.5, 0.55, 0.6, 0.7)
#: Worlds of the identification law: (δ, a, b).
WORLDS = {"clear": (0.5, 0.8, 0.2), "rare": (0.3, 0.6, 0.1), "hard": (0.6, 0.5, 0.3)}
SIZES = (1, 2, 4, 8, 12, 20, 30, 45)
#: Labels or prompts behind a rate of the two parts.
TRIALS = {"quick": (4000, 40_000), "full": (50_000, 400_000)}
SCALES = {
    scale: [
        *({"part": "accuracy", "world": "systematic", "at": float(e), "trials": labels} for e in SHARES),
        *({"part": "identification", "world": name, "at": float(n), "trials": prompts} for name in WORLDS for n in SIZES),
    ]
    for scale, (labels, prompts) in TRIALS.items()
}
SEED_AXES = ("part", "world", "at")


def prompt(name: str, n: int) -> TokenConcepts:
    """A world of the identification law with n examples in a prompt."""
    delta, a, b = WORLDS[name]
    return random_errors(right=a, wrong=b, disagreement=delta, examples=n)


def students(share: float) -> dict[str, tuple[Any, TokenConcepts]]:
    """Rule -> (its quantity, its world) when a share e of labels is wrong."""
    one = systematic_errors(share=share, disagreement=DISAGREEMENT, examples=EXAMPLES)
    many = systematic_errors(share=share, disagreement=DISAGREEMENT, examples=EXAMPLES, prompts=VOTES)
    noisy = random_errors(right=1.0 - share, wrong=share, disagreement=DISAGREEMENT, examples=EXAMPLES)
    return {
        "naive": (NAIVE_ACCURACY, one),
        "refined": (REFINED_ACCURACY, one),
        "voted": (REFINED_ACCURACY, many),
        "random": (NAIVE_ACCURACY, noisy),
    }


def predicted_accuracy(share: float) -> dict[str, float]:
    """Closed forms; under random errors it is the chance that most of the labels at an input are right."""
    rules = students(share)
    exact = {rule: float(quantity.closed_form(world)) for rule, (quantity, world) in rules.items() if rule != "random"}
    return exact | {"random": 1.0 - misidentification_probability(EXAMPLES, disagreement=1.0, right=1.0 - share, wrong=share)}


def predicted_flip(name: str, n: int) -> float:
    """The exact law of identification."""
    return float(MISIDENTIFICATION.closed_form(prompt(name, n)))


def bound(name: str, n: float) -> float:
    """½ρⁿ."""
    delta, a, b = WORLDS[name]
    return 0.5 * float(chernoff_factor(disagreement=delta, right=a, wrong=b)) ** n


def run_one(params: dict[str, Any], *, rng: np.random.Generator) -> list[dict[str, Any]]:
    """A rate and its standard error per rule."""
    trials = params["trials"]
    if params["part"] == "identification":
        measured = {"flip": MISIDENTIFICATION.trials(prompt(params["world"], int(params["at"])), trials, rng)}
    else:
        measured = {rule: quantity.trials(world, trials, rng) for rule, (quantity, world) in students(params["at"]).items()}
    return [{"rule": rule, "value": float(v.mean()), "stderr": _stderr(v)} for rule, v in measured.items()]


def _stderr(outcomes: np.ndarray) -> float:
    """Standard error of a rate, with one success and one failure added: it is not 0 where nothing or everything succeeded."""
    rate = (outcomes.sum() + 1.0) / (outcomes.size + 2.0)
    return float(np.sqrt(rate * (1.0 - rate) / outcomes.size))


def findings(table: dict[str, np.ndarray]) -> list[Finding]:
    """The exact laws, the bound, systematic against random errors, and what was not attempted."""
    parts = [(name, *select(table, world=name, rule="flip")) for name in WORLDS]
    exact = [predicted_flip(name, int(n)) for name, at, _, _ in parts for n in at]
    claim = "exact law of identification by n tokens, and its bound ½ρⁿ"
    rates, errors = (np.concatenate([each[i] for each in parts]) for i in (2, 3))
    law = agreement(claim, rates, errors, exact)
    within = all(np.all(value - 5 * stderr <= [bound(name, n) for n in at]) for name, at, value, stderr in parts)
    found = [
        Finding(
            claim,
            law.status if within else "counterexample found",
            f"{law.evidence}; bound {'never exceeded' if within else 'exceeded by more than five standard errors'}",
        )
    ]
    measured = {rule: select(table, world="systematic", rule=rule) for rule in ("naive", "refined", "voted", "random")}
    exact = [predicted_accuracy(e)[rule] for rule, (at, _, _) in measured.items() for e in at]
    claim = "accuracies: naive 1 − eδ, refined 1 − δp, majority over fresh prompts, naive under random errors"
    rates, errors = (np.concatenate([each[i] for each in measured.values()]) for i in (1, 2))
    found.append(agreement(claim, rates, errors, exact))
    i = SHARES.index(0.3)
    values = {rule: value[i] for rule, (_, value, _) in measured.items()}
    above = {rule: value[SHARES.index(0.6)] for rule, (_, value, _) in measured.items()}
    as_said = values["refined"] > values["naive"] and values["random"] > values["naive"] and above["refined"] < above["naive"]
    found.append(
        Finding(
            "refinement removes systematic errors below one half and makes them worse above; random errors need no refinement",
            "holds (derived here)" if as_said else "counterexample found",
            f"e = 0.3: naive {values['naive']:.3f}, refined {values['refined']:.3f}, naive with random errors {values['random']:.3f}; "
            f"e = 0.6: naive {above['naive']:.3f}, refined {above['refined']:.3f}",
        )
    )
    found.append(
        Finding(
            "persona, explanation, GSM8K and MATH experiments of the paper",
            "not attempted (needs a fine-tuned language model and a judge behind an API)",
            "only the token world above, in which everything is known, is simulated",
        )
    )
    return found
