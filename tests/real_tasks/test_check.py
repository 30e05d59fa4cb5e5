"""``check_embeddings`` on worlds whose answer is known, its refusals, and what it must not depend on."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.tolerances import DEVICE_SOFTMAX, ROUNDING, SOLVE
from w2s_theory.embeddings.tasks import embedding_task
from w2s_theory.outcomes import Verdict
from w2s_theory.problems.classification import ClassificationTask
from w2s_theory.problems.classification import same_features as same_models
from w2s_theory.problems.empirical import EmpiricalTask, random_teacher, same_features
from w2s_theory.real_tasks import EmbeddingReport, answers, check_embeddings, sections, side_by_side
from w2s_theory.real_tasks.intervals import KINDS
from w2s_theory.real_tasks.pages import counts, exit_code
from w2s_theory.real_tasks.splits import draw_splits
from w2s_theory.report import provenance, write_report


def world(rows: int = 400, *, noise: float = 0.0, seed: int = 0) -> EmpiricalTask:
    """A target that is linear in the strong features; the weak ones are noisy views of them, more than the strong model's head can follow."""
    rng = np.random.default_rng(seed)
    strong = rng.standard_normal((rows, 6))
    weak = np.column_stack([strong[:, :3] + rng.standard_normal((rows, 3)), np.sin(3.0 * strong[:, :3])])
    labels = strong @ np.array([2.0, 1.0, 1.0, 0.3, 0.3, 0.3]) + noise * rng.standard_normal(rows)
    return EmpiricalTask(weak, strong, labels, "made up", is_synthetic=True)


def classes(rows: int = 300, count: int = 3, seed: int = 0) -> ClassificationTask:
    rng = np.random.default_rng([seed, count])
    strong = rng.standard_normal((rows, 6))
    weak = strong[:, :3] + rng.standard_normal((rows, 3))
    scores = 2.0 * strong @ rng.standard_normal((6, count)) + rng.gumbel(size=(rows, count))
    return ClassificationTask((weak, strong), np.argmax(scores, axis=1), "made up", is_synthetic=True)


def checked(task, *, seed: int = 1, **options) -> EmbeddingReport:
    return check_embeddings(task, rng=np.random.default_rng(seed), **{"splits": 4} | options)


@pytest.fixture(scope="module")
def realizable() -> EmbeddingReport:
    return checked(world(1000))


@pytest.fixture(scope="module")
def three() -> EmbeddingReport:
    return checked(classes())


def test_where_the_target_is_realizable_the_gain_is_nearly_the_misfit(realizable):
    gain, misfit, ceiling = (realizable.number(name) for name in ("gain", "misfit", "ceiling_error"))
    assert ceiling.value < 1e-6
    assert 0.85 < gain.value / misfit.value < 1.15
    assert gain.low > 0.1  # and there is something to see
    assert realizable.number("residual").low < 0.0 < realizable.number("residual").high
    assert realizable.number("cross_term").value == pytest.approx(0.0, abs=1e-3)


def test_identities_hold_between_the_numbers(three):
    for loss in ("squared", "cross-entropy"):
        value = {
            name: three.number(name, loss).value
            for name in (
                "weak_error",
                "student_error",
                "ceiling_error",
                "gain",
                "misfit",
                "residual",
                "cross_term",
                "penalty_term",
                "gap",
                "pgr",
            )
        }
        assert value["gain"] == pytest.approx(value["weak_error"] - value["student_error"], abs=ROUNDING)
        assert value["gain"] == pytest.approx(value["misfit"] + value["residual"], abs=ROUNDING)
        assert value["residual"] == pytest.approx(value["cross_term"] + value["penalty_term"], abs=ROUNDING)
        assert value["pgr"] == pytest.approx(value["gain"] / value["gap"], rel=1e3 * ROUNDING)


def test_the_same_features_gain_nothing():
    for task, losses in ((same_features(world(noise=1.0)), ["squared"]), (same_models(classes()), ["squared", "accuracy"])):
        found = checked(task)
        for loss in losses:
            gain = found.number("gain", loss)
            assert abs(gain.value) < 0.02 and gain.low < 0.0 < gain.high, loss
        assert found.number("misfit").value < 0.01


def test_a_teacher_of_noise_loses_its_misfit_and_the_student_knows_nothing():
    """E gain = E w², as the student of noise is near the mean: the gain is nearly the misfit, and proves no knowledge."""
    task = world(noise=1.0)
    shuffled = np.random.default_rng(3).permutation(task.labels)
    found = checked(task, teacher=shuffled)
    assert found.number("gain").value == pytest.approx(found.number("misfit").value, rel=0.2)
    assert found.number("student_error").value > 0.9
    real = checked(random_teacher(task, rng=np.random.default_rng(4)))
    assert real.number("student_error").value > 0.9


def test_losses_units_and_kinds_of_interval(three):
    assert three.losses == ("squared", "cross-entropy", "accuracy")
    assert {number.how for number in three.numbers} == {*KINDS, "misfit ± 2√(misfit·ε)"}
    for number in three.numbers:
        assert number.low <= number.value <= number.high or np.isnan(number.value), number
    assert not three.has("cross_term", "accuracy") and not three.has("sharp_band", "accuracy")
    band, misfit, epsilon = three.number("sharp_band"), three.number("misfit"), three.number("ceiling_error")
    assert band.high - misfit.value == pytest.approx(2.0 * np.sqrt(misfit.value * epsilon.value))


def test_labels_units_do_not_matter():
    task = world(noise=1.0)
    one = checked(task)
    scaled = EmpiricalTask(task.weak_features, task.strong_features, 7.0 * task.labels - 3.0, "made up")
    other = checked(scaled)
    assert [n.value for n in other.numbers] == pytest.approx([n.value for n in one.numbers], abs=SOLVE)
    assert other.about["label_unit"] == pytest.approx(7.0 * one.about["label_unit"])


def test_two_classes_as_numbers_and_as_classes_have_the_same_squared_loss():
    made = classes(count=2)
    as_numbers = EmpiricalTask(made.weak_features, made.strong_features, made.labels.astype(float), "made up")
    drawn = draw_splits(300, (0.25, 0.5, 0.25), 2, classes=made.labels, rng=np.random.default_rng(0))
    from w2s_theory.real_tasks.check import prepare
    from w2s_theory.real_tasks.measure import measure

    one, other = (measure(prepare(task, None).data, drawn[0], rng=np.random.default_rng(0)) for task in (made, as_numbers))
    assert one.values["squared"] == pytest.approx(other.values["squared"], abs=SOLVE)


def test_the_best_constant_costs_one_in_squared_loss():
    task = world(noise=1.0)
    constant = np.full(task.size, task.labels.mean())
    found = checked(task, teacher=constant + 1e-9 * np.arange(task.size))
    assert found.number("weak_error").value == pytest.approx(1.0, abs=0.1)
    made = classes()
    shares = np.tile(np.bincount(made.labels) / made.size, (made.size, 1))
    assert checked(made, teacher=shares).number("weak_error").value == pytest.approx(1.0, abs=0.02)


def test_rows_without_an_answer_are_left_out_and_counted():
    task = world(noise=0.5)
    teacher = task.labels + np.random.default_rng(0).standard_normal(task.size)
    silent = np.arange(0, task.size, 5)
    asked = np.where(np.isin(np.arange(task.size), silent), np.nan, teacher)
    found = checked(task, teacher=asked)
    assert (found.about["rows"], found.about["rows_left_out"]) == (320, 80)
    assert found.about["weak_rows"] == 0 and found.about["transfer_rows"] == 240
    kept = ~np.isnan(asked)
    alone = EmpiricalTask(task.weak_features[kept], task.strong_features[kept], task.labels[kept], "made up")
    assert [n.value for n in checked(alone, teacher=teacher[kept]).numbers] == pytest.approx(
        [n.value for n in found.numbers], abs=SOLVE
    )


def test_a_hard_teacher_of_classes_has_no_gain_in_cross_entropy_and_the_answers_say_so():
    made = classes(count=2)
    rng = np.random.default_rng(0)
    teacher = np.where(rng.random(made.size) < 0.3, 1 - made.labels, made.labels).astype(float)
    found = checked(made, teacher=teacher)
    assert not found.has("gain", "cross-entropy") and found.has("student_error", "cross-entropy")
    assert found.number("weak_error", "accuracy").value == pytest.approx(np.mean(teacher != made.labels), abs=0.1)
    assert found.number("gain", "accuracy").value > 0.05  # errors at random: the student sees through them
    assert any("no gain in cross-entropy" in sentence for sentence in answers(found))
    out = [check.statement for check in found.verdicts if check.verdict is Verdict.OUT_OF_SCOPE]
    assert "mulgund2025.softmax_penalty" in out


def test_groups_stay_together_and_count_once():
    task = world(150, noise=1.0)
    junk = np.random.default_rng(8).standard_normal((150, 60))
    task = EmpiricalTask(task.weak_features, np.column_stack([task.strong_features, junk]), task.labels, "with junk")
    twice = EmpiricalTask(
        *(np.repeat(x, 2, axis=0) for x in (task.weak_features, task.strong_features)), np.repeat(task.labels, 2), "twice"
    )
    groups = np.repeat(np.arange(150), 2)
    for split in draw_splits(300, (0.25, 0.5, 0.25), 5, groups=groups, rng=np.random.default_rng(0)):
        parts = [set(groups[rows]) for rows in split]
        assert not parts[0] & parts[1] and not parts[0] & parts[2] and not parts[1] & parts[2]
        assert sum(len(rows) for rows in split) == 300 and [len(rows) for rows in split] == pytest.approx([75, 150, 75], abs=2)
    alone, doubled, loose = checked(task), checked(twice, groups=groups), checked(twice)
    width = [found.number("weak_error").high - found.number("weak_error").low for found in (alone, doubled, loose)]
    assert 0.6 < width[1] / width[0] < 1.7
    assert doubled.about["groups"] == 150
    # Copies in training and test flatter the ceiling; kept together they don't.
    assert loose.number("ceiling_error").value < doubled.number("ceiling_error").value


def test_a_penalty_is_chosen_on_groups_that_are_left_out():
    """Every row eight times, labels of noise: left out alone a row is known from its copies, and hardly a penalty is asked for."""
    rng = np.random.default_rng(9)
    features, labels = rng.standard_normal((40, 25)), rng.standard_normal(40)
    groups = np.repeat(np.arange(40), 8)
    task = EmpiricalTask(np.repeat(features, 8, axis=0), np.repeat(features, 8, axis=0), np.repeat(labels, 8), "copies")
    together, apart = checked(task, groups=groups, splits=2), checked(task, splits=2)
    for head in ("weak", "ceiling"):
        assert together.about["penalties"][head] > 30.0 * apart.about["penalties"][head], head
    assert together.number("ceiling_error").value < 1.5
    of_classes = ClassificationTask((task.weak_features, task.strong_features), labels_of(task), "c")
    together, apart = checked(of_classes, groups=groups, splits=2), checked(of_classes, splits=2)
    for head in ("weak, softmax", "ceiling, softmax"):
        assert together.about["penalties"][head] > 3.0 * apart.about["penalties"][head], head


def labels_of(task: EmpiricalTask) -> np.ndarray:
    return (task.labels > 0.0).astype(np.int64)


def test_groups_of_single_rows_change_nothing():
    task = classes()
    assert checked(task, groups=np.arange(task.size) + 5).rows() == checked(task).rows()


def test_the_units_variance_is_in_the_interval():
    """A teacher that says a constant, 1 off the mean: its error is 1 + 1/σ̂², and that varies with σ̂² alone, by 1/σ̂²·sd(y²)/√N."""
    task = world(800, noise=1.0)
    labels = (task.labels - task.labels.mean()) / task.labels.std()
    constant = EmpiricalTask(task.weak_features, task.strong_features, labels, "standardised")
    found = checked(constant, teacher=np.ones(800), splits=20).number("weak_error")
    rng = np.random.default_rng(10)
    resampled = rng.choice(labels, (2000, 800))
    errors = ((resampled - 1.0) ** 2).mean(axis=1) / resampled.var(axis=1)
    # Not every row is a test row as often as the others: that widens the interval a little.
    assert (found.high - found.low) / 2.0 == pytest.approx(2.09 * errors.std(), rel=0.35)


def test_a_class_that_a_hard_teacher_never_names_is_no_obstacle():
    made = classes()
    teacher = np.where(made.labels == 2, 1, made.labels).astype(float)
    found = checked(made, teacher=teacher)
    assert np.isfinite(found.number("student_error", "cross-entropy").value)
    assert found.number("student_error", "accuracy").value >= 0.8 * np.mean(made.labels == 2)
    silent = checked(made, teacher=np.zeros(300))
    assert silent.number("gain", "accuracy").value == 0.0
    assert "not told from its teacher" in answers(silent)[0] and "Misfit predicts" in " ".join(answers(silent))


def test_classes_are_split_in_their_shares():
    labels = np.repeat([0, 1, 2], [200, 80, 20])
    for split in draw_splits(300, (0.25, 0.5, 0.25), 5, classes=labels, rng=np.random.default_rng(0)):
        for rows, size in zip(split, (75, 150, 75), strict=True):
            assert len(rows) == size
            assert np.bincount(labels[rows]) == pytest.approx(np.array([200, 80, 20]) * size / 300, abs=2)


def test_equal_generators_give_equal_reports_and_the_report_is_json(realizable):
    again = checked(world(1000))
    assert again.plain() == realizable.plain()
    assert json.loads(json.dumps(realizable.plain()["numbers"])) == realizable.rows()
    seen: list[tuple[int, int]] = []
    checked(world(100), progress=lambda done, of: seen.append((done, of)))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_the_path_holds_the_gain_of_every_split_and_the_chosen_penalties_lie_on_it(realizable):
    assert len(realizable.path) == 25 and all(len(point.gains) == 4 for point in realizable.path)
    for k, chosen in enumerate(realizable.chosen):
        (point,) = [p for p in realizable.path if p.penalty == pytest.approx(chosen)]
        assert realizable.gains["squared"][k] == pytest.approx(point.gains[k], abs=SOLVE)
    row = realizable.path[0].row()
    assert row["lowest"] <= row["gain"] <= row["highest"] and 0.0 <= row["splits_positive"] <= 1.0


def test_statements_hold_or_are_out_of_scope_for_a_reason(three):
    found = {check.statement: check for check in three.verdicts}
    for name in (
        "identities.squared",
        "identities.bregman",
        "identities.zero_one",
        "charikar2024.nonrealizable_linear",
        "charikar2024.cross_term",
        "ridge.penalty",
        "mulgund2025.softmax_penalty",
        "mulgund2025.softmax_head",
    ):
        assert found[name].verdict is Verdict.HOLDS, found[name]
        assert found[name].method
    assert found["charikar2024.theorem_1_affine"].failed == ("the target lies in the strong class",)
    assert found["identities.zero_one_binary"].failed == ("there are at most two classes",)
    assert exit_code(three) == 0 and counts(three).startswith("8 HOLDS")


def test_a_violated_statement_is_reported_and_is_an_exit_code(three):
    from dataclasses import replace

    broken = replace(three, verdicts=(replace(three.verdicts[0], verdict=Verdict.VIOLATED), *three.verdicts[1:]))
    assert exit_code(broken) == 1 and "1 VIOLATED" in counts(broken)


def test_the_answers_say_what_the_numbers_say(realizable):
    said = " ".join(answers(realizable))
    assert "beats its teacher" in said and "Misfit predicts the gain here" in said and "in 4 of 4 splits" in said
    losing = " ".join(answers(checked(same_features(world(noise=1.0)))))
    assert "is not told from its teacher" in losing and "beats" not in losing


def test_a_constant_costs_the_entropy_of_the_classes_and_the_share_of_the_rarer_ones():
    """Shares fixed by hand; the splits keep them up to a row."""
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.repeat([0, 1, 2], [240, 120, 40]))
    features = labels[:, None] + 0.3 * rng.standard_normal((400, 2))
    found = checked(ClassificationTask((features, features), labels, "made up"))
    shares = np.array([0.6, 0.3, 0.1])
    assert found.number("baseline", "cross-entropy").value == pytest.approx(-np.sum(shares * np.log(shares)), rel=0.01)
    assert found.number("baseline", "accuracy").value == pytest.approx(0.4, abs=0.01)
    assert found.number("baseline", "squared").value == 1.0
    for loss in found.losses:
        for model in ("weak", "student", "ceiling"):
            margin, error = found.number(f"{model}_margin", loss), found.number(f"{model}_error", loss)
            assert margin.value == pytest.approx(found.number("baseline", loss).value - error.value, abs=ROUNDING)
            assert margin.low > 0.0
    assert "a constant" not in " ".join(answers(found))
    # Another data set of this size has other shares, p̂: the entropy's standard deviation is sd(log p_y)/√400; a test part is a quarter.
    baseline = found.number("baseline", "cross-entropy")
    spread = np.sqrt(np.sum(shares * np.log(shares) ** 2) - np.sum(shares * np.log(shares)) ** 2)
    assert 0.5 < (baseline.high - baseline.low) / (2.0 * 3.18 * spread / np.sqrt(400)) < 2.0


def test_where_nothing_was_learnt_the_answers_say_so_and_no_performance_gap_is_quoted():
    rng = np.random.default_rng(5)
    features, labels = rng.standard_normal((2, 300, 8)), rng.integers(0, 2, 300)
    found = checked(ClassificationTask((features[0], features[1]), labels, "noise"), splits=6)
    said = answers(found)
    told = [sentence for sentence in said if sentence.startswith("In cross-entropy a constant")]
    assert len(told) == 1 and "student model's" in told[0] and "no sign that the student knows" in told[0]
    assert not any(sentence.startswith("Performance gap") for sentence in said)
    assert not found.number("ceiling_margin", "cross-entropy").low > 0.0
    (page,) = [section for section in sections(found) if section.title == "The numbers"]
    assert all(str(row["new data"]).startswith("refused") for row in page.rows if row["quantity"] == "pgr")


def test_no_performance_gap_is_quoted_where_a_ceiling_does_not_beat_a_constant_though_the_gap_is_told(realizable):
    from dataclasses import replace

    assert any(sentence.startswith("Performance gap recovered in squared") for sentence in answers(realizable))
    level = tuple(
        replace(number, value=0.0, low=-0.1, high=0.1) if number.quantity == "ceiling_margin" else number
        for number in realizable.baselines
    )
    said = answers(replace(realizable, baselines=level))
    assert any("the ceiling does not beat a constant" in sentence for sentence in said)
    assert not any(sentence.startswith("Performance gap") for sentence in said)


def test_data_that_can_not_tell_gain_from_misfit_say_so(realizable):
    from dataclasses import replace

    wide = [
        replace(number, low=-2.0, high=2.0) if (number.quantity, number.how) == ("residual", "new data") else number
        for number in realizable.numbers
    ]
    said = " ".join(answers(replace(realizable, numbers=tuple(wide))))
    assert "These data can't tell whether misfit predicts the gain" in said and "Misfit predicts" not in said


def test_a_penalty_at_an_end_of_the_grid_is_told(realizable):
    from dataclasses import replace

    ends = replace(realizable, chosen=(realizable.path[-1].penalty,) * 2 + realizable.chosen[2:])
    assert "In 2 of 4 splits the penalty that the weak labels choose for the student is the largest" in " ".join(answers(ends))
    inside = replace(realizable, chosen=(realizable.path[5].penalty,) * 4)
    assert "is the largest" not in " ".join(answers(inside)) and "is the smallest" not in " ".join(answers(inside))


def test_few_rows_get_a_word_of_caution(realizable):
    assert answers(checked(world(100)))[0].startswith("Caution: there are only 25 weak and 25 test rows")
    assert "Caution" not in " ".join(answers(realizable))


def test_a_report_is_written_with_pictures(three, tmp_path):
    plain = {"sections": 6}
    paths = write_report("made up", sections(three), tmp_path, plain=three.plain() | plain, provenance=provenance(seed=0))
    assert {path.name for path in paths[:3]} == {"report.json", "report.md", "report.html"}
    assert "softmax_penalty" in (tmp_path / "report.html").read_text()
    assert len(list(tmp_path.glob("picture_*.png"))) == 3


def test_torch_runs_the_same_code_to_the_same_numbers(three):
    pytest.importorskip("torch")
    other = checked(classes(), device="cpu-torch")
    rows = side_by_side(three, other)
    assert all(row["agree"] for row in rows)
    assert {row["what"] for row in rows} >= {"ridge.penalty", "gain, squared", "gain, accuracy"}
    for one, two in zip(three.numbers, other.numbers, strict=True):
        room = SOLVE if one.loss == "squared" else DEVICE_SOFTMAX
        assert (one.value, one.low) == pytest.approx((two.value, two.low), abs=room, nan_ok=True), one
    with pytest.raises(ValueError, match="one task"):
        side_by_side(three, checked(classes(240)))


@pytest.mark.gpu
def test_a_gpu_runs_the_same_code_to_the_same_numbers(three):
    rows = side_by_side(three, checked(classes(), device="cuda"))
    assert all(row["agree"] for row in rows)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"splits": 1}, "splits must be a whole number >= 2"),
        ({"sizes": (0.5, 0.5)}, "three parts"),
        ({"sizes": (0.5, 0.5, 0.5)}, "must fit"),
        ({"teacher": np.zeros(3)}, "one label per row"),
        ({"teacher": np.full(400, np.nan)}, "an answer for at least two rows"),
        ({"teacher": np.full(400, np.inf)}, "must be finite"),
        ({"groups": np.zeros(3)}, "one entry per row"),
        ({"groups": np.zeros(400)}, "at least 2 rows"),
        ({"device": "gpu"}, "device must be"),
    ],
)
def test_misuse_is_refused_with_the_way_out(options, words):
    with pytest.raises(ValueError, match=words):
        checked(world(), **options)


def test_other_tasks_are_refused():
    with pytest.raises(TypeError, match="EmpiricalTask or a ClassificationTask"):
        checked("stsb_en")
    task = world()
    several = EmpiricalTask(task.weak_features, task.strong_features, np.stack([task.labels, -task.labels]), "two")
    with pytest.raises(ValueError, match="one task at a time"):
        checked(several)
    with pytest.raises(TypeError):
        check_embeddings(task, rng=0)
    with pytest.raises(ValueError, match="teacher must name classes 0 to 2"):
        checked(classes(), teacher=np.full(300, 3.0))
    with pytest.raises(ValueError, match="sum to 1"):
        checked(classes(), teacher=np.full((300, 3), 0.5))
    with pytest.raises(ValueError, match="class 2 has none"):
        checked(classes(), teacher=np.where(classes().labels == 2, np.nan, 0.0))
    with pytest.raises(ValueError, match="features must vary"):
        checked(EmpiricalTask(task.weak_features, np.ones((400, 2)), task.labels, "flat"))
    with pytest.raises(ValueError, match="labels must not be constant"):
        two = (task.labels > 0.0).astype(float)
        checked(EmpiricalTask(task.weak_features, task.strong_features, two, "one"), teacher=np.where(two > 0, np.nan, 0.0))
    rare = ClassificationTask((np.eye(60), np.eye(60)), np.array([0] * 57 + [1] * 3), "rare")
    with pytest.raises(ValueError, match="lacks class 1"):
        check_embeddings(rare, sizes=(5, 50, 5), splits=5, rng=np.random.default_rng(0))


def test_on_real_text_the_student_gains_and_less_than_the_misfit(real_data):
    """First measured by hand: gain .113 of misfit .159 with other sizes and seeds."""
    real_data("embeddings/stsb_en.npz")
    found = checked(embedding_task("stsb_en"), splits=2, sizes=(300, 500, 300))
    gain, misfit = found.number("gain"), found.number("misfit")
    assert 0.03 < gain.value < misfit.value
    assert all(check.verdict in (Verdict.HOLDS, Verdict.OUT_OF_SCOPE) for check in found.verdicts)


@pytest.mark.slow
def test_the_headline_covers_the_expected_gain_of_a_new_data_set_and_the_naive_interval_does_not():
    """250 data sets; the truth from 600 independent runs, each measured on fresh rows. A coverage of 95 % has a standard error of 1.4 %."""
    from experiments._gain_coverage import WORLDS, cover, truth

    (low,) = [world for world in WORLDS if world.name == "numbers"]
    expected = truth(low, 600)["squared", "gain"][0]
    rows = [row for k in range(250) for row in cover(low, rng=np.random.default_rng([7, k])) if row["quantity"] == "gain"]
    covers = {how: np.mean([row["low"] <= expected <= row["high"] for row in rows if row["how"] == how]) for how in KINDS}
    assert 0.92 < covers["new data"] < 0.99
    assert covers["splits"] < 0.93
