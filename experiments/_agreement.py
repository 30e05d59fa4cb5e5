"""Does a closed form agree with its simulation, and could the simulation have shown that it does not?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from w2s_theory._validation import finite

from ._ledger import Finding


def agreement(
    claim: str, measured: ArrayLike, stderr: ArrayLike, exact: ArrayLike, *, z: float = 5.0, see: float = 0.1, least: float = 0.0
) -> Finding:
    """The finding on a closed form: ``measured`` ± ``stderr`` at some points, ``exact`` what it should be there.

    "counterexample found" if any point is more than ``z`` standard errors off. "holds (derived here)" if none is, and at half of the
    points or more a closed form wrong by the share ``see`` would have been that far off: z·stderr ≤ see·|exact|. "not attempted"
    otherwise: the simulation is too noisy to tell. Points where both values are below ``least`` are left out, and counted. Raises
    ``ValueError`` for NaN, a negative standard error, or no points.
    """
    measured, stderr, exact = np.broadcast_arrays(finite("measured", measured), finite("stderr", stderr), finite("exact", exact))
    if stderr.min() < 0.0:
        raise ValueError(f"stderr must not be negative; its smallest entry is {stderr.min():.6g}.")
    kept = np.maximum(np.abs(measured), np.abs(exact)) >= least
    if not kept.any():
        raise ValueError(f"measured and exact must reach least = {least:g} at some point; none does. Lower it.")
    difference, error, size = np.abs(measured - exact)[kept], stderr[kept], np.abs(exact)[kept]
    with np.errstate(divide="ignore", invalid="ignore"):
        off = np.where(difference == 0.0, 0.0, difference / error)
        resolution = np.where(error == 0.0, 0.0, z * error / size)
    seen = resolution <= see
    if not np.all(off <= z):
        status = "counterexample found"
    elif 2 * np.sum(seen) >= seen.size:
        status = "holds (derived here)"
    else:
        status = f"not attempted (too noisy to see {see:.0%} at half of the points)"
    left_out = f" ({np.sum(~kept)} below {least:g} left out)" if not kept.all() else ""
    return Finding(
        claim,
        status,
        f"largest deviation {off.max():.1f} standard errors over {off.size} points{left_out}; {see:.0%} off would be {z:g} standard errors or "
        f"more at {np.sum(seen)} of them (smallest share that would: median {_share(np.median(resolution))}, worst "
        f"{_share(np.max(resolution))})",
    )


def _share(value: Any) -> str:
    return f"{value:.1%}" if value < 0.995 else "above 100%"


def select(table: Mapping[str, np.ndarray], **keys: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """``at``, ``value`` and ``stderr`` of the rows whose columns have the values ``keys``, in increasing order of ``at``."""
    rows = np.all([table[name] == value for name, value in keys.items()], axis=0)
    order = np.argsort(table["at"][rows], kind="stable")
    at, value, stderr = (table[column][rows][order] for column in ("at", "value", "stderr"))
    return at, value, stderr
