"""A student that mixes k members, on a finite weighted sample, with any Bregman divergence; and mixtures in the divergence's coordinates.

With D the divergence and θ its coordinates (``Bregman.coordinates``: the values themselves, their slopes ∇φ for a ``Dual``), the mixture
of members m_1 … m_k with weights a on the simplex is the point q with θ(q) = Σ_j a_j θ(m_j) at every sample. For "kl" that is a
mixture of probabilities, a convex class; for "reverse-kl" a geometric mixture, q ∝ Π_j m_j^{a_j}, whose class is convex in log
probabilities. float64 of the array library of the members.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from .._array import array_namespace
from .._validation import kept, sample_weights
from ..divergences import Bregman, Divergence, as_divergence


@dataclass(frozen=True, eq=False)
class HullPopulation:
    """Members, weak labels and a target that is a mixture of the members: realizable by construction.

    ``members`` (k, n) or (k, n, c), as the divergence compares numbers or vectors; ``weak`` (..., n) or (..., n, c), any number of
    tasks in front; ``target_mixture`` (..., k), weights ≥ 0 that sum to one; ``weights`` (n,), equal when ``None``, scaled to sum to one.
    Raises ``ValueError`` for NaN, shapes that do not belong together or values outside the divergence's domain, ``TypeError`` for a loss that
    is no Bregman divergence.
    """

    members: Any
    weak: Any
    target_mixture: Any
    divergence: str | Divergence = "kl"
    weights: Any = None

    lives_on_devices: ClassVar[bool] = True

    def __post_init__(self) -> None:
        loss = as_bregman(self.divergence)
        object.__setattr__(self, "divergence", loss)
        members = as_members(self.members, loss)
        object.__setattr__(self, "members", members)
        object.__setattr__(self, "weak", weak := as_labels(self.weak, members, loss))
        mixture = kept("target_mixture", self.target_mixture, min_ndim=1)
        xp = array_namespace(mixture)
        smallest, off = float(xp.min(mixture)), float(xp.max(xp.abs(xp.sum(mixture, axis=-1) - 1.0)))
        if mixture.shape[-1] != members.shape[0] or smallest < 0 or off > 1e-9:
            raise ValueError(
                f"target_mixture must hold {members.shape[0]} weights >= 0 on its last axis that sum to 1; its shape is "
                f"{tuple(mixture.shape)}, its smallest entry {smallest:.6g}. Divide by the sum."
            )
        object.__setattr__(self, "target_mixture", mixture)
        object.__setattr__(self, "weights", kept("weights", sample_weights(self.weights, weak, (members.shape[1],))))
        loss.validate("target", self.target)  # a target without a way back from its coordinates is refused here too

    @property
    def loss(self) -> Bregman:
        """The divergence object."""
        return as_bregman(self.divergence)

    @cached_property
    def target(self) -> Any:
        """The mixture of the members with weights ``target_mixture``, (..., n) or (..., n, c)."""
        return mixture_of(self.members, self.target_mixture, self.loss)


def mixture_of(members: Any, mixture: Any, divergence: str | Divergence) -> Any:
    """The mixtures (..., n) or (..., n, c) of ``members`` (k, n) or (k, n, c) with weights ``mixture`` (..., k); see the module."""
    loss = as_bregman(divergence)
    members, mixture = as_members(members, loss), kept("mixture", mixture, min_ndim=1)
    return loss.at(array_namespace(members).tensordot(mixture, loss.coordinates(members), axes=1))


def as_members(members: Any, loss: Bregman) -> Any:
    """``members`` as a read-only array (k, n) or (k, n, c) inside the divergence's domain; raise ``ValueError`` otherwise."""
    array = kept("members", members, ndim=2 + loss.event_ndim)
    loss.validate_inside("members", array)
    return array


def as_labels(weak: Any, members: Any, loss: Bregman) -> Any:
    """``weak`` as a read-only array (..., n) or (..., n, c) on the members' sample, in the domain; raise ``ValueError`` otherwise."""
    array = kept("weak", weak, min_ndim=members.ndim - 1)
    if array.shape[array.ndim - members.ndim + 1 :] != members.shape[1:]:
        raise ValueError(
            f"weak must end in the shape {tuple(members.shape[1:])} of a member; its shape is {tuple(array.shape)}. Use one sample for all."
        )
    loss.validate("weak", array)
    return array


def as_bregman(divergence: str | Divergence) -> Bregman:
    """The divergence, if it is a Bregman divergence; raise ``TypeError`` otherwise."""
    loss = as_divergence(divergence)
    if not isinstance(loss, Bregman):
        raise TypeError(
            f"divergence must be a Bregman divergence, for its coordinates; it is {loss.name!r}. Use 'kl' or 'squared'."
        )
    return loss
