"""Gain and misfit on scikit-learn's digits: a coarse-pixel teacher and a student with a frozen kernel representation.

Everything was fixed before a gain was looked at: two teachers (2 × 2 and 4 × 4 block means), 48 kernel components made on the
other digits, 150 gold labels for the teacher, 440 transfer rows (48 ≤ 440/8), 300 test rows; and, for the n = 2d + 1 law, 80
transfer rows with 5 to 48 components. A trial is a random split; all methods of a trial share it.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from experiments import _real
from w2s_theory.embeddings.tasks import digits_task
from w2s_theory.problems.empirical import EmpiricalTask, reduced_dimension

SOURCE = "charikar2024, the real-data comparison of gain and misfit, on other data"
SHOWS = ("identities.squared", "finite_sample.sign_flip")
SIZES = (150, 440, 300)
FEW = 80
COMPONENTS = 48
TRIALS = {"quick": 5, "full": 40}
METHODS = [
    {"student": "ridge", "control": "none", "n": SIZES[1], "components": COMPONENTS},
    {"student": "least squares", "control": "none", "n": SIZES[1], "components": COMPONENTS},
    *(
        {"student": "least squares", "control": "none", "n": FEW, "components": d}
        for d in (5, reduced_dimension(FEW), 20, 30, 39, 48)
    ),
    *({"student": "ridge", "control": control, "n": SIZES[1], "components": COMPONENTS} for control in _real.CONTROLS),
]
SCALES = {
    scale: [{"side": side, **method, "trial": trial} for side in (2, 4) for method in METHODS for trial in range(trials)]
    for scale, trials in TRIALS.items()
}
SEED_AXES = ("trial",)
findings = _real.findings


@functools.cache
def _task(side: int, components: int) -> EmpiricalTask:
    task = digits_task(side=side, components=COMPONENTS)
    return task if components == COMPONENTS else task.reduce_strong(components)


def run_one(params: dict[str, Any], *, rng: np.random.Generator) -> list[dict[str, Any]]:
    """One split, one teacher, one student: a row per digit and per place."""
    rows = _real.measure(_task(params["side"], params["components"]), params, SIZES, rng=rng)
    return [{"target": f"{row['target_index'] + 5}, {params['side']}×{params['side']}"} | row for row in rows]
