"""The ``w2s`` command: one module per subcommand, with a frozen dataclass that tyro reads and whose ``run`` calls and prints.

A command of ``COMMANDS`` lives in the module of its name (``check-embeddings``: ``check_embeddings.py``), as the class of its name
(``CheckEmbeddings``; ``diagnose next``: ``DiagnoseNext``). Its docstring and those of its fields are the help. ``run`` returns the
exit code, or raises ``Misuse``, ``MissingExtra`` or ``Unwritable``. Only the module of the command that is called is imported, and
what it needs beyond its options it imports in ``run``: so a help is there at once.
"""

from __future__ import annotations

import difflib
import errno
import importlib
import io
import os
import re
import sys
import traceback
from collections.abc import Sequence
from typing import Any

from .. import __version__
from .misuse import Misuse, Unwritable

#: The subcommands in the order of the help, with the line that stands there.
COMMANDS = {
    "list": "the statements of the catalogue, by paper",
    "show": "one statement: what it says, assumes, where it is tight",
    "verify": "check statements on example problems of their own",
    "worst-case": "the worst problem within a statement's assumptions",
    "sweep": "run a function over a grid, on all cores or a cluster",
    "embed": "extract features of texts and keep them",
    "check-embeddings": "gain, misfit and realizability of two models on a task",
    "diagnose": "did my student beat its teacher, and which labels tell",
    "diagnose next": "draw the points to label next",
    "diagnose rank": "which of several supervisors to take",
    "diagnose plan": "how many labels, or seeds and points, a gain takes",
    "figures": "run experiments and draw their figures (in a checkout)",
    "report": "ledger, figures and margins as one page (in a checkout)",
}
#: What a file system or a pipe says that takes no more.
TAKES_NO_MORE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.EPIPE, errno.EBADF)
HELP = """\
usage: w2s [-h] [--version] COMMAND ...

The instrument for weak-to-strong generalization theory.

commands:
{commands}

examples:
  w2s show charikar2024.theorem_1         what a theorem says, where it holds
  w2s verify                              check every statement of the catalogue
  w2s verify --device cuda                the same, on the GPU too
  w2s sweep study.py                      a grid on all cores, resumable
  w2s embed texts.csv --text TEXT --model M
                                          features from every layer of a model
  w2s check-embeddings --task stsb_en --weak minilm:0 --strong minilm:6
                                          gain, misfit, realizability on a task
  w2s diagnose answers.csv                did the student beat its teacher

exit codes:
  0    done; nothing is violated (an absent extra leaves its statements
       UNSOLVED, which is not a violation)
  1    a statement is VIOLATED or NONFINITE on one of its problems; a point
       of a sweep, or an experiment, failed
  2    misuse: an unknown name or option, a file that can't be read,
       a package that is not installed
  3    the output could not be written (a closed pipe, a full disk)
  70   a mistake of w2s itself; its traceback is printed
  130  interrupted (Ctrl-C)

options:
  -h, --help  show this help and exit; `w2s COMMAND --help` teaches a command
  --version   show the version and exit
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; ``--help`` exits by itself, with 0."""
    words = [*(sys.argv[1:] if arguments is None else arguments)]
    name, rest = _named(words)
    called = f"w2s {name}".strip()
    _take_any_character()
    try:
        code = _run(name, rest)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt as stop:
        print(f"\n{called}: {' '.join(['interrupted.', *map(str, stop.args)])}", file=sys.stderr)
        return 130
    except ImportError as error:
        from .._validation import MissingExtra

        return _failed(2, called, error) if isinstance(error, MissingExtra) else _broken(called)
    except Misuse as error:
        return _failed(2, called, error)
    except Unwritable as error:
        return _failed(3, called, error)
    except OSError as error:
        if error.errno not in TAKES_NO_MORE:
            return _failed(2, called, error)
        if error.filename is None:
            # Python flushes the broken stream again at exit, and would complain there.
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115
            if isinstance(error, BrokenPipeError):
                return 3  # `w2s list | head -1`: the reader has had enough, and wants no complaint
        return _failed(3, called, f"the output could not be written: {error}")
    except Exception:
        return _broken(called)


def _take_any_character() -> None:
    """A terminal or pipe that lacks λ or ± gets a question mark there, and no traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.encoding.lower() not in ("utf-8", "utf8"):
            stream.reconfigure(errors="replace")


def _failed(code: int, called: str, error: object) -> int:
    print(f"{called}: error: {error}", file=sys.stderr)
    return code


def _broken(called: str) -> int:
    """An exception that nobody foresaw must not look like a violation, which is 1."""
    traceback.print_exc()
    return _failed(70, called, "this is a mistake of w2s, not of yours; the traceback above says where. Please report it.")


def _named(words: Sequence[str]) -> tuple[str, Sequence[str]]:
    """The command that ``words`` begin with, "" for none, and the words after it.

    >>> _named(["diagnose", "next", "answers.csv"])
    ('diagnose next', ['answers.csv'])
    >>> _named(["diagnose", "answers.csv"])
    ('diagnose', ['answers.csv'])
    """
    for count in (2, 1):
        if (name := " ".join(words[:count])) in COMMANDS and len(words) >= count:
            return name, words[count:]
    return "", words


def _run(name: str, words: Sequence[str]) -> int:
    if not name:
        return _without_command(words)
    try:
        from .parsing import parsed
    except ModuleNotFoundError as error:
        if error.name != "tyro":
            raise
        from .._validation import MissingExtra

        raise MissingExtra("cli", "tyro") from None
    return parsed(command_class(name), name, words).run()


def command_class(name: str) -> type[Any]:
    """The dataclass of the command ``name`` of ``COMMANDS``; its module is imported."""
    module = importlib.import_module(f".{re.sub('[- ]', '_', name)}", __name__)
    return getattr(module, re.sub("[- ]", "", name.title()))


def _without_command(words: Sequence[str]) -> int:
    if not words:
        raise Misuse(f"a COMMAND is missing: one of {_names()}. See `w2s --help`.")
    if words[0] in ("-h", "--help"):
        print(HELP.format(commands="\n".join(f"  {name:<18}{line}" for name, line in COMMANDS.items())), end="")
        return 0
    if words[0] == "--version":
        print(f"w2s_theory {__version__}")
        return 0
    close = difflib.get_close_matches(words[0], [*COMMANDS, "--help", "--version"], n=1)
    raise Misuse(f"there is no command {words[0]!r}; {f'did you mean {close[0]!r}?' if close else f'there are {_names()}.'}")


def _names() -> str:
    return ", ".join(name for name in COMMANDS if " " not in name)
