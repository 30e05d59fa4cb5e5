"""The lines of the ledger on gain and KL misfit: theory's students, real tasks by gold labels and by the surrogate, controls, and the losses.

Where an interval decides a status there are several of them, one per task: each is at the level at which all together cover with 95 %.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from experiments import _mulgund2025 as published
from experiments import _yao2025 as yao
from experiments._classification import interval, said
from experiments._ledger import Finding
from experiments._tables import FEWEST, joint, pick, told
from w2s_theory.embeddings.tasks import EMBEDDING_CLASSES
from w2s_theory.montecarlo import mean_estimate

TASKS: tuple[str, ...] = ("digits", *EMBEDDING_CLASSES)
CROSS_ENTROPY, SINGLE, HULL = "cross-entropy, 1 head", "reverse KL, 1 head", "reverse KL, mixture of known heads"
FORWARD, REVERSE, MIXTURE = "forward KL", "reverse KL", "reverse KL, mixture"
IGNORANT = ("permuted labels", "random teacher")
#: Relative size of what a stationary gradient and a penalty of 1e-4 leave of an exact equality.
EQUAL = 1e-4
#: What the ledger calls "nearly the misfit", and, of the weak error, "no gain": a choice of words.
NEAR, NO_GAIN = 0.25, 0.02
FEW = f"not attempted (too few splits: fewer than {FEWEST})"

Table = dict[str, np.ndarray]


def tasks(table: Table) -> list[str]:
    """The real tasks that the table has."""
    return [task for task in TASKS if np.any(table["task"] == task)]


def of_theory(table: Table, name: str, order: str) -> Table:
    """The synthetic rows of a student."""
    return pick(table, task="synthetic", student=name, order=order)


def of_task(table: Table, task: str, **values: Any) -> Table:
    """Test rows of a task, by default of the student trained by reverse KL, without a control, in the primal order."""
    return pick(table, **({"task": task, "where": "test", "order": "primal", "student": REVERSE, "control": "none"} | values))


def equality(table: Table) -> Finding:
    rows = of_theory(table, CROSS_ENTROPY, "dual")
    worst = float(np.max(np.abs(rows["residual"]) / rows["misfit"]))
    other = of_theory(table, CROSS_ENTROPY, "primal")
    return Finding(
        "softmax head by cross-entropy, realizable: KL(weak ‖ truth) − KL(student ‖ truth) = KL(weak ‖ student)",
        "holds (derived here)" if worst < EQUAL else "counterexample found",
        f"the sides differ by at most {worst:.1g} of the misfit in {len(rows['misfit'])} worlds; in the order KL(truth ‖ ·), which it is not about, "
        f"gain − misfit = {said(interval(other['residual']))}",
    )


def hull(table: Table) -> Finding:
    rows = of_theory(table, HULL, "primal")
    below = rows["residual"] < -rows["gap"] - EQUAL * rows["misfit"]
    return Finding(
        "convex mixtures by reverse KL, realizable: KL(truth ‖ weak) − KL(truth ‖ student) ≥ KL(student ‖ weak)",
        "counterexample found" if np.any(below) else "reproduced, with changes",
        f"broken by more than the certified gap in {np.sum(below)} of {len(below)} worlds; gain {rows['gain'].mean():.3f}, misfit "
        f"{rows['misfit'].mean():.3f}, smallest gain − misfit {rows['residual'].min():.2g}, median share of the gain that is slack "
        f"{np.median(rows['residual'] / rows['gain']):.1%}",
    )


def single(table: Table) -> Finding:
    rows = of_theory(table, SINGLE, "primal")
    gain, misfit, residual = rows["gain"], rows["misfit"], rows["residual"]
    if abs(float(residual.mean())) > NEAR * float(misfit.mean()):
        status = "not reproduced (not nearly)"
    else:
        both = residual.min() < 0 < residual.max()
        status = "observed here" if both else f"not attempted (one sign only in {len(gain)} worlds)"
    return Finding(
        "one softmax head by reverse KL (no convex class, no guarantee): nearly an equality, of either sign",
        status,
        f"{len(gain)} worlds: mean gain {gain.mean():.4f}, mean misfit {misfit.mean():.4f}, gain − misfit {said(interval(residual))}, from "
        f"{residual.min():+.3f} to {residual.max():+.3f}, below 0 in {np.mean(residual < 0):.0%}",
    )


def real_gain(table: Table, target: str) -> Finding:
    names = tasks(table)
    parts, failing, reached = [], 0, 0
    for task in names:
        rows = of_task(table, task, target=target)
        difference, inside = interval(rows["residual"]), of_task(table, task, target=target, where="train")
        sign = told(rows["residual"], level=joint(len(names)))
        failing, reached = failing + (sign < 0), reached + (sign > 0)
        parts.append(
            f"{task}: gain {said(interval(rows['gain']), 3)}, misfit {rows['misfit'].mean():.3f}, difference {said(difference, 3)} (in sample "
            f"{inside['residual'].mean():+.3f})"
        )
    if target == "gold":
        claim = f"gain ≥ misfit on real tasks by gold labels (published: broken, with a misfit of {_published_ratios()} the gain)"
        found = f"reproduced, with changes: broken on {failing} of {len(names)} tasks" if failing and not reached else ""
    else:
        claim = "gain ≥ misfit on real tasks where the ceiling's probabilities stand for the truth (published: broken by less)"
        less = [
            np.mean(of_task(table, task, target="gold")["residual"]) < of_task(table, task, target=target)["residual"].mean()
            for task in names
        ]
        found = f"reproduced, with changes: broken by less, on {failing} of {len(names)} tasks" if failing and all(less) else ""
    if not found:
        found = "not reproduced (see the evidence)" if reached or failing else "not attempted (too few splits to tell)"
    splits = len(set(pick(table, task=names[0])["trial"].tolist()))
    return Finding(
        claim,
        found,
        f"reverse KL, test rows, {splits} splits: {'; '.join(parts)}. Joint intervals of gain − misfit below 0 on {failing}, above on {reached} of "
        f"{len(names)} tasks",
    )


def _published_ratios() -> str:
    """Misfit over gain, lowest and highest by data set."""
    ratios: dict[str, list[float]] = {}
    for setting in published.SETTINGS:
        ratios.setdefault(setting.task, []).append(setting.misfit / (setting.weak_ce - setting.student_ce))
    return ", ".join(
        f"{' to '.join(f'{ratio:.1f}' for ratio in sorted({min(each), max(each)}))} times ({task})"
        for task, each in ratios.items()
    )


def real_dual(table: Table) -> Finding:
    parts, equal, far, names = [], 0, 0, tasks(table)
    for task in names:
        inside, outside = (
            of_task(table, task, student=FORWARD, target="ceiling", order="dual", where=where) for where in ("train", "test")
        )
        apart, room = mean_estimate(inside["residual"], level=joint(len(names))), NEAR * float(inside["misfit"].mean())
        equal += -room < apart.low and apart.high < room
        far += apart.high < -room or apart.low > room
        differences = " and ".join(said(interval(rows["residual"]), 3) for rows in (inside, outside))
        parts.append(f"{task} {differences} (misfit {outside['misfit'].mean():.3f})")
    if far:
        status = f"not reproduced (on {far} of {len(names)} tasks)"
    else:
        status = "observed here" if equal == len(names) else f"not attempted (open on {len(names) - equal} of {len(names)} tasks)"
    return Finding(
        "cross-entropy students of real tasks, order KL(· ‖ ceiling): gain = misfit in sample, but for the penalties",
        status,
        f"gain − misfit in sample and on test rows: {'; '.join(parts)}; equal in sample means a joint interval within {NEAR:.0%} of the misfit",
    )


def correlation(table: Table) -> Finding:
    """Intervals by Fisher's z, joint over the tasks and both targets."""
    names = tasks(table)
    found, up, down, few = {}, 0, 0, False
    for target in ("gold", "ceiling"):
        said_of = []
        for task in names:
            rows = of_task(table, task, target=target)
            n = len(rows["gain"])
            few = few or n < FEWEST
            if n >= FEWEST:
                r = float(np.corrcoef(rows["gain"], rows["misfit"])[0, 1])
                low, high = fisher(r, n, joint(2 * len(names)))
                up, down = up + (low > 0), down + (high < 0)
                said_of.append(f"{task} {r:+.2f} [{low:+.2f}, {high:+.2f}]")
        found[target] = ", ".join(said_of)
    if few:
        status = FEW
    elif up and down:
        status = "not reproduced (both signs)"
    elif down:
        status = f"not reproduced (negative in {down} of {2 * len(names)})"
    else:
        status = f"observed here (in {up} of {2 * len(names)})" if up else "not attempted (not told from 0)"
    return Finding(
        "gain and misfit are correlated (published, over models), here over the splits of a task",
        status,
        "too few splits for a correlation"
        if few
        else f"correlation with joint 95 % intervals by gold labels: {found['gold']}; by the ceiling: {found['ceiling']}",
    )


def fisher(r: float, n: int, level: float) -> tuple[float, float]:
    """The interval tanh(artanh r ± z/√(n − 3)) of a correlation over ``n`` > 3 pairs."""
    from scipy.special import ndtri

    half = float(ndtri(0.5 + level / 2.0)) / np.sqrt(n - 3.0)
    centre = np.arctanh(np.clip(r, -1.0 + 1e-12, 1.0 - 1e-12))
    return float(np.tanh(centre - half)), float(np.tanh(centre + half))


def mixtures(table: Table, heads: int) -> Finding:
    """The penalty of the mixture is the one that the single head chose."""
    parts, signs, splits = [], [], 0
    for task in tasks(table):
        mixed = of_task(table, task, target="gold", student=MIXTURE)
        alone = of_task(table, task, target="gold")
        alone = {name: column[np.isin(alone["trial"], mixed["trial"])] for name, column in alone.items()}
        change = mixed["residual"] - alone["residual"]
        splits = len(change)
        signs.append(told(change, level=joint(len(tasks(table)))))
        parts.append(f"{task} {np.mean(change):+.4f}")
    up, down = signs.count(1), signs.count(-1)
    if splits < FEWEST:
        status = FEW
    elif down:
        status = f"not reproduced (worse on {down} of {len(signs)} tasks)"
    else:
        status = f"observed here (on {up} of {len(signs)} tasks)" if up else "not attempted (no change told from noise)"
    return Finding(
        f"{heads} heads instead of one on real tasks: gain − misfit rises (published: up to 5 heads)",
        status,
        f"change by gold labels, mean over {splits} splits: {', '.join(parts)}; the penalty is the one that the single head chose",
    )


def ignorant(table: Table, control: str) -> Finding:
    """A teacher whose labels are independent of the sample: the student can only learn the shares of the classes."""
    names = tasks(table)
    level = joint(len(names) * len(IGNORANT))
    parts, near, far, knowing, few = [], 0, 0, 0, False
    for task in names:
        rows = of_task(table, task, target="gold", control=control)
        few = few or len(rows["gain"]) < FEWEST
        room = NEAR * float(rows["misfit"].mean())
        apart = mean_estimate(rows["residual"], level=level)
        near += -room < apart.low and apart.high < room
        far += apart.high < -room or apart.low > room
        knowing += _knows(rows, level)
        parts.append(f"{task} {rows['gain'].mean():.2f} of {rows['misfit'].mean():.2f}")
    if knowing:
        status = "not reproduced (a control fails)"
    elif few:
        status = FEW
    elif far:
        status = f"not reproduced (gain and misfit differ on {far} of {len(names)} tasks)"
    else:
        status = "observed here" if near == len(names) else f"not attempted (open on {len(names) - near} of {len(names)} tasks)"
    return Finding(
        f"negative control, {control}: a gain within {NEAR:.0%} of the misfit, and a student that knows no more than the shares of the classes",
        status,
        f"gain of misfit: {', '.join(parts)}; joint intervals put the gain within {NEAR:.0%} of the misfit on {near}, outside on {far} of "
        f"{len(names)} tasks; cross-entropy below the entropy of the classes on {knowing} (of a real teacher's student: on "
        f"{sum(_knows(of_task(table, task, target='gold'), level) for task in names)})",
    )


def _knows(rows: Table, level: float) -> bool:
    """Whether the student's cross-entropy is below the entropy of the classes, what knowing their shares would cost."""
    return told(rows["class_entropy"] - rows["student_error"], level=level) > 0


def same_features_gain(table: Table) -> Finding:
    parts, worst = [], 0.0
    for task in tasks(table):
        rows = of_task(table, task, target="gold", control="same features")
        worst = max(worst, abs(float(rows["gain"].mean())) / float(rows["weak_error"].mean()))
        parts.append(f"{task} {said(interval(rows['gain']), 3)}")
    return Finding(
        f"negative control, strong features = weak features: no gain (below {NO_GAIN:.0%} of the weak error)",
        "observed here" if worst < NO_GAIN else "not reproduced (a control fails)",
        f"gain: {', '.join(parts)}; at most {worst:.1%} of the weak error",
    )


def losses(table: Table, task: str, what: str) -> np.ndarray:
    """How much better reverse than forward KL does on the test rows, by gold labels, one number per split."""
    one, other = (of_task(table, task, target="gold", student=name) for name in (REVERSE, FORWARD))
    if what == "accuracy":
        return one["student_accuracy"] - other["student_accuracy"]
    return other["student_error"] - one["student_error"]


def _wins() -> int:
    """Published settings in which reverse KL is the more accurate; a tie is none."""
    return sum(reverse > forward for forward, reverse in yao.ACCURACY.values())


def reverse_or_forward(table: Table, what: str) -> Finding:
    names = tasks(table)
    found = {task: interval(losses(table, task, what)) for task in names}
    signs = [told(losses(table, task, what), level=joint(len(names))) for task in names]
    better, worse = signs.count(1), signs.count(-1)
    if not better and not worse:
        status = "not attempted (too few splits to tell)"
    else:
        fewer = f"reproduced, with changes: better on {better} of {len(names)} tasks, worse on none"
        status = "not reproduced (see the evidence)" if worse else fewer
    return Finding(
        f"a student trained by reverse KL is better than by forward KL: {what} (yao2025kl, fine-tuned language models: in "
        f"{_wins()} of {len(yao.ACCURACY)} settings that are known here)",
        status,
        "reverse less forward" * (what == "accuracy")
        + "forward less reverse" * (what != "accuracy")
        + f": {', '.join(f'{task} {said(e, 3)}' for task, e in found.items())}; better on {better}, worse on {worse} of {len(names)} tasks, "
        "joint intervals",
    )
