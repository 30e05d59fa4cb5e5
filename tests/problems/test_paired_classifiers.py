"""Paired classifiers and their true metrics: closed forms and integrals against raw simulation, correlations, seeds, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr, ndtri
from scipy.stats import multivariate_normal

from tests.tolerances import PRINTED_THREE, QUADRATURE, STANDARD_ERRORS
from w2s_theory.problems.paired_classifiers import PairedClassifiers
from w2s_theory.quantities.binormal import accuracy_covariance, pgr_stderr, population_metric, population_pgr
from w2s_theory.quantities.metrics import METRICS

SKEWED = PairedClassifiers([0.6, 0.9, 1.4], share=0.3, confidence=2.0)
PRINTED_WORLD = (0.70, 0.75, 0.80)


@pytest.fixture(scope="module")
def skewed_sample():
    return SKEWED.sample(200_000, rng=np.random.default_rng(0))


@pytest.mark.parametrize("name", METRICS)
def test_true_metrics_are_what_a_large_sample_has(name, skewed_sample):
    predictions, labels = skewed_sample
    truth = population_metric(SKEWED, name)
    for model, value in zip(predictions, truth, strict=True):
        evaluation = METRICS[name].evaluate(model, labels)
        # A calibration error is a sum of means over bins with signs; all points in one bin of one sign vary the most.
        surplus = (model.argmax(axis=1) == labels) - model.max(axis=1)
        stderr = np.std(surplus if evaluation.influence is None else evaluation.influence) / np.sqrt(labels.size)
        assert abs(evaluation.value - value) <= STANDARD_ERRORS * stderr
        assert STANDARD_ERRORS * stderr < 0.1 * value


def test_the_average_over_seeds_is_what_many_seeds_have():
    world = PairedClassifiers([0.6, 0.9, 1.4], correlation=0.0, confidence=1.5, seed_spread=0.4)
    predictions, labels = world.sample(100, rng=np.random.default_rng(1), runs=3000)
    for name in ("accuracy", "brier", "cross_entropy"):
        values = METRICS[name](predictions, labels)
        # Labels are shared by the seeds: what they add is the points' part of the variance.
        influence = METRICS[name].evaluate(predictions, labels).influence
        stderr = np.sqrt(values.var(axis=1) / 3000 + influence.mean(axis=1).var(axis=1) / 100)
        truth = population_metric(world, name)
        assert np.all(np.abs(values.mean(axis=1) - truth) <= STANDARD_ERRORS * stderr), name
        assert np.all(STANDARD_ERRORS * stderr < 0.1 * truth), name
    areas = population_metric(world, "auc")
    assert areas == pytest.approx(ndtr(np.sqrt(2.0) * world.strengths / np.sqrt(1.32)), abs=QUADRATURE)  # 1 + 2τ²
    chances = np.array([0.6, 0.7, 0.8])
    spread = PairedClassifiers(ndtri(chances) * np.sqrt(1.25), seed_spread=0.5)
    assert population_metric(spread, "accuracy") == pytest.approx(chances, abs=QUADRATURE)  # Φ(μ/√(1 + τ²))


@pytest.mark.parametrize("share", [0.5, 0.3])
def test_the_covariance_of_right_answers_is_a_bivariate_normal_probability(share):
    world = PairedClassifiers([0.5, 0.8, 1.2], correlation=0.6, share=share)
    predictions, labels = world.sample(400_000, rng=np.random.default_rng(2))
    right = (predictions.argmax(axis=-1) == labels).astype(float)
    centred = right - right.mean(axis=1, keepdims=True)
    products = centred[:, None] * centred[None]
    stderr = products.std(axis=-1) / np.sqrt(labels.size)
    closed = accuracy_covariance(world)
    assert np.all(np.abs(products.mean(axis=-1) - closed) <= STANDARD_ERRORS * stderr)
    assert np.all(STANDARD_ERRORS * stderr < 0.1 * closed)
    if share == 0.5:
        law = multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]])
        rate = population_metric(world, "accuracy")
        assert closed[0, 2] == pytest.approx(law.cdf(world.strengths[[0, 2]]) - rate[0] * rate[2], abs=QUADRATURE)


def test_the_standard_error_of_pgr_has_its_quoted_value_and_follows_from_the_raw_spread():
    """Quoted for 0.70, 0.75, 0.80: 0.374 and 0.167 on 200 and 1000 points when independent. With latent correlation 0.7 it is 0.273."""
    alone = PairedClassifiers.of_accuracies(*PRINTED_WORLD, correlation=0.0)
    assert pgr_stderr(alone, 200) == pytest.approx(0.374, abs=PRINTED_THREE)
    assert pgr_stderr(alone, 1000) == pytest.approx(0.167, abs=PRINTED_THREE)
    together = PairedClassifiers.of_accuracies(*PRINTED_WORLD, correlation=0.7)
    rng = np.random.default_rng(3)
    contrasts = []
    for _ in range(40):
        predictions, labels = together.sample(10_000, rng=rng)
        right = (predictions.argmax(axis=-1) == labels).reshape(3, 50, 200).mean(axis=-1)
        contrasts.append((right[1] - right[0] - 0.5 * (right[2] - right[0])) / 0.1)
    spread = np.std(contrasts)
    error = spread / np.sqrt(2 * 2000)
    assert abs(pgr_stderr(together, 200) - spread) <= STANDARD_ERRORS * error < 0.1 * spread


def test_pgr_of_the_metrics_differs_and_none_is_given_where_there_is_no_gap():
    assert population_pgr(PairedClassifiers.of_accuracies(*PRINTED_WORLD)) == pytest.approx(0.5, abs=QUADRATURE)
    assert len({round(population_pgr(SKEWED, name), 3) for name in METRICS}) == len(METRICS)
    with pytest.raises(ValueError, match="differs from the weak model in ece"):
        population_pgr(PairedClassifiers([0.5, 0.7, 1.0]), "ece")


def test_predictions_have_seeds_in_front_when_asked_and_rows_that_sum_to_one():
    predictions, labels = SKEWED.sample(20, rng=np.random.default_rng(0), runs=4)
    assert predictions.shape == (3, 4, 20, 2) and labels.shape == (20,)
    assert predictions.sum(axis=-1) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"strengths": [0.5, 0.7]}, "three numbers > 0"),
        ({"strengths": [0.0, 0.7, 1.0]}, "three numbers > 0"),
        ({"strengths": [0.5, 0.7, 1.0], "correlation": 0.8, "seed_correlation": 0.3}, "at most 1"),
        ({"strengths": [0.5, 0.7, 1.0], "correlation": -0.1}, "correlation must be"),
        ({"strengths": [0.5, 0.7, 1.0], "share": 1.0}, "share must lie"),
        ({"strengths": [0.5, 0.7, 1.0], "confidence": 0.0}, "confidence must be"),
    ],
)
def test_impossible_worlds_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        PairedClassifiers(**arguments)


def test_probabilities_at_confidence_one_are_those_of_bayes_whatever_the_share():
    """Calibrated: on average they say how often class 1 occurs, among all points and among those above ½."""
    predictions, labels = PairedClassifiers([0.6, 0.9, 1.4], share=0.2).sample(200_000, rng=np.random.default_rng(1))
    for chance in predictions[..., 1]:
        for among in (np.ones(labels.size, dtype=bool), chance > 0.5):
            surplus = (chance - labels)[among]
            error = surplus.std() / np.sqrt(surplus.size)
            assert abs(surplus.mean()) < STANDARD_ERRORS * error < 0.02
