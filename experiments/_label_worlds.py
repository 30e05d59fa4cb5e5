"""Rows of the experiment on gold labels, and its simulated pools, whose law is known."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from experiments._label_savings import LEVEL
from w2s_theory.outcomes import Estimate
from w2s_theory.quantities.label_efficiency.accuracy import gain_from_counts
from w2s_theory.quantities.label_efficiency.blend import Affine, spread_of
from w2s_theory.quantities.label_efficiency.difference import gain_of
from w2s_theory.quantities.label_efficiency.draws import DESIGNS, draw_points

WORLDS = ("numbers", "two classes", "four classes")


def simulated(params: dict[str, Any], rng: np.random.Generator) -> list[dict[str, Any]]:
    """A row per method and target, of the world that ``params`` name."""
    n, repeats = params["n"], params["repeats"]
    return _numbers(n, repeats, rng) if params["task"] == "numbers" else _classes(params["task"], n, repeats, rng)


def _numbers(n: int, repeats: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Pools of 1000 points: truth t, weak .6 t + noise, student .8 t + noise, labels t + noise; expected gain .16 + .25 − .04 − .09."""
    expected = (0.16 + 0.25) - (0.04 + 0.09)
    found: dict[tuple[str, str], list[tuple[float, Estimate]]] = {}
    for _ in range(repeats):
        t = rng.normal(size=1000)
        weak, student = 0.6 * t + 0.5 * rng.normal(size=t.size), 0.8 * t + 0.3 * rng.normal(size=t.size)
        gold = t + 0.5 * rng.normal(size=t.size)
        affine, spread = Affine.of(weak, student), spread_of(weak, student)
        truth = float(np.mean(affine.gain(gold, np.arange(t.size))))
        for how in DESIGNS:
            draw = draw_points(spread, n, rng=rng, how=how)
            for target, aim in (("pool", truth), ("population", expected)):
                made = gain_of(affine, draw, gold[draw.rows], target=target, level=LEVEL).gain  # type: ignore[arg-type]
                found.setdefault((how, target), []).append((aim, made))
    return [_summary(how, target, n, made) for (how, target), made in found.items()]


def _classes(world: str, n: int, repeats: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Pools of 600 points. The two differ with chance .25; there the student is right with chance .6, the weak model with .4 (four classes: .25)."""
    decided, misfit, points = world == "two classes", 0.25, 600
    shares = np.array([0.6, 0.4, 0.0] if decided else [0.6, 0.25, 0.15])
    among = rng.binomial(points, misfit, size=repeats)
    of_pool = rng.multinomial(150, shares)  # one pool, whose labels are fixed
    found: dict[tuple[str, str], list[tuple[float, Estimate]]] = {}
    make = functools.cache(
        lambda a, b, among, target, interval: gain_from_counts(
            a, b, n, among=among, points=points, decided=decided, target=target, interval=interval, level=LEVEL
        )[0]
    )
    for differing in among:
        for interval in ("exact", "score"):
            a, b, _ = (int(count) for count in rng.multivariate_hypergeometric(of_pool, n))
            aim = (of_pool[0] - of_pool[1]) / points
            found.setdefault((interval, "pool"), []).append((float(aim), make(a, b, 150, "pool", interval)))
            a, b, _ = (int(count) for count in rng.multinomial(n, shares))
            aim = misfit * (shares[0] - shares[1])
            found.setdefault((interval, "population"), []).append((aim, make(a, b, int(differing), "population", interval)))
    return [_summary(interval, target, n, made) for (interval, target), made in found.items()]


def _summary(method: str, target: str, n: int, made: list[tuple[float, Estimate]]) -> dict[str, Any]:
    aims, value, low, high = np.array([(aim, one.value, one.low, one.high) for aim, one in made]).T
    made_row = row({"n": n}, method, n, aims, value, low, high)
    return made_row | {"gain": float(np.mean(aims)), "target": target, "misfit": np.nan, "points": 0}


def ends(found: list[Estimate]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values, lower and upper ends."""
    value, low, high = np.array([(one.value, one.low, one.high) for one in found]).T
    return value, low, high


def row(
    params: dict[str, Any], method: str, labels: int, truth: Any, value: np.ndarray, low: np.ndarray, high: np.ndarray
) -> dict[str, Any]:
    """A row of the table from many draws' values and intervals: mean width, errors, and how many cover ``truth``."""
    covered = (low <= truth + 1e-12) & (truth - 1e-12 <= high)
    return {
        "method": method,
        "target": "pool",
        "labels": labels,
        "gain": float(np.mean(truth)),
        "width": float(np.mean(high - low)),
        "error": float(np.sqrt(np.mean((value - truth) ** 2))),
        "bias": float(np.mean(value - truth)),
        "covered": int(covered.sum()),
        "draws": int(covered.size),
    }
