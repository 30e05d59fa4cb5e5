"""The ``w2s`` command: one module per subcommand, which parses, calls and prints.

A module of ``COMMANDS`` has ``add(commands)``, which adds its parser and sets ``run`` there: ``run(options) -> exit code``. What a
module does not need to say what it can do, it imports in ``run``.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from .. import __version__

HELP = """\
the instrument for weak-to-strong generalization theory

examples:
  w2s verify                                  every statement in the catalogue, each on problems of its own
"""
EXIT_CODES = """\
exit codes:
  0  done; nothing is violated (an absent extra leaves its statements UNSOLVED, which is not a violation)
  1  a statement is VIOLATED or NONFINITE on one of its problems
  2  misuse: an unknown name or option, a file that can't be read
  3  the output could not be written (a closed pipe, a full disk)
"""
#: The subcommands, in the order of the help.
COMMANDS = ("verify",)


class CommandParser(argparse.ArgumentParser):
    """A parser whose help keeps its lines as they are written, and ends with the exit codes."""

    def __init__(self, *arguments, **options) -> None:
        options.setdefault("epilog", EXIT_CODES)
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(*arguments, **options)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    parser = CommandParser("w2s", description=HELP)
    parser.add_argument("--version", action="version", version=f"w2s_theory {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in COMMANDS:
        importlib.import_module(f".{name}", __name__).add(commands)
    options = parser.parse_args(arguments)
    try:
        code = options.run(options)
        sys.stdout.flush()
        return code
    except OSError as error:
        # Python flushes the broken stream again at exit, and would complain there.
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
        print(f"w2s: the output could not be written: {error}", file=sys.stderr)
        return 3
