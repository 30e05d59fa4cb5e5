"""How a command says that it can't: the exceptions that ``main`` turns into a sentence and an exit code, and never into a traceback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class Misuse(ValueError):
    """The command line, or a file or environment it names, can't be used: exit code 2."""


class Unwritable(Exception):
    """The output could not be written: exit code 3."""


@contextmanager
def refused(*errors: type[Exception]) -> Iterator[None]:
    """Around what reads the user's input: these ``errors`` become ``Misuse`` with their own words.

        with refused(ValueError, OSError):
            table = read_answers(self.file)

    Name what the call is documented to raise, and no more: another exception is a mistake of ours, and keeps its traceback.
    """
    try:
        yield
    except (Misuse, Unwritable):
        raise
    except errors as error:
        said = error.args[0] if isinstance(error, KeyError) and error.args else error
        raise Misuse(" ".join(str(part) for part in (said, *getattr(error, "__notes__", ())))) from error


@contextmanager
def written() -> Iterator[None]:
    """Around what writes: an ``OSError`` becomes ``Unwritable``, to tell it from a file that can't be read."""
    try:
        yield
    except OSError as error:
        raise Unwritable(str(error)) from error
