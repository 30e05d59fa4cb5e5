"""The network world: the truth is a head on what the strong model sees, the weak model is not, and nonsense is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.tolerances import CALIBRATED, LOG_ODDS, ROUNDING
from w2s_theory.problems.representations import MLP
from w2s_theory.problems.softmax_worlds import random_network_world


def world(seed=0, classes=3, **options):
    return random_network_world(classes, rng=np.random.default_rng(seed), **({"dimension": 4, "width": 12, "d_in": 5} | options))


def not_a_head(features, probabilities):
    """What is left of the log-odds after the best affine head, per point: 0 for a softmax head."""
    odds = np.log(probabilities[:, 1:]) - np.log(probabilities[:, :1])
    design = np.column_stack([features, np.ones(len(features))])
    return float(np.max(np.abs(odds - design @ np.linalg.lstsq(design, odds, rcond=None)[0])))


def test_the_truth_is_a_softmax_head_on_the_strong_features_and_the_weak_model_is_not():
    features, weak, target = world().sample(200, rng=np.random.default_rng(1))
    assert not_a_head(features, target) < LOG_ODDS
    assert not_a_head(features, weak) > 0.5
    for probabilities in (weak, target):
        assert probabilities.min() > 0
        np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=ROUNDING)


def test_without_some_coordinates_the_truth_is_no_head_and_the_world_says_so():
    whole, part = world(), world(seen=2)
    features, _, target = part.sample(200, rng=np.random.default_rng(1))
    assert features.shape == (200, 2) and not_a_head(features, target) > 0.5
    assert whole.is_realizable() and not part.is_realizable()


def test_a_coordinate_that_moves_all_logits_together_need_not_be_seen():
    heads = world().heads.copy()
    heads[:, 3] = 1.7
    part = replace(world(), heads=heads, seen=3)
    features, _, target = part.sample(200, rng=np.random.default_rng(1))
    assert part.is_realizable() and not_a_head(features, target) < LOG_ODDS


def test_the_weak_model_is_the_network_without_the_units_that_are_cut():
    """Computed by a network whose cut units are switched off: their incoming weights are 0 and their bias is their centre."""
    full = world()
    cut = np.arange(full.hidden.width) >= full.kept
    weights, biases = full.hidden.weights[0].copy(), full.hidden.biases[0].copy()
    weights[cut], biases[cut] = 0.0, full.centre[cut]
    assert np.all(full.centre[cut] > 0)  # so that relu passes it on
    switched_off = replace(full, hidden=MLP((weights,), (biases,)))
    weak = full.sample(100, rng=np.random.default_rng(2)).weak
    np.testing.assert_allclose(switched_off.sample(100, rng=np.random.default_rng(2)).target, weak, atol=ROUNDING)
    assert np.max(np.abs(full.sample(100, rng=np.random.default_rng(2)).target - weak)) > 0.1


def test_keeping_every_unit_makes_the_weak_model_the_truth():
    sample = replace(world(), kept=12).sample(50, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(sample.weak, sample.target)


@pytest.mark.parametrize("sharpness", [1.0, 3.0])
def test_representation_and_logits_have_the_size_that_was_asked_for(sharpness):
    made = world(sharpness=sharpness, dimension=6)
    features = made.sample(20_000, rng=np.random.default_rng(3)).features
    logits = features @ made.heads[:, :-1].T
    np.testing.assert_allclose(np.mean(features**2, axis=0), 1.0, rtol=CALIBRATED)
    assert np.sqrt(np.mean(logits**2)) == pytest.approx(sharpness, rel=CALIBRATED / 2)


def test_the_generator_decides_everything():
    one, other = (world(4).sample(10, rng=np.random.default_rng(5)) for _ in range(2))
    for first, second in zip(one, other, strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"centre": np.zeros(3)}, "centre must have shape"),
        ({"mixing": np.zeros((4, 3))}, "mixing must have shape"),
        ({"heads": np.zeros((3, 4))}, "heads must have shape"),
        ({"heads": np.zeros((1, 5))}, "number of classes"),
        ({"heads": np.full((3, 5), np.nan)}, "heads must be finite"),
        ({"kept": 13}, "kept must be at most 12"),
        ({"kept": 0}, "kept must be a whole number"),
        ({"seen": 5}, "seen must be at most 4"),
    ],
)
def test_what_does_not_belong_together_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(world(), **change)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"classes": 1}, "classes"),
        ({"sharpness": 0.0}, "sharpness"),
        ({"dimension": 0}, "dimension"),
        ({"width": 1}, "width"),
        ({"seen": 9}, "seen"),
    ],
)
def test_numbers_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        world(**options)


def test_a_seed_is_no_generator():
    with pytest.raises(TypeError, match="rng"):
        random_network_world(3, rng=0)
    with pytest.raises(TypeError, match="rng"):
        world().sample(3, rng=0)


def test_two_classes_and_two_units_are_enough():
    _, weak, target = world(classes=2, width=2).sample(5, rng=np.random.default_rng(1))
    assert weak.shape == target.shape == (5, 2)
