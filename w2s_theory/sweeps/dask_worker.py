"""What runs in a worker of a Dask cluster: one call at a time, and only where results are those of the process that asks."""

from __future__ import annotations

import functools
import importlib.metadata
import pickle
import platform
import threading
from collections.abc import Mapping

from .. import __version__
from .code import code_version


class ClusterError(RuntimeError):
    """The cluster can't be used, or not any longer: no scheduler, or a worker that would give other results. The message says which."""


_one_unit = threading.Lock()


def run_call(data: bytes, place: tuple[tuple[str, str], ...]) -> bytes:
    """In a worker: one call. What it raises is returned; only a worker that must not do it at all raises here."""
    if other := _own_differences(place):
        from distributed import get_worker

        raise ClusterError(f"the worker {get_worker().address} joined, and is not like the others: {other}.")
    with _one_unit:  # a unit sets the threads of the whole process
        try:
            function, arguments = pickle.loads(data)
            return pickle.dumps(function(*arguments), pickle.HIGHEST_PROTOCOL)
        except BaseException as error:
            return _pickled(error)


def _pickled(error: BaseException) -> bytes:
    try:
        data = pickle.dumps(error)
        pickle.loads(data)  # some exceptions can be written but not read
        return data
    except Exception:
        return pickle.dumps(RuntimeError(f"{type(error).__name__}: {error}"))


def place_here() -> dict[str, str]:
    """What the results of this process depend on besides what it is sent; part of ``code_version``."""
    found = {"Python": platform.python_version(), "w2s_theory": __version__}
    for package in ("numpy", "scipy", "torch"):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "absent"
    return found | {"w2s_theory's code": code_version(abs)}


@functools.cache
def _own_differences(place: tuple[tuple[str, str], ...]) -> str:
    return differences(place_here(), dict(place))


def differences(there: Mapping[str, str], here: Mapping[str, str]) -> str:
    """Which versions are others; the code of w2s_theory, which has no number, only where nothing else says it."""
    other = [f"{name} is {there.get(name)}, here {value}" for name, value in here.items() if there.get(name) != value]
    return ", ".join(other[:-1] if len(other) > 1 and other[-1].startswith("w2s_theory's") else other)
