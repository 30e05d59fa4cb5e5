"""The experiments on regularisation paths: numbers against heads fitted one by one, choices that must come out so, and their ledger."""

from __future__ import annotations

import numpy as np
import pytest

from experiments import _paths, _runner, penalty_paths, penalty_paths_text
from experiments._store import columns
from tests.tolerances import ROUNDING, SOLVE
from w2s_theory.problems.empirical import EmpiricalTask
from w2s_theory.quantities.gain import gain_report
from w2s_theory.students.linear import Ridge


def table_of(module, keep=lambda params: True, scale="quick"):
    """Rows of the points of a grid that ``keep`` selects, made as the runner makes them."""
    rows = []
    for params in module.SCALES[scale]:
        if keep(params):
            rng = np.random.default_rng(_runner.point_seed("any", module.SEED_AXES, params))
            rows += [{"scale": scale} | params | row for row in module.run_one(dict(params), rng=rng)]
    return columns(rows)


@pytest.fixture(scope="module")
def quick():
    pytest.importorskip("sklearn")
    return table_of(penalty_paths)


def test_a_path_has_the_numbers_of_heads_fitted_one_by_one():
    """Ridge by another solver, the report from predictions, the folds and the leave-one-out errors by leaving rows out."""
    rng = np.random.default_rng(2)
    strong = rng.standard_normal((130, 7)) + 0.5
    weak = np.column_stack([strong[:, 0] + strong[:, 1], rng.standard_normal(130)])
    labels = strong[:, 0] + rng.standard_normal((2, 130)) + 1.0
    task = EmpiricalTask(weak, strong, labels, "made up", is_synthetic=True)
    transfer, test, gold = _paths.split_parts(task, (40, 41, 49), rng=rng)
    rows = _paths.path_rows(transfer, test, gold, solve_again=True, rng=rng)
    assert [row["target_index"] for row in rows] == [0] * len(_paths.GRID) + [1] * len(_paths.GRID)
    assert {row[name] for row in rows for name in _paths.CHECKED} == {"HOLDS"}

    def student(kept, unit_of, penalty, weak=transfer.weak):
        centred = transfer.features[unit_of] - transfer.features[unit_of].mean(axis=0)
        unit = np.trace(centred.T @ centred) / 7
        return Ridge(penalty * unit).fit(transfer.features[kept], weak[kept].T)

    everything, n = np.ones(41, dtype=bool), np.arange(41)
    for point in (0, 9, 12, 21):
        penalty = float(_paths.GRID[point])
        head, ceiling = (student(everything, everything, penalty, labels) for labels in (transfer.weak, transfer.target))
        by_hand = gain_report(
            test.weak.T, head.predict(test.features), test.target.T, ceiling=ceiling.predict(test.features)
        ).numbers()
        by_hand["gold_error"] = np.mean((head.predict(gold.features) - gold.target.T) ** 2, axis=-1)
        left_out = np.empty((2, 41))
        held_out = np.empty((2, 41))
        for i in n:
            left_out[:, i] = student(n != i, everything, penalty).predict(transfer.features[i : i + 1])[:, 0]
            kept = n % _paths.FOLDS != i % _paths.FOLDS
            held_out[:, i] = student(kept, kept, penalty).predict(transfer.features[i : i + 1])[:, 0]
        by_hand["leave_one_out"] = np.mean((left_out - transfer.weak.T) ** 2, axis=-1)
        by_hand["held_out_misfit"] = np.mean((held_out - transfer.weak.T) ** 2, axis=-1)
        for t in range(2):
            row = rows[t * len(_paths.GRID) + point]
            expected = {name: float(values[t]) for name, values in by_hand.items()}
            assert {name: row[name] for name in by_hand} == pytest.approx(expected, rel=SOLVE, abs=SOLVE, nan_ok=True)


def test_the_worlds_and_the_digits_show_what_the_ledger_says(quick):
    found = penalty_paths.findings(quick)
    assert len(found) == 10 and len({finding.claim for finding in found}) == 10
    for finding in found[:2]:
        assert finding.status == "holds (derived here)" and "all HOLDS" in finding.evidence
    assert found[4].status == "holds (derived here)" and "smallest penalty in 6 of 6 splits" in found[4].evidence
    held = [finding.status == "holds (derived here)" for finding in found[5:]]
    assert held == [True, False, True, True, False]


@pytest.mark.parametrize("position", [0, 1])
def test_findings_notice_a_violated_and_an_undecided_check(quick, position):
    name = _paths.CHECKED[position]
    for verdict, status in (("VIOLATED", "counterexample found"), ("INCONCLUSIVE", "not attempted (undecided in")):
        broken = np.where((quick["task"] == "digits, 2×2 teacher") & (quick[name] != ""), verdict, quick[name].astype(object))
        finding = penalty_paths.findings(quick | {name: broken})[position]
        assert finding.status.startswith(status) and verdict in finding.evidence


def test_findings_notice_a_choice_that_shrinks_too_much_or_costs_nothing(quick):
    """The digits with another criterion in the place of leave-one-out."""
    best = penalty_paths.findings(quick | {"leave_one_out": quick["student_error"]})
    assert best[5].status.startswith("not attempted") and best[6].status == "holds (derived here)"
    assert best[7].status == "counterexample found"  # the gold rows can't beat the oracle
    assert penalty_paths.findings(quick | {"leave_one_out": -quick["penalty"]})[5].status == "counterexample found"
    same = penalty_paths.findings(quick | {"gold_error": quick["leave_one_out"], "flow_gain": quick["gain"]})
    assert same[7].status.startswith("not attempted") and same[9].status == "holds (derived here)"


def test_the_largest_pgr_is_bought_with_a_bad_ceiling(quick):
    """In the world of noise; with a ceiling of one quality for all penalties it is where the gain is."""
    noise = {name: column[quick["task"] == "synthetic, errors are noise"] for name, column in quick.items()}
    assert _paths.recovered(noise, "noise", "").status == "counterexample found"
    assert _paths.recovered(noise | {"pgr": noise["gain"] / noise["weak_error"]}, "noise", "").status == "holds (derived here)"
    nowhere = np.where(noise["trial"] == 0, np.nan, noise["pgr"])
    assert "on 5 of 6 paths" in _paths.recovered(noise | {"pgr": nowhere}, "noise", "").evidence


def test_the_shared_error_is_what_separates_fitting_the_weak_labels_from_gaining(quick):
    curves = _paths.paths(quick)
    by_shared = 2.0 * (curves["weak_error"] - curves["shared_error"]) - curves["misfit"]
    np.testing.assert_allclose(by_shared, curves["gain"], atol=ROUNDING)
    noise, linear = (
        np.ptp(curves["shared_error"][curves["task"][:, 0] == name], axis=1).max() / penalty_paths.WEAK_ERROR
        for name in ("synthetic, errors are noise", "synthetic, errors linear")
    )
    # Noise: what 1000 test rows leave of a zero. Linear: from the whole weak error, where the student is the teacher, to about 0.
    assert noise < 0.3 < 0.9 < linear


def test_a_choice_is_made_within_its_own_path():
    table = {name: np.tile(_paths.GRID, 3) for name in ("penalty", "student_error", "residual", "gain")} | {
        "gcv": np.concatenate([np.abs(np.arange(len(_paths.GRID)) - best) for best in (4, 0, 21)])
    }
    np.testing.assert_array_equal(_paths.chosen(table, "GCV", "penalty"), _paths.GRID[[4, 0, 21]])
    np.testing.assert_array_equal(_paths.chosen(table, "oracle", "gain"), _paths.GRID[[0, 0, 0]])


def test_the_picture_shows_every_task_and_every_choice(quick):
    pytest.importorskip("matplotlib")
    from figures._style import style
    from figures.penalty_paths import draw

    with style():
        figure = draw(quick)
        figure.draw_without_rendering()
    panels = figure.axes
    assert [panel.get_title(loc="left").replace("\n", " ") for panel in panels[:5]] == list(dict.fromkeys(quick["task"].tolist()))
    rows = {name: column[quick["task"] == "synthetic, errors linear"] for name, column in quick.items()}
    drawn = {line.get_label(): line for line in panels[2].get_lines()}
    for name in _paths.CRITERIA:
        assert drawn[name].get_ydata()[0] == pytest.approx(_paths.chosen(rows, name, "gain").mean())
    np.testing.assert_allclose(drawn["gain"].get_ydata(), _paths.paths(rows)["gain"].mean(axis=0))


def test_without_data_the_texts_are_unavailable_and_a_point_says_why(monkeypatch):
    monkeypatch.delenv("W2S_DATA", raising=False)
    assert "W2S_DATA" in penalty_paths_text.unavailable("quick")
    penalty_paths_text._task.cache_clear()
    with pytest.raises(FileNotFoundError, match="W2S_DATA"):
        penalty_paths_text.run_one(dict(penalty_paths_text.SCALES["quick"][0]), rng=np.random.default_rng(0))


def test_a_task_of_the_texts_runs_where_they_are(real_data, monkeypatch):
    monkeypatch.setenv("W2S_DATA", str(real_data("embeddings/trec.npz").parent.parent))
    assert penalty_paths_text.unavailable("quick") == ""
    table = table_of(penalty_paths_text, lambda params: params["task"] == "trec" and params["trial"] < 2)
    assert len(set(table["target"].tolist())) == 6
    assert [finding.status for finding in penalty_paths_text.findings(table)[:2]] == ["holds (derived here)"] * 2
