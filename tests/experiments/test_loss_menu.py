"""The map of losses: supervisors, one run, findings on made tables that can come out otherwise, and the picture."""

from __future__ import annotations

import numpy as np
import pytest

from experiments import _loss_menu as lines
from experiments import loss_menu as experiment
from experiments._store import columns

TASKS = ("clusters", "digits")
TRIALS = 6


def made(
    effect=lambda loss, key, epochs: 0.0,
    control=lambda name, loss: -0.05,
    edge=lambda key: 0.1,
    noise=0.002,
    shares=(0.3,),
    tasks=TASKS,
    trials=TRIALS,
):
    """A table of the quick grid's shape; ``effect`` is added to the accuracy of a loss."""
    rng = np.random.default_rng(0)
    rows = []
    for params in experiment._grid(tasks, shares, trials):
        key, epochs, name = (params["task"], params["supervisor"], params["share"]), params["epochs"], params["control"]
        shared = {"weak": 0.7, "ceiling": 0.9, "majority": 0.5, "edge": edge(key)}
        for loss in experiment.losses_of(params["supervisor"]):
            if name == "none":
                student = 0.8 + effect(loss, key, epochs)
            else:
                student = (0.7 if name == "same features" else 0.5) + control(name, loss)
            rows.append(params | {"scale": "quick", "loss": loss, "student": student + noise * rng.standard_normal()} | shared)
    return columns(rows)


def noise(table, rng):
    """Students that differ by nothing else."""
    return lines.Map(table | {"student": 0.8 + 0.02 * rng.standard_normal(len(table["trial"]))})


def statuses(table):
    return [finding.status for finding in experiment.findings(table)]


def test_one_run_has_a_row_per_loss_and_accuracies_that_make_sense():
    params = {"task": "clusters", "supervisor": "random", "share": 0.2, "control": "none", "epochs": 2, "trial": 0}
    rows = {row["loss"]: row for row in experiment.run_one(params, rng=np.random.default_rng(0))}
    assert tuple(rows) == tuple(name for name in experiment.NAMES if name != "adaptive")
    assert "forward KL" not in rows
    base = rows["cross-entropy"]
    assert abs(base["weak"] - 0.8) < 0.05
    assert 0.3 < base["majority"] < 0.45 < base["student"] <= base["ceiling"] + 0.05
    assert base["edge"] > 0.05  # a student corrects random errors
    again = experiment.run_one(params, rng=np.random.default_rng(0))
    assert [row["student"] for row in again] == [row["student"] for row in rows.values()]


@pytest.mark.parametrize("control", experiment.CONTROLS)
def test_a_control_teaches_nothing(control):
    params = {"task": "clusters", "supervisor": "weak model", "share": 0.0, "control": control, "epochs": 2, "trial": 0}
    base = experiment.run_one(params, rng=np.random.default_rng(0))[0]
    if control == "same features":
        assert abs(base["student"] - base["weak"]) < 0.06
    else:
        assert base["student"] < 0.5


def test_supervisors_err_as_often_as_they_should_and_where_they_should():
    rng = np.random.default_rng(0)
    task, regions = experiment.world_of("clusters", 0)
    for error in experiment.ERRORS:
        params = {"supervisor": error, "share": 0.3}
        weak = experiment.supervise(task, regions, params, np.arange(500), rng=rng)
        wrong = weak.argmax(axis=1) != task.labels
        assert abs(wrong.mean() - 0.3) < 0.04
        np.testing.assert_allclose(weak.max(axis=1), 0.7)
        by_class = np.array([wrong[task.labels == c].mean() for c in range(3)])
        if error == "by class":
            assert by_class[0] - by_class[1] > 0.05 and abs(by_class[0] - by_class[2]) < 0.05
        if error == "systematic":
            shares = np.array([wrong[regions == r].mean() for r in range(experiment.REGIONS)])
            assert set(shares.round(9)) == {0.0, 1.0}


def test_every_trial_has_clusters_of_its_own_and_the_digits_that_there_are(monkeypatch):
    first, second = (experiment.world_of("clusters", trial).task.strong_features for trial in (0, 1))
    assert not np.allclose(first, second)
    monkeypatch.setattr(experiment, "digits_classes", lambda: experiment.world_of("clusters", 0).task)
    assert experiment.world_of("digits", 0) is experiment.world_of("digits", 1)
    experiment._world.cache_clear()


def test_where_all_labels_are_equally_sure_the_adaptive_loss_is_one_of_its_parts():
    labels = np.eye(3)[np.arange(40) % 3] * 0.4 + 0.2
    scores = np.random.default_rng(0).normal(size=(40, 3))
    slopes = {name: experiment.TRAINED[name].terms(scores, labels)[1] for name in ("adaptive", "cross-entropy")}
    np.testing.assert_array_equal(slopes["adaptive"], slopes["cross-entropy"])
    assert "adaptive" in experiment.losses_of("weak model") and "adaptive" not in experiment.losses_of("random")


def test_nothing_is_found_where_there_is_nothing():
    found = experiment.findings(made())
    words = ["not attempted"] * 3 + ["observed here"] * 3 + ["not attempted", "observed here"]
    assert [f.status.split(" (")[0] for f in found] == words
    assert "product 0/0 of 16" in found[0].evidence and "adaptive 0/0 of 4" in found[0].evidence
    assert "clusters: gap to the ceiling +0.200 [+0.200, +0.200], gain +0." in found[3].evidence


def test_few_splits_decide_nothing():
    """Two splits with the same difference would have an interval of no width."""
    found = experiment.findings(made(lambda loss, key, epochs: -0.05 * (loss == "product"), noise=0.0, trials=2))
    assert all(f.status.startswith("not attempted (too few splits") for f in found)
    assert "product 0/0" in found[0].evidence


def test_differences_that_coincide_are_not_told_from_noise():
    table = made(lambda loss, key, epochs: 0.05 * (loss == "product"), noise=0.0)
    assert lines.product(lines.Map(table)).status == "observed here" and lines.which_differ(lines.Map(table)).status.startswith(
        "not attempted (no"
    )


def test_losses_that_differ_are_named_with_their_sign():
    def effect(loss, key, epochs):
        return 0.05 if loss == "product" and epochs == 10 else -0.05 if loss == "window" else 0.0

    found = experiment.findings(made(effect))
    cells = 2 * 4
    assert f"product {cells}/0 of {2 * cells}" in found[0].evidence and f"window 0/{2 * cells}" in found[0].evidence
    assert found[0].status == "observed here"
    assert found[5].status.startswith("not reproduced (heads are not") and f"better beyond noise in {cells}" in found[5].evidence


def test_all_of_the_map_covers_together():
    """11 losses in 4 cells each and 10 in 12, less cross-entropy, and a rare miss over many tables of noise."""
    table = made()
    assert (1.0 - lines.map_level(lines.Map(table))) * (11 * 4 + 10 * 12) == pytest.approx(0.05)
    rng = np.random.default_rng(1)
    hits = sum(lines.which_differ(noise(table, rng)).status == "observed here" for _ in range(30))
    assert hits <= 6  # 1.5 are expected at most


def test_the_prediction_on_confidence_is_judged_by_its_sign():
    def edge(key):
        return 0.1 if key[1] == "random" else -0.1

    def as_predicted(loss, key, epochs):
        return np.sign(edge(key)) * 0.05 if loss == lines.CONFIDENT else 0.0

    right = experiment.findings(made(as_predicted, edge=edge))[1]
    assert right.status == "observed here" and "in 16 of 16 cells" in right.evidence
    wrong = experiment.findings(made(lambda *a: -as_predicted(*a), edge=edge))[1]
    assert wrong.status.startswith("not reproduced") and "in 0 of 16 cells" in wrong.evidence
    one = made(lambda loss, key, epochs: 0.05 * (loss == lines.CONFIDENT and key[:2] == ("digits", "random")))
    assert experiment.findings(one)[1].status == "not attempted (beyond noise in 2 cells, fewer than 5)"


@pytest.mark.parametrize(
    ("sign", "tasks", "status"),
    [
        (1.0, lines.TASKS, "observed here (after the fact)"),
        (-1.0, lines.TASKS, "not reproduced (the other way round)"),
        (0.0, lines.TASKS, "not attempted (not told from chance)"),
        (1.0, TASKS, "not attempted (too few tasks to tell: 2)"),
    ],
)
def test_what_longer_training_loses_is_set_against_what_confidence_gives(sign, tasks, status):
    def effect(loss, key, epochs):
        step = 0.02 * tasks.index(key[0])
        if loss == "cross-entropy" and epochs == lines.LONG:
            return -step
        return sign * step - step if loss == lines.CONFIDENT and epochs == lines.LONG else 0.0

    assert lines.helps_where_longer_hurts(lines.Map(made(effect, tasks=tasks, shares=(0.2, 0.3)))).status == status


def test_noise_alone_correlates_nothing():
    """The same students in both differences would: -CE(long) is in what is lost and in what is given."""
    rng = np.random.default_rng(0)
    table = made(tasks=lines.TASKS, trials=10)
    found = [lines.helps_where_longer_hurts(noise(table, rng)) for _ in range(12)]
    correlations = [float(f.evidence.split("rank correlation ")[1].split(" ")[0]) for f in found]
    assert abs(np.mean(correlations)) < 0.15 and sum(f.status.startswith("observed") for f in found) <= 3


def test_an_entropy_loss_that_matters_and_a_control_that_teaches_are_reported():
    assert statuses(made(lambda loss, key, epochs: 0.05 * (loss == "entropy")))[4] == "not reproduced (outside in 16 of 16 cells)"
    assert statuses(made(noise=0.05))[4] == "not attempted (too noisy to see 0.02)"
    for name in experiment.CONTROLS:
        found = experiment.findings(made(control=lambda control, loss, name=name: 0.05 if control == name else -0.05))[7]
        assert found.status == "not reproduced (a control fails)" and "4 of 12 above beyond noise" in found.evidence
    assert statuses(made(control=lambda *_: 0.0, noise=0.2))[7] == "not attempted (too noisy to see 0.15)"
    bug = experiment.findings(made(lambda loss, key, epochs: 0.05 * (loss == lines.RELEASED)))[6]
    assert bug.status.startswith("observed here (it matters in 16 of 16")


def test_gains_over_trained_weak_models_are_counted():
    assert lines.weak_models(lines.Map(made(lambda loss, key, epochs: -0.2))).status.startswith("not reproduced")
    assert lines.weak_models(lines.Map(made(noise=0.5))).status.startswith("not attempted (no gain")


def test_rank_correlation_is_that_of_ranks():
    assert lines.rank_correlation(np.array([1.0, 2.0, 3.0]), np.array([1.0, 10.0, 11.0])) == pytest.approx(1.0)
    assert lines.rank_correlation(np.array([1.0, 2.0, 3.0]), np.array([3.0, 1.0, 2.0])) == pytest.approx(-0.5)
    assert lines.rank_correlation(np.ones(3), np.array([3.0, 1.0, 2.0])) == 0.0


def test_without_embeddings_the_full_grid_says_why_it_can_not_run(monkeypatch, tmp_path):
    monkeypatch.delenv("W2S_DATA", raising=False)
    assert "W2S_DATA" in experiment.unavailable("full")
    assert experiment.unavailable("quick") == ""
    (tmp_path / "embeddings").mkdir()
    monkeypatch.setenv("W2S_DATA", str(tmp_path))
    assert "lacks sst2.npz, openai_moderation.npz" in experiment.unavailable("full")
    for name in experiment.TEXT:
        (tmp_path / "embeddings" / f"{name}.npz").touch()
    assert experiment.unavailable("full") == ""


def test_the_picture_marks_what_is_beyond_noise():
    pytest.importorskip("matplotlib")
    from figures._style import style
    from figures.loss_menu import ROWS, draw

    table = made(lambda loss, key, epochs: 0.05 * (loss == "product" and epochs == 2 and key[1] == "random"))
    with style():
        figure = draw(table)
        figure.draw_without_rendering()
    short, long = figure.axes[1:3]
    dots = next(line for line in short.lines if line.get_marker() == "o")
    assert {ROWS[int(row)] for row in dots.get_ydata()} == {"product"}
    assert sorted(int(x) for x in dots.get_xdata()) == [0, 4]
    assert len(next(line for line in long.lines if line.get_marker() == "o").get_xdata()) == 0
    values = short.images[0].get_array()
    assert np.sum(np.ma.getmaskarray(np.ma.masked_invalid(values))) == 6 and np.isfinite(values[ROWS.index("adaptive"), 3])
    assert abs(values[ROWS.index("product"), 0] - 0.05) < 0.02 and abs(values[ROWS.index("window"), 0]) < 0.02
