"""Hunts: a false bound is refuted by a small problem, a true one survives, and the engine can be replaced."""

from __future__ import annotations

import builtins

import numpy as np
import pytest

from w2s_theory import STATEMENTS, Triple, Verdict, bound, check, falsify, testing
from w2s_theory._validation import MissingExtra
from w2s_theory.falsification import Falsification


def test_a_false_bound_is_refuted_by_the_smallest_problem():
    greedy = bound("the student always gains its misfit", lambda r: r.gain, ">=", lambda r: r.misfit)
    outcome = falsify(greedy, testing.triples())
    assert outcome.is_found
    assert outcome.problem.weak.shape == (1,)
    assert outcome.check is not None
    assert outcome.check.verdict is Verdict.VIOLATED
    assert "counterexample found" in str(outcome)
    # One grid step apart is the smallest there is.
    assert sorted(abs(float(getattr(outcome.problem, n)[0])) for n in ("weak", "student", "target")) == [0.0, 0.0, 0.5]


def test_a_bound_about_projected_students_is_hunted_in_populations():
    outcome = falsify(
        bound("a student never gains more than its misfit", lambda r: r.gain, "<=", lambda r: r.misfit),
        testing.populations(realizable=True),
    )
    assert outcome.is_found
    assert not outcome.problem.is_affine()


def test_a_true_bound_survives_the_hunt():
    parallelogram = bound(
        "misfit ≤ 2(weak error + student error)", lambda r: r.misfit, "<=", lambda r: 2 * (r.weak_error + r.student_error)
    )
    outcome = falsify(parallelogram, testing.triples(), max_examples=200)
    assert not outcome.is_found
    assert outcome.tried >= 50
    assert "no proof" in str(outcome)


def test_a_true_bound_with_a_constant_ten_percent_off_is_refuted():
    wrong = bound(
        "misfit ≤ 1.8(weak error + student error)", lambda r: r.misfit, "<=", lambda r: 1.8 * (r.weak_error + r.student_error)
    )
    assert falsify(wrong, testing.triples()).is_found


@pytest.mark.parametrize("name", ["charikar2024.theorem_1", "charikar2024.nonrealizable_convex"])
def test_the_catalogue_survives_the_hunt(name):
    assert not falsify(name, testing.populations(max_condition=1e3), max_examples=100).is_found


def test_hunts_are_deterministic():
    greedy = bound("gain ≥ misfit", lambda r: r.gain, ">=", lambda r: r.misfit)
    first, second = (falsify(greedy, testing.triples(max_points=4)) for _ in range(2))
    assert (first.tried, str(first.problem)) == (second.tried, str(second.problem))


def test_another_engine_can_be_given_and_an_unknown_one_is_refused():
    outcome = falsify(
        "identities.squared", None, engine=lambda statement, strategy, most: Falsification(statement.name, None, None, most)
    )
    assert outcome.tried == 500
    with pytest.raises(ValueError, match="engine must be one of hypothesis"):
        falsify("identities.squared", testing.triples(), engine="sat")
    with pytest.raises(KeyError, match="no statement is called"):
        falsify("identities.cubed", testing.triples())


def test_without_hypothesis_the_missing_extra_is_named(monkeypatch):
    real = builtins.__import__

    def without_hypothesis(name, *rest):
        if name.startswith("hypothesis"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_hypothesis)
    with pytest.raises(MissingExtra, match="testing"):
        falsify(STATEMENTS["identities.squared"], None)


def test_a_bound_is_an_ordinary_statement():
    statement = bound("errors are non-negative", lambda r: r.weak_error, ">=", lambda r: 0.0)
    assert check(statement, Triple([1.0], [2.0], [3.0]), rng=np.random.default_rng(0)).verdict is Verdict.HOLDS


def test_the_units_of_a_bound_are_its_authors():
    rng = np.random.default_rng(0)
    triple = Triple(*rng.standard_normal((3, 50)))
    tiny_and_false = bound("tiny and false", lambda r: 1e-14 * r.gain, "==", lambda r: 1e-14 * r.misfit)
    assert check(tiny_and_false, triple, rng=rng).verdict is Verdict.VIOLATED
    large_and_true = bound("large and true", lambda r: 1e6 * r.gain, "==", lambda r: 1e6 * (r.misfit + r.residual))
    for seed in range(50):
        drawn = Triple(*np.random.default_rng(seed).standard_normal((3, 50)))
        assert check(large_and_true, drawn, rng=rng).verdict is Verdict.HOLDS
    small = Triple(*(1e-8 * rng.standard_normal((3, 50))))
    squares = bound("squares", lambda r: r.misfit**2, "==", lambda r: 5 * r.weak_error**2)
    assert check(squares, small, rng=rng).verdict is Verdict.VIOLATED


def test_problems_that_decide_nothing_are_counted_apart():
    never = bound("never finite", lambda r: r.gain * np.nan, "<=", lambda r: 1.0)
    outcome = falsify(never, testing.triples(), max_examples=50)
    assert not outcome.is_found
    assert outcome.undecided == outcome.tried > 0
    assert f"0 of {outcome.tried} problems could be decided" in str(outcome)


def test_a_bound_on_a_number_that_is_not_there_is_refused_with_the_way_out():
    above_one = bound("pgr ≤ 1", lambda r: r.pgr, "<=", lambda r: 1.0)
    with pytest.raises(ValueError, match="needs a ceiling"):
        check(above_one, Triple([1.0], [2.0], [3.0]), rng=np.random.default_rng(0))
    assert falsify(above_one, testing.triples(ceiling=True)).is_found, "a student can beat the ceiling"
