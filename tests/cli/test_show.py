"""``w2s show``: a page for a reader, an object for a program, the nearest names for a mistake."""

from __future__ import annotations

import json

import jsonschema
import pytest

from w2s_theory.catalogue import page
from w2s_theory.cli import main
from w2s_theory.schemas import schema

NAME = "charikar2024.theorem_1"


def test_the_page_is_80_columns_wide_when_nobody_watches(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "133")
    assert main(["show", NAME, "--seed", "2"]) == 0
    assert capsys.readouterr().out == page(NAME, seed=2).as_text(80)


def test_the_page_is_as_wide_as_the_terminal(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "101")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert main(["show", NAME, "--no-example"]) == 0
    assert capsys.readouterr().out == page(NAME, seed=None).as_text(101)


def test_json_keeps_to_its_schema_and_holds_the_sides(capsys):
    assert main(["show", "finite_sample.in_sample_equality", "--json"]) == 0
    plain = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator(schema("show")).validate(plain)
    assert plain["example"]["check"]["verdict"] == "HOLDS"
    assert plain["example"]["check"]["left"] == pytest.approx(plain["example"]["check"]["right"])
    assert plain["symbols"][0].keys() == {"sign", "means"}


def test_markdown_is_that_of_the_page(capsys):
    assert main(["show", NAME, "--no-example", "--markdown"]) == 0
    assert capsys.readouterr().out == page(NAME, seed=None).as_markdown()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["charikar2024.theorem1"], "charikar2024.theorem_1"),
        (["THEOREM_1"], "no statement is called 'THEOREM_1'"),
        ([NAME, "--seed", "-1"], "--seed must be >= 0; it is -1"),
        ([NAME, "--json", "--markdown"], "give one of them"),
        ([], "STATEMENT"),
    ],
)
def test_misuse_is_refused_with_the_way_out(words, said, capsys):
    assert main(["show", *words]) == 2
    captured = capsys.readouterr()
    assert said in captured.err and captured.out == ""


def test_an_absent_extra_leaves_the_page_and_says_which(capsys, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "cvxpy", None)
    assert main(["show", "charikar2024.theorem_1_any_set"]) == 0
    out = capsys.readouterr().out
    assert "UNSOLVED" in out and "programs" in out and "Assumptions" in out
