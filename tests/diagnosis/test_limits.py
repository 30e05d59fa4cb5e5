"""Bounds and gains from labels themselves, by brute force over all truths and against the quantities of the same name."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tests.diagnosis.pools import class_pool, hidden, number_pool, probability_pool, true_gain
from tests.tolerances import ROUNDING, SOLVE
from w2s_theory.diagnosis import answers_of, diagnose
from w2s_theory.diagnosis.limits import limits, misfit, pointwise_gain
from w2s_theory.quantities.label_efficiency.no_labels import accuracy_range, cross_entropy_range, slope_range


@pytest.mark.parametrize(
    "pool", [class_pool(200, classes=3), number_pool(200), probability_pool(200)], ids=["classes", "numbers", "soft"]
)
def test_with_all_gold_labels_the_gain_of_the_pool_is_known_exactly_in_every_loss(pool):
    found = diagnose(*pool)
    answers = answers_of(*pool)
    assert tuple(each.loss for each in found.answers) == answers.losses
    for each in found.answers:
        truth = true_gain(answers, each.loss)
        assert each.gain.value == pytest.approx(truth, abs=SOLVE)
        assert each.gain.low == pytest.approx(truth, abs=SOLVE) and each.gain.high == pytest.approx(truth, abs=SOLVE)
        assert each.possible.low == pytest.approx(truth, abs=SOLVE)
        assert each.verdict == ("yes" if truth > 0 else "no")
        assert np.mean(pointwise_gain(answers, each.loss, np.arange(200))) == pytest.approx(truth, abs=ROUNDING)
    population = diagnose(*pool, target="population").main.gain
    assert population.low < population.value < population.high, "of the population less is known than of the points"


@pytest.mark.parametrize("loss", ["accuracy", "cross_entropy", "squared"])
def test_what_is_possible_without_labels_is_found_by_trying_all_truths(loss):
    weak, student, gold = probability_pool(6)
    answers = answers_of(weak, student, hidden(gold, [1, 4]))
    tried = []
    for rest in itertools.product(range(3), repeat=4):
        truth = np.array(gold)
        truth[[0, 2, 3, 5]] = rest
        tried.append(true_gain(answers_of(weak, student, truth), loss))
    found = limits(answers, loss)
    assert (found.low, found.high) == (pytest.approx(min(tried), abs=ROUNDING), pytest.approx(max(tried), abs=ROUNDING))
    main = diagnose(weak, student, hidden(gold, [1, 4]), loss=loss).main
    assert main.gain is None and main.possible == found, "labels of unknown origin make no estimate"


def test_without_any_label_the_bounds_are_those_of_the_quantities():
    weak, student, _ = probability_pool(50)
    answers = answers_of(weak, student)
    for loss, other in (
        ("accuracy", accuracy_range(answers.hard("weak"), answers.hard("student"))),
        ("cross_entropy", cross_entropy_range(weak, student)),
    ):
        found = limits(answers, loss)
        for one, two in ((found.low, other.low), (found.high, other.high), (misfit(answers, loss), other.misfit)):
            assert one == pytest.approx(two, abs=SOLVE)
    weak, student, _ = number_pool(50)
    found, other = (
        limits(answers_of(weak, student), "squared", label_range=(-2.0, 3.0)),
        slope_range(weak, student, labels=(-2.0, 3.0)),
    )
    assert (found.low, found.high) == (pytest.approx(other.low, abs=ROUNDING), pytest.approx(other.high, abs=ROUNDING))
    assert limits(answers_of(weak, student), "squared").high == np.inf


def test_the_misfit_in_squared_loss_is_the_mean_squared_distance():
    weak, student, _ = number_pool(50)
    assert misfit(answers_of(weak, student), "squared") == pytest.approx(
        float(np.var(weak - student) + np.mean(weak - student) ** 2)
    )
    weak, student, _ = probability_pool(50)
    by_class = [misfit(answers_of(weak[:, k], student[:, k]), "squared") for k in range(3)]
    assert misfit(answers_of(weak, student), "squared") == pytest.approx(sum(by_class), rel=SOLVE)
