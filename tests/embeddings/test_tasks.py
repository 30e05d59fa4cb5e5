"""Loaders of real tasks: the bundled digits, and npz files good and bad."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from tests.tolerances import ROUNDING
from w2s_theory._validation import MissingExtra
from w2s_theory.embeddings.tasks import (
    EMBEDDING_CLASSES,
    EMBEDDING_TASKS,
    digits_classes,
    digits_task,
    embedding_classes,
    embedding_folder,
    embedding_task,
)


@pytest.fixture
def rng():
    return np.random.default_rng(20240523)


@pytest.fixture
def folder(tmp_path, rng):
    """Small files of the layout of the real ones."""
    n, d = 30, 4

    def half(*names):
        return {name: rng.normal(size=(n, d)).astype(np.float16) for name in names}

    np.savez(tmp_path / "sst2.npz", y=np.arange(n) % 2, row=np.arange(n), **half("x0", "x6"))
    np.savez(tmp_path / "trec.npz", y=np.arange(n) % 6, row=np.arange(n), **half("x0", "x6"))
    np.savez(tmp_path / "stsb_en.npz", y=rng.uniform(0, 5, n), row=np.arange(n), **half("u0", "v0", "u6", "v6"))
    return tmp_path


def test_the_digits_are_five_standardised_tasks_with_balanced_classes():
    pytest.importorskip("sklearn")
    task = digits_task()
    assert task.labels.shape == (5, 896) and task.strong_features.shape == (896, 48) and task.weak_features.shape == (896, 4)
    assert task.labels.mean(axis=-1) == pytest.approx(np.zeros(5), abs=ROUNDING)
    assert task.labels.var(axis=-1) == pytest.approx(np.ones(5), rel=ROUNDING)
    # Every image belongs to exactly one class, each class to about a fifth of them.
    positive = task.labels > 0
    assert np.all(positive.sum(axis=0) == 1) and np.all(np.abs(positive.mean(axis=1) - 0.2) < 0.01)


def test_the_weak_digits_are_block_means_of_the_images():
    datasets = pytest.importorskip("sklearn.datasets")
    images, digit = datasets.load_digits(return_X_y=True)
    fine, coarse, one = (digits_task(side=side).weak_features for side in (8, 4, 1))
    assert np.array_equal(fine, images[digit >= 5])
    assert coarse[0, 1] == np.mean(fine[0].reshape(8, 8)[:2, 2:4])
    assert one[:, 0] == pytest.approx(fine.mean(axis=1), rel=ROUNDING)


def test_the_strong_digits_are_kernel_components_made_on_the_other_classes():
    """Fitting on 0–4 with the documented width, by an eigendecomposition of our own, gives the same inner products."""
    datasets = pytest.importorskip("sklearn.datasets")
    images, digit = datasets.load_digits(return_X_y=True)
    elsewhere, here = images[digit < 5], images[digit >= 5][:50]

    def squared(a, b):
        return np.sum((a[:, None, :] - b[None, :, :]) ** 2, axis=-1)

    distances = squared(elsewhere, elsewhere)
    width = np.median(np.sqrt(distances[np.triu_indices(len(elsewhere), k=1)])) ** 2
    kernel, cross = np.exp(-distances / width), np.exp(-squared(here, elsewhere) / width)
    centring = np.eye(len(elsewhere)) - 1.0 / len(elsewhere)
    values, vectors = np.linalg.eigh(centring @ kernel @ centring)
    projected = (cross - kernel.mean(axis=0)) @ centring @ (vectors[:, ::-1][:, :10] / np.sqrt(values[::-1][:10]))
    features = digits_task(components=10).strong_features[:50]
    assert features @ features.T == pytest.approx(projected @ projected.T, abs=1e-9)


def test_digits_refuse_more_components_than_the_kernel_has():
    pytest.importorskip("sklearn")
    task = digits_task(components=900)
    assert task.strong_features.shape == (896, 900) and np.all(np.isfinite(task.strong_features))
    for components in (901, 5000):
        with pytest.raises(ValueError, match=f"components must be at most 900.*it is {components}"):
            digits_task(components=components)


def test_digits_refuse_odd_blocks_and_name_the_extra_without_scikit_learn(monkeypatch):
    with pytest.raises(ValueError, match="1, 2, 4 or 8; it is 3"):
        digits_task(side=3)
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(MissingExtra, match="embeddings"):
        digits_task()


def test_the_digits_as_classes_are_the_same_images_seen_by_three_models():
    datasets = pytest.importorskip("sklearn.datasets")
    _, digit = datasets.load_digits(return_X_y=True)
    task, numbers = digits_classes(), digits_task(side=4)
    assert [features.shape[1] for features in task.representations] == [4, 16, 48]
    assert np.array_equal(task.labels, digit[digit >= 5] - 5) and task.classes == 5
    assert np.array_equal(task.strong_features, numbers.strong_features)
    assert np.array_equal(task.representations[1], numbers.weak_features)
    assert np.array_equal(task.weak_features, digits_task().weak_features)


def test_single_texts_are_taken_as_they_are_in_double_precision(folder):
    task = embedding_task("sst2", folder)
    stored = np.load(folder / "sst2.npz")
    assert np.array_equal(task.weak_features, stored["x0"]) and np.array_equal(task.strong_features, stored["x6"])
    assert task.weak_features.dtype == np.float64 and task.labels == pytest.approx(np.tile([-1.0, 1.0], 15))


def test_pairs_become_absolute_differences_and_products_without_overflow(folder):
    task = embedding_task("stsb_en", folder)
    stored = {key: value.astype(np.float64) for key, value in np.load(folder / "stsb_en.npz").items()}
    assert np.array_equal(task.strong_features[:, :4], np.abs(stored["u6"] - stored["v6"]))
    assert np.array_equal(task.weak_features[:, 4:], stored["u0"] * stored["v0"])
    assert task.labels.var() == pytest.approx(1.0)


def test_question_types_become_one_task_each(folder):
    task = embedding_task("trec", folder)
    assert task.labels.shape == (6, 30) and np.all((task.labels > 0).sum(axis=0) == 1)
    assert np.array_equal(np.argmax(task.labels, axis=0), np.arange(30) % 6)
    assert task.labels.var(axis=-1) == pytest.approx(np.ones(6))


def test_question_types_are_one_task_of_six_classes_with_the_same_features(folder):
    task = embedding_classes("trec", folder)
    assert task.classes == 6 and np.array_equal(task.labels, np.arange(30) % 6) and task.name == "trec"
    assert np.array_equal(task.strong_features, embedding_task("trec", folder).strong_features)
    assert np.array_equal(task.weak_features, embedding_task("trec", folder).weak_features)


def test_a_task_of_numbers_is_no_task_of_classes(folder):
    with pytest.raises(ValueError, match="name must be one of sst2, trec, openai_moderation; it is 'stsb_en'"):
        embedding_classes("stsb_en", folder)
    np.savez(folder / "sst2.npz", y=np.linspace(0, 1, 4), x0=np.ones((4, 2)), x6=np.ones((4, 2)))
    with pytest.raises(ValueError, match=r"sst2\.npz does not hold a task of classes: labels must be class indices"):
        embedding_classes("sst2", folder)


def test_a_missing_folder_or_file_says_what_to_set(folder, monkeypatch):
    monkeypatch.delenv("W2S_DATA", raising=False)
    with pytest.raises(FileNotFoundError, match="set the environment variable W2S_DATA"):
        embedding_task("sst2")
    monkeypatch.setenv("W2S_DATA", str(folder))
    with pytest.raises(FileNotFoundError, match="no folder 'embeddings'"):
        embedding_folder()
    with pytest.raises(FileNotFoundError, match=r"emobank\.npz is not there"):
        embedding_task("emobank", folder)
    with pytest.raises(ValueError, match="name must be one of stsb_en"):
        embedding_task("imdb", folder)


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.9])
def test_a_truncated_file_is_named(folder, kept):
    data = (folder / "sst2.npz").read_bytes()
    (folder / "sst2.npz").write_bytes(data[: int(kept * len(data))])
    with pytest.raises(ValueError, match=r"sst2\.npz is damaged"):
        embedding_task("sst2", folder)


def test_a_corrupted_array_is_named(folder):
    data = bytearray((folder / "sst2.npz").read_bytes())
    start = data.find(b"x0.npy") + 200
    data[start : start + 20] = bytes(20)
    (folder / "sst2.npz").write_bytes(bytes(data))
    with pytest.raises(ValueError, match=r"sst2\.npz is damaged"):
        embedding_task("sst2", folder)


def test_pickled_contents_and_single_arrays_are_refused(folder):
    np.savez(folder / "sst2.npz", y=np.array([{"a": 1}, None, 2], dtype=object))
    with pytest.raises(ValueError, match=r"sst2\.npz is damaged or not an npz file of plain arrays"):
        embedding_task("sst2", folder)
    with (folder / "sst2.npz").open("wb") as file:
        np.save(file, np.ones(3))
    with pytest.raises(ValueError, match=r"sst2\.npz is damaged or not an npz file of plain arrays"):
        embedding_task("sst2", folder)


def _pairs(**wrong):
    return {"y": np.arange(4), **{name: np.ones((4, 2)) for name in ("u0", "v0", "u6", "v6")}, **wrong}


@pytest.mark.parametrize(
    ("arrays", "match"),
    [
        ({"y": np.arange(4), "x0": np.ones((4, 2))}, "must hold the array 'x6'"),
        ({"x6": np.ones((4, 2)), "x0": np.ones((4, 2))}, "must hold the array 'y'"),
        ({"y": np.arange(4), "x0": np.ones((4, 2)), "x6": np.ones((3, 2))}, "strong_features must have one row per sample"),
        ({"y": np.arange(4), "x0": np.full((4, 2), np.nan), "x6": np.ones((4, 2))}, "weak_features must be finite"),
        ({"y": np.ones(4), "x0": np.ones((4, 2)), "x6": np.ones((4, 2))}, "labels must not be constant"),
        ({"y": np.array(list("abcd")), "x0": np.ones((4, 2)), "x6": np.ones((4, 2))}, "'y' must hold real numbers"),
        ({"y": np.arange(4), "x0": np.full((4, 2), "a"), "x6": np.ones((4, 2))}, "'x0' must hold real numbers"),
        ({"y": np.arange(4), "x0": np.ones((4, 2)), "x6": np.ones((4, 2)) * 1j}, "'x6' must hold real numbers.*complex128"),
        (_pairs(v0=np.ones((3, 2))), r"'u0' and 'v0' must be matrices of the same shape.*\(4, 2\) and \(3, 2\)"),
        (_pairs(u6=np.ones((1, 2))), "'u6' and 'v6' must be matrices of the same shape"),
        (_pairs(u0=np.ones(4), v0=np.ones(4)), "'u0' and 'v0' must be matrices"),
    ],
)
def test_wrong_arrays_are_named_with_their_file(folder, arrays, match):
    np.savez(folder / "sst2.npz", **arrays)
    with pytest.raises(ValueError, match=r"sst2\.npz.*" + match):
        embedding_task("sst2", folder)


@pytest.mark.parametrize("name", EMBEDDING_TASKS)
def test_the_real_files_hold_what_is_documented(real_data, name):
    task = embedding_task(name, real_data(f"embeddings/{name}.npz").parent)
    assert task.size == 1500 and not task.is_synthetic
    width = 768 if name == "stsb_en" else 384
    assert task.weak_features.shape == task.strong_features.shape == (1500, width)
    assert task.labels.shape == ((6, 1500) if name == "trec" else (1500,))


@pytest.mark.parametrize("name", EMBEDDING_CLASSES)
def test_the_real_files_of_classes_hold_what_is_documented(real_data, name):
    task = embedding_classes(name, real_data(f"embeddings/{name}.npz").parent)
    assert task.size == 1500 and task.classes == (6 if name == "trec" else 2)
    assert [features.shape for features in task.representations] == [(1500, 384)] * 2
