"""Which array library an argument belongs to, and the way to NumPy and back.

Arrays decide the library: ``xp = array_namespace(x)``, and a function returns what it was given (library, dtype, device). NumPy
float64 is the reference; torch is a faster way to the same number. torch is never imported here: array-api-compat recognises a
tensor by the module that made it.
"""

from __future__ import annotations

from typing import Any

import array_api_compat
import numpy as np


def array_namespace(*arrays: Any) -> Any:
    """Return the array-API namespace shared by ``arrays``; raise ``TypeError`` when they belong to different libraries."""
    try:
        return array_api_compat.array_namespace(*arrays)
    except TypeError as error:
        kinds = sorted({type(a).__module__.split(".")[0] + "." + type(a).__name__ for a in arrays})
        raise TypeError(
            f"arrays must come from one library; got {', '.join(kinds)}. Convert them first (for example with torch.as_tensor)."
        ) from error


def is_array(value: Any) -> bool:
    """True for NumPy, torch and other array-API arrays; false for lists, scalars and pandas objects."""
    return array_api_compat.is_array_api_obj(value) and not isinstance(value, np.generic)


def to_numpy(array: Any) -> np.ndarray:
    """Copy any array to a NumPy array on the CPU (for reports, tables and solvers that need NumPy)."""
    if isinstance(array, np.ndarray):
        return array
    if array_api_compat.is_torch_array(array):
        return array.detach().cpu().numpy()
    return np.asarray(array)


def machine_epsilon(array: Any) -> float:
    """Spacing of floating-point numbers at 1 in the dtype of ``array``."""
    xp = array_namespace(array)
    return float(xp.finfo(array.dtype).eps)


def mean_over_samples(values: Any, weights: Any) -> Any:
    """Weighted mean over the last axis, accumulated in float64 when the input is shorter: ``sum_i weights_i values_i``."""
    xp = array_namespace(values, weights)
    return xp.sum(xp.astype(values, xp.float64) * xp.astype(weights, xp.float64), axis=-1)
