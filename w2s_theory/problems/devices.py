"""The same problem on a device: its arrays as torch tensors there, where its mathematics is generic in the array library.

A type of problem, or of convex class, says ``lives_on_devices = True``; a problem lives on a device when everything it is made of does. What
is random is drawn with NumPy and moved, so that both see the same draws. float64 throughout.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np

from .._validation import MissingExtra
from .convexity import ConvexClass


def torch_device(name: str) -> str:
    """What torch calls the device ``name``: "cpu-torch" is "cpu", "cuda" and "cuda:1" are themselves.

    Raises ``MissingExtra`` without torch, ``ValueError`` for another name or when torch sees no such device.
    """
    try:
        import torch
    except ImportError as error:
        raise MissingExtra("embeddings", "torch") from error
    kind, _, index = name.partition(":")
    if name == "cpu-torch":
        return "cpu"
    if kind != "cuda" or not (index.isdecimal() or name == "cuda"):
        raise ValueError(f"device must be 'cuda', 'cuda:<number>' or 'cpu-torch'; it is {name!r}.")
    seen = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if int(index or 0) >= seen:
        raise ValueError(
            f"device {name!r} is not there: torch sees {seen} CUDA devices. Use 'cpu-torch', torch on the processor."
        )
    return name


def can_move(problem: Any) -> bool:
    """True when ``on_device`` can move the problem."""
    return getattr(problem, "lives_on_devices", False) and all(
        can_move(part) for part in _parts(problem).values() if _is_problem(part)
    )


def on_device(problem: Any, device: str) -> Any:
    """``problem`` made again of float64 torch tensors on ``device`` (see ``torch_device``); it is validated again.

    Raises ``TypeError`` for a problem that is NumPy only (see ``can_move``), and as ``torch_device``.
    """
    if not can_move(problem):
        raise TypeError(
            f"problem must be one whose mathematics is generic in the array library; {type(problem).__name__} here is not."
        )
    import torch

    place = torch_device(device)
    moved = {}
    for name, part in _parts(problem).items():
        if isinstance(part, np.ndarray):
            moved[name] = torch.as_tensor(np.array(part, dtype=np.float64), device=place)
        elif _is_problem(part):
            moved[name] = on_device(part, device)
    return replace(problem, **moved)


def _parts(problem: Any) -> dict[str, Any]:
    return {field.name: getattr(problem, field.name) for field in fields(problem) if field.init}


def _is_problem(part: Any) -> bool:
    return isinstance(part, ConvexClass) or (is_dataclass(part) and hasattr(part, "lives_on_devices"))
