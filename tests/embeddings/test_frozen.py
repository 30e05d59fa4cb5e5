"""From a task of texts and two models to weak and strong features."""

from __future__ import annotations

import numpy as np
import pytest

from tests.embeddings.letters import TEXTS, Letters
from tests.tolerances import ROUNDING
from w2s_theory.embeddings.frozen import frozen_task, take, task_features
from w2s_theory.embeddings.texts import TextTask
from w2s_theory.problems.classification import ClassificationTask
from w2s_theory.problems.empirical import EmpiricalTask

NUMBERS = np.linspace(0.0, 4.0, len(TEXTS)) ** 2


def made(**changes):
    fields = {"name": "trees", "texts": TEXTS, "labels": NUMBERS, "kind": "regression"} | changes
    return TextTask(**fields)


def test_a_regression_has_the_layers_asked_for_and_standardised_labels(tmp_path):
    weak, strong = Letters(0), Letters(1)
    task = frozen_task(made(), (weak, 0), (strong, 3), folder=tmp_path)
    assert isinstance(task, EmpiricalTask) and task.name == "trees"
    np.testing.assert_allclose(task.weak_features, weak.extract(TEXTS)[:, 0], rtol=1e-6)
    np.testing.assert_allclose(task.strong_features, strong.extract(TEXTS)[:, 2], rtol=1e-6)
    assert abs(task.labels.mean()) < ROUNDING and abs(task.labels.std() - 1.0) < ROUNDING
    assert np.corrcoef(task.labels, NUMBERS)[0, 1] > 1.0 - ROUNDING


def test_classes_stay_classes(tmp_path):
    labels = np.arange(len(TEXTS)) % 3
    task = frozen_task(made(labels=labels, kind="classes"), (Letters(), 0), (Letters(), 1), folder=tmp_path)
    assert isinstance(task, ClassificationTask)
    assert task.labels.tolist() == labels.tolist()


def test_pairs_become_differences_and_products(tmp_path):
    turned = TEXTS[::-1]
    found = task_features(made(texts2=turned), Letters(), 1, folder=tmp_path)
    u, v = (Letters().extract(texts)[:, 1] for texts in (TEXTS, turned))
    np.testing.assert_allclose(found, np.concatenate([np.abs(u - v), u * v], axis=1), rtol=1e-5)
    same = task_features(made(texts=turned, texts2=TEXTS), Letters(), 1, folder=tmp_path)
    assert np.array_equal(found, same)


def test_only_the_rows_asked_for_are_extracted_and_the_second_time_none(tmp_path):
    letters = Letters()
    rows = [4, 2, 9, 11]
    task = frozen_task(made(), (letters, 0), (letters, 1), folder=tmp_path, rows=rows)
    assert letters.calls == [TEXTS[4]]  # one model, one extraction for both layers
    np.testing.assert_allclose(task.weak_features, Letters().extract([TEXTS[row] for row in rows])[:, 0], rtol=1e-6)
    assert np.corrcoef(task.labels, NUMBERS[rows])[0, 1] > 1.0 - ROUNDING
    frozen_task(made(), (letters, 3), (letters, 1), folder=tmp_path, rows=rows)
    assert len(letters.calls) == 1


def test_take_keeps_all_columns_together():
    teacher = np.where(NUMBERS > 3, np.nan, NUMBERS)
    taken = take(made(texts2=TEXTS[::-1], teacher=teacher), NUMBERS > 8)
    kept = np.flatnonzero(NUMBERS > 8)
    assert taken.texts == tuple(TEXTS[row] for row in kept)
    assert taken.texts2 == tuple(TEXTS[::-1][row] for row in kept)
    assert taken.labels.tolist() == NUMBERS[kept].tolist()
    assert taken.teacher is not None and np.array_equal(taken.teacher, teacher[kept], equal_nan=True)


@pytest.mark.parametrize("rows", [[], [0, 0, 1], [-1, 2], [0, 19], [0.5, 1.0], np.ones(5, dtype=bool), [[0, 1]]], ids=str)
def test_rows_that_are_not_there_or_twice_are_refused(rows):
    with pytest.raises(ValueError, match="rows must be"):
        take(made(), rows)


def test_a_layer_that_was_not_extracted_is_refused(tmp_path):
    with pytest.raises(ValueError, match="layer must be one of 0, 1, 3"):
        frozen_task(made(), (Letters(), 2), (Letters(), 3), folder=tmp_path)
