"""The map of weak layer × strong layer: its heads against scikit-learn's, its splits, and what is said of made tables."""

from __future__ import annotations

import numpy as np
import pytest

from experiments import layer_map
from experiments.layer_map import APART, PENALTIES, cells, findings, fitted, kinds, measure, signs, split_groups
from tests.experiments.made import changed, finding, statuses
from tests.tolerances import SOLVE
from w2s_theory.design.folds import FOLDS
from w2s_theory.embeddings.tasks import standardised


def sample(n=50, d=6, tasks=3, seed=0):
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((n, d)) @ rng.standard_normal((d, d)) + 2.0
    heads = rng.standard_normal((d, tasks)) * np.geomspace(0.02, 1.0, tasks)
    return features, features @ heads + 3.0 * rng.standard_normal((n, tasks))


def brute(features, labels, groups, folds):
    """The penalty in units of the mean eigenvalue with the least error on rows left out, and that head's predictions."""
    linear = pytest.importorskip("sklearn.linear_model")
    unit, errors = features.var(axis=0).mean(), np.zeros((len(PENALTIES), labels.shape[1]))
    for fold in np.unique(folds):
        out = folds == fold
        rows = len(features) if len(np.unique(groups)) == len(groups) else np.sum(~out)
        for place, penalty in enumerate(PENALTIES):
            head = linear.Ridge(alpha=penalty * unit * rows).fit(features[~out], labels[~out])
            errors[place] += np.sum((head.predict(features[out]) - labels[out]) ** 2, axis=0)
    found = PENALTIES[np.argmin(errors, axis=0)]
    head = linear.Ridge(alpha=found * unit * len(features)).fit(features, labels)
    return found, head.predict(features[:5] + 1.0)


@pytest.mark.parametrize("grouped", [False, True])
def test_heads_and_penalties_are_those_of_leaving_out_by_brute_force(grouped):
    features, labels = sample()
    groups = np.repeat(np.arange(10), 5) if grouped else np.arange(50)
    predict, penalties = fitted(features, labels, groups)
    expected, predictions = brute(features, labels, groups, groups % FOLDS if grouped else groups)
    np.testing.assert_allclose(penalties, expected, rtol=1e-12)
    assert len(set(penalties)) > 1
    np.testing.assert_allclose(predict(features[:5] + 1.0), predictions, rtol=0, atol=SOLVE * np.abs(labels).max())


def test_rows_of_a_group_stay_together_and_parts_have_their_size():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(400), rng.integers(1, 8, 400))
    split = split_groups(groups, rng=rng)
    parts = [set(groups[rows]) for rows in split]
    assert not (parts[0] & parts[1] or parts[0] & parts[2] or parts[1] & parts[2])
    n = len(groups)
    for rows, wanted in zip(split, (min(400, n // 4), n // 2, n // 4), strict=True):
        assert abs(len(rows) - wanted) <= 7
    alone = split_groups(np.arange(1000), rng=rng)
    assert [len(rows) for rows in alone] == [250, 500, 250]
    assert len(np.unique(np.concatenate(alone))) == 1000


def test_a_cell_holds_what_its_heads_do():
    features, labels = sample(n=400, d=5, tasks=2)
    rng = np.random.default_rng(1)
    strong = {0: features, 1: np.hstack([features, rng.standard_normal((400, 3))])}
    labels, groups = standardised(labels.T), np.arange(400)
    split = split_groups(groups, rng=rng)
    rows = measure({"layer 0": features}, strong, labels, groups, split)
    assert [(row["weak"], row["strong"]) for row in rows] == [("layer 0", 0), ("layer 0", 1)]
    weak, _ = fitted(features[split.weak], labels[:, split.weak].T, groups[split.weak])
    student, _ = fitted(strong[1][split.transfer], weak(features[split.transfer]), groups[split.transfer])
    ceiling, _ = fitted(strong[1][split.transfer], labels[:, split.transfer].T, groups[split.transfer])
    gold, at_test = labels[:, split.test].T, (weak(features[split.test]), student(strong[1][split.test]))
    assert rows[1]["weak_error"] == pytest.approx(np.mean((at_test[0] - gold) ** 2), rel=1e-9)
    assert rows[1]["misfit"] == pytest.approx(np.mean((at_test[0] - at_test[1]) ** 2), rel=1e-6)
    assert rows[1]["gain"] == pytest.approx(np.mean((at_test[0] - gold) ** 2 - (at_test[1] - gold) ** 2), rel=1e-6)
    assert rows[1]["ceiling_error"] == pytest.approx(np.mean((ceiling(strong[1][split.test]) - gold) ** 2), rel=1e-9)
    assert abs(rows[0]["gain"]) < 1e-3  # a student on its teacher's own features


# ---- findings -----------------------------------------------------------------------------------------------------------------------

TASKS, TEACHERS, LAYERS, TRIALS = ("trec", "hatecheck", APART), ("layer 0", "layer 1", "layer 2", "tf-idf"), (0, 1, 2), 8


@pytest.fixture
def table():
    """Gains of 0.05 per layer above layer 0 with as much misfit, nothing on the diagonal, a loss below; ceilings that fall with the layer."""
    rng, rows = np.random.default_rng(0), []
    for task in TASKS:
        for trial in range(TRIALS):
            for weak, name in enumerate(TEACHERS):
                for strong in LAYERS:
                    above = strong + 1 if name == "tf-idf" else strong - weak
                    noise = 1e-3 * rng.standard_normal(3)
                    numbers = {"gain": 0.05 * above + noise[0] * (above != 0), "misfit": 0.1 * abs(above) + abs(noise[1])}
                    ceiling = 0.6 - 0.1 * strong + noise[2] - 0.2 * (task == APART)
                    rows.append(
                        {"task": task, "trial": trial, "weak": name, "strong": strong, "n_test": 100, "weak_error": 0.8}
                        | numbers
                        | {"ceiling_error": ceiling}
                    )
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def test_cells_and_their_kinds_are_where_they_belong(table):
    gain = cells(table, "trec", "gain").mean(axis=2)
    np.testing.assert_allclose(gain[:3], [[0, 0.05, 0.1], [-0.05, 0, 0.05], [-0.1, -0.05, 0]], atol=0.002)
    assert {name: int(mask.sum()) for name, mask in kinds(table).items()} == {"lower": 3, "same": 3, "higher": 3, "other": 3}
    assert np.array_equal(signs(table, "trec"), np.sign(np.round(gain, 2)))


def test_what_theory_promises_is_found_where_it_is_there(table):
    assert statuses(layer_map, table) == [
        "observed here (as it should be)",
        "reproduced, with changes",
        "reproduced, with changes",
        "observed here (on every task)",
        "observed here (on every task)",
        "observed here",
    ]
    assert "most +0.1" in finding(layer_map, table, "lower layer").evidence


def test_a_control_that_gains_is_noticed(table):
    wrong = changed(table, lambda gain: gain + 0.02, "gain", weak="layer 1", strong=1)
    assert finding(layer_map, wrong, "negative control").status == "not reproduced (a control fails)"


def test_losses_are_counted_as_what_they_are(table):
    both = changed(table, lambda gain: -gain, "gain", weak="layer 0", task="trec")
    assert finding(layer_map, both, "lower layer").status.startswith("not reproduced (both ways: 7 above, 2 below")
    assert finding(layer_map, both, "realizability").status == "not reproduced (see the evidence)"
    turned = changed(table, lambda gain: -gain, "gain", task="trec")
    assert finding(layer_map, turned, "rises with the misfit").status.startswith("not reproduced (on 2 of 3")
    none = changed(table, lambda gain: -np.abs(gain), "gain")
    assert finding(layer_map, none, "lower layer").status == "not reproduced"
    rng = np.random.default_rng(1)
    noisy = changed(table, lambda gain: gain + rng.standard_normal(len(gain)), "gain")
    assert finding(layer_map, noisy, "another model").status.startswith("not attempted (no cell told from 0)")
    one = changed(
        noisy, lambda gain: np.full(len(gain), 0.3) + 1e-3 * rng.standard_normal(len(gain)), "gain", weak="tf-idf", strong=2
    )
    assert finding(layer_map, one, "another model").status == "observed here (in 3 of 9 cells)"


def test_templates_that_make_no_difference_are_not_called_one(table):
    together = table["ceiling_error"][table["task"] == "hatecheck"]
    same = table | {"ceiling_error": table["ceiling_error"].copy()}
    same["ceiling_error"][table["task"] == APART] = together
    assert finding(layer_map, same, "templ").status == "not attempted (no difference told)"
    other = changed(table, lambda error: error + 0.5, "ceiling_error", task=APART)
    assert finding(layer_map, other, "templ").status == "not reproduced"


def test_few_splits_decide_nothing(table):
    few = {name: column[table["trial"] < 3] for name, column in table.items()}
    assert all("too few splits" in status for status in statuses(layer_map, few)[1:])
    assert len(findings(few)) == 6


def test_without_data_the_grid_says_why(monkeypatch):
    monkeypatch.delenv("W2S_DATA", raising=False)
    assert layer_map.unavailable("full")


def test_a_map_is_drawn(table):
    pytest.importorskip("matplotlib")
    from figures.layer_map import draw

    figure = draw(table)
    assert len(figure.axes) >= 9
