"""What a sweep would do: counted, and nothing is run or written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .plan import make_plan
from .store import Store


@dataclass(frozen=True)
class Preview:
    """Points of a sweep: all, finished, failed (run_one raised, or the worker died), still to run; the version of the code, how many
    points of the sweep other versions left in the store; mean seconds of a finished point (None: there is none)."""

    points: int
    finished: int
    failed: int
    left: int
    version: str
    other_versions: int
    seconds: float | None


def preview(
    run_one: Callable[..., Any],
    grid: Iterable[Mapping[str, Any]],
    *,
    store: str | Path,
    trials: int | None = None,
    name: str | None = None,
    seed: int = 0,
    seed_axes: Sequence[str] | None = None,
    version: str | None = None,
    retry_failed: bool = False,
) -> Preview:
    """What ``sweep`` with these arguments would do. Raises what it raises for arguments that can't be, and ``StoreError``."""
    plan = make_plan(run_one, grid, trials=trials, name=name, seed=seed, seed_axes=seed_axes, version=version)
    if not Path(store).is_dir():  # opening a store makes its folder
        return Preview(len(plan.keys), 0, 0, len(plan.keys), plan.version, 0, None)
    kept = Store(store, plan.name, version=plan.version)
    known = kept.known()
    count = Counter(known.get(key, "") for key in plan.keys)
    others = sum(number for other, number in kept.versions().items() if other != plan.version)
    table = kept.table([key for key in plan.keys if known.get(key) == "ok"])
    seconds = table.column("_seconds").to_numpy()[table.column("_row").to_numpy() == 0]
    settled = count["ok"] + (0 if retry_failed else count["failed"])
    return Preview(
        points=len(plan.keys),
        finished=count["ok"],
        failed=count["failed"] + count["died"],
        left=len(plan.keys) - settled,
        version=plan.version,
        other_versions=others,
        seconds=float(seconds.mean()) if len(seconds) else None,
    )
