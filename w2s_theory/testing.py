"""Hypothesis strategies for problems, so that you can property-test your own bounds in three lines.

    from w2s_theory import bound, check, testing
    @given(testing.populations(realizable=True))
    def test_my_bound(world): assert check(MY_BOUND, world, rng=rng).verdict is Verdict.HOLDS

Problems are built by construction, never by rejection: a realizable target is made from a member of the class. Numbers are small
fractions on a grid and shrink towards few points and small whole numbers, so that a counterexample can be read and checked by hand;
``representations`` can also draw ill-conditioned and rank-deficient spectra. Needs the extra ``testing``.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from ._validation import MissingExtra
from .divergences import as_divergence
from .problems.concepts import ConceptWorld
from .problems.convexity import ConvexClass
from .problems.gaussian import GaussianWorld
from .problems.hull_population import HullPopulation
from .problems.linear_sample import LinearSample
from .problems.population import Population
from .students.convex import Ball, Box, Subspace
from .students.shapes import Monotone, SimplexHull
from .triple import Triple

try:
    from hypothesis import strategies as st
    from hypothesis.strategies import SearchStrategy
except ImportError:
    raise MissingExtra("testing", "hypothesis") from None

#: Kinds of class that ``convex_classes`` draws.
KINDS = ("subspace", "affine", "ball", "box", "simplex", "monotone")


def values(*shape: int, low: int = -8, high: int = 8, step: float = 0.5) -> SearchStrategy[np.ndarray]:
    """Arrays of ``shape`` with entries on the grid step·{low, ..., high}; they shrink to zeros."""
    entry = st.integers(low, high)
    size = int(np.prod(shape))
    return st.lists(entry, min_size=size, max_size=size).map(
        lambda entries: step * np.array(entries, dtype=np.float64).reshape(shape)
    )


def weights(n: int) -> SearchStrategy[np.ndarray]:
    """Sample weights (n,): positive halves that shrink to equal weights."""
    return values(n, low=1, high=6)


@st.composite
def triples(
    draw: st.DrawFn,
    divergence: Literal["squared", "kl", "reverse-kl", "itakura-saito", "zero-one"] = "squared",
    *,
    max_points: int = 5,
    classes: int = 3,
    ceiling: bool = False,
) -> Triple:
    """Triples of any three predictors on up to ``max_points`` weighted points, within the domain of the divergence.

    ``classes`` is the number of labels for "zero-one" and of probabilities for "kl" and "reverse-kl"; ``ceiling`` draws a fourth
    predictor, for bounds on pgr, cross term and penalty term.
    """
    n, predictors = draw(st.integers(1, max_points)), 4 if ceiling else 3
    match as_divergence(divergence).name:
        case "squared":
            arrays = [draw(values(n)) for _ in range(predictors)]
        case "itakura-saito":
            arrays = [draw(values(n, low=1)) for _ in range(predictors)]
        case "zero-one":
            arrays = [draw(values(n, low=0, high=classes - 1, step=1.0)) for _ in range(predictors)]
        case "kl" | "reverse-kl":
            counts = [draw(values(n, classes, low=1, step=1.0)) for _ in range(predictors)]
            arrays = [c / c.sum(axis=-1, keepdims=True) for c in counts]
        case name:
            raise ValueError(f"divergence must be squared, kl, reverse-kl, itakura-saito or zero-one; it is {name!r}.")
    return Triple(*arrays[:3], weights=draw(weights(n)), ceiling=arrays[3] if ceiling else None, divergence=divergence)


@st.composite
def hull_populations(
    draw: st.DrawFn,
    divergence: Literal["squared", "kl", "reverse-kl", "itakura-saito"] = "kl",
    *,
    max_points: int = 3,
    max_members: int = 4,
    classes: int = 3,
) -> HullPopulation:
    """Members, weak labels, and a target that is a mixture of the members in the coordinates of the divergence."""
    n, k = draw(st.integers(1, max_points)), draw(st.integers(1, max_members))
    if as_divergence(divergence).event_ndim:
        counts = draw(values(k + 1, n, classes, low=1, step=1.0))
        arrays = counts / counts.sum(axis=-1, keepdims=True)
    else:
        arrays = draw(values(k + 1, n, low=1))
    mixture = draw(values(k, low=0, high=6)) + 1e-3
    return HullPopulation(arrays[:k], arrays[k], mixture / mixture.sum(), divergence, draw(weights(n)))


@st.composite
def representations(draw: st.DrawFn, n: int | None = None, *, max_features: int = 3, max_condition: float = 1.0) -> np.ndarray:
    """Strong features (n, d) on a readable grid; with ``max_condition`` > 1 also features of a prescribed spectrum, built from its SVD.

    Grid features are often rank-deficient, on purpose. A drawn spectrum falls from 1 to 1/condition, and may end in an exact zero.
    """
    n = draw(st.integers(1, 6)) if n is None else n
    d = draw(st.integers(1, max_features))
    if max_condition <= 1.0 or draw(st.booleans()):
        return draw(values(n, d))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    rank = min(n, d)
    left, right = np.linalg.qr(rng.standard_normal((n, rank)))[0], np.linalg.qr(rng.standard_normal((d, rank)))[0]
    decades = draw(st.floats(0.0, float(np.log10(max_condition))))
    spectrum = 10.0 ** -np.linspace(0.0, decades, rank)
    if rank > 1 and draw(st.booleans()):
        spectrum[-1] = 0.0
    return (left * spectrum) @ right.T


@st.composite
def convex_classes(
    draw: st.DrawFn, n: int | None = None, *, kinds: tuple[str, ...] = KINDS, max_condition: float = 1.0
) -> ConvexClass:
    """Convex classes on n points, of the given kinds (see ``KINDS``), each holding the zero function or a known member."""
    n = draw(st.integers(1, 6)) if n is None else n
    kind = draw(st.sampled_from(kinds))
    if kind == "monotone":
        return Monotone(draw(values(n)))
    if kind == "simplex":
        return SimplexHull(draw(values(draw(st.integers(1, 4)), n)))
    features = draw(representations(n, max_condition=max_condition))
    if kind == "subspace":
        return Subspace(features)
    if kind == "affine":
        return Subspace(features, offset=draw(values(n)))
    if kind == "ball":
        return Ball(features, radius=draw(st.integers(1, 6)) / 2.0)
    if kind == "box":
        lower = draw(values(features.shape[1], low=-4, high=0))
        return Box(features, lower=lower, upper=lower + draw(values(features.shape[1], low=1, high=6)))
    raise ValueError(f"kinds must be among {', '.join(KINDS)}; got {kind!r}.")


@st.composite
def populations(
    draw: st.DrawFn,
    *,
    realizable: bool | None = None,
    kinds: tuple[str, ...] = KINDS,
    max_points: int = 6,
    max_condition: float = 1.0,
) -> Population:
    """Populations whose student is a projection: a class, weak labels and a target on up to ``max_points`` weighted points.

    ``realizable=True`` makes the target a member of the class (the projection of drawn values); ``None`` draws either kind.
    """
    n = draw(st.integers(1, max_points))
    strong_class = draw(convex_classes(n, kinds=kinds, max_condition=max_condition))
    p = draw(weights(n))
    target = draw(values(n))
    if realizable or (realizable is None and draw(st.booleans())):
        target = strong_class.project(target, p).values
    return Population(draw(values(n)), target, strong_class, p)


@st.composite
def linear_samples(
    draw: st.DrawFn, *, realizable: bool = False, penalised: bool = True, max_condition: float = 1.0
) -> LinearSample:
    """Samples for a ridge or least-squares head, with a drawn reference head. Unpenalised ones have n ≥ d and full rank."""
    d = draw(st.integers(1, 3))
    n = draw(st.integers(1 if penalised else d, 6))
    features = (
        draw(representations(n, max_features=d, max_condition=max_condition))
        if penalised
        else np.eye(n, d) + np.tril(draw(values(n, d)), -1)
    )
    head = draw(values(features.shape[1]))
    target = features @ head if realizable else draw(values(n))
    penalty = draw(st.integers(1, 8)) / 2.0 if penalised else 0.0
    return LinearSample(features, draw(values(n)), target, penalty, head)


@st.composite
def gaussian_worlds(
    draw: st.DrawFn, *, max_features: int = 6, residual: Literal["gaussian", "cubic"] = "gaussian"
) -> GaussianWorld:
    """Realizable Gaussian worlds with n > d + 7, where the finite-sample laws have a calibrated Monte Carlo."""
    d = draw(st.integers(1, max_features))
    n = d + draw(st.integers(8, 40))
    noise = draw(st.integers(1, 6)) / 2.0
    return GaussianWorld(draw(values(d, high=3, low=-3)), draw(values(d, high=3, low=-3)), noise, n, residual=residual)


@st.composite
def concept_worlds(draw: st.DrawFn, *, max_concepts: int = 4, max_features: int = 3) -> ConceptWorld:
    """Gaussian worlds of sharp concepts in general position, coinciding and tied ones included, with any weak vector, noise and prior."""
    count, d = draw(st.integers(1, max_concepts)), draw(st.integers(1, max_features))
    prior = draw(weights(count))
    return ConceptWorld(
        draw(values(count, d, low=-4, high=4)),
        draw(values(d, low=-4, high=4)),
        draw(st.integers(0, 4)) / 2.0,
        draw(st.integers(1, 4)) / 2.0,
        prior / prior.sum(),
        aligned=draw(st.integers(0, count - 1)),
    )
