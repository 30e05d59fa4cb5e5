"""Triple: weak labels, student and target evaluated on one sample, with the loss that compares them. All misfit theory acts on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ._array import array_namespace, is_array, to_numpy
from ._validation import finite, is_same_library
from .divergences import Divergence, as_divergence


@dataclass(frozen=True, eq=False)
class Triple:
    """``weak``, ``student`` and ``target`` (and perhaps ``ceiling``) on one sample, with weights and a divergence.

    Arrays have shape (..., n) for scalar outputs or class labels, (..., n, c) for vector outputs, with any number of tasks in front;
    which of the two is the divergence's business (``event_ndim``). ``weights`` has shape (n,), or (..., n) when tasks
    weigh samples differently; ``None`` means equal weights. All arrays are broadcast to one shape and one library.

    Raises ``ValueError`` for NaN, infinity, empty arrays, shapes that do not broadcast or values outside the divergence's domain,
    ``TypeError`` for mixed libraries.
    """

    weak: Any
    student: Any
    target: Any
    weights: Any = None
    ceiling: Any = None
    divergence: str | Divergence = "squared"

    lives_on_devices: ClassVar[bool] = True

    def __post_init__(self) -> None:
        names = ["weak", "student", "target", *(["ceiling"] if self.ceiling is not None else [])]
        arrays = {name: finite(name, getattr(self, name), min_ndim=1) for name in names}
        lead = next((a for name, a in arrays.items() if is_array(getattr(self, name))), arrays["weak"])
        xp = array_namespace(lead)
        for name, array in arrays.items():
            if not is_same_library(array, lead):
                if is_array(getattr(self, name)):
                    array_namespace(array, lead)  # raises, naming both libraries
                array = xp.asarray(to_numpy(array), dtype=xp.float64, device=lead.device)
            arrays[name] = array
        shapes = {name: tuple(array.shape) for name, array in arrays.items()}
        try:
            shape = np.broadcast_shapes(*shapes.values())
        except ValueError:
            raise ValueError(
                f"weak, student and target must broadcast to one shape; their shapes are {shapes}. Align samples on the last axis "
                "and tasks in front."
            ) from None
        loss = as_divergence(self.divergence)
        if len(shape) < 1 + loss.event_ndim:
            raise ValueError(
                f"the {loss.name} divergence compares vectors: arrays must have shape (..., n, c); their shape is {shape}. "
                "Add a last axis of outputs."
            )
        # Broadcasting a sample axis of length one would silently repeat one prediction n times.
        if any(s[-1 - loss.event_ndim :] != shape[-1 - loss.event_ndim :] for s in shapes.values()):
            raise ValueError(
                f"weak, student and target must hold the same samples (and outputs) on the last axes; shapes are {shapes}."
            )
        object.__setattr__(self, "divergence", loss)
        for name, array in arrays.items():
            loss.validate(name, array)
            object.__setattr__(self, name, xp.broadcast_to(array, shape))

    @property
    def loss(self) -> Divergence:
        """The divergence object."""
        return as_divergence(self.divergence)
