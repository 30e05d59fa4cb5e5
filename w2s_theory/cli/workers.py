"""Where points run, from the two options that say it; for ``w2s sweep``, ``w2s figures`` and ``python -m experiments``."""

from __future__ import annotations


def executor_of(workers: int | None, scheduler: str | None) -> str:
    """The executor of ``w2s_theory.sweeps`` for ``--workers`` and ``--scheduler``; neither: a process for each core of this machine.

    Raises ``ValueError`` for both, for less than one worker and for what is no address.
    """
    from .._validation import whole
    from ..sweeps.engines import cores

    if scheduler is not None and workers is not None:
        raise ValueError("--workers are processes of this machine, --scheduler is a cluster's; give one of them.")
    if scheduler is not None:
        if scheduler != "dask" and "://" not in scheduler:
            raise ValueError(
                f"--scheduler must be an address, as in tcp://host:8786, or dask for a cluster on this machine; it is {scheduler!r}."
            )
        return scheduler
    count = cores() if workers is None else whole("--workers", workers)
    return "in-process" if count == 1 else f"loky:{count}"
