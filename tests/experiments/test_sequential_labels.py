"""The experiment on stopping at will: its streams have the gain as mean, its shortcuts agree with the intervals, findings both ways."""

from __future__ import annotations

import math

import numpy as np
import pytest

from experiments import sequential_labels as experiment
from experiments._store import columns
from tests.experiments import made
from tests.experiments.made import changed
from tests.tolerances import ROUNDING, STANDARD_ERRORS

SMALL_WORLDS = [world for world in experiment.WORLDS if world not in experiment.REAL]


def finding(table, words):
    return made.finding(experiment, table, words)


@pytest.fixture(scope="module")
def table():
    """A made table: sequences miss rarely and are one and a half times as wide, fixed intervals miss often."""
    rows = []
    for params in experiment.SCALES["quick"]:
        base = {"scale": "quick", "synthetic": True, "low": -0.1, "high": 0.3, "truth": 0.2} | params
        for method in experiment.METHODS:
            ours = method == "sequence"
            for rule in experiment.RULES:
                value = 0.02 if ours else 0.05 if rule == "at the end" else 0.3
                rows.append(
                    base
                    | {"part": "miss", "method": method, "rule": rule, "n": 400, "value": value, "stderr": 0.003, "seen": 4000}
                )
            for n in experiment.LOOKS:
                width = {"value": (1.5 if ours else 1.0) / math.sqrt(n), "stderr": 0.0, "seen": 40}
                rows.append(base | {"part": "width", "method": method, "rule": "", "n": int(n)} | width)
        plan = 0 if params["world"] == "no gain" else 150
        rows.append(
            base
            | {"part": "stop", "method": "sequence", "rule": "sign settled", "n": plan, "value": 160.0}
            | {"low": 40.0, "high": 300.0, "stderr": 0.1, "seen": 4000}
        )
    return columns(rows)


def test_the_findings_hold_on_the_made_table(table):
    assert made.statuses(experiment, table) == ["holds (derived here)", "observed here", "observed here", "observed here"]


@pytest.mark.parametrize(
    ("words", "column", "where", "status"),
    [
        ("confidence sequences miss", 0.08, {"part": "miss", "method": "sequence", "world": "no range"}, "counterexample found"),
        ("confidence sequences miss", 0.048, {"part": "miss", "method": "sequence", "world": "stsb_en"}, "not attempted"),
        (
            "fixed number of labels",
            0.05,
            {"part": "miss", "method": "fixed", "world": "two classes"},
            "not reproduced (in 7 of 8",
        ),
        ("price of stopping", 0.5, {"part": "width", "method": "sequence", "world": "squared loss"}, "not reproduced (up to"),
        ("until a sequence settles", 300.0, {"part": "stop", "world": "three classes"}, "not reproduced (in 6 of 7"),
    ],
)
def test_findings_can_come_out_otherwise(table, words, column, where, status):
    assert finding(changed(table, lambda values: np.full(values.shape, column), **where), words).status.startswith(status)


@pytest.mark.parametrize("world", SMALL_WORLDS)
def test_terms_have_the_truth_as_their_mean_and_lie_in_their_range(world):
    streams = experiment.drawn_streams(world, 60, np.random.default_rng(0))
    if world != "no range":
        assert np.all(streams.lows - ROUNDING <= streams.terms) and np.all(streams.terms <= streams.highs + ROUNDING)
    means = streams.terms.mean(axis=1)
    error = max(means.std(ddof=1), 1e-12) / math.sqrt(len(means))
    assert abs(means.mean() - streams.truth) <= STANDARD_ERRORS * error


@pytest.mark.parametrize("world", SMALL_WORLDS)
def test_what_is_excluded_is_what_the_intervals_leave_out(world):
    streams = experiment.drawn_streams(world, 3, np.random.default_rng(1))
    value = streams.truth + 0.25
    gone, ends = experiment.excluded(world, streams, value), experiment.ends(world, streams, 3)
    at = experiment.LOOKS - 1
    for method in experiment.METHODS:
        low, high = ends[method]
        left_out = (low > value) | (high < value)
        looked = np.ones(len(at), dtype=bool)
        if world == "finite pool":  # values between the pool's multiples; and the last looks of fixed intervals are left out
            looked = at < 350
        np.testing.assert_array_equal(gone[method][:, at][:, looked], left_out[:, looked])
    assert gone["sequence"].any()


def test_a_run_has_a_row_for_every_method_rule_and_look():
    rows = experiment.run_one({"world": "two classes", "trials": 30, "drawn": 3}, rng=np.random.default_rng(0))
    parts = [row["part"] for row in rows]
    assert parts.count("miss") == len(experiment.METHODS) * len(experiment.RULES)
    assert parts.count("width") == len(experiment.METHODS) * len(experiment.LOOKS)
    assert parts.count("stop") == 1


def test_real_streams_have_the_pools_gain_as_their_mean(real_data):
    real_data("embeddings/stsb_en.npz")
    streams = experiment.drawn_streams("stsb_en", 20, np.random.default_rng(0))
    means = streams.terms.mean(axis=1)
    assert abs(means.mean() - streams.truth) <= STANDARD_ERRORS * means.std(ddof=1) / math.sqrt(20)
    assert np.all(streams.lows <= streams.terms) and np.all(streams.terms <= streams.highs)
