"""Gain and misfit on five text tasks, with the terms that separate them and the negative controls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from figures._real import draw_real

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(table: dict[str, np.ndarray]) -> Figure:
    """Four panels; see ``figures._real``."""
    return draw_real(
        table,
        "Real texts, embedded by a 6-layer MiniLM sentence encoder, 1500 of each data set. Weak: a ridge head on layer 0, trained on "
        f"{int(table['n_weak'][0])} gold labels. Strong: layer 6. trec: six question types, each against the rest.",
    )
