"""Predictions of least squares and ridge from condition 10 to 1e14, against an 80-digit reference, next to LAPACK's lstsq."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import scipy.linalg

from w2s_theory.design import Design

from ._place import Place
from ._record import Section, Table

MODULES = ("scipy.linalg", "mpmath")


class Size(NamedTuple):
    """Problems (n, d), one per seed and condition number."""

    n: int
    d: int
    seeds: int
    conditions: tuple[float, ...]


SIZES = {
    "quick": Size(20, 5, 1, (1e2, 1e8, 1e14)),
    "full": Size(60, 12, 5, (1e1, 1e2, 1e4, 1e6, 1e8, 1e10, 1e12, 1e14)),
}
#: Penalties as shares of the largest eigenvalue of XᵀX: none, one that acts from condition 1e4 on, one that makes any condition harmless.
PENALTIES = (0.0, 1e-8, 1e-3)
#: Forming the normal equations at condition 1e14 costs 28 digits, which leaves 50 more than float64 has.
DIGITS = 80
#: Errors below so much of the predictions (45 units of rounding), or of the labels (4 units), are as good as none: their ratio is chance.
FLOOR, FLOOR_LABELS = 1e-14, 1e-15
GOAL = 10.0

LABELS: dict[str, Callable[[np.ndarray, np.ndarray, np.random.Generator], np.ndarray]] = {
    "noise": lambda left, outside, rng: rng.standard_normal(len(left)),
    "smallest direction": lambda left, outside, rng: left[:, -1],
    "smallest direction, large residual": lambda left, outside, rng: left[:, -1] + 10.0 * outside,
    "tiny residual": lambda left, outside, rng: left[:, 0] + 0.5 * left[:, 1] + 1e-8 * outside,
    "nearly all residual": lambda left, outside, rng: 1e-3 * left @ rng.standard_normal(left.shape[1]) + outside,
}


def run(scale: str, here: Place) -> Section:
    """The worst error of each method over seeds and labels, by condition number and penalty."""
    size = SIZES[scale]
    section = Section(
        "Accuracy",
        f"‖X(w − w*)‖/‖Xw*‖, w* and both products with {DIGITS} digits; n={size.n}, d={size.d}, singular values from 1 down to "
        f"1/condition, evenly in their logarithm. The worst over random problems ({size.seeds}) and kinds of labels: "
        + "; ".join(LABELS)
        + ". `lstsq` is LAPACK's gelsd on X, or on X with √λ·I below it, none of its singular values cut off; the default of "
        "`numpy.linalg.lstsq` cuts off those below machine precision times n. Where predictions are tiny beside their labels, errors "
        "relative to them can exceed 1.",
    )
    rows, worst = [], 0.0
    for condition in size.conditions:
        problems = [problem(size, condition, seed) for seed in range(size.seeds)]
        for penalty in PENALTIES:
            found = [compare(features, labels, penalty) for features, labels in problems]
            ratio = np.array([one.ours / np.maximum(one.lapack, one.floor) for one in found])
            worst = max(worst, float(ratio.max()))
            rows.append(
                {
                    "condition": f"{condition:.0e}",
                    "λ/s₁²": f"{penalty:g}",
                    "route": " and ".join(sorted({one.route for one in found})),
                    "ours": float(np.max([one.ours for one in found])),
                    "lstsq": float(np.max([one.lapack for one in found])),
                    "numpy default": float(np.max([one.cut for one in found])),
                    "ours/lstsq, worst": float(ratio.max()),
                    "with labels": list(LABELS)[int(ratio.max(axis=0).argmax())],
                }
            )
            if not ratio.max() <= GOAL:
                section.wrong.append(f"condition {condition:.0e}, λ/s₁² {penalty:g}: {ratio.max():.1f} × the error of lstsq")
    section.tables.append(Table("Worst relative error of predictions", rows))
    section.notes.append(
        "ours/lstsq compares the two on the same problem and labels. An error of lstsq that is as good as none, "
        f"below {FLOOR:.0e} of the predictions or {FLOOR_LABELS:.0e} of the labels, counts as that much."
    )
    wanted = f"never worse than LAPACK lstsq by more than {GOAL:g} ×"
    section.add_goal("condition number 1e1 … 1e14", wanted, f"{worst:.1f} × at worst", worst <= GOAL, scale)
    return section


def problem(size: Size, condition: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Features (n, d) of the condition number asked for, and one column of labels of each kind."""
    rng = np.random.default_rng(seed)
    left = np.linalg.qr(rng.standard_normal((size.n, size.d)))[0]
    right = np.linalg.qr(rng.standard_normal((size.d, size.d)))[0]
    outside = rng.standard_normal(size.n)
    outside -= left @ (left.T @ outside)
    outside /= np.linalg.norm(outside)
    labels = np.column_stack([make(left, outside, rng) for make in LABELS.values()])
    return (left * np.geomspace(1.0, 1.0 / condition, size.d)) @ right.T, labels


class Found(NamedTuple):
    """Relative errors (T,) of the three methods, the error that is as good as none, and the route that ours took."""

    ours: np.ndarray
    lapack: np.ndarray
    cut: np.ndarray
    floor: np.ndarray
    route: str


def compare(features: np.ndarray, labels: np.ndarray, penalty: float) -> Found:
    """Ours and LAPACK against ``exact_heads``."""
    heads = Design(features).solve(labels, penalties=penalty)
    rows, values = features, labels
    if penalty > 0.0:
        d = features.shape[1]
        rows = np.vstack([features, penalty**0.5 * np.eye(d)])
        values = np.vstack([labels, np.zeros((d, labels.shape[1]))])
    exact, long_features = exact_heads(features, labels, penalty), digits(features)
    wanted = long_features @ exact

    def error(got: np.ndarray) -> np.ndarray:
        return _norms(long_features @ digits(got) - wanted) / _norms(wanted)

    return Found(
        error(np.asarray(heads.coefficients)[0]),
        error(scipy.linalg.lstsq(rows, values, cond=0.0, lapack_driver="gelsd")[0]),
        error(np.linalg.lstsq(rows, values, rcond=None)[0]),
        np.maximum(FLOOR, FLOOR_LABELS * np.linalg.norm(labels, axis=0) / _norms(wanted)),
        heads.route,
    )


@functools.cache
def arithmetic() -> Any:
    """mpmath with ``DIGITS`` digits, apart from the one whose precision others may have set."""
    import mpmath

    context = mpmath.MPContext()
    context.dps = DIGITS
    return context


def digits(values: np.ndarray) -> Any:
    """``values`` as an array of numbers with ``DIGITS`` digits."""
    return np.vectorize(arithmetic().mpf, otypes=[object])(values)


def exact_heads(features: np.ndarray, labels: np.ndarray, penalty: float) -> Any:
    """(XᵀX + λI)⁻¹XᵀY with ``DIGITS`` digits, (d, T)."""
    x, y = digits(features), digits(labels)
    gram = x.T @ x + digits(np.array(penalty)) * digits(np.eye(features.shape[1]))
    inverse = arithmetic().inverse(arithmetic().matrix(gram.tolist()))
    return np.array(inverse.tolist(), dtype=object).reshape(gram.shape) @ (x.T @ y)


def _norms(columns: Any) -> np.ndarray:
    return np.array([sum(value * value for value in column) for column in columns.T], dtype=np.float64) ** 0.5
