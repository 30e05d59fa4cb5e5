"""Product loss, two classes: m + y eᵐ − (1 − y) e⁻ᵐ grows at the constant rate 2 (2y − 1), so the weak label's class always wins.

m is the score difference of free scores under the flow, y the weak probability of class 1; proof in ``product_clock``. The left side is
that quantity at the end of an integrated flow, less its start. Whatever the student believed before, it ends sure of the weak label's class
(not at the weak label), with a doubt that falls as 1/time; only y = ½ leaves it where it is. There is no self-correction in this
loss. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...quantities.free_scores import product_clock
from ...statements import Assumption, Sides, Statement
from ...students.free_scores import FreeScores, flow
from ...students.loss_menu import Product
from .._burns import SOFT_LABELS, SOURCE, TWO_CLASSES, is_loss, memoriser

TIME = 30.0
#: Relative error of the integrated flow: 1e-10 a step over some hundred steps, with room.
FLOW_ERROR = 1e-7
#: Starts nearer to 0 or 1 have no odds that double precision could follow.
CLEAR = 1e-9


def _sides(rows: FreeScores) -> Sides:
    y = rows.labels[:, 1]
    scores = flow(rows, TIME)
    end = 1.0 / (1.0 + np.exp(scores[:, 0] - scores[:, 1]))
    first, last = product_clock(rows.start[:, 1], y), product_clock(end, y)
    size = np.abs(first) + np.abs(last) + 2.0 * TIME
    return Sides(last - first, 2.0 * (2.0 * y - 1.0) * TIME, scale=size, solver_error=FLOW_ERROR * size)


def _examples(rng: np.random.Generator) -> tuple[FreeScores, ...]:
    return (memoriser(Product(), rng, rows=15),)


PRODUCT_CLOCK = Statement(
    name="burns2023.product_clock",
    says="product loss: m + y eᵐ − (1 − y) e⁻ᵐ grows at the rate 2 (2y − 1), so free scores end at the weak label's class unless y = ½",
    relation="==",
    sides=_sides,
    about=FreeScores,
    assumptions=(
        TWO_CLASSES,
        SOFT_LABELS,
        Assumption("no start is nearer to 0 or 1 than a billionth", lambda rows: bool(rows.start.min() >= CLEAR)),
        is_loss(Product, "the product loss with both exponents 1", lambda loss: loss == Product()),
    ),
    source=SOURCE,
    tightness="an equality",
    examples=_examples,
)
