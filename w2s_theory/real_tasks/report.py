"""``EmbeddingReport``: the numbers of ``check_embeddings`` with their intervals, the verdicts, and what they are about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from ..outcomes import Check


@dataclass(frozen=True)
class Number:
    """One number: ``loss``, ``quantity``, ``value``, the ends of its 95 % interval, and ``how`` the interval was made.

    ``how`` is "new data", "test points" or "splits" (``intervals``). A refused PGR has the value NaN and the interval (−∞, ∞). The
    "sharp_band" is no confidence interval: its value is the misfit, its ends misfit ± 2√(misfit·ε), ε the ceiling's held-out error.
    """

    loss: str
    quantity: str
    value: float
    low: float
    high: float
    how: str


@dataclass(frozen=True)
class PathPoint:
    """Squared loss on the test rows when student and ceiling are given one penalty: the gain of every split, and the mean misfit.

    ``penalty`` in units of the features' mean eigenvalue, tr(XᵀX)/d.
    """

    penalty: float
    gains: tuple[float, ...]
    misfit: float

    def row(self) -> dict[str, float]:
        """Mean, smallest and largest gain over the splits, and the share of splits where it is positive."""
        gains = np.array(self.gains)
        return {
            "penalty": self.penalty,
            "gain": float(gains.mean()),
            "lowest": float(gains.min()),
            "highest": float(gains.max()),
            "splits_positive": float(np.mean(gains > 0.0)),
            "misfit": self.misfit,
        }


@dataclass(frozen=True, eq=False)
class EmbeddingReport:
    """``numbers``; ``verdicts`` of the statements on the first split's rows; the ``path`` of penalties; ``gains``, for each loss the gain of
    every split; ``chosen``, the penalty that the student chose in every split (in the path's units); ``about``: sizes and settings; and
    ``baselines``: what a constant answer costs under each loss, and by how much each model beats it (``constant``).
    """

    numbers: tuple[Number, ...]
    verdicts: tuple[Check, ...]
    path: tuple[PathPoint, ...]
    gains: Mapping[str, tuple[float, ...]]
    chosen: tuple[float, ...]
    about: Mapping[str, Any]
    baselines: tuple[Number, ...]

    def rows(self) -> list[dict[str, Any]]:
        """One dictionary per number, for a table."""
        return [asdict(number) for number in self.numbers]

    @property
    def losses(self) -> tuple[str, ...]:
        """The losses in reading order."""
        return tuple(dict.fromkeys(number.loss for number in self.numbers))

    def number(self, quantity: str, loss: str = "squared", how: str = "new data") -> Number:
        """One of the numbers or baselines; raises ``KeyError`` when the report does not have it (a hard teacher has no cross-entropy)."""
        for each in (*self.numbers, *self.baselines):
            if (each.quantity, each.loss) == (quantity, loss) and (each.how == how or quantity == "sharp_band"):
                return each
        raise KeyError(f"no {quantity!r} under the loss {loss!r} with the interval {how!r} in this report")

    def has(self, quantity: str, loss: str = "squared") -> bool:
        """Whether there is such a number or baseline."""
        return any((each.quantity, each.loss) == (quantity, loss) for each in (*self.numbers, *self.baselines))

    def plain(self) -> dict[str, Any]:
        """Everything as dictionaries, lists, strings and numbers, for ``report.write_report``."""
        return {
            "about": dict(self.about),
            "numbers": self.rows(),
            "baselines": [asdict(number) for number in self.baselines],
            "verdicts": [{f.name: getattr(check, f.name) for f in fields(check)} for check in self.verdicts],
            "path": [point.row() | {"gains": list(point.gains)} for point in self.path],
            "gains": {loss: list(gains) for loss, gains in self.gains.items()},
            "chosen": list(self.chosen),
        }
