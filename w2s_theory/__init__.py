"""w2s_theory: the instrument for weak-to-strong generalization theory.

Every published bound is an executable, tested object. Start with ``gain_report`` on your own arrays, ``check`` on a statement of
``STATEMENTS``, or ``falsify`` on a conjecture of yours. Names load on first use, so importing the package costs little beyond NumPy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

#: Module -> the public names it defines.
_HOMES = {
    "design": (
        "Design",
        "RowBlocks",
    ),
    "falsification": (
        "bound",
        "falsify",
    ),
    "outcomes": (
        "Check",
        "Estimate",
        "GainReport",
        "Verdict",
    ),
    "plotting": (
        "check_margins",
        "gain_against_misfit",
        "phase_map",
        "sweep_lines",
    ),
    "problems.classification": ("ClassificationTask",),
    "problems.concepts": ("ConceptWorld",),
    "problems.prompting": ("Prompting",),
    "protocol": ("run_protocol",),
    "quantities.forecast": ("forecast",),
    "quantities.gain": ("gain_report",),
    "quantities.pgr": ("pgr",),
    "statements": (
        "Assumption",
        "ForEvery",
        "InExpectation",
        "InLimit",
        "Sides",
        "Source",
        "Statement",
        "WithProbability",
    ),
    "sweeps": ("sweep",),
    "theorems": (
        "STATEMENTS",
        "check",
    ),
    "triple": ("Triple",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Assumption",
    "Check",
    "ClassificationTask",
    "ConceptWorld",
    "Design",
    "Estimate",
    "ForEvery",
    "GainReport",
    "InExpectation",
    "InLimit",
    "Prompting",
    "RowBlocks",
    "STATEMENTS",
    "Sides",
    "Source",
    "Statement",
    "Triple",
    "Verdict",
    "WithProbability",
    "bound",
    "check",
    "check_margins",
    "falsify",
    "forecast",
    "gain_against_misfit",
    "gain_report",
    "pgr",
    "phase_map",
    "run_protocol",
    "sweep",
    "sweep_lines",
]

if TYPE_CHECKING:
    from .design import Design, RowBlocks
    from .falsification import bound, falsify
    from .outcomes import Check, Estimate, GainReport, Verdict
    from .plotting import check_margins, gain_against_misfit, phase_map, sweep_lines
    from .problems.classification import ClassificationTask
    from .problems.concepts import ConceptWorld
    from .problems.prompting import Prompting
    from .protocol import run_protocol
    from .quantities.forecast import forecast
    from .quantities.gain import gain_report
    from .quantities.pgr import pgr
    from .statements import Assumption, ForEvery, InExpectation, InLimit, Sides, Source, Statement, WithProbability
    from .sweeps import sweep
    from .theorems import STATEMENTS, check
    from .triple import Triple


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; public names: {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
