"""The experiments on real representations: their laws on data that meet the hypotheses, and what they do without data."""

from __future__ import annotations

import numpy as np
import pytest

from experiments import _real, _runner, real_digits, real_embeddings
from experiments._store import columns
from tests.tolerances import ROUNDING, SOLVE, STANDARD_ERRORS
from w2s_theory import pipelines
from w2s_theory.outcomes import Verdict
from w2s_theory.problems.empirical import EmpiricalTask
from w2s_theory.quantities.gain import report
from w2s_theory.real_tasks.verdicts import student_checks
from w2s_theory.students.linear import OLS, Ridge


def gaussian_rows(seed, *, n, d, trials, residual=None):
    """Rows of least-squares students in a Gaussian world whose target is not realizable: weak errors and target share a noise."""
    rows = []
    for rng in np.random.default_rng(seed).spawn(trials):
        strong = rng.standard_normal((n + 260, d))
        hidden = rng.standard_normal(n + 260) if residual is None else residual(strong)
        weak = np.column_stack([strong[:, 0] + strong[:, 1], hidden])
        task = EmpiricalTask(weak, strong, 2.0 * strong[:, 0] - hidden, "Gaussian", is_synthetic=True)
        params = {"student": "least squares", "control": "none", "n": n, "trial": _real.SOLVED_TRIALS}
        rows += [
            row | {"trial": len(rows)} for row in _real.measure(task, params, (60, n, 200), rng=rng) if row["where"] == "test"
        ]
    return columns(rows)


@pytest.mark.parametrize(("n", "d"), [(40, 4), (41, 20), (30, 20)])
def test_the_law_with_its_cross_term_is_unbiased_for_gaussian_features_below_and_beyond_its_sign_flip(n, d):
    table = gaussian_rows(5, n=n, d=d, trials=1500)
    gap = table["gain"] - table["law_gain"] - table["law_cross_term"]
    stderr = float(np.std(gap) / np.sqrt(len(gap)))
    assert abs(float(np.mean(gap))) < STANDARD_ERRORS * stderr
    for part in ("law_gain", "law_cross_term"):  # and it would not be with a part 10 per cent off, or left out
        if abs(np.mean(table[part])) > 0.05:
            assert abs(0.1 * np.mean(table[part])) > 1.5 * stderr
            assert abs(float(np.mean(gap + table[part]))) > STANDARD_ERRORS * stderr


def test_the_gain_of_least_squares_changes_sign_at_n_equal_to_2d_plus_1():
    law = {n: float(np.mean(gaussian_rows(6, n=n, d=20, trials=200)["law_gain"])) for n in (31, 41, 51)}
    assert law[31] < -0.05 < 0.05 < law[51]
    assert abs(law[41]) < 1e-12


def test_the_law_fails_where_the_weak_residual_depends_on_the_strong_features():
    """x² − 1 is uncorrelated with every linear head and has variance 2, but it is large where a row has leverage."""
    table = gaussian_rows(7, n=20, d=2, trials=1500, residual=lambda strong: strong[:, 0] ** 2 - 1.0)
    gap = table["gain"] - table["law_gain"] - table["law_cross_term"]
    assert float(np.mean(gap)) < -STANDARD_ERRORS * float(np.std(gap) / np.sqrt(len(gap)))


def quick_table(module, keep, trials, scale="quick"):
    """Rows of the points of a grid that ``keep`` selects, made as the runner makes them."""
    rows = []
    for params in module.SCALES[scale]:
        if keep(params) and params["trial"] < trials:
            rng = np.random.default_rng(_runner.point_seed("any", module.SEED_AXES, params))
            rows += [{"scale": scale} | params | row for row in module.run_one(dict(params), rng=rng)]
    return columns(rows)


@pytest.fixture(scope="module")
def digits_table():
    pytest.importorskip("sklearn")
    return quick_table(real_digits, lambda params: True, 3)


def test_the_digits_show_what_the_ledger_says(digits_table):
    table = digits_table
    found = real_digits.findings(table)
    assert len(found) == 9 and len({finding.claim for finding in found}) == 9
    for name, finding in zip(_real.CHECKED, found[:4], strict=True):
        assert name in finding.claim and finding.status.startswith("holds") and "all HOLDS" in finding.evidence
    shared = {(row["trial"], row["target"]): set() for row in _rows(table)}
    for row in _rows(_real.pick(table, where="test", control="none")):
        shared[row["trial"], row["target"]].add(round(row["weak_error"], 12))
    assert all(len(values) == 1 for values in shared.values()), "methods of a trial must share its split, whatever their n"


@pytest.mark.parametrize("name", _real.CHECKED)
def test_findings_notice_a_violated_and_an_undecided_check(digits_table, name):
    place = int(np.flatnonzero(digits_table[name] == "HOLDS")[0])
    position = _real.CHECKED.index(name)
    for verdict, status in (("VIOLATED", "counterexample found"), ("INCONCLUSIVE", "not attempted (undecided in 1 of")):
        verdicts = digits_table[name].astype(object)
        verdicts[place] = verdict
        finding = real_digits.findings(dict(digits_table, **{name: verdicts}))[position]
        assert finding.status.startswith(status) and f"1 {verdict}" in finding.evidence


@pytest.mark.parametrize("control", ["random teacher", "shuffled labels"])
def test_findings_notice_a_control_student_that_knows_something_or_a_gain_below_zero(control):
    pytest.importorskip("sklearn")
    wanted = {"student": "ridge", "side": 4}
    table = quick_table(real_digits, lambda p: wanted.items() <= p.items() and p["control"] in ("none", control), 20, "full")
    chosen = table["control"] == control
    finding = _real._control_without_knowledge(table, control, "")
    assert finding.status == "holds (derived here)" and "of a real teacher's: on 5" in finding.evidence
    knowing = np.where(chosen, 0.9 * table["mean_error"], table["student_error"])
    losing = np.where(chosen, -table["gain"], table["gain"])
    for broken in ({"student_error": knowing}, {"gain": losing}):
        assert _real._control_without_knowledge(dict(table, **broken), control, "").status == "counterexample found"
    undecided = np.where(chosen & (table["trial"] % 2 == 1), -table["gain"], table["gain"])
    status = _real._control_without_knowledge(dict(table, gain=undecided), control, "").status
    assert status.startswith("not attempted (too few splits to tell the sign on 5")


@pytest.mark.parametrize("rule", [OLS(), Ridge("loo")])
def test_the_checks_are_about_the_student_that_was_run(rule):
    """The statements solve again; what they compare is the gain of the run, and its distance from the misfit."""
    rng = np.random.default_rng(3)
    strong = rng.standard_normal((150, 6)) + 0.5
    weak = np.column_stack([strong[:, 0] + strong[:, 1], rng.standard_normal(150)])
    task = EmpiricalTask(weak, strong, strong[:, 0] + rng.standard_normal((2, 150)) + 1.0, "made up", is_synthetic=True)
    outcome = pipelines.run(task, split=task.split((50, 60, 40), rng=rng), student=rule)
    found, numbers = student_checks(task, outcome, rng=rng), report(outcome.train)
    assert all(one.verdict is Verdict.HOLDS for of_target in found for one in of_target.values())
    if isinstance(rule, OLS):
        difference = numbers.gain - numbers.misfit
        assert np.min(np.abs(difference - found[0]["charikar2024.cross_term"].left)) < ROUNDING
        assert np.min(np.abs(np.abs(difference) - found[0]["charikar2024.nonrealizable_linear"].left)) < ROUNDING
    else:
        # Centring takes the squared mean of the labels' error, which the intercept passes on unchanged, off both errors.
        assert [60 * gain for gain in numbers.gain] == pytest.approx([one["ridge.penalty"].left for one in found], rel=SOLVE)


def test_without_data_the_embeddings_are_unavailable_and_a_point_says_why(monkeypatch):
    monkeypatch.delenv("W2S_DATA", raising=False)
    assert "W2S_DATA" in real_embeddings.unavailable("quick")
    real_embeddings._task.cache_clear()
    with pytest.raises(FileNotFoundError, match="W2S_DATA"):
        real_embeddings.run_one(dict(real_embeddings.SCALES["quick"][0]), rng=np.random.default_rng(0))


def test_a_task_of_the_embeddings_runs_where_they_are(real_data, monkeypatch):
    monkeypatch.setenv("W2S_DATA", str(real_data("embeddings/trec.npz").parent.parent))
    assert real_embeddings.unavailable("quick") == ""
    table = quick_table(real_embeddings, lambda params: params["task"] == "trec" and params["student"] == "ridge", 1)
    assert len(set(table["target"].tolist())) == 6
    assert np.all(_real.pick(table, control="same features")["misfit"] < 0.01)


def _rows(table):
    return [dict(zip(table, values, strict=True)) for values in zip(*(column.tolist() for column in table.values()), strict=True)]
