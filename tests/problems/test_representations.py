"""Random representations: their laws, torch's forward pass as an independent one, and heads fitted to many tasks at once."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.tolerances import ROUNDING, STANDARD_ERRORS
from w2s_theory.problems.representations import (
    MLP,
    RepresentationWorld,
    fit_heads,
    predict,
    random_heads,
    random_mlp,
    with_intercept,
)
from w2s_theory.quantities.gain import gain_report


def has_variance(sample, variance, kurtosis):
    """True when the mean square of independent centred numbers is within the standard errors that their kurtosis implies."""
    standard_error = variance * np.sqrt((kurtosis - 1) / sample.size)
    return abs(np.mean(np.square(sample)) - variance) < STANDARD_ERRORS * standard_error


def is_uniform(sample, bound):
    """True when numbers look like draws from U(−bound, bound): never outside, and of the mean and variance of that law."""
    centred = abs(np.mean(sample)) < STANDARD_ERRORS * bound / np.sqrt(3 * sample.size)
    return centred and np.max(np.abs(sample)) <= bound and has_variance(sample, bound**2 / 3, kurtosis=1.8)


def world_with(rng, *, strong_noise=0.0, weak_depth=2):
    target = random_mlp(5, 16, 8, rng=rng)
    return RepresentationWorld(target, target.perturb(strong_noise, rng=rng), random_mlp(weak_depth, 16, 8, rng=rng))


def test_every_layer_is_uniform_between_plus_and_minus_one_over_the_root_of_its_fan_in():
    network = random_mlp(3, 150, 100, rng=np.random.default_rng(0))
    for fan_in, weight in zip((100, 150, 150), network.weights, strict=True):
        bound = fan_in**-0.5
        assert is_uniform(weight.ravel(), bound)
        assert not is_uniform(weight.ravel(), 1.1 * bound) and not is_uniform(weight.ravel(), 0.9 * bound)
    biases = np.concatenate([random_mlp(1, 10_000, fan_in, rng=np.random.default_rng(1)).biases[0] for fan_in in (4, 4)])
    assert is_uniform(biases[:10_000], 0.5) and not is_uniform(biases[:10_000], 0.55) and not is_uniform(biases[:10_000], 0.45)


def test_the_law_is_the_one_torch_draws_a_linear_layer_from():
    torch.manual_seed(0)
    layer = torch.nn.Linear(7, 4000)
    for parameter in (layer.weight, layer.bias):
        assert is_uniform(parameter.detach().double().numpy().ravel(), 7**-0.5)


def test_heads_follow_the_law_of_a_linear_layer_with_one_output_and_an_intercept():
    heads = random_heads(4000, 16, rng=np.random.default_rng(2))
    assert heads.shape == (4000, 17)
    for part in (heads[:, :-1].ravel(), heads[:, -1]):
        assert is_uniform(part, 0.25) and not is_uniform(part, 0.275) and not is_uniform(part, 0.225)


def test_perturbation_adds_independent_gaussian_noise_of_standard_deviation_sigma_to_every_parameter():
    rng = np.random.default_rng(3)
    network = random_mlp(2, 120, 110, rng=rng)
    perturbed = network.perturb(9.0, rng=rng)
    pairs = zip(perturbed.weights + perturbed.biases, network.weights + network.biases, strict=True)
    noise = [(after - before).ravel() for after, before in pairs]
    assert all(np.all(part != 0) for part in noise)
    noise = np.concatenate(noise)
    assert has_variance(noise, 81.0, kurtosis=3.0)
    assert not has_variance(noise, 81.0 * 1.1**2, kurtosis=3.0) and not has_variance(noise, 9.0, kurtosis=3.0)
    assert abs(np.mean(noise)) < STANDARD_ERRORS * 9 / np.sqrt(noise.size)
    assert abs(np.mean(noise[:-1] * noise[1:])) < STANDARD_ERRORS * 81 / np.sqrt(noise.size)


def test_the_forward_pass_is_that_of_a_torch_network_with_the_same_parameters():
    rng = np.random.default_rng(4)
    network = random_mlp(5, 16, 8, rng=rng)
    layers = []
    for weight, bias in zip(network.weights, network.biases, strict=True):
        layer = torch.nn.Linear(weight.shape[1], weight.shape[0], dtype=torch.float64)
        layer.load_state_dict({"weight": torch.tensor(weight), "bias": torch.tensor(bias)})
        layers += [layer, torch.nn.ReLU()]
    inputs = 500 * rng.standard_normal((3, 20, 8))
    expected = torch.nn.Sequential(*layers)(torch.tensor(inputs)).detach().numpy()
    features = network(inputs)
    assert features.shape == (3, 20, 16) and 0 < np.mean(features == 0) < 1
    assert np.allclose(features, expected, rtol=0, atol=ROUNDING * np.max(expected))


def test_the_network_keeps_its_own_read_only_copy_of_the_parameters():
    weight = np.ones((2, 3))
    network = MLP((weight,), (np.zeros(2),))
    weight[:] = 7
    assert np.array_equal(network.weights[0], np.ones((2, 3)))
    with pytest.raises(ValueError, match="read-only"):
        network.weights[0][:] = 7
    assert (network.depth, network.width, network.d_in) == (1, 2, 3)


def test_a_world_is_realizable_when_the_strong_network_is_the_target():
    rng = np.random.default_rng(5)
    assert world_with(rng).is_realizable()
    assert not world_with(rng, strong_noise=1e-6).is_realizable()
    target = random_mlp(3, 4, 2, rng=rng)
    deeper = MLP((*target.weights, np.eye(4)), (*target.biases, np.zeros(4)))
    assert not RepresentationWorld(target, deeper, target).is_realizable()


def test_inputs_have_the_standard_deviation_500_and_not_the_variance_500():
    world = world_with(np.random.default_rng(6))
    inputs = world.sample_inputs(10, 400, rng=np.random.default_rng(7))
    assert inputs.shape == (10, 400, 8)
    assert has_variance(inputs, 500.0**2, kurtosis=3.0)
    assert not has_variance(inputs, 550.0**2, kurtosis=3.0) and not has_variance(inputs, 500.0, kurtosis=3.0)


def test_a_head_is_applied_to_the_features_of_its_own_task():
    rng = np.random.default_rng(8)
    features, heads = rng.standard_normal((3, 7, 4)), rng.standard_normal((3, 5))
    expected = [x @ head[:-1] + head[-1] for x, head in zip(features, heads, strict=True)]
    assert np.allclose(predict(features, heads), expected, rtol=0, atol=ROUNDING)
    shared = [features[0] @ head[:-1] + head[-1] for head in heads]
    assert np.allclose(predict(features[0], heads), shared, rtol=0, atol=ROUNDING)


def test_fitted_heads_predict_what_numpy_lstsq_predicts_for_every_task():
    rng = np.random.default_rng(9)
    world = world_with(rng)
    x = world.sample_inputs(6, 300, rng=rng)
    features, labels = world.weak(x), predict(world.target(x), random_heads(6, 16, rng=rng))
    fit = fit_heads(features, labels)
    columns = with_intercept(features)
    expected = [a @ np.linalg.lstsq(a, b, rcond=None)[0] for a, b in zip(columns, labels, strict=True)]
    assert np.allclose(
        predict(features, fit.coefficients), expected, rtol=0, atol=ROUNDING * np.max(fit.condition) * np.std(labels)
    )
    assert np.mean(np.square(expected - labels)) > 1e-3 * np.var(labels)


def test_tasks_that_share_their_features_get_the_heads_they_would_get_alone():
    rng = np.random.default_rng(16)
    features, labels = rng.uniform(0, 9, (40, 5)), rng.standard_normal((3, 40))
    shared, own = fit_heads(features, labels), fit_heads(np.stack([features] * 3), labels)
    assert np.allclose(shared.coefficients, own.coefficients, rtol=0, atol=ROUNDING)


def test_heads_of_the_target_are_recovered_where_its_units_are_live():
    rng = np.random.default_rng(10)
    features, heads = rng.uniform(1, 2, (4, 60, 16)), random_heads(4, 16, rng=rng)
    fit = fit_heads(features, predict(features, heads))
    assert np.allclose(fit.coefficients, heads, rtol=0, atol=np.max(fit.error) * 20)
    assert np.all(fit.rank == 17) and np.max(fit.error) < 1e-10


def test_dead_units_get_coefficient_zero_and_lower_the_rank():
    rng = np.random.default_rng(11)
    features = rng.uniform(0, 1, (3, 50, 4))
    features[1, :, 2] = 0
    fit = fit_heads(features, rng.standard_normal((3, 50)))
    assert fit.rank.tolist() == [5, 4, 5]
    assert abs(fit.coefficients[1, 2]) < ROUNDING and np.all(fit.coefficients[[0, 2], 2] != 0)


def test_units_that_are_active_too_rarely_count_as_dead_in_their_task_only():
    rng = np.random.default_rng(12)
    features, labels = rng.uniform(1, 2, (2, 50, 4)), rng.standard_normal((2, 50))
    features[0, 3:, 1] = 0
    assert fit_heads(features, labels, min_active=3).rank.tolist() == [5, 5]
    fit = fit_heads(features, labels, min_active=4)
    assert fit.rank.tolist() == [4, 5] and abs(fit.coefficients[0, 1]) < ROUNDING
    without = fit_heads(np.delete(features[:1], 1, axis=-1), labels[:1]).coefficients
    assert np.allclose(np.delete(fit.coefficients[:1], 1, axis=-1), without, rtol=0, atol=ROUNDING)


def test_a_unit_that_fires_on_one_point_of_the_sample_ruins_fresh_predictions_unless_it_counts_as_dead():
    rng = np.random.default_rng(13)
    live, fresh = rng.uniform(1, 2, (2, 1, 200, 3))
    labels = np.sum(live, axis=-1) + 0.1 * rng.standard_normal((1, 200))
    rare = np.zeros((1, 200, 1))
    rare[0, 0] = 1e-3
    features, fresh = np.concatenate([live, rare], axis=-1), np.concatenate([fresh, np.ones((1, 200, 1))], axis=-1)
    errors = [
        np.mean(
            np.square(predict(fresh, fit_heads(features, labels, min_active=k).coefficients) - np.sum(fresh[..., :3], axis=-1))
        )
        for k in (1, 5)
    ]
    assert errors[0] > 1 and errors[1] < 0.01


@pytest.mark.parametrize("strong_noise", [0.0, 0.1])
def test_gain_equals_misfit_on_the_fitted_sample_exactly_when_the_world_is_realizable(strong_noise):
    rng = np.random.default_rng(14)
    world = world_with(rng, strong_noise=strong_noise)
    x = world.sample_inputs(10, 500, rng=rng)
    truth = predict(world.target(x), random_heads(10, 16, rng=rng))
    weak = predict(world.weak(x), fit_heads(world.weak(x), truth).coefficients)
    student = predict(world.strong(x), fit_heads(world.strong(x), weak).coefficients)
    report = gain_report(weak, student, truth)
    off = np.max(np.abs(report.gain - report.misfit) / report.weak_error)
    if world.is_realizable():
        assert off < ROUNDING * np.max(np.var(truth, axis=-1) / report.weak_error)
    else:
        assert off > 0.1


def test_the_same_generator_state_gives_the_same_world():
    first, second = (world_with(np.random.default_rng(15), strong_noise=0.1) for _ in range(2))
    for name in ("target", "strong", "weak"):
        assert getattr(first, name).is_same_as(getattr(second, name))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda rng: MLP((), ()), "one entry per layer"),
        (lambda rng: MLP((np.ones((2, 3)),), ()), "one entry per layer"),
        (lambda rng: MLP((np.ones((2, 3)), np.ones((2, 3))), (np.ones(2), np.ones(2))), r"weights\[1\] must have shape \(2, 2\)"),
        (lambda rng: MLP((np.full((2, 3), np.nan),), (np.ones(2),)), r"weights\[0\] must be finite"),
        (lambda rng: random_mlp(0, 4, 2, rng=rng), "depth must be a whole number"),
        (lambda rng: random_heads(1, 0, rng=rng), "width must be a whole number"),
        (lambda rng: random_mlp(1, 4, 2, rng=rng).perturb(-1.0, rng=rng), "sigma must be a finite number >= 0"),
        (lambda rng: random_mlp(1, 4, 2, rng=rng)(np.ones((5, 3))), "inputs must have 2 entries"),
        (lambda rng: random_mlp(1, 4, 2, rng=rng)([[np.inf, 0.0]]), "inputs must be finite"),
        (lambda rng: RepresentationWorld(*(random_mlp(1, 4, d, rng=rng) for d in (2, 2, 3))), "inputs of one dimension"),
        (lambda rng: RepresentationWorld(*(random_mlp(1, 4, 2, rng=rng),) * 3, input_std=0.0), "input_std must be"),
        (lambda rng: predict(np.ones((5, 4)), np.ones((2, 4))), "heads must have shape"),
        (lambda rng: predict(np.ones((3, 5, 4)), np.ones((2, 5))), "heads must have shape"),
        (lambda rng: fit_heads(np.ones((3, 5, 4)), np.ones((3, 6))), "labels must have one entry per row"),
        (lambda rng: fit_heads(np.ones((3, 5, 4)), np.ones((3, 5)), min_active=0), "min_active must be a whole number"),
    ],
)
def test_bad_input_is_refused_by_name(make, message):
    with pytest.raises(ValueError, match=message):
        make(np.random.default_rng(0))


def test_a_seed_in_place_of_a_generator_is_refused():
    with pytest.raises(TypeError, match=r"rng must be a numpy\.random\.Generator"):
        random_mlp(1, 4, 2, rng=0)
