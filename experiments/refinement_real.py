"""Fine-tuning against refinement on real representations: a strong model that knows several concepts, and a weak one that means one of them.

The strong model learns a ridge head for each of K concepts (ten digits; three emotions) from gold labels of its own rows. The weak
model learns one concept k* from few gold labels of coarser features, and labels the transfer rows. Students of these labels, judged
by the gold labels of test rows: naive fine-tuning, the best pull towards the mean of the strong heads (chosen in hindsight on the
test rows, to its favour), a mixture of the strong heads, refinement by in-context examples (every transfer row gets a prompt of n
other rows; the strong model weighs its concepts by a Gaussian likelihood with one σ, its mean leave-one-out residual, and answers with its posterior
mean; ridge on the answers), and refinement by the intent of the whole batch. Each concept takes its turn as k*.

The law is that of the same refiner in a Gaussian world with the second moments that the predictions have on the transfer rows. These
features are not Gaussian, so it need not hold: of the few digits in a prompt, most are negative examples of every concept that counts,
and say little. Shuffled weak labels are the negative control.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments._ledger import Finding
from experiments._real import NEAR, mean_by
from experiments._real_concepts import CONCEPTS, SIZES, concept_task, unavailable
from experiments._tables import pick
from w2s_theory._validation import SolverFailure
from w2s_theory.design import Design
from w2s_theory.montecarlo import mean_estimate
from w2s_theory.outcomes import Estimate
from w2s_theory.problems.concepts import ConceptWorld
from w2s_theory.quantities.identification import chernoff_bound, error_bracket
from w2s_theory.quantities.naive_finetuning import best_pull
from w2s_theory.students.constrained import solve_hull
from w2s_theory.students.linear import Ridge
from w2s_theory.students.refiner import simulate_evidence, weights_of
from w2s_theory.students.source_shrinkage import shrink_to_source

SOURCE = "somerstep2025, its comparison of refinement with fine-tuning, on other data"
SHOWS = ("identification.pairwise_law", "identification.error_at_most_sum", "identification.error_at_least_worst")
#: Examples in a prompt.
EXAMPLES = (1, 2, 4, 8, 16, 32, 64)
#: Pulls tried, in units of the mean eigenvalue of the features' second moments.
PULLS = np.geomspace(1e-3, 1e3, 25)
LAW_PROMPTS = 1000
#: Standard errors of a share over prompts by which it must miss a bound to count.
SURE = 3
TRIALS = {"quick": 3, "full": 16}
SCALES = {
    scale: [
        {"task": task, "control": control, "trial": trial}
        for task in CONCEPTS
        for control in ("none", "shuffled labels")
        for trial in range(trials)
    ]
    for scale, trials in TRIALS.items()
}
SEED_AXES = ("task", "trial")
__all__ = ["SCALES", "SEED_AXES", "SOURCE", "findings", "run_one", "unavailable"]

Table = Mapping[str, np.ndarray]


def run_one(params: dict[str, Any], *, rng: np.random.Generator) -> list[dict[str, Any]]:
    """One split: a row per concept that is meant and per student (refinement: per n), with test error and, where it identifies, how often."""
    task = concept_task(params["task"])
    source, few, transfer, test = np.split(rng.permutation(task.size), np.cumsum(SIZES[params["task"]]))[:4]
    features, gold, names = task.strong_features, task.labels, CONCEPTS[params["task"]]
    ridge = Ridge("loo")
    strong = ridge.fit(features[source], gold[:, source])
    concepts, design = strong.predict(features), Design(features[source], intercept=True)
    residuals = [design.leave_one_out(gold[k, source], penalties=[strong.penalty[k]])[0] for k in range(len(names))]
    belief = float(np.sqrt(np.mean(residuals)))
    weak = ridge.fit(task.weak_features[few], gold[:, few]).predict(task.weak_features)
    labels = weak[:, transfer]
    if params["control"] == "shuffled labels":
        labels = rng.permuted(labels, axis=1)
    known, true = concepts[:, transfer], gold[:, test]
    hull = solve_hull(Design(known.T), labels.T)
    if not np.all(hull.converged):
        raise SolverFailure(f"{np.sum(~hull.converged)} mixtures of the strong heads did not converge.")
    mixtures = hull.coefficients.T
    evidence = -0.5 * (labels[:, None, :] - known) ** 2 / belief**2  # of every row: (meant, concept, row)
    likeliest = np.argmax(evidence.sum(axis=-1), axis=-1)
    worlds = [empirical_world(known, labels[k], belief, aligned=k) for k in range(len(names))]
    prompts = _prompts(len(transfer), rng)
    read = [np.sum(evidence[:, :, prompts[:, :n]], axis=-1) for n in EXAMPLES]  # each (meant, concept, query)
    weights = [np.stack([weights_of(worlds[k], seen[k].T).T for k in range(len(names))]) for seen in read]
    refined = [np.sum(each * known, axis=1) for each in weights]
    to_learn = np.stack([labels, gold[:, transfer], known[likeliest], *refined], axis=1)  # (meant, student, row)
    # Concept by concept: leave-one-out over all at once would take a hundred megabytes.
    tuned = np.stack([ridge.fit(features[transfer], each).predict(features[test]) for each in to_learn], axis=1)
    source_test = concepts[:, test].mean(axis=0)
    start = np.append(strong.coefficients.mean(axis=0), strong.intercept.mean())
    answers = {
        "weak": weak[:, test],
        "naive": tuned[0],
        "source": np.tile(source_test, (len(names), 1)),
        "hull": mixtures @ concepts[:, test],
        "intent": tuned[2],
        "told": concepts[:, test],
        "ceiling": tuned[1],
    }
    errors = {student: np.mean((predictions - true) ** 2, axis=-1) for student, predictions in answers.items()}
    pulled = _pulled(features[transfer], labels, start, features[test])
    errors["best pull"] = np.min(np.mean((pulled - true) ** 2, axis=-1), axis=0)
    errors["line"] = np.array([_line(source_test, tuned[0, k], true[k]) for k in range(len(names))])
    rows: list[dict[str, Any]] = [
        {"concept": names[k], "student": student, "n": 0, "error": float(values[k])}
        | {"identified": float(likeliest[k] == k) if student == "intent" else None}
        for student, values in errors.items()
        for k in range(len(names))
    ]
    for k, world in enumerate(worlds):
        law = _law(world, rng) if params["control"] == "none" else [{}] * len(EXAMPLES)
        for i, n in enumerate(EXAMPLES):
            rows.append(
                {"concept": names[k], "student": "refined", "n": n, "error": float(np.mean((tuned[3 + i, k] - true[k]) ** 2))}
                | {"identified": float(np.mean(np.argmax(read[i][k], axis=0) == k)), "mass": float(np.mean(weights[i][k, k]))}
                | {"prompts": len(transfer), "is_nearest": bool(likeliest[k] == k)}
                | law[i]
            )
    sizes = {name: float(value) for name, value in zip(names, np.mean(known**2, axis=1), strict=True)}
    blank = {"prompts": 0, "is_nearest": False}
    return [blank | row | {"belief": belief, "size": sizes[row["concept"]]} for row in rows]


def empirical_world(known: np.ndarray, labels: np.ndarray, belief: float, *, aligned: int) -> ConceptWorld:
    """The Gaussian world with the second moments of the strong predictions ``known`` (K, rows) and the weak ``labels`` (rows,).

    Its features are an orthonormal basis of the predictions; what they don't explain of the labels is noise.
    """
    basis, triangle = np.linalg.qr(known.T)
    scale = np.sqrt(len(labels))
    head = basis.T @ labels / scale
    noise = max(float(np.mean(labels**2) - head @ head), 0.0)
    return ConceptWorld(triangle.T / scale, head, np.sqrt(noise), belief, aligned=aligned)


def _law(world: ConceptWorld, rng: np.random.Generator) -> list[dict[str, float]]:
    """For every n of ``EXAMPLES``: how often the refiner prefers k* to all others in a Gaussian world, simulated, and its bounds.

    From above by the most dangerous rival alone, from below by the sum over rivals: exact Student tails, and Chernoff's.
    """
    evidence = simulate_evidence(world, EXAMPLES, LAW_PROMPTS, rng=rng)
    rates = np.mean(np.argmax(evidence, axis=-1) == world.aligned, axis=-1)
    brackets = [error_bracket(world, n) for n in EXAMPLES]
    chernoff = [max(0.0, 1.0 - float(np.sum(chernoff_bound(world, n)))) for n in EXAMPLES]
    return [
        {"law": float(rate), "law_low": 1.0 - high, "law_high": 1.0 - low, "chernoff": bound}
        for rate, (low, high), bound in zip(rates, brackets, chernoff, strict=True)
    ]


def _line(source: np.ndarray, naive: np.ndarray, gold: np.ndarray) -> float:
    """Mean squared error of the best mixture of two predictions, chosen in hindsight: the law of the pull, in the space of test rows."""
    scale = np.sqrt(len(gold))
    return best_pull(ConceptWorld(source[None] / scale, naive / scale, target=gold / scale)).risk


def _prompts(rows: int, rng: np.random.Generator) -> np.ndarray:
    """For every row, as many others at random as the longest prompt has: (rows, n)."""
    keys = rng.random((rows, rows))
    np.fill_diagonal(keys, np.inf)
    return np.argsort(keys, axis=1)[:, : max(EXAMPLES)]


def _pulled(features: np.ndarray, labels: np.ndarray, start: np.ndarray, fresh: np.ndarray) -> np.ndarray:
    """Predictions (pulls, concepts, rows) at ``fresh`` features of students held at ``start``, a head with its intercept last."""
    with_one, fresh = (np.column_stack([part, np.ones(len(part))]) for part in (features, fresh))
    etas = PULLS * np.mean(np.square(features))
    heads = shrink_to_source(with_one, labels.T, start, etas=etas)
    return np.swapaxes(heads.predict(fresh), -1, -2)


def findings(table: Table) -> list[Finding]:
    """Where refinement wins, ties and hurts; what fine-tuning does; how far off the law is; the negative control."""
    found = []
    for task in CONCEPTS:
        if task in table["task"]:
            rows = pick(table, task=task, control="none")
            found += [_against(rows, task, "naive"), _against(rows, task, "hull")]
            found += [_fine_tuning(rows, task), _law_of_identification(rows, task)]
            found.append(_control(pick(table, task=task, control="shuffled labels"), task))
    return found


def errors_of(rows: Table, student: str, n: int = 0) -> dict[str, np.ndarray]:
    """Test errors of a student by concept, over trials in order."""
    rows = pick(rows, student=student, n=n)
    order = np.argsort(rows["trial"], kind="stable")
    return {name: rows["error"][order][rows["concept"][order] == name] for name in dict.fromkeys(rows["concept"].tolist())}


def saved(rows: Table, n: int, rival: str = "naive") -> dict[str, Estimate]:
    """For each concept: what refinement with n examples saves over another student, paired by trial."""
    other, refined = errors_of(rows, rival), errors_of(rows, "refined", n)
    return {name: mean_estimate(other[name] - refined[name]) for name in other}


def mean_error(rows: Table, student: str, n: int = 0) -> float:
    """Mean test error over concepts and trials."""
    return float(np.mean(list(errors_of(rows, student, n).values())))


def _against(rows: Table, task: str, rival: str) -> Finding:
    most, per_concept = max(EXAMPLES), []
    for n in (EXAMPLES[0], most):
        estimates = saved(rows, n, rival).values()
        wins, hurts = sum(e.low > 0 for e in estimates), sum(e.high < 0 for e in estimates)
        per_concept.append(f"n = {n}: wins on {wins}, hurts on {hurts}, ties on {len(estimates) - wins - hurts} concepts")
    other = np.mean(list(errors_of(rows, rival).values()), axis=0)
    refined = np.mean(list(errors_of(rows, "refined", most).values()), axis=0)
    total = mean_estimate(other - refined)
    status = "not attempted (too few splits to tell)"
    if total.low > 0:
        status = "observed here"
    elif total.high < 0:
        status = "not reproduced (refinement hurts here)"
    beside = "the mixture of the strong heads"
    if rival == "naive":
        beside = "naive fine-tuning"
        per_concept.append(
            f"told the concept {mean_error(rows, 'told'):.3f}, intent of the batch {mean_error(rows, 'intent'):.3f} (right in "
            f"{np.mean(pick(rows, student='intent')['identified']):.0%}), ceiling {mean_error(rows, 'ceiling'):.3f}"
        )
    return Finding(
        f"{task}: refinement with n = {most} examples beats {beside}, on the mean over concepts",
        status,
        f"error {refined.mean():.3f} against {other.mean():.3f} (saved {total.low:+.3f} to {total.high:+.3f} at 95 %); "
        f"{'; '.join(per_concept)}",
    )


def _fine_tuning(rows: Table, task: str) -> Finding:
    weak, naive, source, pull, line, hull, told = (
        mean_error(rows, student) for student in ("weak", "naive", "source", "best pull", "line", "hull", "told")
    )
    copied = abs(naive - weak) < NEAR * (weak - told)
    trapped = abs(pull - line) < NEAR * (line - told)
    return Finding(
        f"{task}: naive fine-tuning copies the weak model, and a pull towards the source is trapped on the line between them",
        f"observed here (within {NEAR:.0%})" if copied and trapped else "not reproduced (outside the hypotheses of the laws)",
        f"error: weak {weak:.3f}, naive {naive:.3f}, source {source:.3f}; best of {len(PULLS)} pulls {pull:.3f}, best mixture of source and "
        f"naive {line:.3f} (both chosen on the test rows; equal where features are isotropic); mixture of the concepts {hull:.3f}; the "
        f"concept itself {told:.3f}",
    )


def _law_of_identification(rows: Table, task: str) -> Finding:
    rows = pick(rows, student="refined")
    measured, law = mean_by(rows["n"], rows["identified"]), mean_by(rows["n"], rows["law"])
    cells = np.char.add(np.char.add(rows["concept"], " "), rows["n"].astype(str))
    gap = mean_by(cells, rows["identified"]) - mean_by(cells, rows["law"])
    noise = SURE * np.sqrt(rows["identified"] * (1.0 - rows["identified"]) / rows["prompts"])
    above, below = (rows["identified"] - noise > rows["law_high"]), (rows["identified"] + noise < rows["chernoff"])
    last = pick(rows, n=max(EXAMPLES))
    lost = ~last["is_nearest"]
    parts = f"in {lost.mean():.0%} of concepts × splits another concept is nearer to the weak labels than the one they mean"
    if lost.any() and not lost.all():
        parts += f": there identification ends at {last['identified'][lost].mean():.2f}, elsewhere at {last['identified'][~lost].mean():.2f}"
    return Finding(
        f"{task}: identification follows the law for Gaussian features, which these are not",
        f"observed here (within {NEAR:.0%})"
        if np.mean(np.abs(gap)) < NEAR * np.mean(law)
        else "not reproduced (outside the hypotheses of the law)",
        f"mean over concepts at n = {EXAMPLES[0]}: {measured[0]:.2f} (law {law[0]:.2f}), at n = {EXAMPLES[-1]}: {measured[-1]:.2f} "
        f"(law {law[-1]:.2f}); mean |gap| {np.mean(np.abs(gap)):.3f}, largest {np.max(np.abs(gap)):.2f}; beyond {SURE} standard errors, the "
        f"Student-t bound from above is broken in {above.mean():.0%} of cells, and Chernoff's from below in {below.mean():.0%} (it says "
        f"something in {np.mean(rows['chernoff'] > 0):.0%}); {parts}",
    )


def _control(rows: Table, task: str) -> Finding:
    last, count = pick(rows, student="refined", n=max(EXAMPLES)), len(CONCEPTS[task])
    rate = mean_estimate(mean_by(last["trial"], last["identified"]))
    told, refined = mean_error(rows, "told"), mean_error(rows, "refined", max(EXAMPLES))
    status = "not reproduced (identification without a signal)"
    if rate.low <= 1.0 / count <= rate.high:
        is_sharp = rate.high - rate.low < 1.0 / count
        status = "observed here" if is_sharp else "not attempted (too few splits to tell)"
    return Finding(
        f"{task}: negative control, shuffled weak labels: identification falls to chance, 1/{count}, on the mean over concepts",
        status,
        f"identified {rate.value:.3f} (95 %: {rate.low:.3f} to {rate.high:.3f}) at n = {max(EXAMPLES)}, chance {1.0 / count:.3f}; refined error "
        f"{refined:.3f}, told the concept {told:.3f}",
    )
