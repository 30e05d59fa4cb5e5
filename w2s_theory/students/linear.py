"""Linear heads on frozen features: ordinary least squares, minimum norm, and ridge with a given or a leave-one-out penalty.

All tasks that share the features are fitted at once from one singular value decomposition. With unit weights the objective is

    ‖X b + c − y‖² + λ‖b‖²        (a sum over samples, not a mean; the intercept c is not penalised)

and with sample weights v_i ≥ 0 it is Σ_i v_i (x_iᵀ b + c − y_i)² + λ‖b‖², so that a weight of 2 is a sample seen twice.
λ has the scale of scikit-learn's ``Ridge(alpha=λ)``. Generic in the array library (NumPy, torch); the arithmetic has the dtype
of the features (half precision is raised to float64). Always the SVD, tasks in front, a penalty for each task; for many tasks and
penalties at once, streams and held-out rows, see ``design``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

from .._array import array_namespace, is_array, machine_epsilon
from .._validation import finite, positive, sample_weights, squarable
from ..linalg import rank_tolerance

#: Penalties tried by ``Ridge("loo")``, two per decade, in units of the mean eigenvalue tr(XᵀX)/d of the centred, weighted
#: features. They reach from a nearly unpenalised head to one that predicts the mean; the chosen penalty is recorded in the fit.
LOO_DECADES = (-6.0, 6.0)
LOO_GRID_SIZE = 25


@dataclass(frozen=True, eq=False)
class LinearFit:
    """A fitted head for each task: prediction = features @ coefficients + intercept.

    ``coefficients`` (..., d), ``intercept`` (...) and ``penalty`` (...) (λ, 0 when unpenalised) have the tasks in front.
    ``rank`` is the numerical rank of the features after weighting and, with an intercept, centring; ``condition`` the ratio of
    their largest to their smallest kept singular value (1 when the rank is 0). ``error`` (...) estimates the relative rounding
    error of the fitted values, in units of the size of the labels: eps · (1 + ‖X‖ · max_k σ_k/(σ_k² + λ)), about eps · condition
    for an unpenalised head on centred features; it is capped at 1, where no digit is left.
    """

    coefficients: Any
    intercept: Any
    penalty: Any
    rank: int
    condition: float
    error: Any

    def predict(self, features: Any) -> Any:
        """Predictions (..., n) at ``features`` (n, d). Raises ``ValueError`` for NaN or another number of columns."""
        features = _like("features", features, self.coefficients, ndim=2)
        if features.shape[1] != self.coefficients.shape[-1]:
            raise ValueError(
                f"features must have the {self.coefficients.shape[-1]} columns the head was fitted on; its shape is "
                f"{tuple(features.shape)}. Pass the same representation."
            )
        return self.coefficients @ features.T + self.intercept[..., None]


class LinearStudent(Protocol):
    """Anything that fits linear heads: ``OLS``, ``MinimumNorm``, ``Ridge`` or your own."""

    def fit(self, features: Any, labels: Any, weights: Any = None) -> LinearFit:
        """Fit one head per task: ``features`` (n, d), ``labels`` (..., n), ``weights`` (n,) or ``None`` for one each."""
        ...


@dataclass(frozen=True)
class OLS:
    """Ordinary least squares: the unique minimiser of Σ_i v_i (x_iᵀ b + c − y_i)² (c = 0 unless ``intercept``).

    ``fit`` raises ``ValueError`` when there is no unique minimiser: fewer samples than coefficients, or rank-deficient features.
    """

    intercept: bool = False

    def fit(self, features: Any, labels: Any, weights: Any = None) -> LinearFit:
        """Fit one head per task: ``features`` (n, d), ``labels`` (..., n), ``weights`` (n,) or ``None`` for one each."""
        factors = _factor(features, labels, weights, self.intercept)
        n, d = factors.left.shape[0], factors.right.shape[1]
        if factors.rank < d:
            raise ValueError(
                f"features must have full column rank for OLS; {n} samples of {d} features"
                f"{' and an intercept' if self.intercept else ''} have numerical rank {factors.rank}, so the head is not unique. "
                "Use MinimumNorm() for the shortest one, Ridge(penalty) for a shrunken one, or fewer features."
            )
        return factors.solve(_zeros(factors.labels))


@dataclass(frozen=True)
class MinimumNorm:
    """Least squares with the smallest ‖b‖ among the minimisers (the limit of ridge as λ → 0): any n and d, any rank.

    Directions whose singular value is below the numerical-rank threshold are dropped; ``LinearFit.rank`` says how many are kept.
    """

    intercept: bool = False

    def fit(self, features: Any, labels: Any, weights: Any = None) -> LinearFit:
        """Fit one head per task: ``features`` (n, d), ``labels`` (..., n), ``weights`` (n,) or ``None`` for one each."""
        factors = _factor(features, labels, weights, self.intercept)
        return factors.solve(_zeros(factors.labels))


@dataclass(frozen=True)
class Ridge:
    """Ridge regression: the minimiser of Σ_i v_i (x_iᵀ b + c − y_i)² + λ‖b‖² (c = 0 unless ``intercept``); any n and d.

    ``penalty`` is λ ≥ 0 for all tasks, or "loo": then each task takes the λ with the smallest exact leave-one-out error
    Σ_i v_i (y_i − ŷ_i)²/(1 − h_i)² / Σ_i v_i, where h is the diagonal of the hat matrix (intercept included), over a geometric
    grid in units of the mean eigenvalue of the features (``LOO_DECADES``, ``LOO_GRID_SIZE``). Memory: tasks × grid × n numbers.
    Raises ``ValueError`` for a negative penalty, or for "loo" with fewer than two samples of positive weight.
    """

    penalty: float | Literal["loo"] = "loo"
    intercept: bool = True

    def __post_init__(self) -> None:
        if isinstance(self.penalty, str):
            if self.penalty != "loo":
                raise ValueError(f"penalty must be a number >= 0 or 'loo'; it is {self.penalty!r}.")
        else:
            positive("penalty", self.penalty, strict=False)

    def fit(self, features: Any, labels: Any, weights: Any = None) -> LinearFit:
        """Fit one head per task: ``features`` (n, d), ``labels`` (..., n), ``weights`` (n,) or ``None`` for one each."""
        factors = _factor(features, labels, weights, self.intercept)
        penalty = factors.loo_penalty() if self.penalty == "loo" else _zeros(factors.labels) + float(self.penalty)
        return factors.solve(penalty)


@dataclass(frozen=True, eq=False)
class _Factors:
    """Centred, weighted features √v(X − x̄) = left · diag(values) · rightᵀ (numerical rank only) and labels √v(y − ȳ).

    ``left`` (n, r), ``values`` (r,), ``right`` (r, d), ``labels`` (..., n); ``feature_mean`` (d,) and ``label_mean`` (...) are
    0 without an intercept. ``weights`` (n,) are the sample weights v, ``leverage`` (n,) the intercept's share of the hat
    diagonal, and ``scale`` bounds the spectral norm of the features before centring, to which rounding is proportional.
    """

    left: Any
    values: Any
    right: Any
    labels: Any
    feature_mean: Any
    label_mean: Any
    weights: Any
    leverage: Any
    scale: float

    @property
    def rank(self) -> int:
        return int(self.values.shape[0])

    def solve(self, penalty: Any) -> LinearFit:
        """The heads for one λ per task, shape (...)."""
        xp = array_namespace(self.left)
        # One divides by σ + λ/σ rather than σ² + λ so that tiny σ do not underflow.
        inverse = 1.0 / (self.values + penalty[..., None] / self.values)
        coefficients = ((self.labels @ self.left) * inverse) @ self.right
        amplification = self.scale * xp.max(inverse, axis=-1) if self.rank else xp.zeros_like(penalty)
        return LinearFit(
            coefficients=coefficients,
            intercept=self.label_mean - coefficients @ self.feature_mean,
            penalty=penalty,
            rank=self.rank,
            condition=float(self.values[0] / self.values[-1]) if self.rank else 1.0,
            error=xp.clip(machine_epsilon(self.left) * (1.0 + amplification), max=1.0),
        )

    def loo_penalty(self) -> Any:
        """For each task the λ of the grid with the smallest exact leave-one-out error, shape (...)."""
        xp = array_namespace(self.left)
        seen = int(xp.sum(xp.astype(self.weights > 0, xp.int64)))
        if seen < 2:
            raise ValueError(
                f"leave-one-out needs at least 2 samples of positive weight; there are {seen}. Pass a number as penalty."
            )
        decades = xp.linspace(*LOO_DECADES, LOO_GRID_SIZE, dtype=self.left.dtype, device=self.left.device)
        grid = 10.0**decades * (xp.sum(self.values**2) / self.right.shape[1])  # (k,)
        shrink = self.values / (self.values + grid[:, None] / self.values)  # (k, r)
        kept = 1.0 - self.leverage - shrink @ (self.left**2).T  # (k, n): 1 − h
        fitted = ((self.labels @ self.left)[..., None, :] * shrink) @ self.left.T  # (..., k, n)
        errors = xp.sum(((self.labels[..., None, :] - fitted) / kept) ** 2, axis=-1)
        return xp.reshape(grid[xp.reshape(xp.argmin(errors, axis=-1), (-1,))], errors.shape[:-1])


def _factor(features: Any, labels: Any, weights: Any, intercept: bool) -> _Factors:
    """Validate, weight, centre and decompose; shared by all students of this module."""
    features = finite("features", features, ndim=2)
    xp = array_namespace(features)
    if xp.finfo(features.dtype).bits < 32:
        features = xp.astype(features, xp.float64)
    labels = squarable("labels", _like("labels", labels, squarable("features", features), min_ndim=1))
    n, d = features.shape
    if labels.shape[-1] != n:
        raise ValueError(
            f"labels must have one entry per row of features on the last axis; the shapes are {tuple(labels.shape)} and "
            f"{tuple(features.shape)}. Put tasks in front: (tasks, n)."
        )
    total = float(n)
    if weights is not None:
        weights = _like("weights", weights, features, ndim=1)
        total = float(xp.sum(weights))
    shares = xp.astype(sample_weights(weights, features, (n,)), features.dtype)
    feature_mean, label_mean = xp.zeros_like(features[0, :]), xp.zeros_like(labels[..., 0])
    if intercept:
        feature_mean, label_mean = shares @ features, labels @ shares
    root = (shares * total) ** 0.5
    centred = (features - feature_mean) * root[:, None]
    left, values, right = xp.linalg.svd(centred, full_matrices=False)
    # ‖√v X‖ ≤ ‖√v (X − x̄)‖ + ‖√v x̄‖: rounding in the centring is proportional to the features before it.
    scale = float(values[0]) + total**0.5 * float(xp.linalg.vector_norm(feature_mean))
    rank = int(xp.sum(xp.astype(values > rank_tolerance(n, d, machine_epsilon(features)) * scale, xp.int64)))
    return _Factors(
        left=left[:, :rank],
        values=values[:rank],
        right=right[:rank, :],
        labels=(labels - label_mean[..., None]) * root,
        feature_mean=feature_mean,
        label_mean=label_mean,
        weights=shares * total,
        leverage=shares if intercept else xp.zeros_like(shares),
        scale=scale,
    )


def _like(name: str, value: Any, reference: Any, **dimensions: int) -> Any:
    """Validated ``value`` in the dtype and on the device of ``reference``; raises ``TypeError`` when the libraries differ."""
    array = finite(name, value, **dimensions)
    xp = array_namespace(reference)
    if is_array(value):
        array_namespace(array, reference)
        return xp.astype(array, reference.dtype)
    return xp.asarray(array, dtype=reference.dtype, device=reference.device)


def _zeros(labels: Any) -> Any:
    """One zero per task: shape (...) for labels (..., n)."""
    return array_namespace(labels).zeros_like(labels[..., 0])
