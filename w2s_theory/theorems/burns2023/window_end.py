"""Window loss, two classes: free scores end at clip(y, ½ − radius, ½ + radius) from inside the window, and never move from outside it.

From below, the student stops at confidence ½ + radius however sure the weak label is; from above it keeps what it believed, right or wrong.
A check computes the left side from the integrated flow, each row stopped where it leaves the window. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...quantities.free_scores import window_end
from ...statements import Assumption, Sides, Statement
from ...students.free_scores import FreeScores, flow
from ...students.loss_menu import Window
from .._burns import SOURCE, TWO_CLASSES, is_loss, memoriser

TIME = 60.0
#: Error of p: 1e-10 a step over some hundred steps, the event's place, and e⁻²⁵ of the way left to labels within the widest window.
FLOW_ERROR = 1e-7
#: Starts nearer to the border of the window may be put inside or outside by the rounding of a logarithm.
BORDER = 1e-9


def _sides(rows: FreeScores) -> Sides:
    edge = rows.loss.edge  # type: ignore[attr-defined]
    scores = flow(rows, TIME, until=lambda p: float(p.max()) - edge)
    end = 1.0 / (1.0 + np.exp(scores[:, 0] - scores[:, 1]))
    right = window_end(rows.start[:, 1], rows.labels[:, 1], rows.loss.radius)  # type: ignore[attr-defined]
    return Sides(end, right, scale=1.0, solver_error=FLOW_ERROR)


def _examples(rng: np.random.Generator) -> tuple[FreeScores, ...]:
    return memoriser(Window(radius=0.3), rng, rows=25), memoriser(Window(), rng, rows=25)


WINDOW_END = Statement(
    name="burns2023.window_end",
    says="window loss: p ends at clip(y, ½ − radius, ½ + radius) from inside the window, and stays where it is outside",
    relation="==",
    sides=_sides,
    about=FreeScores,
    assumptions=(
        TWO_CLASSES,
        is_loss(Window, "the window loss with a radius of at most 0.3", lambda loss: loss.radius <= 0.3),  # type: ignore[attr-defined]
        Assumption(
            "no start is on the border of the window, up to a billionth",
            lambda rows: isinstance(rows.loss, Window) and bool(np.min(np.abs(rows.start.max(axis=1) - rows.loss.edge)) > BORDER),
        ),
    ),
    source=SOURCE,
    tightness="an equality",
    examples=_examples,
)
