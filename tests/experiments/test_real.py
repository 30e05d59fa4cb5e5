"""The experiments on real representations: their laws on data that meet the hypotheses, and what they do without data."""

from __future__ import annotations

import numpy as np
import pytest

from experiments import _real, _runner, real_digits, real_embeddings
from experiments._store import columns
from tests.tolerances import STANDARD_ERRORS
from w2s_theory.problems.empirical import EmpiricalTask


def gaussian_rows(seed, *, n, d, trials, residual=None):
    """Rows of least-squares students in a Gaussian world whose target is not realizable: weak errors and target share a noise."""
    rows = []
    for rng in np.random.default_rng(seed).spawn(trials):
        strong = rng.standard_normal((n + 260, d))
        hidden = rng.standard_normal(n + 260) if residual is None else residual(strong)
        weak = np.column_stack([strong[:, 0] + strong[:, 1], hidden])
        task = EmpiricalTask(weak, strong, 2.0 * strong[:, 0] - hidden, "Gaussian", is_synthetic=True)
        params = {"student": "least squares", "control": "none", "n": n}
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


def quick_table(module, keep, trials):
    """Rows of the points of a quick grid that ``keep`` selects, made as the runner makes them."""
    rows = []
    for params in module.SCALES["quick"]:
        if keep(params) and params["trial"] < trials:
            rng = np.random.default_rng(_runner.point_seed("any", module.SEED_AXES, params))
            rows += [{"scale": "quick"} | params | row for row in module.run_one(dict(params), rng=rng)]
    return columns(rows)


def test_the_digits_show_what_the_ledger_says():
    pytest.importorskip("sklearn")
    table = quick_table(real_digits, lambda params: True, 3)
    found = real_digits.findings(table)
    assert len(found) == 7 and len({finding.claim for finding in found}) == 7
    decomposition, band = found[0], found[1]
    assert decomposition.status == "holds (derived here)" and band.status.startswith("holds but loose")
    shared = {(row["trial"], row["target"]): set() for row in _rows(table)}
    for row in _rows(_real.pick(table, where="test", control="none")):
        shared[row["trial"], row["target"]].add(round(row["weak_error"], 12))
    assert all(len(values) == 1 for values in shared.values()), "methods of a trial must share its split, whatever their n"


def test_findings_notice_a_broken_identity_and_a_broken_band():
    pytest.importorskip("sklearn")
    table = quick_table(real_digits, lambda params: True, 2)
    broken = dict(table, misfit=table["misfit"] * 1.1)
    assert real_digits.findings(broken)[0].status == "counterexample found"
    broken = dict(table, gain=table["misfit"] + 2.2 * np.sqrt(table["misfit"] * table["ceiling_error"]))
    assert real_digits.findings(broken)[1].status == "counterexample found"


def test_without_data_the_embeddings_are_unavailable_and_a_point_says_why(monkeypatch):
    monkeypatch.delenv("W2S_DATA", raising=False)
    assert "W2S_DATA" in real_embeddings.unavailable()
    real_embeddings._task.cache_clear()
    with pytest.raises(FileNotFoundError, match="W2S_DATA"):
        real_embeddings.run_one(dict(real_embeddings.SCALES["quick"][0]), rng=np.random.default_rng(0))


def test_a_task_of_the_embeddings_runs_where_they_are(real_data, monkeypatch):
    monkeypatch.setenv("W2S_DATA", str(real_data("embeddings/trec.npz").parent.parent))
    assert real_embeddings.unavailable() == ""
    table = quick_table(real_embeddings, lambda params: params["task"] == "trec" and params["student"] == "ridge", 1)
    assert len(set(table["target"].tolist())) == 6
    assert np.all(_real.pick(table, control="same features")["misfit"] < 0.01)


def _rows(table):
    return [dict(zip(table, values, strict=True)) for values in zip(*(column.tolist() for column in table.values()), strict=True)]
