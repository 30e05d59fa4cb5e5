"""What gold labels were saved, and how often intervals covered: read from the table of the experiment on gold labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from experiments._ledger import Finding
from experiments._tables import FEWEST, part, pick
from w2s_theory.montecarlo import mean_estimate, proportion_estimate
from w2s_theory.outcomes import Estimate

#: Labels that are bought, the number at which savings are told, and those of the paired estimate among which its equal is looked for.
LABELS = (25, 50, 100, 200)
AT, PAIRED = 100, (25, 50, 100, 200, 400, 800, 1600, 3200, 6400)
LEVEL = 0.95
#: The goals: labels saved in squared loss, and in accuracy as a multiple of 1/misfit; coverage of approximate intervals.
GOAL, GOAL_ACCURACY, BAND = 1.5, 0.9, (0.93, 0.97)


def savings(table: dict[str, np.ndarray], task: str, loss: str, method: str = "drawn", labels: int = AT) -> np.ndarray:
    """Per split: how many times as many labels the paired estimate needs for intervals as wide on average, (trials,).

    Its widths are interpolated between those at ``PAIRED`` labels, logarithms both; beyond their ends, as 1/√labels.
    """
    rows = part(table, "real", task=task, loss=loss)
    found = []
    for trial in np.unique(rows["trial"]):
        here = {name: column[rows["trial"] == trial] for name, column in rows.items()}
        paired, ours = here["method"] == "paired", (here["method"] == method) & (here["labels"] == labels)
        order = np.argsort(here["width"][paired])
        widths, counts = np.log(here["width"][paired][order]), np.log(here["labels"][paired][order])
        width = float(np.log(here["width"][ours][0]))
        inside = np.clip(width, widths[0], widths[-1])
        found.append(np.exp(np.interp(inside, widths, counts) - 2.0 * (width - inside)) / labels)
    return np.array(found)


def tasks_of(table: dict[str, np.ndarray], loss: str) -> list[str]:
    """The real tasks with this loss, in the order of the table."""
    return list(dict.fromkeys(part(table, "real", loss=loss)["task"].tolist()))


def misfits(table: dict[str, np.ndarray], task: str) -> np.ndarray:
    """Share of the pool on which the two differ, per split."""
    rows = part(table, "real", task=task, loss="accuracy", method="paired", labels=AT)
    return rows["misfit"][np.argsort(rows["trial"])]


def ratio_estimate(values: np.ndarray) -> Estimate:
    """Geometric mean of ratios, one per split, with Student's interval of their logarithms."""
    logs = mean_estimate(np.log(values))
    value, low, high = np.exp([logs.value, logs.low, logs.high]).tolist()
    return Estimate(value, value * logs.stderr, low, high, logs.level, f"geometric mean, {logs.method}")


def coverage(rows: dict[str, np.ndarray]) -> Estimate:
    """Share of all draws in these rows whose interval covers, with its own exact interval."""
    return proportion_estimate(int(rows["covered"].sum()), int(rows["draws"].sum()))


def findings(table: dict[str, np.ndarray]) -> list[Finding]:
    """Savings in each loss, the ablation, and coverage of each kind of interval, real and simulated."""
    return [
        _saved(
            table, "squared", f"squared loss: {GOAL:g} times fewer labels than the paired estimate at equal width, on every task"
        ),
        _saved(table, "cross-entropy", f"cross-entropy: {GOAL:g} times fewer labels at equal width, on every task"),
        _saved_accuracy(table),
        _ablation(table),
        *(_covered(table, kind) for kind in ("real", "simulated")),
        _exactly_covered(table),
    ]


def _told(estimates: dict[str, Estimate], goal: float, splits: int) -> str:
    """Status of "each at least ``goal``" from intervals over splits."""
    if splits < FEWEST:
        return f"not attempted (fewer than {FEWEST} splits tell nothing)"
    missed = [task for task, estimate in estimates.items() if estimate.high < goal]
    open_ = [task for task, estimate in estimates.items() if estimate.low < goal <= estimate.high]
    if missed:
        return f"counterexample found (missed on {', '.join(missed)})"
    return f"not attempted (the splits leave it open on {', '.join(open_)})" if open_ else "holds (derived here)"


def _words(estimates: dict[str, Estimate]) -> str:
    return "; ".join(f"{task} {e.value:.2f} [{e.low:.2f}, {e.high:.2f}]" for task, e in estimates.items())


def _saved(table: dict[str, np.ndarray], loss: str, claim: str) -> Finding:
    estimates = {task: ratio_estimate(savings(table, task, loss)) for task in tasks_of(table, loss)}
    few = {task: ratio_estimate(savings(table, task, loss, labels=LABELS[0])).value for task in estimates}
    splits = len(set(part(table, "real")["trial"].tolist()))
    return Finding(
        claim,
        _told(estimates, GOAL, splits),
        f"times fewer at {AT} labels, geometric mean over {splits} splits and its 95 % interval: {_words(estimates)}; with {LABELS[0]} labels from "
        f"{min(few.values()):.2f} to {max(few.values()):.2f}",
    )


def _saved_accuracy(table: dict[str, np.ndarray]) -> Finding:
    found = {task: savings(table, task, "accuracy") for task in tasks_of(table, "accuracy")}
    relative = {task: ratio_estimate(saved * misfits(table, task)) for task, saved in found.items()}
    words = "; ".join(
        f"{task} {saved.mean():.1f} times (misfit {misfits(table, task).mean():.3f}, {len(saved)} splits), "
        f"{relative[task].value:.2f} [{relative[task].low:.2f}, {relative[task].high:.2f}]"
        for task, saved in found.items()
    )
    return Finding(
        f"accuracy, labels on disagreements: {GOAL_ACCURACY:g}/misfit times fewer labels than the paired estimate, on every task",
        _told(relative, GOAL_ACCURACY, min(map(len, found.values()))),
        f"score intervals at {AT} labels; how many times fewer, and that times the misfit with its 95 % interval over the splits on which "
        f"weak and student differ somewhere: {words}",
    )


def _ablation(table: dict[str, np.ndarray]) -> Finding:
    uniform = {task: ratio_estimate(savings(table, task, "squared", "uniform")) for task in tasks_of(table, "squared")}
    drawn = {task: float(np.mean(savings(table, task, "squared"))) for task in uniform}
    less = sum(drawn[task] > estimate.high for task, estimate in uniform.items())
    return Finding(
        "the choice of points is what pays: with uniform draws the blend alone saves less, on every task (squared loss)",
        "holds (derived here)" if less == len(uniform) else f"counterexample found (on {len(uniform) - less} tasks)",
        f"uniform draws with the blend, at {AT} labels: {_words(uniform)}",
    )


def _covered(table: dict[str, np.ndarray], kind: str) -> Finding:
    """Approximate intervals: each group of rows is in the band, outside it, or not told."""
    rows = part(table, kind)
    approximate = np.where(
        rows["loss"] == "accuracy", np.isin(rows["method"], ("drawn", "score")), rows["method"] != "paired"
    ) & (rows["method"] != "uniform")
    keys = sorted({tuple(rows[axis][i].item() for axis in _KEYS) for i in np.flatnonzero(approximate)})
    groups = {key: coverage(pick(rows, **dict(zip(_KEYS, key, strict=True)))) for key in keys}
    out = {key: e for key, e in groups.items() if e.high < BAND[0] or e.low > BAND[1]}
    inside = sum(BAND[0] <= e.value <= BAND[1] for e in groups.values())
    many = [e.value for key, e in groups.items() if key[-1] >= AT] or [np.nan]
    worst = min(groups.items(), key=lambda item: item[1].value)
    claim = f"approximate intervals at a fixed number of labels cover in {BAND[0]:.0%} to {BAND[1]:.0%}"
    claim += ", drawing labels again from real pools" if kind == "real" else ", in simulation, of pool and population"
    how = (
        "; the target is the pool and the draw alone is random, so rows that resemble each other do no harm"
        if kind == "real"
        else ""
    )
    words = "; ".join(f"{_name(key)} {e.value:.3f} [{e.low:.3f}, {e.high:.3f}]" for key, e in out.items())
    return Finding(
        claim,
        f"counterexample found ({len(out)} of {len(groups)} outside)" if out else "holds (derived here)",
        f"{inside} of {len(groups)} rates inside; lowest {worst[1].value:.3f} ({_name(worst[0])}); with {AT} labels or more from "
        f"{min(many):.3f} to {max(many):.3f}" + (f"; outside by more than their 95 % interval: {words}" if out else "") + how,
    )


#: What a reader calls the methods of the table.
METHODS = {
    "drawn": "independent draws",
    "in pool": "without replacement",
    "uniform": "uniform draws",
    "replacement": "independent draws",
}
_KEYS = ("task", "loss", "method", "target", "labels")


def _name(key: tuple[Any, ...]) -> str:
    task, loss, method, target, labels = key
    return f"{task}, {loss}, {METHODS.get(method, method)}, {target}, {labels} labels"


def _exactly_covered(table: dict[str, np.ndarray]) -> Finding:
    rows = {name: column[table["loss"] == "accuracy"] for name, column in table.items()}
    exact = np.isin(rows["method"], ("exact", "in pool"))
    rows = {name: column[exact] for name, column in rows.items()}
    found = {}
    for key in sorted(
        {(p, t, m, g) for p, t, m, g in zip(rows["part"], rows["task"], rows["method"], rows["target"], strict=True)}
    ):
        chosen = np.all(
            [rows[axis] == value for axis, value in zip(("part", "task", "method", "target"), key, strict=True)], axis=0
        )
        found[key] = coverage({name: column[chosen] for name, column in rows.items()})
    short = [key for key, estimate in found.items() if estimate.high < LEVEL]
    worst = min(found.items(), key=lambda item: item[1].value)
    name = ", ".join(METHODS.get(str(word), str(word)) for word in worst[0])
    return Finding(
        f"exact intervals of the gain in accuracy cover in {LEVEL:.0%} or more, on real pools and simulated ones",
        f"counterexample found ({len(short)} groups)" if short else "holds (derived here)",
        f"coverage from {worst[1].value:.3f} [{worst[1].low:.3f}, {worst[1].high:.3f}] ({name}) to "
        f"{max(e.value for e in found.values()):.3f} in {len(found)} groups of tasks and methods",
    )
