"""Contenders on one problem, timed in turns: medians of several rounds, each answer checked, slow ones on a stated sample."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from w2s_theory._array import to_numpy

from ._place import Place

#: Rounds, and the seconds after which a contender is not run again, at each scale.
ROUNDS = {"quick": 2, "full": 7}
BUDGET = {"quick": 0.2, "full": 6.0}
#: Side of the square matrix product that is the yardstick.
PRODUCT = {"quick": 256, "full": 2000}
PRODUCT_CUDA = {"quick": 256, "full": 8192}


@dataclass(frozen=True)
class Contender:
    """One way to the answer.

    ``run`` does the work and returns the answer; ``error`` gives the answer's relative error, and ``allowed`` is the largest that
    counts as the same answer (``None``: printed as it is, the method isn't exact). ``share`` < 1: ``run`` does that share of the
    work and its time is divided by it, which ``note`` explains. ``goal``: how many times as long as the first contender it
    should take. ``absent``: why it can't run here.
    """

    name: str
    run: Callable[[], Any] | None
    error: Callable[[Any], float] | None = None
    allowed: float | None = None
    share: float = 1.0
    note: str = ""
    goal: float | None = None
    absent: str = ""


@dataclass
class Outcome:
    """Seconds for the whole problem, round by round, and the relative error of the answer; ``failure`` says what went wrong."""

    contender: Contender
    seconds: list[float] = field(default_factory=list)
    error: float | None = None
    failure: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.seconds) if self.seconds else float("nan")

    @property
    def is_wrong(self) -> bool:
        """A failure, or an answer that is not the same within what is allowed; NaN is wrong."""
        allowed = self.contender.allowed
        return bool(self.failure) or (allowed is not None and self.error is not None and not self.error <= allowed)

    @property
    def verdict(self) -> str:
        if self.contender.absent:
            return "absent"
        if self.failure:
            return "FAILED"
        if self.error is None:
            return ""
        return "WRONG" if self.is_wrong else "not exact" if self.contender.allowed is None else "same"


def peer(name: str, build: Callable[[], Contender]) -> Contender:
    """What ``build`` returns, or a contender that says which package it lacks."""
    try:
        return build()
    except ImportError as error:
        return Contender(name, None, absent=f"not run: {error.name or error} is not installed")


def contest(contenders: list[Contender], scale: str, here: Place, *, patience: float = 1.0) -> list[Outcome]:
    """Run every contender once per round, in turns, so that a machine that slows down slows all of them.

    The first call warms up and gives the answer that is checked; its time counts only for a contender too slow to be run again.
    ``patience`` multiplies the budget: small differences take more rounds.
    """
    outcomes = [Outcome(contender) for contender in contenders]
    for outcome in outcomes:
        if not outcome.contender.absent:
            _first(outcome, BUDGET[scale] * patience, here)
    for _ in range(ROUNDS[scale]):
        for outcome in outcomes:
            spent = sum(outcome.seconds) * outcome.contender.share
            if outcome.contender.absent or outcome.failure or spent >= BUDGET[scale] * patience:
                continue
            outcome.seconds.append(_time(outcome.contender, here)[0])
    return outcomes


def _first(outcome: Outcome, budget: float, here: Place) -> None:
    contender = outcome.contender
    try:
        seconds, answer = _time(contender, here)
        if contender.error is not None:
            outcome.error = float(contender.error(answer))
    except Exception as error:  # a peer that breaks is a row of the table, not the end of it
        outcome.failure = f"{type(error).__name__}: {error}".splitlines()[0]
        return
    if seconds * contender.share >= budget:
        outcome.seconds.append(seconds)


def _time(contender: Contender, here: Place) -> tuple[float, Any]:
    """Seconds for the whole problem, and the answer."""
    assert contender.run is not None
    here.wait()
    start = time.perf_counter()
    answer = contender.run()
    here.wait()
    return (time.perf_counter() - start) / contender.share, answer


def yardstick(here: Place, precision: str, scale: str) -> tuple[Contender, float]:
    """A matrix product to stand in a contest, and its flops."""
    size = (PRODUCT_CUDA if here.name == "cuda" else PRODUCT)[scale]
    return Contender(f"a matrix product, {size}³, {precision}", here.product(precision, size), note="yardstick"), 2.0 * size**3


def product_rate(here: Place, precision: str, scale: str) -> float:
    """Gflop/s of one matrix product here, median."""
    with here.multiplying(precision):
        contender, flops = yardstick(here, precision, scale)
        return flops / contest([contender], scale, here)[0].median / 1e9


def relative_error(answer: Any, reference: np.ndarray) -> float:
    """Largest ‖answer − reference‖/‖reference‖ over the first axis (Frobenius norms); infinite for another shape."""
    answer = to_numpy(answer)
    if answer.shape != reference.shape:
        return float("inf")
    difference = (answer - reference).reshape(len(reference), -1)
    size = np.linalg.norm(reference.reshape(len(reference), -1), axis=1)
    return float(np.max(np.linalg.norm(difference, axis=1) / size))
