"""The experiment on picking a teacher: a world in which the answer is known, findings both ways."""

from __future__ import annotations

import numpy as np
import pytest

from experiments import supervisor_selection as experiment
from experiments._store import columns
from tests.experiments import made
from tests.experiments.made import changed
from w2s_theory.quantities.label_efficiency.supervisors import LABEL_FREE, RULES


def finding(table, words):
    return made.finding(experiment, table, words)


@pytest.fixture(scope="module")
def table():
    """A made table: measuring finds the best teacher with few labels, the other rules later, those without labels beat chance."""
    rng, rows = np.random.default_rng(0), []
    for params in experiment.SCALES["quick"]:
        base = {
            "scale": "quick",
            "synthetic": False,
            "k": 7,
            "points": 250,
            "teacher": "",
            "weak_error": np.nan,
            "misfit": np.nan,
        } | params
        rows.append(base | {"part": "teachers", "rule": "", "n": 0, "value": 0.5, "hits": np.nan, "teacher": "layer 0"})
        for rule, regret in (("at random", 0.2), *((rule, 0.1) for rule in LABEL_FREE)):
            rows.append(base | {"part": "rules", "rule": rule, "n": 0, "value": regret + 0.001 * rng.random(), "hits": 0.1})
        for n in experiment.LABELS:
            for rule in RULES:
                if rule not in LABEL_FREE:
                    factor = {"weak error − misfit": 0.5, "student error": 1.0}.get(rule, 2.0)
                    rows.append(
                        base
                        | {"part": "rules", "rule": rule, "n": n, "value": factor * (0.8 + 0.01 * rng.random()) / n, "hits": 0.5}
                    )
            rows.append(base | {"part": "set", "rule": "confidence set", "n": n, "value": 3.0, "hits": 0.98})
    return columns(rows)


def test_the_findings_on_the_made_table(table):
    assert [status[:40] for status in made.statuses(experiment, table)] == [
        "observed here (on every task)",
        "observed here (on every task)",
        "observed here (on every task)",
        "observed here (on every task)",
        "not reproduced (on 2 tasks it needs more)"[:40],
        "observed here",
    ]


def where(rule, **more):
    return {"part": "rules", "rule": rule} | more


@pytest.mark.parametrize(
    ("words", "change", "at", "status"),
    [
        ("measured error", lambda v: 4 * v, where("weak error − misfit"), "not reproduced (less on 0, more on 2"),
        ("measured error", lambda v: 4 * v, where("weak error − misfit", task="trec"), "not reproduced (less on 1, more on 1"),
        (
            "measured error",
            lambda v: 0.04 + 0 * v,
            where(["weak error − misfit", "student error"]),
            "not attempted (no difference",
        ),
        ("measured error", lambda v: 0.02 + 0 * v, where("weak error − misfit", task="trec", trial=0), "observed here (on"),
        ("smallest misfit", lambda v: v + 0.2, where("smallest misfit"), "not reproduced (better on 0, worse on 2"),
        ("needs no more gold labels", lambda v: 5 * v, where("weak error − misfit"), "observed here"),
        ("confidence set holds", lambda v: 0.8 + 0 * v, {"part": "set", "task": "trec", "n": 20}, "not reproduced (in 80"),
    ],
)
def test_findings_can_come_out_otherwise(table, words, change, at, status):
    column = "hits" if at["part"] == "set" else "value"
    assert finding(changed(table, change, column, **at), words).status.startswith(status)


def test_a_few_splits_tell_nothing(table):
    few = {name: values[table["trial"] < 2] for name, values in table.items()}
    assert sum("too few splits" in status for status in made.statuses(experiment, few)) == 5


def test_where_the_best_teacher_is_plain_it_is_picked_by_every_rule_with_labels():
    rng = np.random.default_rng(1)
    features = rng.standard_normal((400, 8))
    label = (features @ rng.standard_normal(8) + 0.1 * rng.standard_normal(400))[None]
    label = (label - label.mean()) / label.std()
    weak = {"layer 0": features[:, :2], "layer 3": features[:, :7], "tf-idf": rng.standard_normal((400, 3))}
    names, at_test, students, gold = experiment.candidates(weak, features, label, np.arange(400), rng=rng)
    assert names == ["layer 0", "layer 0, few labels", "layer 3", "layer 3, few labels", "tf-idf", "permuted"]
    assert at_test.shape == students.shape == (6, 1, gold.shape[1])
    rows = experiment.measure(names, at_test, students, gold, 10, rng=rng)
    errors = {row["teacher"]: row["value"] for row in rows if row["part"] == "teachers"}
    assert min(errors, key=lambda name: errors[name]) == "layer 3"
    regret = {(row["rule"], row["n"]): row["value"] for row in rows if row["part"] == "rules"}
    for rule in RULES:
        assert regret[rule, 0 if rule in LABEL_FREE else 40] < regret["at random", 0] or rule in LABEL_FREE
    assert regret["student error", 40] < 0.02
    kept = {row["n"]: row["value"] for row in rows if row["part"] == "set"}
    assert kept[5] >= kept[40]
