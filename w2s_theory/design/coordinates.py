"""Labels in the eigenbasis of the features: b = VᵀXᵀY, by whichever route the features were factorised."""

from __future__ import annotations

from typing import Any, NamedTuple

from .._array import array_namespace
from .moments import FeatureMoments, LabelMoments, label_moments, refuse_nonfinite_labels, weighted
from .rows import Batch
from .spectrum import Spectrum


class Coordinates(NamedTuple):
    """``values`` b (K, r, T) of the K label arrays, their ``products`` (K, K, T) and ``mean`` (K, T); ``single``: one task, given as (n,)."""

    values: Any
    products: Any
    mean: Any
    single: bool


def by_gram(labels: LabelMoments, spectrum: Spectrum) -> Coordinates:
    """b = Vᵀ(XᵀY)."""
    return Coordinates(spectrum.basis.T @ labels.cross, labels.products, labels.mean, labels.single)


def by_rows(batch: Batch, spectrum: Spectrum, moments: FeatureMoments, products: bool) -> Coordinates:
    """b = S UᵀY from the left singular vectors: XᵀY would lose the small directions to rounding."""
    xp = array_namespace(spectrum.left)
    labels = label_moments(batch, moments, products=products, cross=False)
    values = []
    for k, array in enumerate(batch.labels()):
        centre = labels.mean[k, :] if moments.centred else None
        values.append(_scaled(spectrum, weighted(xp.astype(array, xp.float64, copy=False), batch.weights, centre)))
    refuse_nonfinite_labels(batch, xp.stack(values))
    return Coordinates(xp.stack(values), labels.products, labels.mean, labels.single)


def by_triangle(labels: LabelMoments, spectrum: Spectrum) -> Coordinates:
    """b = S U_Rᵀ(QᵀY), with QᵀY from the pass that made the QR."""
    xp = array_namespace(spectrum.left)
    scaled = _scaled(spectrum, spectrum.reduced)
    count, tasks = labels.mean.shape
    values = xp.permute_dims(xp.reshape(scaled, (scaled.shape[0], count, tasks)), (1, 0, 2))
    return Coordinates(values, labels.products, labels.mean, labels.single)


def _scaled(spectrum: Spectrum, labels: Any) -> Any:
    return array_namespace(labels).sqrt(spectrum.squares)[:, None] * (spectrum.left.T @ labels)
