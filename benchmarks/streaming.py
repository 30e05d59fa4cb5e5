"""A Gram matrix from batches: its rate against a matrix product, its error from float32, and peak memory against n."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from w2s_theory._array import to_numpy
from w2s_theory.design import Design
from w2s_theory.embeddings.streaming import Ahead

from ._place import Place
from ._record import Section, Table
from ._timing import Contender, contest, relative_error, yardstick

MODULES = ("scipy.linalg", "torch")


class Size(NamedTuple):
    """``n`` rows of ``d`` features for the rates, in blocks of ``rows``; and the row counts for the memory."""

    n: int
    d: int
    rows: int
    memory: tuple[int, ...]


SIZES = {"quick": Size(4096, 24, 1024, (2_000, 20_000)), "full": Size(200_000, 384, 8192, (100_000, 1_000_000, 10_000_000))}
#: Share of a float64 product that is wanted in float64; from float32, twice that rate, with this error; memory flat within this share.
OF_PRODUCT, FROM_FLOAT32, FLOAT32_ERROR, FLAT = 0.65, 2.0, 1e-7, 0.05
#: float64 sums of at most 2e5 terms round to this; float32 is judged by its goal.
SAME = {"float64": 1e-12, "float32": FLOAT32_ERROR, "tf32": None}
_RING = 3


class Blocks:
    """Any number of batches at no cost: windows into one random array, each at its own offset."""

    def __init__(self, d: int, rows: int, dtype: str = "float64") -> None:
        rng = np.random.default_rng(0)
        self.rows = rows
        self.ring = rng.standard_normal((_RING * rows, d), dtype=np.dtype(dtype))

    def offsets(self, n: int) -> Iterator[slice]:
        """The window of every batch; the last batch is shorter when ``rows`` does not divide ``n``."""
        for k, start in enumerate(range(0, n, self.rows)):
            offset = 97 * k % ((_RING - 1) * self.rows)
            yield slice(offset, offset + min(self.rows, n - start))

    def gram(self, n: int) -> np.ndarray:
        """Σ xxᵀ of all batches in float64: a running sum of single products would be what is tested, so equal windows are counted."""
        windows = Counter((window.start, window.stop) for window in self.offsets(n))
        ring = self.ring.astype(np.float64)
        uses = np.zeros(len(ring))
        for (start, stop), times in windows.items():
            uses[start:stop] += times
        return (ring.T * uses) @ ring


def run(scale: str, here: Place) -> Section:
    """Rates of all precisions in one contest with their products, then peak memory in processes of their own."""
    size = SIZES[scale]
    if here.name == "cuda" and scale == "full":  # enough work between two launches
        size = size._replace(n=20 * size.n, rows=16 * size.rows)
    shape = f"n={size.n:,} d={size.d}, batches of {size.rows:,}"
    section = Section(
        "Streaming",
        "`Design.from_batches` over batches of features: the Gram matrix Σ xxᵀ and nothing else. A rate counts n d² flops, half of "
        "2 n d² by symmetry. Errors are ‖G − G*‖/‖G*‖ with G* summed in float64, weighted by how often each row was seen.",
    )
    precisions = here.precisions if here.name != "cpu" else ("float64", "float32")
    entries = []
    for precision in precisions:
        entries.append(stream(size, precision, here))
        entries.append(yardstick(here, precision, scale)[0])
    with here.multiplying(precisions[-1]):
        outcomes = contest(entries, scale, here)
    product_flops = yardstick(here, "float64", scale)[1]
    section.add_contest(shape, outcomes, scale, "")
    flops, seconds = size.n * size.d**2, {outcome.contender.name: outcome.median for outcome in outcomes}
    rates = {precision: flops / seconds[f"ours, {precision}"] for precision in precisions}
    products = {precision: product_flops / outcomes[2 * k + 1].median for k, precision in enumerate(precisions)}
    section.tables.append(
        Table(
            "Rates",
            [
                {
                    "batches": precision,
                    "Gflop/s": rates[precision] / 1e9,
                    "of a product in the same precision": f"{rates[precision] / products[precision]:.1%}",
                    "of a float64 product": f"{rates[precision] / products['float64']:.1%}",
                    "× our float64 rate": rates[precision] / rates["float64"],
                    "rows/s": size.n / seconds[f"ours, {precision}"],
                }
                for precision in precisions
            ],
        )
    )
    share = rates["float64"] / products["float64"]
    problem = f"streaming Gram, d={size.d}"
    section.add_goal(problem, f"≥ {OF_PRODUCT:.0%} of a matrix product in float64", f"{share:.1%}", share >= OF_PRODUCT, scale)
    share = rates["float32"] / (OF_PRODUCT * products["float64"])
    error = outcomes[2].error
    section.add_goal(
        problem,
        f"≥ {FROM_FLOAT32:g} × that rate from float32, relative error < {FLOAT32_ERROR:.0e}",
        f"{share:.2f} × (and {rates['float32'] / rates['float64']:.2f} × our own float64 rate), {error:.1e}",
        share >= FROM_FLOAT32 and error is not None and error < FLOAT32_ERROR,
        scale,
    )
    if here.name == "cpu":
        memory(section, size, scale)
    else:
        from_host(section, size, scale, here)
    return section


def stream(size: Size, precision: str, here: Place) -> Contender:
    """The batches of ``size`` in ``precision``, and how far the Gram matrix is from the float64 one of the same numbers."""
    blocks = Blocks(size.d, size.rows, "float64" if precision == "float64" else "float32")
    ring = here.array(blocks.ring, precision)

    def run() -> Any:
        with here.multiplying(precision):
            design = Design.from_batches(ring[window] for window in blocks.offsets(size.n))
        return design.moments.gram

    gram = blocks.gram(size.n)
    return Contender(f"ours, {precision}", run, lambda got: relative_error(to_numpy(got)[None], gram[None]), SAME[precision])


class HostBlocks:
    """The batches of ``blocks`` in the host's memory; they can be read again."""

    def __init__(self, blocks: Blocks, n: int) -> None:
        self.blocks, self.n = blocks, n

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self.blocks.ring[window] for window in self.blocks.offsets(self.n))


def from_host(section: Section, size: Size, scale: str, here: Place) -> None:
    """The same from the host's memory, batches copied ahead, beside what bounds it: one copy from page-locked memory, and one product."""
    device, precisions = ("cuda" if here.name == "cuda" else "cpu"), ("float64", "float32")
    entries = []
    for precision in precisions:
        blocks = Blocks(size.d, size.rows, precision)
        entries.append(_host_stream(HostBlocks(blocks, size.n), precision, device, here))
        entries.append(_copy(blocks.ring[: size.rows], size.n // size.rows, precision, device))
        entries.append(yardstick(here, precision, scale)[0])
    outcomes = contest(entries, scale, here)
    section.add_contest(f"from the host: n={size.n:,} d={size.d}, batches of {size.rows:,}", outcomes, scale, "")
    product_flops, rows = yardstick(here, "float64", scale)[1], []
    for precision, (ours, copy, product) in zip(precisions, zip(*[iter(outcomes)] * 3, strict=True), strict=True):
        width = np.dtype(precision).itemsize * size.d
        moved, copied = size.n * width / ours.median, size.n // size.rows * size.rows * width / copy.median
        flops, best = size.n * size.d**2 / ours.median, product_flops / product.median
        rows.append(
            {
                "batches": precision,
                "GB/s": moved / 1e9,
                "of a page-locked copy": f"{moved / copied:.1%}",
                "Gflop/s": flops / 1e9,
                "of a product in the same precision": f"{flops / best:.1%}",
            }
        )
    section.tables.append(Table("From the host: which of the two bounds it", rows))


def _host_stream(batches: HostBlocks, precision: str, device: str, here: Place) -> Contender:
    def run() -> Any:
        with here.multiplying(precision):
            return Design.from_batches(Ahead(batches, device=device)).moments.gram

    gram = batches.blocks.gram(batches.n)
    return Contender(
        f"ours from the host, {precision}", run, lambda got: relative_error(to_numpy(got)[None], gram[None]), SAME[precision]
    )


def _copy(block: np.ndarray, times: int, precision: str, device: str) -> Contender:
    """Copies of one batch from page-locked memory, and nothing else."""
    import torch

    source = torch.from_numpy(block.copy())
    source = source.pin_memory() if device == "cuda" else source
    target = torch.empty_like(source, device=device)

    def run() -> None:
        for _ in range(times):
            target.copy_(source, non_blocking=True)

    return Contender(f"copies alone, {precision}", run, note="yardstick")


def memory(section: Section, size: Size, scale: str) -> None:
    """Peak memory of a fresh process per n, and what it would take to hold the rows."""
    found = []
    for n in size.memory:
        command = [sys.executable, "-m", "benchmarks.streaming", str(n), str(size.d), str(size.rows)]
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        done = subprocess.run(
            command, env=os.environ | threads, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False
        )
        if done.returncode:
            section.wrong.append(f"memory, n={n:,}: {done.stderr.strip().splitlines()[-1]}")
            return
        found.append(json.loads(done.stdout))
    section.tables.append(
        Table(
            "Peak memory, one process each, float64 batches",
            [
                {
                    "n": f"{n:,}",
                    "peak MiB": each["peak"] / 2**20,
                    "of which before the stream": each["before"] / 2**20,
                    "the rows would take": 8 * n * size.d / 2**20,
                    "seconds": each["seconds"],
                    "relative error": each["error"],
                }
                for n, each in zip(size.memory, found, strict=True)
            ],
        )
    )
    for n, each in zip(size.memory, found, strict=True):
        if not each["error"] <= SAME["float64"]:
            section.wrong.append(f"memory, n={n:,}: relative error {each['error']:.1e}")
    peaks = [each["peak"] for each in found]
    growth = max(peaks) / min(peaks) - 1.0
    wanted = f"memory flat (within {FLAT:.0%}) from n={size.memory[0]:.0e} to {size.memory[-1]:.0e}"
    section.add_goal(f"streaming Gram, d={size.d}", wanted, f"{growth:.1%}", growth <= FLAT, scale)


def _alone(n: int, d: int, rows: int) -> dict[str, float]:
    """Stream ``n`` rows in this process; peak memory in bytes before and after."""
    import time

    blocks = Blocks(d, rows)
    before = _peak_memory()
    start = time.perf_counter()
    gram = Design.from_batches(blocks.ring[window] for window in blocks.offsets(n)).moments.gram
    seconds = time.perf_counter() - start
    return {
        "before": before,
        "peak": _peak_memory(),
        "seconds": seconds,
        "error": relative_error(gram[None], blocks.gram(n)[None]),
    }


def _peak_memory() -> int:
    """Bytes that this process has held at most. On Linux ``ru_maxrss`` would count the parent, whose memory is shared until exec."""
    try:
        with open("/proc/self/status", encoding="utf-8") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    print(json.dumps(_alone(*map(int, sys.argv[1:]))))
