"""Rows as a Design reads them: one batch checked and brought to one form, and an array or memory map cut into batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any, NamedTuple

from .._array import array_namespace, is_array, to_numpy
from .._validation import as_float, finite, whole


class Batch(NamedTuple):
    """``features`` (m, d) in the basis where the penalty is round; ``weights`` (m,) float64 or ``None``; labels (m, T) as they came.

    ``single`` says that the labels were given as (m,).
    """

    features: Any
    weights: Any = None
    weak: Any = None
    target: Any = None
    single: bool = False

    def rows(self, block: slice) -> Batch:
        """The rows of ``block``."""
        parts = (None if part is None else part[block, ...] for part in self[:4])
        return Batch(*parts, single=self.single)

    def labels(self) -> list[Any]:
        """The weak labels and, with a target, their error weak − target, in their own dtype."""
        labels = [] if self.weak is None else [self.weak]
        return labels if self.target is None else [*labels, self.weak - self.target]


@dataclass(frozen=True, eq=False)
class RowBlocks:
    """Batches of ``rows`` rows of arrays that need not fit in memory, such as a ``numpy.memmap``; it can be read any number of times.

    ``features`` (n, d), and if there are any ``weak`` and ``target`` (n,) or (n, T) and ``weights`` (n,). Nothing is copied
    before its batch is due.
    """

    features: Any
    _: KW_ONLY
    weak: Any = None
    target: Any = None
    weights: Any = None
    rows: int = 8192

    def __post_init__(self) -> None:
        whole("rows", self.rows)
        for name in ("weak", "target", "weights"):
            value = getattr(self, name)
            if value is not None and len(value) != len(self.features):
                raise ValueError(
                    f"{name} must have one entry per row of features, {len(self.features)}; it has {len(value)}. Align them."
                )

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for block in slices(len(self.features), self.rows):
            names = ("features", "weak", "target", "weights")
            yield {name: getattr(self, name)[block] for name in names if getattr(self, name) is not None}


class Reread:
    """Batches of the ``sources`` of a design, read and checked again, as often as needed; ``rows`` is how many there were at first."""

    def __init__(self, sources: tuple[Iterable[Any], ...], change: Any, rows: int) -> None:
        self._sources = sources
        self._change = change
        self._rows = rows

    def __iter__(self) -> Iterator[Batch]:
        seen = 0
        for source in self._sources:
            for given in source:
                batch = read(given, self._change)
                seen += batch.features.shape[0]
                yield batch
        if seen != self._rows:
            raise ValueError(
                f"batches must hold the same rows when they are read again; there were {self._rows} and now there are {seen}. "
                "Pass a list or RowBlocks."
            )


def slices(n: int, step: int) -> Iterator[slice]:
    """0 … n cut into slices of ``step``, the last one shorter."""
    return (slice(start, min(start + step, n)) for start in range(0, n, step))


def read(batch: Any, change: Any) -> Batch:
    """One batch: an array of features, or a mapping with ``features`` and any of ``weak``, ``target`` and ``weights``."""
    if isinstance(batch, tuple | list):
        raise TypeError(
            'a batch must be an array of features or a mapping such as {"features": x, "weak": y}; it is a '
            f"{type(batch).__name__} of {len(batch)}. Name its parts."
        )
    if not isinstance(batch, Mapping):
        batch = {"features": batch}
    unknown = set(batch) - {"features", "weak", "target", "weights"}
    if unknown or "features" not in batch:
        raise ValueError(
            f"a batch must be features or a mapping with features, weak, target, weights; its keys are {sorted(batch)}. Rename them."
        )
    features = as_features(batch["features"])
    if change is not None:
        features = as_changed(features, change)
    weights = None if batch.get("weights") is None else as_weights(batch["weights"], features)
    return labelled(Batch(features, weights), batch.get("weak"), batch.get("target"))


def labelled(batch: Batch, weak: Any, target: Any) -> Batch:
    """``batch`` with other labels, checked: (m,) or (m, T) each."""
    if weak is None:
        if target is not None:
            raise ValueError("a target needs weak labels beside it: it is what they are compared with. Pass weak as well.")
        return Batch(batch.features, batch.weights)
    weak, single = as_labels("weak", weak, batch.features)
    if target is not None:
        target, _ = as_labels("target", target, batch.features)
        if weak.shape != target.shape:
            raise ValueError(
                f"weak and target must have the same shape; they are {tuple(weak.shape)} and {tuple(target.shape)}. "
                "Repeat the target for every teacher."
            )
    return Batch(batch.features, batch.weights, weak, target, single)


def as_features(features: Any) -> Any:
    """Features (n, d) as float32 or float64; half precision is raised to float32, which holds its products exactly."""
    features = as_float("features", features)
    if features.ndim != 2 or 0 in features.shape:
        raise ValueError(
            f"features must have shape (n, d) with n, d >= 1; the shape is {tuple(features.shape)}. Pass one row per sample."
        )
    xp = array_namespace(features)
    return xp.astype(features, xp.float32) if xp.finfo(features.dtype).bits < 32 else features


def as_labels(name: str, labels: Any, features: Any) -> tuple[Any, bool]:
    """Labels (n, T) on the device of ``features``, float32 or float64, and whether they came as (n,)."""
    labels, n = beside(name, labels, features), features.shape[0]
    if labels.ndim not in (1, 2) or labels.shape[0] != n or 0 in labels.shape:
        turned = " Here columns are tasks: pass labels.T." if labels.ndim == 2 and labels.shape[1] == n else ""
        raise ValueError(
            f"{name} must have shape ({n},) or ({n}, T), one row per row of features; the shape is {tuple(labels.shape)}.{turned}"
        )
    xp = array_namespace(labels)
    if xp.finfo(labels.dtype).bits < 32:
        labels = xp.astype(labels, xp.float32)
    return (labels[:, None], True) if labels.ndim == 1 else (labels, False)


def as_weights(weights: Any, features: Any) -> Any:
    """Sample weights v ≥ 0 (n,) in float64 beside ``features``."""
    weights = finite("weights", beside("weights", weights, features))
    xp = array_namespace(weights)
    if weights.shape != (features.shape[0],):
        raise ValueError(
            f"weights must have shape ({features.shape[0]},); the shape is {tuple(weights.shape)}. "
            "They are shared by all tasks here; weights per task have solve_task_weights."
        )
    smallest, largest = float(xp.min(weights)), float(xp.max(weights))
    if smallest < 0:
        raise ValueError(f"weights must be non-negative; the smallest is {smallest:.6g}. Clip or drop those samples.")
    if largest > 0 and not 1e-30 <= largest <= 1e30:
        raise ValueError(
            f"weights must have their largest between 1e-30 and 1e30; it is {largest:.6g}. Rescale them, and λ with them."
        )
    return xp.astype(weights, xp.float64)


def metric_change(metric: Any) -> Any:
    """M with MᵀAM = I, so that λ wᵀAw = λ‖u‖² for w = M u: (d, d), or (d,) for a diagonal ``metric`` A."""
    metric = finite("metric", metric, min_ndim=1)
    xp = array_namespace(metric)
    metric = xp.astype(metric, xp.float64)
    if metric.ndim > 2 or metric.shape[0] != metric.shape[-1]:
        raise ValueError(f"metric must have shape (d,) or (d, d); the shape is {tuple(metric.shape)}. Pass one matrix.")
    values, vectors = metric, None
    if metric.ndim == 2:
        if float(xp.max(xp.abs(metric - metric.T))) > 1e-12 * float(xp.max(xp.abs(metric))):
            raise ValueError("metric must be symmetric, and is not. Pass (A + A.T) / 2.")
        values, vectors = xp.linalg.eigh(metric)
    smallest = float(xp.min(values))
    if smallest > 1e-12 * float(xp.max(values)):
        return 1.0 / xp.sqrt(values) if vectors is None else vectors / xp.sqrt(values)
    raise ValueError(
        f"metric must be positive definite, its smallest eigenvalue above 1e-12 of the largest; it is {smallest:.6g}. "
        "Add a small multiple of the identity."
    )


def as_changed(features: Any, change: Any) -> Any:
    """Features in the basis of ``metric_change``, in float64."""
    xp = array_namespace(features)
    if change.shape[0] != features.shape[1]:
        raise ValueError(
            f"metric must have the {features.shape[1]} columns of features; its size is {change.shape[0]}. Pass one entry each."
        )
    features = xp.astype(features, xp.float64)
    change = xp.asarray(to_numpy(change), dtype=xp.float64, device=features.device)
    return features * change if change.ndim == 1 else features @ change


def changed_basis(basis: Any, change: Any) -> Any:
    """Directions (d, r) of the changed features as heads on the features themselves."""
    if change is None:
        return basis
    change = array_namespace(basis).asarray(to_numpy(change), dtype=basis.dtype, device=basis.device)
    return change[:, None] * basis if change.ndim == 1 else change @ basis


def as_fitted(features: Any, heads: Any, columns: int) -> Any:
    """Features (n, ``columns``) to predict at, in the dtype and on the device of ``heads``."""
    features = finite("features", beside("features", features, heads), ndim=2)
    if features.shape[1] != columns:
        raise ValueError(
            f"features must have the {columns} columns the heads were fitted on; the shape is {tuple(features.shape)}. "
            "Pass the same representation."
        )
    return array_namespace(heads).astype(features, heads.dtype, copy=False)


def beside(name: str, value: Any, features: Any) -> Any:
    """``value`` as a floating array of the library and on the device of ``features``; lists become arrays there."""
    xp = array_namespace(features)
    if is_array(value):
        array_namespace(value, features)
        value = as_float(name, value)
        return value if value.device == features.device else xp.asarray(value, device=features.device)
    return xp.asarray(as_float(name, value), dtype=xp.float64, device=features.device)
