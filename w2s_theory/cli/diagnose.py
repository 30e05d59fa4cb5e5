"""``w2s diagnose``: did my student beat its teacher, by how much, and which labels do I need to know?"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .._validation import probability

DESCRIPTION = """\
Did the student beat its teacher, by how much, and which gold labels are needed to know? From one CSV of any model: columns weak
and student (numbers or classes; or probabilities, weak_<class> and student_<class>), gold (empty where it is not known),
ceiling if there is one. Other columns are kept for whoever labels.

  w2s diagnose FILE           the answer, from the gold labels there are and how their points were chosen
  w2s diagnose next FILE      draw points to label next, with known chances, into a CSV to fill in (its record goes beside it)
  w2s diagnose rank FILE …    which of several supervisors to take
  w2s diagnose plan           how many labels are needed to see a gain
next, rank and plan have options of their own: `w2s diagnose next --help`. A file that is called so: ./next

Gains are error of weak − error of student: in accuracy a share of points, in squared error the squared units of the labels, in
cross-entropy nats. No gold label may have trained either model.

examples:
  w2s diagnose answers.csv                                   no gold label: what is possible, and where labels are needed
  w2s diagnose answers.csv --gold-is random --out report     gold labels at uniformly drawn points (or at all)
  w2s diagnose next answers.csv --count 50 --out draw.csv    draw 50 points; fill in the column gold of draw.csv
  w2s diagnose answers.csv --draw draw.csv                   use them
  w2s diagnose answers.csv --draw draw.csv --sequential      an interval that holds whenever you stop
"""
EXIT_CODES = """\
exit codes:
  0  done; the answer is in the output, whatever it is
  2  misuse: a file, column or option that can't be used; labels that are missing; answers that are not those of the draw
  3  the output could not be written (a closed pipe, a full disk)
"""
_REFUSED = (ValueError, TypeError, FileNotFoundError, IsADirectoryError, PermissionError)


class _Unwritable(Exception):
    """A file could not be written."""


def add(commands: Any) -> None:
    """Add the parser of ``diagnose``."""
    parser = commands.add_parser(
        "diagnose", help="did my student beat its teacher, and which labels tell", description=DESCRIPTION, epilog=EXIT_CODES
    )
    parser.add_argument("file", metavar="FILE", help="the CSV, its name ending in .csv or .csv.gz")
    add_common(parser)
    parser.add_argument(
        "--gold-is",
        choices=("random", "drawn", "unknown"),
        help="how the labelled points were chosen: a uniform random draw of all; by `next` (with --draw); or not known, the default, "
        "and then there is no estimate",
    )
    parser.add_argument("--draw", metavar="DRAW.csv", help="the draw, filled in; its record lies beside it")
    parser.add_argument("--loss", choices=("accuracy", "squared", "cross_entropy"), help="default: all that the answers have")
    parser.add_argument(
        "--target",
        choices=("pool", "population"),
        default="pool",
        help="the gain of these points, or of what they are a sample of (default pool)",
    )
    parser.add_argument("--sequential", action="store_true", help="intervals that hold whenever one stops labelling; wider")
    add_label_range(parser)
    parser.add_argument(
        "--epsilon",
        type=float,
        help="no gold labels, numbers: assumed mean squared distance of the truth from the student's class",
    )
    parser.add_argument(
        "--weak-error",
        type=float,
        nargs=2,
        metavar=("LOW", "HIGH"),
        help="no gold labels, classes: range of the weak model's error rate, as shares",
    )
    parser.add_argument("--out", metavar="FOLDER", help="folder of the report (report.html, .md, .json)")
    parser.set_defaults(run=guarded(_answer))


def add_common(parser: argparse.ArgumentParser, *, has_kind: bool = True) -> None:
    """The options of all words of ``diagnose``."""
    if has_kind:
        parser.add_argument("--kind", choices=("classes", "regression"), help="what the answers are, where that is not clear")
    parser.add_argument("--level", type=float, default=0.95, help="confidence level of intervals, a share (default 0.95)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")


def add_label_range(parser: argparse.ArgumentParser) -> None:
    """The range of labels, which two words take."""
    parser.add_argument(
        "--label-range",
        type=float,
        nargs=2,
        metavar=("LOW", "HIGH"),
        help="numbers: the range that every gold label lies in, known before labelling",
    )


def guarded(run: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """``run`` with its errors as a line on stderr and an exit code."""

    def guard(options: argparse.Namespace) -> int:
        try:
            probability("--level", options.level)
            return run(options)
        except _REFUSED as error:
            print(f"w2s {options.command}: error: {error}", file=sys.stderr)
            return 2
        except _Unwritable as error:
            print(f"w2s {options.command}: error: {error}", file=sys.stderr)
            return 3

    return guard


def written(write: Callable[..., list[Path]], *arguments: Any, **options: Any) -> list[Path]:
    """What ``write`` wrote; an ``OSError`` becomes ``_Unwritable``, to tell it from a file that can't be read."""
    try:
        return write(*arguments, **options)
    except OSError as error:
        raise _Unwritable(error.strerror or str(error)) from error


def read_with_draw(path: str, options: argparse.Namespace) -> tuple[Any, Any]:
    """The table of ``path`` with the labels of ``options.draw`` in it, and the draw's record, or None."""
    from ..diagnosis import read_answers, read_draw

    if not options.draw:
        return read_answers(path, kind=options.kind), None
    record, labels = read_draw(options.draw)
    table = read_answers(path, kind=options.kind or record.kind, gold=labels)
    if options.loss and options.loss != record.loss:
        raise ValueError(f"--loss is {options.loss}, and the points were drawn for {record.loss}. Leave it out, or draw for it.")
    return table, record


def _answer(options: argparse.Namespace) -> int:
    from ..diagnosis import diagnose_answers
    from ..diagnosis.words import headline, lines, next_step, sections
    from ..report.writing import json_ready

    if options.gold_is == "drawn" and not options.draw:
        raise ValueError(
            "--gold-is drawn needs --draw DRAW.csv, the file that `w2s diagnose next` wrote: without its record the chances are "
            "not known."
        )
    if options.draw and options.gold_is not in (None, "drawn"):
        raise ValueError(
            f"--draw says how the points were chosen, and --gold-is {options.gold_is} says otherwise. Leave one of them out."
        )
    if options.sequential and not options.draw:
        raise ValueError(
            "--sequential needs --draw DRAW.csv, the file that `w2s diagnose next` wrote: the interval follows the order in which "
            "points were drawn. Leave --sequential out, or draw points."
        )
    table, record = read_with_draw(options.file, options)
    found = diagnose_answers(
        table.answers,
        loss=options.loss if record is None else None,
        gold_is=record or ("random" if options.gold_is == "random" else "unknown"),
        target=options.target,
        level=options.level,
        is_sequential=options.sequential,
        epsilon=options.epsilon,
        weak_error=options.weak_error and tuple(options.weak_error),
        label_range=options.label_range and tuple(options.label_range),
    )
    plain = {"verdict": found.verdict, "answer": headline(found), "next": next_step(found), "diagnosis": found}
    if options.out:
        from ..report import provenance, write_report

        inputs = {"answers": options.file} | ({"draw": options.draw} if options.draw else {})
        title, made = f"Diagnosis of {Path(options.file).name}", provenance(inputs=inputs)
        files = written(write_report, title, sections(found), options.out, plain=plain, provenance=made)
        print("\n".join(f"wrote {path}" for path in files), file=sys.stderr)
    print(json.dumps(json_ready(plain), indent=2) if options.json else "\n\n".join(lines(found)))
    return 0
