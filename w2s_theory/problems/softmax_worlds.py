"""A synthetic classification world in the manner of Mulgund and Pabbaraju 2025: a network is the truth, half of it the weak model.

    hidden units    h(x) = relu(W x + b), centred, at x ~ N(0, I)
    representation  r(x) = A (h(x) − centre)
    truth           f*(x) = softmax(U r(x) + a)
    weak model      the truth cut to its first ``kept`` hidden units: w(x) = softmax(U A [h(x) − centre]_kept + a)
    strong model    sees the first ``seen`` coordinates of r(x), and learns a softmax head on them, or a mixture of such heads, from w

A head on all of r(x) is the truth, so the target is realizable when the strong model sees it all. The cut network is not a head on
r(x): its error is what the strong model can't express. NumPy only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import softmax

from .._validation import frozen, generator, positive, whole
from .representations import MLP, random_mlp

#: Inputs from which ``random_network_world`` estimates the centre of the hidden units and the size of the logits.
CALIBRATION = 10_000


class SoftmaxSample(NamedTuple):
    """What n inputs look like: strong ``features`` (n, seen), and the class probabilities ``weak`` and ``target``, (n, C) each."""

    features: np.ndarray
    weak: np.ndarray
    target: np.ndarray


@dataclass(frozen=True, eq=False)
class NetworkWorld:
    """The world above. ``hidden`` a network, ``centre`` (width,), ``mixing`` A (d, width), ``heads`` (C, d + 1) = [U, a], intercept last.

    Raises ``ValueError`` for shapes that do not belong together, fewer than two classes, ``kept`` above the width or ``seen`` above d.
    """

    hidden: MLP
    centre: np.ndarray
    mixing: np.ndarray
    heads: np.ndarray
    kept: int
    seen: int

    def __post_init__(self) -> None:
        width = self.hidden.width
        for name, ndim in (("centre", 1), ("mixing", 2), ("heads", 2)):
            object.__setattr__(self, name, frozen(name, getattr(self, name), ndim=ndim))
        d = self.mixing.shape[0]
        for name, shape in (("centre", (width,)), ("mixing", (d, width)), ("heads", (len(self.heads), d + 1))):
            if getattr(self, name).shape != shape:
                raise ValueError(
                    f"{name} must have shape {shape} beside a network of {width} units and a representation of {d}; "
                    f"its shape is {getattr(self, name).shape}. Align them."
                )
        whole("the number of classes", self.classes, at_least=2)
        for name, most in (("kept", width), ("seen", d)):
            if whole(name, getattr(self, name)) > most:
                raise ValueError(f"{name} must be at most {most}; it is {getattr(self, name)}. Keep fewer.")

    @property
    def classes(self) -> int:
        """Number of classes C."""
        return self.heads.shape[0]

    def is_realizable(self) -> bool:
        """True when a softmax head on what the strong model sees is the truth: no logit needs an unseen coordinate.

        Adding one vector to the heads of all classes changes no probability, so what counts is how the heads differ.
        """
        unseen = self.heads[:, self.seen : -1]
        return bool(np.all(unseen == unseen[:1]))

    def sample(self, n: int, *, rng: np.random.Generator) -> SoftmaxSample:
        """n fresh inputs x ~ N(0, I), as strong and weak model and truth see them."""
        x = generator(rng).standard_normal((whole("n", n), self.hidden.d_in))
        units = self.hidden(x) - self.centre
        features = units @ self.mixing.T
        cut = units[:, : self.kept] @ self.mixing[:, : self.kept].T
        target, weak = (softmax(r @ self.heads[:, :-1].T + self.heads[:, -1], axis=1) for r in (features, cut))
        return SoftmaxSample(features[:, : self.seen], weak, target)


def random_network_world(
    classes: int,
    *,
    dimension: int = 10,
    seen: int | None = None,
    width: int = 50,
    d_in: int = 20,
    sharpness: float = 3.0,
    rng: np.random.Generator,
) -> NetworkWorld:
    """A world of random weights, of whose ``width`` hidden units the weak model keeps one half.

    The first layer has the law torch gives a fresh ``Linear``; A and U are standard normal. The representation is scaled to mean square
    one per coordinate, the logits to a root mean square of ``sharpness``, on ``CALIBRATION`` inputs: sharp logits have low entropy.
    ``dimension`` d is the size of r(x), ``seen`` (all of it by default) that of what the strong model sees. Raises ``ValueError`` for
    numbers out of range.
    """
    whole("classes", classes, at_least=2)
    whole("dimension", dimension)
    positive("sharpness", sharpness)
    hidden = random_mlp(1, whole("width", width, at_least=2), d_in, rng=generator(rng))
    units = hidden(rng.standard_normal((CALIBRATION, d_in)))
    centre = units.mean(axis=0)
    mixing = rng.standard_normal((dimension, width))
    size = np.sqrt(np.mean(((units - centre) @ mixing.T) ** 2, axis=0))
    mixing = mixing / size[:, None]
    heads = rng.standard_normal((classes, dimension))
    heads = heads - heads.mean(axis=0)
    logits = (units - centre) @ mixing.T @ heads.T
    heads = heads * (sharpness / np.sqrt(np.mean(logits**2)))
    with_intercept = np.column_stack([heads, np.zeros(classes)])
    return NetworkWorld(hidden, centre, mixing, with_intercept, kept=width // 2, seen=dimension if seen is None else seen)
