"""The synthetic world of "Quantifying the Gain in Weak-to-Strong Generalization" (Charikar, Pabbaraju, Shiragur 2024).

A representation h: R^d_in → R^width is a multilayer perceptron, a task is a linear head on the *target* representation h*, and
the weak and the strong model are two other representations, on which heads are fitted by least squares. One panel of the paper's
synthetic figure, for a ``world`` and 100 tasks, each with its own sample of 2000 points:

    heads = random_heads(100, 16, rng=rng)
    x, fresh = world.sample_inputs(2, 100, 2000, rng=rng)  # to fit on, to evaluate on
    weak = fit_heads(world.weak(x), predict(world.target(x), heads), min_active=5).coefficients
    student = fit_heads(world.strong(x), predict(world.weak(x), weak), min_active=5).coefficients
    gain_report(predict(world.weak(fresh), weak), predict(world.strong(fresh), student), predict(world.target(fresh), heads))

The three panels are three worlds: ``RepresentationWorld(target, strong=target, weak=...)`` (realizable), two networks from
``students.pretraining`` (pretraining), ``target.perturb(0.1, rng=rng)`` and ``target.perturb(9.0, rng=rng)`` (perturbation).

The paper trains its heads with an optimiser; the optimum it approaches is the least-squares head used here. NumPy float64 only.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Self

import numpy as np

from .._array import to_numpy
from .._validation import finite, generator, positive, whole
from ..linalg import LeastSquares, least_squares


@dataclass(frozen=True, eq=False)
class MLP:
    """h(x) = relu(W_L … relu(W_1 x + b_1) … + b_L), a ReLU after every layer, the last one too.

    ``weights``: one (width_out, width_in) matrix per layer; ``biases``: one (width_out,) vector per layer. They are copied and
    read-only. Raises ``ValueError`` when layers do not chain, for NaN, or when there is no layer.
    """

    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]

    def __post_init__(self) -> None:
        for name, ndim in (("weights", 2), ("biases", 1)):
            arrays = tuple(_frozen(f"{name}[{i}]", value, ndim) for i, value in enumerate(getattr(self, name)))
            object.__setattr__(self, name, arrays)
        if not self.weights or len(self.weights) != len(self.biases):
            raise ValueError(
                f"weights and biases must have one entry per layer; they have {len(self.weights)} and {len(self.biases)}. "
                "Give every layer both."
            )
        incoming = self.d_in
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            if weight.shape != (bias.shape[0], incoming):
                raise ValueError(
                    f"weights[{i}] must have shape {(bias.shape[0], incoming)}, the length of biases[{i}] and the width of the "
                    f"layer before; its shape is {weight.shape}. Store matrices as (out, in)."
                )
            incoming = bias.shape[0]

    @property
    def depth(self) -> int:
        """Number of layers."""
        return len(self.weights)

    @property
    def d_in(self) -> int:
        """Dimension of the inputs."""
        return self.weights[0].shape[1]

    @property
    def width(self) -> int:
        """Number of features."""
        return self.biases[-1].shape[0]

    def __call__(self, inputs: Any) -> np.ndarray:
        """Features (..., width) at ``inputs`` (..., d_in)."""
        features = np.asarray(to_numpy(finite("inputs", inputs, min_ndim=1)), dtype=np.float64)
        if features.shape[-1] != self.d_in:
            raise ValueError(
                f"inputs must have {self.d_in} entries on the last axis; the shape is {features.shape}. Put samples in front."
            )
        for weight, bias in zip(self.weights, self.biases, strict=True):
            features = np.maximum(features @ weight.T + bias, 0.0)
        return features

    def perturb(self, sigma: float, *, rng: np.random.Generator) -> Self:
        """The network with independent N(0, sigma²) noise on every weight and bias; the paper takes 0.1 (strong) and 9 (weak)."""
        positive("sigma", sigma, strict=False)
        generator(rng)
        weights, biases = (
            tuple(array + sigma * rng.standard_normal(array.shape) for array in arrays) for arrays in (self.weights, self.biases)
        )
        return replace(self, weights=weights, biases=biases)

    def is_same_as(self, other: MLP) -> bool:
        """True when every parameter of the two networks is equal: the same function, written the same way."""
        mine, others = self.weights + self.biases, other.weights + other.biases
        return len(mine) == len(others) and all(map(np.array_equal, mine, others))


def random_mlp(depth: int, width: int, d_in: int, *, rng: np.random.Generator) -> MLP:
    """A network of ``depth`` layers of ``width`` units with the law torch gives a fresh ``Linear``.

    Weights and biases are independent, uniform on ±1/sqrt(fan_in). The paper's code has d_in 8, width 16 and depth 5 (target),
    8 (strong), 2 (weak).
    """
    whole("depth", depth)
    widths = [whole("d_in", d_in)] + [whole("width", width)] * depth
    layers = [_random_linear(fan_in, fan_out, rng) for fan_in, fan_out in pairwise(widths)]
    return MLP(*zip(*layers, strict=True))


def random_heads(n_tasks: int, width: int, *, rng: np.random.Generator) -> np.ndarray:
    """Tasks: ``n_tasks`` linear heads with intercept, shape (n_tasks, width + 1), intercept last, uniform on ±1/sqrt(width)."""
    weight, bias = _random_linear(whole("width", width), whole("n_tasks", n_tasks), rng)
    return np.column_stack([weight, bias])


def with_intercept(features: np.ndarray) -> np.ndarray:
    """``features`` (..., n, width) with a last column of ones, so that a head (width + 1,) has its intercept last."""
    return np.concatenate([features, np.ones_like(features[..., :1])], axis=-1)


def predict(features: np.ndarray, heads: np.ndarray) -> np.ndarray:
    """Predictions (tasks, n) of ``heads`` (tasks, width + 1), intercept last, on ``features`` (n, width) or (tasks, n, width)."""
    if heads.ndim != 2 or heads.shape[1] != features.shape[-1] + 1 or features.shape[:-2] not in ((), (len(heads),)):
        raise ValueError(
            "heads must have shape (tasks, width + 1), intercept last, for features (n, width) or (tasks, n, width); the shapes are "
            f"{heads.shape} and {features.shape}. Heads come from random_heads or fit_heads."
        )
    return (with_intercept(features) @ heads[:, :, None])[..., 0]


def fit_heads(features: np.ndarray, labels: np.ndarray, *, min_active: int = 1) -> LeastSquares:
    """The least-squares head of every task; ``coefficients`` (tasks, width + 1) with the intercept last.

    ``features`` (tasks, n, width), or (n, width) when the tasks share them; ``labels`` (tasks, n). Units that are dead or
    collinear on the sample make the head ambiguous: the one of least norm is taken, each feature measured in units of its root
    mean square, so that a dead unit gets 0; ``rank``, ``condition`` and ``error`` are those in these units.

    A unit that is active on one or two points has a coefficient that rests on them alone, and where it fires on fresh inputs the
    prediction can be off by any factor: one such task dwarfs all others in error, gain and misfit, and draws the cloud of tasks
    onto the line gain = misfit. An optimiser never gets to fit such a unit. ``min_active`` counts units that are active (not zero)
    on fewer points of a task's sample as dead; 5 is enough at n = 2000, 1 is plain least squares.
    """
    features = finite("features", features, min_ndim=2)
    is_live = np.sum(features != 0, axis=-2, keepdims=True) >= whole("min_active", min_active)
    columns = with_intercept(np.where(is_live, features, 0.0))
    scale = np.sqrt(np.mean(np.square(columns), axis=-2))
    scale[scale == 0] = 1.0
    fit = least_squares(columns / scale[..., None, :], finite("labels", labels, ndim=2))
    return replace(fit, coefficients=fit.coefficients / scale)


@dataclass(frozen=True, eq=False)
class RepresentationWorld:
    """Inputs x ~ N(0, input_std² I); ``target`` h*, ``strong`` h_s and ``weak`` h_w are the representations that see them.

    ``input_std`` is a standard deviation, 500 in the paper's code. Raises ``ValueError`` when the networks take inputs of
    different dimension.
    """

    target: MLP
    strong: MLP
    weak: MLP
    input_std: float = 500.0

    def __post_init__(self) -> None:
        positive("input_std", self.input_std)
        dimensions = {name: getattr(self, name).d_in for name in ("target", "strong", "weak")}
        if len(set(dimensions.values())) > 1:
            raise ValueError(f"target, strong and weak must take inputs of one dimension; theirs are {dimensions}.")

    def sample_inputs(self, *shape: int, rng: np.random.Generator) -> np.ndarray:
        """Independent inputs of shape (*shape, d_in): ``sample_inputs(n, rng=rng)``, ``sample_inputs(tasks, n, rng=rng)``."""
        sizes = [whole("shape", size) for size in shape]
        return self.input_std * generator(rng).standard_normal((*sizes, self.target.d_in))

    def is_realizable(self) -> bool:
        """True when ``strong`` is the target network, parameter by parameter, so that every task is a head on it.

        Sufficient, not necessary: other networks whose features span the target's are not recognised.
        """
        return self.strong.is_same_as(self.target)


def _frozen(name: str, value: Any, ndim: int) -> np.ndarray:
    array = np.array(to_numpy(finite(name, value, ndim=ndim)), dtype=np.float64)
    array.setflags(write=False)
    return array


def _random_linear(fan_in: int, fan_out: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    bound = fan_in**-0.5
    generator(rng)
    return rng.uniform(-bound, bound, (fan_out, fan_in)), rng.uniform(-bound, bound, fan_out)
