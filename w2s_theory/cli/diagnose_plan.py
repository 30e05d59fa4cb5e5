"""``w2s diagnose plan``: how many labels are needed to see a gain."""

from __future__ import annotations

import argparse
import json
from typing import Any

from .diagnose import EXIT_CODES, add_common, guarded

DESCRIPTION = """\
How many gold labels are needed to see a gain, before there are any. To see it: its interval leaves out 0, on the right side.

examples:
  w2s diagnose plan --gain 0.02 --misfit 0.1         accuracy: a gain of 2 % where weak and student differ at 10 % of points
  w2s diagnose plan --gain 0.05 --deviation 0.8      another loss, with the standard deviation of a draw's term from a pilot
                                                     (the stderr that --json gives, times the root of the number of draws)
"""


def add(commands: Any) -> None:
    """Add the parser of ``diagnose plan``."""
    parser = commands.add_parser(
        "diagnose plan", help="how many labels it takes to see a gain", description=DESCRIPTION, epilog=EXIT_CODES
    )
    add_common(parser, has_kind=False)
    parser.add_argument(
        "--gain", type=float, required=True, help="the gain that is to be seen, > 0 (accuracy: a share of points)"
    )
    parser.add_argument("--misfit", type=float, help="accuracy: share of points where weak and student differ")
    parser.add_argument("--neither", type=float, help="accuracy: share of those on which both are wrong (default 0)")
    parser.add_argument("--deviation", type=float, help="other losses: standard deviation of a draw's term, from a pilot")
    parser.add_argument(
        "--classical", type=float, help="other losses: that of the paired differences, to compare (default the same)"
    )
    parser.add_argument("--power", type=float, default=0.8, help="chance to see the gain (default 0.8)")
    parser.set_defaults(run=guarded(_plan))


def _plan(options: argparse.Namespace) -> int:
    from ..quantities.label_efficiency.planner import plan_accuracy, plan_mean
    from ..report.writing import json_ready

    if (options.misfit is None) == (options.deviation is None):
        raise ValueError(
            "a plan needs --gain, and either --misfit (accuracy: the share of points where weak and student differ) or "
            "--deviation (another loss: standard deviation of a "
            "draw's term)."
        )
    if options.misfit is not None:
        if options.classical is not None:
            raise ValueError("--classical belongs to --deviation; leave it out with --misfit.")
        plan = plan_accuracy(
            options.gain, options.misfit, neither=options.neither or 0.0, power=options.power, level=options.level
        )
        told = "Label only points where weak and student differ (`w2s diagnose next`)."
    else:
        if options.neither is not None:
            raise ValueError("--neither belongs to --misfit; leave it out with --deviation.")
        plan = plan_mean(options.gain, options.deviation, classical=options.classical, power=options.power, level=options.level)
        told = "Draws as `w2s diagnose next` makes them, with replacement."
    print(json.dumps(json_ready(plan), indent=2) if options.json else f"{plan}.\n{told}")
    return 0
