"""A progress bar on stderr: redrawn in place on a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
import time
from typing import TextIO

WIDTH = 24
LOG_SECONDS = 30.0


class Progress:
    """Shows how far one experiment is. Pass ``progress.report`` as the runner's ``report``.

    The time left is the mean time of the points of this run (not of those a checkpoint held) times the points that remain.
    """

    def __init__(self, label: str, stream: TextIO | None = None) -> None:
        self.label = label
        self.stream = sys.stderr if stream is None else stream
        self.is_terminal = self.stream.isatty()
        self.start = time.monotonic()
        self.shown = -LOG_SECONDS
        self.held = -1

    def report(self, done: int, total: int) -> None:
        """Show ``done`` of ``total`` points; the first call says how many a checkpoint already held."""
        if self.held < 0:
            self.held = done
            self.start = time.monotonic()
        elapsed = time.monotonic() - self.start
        run = done - self.held
        left = f"{duration(elapsed / run * (total - done))} left" if run else "time left unknown"
        if done == total:
            left = f"done in {duration(elapsed)}"
        kept = f" ({self.held} kept from an unfinished run)" if self.held else ""
        filled = WIDTH * done // total if total else WIDTH
        line = f"{self.label}  [{'#' * filled}{'.' * (WIDTH - filled)}] {done}/{total}  {left}{kept}"
        if self.is_terminal:
            self.stream.write(f"\r\033[K{line}" + ("\n" if done == total else ""))
        elif done in (self.held, total) or time.monotonic() - self.shown >= LOG_SECONDS:
            self.shown = time.monotonic()
            self.stream.write(line + "\n")
        self.stream.flush()


def duration(seconds: float) -> str:
    """Seconds for a human: 12s, 3m05s, 2h10m."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
