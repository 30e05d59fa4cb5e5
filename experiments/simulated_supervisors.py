"""Labels repaired by probes on strong features when the supervisor's errors are random, depend on the class, or cover whole regions.

Two regimes: errors that no student can copy are outvoted by neighbours, errors that follow the features survive. The probes and filters are those
of the published code of EleutherAI/w2s, the filters with its numbers of neighbours; the supervisors are simulated, as in an analysis of Burns et
al. (2023), whose models are not at hand.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from scipy.stats import norm, t

from experiments._agreement import agreement
from experiments._ledger import Finding
from w2s_theory.embeddings.tasks import digits_classes
from w2s_theory.montecarlo import mean_estimate
from w2s_theory.problems.classification import ClassificationTask
from w2s_theory.problems.clusters import cluster_world
from w2s_theory.problems.supervisors import class_conditional_errors, random_errors, soft_labels, systematic_errors
from w2s_theory.quantities.neighbour_repair import plurality_error, random_error_chances, residual_noise
from w2s_theory.students.neighbours import NeighbourProbe, nearest
from w2s_theory.students.relabelling import LogisticProbe, keep_nearest_labels, relabel, topological_filter

SOURCE = "derived here (after burns2023)"
SHOWS = ("burns2023.neighbour_repair", "burns2023.systematic_errors_survive", "burns2023.filtered_noise")
#: The synthetic world: classes, clusters of each, features, least distance of centres in standard deviations, points.
CLASSES, CLUSTERS, DIMENSION, SEPARATION, POINTS = 3, 4, 12, 20.0, 1200
#: Regions of a digit: points nearest to one of so many drawn images of it.
ANCHORS = 3
SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.45, 0.5, 0.55, 0.6, 0.7)
ERRORS = ("random", "class-conditional", "systematic")
WORLDS = ("clusters", "digits")
#: Neighbours of the two probes, the second also of the filters as published; what the filters drop.
FEW, MANY, CONTAMINATION = 5, 50, 0.1
#: How many standard errors from the exact law are a counterexample; not judged where the vote errs, or is right, on less than this share of
#: points, both in the law and in the draws: most draws have no such point, so that their spread says little.
DEVIATIONS, RARE = 5.0, 0.1
RULES = ("few", "many", "logistic", "filter", "topological")
#: Confidence of all weak labels, below 1 so that a class that no label names has some weight, as the logistic probe needs.
CONFIDENCE = 0.99
#: Draws of each of ``WORLDS``; the exact law is for clusters.
TRIALS = {"quick": (3, 3), "full": (50, 20)}
SCALES = {
    scale: [
        {"world": world, "errors": errors, "share": share, "trial": trial}
        for world, draws in zip(WORLDS, trials, strict=True)
        for errors in ERRORS
        for share in (SHARES if scale == "full" else SHARES[1::3])
        for trial in range(draws)
    ]
    for scale, trials in TRIALS.items()
}
SEED_AXES = ("world", "errors", "share", "trial")


def classes_of(world: str) -> int:
    """Number of classes."""
    return CLASSES if world == "clusters" else 5


def confusion(share: float, classes: int) -> np.ndarray:
    """Class i is called i + 1 modulo C with chance ``share``."""
    return (1.0 - share) * np.eye(classes) + share * np.roll(np.eye(classes), 1, axis=1)


@cache
def _digits() -> ClassificationTask:
    return digits_classes()


def points(world: str, *, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features, target and regions: clusters, or the images of a digit by the nearest of a few drawn ones."""
    if world == "clusters":
        drawn = cluster_world(classes=CLASSES, clusters=CLUSTERS, dimension=DIMENSION, separation=SEPARATION, rng=rng)
        features, cluster, target = drawn.sample(POINTS, rng=rng)
        return features, target, cluster
    task = _digits()
    features, target = task.strong_features, task.labels
    regions = np.empty(task.size, dtype=np.int64)
    for c in range(task.classes):
        own = np.flatnonzero(target == c)
        anchors = rng.choice(own, ANCHORS, replace=False)
        regions[own] = c * ANCHORS + nearest(features[anchors], features[own], k=1)[:, 0]
    return features, target, regions


def supervise(
    errors: str, target: np.ndarray, regions: np.ndarray, *, share: float, classes: int, rng: np.random.Generator
) -> np.ndarray:
    """The weak labels."""
    if errors == "random":
        return random_errors(target, share=share, classes=classes, rng=rng)
    if errors == "class-conditional":
        return class_conditional_errors(target, confusion(share, classes), rng=rng)
    return systematic_errors(target, regions, share=share, classes=classes, rng=rng)


@cache
def predicted(world: str, errors: str, share: float, votes: int) -> float:
    """The closed form of the error after a vote in pure neighbourhoods; systematic errors all survive."""
    classes = classes_of(world)
    if errors == "systematic":
        return share
    chances = random_error_chances(share, classes) if errors == "random" else confusion(share, classes)[0]
    return plurality_error(chances, 0, votes)


def run_one(params: dict[str, Any], *, rng: np.random.Generator) -> list[dict[str, Any]]:
    """A row per rule: the share of wrong labels before and after (ties count as their share), and the share of labels kept."""
    features, target, regions = points(params["world"], rng=rng)
    classes = classes_of(params["world"])
    labels = supervise(params["errors"], target, regions, share=params["share"], classes=classes, rng=rng)
    given, wrong = soft_labels(labels, classes=classes, confidence=CONFIDENCE), labels != target
    probes = {"few": NeighbourProbe(FEW), "many": NeighbourProbe(MANY), "logistic": LogisticProbe()}
    filters = {
        "filter": keep_nearest_labels(NeighbourProbe(MANY), features, given, contamination=CONTAMINATION),
        "topological": topological_filter(features, given, contamination=CONTAMINATION, k_component=MANY, k_mean=MANY),
    }
    after = {name: (voted_error(relabel(probe, features, given), target), 1.0) for name, probe in probes.items()}
    after |= {name: (float(np.mean(wrong[kept])), float(np.mean(kept))) for name, kept in filters.items()}
    return [
        {"rule": rule, "before": float(np.mean(wrong)), "after": error, "kept": kept} for rule, (error, kept) in after.items()
    ]


def voted_error(answers: np.ndarray, target: np.ndarray) -> float:
    """Share of rows whose largest entry is not the target's; a tie among t entries is right with chance 1/t."""
    top = answers >= answers.max(axis=1, keepdims=True) - 1e-9
    return float(1.0 - np.mean(top[np.arange(len(target)), target] / top.sum(axis=1)))


def bars(table: dict[str, np.ndarray], world: str, errors: str, rule: str) -> dict[str, np.ndarray]:
    """Per nominal share: the means of ``before``, ``after`` and ``kept`` over trials; the standard error of ``after``, and the trials."""
    rows = (table["world"] == world) & (table["errors"] == errors) & (table["rule"] == rule)
    share, index = np.unique(table["share"][rows], return_inverse=True)
    groups = [[table[name][rows][index == i] for i in range(share.size)] for name in ("before", "after", "kept")]
    means = {name: np.array([g.mean() for g in group]) for name, group in zip(("before", "after", "kept"), groups, strict=True)}
    spread = np.array([g.std(ddof=1) / np.sqrt(g.size) if g.size > 1 else np.nan for g in groups[1]])
    return {"share": share, "stderr": spread, "trials": np.array([g.size for g in groups[1]]), **means}


def widened(stderr: np.ndarray, trials: np.ndarray, *, z: float) -> np.ndarray:
    """Standard errors of means of ``trials`` values, so much larger that z of them are passed as rarely as by a normal law: Student's t."""
    return stderr * t.isf(norm.sf(z), trials - 1) / z


def findings(table: dict[str, np.ndarray]) -> list[Finding]:
    """The exact law of the vote, the two regimes, the filters' floor, and what was not attempted."""
    votes_of, rare = [], 0
    for errors in ("random", "class-conditional"):
        for rule, votes in (("few", FEW), ("many", MANY)):
            group = bars(table, "clusters", errors, rule)
            # The least that a mean of 0/1 outcomes is uncertain by, where nothing varied.
            spread = np.maximum(group["stderr"], 1.0 / (group["trials"] * POINTS))
            exact = np.array([predicted("clusters", errors, share, votes) for share in group["share"].tolist()])
            found_at = np.column_stack([group["after"], widened(spread, group["trials"], z=DEVIATIONS), exact])
            judged = np.minimum(group["after"], exact) <= 1.0 - RARE
            votes_of.append(found_at[judged])
            rare += int(np.sum(~judged))
    measured, stderr, exact = np.concatenate(votes_of).T
    found = [
        agreement(
            "error of labels voted by k nearest neighbours in well-separated clusters: exact law for random and class-conditional errors",
            measured,
            stderr,
            exact,
            z=DEVIATIONS,
            least=RARE,
        )
    ]
    draws = np.unique(table["trial"][table["world"] == "clusters"]).size
    more = f"{rare} above {1.0 - RARE:g} left out; standard errors of {draws} draws, widened to those of Student's t"
    found[0] = replace(found[0], evidence=f"{found[0].evidence}; {more}")
    survivors = bars(table, "clusters", "systematic", "many")
    same = np.max(np.abs(survivors["after"] - survivors["before"]))
    found.append(
        Finding(
            "systematic errors on whole clusters survive the vote of neighbours, whatever their share",
            "holds (derived here)" if same < 1e-9 else "counterexample found",
            f"largest difference between the error before and after: {same:.2g} over {survivors['share'].size} shares",
        )
    )
    found += [_regimes(table, world) for world in WORLDS]
    rows = (table["rule"] == "filter") | (table["rule"] == "topological")
    least = [residual_noise(b, 1.0 - k) for b, k in zip(table["before"][rows], np.minimum(table["kept"][rows], 1.0), strict=True)]
    below = int(np.sum(table["after"][rows] < np.array(least) - 1e-9))
    filtered = bars(table, "clusters", "random", "filter")
    best = [residual_noise(b, 1.0 - k) for b, k in zip(filtered["before"], filtered["kept"], strict=True)]
    kept = {world: bars(table, world, "random", "topological")["kept"].mean() for world in WORLDS}
    found.append(
        Finding(
            "a filter leaves at least (η − c)/(1 − c) of wrong labels when it drops the share c",
            "holds (derived here)" if not below else "counterexample found",
            f"{below} of {int(rows.sum())} filtered sets below; clusters, random errors: left by the filter of {CONTAMINATION:.0%} at most "
            f"{np.max(filtered['after'] - best):.3f} above the least",
        )
    )
    found.append(
        Finding(
            "the topological filter keeps one connected body of each class",
            "observed here",
            f"random errors: it keeps {kept['clusters']:.0%} of the labels of classes made of {CLUSTERS} clusters, and {kept['digits']:.0%} of "
            f"those of digits, though told to drop {CONTAMINATION:.0%}",
        )
    )
    found.append(
        Finding(
            "the paper's simulated supervisors for large language models",
            "not attempted (needs its models)",
            "label noise and errors that a student can copy are simulated on clusters and on digits instead",
        )
    )
    return found


def _regimes(table: dict[str, np.ndarray], world: str) -> Finding:
    """Repair of random against systematic errors at the share nearest to 0.3."""
    words, gains = [], {}
    for errors in ("random", "systematic"):
        rows = (table["world"] == world) & (table["errors"] == errors) & (table["rule"] == "many")
        shares = np.unique(table["share"][rows])
        at = rows & (table["share"] == shares[np.argmin(np.abs(shares - 0.3))])
        gains[errors] = mean_estimate(table["before"][at] - table["after"][at])
        words.append(f"{errors} errors {table['before'][at].mean():.3f} → {table['after'][at].mean():.3f}")
    random, systematic = gains["random"], gains["systematic"]
    return Finding(
        f"{world}: {MANY} neighbours repair random errors and leave systematic ones",
        "holds (derived here)" if random.low > systematic.high else "not reproduced (see the evidence)",
        f"{'; '.join(words)}; repaired {random.value:.3f} [{random.low:.3f}, {random.high:.3f}] against "
        f"{systematic.value:.3f} [{systematic.low:.3f}, {systematic.high:.3f}]",
    )
