"""The same statements on NumPy arrays and on torch tensors: verdicts, margins and sides, one beside the other.

Statements whose mathematics is generic in the array library are checked on their own example problems twice: with NumPy in float64, the
reference, and with the same problem as float64 tensors of torch: on a GPU where torch sees one, else on the processor (the column
``device`` says which: "cuda" or "cpu-torch"). Draws are NumPy's and the same for both. Differences are in units of the error that the two
checks state, added: two sound ways to one number are at most 1 apart. Examples that are NumPy only are counted, not checked.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from experiments._ledger import Finding
from w2s_theory._validation import MissingExtra
from w2s_theory.checking import margin_difference, sides_difference
from w2s_theory.problems.devices import can_move, on_device, torch_device
from w2s_theory.theorems import NUMPY_ONLY, STATEMENTS, compare_examples

SOURCE = "derived here"
TRIALS = {"quick": 1, "full": 5}
#: Statements about problems that can be made of tensors.
GENERIC = tuple(
    name
    for name, statement in STATEMENTS.items()
    if getattr(statement.about, "lives_on_devices", False) and name not in NUMPY_ONLY
)
SCALES = {
    scale: [{"statement": name, "trial": trial} for name in GENERIC for trial in range(trials)]
    for scale, trials in TRIALS.items()
}
SEED_AXES = ("statement", "trial")


def unavailable(scale: str) -> str:
    """Why the grid can't run here."""
    try:
        torch_device("cpu-torch")
    except MissingExtra as error:
        return str(error)
    return ""


def device_here() -> str:
    """ "cuda" where torch sees a GPU, else "cpu-torch"."""
    try:
        return torch_device("cuda")
    except ValueError:
        return "cpu-torch"


def run_one(params: dict[str, Any], *, rng: np.random.Generator) -> list[dict[str, Any]]:
    """A row per example of the statement; of one that is NumPy only the device's columns are empty."""
    statement, device = STATEMENTS[params["statement"]], device_here()
    state = rng.bit_generator.state
    checks = compare_examples(statement, device, rng=rng)
    rng.bit_generator.state = state
    assert statement.examples is not None
    problems = statement.examples(rng) if any(there is not None for _, there in checks) else (None,) * len(checks)
    rows = []
    for example, ((here, there), problem) in enumerate(zip(checks, problems, strict=True)):
        row = {
            "device": device,
            "example": example,
            "catalogue": len(STATEMENTS),
            "verdict": here.verdict.name,
            "margin": here.margin,
            "error": here.error,
        }
        moved = {
            "device_verdict": "",
            "device_margin": math.nan,
            "device_error": math.nan,
            "margins": math.nan,
            "sides": math.nan,
        }
        if there is not None and can_move(problem):
            moved = {
                "device_verdict": there.verdict.name,
                "device_margin": there.margin,
                "device_error": there.error,
                "margins": margin_difference(here, there),
                "sides": sides_difference(statement, problem, on_device(problem, device), seed=params["trial"]),
            }
        rows.append(row | moved)
    return rows


def where(device: str) -> str:
    """The device in words."""
    return "torch on the processor (no GPU in this run)" if device == "cpu-torch" else f"torch on {device}"


def findings(table: dict[str, np.ndarray]) -> list[Finding]:
    """Equal verdicts; margins and sides within the stated errors."""
    moved = table["device_verdict"] != ""
    checks, names = int(moved.sum()), sorted(set(table["statement"][moved].tolist()))
    device = " and ".join(where(name) for name in sorted(set(table["device"].tolist())))
    size = f"NumPy against {device}, float64: {checks} checks of {len(names)} statements"
    only = int(table["catalogue"][0]) - len(names)
    if not checks:
        return [Finding("a statement can be checked on a device", "not attempted (no problem could be moved)", device)]
    changed = moved & (table["verdict"] != table["device_verdict"])
    which = f" ({', '.join(sorted(set(table['statement'][changed].tolist())))})" if changed.any() else ""
    verdicts = Finding(
        "the verdict of a statement does not depend on the array library or the device",
        "counterexample found" if changed.any() else "observed here",
        f"{size}; {int(changed.sum())} verdicts differ{which}; {only} statements of the catalogue are NumPy only",
    )
    margins, sides = (table[name][moved] for name in ("margins", "sides"))
    worst = int(np.argmax(sides))
    agree = bool(np.all(margins <= 1.0) and np.all(sides <= 1.0))
    numbers = Finding(
        "margins and sides on a device are those of NumPy within the errors that the checks state",
        "observed here" if agree else "counterexample found",
        f"{size}; largest difference, in units of the stated errors: margins {margins.max():.1g}, sides {sides.max():.1g} "
        f"({table['statement'][moved][worst]})",
    )
    return [verdicts, numbers]
