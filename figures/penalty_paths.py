"""The student's gain along whole regularisation paths, in synthetic worlds and on digits, and what chooses the penalty."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from figures._paths import draw_paths

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(table: dict[str, np.ndarray]) -> Figure:
    """Six panels; see ``figures._paths``."""
    return draw_paths(
        table,
        "Synthetic: 60 Gaussian features and 240 weak labels whose errors are noise, half noise, or linear in the features. Real images: "
        "scikit-learn's digits 5 to 9, each against the rest, as in the figure of the digits.",
    )
