"""``w2s diagnose plan``: how many labels, or seeds and test points, are needed to see a gain."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

from tyro.conf import arg

from .diagnose import REFUSED, refuse_level
from .misuse import Misuse, refused
from .options import Given
from .printing import print_json


@dataclass(frozen=True, kw_only=True)
class DiagnosePlan:
    """How much data is needed to see a gain. To see it: its interval leaves out 0, on the right side.

    --unit labels: how many gold labels on one student, before there are any. --unit test-points: how many test points with labels,
    for each number of --seeds (runs of the whole experiment). --unit seeds: how many seeds, for each number of test --points. Seeds
    and points differ in their own ways, so that more of one does not replace the other: a pilot of a few seeds tells.

    examples:
      w2s diagnose plan --gain 0.02 --misfit 0.1
                       accuracy: a gain of 2 % where weak and student differ at
                       10 % of points
      w2s diagnose plan --gain 0.05 --deviation 0.8
                       another loss, with the standard deviation of a draw's term
                       from a pilot (the stderr that --json gives, times the root
                       of the number of draws)
      w2s diagnose plan --gain 0.02 --unit test-points --pilot gains.csv
                       gains.csv: a row per test point, a column per seed, in each
                       cell the error of weak − the error of student
      w2s diagnose plan --gain 0.02 --unit seeds --points 500,2000 \\
          --variances 0.0001 0.02 0.1

    exit codes:
      0    done
      2    misuse: an option or file that can't be used, a gain that no number of
           labels shows
    """

    gain: Annotated[float, arg(metavar="GAIN")]
    """the gain that is to be seen, > 0 (accuracy: a share of points; else in units of the loss)"""
    unit: Literal["labels", "seeds", "test-points"] = "labels"
    """what is to be counted"""
    misfit: Annotated[Given[float], arg(metavar="SHARE")] = None
    """labels, accuracy: share of points where weak and student differ"""
    neither: Annotated[Given[float], arg(metavar="SHARE")] = None
    """labels, accuracy: share of those on which both are wrong (default: 0)"""
    deviation: Annotated[Given[float], arg(metavar="SD")] = None
    """labels, other losses: standard deviation of a draw's term, from a pilot"""
    classical: Annotated[Given[float], arg(metavar="SD")] = None
    """labels, other losses: that of the paired differences, to compare (default: the same)"""
    pilot: Annotated[Given[str], arg(metavar="FILE.csv")] = None
    """seeds, test-points: gains of a pilot, a row per point and a column per seed"""
    variances: Annotated[Given[tuple[float, float, float]], arg(metavar="SEEDS POINTS REST")] = None
    """seeds, test-points: the variances of gains by seed, by point and the rest, in the place of --pilot"""
    seeds: Annotated[Given[str], arg(metavar="S,...")] = None
    """test-points: numbers of seeds to plan for (default: 2,3,5,10,20)"""
    points: Annotated[Given[str], arg(metavar="N,...")] = None
    """seeds: numbers of test points to plan for (default: 100,300,1000,3000,10000)"""
    power: Annotated[float, arg(metavar="SHARE")] = 0.8
    """chance to see the gain, a share"""
    level: Annotated[float, arg(metavar="SHARE")] = 0.95
    """confidence level of intervals, a share"""
    json: bool = False
    """print one JSON object instead of text"""

    def run(self) -> int:
        """Print the plan."""
        refuse_level(self.level)
        self._refuse_combinations()
        return self._labels() if self.unit == "labels" else self._crossed()

    def _refuse_combinations(self) -> None:
        """Options of another unit."""
        of = {
            "labels": ("misfit", "neither", "deviation", "classical"),
            "seeds": ("pilot", "variances", "points"),
            "test-points": ("pilot", "variances", "seeds"),
        }
        others = {name for names in of.values() for name in names} - {*of[self.unit]}
        wrong = [f"--{name}" for name in sorted(others) if getattr(self, name) is not None]
        if wrong:
            units = " or ".join(unit for unit, names in of.items() if wrong[0][2:] in names)
            raise Misuse(f"{wrong[0]} belongs to --unit {units}; leave it out with --unit {self.unit}.")
        if self.unit == "labels":
            if (self.misfit is None) == (self.deviation is None):
                raise Misuse(
                    "a plan needs --gain, and either --misfit (accuracy: the share of points where weak and student differ) or "
                    "--deviation (another loss: standard deviation of a draw's term)."
                )
            if self.misfit is not None and self.classical is not None:
                raise Misuse("--classical belongs to --deviation; leave it out with --misfit.")
            if self.deviation is not None and self.neither is not None:
                raise Misuse("--neither belongs to --misfit; leave it out with --deviation.")
        elif (self.pilot is None) == (self.variances is None):
            raise Misuse(f"--unit {self.unit} needs --pilot FILE.csv or --variances SEEDS POINTS REST, one of them.")

    def _labels(self) -> int:
        from ..quantities.label_efficiency.planner import plan_accuracy, plan_mean

        with refused(*REFUSED):
            if self.misfit is not None:
                plan = plan_accuracy(self.gain, self.misfit, neither=self.neither or 0.0, power=self.power, level=self.level)
                told = "Label only points where weak and student differ (`w2s diagnose next`)."
            else:
                deviation = float(self.deviation or 0.0)
                plan = plan_mean(self.gain, deviation, classical=self.classical, power=self.power, level=self.level)
                told = "Draws as `w2s diagnose next` makes them, with replacement."
        if self.json:
            print_json("diagnose-plan", {"unit": self.unit, "gain": self.gain, **asdict(plan)})
        else:
            print(f"{plan}.\n{told}")
        return 0

    def _crossed(self) -> int:
        """Test points for each number of seeds, or seeds for each number of test points."""
        from .._validation import positive
        from ..quantities.label_efficiency.planner_seeds import VarianceComponents, plan_seeds, seeds_for_points

        with refused(*REFUSED):
            gain = positive("--gain", self.gain)
            if self.pilot is not None:
                parts = _variances(self.pilot)
            else:
                parts = VarianceComponents(*(positive("--variances", part, strict=False) for part in self.variances or ()))
            if self.unit == "seeds":
                given = _counts("--points", self.points or "100,300,1000,3000,10000")
                needed = seeds_for_points(gain, parts, given, power=self.power, level=self.level)
            else:
                given = _counts("--seeds", self.seeds or "2,3,5,10,20")
                needed = plan_seeds(gain, parts, given, power=self.power, level=self.level)
        names = ("test_points", "seeds") if self.unit == "seeds" else ("seeds", "test_points")
        if self.json:
            rows = [dict(zip(names, pair, strict=True)) for pair in zip(given, _whole(needed), strict=True)]
            head = {"unit": self.unit, "gain": gain, "power": self.power, "level": self.level}
            print_json("diagnose-plan", {**head, "variances": parts._asdict(), "needed": rows})
            return 0
        print(
            f"To see a gain of {gain:g} with power {self.power:g} at level {self.level:g}, where gains vary by seed with variance "
            f"{parts.seeds:.3g}, by test point {parts.points:.3g}, the rest {parts.rest:.3g} (t test, normal terms):"
        )
        print(f"{names[0].replace('_', ' '):>12}  {names[1].replace('_', ' ')} needed")
        for count, enough in zip(given, _whole(needed), strict=True):
            print(f"{count:>12,}  {'no number is enough' if enough is None else f'{enough:,}'}")
        return 0


def _counts(option: str, text: str) -> list[int]:
    """Whole numbers with commas between, each 2 or more."""
    try:
        counts = [int(part) for part in text.split(",")]
    except ValueError:
        counts = []
    if not counts or min(counts) < 2:
        raise Misuse(f"{option} must be whole numbers >= 2 with commas between, such as 2,5,10; it is {text!r}.")
    return counts


def _whole(needed: Any) -> list[int | None]:
    return [int(count) if math.isfinite(count) else None for count in needed]


def _variances(path: str) -> Any:
    """The variance components of a pilot's gains, from a CSV with a header, a row per test point and a column per seed."""
    import numpy as np

    from ..diagnosis.table import read_header
    from ..embeddings.columns import as_numbers
    from ..embeddings.tables import read_columns
    from ..quantities.label_efficiency.planner_seeds import variance_components

    header = read_header(path)
    columns = read_columns(path, header)
    if len(header) < 2 or len(columns[header[0]]) < 2:
        raise ValueError(
            f"{path} must hold two rows or more (test points) and two columns or more (seeds); it has {len(columns[header[0]])} and "
            f"{len(header)}. Run another seed."
        )
    return variance_components(np.array([as_numbers(path, name, column) for name, column in columns.items()]))
