"""``python -m experiments``: run experiments, draw their figures, rewrite the ledger."""

from __future__ import annotations

import argparse
import difflib
import sys
import traceback
from pathlib import Path
from types import ModuleType

from . import _runner as runner
from ._progress import Progress

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


def main(argv: list[str] | None = None, root: Path = runner.ROOT) -> int:
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
    figures.add_argument("--no-figures", action="store_true", help="write the tables and the ledger only")
    figures.add_argument("--figures-only", action="store_true", help="run nothing: redraw the figures from the tables")
    options = parser.parse_args(argv)

    known = runner.catalogue(root)
    for stem in options.stems:
        if stem not in known:
            close = difflib.get_close_matches(stem, known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(known) or 'none'}."
            print(f"error: there is no experiment {stem!r}; {hint} (--list shows them)", file=sys.stderr)
            return 2
    stems = list(dict.fromkeys(options.stems)) or list(known)
    if options.list:
        _list([known[stem] for stem in stems], root)
        return 0
    try:
        failures = []
        for position, stem in enumerate(stems, start=1):
            failures += _one(stem, f"[{position}/{len(stems)}] {stem}", options, root)
        failures += _ledger(root)
    except KeyboardInterrupt:
        print("\nstopped; finished points are kept: run the same command again to go on.", file=sys.stderr)
        return 130
    if failures:
        print(f"{len(failures)} failed:", *(f"  {failure}" for failure in failures), sep="\n", file=sys.stderr)
    return 1 if failures else 0


def _one(stem: str, label: str, options: argparse.Namespace, root: Path) -> list[str]:
    """Run one experiment and draw its figure; return its failures (a failed run is not drawn)."""
    try:
        if not options.figures_only:
            module = runner.load("experiments", stem, root)
            reason = _unavailable(module, options.scale)
            if reason:
                print(f"{label}  skipped: {reason}", file=sys.stderr)
                return []
            path = runner.run_grid(stem, module, options.scale, root=root, report=Progress(label).report)
            print(_relative(path, root))
        elif not (runner.results_folder(options.scale, root) / f"{stem}.parquet").exists() and not options.stems:
            print(f"{label}  skipped: no {options.scale} table to draw", file=sys.stderr)
            return []
        if not options.no_figures:
            for path in runner.draw_figure(stem, options.scale, root=root):
                print(_relative(path, root))
    except Exception as error:
        return [_explain(stem, error)]
    return []


def _ledger(root: Path) -> list[str]:
    from . import _ledger

    try:
        if _ledger.write(root):
            print("paper_repro.md")
    except Exception as error:
        return [_explain("the ledger", error)]
    return []


def _explain(what: str, error: Exception) -> str:
    """Print the whole story of a failure and return the line for the list at the end."""
    from ._store import StoreError

    print(file=sys.stderr)  # leave the progress bar's line
    if isinstance(error, StoreError | runner.PointFailed):
        cause = error.__cause__ if isinstance(error, runner.PointFailed) else None
        if cause is not None:
            traceback.print_exception(cause)
        print(f"error: {error}", file=sys.stderr)
    else:
        traceback.print_exception(error)
    cause = error.__cause__ if isinstance(error, runner.PointFailed) else None
    return f"{what}: {error}" + (f": {type(cause).__name__}: {cause}" if cause is not None else "")


def _unavailable(module: ModuleType, scale: runner.Scale) -> str:
    return module.unavailable(scale) if hasattr(module, "unavailable") else ""


def _list(experiments: list[runner.Experiment], root: Path) -> None:
    width = max((len(experiment.stem) for experiment in experiments), default=0)
    for experiment in experiments:
        scales = [s for s in ("quick", "full") if (runner.results_folder(s, root) / f"{experiment.stem}.parquet").exists()]
        print(f"{experiment.stem:<{width}}  {experiment.title}")
        print(f"{'':<{width}}  {experiment.source}; results: {', '.join(scales) or 'none'}")


def _relative(path: Path, root: Path) -> str:
    return str(path.relative_to(root))


if __name__ == "__main__":
    sys.exit(main())
