"""Labels in the eigenbasis of the features: b = VᵀXᵀY, by whichever route the features were factorised."""

from __future__ import annotations

from typing import Any, NamedTuple

from .._array import array_namespace
from .label_moments import LabelMoments, label_moments, refuse_labels
from .moments import FeatureMoments, weighted
from .rows import Batch
from .spectrum import Spectrum


class Coordinates(NamedTuple):
    """``values`` b (K, r, T) of the K label arrays, and their ``moments``."""

    values: Any
    moments: LabelMoments


def by_gram(labels: LabelMoments, spectrum: Spectrum) -> Coordinates:
    """b = Vᵀ(XᵀY)."""
    return Coordinates(spectrum.basis.T @ labels.cross, labels)


def by_rows(batch: Batch, spectrum: Spectrum, moments: FeatureMoments, products: bool) -> Coordinates:
    """b = S UᵀY from the left singular vectors: XᵀY would lose the small directions to rounding."""
    xp = array_namespace(spectrum.left)
    labels = label_moments(batch, moments, products=products, cross=False)
    values = []
    for k, array in enumerate(batch.labels()):
        centre = labels.mean[k, :] if moments.centred else None
        values.append(_scaled(spectrum, xp.astype(weighted(array, batch.weights, centre), xp.float64, copy=False)))
    # Without a direction there is no sum that NaN could have spread to.
    refuse_labels(batch, xp.stack(values) if spectrum.rank else batch.weak)
    return Coordinates(xp.stack(values), labels)


def by_triangle(labels: LabelMoments, spectrum: Spectrum) -> Coordinates:
    """b = S U_Rᵀ(QᵀY), with QᵀY from the pass that made the QR."""
    xp = array_namespace(spectrum.left)
    scaled = _scaled(spectrum, spectrum.reduced)
    count, tasks = labels.mean.shape
    values = xp.permute_dims(xp.reshape(scaled, (scaled.shape[0], count, tasks)), (1, 0, 2))
    return Coordinates(values, labels)


def _scaled(spectrum: Spectrum, labels: Any) -> Any:
    return array_namespace(labels).sqrt(spectrum.squares)[:, None] * (spectrum.left.T @ labels)
