"""The experiment on devices: a tiny point, findings both ways, and what it says without a GPU."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from experiments import device_agreement as experiment
from experiments._store import columns
from tests.experiments.made import changed, finding, statuses


def row(**values):
    same = {"verdict": "HOLDS", "margin": 1.0, "error": 0.1, "device_verdict": "HOLDS", "device_margin": 1.0, "device_error": 0.1}
    return {"statement": "a.b", "trial": 0, "device": "cpu-torch", "catalogue": 3, "margins": 0.1, "sides": 0.2} | same | values


@pytest.fixture
def table():
    return columns(
        [row(), row(statement="c.d", sides=0.4), row(device_verdict="", device_margin=np.nan, margins=np.nan, sides=np.nan)]
    )


def test_agreement_is_observed_and_says_where(table):
    assert statuses(experiment, table) == ["observed here", "observed here"]
    verdicts = finding(experiment, table, "verdict")
    assert "no GPU in this run" in verdicts.evidence and "2 checks of 2 statements" in verdicts.evidence
    assert "1 statements of the catalogue are NumPy only" in verdicts.evidence
    assert "sides 0.4 (c.d)" in finding(experiment, table, "margins").evidence


def test_a_gpu_is_named(table):
    evidence = finding(experiment, changed(table, lambda _: "cuda", "device", device="cpu-torch"), "verdict").evidence
    assert "torch on cuda" in evidence and "no GPU" not in evidence


def test_another_verdict_is_a_counterexample_with_its_name(table):
    wrong = finding(experiment, changed(table, lambda _: "VIOLATED", "device_verdict", statement="c.d"), "verdict")
    assert wrong.status == "counterexample found" and "c.d" in wrong.evidence


@pytest.mark.parametrize("column", ["margins", "sides"])
def test_a_difference_beyond_the_stated_error_is_a_counterexample(table, column):
    assert finding(experiment, changed(table, lambda _: 1.2, column, statement="c.d"), "margins").status == "counterexample found"


def test_nothing_that_moves_is_not_an_agreement(table):
    none = {name: values[table["device_verdict"] == ""] for name, values in table.items()}
    assert statuses(experiment, none) == ["not attempted (no problem could be moved)"]


def test_a_point_compares_what_moves_and_counts_what_does_not():
    pytest.importorskip("torch")
    rows = experiment.run_one({"statement": "charikar2024.theorem_1", "trial": 0}, rng=np.random.default_rng(0))
    assert [each["device_verdict"] for each in rows] == ["HOLDS", "", "", "", "HOLDS"]
    assert all(each["sides"] <= 1.0 and each["margins"] <= 1.0 for each in rows if each["device_verdict"])
    assert {each["device"] for each in rows} == {experiment.device_here()}


def test_without_torch_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert "torch is not installed" in experiment.unavailable("quick")
