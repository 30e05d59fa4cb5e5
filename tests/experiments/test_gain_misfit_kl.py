"""Gain against KL misfit: students of which theory speaks, a small made-up task, and findings that can come out otherwise."""

from __future__ import annotations

import numpy as np
import pytest

from experiments import _gain_misfit as lines
from experiments import _runner
from experiments import gain_misfit_kl as experiment
from experiments._store import columns
from experiments._tables import pick
from tests.tolerances import ROUNDING
from w2s_theory.problems.classification import ClassificationTask

CROSS_ENTROPY, HULL, SINGLE = experiment.CROSS_ENTROPY, experiment.HULL, experiment.SINGLE
FORWARD, REVERSE, MIXTURE = experiment.FORWARD, experiment.REVERSE, experiment.MIXTURE
#: What a made table says unless told otherwise: gain and misfit by control, in nats.
LEVELS = {"none": (0.02, 0.1), "same features": (0.0, 0.001), "permuted labels": (1.0, 1.0), "random teacher": (2.0, 2.0)}


def made(change=lambda row: {}, *, splits=6, spread=0.001):
    """Synthetic rows in which theory holds, and real rows as in ``LEVELS``, each overwritten by what ``change(row)`` returns."""
    rows = []

    def add(trial, gain, misfit, **values):
        gain += spread * (trial - (splits - 1) / 2) / splits
        row = {"scale": "full", "trial": trial, "mixed": False, "gap": 0.0, "weak_error": 1.0, "gain": gain, "misfit": misfit}
        row |= {"weak_accuracy": 0.7, "student_accuracy": 0.72, "ceiling_accuracy": 0.9, "class_entropy": 1.2} | values
        row |= change(row)
        row |= {name: row[name] + 1e-6 * trial for name in ("gain", "misfit")}  # intervals ask for numbers that vary
        row |= {name: row[name] - 1e-6 * trial**2 for name in ("gain", "student_error") if name in row}
        row |= {
            "student_error": row.get("student_error", row["weak_error"] - row["gain"]),
            "residual": row["gain"] - row["misfit"],
        }
        rows.append({"identity": "HOLDS", "identity_gap": 1e-16} | row)

    for trial in range(splits):
        for name, slack in ((CROSS_ENTROPY, 0.0), (HULL, 0.01), (SINGLE, 0.0)):
            for order in ("primal", "dual"):
                exact = spread * (trial - (splits - 1) / 2) / splits * (name == CROSS_ENTROPY)
                values = {
                    "task": "synthetic",
                    "control": "none",
                    "student": name,
                    "where": "train",
                    "target": "truth",
                    "order": order,
                }
                add(trial, 0.4 + slack, 0.4 + exact, **values)
        for task in experiment.TASKS:
            for control, (gain, misfit) in LEVELS.items():
                for name in (FORWARD, REVERSE, *([MIXTURE] if control == "none" and trial < 5 else [])):
                    for where in ("train", "test"):
                        for target in ("gold", "ceiling"):
                            known = {
                                "task": task,
                                "control": control,
                                "student": name,
                                "where": where,
                                "target": target,
                                "order": "primal",
                            }
                            known["student_accuracy"] = 0.72 + (0.01 + 1e-4 * trial) * (name == REVERSE) + 0.001 * trial
                            if control in ("permuted labels", "random teacher"):
                                known["student_error"] = 1.21
                            better = 0.01 * (name == REVERSE) + 0.05 * (target == "ceiling") * (control == "none")
                            add(trial, gain + better, misfit, **known)
                            if target == "ceiling":
                                add(trial, gain + better, misfit, **(known | {"order": "dual"}))
    return columns(rows)


def statuses(table):
    return [finding.status.split(" (")[0].split(",")[0].split(":")[0] for finding in experiment.findings(table)]


def test_a_table_in_which_everything_is_as_expected():
    expected = ["holds", "holds", "reproduced", "observed here", "reproduced", "reproduced", "not reproduced"]
    expected += ["observed here", "not attempted"]  # correlated, and no change of a mixture told from noise
    assert statuses(made()) == [*expected, *["observed here"] * 3, "reproduced", "reproduced"]


def test_the_quick_grid_has_digits_and_synthetic_worlds_only_and_findings_and_picture_speak_of_these():
    pytest.importorskip("matplotlib")
    from figures._style import style
    from figures.gain_misfit_kl import draw

    assert {params["task"] for params in experiment.SCALES["quick"]} == {"synthetic", "digits"}
    whole = made()
    table = {name: column[np.isin(whole["task"], ["synthetic", "digits"])] for name, column in whole.items()}
    assert statuses(table) == statuses(whole)
    said = " ".join(finding.evidence for finding in experiment.findings(table))
    assert "digits" in said and "sst2" not in said and "of 1 tasks" in said and "nan" not in said
    with style():
        figure = draw(table)
        figure.draw_without_rendering()
    assert len(figure.axes[1].containers) == len(figure.axes[3].containers) == 2


def where(values, **names):
    """A change of the rows with these names: a dictionary, or a function of the row."""
    return lambda row: (values(row) if callable(values) else values) if names.items() <= row.items() else {}


@pytest.mark.parametrize(
    ("change", "place", "status"),
    [
        (where({"identity": "VIOLATED"}, task="sst2", student=FORWARD, where="test"), 0, "counterexample found"),
        (where({"identity": "INCONCLUSIVE"}, task="sst2", student=FORWARD, where="test"), 0, "not attempted"),
        (where({"misfit": 0.41}, task="synthetic", student=CROSS_ENTROPY, order="dual"), 1, "counterexample found"),
        (where({"misfit": 0.43}, task="synthetic", student=HULL, order="primal"), 2, "counterexample found"),
        (where({"misfit": 0.43, "gap": 0.1}, task="synthetic", student=HULL, order="primal"), 2, "reproduced"),
        (where({"misfit": 0.0}, target="gold", control="none"), 4, "not reproduced"),
        (where(lambda row: {"misfit": 0.03 + 0.2 * (-1) ** row["trial"]}, target="gold", control="none"), 4, "not attempted"),
        (where({"misfit": 0.0}, target="ceiling", control="none"), 5, "not reproduced"),
        (where({"gain": -0.1}, target="ceiling", control="none"), 5, "not reproduced"),
        (where({"misfit": 0.55}, task="synthetic", student=SINGLE, order="primal"), 3, "not reproduced"),
        (where({"misfit": 0.39}, task="synthetic", student=SINGLE, order="primal"), 3, "not attempted"),
        (where({"misfit": 0.02}, student=FORWARD, target="ceiling", order="dual", where="train"), 6, "not reproduced"),
        (where({"misfit": 0.08}, student=FORWARD, target="ceiling", order="dual", where="train"), 6, "observed here"),
        (where(lambda row: {"gain": 0.1 + 0.05 * (-1) ** row["trial"]}, student=FORWARD, order="dual"), 6, "not attempted"),
        (where(lambda row: {"gain": row["trial"], "misfit": row["trial"]}, control="none", student=REVERSE), 7, "observed here"),
        (
            where(lambda row: {"gain": row["trial"], "misfit": -row["trial"]}, control="none", student=REVERSE),
            7,
            "not reproduced",
        ),
        (where(lambda row: {"gain": 0.3 + 0.01 * row["trial"]}, student=MIXTURE), 8, "observed here"),
        (where(lambda row: {"gain": -0.3 + 0.01 * row["trial"]}, student=MIXTURE), 8, "not reproduced"),
        (where(lambda row: {"misfit": 0.1 + 0.01 * (-1) ** row["trial"]}, control="none", student=REVERSE), 7, "not attempted"),
        (where({"student_error": 0.9}, control="permuted labels"), 9, "not reproduced"),
        (where({"misfit": 50.0, "gain": 1.01}, control="permuted labels"), 9, "not reproduced"),
        (where(lambda row: {"misfit": 1.0 + 0.4 * (-1) ** row["trial"]}, control="permuted labels"), 9, "not attempted"),
        (where({"student_error": 0.9}, control="random teacher", task="trec"), 10, "not reproduced"),
        (where({"gain": 0.03}, control="same features", task="digits"), 11, "not reproduced"),
        (where({"gain": -0.03}, control="same features", task="digits"), 11, "not reproduced"),
        (where({"student_accuracy": 0.5}, student=REVERSE), 12, "not reproduced"),
        (where(lambda row: {"student_accuracy": 0.7225 + 0.01 * (-1) ** row["trial"]}, student=REVERSE), 12, "not attempted"),
        (where({"gain": 0.0}, student=REVERSE, control="none", task="sst2"), 13, "not reproduced"),
    ],
)
def test_findings_notice_what_does_not_hold(change, place, status):
    assert statuses(made(change))[place] == status


def test_few_splits_decide_nothing():
    found = statuses(made(splits=4))
    assert [found[place] for place in (4, 5, 7, 8, 9, 10, 12, 13)] == ["not attempted"] * 8


def test_published_numbers_are_computed():
    claims = [finding.claim for finding in experiment.findings(made())]
    assert "3.6 to 4.0 times (ImageNet), 2.1 times (CIFAR-10)" in claims[4]
    assert "in 9 of 10 settings" in claims[12]


def test_an_interval_of_a_correlation_covers():
    low, high = lines.fisher(0.5, 28, 0.95)
    assert (low, high) == pytest.approx((0.156, 0.736), abs=2e-3)  # a printed table's
    rng = np.random.default_rng(0)
    pairs = rng.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], size=(2000, 12))
    inside = [a <= 0.5 <= b for p in pairs for a, b in [lines.fisher(float(np.corrcoef(p.T)[0, 1]), 12, 0.95)]]
    assert abs(np.mean(inside) - 0.95) < 0.02


def table_of(points):
    rows = []
    for params in points:
        rng = np.random.default_rng(_runner.point_seed("any", experiment.SEED_AXES, params))
        rows += [{"scale": "quick"} | params | row for row in experiment.run_one(dict(params), rng=rng)]
    return columns(rows)


def test_in_synthetic_worlds_theory_holds():
    points = [params for params in experiment.SCALES["quick"] if params["task"] == "synthetic" and params["trial"] < 4]
    table = table_of(points)
    assert len(points) == 4 and set(table["identity"].tolist()) == {"HOLDS"}
    assert experiment.equality(table).status.startswith("holds") and experiment.hull(table).status.startswith("reproduced")
    single = lines.of_theory(table, SINGLE, "primal")
    assert np.max(np.abs(single["residual"]) / single["misfit"]) > 100 * lines.EQUAL


@pytest.fixture
def clusters(monkeypatch):
    """In the place of every task: three Gaussian classes, of which the weak model sees a noisy projection."""
    rng = np.random.default_rng(0)
    labels = np.arange(240) % 3
    strong = np.eye(3, 5)[labels] * 2.5 + rng.standard_normal((240, 5))
    weak = strong[:, :3] + 1.5 * rng.standard_normal((240, 3))
    task = ClassificationTask((weak, strong), labels, "clusters", is_synthetic=True)
    monkeypatch.setattr(experiment, "_task", lambda name: task)
    monkeypatch.setattr(experiment, "SIZES", dict.fromkeys(experiment.TASKS, (60, 100, 80)))
    return task


def test_a_point_of_a_task_has_a_row_per_student_place_target_and_order(clusters):
    points = [{"task": "sst2", "control": control, "mixed": control == "none", "trial": 0} for control in experiment.CONTROLS]
    table = table_of(points)
    np.testing.assert_allclose(table["gain"], table["misfit"] + table["residual"], atol=ROUNDING)
    assert set(table["identity"].tolist()) == {"HOLDS"}
    for control, students in (("none", 3), ("same features", 2), ("permuted labels", 2), ("random teacher", 2)):
        assert len(pick(table, control=control)["gain"]) == students * 2 * 3
    real = lines.of_task(table, "sst2", target="gold")
    ignorant = lines.of_task(table, "sst2", target="gold", control="permuted labels")
    same = lines.of_task(table, "sst2", target="gold", control="same features")
    assert real["student_accuracy"] > 0.65 > 0.5 > ignorant["student_accuracy"]
    assert ignorant["gain"] > 0.1 > 5 * abs(same["gain"])
    assert real["class_entropy"] == pytest.approx(np.log(3), abs=0.01)
    # Cross-entropy is KL from a one-hot label, so errors by gold labels are those of the student's log loss.
    assert 0 < real["student_error"] < np.log(3) < ignorant["student_error"] + 0.02


def test_all_methods_of_a_trial_share_its_split_and_weak_model(clusters):
    table = table_of([{"task": task, "control": "none", "mixed": False, "trial": 3} for task in ("sst2", "trec")])
    for target in ("gold", "ceiling"):
        rows = pick(table, where="test", target=target, order="primal")
        assert np.ptp(rows["weak_error"]) < ROUNDING


def test_two_classes_have_a_mixture_too(clusters, monkeypatch):
    half = ClassificationTask(clusters.representations, np.minimum(clusters.labels, 1), "two", is_synthetic=True)
    monkeypatch.setattr(experiment, "_task", lambda name: half)
    table = table_of([{"task": "sst2", "control": "none", "mixed": True, "trial": 0}])
    rows = lines.of_task(table, "sst2", target="gold", student=MIXTURE)
    assert len(rows["gain"]) == 1 and rows["student_accuracy"] > 0.6


def test_without_data_the_full_grid_is_unavailable_and_the_quick_one_runs(monkeypatch, tmp_path):
    monkeypatch.delenv("W2S_DATA", raising=False)
    assert "W2S_DATA" in experiment.unavailable("full")
    assert experiment.unavailable("quick") == ""
    (tmp_path / "embeddings").mkdir()
    monkeypatch.setenv("W2S_DATA", str(tmp_path))
    assert "lacks sst2.npz, trec.npz" in experiment.unavailable("full")


def test_a_split_of_a_real_task_runs_where_the_data_are(real_data, monkeypatch):
    monkeypatch.setenv("W2S_DATA", str(real_data("embeddings/sst2.npz").parent.parent))
    experiment._task.cache_clear()
    assert experiment.unavailable("full") == ""
    table = table_of([{"task": "sst2", "control": "same features", "mixed": False, "trial": 0}])
    assert np.all(table["weak_accuracy"] > 0.6)
    assert np.all(np.abs(pick(table, target="gold")["gain"]) < lines.NO_GAIN)


def test_the_picture_shows_every_task_control_and_loss():
    pytest.importorskip("matplotlib")
    from figures._style import style
    from figures.gain_misfit_kl import draw

    with style():
        figure = draw(made())
        figure.draw_without_rendering()
    theory, real, controls, menu = figure.axes
    assert sum(len(line.get_xdata()) for line in theory.lines) == 3 * 6 + 2
    assert len(real.containers) == len(menu.containers) == 2 * len(experiment.TASKS)
    assert len(controls.containers) == 2 * len(experiment.TASKS)
