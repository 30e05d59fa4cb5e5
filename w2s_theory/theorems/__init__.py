"""The catalogue: one file per statement, ``STATEMENTS`` maps each name to its statement in reading order."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._validation import MissingExtra
from ..checking import check_statement
from ..outcomes import Check, Verdict
from ..statements import Statement
from .charikar2024.cross_term import CROSS_TERM
from .charikar2024.nonrealizable_convex import NONREALIZABLE_CONVEX
from .charikar2024.nonrealizable_linear import NONREALIZABLE_LINEAR
from .charikar2024.theorem_1 import THEOREM_1
from .charikar2024.theorem_1_affine import THEOREM_1_AFFINE
from .charikar2024.theorem_1_any_set import THEOREM_1_ANY_SET
from .charikar2024.theorem_2 import THEOREM_2
from .charikar2024.theorem_2_approximate import THEOREM_2_APPROXIMATE
from .finite_sample.expected_gain import EXPECTED_GAIN
from .finite_sample.expected_gain_nonrealizable import EXPECTED_GAIN_NONREALIZABLE
from .finite_sample.expected_test_misfit import EXPECTED_TEST_MISFIT
from .finite_sample.expected_train_misfit import EXPECTED_TRAIN_MISFIT
from .finite_sample.in_sample_equality import IN_SAMPLE_EQUALITY
from .finite_sample.label_free_gain import LABEL_FREE_GAIN
from .finite_sample.misfit_overstates_gain import MISFIT_OVERSTATES_GAIN
from .finite_sample.sign_flip import SIGN_FLIP
from .identities.bregman import BREGMAN
from .identities.squared import SQUARED
from .identities.zero_one import ZERO_ONE
from .identities.zero_one_binary import ZERO_ONE_BINARY
from .ridge.penalty import PENALTY

STATEMENTS: dict[str, Statement] = {
    statement.name: statement
    for statement in (
        SQUARED,
        BREGMAN,
        ZERO_ONE,
        ZERO_ONE_BINARY,
        THEOREM_1,
        THEOREM_1_AFFINE,
        THEOREM_1_ANY_SET,
        NONREALIZABLE_LINEAR,
        NONREALIZABLE_CONVEX,
        CROSS_TERM,
        THEOREM_2_APPROXIMATE,
        THEOREM_2,
        PENALTY,
        IN_SAMPLE_EQUALITY,
        EXPECTED_GAIN,
        EXPECTED_GAIN_NONREALIZABLE,
        EXPECTED_TEST_MISFIT,
        EXPECTED_TRAIN_MISFIT,
        SIGN_FLIP,
        LABEL_FREE_GAIN,
        MISFIT_OVERSTATES_GAIN,
    )
}


def find(name: str | Statement) -> Statement:
    """The statement called ``name``; raises ``KeyError`` with the closest names when there is none."""
    if isinstance(name, Statement):
        return name
    if name not in STATEMENTS:
        from difflib import get_close_matches

        near = get_close_matches(name, STATEMENTS, n=3, cutoff=0.3)
        raise KeyError(f"no statement is called {name!r}. Close: {', '.join(near) or 'none'}; all of them: w2s verify --list.")
    return STATEMENTS[name]


def check_examples(statement: str | Statement, *, rng: np.random.Generator) -> list[Check]:
    """Check a statement on each of its own examples, every one with a generator of its own, so that one more disturbs none.

    Without an extra that the examples need: one UNSOLVED Check. Raises ``ValueError`` when the statement has no examples.
    """
    statement = find(statement)
    if statement.examples is None:
        raise ValueError(f"{statement.name} must have examples; it has none, so nothing would be checked. Give it some.")
    try:
        problems = statement.examples(rng)
    except MissingExtra as error:
        return [Check(statement.name, Verdict.UNSOLVED, relation=statement.relation, why=str(error))]
    children = rng.spawn(len(problems))
    return [check_statement(statement, problem, rng=child) for problem, child in zip(problems, children, strict=True)]


def check(statement: str | Statement, problem: Any = None, *, rng: np.random.Generator) -> Check:
    """Check a statement (or the one of that name) on a problem and return a Check.

    Without ``problem`` the statement's own last example is used, the one that attains the bound when it is tight. A result, good or
    bad, is returned; only misuse raises: ``KeyError`` for an unknown name, ``TypeError`` for a problem of the wrong type or an
    ``rng`` that is not a ``numpy.random.Generator``, ``ValueError`` for invalid numbers.
    """
    statement = find(statement)
    if problem is None:
        if statement.examples is None:
            raise ValueError(f"problem must be given: {statement.name} has no examples of its own.")
        problem = statement.examples(rng)[-1]
    return check_statement(statement, problem, rng=rng)
