"""What the experiments on real representations share: the rows of one run, and their lines in the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments._ledger import Finding
from experiments._tables import pick
from w2s_theory.montecarlo import mean_estimate
from w2s_theory.outcomes import Check, Estimate, Verdict
from w2s_theory.pipelines import run
from w2s_theory.problems.empirical import EmpiricalTask, random_teacher, same_features
from w2s_theory.quantities.finite_sample import label_free_gain
from w2s_theory.quantities.gain import report
from w2s_theory.real_tasks.verdicts import student_checks
from w2s_theory.students.linear import OLS, MinimumNorm, Ridge
from w2s_theory.theorems import STATEMENTS, check

#: Least squares has no intercept, so that the finite-sample laws apply as they are: its features are principal components, which
#: are centred, and the labels are standardised. Ridge has one; it sees the representation as it is.
STUDENTS = {"ridge": Ridge("loo"), "least squares": OLS()}
CONTROLS = ("shuffled labels", "same features", "random teacher")
#: The statements that are checked on every run they are about: the first in sample and out, the others on the transfer rows.
CHECKED = ("identities.squared", "charikar2024.nonrealizable_linear", "charikar2024.cross_term", "ridge.penalty")
#: The last three solve again for every check, so they are checked on the first splits only, which bounds the time of a full run.
SOLVED_TRIALS = 5
#: What the ledger calls "≈": within a quarter of the size of what is predicted. A choice of words, not a theorem.
NEAR = 0.25
#: What the ledger calls "no gain": 1 % of the label's variance, room for what the smallest penalty of the grid leaves over.
NO_GAIN = 0.01

Table = Mapping[str, np.ndarray]


def measure(
    task: EmpiricalTask, params: Mapping[str, Any], sizes: tuple[int, int, int], *, rng: np.random.Generator
) -> list[dict]:
    """Rows of one run, a row per target and per place ("train": the transfer rows; "test"): the GainReport and how it was made.

    ``params`` names the ``student``, the ``control`` ("none" or one of ``CONTROLS``), the ``trial``, and ``n``, how many of the
    ``sizes[1]`` transfer rows the student may use. The split is drawn first, so that all methods of a trial share it, whatever
    their n. A random teacher is fitted without a penalty: leave-one-out would notice that its features are noise, and return the
    mean.

    Each statement of ``CHECKED`` has three columns: its verdict ("" where it was not checked), margin and error (see ``student_checks``).

    For least squares a row also carries what the law for Gaussian features expects of the gain: ``law_gain`` = M∞ (1 − r), from the
    weak labels alone, and ``law_cross_term``, what a target that is not realizable adds to it, −2⟨(I−P)w, (I−P)f⟩, from the gold
    labels of the transfer rows (whose in-sample cross term is 1 − d/n of it on average, like the in-sample misfit).
    ``mean_error`` is what predicting the label's mean would cost.
    """
    split = task.split(sizes, rng=rng)
    split = split._replace(transfer=split.transfer[: params["n"]])
    control = params["control"]
    weak = None
    if control == "same features":
        task = same_features(task)
    elif control == "random teacher":
        task, weak = random_teacher(task, rng=rng), MinimumNorm(intercept=True)
    shuffle = rng if control == "shuffled labels" else None
    outcome = run(task, split=split, student=STUDENTS[params["student"]], weak=weak, shuffle=shuffle)
    n, d = params["n"], task.strong_features.shape[1]
    penalty, error = (np.reshape(values, (2, -1)) for values in (outcome.strong_fit.penalty, outcome.strong_fit.error))
    train = report(outcome.train)
    law = {}
    if params["student"] == "least squares":
        law = {"law_gain": label_free_gain(train.misfit, d, n), "law_cross_term": train.cross_term / (1 - d / n)}
    law = {name: np.reshape(values, -1) for name, values in law.items()}
    solved = student_checks(task, outcome, rng=rng) if params["trial"] < SOLVED_TRIALS else [{}] * penalty.shape[1]
    rows = []
    for where, triple in (("train", outcome.train), ("test", outcome.test)):
        mean_error = np.reshape(np.mean(triple.target**2, axis=-1), -1)
        identity = {"identities.squared": check("identities.squared", triple, rng=rng)}
        for t, numbers in enumerate(report(triple).rows()):
            made = {"target_index": t, "where": where, "n_weak": sizes[0], "n_test": sizes[2], "d": d}
            fit = {"penalty": float(penalty[0, t]), "ceiling_penalty": float(penalty[1, t]), "fit_error": float(error[0, t])}
            fit |= {"rank": outcome.strong_fit.rank, "condition": outcome.strong_fit.condition}
            law_here = {name: float(law[name][t]) if law else np.nan for name in ("law_gain", "law_cross_term")}
            checked = _verdicts((identity if t == 0 else {}) | (solved[t] if where == "train" else {}))
            rows.append(made | numbers | {"mean_error": float(mean_error[t])} | law_here | fit | checked)
    return rows


def _verdicts(checked: Mapping[str, Check]) -> dict[str, Any]:
    """The three columns of each statement of ``CHECKED``."""
    columns: dict[str, Any] = {}
    for name in CHECKED:
        found = checked.get(name)
        columns[name] = "" if found is None else found.verdict.name
        columns[f"{name} margin"] = np.nan if found is None else found.margin
        columns[f"{name} error"] = np.nan if found is None else found.error
    return columns


def mean_by(groups: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Mean of ``values`` within each of ``groups``, in increasing order of group."""
    _, index, count = np.unique(groups, return_inverse=True, return_counts=True)
    return np.bincount(index, weights=values) / count


def findings(table: Table) -> list[Finding]:
    """The lines in the ledger; every number comes from the table."""
    targets, trials = len(set(table["target"].tolist())), len(set(table["trial"].tolist()))
    on_what = f"{targets} targets × {trials} splits"
    return [
        *(_statement(table, name) for name in CHECKED),
        _gain_near_misfit(table, on_what),
        _least_squares_law(table),
        *(_control_without_knowledge(table, control, on_what) for control in ("random teacher", "shuffled labels")),
        _same_features(table, on_what),
    ]


def _statement(table: Table, name: str) -> Finding:
    """What the checks of a statement found, and how much of the band the gain used where the statement is a band."""
    rows = {column: values[table[name] != ""] for column, values in table.items()}
    counts = Counter(rows[name].tolist())
    total, holds = len(rows[name]), counts[Verdict.HOLDS.name]
    status = "holds (derived here)"
    found = f"{total} checks, all HOLDS"
    if counts[Verdict.VIOLATED.name]:
        status = "counterexample found"
    elif holds < total or not total:
        status = f"not attempted (undecided in {total - holds} of {total} checks)"
    if holds < total:
        found = f"{total} checks: " + ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())
    where = "in sample and out, every student and control" if name == CHECKED[0] else "on the transfer rows"
    if name != CHECKED[0]:
        found += f"; of the first {len(set(rows['trial'].tolist()))} splits"
    if STATEMENTS[name].relation == "==":
        found += f"; largest gap between the sides {np.max(-rows[f'{name} margin'], initial=0.0):.1g}"
    else:
        used = pick(table, where="train", student="least squares", control="none")
        share = np.abs(used["gain"] - used["misfit"]) / (2.0 * np.sqrt(used["misfit"] * used["ceiling_error"]))
        found += f"; largest share of the band used {share.max():.2f}, in {len(share)} rows"
        if status.startswith("holds"):
            status = f"holds but loose (median factor {1.0 / np.median(share):.2g})"
    return Finding(f"`{name}` {where}: {STATEMENTS[name].says}", status, found)


def _gain_near_misfit(table: Table, on_what: str) -> Finding:
    rows = pick(table, where="test", student="ridge", control="none")
    gain, misfit, cross = (mean_by(rows["target"], rows[name]) for name in ("gain", "misfit", "cross_term"))
    distance = float(np.mean(np.abs(gain - misfit)) / np.mean(misfit))
    intervals = _intervals(rows, rows["gain"])
    negative = sum(estimate.high < 0 for estimate in intervals)
    positive = sum(estimate.low > 0 for estimate in intervals)
    return Finding(
        "gain ≈ misfit where nothing makes the target realizable (ridge by leave-one-out, out of sample)",
        "reproduced, with changes" if distance < NEAR else "not reproduced (the target is not realizable: no theorem is broken)",
        f"mean |gain − misfit| / mean misfit = {distance:.2f}; 95 % interval of the gain above 0 on {positive} targets, below on "
        f"{negative}; mean gain {gain.mean():+.3f} = misfit {misfit.mean():.3f} with cross term {cross.mean():+.3f}; {on_what}",
    )


def _least_squares_law(table: Table) -> Finding:
    rows = law_rows(table)
    d, n = np.unique(rows["d"]), int(rows["n"][0])
    gain, cross, law = (mean_by(rows["d"], rows[name]) for name in ("gain", "law_cross_term", "law_gain"))
    worst = float(np.max(np.abs(gain - law - cross)))
    return Finding(
        f"least squares on n = {n} pseudo-labels of d features: E gain = M∞(1 − r) + cross term, where the first part is lost at "
        "n = 2d + 1; hence d ≤ n/8",
        "holds (derived here), approximately"
        if worst < NEAR * np.max(np.abs(law))
        else "counterexample found (outside its hypotheses)",
        f"mean gain {gain[0]:+.3f} at d = {d[0]}, {gain[-1]:+.3f} at d = {d[-1]}. The first part, from weak labels alone: {law[0]:+.3f} "
        f"and {law[-1]:+.3f}; with the cross term of the transfer rows: {law[0] + cross[0]:+.3f} and {law[-1] + cross[-1]:+.3f}, at most "
        f"{worst:.3f} from the mean gain at the {len(d)} values of d. The law asks for Gaussian features, and these are not",
    )


def law_rows(table: Table) -> dict[str, np.ndarray]:
    """Out of sample, least squares, the smallest n that was run: the rows that show how the gain depends on the number of features."""
    rows = pick(table, where="test", student="least squares", control="none")
    return pick(rows, n=rows["n"].min())


def _intervals(rows: Table, values: np.ndarray) -> list[Estimate]:
    """For each target, the mean of ``values`` over the splits with its 95 % interval."""
    return [mean_estimate(values[rows["target"] == name]) for name in np.unique(rows["target"])]


def _better_than_mean(rows: Table) -> list[bool]:
    """For each target, whether the interval of what the student saves over predicting the mean lies above 0."""
    return [saved.low > 0 for saved in _intervals(rows, rows["mean_error"] - rows["student_error"])]


def _control_without_knowledge(table: Table, control: str, on_what: str) -> Finding:
    """A teacher whose labels w are independent of the sample, and a student s: E gain = E w² − E s², E misfit = E w² + E s²."""
    rows = pick(table, where="test", student="ridge", control=control)
    intervals, better = _intervals(rows, rows["gain"]), _better_than_mean(rows)
    real = _better_than_mean(pick(table, where="test", student="ridge", control="none"))
    gain, misfit, student, mean = (
        mean_by(rows["target"], rows[name]) for name in ("gain", "misfit", "student_error", "mean_error")
    )
    ratio, positive = student / mean, sum(estimate.low > 0 for estimate in intervals)
    if any(better) or any(estimate.high < 0 for estimate in intervals):
        status = "counterexample found"
    else:
        status = "holds (derived here)"
        if positive < len(intervals):
            status = f"not attempted (too few splits to tell the sign on {len(intervals) - positive} targets)"
    what = "weak features that are noise" if control == "random teacher" else "permuted weak labels"
    return Finding(
        f"negative control, {what}: gain > 0, nearly the misfit, yet the student is no better than the mean",
        status,
        f"95 % interval of the gain above 0 on {positive} of {len(intervals)} targets; mean gain {gain.mean():.3f} of misfit "
        f"{misfit.mean():.3f}; that of what the student saves over predicting the mean is above 0 on {sum(better)} targets (of a "
        f"real teacher's: on {sum(real)}); student error {ratio.min():.2f} to {ratio.max():.2f} times that of the mean; {on_what}",
    )


def _same_features(table: Table, on_what: str) -> Finding:
    rows = pick(table, where="test", student="ridge", control="same features")
    gain, misfit, weak = (mean_by(rows["target"], rows[name]) for name in ("gain", "misfit", "weak_error"))
    return Finding(
        f"negative control, strong features = weak features: no gain (|gain| < {NO_GAIN:.0%} of the label's variance)",
        "holds (derived here)" if np.abs(gain).max() < NO_GAIN else "counterexample found",
        f"mean gain from {gain.min():+.1g} to {gain.max():+.1g}, largest misfit {misfit.max():.1g}, mean weak error {weak.mean():.3f}; "
        f"{on_what}",
    )
