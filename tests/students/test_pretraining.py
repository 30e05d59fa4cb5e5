"""Pretraining against a plain torch loop, and the least-squares head against the optimisers it replaces."""

from __future__ import annotations

import sys
from itertools import pairwise

import numpy as np
import pytest
import torch

from w2s_theory._validation import MissingExtra, SolverFailure
from w2s_theory.problems.representations import (
    RepresentationWorld,
    fit_heads,
    predict,
    random_heads,
    random_mlp,
    with_intercept,
)
from w2s_theory.students.pretraining import pretrain


@pytest.fixture
def setting():
    """Target, heads of four tasks and inputs: the paper's set-up with fewer and smaller samples."""
    rng = np.random.default_rng(0)
    return random_mlp(5, 16, 8, rng=rng), random_heads(4, 16, rng=rng), 500 * rng.standard_normal((4, 200, 8))


def plain_torch_loop(start, target, heads, inputs, epochs, batch, weight_decay, rng):
    """The same training with torch's own modules, one loss per task, and an optimiser of separate parameters."""
    widths = [start.d_in, *(len(bias) for bias in start.biases)]
    layers = [torch.nn.Linear(*sizes) for sizes in pairwise(widths)]
    for layer, weight, bias in zip(layers, start.weights, start.biases, strict=True):
        layer.load_state_dict({"weight": torch.tensor(weight), "bias": torch.tensor(bias)})
    network = torch.nn.Sequential(*(module for layer in layers for module in (layer, torch.nn.ReLU())))
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=weight_decay)
    labels = torch.tensor(predict(target(inputs), heads), dtype=torch.float32)
    x, head = torch.tensor(inputs, dtype=torch.float32), torch.tensor(heads, dtype=torch.float32)
    for _ in range(epochs):
        for rows in torch.tensor(rng.permutation(inputs.shape[1])).split(batch):
            losses = [
                torch.mean((network(x[t, rows]) @ head[t, :-1] + head[t, -1] - labels[t, rows]) ** 2) for t in range(len(heads))
            ]
            optimiser.zero_grad()
            torch.stack(losses).mean().backward()
            optimiser.step()
    return [parameter.detach().numpy() for parameter in network.parameters()]


def test_pretraining_is_what_a_plain_torch_loop_does(setting):
    start = random_mlp(3, 16, 8, rng=np.random.default_rng(1))
    # A hundred times the default decay: eight steps would hide a wrong one of the default size.
    options = {"epochs": 2, "batch": 64, "weight_decay": 1.0}
    trained, _ = pretrain(start, *setting, **options, rng=np.random.default_rng(2))
    expected = plain_torch_loop(start, *setting, **options, rng=np.random.default_rng(2))
    # Eight steps of about 1e-3 each, and as much decay; float32 in another order of summation differs by far less.
    for layer in range(3):
        for computed, initial, reference in (
            (trained.weights[layer], start.weights[layer], expected[2 * layer]),
            (trained.biases[layer], start.biases[layer], expected[2 * layer + 1]),
        ):
            assert np.max(np.abs(computed - initial)) > 4e-3
            assert np.allclose(computed, reference, rtol=0, atol=5e-5)


def test_a_pretrained_representation_beats_an_untrained_one_on_fresh_tasks_and_inputs():
    rng = np.random.default_rng(3)
    target, heads = random_mlp(5, 16, 8, rng=rng), random_heads(10, 16, rng=rng)
    world = RepresentationWorld(target, target, target)
    start = random_mlp(8, 16, 8, rng=rng)
    trained, losses = pretrain(start, target, heads, world.sample_inputs(10, 1000, rng=rng), epochs=60, rng=rng)
    assert losses.shape == (60,) and np.mean(losses[-5:]) < 0.4 * losses[0]
    tasks = random_heads(30, 16, rng=rng)
    x, fresh = world.sample_inputs(2, 30, 1000, rng=rng)
    labels, truth = predict(target(x), tasks), predict(target(fresh), tasks)
    errors = [
        np.mean(np.square(predict(h(fresh), fit_heads(h(x), labels, min_active=5).coefficients) - truth), axis=-1)
        for h in (start, trained)
    ]
    assert np.median(errors[1] / errors[0]) < 0.75


def test_training_repeats_itself_and_depends_on_rng_only(setting):
    start = random_mlp(2, 16, 8, rng=np.random.default_rng(1))
    threads = torch.get_num_threads()
    outcomes = []
    for torch_seed, seed in ((0, 5), (1, 5), (1, 6)):
        torch.manual_seed(torch_seed)
        outcomes.append(pretrain(start, *setting, epochs=3, rng=np.random.default_rng(seed)))
    (first, losses), (again, losses_again), (other, _) = outcomes
    assert first.is_same_as(again) and np.array_equal(losses, losses_again)
    assert not first.is_same_as(other)
    assert torch.get_num_threads() == threads


def test_a_representation_that_is_already_the_target_has_no_loss_to_begin_with(setting):
    _, losses = pretrain(setting[0], *setting, epochs=1, batch=200, rng=np.random.default_rng(0))
    assert losses[0] < 1e-9 * np.var(predict(setting[0](setting[2]), setting[1]))


def test_progress_sees_every_epoch_and_may_end_training(setting):
    seen = []

    def progress(epoch, loss):
        seen.append((epoch, loss))
        return epoch == 4

    _, losses = pretrain(
        setting[0].perturb(0.1, rng=np.random.default_rng(0)), *setting, progress=progress, rng=np.random.default_rng(1)
    )
    assert [epoch for epoch, _ in seen] == [1, 2, 3, 4] and [loss for _, loss in seen] == losses.tolist()


def test_the_starting_network_is_left_alone(setting):
    start = random_mlp(2, 16, 8, rng=np.random.default_rng(1))
    same = random_mlp(2, 16, 8, rng=np.random.default_rng(1))
    trained, _ = pretrain(start, *setting, epochs=1, rng=np.random.default_rng(2))
    assert start.is_same_as(same) and not trained.is_same_as(start)


def test_without_torch_the_missing_extra_is_named(setting, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtra, match=r"w2s-theory\[torch\]"):
        pretrain(setting[0], *setting, rng=np.random.default_rng(0))


def test_a_loss_that_overflows_is_a_failed_solve_and_not_a_result(setting):
    target, heads, inputs = setting
    with pytest.raises(SolverFailure, match="learning_rate"):
        pretrain(target, target, heads, 1e30 * inputs, epochs=5, rng=np.random.default_rng(0))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"heads": np.ones((3, 17))}, "a sample for each of the 3 heads"),
        ({"heads": np.ones((4, 16))}, "heads must have shape"),
        ({"inputs": np.ones((200, 8))}, "inputs must have 3 dimension"),
        ({"inputs": np.full((4, 200, 8), np.nan)}, "inputs must be finite"),
        ({"start": random_mlp(2, 12, 8, rng=np.random.default_rng(0))}, "d_in 8 and width 16"),
        ({"epochs": 0}, "epochs must be a whole number"),
        ({"batch": 0}, "batch must be a whole number"),
        ({"learning_rate": -1.0}, "learning_rate must be"),
        ({"weight_decay": -1.0}, "weight_decay must be"),
    ],
)
def test_bad_input_is_refused_by_name(setting, change, message):
    arguments = dict(zip(("target", "heads", "inputs"), setting, strict=True), start=setting[0])
    with pytest.raises(ValueError, match=message):
        pretrain(**(arguments | change), rng=np.random.default_rng(0))


def head_problem(seed):
    """Features of an untrained weak network for three tasks, and their labels."""
    rng = np.random.default_rng(seed)
    target, weak = random_mlp(5, 16, 8, rng=rng), random_mlp(2, 16, 8, rng=rng)
    inputs = 500 * rng.standard_normal((3, 400, 8))
    return weak(inputs), predict(target(inputs), random_heads(3, 16, rng=rng))


def test_a_converged_optimiser_reaches_the_least_squares_head():
    features, labels = head_problem(0)
    fit = fit_heads(features, labels)
    # Standardised columns, so that the optimiser's own conditioning is not what is tested.
    mean, std = features.mean(axis=1, keepdims=True), features.std(axis=1, keepdims=True)
    columns, y = torch.tensor(with_intercept((features - mean) / std)), torch.tensor(labels)
    heads = torch.zeros(3, 17, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [heads], max_iter=2000, tolerance_grad=1e-12, tolerance_change=0, history_size=60, line_search_fn="strong_wolfe"
    )

    def closure():
        optimiser.zero_grad()
        loss = torch.mean(((columns * heads[:, None, :]).sum(-1) - y) ** 2)
        loss.backward()
        return loss

    optimiser.step(closure)
    reached = (columns * heads[:, None, :]).sum(-1).detach().numpy()
    scale = np.std(labels)
    assert np.allclose(reached, predict(features, fit.coefficients), rtol=0, atol=1e-6 * scale)
    assert np.mean(np.square(reached - labels)) > 0.01 * scale**2


def test_the_papers_optimiser_approaches_the_least_squares_error_from_above():
    features, labels = head_problem(1)
    rng = np.random.default_rng(2)
    best = np.mean(np.square(predict(features, fit_heads(features, labels).coefficients) - labels), axis=-1)
    columns = torch.tensor(with_intercept(features), dtype=torch.float32)
    y = torch.tensor(labels, dtype=torch.float32)
    # AdamW acts entry by entry, so that one optimiser of all heads is one optimiser per head.
    heads = torch.nn.Parameter(torch.tensor(random_heads(3, 16, rng=rng), dtype=torch.float32))
    optimiser = torch.optim.AdamW([heads], lr=1e-3, weight_decay=0.01)
    excess = []
    for epoch in range(400):
        for rows in torch.tensor(rng.permutation(400)).split(32):
            optimiser.zero_grad()
            torch.sum(torch.mean(((columns[:, rows] * heads[:, None, :]).sum(-1) - y[:, rows]) ** 2, dim=1)).backward()
            optimiser.step()
        if epoch in (4, 399):
            error = np.mean(np.square(predict(features, heads.detach().double().numpy()) - labels), axis=-1)
            excess.append(error / best - 1)
    assert np.all(excess[0] > excess[1]) and np.all(excess[1] > 0)
    assert np.max(excess[1]) < 0.05
