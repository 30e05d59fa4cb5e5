"""``w2s figures``: the experiments of a checkout, their figures and the ledger."""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass
from typing import Annotated

from tyro.conf import Positional, arg

from .checkout import checkout_root
from .misuse import Misuse, refused
from .options import Given
from .printing import print_json
from .workers import executor_of


@dataclass(frozen=True)
class Figures:
    """Run the experiments of this repository, draw their figures and rewrite the ledger (the generated block of paper_repro.md).

    It needs a checkout: the working directory or a folder above it, or the one that the package is installed from (pip install -e).
    It does there what `python -m experiments` does.

    examples:
      w2s figures                     every experiment, small grids, minutes
      w2s figures --list              what there is
      w2s figures statements --full   one of them, with the grid of the
                                      committed results
      w2s figures --figures-only      redraw from the tables, run nothing

    Quick tables and figures go to experiments/results/quick/ and figures/quick/, full ones to experiments/results/ and figures/. A
    long run can be stopped at any time and started again with the same command: it goes on where it was.

    exit codes:
      0    everything asked for was done (an experiment whose data is not on
           this machine is skipped, and said so)
      1    something failed: the other experiments were finished, and the
           failures are listed at the end
      2    misuse: an unknown experiment or option; no checkout
      130  stopped by Ctrl-C; the finished points are kept
    """

    stems: Annotated[Positional[Given[tuple[str, ...]]], arg(metavar="[STEM ...]")] = None
    """experiments to run; all without a name"""
    full: bool = False
    """the grids of the committed results; without it small ones"""
    list: bool = False
    """list the experiments and the results they have, and stop"""
    no_figures: bool = False
    """write the tables and the ledger only"""
    figures_only: bool = False
    """run nothing: redraw the figures from the tables"""
    workers: Annotated[Given[int], arg(metavar="N")] = None
    """processes that run points side by side (default: a core each; 1: no others)"""
    scheduler: Annotated[Given[str], arg(metavar="ADDRESS")] = None
    """run the points on a Dask cluster: tcp://host:8786"""
    json: bool = False
    """print one JSON object instead of the files' names"""

    def run(self) -> int:
        """Run, draw, rewrite; return 1 where something failed."""
        if self.no_figures and self.figures_only:
            raise Misuse("--no-figures and --figures-only leave nothing to do; give one of them.")
        from ..sweeps.cluster import ClusterError

        root = checkout_root()
        program, runner = (importlib.import_module(f"experiments.{name}") for name in ("__main__", "_runner"))
        with refused(ValueError):
            stems = program.chosen(self.stems or (), root)
            executor = executor_of(self.workers, self.scheduler)
        scale = "full" if self.full else "quick"
        if self.list:
            self._list(program, runner, stems, root)
            return 0
        with refused(ValueError, ClusterError):  # workers that can't be had; what happens to experiments is in the list
            done = program.make(
                stems,
                scale,
                draw="no" if self.no_figures else "only" if self.figures_only else "yes",
                executor=executor,
                every=not self.stems,
                say=(lambda line: None) if self.json else print,
                root=root,
            )
        code = 1 if done.failures else 0
        if self.json:
            made = {"written": done.written, "skipped": done.skipped, "failures": done.failures}
            print_json("figures", {"root": str(root), "scale": scale, "exit_code": code, **made})
        elif done.failures:
            print(f"{len(done.failures)} failed:", *(f"  {failure}" for failure in done.failures), sep="\n", file=sys.stderr)
        return code

    def _list(self, program, runner, stems, root) -> None:
        if not self.json:
            print(*program.listing(stems, root), sep="\n")
            return
        known = runner.catalogue(root)
        experiments = [
            {"stem": stem, "title": known[stem].title, "source": known[stem].source, "results": runner.scales_of(stem, root)}
            for stem in stems
        ]
        print_json("figures", {"root": str(root), "exit_code": 0, "experiments": experiments})
