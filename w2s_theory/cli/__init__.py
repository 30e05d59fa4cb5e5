"""The ``w2s`` command: one module per subcommand, which parses, calls and prints.

A module of ``COMMANDS`` has ``add(commands)``, which adds its parser and sets ``run`` there: ``run(options) -> exit code``. What a
module does not need to say what it can do, it imports in ``run``.
"""

from __future__ import annotations

import argparse
import importlib
import os
import re
import sys
from collections.abc import Sequence

from .. import __version__

HELP = """\
the instrument for weak-to-strong generalization theory

examples:
  w2s verify                                  every statement in the catalogue, each on problems of its own
  w2s verify --device cuda                    the same, beside the same problems as torch tensors on the GPU
  w2s embed texts.csv --text TEXT --model M   features of texts from every layer of a language model, kept on disk
  w2s check-embeddings --task stsb_en --weak minilm:0 --strong minilm:6
                                              gain, misfit, realizability of two models on a task
  w2s diagnose answers.csv                    did the student beat its teacher, and which labels tell
"""
EXIT_CODES = """\
exit codes:
  0    done; nothing is violated (an absent extra leaves its statements UNSOLVED, which is not a violation)
  1    a statement is VIOLATED or NONFINITE on one of its problems
  2    misuse: an unknown name or option, a file that can't be read
  3    the output could not be written (a closed pipe, a full disk)
  130  interrupted (Ctrl-C)
"""
#: The subcommands, in the order of the help.
COMMANDS = ("verify", "embed", "check-embeddings", "diagnose", "diagnose next", "diagnose rank", "diagnose plan")


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
        importlib.import_module(f".{re.sub('[- ]', '_', name)}", __name__).add(commands)
    options = parser.parse_args(_joined(sys.argv[1:] if arguments is None else arguments))
    try:
        code = options.run(options)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        print(f"\nw2s {options.command}: interrupted.", file=sys.stderr)
        return 130
    except OSError as error:
        # Python flushes the broken stream again at exit, and would complain there.
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
        print(f"w2s: the output could not be written: {error}", file=sys.stderr)
        return 3


def _joined(arguments: Sequence[str]) -> list[str]:
    """Commands of two words as one, and ``--layers -2,-1`` as ``--layers=-2,-1``: argparse would take such a value for an option.

    >>> _joined(["embed", "t.csv", "--layers", "-2,-1"])
    ['embed', 't.csv', '--layers=-2,-1']
    >>> _joined(["diagnose", "next", "answers.csv"])
    ['diagnose next', 'answers.csv']
    """
    if " ".join(arguments[:2]) in COMMANDS:
        arguments = [" ".join(arguments[:2]), *arguments[2:]]
    joined: list[str] = []
    for argument in arguments:
        if re.match(r"-\d+,", argument) and joined and re.fullmatch(r"--[a-z\d-]+", joined[-1]):
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined
