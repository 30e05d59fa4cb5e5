"""What the experiments on whole regularisation paths share: the rows of one split, the choice of a penalty, the lines in the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from experiments._ledger import Finding
from experiments._real import NO_GAIN, mean_by
from w2s_theory.design import Design
from w2s_theory.montecarlo import mean_estimate
from w2s_theory.outcomes import Estimate, Verdict
from w2s_theory.problems.empirical import EmpiricalTask
from w2s_theory.problems.linear_sample import LinearSample
from w2s_theory.quantities.gain import report as report_of
from w2s_theory.students.linear import Ridge
from w2s_theory.theorems import STATEMENTS, check
from w2s_theory.triple import Triple

#: Penalties in units of the mean eigenvalue tr(XᵀX)/d of the centred features, three per decade.
GRID = np.logspace(-4.0, 3.0, 22)
FOLDS = 5
#: Who chooses the penalty -> the column that the choice makes smallest. The first three see weak labels only, the fourth the gold
#: labels that the teacher was trained on, and the oracle the test rows.
CRITERIA = {
    "GCV": "gcv",
    "leave-one-out": "leave_one_out",
    "held-out misfit": "held_out_misfit",
    "teacher's gold rows": "gold_error",
    "oracle": "student_error",
}
#: Checked at every penalty: the first on the predictions for the test rows of every split, the second, which solves again for every
#: penalty, on the transfer rows of the first split.
CHECKED = ("identities.squared", "ridge.penalty")

Table = Mapping[str, np.ndarray]


class Part(NamedTuple):
    """Rows with their strong ``features`` (n, d) and their ``weak`` and ``target`` labels (n, T)."""

    features: np.ndarray
    weak: np.ndarray
    target: np.ndarray

    def design(self) -> Design:
        """The design of these rows, with an intercept, carrying its labels."""
        return Design(self.features, intercept=True, weak=self.weak, target=self.target)


def split_parts(task: EmpiricalTask, sizes: tuple[int, int, int], *, rng: np.random.Generator) -> tuple[Part, Part, Part]:
    """Transfer, test and gold rows of a random split of ``sizes`` (gold, transfer, test).

    The teacher is ridge by leave-one-out on the gold rows.
    """
    gold, transfer, test = task.split(sizes, rng=rng)
    labels = np.atleast_2d(task.labels)
    teacher = Ridge("loo").fit(task.weak_features[gold], labels[:, gold])

    def part(rows: np.ndarray) -> Part:
        return Part(task.strong_features[rows], teacher.predict(task.weak_features[rows]).T, labels[:, rows].T)

    return part(transfer), part(test), part(gold)


def path_rows(transfer: Part, test: Part, gold: Part, *, solve_again: bool, rng: np.random.Generator) -> list[dict[str, Any]]:
    """A row per target and penalty: the GainReport on the test rows and the value of every criterion, from one factorisation.

    ``flow_gain`` is the gain of gradient flow stopped at time 1/λ; ``gold_error`` the student's error on the rows whose gold labels
    made the teacher; ``predictable`` the share of the weak labels' errors on the test rows that a head on the strong features
    predicts, trained on the errors on the transfer rows, at the best penalty. How well the engine and the identities agree is one
    number for each path, its worst, in units of the weak error: ``engine_gap`` between this report and one from predictions,
    ``penalty_gap`` between the sides of the ridge identity on the transfer rows. The columns of ``CHECKED`` have a verdict.
    """
    design, held, known = (part.design() for part in (transfer, test, gold))
    penalties = _unit(transfer.features) * GRID
    inside, outside = design.report(penalties=penalties), design.report(penalties=penalties, on=held)
    errors = Design(test.features, intercept=True, weak=test.weak - test.target)
    missed = design.report(transfer.weak - transfer.target, penalties=penalties, on=errors).misfit
    curves = outside.gain.numbers() | {
        "gcv": inside.gcv,
        "leave_one_out": design.leave_one_out(penalties=penalties),
        "held_out_misfit": _held_out_misfit(transfer),
        "gold_error": design.report(penalties=penalties, on=known).gain.student_error,
        "flow_gain": design.report(times=1.0 / penalties, on=held).gain.gain,
    }
    tasks, size = transfer.weak.shape[1], curves["weak_error"][0]
    heads = design.solve(np.hstack([transfer.weak, transfer.target]), penalties=penalties)
    predictions = np.moveaxis(heads.predict(test.features), 1, -1)
    triple = Triple(test.weak.T, predictions[:, :tasks], test.target.T, ceiling=predictions[:, tasks:])
    gaps = [np.abs(values - curves[name]) for name, values in report_of(triple).numbers().items() if name != "pgr"]
    student, ceiling = heads.coefficients[:, :, :tasks], heads.coefficients[:, :, tasks:]
    lengths = np.sum(student**2 - ceiling**2 + (student - ceiling) ** 2, axis=1)
    sides = inside.gain.penalty_term, penalties[:, None] * lengths / len(transfer.weak)
    verdicts = dict.fromkeys(CHECKED, "")
    verdicts[CHECKED[0]] = check(CHECKED[0], triple, rng=rng).verdict.name
    if solve_again:
        verdicts[CHECKED[1]] = _ridge_verdict(transfer, penalties, ceiling, rng)
    of_path = {
        "predictable": 1.0 - np.min(missed, axis=0) / size,
        "engine_gap": np.max(gaps, axis=(0, 1)) / size,
        "penalty_gap": np.max(np.abs(sides[0] - sides[1]), axis=0) / size,
    }
    rows = []
    for t in range(tasks):
        same = {"target_index": t, "n": len(transfer.weak), "d": transfer.features.shape[1]} | verdicts
        same |= {name: float(values[t]) for name, values in of_path.items()}
        for point, penalty in enumerate(GRID.tolist()):
            values = {name: float(curve[point, t]) for name, curve in curves.items()}
            rows.append(same | {"penalty": penalty, "dimension": float(inside.effective_dimension[point])} | values)
    return rows


def _unit(features: np.ndarray) -> float:
    """The mean eigenvalue of the Gram matrix of the centred features."""
    return float(np.sum((features - features.mean(axis=0)) ** 2) / features.shape[1])


def _held_out_misfit(transfer: Part) -> np.ndarray:
    """Misfit (L, T) on FOLDS sets of rows held out in turn; the penalties of a fold are in units of its own mean eigenvalue."""
    folds = [Part(*(values[fold::FOLDS] for values in transfer)) for fold in range(FOLDS)]
    designs = [fold.design() for fold in folds]
    total = np.zeros((len(GRID), transfer.weak.shape[1]))
    for k, held in enumerate(folds):
        # A sum and not all − held: its rows can be read again, which the smallest penalties ask for.
        rest = sum(designs[:k] + designs[k + 1 :], start=0)
        unit = _unit(np.vstack([fold.features for fold in folds[:k] + folds[k + 1 :]]))
        total += len(held.weak) * rest.report(penalties=unit * GRID, on=designs[k]).misfit
    return total / len(transfer.weak)


def _ridge_verdict(transfer: Part, penalties: np.ndarray, ceiling: np.ndarray, rng: np.random.Generator) -> str:
    """HOLDS when the ridge identity holds at every penalty, else the first other verdict; centring takes the intercept away."""
    features, weak, target = (values - values.mean(axis=0) for values in transfer)
    for penalty, head in zip(penalties.tolist(), ceiling, strict=True):
        verdict = check(CHECKED[1], LinearSample(features, weak.T, target.T, penalty, head.T), rng=rng).verdict
        if verdict is not Verdict.HOLDS:
            return verdict.name
    return Verdict.HOLDS.name


# ---- from a table ---------------------------------------------------------------------------------------------------------------


def paths(table: Table) -> dict[str, np.ndarray]:
    """The columns (paths, L): a path is one target of one split, and its rows stand together.

    ``shared_error`` ⟨student − target, weak − target⟩ = student_error + residual/2 is added, so that gain = 2(weak_error −
    shared_error) − misfit: what fits the weak labels best gains most if the shared error does not change along the path.
    """
    curves = {name: column.reshape(-1, len(GRID)) for name, column in table.items()}
    return curves | {"shared_error": curves["student_error"] + curves["residual"] / 2.0}


def chosen(table: Table, criterion: str, column: str) -> np.ndarray:
    """``column`` (paths,) at the penalty that ``criterion`` chooses."""
    best = np.argmin(paths(table)[CRITERIA[criterion]], axis=1)
    return np.take_along_axis(paths(table)[column], best[:, None], axis=1)[:, 0]


def per_split(table: Table, values: np.ndarray) -> np.ndarray:
    """Values of paths (paths,), averaged over the targets of a split: the splits are what is independent."""
    return mean_by(paths(table)["trial"][:, 0], values)


def statements(table: Table) -> list[Finding]:
    """The identities, at every penalty."""
    curves = paths(table)
    splits = np.unique([f"{task} {trial}" for task, trial in zip(table["task"], table["trial"], strict=True)], return_index=True)[
        1
    ]
    gaps = {
        CHECKED[
            0
        ]: f"in all splits reports from sufficient statistics and from predictions agree to {curves['engine_gap'].max():.1g}",
        CHECKED[1]: f"in all splits its sides, from inner products and from heads, agree to {curves['penalty_gap'].max():.1g}",
    }
    found = []
    for name, where in zip(CHECKED, ("on the test rows", "on the transfer rows"), strict=True):
        counts = Counter(verdict for verdict in table[name][splits].tolist() if verdict)
        total, holds = sum(counts.values()), counts[Verdict.HOLDS.name]
        status = "holds (derived here)"
        if counts[Verdict.VIOLATED.name]:
            status = "counterexample found"
        elif holds < total or not total:
            status = f"not attempted (undecided in {total - holds} of {total} splits)"
        verdicts = "all HOLDS" if holds == total else ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())
        found.append(
            Finding(
                f"`{name}` at every penalty of a path, {where}: {STATEMENTS[name].says}",
                status,
                f"{len(GRID)} penalties in each of {total} splits, {verdicts}; {gaps[name]} of the weak error",
            )
        )
    return found


def choices(table: Table, what: str) -> list[Finding]:
    """What the choice of the penalty costs on the tasks ``what``, and early stopping beside ridge."""
    targets, trials = (len(np.unique(table[name])) for name in ("target", "trial"))
    on_what = f"{targets} targets × {trials} splits"
    return [
        _too_little(table, what, on_what),
        _left(table, what, on_what),
        _gold(table, what, on_what),
        recovered(table, what, on_what),
        _stopping(table, what, on_what),
    ]


def by_target(table: Table, values: np.ndarray) -> list[Estimate]:
    """For each target the mean over the splits of values (paths,), with its 95 % interval."""
    target = paths(table)["target"][:, 0]
    return [mean_estimate(values[target == name]) for name in np.unique(target)]


def told(estimate: Estimate, digits: int = 3) -> str:
    """An estimate and its interval."""
    return f"{estimate.value:+.{digits}f} [{estimate.low:+.{digits}f}, {estimate.high:+.{digits}f}]"


def _too_little(table: Table, what: str, on_what: str) -> Finding:
    """Compare the penalty that leave-one-out chooses with the oracle's, target by target."""
    decades = np.log10(chosen(table, "leave-one-out", "penalty") / chosen(table, "oracle", "penalty"))
    mean, targets = mean_estimate(per_split(table, decades)), by_target(table, decades)
    misfit, shared = (
        float(np.mean(chosen(table, "oracle", name) - chosen(table, "leave-one-out", name)))
        for name in ("misfit", "shared_error")
    )
    predictable = [one.value for one in by_target(table, paths(table)["predictable"][:, 0])]
    return Finding(
        f"{what}: what fits the weak labels best (leave-one-out) is less shrinkage than is best for the gain",
        _sign_status(-mean.high, -mean.low),
        f"log10 of λ chosen over λ best {told(mean, 2)}, below 0 on {sum(one.high < 0 for one in targets)} targets, above on "
        f"{sum(one.low > 0 for one in targets)}. From the chosen to the best λ the misfit changes by {misfit:+.4f} and the shared error "
        f"⟨student − gold, weak − gold⟩ by {shared:+.4f} (gain = 2(weak error − shared error) − misfit); strong features predict "
        f"{min(predictable):.0%} to {max(predictable):.0%} of the weak errors; {on_what}",
    )


def _sign_status(low: float, high: float) -> str:
    """Status of "on average above 0" by an interval over the splits."""
    if low > 0:
        return "holds (derived here)"
    return "counterexample found" if high < 0 else "not attempted (too few splits to tell the sign)"


def _left(table: Table, what: str, on_what: str) -> Finding:
    best = chosen(table, "oracle", "gain")
    losses = {name: best - chosen(table, name, "gain") for name in CRITERIA if name != "oracle"}
    left = {name: mean_estimate(per_split(table, values)) for name, values in losses.items()}
    worst = max(losses, key=lambda name: losses[name].max())
    where = paths(table)["target"][np.argmax(losses[worst]), 0]
    judged = left["leave-one-out"]
    status = "holds (derived here)" if judged.high < NO_GAIN else "not attempted (too few splits to tell)"
    if judged.low > NO_GAIN:
        status = "counterexample found"
    gain = {name: float(np.mean(chosen(table, name, "gain"))) for name in ("leave-one-out", "oracle")}
    costs = "; ".join(f"{name} {told(estimate)}" for name, estimate in left.items())
    return Finding(
        f"{what}: leave-one-out on the weak labels leaves less than {NO_GAIN:.0%} of the label's variance of gain on the table",
        status,
        f"gain left, against the best λ of each split in hindsight: {costs}; mean gain {gain['leave-one-out']:+.3f} by leave-one-out, "
        f"{gain['oracle']:+.3f} at best; largest loss on one target of one split {losses[worst].max():.2f}, by {worst} on {where}; {on_what}",
    )


def _gold(table: Table, what: str, on_what: str) -> Finding:
    more = chosen(table, "teacher's gold rows", "gain") - chosen(table, "leave-one-out", "gain")
    estimate, targets = mean_estimate(per_split(table, more)), by_target(table, more)
    return Finding(
        f"{what}: the gold labels that the teacher was trained on choose λ with more gain than leave-one-out on the weak labels",
        _sign_status(estimate.low, estimate.high),
        f"mean difference {told(estimate, 4)}; above 0 on {sum(one.low > 0 for one in targets)} targets, below on "
        f"{sum(one.high < 0 for one in targets)}; {on_what}",
    )


def recovered(table: Table, what: str, on_what: str) -> Finding:
    """What choosing by the PGR would cost: its ceiling is trained with the same penalty, and gets worse with it."""
    curves = paths(table)
    pgr = np.where(np.isnan(curves["pgr"]), -np.inf, curves["pgr"])
    some = np.isfinite(np.max(pgr, axis=1))
    at, rows = np.argmax(pgr[some], axis=1), np.arange(np.sum(some))
    gain, best = curves["gain"][some], np.max(curves["gain"][some], axis=1)
    lost = mean_estimate(mean_by(curves["trial"][some, 0], best - gain[rows, at]))
    decades = float(np.mean(np.log10(GRID[at] / GRID[np.argmax(gain, axis=1)])))
    status = "holds (derived here)" if lost.high < NO_GAIN else "not attempted (too few splits to tell)"
    return Finding(
        f"{what}: the PGR, with a ceiling of the same penalty, is largest where the gain is (costs less than {NO_GAIN:.0%} of the label's variance)",
        "counterexample found" if lost.low > NO_GAIN else status,
        f"gain lost at the λ of the largest PGR {told(lost)}, where the PGR is {np.median(pgr[some][rows, at]):.2f} (median) and λ is {decades:+.2f} "
        f"decades from the best; the PGR is defined somewhere on {np.sum(some)} of {len(some)} paths; {on_what}",
    )


def _stopping(table: Table, what: str, on_what: str) -> Finding:
    curves = paths(table)
    mean = {name: np.mean(curves[name], axis=0) for name in ("gain", "flow_gain")}
    apart = mean["flow_gain"] - mean["gain"]
    widest = int(np.argmax(np.abs(apart)))
    more = np.max(curves["flow_gain"], axis=1) - np.max(curves["gain"], axis=1)
    targets = by_target(table, more)
    return Finding(
        f"{what}: gradient flow stopped at t = 1/λ traces the gain of ridge (|difference| < {NO_GAIN:.0%} of the label's variance)",
        "holds (derived here)" if np.abs(apart).max() < NO_GAIN else "counterexample found",
        f"mean gains differ by up to {apart[widest]:+.3f}, at λ = {GRID[widest]:.2g} mean eigenvalues; the best gain along the flow minus the "
        f"best along ridge {told(mean_estimate(per_split(table, more)))}, above 0 on {sum(one.low > 0 for one in targets)} targets, below on "
        f"{sum(one.high < 0 for one in targets)}; {on_what}",
    )
