"""The lines of the ledger on gain and misfit of real tasks: every status is decided by the table."""

from __future__ import annotations

from collections import Counter

import numpy as np

from experiments._ledger import Finding
from experiments._tables import pick
from w2s_theory.montecarlo import proportion_estimate
from w2s_theory.outcomes import Verdict

HEADLINE, NAIVE = "new data", "splits"
#: What the ledger calls "nearly the misfit", and, of the weak error, "no gain": a choice of words.
NEAR, NO_GAIN = 0.25, 0.02
#: What the headline interval is to cover, and the level at which a rate is told from that.
WANTED, SURE = (0.93, 0.97), 0.99
#: Rounding of a sum of means of a thousand terms of size one.
ROUNDING = 1e-9

Table = dict[str, np.ndarray]


def tasks(table: Table) -> list[str]:
    """The real tasks, in the order of the table."""
    return list(dict.fromkeys(pick(table, part="task")["task"].tolist()))


def number(
    table: Table, task: str, quantity: str, *, loss: str = "squared", how: str = HEADLINE, control: str = "none"
) -> tuple[float, float, float]:
    """Value, low and high of a number; NaN where the table has none."""
    rows = pick(table, part="task", kind="number", task=task, quantity=quantity, loss=loss, control=control)
    rows = rows if quantity == "sharp_band" else pick(rows, how=how)
    if not len(rows["value"]):
        return (np.nan, np.nan, np.nan)
    return tuple(float(rows[name][0]) for name in ("value", "low", "high"))  # type: ignore[return-value]


def sign(table: Table, task: str, quantity: str = "gain", *, loss: str = "squared", control: str = "none") -> int:
    """1 or −1 where the headline interval leaves out 0, else 0."""
    _, low, high = number(table, task, quantity, loss=loss, control=control)
    return int(low > 0.0) - int(high < 0.0)


def gain_of(table: Table, task: str, loss: str = "squared") -> str:
    """The gain with its headline interval, for the ledger."""
    value, low, high = number(table, task, "gain", loss=loss)
    return f"{value:+.3f} [{low:+.3f}, {high:+.3f}]"


def signs(table: Table) -> Finding:
    names = tasks(table)
    found = [sign(table, task) for task in names]
    up, down = found.count(1), found.count(-1)
    status = (
        f"reproduced, with changes: on {up} of {len(names)} tasks, below zero on {down}" if up else "not reproduced (on no task)"
    )
    return Finding(
        "a strong model on frozen features gains over its weak teacher on real tasks (squared loss, ridge heads, penalty from the weak labels)",
        status,
        f"gain with a 95 % interval for a new data set: {'; '.join(f'{task} {gain_of(table, task)}' for task in names)}; above zero "
        f"on {up}, below on {down}, not told on {found.count(0)} of {len(names)}",
    )


def band(table: Table) -> Finding:
    names = tasks(table)
    inside, width, vacuous = 0, [], 0
    for task in names:
        gain = number(table, task, "gain")[0]
        misfit, low, high = number(table, task, "sharp_band")
        inside += low - ROUNDING <= gain <= high + ROUNDING
        vacuous += low <= 0.0 <= high
        width.append(abs(gain - misfit) / (high - misfit))
    return Finding(
        "out of sample the gain lies in the band misfit ± 2√(misfit·ε), ε estimated by the ceiling's held-out error (a theorem in sample only)",
        "observed here" if inside == len(names) else f"not reproduced (outside on {len(names) - inside} of {len(names)} tasks)",
        f"inside on {inside} of {len(names)} tasks, using {min(width):.0%} to {max(width):.0%} of the half-width; the band holds zero, and so does "
        f"not tell the sign, on {vacuous}",
    )


def misfit_law(table: Table) -> Finding:
    names = tasks(table)
    near, apart, shares = 0, 0, []
    for task in names:
        gain, misfit = number(table, task, "gain")[0], number(table, task, "misfit")[0]
        near += abs(gain - misfit) <= NEAR * misfit
        apart += sign(table, task, "residual") != 0
        shares.append(f"{task} {gain / misfit:+.0%}")
    return Finding(
        f"gain within {NEAR:.0%} of misfit on real tasks",
        "observed here" if near == len(names) else f"not reproduced (on {near} of {len(names)} tasks: no target is realizable)",
        f"gain over misfit: {', '.join(shares)}; gain and misfit told apart on {apart} of {len(names)} tasks; the ceiling's held-out error is "
        f"{min(number(table, t, 'ceiling_error')[0] for t in names):.2f} to {max(number(table, t, 'ceiling_error')[0] for t in names):.2f} of the "
        "label's variance",
    )


def sign_by_penalty(table: Table, task: str) -> Finding:
    """Along the path: is some penalty's mean gain positive and another's negative; in the splits: do both signs occur."""
    rows = pick(table, part="task", kind="path", task=task, control="none")
    penalties = np.unique(rows["penalty"])
    means = np.array([rows["value"][rows["penalty"] == each].mean() for each in penalties])
    mixed = [each for each in penalties if 0.0 < np.mean(rows["value"][rows["penalty"] == each] > 0.0) < 1.0]
    chosen = pick(table, part="task", kind="split", task=task, control="none", loss="squared")["value"]
    both = bool(np.any(means > 0.0) and np.any(means < 0.0))
    splits = bool(np.any(chosen > 0.0) and np.any(chosen < 0.0))
    status = (
        "observed here"
        if both and splits
        else f"observed here (by {'penalty' if both else 'split'} only)"
        if both or splits
        else "not reproduced (one sign)"
    )
    positive = penalties[means > 0.0]
    where = (
        f"positive for penalties from {positive.min():.1g} to {positive.max():.1g} of the mean eigenvalue"
        if len(positive)
        else "never positive"
    )
    return Finding(
        f"{task}: the sign of the gain depends on the penalty and on the split",
        status,
        f"mean gain {where}, from {means.min():+.3f} to {means.max():+.3f}; both signs among the splits at {len(mixed)} of "
        f"{len(penalties)} penalties; with the penalty chosen from the weak labels positive in {np.sum(chosen > 0)} of {len(chosen)} splits, "
        f"from {chosen.min():+.3f} to {chosen.max():+.3f}",
    )


def sign_by_labels(table: Table) -> Finding:
    """By the number of gold labels of the weak head: in which share of splits × penalties is the gain positive, and with the chosen penalty?"""
    path, chosen = (pick(table, part="labels", kind=kind) for kind in ("path", "split"))
    parts, signs = [], set()
    for task in dict.fromkeys(path["task"].tolist()):
        said = []
        for labels in np.unique(path["trial"]):
            along = pick(path, task=task, trial=labels)["value"]
            own = pick(chosen, task=task, trial=labels, loss="squared")["value"]
            signs |= {*np.sign(along[along != 0.0]).tolist()}
            said.append(
                f"{labels} labels {np.mean(along > 0.0):.0%} of {len(along)} (chosen penalty: {np.sum(own > 0.0)} of {len(own)} splits, mean "
                f"{own.mean():+.3f})"
            )
        parts.append(f"{task} {', '.join(said)}")
    return Finding(
        "the sign of the gain depends on penalty, split and the number of the weak head's gold labels",
        "observed here"
        if {1.0, -1.0} <= signs
        else "not reproduced (one sign)"
        if signs
        else "not attempted (not in this table)",
        f"gain positive, share of splits × penalties: {'; '.join(parts)}" if parts else "no rows in this table",
    )


def disagreement(table: Table) -> Finding:
    parts, opposite, partial, several = [], [], [], 0
    for task in tasks(table):
        rows = pick(table, part="task", kind="number", task=task, control="none", quantity="gain", how=HEADLINE)
        losses = rows["loss"].tolist()
        if len(losses) < 2:
            continue
        several += 1
        found = {loss: sign(table, task, loss=loss) for loss in losses}
        if {1, -1} <= set(found.values()):
            opposite.append(task)
        elif len(set(found.values())) > 1:
            partial.append(task)
        parts.append(f"{task} {', '.join(f'{loss} {gain_of(table, task, loss)}' for loss in losses)}")
    if opposite:
        status = f"observed here (on {', '.join(opposite)})"
    elif partial:
        status = f"observed here (one loss tells the sign and another does not on {len(partial)} of {several} tasks)"
    else:
        status = "not reproduced (they agree)" if several else "not attempted (no task of classes)"
    return Finding(
        "squared loss, cross-entropy and accuracy disagree about the gain of one student",
        status,
        "; ".join(parts) if parts else "no task with two losses in this table",
    )


def statements(table: Table) -> Finding:
    rows = pick(table, part="task", kind="verdict")
    counts = Counter(rows["how"].tolist())
    violated = counts[Verdict.VIOLATED.name] + counts[Verdict.NONFINITE.name]
    scope = counts[Verdict.OUT_OF_SCOPE.name]
    open_ = len(rows["how"]) - violated - scope - counts[Verdict.HOLDS.name]
    status = (
        "counterexample found" if violated else "holds (derived here)" if not open_ else f"not attempted (undecided in {open_})"
    )
    names = sorted({name for name, how in zip(rows["quantity"], rows["how"], strict=True) if how == Verdict.OUT_OF_SCOPE.name})
    return Finding(
        "the statements that are about a run on real data hold on it, in sample or as identities on test rows",
        status,
        f"{len(rows['how'])} checks: {', '.join(f'{count} {verdict}' for verdict, count in counts.most_common())}; out of scope somewhere: "
        f"{', '.join(names)}",
    )


def control_finding(table: Table, control: str) -> Finding:
    """Same features: no gain. Permuted teacher: a gain near the misfit, a student no better than the mean. Random features: no gain either."""
    names = [task for task in tasks(table) if len(pick(table, part="task", task=task, control=control)["task"])]
    gains = {task: number(table, task, "gain", control=control)[0] for task in names}
    if control == "permuted teacher":
        off = [abs(gains[task] / number(table, task, "misfit", control=control)[0] - 1.0) for task in names]
        knows = [task for task in names if number(table, task, "student_error", control=control)[2] < 1.0]
        good = not knows and max(off) < NEAR
        return Finding(
            f"negative control, {control}: a gain within {NEAR:.0%} of the misfit, yet a student that is no better than the mean",
            "observed here" if good else "not reproduced (a control fails)",
            f"gain over misfit − 1 at most {max(off):.1%} in size; student better than the mean on {len(knows)} of {len(names)} tasks",
        )
    worst = {task: abs(gain) / number(table, task, "weak_error", control=control)[0] for task, gain in gains.items()}
    last = max(worst, key=worst.__getitem__)
    return Finding(
        f"negative control, {control}: no gain (below {NO_GAIN:.0%} of the weak error)",
        "observed here" if worst[last] < NO_GAIN else "not reproduced (a control fails)",
        f"|gain| at most {worst[last]:.1%} of the weak error ({last}), on {len(names)} tasks",
    )


def truth_of(table: Table, world: str, loss: str, quantity: str) -> float:
    """Mean over the independent runs."""
    return float(np.mean(pick(table, part="truth", task=world, loss=loss, quantity=quantity)["value"]))


def coverage_of(table: Table, world: str, loss: str, quantity: str, how: str) -> tuple[int, int]:
    """How many intervals hold the truth, of how many."""
    rows = pick(table, part="cover", task=world, loss=loss, quantity=quantity, how=how)
    expected = truth_of(table, world, loss, quantity)
    return int(np.sum((rows["low"] <= expected) & (expected <= rows["high"]))), len(rows["low"])


def worlds(table: Table) -> list[tuple[str, str]]:
    """World and loss of each coverage."""
    rows = pick(table, part="cover")
    return list(dict.fromkeys(zip(rows["task"].tolist(), rows["loss"].tolist(), strict=True)))


def covers(table: Table) -> list[Finding]:
    """The headline interval of gain, misfit and errors, against the naive one over splits."""
    found = []
    for quantity in dict.fromkeys(pick(table, part="cover")["quantity"].tolist()):
        parts, low, high, few = [], 0, 0, False
        for world, loss in worlds(table):
            inside, total = coverage_of(table, world, loss, quantity, HEADLINE)
            naive, _ = coverage_of(table, world, loss, quantity, NAIVE)
            rate = proportion_estimate(inside, total, level=SURE)
            low, high = low + (rate.high < WANTED[0]), high + (rate.low > WANTED[1])
            few = few or rate.high - rate.low > 0.15
            parts.append(f"{world}, {loss}: {inside / total:.1%} (over splits alone {naive / total:.1%})")
        if low:
            status = f"counterexample found (below in {low} of {len(parts)})"
        elif few:
            status = "not attempted (too few data sets to tell)"
        else:
            status = "observed here" + (f" (more than that in {high} of {len(parts)})" if high else "")
        found.append(
            Finding(
                f"the headline interval covers the expected {quantity.replace('_', ' ')} of a new data set in about {WANTED[0]:.0%} to "
                f"{WANTED[1]:.0%} (synthetic worlds)",
                status,
                f"{'; '.join(parts)}; {total} data sets each, told at {SURE:.0%}",
            )
        )
    return found
