"""``w2s diagnose rank``: which of several supervisors to take."""

from __future__ import annotations

import argparse
import json
from typing import Any

import numpy as np

from .diagnose import EXIT_CODES, add_common, guarded

DESCRIPTION = """\
Which of several supervisors to take: that of the student with the least error, with intervals that hold for all pairs together.
Each supervisor with its student is a CSV of the same points (columns weak, student, gold), or a pair of columns weak_<name>,
student_<name> of one CSV with a column gold.

examples:
  w2s diagnose rank a.csv b.csv c.csv --gold-is random    gold labels at uniformly drawn points, the same in every file
  w2s diagnose rank all.csv                               weak_a, student_a, weak_b, student_b, … and gold at all points
"""


def add(commands: Any) -> None:
    """Add the parser of ``diagnose rank``."""
    parser = commands.add_parser(
        "diagnose rank", help="which of several supervisors to take", description=DESCRIPTION, epilog=EXIT_CODES
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="a CSV for each supervisor, or one with columns for all")
    add_common(parser)
    parser.add_argument(
        "--gold-is",
        choices=("random", "unknown"),
        default="unknown",
        help="how the labelled points were chosen: a uniform random draw of all, or not known, the default (then all need a label)",
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the intervals' resampling (default 0)")
    parser.set_defaults(run=guarded(_rank))


def _rank(options: argparse.Namespace) -> int:
    from ..diagnosis import rank_supervisors, read_answers, read_supervisors
    from ..diagnosis.words import ranking_lines
    from ..report.writing import json_ready

    if options.seed < 0:
        raise ValueError(f"--seed must be >= 0; it is {options.seed}.")
    if len(options.files) == 1:
        candidates = read_supervisors(options.files[0], kind=options.kind)
    else:
        candidates = [(file, read_answers(file, kind=options.kind).answers) for file in options.files]
    found = rank_supervisors(candidates, gold_is=options.gold_is, level=options.level, rng=np.random.default_rng(options.seed))
    print(json.dumps(json_ready(found), indent=2) if options.json else "\n\n".join(ranking_lines(found, options.level)))
    return 0
