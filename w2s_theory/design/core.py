"""``Design``: features factorised once, heads and errors of many tasks and penalties from one matrix product each.

Columns are tasks here, as in X W = Y and in scikit-learn: features (n, d), labels (n, T), heads (L, d, T). (Elsewhere in this library
tasks stand in front, (T, n): pass ``labels.T``.) Generic in the array library: NumPy, or torch on the CPU or a GPU, float64 or float32.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .._array import array_namespace, is_array, to_numpy
from . import report as reporting
from . import rowwise
from .coordinates import Coordinates, by_gram, by_rows, by_triangle
from .filters import Path, path
from .heads import Heads, combine
from .label_moments import LabelMoments, label_moments
from .moments import FeatureMoments, feature_moments
from .report import DesignReport
from .rows import Batch, Reread, changed_basis, labelled, metric_change, read
from .spectrum import GRAM_LIMIT, Spectrum, gram_spectrum, svd_spectrum, triangle_spectrum

#: What was streamed once and can't be read again still solves by its Gram matrix up to this relative error.
STREAM_ERROR = 1e-6

#: And, in units of their dtype, for float32 features, whose users expect no more.
SHORT_UNITS = 1e3


class Design:
    """Features X (n, d), factorised once for every task, penalty and stopping time.

        minimise over w, c:   Σ_i v_i (x_iᵀ w + c − y_i)² + λ wᵀ A w        (a sum over rows, not a mean; c is not penalised)

    λ has the scale of scikit-learn's ``Ridge(alpha=λ)``, and λ = 0 gives the head of least norm, for any n, d and rank. ``weights`` v ≥ 0
    (n,): a weight of 2 is a row seen twice. ``intercept``: whether there is a c. ``metric`` A: (d,) or (d, d), positive definite,
    the identity by default. ``weak`` and ``target`` (n,) or (n, T): labels that the design carries along, so that they add
    and stream with it; labels can as well be passed to ``solve`` and ``report``. ``change`` holds what the metric made of the basis.

    The Gram matrix is used where it is safe, QR and SVD of the rows where the condition number (softened by the smallest penalty asked
    for) would make it lose digits, and where n < d; the answer says which. Designs over disjoint rows add, and ``total − part`` is the
    design of the other rows: k folds cost one pass. Arrays are kept, not copied: don't change them while the design is in use.

    Raises ``ValueError`` for NaN, infinity, emptiness, shapes that don't belong together, negative weights or an indefinite
    metric, ``TypeError`` for arrays of different libraries.

    >>> design = Design([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]])
    >>> heads = design.solve([1.0, 2.0, 2.0], penalties=[0.0, 1.0])
    >>> heads.coefficients.round(3).tolist(), heads.route
    ([[1.0, 1.0], [0.706, 0.882]], 'gram')
    """

    def __init__(
        self,
        features: Any,
        *,
        weights: Any = None,
        intercept: bool = False,
        metric: Any = None,
        weak: Any = None,
        target: Any = None,
    ) -> None:
        given = {"features": features, "weights": weights, "weak": weak, "target": target}
        self._start(intercept, None if metric is None else metric_change(metric))
        self._take(read(given, self.change))
        self._sources = ([given],)

    @classmethod
    def from_batches(cls, batches: Iterable[Any], *, intercept: bool = False, metric: Any = None) -> Design:
        """The design of all rows of ``batches``, read once; memory does not depend on how many there are.

        A batch is an array of features (m, d), or a mapping with ``features`` and any of ``weak``, ``target`` and ``weights``, the same
        in every batch. Sums are float64; float32 and float16 features are multiplied in float32, in short blocks (relative error
        of the Gram matrix about 1e-7, falling as more blocks are summed; pass float64 batches for more digits). Batches that can
        be read again (a list, ``RowBlocks``, not a generator) are, when the condition number asks for a QR, and when errors cancel.
        """
        if is_array(batches):
            raise TypeError(
                "batches must be batches, and they are one array. Pass RowBlocks(array), or Design(array) if it fits in memory."
            )
        change = None if metric is None else metric_change(metric)
        total: Design | None = None
        for batch in batches:
            part = cls.__new__(cls)
            part._start(intercept, change)
            part._take(read(batch, change), always_gram=True)
            part._batch = None
            total = part if total is None else total + part
        if total is None:
            raise ValueError("batches must hold at least one batch; there is none. Was the generator used up before?")
        total._sources = None if iter(batches) is batches else (batches,)
        return total

    def _start(self, intercept: bool, change: Any) -> None:
        self.intercept = intercept
        self.change = change
        self._batch: Batch | None = None
        self._sources: tuple[Iterable[Any], ...] | None = None
        self._moments: FeatureMoments
        self._labels: LabelMoments | None = None
        self._spectra: dict[str, Spectrum] = {}
        self._dtype: Any = None

    def _take(self, batch: Batch, *, always_gram: bool = False) -> None:
        n, d = batch.features.shape
        self._batch, self._dtype = batch, batch.features.dtype
        self._moments = feature_moments(batch.features, batch.weights, self.intercept, with_gram=always_gram or n >= d)
        if batch.weak is not None:
            self._labels = label_moments(batch, self._moments)

    @property
    def moments(self) -> FeatureMoments:
        """Sufficient statistics of the features: Gram matrix, mean, weight, number of rows."""
        if self._moments.gram is None and self._batch is not None:
            self._moments = feature_moments(self._batch.features, self._batch.weights, self.intercept)
        return self._moments

    @property
    def mass(self) -> float:
        """Σ v, the sum of the weights."""
        return self._moments.mass

    @property
    def mean(self) -> Any:
        """The mean of the features (d,) that an intercept takes out; 0 without one."""
        return self._moments.mean

    # ---- adding and subtracting rows ------------------------------------------------------------------------------------------------

    def __add__(self, other: Design) -> Design:
        """The design of the rows of both; their rows must be disjoint."""
        if not isinstance(other, Design):
            return NotImplemented
        result = self._combined(other, 1)
        if self._sources is not None and other._sources is not None:
            result._sources = (*self._sources, *other._sources)
        return result

    def __radd__(self, other: Any) -> Design:
        """So that ``sum(designs)`` works."""
        return self if isinstance(other, int) and other == 0 else NotImplemented

    def __sub__(self, other: Design) -> Design:
        """The design of the rows of self that are not in other, which must be a part of self."""
        if not isinstance(other, Design):
            return NotImplemented
        if other._moments.rows >= self._moments.rows:
            raise ValueError(
                f"a part must have fewer rows than the whole; it has {other._moments.rows} of {self._moments.rows}. Swap them?"
            )
        return self._combined(other, -1)

    def _combined(self, other: Design, sign: int) -> Design:
        mine, theirs = self.moments, other.moments
        xp = array_namespace(mine.gram, theirs.gram)
        if self.intercept != other.intercept or mine.gram.shape != theirs.gram.shape or not _same(self.change, other.change):
            raise ValueError("designs must agree in intercept, metric and number of features to be combined. Make them alike.")
        shapes = [None if labels is None else tuple(labels.products.shape) for labels in (self._labels, other._labels)]
        if shapes[0] != shapes[1]:
            raise ValueError(
                "designs must carry the same labels (weak, target, number of tasks) to be combined. Make them alike."
            )
        if self._labels is not None and other._labels is not None and self._labels.single != other._labels.single:
            raise ValueError("designs must carry labels of one kind, (n,) or (n, T), to be combined. Make them alike.")
        result = type(self).__new__(type(self))
        result._start(self.intercept, self.change)
        result._moments = mine.plus(theirs, sign)
        result._dtype = xp.result_type(self._dtype, other._dtype)
        if self._labels is not None and other._labels is not None:
            result._labels = self._labels.plus(other._labels, mine, theirs, sign)
        return result

    # ---- answers --------------------------------------------------------------------------------------------------------------------

    def solve(self, labels: Any = None, *, penalties: Any = None, times: Any = None) -> Heads:
        """Heads (L, d, T) for every penalty λ ≥ 0 (ridge), or for every stopping time t ≥ 0 (gradient flow), and every task.

        ``labels`` (n,) or (n, T); ``None`` takes the weak labels that the design carries. ``penalties`` or ``times``: a number or
        (L,). Gradient flow starts at 0 and follows dw/dt = −A⁻¹ ∂/∂w of ½ Σ v (xᵀw + c − y)², c always at its best.

        Raises ``ValueError`` for labels of another shape or that are not finite, and when rows that can't be read again are too
        ill-conditioned for their Gram matrix.
        """
        along = path(penalties, times)
        spectrum = self.spectrum(along)
        labels = self.coordinates(labels, None, spectrum, products=False)
        inverse, b = along.on(spectrum.squares).inverse, labels.values[0, :, :]
        coefficients = combine(changed_basis(spectrum.basis, self.change), inverse, b, self._dtype)
        offset = ((self.mean @ spectrum.basis) * inverse) @ b
        intercept = array_namespace(b).astype(labels.moments.mean[0, :] - offset, self._dtype)
        if labels.moments.single:
            coefficients, intercept = coefficients[:, :, 0], intercept[:, 0]
        error = spectrum.error(along, self._dtype, labels.moments.relative_noise())
        return Heads(coefficients, intercept, along.values, spectrum.route, spectrum.rank, error)

    def report(
        self, weak: Any = None, target: Any = None, *, penalties: Any = None, times: Any = None, on: Design | None = None
    ) -> DesignReport:
        """Misfit, effective dimension, GCV and, with a ``target``, the GainReport of every head: no head or prediction is formed.

        The heads are those of ``solve(weak, …)``; ``None`` takes the labels that the design carries. By default the numbers are of the
        rows that the heads were fitted to. ``on`` is a design of other rows that carries its labels (the test rows, or a fold):
        there the heads are formed, predictions are not. Squared errors are weighted means, as in ``gain_report``. Where one is a tiny
        difference of large sums, its tasks are computed from predictions instead; the report says which.
        """
        along = path(penalties, times)
        if on is not None and not isinstance(on, Design):
            raise TypeError(
                f"on must be a Design of the held-out rows; it is a {type(on).__name__}. Pass Design(features, weak=…, target=…)."
            )
        spectrum = self.spectrum(along)
        labels = self.coordinates(weak, target, spectrum, products=True)
        filters = along.on(spectrum.squares)
        if on is None:
            inner = reporting.in_sample(filters, labels.values, labels.moments, self.mass)
            batches = self._batches(weak, target)
        else:
            held = reporting.Held(on.moments, on._carried(self, labels.moments.mean.shape[1]))
            inner = reporting.held_out(spectrum.basis, filters, labels.values, self.mean, labels.moments.mean, held)
            batches = on._batches(None, None)
        numbers = reporting.numbers(inner)
        tasks = np.flatnonzero(to_numpy(numbers.cancels))
        redone = False
        if len(tasks) and batches is not None:
            learner = rowwise.Learner(spectrum.basis, filters.inverse, self.mean, labels.values, labels.moments.mean)
            numbers = reporting.overwrite(numbers, tasks, rowwise.numbers(learner, batches, tasks))
            redone = True
        seen = self._moments.seen if on is None else None
        error = spectrum.error(along, numbers.misfit.dtype, labels.moments.relative_noise())
        result = reporting.assemble(numbers, filters, self.intercept, seen, redone, error)
        return result.of_one_task() if labels.moments.single else result

    def leave_one_out(self, labels: Any = None, *, penalties: Any) -> Any:
        """Exact leave-one-out error Σ v (y − ŷ)²/(1 − h)² / Σ v, (L, T), with h the diagonal of the hat matrix (intercept included).

        It costs one prediction of every row, penalty and task, n d L T, in blocks; ``report(…).gcv``, which replaces each h by their
        mean, costs nothing. For ridge only: a gradient flow that stops early has no such shortcut. Raises ``ValueError`` for a
        design whose rows are gone.
        """
        along = path(penalties, None)
        spectrum = self.spectrum(along)
        ours = self.coordinates(labels, None, spectrum, products=False)
        batches = self._batches(labels, None)
        if batches is None:
            raise ValueError("leave-one-out needs the rows, and these are gone. Use report(…).gcv, or batches to be read twice.")
        inverse = along.on(spectrum.squares).inverse
        learner = rowwise.Learner(spectrum.basis, inverse, self.mean, ours.values, ours.moments.mean)
        errors = rowwise.leave_one_out(learner, batches, self.mass if self.intercept else None)
        return errors[:, 0] if ours.moments.single else errors

    # ---- factorisation --------------------------------------------------------------------------------------------------------------

    def spectrum(self, along: Path) -> Spectrum:
        """Eigenvalues and eigenvectors, by the Gram matrix where that is safe for every point of the path ``along``."""
        if not self.mass > 0:
            raise ValueError("weights must have a positive sum; they are all zero. Pass at least one positive weight.")
        # Rows at hand decide alone, so that the same question gets the same answer whatever was asked before.
        if self._batch is None or self._batch.features.shape[0] >= self._batch.features.shape[1]:
            if "gram" not in self._spectra:
                self._spectra["gram"] = gram_spectrum(self.moments)
            spectrum = self._spectra["gram"]
            can_do_better = self._batch is not None or self._sources is not None
            if spectrum.amplification(along).max() <= GRAM_LIMIT and can_do_better:
                return spectrum
        if "svd" not in self._spectra:
            if self._batch is not None:
                self._spectra["svd"] = svd_spectrum(self._batch, self._moments)
            elif self._sources is not None:
                self._spectra["svd"] = triangle_spectrum(Reread(self._sources, self.change, self._moments.rows), self._moments)
        if "svd" in self._spectra:
            return self._spectra["svd"]
        spectrum = self._spectra["gram"]
        worst = spectrum.error(along, spectrum.squares.dtype, 0.0).max()
        if worst > max(STREAM_ERROR, SHORT_UNITS * float(array_namespace(spectrum.squares).finfo(self._dtype).eps)):
            raise ValueError(
                f"the features are too ill-conditioned for their Gram matrix, or too much of it was taken away: fitted values would be off by "
                f"{worst:.1g} of the labels. Pass float64 features, batches that can be read again (a list, RowBlocks), the sum of the "
                "other parts instead of a difference, or a larger penalty."
            )
        return spectrum

    def _batches(self, weak: Any, target: Any) -> Iterable[Batch] | None:
        """The rows once more, with the labels given or, for None, those carried; None when they are gone."""
        if self._batch is not None:
            return [self._batch if weak is None else self._labelled(weak, target)]
        if self._sources is None:
            return None
        return Reread(self._sources, self.change, self._moments.rows)

    def _labelled(self, weak: Any, target: Any) -> Batch:
        if self._batch is None:
            raise ValueError(
                "labels of rows that were streamed must come with their batches, as weak and target. Pass None here."
            )
        return labelled(self._batch, weak, target)

    def _carried(self, other: Design, tasks: int) -> LabelMoments:
        """The labels that held-out rows carry, checked against the design that the heads come from."""
        if self._labels is None:
            raise ValueError("a design to report on must carry weak labels: Design(features, weak=…, target=…).")
        array_namespace(self.mean, other.mean)
        if self.intercept != other.intercept or not _same(self.change, other.change):
            raise ValueError("a design to report on must have the same intercept and metric as the one that is fitted.")
        if self.mean.shape != other.mean.shape or self._labels.mean.shape[1] != tasks:
            raise ValueError(
                f"a design to report on must have the same features and the same tasks; it has {self.mean.shape[0]} and "
                f"{self._labels.mean.shape[1]}, and the one that is fitted {other.mean.shape[0]} and {tasks}."
            )
        return self._labels

    def coordinates(self, weak: Any, target: Any, spectrum: Spectrum, *, products: bool) -> Coordinates:
        """Labels in the basis of ``spectrum``, ``None`` for those carried; without ``products``, theirs may be missing."""
        if weak is None and target is not None:
            raise ValueError("a target needs the weak labels beside it. Pass both, or neither to take those carried.")
        if weak is None and self._labels is None:
            raise ValueError("labels must be passed, or the design must carry them: Design(features, weak=…).")
        if spectrum.left is not None and self._batch is not None:
            batch = self._batch if weak is None else self._labelled(weak, target)
            return by_rows(batch, spectrum, self._moments, products)
        carried = self._labels if weak is None else label_moments(self._labelled(weak, target), self._moments, products=products)
        assert carried is not None
        return by_gram(carried, spectrum) if spectrum.left is None else by_triangle(carried, spectrum)


def _same(first: Any, second: Any) -> bool:
    if first is None or second is None:
        return first is second
    return first.shape == second.shape and bool(np.all(to_numpy(first) == to_numpy(second)))
