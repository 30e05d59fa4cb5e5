"""``w2s diagnose``: did my student beat its teacher, by how much, and which labels do I need to know?"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

DESCRIPTION = """\
Did the student beat its teacher, by how much, and which gold labels are needed to know? From one CSV of any model: columns weak
and student (numbers or classes; or probabilities, weak_<class> and student_<class>), gold (empty where it is not known),
ceiling if there is one. Other columns are kept for whoever labels.

  w2s diagnose FILE           the answer, from the gold labels there are and how their points were chosen
  w2s diagnose next FILE      draw points to label next, with known chances, into a CSV to fill in (its record goes beside it)
  w2s diagnose rank FILE …    which of several supervisors to take (or columns weak_<name>, student_<name> of one file)
  w2s diagnose plan           how many labels are needed to see a gain

Gains are error of weak − error of student: in accuracy a share of points, in squared error the squared units of the labels, in
cross-entropy nats. No gold label may have trained either model.

examples:
  w2s diagnose answers.csv                                   no gold label: what is possible, and where labels are needed
  w2s diagnose answers.csv --gold-is random --out report     gold labels at uniformly drawn points (or at all)
  w2s diagnose next answers.csv --count 50 --out draw.csv    draw 50 points; fill in the column gold of draw.csv
  w2s diagnose answers.csv --draw draw.csv                   use them
  w2s diagnose next answers.csv --draw draw.csv --count 50 --seed 1 --out draw.csv      50 more of the same draw
  w2s diagnose answers.csv --draw draw.csv --sequential      an interval that holds whenever you stop
  w2s diagnose rank a.csv b.csv c.csv --gold-is random
  w2s diagnose plan --gain 0.02 --misfit 0.1                 labels where weak and student differ
  w2s diagnose plan --gain 0.05 --deviation 0.8              labels for a mean, from a pilot's standard deviation
"""
EXIT_CODES = """\
exit codes:
  0  done; the answer is in the output, whatever it is
  2  misuse: a file, column or option that can't be used; labels that are missing; answers that are not those of the draw
  3  the output could not be written (a closed pipe, a full disk)
"""
ACTIONS = ("next", "rank", "plan")
#: Points that are named on the screen where all are in a file.
SHOWN = 30
#: The options that each action has beside the common ones; given to another, they are refused.
OPTIONS = {
    "": [
        "gold_is",
        "draw",
        "loss",
        "target",
        "sequential",
        "epsilon",
        "weak_error",
        "label_range",
        "out",
        "kind",
        "level",
        "json",
    ],
    "next": ["count", "out", "draw", "loss", "seed", "kind", "level", "json", "gold_is", "label_range", "sequential"],
    "rank": ["gold_is", "kind", "level", "seed", "json"],
    "plan": ["gain", "misfit", "neither", "deviation", "classical", "power", "level", "json"],
}


class _Unwritable(Exception):
    """A file could not be written."""


_REFUSED = (ValueError, TypeError, FileNotFoundError, IsADirectoryError, PermissionError)


def add(commands: Any) -> None:
    """Add the parser of ``diagnose``."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "diagnose", help="did my student beat its teacher, and which labels tell", description=DESCRIPTION, epilog=EXIT_CODES
    )
    parser.add_argument(
        "words", nargs="*", metavar="[next|rank|plan] FILE", help="what to do, and the CSV (a file that is called so: ./next)"
    )
    parser.add_argument("--kind", choices=("classes", "regression"), help="what the answers are, where that is not clear")
    parser.add_argument("--level", type=float, help="confidence level of intervals (default 0.95)")
    parser.add_argument("--seed", type=int, help="next, rank: seed (default 0); rounds of one seed differ")
    parser.add_argument("--json", action="store_true", default=None, help="print one JSON object instead of text")
    answer = parser.add_argument_group("w2s diagnose FILE")
    answer.add_argument(
        "--gold-is",
        choices=("random", "drawn", "unknown"),
        help="how the labelled points were chosen: a uniform random draw of all; by `next` (with --draw); or not known, the default, "
        "and then there is no estimate",
    )
    answer.add_argument("--draw", metavar="DRAW.csv", help="the draw, filled in; its record lies beside it")
    answer.add_argument("--loss", choices=("accuracy", "squared", "cross_entropy"), help="default: all that the answers have")
    answer.add_argument(
        "--target",
        choices=("pool", "population"),
        help="the gain of these points, or of what they are a sample of (default pool)",
    )
    answer.add_argument(
        "--sequential", action="store_true", default=None, help="intervals that hold whenever one stops labelling; wider"
    )
    answer.add_argument(
        "--epsilon",
        type=float,
        help="no gold labels, numbers: assumed mean squared distance of the truth from the student's class",
    )
    answer.add_argument(
        "--weak-error",
        type=float,
        nargs=2,
        metavar=("LOW", "HIGH"),
        help="no gold labels, classes: range of the weak model's error rate",
    )
    answer.add_argument(
        "--label-range", type=float, nargs=2, metavar=("LOW", "HIGH"), help="numbers: the range that every gold label lies in"
    )
    answer.add_argument("--out", metavar="PLACE", help="folder of the report (report.html, .md, .json); next: the CSV to fill in")
    parser.add_argument_group("w2s diagnose next FILE").add_argument(
        "--count", type=int, metavar="N", help="points to draw (default 50)"
    )
    plan = parser.add_argument_group("w2s diagnose plan")
    plan.add_argument("--gain", type=float, help="the gain that is to be seen")
    plan.add_argument("--misfit", type=float, help="accuracy: share of points where weak and student differ")
    plan.add_argument("--neither", type=float, help="accuracy: share of those on which both are wrong (default 0)")
    plan.add_argument("--deviation", type=float, help="other losses: standard deviation of a draw's term, from a pilot")
    plan.add_argument(
        "--classical", type=float, help="other losses: that of the paired differences, to compare (default the same)"
    )
    plan.add_argument("--power", type=float, help="chance to see the gain (default 0.8)")
    parser.set_defaults(run=lambda options: _run(options, parser))
    _allow_options_between_words(parser)


def _allow_options_between_words(parser: argparse.ArgumentParser) -> None:
    """Let ``next --count 30 answers.csv`` mean what it says: argparse takes all words from one place otherwise."""
    plain = parser.parse_known_args

    def intermixed(args: Any = None, namespace: Any = None) -> Any:
        parser.parse_known_args = plain  # type: ignore[method-assign]
        try:
            return parser.parse_known_intermixed_args(args, namespace)
        finally:
            parser.parse_known_args = intermixed  # type: ignore[method-assign]

    parser.parse_known_args = intermixed  # type: ignore[method-assign]


def _run(options: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    action = options.words[0] if options.words and options.words[0] in ACTIONS else ""
    files = options.words[1:] if action else options.words
    given = [name for name, value in vars(options).items() if value is not None and name not in ("words", "command", "run")]
    foreign = [f"--{name.replace('_', '-')}" for name in given if name not in OPTIONS[action]]
    if foreign:
        parser.error(f"{', '.join(foreign)} is no option of `w2s diagnose{action and ' ' + action}`; see --help")
    wanted = {"": 1, "next": 1, "plan": 0}.get(action)
    if (wanted is not None and len(files) != wanted) or (action == "rank" and not files):
        parser.error(
            f"`w2s diagnose {action}` takes {wanted if wanted is not None else 'at least one'} FILE; {len(files)} are given".replace(
                " `", "`"
            )
        )
    if options.level is None:
        options.level = 0.95
    if options.seed is not None and options.seed < 0:
        parser.error(f"--seed must be >= 0; it is {options.seed}")
    try:
        return {"": _answer, "next": _next, "rank": _rank, "plan": _plan}[action](options, files)
    except _REFUSED as error:
        print(f"w2s diagnose: error: {error}", file=sys.stderr)
        return 2
    except _Unwritable as error:
        print(f"w2s diagnose: error: {error}", file=sys.stderr)
        return 3


def _written(write: Callable[..., list[Path]], *arguments: Any, **options: Any) -> list[Path]:
    """What ``write`` wrote; an ``OSError`` becomes ``_Unwritable``, to tell it from a file that can't be read."""
    try:
        return write(*arguments, **options)
    except OSError as error:
        raise _Unwritable(str(error)) from error


def _answer(options: argparse.Namespace, files: list[str]) -> int:
    from ..diagnosis import diagnose_answers
    from ..diagnosis.words import headline, lines, next_step, sections
    from ..report.writing import json_ready

    table, record = _read(files[0], options)
    found = diagnose_answers(
        table.answers,
        loss=options.loss if record is None else None,
        gold_is=record or ("random" if options.gold_is == "random" else "unknown"),
        target=options.target or "pool",
        level=options.level,
        is_sequential=bool(options.sequential),
        epsilon=options.epsilon,
        weak_error=options.weak_error and tuple(options.weak_error),
        label_range=options.label_range and tuple(options.label_range),
    )
    plain = {"verdict": found.verdict, "answer": headline(found), "next": next_step(found)} | {"diagnosis": found}
    if options.out:
        from ..report import provenance, write_report

        inputs = {"answers": files[0]} | ({"draw": options.draw} if options.draw else {})
        title, made = f"Diagnosis of {Path(files[0]).name}", provenance(inputs=inputs)
        written = _written(write_report, title, sections(found), options.out, plain=plain, provenance=made)
        print("\n".join(f"wrote {path}" for path in written), file=sys.stderr)
    if options.json:
        print(json.dumps(json_ready(plain), indent=2))
    else:
        print("\n\n".join(lines(found)))
    return 0


def _read(path: str, options: argparse.Namespace) -> tuple[Any, Any]:
    """The table with the labels of the draw in it, and the draw's record, or None."""
    from ..diagnosis import read_answers, read_draw

    if options.gold_is == "drawn" and not options.draw:
        raise ValueError(
            "--gold-is drawn needs --draw DRAW.csv, the file that `w2s diagnose next` wrote: without its record the chances are "
            "not known."
        )
    if options.draw and options.gold_is not in (None, "drawn"):
        raise ValueError(
            f"--draw says how the points were chosen, and --gold-is {options.gold_is} says otherwise. Leave one of them out."
        )
    if not options.draw:
        return read_answers(path, kind=options.kind), None
    record, labels = read_draw(options.draw)
    table = read_answers(path, kind=options.kind, gold=labels)
    if options.loss and options.loss != record.loss:
        raise ValueError(f"--loss is {options.loss}, and the points were drawn for {record.loss}. Leave it out, or draw for it.")
    return table, record


def _next(options: argparse.Namespace, files: list[str]) -> int:
    from ..diagnosis import diagnose_answers, draw_next, write_draw
    from ..diagnosis.record import differs
    from ..diagnosis.words import next_step

    table, earlier = _read(files[0], options)
    answers = table.answers
    count, seed = options.count if options.count is not None else 50, options.seed or 0
    # Rounds of one seed must not repeat each other.
    rng = np.random.default_rng([seed, 0 if earlier is None else len(earlier.rounds)])
    if earlier is not None:
        earlier.check(answers)
    said = _forecast(diagnose_answers, next_step, options, answers, earlier)
    record = draw_next(answers, count, loss=options.loss, earlier=earlier, rng=rng)
    known = answers.labelled
    if record.loss == "accuracy" or answers.kind == "classes":
        labels = {row: answers.classes[int(answers.gold[row])] for row in known.tolist()}
    else:
        labels = {row: repr(float(answers.gold[row])) for row in known.tolist()}
    new = [row for row in record.points.tolist() if earlier is None or row not in set(earlier.points.tolist())]
    written: list[Path] = []
    if options.out:
        if os.path.exists(options.out) and options.out != options.draw:
            raise ValueError(
                f"{options.out} is there already; it may hold labels. Pass it as --draw to go on with it, or name another file."
            )
        written = _written(write_draw, options.out, record, table.others, labels)
    if options.json:
        out = {"loss": record.loss, "round": len(record.rounds), "points": [row + 1 for row in new], "forecast": said}
        print(json.dumps(out | {"written": [str(path) for path in written]}, indent=2))
        return 0
    chances = "each of those on which weak and student differ with the same chance"
    if record.loss != "accuracy":
        chances = "more often where weak and student are further apart, with replacement"
    print(
        f"Round {len(record.rounds)}, for {record.loss.replace('_', '-')}: {record.rounds[-1]} draws, {len(new)} new points, "
        f"{chances}."
    )
    if record.loss == "accuracy" and record.rounds[-1] < count:
        print(f"Only {record.rounds[-1]} were left of the {int(differs(answers).sum())} points on which weak and student differ.")
    shown = new if len(new) <= SHOWN or not written else new[:SHOWN]
    rest = "" if len(shown) == len(new) else f" and {len(new) - SHOWN} more"
    print(f"Points (rows below the header, from 1): {', '.join(str(row + 1) for row in shown)}{rest}.")
    if said:
        print(said)
    if written:
        print(f"Fill in the column gold of {written[0]}, leave no line out, then: w2s diagnose {files[0]} --draw {written[0]}")
    else:
        print("Nothing was written, so labels of these points can't be used later: give --out DRAW.csv.")
    return 0


def _forecast(diagnose_answers: Any, next_step: Any, options: argparse.Namespace, answers: Any, earlier: Any) -> str:
    """What the labels so far say about how many more it takes."""
    if earlier is None:
        return "How many labels settle the sign depends on the gain: see `w2s diagnose plan`."
    span = options.label_range and tuple(options.label_range)
    missing = np.isnan(answers.gold[earlier.points])
    if missing.any() and not options.sequential:
        return f"{int(missing.sum())} points of the earlier rounds have no label yet, so how many more are needed is not known."
    found = diagnose_answers(
        answers, gold_is=earlier, level=options.level, is_sequential=bool(options.sequential), label_range=span
    )
    return next_step(found) or "The sign is told by the labels there are already."


def _rank(options: argparse.Namespace, files: list[str]) -> int:
    from ..diagnosis import rank_supervisors, read_answers, read_supervisors
    from ..diagnosis.words import ranking_lines
    from ..report.writing import json_ready

    if len(files) == 1:
        candidates = read_supervisors(files[0], kind=options.kind)
    else:
        candidates = [(file, read_answers(file, kind=options.kind).answers) for file in files]
    if options.gold_is == "drawn":
        raise ValueError(
            "--gold-is drawn serves one pair of weak and student; a ranking needs labels at uniformly drawn points (random), or "
            "at all."
        )
    found = rank_supervisors(
        candidates, gold_is=options.gold_is or "unknown", level=options.level, rng=np.random.default_rng(options.seed or 0)
    )
    if options.json:
        print(json.dumps(json_ready(found), indent=2))
        return 0
    print("\n\n".join(ranking_lines(found, options.level)))
    return 0


def _plan(options: argparse.Namespace, files: list[str]) -> int:
    from ..quantities.label_efficiency.planner import plan_accuracy, plan_mean
    from ..report.writing import json_ready

    power = 0.8 if options.power is None else options.power
    if options.gain is None or (options.misfit is None) == (options.deviation is None):
        raise ValueError(
            "a plan needs --gain, and either --misfit (accuracy: the share of points where weak and student differ) or "
            "--deviation (another loss: standard deviation of a "
            "draw's term)."
        )
    if options.misfit is not None:
        if options.classical is not None:
            raise ValueError("--classical belongs to --deviation; leave it out with --misfit.")
        plan = plan_accuracy(options.gain, options.misfit, neither=options.neither or 0.0, power=power, level=options.level)
        told = "Label only points where weak and student differ (`w2s diagnose next`)."
    else:
        if options.neither is not None:
            raise ValueError("--neither belongs to --misfit; leave it out with --deviation.")
        plan = plan_mean(options.gain, options.deviation, classical=options.classical, power=power, level=options.level)
        told = "Draws as `w2s diagnose next` makes them, with replacement."
    print(json.dumps(json_ready(plan), indent=2) if options.json else f"{plan}.\n{told}")
    return 0
