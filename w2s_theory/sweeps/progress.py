"""A progress bar on stderr: redrawn in place on a terminal, a line now and then in a log or from a worker process."""

from __future__ import annotations

import multiprocessing
import sys
import time
from typing import TextIO

WIDTH = 24
LOG_SECONDS = 30.0
FRAME_SECONDS = 0.1
MEMORY_SECONDS = 60.0


class Progress:
    """Shows how far a sweep is: pass it as ``progress``. On a terminal a bar with rate and time left, elsewhere a line twice a minute.

    Rate and time left are those of the last minute or so of this run; points that were finished before it began don't count.
    """

    def __init__(self, label: str, stream: TextIO | None = None) -> None:
        self.label = label
        self.stream = sys.stderr if stream is None else stream
        self.is_terminal = self.stream.isatty()
        #: Whether the bar stays in its line: that of a terminal belongs to the main process, workers would overwrite each other there.
        self.is_redrawn = self.is_terminal and multiprocessing.parent_process() is None
        self.start = self.before = time.monotonic()
        self.shown = -LOG_SECONDS
        self.held = self.last = -1
        self.rate = 0.0  # points per second

    def __call__(self, done: int, total: int) -> None:
        """Show ``done`` of ``total`` points; the first call says how many were finished already."""
        now = time.monotonic()
        is_first, is_last = self.held < 0, done >= total and self.last < total
        if is_first:
            self.start = self.before = now
            self.held = self.last = done
        self._learn(now, done)
        is_soon = now < self.shown + (FRAME_SECONDS if self.is_redrawn else LOG_SECONDS)
        if not (is_first or is_last) and (is_soon or done >= total):
            return
        self.shown = now
        self._show(now, done, total)

    def note(self, text: str) -> None:
        """Say something that is not about how far it is, on a line of its own."""
        self.stream.write(("\r\033[K" if self.is_terminal else "") + text + "\n")
        self.stream.flush()

    def _learn(self, now: float, done: int) -> None:
        """A mean rate that forgets: over all of a young run, over about a minute of an old one."""
        if done > self.last and now > self.before:
            passed, elapsed = now - self.before, now - self.start
            weight = min(1.0, passed / min(elapsed, MEMORY_SECONDS))
            self.rate += weight * ((done - self.last) / passed - self.rate)
            self.last, self.before = done, now

    def _show(self, now: float, done: int, total: int) -> None:
        kept = f" ({self.held} kept from before)" if self.held else ""
        filled = WIDTH * done // total if total else WIDTH
        line = f"{self.label}  [{'#' * filled}{'.' * (WIDTH - filled)}] {done}/{total}  {self._left(now, done, total)}{kept}"
        if not self.is_redrawn:
            self.note(line)
            return
        self.stream.write(f"\r\033[K{line}" + ("\n" if done >= total else ""))
        self.stream.flush()

    def _left(self, now: float, done: int, total: int) -> str:
        if done >= total:
            return f"done in {duration(now - self.start)}"
        if self.rate <= 0.0:
            return "time left unknown"
        return f"{speed(self.rate)}, {duration((total - done) / self.rate)} left"


def duration(seconds: float) -> str:
    """Seconds for a human: 12s, 3m05s, 2h10m, 3d04h."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    return f"{whole // 86400}d{whole % 86400 // 3600:02d}h"


def speed(rate: float) -> str:
    """Points per second for a human: 120/s, 2.5/s, 12/min, 3/h."""
    if rate >= 10:
        return f"{rate:.0f}/s"
    if rate >= 1:
        return f"{rate:.1f}/s"
    return f"{60 * rate:.3g}/min" if rate >= 1 / 60 else f"{3600 * rate:.3g}/h"
