"""Where a benchmark runs: NumPy on the CPU, or torch on the CPU or a GPU. One BLAS thread, and what one matrix product reaches there."""

from __future__ import annotations

import importlib
import importlib.util
import os
import platform
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from experiments._runner import git_state
from w2s_theory.sweeps.provenance import pools, processor, version

PACKAGES = ("numpy", "scipy", "scikit-learn", "himalaya", "cvxpy", "torch", "threadpoolctl")
DEVICES = ("cpu", "cpu-torch", "cuda")


class Misuse(RuntimeError):
    """The benchmark can't run as asked here; the message says why and what to do."""


@dataclass(frozen=True)
class Place:
    """A device and its array library: ``name`` is one of ``DEVICES``.

    ``precisions`` are what the timed benchmarks run in: "float64", "float32", and on a GPU "tf32", which is float32 data
    multiplied with ten bits.
    """

    name: str

    @property
    def precisions(self) -> tuple[str, ...]:
        return {"cpu": ("float64",), "cpu-torch": ("float64", "float32"), "cuda": ("float64", "float32", "tf32")}[self.name]

    def array(self, values: np.ndarray, precision: str = "float64") -> Any:
        """``values`` here, in ``precision``."""
        dtype = "float32" if precision == "tf32" else precision
        if self.name == "cpu":
            return values.astype(dtype, copy=False)
        import torch

        return torch.as_tensor(values, dtype=getattr(torch, dtype), device="cuda" if self.name == "cuda" else "cpu")

    def wait(self) -> None:
        """Return when everything asked of the device is done: a GPU answers before it has computed."""
        if self.name == "cuda":
            import torch

            torch.cuda.synchronize()

    @contextmanager
    def multiplying(self, precision: str) -> Iterator[None]:
        """Let the GPU multiply float32 in tf32 inside, if ``precision`` says so, and in full float32 otherwise."""
        if self.name != "cuda":
            yield
            return
        import torch

        before = torch.backends.cuda.matmul.allow_tf32
        torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
        try:
            yield
        finally:
            torch.backends.cuda.matmul.allow_tf32 = before

    def product(self, precision: str, size: int) -> Any:
        """A call that multiplies two square matrices into a third: 2 size³ flops, the yardstick of every fraction."""
        rng = np.random.default_rng(0)
        a, b = (self.array(rng.standard_normal((size, size)), precision) for _ in range(2))
        if self.name == "cpu":
            into = np.empty_like(a)
            return lambda: np.matmul(a, b, out=into)
        import torch

        into = torch.empty_like(a)
        return lambda: torch.matmul(a, b, out=into)

    def describe(self) -> str:
        """The processor's name."""
        if self.name == "cuda":
            import torch

            return torch.cuda.get_device_name()
        return f"{processor()} ({os.cpu_count()} cores)"


def place(name: str) -> Place:
    """The place ``name``; raises ``Misuse`` when it is not there."""
    if name != "cpu":
        if importlib.util.find_spec("torch") is None:
            raise Misuse(f"--device {name} needs torch: pip install -e '.[bench]'")
        import torch

        if name == "cuda" and not torch.cuda.is_available():
            raise Misuse(
                "--device cuda needs a GPU that torch can see, and there is none; --device cpu-torch runs the same code."
            )
    return Place(name)


@contextmanager
def one_thread(modules: Iterable[str]) -> Iterator[None]:
    """Import those of ``modules`` that are installed, hold every BLAS and OpenMP library to one thread inside, and make sure of it.

    A library can only be held once it is loaded, so the peers come first.
    """
    for name in modules:
        if importlib.util.find_spec(name.split(".")[0]) is not None:
            importlib.import_module(name)
    try:
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise Misuse("the threads are counted by threadpoolctl, which is not installed: pip install -e '.[bench]'") from error
    with ExitStack() as stack:
        stack.enter_context(threadpool_limits(1))
        if "torch" in sys.modules:
            import torch

            stack.callback(torch.set_num_threads, torch.get_num_threads())
            torch.set_num_threads(1)
        many = {pool["name"]: pool["threads"] for pool in pools() if pool["threads"] > 1}
        if many:
            raise Misuse(
                f"ratios are of one thread each, and these libraries would not be held to one: {many}. "
                "Set OMP_NUM_THREADS=1 before Python starts (make bench does)."
            )
        yield


def environment(here: Place, scale: str, rates: dict[str, float]) -> dict[str, Any]:
    """What a table has to say about where it was made; ``rates`` are those of one matrix product, in Gflop/s by precision."""
    commit, dirty = git_state()
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": commit,
        "dirty": dirty,
        "scale": scale,
        "device": here.name,
        "processor": here.describe(),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "versions": {name: version(name) or "not installed" for name in PACKAGES},
        "pools": pools(),
        "gflops": rates,
    }
