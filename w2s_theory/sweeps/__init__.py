"""Parameter sweeps: a grid of points, a function, an engine that runs it and a store that keeps what is finished.

    from w2s_theory.sweeps import grids, sweep

    def run_one(params, rng):
        x = rng.normal(size=params["n"])
        return {"distance": abs(x.mean())}

    grid = grids.product(n=[10, 100, 1000])
    result = sweep(run_one, grid, trials=50, store="means", executor="loky")
    result.table["n"], result.table["trial"], result.failures

The same call after Ctrl-C, a kill or a crash goes on where it was.
"""

from __future__ import annotations

from . import grids
from .code import code_version
from .engines import Engine, InProcess, WorkerDied, open_engine
from .points import plain, point_key, point_seed
from .progress import Progress
from .result import Interrupted, SweepResult
from .run import OtherVersion, sweep
from .shards import ShardFailed, design_of_shards
from .source_file import SourceFile
from .store import DamagedPart, Store, StoreError
from .units import PointResult

__all__ = [
    "DamagedPart",
    "Engine",
    "InProcess",
    "Interrupted",
    "OtherVersion",
    "PointResult",
    "Progress",
    "ShardFailed",
    "SourceFile",
    "Store",
    "StoreError",
    "SweepResult",
    "WorkerDied",
    "code_version",
    "design_of_shards",
    "grids",
    "open_engine",
    "plain",
    "point_key",
    "point_seed",
    "sweep",
]
