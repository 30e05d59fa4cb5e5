"""A Dask cluster of this machine, started for a sweep and ended with it."""

from __future__ import annotations

import logging
import os
import signal
from contextlib import suppress
from typing import Any

from .dask_worker import ClusterError
from .units import ONE_THREAD


def kill_workers(cluster: Any) -> None:
    """End the processes of a cluster of this process now: asked to, they would wait four seconds for what they run."""
    for nanny in cluster.workers.values():
        nanny.auto_restart = False
        if nanny.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(nanny.pid, signal.SIGKILL)


def local_cluster(workers: int) -> Any:
    """A ``distributed.LocalCluster`` of ``workers`` processes with one thread each.

    It differs from Dask's own defaults where these slow NumPy down or take more than a sweep needs.
    """
    import dask.config
    from distributed import LocalCluster

    config = {
        # Dask sets MALLOC_TRIM_THRESHOLD_ here, so that every array above 128 kB is asked from the system and given back.
        "distributed.nanny.pre-spawn-environ": ONE_THREAD,
        "distributed.worker.daemon": False,  # a point may start processes of its own; workers watch their parent
        "distributed.worker.profile.enabled": False,
        "distributed.admin.tick.interval": "1s",
        "distributed.admin.system-monitor.interval": "5s",
    }
    try:
        with dask.config.set(config):
            return LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                memory_limit=0,
                dashboard_address="127.0.0.1:0",  # any port that is free; without bokeh there is no page to look at
                silence_logs=logging.CRITICAL,
                scheduler_kwargs={"allowed_failures": 0},
                preload=["import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"],  # Ctrl-C is the parent's
            )
    except RuntimeError as error:
        raise ClusterError(
            f"no Dask cluster can be started here: {error} In a script, put the sweep under if __name__ == '__main__':, because each worker "
            "reads the script when it starts. executor='loky' does without."
        ) from error
