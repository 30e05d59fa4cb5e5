"""A problem in numbers: the statement checked on its own last example, or any problem of its own, described."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import Any

import numpy as np

from .._array import is_array, to_numpy
from .._validation import MissingExtra, whole
from ..checking import check_statement
from ..outcomes import Check, Verdict
from ..statements import Statement
from .blocks import Block, Formula, Paragraph, Terms

#: Arrays of up to this many entries are shown in full.
_SHOWN = 8


@dataclass(frozen=True)
class Example:
    """One problem and the outcome there: its type, its ``parameters`` in words and numbers, the check.

    It comes back as ``drawn_problems(statement, seed)[index]``; both are ``None`` for a problem that was not drawn by a seed.
    """

    problem: str
    parameters: tuple[tuple[str, str], ...]
    check: Check
    seed: int | None = None
    index: int | None = None

    def blocks(self) -> tuple[Block, ...]:
        """The example for a page: where it comes from, the sides, the verdict, the parameters."""
        check = self.check
        said = Paragraph(f"{check.verdict.name}: {check.verdict.value}{f' ({check.why})' if check.why else ''}.")
        drawn = (
            "shrunk by Hypothesis"
            if self.seed is None
            else f"problem {(self.index or 0) + 1} of the statement's own for seed {self.seed}"
        )
        if not math.isfinite(check.left):
            return (said,)
        sign = {"<=": "≤", ">=": "≥", "==": "="}[check.relation]
        blocks: tuple[Block, ...] = (
            Paragraph(f"{_article(self.problem)}, {drawn}:"),
            Formula((f"left   {check.left: .6g}", f"right  {check.right: .6g}", f"claim   left {sign} right")),
            Paragraph(f"Margin {_signed(check.margin)} ± {check.error:.1g} ({check.method}). {said.text}"),
        )
        return (*blocks, Terms(self.parameters)) if self.parameters else blocks

    def as_plain(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        check = {**asdict(self.check), "verdict": self.check.verdict.name, "sentence": self.check.verdict.value}
        return {
            "problem": self.problem,
            "parameters": dict(self.parameters),
            "seed": self.seed,
            "index": self.index,
            "check": check,
        }


def drawn_problems(statement: Statement, seed: int) -> list[tuple[Any, np.random.Generator]]:
    """The statement's own problems for ``seed``, each with the generator of its check: those that ``w2s verify --seed`` checks.

    The draw depends on the name and the seed only. Raises ``ValueError`` for a negative seed or a statement without examples, and
    ``MissingExtra`` where an example needs one.
    """
    whole("seed", seed, at_least=0)
    if statement.examples is None:
        raise ValueError(f"{statement.name} must have examples to draw from; it has none. Give it some.")
    rng = np.random.default_rng(np.random.SeedSequence([seed, *statement.name.encode()]))
    problems = statement.examples(rng)
    return list(zip(problems, rng.spawn(len(problems)), strict=True))


def example(statement: Statement, seed: int = 0) -> Example:
    """The statement on its own last problem for ``seed``, the one that attains the bound when it is tight; raises as ``drawn_problems``.

    Without an extra that its problems need the outcome is UNSOLVED, and says which.
    """
    try:
        drawn = drawn_problems(statement, seed)
    except MissingExtra as error:
        blank = Check(statement.name, Verdict.UNSOLVED, relation=statement.relation, why=str(error))
        return Example("", (), blank)
    problem, rng = drawn[-1]
    return described(problem, check_statement(statement, problem, rng=rng), seed, len(drawn) - 1)


def described(problem: Any, check: Check, seed: int | None = None, index: int | None = None) -> Example:
    """A problem and its check as an ``Example``."""
    return Example(type(problem).__name__, tuple(_parameters(problem)), check, seed, index)


def _parameters(problem: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Names and values of a problem's fields, those of the objects it is made of behind a dot; functions and ``None`` are left out."""
    if not is_dataclass(problem):
        return
    for field in fields(problem):
        value = getattr(problem, field.name, None)
        if field.name.startswith("_") or not field.repr or value is None or callable(value):
            continue
        name = f"{prefix}{field.name}"
        if is_dataclass(value) and not prefix:
            yield name, type(value).__name__
            yield from _parameters(value, f"{name}.")
        else:
            yield name, shown(value)


def shown(value: Any) -> str:
    """A parameter in a few words: numbers of a small array, shape and range of a large one.

    >>> shown(np.array([1.0, 0.25])), shown(np.zeros((3, 4))), shown(True)
    ('(1, 0.25)', 'array of shape (3, 4), from 0 to 0', 'True')
    """
    if is_array(value):
        array = np.asarray(to_numpy(value))
        if array.dtype.kind not in "fiub" or not array.size:
            return f"array of shape {array.shape}"
        if array.ndim == 0:
            return f"{array[()]:.6g}"
        if array.ndim == 1 and array.size <= _SHOWN:
            return f"({', '.join(f'{entry:.4g}' for entry in array.astype(float))})"
        return f"array of shape {array.shape}, from {array.min():.4g} to {array.max():.4g}"
    if isinstance(value, bool | str | int):
        return str(value)
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, tuple | list):
        inside = ", ".join(shown(entry) for entry in value[:_SHOWN])
        return f"({inside}{', …' if len(value) > _SHOWN else ''})"
    return type(value).__name__


def _article(noun: str) -> str:
    return f"{'An' if noun[:1] in 'AEIOU' else 'A'} {noun}"


def _signed(value: float) -> str:
    return f"{value:.3g}".replace("-", "−")
