"""The pictures of the gallery: every public plotting function on synthetic data, drawn anew whenever the documentation is built."""

from __future__ import annotations

import inspect
import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from w2s_theory import STATEMENTS, check, plotting
from w2s_theory.outcomes import Check, Verdict


def sweep_lines(axes: Any) -> None:
    rng = np.random.default_rng(0)
    rows = [
        {"noise": noise, "method": method, "trial": trial, "gain": start * noise - bend * noise**2 + 0.15 * rng.standard_normal()}
        for noise in np.geomspace(0.03, 1.0, 6)
        for method, start, bend in (("student", 1.4, 0.3), ("ceiling", 1.6, 0.1), ("refined", 1.2, 0.8))
        for trial in range(12)
    ]
    rows.append({"noise": 1.0, "method": "student", "trial": 12, "gain": None, "error": "LinAlgError: singular matrix"})
    plotting.sweep_lines(axes, rows, "noise", "gain", by="method")


def sweep_band(axes: Any) -> None:
    rng = np.random.default_rng(1)
    time, labels, _ = (grid.ravel() for grid in np.meshgrid(np.arange(1, 41), [50, 100, 200, 400], np.arange(8)))
    error = 1.0 / np.sqrt(labels) + np.exp(-time / 8) + 0.002 * time + 0.1 * rng.standard_normal(time.size)
    plotting.sweep_lines(
        axes,
        {"time": time, "labels": labels, "error of student": error},
        "time",
        "error of student",
        by="labels",
        interval="band",
    )


def gain_against_misfit(axes: Any) -> None:
    rng = np.random.default_rng(2)
    misfit = rng.uniform(0.05, 0.6, 8)
    gain = misfit + 0.06 * rng.standard_normal(8)
    rows = [
        {"name": f"task {i + 1}", "misfit": m, "gain": g, "low": g - 0.05, "high": g + 0.05, "epsilon": 0.02}
        for i, (m, g) in enumerate(zip(misfit, gain, strict=True))
    ]
    plotting.gain_against_misfit(axes, rows)


def gain_by_loss(axes: Any) -> None:
    rows = [
        {"loss": "squared", "value": 0.11, "low": 0.07, "high": 0.15, "misfit": 0.12},
        {"loss": "kl", "value": 0.21, "low": 0.12, "high": 0.30, "misfit": 0.26},
        {"loss": "accuracy", "value": 0.03, "low": -0.02, "high": 0.08},
    ]
    plotting.gain_by_loss(axes, rows)


def gain_by_penalty(axes: Any) -> None:
    rng = np.random.default_rng(3)
    rows = [
        {"penalty": p, "split": s, "gain": 0.2 - 0.03 * (np.log10(p) - shift) ** 2, "chosen": abs(np.log10(p) - shift) < 0.25}
        for s, shift in enumerate(0.3 * rng.standard_normal(6))
        for p in 10.0 ** np.arange(-2.0, 2.1, 0.5)
    ]
    plotting.gain_by_penalty(axes, rows)


def phase_map(axes: Any) -> None:
    rng = np.random.default_rng(4)
    bias, noise, _ = (grid.ravel() for grid in np.meshgrid(np.linspace(0.0, 1.0, 11), np.geomspace(0.1, 10.0, 9), np.arange(6)))
    gain = 0.5 - bias + 0.15 * np.log(noise) + 0.2 * rng.standard_normal(bias.size)
    plotting.phase_map(axes, {"bias": bias, "noise": noise, "gain of refinement": gain}, "bias", "noise", "gain of refinement")


def check_margins(axes: Any) -> None:
    names = ("charikar2024.theorem_1", "charikar2024.theorem_1_affine", "finite_sample.expected_gain", "pgr.kept_gap")
    checks = [check(name, rng=np.random.default_rng(5)) for name in names]
    theorem = STATEMENTS["charikar2024.theorem_1"]
    doubled = replace(
        theorem, name="gain ≥ 1.3 misfit", sides=lambda world: (s := theorem.sides(world)) and replace(s, right=1.3 * s.right)
    )
    checks += [check(doubled, rng=np.random.default_rng(5)), Check("outside its assumptions", Verdict.OUT_OF_SCOPE)]
    plotting.check_margins(axes, checks)


def width_by_labels(axes: Any) -> None:
    rows = [
        {"labels": n, "width": width / np.sqrt(n), "method": method}
        for method, width in (("where they disagree", 1.1), ("uniform draws", 2.3))
        for n in (25, 50, 100, 200, 400)
    ]
    plotting.width_by_labels(axes, rows)


def teachers_ranked(axes: Any) -> None:
    rows = [
        {"name": name, "value": value, "low": value - 0.04, "high": value + 0.04}
        for name, value in (("crowd", 0.12), ("small model", 0.19), ("rules", 0.02), ("older model", 0.17))
    ]
    plotting.teachers_ranked(axes, rows)


PICTURES: dict[str, Callable[[Any], None]] = {
    draw.__name__: draw
    for draw in (
        sweep_lines,
        sweep_band,
        gain_against_misfit,
        gain_by_loss,
        gain_by_penalty,
        phase_map,
        check_margins,
        width_by_labels,
        teachers_ranked,
    )
}
#: Pictures whose name is not the function's.
USES = {"sweep_band": "sweep_lines"}


def drawn(name: str) -> bytes:
    """The picture of that name as SVG."""
    file = io.BytesIO()
    with plotting.style():
        figure, axes = plotting.new_figure(height=4.0)
        PICTURES[name](axes)
        figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()


def source(name: str) -> str:
    """The lines that draw it."""
    return inspect.getsource(PICTURES[name])
