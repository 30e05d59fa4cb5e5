"""How well a test set of n questions tells PGR: standard error, refusals, coverage of four intervals, and what dropping pairs does to a median.

Weak model, student and ceiling answer n questions, right with probabilities w, s, c. A share κ of the questions is as hard for all three
(one uniform number each, right below the accuracy), the rest is answered independently, so that the covariance of two accuracies p ≤ q
is κ·p(1 − q)/n. Answers are drawn, by counting how often each of the eight patterns of right and wrong occurs; closed forms never enter a
row. "practice" is the recipe of the code released with Burns et al. (2023): pairs of models whose ceiling does not beat the weak model are
dropped, and the median of the rest is reported; here 21 pairs, alike and independent.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri, stdtrit

from experiments._agreement import agreement
from experiments._answer_patterns import PATTERNS, covariance, delta_stderr, gap_stderr, pattern_shares, ratio_quantile
from experiments._ledger import Finding
from experiments._tables import part
from w2s_theory.quantities.betting import bets_reject
from w2s_theory.quantities.pgr import pgr
from w2s_theory.quantities.pgr_intervals import GAIN, GAP, directions, percentiles

SOURCE = "derived here (after burns2023)"
#: Accuracies of weak model, student and ceiling: half of a gap of ten points is recovered.
ACCURACIES = np.array([0.70, 0.75, 0.80])
#: Worlds for coverage, where nothing is symmetric: accuracies, shared share, sizes. Nested errors are the hardest for variances: next to none
#: of the points tells student and ceiling apart.
WORLDS = {
    "near the ceiling": (np.array([0.70, 0.78, 0.80]), 0.5, (200, 1000, 5000)),
    "nested errors": (np.array([0.60, 0.88, 0.90]), 1.0, (200, 1000)),
    "above the ceiling": (np.array([0.70, 0.90, 0.80]), 0.5, (100, 1000)),
}
LEVEL = 0.95
SIZES = (100, 300, 1000, 3000, 10_000, 30_000)
SHARED = (0.0, 0.5)
#: The recipe: questions, shared share, pairs, true PGRs, and true gaps in standard errors of the gap.
QUESTIONS, PRACTICE_SHARED, PAIRS = 1000, 0.5, 21
TRUE = (0.0, 0.2, 0.8)
GAPS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)
METHODS = ("fieller", "delta", "bootstrap", "exact")
RESAMPLES = 1000
#: Test sets behind a row: standard errors, intervals, sweeps.
TRIALS = {"quick": (4000, 150, 400), "full": (40_000, 2500, 4000)}
SEED_AXES = ("part", "n", "shared", "world", "gap", "true")
#: The claim on coverage, and standard errors by which a rate must be on one side of it.
LEAST, SURE = 0.93, 3.0


def _point(part: str, trials: int, **axes: Any) -> dict[str, Any]:
    return {"part": part, "n": 0, "shared": 0.0, "world": "", "method": "", "gap": 0.0, "true": 0.0} | axes | {"trials": trials}


SCALES = {
    scale: [
        *(_point("error", errors, n=n, shared=shared) for n in SIZES for shared in SHARED),
        *(
            _point("coverage", sets, n=n, shared=shared, world=world, method=method)
            for world, (_, shared, sizes) in WORLDS.items()
            for n in sizes
            for method in METHODS
        ),
        *(_point("practice", sweeps, gap=gap, true=true) for gap in GAPS for true in TRUE),
    ]
    for scale, (errors, sets, sweeps) in TRIALS.items()
}
#: Groups of trials whose spread is the error of a quantile.
GROUPS = 20


def expected_refusals(accuracies: np.ndarray, shared: float, n: int) -> float:
    """Chance that the gap is not told from zero, the gap being normal with its error known."""
    error = gap_stderr(accuracies, shared, n)
    z = float(stdtrit(n - 1, 0.5 + LEVEL / 2.0)) * math.hypot(1.0, rule_of_three(n) / error)
    return float(ndtr(z - (GAP @ accuracies) / error))


def rule_of_three(n: int | np.ndarray) -> Any:
    """What is added to the error of a difference of accuracies, in squares, for points that were not seen: log(1/α)/n over the quantile."""
    return -math.log1p(-LEVEL) / n / float(ndtri(0.5 + LEVEL / 2.0))


def practice_accuracies(true: float, gap: float) -> np.ndarray:
    """Accuracies with PGR ``true`` whose gap is ``gap`` standard errors wide (those of equal accuracies)."""
    weak = np.full(3, ACCURACIES[0])
    width = gap * gap_stderr(weak, PRACTICE_SHARED, QUESTIONS)
    return weak + width * np.array([0.0, true, 1.0])


@lru_cache(maxsize=4096)
def expected_practice(true: float, gap: float) -> float:
    """Median of gain/gap given gap > 0: what the recipe reports when pairs are many, answers being normal."""
    return ratio_quantile(
        0.5, practice_accuracies(true, gap), covariance(practice_accuracies(true, gap), PRACTICE_SHARED, QUESTIONS), kept=True
    )


@lru_cache(maxsize=4096)
def expected_half_width(shared: float, n: int) -> float:
    """Half the distance of the quantiles of PGR at one standard deviation of a normal law, answers being normal."""
    noise = covariance(ACCURACIES, shared, n)
    low, high = (ratio_quantile(float(ndtr(z)), ACCURACIES, noise) for z in (-1.0, 1.0))
    return (high - low) / 2.0


def run_one(params: dict[str, Any], *, rng: np.random.Generator) -> list[dict[str, Any]]:
    """One row: what ``trials`` test sets (sweeps) gave."""
    makers = {"error": _error, "coverage": _coverage, "practice": _practice}
    return [{"synthetic": True} | makers[params["part"]](params, rng)]


def _error(params: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    counts = rng.multinomial(params["n"], pattern_shares(ACCURACIES, params["shared"]), size=params["trials"])
    ratio, told = ratios(counts)
    groups = np.array([_half_width(group) for group in ratio.reshape(GROUPS, -1)])
    return {"value": _half_width(ratio), "stderr": _spread(groups), "refused": float(np.mean(~told))} | {
        "refused_stderr": _rate_stderr(~told)
    }


def _coverage(params: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    accuracies = WORLDS[params["world"]][0]
    counts = rng.multinomial(params["n"], pattern_shares(accuracies, params["shared"]), size=params["trials"])
    truth = float(GAIN @ accuracies) / float(GAP @ accuracies)
    if params["method"] == "exact":
        outcomes = bets_cover(counts, truth, rng=rng)
    else:
        outcomes = np.array([covers(each, truth, params["method"], rng=rng) for each in counts])
    covered, told = outcomes.T
    made = {"value": float(np.mean(covered)), "stderr": _rate_stderr(covered), "refused": float(np.mean(~told))}
    some = told.sum() >= 20
    return made | {
        "told": float(np.mean(covered[told])) if some else np.nan,
        "told_stderr": _rate_stderr(covered[told]) if some else np.nan,
    }


def _practice(params: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    accuracies = practice_accuracies(params["true"], params["gap"])
    counts = rng.multinomial(QUESTIONS, pattern_shares(accuracies, PRACTICE_SHARED), size=(params["trials"], PAIRS))
    ratio, told = ratios(counts)
    kept = counts @ PATTERNS @ GAP > 0
    reported = median_of(ratio, kept)
    groups = np.array([np.nanmedian(group) for group in np.array_split(reported, GROUPS)])
    low, high = np.nanquantile(reported, [0.025, 0.975])
    return {"value": float(np.nanmedian(reported)), "stderr": _spread(groups), "low": float(low), "high": float(high)} | {
        "kept": float(np.mean(kept)),
        "refused": float(np.mean(~told)),
        "honest": float(np.nanmedian(median_of(ratio, told))) if told.any() else np.nan,
    }


def ratios(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """PGR (NaN for no gap) and whether the gap is told from zero, for counts (..., 8) of the patterns: the rule of ``pgr``, for many at once."""
    n = counts.sum(axis=-1)
    performances = counts @ PATTERNS / n[..., None]
    gain, gap = performances @ GAIN, performances @ GAP
    variance = (counts @ (PATTERNS @ GAP) ** 2 / n - gap**2) / (n - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = gain / gap
    return np.where(gap == 0, np.nan, ratio), gap > stdtrit(n - 1, 0.5 + LEVEL / 2.0) * np.sqrt(variance + rule_of_three(n) ** 2)


def median_of(ratio: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Median over the last axis of what is ``kept``, NaN where nothing is."""
    some = kept.any(axis=-1)
    found = np.full(some.shape, np.nan)
    found[some] = np.nanmedian(np.where(kept, ratio, np.nan)[some], axis=-1)
    return found


def covers(counts: np.ndarray, truth: float, method: str, *, rng: np.random.Generator) -> tuple[bool, bool]:
    """Whether an interval made of one test set covers the true PGR, and whether the gap was told (a refused interval covers everything).

    Fieller and delta are asked of ``pgr``. The bootstrap resamples the counts, which is resampling the questions.
    """
    n = int(counts.sum())
    if method == "bootstrap":
        drawn = rng.multinomial(n, counts / n, size=RESAMPLES) @ PATTERNS / n
        drawn = drawn + rule_of_three(n) / math.sqrt(2.0) * rng.standard_normal(drawn.shape)
        low, high = percentiles(drawn, LEVEL)
        told = bool(np.quantile(drawn @ GAP, 0.5 - LEVEL / 2.0) > 0.0 and np.isfinite(low) and np.isfinite(high))
        return (not told) or low <= truth <= high, told
    weak, student, ceiling = np.repeat(PATTERNS, counts, axis=0).astype(np.int64).T
    found = pgr(weak, student, ceiling, np.ones(n, dtype=np.int64), interval=method)  # type: ignore[arg-type]
    return found.covers(truth), not found.is_refused


def bets_cover(counts: np.ndarray, truth: float, *, rng: np.random.Generator) -> np.ndarray:
    """The same for the exact intervals of many test sets, (trials, 2): they cover what their test accepts (their hull may cover a little more),
    so only the truth and the gap are tested, at once where as many questions tell the models apart.
    """
    differ = np.any(PATTERNS[:, :1] != PATTERNS, axis=1)
    many = counts[:, differ].sum(axis=1)
    contrasts = directions(np.array([np.arctan(truth), np.pi / 2.0]))
    limits = np.maximum(contrasts, 0.0).sum(axis=1)
    rejected = np.zeros((len(counts), 2), dtype=bool)
    for size in np.unique(many[many > 0]):
        chosen = np.flatnonzero(many == size)
        answers = np.stack([np.repeat(PATTERNS[differ], each[differ], axis=0) for each in counts[chosen]])
        order = rng.permuted(np.tile(np.arange(size), (len(chosen), 1)), axis=1)
        z = (np.take_along_axis(answers, order[..., None], axis=1) @ contrasts.T).transpose(1, 0, 2).reshape(size, -1)
        found = bets_reject(z, np.eye(z.shape[1]), limits=np.tile(limits, len(chosen)), level=LEVEL)
        rejected[chosen] = found.reshape(-1, 2)
    told = rejected[:, 1] & (counts @ PATTERNS @ GAP > 0)
    return np.stack([~(told & rejected[:, 0]), told], axis=1)


def _half_width(ratio: np.ndarray) -> float:
    """Half the distance of the quantiles that are two standard deviations apart for a normal law: ratios have heavy tails."""
    low, high = np.nanquantile(ratio, ndtr([-1.0, 1.0]))
    return float((high - low) / 2.0)


def _spread(groups: np.ndarray) -> float:
    return float(np.nanstd(groups, ddof=1) / np.sqrt(GROUPS))


def _rate_stderr(outcomes: np.ndarray) -> float:
    """Standard error of a rate, with one success and one failure added."""
    rate = (outcomes.sum() + 1.0) / (outcomes.size + 2.0)
    return float(np.sqrt(rate * (1.0 - rate) / outcomes.size))


def findings(table: dict[str, np.ndarray]) -> list[Finding]:
    """Standard error, refusals, coverage, the recipe."""
    return [_of_error(table), _of_refusals(table), *_of_coverage(table), _of_practice(table), _of_one_half(table)]


def _of_error(table: dict[str, np.ndarray]) -> Finding:
    rows = part(table, "error")
    many = rows["n"] >= 1000
    where = list(zip(rows["shared"], rows["n"], strict=True))
    exact = np.array([expected_half_width(float(k), int(n)) for k, n in where])
    first = np.array([delta_stderr(ACCURACIES, float(k), int(n)) for k, n in where])
    claim = "standard error of PGR (half the central 68 %): the ratio of two normal differences; to first order cᵀΣc/gap², c = gain − PGR·gap"
    law = agreement(claim, rows["value"][many], rows["stderr"][many], exact[many], see=0.1)
    gaps = [
        f"{name} {values[rows['n'] == n].min():.3f} to {values[rows['n'] == n].max():.3f}"
        for n in (100,)
        for name, values in (("simulated", rows["value"]), ("first order", first))
    ]
    words = ", ".join(
        f"n = {n}: {delta_stderr(ACCURACIES, SHARED[0], n):.3f} and {delta_stderr(ACCURACIES, SHARED[1], n):.3f}"
        for n in (300, 1000, 10_000)
    )
    return Finding(
        law.claim,
        law.status,
        f"n ≥ 1000: {law.evidence}; accuracies {', '.join(f'{a:.2f}' for a in ACCURACIES)}, first order, answers independent "
        f"and half of them shared: {words}; "
        f"n = 100: {', '.join(gaps)}; first order off by {np.max(np.abs(first / exact - 1)[many]):.1%} at most for n ≥ 1000",
    )


def _of_refusals(table: dict[str, np.ndarray]) -> Finding:
    rows = part(table, "error")
    expected = np.array([expected_refusals(ACCURACIES, float(k), int(n)) for n, k in zip(rows["n"], rows["shared"], strict=True)])
    off = float(np.max(np.abs(rows["refused"] - expected)))
    return Finding(
        "a gap of ten points is often not told from zero by a few hundred questions",
        "holds (derived here)" if off < 0.03 else "counterexample found",
        "share of test sets refused, answers independent and half of them shared: "
        + "; ".join(
            f"n = {n}: {' and '.join(f'{share:.0%}' for share in part(table, 'error', n=n)['refused'])}" for n in SIZES[:4]
        )
        + f"; largest distance from the normal approximation {off:.3f}",
    )


def _of_coverage(table: dict[str, np.ndarray]) -> list[Finding]:
    """Holds only where every rate is above the claim by more than its error, and is refuted by one that is below it by as much."""
    found = []
    worlds = "; ".join(
        f"{name}: {', '.join(f'{a:.2f}' for a in accuracies)}, n from {min(sizes)}"
        for name, (accuracies, _, sizes) in WORLDS.items()
    )
    for method in METHODS:
        rows = part(table, "coverage", method=method)
        slack = SURE * rows["stderr"]
        worst = int(np.argmin(rows["value"]))
        words = [
            f"{world} {mine['value'].min():.1%} (n = {int(mine['n'][np.argmin(mine['value'])])})"
            for world in WORLDS
            for mine in [part(table, "coverage", method=method, world=world)]
        ]
        told = rows["told"][np.isfinite(rows["told"])]
        refuted = np.any(rows["value"] + slack < LEAST)
        status = (
            "counterexample found"
            if refuted
            else "holds (derived here)"
            if np.all(rows["value"] - slack >= LEAST)
            else "not attempted (too few test sets to tell)"
        )
        found.append(
            Finding(
                f"{method} interval of PGR in accuracy covers the truth in {LEAST:.0%} of the test sets or more, in three worlds ({worlds})",
                status,
                f"lowest coverage {', '.join(words)}; standard error of the lowest {rows['stderr'][worst]:.1%}, "
                f"{int(rows['trials'][0])} test sets per size, a refused interval covers everything; of the sets that are not refused at "
                f"least {told.min():.1%}; most refused: {rows['refused'].max():.0%}",
            )
        )
    return found


def _of_practice(table: dict[str, np.ndarray]) -> Finding:
    rows = part(table, "practice")
    exact = np.array([expected_practice(float(t), float(g)) for t, g in zip(rows["true"], rows["gap"], strict=True)])
    law = agreement(
        "dropping pairs whose ceiling does not beat the weak model and taking the median: what is reported, by the true gap",
        rows["value"],
        rows["stderr"] + 0.01,
        exact,
        least=0.1,
        see=0.25,
    )
    words = [
        f"gap of {gap:g} standard errors: "
        + ", ".join(f"{part(table, 'practice', gap=gap, true=true)['value'][0]:.2f} for {true:g}" for true in TRUE)
        for gap in (1.0, 2.0, 4.0)
    ]
    return Finding(
        law.claim,
        law.status,
        f"reported for a true PGR: {'; '.join(words)}; {law.evidence} (0.01 added to each for the normal approximation and for "
        f"a median of {PAIRS} pairs)",
    )


def _of_one_half(table: dict[str, np.ndarray]) -> Finding:
    none = part(table, "practice", gap=0.0)
    return Finding(
        "without a gap the recipe reports about one half",
        "holds (derived here)" if np.all(np.abs(none["value"] - 0.5) < 5 * none["stderr"] + 0.01) else "counterexample found",
        f"middle of the reports {', '.join(f'{v:.2f}' for v in none['value'])}, 95 % of them between {none['low'].min():.2f} "
        f"and {none['high'].max():.2f}; "
        f"{none['kept'].mean():.0%} of the pairs are kept; the rule that asks for a gap told from zero refuses "
        f"{none['refused'].mean():.1%} of them",
    )
