"""Rungs that every statement's tests climb: it holds on a problem, a scaled side is caught on one of its own examples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from w2s_theory import Statement, Verdict, check
from w2s_theory.theorems import find


def assert_holds(statement: str | Statement, problem: Any, seed: int = 0) -> None:
    outcome = check(statement, problem, rng=np.random.default_rng(seed))
    assert outcome.verdict is Verdict.HOLDS, f"{outcome}\n{problem}"


def examples(statement: str | Statement, seed: int = 0) -> tuple[Any, ...]:
    """The statement's own examples."""
    make = find(statement).examples
    assert make is not None
    return make(np.random.default_rng(seed))


def with_sides(name: str, change: Callable[[Any], Any]) -> Statement:
    """The statement with ``change`` applied to its Sides."""
    statement = find(name)
    return replace(statement, sides=lambda *arguments: change(statement.sides(*arguments)))


def scaled_right(name: str, factor: float) -> Statement:
    """The statement with its right side multiplied by ``factor``: a constant that is off."""
    return with_sides(name, lambda sides: replace(sides, right=factor * sides.right))


def assert_is_caught(wrong: Statement, seed: int = 0) -> None:
    """A wrong statement is VIOLATED on at least one of the examples of the right one."""
    verdicts = [check(wrong, problem, rng=np.random.default_rng(seed)).verdict for problem in examples(wrong, seed)]
    assert Verdict.VIOLATED in verdicts, f"{wrong.name}: {verdicts}"
