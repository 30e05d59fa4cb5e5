"""Gain and misfit on scikit-learn's digits, with the terms that separate them and the negative controls."""

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
        "Real images: scikit-learn's digits 5 to 9, each against the rest. Weak: a ridge head on 2×2 or 4×4 block means, trained on "
        f"{int(table['n_weak'][0])} gold labels. Strong: 48 kernel components made without labels on the digits 0 to 4.",
    )
