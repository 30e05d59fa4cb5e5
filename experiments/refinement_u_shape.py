"""Refinement with concepts that bend: the error falls with the length of prompts while the concept is identified, then rises to the weak one.

Orthogonal prompts are sampled and read through the full covariance of their labels; closed forms never enter a row.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from experiments._ledger import Finding
from w2s_theory.problems.concepts import ConceptWorld, orthonormal_world
from w2s_theory.quantities.soft_concepts import mean_weights, orthogonal_prompts, saturated_weights, soft_risk, told_risk
from w2s_theory.students.refiner import posterior, refined_heads

SOURCE = "derived here (after somerstep2025)"
SHOWS = ("limits_of_refinement.soft_concepts", "limits_of_refinement.saturation", "limits_of_refinement.no_asymptotic_gain")
#: Variances ψ² with which the strong model lets a concept bend, and lengths of prompts (the first is the number of features).
BENDING = (0.0, 0.02, 0.05, 0.2, 1.0)
LENGTHS = (12, 16, 24, 32, 48, 64, 96, 128)
#: The variance that the findings speak about, and the largest length at which a minimum is looked for.
SHOWN, LONGEST = 0.05, 512
SCALES = {
    scale: [{"variance": v, "n": n, "prompts": min(prompts, 32 * prompts // n)} for v in BENDING for n in LENGTHS]
    for scale, prompts in {"quick": 300, "full": 10_000}.items()
}
SEED_AXES = ("variance", "n")
#: Prompts read at once.
BATCH = 100


def world(variance: float) -> ConceptWorld:
    """Five orthonormal concepts; the weak vector has length one and inner product 0.7 with the one it means: ε_w² = 0.6."""
    return replace(orthonormal_world(5, alignment=0.7, length=1.0, weak_noise=1.0, d=LENGTHS[0]), spread=float(np.sqrt(variance)))


def run_one(params: dict[str, Any], *, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Mean error of one prompt's answers and mean weight of the wrong concepts, with standard errors."""
    problem = world(params["variance"])
    errors, wrong = [], []
    for start in range(0, params["prompts"], BATCH):
        features, labels = orthogonal_prompts(problem, min(BATCH, params["prompts"] - start), params["n"], rng=rng)
        errors.append(problem.error(refined_heads(problem, features, labels)))
        wrong.append(1.0 - posterior(problem, features, labels)[:, problem.aligned])
    row: dict[str, Any] = {}
    for name, parts in (("risk", errors), ("wrong", wrong)):
        values = np.concatenate(parts)
        row |= {name: float(values.mean()), f"{name}_stderr": float(values.std(ddof=1) / np.sqrt(values.size))}
    return [row]


@cache
def exact(variance: float, n: int) -> tuple[float, float]:
    """Closed forms: error of one prompt, and mean weight of the wrong concepts."""
    problem = world(variance)
    return soft_risk(problem, n), 1.0 - float(mean_weights(problem, n)[problem.aligned])


@cache
def best_length(variance: float) -> int:
    """The length with the smallest exact error: a scan of lengths a fifth apart, then of all lengths around the best one.

    ``LONGEST`` when errors still fall there.
    """
    coarse = np.unique(np.geomspace(LENGTHS[0], LONGEST, 20).astype(int))
    near = int(np.argmin([exact(variance, int(n))[0] for n in coarse]))
    if near == coarse.size - 1:
        return LONGEST
    fine = range(int(coarse[max(near - 1, 0)]), int(coarse[near + 1]) + 1)
    return min(fine, key=lambda n: exact(variance, n)[0])


def findings(table: dict[str, np.ndarray]) -> list[Finding]:
    """The exact law, the U shape and what its rise is, the saturation of the evidence, and sharp concepts, which escape."""
    return [_law(table), _shape(table), _copied(table), _saturation(table), _sharp(table)]


def _law(table: dict[str, np.ndarray]) -> Finding:
    off = []
    for i, (variance, n) in enumerate(zip(table["variance"], table["n"], strict=True)):
        for name, value in zip(("risk", "wrong"), exact(float(variance), int(n)), strict=True):
            if value > 0.01:  # a mean of rare events is not normal
                off.append(abs(table[name][i] - value) / table[f"{name}_stderr"][i])
    return Finding(
        "exact law of the error and of the weights of soft concepts",
        "holds (derived here)" if max(off) < 5 else "counterexample found",
        f"largest deviation {max(off):.1f} standard errors over {len(off)} means",
    )


def _shape(table: dict[str, np.ndarray]) -> Finding:
    rows = np.flatnonzero(table["variance"] == SHOWN)
    risk, stderr, lengths = table["risk"][rows], table["risk_stderr"][rows], table["n"][rows]
    best, weak = int(np.argmin(risk)), world(SHOWN).weak_error
    falls = risk[0] - risk[best] > 3 * np.hypot(stderr[0], stderr[best])
    rises = risk[-1] - risk[best] > 5 * np.hypot(stderr[-1], stderr[best])
    found = ", ".join(f"{r:.3f} at {n}" for n, r in zip(lengths, risk, strict=True) if n in (12, 16, 32, 64, 128))
    n = best_length(SHOWN)
    return Finding(
        "the error falls with the length of prompts, then rises towards the weak error",
        "holds (derived here)" if falls and rises else f"not attempted (too few prompts: {int(table['prompts'][0])})",
        f"ψ² = {SHOWN}: {found}; exact minimum {exact(SHOWN, n)[0]:.3f} at n = {n}, weak error {weak:.2f}",
    )


def _copied(table: dict[str, np.ndarray]) -> Finding:
    last = np.flatnonzero((table["variance"] == SHOWN) & (table["n"] == LENGTHS[-1]))[0]
    told, error, stderr = told_risk(world(SHOWN), LENGTHS[-1]), table["risk"][last], table["risk_stderr"][last]
    return Finding(
        "after long prompts the error is that of a model which is told the concept: what is left is copied bias and noise",
        "holds (derived here)" if abs(error - told) < 5 * stderr else "counterexample found",
        f"ψ² = {SHOWN}, n = {LENGTHS[-1]}: {error:.4f} ± {stderr:.4f}, told the concept {told:.4f}",
    )


def _saturation(table: dict[str, np.ndarray]) -> Finding:
    last = np.flatnonzero((table["variance"] == BENDING[-1]) & (table["n"] == LENGTHS[-1]))[0]
    limit = 1.0 - float(saturated_weights(world(BENDING[-1]))[0])
    off = abs(table["wrong"][last] - limit)
    return Finding(
        "evidence between soft concepts saturates: wrong ones keep weight however long the prompt",
        "holds (derived here)" if off < 0.05 * limit + 5 * table["wrong_stderr"][last] else "counterexample found",
        f"ψ² = {BENDING[-1]:.0f}, n = {LENGTHS[-1]}: {table['wrong'][last]:.3f} ± {table['wrong_stderr'][last]:.3f}, limit {limit:.3f}",
    )


def _sharp(table: dict[str, np.ndarray]) -> Finding:
    rows = np.flatnonzero(table["variance"] == 0.0)
    risk, lengths = table["risk"][rows], table["n"][rows]
    return Finding(
        "sharp concepts (ψ = 0) lose the bias instead of copying it",
        "holds (derived here)" if risk[-1] < 0.01 and risk[0] > 10 * risk[-1] else "counterexample found",
        f"error {risk[0]:.3f} at n = {lengths[0]}, {risk[-1]:.1e} at n = {lengths[-1]}",
    )
