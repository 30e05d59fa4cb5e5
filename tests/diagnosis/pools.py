"""Pools of answers with all their gold labels, for tests to hide and to reveal."""

from __future__ import annotations

import csv

import numpy as np


def class_pool(size, *, classes=2, seed=0, names=None):
    """Classes (weak, student, gold): a teacher right in seven of ten, a student that corrects some of it."""
    rng = np.random.default_rng(seed)
    gold = rng.integers(classes, size=size)
    weak = np.where(rng.random(size) < 0.7, gold, (gold + rng.integers(1, classes, size=size)) % classes)
    student = np.where(rng.random(size) < 0.5, weak, np.where(rng.random(size) < 0.7, gold, rng.integers(classes, size=size)))
    parts = (weak, student, gold)
    return parts if names is None else tuple(np.array(names, dtype=object)[part] for part in parts)


def number_pool(size, *, seed=0, noise=1.0):
    """Numbers (weak, student, gold), heavy-tailed: a student that shrinks its teacher's errors."""
    rng = np.random.default_rng(seed)
    gold = rng.standard_normal(size)
    error = noise * rng.standard_t(5, size)
    return gold + error, gold + 0.6 * error * (rng.random(size) < 0.8) + 0.3 * rng.standard_normal(size), gold


def probability_pool(size, *, classes=3, seed=0):
    """Probabilities (weak, student) and gold classes, drawn from a sharper law than either."""
    rng = np.random.default_rng(seed)
    scores = 1.5 * rng.standard_normal((size, classes))
    gold = np.array([rng.choice(classes, p=row) for row in _softmax(scores)])
    return (
        _softmax(scores + 1.5 * rng.standard_normal(scores.shape)),
        _softmax(scores + 0.8 * rng.standard_normal(scores.shape)),
        gold,
    )


def hidden(gold, rows):
    """The gold labels of ``rows`` alone, NaN elsewhere."""
    kept = np.full(len(gold), np.nan)
    kept[rows] = gold[rows]
    return kept


def true_gain(answers, loss):
    """By the losses themselves, from all gold labels."""
    gold = answers.gold
    if loss == "accuracy":
        return np.mean(answers.hard("student") == gold) - np.mean(answers.hard("weak") == gold)
    if answers.kind == "regression":
        return np.mean((answers.weak - gold) ** 2) - np.mean((answers.student - gold) ** 2)
    hot = np.eye(len(answers.classes))[gold.astype(int)]
    if loss == "squared":
        return np.mean(np.sum((answers.weak - hot) ** 2 - (answers.student - hot) ** 2, axis=1))
    return np.mean(np.sum(hot * (np.log(answers.soft("student")) - np.log(answers.soft("weak"))), axis=1))


def write_csv(path, **columns):
    """A CSV with these columns."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([list(columns), *zip(*columns.values(), strict=True)])
    return path


def fill_in(path, gold, *, until=None):
    """Fill in the column gold of a draw, as a person would; only the first ``until`` lines."""
    with open(path, newline="", encoding="utf-8") as file:
        header, *lines = csv.reader(file)
    for line in lines[:until]:
        line[header.index("gold")] = gold[int(line[header.index("point")]) - 1]
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *lines])


def _softmax(scores):
    grown = np.exp(scores - scores.max(axis=1, keepdims=True))
    return grown / grown.sum(axis=1, keepdims=True)
