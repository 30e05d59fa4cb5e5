"""Squared errors, misfits and gains of all heads from inner products: no head and no prediction is formed.

For the student s, the ceiling c, the weak labels w and their error δ = w − target, every number of a GainReport is a combination of
inner products ⟨s,s⟩, ⟨s,w⟩, … over the rows. In the eigenbasis of the features these are sums over directions, and for all
penalties and tasks one small matrix product each: with b = VᵀXᵀw, for example, ⟨s,w⟩ = Σ_k g_k b_k².
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from .._array import array_namespace, to_numpy
from ..outcomes import GainReport
from .filters import Filter
from .heads import combine
from .label_moments import LabelMoments
from .moments import FeatureMoments, size
from .rows import slices

#: A squared error below this share of the terms it is the difference of is computed again from the rows: at most three digits go
#: missing before that.
CANCELLATION = 1e-3

#: Nor may rounding be more than this share of it.
DIGITS = 1e-10

#: Numbers in a block of heads on held-out rows (64 MiB of float64).
HEAD_BLOCK = 2**23


@dataclass(frozen=True, eq=False)
class DesignReport:
    """What L penalties (or stopping times) do to T tasks; arrays (L, T), or (L,) for labels that came as (n,).

    * ``misfit``: mean of (student − weak)²; on held-out rows, the cross-validation error of learning the weak labels;
    * ``effective_dimension`` (L,): trace of the map from labels to fitted values, Σ_k φ_k, plus 1 for an intercept;
    * ``gcv``: generalised cross-validation, misfit/(1 − effective_dimension/n)² (Golub, Heath and Wahba 1979), NaN where the
      heads interpolate (to 1e-9 of n), ``None`` on held-out rows; n counts rows of positive weight;
    * ``gain``: the ``GainReport`` of every head, ``None`` without a target. Its ceiling is the head trained on the target with the same
      penalty;
    * ``by_rows`` (T,): tasks whose errors were too small a difference of inner products and were computed from predictions;
    * ``cancelled`` (T,): tasks where that was needed and no rows were at hand: fewer digits than elsewhere are right;
    * ``error`` (L,): ``Heads.error`` of the heads that the numbers are of.
    """

    misfit: Any
    effective_dimension: Any
    gcv: Any
    gain: GainReport | None
    by_rows: Any
    cancelled: Any
    error: np.ndarray

    def __str__(self) -> str:
        shape = "penalties or times × tasks: " + " × ".join(str(size) for size in self.misfit.shape)
        lines = [f"DesignReport ({shape}); {int(np.sum(to_numpy(self.by_rows)))} tasks by rows"]
        for name in ("misfit", "effective_dimension", "gcv"):
            if getattr(self, name) is not None:
                values = to_numpy(getattr(self, name))
                lines.append(f"  {name:<20}from {np.nanmin(values):.6g} to {np.nanmax(values):.6g}")
        return "\n".join(lines if self.gain is None else [*lines, str(self.gain)])

    def of_one_task(self) -> DesignReport:
        """The report without its task axis, for labels that came as (n,)."""
        gain = self.gain
        if gain is not None:
            gain = replace(gain, **{name: values[:, 0] for name, values in gain.numbers().items()})
        gcv = None if self.gcv is None else self.gcv[:, 0]
        parts = {"misfit": self.misfit[:, 0], "by_rows": self.by_rows[0], "cancelled": self.cancelled[0]}
        return replace(self, gcv=gcv, gain=gain, **parts)


class Inner(NamedTuple):
    """Inner products over centred rows, (L, T) or (T,): s student, c ceiling, w weak, d its error; and means of differences.

    ``rounding`` estimates their rounding errors, and more than the share ``digits`` of a squared error is too much.
    ``student_offset`` is mean(s) − mean(w), ``ceiling_offset`` mean(c) − mean(w), ``weak_offset`` mean(w) − mean(target). What
    belongs to the ceiling and to d is ``None`` without a target.
    """

    mass: float
    ss: Any
    sw: Any
    ww: Any
    student_offset: Any
    rounding: Any
    digits: float
    sd: Any = None
    wd: Any = None
    dd: Any = None
    cc: Any = None
    cw: Any = None
    cd: Any = None
    sc: Any = None
    weak_offset: Any = None
    ceiling_offset: Any = None


class Numbers(NamedTuple):
    """Mean misfit, the GainReport or None, and which tasks (T,) lost digits to cancellation."""

    misfit: Any
    gain: GainReport | None
    cancels: Any


def in_sample(filters: Filter, coordinates: Any, labels: LabelMoments, mass: float) -> Inner:
    """Inner products on the rows that the heads were fitted to; ``coordinates`` (K, r, T) of w and δ."""
    xp, products, mean = array_namespace(coordinates), labels.products, labels.mean
    inverse, shrunk = filters.inverse, filters.kept * filters.inverse
    w = coordinates[0, :, :]
    none = xp.zeros_like(mean[0, :])
    base = Inner(mass, shrunk @ w**2, inverse @ w**2, products[0, 0, :], none, labels.noise, DIGITS)
    if coordinates.shape[0] == 1:
        return base
    d = coordinates[1, :, :]
    f = w - d
    return base._replace(
        sd=inverse @ (w * d),
        wd=products[0, 1, :],
        dd=products[1, 1, :],
        cc=shrunk @ f**2,
        cw=inverse @ (f * w),
        cd=inverse @ (f * d),
        sc=shrunk @ (w * f),
        weak_offset=mean[1, :],
        ceiling_offset=-mean[1, :],
    )


class Held(NamedTuple):
    """Moments of held-out rows: of their ``features``, and of the ``labels`` that they carry."""

    features: FeatureMoments
    labels: LabelMoments


def held_out(basis: Any, filters: Filter, coordinates: Any, mean: Any, label_mean: Any, held: Held) -> Inner:
    """Inner products on other rows: heads are formed, a block of tasks at a time, and predictions are not, however many the rows."""
    xp = array_namespace(basis)
    with_target = coordinates.shape[0] == 2 and held.labels.cross.shape[0] == 2
    parts = []
    for tasks in slices(coordinates.shape[2], max(HEAD_BLOCK // (filters.inverse.shape[0] * basis.shape[0]), 1)):
        b, own_mean, labels = coordinates[:, :, tasks], label_mean[:, tasks], held.labels.of(tasks)
        student = combine(basis, filters.inverse, b[0, :, :], basis.dtype)
        part = _student(student, mean, own_mean, held.features, labels)
        if with_target:
            ceiling = combine(basis, filters.inverse, b[0, :, :] - b[1, :, :], basis.dtype)
            part = _with_ceiling(part, student, ceiling, mean, own_mean, held.features, labels)
        parts.append(part)
    if len(parts) == 1:
        return parts[0]
    fields = {name: [getattr(part, name) for part in parts] for name in Inner._fields if name not in ("mass", "digits")}
    return parts[0]._replace(
        **{name: None if values[0] is None else xp.concat(values, axis=-1) for name, values in fields.items()}
    )


def _over_features(first: Any, second: Any) -> Any:
    return array_namespace(first).sum(first * second, axis=-2)


def _student(student: Any, mean: Any, label_mean: Any, features: FeatureMoments, labels: LabelMoments) -> Inner:
    """The part of ``Inner`` that needs no target; ``student`` (L, d, T) are heads in the basis of ``features``."""
    offset = (features.mean - mean) @ student + label_mean[0, :] - labels.mean[0, :]
    ss, sw = _over_features(student, features.gram @ student), _over_features(student, labels.cross[0, :, :])
    # wᵀGw can cancel inside, where heads of ill-conditioned features are long.
    digits = max(DIGITS, 100.0 * features.noise / max(size(features.gram), 1e-300))
    rounding = labels.noise + features.noise * _over_features(student, student)
    return Inner(features.mass, ss, sw, labels.products[0, 0, :], offset, rounding, digits)


def _with_ceiling(
    part: Inner, student: Any, ceiling: Any, mean: Any, label_mean: Any, features: FeatureMoments, labels: LabelMoments
) -> Inner:
    """``part`` with the inner products of the ceiling (L, d, T) and of the weak labels' error."""
    w, d = labels.cross[0, :, :], labels.cross[1, :, :]
    image = features.gram @ ceiling
    target_mean = label_mean[0, :] - label_mean[1, :]
    return part._replace(
        rounding=part.rounding + features.noise * _over_features(ceiling, ceiling),
        sd=_over_features(student, d),
        wd=labels.products[0, 1, :],
        dd=labels.products[1, 1, :],
        cc=_over_features(ceiling, image),
        cw=_over_features(ceiling, w),
        cd=_over_features(ceiling, d),
        sc=_over_features(student, image),
        weak_offset=labels.mean[1, :],
        ceiling_offset=(features.mean - mean) @ ceiling + target_mean - labels.mean[0, :],
    )


def numbers(p: Inner) -> Numbers:
    """The misfit and the GainReport that inner products make; every formula expands its own definition."""
    xp = array_namespace(p.ss)
    cancels = xp.zeros(p.ss.shape, dtype=xp.bool, device=p.ss.device)

    def square(*terms: Any, offset: Any, beside: Any = 0.0) -> Any:
        nonlocal cancels
        value = sum(terms[1:], start=terms[0])
        size = sum((xp.abs(term) for term in terms[1:]), start=xp.abs(terms[0]))
        whole = value / p.mass + offset**2
        known = (whole + beside) * p.mass
        cancels = cancels | (known < CANCELLATION * size) | (p.rounding > p.digits * known)
        return xp.clip(whole, min=0.0)

    misfit = square(p.ss, -2.0 * p.sw, p.ww, offset=p.student_offset)
    if p.dd is None:
        return Numbers(misfit, None, xp.any(cancels, axis=0))
    student_bias, ceiling_bias = p.student_offset + p.weak_offset, p.ceiling_offset + p.weak_offset
    weak_error = p.dd / p.mass + p.weak_offset**2 + xp.zeros_like(misfit)
    student_error = square(p.ss, -2.0 * p.sw, p.ww, 2.0 * p.sd, -2.0 * p.wd, p.dd, offset=student_bias)
    # A ceiling without error is the rule for a realizable target; its digits matter beside the weak error only.
    ceiling_terms = (p.cc, -2.0 * p.cw, p.ww, 2.0 * p.cd, -2.0 * p.wd, p.dd)
    ceiling_error = square(*ceiling_terms, offset=ceiling_bias, beside=weak_error)
    terms = (
        2.0 * (2.0 * p.sw - p.ww + p.wd - p.ss - p.sd) / p.mass - 2.0 * p.student_offset * student_bias,
        -2.0 * (p.ww - p.wd - p.cw - p.sw + p.sd + p.sc) / p.mass - 2.0 * p.student_offset * ceiling_bias,
        2.0 * (p.sw - p.cw - p.ss + p.sc) / p.mass - 2.0 * p.student_offset * (p.student_offset - p.ceiling_offset),
    )
    gain = gain_of_errors(misfit, weak_error, student_error, ceiling_error, *terms)
    return Numbers(misfit, gain, xp.any(cancels, axis=0))


def gain_of_errors(
    misfit: Any, weak_error: Any, student_error: Any, ceiling_error: Any, residual: Any, cross_term: Any, penalty_term: Any
) -> GainReport:
    """The GainReport of given mean squared errors: gain and pgr are made here."""
    xp = array_namespace(misfit)
    gain, gap = weak_error - student_error, weak_error - ceiling_error
    safe = xp.where(gap > 0, gap, 1.0)
    pgr = xp.where(gap > 0, gain / safe, float("nan"))
    return GainReport(weak_error, student_error, gain, misfit, residual, ceiling_error, cross_term, penalty_term, pgr)


def overwrite(old: Numbers, tasks: np.ndarray, new: Numbers) -> Numbers:
    """``old`` with the columns ``tasks`` (whole numbers) replaced by ``new``, which has only those."""
    xp = array_namespace(old.misfit)
    where, chosen = (np.zeros(old.misfit.shape[1], dtype=kind) for kind in (np.int64, np.bool_))
    where[tasks], chosen[tasks] = np.arange(len(tasks)), True
    source, mask = (xp.asarray(values, device=old.misfit.device) for values in (where, chosen))

    def merged(first: Any, second: Any) -> Any:
        return xp.where(mask, xp.take(second, source, axis=1), first)

    gain = None
    if old.gain is not None and new.gain is not None:
        fresh = new.gain.numbers()
        gain = replace(old.gain, **{name: merged(values, fresh[name]) for name, values in old.gain.numbers().items()})
    return Numbers(merged(old.misfit, new.misfit), gain, old.cancels)


def assemble(
    numbers: Numbers, filters: Filter, intercept: bool, seen: int | None, redone: bool, error: np.ndarray
) -> DesignReport:
    """The report; ``seen`` is the number of rows of positive weight in sample and ``None`` on held-out rows."""
    xp = array_namespace(numbers.misfit)
    dimension = xp.sum(filters.kept, axis=1) + float(intercept)
    gcv = None
    if seen is not None:
        free = 1.0 - dimension / seen
        # Fitted values that reproduce any labels leave nothing to divide: 1e-9 is far above rounding, far below 1/n.
        gcv = numbers.misfit / xp.where(free > 1e-9, free, float("nan"))[:, None] ** 2
    none = xp.zeros_like(numbers.cancels)
    by_rows, cancelled = (numbers.cancels, none) if redone else (none, numbers.cancels)
    return DesignReport(numbers.misfit, dimension, gcv, numbers.gain, by_rows, cancelled, error)
