"""The gap of refinement against its closed forms: the pipeline where the law holds, the estimated geometry, and the findings."""

from __future__ import annotations

import numpy as np
import pytest

from experiments import _runner
from experiments import refinement_gap_real as gap
from experiments._store import columns
from experiments._tables import pick
from tests.experiments.made import changed, finding
from tests.tolerances import ROUNDING, STANDARD_ERRORS
from w2s_theory.montecarlo import mean_estimate
from w2s_theory.problems.empirical import EmpiricalTask

#: Features of the Gaussian task, its splits as it is, and its splits under other conditions.
D, TRIALS, OTHERS = 8, 12, 5


def table_of(trials, conditions, task="emobank"):
    """Rows of the points of a grid, made as the runner makes them."""
    rows = []
    for condition in conditions:
        for trial in range(trials):
            params = {"task": task, "condition": condition, "trial": trial}
            rng = np.random.default_rng(_runner.point_seed("any", gap.SEED_AXES, params))
            rows += [{"scale": "quick"} | params | row for row in gap.run_one(params, rng=rng)]
    return columns(rows)


@pytest.fixture(scope="module")
def gaussian():
    """In the place of emobank: Gaussian features, two concepts that are heads (two have exact laws), and a weak model that sees
    mixtures."""
    rng = np.random.default_rng(0)
    size = 6000
    features = rng.standard_normal((size, D))
    gold = features[:, :2].T + 0.4 * rng.standard_normal((2, size))
    seen = np.column_stack([features[:, :2] + 0.7 * features[:, 4:6], 1.2 * rng.standard_normal((size, 2))])
    task = EmpiricalTask(seen, features, gold, "Gaussian", is_synthetic=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gap, "_reduced", lambda name: task)
        patch.setitem(gap.TASKS, "emobank", ("left", "right"))
        patch.setitem(gap.ROWS, "emobank", (400, 200, 400, 5000))
        tables = table_of(TRIALS, gap.CONDITIONS[:1]), table_of(OTHERS, gap.CONDITIONS[1:])
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}


@pytest.mark.parametrize("kind", gap.KINDS)
def test_on_gaussian_features_every_kind_of_gap_follows_its_closed_form(gaussian, kind):
    rows = pick(gaussian, condition=gap.AS_IT_IS)
    for n in (1, 64):
        at = pick(rows, n=n)
        off = np.array([np.mean((at[f"{kind}gap"] - at[f"{kind}law"])[at["trial"] == t]) for t in range(TRIALS)])
        stderr = np.std(off, ddof=1) / np.sqrt(len(off))
        assert abs(np.mean(off)) < STANDARD_ERRORS * stderr
        assert stderr < 0.1 * abs(np.mean(at[f"{kind}law"])), "a law 10 % off by its own size is within a standard error or so"


def test_against_gold_labels_the_gap_has_a_cross_term_more_and_the_head_s_own_error_cancels(gaussian):
    assert np.allclose(gaussian["gold_gap"], gaussian["gap"] + gaussian["cross"], atol=ROUNDING)
    assert np.min(gaussian["own_error"]) > 0.0


def test_a_poor_head_is_worse_than_the_weak_model_and_half_way_another_concept_is_the_nearest(gaussian):
    poor, far = (pick(gaussian, condition=condition) for condition in ("poor strong head", "past half-way"))
    plain = pick(gaussian, condition=gap.AS_IT_IS, n=16)
    assert np.all(far["limit"] > 0.0) and np.all(plain["limit"] == 0.0)
    assert np.mean(far["gap"]) < 0.0 < np.mean(plain["gap"]), "beyond half-way refinement loses, before it wins"
    assert np.mean(poor["own_error"]) > np.mean(plain["own_error"])
    assert np.mean(pick(gaussian, condition="flat belief")["refined"]) > 2.0 * np.mean(plain["refined"])


def test_the_estimated_world_has_no_bias_by_the_number_of_coefficients():
    rng = np.random.default_rng(1)
    m, d, noise, draws = 120, 30, 0.9, 400
    concepts, weak, truth = np.eye(2, d), np.zeros(d), np.zeros(d)
    weak[[0, 4]], truth[[0, 4, 5]] = (0.8, 0.5), (1.0, 0.6, 0.3)
    found = []
    for _ in range(draws):
        features, shared = rng.standard_normal((m, d)), noise * rng.standard_normal(m)
        gold = features @ truth + 0.5 * shared
        made = gap.estimated_world(features, concepts @ features.T, features @ weak + shared, gold, 0.7, aligned=0)
        on_gold = float(made.on_gold.weak @ made.on_gold.truth)
        found.append((made.world.weak_error, made.world.weak_noise**2, on_gold))
    true = np.array([np.sum((weak - concepts[0]) ** 2), noise**2, weak @ truth])
    # Left in the span of the two concepts: τ²K/m of a squared length, half as much of a product with half the noise. Nothing of τ².
    true += np.array([1.0, 0.0, 0.5]) * noise**2 * 2 / m
    mean, stderr = np.mean(found, axis=0), np.std(found, axis=0) / np.sqrt(draws)
    assert np.all(np.abs(mean - true) < STANDARD_ERRORS * stderr)
    assert np.all(STANDARD_ERRORS * stderr < 0.1 * true)
    assert np.all(STANDARD_ERRORS * stderr[[0, 2]] < noise**2 * np.array([1.0, 0.5]) * (d - 2) / m), (
        "the bias would have been seen"
    )


def test_findings_on_the_gaussian_task_agree_with_the_law(gaussian):
    found = gap.findings(gaussian)
    assert len(found) == 9 and all(each.claim.startswith("emobank") for each in found)
    assert [each.status[:8] for each in found[:4]] == ["observed"] * 4, "\n".join(f"{e.status} {e.evidence}" for e in found)
    assert finding(gap, gaussian, "past half-way").status.startswith("observed")
    assert finding(gap, gaussian, "negative control").status.startswith("observed")


@pytest.mark.parametrize(
    ("words", "column", "where", "change", "status"),
    [
        ("unlimited answers, the concept meant as truth)", "gap", {"condition": "as it is"}, lambda v: 2.0 * v, "not reproduced"),
        ("unlimited answers, gold labels", "gold_gap", {"condition": "as it is"}, lambda v: 3.0 * v, "not reproduced"),
        ("as many drawn answers", "drawn_gap", {"condition": "as it is"}, lambda v: 2.0 * v, "not reproduced"),
        ("either error", "naive", {"condition": "as it is"}, lambda v: 1.5 * v, "not reproduced"),
        ("past half-way", "gap", {"condition": "past half-way"}, lambda v: -v, "not reproduced"),
        ("past half-way", "gap", {"condition": "past half-way", "trial": (0, 1)}, lambda v: -v, "not attempted"),
        ("negative control", "identified", {"condition": "shuffled labels"}, lambda v: 2.5 * v, "not reproduced"),
    ],
)
def test_findings_notice_what_does_not_hold(gaussian, words, column, where, change, status):
    table = changed(gaussian, change, column, **where)
    assert next(each for each in gap.findings(table) if words in each.claim).status.startswith(status)


def test_one_split_decides_no_sign(gaussian):
    found = gap.findings(pick(gaussian, trial=0))
    assert finding(gap, pick(gaussian, trial=0), "past half-way").status.startswith("not attempted")
    assert "of the 0 cells" in found[0].evidence
    assert gap.cells(pick(gaussian, trial=0, condition="as it is"))[0].gap.high == np.inf


def test_a_cell_is_the_mean_over_splits_of_one_concept_and_one_n(gaussian):
    rows = pick(gaussian, condition=gap.AS_IT_IS)
    cell = gap.cells(rows)[1]
    at = pick(rows, concept=cell.concept, n=cell.n)
    assert cell.n == gap.EXAMPLES[1] and len(at["gap"]) == TRIALS
    assert cell.off.value == pytest.approx(np.mean(at["gap"]) - np.mean(at["law"]), abs=ROUNDING)
    assert cell.gap.high == mean_estimate(at["gap"]).high


def test_the_emotions_run_where_they_are(real_data, monkeypatch):
    monkeypatch.setenv("W2S_DATA", str(real_data("text/emobank.csv.gz").parent.parent))
    real_data("embeddings/trec.npz")
    rows = table_of(1, ("past half-way",))
    for error in ("naive", "refined"):
        assert np.mean(rows[error]) == pytest.approx(np.mean(rows[f"law_{error}"]), rel=0.5), "the right size, on one split"
    assert np.all((rows["identified"] >= 0.0) & (rows["identified"] <= 1.0))
    assert gap._reduced("trec").labels.shape == (6, 1500)
