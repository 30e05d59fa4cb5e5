"""The protocol: who is trained on whose labels, of which rows; both ceilings; chains, rounds, relabelling; what the outcome says."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from tests.tolerances import ROUNDING
from w2s_theory.divergences import Squared
from w2s_theory.problems.classification import ClassificationTask, random_teacher, same_features
from w2s_theory.problems.empirical import Split
from w2s_theory.protocol import GoldLabels, Predictions, run_protocol, train_ceiling
from w2s_theory.quantities.disagreement import disagreement
from w2s_theory.quantities.gain import report
from w2s_theory.students.classifiers import SoftmaxRule
from w2s_theory.students.head_training import TrainedHead

#: A rule without chance in it, so that steps done by hand give the same heads to the last digit.
RULE = SoftmaxRule(penalty=2.0)


@pytest.fixture
def rng():
    return np.random.default_rng(20231214)


@pytest.fixture
def task(rng):
    """Three classes, three models: the weak one sees two noisy directions, the next three of the strong one's six."""
    strong = rng.normal(size=(360, 6))
    weak = strong[:, :2] + 0.5 * rng.normal(size=(360, 2))
    labels = np.argmax(strong @ rng.normal(size=(6, 3)) + 0.3 * rng.gumbel(size=(360, 3)), axis=1)
    return ClassificationTask((weak, strong[:, :3], strong), labels, "made up", is_synthetic=True)


@pytest.fixture
def split(task):
    return task.split((60, 160, 140), rng=np.random.default_rng(7))


def by_hand(task, place, rows, labels, split):
    """Probabilities on transfer and test rows of the rule, trained on ``labels`` of ``rows`` at a place of the representations."""
    features = task.representations[place]
    fit = RULE.fit(features[rows], labels, rng=np.random.default_rng(0))
    return fit.predict(features[split.transfer]), fit.predict(features[split.test])


def equal(predictions, expected):
    return all(np.max(np.abs(one - other)) < ROUNDING for one, other in zip(predictions, expected, strict=True))


def test_a_run_is_the_steps_done_by_hand(task, split, rng):
    outcome = run_protocol(task, split=split, student=RULE, weak=RULE, rng=rng)
    gold = np.eye(3)[task.labels]
    weak = by_hand(task, 0, split.weak, gold[split.weak], split)
    assert equal(outcome.weak, weak)
    assert equal(outcome.student, by_hand(task, 2, split.transfer, weak[0], split))
    assert equal(outcome.ceiling, by_hand(task, 2, split.transfer, gold[split.transfer], split))
    assert len(outcome.stages) == 1 and outcome.kept == (160,) and outcome.task == "made up" and outcome.split is split
    assert isinstance(outcome.gold, GoldLabels) and np.array_equal(outcome.gold.test, task.labels[split.test])


def test_both_published_ceilings_are_there_by_name_and_differ_in_whose_gold_labels_they_learn(task, split, rng):
    gold = np.eye(3)[task.labels]
    for name, rows in (("transfer", split.transfer), ("weak", split.weak)):
        expected = by_hand(task, 2, rows, gold[rows], split)
        assert equal(train_ceiling(task, split=split, student=RULE, gold=name, rng=rng), expected)
        assert equal(run_protocol(task, split=split, student=RULE, ceiling=name, rng=rng).ceiling, expected)
    with pytest.raises(ValueError, match="'transfer' or the 'weak' rows; asked for were 'test'"):
        train_ceiling(task, split=split, student=RULE, gold="test", rng=rng)  # type: ignore[arg-type]


def test_a_chain_goes_through_the_intermediate_models_on_the_same_transfer_rows(task, split, rng):
    outcome = run_protocol(task, split=split, student=RULE, weak=RULE, chain=(1,), rng=rng)
    middle = by_hand(task, 1, split.transfer, outcome.weak.transfer, split)
    assert equal(outcome.stages[0], middle)
    assert equal(outcome.student, by_hand(task, 2, split.transfer, middle[0], split)) and len(outcome.stages) == 2


def test_every_round_is_a_fresh_strong_model_on_the_soft_labels_of_the_one_before(task, split, rng):
    outcome = run_protocol(task, split=split, student=RULE, weak=RULE, rounds=3, rng=rng)
    labels = outcome.weak.transfer
    for stage in outcome.stages:
        expected = by_hand(task, 2, split.transfer, labels, split)
        assert equal(stage, expected)
        labels = expected[0]
    assert len(outcome.stages) == 3 and np.max(np.abs(outcome.stages[2].test - outcome.stages[0].test)) > 1e-3


def test_relabelling_sees_the_learners_features_and_its_teachers_labels_and_the_student_learns_what_it_returns(task, split, rng):
    seen = []

    def harden_the_confident(features, labels):
        seen.append((features, labels))
        return np.eye(3)[np.argmax(labels, axis=1)], labels.max(axis=1) > 0.5

    outcome = run_protocol(task, split=split, student=RULE, weak=RULE, chain=(1,), relabel=harden_the_confident, rng=rng)
    labels, expected = outcome.weak.transfer, None
    for place, (features, given), kept in zip((1, 2), seen, outcome.kept, strict=True):
        assert np.array_equal(features, task.representations[place][split.transfer])
        assert np.max(np.abs(given - labels)) < ROUNDING
        keep = labels.max(axis=1) > 0.5
        assert kept == np.sum(keep) < 160
        expected = by_hand(task, place, split.transfer[keep], np.eye(3)[np.argmax(labels, axis=1)][keep], split)
        labels = expected[0]
    assert expected is not None and equal(outcome.student, expected)


def test_the_student_sees_no_gold_label_and_the_weak_model_none_of_the_transfer_rows(task, split):
    spoiled = task.labels.copy()
    rows = np.concatenate([split.transfer, split.test])
    spoiled[rows] = (spoiled[rows] + 1) % 3
    chosen = {"student": SoftmaxRule(), "chain": (1,), "rounds": 2}
    honest, other = (
        run_protocol(t, split=split, rng=np.random.default_rng(1), **chosen) for t in (task, replace(task, labels=spoiled))
    )
    assert equal(honest.weak, other.weak)
    assert equal(honest.student, other.student)
    assert np.max(np.abs(honest.ceiling.test - other.ceiling.test)) > 0.3


def test_predictions_of_an_earlier_run_stand_in_for_training(task, split, rng):
    first = run_protocol(task, split=split, student=RULE, weak=RULE, ceiling="weak", rng=rng)
    again = run_protocol(task, split=split, student=RULE, weak=first.weak, ceiling=first.ceiling, rng=rng)
    assert equal(again.student, first.student) and equal(again.ceiling, first.ceiling)
    single = Predictions(*(labels.astype(np.float32) for labels in first.weak))
    near = run_protocol(task, split=split, student=RULE, weak=single, ceiling=first.ceiling, rng=rng)
    assert near.weak.test.sum(axis=1) == pytest.approx(np.ones(140), abs=ROUNDING)
    assert np.max(np.abs(near.student.test - first.student.test)) < 1e-5


def test_what_one_role_draws_changes_nothing_for_the_others(task, split):
    """Held-out rows are drawn by every fit: a ceiling that is given, more rounds or other rules elsewhere leave the first student as it is."""
    rule = SoftmaxRule()

    def first(**changes):
        return run_protocol(task, split=split, student=rule, rng=np.random.default_rng(3), **({"weak": rule} | changes))

    naive = first()
    for other in (first(rounds=2), first(ceiling="weak"), first(ceiling=naive.ceiling), first(weak=naive.weak)):
        assert equal(other.stages[0], naive.student)
    assert equal(first(weak=naive.weak).ceiling, naive.ceiling) and equal(first(rounds=3).stages[1], first(rounds=2).student)
    again = run_protocol(task, split=split, student=rule, weak=naive.weak, rng=np.random.default_rng(4))
    assert not equal(again.student, naive.student)


def test_labels_in_single_precision_are_as_good_from_a_relabelling_as_from_a_supervisor(task, split, rng):
    run = run_protocol(
        task,
        split=split,
        student=RULE,
        weak=RULE,
        relabel=lambda features, labels: (labels.astype(np.float32), np.ones(160, bool)),
        rng=rng,
    )
    plain = run_protocol(task, split=split, student=RULE, weak=run.weak, ceiling=run.ceiling, rng=rng)
    assert np.max(np.abs(run.student.test - plain.student.test)) < 1e-5


def test_a_class_with_a_few_rows_never_falls_into_the_held_out_rows_altogether():
    rng = np.random.default_rng(5)
    labels = np.repeat([0, 1, 2], [50, 47, 3])
    task = ClassificationTask((rng.normal(size=(100, 2)), rng.normal(size=(100, 3))), labels, "one class is rare", True)
    for _ in range(12):
        frequent = np.split(rng.permutation(97), [29, 68])
        split = Split(*(np.append(rows, 97 + i) for i, rows in enumerate(frequent)))
        assert run_protocol(task, split=split, student=SoftmaxRule(), rng=rng).student.test.shape == (30, 3)


def test_any_classifier_will_do(task, split, rng):
    """A nearest-centroid rule that inherits nothing."""

    @dataclass(frozen=True)
    class Fit:
        centroids: np.ndarray

        def predict(self, features):
            scores = np.exp(-np.sum((features[:, None, :] - self.centroids) ** 2, axis=-1))
            return scores / scores.sum(axis=1, keepdims=True)

    class Centroids:
        def fit(self, features, probabilities, *, rng):
            return Fit((probabilities / probabilities.sum(axis=0)).T @ features)

    numbers = report(run_protocol(task, split=split, student=Centroids(), weak=Centroids(), rng=rng).triple("test", "zero-one"))
    assert numbers.ceiling_error < numbers.weak_error < 0.6


def test_a_head_trained_on_minibatches_is_a_classifier_too(task, split, rng):
    head = TrainedHead(epochs=8)
    run = run_protocol(task, split=split, student=head, weak=head, rng=rng)
    numbers = report(run.triple("test", "zero-one"))
    assert numbers.ceiling_error < numbers.weak_error and np.all(run.student.test > 0.0)


def test_shuffling_permutes_the_weak_labels_before_anyone_learns_them(task, split, rng):
    plain = run_protocol(task, split=split, student=RULE, weak=RULE, rng=rng)
    shuffled = run_protocol(task, split=split, student=RULE, weak=plain.weak, ceiling=plain.ceiling, shuffle=True, rng=rng)
    for before, after in zip(plain.weak, shuffled.weak, strict=True):
        order = [int(np.argmin(np.sum(np.abs(before - row), axis=1))) for row in after]
        assert np.max(np.abs(after - before[order])) < ROUNDING
        assert sorted(order) == list(range(len(order))) != order
    assert equal(shuffled.student, by_hand(task, 2, split.transfer, shuffled.weak.transfer, split))
    assert equal(shuffled.ceiling, plain.ceiling)


def test_the_student_of_shuffled_labels_or_of_a_random_teacher_knows_no_more_than_the_largest_class(task, rng):
    """Against the weak model's own student, over splits."""
    right = {"real": [], "shuffled": [], "random": []}
    largest = np.max(np.bincount(task.labels)) / task.size
    for _ in range(12):
        split = task.split((60, 160, 140), rng=rng)
        for name, world in (("real", task), ("shuffled", task), ("random", random_teacher(task, rng=rng))):
            run = run_protocol(world, split=split, student=RULE, weak=RULE, shuffle=name == "shuffled", rng=rng)
            right[name].append(1.0 - report(run.triple("test", "zero-one")).student_error)
    spread = 3.0 * np.sqrt(0.25 / 140)  # the splits share their rows, so that their average may be no better than one of them
    assert np.mean(right["shuffled"]) < largest + spread and np.mean(right["random"]) < largest + spread
    assert np.mean(right["real"]) > largest + spread


def test_triples_compare_probabilities_or_named_classes_with_gold_labels_or_the_ceiling(task, split, rng):
    run = run_protocol(task, split=split, student=RULE, weak=RULE, rng=rng)
    gold = task.labels[split.test]
    numbers = report(run.triple("test", "kl"))
    cross_entropy = -np.mean(np.log(run.weak.test[np.arange(140), gold]))
    assert numbers.weak_error == pytest.approx(cross_entropy, rel=ROUNDING)
    assert numbers.ceiling_error == pytest.approx(-np.mean(np.log(run.ceiling.test[np.arange(140), gold])), rel=ROUNDING)
    assert numbers.gain == pytest.approx(numbers.misfit + numbers.residual, abs=ROUNDING)
    named = report(run.triple("test", "zero-one"))
    assert named.student_error == pytest.approx(np.mean(np.argmax(run.student.test, axis=1) != gold), abs=ROUNDING)
    apart = disagreement(run.triple("test", "zero-one"))
    assert named.gain == pytest.approx(apart.misfit * (apart.student_right - apart.weak_right), abs=ROUNDING)
    assert run.agreement() == pytest.approx(1.0 - apart.misfit, abs=ROUNDING) and 0.3 < run.agreement() < 1.0
    assert run.agreement("transfer") != run.agreement("test")
    realizable = report(run.triple("test", "kl", target="ceiling"))
    expected = np.mean(np.sum(run.ceiling.test * np.log(run.ceiling.test / run.weak.test), axis=1))
    assert realizable.weak_error == pytest.approx(expected, rel=1e-9) and realizable.ceiling_error == 0.0
    squared = report(run.triple("transfer", Squared(vector=True)))
    assert squared.weak_error == pytest.approx(np.mean(np.sum((run.weak.transfer - np.eye(3)[run.gold.transfer]) ** 2, axis=1)))
    with pytest.raises(ValueError, match="must compare vectors of probabilities, or be 'zero-one'; it is 'squared'"):
        run.triple("test", "squared")


def test_a_student_that_sees_what_the_weak_model_sees_repeats_it(task, split, rng):
    """Soft labels of a head are realizable by a head: with hardly a penalty the student is the teacher."""
    loose = SoftmaxRule(penalty=1e-4)
    run = run_protocol(same_features(task), split=split, student=loose, weak=RULE, rng=rng)
    assert np.max(np.abs(run.student.test - run.weak.test)) < 1e-3
    real = run_protocol(task, split=split, student=loose, weak=RULE, rng=rng)
    assert np.max(np.abs(real.student.test - real.weak.test)) > 0.1


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"chain": (2,)}, "chain must rise and lie strictly between the weakest representation, 0, and the strongest, 2"),
        ({"chain": (0,)}, "each place in chain must be a whole number >= 1"),
        ({"chain": (1, 1)}, "chain must rise"),
        ({"rounds": 0}, "rounds must be a whole number >= 1"),
        ({"relabel": lambda features, labels: (labels, np.zeros(160, dtype=bool))}, "keeps 0"),
        ({"relabel": lambda features, labels: (labels[:5], np.ones(5, dtype=bool))}, "relabel must return labels of shape"),
        ({"relabel": lambda features, labels: (labels, np.arange(160))}, "160 booleans"),
        (
            {"weak": Predictions(np.full((160, 3), 1 / 3), np.full((9, 3), 1 / 3))},
            r"weak must have shape \(140, 3\) on the test rows",
        ),
        (
            {"weak": Predictions(np.full((160, 3), 0.5), np.full((140, 3), 1 / 3))},
            "weak, transfer rows, must be non-negative and sum to 1",
        ),
        ({"ceiling": Predictions(np.full((160, 2), 0.5), np.full((140, 2), 0.5))}, r"ceiling must have shape \(160, 3\)"),
        ({"weak": (np.full((160, 3), 1 / 3),)}, "weak must be Predictions of the transfer and the test rows; there are 1 arrays"),
        (
            {"ceiling": [np.full((160, 3), 1 / 3), np.full((140, 3), 1 / 3)]},
            "asked for were those of a list.*also takes the Predictions",
        ),
        ({"relabel": lambda features, labels: (2.0 * labels, np.ones(160, bool))}, "the labels that relabel returned must be"),
    ],
    ids=lambda value: "" if isinstance(value, str) else next(iter(value)),
)
def test_bad_arguments_are_refused_with_the_way_out(task, split, rng, wrong, match):
    with pytest.raises(ValueError, match=match):
        run_protocol(task, split=split, student=RULE, rng=rng, **wrong)


@pytest.mark.parametrize("place", ["weak", "Test", "", None])
def test_a_place_that_is_none_is_refused(task, split, rng, place):
    run = run_protocol(task, split=split, student=RULE, weak=RULE, rng=rng)
    for ask in (run.triple, run.agreement):
        with pytest.raises(ValueError, match=f"where must be one of 'transfer', 'test'; it is {place!r}"):
            ask(place)
    for target in ("Gold", "weak"):
        with pytest.raises(ValueError, match=f"target must be one of 'gold', 'ceiling'; it is '{target}'"):
            run.triple("test", target=target)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [{"weak": [np.ones(3), np.ones(3)]}, {"weak": "gold"}, {"student": Predictions}])
def test_what_is_no_rule_is_refused_in_its_place(task, split, rng, wrong):
    with pytest.raises(TypeError, match=f"{next(iter(wrong))} must be .*a Classifier with a method fit, such as SoftmaxRule"):
        run_protocol(task, split=split, rng=rng, **({"student": RULE} | wrong))


def test_a_seed_in_the_place_of_a_generator_is_refused(task, split):
    with pytest.raises(TypeError, match="default_rng"):
        run_protocol(task, split=split, student=RULE, rng=3)  # type: ignore[arg-type]
