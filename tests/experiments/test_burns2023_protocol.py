"""The protocol experiment: splits that share their test rows, the rows of a small point, and every status its findings can have."""

from __future__ import annotations

import numpy as np
import pytest

from experiments import _protocol
from experiments import burns2023_protocol as experiment
from experiments._store import columns
from tests.tolerances import ROUNDING
from w2s_theory.problems.classification import ClassificationTask

#: What the allowance for few points widens an interval over thousands of them by, at most: a tenth would be seen.
ALLOWED = 1.02
WEAK_ROWS, TRANSFER_ROWS, TEST_ROWS, SPLITS = 40, 90, 50, 2


@pytest.fixture(scope="module")
def task():
    """Three models of growing strength, three classes."""
    rng = np.random.default_rng(20231214)
    strong = rng.normal(size=(200, 6))
    labels = np.argmax(strong @ rng.normal(size=(6, 3)) + 0.3 * rng.gumbel(size=(200, 3)), axis=1)
    return ClassificationTask((strong[:, :2] + 0.5 * rng.normal(size=(200, 2)), strong[:, :3], strong), labels, "made up", True)


@pytest.fixture(scope="module")
def rows(task):
    sizes = (WEAK_ROWS, TRANSFER_ROWS, TEST_ROWS)
    return experiment.measure(task, sizes, SPLITS, rng=np.random.default_rng(3))


def test_splits_share_their_test_rows_and_deal_the_others_anew_with_every_class_in_its_share(task):
    splits = list(experiment.splits_of(task, (WEAK_ROWS, TRANSFER_ROWS, TEST_ROWS), 5, rng=np.random.default_rng(3)))
    pool = set(np.concatenate(splits[0][:2]).tolist())
    shares = np.bincount(task.labels) / task.size
    for split in splits:
        assert np.array_equal(split.test, splits[0].test) and set(np.concatenate(split[:2]).tolist()) == pool
        assert [len(part) for part in split] == [WEAK_ROWS, TRANSFER_ROWS, TEST_ROWS] and not pool & set(split.test.tolist())
        assert np.all(np.abs(np.bincount(task.labels[split.weak], minlength=3) - WEAK_ROWS * shares) <= 2.0)
    assert len({tuple(sorted(split.weak.tolist())) for split in splits}) == 5


def test_a_point_has_a_row_for_every_method_ceiling_and_metric(rows):
    keys = {(row["method"], row["ceiling"], row["metric"]) for row in rows}
    methods = [*experiment.METHODS, *experiment.CONTROLS]
    assert keys == {
        (method, ceiling, metric) for method in methods for ceiling in ("transfer", "weak") for metric in experiment.METRICS
    }
    assert len(rows) == len(keys)


def test_rows_agree_with_themselves(rows):
    for row in rows:
        sign = 1.0 if row["metric"] == "accuracy" else -1.0
        assert row["gain"] == pytest.approx(sign * (row["student_value"] - row["weak_value"]), abs=ROUNDING)
        assert row["gap"] == pytest.approx(sign * (row["ceiling_value"] - row["weak_value"]), abs=ROUNDING)
        assert row["gain"] == pytest.approx(row["misfit"] + row["residual"], abs=ROUNDING)
        assert row["is_refused"] or row["pgr"] == pytest.approx(row["gain"] / row["gap"])
        assert (
            row["gain_low"] <= row["gain"] <= row["gain_high"]
            and row["agreement_low"] <= row["agreement"] <= row["agreement_high"]
        )
        if row["metric"] == "accuracy":
            assert row["agreement"] == pytest.approx(1.0 - row["misfit"], abs=ROUNDING)
            right = row["student_right"] - row["weak_right"]
            assert row["gain"] == pytest.approx(row["misfit"] * right, abs=ROUNDING)
        if row["method"] != "naive":
            naive = next(
                r for r in rows if r["method"] == "naive" and (r["metric"], r["ceiling"]) == (row["metric"], row["ceiling"])
            )
            assert row["over_naive"] == pytest.approx(sign * (row["student_value"] - naive["student_value"]), abs=ROUNDING)
        assert row["kept"] == (0.9 if row["method"] == "filtered" else 1.0)


def test_methods_differ_and_controls_have_their_own_teachers(rows):
    shown = {row["method"]: row for row in rows if row["metric"] == "cross_entropy" and row["ceiling"] == "transfer"}
    assert len({round(shown[method]["student_value"], 9) for method in experiment.METHODS}) == len(experiment.METHODS)
    teachers = {method: row["weak_value"] for method, row in shown.items()}
    assert all(teachers[method] == teachers["naive"] for method in [*experiment.METHODS, "same features"])
    assert teachers["permuted labels"] > teachers["naive"] and teachers["random teacher"] > teachers["naive"]
    assert shown["naive"]["over_prior"] > max(shown[control]["over_prior"] for control in ("permuted labels", "random teacher"))


def test_one_split_interval_of_a_difference_is_the_paired_t_interval_over_test_rows():
    """Two models, many points, so that the interval's allowance for few of them is small; one split. Student's t on differences, by scipy."""
    stats = pytest.importorskip("scipy.stats")
    rng, n = np.random.default_rng(5), 4000
    gold = rng.integers(0, 3, size=n)
    first, second = (rng.dirichlet(np.full(3, 4.0), size=n)[None] for _ in range(2))
    ours = experiment.contrast("cross_entropy", first, second, gold)
    scores = np.log(second[0, np.arange(n), gold]) - np.log(first[0, np.arange(n), gold])
    assert ours.value == pytest.approx(scores.mean(), rel=1e-9)
    half = 0.5 * np.diff(stats.t.interval(0.95, n - 1, loc=0.0, scale=stats.sem(scores)))[0]
    assert 1.0 - 1e-9 <= (ours.high - ours.value) / half < ALLOWED and ours.high - ours.value == pytest.approx(
        ours.value - ours.low
    )
    losses = -np.log(first[0, np.arange(n), gold])
    value = experiment.value_of("cross_entropy", first, gold)
    half = 0.5 * np.diff(stats.t.interval(0.95, n - 1, loc=0.0, scale=stats.sem(losses)))[0]
    assert value.value == pytest.approx(losses.mean()) and 1.0 - 1e-9 <= (value.high - value.value) / half < ALLOWED


# ---- findings -----------------------------------------------------------------------------------------------------------------------

#: A made world: the student gains 0.1 of a gap of 0.2 on both tasks; controls do nothing.
BASE = {
    **{f"{name}{end}": 0.0 for name in ("over_naive", "over_prior", "ceilings_apart") for end in ("", "_low", "_high")},
    **{"over_weak": 0.1, "over_weak_low": 0.04, "over_weak_high": 0.16},
    **{"gain": 0.1, "gain_low": 0.05, "gain_high": 0.15, "pgr": 0.5, "pgr_low": 0.2, "pgr_high": 0.9, "is_refused": False},
    **{"misfit": 0.2, "student_right": 0.7, "weak_right": 0.2, "gain_to_ceiling": 0.19, "splits": 3, "n_test": 50},
    **{"agreement": 0.8, "agreement_low": 0.7, "agreement_high": 0.9},
}


def made(*changes):
    """The table of the made world on two tasks; each change is (which rows, new values)."""
    rows = []
    for task in ("first", "second"):
        for method in [*experiment.METHODS, *experiment.CONTROLS]:
            for ceiling in ("transfer", "weak"):
                for metric in experiment.METRICS:
                    row = BASE | {"task": task, "method": method, "ceiling": ceiling, "metric": metric}
                    row["is_control"] = method in experiment.CONTROLS
                    if method == "same features":
                        row |= {"gain": 0.0, "gain_low": -0.01, "gain_high": 0.01, "misfit": 0.0}
                    for where, values in changes:
                        if all(row[name] == value for name, value in where.items()):
                            row |= values
                    rows.append(row)
    return columns(rows)


def finding(table, start):
    found = [each for each in experiment.findings(table) if each.claim.startswith(start)]
    assert len(found) == 1, [each.claim for each in experiment.findings(table)]
    return found[0]


BETTER, WORSE = (dict(zip(("", "_low", "_high"), values, strict=True)) for values in ((0.1, 0.02, 0.2), (-0.1, -0.2, -0.02)))


def named(name, ends):
    return {f"{name}{end}": value for end, value in ends.items()}


NOTHING = {"gain": 0.0, "over_weak_low": -0.1, "over_weak_high": 0.1, "student_right": 0.2}


@pytest.mark.parametrize(
    ("start", "changes", "status"),
    [
        ("PGR means something", [], "not attempted (no PGR is refused)"),
        ("PGR means something", [({"task": "first"}, {"is_refused": True})], "observed here"),
        ("a naive student beats its weak teacher (Burns et al.), by accuracy", [], "reproduced, with changes"),
        (
            "a naive student beats its weak teacher (Burns et al.), by accuracy",
            [({"task": "first"}, NOTHING)],
            "observed here (on 1 of 2",
        ),
        ("a naive student beats its weak teacher (Burns et al.), by accuracy", [({}, NOTHING)], "not attempted (too few"),
        (
            "a naive student beats its weak teacher (Burns et al.), by accuracy",
            [({}, NOTHING), ({"task": "first"}, named("over_weak", WORSE))],
            "not reproduced",
        ),
        (
            "a naive student beats its weak teacher (Burns et al.), by accuracy",
            [({"task": "first"}, named("over_weak", WORSE))],
            "not reproduced (both ways: better on 1, worse on 1 of 2",
        ),
        (
            "a naive student beats its weak teacher (Burns et al.), by cross-entropy",
            [({"metric": "cross_entropy"}, NOTHING)],
            "not att",
        ),
        (
            "bootstrapping",
            [],
            "not attempted (no difference told from noise: beyond the joint 95 % intervals better in 0, worse in 0 of 4",
        ),
        (
            "bootstrapping",
            [({"method": "chain"}, named("over_naive", BETTER))],
            "observed here (helps: beyond the joint 95 % intervals better in 4",
        ),
        ("bootstrapping", [({"method": "chain", "task": "first"}, named("over_naive", WORSE))], "observed here (hurts: "),
        (
            "bootstrapping",
            [({"task": "first"}, named("over_naive", WORSE)), ({"task": "second"}, named("over_naive", BETTER))],
            "observed here (both ways",
        ),
        ("the two published ceilings", [], "not attempted (no difference told"),
        ("the two published ceilings", [({}, named("ceilings_apart", BETTER))], "observed here (they are not)"),
        ("gain in accuracy", [], "holds (derived here)"),
        ("gain in accuracy", [({"method": "chain"}, {"misfit": 0.22})], "counterexample found"),
        ("reverse-KL student", [], "reproduced, with changes"),
        ("reverse-KL student", [({"method": "reverse KL"}, {"gain_to_ceiling": 0.1})], "not reproduced (outside"),
        ("negative control, permuted labels", [], "observed here (as it should be)"),
        (
            "negative control, permuted labels",
            [({"method": "permuted labels", "metric": "cross_entropy"}, named("over_prior", BETTER))],
            "not reproduced (a control fails)",
        ),
        (
            "negative control, random teacher",
            [({"method": "random teacher"}, named("over_prior", BETTER))],
            "not reproduced (a control fails)",
        ),
        ("negative control, a student that sees", [], "observed here (as it should be)"),
        (
            "negative control, a student that sees",
            [({"method": "same features"}, {"gain": 0.02})],
            "not reproduced (a control fails)",
        ),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else str(len(value)),
)
def test_every_status_is_reached_by_the_numbers_that_deserve_it(start, changes, status):
    assert finding(made(*changes), start).status.startswith(status)


def test_all_intervals_that_decide_a_status_cover_together():
    comparisons = len(experiment.TASKS) * len(experiment.METRICS)
    assert set(_protocol.SAYS) == set(experiment.METHODS) - {"naive"} and set(_protocol.IGNORANT) < set(experiment.CONTROLS)
    for level, count in (
        (_protocol.TRICKS, 6 * comparisons),
        (_protocol.NAIVE, comparisons),
        (_protocol.CONTROLLED, 2 * comparisons),
        (_protocol.CEILINGS, len(experiment.TASKS)),
    ):
        assert 1.0 - (1.0 - level) * count == pytest.approx(0.95)


def test_refused_pgrs_are_counted_and_named():
    refused = {"is_refused": True, "pgr_low": -np.inf, "pgr_high": np.inf, "pgr": np.nan}
    table = made(({"task": "first", "metric": "accuracy", "ceiling": "weak"}, refused))
    line = finding(table, "PGR means something")
    count = len(experiment.METHODS)
    assert (
        f"{count} of {8 * count} PGRs refused: first (accuracy, ceiling from weak rows); half" in line.evidence
        and "0.70" in line.evidence
    )
    assert "against refused; second 0.50 [0.20, 0.90] against 0.50" in finding(table, "the two published ceilings").evidence
    everything = finding(made(({}, refused)), "PGR means something").evidence
    assert f"{8 * count} of {8 * count} PGRs refused" in everything and "half" not in everything


def test_the_picture_has_a_column_per_task_of_the_table(rows):
    pytest.importorskip("matplotlib")
    from figures._style import style
    from figures.burns2023_protocol import draw

    assert [params["task"] for params in experiment.SCALES["quick"]] == ["digits"]
    for tasks in (["digits"], list(experiment.TASKS)):
        table = columns([{"task": task, "splits": SPLITS} | row for task in tasks for row in rows])
        with style():
            figure = draw(table)
            figure.draw_without_rendering()
        assert len(figure.axes) == 3 * len(tasks)


def test_the_texts_are_missed_by_name(monkeypatch, tmp_path):
    monkeypatch.delenv("W2S_DATA", raising=False)
    assert "set the environment variable W2S_DATA" in experiment.unavailable("full")
    assert experiment.unavailable("quick") == ""
    (tmp_path / "embeddings").mkdir()
    (tmp_path / "embeddings" / "sst2.npz").touch()
    monkeypatch.setenv("W2S_DATA", str(tmp_path))
    assert experiment.unavailable("full") == "W2S_DATA/embeddings lacks trec.npz, openai_moderation.npz"
