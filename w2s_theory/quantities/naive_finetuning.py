"""Naive fine-tuning on weak labels, and shrinkage towards the source: exact risks, and why no strength of the pull helps.

With n weak labels of Gaussian points, least squares copies the weak model and adds noise:

    E risk = ε_w² + τ² d/(n − d − 1),    n > d + 1.

The student that is held at its source with strength η (``students.source_shrinkage``) answers with β(s) = (1 − s) β_P + s β_w,
s = 1/(1 + η), when labels are unlimited; on n points with XᵀX = n I it adds noise of variance s² v:

    R(s) = ‖β(s) − β_*‖² + s² v = (1 − s)² ε_P² + s² (ε_w² + v) + 2 s (1 − s) r,    r = ⟨β_P − β_*, β_w − β_*⟩, v = τ² d/n

    s* = (ε_P² − r)/(ε_P² + ε_w² + v − 2r) clipped to [0, 1];   unclipped,  R(s*) = [ε_P² (ε_w² + v) − r²]/(ε_P² + ε_w² + v − 2r).

Geometry: for v = 0, R(s*) is the squared distance of β_* to the line through β_P and β_w. It is zero if and only if β_* lies on the line; where
the two biases are orthogonal (r = 0) it is half their harmonic mean, ε_P² ε_w²/(ε_P² + ε_w²). So a pull is trapped between the two biases.

For random designs with independent, symmetric, identically distributed features, of any n, the head given X is β_P + M(β_w − β_P) + noise with
M = (XᵀX + nηI)⁻¹XᵀX, and E M = m I by symmetry; so E risk ≥ ‖β_P + m(β_w − β_P) − β_*‖² by Jensen's inequality, which is at least
the squared distance: trapped on average. For one draw of X that need not hold, as M(β_w − β_P) leaves the line.
Derived here (after somerstep2025). NumPy float64.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..montecarlo import in_pieces
from ..problems.concepts import ConceptWorld
from ..problems.finetuning import FineTuning
from ..students.refinement import naive_students
from ..students.source_shrinkage import shrink_to_source
from .finite_sample import overfitting_ratio
from .quantity import Quantity


def naive_risk(world: ConceptWorld, labels: int) -> float:
    """ε_w² + τ² d/(n − d − 1): expected error of least squares on n = ``labels`` weak labels of Gaussian points.

    Raises ``ValueError`` unless labels > d + 1, and for features that are not Gaussian.
    """
    if not world.is_gaussian():
        raise ValueError(
            "features must be Gaussian for the exact risk; they are uniform. Simulate students.refinement.naive_students."
        )
    return world.weak_error + world.weak_noise**2 * overfitting_ratio(world.d, labels)


def shrinkage_risk(world: ConceptWorld, etas: Any, *, labels: int | None = None) -> np.ndarray:
    """R(s) at s = 1/(1 + η) for every pull η ≥ 0 (inf allowed) of ``etas``, in its shape; unlimited labels when ``labels`` is ``None``.

    With a number n of labels it is the risk on an orthogonal design, XᵀX = n I; n ≥ d. Raises ``ValueError`` otherwise.
    """
    etas = np.asarray(etas, dtype=float)
    if not np.all(etas >= 0.0):
        raise ValueError(f"etas must be >= 0; the smallest is {np.min(etas)}. A negative pull pushes away from the source.")
    share = 1.0 / (1.0 + etas)
    return world.error(world.source + share[..., None] * (world.weak - world.source)) + share**2 * _noise(world, labels)


class BestPull(NamedTuple):
    """The pull η that costs least, in hindsight: ``eta`` (inf: stay at the source), ``share`` s = 1/(1 + η), ``risk`` R(s)."""

    eta: float
    share: float
    risk: float


def best_pull(world: ConceptWorld, *, labels: int | None = None) -> BestPull:
    """The least risk that any pull η ≥ 0 reaches, and where; arguments as in ``shrinkage_risk``. s = 1 where all are the same."""
    curvature = world.error(world.weak + world.truth - world.source) + _noise(world, labels)  # ε_P² + ε_w² + v − 2r
    share = 1.0 if curvature == 0.0 else float(np.clip((world.source_error - _inner(world)) / curvature, 0.0, 1.0))
    eta = 1.0 / share - 1.0 if share > 0.0 else np.inf
    return BestPull(eta, share, float(shrinkage_risk(world, eta, labels=labels)))


def distance_to_line(world: ConceptWorld) -> float:
    """Squared distance of β_* to the line through β_P and β_w, [ε_P² ε_w² − r²]/(ε_P² + ε_w² − 2r); to the point where they coincide.

    What the best pull of any sign leaves; with η ≥ 0 only the segment between them can be reached.
    """
    along, off = (
        world.weak - world.source,
        world.truth - world.source,
    )  # projected: the formula cancels where they nearly coincide
    length = float(along @ along)
    return float(np.sum(np.square(off - (off @ along / length) * along))) if length > 0.0 else world.weak_error


def _inner(world: ConceptWorld) -> float:
    """r = ⟨β_P − β_*, β_w − β_*⟩."""
    return float((world.source - world.truth) @ (world.weak - world.truth))


def _noise(world: ConceptWorld, labels: int | None) -> float:
    """v = τ² d/n, 0 for unlimited labels."""
    if labels is None:
        return 0.0
    if not FineTuning(world, labels).has_orthogonal_design():
        raise ValueError(f"labels must be at least d = {world.d} for an orthogonal design; it is {labels}. Use more labels.")
    return world.weak_noise**2 * world.d / labels


def orthogonal_students(tuning: FineTuning, count: int, rng: np.random.Generator) -> np.ndarray:
    """Heads (count, d) of students held at their source, each fitted to its own weak labels on one orthogonal design."""

    def train(many: int) -> np.ndarray:
        features, labels = tuning.sample_orthogonal(many, rng=rng)
        return shrink_to_source(features, labels.T, tuning.world.source, etas=tuning.eta).coefficients[0].T

    return in_pieces(train, count, numbers=tuning.labels)


def random_students(tuning: FineTuning, count: int, rng: np.random.Generator) -> np.ndarray:
    """Heads (count, d) of students held at their source with η > 0, each fitted to points of its own."""
    world, n = tuning.world, tuning.labels
    if tuning.eta == 0.0:
        raise ValueError("eta must be > 0 for a unique head; it is 0. Use students.refinement.naive_students.")

    def train(many: int) -> np.ndarray:
        features, labels = world.sample(many, n, rng=rng)
        turned = np.swapaxes(features, -1, -2)
        pull = turned @ (labels - features @ world.source)[..., None]
        return world.source + np.linalg.solve(turned @ features + n * tuning.eta * np.eye(world.d), pull)[..., 0]

    return in_pieces(train, count, numbers=n * (world.d + 2))


NAIVE = Quantity(
    "error of naive fine-tuning",
    lambda tuning: naive_risk(tuning.world, tuning.labels),
    lambda tuning, count, rng: tuning.world.error(naive_students(tuning.world, tuning.labels, count, rng=rng)),
)
SHRUNKEN = Quantity(
    "error of shrinkage towards the source, orthogonal design",
    lambda tuning: float(shrinkage_risk(tuning.world, tuning.eta, labels=tuning.labels)),
    lambda tuning, count, rng: tuning.world.error(orthogonal_students(tuning, count, rng)),
)
