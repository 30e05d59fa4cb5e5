"""The pipeline: who sees which labels, and what the exact laws say of its outcome."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.tolerances import ROUNDING, SOLVE
from w2s_theory.pipelines import run
from w2s_theory.problems.empirical import EmpiricalTask, random_teacher, same_features
from w2s_theory.quantities.gain import report
from w2s_theory.students.linear import OLS, MinimumNorm, Ridge


@pytest.fixture
def rng():
    return np.random.default_rng(20240523)


@pytest.fixture
def task(rng):
    """Two tasks, not realizable; the strong features explain more of them than the weak features do."""
    strong = rng.normal(size=(200, 6))
    weak = strong[:, :2] + 0.7 * rng.normal(size=(200, 2))
    labels = rng.normal(size=(2, 6)) @ strong.T + 0.5 * np.tanh(3 * strong[:, 0] * strong[:, 1]) + 0.3
    return EmpiricalTask(weak, strong, labels, "made up", is_synthetic=True)


@pytest.fixture
def split(task):
    return task.split((40, 100, 60), rng=np.random.default_rng(7))


def test_a_run_is_the_four_steps_done_by_hand(task, split):
    outcome = run(task, split=split, student=Ridge(3.0), weak=OLS(intercept=True))
    teacher = OLS(intercept=True).fit(task.weak_features[split.weak], task.labels[:, split.weak])
    pseudo = teacher.predict(task.weak_features[split.transfer])
    student = Ridge(3.0).fit(task.strong_features[split.transfer], pseudo)
    ceiling = Ridge(3.0).fit(task.strong_features[split.transfer], task.labels[:, split.transfer])
    for triple, rows in ((outcome.train, split.transfer), (outcome.test, split.test)):
        assert np.array_equal(triple.target, task.labels[:, rows])
        assert np.array_equal(triple.weak, teacher.predict(task.weak_features[rows]))
        assert triple.student == pytest.approx(student.predict(task.strong_features[rows]), rel=SOLVE, abs=ROUNDING)
        assert triple.ceiling == pytest.approx(ceiling.predict(task.strong_features[rows]), rel=SOLVE, abs=ROUNDING)


def test_the_student_sees_no_gold_label_and_the_weak_head_none_of_the_transfer_rows(task, split):
    spoiled = task.labels.copy()
    spoiled[:, np.concatenate([split.transfer, split.test])] += 100.0 * np.sin(np.arange(160))
    honest, other = (run(t, split=split, student=Ridge(), weak=Ridge()) for t in (task, replace(task, labels=spoiled)))
    assert np.array_equal(honest.test.weak, other.test.weak)
    assert honest.test.student == pytest.approx(other.test.student, rel=SOLVE, abs=ROUNDING)
    assert np.max(np.abs(honest.test.ceiling - other.test.ceiling)) > 1.0


def test_in_sample_gain_is_misfit_for_least_squares_and_a_realizable_target(task, split):
    realizable = replace(task, labels=np.array([[1.0], [-2.0]]) * (task.strong_features @ np.arange(6.0)))
    numbers = report(run(realizable, split=split, student=OLS()).train)
    assert numbers.gain == pytest.approx(numbers.misfit, rel=SOLVE)
    assert np.min(numbers.misfit) > 0.01
    bent = report(run(task, split=split, student=OLS()).train)
    assert np.min(np.abs(bent.gain / bent.misfit - 1.0)) > 0.01


@pytest.mark.parametrize("wrong", [1.0, 1.1])
def test_in_sample_the_penalty_term_of_ridge_is_its_closed_form(task, split, wrong):
    """λ(‖b_s‖² − ‖b_c‖² + ‖b_s − b_c‖²)/n: the in-sample identity for a ridge student, with the ceiling as the head compared with."""
    outcome = run(task, split=split, student=Ridge(20.0))
    student, ceiling = outcome.strong_fit.coefficients
    squares = [np.sum(head**2, axis=-1) for head in (student, ceiling, student - ceiling)]
    closed_form = wrong * 20.0 * (squares[0] - squares[1] + squares[2]) / len(split.transfer)
    agree = np.abs(report(outcome.train).penalty_term - closed_form) <= ROUNDING
    assert np.all(agree) if wrong == 1.0 else not np.any(agree)
    assert np.min(np.abs(closed_form)) > 1e-3


def test_the_terms_add_up_in_sample_and_out(task, split):
    outcome = run(task, split=split, student=Ridge())
    for triple in (outcome.train, outcome.test):
        numbers = report(triple)
        assert numbers.gain == pytest.approx(numbers.misfit + numbers.cross_term + numbers.penalty_term, abs=ROUNDING)


def test_shuffling_permutes_the_weak_labels_alike_for_all_tasks_and_before_the_student_sees_them(task, split):
    plain = run(task, split=split, student=OLS())
    shuffled = run(task, split=split, student=OLS(), shuffle=np.random.default_rng(3))
    assert shuffled.is_shuffled and not plain.is_shuffled
    for before, after in ((plain.train, shuffled.train), (plain.test, shuffled.test)):
        order = [int(np.flatnonzero(before.weak[0] == value)[0]) for value in after.weak[0]]
        assert sorted(order) == list(range(len(order))) != order
        assert np.array_equal(after.weak, before.weak[:, order])
    assert plain.test.ceiling == pytest.approx(shuffled.test.ceiling, rel=SOLVE, abs=ROUNDING)
    refit = OLS().fit(task.strong_features[split.transfer], shuffled.train.weak)
    assert shuffled.test.student == pytest.approx(refit.predict(task.strong_features[split.test]), rel=SOLVE, abs=ROUNDING)


def test_with_the_same_features_least_squares_can_only_repeat_the_weak_model(task, split):
    numbers = report(run(same_features(task), split=split, student=OLS(intercept=True), weak=OLS(intercept=True)).test)
    assert np.max(numbers.misfit) < ROUNDING and np.max(np.abs(numbers.gain)) < ROUNDING


def test_the_student_of_a_random_teacher_is_no_better_than_the_mean_and_that_of_the_weak_model_is(task, rng):
    def error_over_mean(teacher):
        errors, means = [], []
        for _ in range(40):
            split = task.split((40, 100, 60), rng=rng)
            test = run(teacher(), split=split, student=OLS(intercept=True), weak=OLS(intercept=True)).test
            errors.append(report(test).student_error)
            means.append(np.var(test.target, axis=-1))
        return np.mean(errors, axis=0) / np.mean(means, axis=0)

    assert np.all(error_over_mean(lambda: random_teacher(task, rng=rng)) > 0.99)
    assert np.min(error_over_mean(lambda: task)) < 0.9


def test_a_single_task_keeps_its_shape_and_a_hopeless_student_says_why(task, split):
    single = replace(task, labels=task.labels[0])
    outcome = run(single, split=split, student=MinimumNorm())
    assert outcome.test.student.shape == (60,) and outcome.strong_fit.coefficients.shape == (2, 6)
    assert outcome.task == "made up" and outcome.rule == MinimumNorm()
    with pytest.raises(ValueError, match="MinimumNorm"):
        run(single, split=split._replace(transfer=split.transfer[:5]), student=OLS())
    with pytest.raises(TypeError, match="default_rng"):
        run(single, split=split, student=OLS(), shuffle=3)  # type: ignore[arg-type]
