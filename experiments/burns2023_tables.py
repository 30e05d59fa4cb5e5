"""Performance gap recovered in the saved results of Burns et al. (2023), recomputed, with the standard errors that it must have had.

Published rows are copied (``experiments/_burns2023.py``). PGR = (student − weak)/(ceiling − weak). An accuracy p on n examples has
variance p(1 − p)/n; two models on the same examples have a covariance, ρ√(p(1 − p)q(1 − q))/n, which the tables don't tell, so every
standard error comes for a range of correlations ρ of their being right. The median PGR of a sweep carries no error at all; what can be
told is what its recipe (every pair of models, drop those whose ceiling does not beat the weak model, take the median) prints when
nothing can be learned: all accuracies are then equal but for noise, and the median is ½ in the middle, because exchanging weak and
ceiling turns PGR into 1 − PGR. Its distribution is simulated here, and only these rows are synthetic.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

from experiments import _burns2023 as published
from experiments._ledger import Finding
from experiments._tables import part
from w2s_theory.quantities.metrics import Evaluation
from w2s_theory.quantities.pgr_intervals import GAIN, GAP, Performances, fieller

SOURCE = "burns2023, saved results of the released code (vision table, pictures of the language sweep)"
#: Correlations of two models' being right on one example, from none to what similar models show.
CORRELATIONS = (0.0, 0.5, 0.8)
LEVEL = 0.95
TRIALS = {"quick": 4000, "full": 40_000}
PUBLISHED = [{"part": "vision", "trials": 0}, {"part": "language", "trials": 0}, {"part": "points", "trials": 0}]
SCALES = {scale: [*PUBLISHED, {"part": "chance", "trials": trials}] for scale, trials in TRIALS.items()}
SEED_AXES = ("part",)


def run_one(params: dict[str, Any], *, rng: np.random.Generator) -> list[dict[str, Any]]:
    """The published rows of one part with what follows from them, or the simulated rows of "chance"."""
    if params["part"] == "chance":
        return [
            {"origin": "simulated here", "synthetic": True, "task": task} | _chance(task, params["trials"], rng)
            for task in published.TEST
        ]
    makers = {"vision": _vision, "language": _language, "points": _points}
    return [{"origin": "published", "synthetic": False} | row for row in makers[params["part"]]()]


def _vision() -> list[dict[str, Any]]:
    rows = []
    for (version, student), found in published.VISION.items():
        accuracies = np.array(found) / 100
        value = _ratio(accuracies)
        corners = [_ratio(accuracies + published.PRINTED / 100 * (np.array(signs) - 1.0)) for signs in np.ndindex(3, 3, 3)]
        sizes = {"n": published.VISION_TEST, "n_weak": published.VISION_WEAK_TEST}
        row = {"task": "ImageNet", "version": version, "student": student, "read": published.READ, "pgr": value} | sizes
        row |= dict(zip(("weak_accuracy", "student_accuracy", "ceiling_accuracy"), accuracies.tolist(), strict=True))
        for correlation in CORRELATIONS:
            known = performances(accuracies, published.VISION_TEST, correlation, n_weak=published.VISION_WEAK_TEST)
            low, high = fieller(known, LEVEL)
            gain, error, _ = known.contrast(np.stack([GAIN, GAIN - value * GAP]), LEVEL)
            made = {"correlation": correlation, "stderr": error[1] / (GAP @ known.values), "low": low, "high": high}
            made |= {"gain_in_stderrs": gain[0] / error[0], "rounding": (max(corners) - min(corners)) / 2}
            rows.append(row | made)
    return rows


def _language() -> list[dict[str, Any]]:
    rows = []
    for task, medians in published.MEDIAN_PGR.items():
        low, high = published.CEILINGS.get(task, (np.nan, np.nan))
        for loss, median in zip(published.LOSSES, medians, strict=True):
            row = {"task": task, "loss": loss, "read": published.FIGURE, "pgr": median, "n": published.TEST[task]}
            rows.append(row | {"lowest_ceiling": low, "highest_ceiling": high, "least_gap": least_gap(published.TEST[task], 0.0)})
    return rows


def _points() -> list[dict[str, Any]]:
    rows = []
    n = published.TEST["sciq"]
    for (weak, student), accuracies in published.POINTS.items():
        for correlation in CORRELATIONS:
            spread = np.sqrt(np.array(accuracies) * (1 - np.array(accuracies)) / n)
            stderr = np.sqrt(spread @ spread - 2 * correlation * spread.prod())
            row = {"task": "sciq", "weak": weak, "student": student, "read": published.FIGURE, "n": n, "correlation": correlation}
            rows.append(
                row | {"difference": accuracies[1] - accuracies[0], "stderr": float(stderr), "reading": 2 * published.POINT}
            )
    return rows


def _chance(task: str, trials: int, rng: np.random.Generator) -> dict[str, Any]:
    medians, kept = median_pgr_by_chance(published.TEST[task], trials, rng=rng)
    low, middle, high = np.quantile(medians, [0.025, 0.5, 0.975])
    found = {"n": published.TEST[task], "low": float(low), "pgr": float(middle), "high": float(high), "kept": float(kept)}
    for loss, median in zip(published.LOSSES, published.MEDIAN_PGR[task], strict=True):
        found[f"as_far_as_{loss}"] = float(np.mean(np.abs(medians - 0.5) >= abs(median - 0.5)))
    return found


def median_pgr_by_chance(n: int, trials: int, *, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """Median PGR of ``trials`` sweeps in which every model guesses (n examples, right with probability ½), and the mean share of pairs kept.

    Sweeps that keep no pair are left out.
    """
    pairs = np.array(list(combinations(range(len(published.MODELS)), 2)))
    models = rng.binomial(n, 0.5, size=(trials, len(published.MODELS))) / n
    students = rng.binomial(n, 0.5, size=(trials, len(pairs))) / n
    weak, ceiling = models[:, pairs[:, 0]], models[:, pairs[:, 1]]
    kept = ceiling > weak
    with np.errstate(divide="ignore", invalid="ignore"):
        values = np.where(kept, (students - weak) / (ceiling - weak), np.nan)
    some = kept.any(axis=1)
    return np.nanmedian(values[some], axis=1), float(kept.mean())


def performances(accuracies: np.ndarray, n: int, correlation: float, *, n_weak: int) -> Performances:
    """Accuracies of (weak, student, ceiling) and their covariance; the weak model's n_weak examples hold the n of the other two.

    Two models are right together at most min(p, q) of the time, which caps ``correlation``.
    """
    spread = np.sqrt(accuracies * (1 - accuracies))
    both = np.minimum(accuracies[:, None], accuracies) - np.outer(accuracies, accuracies)  # at most
    covariance = np.where(np.eye(3, dtype=bool), both, np.minimum(both, correlation * np.outer(spread, spread))) / n
    covariance[0, :] *= n / n_weak
    covariance[1:, 0] *= n / n_weak
    nothing = np.zeros((3, 3))
    weak, student, ceiling = (Evaluation(value, None, lambda weights: weights) for value in accuracies)
    return Performances((weak, student, ceiling), 1.0, covariance, nothing, nothing, n, 1, n - 1)


def least_gap(n: int, correlation: float) -> float:
    """The smallest gap of two standard errors between two accuracies near one half, on n common examples."""
    return float(2.0 * np.sqrt(0.5 * (1.0 - correlation) / n))


def correlation_needed(gap: float, n: int) -> float:
    """The correlation from which a gap near one half is two standard errors wide."""
    return 1.0 - gap**2 * n / 2.0


def _ratio(accuracies: np.ndarray) -> float:
    weak, student, ceiling = accuracies.tolist()
    return (student - weak) / (ceiling - weak)


def findings(table: dict[str, np.ndarray]) -> list[Finding]:
    """What the published numbers say, recomputed from them; and what was not attempted."""
    return [*_of_vision(table), *_of_language(table), _of_points(table), _not_attempted()]


def _of_vision(table: dict[str, np.ndarray]) -> list[Finding]:
    independent, close = (part(table, "vision", correlation=rho) for rho in (CORRELATIONS[0], CORRELATIONS[-1]))
    clear = bool(np.all(independent["gain_in_stderrs"] > 2) and np.all(independent["low"] > 0))
    names = [
        f"{student}, {version} table" for student, version in zip(independent["student"], independent["version"], strict=True)
    ]
    intervals = [
        f"{name}: {value:.2f} [{low:.2f}, {high:.2f}] (ρ = {CORRELATIONS[-1]:g}: [{near:.2f}, {far:.2f}])"
        for name, value, low, high, near, far in zip(
            names, independent["pgr"], independent["low"], independent["high"], close["low"], close["high"], strict=True
        )
    ]
    first, later = (part(table, "vision", correlation=0.0, version=version) for version in ("first", "later"))
    change = later["pgr"] - first["pgr"]
    sigma = np.hypot(first["stderr"], later["stderr"])
    return [
        Finding(
            "AlexNet teaches linear probes on DINO features (ImageNet): students beat their teacher and recover part of the gap",
            "reproduced (recomputed from the printed accuracies)" if clear else "not reproduced (in the printed accuracies)",
            f"PGR with Fieller's 95 % interval for {published.VISION_TEST:,} test images (weak model: "
            f"{published.VISION_WEAK_TEST:,}), errors independent: "
            f"{'; '.join(intervals)}; printed to one digit, which alone moves PGR by up to ± "
            f"{independent['rounding'].max():.3f}",
        ),
        Finding(
            "the same command before and after a learning-rate schedule was mended",
            "observed here (PGR depends on it)" if np.any(np.abs(change) > 2 * sigma) else "observed here (within the errors)",
            "; ".join(
                f"{student}: {before:.2f} to {after:.2f} ({delta:+.2f}, {delta / s:.1f} standard errors if the two tables' "
                "errors were independent)"
                for student, before, after, delta, s in zip(
                    first["student"], first["pgr"], later["pgr"], change, sigma, strict=True
                )
            ),
        ),
    ]


def _of_language(table: dict[str, np.ndarray]) -> list[Finding]:
    language, chance = part(table, "language"), part(table, "chance")
    bad = part(table, "language", task="anthropic_hh")
    gap = float(bad["highest_ceiling"][0] - bad["lowest_ceiling"][0])
    n = int(bad["n"][0])
    needed = correlation_needed(gap, n)
    refused = gap < least_gap(n, 0.5)
    band = part(table, "chance", task="anthropic_hh")
    values = ", ".join(f"{value:.3f} ({loss})" for value, loss in zip(bad["pgr"], bad["loss"], strict=True))
    far = [float(band[f"as_far_as_{loss}"][0]) for loss in published.LOSSES]
    found = [
        Finding(
            "anthropic_hh: median PGR of the sweep",
            "not reproduced (no PGR can be told: every gap is inside its noise)"
            if refused
            else "observed here (the largest gap is resolved)",
            f"printed {values}; ceilings {bad['lowest_ceiling'][0]:.3f} to {bad['highest_ceiling'][0]:.3f}, so no gap exceeds "
            f"{gap:.3f}, and two standard errors "
            f"of a gap on {n} examples are {least_gap(n, 0.0):.3f} (ρ = 0), {least_gap(n, 0.5):.3f} (ρ = 0.5); the rule |gap| "
            "< 2 standard errors refuses every pair unless "
            f"ρ > {needed:.2f}. Models that guess print a median in [{band['low'][0]:.2f}, {band['high'][0]:.2f}] in 95 % of "
            "sweeps, and one as far from ½ as the "
            f"printed ones in {far[0]:.0%} (xent) and {far[1]:.0%} (logconf)",
        ),
    ]
    middle = float(np.max(np.abs(chance["pgr"] - 0.5)))
    found.append(
        Finding(
            "dropping pairs without a gap and taking the median prints a PGR of about ½ where there is nothing to recover",
            "holds (derived here)" if middle < 0.05 else "counterexample found",
            f"{int(chance['trials'][0])} simulated sweeps of {len(published.MODELS)} guessing models per test size: middle of "
            f"the medians within {max(middle, 0.001):.3f} of ½, 95 % of them in "
            f"[{chance['low'].min():.2f}, {chance['high'].max():.2f}] whatever the test size; {chance['kept'].mean():.0%} of "
            "the pairs are kept",
        )
    )
    inside = [
        f"{task} {loss}"
        for task, loss, value in zip(language["task"], language["loss"], language["pgr"], strict=True)
        if (row := part(table, "chance", task=task))["low"][0] <= value <= row["high"][0]
    ]
    found.append(
        Finding(
            "the other median PGRs",
            "not attempted (needs the accuracies of the pairs: a median without them carries no interval)",
            "; ".join(
                f"{task}: {', '.join(f'{v:.3f} ({loss})' for v, loss in zip(rows['pgr'], rows['loss'], strict=True))}, a "
                f"single gap must exceed {rows['least_gap'][0]:.3f}"
                for task in published.MEDIAN_PGR
                if task != "anthropic_hh"
                for rows in [part(table, "language", task=task)]
            )
            + f" (ρ = 0, accuracies near ½). {len(inside)} of the {language['pgr'].size} printed medians are in the range that "
            "guessing models print, which by itself does not "
            "say that these models guessed",
        )
    )
    return found


def _of_points(table: dict[str, np.ndarray]) -> Finding:
    rows = {rho: part(table, "points", correlation=rho) for rho in CORRELATIONS}
    difference = rows[0.0]["difference"]
    resolved = {rho: np.abs(r["difference"]) > 2 * r["stderr"] for rho, r in rows.items()}
    words = [
        f"{weak} to {student} {d:+.3f}, "
        + ", ".join(f"{abs(d) / rows[rho]['stderr'][i]:.1f} standard errors at ρ = {rho:g}" for rho in CORRELATIONS)
        for i, (weak, student, d) in enumerate(zip(rows[0.0]["weak"], rows[0.0]["student"], difference, strict=True))
    ]
    as_said = difference[0] < 0 < difference[1]
    sure = bool(np.all(resolved[0.0]))
    return Finding(
        "sciq: log-confidence below cross-entropy for the smallest student, above it for the largest",
        "not reproduced (in the printed values)"
        if not as_said
        else "reproduced (read off the figure)"
        if sure
        else "reproduced, with changes (the signs are so; that of the small student is not resolved unless the two students err alike)",
        f"{'; '.join(words)}; values read to ± {published.POINT:g}, one seed",
    )


def _not_attempted() -> Finding:
    return Finding(
        "a run of the vision or the language sweep",
        "not attempted (needs ImageNet; language models of up to 14 billion parameters)",
        "the numbers above are the authors'",
    )
