"""Gain and misfit of real tasks: every status can be reached, a point runs, and what is missing is said."""

from __future__ import annotations

import numpy as np
import pytest

from experiments import _gain_coverage, _gain_findings, real_gain_misfit
from experiments._store import columns
from tests.experiments.made import changed, finding
from w2s_theory.problems.empirical import EmpiricalTask
from w2s_theory.real_tasks import check_embeddings


def rows(
    task: str, control: str = "none", *, gain: float = 0.1, misfit: float = 0.2, losses=("squared", "accuracy"), **more
) -> list[dict]:
    """What a report says, made: every interval is ± 0.01."""
    at = {"part": "task", "task": task, "control": control, "trial": 0}
    values = {
        "gain": gain,
        "misfit": misfit,
        "residual": gain - misfit,
        "weak_error": 1.0,
        "student_error": 1.0 - gain,
        "ceiling_error": 0.5,
    } | more
    made = [
        at
        | real_gain_misfit.BLANK
        | {"kind": "number", "loss": loss, "quantity": name, "how": "new data", "value": v, "low": v - 0.01, "high": v + 0.01}
        for loss in losses
        for name, v in values.items()
    ]
    half = 2.0 * np.sqrt(misfit * 0.5)
    made.append(
        at
        | real_gain_misfit.BLANK
        | {
            "kind": "number",
            "loss": "squared",
            "quantity": "sharp_band",
            "how": "band",
            "value": misfit,
            "low": misfit - half,
            "high": misfit + half,
        }
    )
    made += [at | real_gain_misfit.BLANK | {"kind": "verdict", "quantity": "identities.squared", "how": "HOLDS", "value": 0.0}]
    for split, sign in enumerate((1.0, -1.0)):
        made.append(
            at
            | real_gain_misfit.BLANK
            | {"kind": "split", "loss": "squared", "quantity": "gain", "split": split, "value": sign * gain}
        )
        for penalty, level in ((0.1, 0.5), (10.0, -1.5)):
            made.append(
                at | real_gain_misfit.BLANK | {"kind": "path", "penalty": penalty, "split": split, "value": gain * (level + sign)}
            )
    return made


def cover_rows(inside: int, total: int = 300) -> list[dict]:
    at = {"task": "numbers", "control": "none"}
    made = []
    for quantity in ("gain", "misfit"):
        number = real_gain_misfit.BLANK | {"loss": "squared", "quantity": quantity}
        made.append(at | number | {"part": "truth", "trial": 0, "kind": "truth", "value": 1.0})
        for k in range(total):
            for how in ("new data", "splits"):
                low = 0.5 if k < inside else 1.5
                made.append(
                    at
                    | number
                    | {"part": "cover", "trial": k, "kind": "cover", "how": how, "value": 1.0, "low": low, "high": 2.0}
                )
    return made


@pytest.fixture
def table() -> dict[str, np.ndarray]:
    made = [*rows("openai_moderation"), *rows("stsb_en", losses=("squared",))]
    made += rows("stsb_en", "same features", gain=0.001, misfit=0.001)
    made += rows("stsb_en", "permuted teacher", gain=1.0, misfit=1.0, student_error=1.0)
    made += rows("stsb_en", "random features", gain=0.0, misfit=0.01)
    return columns([*made, *cover_rows(285)])


def change(table, value, **where):
    """The table with a number and its interval set."""
    for column, shift in (("value", 0.0), ("low", -0.01), ("high", 0.01)):
        table = changed(table, lambda old, shift=shift: np.full_like(old, value + shift), column, **where)
    return table


def test_the_signs_are_counted(table):
    found = finding(real_gain_misfit, table, "gains over its weak teacher")
    assert found.status == "reproduced, with changes: on 2 of 2 tasks, below zero on 0"
    lost = change(table, -0.1, quantity="gain", task="stsb_en", kind="number", control="none")
    assert (
        finding(real_gain_misfit, lost, "gains over its").status == "reproduced, with changes: on 1 of 2 tasks, below zero on 1"
    )
    none = change(table, 0.0, quantity="gain", kind="number")
    assert finding(real_gain_misfit, none, "gains over its").status.startswith("not reproduced")


def test_a_gain_outside_the_band_is_seen(table):
    assert finding(real_gain_misfit, table, "lies in the band").status == "observed here"
    out = change(table, 2.0, quantity="gain", task="stsb_en", kind="number", control="none")
    assert finding(real_gain_misfit, out, "lies in the band").status == "not reproduced (outside on 1 of 2 tasks)"


def test_gain_near_misfit(table):
    assert finding(real_gain_misfit, table, "of misfit on real tasks").status.startswith("not reproduced (on 0 of 2")
    near = change(table, 0.19, quantity="gain", kind="number", control="none")
    assert finding(real_gain_misfit, near, "of misfit on real tasks").status == "observed here"


def test_the_sign_by_penalty_and_split(table):
    assert finding(real_gain_misfit, table, "openai_moderation: the sign").status == "observed here"
    one = changed(table, np.abs, kind="split")
    assert finding(real_gain_misfit, one, "openai_moderation: the sign").status == "observed here (by penalty only)"
    both = changed(one, np.abs, kind="path")
    assert finding(real_gain_misfit, both, "openai_moderation: the sign").status == "not reproduced (one sign)"
    other = changed(table, np.abs, kind="path")
    assert finding(real_gain_misfit, other, "openai_moderation: the sign").status == "observed here (by split only)"


def test_losses_that_disagree(table):
    assert finding(real_gain_misfit, table, "disagree").status.startswith("not reproduced")
    where = {"quantity": "gain", "task": "openai_moderation", "loss": "accuracy", "kind": "number"}
    assert finding(real_gain_misfit, change(table, -0.1, **where), "disagree").status == "observed here (on openai_moderation)"
    assert "one loss tells the sign" in finding(real_gain_misfit, change(table, 0.0, **where), "disagree").status
    alone = columns([*rows("stsb_en", losses=("squared",)), *cover_rows(285)])
    assert _gain_findings.disagreement(alone).status.startswith("not attempted")


def test_verdicts(table):
    assert finding(real_gain_misfit, table, "hold on it").status == "holds (derived here)"
    for verdict, status in (("VIOLATED", "counterexample found"), ("INCONCLUSIVE", "not attempted (undecided in 5)")):
        worse = changed(table, lambda old, v=verdict: np.full(old.shape, v), "how", kind="verdict")
        assert finding(real_gain_misfit, worse, "hold on it").status == status


def test_controls(table):
    for control in real_gain_misfit.CONTROLS[1:]:
        assert finding(real_gain_misfit, table, control).status == "observed here"
        worse = change(table, 0.3, quantity="gain", control=control, kind="number")
        assert finding(real_gain_misfit, worse, control).status == "not reproduced (a control fails)"
    knowing = change(table, 0.5, quantity="student_error", control="permuted teacher", kind="number")
    assert finding(real_gain_misfit, knowing, "permuted teacher").status == "not reproduced (a control fails)"


@pytest.mark.parametrize(
    ("inside", "total", "status"),
    [
        (285, 300, "observed here"),
        (300, 300, "observed here (more than that in 1 of 1)"),
        (240, 300, "counterexample found (below in 1 of 1)"),
        (6, 6, "not attempted (too few data sets to tell)"),
    ],
)
def test_coverage(inside, total, status):
    table = columns([*rows("stsb_en"), *cover_rows(inside, total)])
    assert [found.status for found in _gain_findings.covers(table)] == [status] * 2


def test_a_synthetic_point_runs_and_its_truth_is_near_what_is_measured():
    point = next(p for p in real_gain_misfit.SCALES["quick"] if p["part"] == "cover")
    made = columns([dict(point) | row for row in real_gain_misfit.run_one(point, rng=np.random.default_rng(0))])
    assert set(made["quantity"]) == set(_gain_coverage.QUANTITIES) and len(made["value"]) == 12
    found = _gain_coverage.truth(_gain_coverage.BY_NAME["numbers"], 6)
    value, stderr = found["squared", "misfit"]
    assert 0.0 < value < 0.1 and 0.0 < stderr < value


def test_a_report_becomes_rows():
    rng = np.random.default_rng(0)
    strong = rng.standard_normal((90, 4))
    task = EmpiricalTask(strong[:, :2], strong, strong.sum(axis=1) + rng.standard_normal(90), "made up")
    report = check_embeddings(task, splits=2, rng=rng)
    made = real_gain_misfit._rows(report)
    table = columns([{"part": "task", "task": "made up", "control": "none", "trial": 0} | row for row in made])
    gain = report.number("gain")
    assert _gain_findings.number(table, "made up", "gain") == (gain.value, gain.low, gain.high)
    assert np.sum(table["kind"] == "path") == 25 * 2 and np.sum(table["kind"] == "verdict") == len(report.verdicts)


def test_without_data_it_is_unavailable(monkeypatch):
    monkeypatch.delenv("W2S_DATA", raising=False)
    assert real_gain_misfit.unavailable("quick") and real_gain_misfit.unavailable("full")


def test_the_molecules_run_where_they_are(real_data):
    real_data("molecules/esol.csv.gz")
    pytest.importorskip("rdkit")
    point = {"part": "task", "task": "esol", "control": "permuted teacher", "trial": 0, "splits": 2}
    table = columns([dict(point) | row for row in real_gain_misfit.run_one(point, rng=np.random.default_rng(0))])
    gain, misfit = (_gain_findings.number(table, "esol", name, control="permuted teacher")[0] for name in ("gain", "misfit"))
    assert gain == pytest.approx(misfit, rel=0.25)


def test_the_sign_by_number_of_weak_labels():
    def made(labels: int, gain: float) -> list[dict]:
        return [row | {"part": "labels", "trial": labels} for row in rows("openai_moderation", gain=gain)]

    both = columns([*rows("openai_moderation"), *made(50, 0.1), *made(400, 0.2)])
    found = _gain_findings.sign_by_labels(both)
    assert found.status == "observed here"
    assert "50 labels 25% of 4 (chosen penalty: 1 of 2 splits" in found.evidence and "400 labels" in found.evidence
    one = changed(both, lambda old: -np.abs(old), part="labels")
    assert _gain_findings.sign_by_labels(one).status == "not reproduced (one sign)"
    assert _gain_findings.sign_by_labels(columns(rows("openai_moderation"))).status.startswith("not attempted")
