"""Which points go into the next unit: sized by time, smaller near the end, in ever smaller parts after a worker has died."""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

SECONDS = 0.2  # of work in a unit: what sending and writing it costs is a few thousandths of that
LEAST = 0.1
GROWTH = 8
PARTS = 32  # that the points of a unit whose worker died are tried in
DEATHS = 2  # of its worker, while it ran alone, until a point is recorded
MOST = 10_000  # points in a unit: what it sends and holds stays small


class Unit(NamedTuple):
    """Points for one worker, by their places in the sweep, and the time after which it hands back those it has not begun."""

    points: Sequence[int]
    seconds: float


class Schedule:
    """The points that are still to be run.

    A unit gets as many points as took ``SECONDS`` lately, one at first; the worker stops when its time is over, and ``ended`` takes
    back the rest. Near the end the time shrinks (to ``LEAST``), so that workers end together. The points of a unit whose worker died are
    suspects: they are run in ``PARTS`` parts, one part at a time while other workers go on, and those of a part that dies again in parts of
    it, down to single points; one that dies twice alone has died.
    """

    def __init__(self, points: Iterable[int], is_done: Callable[[int], bool] = lambda point: False) -> None:
        self._waiting = deque(points)
        self._is_done = is_done
        self._suspects: deque[Sequence[int]] = deque()
        self._tried: Unit | None = None  # the suspects that are under way
        self._deaths: dict[int, int] = {}
        self._cost = math.nan  # seconds of a point, lately
        self._count = 1
        self._random = random.Random()  # where to go on is no matter of results

    def next(self, slots: int, write_seconds: float = 0.0) -> Unit | None:
        """The next unit for an engine with ``slots``, or None when there is none now.

        ``write_seconds`` is what a write to the store takes; units are twenty times as long. Points that another run has finished
        (``is_done``) are passed over, and the rest is then started at another place, away from that run's.
        """
        if self._suspects and self._tried is None:
            self._tried = Unit(self._suspects.popleft(), SECONDS)
            return self._tried
        count, seconds = self._size(slots, max(SECONDS, 20 * write_seconds))
        points: list[int] = []
        is_elsewhere = False
        while self._waiting and len(points) < count:
            point = self._waiting.popleft()
            if not self._is_done(point):
                points.append(point)
            elif not is_elsewhere:
                is_elsewhere = True
                self.go_elsewhere()
        return Unit(points, seconds) if points else None

    def go_elsewhere(self) -> None:
        """Go on at another place of the grid: another run is, or may be, at work where this one is."""
        self._waiting.rotate(self._random.randrange(len(self._waiting) + 1))

    def _size(self, slots: int, target: float) -> tuple[int, float]:
        if math.isnan(self._cost):
            return 1, target
        share = len(self._waiting) * self._cost / max(slots, 1)  # what each worker still has to do
        seconds = min(target, max(LEAST, share / 2))
        wanted = math.ceil(1.25 * seconds / self._cost)
        if share < seconds:  # the last ones: no worker gets more than the time's worth
            wanted = math.ceil(seconds / self._cost)
        return max(1, min(wanted, GROWTH * self._count, MOST)), seconds

    def ended(self, unit: Unit, done: int, seconds: float) -> None:
        """``done`` points of ``unit`` were run, in ``seconds``; the others wait again, at the front."""
        rest = unit.points[done:]
        if unit is self._tried:
            self._tried = None
            self._suspects.extendleft([rest] if rest else [])
        else:
            self._waiting.extendleft(reversed(rest))
        cost = max(seconds / done, 1e-7)
        # a geometric mean of old and new: a first point that loads libraries is soon forgotten
        self._cost = cost if math.isnan(self._cost) else math.sqrt(self._cost * cost)
        self._count = max(self._count, done)

    def died(self, unit: Unit) -> list[int]:
        """The worker of ``unit`` died: return the points that are known to be why, if any. The others are tried again, in parts."""
        if unit is self._tried:
            self._tried = None
        if len(unit.points) == 1:
            (point,) = unit.points
            self._deaths[point] = self._deaths.get(point, 0) + 1
            if self._deaths[point] == DEATHS:
                return [point]
        size = math.ceil(len(unit.points) / PARTS)
        self._suspects.extend(unit.points[start : start + size] for start in range(0, len(unit.points), size))
        return []
