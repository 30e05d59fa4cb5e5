"""``w2s diagnose next``: draw the points to label next, into a CSV to fill in."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from tyro.conf import Positional, arg

from .diagnose import REFUSED, Kind, Loss, read_with_draw, refuse_level
from .misuse import Misuse, refused, written
from .options import Given
from .printing import print_json

#: Points that are named on the screen where all are in a file.
SHOWN = 30


@dataclass(frozen=True, kw_only=True)
class DiagnoseNext:
    """Draw points to label next, with known chances, into a CSV to fill in; the record of the draw goes beside it, ending in .json.
    For accuracy: uniformly among the points on which weak and student differ, none twice. For other losses: more often where they
    are further apart, with replacement. Rounds of one draw are used together. Label every point that is drawn, also the hard ones.

    examples:
      w2s diagnose next answers.csv --count 50 --out draw.csv
                            draw 50 points; fill in the column gold of draw.csv
      w2s diagnose next answers.csv --draw draw.csv --count 50 --out draw.csv
                            50 more of the same draw, labels are kept
      w2s diagnose next answers.csv --count 10
                            only show which points it would be

    Afterwards: w2s diagnose answers.csv --draw draw.csv

    exit codes:
      0    done; the points are printed, and written with --out
      2    misuse: a file, column or option that can't be used; a file that is
           there already; answers that are not those of the draw
    """

    file: Annotated[Positional[str], arg(metavar="FILE")]
    """the CSV with the answers of weak and student"""
    kind: Given[Kind] = None
    """what the answers are, where that is not clear"""
    count: Annotated[int, arg(metavar="N")] = 50
    """points to draw"""
    out: Annotated[Given[str], arg(metavar="DRAW.csv")] = None
    """the CSV to fill in; nothing is written without it"""
    draw: Annotated[Given[str], arg(metavar="DRAW.csv")] = None
    """the draw to go on with; --out may be the same file"""
    loss: Given[Loss] = None
    """what to draw for (default: the first that the answers have)"""
    seed: Annotated[int, arg(metavar="N")] = 0
    """seed of the draw; rounds of one seed differ"""
    sequential: bool = False
    """forecast for intervals that hold whenever one stops"""
    label_range: Annotated[Given[tuple[float, float]], arg(metavar="LOW HIGH")] = None
    """numbers: the range that every gold label lies in, known before labelling"""
    level: Annotated[float, arg(metavar="SHARE")] = 0.95
    """confidence level of intervals, a share"""
    json: bool = False
    """print one JSON object instead of text"""

    def run(self) -> int:
        """Draw, write, and say what to fill in."""
        refuse_level(self.level)
        if self.seed < 0:
            raise Misuse(f"--seed must be >= 0; it is {self.seed}.")
        with refused(*REFUSED):
            table, earlier = read_with_draw(self.file, self.draw, self.kind, self.loss)
            answers, record, said = self._drawn(table, earlier)
        new = record.points[0 if earlier is None else earlier.points.size :] + 1
        files = self._written(record, table)
        if self.json:
            out = {"loss": record.loss, "round": len(record.rounds), "points": new, "forecast": said}
            print_json("diagnose-next", out | {"notes": answers.notes, "written": files})
            return 0
        drawn, loss = record.rounds[-1], record.loss.replace("_", "-")
        if record.loss == "accuracy":
            from ..diagnosis.record import differs

            among = int(differs(answers).sum())
            how = f"{drawn} points, with equal chances from those of the {among} on which weak and student differ that were not drawn yet"
            print(f"Round {len(record.rounds)}, for accuracy: {how}.")
            if drawn < self.count:
                print(f"No more than {drawn} were left: with their labels the gain of these points is known exactly.")
        else:
            how = (
                f"{drawn} draws with replacement, more often where weak and student are further apart; {new.size} points are new"
            )
            print(f"Round {len(record.rounds)}, for {loss}: {how}.")
        shown = new[: SHOWN if files else None]
        rest = f" and {new.size - shown.size} more" if new.size > shown.size else ""
        print(f"Points (rows below the header, from 1): {', '.join(map(str, shown)) or 'none'}{rest}.")
        print("\n".join([said, *(f"{note[0].upper()}{note[1:]}." for note in answers.notes)]))
        if files:
            what = "the chance of its point in one draw"
            if record.loss == "accuracy":
                what = (
                    "the chance of its point to be the first drawn, 1 / all on which weak and student differ; none is drawn twice"
                )
            print(f"The column probability is {what}. It is there for the record: leave it as it is.")
            print(f"Fill in the column gold of {files[0]}, leave no line out, then: w2s diagnose {self.file} --draw {files[0]}")
        else:
            print("Nothing was written, so labels of these points can't be used later: give --out DRAW.csv.")
        return 0

    def _drawn(self, table: Any, earlier: Any) -> tuple[Any, Any, str]:
        """The answers, the record of the draw with its new round, and the forecast."""
        import numpy as np

        from ..diagnosis import draw_next

        answers = table.answers
        if earlier is not None:
            earlier.check(answers)
        if self.out:
            _refuse_to_overwrite(Path(self.out), self.draw)
        # Rounds of one seed must not repeat each other.
        rng = np.random.default_rng([self.seed, 0 if earlier is None else len(earlier.rounds)])
        said = self._forecast(answers, earlier)
        return answers, draw_next(answers, self.count, loss=self.loss, earlier=earlier, rng=rng), said

    def _written(self, record: Any, table: Any) -> list[Path]:
        """The draw and its record, where they are asked for."""
        from ..diagnosis import write_draw

        if not self.out:
            return []
        with refused(ValueError), written():
            return write_draw(self.out, record, table.others, table.answers.gold_names)

    def _forecast(self, answers: Any, earlier: Any) -> str:
        """What the labels so far say about how many more it takes."""
        import numpy as np

        from ..diagnosis import diagnose_answers
        from ..diagnosis.words import next_step

        if earlier is None:
            return f"How many labels settle the sign depends on the gain: see `w2s diagnose {self.file}` and `w2s diagnose plan`."
        missing = int(np.isnan(answers.gold[earlier.points]).sum())
        if missing and not self.sequential:
            return f"{missing} points of the earlier rounds have no label yet, so how many more are needed is not known."
        found = diagnose_answers(
            answers, gold_is=earlier, level=self.level, is_sequential=self.sequential, label_range=self.label_range
        )
        said = next_step(found) or "The sign is told by the labels there are already."
        return said if self.sequential else f"{said} If you go on until the sign is told, read the answer with --sequential."


def _refuse_to_overwrite(out: Path, draw: str | None) -> None:
    """Raise unless neither the CSV nor its record is there, or they are those of the draw that goes on."""
    if draw and out.exists() and os.path.samefile(out, draw):
        return
    for path in (out, out.with_suffix(".json")):
        if path.exists():
            raise Misuse(
                f"{path} is there already; it may hold labels or the record of a draw. Pass the draw as --draw to go on with it, or "
                "name another file."
            )
