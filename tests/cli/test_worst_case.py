"""``w2s worst-case``: it finds the tight problem and the violated one, ranks what can be compared, and claims no proof."""

from __future__ import annotations

import json
import math
import signal
from dataclasses import replace

import jsonschema
import numpy as np
import pytest

from w2s_theory.catalogue.example import drawn_problems
from w2s_theory.checking import check_statement
from w2s_theory.cli import main
from w2s_theory.problems.population import Population
from w2s_theory.schemas import schema
from w2s_theory.statements import Sides
from w2s_theory.theorems import STATEMENTS, find
from w2s_theory.triple import Triple
from w2s_theory.worst_case import _hunted, draw_checks, worst_case

TIGHT = "charikar2024.nonrealizable_convex"
VALIDATOR = jsonschema.Draft202012Validator(schema("worst-case"))


def in_the_catalogue(monkeypatch, statement):
    monkeypatch.setitem(STATEMENTS, statement.name, statement)
    return statement.name


def test_the_tightest_problem_is_the_smallest_relative_margin_of_all_that_were_drawn():
    found = worst_case(TIGHT, draws=4, seed=5, hunt=0)
    rooms = {}
    for seed in range(5, 9):
        for index, (problem, rng) in enumerate(drawn_problems(find(TIGHT), seed)):
            check = check_statement(find(TIGHT), problem, rng=rng)
            rooms[seed, index] = check.margin / max(abs(check.left), abs(check.right))
    assert found.tightest is not None
    assert found.room == min(rooms.values()) == rooms[found.tightest.seed, found.tightest.index]
    assert found.verdicts == {"HOLDS": len(rooms)}
    assert [(least.index, least.checks) for least in found.by_problem] == [(i, 4) for i in range(len(rooms) // 4)]
    assert all(least.room == min(room for (_, i), room in rooms.items() if i == least.index) for least in found.by_problem)


def test_the_seed_brings_the_tightest_problem_back():
    found = worst_case("pseudolabels.expansion_bound", draws=3, hunt=0).tightest
    assert found is not None and found.seed is not None and found.index is not None
    problem, rng = drawn_problems(find("pseudolabels.expansion_bound"), found.seed)[found.index]
    assert check_statement(find("pseudolabels.expansion_bound"), problem, rng=rng) == found.check


def test_the_same_is_found_on_worker_processes():
    assert worst_case(TIGHT, draws=3, hunt=0, executor="loky:2") == worst_case(TIGHT, draws=3, hunt=0)


def test_a_false_statement_is_violated_and_the_hunt_shrinks_a_counterexample(monkeypatch, capsys):
    true = find("charikar2024.theorem_1")

    def greedy(world: Population) -> Sides:
        sides = true.sides(world)
        return replace(sides, right=1.1 * sides.right)

    name = in_the_catalogue(monkeypatch, replace(true, name="charikar2024.too_much", sides=greedy))
    assert main(["worst-case", name, "--draws", "2", "--hunt", "50", "--workers", "1", "--json"]) == 1
    plain = json.loads(capsys.readouterr().out)
    VALIDATOR.validate(plain)
    assert plain["verdicts"]["VIOLATED"] > 0
    assert plain["tightest"]["check"]["verdict"] == "VIOLATED" and plain["room"] < 0
    assert len(plain["violated"]) == 3 and plain["violated"][0] == plain["tightest"]
    found = plain["hunt"]["found"]
    assert found["check"]["verdict"] == "VIOLATED" and found["seed"] is None and found["parameters"]
    assert main(["worst-case", name, "--draws", "1", "--hunt", "0", "--workers", "1"]) == 1
    assert "Violated, by" in capsys.readouterr().out


def test_an_inconclusive_check_is_counted_and_not_tight(monkeypatch):
    true = find("finite_sample.expected_train_misfit")
    kind = replace(true.kind, is_calibrated=lambda world: False)
    name = in_the_catalogue(monkeypatch, replace(true, name="finite_sample.unsure", kind=kind))
    found = worst_case(name, draws=2, hunt=0)
    assert set(found.verdicts) == {"INCONCLUSIVE"} and found.tightest is None and math.isnan(found.room)
    assert found.exit_code == 0 and "none is the tightest" in str(found)


def test_a_claim_about_a_sign_is_ranked_by_the_margin_itself():
    found = worst_case("finite_sample.sign_flip", draws=1, hunt=0)
    assert not found.is_relative and found.tightest is not None
    assert found.room == found.tightest.check.margin and "a side is 0" in str(found)
    assert "Margins are means of simulations" in str(found)


def test_a_draw_that_raises_is_told_and_the_others_are_kept(monkeypatch):
    true = find("ridge.penalty")
    examples = true.examples
    assert examples is not None

    def fragile(rng):
        problems = examples(rng)
        if rng.integers(2):
            raise ZeroDivisionError("this draw breaks")
        return problems

    name = in_the_catalogue(monkeypatch, replace(true, name="ridge.fragile", examples=fragile))
    found = worst_case(name, draws=8, hunt=0)
    assert found.tightest is not None and sum(found.verdicts.values()) < 8 * len(examples(np.random.default_rng(0)))
    assert any("this draw breaks" in error for error in found.errors) and "A draw failed" in str(found)


def test_the_page_has_counts_sides_seed_hunt_and_no_claim_of_a_proof(capsys):
    assert main(["worst-case", TIGHT, "--draws", "2", "--hunt", "20", "--workers", "1"]) == 0
    captured = capsys.readouterr()
    for words in ("12 HOLDS", "20 of them decided", "left", "Again: w2s verify", "a search, not a proof", "can't be told apart"):
        assert words in " ".join(captured.out.split())
    assert "2/2" in captured.err
    assert max(map(len, captured.out.splitlines())) <= 80


def test_an_interruption_that_python_would_drop_ends_the_hunt():
    class Dropped:
        def __del__(self):
            signal.raise_signal(signal.SIGINT)  # an exception here is printed and forgotten

    true = find(TIGHT)

    def sides(world: Population) -> Sides:
        Dropped()
        return true.sides(world)

    with pytest.raises(KeyboardInterrupt):
        _hunted(replace(true, sides=sides), 20)


def test_assumptions_have_an_answer_for_every_problem_of_their_type():
    squared = Triple(np.zeros((4, 2)), np.zeros((4, 2)), np.zeros((4, 2)))
    assert len(find("yao2025.conditional_calibration").failed_assumptions(squared)) == 2


def test_what_no_strategy_draws_is_not_hunted():
    found = worst_case("xu2026.sphere", draws=1)
    assert found.hunt is None and "No hunt" in str(found)
    assert worst_case("yao2025.conditional_calibration", draws=1, hunt=1).hunt is None  # no drawn triple meets its assumptions


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["charikar2024.theorem1"], "charikar2024.theorem_1"),
        ([TIGHT, "--draws", "0"], "draws must be a whole number >= 1"),
        ([TIGHT, "--seed", "-3"], "seed must be a whole number >= 0"),
        ([TIGHT, "--hunt", "-1"], "hunt must be a whole number >= 0"),
        ([TIGHT, "--scheduler", "cloud"], "--scheduler must be an address"),
        ([TIGHT, "--workers", "0"], "--workers must be a whole number >= 1"),
    ],
)
def test_misuse_is_refused(words, said, capsys):
    assert main(["worst-case", *words]) == 2
    assert said in capsys.readouterr().err


def test_a_statement_outside_the_catalogue_is_refused():
    with pytest.raises(ValueError, match="must be in the catalogue"):
        worst_case(replace(find(TIGHT), tightness="unknown"), draws=1)


def test_rows_are_plain_values():
    rows = draw_checks({"statement": TIGHT, "seed": 1}, rng=np.random.default_rng(0))
    assert [row["example"] for row in rows] == list(range(len(rows)))
    assert all(type(value) in (int, str, float) for row in rows for value in row.values())
