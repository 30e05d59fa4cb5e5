"""From words to a command: tyro reads a frozen dataclass, its docstrings are the help, and what is wrong becomes ``Misuse``."""

from __future__ import annotations

import io
import os
import re
import shutil
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import fields
from typing import Protocol, TypeVar

import tyro

from .misuse import Misuse
from .tyro_words import sentence, unframed

#: What every command may return, unless its docstring says it in its own words. 1 is for a command to explain.
EXIT_CODES = {
    0: "done",
    2: "misuse: an option, name or file that can't be used; a package that is\n       not installed",
    3: "the output could not be written (a closed pipe, a full disk)",
    70: "a mistake of w2s itself; its traceback is printed",
    130: "interrupted (Ctrl-C)",
}
#: How narrow and how wide a help is set, in columns.
NARROWEST, WIDEST = 40, 100


class Command(Protocol):
    """What a module of a command defines: a frozen dataclass of options that can be run."""

    def run(self) -> int:
        """Do it, print the answer, and return the exit code. Raises ``Misuse`` (2), ``MissingExtra`` (2) or ``Unwritable`` (3)."""
        ...


AnyCommand = TypeVar("AnyCommand", bound=Command)


def parsed(command: type[AnyCommand], name: str, words: Sequence[str]) -> AnyCommand:
    """The ``command`` called ``w2s <name>`` as ``words`` set it. Raises ``Misuse``; prints the help and exits with 0 after ``--help``."""
    _refuse_values_of_flags(command, words)
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    asks_help = not {"-h", "--help"}.isdisjoint(words)
    width = min(max(shutil.get_terminal_size().columns, NARROWEST), WIDEST)
    try:
        # An error is taken out of tyro's frame, and must not be broken into lines before.
        with _columns(width if asks_help else 10_000), redirect_stdout(out), redirect_stderr(err):
            return tyro.cli(
                command,
                prog=f"w2s {name}",
                description="",
                args=list(words),
                config=(tyro.conf.FlagCreatePairsOff, tyro.conf.DisallowNone, tyro.conf.HelptextFromCommentsOff),
            )
    except SystemExit as stop:
        if stop.code:
            raise Misuse(f"{sentence(_said(err))} See `w2s {name} --help`.") from None
        print(_help(command, _said(out), width) if asks_help else _said(out), flush=True)
        raise


def _refuse_values_of_flags(command: type, words: Sequence[str]) -> None:
    """``--json=1``: tyro would take the 1 for a word of its own."""
    flags = {f"--{field.name.replace('_', '-')}" for field in fields(command) if field.default is False}
    for word in words:
        if word == "--":
            return
        flag, equals, _ = word.partition("=")
        if equals and flag.replace("_", "-") in flags:
            raise Misuse(f"{flag} takes no value; it is given as {word!r}.")


@contextmanager
def _columns(width: int) -> Iterator[None]:
    """The terminal as tyro sees it."""
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = str(width)
    try:
        yield
    finally:
        if before is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = before


def _said(page: io.TextIOWrapper) -> str:
    page.seek(0)
    return page.read()


def _help(command: type, said: str, width: int) -> str:
    """Usage, the docstring of ``command``, its options, the exit codes: plain text without frames and colours."""
    usage, _, options = said.strip().partition("\n")
    usage = "\n".join(textwrap.wrap(usage, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False))
    teaches, _, codes = _filled(command.__doc__ or "", width).partition("exit codes:\n")
    options = re.sub(r"\s*\(default:\s*(None|False|''|)\)", "", unframed(options))
    return f"{usage}\n\n{teaches.strip()}\n\n{options.strip()}\n\nexit codes:\n{_exit_codes(codes)}"


def _exit_codes(own: str) -> str:
    """The block of exit codes: a command's ``own``, and those that it leaves out.

    >>> print(_exit_codes("  0    all is well\\n  130  stopped").partition("  2 ")[0])
      0    all is well
    <BLANKLINE>
    """
    said = {int(code): text.rstrip() for code, text in re.findall(r"^  (\d+)\s+(.*(?:\n   .*)*)", own, flags=re.MULTILINE)}
    return "\n".join(f"  {code:<5}{text}" for code, text in sorted((EXIT_CODES | said).items()))


def _filled(docstring: str, width: int) -> str:
    """A docstring with its paragraphs filled to ``width``; indented lines and lines that end in a colon stay as they are."""
    first, _, rest = docstring.strip().partition("\n")
    filled = []
    for block in re.split(r"\n\s*\n", f"{first}\n{textwrap.dedent(rest)}".strip()):
        head, _, body = block.partition("\n  ")
        filled.append("\n".join([*textwrap.wrap(head, width), *([f"  {body}"] if body else [])]))
    return "\n\n".join(filled)
