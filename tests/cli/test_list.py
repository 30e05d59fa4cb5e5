"""``w2s list``: every statement once, filters that leave what they say, counts that add up."""

from __future__ import annotations

import json

import jsonschema
import pytest

from w2s_theory.cli import main
from w2s_theory.schemas import schema
from w2s_theory.statements import InLimit
from w2s_theory.theorems import STATEMENTS


def listed(capsys, *words: str) -> list[dict]:
    assert main(["list", "--json", *words]) == 0
    plain = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator(schema("list")).validate(plain)
    assert plain["count"] == len(plain["statements"])
    return plain["statements"]


def test_every_statement_is_listed_once_with_its_status(capsys):
    found = listed(capsys)
    assert [entry["name"] for entry in found] == list(STATEMENTS)
    assert all(entry["status"] for entry in found)


def test_filters_leave_what_they_say_and_together_they_all_hold(capsys):
    assert {entry["paper"] for entry in listed(capsys, "--paper", "lang2024")} == {"lang2024"}
    limits = {entry["name"] for entry in listed(capsys, "--kind", "limit")}
    assert limits == {name for name, statement in STATEMENTS.items() if isinstance(statement.kind, InLimit)}
    published = [entry for entry in listed(capsys) if entry["status"].startswith("reproduced")]
    assert listed(capsys, "--status", "reproduced") == published and published
    both = listed(capsys, "RIDGE", "misfit")
    assert both and all("ridge" in (e["name"] + e["says"]).lower() and "misfit" in e["says"] for e in both)
    assert listed(capsys, "--paper", "ridge", "--kind", "limit") == []


def test_lines_stand_under_their_paper_and_the_counts_add_up(capsys):
    assert main(["list"]) == 0
    *lines, total, kinds, ledger = capsys.readouterr().out.splitlines()
    names = [line.split()[0] for line in lines if line.startswith("  ")]
    assert sorted(names) == sorted(STATEMENTS)
    heads = [line.partition(":")[0] for line in lines if line and not line.startswith("  ")]
    assert heads == list(dict.fromkeys(name.partition(".")[0] for name in STATEMENTS))
    assert total == f"{len(STATEMENTS)} statements"
    for counted in (kinds, ledger):
        assert sum(int(part.split()[0]) for part in counted.partition(": ")[2].split(", ") if part[0].isdigit()) == len(
            STATEMENTS
        )


def test_on_a_terminal_lines_are_cut_at_its_width(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "70")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert main(["list", "--paper", "charikar2024"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 70 and any(line.endswith("…") for line in lines)


@pytest.mark.parametrize(
    ("words", "said"),
    [(["--paper", "nobody1999"], "paper must be one of identities, charikar2024"), (["--kind", "always"], "always")],
)
def test_unknown_papers_and_kinds_are_refused_with_those_there_are(words, said, capsys):
    assert main(["list", *words]) == 2
    assert said in capsys.readouterr().err


def test_nothing_found_is_said(capsys):
    assert main(["list", "no such words"]) == 0
    assert "no statement matches" in capsys.readouterr().out


def test_without_a_ledger_a_status_can_not_be_asked_for(capsys, monkeypatch):
    monkeypatch.setattr("w2s_theory.catalogue.ledger.checkout", lambda: None)
    assert {entry["status"] for entry in listed(capsys, "--paper", "ridge")} == {""}
    assert main(["list", "--status", "holds"]) == 2
    assert "paper_repro.md" in capsys.readouterr().err
