"""How wide the answer may be."""

from __future__ import annotations

import shutil
import sys


def screen_width(*, piped: int = 80) -> int:
    """Columns of the terminal that reads standard output, or ``piped`` where none does."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else piped
