"""``w2s diagnose``: did my student beat its teacher, by how much, and which labels do I need to know?"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from tyro.conf import Positional, arg

from .misuse import Misuse, refused, written
from .options import Given
from .printing import print_json

#: What reading the answers, and the statistics of them, may raise.
REFUSED = (ValueError, TypeError, FileNotFoundError, IsADirectoryError, PermissionError)
Kind = Literal["classes", "regression"]
Loss = Literal["accuracy", "squared", "cross_entropy"]


@dataclass(frozen=True, kw_only=True)
class Diagnose:
    """Did the student beat its teacher, by how much, and which gold labels are needed to know? From one CSV of any model: columns
    weak and student (numbers or classes; or probabilities, weak_<class> and student_<class>), gold (empty where it is not known),
    ceiling if there is one. Other columns are kept for whoever labels.

      w2s diagnose FILE           the answer, from the gold labels there are and
                                  how their points were chosen
      w2s diagnose next FILE      draw points to label next, with known chances,
                                  into a CSV to fill in (its record beside it)
      w2s diagnose rank FILE ...  which of several supervisors to take
      w2s diagnose plan           how many labels, or seeds and test points, are
                                  needed to see a gain

    next, rank and plan have options of their own: `w2s diagnose next --help`. A file that is called so: ./next

    Gains are error of weak − error of student: in accuracy a share of points, in squared error the squared units of the labels, in
    cross-entropy nats. No gold label may have trained either model.

    examples:
      w2s diagnose answers.csv             no gold label: what is possible, and
                                           where labels are needed
      w2s diagnose answers.csv --gold-is random --out report
                                           gold labels at uniformly drawn points
                                           (or at all)
      w2s diagnose next answers.csv --count 50 --out draw.csv
                                           draw 50 points; fill in its column gold
      w2s diagnose answers.csv --draw draw.csv
                                           use them
      w2s diagnose answers.csv --draw draw.csv --sequential
                                           an interval that holds whenever you stop

    exit codes:
      0    done; the answer is in the output, whatever it is
      2    misuse: a file, column or option that can't be used; labels that are
           missing; answers that are not those of the draw
    """

    file: Annotated[Positional[str], arg(metavar="FILE")]
    """the CSV, its name ending in .csv or .csv.gz"""
    kind: Given[Kind] = None
    """what the answers are, where that is not clear"""
    gold_is: Given[Literal["random", "drawn", "unknown"]] = None
    """how the labelled points were chosen: uniformly at random; by `next` (with --draw); not known (the default: then no estimate)"""
    draw: Annotated[Given[str], arg(metavar="DRAW.csv")] = None
    """the draw, filled in; its record lies beside it"""
    loss: Given[Loss] = None
    """the loss to compare under (default: all that the answers have)"""
    target: Literal["pool", "population"] = "pool"
    """the gain of these points, or of what they are a sample of"""
    sequential: bool = False
    """intervals that hold whenever one stops labelling; wider"""
    label_range: Annotated[Given[tuple[float, float]], arg(metavar="LOW HIGH")] = None
    """numbers: the range that every gold label lies in, known before labelling"""
    epsilon: Annotated[Given[float], arg(metavar="EPSILON")] = None
    """no gold labels, numbers: assumed mean squared distance of the truth from the student's class, in squared units of the labels"""
    weak_error: Annotated[Given[tuple[float, float]], arg(metavar="LOW HIGH")] = None
    """no gold labels, classes: range of the weak model's error rate, as shares"""
    level: Annotated[float, arg(metavar="SHARE")] = 0.95
    """confidence level of intervals, a share"""
    out: Annotated[Given[str], arg(metavar="FOLDER")] = None
    """folder of the report (report.html, .md, .json)"""
    json: bool = False
    """print one JSON object instead of text"""

    def run(self) -> int:
        """Print the answer and write the report."""
        from ..diagnosis.words import headline, lines, next_step, sections

        refuse_level(self.level)
        self._refuse_combinations()
        with refused(*REFUSED):
            found = self._diagnosis()
        plain = {"verdict": found.verdict, "answer": headline(found), "next": next_step(found), "diagnosis": found}
        if self.out:
            from ..report import provenance, write_report

            inputs = {"answers": self.file} | ({"draw": self.draw} if self.draw else {})
            title, made = f"Diagnosis of {Path(self.file).name}", provenance(inputs=inputs)
            with written():
                files = write_report(title, sections(found), self.out, plain=plain, provenance=made)
            print("\n".join(f"wrote {path}" for path in files), file=sys.stderr)
        if self.json:
            print_json("diagnose", plain)
        else:
            print("\n\n".join(lines(found)))
        return 0

    def _refuse_combinations(self) -> None:
        """Options that contradict each other, before anything is read."""
        if self.gold_is == "drawn" and not self.draw:
            raise Misuse(
                "--gold-is drawn needs --draw DRAW.csv, the file that `w2s diagnose next` wrote: without its record the chances are "
                "not known."
            )
        if self.draw and self.gold_is not in (None, "drawn"):
            raise Misuse(
                f"--draw says how the points were chosen, and --gold-is {self.gold_is} says otherwise. Leave one of them out."
            )
        if self.sequential and not self.draw:
            raise Misuse(
                "--sequential needs --draw DRAW.csv, the file that `w2s diagnose next` wrote: the interval follows the order in which "
                "points were drawn. Leave --sequential out, or draw points."
            )

    def _diagnosis(self) -> Any:
        from ..diagnosis import diagnose_answers

        table, record = read_with_draw(self.file, self.draw, self.kind, self.loss)
        return diagnose_answers(
            table.answers,
            loss=self.loss if record is None else None,
            gold_is=record or ("random" if self.gold_is == "random" else "unknown"),
            target=self.target,
            level=self.level,
            is_sequential=self.sequential,
            epsilon=self.epsilon,
            weak_error=self.weak_error,
            label_range=self.label_range,
        )


def refuse_level(level: float) -> None:
    """Raise ``Misuse`` unless ``level`` lies strictly between 0 and 1."""
    from .._validation import probability

    with refused(ValueError):
        probability("--level", level)


def read_with_draw(file: str, draw: str | None, kind: Kind | None, loss: Loss | None) -> tuple[Any, Any]:
    """The table of ``file`` with the labels of ``draw`` in it, and the draw's record, or None."""
    from ..diagnosis import read_answers, read_draw

    if not draw:
        return read_answers(file, kind=kind), None
    record, labels = read_draw(draw)
    table = read_answers(file, kind=kind or record.kind, gold=labels)
    if loss and loss != record.loss:
        raise Misuse(f"--loss is {loss}, and the points were drawn for {record.loss}. Leave it out, or draw for it.")
    return table, record
