"""A function on its way to workers: pickled once, sent to a process once, unpickled there once."""

from __future__ import annotations

import functools
import hashlib
import pickle
from collections.abc import Callable
from typing import Any

from .._validation import MissingExtra
from .units import PointResult, run_unit

KEPT = 4  # functions that a worker remembers
_arrived: dict[str, Any] = {}


class Carried:
    """``function``, which arrives in another process as itself: from its memory, or from the bytes that ``heavy`` sends along.

    Without the bytes, and unknown there, it arrives as None. Functions of a notebook or script are sent by value (cloudpickle).
    """

    def __init__(self, function: Callable[..., Any], *, with_bytes: bool = False) -> None:
        self.function = function
        self.with_bytes = with_bytes

    @functools.cached_property
    def bytes(self) -> bytes:
        """The pickle. Raises ``TypeError`` when the function can't be pickled, ``MissingExtra``."""
        try:
            import cloudpickle
        except ImportError as error:
            raise MissingExtra("sweeps", "cloudpickle") from error
        try:
            return cloudpickle.dumps(self.function)
        except Exception as error:
            raise TypeError(
                f"{getattr(self.function, '__name__', self.function)} can't be sent to workers: {error}. Open files, locks and connections "
                "inside it, or use executor='in-process'."
            ) from error

    @functools.cached_property
    def digest(self) -> str:
        """What it is known by in other processes."""
        return hashlib.sha256(self.bytes).hexdigest()

    @functools.cached_property
    def heavy(self) -> Carried:
        """The same with its bytes."""
        made = Carried(self.function, with_bytes=True)
        made.__dict__ |= {"bytes": self.bytes, "digest": self.digest}
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return _arrive, (self.digest, self.bytes if self.with_bytes else None)


def _arrive(digest: str, data: bytes | None) -> Any:
    if digest not in _arrived:
        if data is None:
            return None
        _arrived[digest] = pickle.loads(data)
        while len(_arrived) > KEPT:
            del _arrived[next(iter(_arrived))]
    return _arrived[digest]


def run_carried(function: Any, *arguments: Any) -> list[PointResult] | None:
    """``run_unit`` for a function that was ``Carried``, or None when this process has not got it."""
    if function is None:
        return None
    return run_unit(function.function if isinstance(function, Carried) else function, *arguments)
