"""What the statements on self-distillation share: hypotheses, risks of refitted students, example designs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..problems.fixed_design import FixedDesign
from ..quantities.self_distillation import refitted_risk
from ..statements import Assumption

PENALISED = Assumption("the penalty is positive", FixedDesign.is_penalised)
NOISY = Assumption("the weak labels are noisy", FixedDesign.is_noisy)


def refitted_parabola(world: FixedDesign) -> tuple[float, float, float]:
    """R(0), slope and curvature A of R(ξ) = R(0) + slope·ξ + A ξ², from students refitted with ξ = −1, 0 and 1."""
    minus, at, plus = (refitted_risk(replace(world, mixings=(xi,))) for xi in (-1.0, 0.0, 1.0))
    return at, (plus - minus) / 2.0, (plus + minus) / 2.0 - at


def rounding_scale(world: FixedDesign) -> float:
    """The size of the numbers in a risk after all refits, each of which mixes labels and predictions with weights 1 − ξ and ξ."""
    size = np.sum(world.weak_head**2) + np.sum(world.target_head**2) + world.noise**2 * np.sum(1.0 / world.squares)
    return float(size * np.prod(1.0 + 2.0 * np.abs(world.mixings)))


def design(rng: np.random.Generator, values: tuple[float, ...], *, n: int = 12, d: int | None = None) -> np.ndarray:
    """Features (n, d) with the given singular values, d at least their number."""
    d = len(values) if d is None else d
    left, right = (np.linalg.qr(rng.standard_normal((size, len(values))))[0] for size in (n, d))
    return (left * np.array(values)) @ right.T


def fixed_designs(rng: np.random.Generator) -> tuple[FixedDesign, ...]:
    """A biased weak head, more features than points, an unbiased weak head with a repeated singular value."""
    heads = rng.standard_normal((3, 8))
    return (
        FixedDesign(design(rng, (3.0, 2.0, 1.2, 0.7)), heads[0, :4], heads[0, :4] + 0.4 * heads[1, :4], 0.8, 2.0, (0.6, -0.5)),
        FixedDesign(design(rng, (2.5, 1.5, 1.0), n=6, d=8), heads[0], heads[0] + 0.2 * heads[1], 1.5, 0.5, (1.4,)),
        FixedDesign(design(rng, (2.0, 1.5, 1.5, 0.8)), heads[2, :4], heads[2, :4], 1.0, 1.0, (2.0,)),
    )
