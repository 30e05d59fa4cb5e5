"""Ctrl-C where it does no harm: not in the middle of a write."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class PatientInterrupts:
    """Within this context Ctrl-C is remembered until ``obey``, which raises ``KeyboardInterrupt``; a second one raises at once.

    With ``breaks`` the first one raises at once, too, inside ``welcome``. Outside the main thread signals don't arrive, and nothing is
    changed.
    """

    def __init__(self, *, breaks: bool) -> None:
        self._breaks = breaks
        self._asked = 0
        self._is_welcome = False
        self._before: Any = None

    def __enter__(self) -> PatientInterrupts:
        if threading.current_thread() is threading.main_thread():
            before = signal.getsignal(signal.SIGINT)
            if before not in (
                None,
                signal.SIG_IGN,
            ):  # None: installed by something that is not Python; ignored: a job in the background
                self._before = signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    @contextmanager
    def welcome(self) -> Iterator[None]:
        """Where an interrupt may raise."""
        self._is_welcome = self._breaks
        try:
            yield
        finally:
            self._is_welcome = False

    def obey(self) -> None:
        """Raise the ``KeyboardInterrupt`` that was asked for, if any."""
        if self._asked:
            raise KeyboardInterrupt

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self._asked += 1
        if self._is_welcome or self._asked > 1:
            raise KeyboardInterrupt
