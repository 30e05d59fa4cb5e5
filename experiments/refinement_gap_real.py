"""What refinement gains over fine-tuning on real representations, against the closed forms at the estimated geometry.

A strong model has a ridge head for each of K concepts, fitted to gold labels of its own rows: ten digits, six types of
question, three emotions. A weak model of coarser features labels the transfer rows for one of them, the concept meant. Two
students learn from m transfer rows by least squares on d = m // 8 components of the strong features: naive fine-tuning from the
weak labels; refinement from answers of the strong model after a prompt of n other transfer rows (Gaussian likelihood with one
σ, its leave-one-out residual). Refinement has unlimited answers, a fresh prompt for each, and so ends at the mean mixture of
the strong heads; or m answers drawn with noise σ.

The closed forms are of a Gaussian world with the same second moments, estimated on the transfer rows: strong heads, weak head
and noise without the bias that d coefficients bring (see ``estimated_world``). Nothing is fitted to the test rows or to a
student. Compared is the gap, naive error − refined error, twice: with the strong head of the concept meant as truth, and with
gold labels as truth. For any answers ŷ,  E(ŷ − y)² = E(ŷ − c)² + 2 E(ŷ − c)(c − y) + E(c − y)²: against gold y the gap has a
cross term more, and the head's own error cancels.

Refinement is made to fail: a supervisor past half-way to another concept, a belief σ eight times too small or too large, the
head of the concept meant fitted to so few rows that it is worse than the weak model. Shuffled weak labels are the negative
control.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from experiments._ledger import Finding
from experiments._real import NEAR
from experiments._real_concepts import CONCEPTS, SIZES, concept_task, unavailable
from experiments._tables import pick
from w2s_theory.design import Design
from w2s_theory.embeddings.tasks import embedding_task
from w2s_theory.montecarlo import mean_estimate
from w2s_theory.outcomes import Estimate
from w2s_theory.problems.concepts import ConceptWorld
from w2s_theory.problems.empirical import EmpiricalTask, reduced_dimension
from w2s_theory.quantities.forecast import forecast
from w2s_theory.quantities.posterior_weights import expected_weights
from w2s_theory.students.linear import OLS, Ridge
from w2s_theory.students.refiner import weights_of

SOURCE = "derived here (after somerstep2025), on real tasks"
SHOWS = ("refinement.gap",)
#: Concepts and rows of every task: see ``_real_concepts``.
TASKS = CONCEPTS | {"trec": ("abbreviation", "entity", "description", "human", "location", "number")}
ROWS = SIZES | {"trec": (500, 100, 500, 400)}
#: Examples in a prompt; what is made to fail has ``SOME``.
EXAMPLES, SOME = (1, 16, 64), (16,)
AS_IT_IS = "as it is"
#: What is changed, so that refinement may lose; the last is the negative control.
CONDITIONS = (AS_IT_IS, "past half-way", "sharp belief", "flat belief", "poor strong head", "shuffled labels")
#: How far towards the next concept the supervisor goes, by what a belief is off, and the rows of a poor head.
FAR, OFF, POOR = 0.8, 8.0, 20
#: Students of drawn answers whose errors are averaged.
STUDENTS = 8
#: Splits, and how many of ``CONDITIONS``: the closed forms of ten concepts take a second each.
TRIALS = {
    "quick": {"trec": (1, 2), "emobank": (3, len(CONDITIONS))},
    "full": {"digits": (4, 2), "trec": (5, len(CONDITIONS)), "emobank": (12, len(CONDITIONS))},
}
SCALES = {
    scale: [
        {"task": task, "condition": condition, "trial": trial}
        for task, (count, conditions) in trials.items()
        for condition in CONDITIONS[:conditions]
        for trial in range(count)
    ]
    for scale, trials in TRIALS.items()
}
SEED_AXES = ("task", "trial")
__all__ = ["SCALES", "SEED_AXES", "SOURCE", "findings", "run_one", "unavailable"]

Table = Mapping[str, np.ndarray]


class Estimated(NamedTuple):
    """``world`` has the strong head of the concept meant as its truth, ``on_gold`` the part of the gold labels that the
    features know."""

    world: ConceptWorld
    on_gold: ConceptWorld


def estimated_world(
    features: np.ndarray, known: np.ndarray, labels: np.ndarray, gold: np.ndarray, belief: float, *, aligned: int
) -> Estimated:
    """The Gaussian worlds with the second moments of m rows: ``features`` (m, d), ``known`` (K, m) linear in them, ``labels``,
    ``gold``.

    The weak labels' noise is τ² = RSS/(m − d) of their least squares fit. Squared coordinates of that fit are too large by τ²/m
    each, so its d − K coordinates off the span of the strong heads have length² less τ²(d − K)/m; likewise their product with
    the gold fit less the covariance of the two residuals. The K coordinates in the span keep a bias of τ²K/m.
    """
    (m, d), count = features.shape, len(known)
    root = np.sqrt(m)
    axes = np.linalg.qr(features)[0]
    fits = axes @ (axes.T @ np.stack([labels, gold], axis=1))
    left = np.stack([labels, gold], axis=1) - fits
    noise, shared = left.T @ left[:, 0] / (m - d)
    basis, triangle = np.linalg.qr(known.T)
    along = basis.T @ fits / root  # (K, 2)
    off = fits - basis @ (basis.T @ fits)
    length = float(np.sqrt(max(off[:, 0] @ off[:, 0] - noise * (d - count), 0.0) / m))
    beside = float(off[:, 0] @ off[:, 1] - shared * (d - count)) / (m * length) if length > 0.0 else 0.0
    concepts, weak, truth = np.zeros((count, d)), np.zeros(d), np.zeros(d)
    concepts[:, :count] = triangle.T / root
    weak[: count + 1] = *along[:, 0], length
    truth[: count + 1] = *along[:, 1], beside
    world = ConceptWorld(concepts, weak, float(np.sqrt(noise)), belief, aligned=aligned)
    return Estimated(world, replace(world, target=truth))


def run_one(params: dict[str, Any], *, rng: np.random.Generator) -> list[dict[str, Any]]:
    """One split: for every concept meant and every n, errors and gaps of both students as measured and by the closed forms."""
    name, condition = params["task"], params["condition"]
    sizes = ROWS[name]
    task = _reduced(name)
    source, few, transfer, test = np.split(rng.permutation(task.size), np.cumsum(sizes))[:4]
    features, gold = task.strong_features, task.labels
    heads, belief = _strong(features[source], gold[:, source])
    weak = Ridge("loo").fit(task.weak_features[few], gold[:, few]).predict(task.weak_features)
    prompts = _prompts(len(transfer), rng)
    poor = Ridge("loo", intercept=False).fit(features[source[:POOR]], gold[:, source[:POOR]]).coefficients
    believed = belief * {"sharp belief": 1.0 / OFF, "flat belief": OFF}.get(condition, 1.0)
    rows: list[dict[str, Any]] = []
    for k, concept in enumerate(TASKS[name]):
        used, labels = heads, weak[k, transfer]
        if condition == "past half-way":
            labels = (1.0 - FAR) * labels + FAR * weak[(k + 1) % len(weak), transfer]
        elif condition == "shuffled labels":
            labels = rng.permutation(labels)
        elif condition == "poor strong head":
            used = heads.copy()
            used[k] = poor[k]
        found = _students(features, used, gold[k], labels, (transfer, test), believed, k, prompts, _sizes(condition), rng)
        weak_error = float(np.mean((weak[k, test] - gold[k, test]) ** 2))
        rows += [{"concept": concept, "belief": believed, "weak_error": weak_error} | row for row in found]
    return rows


@functools.cache
def _reduced(name: str) -> EmpiricalTask:
    """The task with m // 8 components of its strong features, for its m transfer rows."""
    task = embedding_task("trec") if name == "trec" else concept_task(name)
    return task.reduce_strong(reduced_dimension(ROWS[name][2]))


def _students(
    features: np.ndarray,
    heads: np.ndarray,
    gold: np.ndarray,
    labels: np.ndarray,
    parts: tuple[np.ndarray, np.ndarray],
    belief: float,
    meant: int,
    prompts: np.ndarray,
    examples: tuple[int, ...],
    rng: np.random.Generator,
) -> list[dict[str, Any]]:
    """A row for each n: what the two students of one concept's weak ``labels`` cost, and what the closed forms say they cost."""
    transfer, test = parts
    known, at_test = heads @ features[transfer].T, heads @ features[test].T
    told, truth, m = at_test[meant], gold[test], len(transfer)
    world, on_gold = estimated_world(features[transfer], known, labels, gold[transfer], belief, aligned=meant)
    naive = OLS().fit(features[transfer], labels).predict(features[test])
    evidence = -0.5 * (labels - known) ** 2 / belief**2
    rows = []
    for n in examples:
        weights = weights_of(world, np.sum(evidence[:, prompts[:, :n]], axis=-1).T)  # (m, K)
        drawn = np.argmax(np.cumsum(weights, axis=1) > rng.random((STUDENTS, m, 1)) * weights.sum(axis=1)[:, None], axis=-1)
        answers = known[drawn, np.arange(m)] + belief * rng.standard_normal((STUDENTS, m))
        refined = OLS().fit(features[transfer], answers).predict(features[test])
        mixture = weights.mean(axis=0) @ at_test
        law, mean = forecast(world, examples=n, labels=m), expected_weights(world, n) @ world.concepts
        unlimited = float(world.error(mean))
        # What the truth changes: the weak head's distance to it, and the mean mixture's. What a finite sample adds is the same.
        law_gold = law.naive - world.weak_error + float(on_gold.weak_error - on_gold.error(mean))
        rows.append(
            {"n": n, "gap": _mse(naive, told) - _mse(mixture, told), "law": law.naive - unlimited}
            | {"gold_gap": _mse(naive, truth) - _mse(mixture, truth), "gold_law": law_gold}
            | {"drawn_gap": _mse(naive, told) - _mse(refined, told), "drawn_law": law.gap}
            | {"naive": _mse(naive, told), "law_naive": law.naive, "refined": _mse(mixture, told), "law_refined": unlimited}
            | {"cross": float(2.0 * np.mean((naive - mixture) * (told - truth))), "own_error": _mse(told, truth)}
            | {"limit": law.limit, "noise": world.weak_noise, "identified": float(np.mean(np.argmax(weights, axis=1) == meant))}
        )
    return rows


def _mse(predictions: np.ndarray, truth: np.ndarray) -> float:
    return float(np.mean((predictions - truth) ** 2))


def _strong(features: np.ndarray, gold: np.ndarray) -> tuple[np.ndarray, float]:
    """Heads (K, d) through the origin, as features are centred, and σ: the root of their mean squared leave-one-out residual."""
    fit = Ridge("loo", intercept=False).fit(features, gold)
    design = Design(features)
    residuals = [design.leave_one_out(row, penalties=[penalty])[0] for row, penalty in zip(gold, fit.penalty, strict=True)]
    return fit.coefficients, float(np.sqrt(np.mean(residuals)))


def _prompts(rows: int, rng: np.random.Generator) -> np.ndarray:
    """For every row, as many others at random as the longest prompt has: (rows, n)."""
    keys = rng.random((rows, rows))
    np.fill_diagonal(keys, np.inf)
    return np.argsort(keys, axis=1)[:, : max(EXAMPLES)]


def _sizes(condition: str) -> tuple[int, ...]:
    return EXAMPLES if condition == AS_IT_IS else SOME


class Cell(NamedTuple):
    """One concept and one n: the gap and the closed form's, means over splits with intervals, and their difference, paired by
    split."""

    concept: str
    n: int
    gap: Estimate
    law: Estimate
    off: Estimate


def cells(rows: Table, truth: str = "") -> list[Cell]:
    """The cells of one task and condition; ``truth``: "gold_" for gold labels as the truth, "drawn_" for a finite number of
    answers."""
    found: list[Cell] = []
    for concept in dict.fromkeys(rows["concept"].tolist()):
        for n in np.unique(rows["n"]):
            at = pick(rows, concept=concept, n=n)
            gap, law = at[f"{truth}gap"], at[f"{truth}law"]
            found.append(Cell(concept, int(n), _estimate(gap), _estimate(law), _estimate(gap - law)))
    return found


def _estimate(values: np.ndarray) -> Estimate:
    """The mean over splits with its Student-t interval; one split says nothing, and its interval has no end."""
    if len(values) == 1:
        return Estimate(float(values[0]), np.inf, -np.inf, np.inf, 0.95, "one split")
    return mean_estimate(values, method="splits")


KINDS = {
    "": "unlimited answers, the concept meant as truth",
    "gold_": "unlimited answers, gold labels as truth",
    "drawn_": "as many drawn answers as weak labels, the concept meant as truth",
}


def findings(table: Table) -> list[Finding]:
    """Per task: the three kinds of gap, their parts, and each condition under which refinement may lose."""
    found = []
    for task in TASKS:
        if task in table["task"]:
            rows = pick(table, task=task)
            plain = pick(rows, condition=AS_IT_IS)
            found += [*(_law(plain, task, kind) for kind in KINDS), _parts(plain, task)]
            for condition in CONDITIONS[1:]:
                if condition in rows["condition"]:
                    found.append((_control if condition == CONDITIONS[-1] else _condition)(pick(rows, condition=condition), task))
    return found


def _law(rows: Table, task: str, truth: str) -> Finding:
    found = cells(rows, truth)
    gap, law, off = (np.array([getattr(cell, name).value for cell in found]) for name in ("gap", "law", "off"))
    worst = found[int(np.argmax(np.abs(off)))]
    means = []
    for n in np.unique(rows["n"]):
        at = pick(rows, n=n)
        beyond = _by_split(at, truth)
        means.append(
            f"n = {n}: {np.mean(at[f'{truth}gap']):+.3f} (law {np.mean(at[f'{truth}law']):+.3f}, off by {_interval(beyond)})"
        )
    extra = ""
    if truth == "gold_":
        extra = f"; cross term {np.mean(rows['cross']):+.3f}, and the heads' own error, {np.mean(rows['own_error']):.3f}, cancels"
    return Finding(
        f"{task}: the gap, naive − refined error, follows the closed forms at the estimated geometry ({KINDS[truth]})",
        _near(float(np.mean(np.abs(off))), float(np.mean(np.abs(law))), _by_split(rows, truth)),
        f"mean over concepts at {'; '.join(means)}; mean |gap − law| {np.mean(np.abs(off)):.3f} of a mean |law| "
        f"{np.mean(np.abs(law)):.3f}, "
        f"correlation {np.corrcoef(gap, law)[0, 1]:.2f} over {len(found)} cells; {_signs(found)}; largest: {worst.concept} at "
        f"n = {worst.n}, {worst.gap.value:+.3f} (law {worst.law.value:+.3f}){extra}",
    )


def _by_split(rows: Table, truth: str) -> np.ndarray:
    """gap − law on the mean over the other axes, one for each split."""
    off = rows[f"{truth}gap"] - rows[f"{truth}law"]
    return np.array([np.mean(off[rows["trial"] == trial]) for trial in np.unique(rows["trial"])])


def _near(off: float, size: float, by_split: np.ndarray | None = None) -> str:
    """Near; or too noisy to be called off, where the interval of the mean difference over splits holds 0; or off."""
    if off < NEAR * size:
        return f"observed here (within {NEAR:.0%})"
    if by_split is not None and len(by_split) > 1 and mean_estimate(by_split).covers(0.0):
        return "not attempted (too few splits to tell)"
    return "not reproduced (outside the hypotheses of the law: features are not Gaussian)"


def _interval(values: np.ndarray) -> str:
    estimate = _estimate(values)
    return f"{estimate.low:+.3f} to {estimate.high:+.3f}"


def _told(cell: Cell) -> bool:
    return cell.gap.low > 0.0 or cell.gap.high < 0.0


def _right(cell: Cell) -> bool:
    return (cell.gap.value > 0.0) == (cell.law.value > 0.0)


def _signs(found: list[Cell]) -> str:
    decided = [cell for cell in found if _told(cell)]
    return f"the law's sign is right in {sum(map(_right, decided))} of the {len(decided)} cells whose 95 % interval of the gap leaves out 0"


def _parts(rows: Table, task: str) -> Finding:
    """Which half of the gap is off, on the mean over concepts, at every n."""
    said, off = [], []
    for n in np.unique(rows["n"]):
        at = pick(rows, n=n)
        for part in ("naive", "refined"):
            measured, law = float(np.mean(at[part])), float(np.mean(at[f"law_{part}"]))
            said.append(f"n = {n}, {part} {measured:.3f} (law {law:.3f})")
            off.append(abs(measured - law) / float(np.mean(at["law_naive"])))
    return Finding(
        f"{task}: either error follows its closed form, on the mean over concepts",
        _near(max(off), 1.0),
        f"{'; '.join(said)}; at most {max(off):.0%} of the naive error off",
    )


def _condition(rows: Table, task: str) -> Finding:
    """Whether refinement loses where the closed forms say so: with gold labels as truth for a poor head, else the concept
    meant."""
    condition = rows["condition"][0]
    truth = "gold_" if condition == "poor strong head" else ""
    found = cells(rows, truth)
    decided = [cell for cell in found if _told(cell)]
    right = sum(map(_right, decided))
    status = "observed here"
    if not decided:
        status = "not attempted (too few splits to tell any sign)"
    elif right < len(decided):
        status = f"not reproduced (another sign on {len(decided) - right} of {len(decided)} concepts)"
    about = f"another concept is the nearest in {np.mean(rows['limit'] > 0.0):.0%} of concepts × splits"
    if truth:
        about = (
            f"the head is worse than the weak model in {np.mean(rows['own_error'] > rows['weak_error']):.0%} of concepts × splits"
        )
    return Finding(
        f"{task}, {condition}: refinement loses where the closed forms say so ({KINDS[truth]})",
        status,
        f"at n = {found[0].n} forecast to lose on {sum(cell.law.value < 0.0 for cell in found)} of {len(found)} concepts; the "
        "interval of the gap "
        f"over {len(np.unique(rows['trial']))} splits is below 0 on {sum(cell.gap.high < 0.0 for cell in found)}, above on "
        f"{sum(cell.gap.low > 0.0 for cell in found)}; {_signs(found)}; mean gap "
        f"{np.mean([cell.gap.value for cell in found]):+.3f} (law "
        f"{np.mean([cell.law.value for cell in found]):+.3f}); {about}",
    )


def _control(rows: Table, task: str) -> Finding:
    """Weak labels that mean nothing: the concept meant is as likely as any other, on the mean over concepts."""
    chance = 1.0 / len(set(rows["concept"].tolist()))
    share = _estimate(np.array([np.mean(rows["identified"][rows["trial"] == t]) for t in np.unique(rows["trial"])]))
    near = share.low <= chance * (1.0 + NEAR) and share.high >= chance * (1.0 - NEAR)
    return Finding(
        f"{task}: negative control, shuffled weak labels identify no concept",
        "observed here" if near else "not reproduced",
        f"identified {share.value:.3f} of prompts (95 %: {share.low:.3f} to {share.high:.3f}), chance {chance:.3f}; gap "
        f"{np.mean(rows['gap']):+.3f} (law {np.mean(rows['law']):+.3f})",
    )
