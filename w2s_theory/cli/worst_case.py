"""``w2s worst-case``: among problems that can be drawn, the one with least room."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from tyro.conf import Positional, arg

from .misuse import refused
from .options import Given
from .printing import print_json
from .screen import screen_width
from .workers import executor_of


@dataclass(frozen=True)
class WorstCase:
    """Search for the problem that leaves a statement least room: its own examples for many seeds, and a hunt by Hypothesis.

    examples:
      w2s worst-case charikar2024.nonrealizable_convex
      w2s worst-case pseudolabels.expansion_bound --draws 1000
                                       a thousand seeds
      w2s worst-case charikar2024.theorem_1 --hunt 5000 --draws 1
                                       mostly the hunt

    Room is the margin as a share of the larger side, so that different problems compare; problems on which a check is inconclusive
    are counted, not ranked. `w2s verify STATEMENT --seed S` checks the problems of one seed again. It is a search and no proof.

    exit codes:
      0    done; no problem violates the statement
      1    a problem was found on which it is VIOLATED or NONFINITE
      2    misuse: an unknown name or option, a package that is not installed
    """

    statement: Annotated[Positional[str], arg(metavar="STATEMENT")]
    """name of the statement, <paper>.<statement>"""
    draws: Annotated[int, arg(metavar="N")] = 100
    """seeds for which the statement's own examples are drawn"""
    seed: Annotated[int, arg(metavar="N")] = 0
    """the first of these seeds"""
    hunt: Annotated[int, arg(metavar="N")] = 100
    """problems that the hunt tries; 0: no hunt"""
    workers: Annotated[Given[int], arg(metavar="N")] = None
    """processes on this machine that run the checks (default: a core each; 1: no others)"""
    scheduler: Annotated[Given[str], arg(metavar="ADDRESS")] = None
    """a Dask cluster that runs them: tcp://host:8786; dask: one on this machine"""
    json: bool = False
    """print one JSON object instead of the page"""

    def run(self) -> int:
        """Search, print what was found, and return 1 where a problem violates the statement."""
        from ..sweeps import Progress
        from ..theorems import find
        from ..worst_case import worst_case

        try:
            with refused(KeyError, ValueError):
                found = worst_case(
                    find(self.statement),
                    draws=self.draws,
                    seed=self.seed,
                    hunt=self.hunt,
                    executor=executor_of(self.workers, self.scheduler),
                    progress=Progress("worst-case"),
                )
        except KeyboardInterrupt:
            raise KeyboardInterrupt("Nothing of a search is kept; fewer --draws or a smaller --hunt take less time.") from None
        if self.json:
            print_json("worst-case", found.as_plain())
        else:
            print(found.as_text(screen_width()), end="")
        return found.exit_code
