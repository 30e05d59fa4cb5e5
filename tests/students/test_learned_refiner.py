"""The learned refiner against a transformer written in NumPy, quadrature and exact Bayes; its training against a plain torch loop."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import integrate
from scipy.special import erf
from scipy.stats import norm

from tests.tolerances import FINITE_DIFFERENCE, HERMITE, QUADRATURE, ROUNDING, ROUNDING_FLOAT32, STANDARD_ERRORS
from w2s_theory._validation import MissingExtra, SolverFailure
from w2s_theory.problems.concepts import ConceptWorld, orthonormal_world
from w2s_theory.students.learned_refiner import (
    NARROWEST,
    Architecture,
    LearnedRefiner,
    Mixture,
    exact_answers,
    network,
)
from w2s_theory.students.refiner import posterior
from w2s_theory.students.refiner_training import Plan, source_prompts, surprise, training

TINY = Architecture(3, 5, layers=2, width=12, heads=3, components=4)
WORLD = orthonormal_world(2, alignment=0.7, length=0.8, weak_noise=0.4, belief=0.5)
UNEQUAL = replace(WORLD, concepts=np.array([[1.0, 0.5, 0.0], [0.0, 1.0, -1.0]]), prior=np.array([0.3, 0.7]))


def untrained(architecture=TINY, seed=0):
    rng = np.random.default_rng(seed)
    weights = architecture.initial(rng=rng)
    return LearnedRefiner(architecture, weights + 0.1 * rng.standard_normal(weights.shape))  # no norm or bias at a special value


def prompts(seed=1, count=6, n=5, d=3):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((count, n + 1, d)), rng.standard_normal((count, n))


def last(states):
    return list(states)[-1]


# --- the network


def by_hand(architecture, flat, features, labels):
    """One prompt through the transformer in NumPy float64, token after token: log weights, means, scales (n + 1, components)."""
    p = {name: np.asarray(part, dtype=float) for name, part in architecture.split(flat).items()}
    heads, size = architecture.heads, architecture.width // architecture.heads

    def normed(v, gain):
        return (v - v.mean()) / np.sqrt(v.var() + 1e-5) * gain

    stream = []
    for t, query in enumerate(features):
        before = np.append(features[t - 1], labels[t - 1]) if t else np.zeros(architecture.d + 1)
        stream.append(p["token"] @ np.concatenate([before, query]) + p["position"][t])
    for i in range(architecture.layers):
        parts = [p[f"{i}.attend"] @ normed(v, p[f"{i}.norm1"]) for v in stream]
        for t in range(len(stream)):
            read = []
            for h in range(heads):
                q, k, v = (slice(j * architecture.width + h * size, j * architecture.width + (h + 1) * size) for j in range(3))
                scores = np.array([parts[t][q] @ parts[s][k] for s in range(t + 1)]) / np.sqrt(size)
                share = np.exp(scores - scores.max())
                read.append(sum(w * parts[s][v] for s, w in enumerate(share / share.sum())))
            stream[t] = stream[t] + p[f"{i}.join"] @ np.concatenate(read) + p[f"{i}.join_bias"]
        for t in range(len(stream)):
            wide = p[f"{i}.widen"] @ normed(stream[t], p[f"{i}.norm2"]) + p[f"{i}.widen_bias"]
            wide = 0.5 * wide * (1.0 + erf(wide / np.sqrt(2.0)))
            stream[t] = stream[t] + p[f"{i}.narrow"] @ wide + p[f"{i}.narrow_bias"]
    out = np.array([p["answer"] @ normed(v, p["norm"]) + p["answer_bias"] for v in stream])
    logits, means, raw = np.split(out, 3, axis=-1)
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True)), means, np.log1p(np.exp(raw)) + NARROWEST


def test_the_network_is_the_transformer_written_out_token_by_token():
    refiner, (features, labels) = untrained(), prompts()
    found = refiner.answers(features, labels)
    for i in range(len(labels)):
        expected = by_hand(TINY, refiner.weights, features[i], labels[i])
        for computed, reference in zip((found.log_weights[i], found.means[i], found.scales[i]), expected, strict=True):
            # Two blocks of float32: rounding of a sum, met a dozen times one after the other.
            np.testing.assert_allclose(computed, reference, rtol=0, atol=12 * ROUNDING_FLOAT32)


def test_the_gradient_of_the_loss_is_that_of_the_transformer_written_out():
    """Autograd in float64 against central differences of the NumPy transformer, along random directions."""
    features, labels = prompts(count=2)
    rng = np.random.default_rng(3)
    last_labels = np.concatenate([labels, rng.standard_normal((2, 1))], axis=1)
    flat = untrained().weights.astype(float)

    def loss(weights):
        answers = [by_hand(TINY, weights, x, y) for x, y in zip(features, labels, strict=True)]
        density = [Mixture(*answer).log_density(y) for answer, y in zip(answers, last_labels, strict=True)]
        return -np.mean(density)

    vector = torch.tensor(flat, requires_grad=True)
    answers = network(TINY, TINY.split(vector), torch.tensor(features), torch.tensor(labels))
    value = surprise(answers, torch.tensor(last_labels)).mean()
    value.backward()
    assert vector.grad is not None and float(value.detach()) == pytest.approx(loss(flat), rel=0, abs=100 * ROUNDING)
    for _ in range(5):
        direction = rng.standard_normal(flat.shape)
        direction /= np.linalg.norm(direction)
        slope = (loss(flat + 1e-5 * direction) - loss(flat - 1e-5 * direction)) / 2e-5
        assert abs(slope) > 1e3 * FINITE_DIFFERENCE
        assert float(vector.grad @ torch.tensor(direction)) == pytest.approx(slope, rel=0, abs=FINITE_DIFFERENCE)


@pytest.mark.parametrize("t", range(6))
def test_an_answer_depends_on_what_came_before_it_and_on_its_query_only(t):
    refiner, (features, labels) = untrained(), prompts()
    before = refiner.answers(features, labels)
    later, later_labels = features.copy(), labels.copy()
    later[:, t + 1 :] += 1.0
    later_labels[:, t:] -= 1.0
    after = refiner.answers(later, later_labels)
    shorter = refiner.answers(features[:, : t + 1], labels[:, :t])
    for name in ("log_weights", "means", "scales"):
        expected = getattr(before, name)[:, : t + 1]
        np.testing.assert_allclose(getattr(after, name)[:, : t + 1], expected, rtol=0, atol=ROUNDING_FLOAT32)
        np.testing.assert_allclose(getattr(shorter, name), expected, rtol=0, atol=ROUNDING_FLOAT32)
    for part in ("query", "label", "example"):  # and it does depend on these
        nearer, nearer_labels = features.copy(), labels.copy()
        if part == "query":
            nearer[:, t] += 1.0
        elif t and part == "label":
            nearer_labels[:, t - 1] += 1.0
        elif t:
            nearer[:, 0] += 1.0
        else:
            continue
        changed = refiner.answers(nearer, nearer_labels).means[:, t] - before.means[:, t]
        assert np.all(np.max(np.abs(changed), axis=-1) > 100 * ROUNDING_FLOAT32)


def test_more_prompts_than_a_chunk_are_answered_as_if_alone(monkeypatch):
    refiner, (features, labels) = untrained(), prompts()
    whole = refiner.answers(features, labels)
    monkeypatch.setattr("w2s_theory.students.learned_refiner.CHUNK", 4)
    np.testing.assert_allclose(refiner.answers(features, labels).means, whole.means, rtol=0, atol=ROUNDING_FLOAT32)


def test_a_network_is_a_copy_that_can_not_be_changed_and_says_how_large_it_is():
    weights = TINY.initial(rng=np.random.default_rng(0))
    refiner = LearnedRefiner(TINY, weights)
    weights[0] = 7.0
    assert refiner.weights[0] != 7.0 and refiner.weights.dtype == np.float32
    with pytest.raises(ValueError, match="read-only"):
        refiner.weights[0] = 7.0
    assert sum(part.size for part in TINY.split(weights).values()) == TINY.size == weights.size
    TINY.split(weights)["token"][...] = 9.0
    assert weights[0] == 9.0  # views, not copies: what the optimiser relies on


# --- mixtures


def test_a_density_integrates_to_one_and_is_the_sum_of_its_components():
    features, labels = prompts(count=2, n=3)
    found = untrained().answers(features, labels)
    for index in np.ndindex(found.means.shape[:-1]):
        one = Mixture(found.log_weights[index], found.means[index], found.scales[index])
        ends = one.means.min() - 12 * one.scales.max(), one.means.max() + 12 * one.scales.max()
        total, _ = integrate.quad(lambda y, one=one: np.exp(one.log_density(np.array(y))), *ends, limit=200)
        assert total == pytest.approx(1.0, rel=0, abs=QUADRATURE)
        assert one.log_density(np.array(0.3)) == pytest.approx(
            np.log(np.sum(np.exp(one.log_weights) * norm.pdf(0.3, one.means, one.scales))), rel=0, abs=10 * ROUNDING
        )


def test_labels_far_from_everything_have_a_finite_density():
    far = Mixture(np.log([0.5, 0.5]), np.array([0.0, 1.0]), np.array([0.1, 0.1])).log_density(np.array(1e6))
    assert np.isfinite(far) and far < -1e13


def test_samples_have_the_distribution_of_the_mixture():
    mixture = Mixture(np.log([0.2, 0.5, 0.3]), np.array([-3.0, 0.0, 2.0]), np.array([0.5, 1.0, 0.2]))
    many = 40_000
    drawn = Mixture(*(np.broadcast_to(part, (many, 3)) for part in vars(mixture).values())).sample(rng=np.random.default_rng(0))
    for at in (-3.0, -2.0, 0.0, 1.5, 2.1):
        expected = float(np.sum(np.exp(mixture.log_weights) * norm.cdf(at, mixture.means, mixture.scales)))
        stderr = np.sqrt(expected * (1 - expected) / many)
        assert abs(np.mean(drawn <= at) - expected) < STANDARD_ERRORS * stderr < 0.1 * expected


def test_the_divergence_is_the_integral_and_for_two_gaussians_the_known_formula():
    rng = np.random.default_rng(0)
    first = Mixture(np.log([0.3, 0.7]), np.array([-1.0, 0.8]), np.array([0.6, 0.6]))
    for _ in range(4):
        weights = rng.dirichlet(np.ones(4))
        other = Mixture(np.log(weights), rng.normal(size=4), rng.uniform(0.5, 1.5, size=4))

        def integrand(y, other=other):
            at = np.array(y)
            return np.exp(first.log_density(at)) * (first.log_density(at) - other.log_density(at))

        expected, _ = integrate.quad(integrand, -9.0, 9.0, limit=200)
        assert expected > 1e-3
        assert float(first.divergence(other)) == pytest.approx(expected, rel=0, abs=HERMITE)
    assert float(first.divergence(first)) == 0.0
    one, two = (Mixture(np.zeros(1), np.array([m]), np.array([s])) for m, s in ((0.3, 0.7), (-0.4, 1.1)))
    known = np.log(1.1 / 0.7) + (0.7**2 + 0.7**2) / (2 * 1.1**2) - 0.5
    assert float(one.divergence(two)) == pytest.approx(known, rel=0, abs=10 * ROUNDING)


# --- exact Bayes


@pytest.mark.parametrize("world", [WORLD, UNEQUAL], ids=["orthonormal", "unequal"])
def test_exact_answers_have_the_posterior_of_every_prefix(world):
    features, labels = world.sample(20, 6, rng=np.random.default_rng(0))
    found = exact_answers(world, features, labels[:, :-1])
    for t in range(6):
        expected = posterior(world, features[:, :t], labels[:, :t])
        np.testing.assert_allclose(np.exp(found.log_weights[:, t]), expected, rtol=0, atol=ROUNDING)
    np.testing.assert_allclose(found.means[3, 2], world.concepts @ features[3, 2], rtol=0, atol=ROUNDING)
    assert np.all(found.scales == world.belief)


def test_exact_answers_are_the_conditional_densities_of_the_joint_law():
    """p(y_1 … y_6 | x) = Σ_k α_k Π N(y_i; β_k·x_i, σ²), whatever the order of summation: the chain rule against the joint density."""
    features, labels = source_prompts(UNEQUAL, 10, 6, rng=np.random.default_rng(2))
    chain = exact_answers(UNEQUAL, features, labels[:, :-1]).log_density(labels).sum(axis=1)
    each = norm.logpdf(labels[..., None], features @ UNEQUAL.concepts.T, UNEQUAL.belief).sum(axis=1)
    np.testing.assert_allclose(chain, np.log(np.exp(each) @ UNEQUAL.alpha), rtol=0, atol=100 * ROUNDING)


def test_a_concept_that_the_prior_rules_out_has_no_part_in_an_answer():
    world = replace(WORLD, prior=np.array([1.0, 0.0]))
    features, labels = world.sample(3, 4, rng=np.random.default_rng(0))
    found = exact_answers(world, features, labels[:, :-1])
    alone = Mixture(np.zeros((3, 4, 1)), found.means[..., :1], found.scales[..., :1])
    np.testing.assert_allclose(found.log_density(labels), alone.log_density(labels), rtol=0, atol=10 * ROUNDING)
    assert np.all(np.isfinite(found.divergence(untrained().answers(features, labels[:, :-1]))))


def test_source_prompts_are_of_one_concept_each_drawn_from_the_prior():
    many = 4000
    features, labels = source_prompts(UNEQUAL, many, 8, rng=np.random.default_rng(0))
    heads = np.stack([np.linalg.lstsq(x, y, rcond=None)[0] for x, y in zip(features, labels, strict=True)])
    nearest = np.argmin(np.sum(np.square(heads[:, None] - UNEQUAL.concepts), axis=-1), axis=1)
    residual = labels - np.einsum("pnd,pd->pn", features, UNEQUAL.concepts[nearest])
    # Eight labels with noise 0.5 tell concepts at distance 1.5 apart but for a few prompts in a thousand; a slip inflates the residual.
    likely = posterior(UNEQUAL, features, labels).mean(axis=0)[1]
    stderr = np.sqrt(0.3 * 0.7 / many)
    assert abs(likely - 0.7) < STANDARD_ERRORS * stderr < 0.1 * 0.7
    sure = posterior(UNEQUAL, features, labels).max(axis=1) > 0.999
    assert np.mean(sure) > 0.9
    spread = np.sqrt(2.0 / residual[sure].size)
    assert abs(np.mean(np.square(residual[sure])) / 0.25 - 1) < STANDARD_ERRORS * spread + 0.01


@pytest.fixture(scope="module")
def learned():
    """A small network trained for a few seconds, and the one that it started as."""
    architecture = Architecture(3, 4, layers=2, width=24, heads=2, components=3)
    states = list(training(architecture, WORLD, Plan(400, 64, 1e-2), every=400, rng=np.random.default_rng(0)))
    start = LearnedRefiner(architecture, architecture.initial(rng=np.random.default_rng(0)))
    return start, LearnedRefiner(architecture, states[-1].weights)


def test_no_network_beats_exact_bayes_on_source_prompts_and_the_excess_is_the_divergence(learned):
    features, labels = source_prompts(WORLD, 4000, 5, rng=np.random.default_rng(5))
    exact = exact_answers(WORLD, features, labels[:, :-1])
    for refiner in learned:
        answers = refiner.answers(features, labels[:, :-1])
        excess = exact.log_density(labels) - answers.log_density(labels)
        divergence = exact.divergence(answers)
        assert np.all(divergence > -HERMITE)
        for values, least in ((excess, 0.0), (excess - divergence, None)):
            mean, stderr = values.mean(axis=0), values.std(axis=0, ddof=1) / np.sqrt(len(values))
            if least is None:
                assert np.all(np.abs(mean) < STANDARD_ERRORS * stderr)
            else:
                assert np.all(mean > -STANDARD_ERRORS * stderr)
        assert np.all(stderr < 0.02)  # nats: small against the 0.05 that the experiment asks for


def test_training_brings_a_network_near_exact_bayes(learned):
    features, labels = source_prompts(WORLD, 1000, 5, rng=np.random.default_rng(6))
    exact = exact_answers(WORLD, features, labels[:, :-1])
    before, after = (exact.divergence(refiner.answers(features, labels[:, :-1])).mean(axis=0) for refiner in learned)
    assert np.all(after < 0.3 * before) and np.all(after < 0.1)


# --- training


def test_training_stopped_and_resumed_gives_the_weights_of_an_uninterrupted_one():
    plan = Plan(23, 8)
    whole = list(training(TINY, UNEQUAL, plan, every=5, rng=np.random.default_rng(1)))
    assert [state.step for state in whole] == [5, 10, 15, 20, 23]
    torch.manual_seed(99)
    for stop in (0, 2, 3):
        rest = list(training(TINY, UNEQUAL, plan, every=5, state=whole[stop], rng=np.random.default_rng(777)))
        assert [state.step for state in rest] == [state.step for state in whole[stop + 1 :]]
        for state, expected in zip(rest, whole[stop + 1 :], strict=True):
            for name in ("weights", "first", "second"):
                np.testing.assert_array_equal(getattr(state, name), getattr(expected, name))
            assert (state.rng, state.loss) == (expected.rng, expected.loss)
    assert list(training(TINY, UNEQUAL, plan, every=5, state=whole[-1], rng=np.random.default_rng(1))) == []


def test_how_often_it_yields_does_not_change_a_training_and_states_stay_as_they_were():
    plan = Plan(12, 8)
    threads = torch.get_num_threads()
    states = list(training(TINY, WORLD, plan, every=1, rng=np.random.default_rng(1)))
    once = last(training(TINY, WORLD, plan, every=100, rng=np.random.default_rng(1)))
    np.testing.assert_array_equal(states[-1].weights, once.weights)
    assert once.loss == pytest.approx(np.mean([state.loss for state in states]), rel=ROUNDING_FLOAT32)
    assert not np.array_equal(states[0].weights, states[1].weights)
    other = last(training(TINY, WORLD, plan, every=100, rng=np.random.default_rng(2)))
    assert not np.array_equal(once.weights, other.weights)
    assert torch.get_num_threads() == threads


#: Ten steps, three of them up to a peak of 1e-2.
RATES = [1e-2 / 3, 2e-2 / 3] + [5e-3 * (1 + np.cos(np.pi * k / 8)) for k in range(8)]


def test_training_is_what_a_plain_torch_loop_does():
    """Separate parameters, torch's own clipping, and a mixture from torch.distributions."""
    plan = Plan(10, 16, learning_rate=1e-2, warm_up=0.3, clip=0.5)
    found = last(training(TINY, WORLD, plan, every=10, rng=np.random.default_rng(4)))
    rng = np.random.default_rng(4)
    start = TINY.initial(rng=rng)
    weights = {name: torch.nn.Parameter(torch.tensor(part.copy())) for name, part in TINY.split(start).items()}
    optimiser = torch.optim.AdamW(list(weights.values()), lr=1.0, weight_decay=0.0, foreach=False)
    for rate in RATES:
        features, labels = (torch.tensor(part, dtype=torch.float32) for part in source_prompts(WORLD, 16, 6, rng=rng))
        log_weights, means, scales = network(TINY, weights, features, labels[:, :-1])
        mixture = torch.distributions.MixtureSameFamily(
            torch.distributions.Categorical(logits=log_weights), torch.distributions.Normal(means, scales)
        )
        optimiser.zero_grad()
        (-mixture.log_prob(labels).mean()).backward()
        torch.nn.utils.clip_grad_norm_(weights.values(), 0.5)
        optimiser.param_groups[0]["lr"] = rate
        optimiser.step()
    expected = np.concatenate([part.detach().numpy().ravel() for part in weights.values()])
    # Ten steps of up to 1e-2; float32 in another order of summation differs by far less.
    assert np.max(np.abs(expected - start)) > 2e-2
    np.testing.assert_allclose(found.weights, expected, rtol=0, atol=5e-4)


def test_the_learning_rate_rises_to_its_peak_and_falls_to_almost_nothing():
    plan = Plan(200, learning_rate=3e-3, warm_up=0.1)
    rates = np.array([plan.rate(step) for step in range(200)])
    assert np.argmax(rates) == 19 and rates.max() == pytest.approx(3e-3)
    assert np.all(np.diff(rates[:20]) > 0) and np.all(np.diff(rates[19:]) < 0) and 0 < rates[-1] < 1e-3 * rates.max()
    assert Plan(1, warm_up=0.0).rate(0) > 0
    short = Plan(10, learning_rate=1e-2, warm_up=0.3)
    np.testing.assert_allclose([short.rate(step) for step in range(10)], RATES, rtol=ROUNDING)


def test_a_loss_that_overflows_is_a_failed_solve_and_not_a_result():
    with pytest.raises(SolverFailure, match="learning_rate"):
        list(training(TINY, WORLD, Plan(30, 4, learning_rate=1e30), every=30, rng=np.random.default_rng(0)))


# --- refusals


def test_without_torch_the_missing_extra_is_named(monkeypatch):
    refiner, arguments = untrained(), prompts()
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtra, match=r"w2s-theory\[torch\]"):
        refiner.answers(*arguments)
    with pytest.raises(MissingExtra, match=r"w2s-theory\[torch\]"):
        next(training(TINY, WORLD, Plan(1), every=1, rng=np.random.default_rng(0)))


@pytest.mark.parametrize(
    ("features", "labels", "message"),
    [
        (np.ones((2, 4, 3)), np.ones((2, 4)), "the query last"),
        (np.ones((2, 4, 2)), np.ones((2, 3)), "features must have shape"),
        (np.ones((2, 4, 3)), np.ones((3, 3)), "features must have shape"),
        (np.ones((4, 3)), np.ones(3), "features must have 3 dimension"),
        (np.full((2, 4, 3), np.nan), np.ones((2, 3)), "features must be finite"),
        (np.ones((2, 4, 3)), np.full((2, 3), np.inf), "labels must be finite"),
        (np.ones((0, 4, 3)), np.ones((0, 3)), "features must not be empty"),
    ],
)
def test_prompts_of_another_shape_or_with_nan_are_refused(features, labels, message):
    for answer in (untrained().answers, lambda *prompt: exact_answers(WORLD, *prompt)):
        with pytest.raises(ValueError, match=message):
            answer(features, labels)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Architecture(3, 5, width=10, heads=4), "width must be a multiple of heads"),
        (lambda: Architecture(0, 5), "d must be a whole number"),
        (lambda: Architecture(3, 5, components=0), "components must be a whole number"),
        (lambda: LearnedRefiner(TINY, np.ones(3)), f"weights must be {TINY.size} numbers"),
        (lambda: LearnedRefiner(TINY, np.full(TINY.size, np.nan)), "weights must be finite"),
        (lambda: Plan(0), "steps must be a whole number"),
        (lambda: Plan(1, learning_rate=0.0), "learning_rate must be"),
        (lambda: Plan(1, clip=-1.0), "clip must be"),
        (lambda: Plan(1, warm_up=1.0), "warm_up must be a share"),
        (lambda: untrained().answers(*prompts(n=6)), "longest = 5"),
        (lambda: exact_answers(replace(WORLD, spread=0.1), *prompts()), "sharp concepts"),
        (lambda: source_prompts(replace(WORLD, spread=0.1), 2, 2, rng=np.random.default_rng(0)), "sharp concepts"),
    ],
)
def test_bad_sizes_weights_and_plans_are_refused_by_name(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_state_or_a_world_that_does_not_belong_to_the_training_is_refused():
    state = last(training(TINY, WORLD, Plan(3, 4), every=3, rng=np.random.default_rng(0)))
    larger = replace(TINY, width=24)
    for architecture, plan in ((larger, Plan(3, 4)), (TINY, Plan(2, 4))):
        with pytest.raises(ValueError, match="state must belong"):
            next(training(architecture, WORLD, plan, every=3, state=state, rng=np.random.default_rng(0)))
    with pytest.raises(ValueError, match="3 features; it has 4"):
        next(training(TINY, ConceptWorld(np.eye(2, 4), np.ones(4)), Plan(1), every=1, rng=np.random.default_rng(0)))
    with pytest.raises(TypeError, match=r"numpy\.random\.Generator"):
        next(training(TINY, WORLD, Plan(1), every=1, rng=0))  # type: ignore[arg-type]


@pytest.mark.gpu
def test_a_gpu_gives_the_answers_of_the_cpu_and_trains():
    refiner, arguments = untrained(), prompts()
    there = LearnedRefiner(TINY, refiner.weights, "cuda")
    # Fused attention on a GPU sums in another order, and may multiply in TF32 (ten bits).
    np.testing.assert_allclose(there.answers(*arguments).means, refiner.answers(*arguments).means, rtol=0, atol=2e-2)
    states = list(training(TINY, WORLD, Plan(20, 8), every=10, device="cuda", rng=np.random.default_rng(0)))
    assert [state.step for state in states] == [10, 20] and np.isfinite(states[-1].loss)
