"""``w2s diagnose rank``: which of several supervisors to take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from .diagnose import REFUSED, Kind, refuse_level
from .misuse import Misuse, refused
from .options import Given
from .printing import print_json


@dataclass(frozen=True, kw_only=True)
class DiagnoseRank:
    """Which of several supervisors to take: that of the student with the least error, with intervals that hold for all pairs together.
    Each supervisor with its student is a CSV of the same points (columns weak, student, gold), or a pair of columns weak_<name>,
    student_<name> of one CSV with a column gold.

    examples:
      w2s diagnose rank a.csv b.csv c.csv --gold-is random
                       gold labels at uniformly drawn points, the same in every file
      w2s diagnose rank all.csv
                       weak_a, student_a, weak_b, student_b, ... and gold at all
                       points

    exit codes:
      0    done; the answer is in the output, whatever it is
      2    misuse: a file, column or option that can't be used; labels that are
           missing; files of other points
    """

    files: Annotated[Positional[Given[tuple[str, ...]]], arg(metavar="FILE ...")] = None
    """a CSV for each supervisor, or one with columns for all"""
    kind: Given[Kind] = None
    """what the answers are, where that is not clear"""
    gold_is: Literal["random", "unknown"] = "unknown"
    """how the labelled points were chosen: a uniform random draw of all, or not known (then all need a label)"""
    seed: Annotated[int, arg(metavar="N")] = 0
    """seed of the intervals' resampling"""
    level: Annotated[float, arg(metavar="SHARE")] = 0.95
    """confidence level of intervals, a share"""
    json: bool = False
    """print one JSON object instead of text"""

    def run(self) -> int:
        """Print the ranking."""
        import numpy as np

        from ..diagnosis import rank_supervisors, read_answers, read_supervisors
        from ..diagnosis.words import ranking_lines

        if not self.files:
            raise Misuse("at least one FILE is required: a CSV for each supervisor, or one with columns for all.")
        refuse_level(self.level)
        if self.seed < 0:
            raise Misuse(f"--seed must be >= 0; it is {self.seed}.")
        with refused(*REFUSED):
            if len(self.files) == 1:
                candidates = read_supervisors(self.files[0], kind=self.kind)
            else:
                candidates = [(file, read_answers(file, kind=self.kind).answers) for file in self.files]
            rng = np.random.default_rng(self.seed)
            found = rank_supervisors(candidates, gold_is=self.gold_is, level=self.level, rng=rng)
        if self.json:
            print_json("diagnose-rank", found)
        else:
            print("\n\n".join(ranking_lines(found, self.level)))
        return 0
