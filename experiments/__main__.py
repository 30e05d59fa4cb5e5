"""``python -m experiments``: run experiments, draw their figures, rewrite the ledger."""

from __future__ import annotations

import argparse
import contextlib
import difflib
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from w2s_theory.cli.workers import executor_of
from w2s_theory.sweeps.cluster import ClusterError
from w2s_theory.sweeps.engines import open_engine
from w2s_theory.sweeps.progress import Progress

from . import _runner as runner
from ._store import StoreError

DESCRIPTION = """\
Run the experiments, draw their figures and rewrite the ledger (the generated block of paper_repro.md).

  python -m experiments                     every experiment, small grids, minutes
  python -m experiments --list              what there is
  python -m experiments statements --full   one of them, with the grid of the committed results

Quick tables and figures go to experiments/results/quick/ and figures/quick/, full ones to experiments/results/ and figures/:
a quick run can't touch a full result, and the ledger speaks of full results where there are any.
A long run can be stopped at any time (Ctrl-C, or a kill) and started again with the same command: it goes on where it was.
"""
EPILOG = """\
exit codes:
  0    everything asked for was done (an experiment whose data is not on this machine is skipped, and said so)
  1    something failed: the other experiments were finished, and the failures are listed at the end
  2    misuse: an unknown experiment or option
  130  stopped by Ctrl-C; the finished points are kept
"""


@dataclass
class Done:
    """What a run of several experiments did: files that were written, experiments left out (with the reason), failures in words."""

    written: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)


def main(argv: Sequence[str] | None = None, root: Path = runner.ROOT) -> int:
    """Do what the command line says and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m experiments", description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("stems", nargs="*", metavar="STEM", help="experiments to run (default: all; --list shows them)")
    scale = parser.add_mutually_exclusive_group()
    scale.add_argument(
        "--quick", dest="scale", action="store_const", const="quick", default="quick", help="small grids (default)"
    )
    scale.add_argument("--full", dest="scale", action="store_const", const="full", help="the grids of the committed results")
    parser.add_argument("--list", action="store_true", help="list the experiments and the results they have, and stop")
    figures = parser.add_mutually_exclusive_group()
    figures.add_argument(
        "--no-figures", dest="draw", action="store_const", const="no", default="yes", help="write the tables and the ledger only"
    )
    figures.add_argument(
        "--figures-only", dest="draw", action="store_const", const="only", help="run nothing: redraw the figures from the tables"
    )
    places = parser.add_mutually_exclusive_group()
    places.add_argument(
        "--workers", type=int, metavar="N", help="processes that run points side by side (default: a core each; 1: no others)"
    )
    places.add_argument("--scheduler", metavar="ADDRESS", help="run the points on a Dask cluster: tcp://host:8786")
    options = parser.parse_args(argv)
    try:
        stems = chosen(options.stems, root)
        executor = executor_of(options.workers, options.scheduler)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if options.list:
        for line in listing(stems, root):
            print(line)
        return 0
    try:
        done = make(stems, options.scale, draw=options.draw, executor=executor, root=root, every=not options.stems)
    except (ValueError, ClusterError) as error:  # the workers; what happens to experiments is in the list
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nstopped; finished points are kept: run the same command again to go on.", file=sys.stderr)
        return 130
    if done.failures:
        print(f"{len(done.failures)} failed:", *(f"  {failure}" for failure in done.failures), sep="\n", file=sys.stderr)
    return 1 if done.failures else 0


def chosen(stems: Sequence[str], root: Path = runner.ROOT) -> list[str]:
    """The experiments called ``stems``, each once; all without a name. Raises ``ValueError`` for an unknown one."""
    known = runner.catalogue(root)
    for stem in stems:
        if stem not in known:
            close = difflib.get_close_matches(stem, known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(known) or 'none'}."
            raise ValueError(f"there is no experiment {stem!r}; {hint} (--list shows them)")
    return list(dict.fromkeys(stems)) or list(known)


def make(
    stems: Sequence[str],
    scale: runner.Scale,
    *,
    draw: str = "yes",
    executor: runner.Executor = "in-process",
    every: bool = False,
    say: Callable[[str], None] = print,
    root: Path = runner.ROOT,
) -> Done:
    """Run the experiments called ``stems``, draw their figures and rewrite the ledger.

    ``draw`` is "yes", "no" (tables only) or "only" (nothing is run); with ``every`` an experiment that has no table to draw is skipped
    instead of failing. ``say`` gets a line per file as it is written; the rest goes to stderr. What fails is told and listed, and does
    not stop the others. Raises ``ValueError`` or ``ClusterError`` for an ``executor`` that can't be had.
    """
    done = Done()

    def wrote(path: Path) -> None:
        done.written.append(str(path.relative_to(root)))
        say(done.written[-1])

    with contextlib.ExitStack() as stack:
        if (
            scale == "quick" and draw != "only"
        ):  # small grids share their workers; full ones get fresh ones, whose memory is empty
            executor = stack.enter_context(open_engine(executor))
        for position, stem in enumerate(stems, start=1):
            label = f"[{position}/{len(stems)}] {stem}"
            try:
                reason = _one(stem, scale, label, draw, executor, every, wrote, root)
            except Exception as error:
                done.failures.append(_explain(stem, error))
                continue
            if reason:
                done.skipped[stem] = reason
                print(f"{label}  skipped: {reason}", file=sys.stderr)
    try:
        from . import _ledger

        if _ledger.write(root):
            wrote(root / "paper_repro.md")
    except Exception as error:
        done.failures.append(_explain("the ledger", error))
    return done


def _one(
    stem: str,
    scale: runner.Scale,
    label: str,
    draw: str,
    executor: runner.Executor,
    every: bool,
    wrote: Callable[[Path], None],
    root: Path,
) -> str:
    """Run one experiment and draw its figure; return why it was skipped ("" where it was not). A failed run is not drawn."""
    if draw != "only":
        module = runner.load("experiments", stem, root)
        if reason := _unavailable(module, scale):
            return reason
        wrote(runner.run_grid(stem, module, scale, root=root, report=Progress(label), executor=executor))
    elif every and not (runner.results_folder(scale, root) / f"{stem}.parquet").exists():
        return f"no {scale} table to draw"
    if draw != "no":
        for path in runner.draw_figure(stem, scale, root=root):
            wrote(path)
    return ""


def _explain(what: str, error: Exception) -> str:
    """Print the whole story of a failure and return the line for the list at the end."""
    print(file=sys.stderr)  # leave the progress bar's line
    if isinstance(error, runner.PointFailed):
        print(error.traceback, file=sys.stderr)
    elif not isinstance(error, StoreError):
        traceback.print_exception(error)
    if isinstance(error, StoreError | runner.PointFailed):
        print(f"error: {error}", file=sys.stderr)
    return f"{what}: {error}"


def _unavailable(module: ModuleType, scale: runner.Scale) -> str:
    return module.unavailable(scale) if hasattr(module, "unavailable") else ""


def listing(stems: Sequence[str], root: Path = runner.ROOT) -> list[str]:
    """Two lines for each experiment: its title, its source and the results that it has. Nothing is run, or imported."""
    known = runner.catalogue(root)
    width = max((len(stem) for stem in stems), default=0)
    lines = []
    for stem in stems:
        lines.append(f"{stem:<{width}}  {known[stem].title}")
        lines.append(f"{'':<{width}}  {known[stem].source}; results: {', '.join(runner.scales_of(stem, root)) or 'none'}")
    return lines


if __name__ == "__main__":
    sys.exit(main())
