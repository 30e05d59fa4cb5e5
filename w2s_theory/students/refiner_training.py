"""Training a refiner: predict the next label of prompts whose examples all come from one concept, drawn from the prior.

    x_i ~ N(0, I),  k ~ α once a prompt,  y_i = β_k·x_i + σ ξ_i;     minimise the mean of −log p(y_t | examples before t, x_t) over t

Every step sees fresh prompts, so there is nothing to overfit, and the least loss possible is that of exact Bayes. AdamW, a linear warm-up
and a cosine to zero, gradients clipped in norm. ``training`` yields its state now and then; from such a state it goes on exactly as if it
had never stopped. float32 in torch; no file is touched here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._validation import MissingExtra, SolverFailure, generator, positive, whole
from ..problems.concepts import ConceptWorld
from .learned_refiner import Architecture, network


@dataclass(frozen=True)
class Plan:
    """How long and how fast: ``steps`` of ``batch`` fresh prompts, peak ``learning_rate``, ``clip``: largest norm of a gradient."""

    steps: int
    batch: int = 128
    learning_rate: float = 2e-3
    warm_up: float = 0.05
    clip: float = 1.0

    def __post_init__(self) -> None:
        whole("steps", self.steps)
        whole("batch", self.batch)
        for name in ("learning_rate", "clip"):
            positive(name, getattr(self, name))
        if not 0.0 <= self.warm_up < 1.0:
            raise ValueError(f"warm_up must be a share of the steps, at least 0 and below 1; it is {self.warm_up!r}.")

    def rate(self, step: int) -> float:
        """The learning rate of step 0, 1, …: up to the peak in the first ``warm_up`` of the steps, then half a cosine down to zero."""
        up = self.warm_up * self.steps
        if step + 1 < up:
            return self.learning_rate * (step + 1) / up
        return self.learning_rate * 0.5 * (1.0 + np.cos(np.pi * (step + 1 - up) / (self.steps + 1 - up)))


@dataclass(frozen=True, eq=False)
class State:
    """Everything that the rest of a training depends on: steps taken, weights, AdamW's two moments, the generator; and the last loss."""

    step: int
    weights: np.ndarray
    first: np.ndarray
    second: np.ndarray
    rng: str
    loss: float


def source_prompts(world: ConceptWorld, prompts: int, n: int, *, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Prompts as the strong model believes them to be: one concept each, drawn from the prior, labels with noise σ.

    Features (prompts, n, d) and labels (prompts, n). Raises ``ValueError`` for soft concepts.
    """
    if not world.is_sharp():
        raise ValueError(f"world must have sharp concepts (spread 0); its spread is {world.spread}.")
    generator(rng)
    features = world.draw_features((whole("prompts", prompts), whole("n", n), world.d), rng=rng)
    meant = world.concepts[rng.choice(world.count, size=prompts, p=world.alpha)]
    return features, (features @ meant[..., None])[..., 0] + world.belief * rng.standard_normal((prompts, n))


def training(
    architecture: Architecture,
    world: ConceptWorld,
    plan: Plan,
    *,
    every: int,
    state: State | None = None,
    device: str = "cpu",
    rng: np.random.Generator,
) -> Iterator[State]:
    """Train; yield the state after every ``every`` steps, and after the last.

    Pass a ``state`` to go on from it: what follows is what would have followed without the stop, bit by bit on one machine and device
    (``rng`` is then not read). While it computes, torch is set to one thread: the matrices are too small for more.

    Raises ``MissingExtra`` without torch, ``ValueError`` for a world of other features or a state of another architecture or plan,
    ``SolverFailure`` when the loss is no longer finite.
    """
    try:
        import torch
    except ImportError:
        raise MissingExtra("torch", "torch") from None
    if world.d != architecture.d:
        raise ValueError(f"world must have the architecture's {architecture.d} features; it has {world.d}.")
    whole("every", every)
    if state is None:
        weights = architecture.initial(rng=generator(rng))
        state = State(0, weights, np.zeros_like(weights), np.zeros_like(weights), _packed(rng), float("nan"))
    if state.weights.shape != (architecture.size,) or state.step > plan.steps:
        raise ValueError(
            f"state must belong to this architecture of {architecture.size} weights and this plan of {plan.steps} steps; "
            f"it has {state.weights.size} weights after {state.step} steps."
        )
    rng = _unpacked(state.rng)
    flat = torch.nn.Parameter(torch.tensor(state.weights, device=device))
    flat.grad = torch.zeros_like(flat)
    optimiser = torch.optim.AdamW([flat], lr=plan.learning_rate, weight_decay=0.0, fused=True)
    optimiser.state[flat] = {
        "step": torch.tensor(float(state.step), device=device),
        "exp_avg": torch.tensor(state.first, device=device),
        "exp_avg_sq": torch.tensor(state.second, device=device),
    }
    weights = architecture.split(flat.detach())
    for part, gradient in zip(weights.values(), architecture.split(flat.grad).values(), strict=True):
        part.requires_grad_().grad = gradient
    step = state.step
    while step < plan.steps:
        threads, losses = torch.get_num_threads(), torch.zeros((), device=device)
        torch.set_num_threads(1)
        try:
            first, last = step, min(plan.steps, step - step % every + every)
            for step in range(first + 1, last + 1):
                features, labels = (
                    torch.tensor(part, dtype=torch.float32, device=device)
                    for part in source_prompts(world, plan.batch, architecture.longest + 1, rng=rng)
                )
                loss = surprise(network(architecture, weights, features, labels[:, :-1]), labels).mean()
                flat.grad.zero_()
                loss.backward()
                torch.nn.utils.clip_grad_norm_([flat], plan.clip)
                optimiser.param_groups[0]["lr"] = plan.rate(step - 1)
                optimiser.step()
                losses += loss.detach()
        finally:
            torch.set_num_threads(threads)
        mean = float(losses) / (last - first)
        if not np.isfinite(mean):
            raise SolverFailure(f"the loss is {mean} after {step} steps; use a smaller learning_rate than {plan.learning_rate}.")
        moments = optimiser.state[flat]
        now, first_moment, second_moment = (
            part.detach().cpu().numpy().copy() for part in (flat, moments["exp_avg"], moments["exp_avg_sq"])
        )
        yield State(step, now, first_moment, second_moment, _packed(rng), mean)


def surprise(answers: tuple[Any, Any, Any], labels: Any) -> Any:
    """−log density of ``labels`` (prompts, n + 1) under the network's answers, in torch: what training minimises."""
    log_weights, means, scales = answers
    z = (labels[..., None] - means) / scales
    return 0.5 * np.log(2.0 * np.pi) - (log_weights - 0.5 * z.square() - scales.log()).logsumexp(dim=-1)


def _packed(rng: np.random.Generator) -> str:
    """The state of a generator as text."""
    return json.dumps(rng.bit_generator.state)


def _unpacked(text: str) -> np.random.Generator:
    """A generator that goes on where ``_packed`` left one."""
    state = json.loads(text)
    rng = np.random.Generator(getattr(np.random, state["bit_generator"])())
    rng.bit_generator.state = state
    return rng
