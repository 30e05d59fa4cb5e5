"""The student's gain along whole regularisation paths on text tasks, and what chooses the penalty."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from figures._paths import draw_paths

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(table: dict[str, np.ndarray]) -> Figure:
    """Six panels; see ``figures._paths``."""
    return draw_paths(table, "Real texts: layer 0 of a small sentence encoder teaches layer 6, with 700 weak labels.")
