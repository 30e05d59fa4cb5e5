"""The map of losses: its columns and cells, and the lines of the ledger that it bears, from the table alone.

A trial is a split (and, for clusters, a world). Intervals are over trials: over the choice of split, not of data set. Those that mark a
difference on the map are at the level at which all of the map cover with 95 % together, and fewer than ``FEWEST`` trials mark none.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata

from experiments._ledger import Finding
from experiments._tables import FEWEST, joint, told
from w2s_theory.montecarlo import mean_estimate
from w2s_theory.outcomes import Estimate
from w2s_theory.students.loss_menu import LOSSES

TASKS = ("clusters", "digits", "sst2", "openai_moderation")
ERRORS = ("random", "by class", "systematic")
WEAK = "weak model"
CONTROLS = ("permuted labels", "same features", "random teacher")
#: KL(y‖p) is left out: it has the slope of cross-entropy, and so the same heads to the last digit.
NAMES = tuple(name for name in LOSSES if name != "forward KL")
BASE, CONFIDENT, RELEASED, ADAPTIVE = "cross-entropy", "confidence, corrected code", "confidence, released code", "adaptive"
#: The published two epochs, and five times as many.
SHORT, LONG = 2, 10
#: What "hardly notices" means, and what a control would have to show to be noticed: both in accuracy.
SMALL, SEE = 0.02, 0.15
#: Share of the differences beyond noise that must have the predicted sign.
AGREE = 0.8
FEW = f"not attempted (too few splits: fewer than {FEWEST})"

Table = Mapping[str, np.ndarray]
#: Task, supervisor and share of wrong labels: a column of the map.
Key = tuple[str, str, float]


def losses_of(supervisor: str) -> tuple[str, ...]:
    """Where all labels are equally sure, the adaptive loss is one of its two parts, cross-entropy or its reverse, and is left out."""
    return NAMES if supervisor == WEAK else tuple(name for name in NAMES if name != ADAPTIVE)


class Map:
    """The table by cell: of each the rows, in the order of the trials."""

    def __init__(self, table: Table) -> None:
        self.table = table
        names = ("control", "task", "supervisor", "share", "loss", "epochs")
        rows: dict[tuple[Any, ...], list[int]] = {}
        for i in np.argsort(table["trial"], kind="stable").tolist():
            rows.setdefault(tuple(table[name][i].item() for name in names), []).append(i)
        self.rows = {key: np.array(each) for key, each in rows.items()}

    def trials(self) -> int:
        """How many there are."""
        return len(np.unique(self.table["trial"]))


def columns_of(table: Map, control: str = "none") -> list[Key]:
    """Task, supervisor and share of the runs there are, in the order of the map."""
    order = (*ERRORS, WEAK)
    keys = {(task, who, share) for of, task, who, share, *_ in table.rows if of == control}
    return sorted(keys, key=lambda key: (TASKS.index(key[0]), order.index(key[1]), key[2]))


def cell(table: Map, column: str, key: Key, *, loss: str, epochs: int, control: str = "none") -> np.ndarray:
    """One column of the table for one cell of the map, by trial."""
    return np.asarray(table.table[column][table.rows[(control, *key, loss, epochs)]], dtype=np.float64)


def differences(table: Map, key: Key, loss: str, epochs: int, *, base: str = BASE) -> np.ndarray:
    """Accuracy of the student less that of the student of ``base``, by paired trials."""
    first, second = (cell(table, "student", key, loss=name, epochs=epochs) for name in (loss, base))
    return first - second


def cells_of(table: Map, loss: str) -> list[tuple[Key, int]]:
    """The cells in which this loss was trained."""
    return [(key, epochs) for key in columns_of(table) if loss in losses_of(key[1]) for epochs in (SHORT, LONG)]


def map_level(table: Map) -> float:
    """The level of each interval of the map."""
    return joint(sum(len(cells_of(table, name)) for name in NAMES if name != BASE))


def is_short(table: Map) -> bool:
    """Too few trials for any interval to decide."""
    return table.trials() < FEWEST


def which_differ(table: Map) -> Finding:
    """The map in numbers."""
    level, parts, seen = map_level(table), [], 0
    for name in NAMES:
        if name != BASE:
            each = [differences(table, key, name, epochs) for key, epochs in cells_of(table, name)]
            signs = [told(values, level=level) for values in each]
            seen += sum(sign != 0 for sign in signs)
            parts.append(f"{name} {signs.count(1)}/{signs.count(-1)} of {len(each)} (mean {np.mean(each):+.3f})")
    status = "observed here" if seen else "not attempted (no difference told from noise)"
    return Finding(
        "which losses differ from cross-entropy beyond noise (intervals over splits, 95 % for the whole map)",
        FEW if is_short(table) else status,
        f"cells in which the loss is better/worse: {'; '.join(parts)}",
    )


def helps_where_right(table: Map) -> Finding:
    """For heads: does the confidence loss beat cross-entropy where the student's early decisions beat the weak labels?"""
    parts, agree, seen, level = [], 0, 0, map_level(table)
    for epochs in (SHORT, LONG):
        rows = [(key, differences(table, key, CONFIDENT, epochs)) for key in columns_of(table)]
        edge = np.array([cell(table, "edge", key, loss=BASE, epochs=epochs).mean() for key, _ in rows])
        signs = np.array([told(values, level=level) for _, values in rows])
        seen += int(np.sum(signs != 0))
        agree += int(np.sum(signs * np.sign(edge) > 0))
        means = [values.mean() for _, values in rows]
        parts.append(f"{epochs} epochs: rank correlation {rank_correlation(edge, means):+.2f} over {len(rows)} cells")
    if seen < FEWEST:
        status = FEW if is_short(table) else f"not attempted (beyond noise in {seen} cells, fewer than {FEWEST})"
    else:
        status = "observed here" if agree > AGREE * seen else "not reproduced (see the evidence)"
    return Finding(
        "heads: the confidence loss beats cross-entropy where the student's early decisions beat the weak labels on disagreements, else it hurts",
        status,
        f"{'; '.join(parts)}; where the two losses differ beyond noise the sign is as predicted in {agree} of {seen} cells. The law is about "
        "students that memorise: a head keeps such decisions under cross-entropy too",
    )


def helps_where_longer_hurts(table: Map) -> Finding:
    """Seen after the fact. What is lost comes from one half of the trials and what is given from the other, or noise would correlate them."""
    keys = columns_of(table)
    tasks = list(dict.fromkeys(key[0] for key in keys))
    columns = [key[1:] for key in keys if key[0] == tasks[0]]
    halves = (slice(0, None, 2), slice(1, None, 2))

    def mean(loss: str, epochs: int, half: slice) -> np.ndarray:
        return np.array(
            [
                [cell(table, "student", (task, *column), loss=loss, epochs=epochs)[half].mean() for column in columns]
                for task in tasks
            ]
        )

    lost = [mean(BASE, SHORT, half) - mean(BASE, LONG, half) for half in halves]
    given = [mean(CONFIDENT, LONG, half) - mean(BASE, LONG, half) for half in halves]

    def correlation(order: tuple[int, ...]) -> float:
        pairs = ((lost[0], given[1]), (lost[1], given[0]))
        return float(np.mean([rank_correlation(a.ravel(), b[list(order)].ravel()) for a, b in pairs]))

    chance = [correlation(order) for order in permutations(range(len(tasks)))]
    found = chance[0]
    above, below = (float(np.mean([sign * c >= sign * found for c in chance])) for sign in (1.0, -1.0))
    if is_short(table):
        status = FEW
    elif len(chance) < 20:
        status = f"not attempted (too few tasks to tell: {len(tasks)})"
    elif above <= 0.05:
        status = "observed here (after the fact)"
    else:
        status = "not reproduced (the other way round)" if below <= 0.05 else "not attempted (not told from chance)"
    short = np.mean([mean(CONFIDENT, SHORT, half) - mean(BASE, SHORT, half) for half in halves])
    return Finding(
        "heads, seen after the fact: long training with the confidence loss gives most where cross-entropy loses accuracy by training on",
        status,
        f"rank correlation {found:+.2f} over {len(keys)} cells (p = {above:.2f} by exchanging whole tasks), of what cross-entropy loses "
        f"between {SHORT} and {LONG} epochs on one half of the splits with the confidence loss's advantage after {LONG} on the other; mean "
        f"advantage {np.mean(given):+.3f} after {LONG} epochs, {short:+.3f} after {SHORT}",
    )


def weak_models(table: Map) -> Finding:
    """Gains over a weak model that was trained, with and without the confidence loss, beside the gap to the ceiling."""
    keys = [key for key in columns_of(table) if key[1] == WEAK]
    level, parts, signs = joint(2 * len(keys)), [], {BASE: [], CONFIDENT: []}
    for key in keys:
        weak, ceiling = (cell(table, name, key, loss=BASE, epochs=LONG) for name in ("weak", "ceiling"))
        gains = {loss: cell(table, "student", key, loss=loss, epochs=LONG) - weak for loss in signs}
        for loss, gain in gains.items():
            signs[loss].append(told(gain, level=level))
        parts.append(
            f"{key[0]}: gap to the ceiling {_said(ceiling - weak, level)}, gain {_said(gains[BASE], level)} by cross-entropy, "
            f"{_said(gains[CONFIDENT], level)} by the confidence loss"
        )
    counts = ", ".join(f"{loss} {each.count(1)}/{each.count(-1)}" for loss, each in signs.items())
    up, down = (any(sign in each for each in signs.values()) for sign in (1, -1))
    if is_short(table):
        status = FEW
    elif down:
        status = f"not reproduced (above/below 0 of {len(keys)} tasks: {counts})"
    else:
        status = (
            f"observed here (above/below 0 of {len(keys)} tasks: {counts})" if up else "not attempted (no gain told from noise)"
        )
    return Finding(
        f"heads gain over a trained weak model after {LONG} epochs, in accuracy, joint intervals", status, "; ".join(parts)
    )


def entropy(table: Map) -> Finding:
    """By the intervals of the map: outside the band of ``SMALL``, inside it on the whole, or too wide."""
    cells = cells_of(table, "entropy")
    each = [mean_estimate(differences(table, key, "entropy", epochs), level=map_level(table)) for key, epochs in cells]
    outside = sum(e.low > SMALL or e.high < -SMALL for e in each)
    half = float(np.median([0.5 * (e.high - e.low) for e in each]))
    if is_short(table):
        status = FEW
    elif outside:
        status = f"not reproduced (outside in {outside} of {len(each)} cells)"
    else:
        status = "observed here" if half <= SMALL else f"not attempted (too noisy to see {SMALL:g})"
    return Finding(
        f"the entropy loss is cross-entropy with a smaller step, which Adam hardly notices: within {SMALL:g} of it",
        status,
        f"interval outside ± {SMALL:g} in {outside} of {len(each)} cells; largest mean difference {max(abs(e.value) for e in each):.3f}, median "
        f"half-width {half:.3f}",
    )


def product(table: Map) -> Finding:
    """A law of free scores, which heads are not."""
    cells, level = cells_of(table, "product"), map_level(table)
    signs = [told(differences(table, key, "product", epochs), level=level) for key, epochs in cells]
    up, down = signs.count(1), signs.count(-1)
    status = "not reproduced (heads are not free scores)" if up else "observed here"
    return Finding(
        "the product loss, which has no self-correction on free scores, is never better than cross-entropy",
        FEW if is_short(table) else status,
        f"better beyond noise in {up}, worse in {down} of {len(cells)} cells",
    )


def warm_up(table: Map) -> Finding:
    """The released code against the corrected one."""
    cells = cells_of(table, RELEASED)
    each = [differences(table, key, RELEASED, epochs, base=CONFIDENT) for key, epochs in cells]
    seen = sum(told(values, level=joint(len(cells))) != 0 for values in each)
    status = (
        f"observed here (it matters in {seen} of {len(cells)} cells)" if seen else "not attempted (no difference told from noise)"
    )
    return Finding(
        "the warm-up of the released code (a tenth of the coefficient, then a jump) changes the accuracy of the heads",
        FEW if is_short(table) else status,
        f"released less corrected code: beyond noise in {seen} of {len(cells)} cells, mean {np.mean(each):+.4f}, largest "
        f"{max(abs(values.mean()) for values in each):.3f}",
    )


def controls(table: Map) -> Finding:
    """Permuted labels and random teachers teach nothing, and a student that sees what the weak model sees gains nothing."""
    runs = [(control, loss, key) for control in CONTROLS for loss in (BASE, CONFIDENT) for key in columns_of(table, control)]
    level, failed, most, said = joint(len(runs)), 0, -np.inf, list[str]()
    for control, loss, key in runs:
        student, weak, majority = (
            cell(table, column, key, loss=loss, epochs=SHORT, control=control) for column in ("student", "weak", "majority")
        )
        gain = student - (weak if control == "same features" else majority)
        estimate = mean_estimate(gain, level=level)
        failed += told(gain, level=level) > 0
        most = max(most, estimate.high)
        said.append(f"{control}, {loss}, {key[0]} {estimate.value:+.3f} ± {_half(estimate):.3f}")
    if failed:
        status = "not reproduced (a control fails)"
    elif is_short(table):
        status = FEW
    else:
        status = "observed here" if most <= SEE else f"not attempted (too noisy to see {SEE:g})"
    return Finding(
        "controls: permuted labels and random teachers no better than the majority class, same features no better than the weak model",
        status,
        f"{failed} of {len(runs)} above beyond noise, highest end of an interval {most:+.3f}; with joint 95 % "
        f"intervals: {'; '.join(said)}",
    )


def _half(estimate: Estimate) -> float:
    return 0.5 * (estimate.high - estimate.low)


def _said(values: np.ndarray, level: float) -> str:
    estimate = mean_estimate(values, level=level)
    return f"{estimate.value:+.3f} [{estimate.low:+.3f}, {estimate.high:+.3f}]"


def rank_correlation(first: ArrayLike, second: ArrayLike) -> float:
    """Spearman's; 0 where one of them is constant."""
    ranks = [rankdata(np.asarray(values)) for values in (first, second)]
    return 0.0 if min(np.ptp(r) for r in ranks) == 0.0 else float(np.corrcoef(*ranks)[0, 1])
