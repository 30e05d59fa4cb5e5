"""The tables of Somerstep et al. (2025) redrawn: what naive fine-tuning and refinement do to content, style and accuracy.

Nothing is run: rows are the published scores (``experiments/_somerstep2025.py``), and the same at every scale. The one number added is the posterior
mass that a refined style would imply: if a refined answer shows the wanted style with the probability w̄ that the strong model gives
to the wanted concept, and its own style else, then style = w̄·(full style) + (1 − w̄)·(untuned style). Full style is the highest that
the student reaches by intent refinement on the task. An interpretation, not a fit that proves anything: the free parameter is how far the
concepts lie apart, and any copying of the teacher's style would look alike.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import permutations
from typing import Any

import numpy as np

from experiments import _somerstep2025 as published
from experiments._ledger import Finding

SOURCE = "somerstep2025, persona, explanation and mathematics experiments (scores recomputed from the authors' release)"
TASKS = tuple(published.EXAMPLES)
POINTS = [{"task": task, "student": student} for task in TASKS for student in published.STUDENTS]
POINTS += [{"task": task, "student": "GPT-4o mini"} for task in published.MATH_UNTUNED]
SCALES = {"quick": POINTS, "full": POINTS}
SEED_AXES = ("task", "student")
ORIGIN = {"origin": "published", "synthetic": False}
#: Prior mass of the wanted concept, which one number of examples can't tell apart from the distance of the concepts.
PRIORS = (0.1, 0.01)
#: No number of examples beyond this is looked for.
MOST_EXAMPLES = 4096


def run_one(params: dict[str, Any], *, rng: np.random.Generator) -> list[dict[str, Any]]:
    """The published rows of one task and student; ``rng`` is not used."""
    task, student = params["task"], params["student"]
    if task in published.MATH_UNTUNED:
        return [
            ORIGIN
            | {"teacher": teacher, "method": method, "accuracy": accuracy, "untuned_accuracy": published.MATH_UNTUNED[task]}
            | {"is_defective": method == "naive" and (task, teacher) in published.DEFECTIVE}
            for (of, teacher), scores in published.MATH.items()
            if of == task
            for method, accuracy in (("naive", scores.naive), ("icl", scores.refined))
        ]
    which = published.STUDENTS.index(student)
    untuned = published.UNTUNED[task][which]
    tuned = {teacher: scores[which] for (of, teacher), scores in published.TUNED.items() if of == task}
    full = max(scores[published.METHODS.index("intent")].style for scores in tuned.values())
    return [
        ORIGIN
        | {"teacher": teacher, "method": method, "content": score.content, "style": score.style, "is_defective": False}
        | {"teacher_content": published.TEACHERS[task][teacher].content, "teacher_style": published.TEACHERS[task][teacher].style}
        | {"untuned_content": untuned.content, "untuned_style": untuned.style}
        | {"implied_mass": (score.style - untuned.style) / (full - untuned.style)}
        for teacher, scores in tuned.items()
        for method, score in zip(published.METHODS, scores, strict=True)
    ]


def scores(table: dict[str, np.ndarray], method: str, column: str) -> np.ndarray:
    """A column of one method as (task, student, teacher)."""
    rows = (table["method"] == method) & np.isin(table["task"], TASKS)
    return table[column][rows].reshape(len(TASKS), len(published.STUDENTS), -1)


@lru_cache
def separation(mass: float, examples: int, prior: float) -> float:
    """How far apart two concepts lie, ‖u‖²/σ², when the mean posterior mass of the right one is ``mass`` after ``examples`` examples."""
    from scipy.optimize import brentq

    if not prior < mass < 1.0:
        raise ValueError(f"mass must lie between the prior {prior:g} and 1; it is {mass:g}. No separation gives it.")
    root = brentq(lambda log: expected_mass(float(np.exp(log)), examples, prior) - mass, -8.0, 12.0, xtol=1e-6)
    assert isinstance(root, float)
    return float(np.exp(root))


@lru_cache(maxsize=4096)
def expected_mass(separation: float, examples: int, prior: float) -> float:
    """Mean posterior mass of the right one of two concepts, labels without bias and the noise known."""
    from w2s_theory.problems.concepts import ConceptWorld
    from w2s_theory.quantities.posterior_weights import expected_weights

    concepts = np.array([[np.sqrt(separation)], [0.0]])
    world = ConceptWorld(concepts, concepts[0], weak_noise=1.0, belief=1.0, prior=np.array([prior, 1.0 - prior]))
    return float(expected_weights(world, examples)[0])


def rank_test(table: dict[str, np.ndarray], method: str) -> tuple[float, float]:
    """Mean Spearman correlation of style with the teacher's style within task and student, and its exact one-sided p-value.

    The two students of a task are taught by the same teachers, so a permutation moves both: 24³ of them, all enumerated.
    """
    from scipy.stats import rankdata

    style, teacher = (scores(table, method, column) for column in ("style", "teacher_style"))
    style, teacher = (rankdata(part, axis=-1) - 0.5 * (part.shape[-1] + 1) for part in (style, teacher))
    lengths = np.linalg.norm(style, axis=-1) * np.linalg.norm(teacher, axis=-1)
    by_task = [
        [
            float(np.mean(np.sum(style[task] * teacher[task][:, list(order)], axis=-1) / lengths[task]))
            for order in permutations(range(style.shape[-1]))
        ]
        for task in range(len(TASKS))
    ]
    everywhere = np.mean(np.broadcast_arrays(*np.ix_(*by_task)), axis=0)
    observed = everywhere[0, 0, 0]  # the first permutation is the identity
    return float(observed), float(np.mean(everywhere >= observed - 1e-12))


def between(table: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """In-context content minus that of a mixture of untuned and intent-refined answers with its style; the error of its mean at most.

    Shapes (task, student, teacher) and (task,). Errors of the published means are taken as independent, each ``STDERR``.
    """
    style, content = (
        {
            name: scores(table, method, f"untuned_{column}" if name == "untuned" else column)
            for name, method in (("untuned", "icl"), ("intent", "intent"), ("icl", "icl"))
        }
        for column in ("style", "content")
    )
    run = style["intent"] - style["untuned"]
    share = (style["icl"] - style["untuned"]) / run
    loss = content["intent"] - content["untuned"]
    rest = content["icl"] - content["untuned"] - share * loss
    slope = loss / run  # of the segment: an error of a style counts as this many of a content
    size = 1.0 + slope**2
    own = np.mean(size * (1.0 + share**2), axis=(1, 2)) / rest[0].size
    shared = np.mean(np.mean(np.sqrt(size) * (1.0 - share), axis=2) ** 2, axis=1) / rest.shape[1]
    return rest, published.STDERR * np.sqrt(own + shared)


def line(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Least-squares slope and the half-width of its 95 % interval."""
    from scipy.special import stdtrit

    (slope, _), covariance = np.polyfit(x, y, 1, cov=True)
    return float(slope), float(stdtrit(x.size - 2.0, 0.975) * np.sqrt(covariance[0, 0]))


def findings(table: dict[str, np.ndarray]) -> list[Finding]:
    """What the published numbers say, recomputed from them; and what was not attempted."""
    return [*_of_content(table), *_of_style(table), *_of_mathematics(table), *_not_attempted()]


def _of_content(table: dict[str, np.ndarray]) -> list[Finding]:
    naive, intent, icl = (scores(table, method, "content") for method in published.METHODS)
    teacher, untuned = scores(table, "naive", "teacher_content"), scores(table, "naive", "untuned_content")
    slope, half = line(teacher.mean(axis=1).ravel(), naive.mean(axis=1).ravel())
    imitates = abs(slope - 1.0) <= half and half < 0.5
    recovered = [np.mean((part - naive) / (untuned - naive), axis=(1, 2)) for part in (intent, icl)]
    below = [np.mean(part - untuned, axis=(1, 2)) for part in (intent, icl)]
    error = published.STDERR * np.sqrt(1.0 / naive[0].size + 1.0 / naive.shape[1])
    at_level = all(np.all(np.abs(part) < 2.0 * error) for part in below)
    return [
        Finding(
            "naive fine-tuning: the student's content is its teacher's",
            "reproduced (recomputed from the reported means)" if imitates else "not reproduced (in the reported means)",
            f"slope on the teacher's content {slope:.2f} ± {half:.2f} (95 %, 12 teachers and tasks, two students averaged); mean difference "
            f"{np.mean(naive - teacher):+.2f}, against {np.mean(naive - untuned):+.2f} from the untuned student",
        ),
        Finding(
            "refinement recovers most of the content that naive fine-tuning loses",
            "reproduced (recomputed from the reported means)"
            if np.min(recovered) > 0.5
            else "not reproduced (in the reported means)",
            f"share recovered, by task: intent {_by_task(recovered[0])}; in-context {_by_task(recovered[1])}",
        ),
        Finding(
            "refined answers have all the content of the untuned strong model (asked here; the paper need not say so)",
            "reproduced (recomputed from the reported means)"
            if at_level
            else "not reproduced (in the reported means they fall short, by intent refinement most)",
            f"refined minus untuned, by task (error of each at most {error:.2f}): intent {_by_task(below[0], '+.2f')}; "
            f"in-context {_by_task(below[1], '+.2f')}",
        ),
    ]


def _of_style(table: dict[str, np.ndarray]) -> list[Finding]:
    from scipy.stats import binomtest

    naive, intent, icl = (scores(table, method, "style") for method in published.METHODS)
    above, under = (np.mean(part, axis=1) for part in (intent - naive, naive - icl))
    p = [binomtest(int(np.sum(part > 0)), part.size, alternative="greater").pvalue for part in (above, under)]
    found = [
        Finding(
            "style: intent refinement at or above naive fine-tuning, in-context refinement below it",
            "reproduced (recomputed from the reported means)" if max(p) < 0.05 else "not reproduced (in the reported means)",
            f"intent above naive in {np.sum(intent > naive)} of {intent.size}, in-context below in {np.sum(icl < naive)}; sign test over "
            f"{above.size} teachers and tasks: p = {p[0]:.4f} and {p[1]:.4f}",
        )
    ]
    mass = {method: np.mean(scores(table, method, "implied_mass"), axis=(1, 2)) for method in ("icl", "intent")}
    needed = [
        _examples_needed(float(mass["icl"][i]), float(mass["intent"][i]), published.EXAMPLES[task], PRIORS[0])
        for i, task in enumerate(TASKS)
    ]
    found.append(
        Finding(
            "interpretation: the style that in-context refinement lacks as mass that 3–4 examples leave on other concepts",
            "not attempted (a reading with one free parameter per task; nothing here could refute it)",
            f"implied mass, by task: in-context {_by_task(mass['icl'])}; intent {_by_task(mass['intent'])}; examples that in-context refinement "
            f"would need for the mass of intent refinement, at prior {PRIORS[0]:g}: {', '.join(needed)}",
        )
    )
    rho, chance = rank_test(table, "icl")
    rho_intent, chance_intent = rank_test(table, "intent")
    found.append(
        Finding(
            "the implied mass increases with the teacher's style, as it should with the cleanness of the signal (and under plain copying)",
            "observed here (as the reading wants it, which proves nothing)" if chance < 0.05 else "not reproduced (no trend)",
            f"mean rank correlation within task and student {rho:.2f}, exact one-sided permutation p = {chance:.4f}; "
            f"intent refinement {rho_intent:.2f}, p = {chance_intent:.2f}",
        )
    )
    rest, error = between(table)
    means = rest.mean(axis=(1, 2))
    off = float(means.mean() / (np.linalg.norm(error) / len(TASKS)))
    found.append(
        Finding(
            "if in-context refined answers were a mixture of untuned and intent-refined ones, their content would follow from their style",
            "observed here (within the errors)" if abs(off) < 2.0 else "not reproduced (the reading is too simple)",
            f"content above the mixture's, by task: {_by_task(means, '+.2f')} (errors at most {_by_task(error)}); "
            f"together at least {off:.1f} standard errors",
        )
    )
    return found


def _of_mathematics(table: dict[str, np.ndarray]) -> list[Finding]:
    rows = (table["method"] == "icl") & np.isin(table["task"], list(published.MATH_UNTUNED))
    refined, untuned = table["accuracy"][rows], table["untuned_accuracy"][rows]
    n = published.MATH_QUESTIONS
    z = (refined - untuned) / np.sqrt((refined * (1 - refined) + untuned * (1 - untuned)) / n)
    naive = (table["method"] == "naive") & np.isfinite(table["accuracy"])
    (bad,) = np.flatnonzero(table["is_defective"])
    key = (str(table["task"][bad]), str(table["teacher"][bad]))
    sound = naive & ~table["is_defective"]
    return [
        Finding(
            "mathematics: in-context refinement brings the student back to its untuned accuracy, and not beyond it",
            "reproduced (recomputed from the reported accuracies)"
            if np.max(np.abs(z)) < 2
            else "not reproduced (see the evidence)",
            f"refined minus untuned {np.min(refined - untuned):+.3f} to {np.max(refined - untuned):+.3f}, at most {np.max(np.abs(z)):.1f} standard "
            f"errors ({n} questions, taken as independent); naive fine-tuning loses "
            f"{np.min((table['untuned_accuracy'] - table['accuracy'])[sound]):.2f} to "
            f"{np.max((table['untuned_accuracy'] - table['accuracy'])[sound]):.2f}",
        ),
        Finding(
            f"the accuracy printed for naive fine-tuning on {key[0]} with {key[1]} as teacher",
            "not reproduced (the printed number is not an accuracy)",
            f"{table['accuracy'][bad]:.3f}: {published.DEFECTIVE[key]}",
        ),
    ]


def _not_attempted() -> list[Finding]:
    untuned, naive, refined = (published.BIAS[name] for name in ("untuned", "naive", "refined"))
    return [
        Finding(
            "a run of the pipelines themselves",
            "not attempted (needs the OpenAI API: fine-tuning of GPT-3.5 and GPT-4o mini, and GPT-4o as a judge)",
            "the numbers above are the authors'",
        ),
        Finding(
            "bias task: refinement removes what the weak model teaches",
            "not attempted (needs the OpenAI API; the numbers are the authors')",
            "content and share of women, for the two students: "
            + "; ".join(
                f"{name} {' and '.join(f'{content:.2f}, {share:.3f}' for content, share in pairs)}"
                for name, pairs in (("untuned", untuned), ("naive", naive), ("refined", refined))
            ),
        ),
        Finding(
            "tinyMMLU after the persona task",
            "not attempted (needs the OpenAI API)",
            "released runs are noisy and often lose the style",
        ),
        Finding("Table 1: bootstrapping and the auxiliary loss", "not attempted (needs the OpenAI API; no released numbers)", ""),
    ]


def _examples_needed(mass: float, wanted: float, examples: int, prior: float) -> str:
    """The least number of examples that gives the ``wanted`` mass, at the separation that ``mass`` after ``examples`` implies.

    By doubling and bisection, up to ``MOST_EXAMPLES``; in words where there is none, or where no separation gives ``mass``.
    """
    if not prior < mass < 1.0:
        return f"no separation gives a mass of {mass:.2f}"
    apart = separation(mass, examples, prior)
    low, high = 0, examples
    while expected_mass(apart, high, prior) < wanted:
        if high >= MOST_EXAMPLES:
            return f"more than {MOST_EXAMPLES}"
        low, high = high, min(2 * high, MOST_EXAMPLES)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if expected_mass(apart, middle, prior) < wanted else (low, middle)
    return str(high)


def _by_task(values: np.ndarray, form: str = ".2f") -> str:
    return ", ".join(f"{value:{form}} ({task})" for value, task in zip(values, TASKS, strict=True))
