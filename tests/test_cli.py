"""The w2s command: what it prints, its exit codes, and what it says when an extra is absent."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from w2s_theory import Sides, cli
from w2s_theory.students import cvxpy_set
from w2s_theory.theorems import STATEMENTS


def run(capsys, *arguments):
    try:
        code = cli.main(arguments)
    except SystemExit as stop:
        code = stop.code
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_verify_without_a_name_checks_every_statement_and_exits_zero(capsys, monkeypatch):
    """Of a small catalogue; that all statements of the large one hold on their examples is tested with them."""
    small = {name: STATEMENTS[name] for name in STATEMENTS if name.partition(".")[0] in ("identities", "ridge")}
    monkeypatch.setattr("w2s_theory.theorems.STATEMENTS", small)
    code, out, _ = run(capsys, "verify")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[:-1]] == list(small)
    assert out.splitlines()[-1] == f"{len(small)} statements: {len(small)} HOLDS"


def test_a_paper_stands_for_its_statements(capsys):
    _, out, _ = run(capsys, "verify", "identities")
    assert out.count("HOLDS") == 1 + sum(name.startswith("identities.") for name in STATEMENTS)


def test_json_is_valid_and_carries_the_verdicts(capsys):
    code, out, _ = run(capsys, "verify", "charikar2024.theorem_1", "identities.squared", "--json", "--seed", "3")
    answer = json.loads(out)
    assert (code, answer["exit_code"], answer["seed"]) == (0, 0, 3)
    assert [row["statement"] for row in answer["checks"]] == ["charikar2024.theorem_1", "identities.squared"]
    assert all(row["verdict"] == "HOLDS" and row["problems"] > 0 for row in answer["checks"])


def test_the_list_names_every_source(capsys):
    code, out, _ = run(capsys, "verify", "--list")
    assert code == 0
    assert "charikar2024 Theorem 1]" in out
    assert "derived here" in out


def test_a_violated_statement_exits_one(capsys, monkeypatch):
    wrong = replace(STATEMENTS["identities.squared"], sides=lambda triple: Sides(1.0, 2.0))
    monkeypatch.setitem(STATEMENTS, "identities.squared", wrong)
    code, out, _ = run(capsys, "verify", "identities.squared")
    assert code == 1
    assert "VIOLATED" in out


@pytest.mark.parametrize("arguments", [["verify", "no.such"], ["verify", "--seed", "-1"], ["prove"], []])
def test_misuse_exits_two_and_says_why(capsys, arguments):
    code, _, err = run(capsys, *arguments)
    assert code == 2
    assert "error:" in err


def test_an_unknown_name_is_answered_with_the_closest(capsys):
    _, _, err = run(capsys, "verify", "charikar2024.theorem_one")
    assert "Close:" in err
    assert "charikar2024.theorem_1" in err


def test_an_absent_extra_leaves_its_statement_unsolved_with_the_name_of_the_extra(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "cvxpy", None)  # makes `import cvxpy` fail as if it were not installed
    assert cvxpy_set is not None
    code, out, _ = run(capsys, "verify", "charikar2024.theorem_1_any_set")
    assert code == 0
    assert "UNSOLVED" in out
    assert "programs" in out


def test_help_teaches(capsys):
    code, out, _ = run(capsys, "--help")
    assert code == 0
    assert "examples:" in out
    assert "exit codes:" in out


def test_the_module_runs_as_a_program():
    done = subprocess.run([sys.executable, "-m", "w2s_theory", "verify", "identities.squared"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "1 HOLDS" in done.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_an_output_that_cannot_be_written_is_not_a_violation():
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "w2s_theory", "verify", "identities"], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 3
    assert "could not be written" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_device_is_checked_beside_numpy_and_the_rest_is_said_to_be_numpy_only(capsys):
    pytest.importorskip("torch")
    names = ("identities.squared", "charikar2024.theorem_1", "lang2024.coverage")
    code, out, _ = run(capsys, "verify", *names, "--device", "cpu-torch")
    assert code == 0
    lines = out.splitlines()
    assert lines[0].count("HOLDS") == 2 and "cpu-torch: HOLDS" in lines[0] and "of the error" in lines[0]
    assert "5 problems" in lines[1] and "2 problems" in lines[1]  # a hull, a box and an order are NumPy only
    assert lines[2].endswith("NumPy only")
    assert "2 of them on cpu-torch too: 2 HOLDS; 1 are NumPy only" in out and "verdicts differ on 0 statements" in out


def test_json_carries_the_checks_of_both(capsys):
    pytest.importorskip("torch")
    _, out, _ = run(capsys, "verify", "identities.squared", "lang2024.coverage", "--device", "cpu-torch", "--json")
    answer = json.loads(out)
    assert answer["device"] == "cpu-torch"
    there = answer["checks"][0]["on_device"]
    assert there["verdict"] == "HOLDS" and there["changed_verdicts"] == 0 and 0 <= there["margin_difference"] <= 1
    assert "on_device" not in answer["checks"][1]


def test_a_statement_that_is_violated_on_the_device_alone_exits_one(capsys, monkeypatch):
    pytest.importorskip("torch")

    def sides(triple):
        return Sides(1.0, 1.0 if type(triple.weak).__module__ == "numpy" else 1.1)

    monkeypatch.setitem(STATEMENTS, "identities.squared", replace(STATEMENTS["identities.squared"], sides=sides))
    code, out, _ = run(capsys, "verify", "identities.squared", "--device", "cpu-torch")
    assert code == 1
    assert "verdicts differ on 1 statements: identities.squared" in out


def test_an_unknown_device_is_misuse(capsys):
    pytest.importorskip("torch")
    code, _, error = run(capsys, "verify", "identities", "--device", "abacus")
    assert code == 2
    assert "cpu-torch" in error
