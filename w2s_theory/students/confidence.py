"""The auxiliary confidence loss: weak labels mixed with hard labels of the student's own, and the thresholds that make these.

After burns2023, the paper as it is known at second hand; its released code; the follow-up of EleutherAI for the threshold by history. The
code is for two classes: what is done with more is ours. NumPy only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from .._validation import probability
from .batch_loss import Moment, TargetLoss


@dataclass(frozen=True)
class Confidence(TargetLoss):
    """The auxiliary confidence loss: t = (1 − a) y + a·hard(p), a rising to ``highest`` over the first share ``warmup`` of training.

    ``jumps``: the schedule of the released code, a = highest·progress up to the end of the warm-up and then highest at once, in place
    of highest·min(1, progress/warmup). ``soft``: the student's own p in place of its hard label. ``threshold`` (see ``hard_labels``):

    * "median", the median of the batch, so that half of the hard labels are of either class, whatever the weak labels say: the paper's. Its
      ``highest`` is ¾ for the largest students and ½ for the others, its ``warmup`` a fifth. All this as it is known to us at second hand.
    * "batch", so that the hard labels have the class balance of the batch's weak labels: the released code.
    * "history", the same balance by all past predictions, of which there are ever more: the follow-up's code.
    * "half", the class of the largest p.

    With more than two classes "median" asks for equally frequent ones, and how any balance is reached is ours, as the released code
    refuses more than two.
    """

    highest: float = 0.5
    warmup: float = 0.1
    jumps: bool = False
    threshold: Literal["median", "batch", "history", "half"] = "batch"
    soft: bool = False

    def __post_init__(self) -> None:
        probability("highest", self.highest, strict=False)
        probability("warmup", self.warmup, strict=False)
        if self.threshold not in ("median", "batch", "history", "half"):
            raise ValueError(f"threshold must be 'median', 'batch', 'history' or 'half'; it is {self.threshold!r}.")

    def coefficient(self, progress: float) -> float:
        """a at a share ``progress`` of training."""
        if progress > self.warmup or self.warmup == 0.0:
            return self.highest
        return self.highest * (progress if self.jumps else progress / self.warmup)

    def target(self, p: np.ndarray, logs: np.ndarray, labels: np.ndarray, moment: Moment) -> np.ndarray:
        """Weak label and the student's own, mixed."""
        a = self.coefficient(moment.progress)
        own = p
        if not self.soft:
            pool = p if moment.past is None or self.threshold != "history" else np.concatenate([moment.past, p])
            classes = labels.shape[1]
            balance = np.full(classes, 1.0 / classes) if self.threshold == "median" else labels.mean(axis=0)
            own = hard_labels(p, None if self.threshold == "half" else balance, pool)
        return (1.0 - a) * labels + a * own


def hard_labels(p: np.ndarray, balance: np.ndarray | None, pool: np.ndarray | None = None) -> np.ndarray:
    """One-hot rows (n, C) of predictions p (n, C): of the largest p, or by a threshold under which the classes have a ``balance`` (C,).

    Two classes, as in the released code: class 0 where p₀ ≥ t, t the quantile (linear interpolation) of p₀ over ``pool`` (m, C), by default
    p itself, at the share of class 1. Without ties ⌈(m − 1)·share⌉ of m rows are then class 1; rows that tie with t are all class 0. More
    classes (ours): the class of the largest p_c − t_c, t_c the quantile of p_c at 1 − balance_c, which is the same rule for two; the
    balance is then approximate, and in a batch of some tens of rows it can be far off. A pool of one row has no quantiles: it gets the
    class of its largest p (ours; by the rule it would be class 0 always).
    """
    pool = p if pool is None else pool
    classes = p.shape[1]
    if balance is None or len(pool) == 1:
        chosen = p.argmax(axis=1)
    elif classes == 2:
        chosen = (p[:, 0] < _quantile(pool[:, 0], balance[1])).astype(np.int64)
    else:
        chosen = (p - [_quantile(pool[:, c], 1.0 - balance[c]) for c in range(classes)]).argmax(axis=1)
    return (chosen[:, None] == np.arange(classes)).astype(np.float64)


def _quantile(values: np.ndarray, level: float) -> float:
    """The quantile at a level that rounding may have put just outside [0, 1]."""
    return float(np.quantile(values, min(max(level, 0.0), 1.0)))
