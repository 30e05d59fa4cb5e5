"""``w2s diagnose next``: draw the points to label next, into a CSV to fill in."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from .diagnose import EXIT_CODES, add_common, add_label_range, guarded, read_with_draw, written

DESCRIPTION = """\
Draw points to label next, with known chances, into a CSV to fill in; the record of the draw goes beside it, ending in .json.
For accuracy: uniformly among the points on which weak and student differ, none twice. For other losses: more often where they are
further apart, with replacement. Rounds of one draw are used together. Label every point that is drawn, also the hard ones.

examples:
  w2s diagnose next answers.csv --count 50 --out draw.csv                    draw 50 points; fill in the column gold of draw.csv
  w2s diagnose next answers.csv --draw draw.csv --count 50 --out draw.csv    50 more of the same draw, labels are kept
  w2s diagnose next answers.csv --count 10                                   only show which points it would be
Afterwards: w2s diagnose answers.csv --draw draw.csv
"""
#: Points that are named on the screen where all are in a file.
SHOWN = 30


def add(commands: Any) -> None:
    """Add the parser of ``diagnose next``."""
    parser = commands.add_parser(
        "diagnose next", help="draw the points to label next", description=DESCRIPTION, epilog=EXIT_CODES
    )
    parser.add_argument("file", metavar="FILE", help="the CSV with the answers of weak and student")
    add_common(parser)
    parser.add_argument("--count", type=int, default=50, metavar="N", help="points to draw (default 50)")
    parser.add_argument("--out", metavar="DRAW.csv", help="the CSV to fill in; nothing is written without it")
    parser.add_argument("--draw", metavar="DRAW.csv", help="the draw to go on with; --out may be the same file")
    parser.add_argument(
        "--loss",
        choices=("accuracy", "squared", "cross_entropy"),
        help="what to draw for (default: the first that the answers have)",
    )
    parser.add_argument("--seed", type=int, default=0, help="seed (default 0); rounds of one seed differ")
    parser.add_argument("--sequential", action="store_true", help="forecast for intervals that hold whenever one stops")
    add_label_range(parser)
    parser.set_defaults(run=guarded(_next))


def _next(options: argparse.Namespace) -> int:
    from ..diagnosis import draw_next, write_draw
    from ..diagnosis.record import differs

    if options.seed < 0:
        raise ValueError(f"--seed must be >= 0; it is {options.seed}.")
    table, earlier = read_with_draw(options.file, options)
    answers = table.answers
    if earlier is not None:
        earlier.check(answers)
    if options.out:
        _refuse_to_overwrite(Path(options.out), options.draw)
    # Rounds of one seed must not repeat each other.
    rng = np.random.default_rng([options.seed, 0 if earlier is None else len(earlier.rounds)])
    said = _forecast(options, answers, earlier)
    record = draw_next(answers, options.count, loss=options.loss, earlier=earlier, rng=rng)
    new = record.points[0 if earlier is None else earlier.points.size :] + 1
    files = written(write_draw, options.out, record, table.others, answers.gold_names) if options.out else []
    if options.json:
        out = {"loss": record.loss, "round": len(record.rounds), "points": new.tolist(), "forecast": said}
        print(json.dumps(out | {"notes": list(answers.notes), "written": [str(path) for path in files]}, indent=2))
        return 0
    drawn, loss = record.rounds[-1], record.loss.replace("_", "-")
    if record.loss == "accuracy":
        among = int(differs(answers).sum())
        how = f"{drawn} points, with equal chances from those of the {among} on which weak and student differ that were not drawn yet"
        print(f"Round {len(record.rounds)}, for accuracy: {how}.")
        if drawn < options.count:
            print(f"No more than {drawn} were left: with their labels the gain of these points is known exactly.")
    else:
        how = f"{drawn} draws with replacement, more often where weak and student are further apart; {new.size} points are new"
        print(f"Round {len(record.rounds)}, for {loss}: {how}.")
    shown = new[: SHOWN if files else None]
    rest = f" and {new.size - shown.size} more" if new.size > shown.size else ""
    print(f"Points (rows below the header, from 1): {', '.join(map(str, shown)) or 'none'}{rest}.")
    print("\n".join([said, *(f"{note[0].upper()}{note[1:]}." for note in answers.notes)]))
    if files:
        what = "the chance of its point in one draw"
        if record.loss == "accuracy":
            what = "the chance of its point to be the first drawn, 1 / all on which weak and student differ; none is drawn twice"
        print(f"The column probability is {what}. It is there for the record: leave it as it is.")
        print(f"Fill in the column gold of {files[0]}, leave no line out, then: w2s diagnose {options.file} --draw {files[0]}")
    else:
        print("Nothing was written, so labels of these points can't be used later: give --out DRAW.csv.")
    return 0


def _refuse_to_overwrite(out: Path, draw: str | None) -> None:
    """Raise unless neither the CSV nor its record is there, or they are those of the draw that goes on."""
    if draw and out.exists() and os.path.samefile(out, draw):
        return
    for path in (out, out.with_suffix(".json")):
        if path.exists():
            raise ValueError(
                f"{path} is there already; it may hold labels or the record of a draw. Pass the draw as --draw to go on with it, or "
                "name another file."
            )


def _forecast(options: argparse.Namespace, answers: Any, earlier: Any) -> str:
    """What the labels so far say about how many more it takes."""
    from ..diagnosis import diagnose_answers
    from ..diagnosis.words import next_step

    if earlier is None:
        return f"How many labels settle the sign depends on the gain: see `w2s diagnose {options.file}` and `w2s diagnose plan`."
    missing = int(np.isnan(answers.gold[earlier.points]).sum())
    if missing and not options.sequential:
        return f"{missing} points of the earlier rounds have no label yet, so how many more are needed is not known."
    span = options.label_range and tuple(options.label_range)
    found = diagnose_answers(answers, gold_is=earlier, level=options.level, is_sequential=options.sequential, label_range=span)
    said = next_step(found) or "The sign is told by the labels there are already."
    return said if options.sequential else f"{said} If you go on until the sign is told, read the answer with --sequential."
