"""Ranking supervisors: the best is found and kept, and nothing is ranked on labels of unknown origin."""

from __future__ import annotations

import numpy as np
import pytest

from tests.diagnosis.pools import hidden
from w2s_theory.diagnosis import answers_of, rank_supervisors


def teachers(size=400, *, seed=0, kind="classes", labelled=None):
    """Three teachers with students of rising error, at the same points."""
    rng = np.random.default_rng(seed)
    gold = rng.integers(2, size=size).astype(float) if kind == "classes" else rng.standard_normal(size)
    rows = np.arange(size) if labelled is None else labelled
    found = []
    for name, error in (("bad", 0.4), ("good", 0.1), ("middling", 0.25)):
        if kind == "classes":
            weak, student = (np.where(rng.random(size) < wrong, 1 - gold, gold) for wrong in (error + 0.05, error))
        else:
            weak, student = (gold + scale * rng.standard_normal(size) for scale in (1.2 * error, error))
        found.append((name, answers_of(weak, student, hidden(gold, rows), kind=kind)))
    return found


@pytest.mark.parametrize("kind", ["classes", "regression"])
def test_the_best_teacher_is_found_with_intervals_for_all_pairs(kind):
    found = rank_supervisors(teachers(kind=kind), rng=np.random.default_rng(0))
    assert [found.names[k] for k in found.ranking.order] == ["good", "middling", "bad"]
    assert found.ranking.may_be_best.tolist() == [False, True, False]
    assert np.all(found.gains > 0.0) and found.warning == ""
    pair = found.ranking.difference(0, 1)
    assert 0.0 < pair.low < pair.value < pair.high


def test_the_best_teacher_is_kept_in_nearly_all_draws():
    rng = np.random.default_rng(1)
    kept = []
    for seed in range(60):
        few = teachers(200, seed=seed, labelled=rng.permutation(200)[:30])
        found = rank_supervisors(few, gold_is="random", rng=rng)
        kept.append(found.ranking.may_be_best[1])
    assert np.mean(kept) > 0.9


def test_without_labels_no_ranking_is_made_up():
    for kind in ("classes", "regression"):
        found = rank_supervisors(teachers(kind=kind, labelled=np.arange(0)), rng=np.random.default_rng(0))
        assert found.ranking is None and found.gains is None and "not known" in found.warning
        assert all(len(values) == 3 for values in found.label_free.values()) and found.label_free


def test_what_can_not_be_ranked_is_refused():
    three, rng = teachers(), np.random.default_rng(0)
    for candidates, message in (
        (three[:1], "two candidates or more"),
        ([three[0], three[0]], "different names"),
        ([three[0], ("short", teachers(30)[1][1])], "the same points in the same way"),
        ([three[0], ("numbers", teachers(kind="regression")[1][1])], "the same points in the same way"),
        ([three[0], ("other", teachers(seed=1)[1][1])], "gold labels must be the same"),
        (teachers(labelled=np.arange(50)), "how these were chosen is not known"),
    ):
        with pytest.raises(ValueError, match=message):
            rank_supervisors(candidates, rng=rng)
