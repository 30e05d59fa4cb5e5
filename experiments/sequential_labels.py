"""Labelling until one likes what one sees: how often fixed intervals and confidence sequences then miss, how wide they are,
when they stop.

Gold labels come one at a time, an interval for the gain is looked at after each, and labelling stops by one of four rules:
never before the budget is spent ("at the end"); when the interval leaves zero ("sign settled"); when it is narrower than the
one that half the budget buys ("narrow enough"); or at the worst moment there is ("at any time"). Worlds: outcomes where weak
model and student disagree (two classes; two classes without any gain; three classes; a finite pool until it is empty), terms
of squared loss at points drawn in proportion to |weak − student| with the running blend as guess (a synthetic pool, and two
real tasks: ridge heads on two layers of a small encoder, whose pool of test rows is drawn from again and again), and terms
without a range (asymptotic sequences, from 50 labels on). "fixed" is the usual 95 % interval for a number of labels fixed
beforehand, used as if it were; "sequence" the one that is made for it.
"""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import numpy as np
from scipy import special

from experiments._embeddings import missing
from experiments._ledger import Finding
from experiments._tables import part
from w2s_theory.embeddings.tasks import embedding_task
from w2s_theory.pipelines import run
from w2s_theory.quantities.label_efficiency.anytime import MeanStream, log_capital
from w2s_theory.quantities.label_efficiency.anytime_asymptotic import asymptotic_sequence
from w2s_theory.quantities.label_efficiency.anytime_outcomes import log_likelihood_ratio, three_outcomes, two_outcomes
from w2s_theory.quantities.label_efficiency.anytime_terms import sequential_terms
from w2s_theory.quantities.label_efficiency.blend import Affine, spread_of
from w2s_theory.quantities.label_efficiency.draws import draw_points
from w2s_theory.quantities.label_efficiency.planner import plan_accuracy, plan_mean
from w2s_theory.students.linear import Ridge

SOURCE = "derived here (after waudbysmith2024)"
SHOWS = ("label_efficiency.betting_miss_ever", "label_efficiency.likelihood_miss_ever")
LEVEL, MISS = 0.95, 0.05
#: Labels, and where interval ends are worked out.
BUDGET = 400
LOOKS = np.array([20, 30, 50, 70, 100, 140, 200, 280, 400])
#: Share of disagreements on which the student is right; of three outcomes the chances of −1, 0, 1; the pool's size and its ones.
RIGHT, THREE, POOL = 0.62, (0.25, 0.30, 0.45), (400, 0.58)
REAL = ("stsb_en", "openai_moderation")
WORLDS = ("two classes", "no gain", "three classes", "finite pool", "squared loss", *REAL, "no range")
RULES = ("at the end", "sign settled", "narrow enough", "at any time")
METHODS = ("sequence", "fixed")
#: First look of a fixed interval used sequentially, and of the asymptotic sequence.
FIRST = 20
TRIALS = {"quick": (200, 4), "full": (4000, 40)}
#: Times as many where a trial costs little and misses are near their bound (a pool is looked at until it is empty), fewer where it has a fit.
TIMES = {"finite pool": 10.0, "squared loss": 0.25} | dict.fromkeys(REAL, 0.25)
SCALES = {
    scale: [{"world": world, "trials": int(trials * TIMES.get(world, 1.0)), "drawn": drawn} for world in WORLDS]
    for scale, (trials, drawn) in TRIALS.items()
}
SEED_AXES = ("world",)
#: Trials with their ends in one piece of memory.
PIECE = 100


def unavailable(scale: str) -> str:
    """Why this can't run here, "" when it can: the embeddings are data, and not shipped."""
    return missing(REAL)


class Streams(NamedTuple):
    """``terms`` (trials, n) with their range, the ``truth`` they have as mean, and whether the range is that of outcomes, a
    pool, or none.
    """

    terms: np.ndarray
    lows: np.ndarray
    highs: np.ndarray
    truth: float
    pool: int | None = None


def drawn_streams(world: str, trials: int, rng: np.random.Generator) -> Streams:
    """What ``trials`` analysts see, one label after the other. Outcomes are −1, 0 and 1, so that the truth is δ, also of two
    classes.
    """
    shape = (trials, BUDGET)
    if world in ("two classes", "no gain", "three classes"):
        chances = {"two classes": (1 - RIGHT, 0.0, RIGHT), "no gain": (0.5, 0.0, 0.5), "three classes": THREE}[world]
        return _outcomes(rng.choice([-1.0, 0.0, 1.0], p=chances, size=shape), chances[2] - chances[0])
    if world == "finite pool":
        size, share = POOL
        pool = np.repeat([1.0, -1.0], [round(size * share), size - round(size * share)])
        return _outcomes(rng.permuted(np.tile(pool, (trials, 1)), axis=1), float(pool.mean()), size)
    if world == "no range":
        return _outcomes(rng.standard_t(5, size=shape) + 0.2, 0.2)
    weak, student, gold, labels = answers(world)
    affine, spread = Affine.of(weak, student), spread_of(weak, student)
    made = []
    for _ in range(trials):
        draw = draw_points(spread, BUDGET, rng=rng)
        made.append(sequential_terms(affine, draw, gold[draw.rows], labels=labels))
    terms, lows, highs = np.moveaxis(np.array(made), 1, 0)
    return Streams(terms, lows, highs, float(np.mean((weak - gold) ** 2 - (student - gold) ** 2)))


def _outcomes(terms: np.ndarray, truth: float, pool: int | None = None) -> Streams:
    return Streams(terms, np.full(terms.shape, -1.0), np.full(terms.shape, 1.0), truth, pool)


@functools.cache
def answers(world: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[float, float]]:
    """Weak, student, gold (N,) and the stated range of the labels, the same in every trial."""
    rng = np.random.default_rng(6)
    if world == "squared loss":
        gold = rng.uniform(-1.0, 1.0, 1000)
        weak = 0.5 * gold + rng.normal(0.0, 0.35, 1000)
        student = 0.7 * gold + rng.normal(0.0, 0.3, 1000)
        return weak, student, gold, (-1.0, 1.0)
    task = embedding_task(world)
    split = task.split((0.25, 0.5, 0.25), rng=rng)
    test = run(task, split=split, student=Ridge("loo")).test
    # The scale of labels is public (0 to 5, 0 and 1): its ends, standardised as the labels are, are the range that is stated.
    return test.weak, test.student, test.target, (float(task.labels.min()), float(task.labels.max()))


def excluded(world: str, streams: Streams, value: float) -> dict[str, np.ndarray]:
    """By method, whether the interval leaves out ``value`` after each label (trials, n); for sequences that run, whether it
    ever has.
    """
    terms = streams.terms
    count = np.arange(1, BUDGET + 1)
    mean = np.cumsum(terms, axis=1) / count
    squares = np.cumsum(terms**2, axis=1) / count - mean**2
    error = np.sqrt(np.maximum(squares, 0.0) / np.maximum(count - 1, 1))
    if streams.pool:
        error = error * np.sqrt((streams.pool - count) / (streams.pool - 1))
    quantile = special.stdtrit(np.maximum(count - 1, 1), 0.5 + LEVEL / 2)
    fixed = (np.abs(mean - value) > quantile * error + 1e-9) & (count >= FIRST)
    if streams.pool:  # the last points of a pool are no normal sample
        fixed &= count <= streams.pool - FIRST
    if world in ("two classes", "no gain", "finite pool"):
        ones = np.cumsum(terms > 0, axis=1)
        rich = log_likelihood_ratio(ones, count, (1 + value) / 2, pool=streams.pool) >= -math.log(MISS)
    elif world == "no range":
        low, high = asymptotic_sequence(terms, level=LEVEL)
        return {"fixed": fixed, "sequence": (low > value) | (high < value)}
    else:
        rich = np.any(log_capital(terms, value, low=streams.lows, high=streams.highs) >= math.log(2 / MISS), axis=0)
    return {"fixed": fixed, "sequence": np.maximum.accumulate(rich, axis=1)}


def ends(world: str, streams: Streams, trials: int) -> dict[str, np.ndarray]:
    """By method, interval ends (2, trials, looks) at LOOKS, of the first ``trials``."""
    terms = streams.terms[:trials]
    if world in ("two classes", "no gain", "finite pool"):
        sequence = [2 * end - 1 for end in two_outcomes((terms + 1) / 2, level=LEVEL, pool=streams.pool)]
    elif world == "three classes":
        sequence = three_outcomes(terms, level=LEVEL)
    elif world == "no range":
        sequence = asymptotic_sequence(terms, level=LEVEL)
    else:
        each = []
        for i in range(len(terms)):
            each.append(MeanStream(level=LEVEL).add(terms[i], low=streams.lows[i], high=streams.highs[i]))
        sequence = np.moveaxis(np.array(each), 2, 0)
    count = LOOKS
    mean = np.cumsum(terms, axis=1)[:, LOOKS - 1] / count
    error = np.stack([terms[:, :n].std(axis=1, ddof=1) / math.sqrt(n) for n in LOOKS], axis=1)
    if streams.pool:
        error = error * np.sqrt((streams.pool - count) / streams.pool)
    half = special.stdtrit(count - 1, 0.5 + LEVEL / 2) * error
    return {"sequence": np.array(sequence)[:, :, LOOKS - 1], "fixed": np.array([mean - half, mean + half])}


def run_one(params: dict[str, Any], *, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Rows of one world: misses by method and rule, widths by method and number of labels, labels until the sign is settled."""
    world, trials = params["world"], params["trials"]
    base = {"synthetic": world not in REAL, "low": math.nan, "high": math.nan}
    few = drawn_streams(world, params["drawn"], rng)
    rows = _width_rows(world, few)
    missed = {(method, rule): [] for method in METHODS for rule in RULES if rule != "narrow enough"}
    waits = []
    for start in range(0, trials, PIECE):
        streams = drawn_streams(world, min(PIECE, trials - start), rng)
        wrong, settled = excluded(world, streams, streams.truth), excluded(world, streams, 0.0)
        waits.append(_first(settled["sequence"]))
        for method in METHODS:
            stop = _first(settled[method])
            missed[method, "at the end"].append(wrong[method][:, -1])
            missed[method, "at any time"].append(wrong[method].any(axis=1))
            missed[method, "sign settled"].append(wrong[method][np.arange(len(stop)), stop - 1])
    for (method, rule), outcomes in missed.items():
        rows.append({"part": "miss", "method": method, "rule": rule, "n": BUDGET} | _rate(np.concatenate(outcomes)))
    wait = np.concatenate(waits)
    low, middle, high = np.quantile(wait, [0.1, 0.5, 0.9])
    rows.append(
        {"part": "stop", "method": "sequence", "rule": "sign settled", "n": planned(world, few.truth), "value": float(middle)}
        | {"stderr": float(np.mean(wait == BUDGET)), "low": float(low), "high": float(high), "seen": wait.size}
    )
    return [base | {"truth": few.truth} | row for row in rows]


def _width_rows(world: str, streams: Streams) -> list[dict[str, Any]]:
    """Mean widths at LOOKS with the ends of the first stream, and misses when one stops at the width that half the budget
    buys.
    """
    rows = []
    for method, (low, high) in ends(world, streams, len(streams.terms)).items():
        spans = high - low
        narrow = spans <= np.median(spans[:, np.searchsorted(LOOKS, BUDGET // 2)])
        stop = np.where(narrow.any(axis=1), np.argmax(narrow, axis=1), len(LOOKS) - 1)
        at = np.arange(len(spans)), stop
        wrong = (low[at] > streams.truth + 1e-9) | (high[at] < streams.truth - 1e-9)
        rows.append({"part": "miss", "method": method, "rule": "narrow enough", "n": BUDGET} | _rate(wrong))
        for k, n in enumerate(LOOKS):
            error = float(spans[:, k].std(ddof=1) / math.sqrt(len(spans))) if np.isfinite(spans[:, k]).all() else math.nan
            row = {
                "part": "width",
                "method": method,
                "rule": "",
                "n": int(n),
                "value": float(spans[:, k].mean()),
                "seen": len(spans),
            }
            rows.append(row | {"stderr": error, "low": float(low[0, k]), "high": float(high[0, k])})
    return rows


def _first(settled: np.ndarray) -> np.ndarray:
    """The label (trials,), counted from 1, at which the sign is settled; the last one where it never is."""
    return np.where(settled.any(axis=1), np.argmax(settled, axis=1) + 1, BUDGET)


def _rate(outcomes: np.ndarray) -> dict[str, Any]:
    """A share of trials with its standard error, one success and one failure added."""
    share = (outcomes.sum() + 1) / (outcomes.size + 2)
    return {"value": float(outcomes.mean()), "stderr": math.sqrt(share * (1 - share) / outcomes.size), "seen": outcomes.size}


def planned(world: str, truth: float) -> int:
    """Labels that a fixed plan takes to see the true gain with power 0.8; 0 where there is none to be seen."""
    if truth == 0.0:
        return 0
    if world in ("two classes", "finite pool"):
        return plan_accuracy(truth, 1.0).labels
    if world == "three classes":
        return plan_accuracy(truth, 1.0, neither=THREE[1]).labels
    terms = drawn_streams(world, 20, np.random.default_rng(0)).terms
    return plan_mean(truth, float(terms.std())).labels


def findings(table: dict[str, np.ndarray]) -> list[Finding]:
    """Misses of sequences, misses of fixed intervals, widths, labels until the sign is settled."""
    return [_sequences(table), _fixed(table), _widths(table), _labels(table)]


#: Standard errors by which a rate must be on one side of the claim.
SURE = 3.0


def _rates(rows: dict[str, np.ndarray]) -> str:
    return ", ".join(
        f"{world} {rows['value'][rows['world'] == world].max():.1%}" for world in dict.fromkeys(rows["world"].tolist())
    )


def _sequences(table: dict[str, np.ndarray]) -> Finding:
    rows = part(table, "miss", method="sequence", rule="at any time")  # a miss under any rule is one of these
    settled = part(table, "miss", method="sequence", rule="sign settled")
    broken = rows["value"] - SURE * rows["stderr"] > MISS
    sure = rows["value"] + SURE * rows["stderr"] <= MISS
    status = (
        "counterexample found"
        if broken.any()
        else "holds (derived here)"
        if sure.all()
        else "not attempted (too few trials to tell)"
    )
    return Finding(
        f"confidence sequences miss the gain with probability ≤ {MISS:.0%} under every stopping rule, at any time at all (terms without a range: "
        "asymptotically, from 50 labels on)",
        status,
        f"at any time: {_rates(rows)}; when the sign is settled: {_rates(settled)}; {int(rows['seen'].min())} to {int(rows['seen'].max())} trials of "
        f"up to {BUDGET} labels",
    )


def _fixed(table: dict[str, np.ndarray]) -> Finding:
    rows = part(table, "miss", method="fixed", rule="at any time")
    end = part(table, "miss", method="fixed", rule="at the end")
    settled = part(table, "miss", method="fixed", rule="sign settled", world="no gain")
    above = rows["value"] - SURE * rows["stderr"] > MISS
    return Finding(
        "intervals for a fixed number of labels miss far more often when one may stop whenever one likes",
        "observed here" if above.all() else f"not reproduced (in {int(above.sum())} of {len(above)} worlds)",
        f"at any of {FIRST} to {BUDGET} labels: {_rates(rows)}; at the end only: {_rates(end)}; without any gain, stopping when the sign seems "
        f"settled declares a wrong one in {settled['value'][0]:.0%}",
    )


#: "Less than twice as wide" is asked from here on; a stop is "about" a plan's within this factor. Choices of words.
MANY, ABOUT = 200, 1.5


def _widths(table: dict[str, np.ndarray]) -> Finding:
    said, ratios = [], []
    for world in dict.fromkeys(table["world"].tolist()):
        ours, fixed = (part(table, "width", method=method, world=world) for method in METHODS)
        inside = np.isin(ours["n"], (50, 100, 200)) & np.isfinite(ours["value"]) & (fixed["value"] > 0)
        ratio = ours["value"][inside] / fixed["value"][inside]
        ratios.append(ratio[ours["n"][inside] >= MANY].max())
        said.append(f"{world} {' '.join(f'{r:.2f}' for r in ratio)}")
    return Finding(
        f"the price of stopping at will: sequences are less than twice as wide as fixed intervals from {MANY} labels on",
        "observed here" if max(ratios) < 2.0 else f"not reproduced (up to {max(ratios):.1f} times)",
        f"mean width over mean fixed width at 50, 100, 200 labels: {'; '.join(said)}",
    )


def _labels(table: dict[str, np.ndarray]) -> Finding:
    rows = part(table, "stop")
    some = (rows["n"] > 0) & (rows["value"] < BUDGET)
    ratio = rows["value"][some] / rows["n"][some]
    open_ended = [
        world for world, n, value in zip(rows["world"], rows["n"], rows["value"], strict=True) if n > 0 and value >= BUDGET
    ]
    left_out = f"; left out, as half of the trials or more did not settle: {', '.join(open_ended)}" if open_ended else ""
    columns = (rows[name][some] for name in ("world", "value", "low", "high", "stderr", "n"))
    return Finding(
        f"labels until a sequence settles the sign: the median is at most {ABOUT} times what a fixed plan of power 0.8 takes, which knows the gain",
        "observed here"
        if np.all(ratio <= ABOUT)
        else f"not reproduced (in {int(np.sum(ratio <= ABOUT))} of {len(ratio)} worlds)",
        "median (10 to 90 %, not settled within the budget) against the plan, which draws with replacement also from a finite pool: "
        + "; ".join(
            f"{w} {v:.0f} ({a:.0f} to {b:.0f}, {left:.0%}) against {n}" for w, v, a, b, left, n in zip(*columns, strict=True)
        )
        + left_out,
    )
