"""``python -m benchmarks``: run benchmarks, check their answers, write the tables."""

from __future__ import annotations

import argparse
import difflib
import importlib
import sys
import time
from pathlib import Path

from . import BENCHMARKS, ON_TORCH
from ._place import DEVICES, Misuse, environment, one_thread, place
from ._record import RESULTS, save, section_lines
from ._timing import product_rate

DESCRIPTION = """\
Time this library beside its named peers: the same process, the same problem, one BLAS thread, every answer checked.

  python -m benchmarks --quick          all of them on small problems: does everything run and agree? (under a minute)
  python -m benchmarks ridge            one of them, at full size
  python -m benchmarks                  all of them, at full size: the committed tables (about ten minutes, on a quiet machine)
  python -m benchmarks --device cuda    those with a torch path, on a GPU (--device cpu-torch runs the same code without one)

Results go to benchmarks/results/<device>/<benchmark>.json, a page to benchmarks/results/<device>.md; quick ones to
benchmarks/results/quick/, so that they can't touch a full one. benchmarks/README.md says how to read the page.

benchmarks:
"""
EPILOG = """\
Peers come with pip install -e '.[bench]'; one that is absent is a row that says so.

exit codes:
  0  everything ran and every answer was right (goals that are missed are in the table, and are not an error)
  1  a contender failed, or its answer was wrong
  2  misuse: an unknown benchmark, no such device, a library that can't be held to one thread
"""


def main(argv: list[str] | None = None, results: Path = RESULTS) -> int:
    """Do what the command line says and return the exit code."""
    known = "".join(f"  {name:<15}{what}\n" for name, what in BENCHMARKS.items())
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=DESCRIPTION + known,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="BENCHMARK", help="which to run (default: all that the device has)")
    parser.add_argument("--quick", action="store_true", help="small problems, seconds each; goals are not judged")
    parser.add_argument(
        "--device", choices=DEVICES, default="cpu", help="cpu is NumPy; the others are torch (default: %(default)s)"
    )
    options = parser.parse_args(argv)
    offered = tuple(BENCHMARKS) if options.device == "cpu" else ON_TORCH
    for name in options.names:
        if name not in offered:
            close = difflib.get_close_matches(name, offered, n=1)
            hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(offered)}."
            print(f"error: there is no benchmark {name!r} on {options.device}; {hint}", file=sys.stderr)
            return 2
    names = list(dict.fromkeys(options.names)) or list(offered)
    scale = "quick" if options.quick else "full"
    try:
        return _run(names, scale, options.device, (results / "quick" if options.quick else results) / options.device)
    except Misuse as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _run(names: list[str], scale: str, device: str, folder: Path) -> int:
    here = place(device)
    wrong = 0
    modules = {name: importlib.import_module(f".{name}", __package__) for name in names}
    with one_thread([peer for module in modules.values() for peer in module.MODULES]):
        for position, name in enumerate(names, start=1):
            print(f"[{position}/{len(names)}] {name}: {BENCHMARKS[name]}", file=sys.stderr, flush=True)
            start = time.perf_counter()
            precisions = tuple(dict.fromkeys((*here.precisions, "float32")))
            rates = {precision: product_rate(here, precision, scale) for precision in precisions}
            about = environment(here, scale, rates)
            section = modules[name].run(scale, here)
            about["seconds"] = time.perf_counter() - start
            page = save(name, section, about, folder)
            print("\n".join(section_lines(section.plain(about), folder.name)), flush=True)
            wrong += len(section.wrong)
    print(f"{page}{f': {wrong} wrong or failed' if wrong else ''}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
