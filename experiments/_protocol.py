"""The lines of the ledger on the protocol: naive students, tricks, ceilings, refusals, identities and controls, from the table alone.

Where intervals decide a status, each is at the level at which all that decide such a status, over tasks, metrics and methods, cover with 95 %.
"""

from __future__ import annotations

import numpy as np

from experiments._ledger import Finding
from experiments._tables import joint, pick
from w2s_theory.embeddings.tasks import EMBEDDING_CLASSES

TASKS: tuple[str, ...] = ("digits", *EMBEDDING_CLASSES)
METRICS = ("accuracy", "cross_entropy")
#: Neighbours that relabel, and the share of labels that filtering drops, as in EleutherAI's code.
NEIGHBOURS, DROPPED = 50, 0.1
#: Tricks that are compared with the naive student, and controls whose teacher knows nothing.
SAYS = {
    "reverse KL": "the loss KL(student ‖ weak) in place of cross-entropy",
    "chain": "bootstrapping through a model in between",
    "2 rounds": "a second student on the first one's soft labels",
    "3 rounds": "a third student on the second one's soft labels",
    "relabelled": f"labels replaced by the mean of their {NEIGHBOURS} nearest neighbours'",
    "filtered": f"dropping the {DROPPED:.0%} of labels that their neighbours dispute most",
}
IGNORANT = ("permuted labels", "random teacher")
#: Levels of the intervals of: a trick over the naive student, the naive student over its teacher, an ignorant one's over the shares of the
#: classes, and the difference between the ceilings.
TRICKS, NAIVE = joint(len(SAYS) * len(TASKS) * len(METRICS)), joint(len(TASKS) * len(METRICS))
CONTROLLED, CEILINGS = joint(len(IGNORANT) * len(TASKS) * len(METRICS)), joint(len(TASKS))
#: What the ledger calls "about": within a quarter of what it is compared with. And "no gain": one point in a hundred. Choices of words.
NEAR, NO_GAIN = 0.25, 0.01

Table = dict[str, np.ndarray]


def findings(table: Table) -> list[Finding]:
    """The lines in the ledger; every number comes from the table."""
    return [
        *(_naive(table, metric) for metric in METRICS),
        *(_trick(table, method) for method in SAYS),
        _ceilings(table),
        _refused(table),
        _disagreement(table),
        _realizable(table),
        *(_knows_nothing(table, control) for control in IGNORANT),
        _same_size(table),
    ]


def _signs(rows: Table, name: str) -> tuple[list[str], list[str]]:
    """The tasks on which the interval of ``name`` lies above 0, and below."""
    tasks = rows["task"]
    return tasks[rows[f"{name}_low"] > 0].tolist(), tasks[rows[f"{name}_high"] < 0].tolist()


def _listed(tasks: list[str]) -> str:
    return ", ".join(tasks) if tasks else "none"


def _intervals(rows: Table, name: str, *, digits: int = 3) -> str:
    """The values of ``name`` with their intervals, a task each."""
    return "; ".join(
        f"{rows['task'][i]} {rows[name][i]:+.{digits}f} [{rows[f'{name}_low'][i]:+.{digits}f}, {rows[f'{name}_high'][i]:+.{digits}f}]"
        for i in range(len(rows["task"]))
    )


def _naive(table: Table, metric: str) -> Finding:
    rows = pick(table, method="naive", metric=metric, ceiling="transfer")
    above, below = _signs(rows, "over_weak")
    total = len(rows["task"])
    if len(above) == total:
        status = "reproduced, with changes"
    elif above and below:
        status = f"not reproduced (both ways: better on {len(above)}, worse on {len(below)} of {total} tasks)"
    elif above:
        status = f"observed here (on {len(above)} of {total} tasks)"
    else:
        status = "not reproduced" if below else "not attempted (too few test rows to tell on any task)"
    return Finding(
        f"a naive student beats its weak teacher (Burns et al.), by {metric.replace('_', '-')}",
        status,
        f"gain above 0 on {_listed(above)}, below on {_listed(below)} by joint 95 % intervals: {_intervals(rows, 'over_weak')}; "
        f"{_on_what(rows)}",
    )


def _on_what(rows: Table) -> str:
    return f"{rows['splits'].min()} splits, {tested(rows)} test rows"


def tested(table: Table) -> str:
    """The number of test rows, or the least and the most."""
    return " to ".join(str(n) for n in sorted({table["n_test"].min(), table["n_test"].max()}))


def _trick(table: Table, method: str) -> Finding:
    """Counts are of intervals of the difference to the naive student on the same test rows and splits, 95 % for all of them together."""
    said, helps, hurts, total = [], 0, 0, 0
    for metric in METRICS:
        rows = pick(table, method=method, metric=metric, ceiling="transfer")
        above, below = _signs(rows, "over_naive")
        helps, hurts, total = helps + len(above), hurts + len(below), total + len(rows["task"])
        said.append(
            f"{metric.replace('_', '-')}: better on {_listed(above)}, worse on {_listed(below)} ({_intervals(rows, 'over_naive')})"
        )
    verdict = "both ways" if helps and hurts else "helps" if helps else "hurts"
    counted = f"beyond the joint 95 % intervals better in {helps}, worse in {hurts} of {total} comparisons"
    status = (
        f"observed here ({verdict}: {counted})" if helps or hurts else f"not attempted (no difference told from noise: {counted})"
    )
    return Finding(
        f"{SAYS[method]}, against the naive student",
        status,
        "; ".join(said),
    )


def _ceilings(table: Table) -> Finding:
    rows = pick(table, method="naive", metric="accuracy", ceiling="transfer")
    other = pick(table, method="naive", metric="accuracy", ceiling="weak")
    apart = np.abs(rows["ceilings_apart"])
    both = "; ".join(f"{rows['task'][i]} {_shown(rows, i)} against {_shown(other, i)}" for i in range(len(rows["task"])))
    return Finding(
        "the two published ceilings, gold labels of the transfer rows and of the weak rows, are the same yardstick",
        "observed here (they are not)"
        if any(_signs(rows, "ceilings_apart"))
        else "not attempted (no difference told from noise)",
        f"joint intervals, accuracy of the first minus the second: {_intervals(rows, 'ceilings_apart')}; largest {apart.max():.3f}. "
        f"PGR by one and by the other: {both}",
    )


def _shown(rows: Table, i: int) -> str:
    return "refused" if rows["is_refused"][i] else f"{rows['pgr'][i]:.2f} [{rows['pgr_low'][i]:.2f}, {rows['pgr_high'][i]:.2f}]"


def _refused(table: Table) -> Finding:
    rows = pick(table, is_control=False)
    refused = rows["is_refused"]
    where = [
        f"{task} ({metric.replace('_', '-')}, ceiling from {ceiling} rows)"
        for task in dict.fromkeys(rows["task"].tolist())
        for metric in METRICS
        for ceiling in ("transfer", "weak")
        if np.any(pick(rows, task=task, metric=metric, ceiling=ceiling)["is_refused"])
    ]
    reported = {name: column[~refused] for name, column in rows.items()}
    width = (
        f"; half of the intervals that are reported are wider than {np.median(reported['pgr_high'] - reported['pgr_low']):.2f}"
        if len(reported["pgr"])
        else ""
    )
    return Finding(
        "PGR means something only where the ceiling is told from the weak model",
        "observed here" if np.any(refused) else "not attempted (no PGR is refused)",
        f"{refused.sum()} of {len(refused)} PGRs refused: {_listed(where)}{width}",
    )


def _disagreement(table: Table) -> Finding:
    """The identity is about counts, and must hold to rounding."""
    rows = pick(table, metric="accuracy", ceiling="transfer")
    gap = np.abs(rows["gain"] - rows["misfit"] * (rows["student_right"] - rows["weak_right"]))
    naive = pick(rows, method="naive")
    each = "; ".join(
        f"{naive['task'][i]} agreement {naive['agreement'][i]:.3f} [{naive['agreement_low'][i]:.3f}, {naive['agreement_high'][i]:.3f}], "
        f"where they disagree right {naive['student_right'][i]:.2f} against {naive['weak_right'][i]:.2f}"
        for i in range(len(naive["task"]))
    )
    return Finding(
        "gain in accuracy = misfit · (P(student right) − P(weak right)), both where they disagree",
        "holds (derived here)" if gap.max() < 1e-9 else "counterexample found",
        f"{len(gap)} methods and controls, largest gap between the sides {gap.max():.1g}. Naive student and its teacher: {each}",
    )


def _realizable(table: Table) -> Finding:
    """No theorem is at stake: the students are regularised, softmax heads are not convex in both geometries, and the rows are new."""
    rows = pick(table, method="reverse KL", metric="cross_entropy", ceiling="transfer")
    each = "; ".join(
        f"{rows['task'][i]} misfit {rows['misfit'][i]:.3f}, gain towards the ceiling {rows['gain_to_ceiling'][i]:+.3f}, towards gold "
        f"{rows['gain'][i]:+.3f}"
        for i in range(len(rows["task"]))
    )
    far = float(np.mean(np.abs(rows["gain_to_ceiling"] - rows["misfit"])) / np.mean(rows["misfit"]))
    return Finding(
        "reverse-KL student on test rows: the gain in KL is about the misfit KL(student ‖ weak) (Mulgund and Pabbaraju)",
        "reproduced, with changes" if far < NEAR else "not reproduced (outside the theorem's hypotheses)",
        f"mean |gain towards the ceiling − misfit| / mean misfit = {far:.2f}: {each}",
    )


def _knows_nothing(table: Table, control: str) -> Finding:
    """A teacher that knows nothing of its sample: whatever PGR says, the student must not beat the class shares."""
    rows = pick(table, method=control, ceiling="transfer")
    above, _ = _signs(rows, "over_prior")
    real, _ = _signs(pick(table, method="naive", ceiling="transfer"), "over_prior")
    shown = pick(rows, metric="accuracy")
    gains, _ = _signs(shown, "gain")
    shares = "; ".join(f"{task} {_shown(shown, i)}" for i, task in enumerate(shown["task"]))
    return Finding(
        f"negative control, {control}: the student is no better than the shares of the classes, by accuracy and by cross-entropy",
        "not reproduced (a control fails)" if above else "observed here (as it should be)",
        f"better (joint 95 % intervals) in {len(above)} of {len(rows['task'])} comparisons, the naive student of the real teacher in {len(real)}. "
        f"Its gain in accuracy over the teacher is above 0 on {_listed(gains)}, with PGR {shares}",
    )


def _same_size(table: Table) -> Finding:
    rows = pick(table, method="same features", metric="accuracy", ceiling="transfer")
    return Finding(
        f"negative control, a student that sees what its teacher sees: no gain (|gain in accuracy| < {NO_GAIN:.0%})",
        "observed here (as it should be)" if np.abs(rows["gain"]).max() < NO_GAIN else "not reproduced (a control fails)",
        f"gain {_intervals(rows, 'gain')}; agreement {rows['agreement'].min():.3f} to {rows['agreement'].max():.3f}",
    )
