"""Features factorised once: then thousands of tasks and dozens of penalties cost one matrix product each.

``Design`` solves and scores; ``RowBlocks`` reads arrays that do not fit in memory; ``solve_task_weights`` is the slower path for
sample weights that differ between tasks.
"""

from .core import Design
from .heads import Heads
from .report import DesignReport
from .rows import RowBlocks
from .task_weights import solve_task_weights

__all__ = ["Design", "DesignReport", "Heads", "RowBlocks", "solve_task_weights"]
