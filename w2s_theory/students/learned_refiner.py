"""A refiner that was learned, not derived: a small transformer that reads labelled examples and gives a density for the next label.

It sees the examples one by one. Token t holds the example before it and the query, (x_{t−1}, y_{t−1}, x_t); attention is causal, so the
answer at token t depends on t examples and the query x_t, and one sequence of n + 1 tokens is a prompt of every length 0 … n. The
answer is a mixture of Gaussians, whose weights, means and widths are read off the last layer. Pre-norm blocks, learned positions.

Trained on prompts of a ``ConceptWorld`` (``refiner_training.training``) it has no better answer than exact Bayes, the mixture
Σ_k w_k N(β_k·x, σ²) of ``refiner.posterior``; how far it is from it, on prompts like those it was trained on and on others, is
``Mixture.divergence``. The set-up of in-context regression is that of garg2022, the mixture of concepts that of somerstep2025.
Weights are NumPy float32, answers float64; torch is imported when a network answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import log_softmax

from .._validation import MissingExtra, finite, generator, whole
from ..problems.concepts import ConceptWorld
from .refiner import weights_of

#: Prompts that a network answers at once.
CHUNK = 512
#: No component is narrower than this: a density can't run away to infinity during training.
NARROWEST = 1e-3
#: The arrays of one block: two norms, attention and its way back into the stream, the widening layer and its way back.
BLOCK = ("norm1", "attend", "join", "join_bias", "norm2", "widen", "widen_bias", "narrow", "narrow_bias")
#: Gauss–Hermite nodes per component, for divergences.
NODES = 32


@dataclass(frozen=True, eq=False)
class Mixture:
    """Mixtures of Gaussians in one variable: ``log_weights``, ``means``, ``scales``, each (..., components)."""

    log_weights: np.ndarray
    means: np.ndarray
    scales: np.ndarray

    def log_density(self, labels: np.ndarray) -> np.ndarray:
        """log p(label), (...,)."""
        z = (np.asarray(labels, dtype=float)[..., None] - self.means) / self.scales
        parts = self.log_weights - np.log(self.scales) - 0.5 * z**2
        largest = parts.max(axis=-1)
        return largest + np.log(np.sum(np.exp(parts - largest[..., None]), axis=-1)) - 0.5 * np.log(2.0 * np.pi)

    def sample(self, *, rng: np.random.Generator) -> np.ndarray:
        """One independent label from each mixture, (...,)."""
        generator(rng)
        steps = np.cumsum(np.exp(self.log_weights), axis=-1)
        drawn = rng.random(self.means.shape[:-1])[..., None] * steps[..., -1:]
        which = np.sum(drawn > steps[..., :-1], axis=-1)[..., None]
        mean, scale = (np.take_along_axis(values, which, axis=-1)[..., 0] for values in (self.means, self.scales))
        return mean + scale * rng.standard_normal(mean.shape)

    def divergence(self, other: Mixture) -> np.ndarray:
        """KL(self ‖ other) in nats, (...,): Gauss–Hermite quadrature around each component of ``self``.

        It is good to 1e-4 nats where no component of ``other`` is much narrower than those of ``self``, and in the mean over many answers
        where one is ten times narrower.
        """
        nodes, shares = np.polynomial.hermite_e.hermegauss(NODES)
        total = np.zeros(np.broadcast_shapes(self.means.shape[:-1], other.means.shape[:-1]))
        for node, share in zip(nodes, shares / shares.sum(), strict=True):
            points = self.means + node * self.scales  # (..., components)
            for k in range(points.shape[-1]):
                ratio = self.log_density(points[..., k]) - other.log_density(points[..., k])
                total += share * np.exp(self.log_weights[..., k]) * ratio
        return total


def exact_answers(world: ConceptWorld, features: np.ndarray, labels: np.ndarray) -> Mixture:
    """What exact Bayes answers after every number of examples: Σ_k w_k N(β_k·x, σ²), the best answer to prompts of one concept.

    ``features`` (prompts, n + 1, d), the query of each length included; ``labels`` (prompts, n).
    Component k of ``[..., t, k]`` is concept k after t examples. Raises ``ValueError`` for soft concepts, other
    shapes, or NaN.
    """
    if not world.is_sharp():
        raise ValueError(
            f"world must have sharp concepts (spread 0): soft ones answer with no such mixture; it is {world.spread}."
        )
    features, labels = _prompts(world.d, features, labels)
    means = features @ world.concepts.T
    evidence = np.zeros_like(means)
    errors = labels[..., None] - means[:, :-1]
    np.cumsum(-0.5 / world.belief**2 * np.square(errors), axis=1, out=evidence[:, 1:])
    with np.errstate(divide="ignore"):
        return Mixture(np.log(weights_of(world, evidence)), means, np.full(means.shape, world.belief))


@dataclass(frozen=True)
class Architecture:
    """Sizes of the network: ``d`` features, at most ``longest`` examples, blocks, their width and heads, components of the answer."""

    d: int
    longest: int
    layers: int = 2
    width: int = 64
    heads: int = 4
    components: int = 8

    def __post_init__(self) -> None:
        for name in ("d", "longest", "layers", "width", "heads", "components"):
            whole(name, getattr(self, name))
        if self.width % self.heads:
            raise ValueError(f"width must be a multiple of heads; they are {self.width} and {self.heads}.")

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every array of weights, matrices as (out, in)."""
        w = self.width
        shapes: dict[str, tuple[int, ...]] = {"token": (w, 2 * self.d + 1), "position": (self.longest + 1, w)}
        for i in range(self.layers):
            shapes |= {f"{i}.norm1": (w,), f"{i}.attend": (3 * w, w)}
            shapes |= {f"{i}.join": (w, w), f"{i}.join_bias": (w,), f"{i}.norm2": (w,)}
            shapes |= {f"{i}.widen": (4 * w, w), f"{i}.widen_bias": (4 * w,), f"{i}.narrow": (w, 4 * w), f"{i}.narrow_bias": (w,)}
        return shapes | {"norm": (w,), "answer": (3 * self.components, w), "answer_bias": (3 * self.components,)}

    @property
    def size(self) -> int:
        """Number of weights."""
        return sum(int(np.prod(shape)) for shape in self.shapes.values())

    def split(self, flat: Any) -> dict[str, Any]:
        """The arrays of weights as views of one vector (size,), of NumPy or torch."""
        found, start = {}, 0
        for name, shape in self.shapes.items():
            end = start + int(np.prod(shape))
            found[name], start = flat[start:end].reshape(shape), end
        return found

    def initial(self, *, rng: np.random.Generator) -> np.ndarray:
        """Untrained weights, one float32 vector (size,): matrices N(0, 1/in), those that end a block smaller by √(2 layers)."""
        generator(rng)
        flat = np.empty(self.size, dtype=np.float32)
        for name, part in self.split(flat).items():
            kind = name.split(".")[-1]
            if kind.startswith("norm"):
                part[...] = 1.0
            elif kind.endswith("bias"):
                part[...] = rng.standard_normal(part.shape) if kind == "answer_bias" else 0.0
            else:
                scale = 0.02 if kind == "position" else 1.0 / np.sqrt(part.shape[1])
                part[...] = rng.standard_normal(part.shape) * (
                    scale / np.sqrt(2.0 * self.layers) if kind in ("join", "narrow") else scale
                )
        return flat


def network(architecture: Architecture, weights: Mapping[str, Any], features: Any, labels: Any) -> tuple[Any, Any, Any]:
    """Answers of the network on torch tensors: log weights, means and scales, each (prompts, n + 1, components).

    ``features`` (prompts, n + 1, d), ``labels`` (prompts, n), n ≤ ``longest``.
    """
    import torch
    from torch.nn.functional import gelu, layer_norm, linear, pad, scaled_dot_product_attention, softplus

    prompts, tokens, _ = features.shape
    seen = pad(torch.cat([features[:, :-1], labels[..., None]], dim=-1), (0, 0, 1, 0))  # nothing before the first query
    stream = linear(torch.cat([seen, features], dim=-1), weights["token"]) + weights["position"][:tokens]
    shape, width = (prompts, tokens, 3, architecture.heads, -1), (architecture.width,)
    for i in range(architecture.layers):
        block = {name: weights[f"{i}.{name}"] for name in BLOCK}
        parts = linear(layer_norm(stream, width, block["norm1"]), block["attend"])
        query, key, value = parts.view(shape).permute(2, 0, 3, 1, 4)
        read = scaled_dot_product_attention(query, key, value, is_causal=True).transpose(1, 2).reshape(stream.shape)
        stream = stream + linear(read, block["join"], block["join_bias"])
        wide = gelu(linear(layer_norm(stream, width, block["norm2"]), block["widen"], block["widen_bias"]))
        stream = stream + linear(wide, block["narrow"], block["narrow_bias"])
    answer = linear(layer_norm(stream, width, weights["norm"]), weights["answer"], weights["answer_bias"])
    logits, means, scales = answer.split(architecture.components, dim=-1)
    return logits.log_softmax(dim=-1), means, softplus(scales) + NARROWEST


@dataclass(frozen=True, eq=False)
class LearnedRefiner:
    """A network with its weights, one float32 vector; ``device`` is where torch computes. Weights are copied and read-only.

    Raises ``ValueError`` for weights that are not as many as the architecture has, or not finite.
    """

    architecture: Architecture
    weights: np.ndarray
    device: str = "cpu"

    def __post_init__(self) -> None:
        weights = np.array(finite("weights", self.weights, ndim=1), dtype=np.float32)
        if weights.shape != (self.architecture.size,):
            raise ValueError(
                f"weights must be {self.architecture.size} numbers for this architecture; its shape is {weights.shape}."
            )
        weights.setflags(write=False)
        object.__setattr__(self, "weights", weights)

    def answers(self, features: np.ndarray, labels: np.ndarray) -> Mixture:
        """The network's predictive density for each query after the examples before it: mixtures (prompts, n + 1).

        ``features`` (prompts, n + 1, d): the first n are the examples', each also a query after those before it; ``labels``
        (prompts, n). The answer ``[:, t]`` depends on ``features[:, :t + 1]`` and ``labels[:, :t]`` only. Raises ``MissingExtra``
        without torch, ``ValueError`` for other shapes, NaN, or more examples than ``longest``.
        """
        try:
            import torch
        except ImportError:
            raise MissingExtra("torch", "torch") from None
        features, labels = _prompts(self.architecture.d, features, labels)
        if labels.shape[1] > self.architecture.longest:
            raise ValueError(
                f"labels must be at most longest = {self.architecture.longest} a prompt; its shape is {labels.shape}."
            )
        weights = self.architecture.split(torch.tensor(self.weights, device=self.device))
        found: list[list[np.ndarray]] = []
        with torch.inference_mode():
            for start in range(0, len(labels), CHUNK):
                some = (
                    torch.tensor(part[start : start + CHUNK], dtype=torch.float32, device=self.device)
                    for part in (features, labels)
                )
                found.append([part.cpu().numpy() for part in network(self.architecture, weights, *some)])
        logits, means, scales = (np.concatenate(parts).astype(np.float64) for parts in zip(*found, strict=True))
        return Mixture(log_softmax(logits, axis=-1), means, scales)  # normalised once more, to float64


def _prompts(d: int, features: Any, labels: Any) -> tuple[np.ndarray, np.ndarray]:
    """Features (prompts, n + 1, d), and labels (prompts, n) without a label of the last query."""
    features = np.asarray(finite("features", features, ndim=3), dtype=float)
    labels = np.asarray(labels, dtype=float)
    if features.shape[2] != d or labels.ndim != 2 or len(labels) != len(features) or features.shape[1] != labels.shape[1] + 1:
        raise ValueError(
            f"features must have shape (prompts, n + 1, {d}), the query last, and labels (prompts, n); "
            f"they are {features.shape} and {labels.shape}."
        )
    if labels.size:
        finite("labels", labels)
    return features, labels
