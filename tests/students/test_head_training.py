"""Heads trained step by step: the convex optimum in the end, Adam as others wrote it, what the loss is told, invariances, refusals."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest

from tests.tolerances import ADAM_END, ROUNDING
from w2s_theory.students.classifiers import FLOOR, SoftmaxRule
from w2s_theory.students.confidence import Confidence
from w2s_theory.students.head_training import TrainedHead
from w2s_theory.students.loss_menu import LOSSES, CrossEntropy, ReverseKL
from w2s_theory.students.softmax import fit_softmax


def task(n=240, d=4, classes=3, seed=0, sharpness=1.0):
    """Features on several scales, soft labels that no head reproduces."""
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((n, d)) * 10.0 ** np.arange(d) + 3.0
    scores = sharpness * (features - 3.0) / 10.0 ** np.arange(d) @ rng.standard_normal((d, classes)) + rng.standard_normal(
        (n, classes)
    )
    powers = np.exp(scores)
    return features, powers / powers.sum(axis=1, keepdims=True)


RNG = np.random.default_rng


@pytest.mark.parametrize("loss", [CrossEntropy(), ReverseKL()])
@pytest.mark.parametrize("classes", [2, 3])
def test_enough_steps_end_at_the_optimum_that_newton_like_steps_find(loss, classes):
    features, labels = task(classes=classes)
    head = TrainedHead(loss, epochs=700, batch=240, learning_rate=0.05).fit(features, labels, rng=RNG(0))
    standardised = (features - features.mean(axis=0)) / features.std(axis=0)
    name = "forward_kl" if loss == CrossEntropy() else "reverse_kl"
    best = fit_softmax(standardised, labels[:, None, :], penalty=1e-9, loss=name, intercept=True)
    np.testing.assert_allclose(head.predict(features), best.predict(standardised)[:, 0, :], atol=ADAM_END)


def test_minibatches_with_a_cosine_schedule_come_near_the_same_optimum():
    features, labels = task()
    standardised = (features - features.mean(axis=0)) / features.std(axis=0)
    best = fit_softmax(standardised, labels[:, None, :], penalty=1e-9, intercept=True).predict(standardised)[:, 0, :]
    start = np.abs(best - 1.0 / 3.0).max()
    off = [
        np.abs(
            TrainedHead(epochs=40, learning_rate=0.05, schedule=schedule).fit(features, labels, rng=RNG(1)).predict(features)
            - best
        ).max()
        for schedule in ("cosine", "constant")
    ]
    assert off[0] < 0.02 * start < off[1], (off, start)  # a constant rate goes on trembling


@pytest.mark.parametrize("schedule", ["cosine", "constant"])
def test_every_step_is_adam_by_its_published_sums(schedule):
    """m_t = (1 − β₁) Σ β₁^(t−i) g_i and v_t alike, each divided by 1 − β^t, written as sums over all steps."""
    features, labels = task(n=70, classes=3)
    head = TrainedHead(epochs=2, learning_rate=0.03, schedule=schedule).fit(features, labels, rng=RNG(5))
    rng, steps, gradients, heads = RNG(5), 6, [], np.zeros((5, 3))
    inputs = np.column_stack([(features - features.mean(axis=0)) / features.std(axis=0), np.ones(70)])
    for t in range(1, steps + 1):
        if t in (1, 4):
            batches = iter(np.split(rng.permutation(70), [32, 64]))
        rows = next(batches)
        powers = np.exp(inputs[rows] @ heads)
        gradients.append(inputs[rows].T @ (powers / powers.sum(axis=1, keepdims=True) - labels[rows]) / len(rows))
        first, second = (
            (1.0 - b) * sum(b ** (t - i) * g**k for i, g in enumerate(gradients, 1)) / (1.0 - b**t)
            for b, k in ((0.9, 1), (0.999, 2))
        )
        rate = 0.03 * (0.5 * (1.0 + math.cos(math.pi * (t - 1) / steps)) if schedule == "cosine" else 1.0)
        heads -= rate * first / (np.sqrt(second) + 1e-8)
    np.testing.assert_allclose(np.vstack([head.coefficients, head.intercept]), heads, rtol=1e3 * ROUNDING, atol=1e3 * ROUNDING)


@pytest.mark.slow
@pytest.mark.parametrize("schedule", ["cosine", "constant"])
def test_every_step_is_that_of_adam_as_torch_wrote_it(schedule):
    torch = pytest.importorskip("torch")
    features, labels = task(n=70, classes=3)
    rule = TrainedHead(epochs=3, batch=32, learning_rate=0.03, schedule=schedule)
    head = rule.fit(features, labels, rng=RNG(5))
    rng = RNG(5)
    inputs = torch.tensor((features - features.mean(axis=0)) / features.std(axis=0))
    layer = torch.nn.Linear(4, 3).double()
    torch.nn.init.zeros_(layer.weight)
    torch.nn.init.zeros_(layer.bias)
    adam = torch.optim.Adam(layer.parameters(), lr=0.03)
    steps = 3 * math.ceil(70 / 32)
    plan = torch.optim.lr_scheduler.LambdaLR(
        adam, lambda k: 0.5 * (1.0 + math.cos(math.pi * k / steps)) if schedule == "cosine" else 1.0
    )
    for _ in range(3):
        for rows in np.split(rng.permutation(70), [32, 64]):
            adam.zero_grad()
            torch.nn.functional.cross_entropy(layer(inputs[rows]), torch.tensor(labels[rows])).backward()
            adam.step()
            plan.step()
    np.testing.assert_allclose(head.coefficients, layer.weight.detach().numpy().T, rtol=1e3 * ROUNDING, atol=1e3 * ROUNDING)
    np.testing.assert_allclose(head.intercept, layer.bias.detach().numpy(), rtol=1e3 * ROUNDING, atol=1e3 * ROUNDING)


def test_predictions_are_probabilities_of_the_standardised_scores():
    features, labels = task()
    head = TrainedHead().fit(features, labels, rng=RNG(0))
    scores = (features - features.mean(axis=0)) / features.std(axis=0) @ head.coefficients + head.intercept
    powers = np.exp(scores)
    np.testing.assert_allclose(head.predict(features), powers / powers.sum(axis=1, keepdims=True), rtol=1e3 * ROUNDING)
    far = head.predict(1e6 * features)
    assert far.min() > 0.0
    np.testing.assert_allclose(far.sum(axis=1), 1.0, rtol=ROUNDING)


def test_units_of_the_features_and_constant_columns_do_not_matter():
    features, labels = task()
    plain = TrainedHead().fit(features, labels, rng=RNG(2))
    scaled = np.column_stack([features * [1e-3, 5.0, 1.0, 1e4] + 7.0, np.full(240, 0.1)])
    other = TrainedHead().fit(scaled, labels, rng=RNG(2))
    np.testing.assert_allclose(other.predict(scaled), plain.predict(features), atol=1e-9)
    assert np.all(other.coefficients[-1] == 0.0)


def test_a_column_far_from_zero_is_used_as_long_as_it_varies_by_more_than_rounding():
    """Seconds since 1970, which differ by a few."""
    z = RNG(0).standard_normal(400)
    labels = np.eye(2)[(z > 0.0).astype(int)]
    predicted = TrainedHead(epochs=10).fit((1.7e9 + z)[:, None], labels, rng=RNG(1)).predict((1.7e9 + z)[:, None])
    assert np.mean(predicted.argmax(axis=1) == labels.argmax(axis=1)) > 0.95


def test_all_rules_have_one_floor_below_their_probabilities_so_that_their_log_losses_compare():
    features, labels = task(classes=2)
    hard = np.eye(2)[labels.argmax(axis=1)]
    for rule in (TrainedHead(), SoftmaxRule(penalty=1.0)):
        smallest = rule.fit(features, hard, rng=RNG(0)).predict(1e6 * features).min()
        assert smallest == pytest.approx(FLOOR, rel=1e-6)


def test_the_adaptive_threshold_works_on_batches_of_one_row():
    features = RNG(0).standard_normal((400, 3))
    y = 1.0 / (1.0 + np.exp(-features[:, 0]))
    head = TrainedHead(Confidence(0.75), epochs=3, batch=1).fit(features, np.stack([1.0 - y, y], axis=1), rng=RNG(0))
    assert 0.3 < np.mean(head.predict(features)[:, 1] > 0.5) < 0.7


@dataclass(frozen=True)
class Spy(CrossEntropy):
    """Cross-entropy that writes down what it is told."""

    seen: list = None  # type: ignore[assignment]

    def target(self, p, logs, labels, moment):
        """As cross-entropy."""
        self.seen.append((p, labels, moment.progress, moment.past.copy()))
        return labels


def test_a_loss_is_told_the_progress_the_batch_and_all_that_was_predicted_before():
    features, labels = task(n=70)
    spy = Spy(seen=[])
    TrainedHead(spy, epochs=2, batch=32).fit(features, labels, rng=RNG(0))
    assert [progress for _, _, progress, _ in spy.seen] == pytest.approx(np.arange(6) / 6)
    assert [len(p) for p, _, _, _ in spy.seen] == [32, 32, 6] * 2
    for k, (_, _, _, past) in enumerate(spy.seen):
        np.testing.assert_array_equal(past, np.concatenate([p for p, _, _, _ in spy.seen[:k]]) if k else np.empty((0, 3)))
    for epoch in (spy.seen[:3], spy.seen[3:]):  # every row once
        given = np.concatenate([rows for _, rows, _, _ in epoch])
        np.testing.assert_allclose(np.sort(given[:, 0]), np.sort(labels[:, 0]), rtol=ROUNDING)
    np.testing.assert_array_equal(spy.seen[0][0], np.full((32, 3), 1 / 3))  # heads start at zero


def test_the_warm_up_bug_changes_the_trained_head_and_much_more_than_rounding():
    features, labels = task(n=400, classes=2)
    heads = [
        TrainedHead(Confidence(jumps=jumps), epochs=4).fit(features, labels, rng=RNG(3)).predict(features)
        for jumps in (True, False)
    ]
    assert 1e-3 < np.abs(heads[0] - heads[1]).max() < 0.5


def test_a_confidence_loss_makes_a_student_more_confident_and_entropy_hardly_matters_to_adam():
    features, labels = task(n=400, classes=2)
    sure = {
        name: TrainedHead(LOSSES[name], epochs=20).fit(features, labels, rng=RNG(3)).predict(features)
        for name in ("cross-entropy", "entropy", "confidence, corrected code")
    }
    plain, entropy, confident = (np.mean(p.max(axis=1)) for p in sure.values())
    assert confident > plain + 0.03
    assert abs(entropy - plain) < 0.01


def test_a_fixed_threshold_can_collapse_to_one_class_where_the_adaptive_one_can_not():
    """Nine of ten weak labels lean to class 0, none of them sure: the student that hears its own hard labels forgets class 1."""
    rng = RNG(0)
    features = rng.standard_normal((600, 2))
    y = np.where(features[:, 0] > 1.28, 0.6, 0.3)
    labels = np.stack([1.0 - y, y], axis=1)
    share = {
        threshold: np.mean(
            TrainedHead(Confidence(0.75, threshold=threshold), epochs=30)
            .fit(features, labels, rng=RNG(1))
            .predict(features)[:, 1]
            > 0.5
        )
        for threshold in ("half", "batch")
    }
    assert share["half"] < 0.02
    assert abs(share["batch"] - y.mean()) < 0.1


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_of_the_menu_trains_a_better_head_than_none(name):
    features, labels = task(n=600, classes=3, sharpness=2.0)
    head = TrainedHead(LOSSES[name], epochs=5).fit(features, labels, rng=RNG(0))
    predicted = head.predict(features)
    assert predicted.shape == (600, 3)
    assert np.mean(predicted.argmax(axis=1) == labels.argmax(axis=1)) > 0.6


def test_the_same_generator_trains_the_same_head_and_another_one_another():
    features, labels = task()
    heads = [TrainedHead().fit(features, labels, rng=RNG(seed)).coefficients for seed in (4, 4, 5)]
    np.testing.assert_array_equal(heads[0], heads[1])
    assert np.abs(heads[0] - heads[2]).max() > 1e-6


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x, y: TrainedHead(epochs=0), "epochs must be a whole number"),
        (lambda x, y: TrainedHead(batch=0), "batch must be a whole number"),
        (lambda x, y: TrainedHead(learning_rate=-1.0), "learning_rate"),
        (lambda x, y: TrainedHead(schedule="linear"), "schedule must be"),
        (lambda x, y: TrainedHead().fit(x, y[:-1], rng=RNG(0)), "one row per row of features, 240; it has 239"),
        (lambda x, y: TrainedHead().fit(np.where(x > 3, np.nan, x), y, rng=RNG(0)), "features must be finite"),
        (lambda x, y: TrainedHead().fit(x, 2.0 * y, rng=RNG(0)), "labels must be non-negative and sum to 1"),
        (lambda x, y: TrainedHead(ReverseKL()).fit(x, np.eye(3)[y.argmax(axis=1)], rng=RNG(0)), "labels must be positive"),
        (lambda x, y: TrainedHead().fit(x, y, rng=RNG(0)).predict(x[:, :2]), "the 4 columns of the fit"),
    ],
)
def test_what_makes_no_sense_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(*task())


def test_a_seed_is_not_a_generator():
    with pytest.raises(TypeError, match="rng must be"):
        TrainedHead().fit(*task(), rng=0)  # type: ignore[arg-type]


def test_a_loss_can_be_named_and_an_unknown_name_lists_the_menu():
    labels = np.array([[0.7, 0.3], [0.2, 0.8], [0.6, 0.4]])
    features = np.arange(6.0).reshape(3, 2)
    named, given = (
        TrainedHead(loss, epochs=3).fit(features, labels, rng=np.random.default_rng(0)) for loss in ("product", LOSSES["product"])
    )
    assert np.array_equal(named.predict(features), given.predict(features))
    assert not np.array_equal(
        named.predict(features), TrainedHead(epochs=3).fit(features, labels, rng=np.random.default_rng(0)).predict(features)
    )
    with pytest.raises(ValueError, match="'confidence, paper'"):
        TrainedHead("confidence")
