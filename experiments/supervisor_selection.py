"""Which weak supervisor to pick: rules with no, few and many gold labels on real tasks, and what a pick costs.

Candidates: ridge heads on the layers 0 to 5 of a small encoder, on the hidden states of a small causal model and on TF-IDF,
each fitted to at most 400 gold labels; two of them with an eighth of these; and one whose labels for the student are permuted
(a control). The student of each is a ridge head on the encoder's last layer, fitted to the teacher's labels. A quarter of the
rows, which nobody was fitted to, is the pool: weak labels and students are known on all of it, gold labels on few, drawn
uniformly. A rule's regret is the pool error of the student it picks less that of the best, in units of the label's variance;
classes as one against the rest, averaged. A trial is a random split; on each, gold points are drawn many times. The confidence
set for the best is made by t tests at α/(k − 1), with points (not classes) as the independent units.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from experiments import _frozen
from experiments._ledger import Finding
from experiments._tables import FEWEST, joint, part, told
from experiments.layer_map import fitted, named, split_groups
from w2s_theory.embeddings.tasks import standardised
from w2s_theory.montecarlo import mean_estimate
from w2s_theory.quantities.label_efficiency.supervisors import LABEL_FREE, RULES, rank, scores

SOURCE = "derived here (after charikar2024)"
SHOWS = ("label_efficiency.best_is_kept",)
TASKS = {
    "quick": ("trec", "hatecheck"),
    "full": ("stsb_en", "emobank", "sst2", "trec", "openai_moderation", "hatecheck", "lexglue_tos_gpt35"),
}
LAYERS = {"quick": (0, 3), "full": (0, 1, 2, 3, 4, 5)}
#: Teachers that are not layers of the encoder; layers that also teach with fewer gold labels; the layer whose labels are
#: permuted.
OTHERS = (("stories", 5), ("tf-idf", 0))
FEWER, EIGHTH, PERMUTED, STRONG = (0, 3), 8, 0, 6
SPLITS, DRAWS = {"quick": 5, "full": 10}, {"quick": 20, "full": 100}
LABELS = (5, 10, 20, 40, 80, 160)
LEVEL = 0.95
SCALES = {
    scale: [{"task": task, "trial": trial, "rows": scale} for task in TASKS[scale] for trial in range(SPLITS[scale])]
    for scale in SPLITS
}
SEED_AXES = ("trial",)
#: What is called a small regret: a hundredth of the label's variance. A choice of words.
SMALL = 0.01
#: The number of gold labels at which rules are compared.
FEW = 20

Table = dict[str, np.ndarray]


def unavailable(scale: str) -> str:
    """Why the grid of this scale can't run here, "" when it can: data and encoder are not shipped."""
    return _frozen.missing(TASKS[scale], ("minilm", *(source for source, _ in OTHERS)))


def run_one(params: dict[str, Any], *, rng: np.random.Generator) -> list[dict[str, Any]]:
    """One split of one task: a row per candidate, and one per rule and number of gold labels."""
    task, scale = params["task"], params["rows"]
    labels = _frozen.labels(task, scale=scale)
    if _frozen.is_classes(task):
        labels = (labels == np.unique(labels)[1 if labels.max() == 1 else 0 :, None]).astype(np.float64)
    labels = standardised(np.atleast_2d(labels))
    groups = _frozen.groups(task, scale=scale)
    models = [*(("minilm", layer) for layer in LAYERS[scale]), *OTHERS]
    weak = {named(model): _frozen.features(task, *model, scale=scale) for model in models}
    strong = _frozen.features(task, "minilm", STRONG, scale=scale)
    names, at_test, students, gold = candidates(weak, strong, labels, groups, rng=rng)
    return measure(names, at_test, students, gold, DRAWS[scale], rng=rng)


def candidates(
    weak: dict[str, np.ndarray], strong: np.ndarray, labels: np.ndarray, groups: np.ndarray, *, rng: np.random.Generator
) -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray]:
    """Names of the k teachers; their labels and their students' answers on the pool (k, C, N); gold labels there (C, N)."""
    split = split_groups(groups, rng=rng)
    taught = {}
    for name, features in weak.items():
        for few in (False, True)[: 1 + (name in {f"layer {layer}" for layer in FEWER})]:
            rows = split.weak[: max(len(split.weak) // EIGHTH, 10)] if few else split.weak
            predict, _ = fitted(features[rows], labels[:, rows].T, groups[rows])
            taught[name + (", few labels" if few else "")] = (predict(features[split.transfer]), predict(features[split.test]))
    there, here = taught[f"layer {PERMUTED}"]
    taught["permuted"] = (rng.permutation(there, axis=0), rng.permutation(here, axis=0))
    predict, _ = fitted(strong[split.transfer], np.hstack([there for there, _ in taught.values()]), groups[split.transfer])
    students = np.stack(np.split(predict(strong[split.test]).T, len(taught)))
    return list(taught), np.stack([here.T for _, here in taught.values()]), students, labels[:, split.test]


def measure(
    names: list[str], weak: np.ndarray, student: np.ndarray, gold: np.ndarray, draws: int, *, rng: np.random.Generator
) -> list[dict[str, Any]]:
    """Rows of part "teachers", "rules" and "set" for predictions (k, C, N) on a pool with gold labels (C, N)."""
    points = gold.shape[1]
    errors = np.mean((student - gold) ** 2, axis=1)  # (k, N): averaged over classes
    truth = errors.mean(axis=1)
    best = float(truth.min())
    weak_error, misfit = np.mean((weak - gold) ** 2, axis=(1, 2)), np.mean((weak - student) ** 2, axis=(1, 2))
    nothing = {"rule": "", "n": 0, "teacher": "", "value": np.nan, "hits": np.nan}
    rows = [
        nothing
        | {
            "part": "teachers",
            "teacher": name,
            "value": float(truth[k]),
            "weak_error": float(weak_error[k]),
            "misfit": float(misfit[k]),
        }
        for k, name in enumerate(names)
    ]
    taught, learnt = (np.reshape(each, (len(names), -1)) for each in (weak, student))
    offsets = np.arange(len(gold))[:, None] * points

    def picked(rule: str, chosen: np.ndarray | None) -> int:
        if chosen is None:
            return int(np.argmin(scores(rule, taught, learnt)))
        places = (offsets + chosen).ravel()
        return int(np.argmin(scores(rule, taught, learnt, gold.ravel()[places], places)))

    def row(rule: str, n: int, picks: list[int]) -> dict[str, Any]:
        regret = truth[picks] - best
        return nothing | {
            "part": "rules",
            "rule": rule,
            "n": n,
            "value": float(regret.mean()),
            "hits": float(np.mean(regret == 0.0)),
        }

    rows.append(row("at random", 0, list(range(len(names)))))
    rows += [row(rule, 0, [picked(rule, None)]) for rule in LABEL_FREE]
    for n in (count for count in LABELS if count <= points // 2):
        subsets = [rng.choice(points, size=n, replace=False) for _ in range(draws)]
        rows += [row(rule, n, [picked(rule, chosen) for chosen in subsets]) for rule in RULES if rule not in LABEL_FREE]
        sets = [rank(errors[:, chosen], level=LEVEL, method="bonferroni").may_be_best for chosen in subsets]
        kept = np.array(sets)
        left = {"value": float(kept.sum(axis=1).mean()), "hits": float(kept[:, int(np.argmin(truth))].mean())}
        rows.append(nothing | {"part": "set", "rule": "confidence set", "n": n} | left)
    return [
        {"weak_error": np.nan, "misfit": np.nan, "k": len(names), "points": points, "synthetic": False} | each for each in rows
    ]


# ---- findings
# -----------------------------------------------------------------------------------------------------------------------


def tasks_of(table: Table) -> list[str]:
    """The tasks in the order of the table."""
    return list(dict.fromkeys(table["task"].tolist()))


def regrets(table: Table, task: str, rule: str, n: int) -> np.ndarray:
    """Mean regret of a rule at n gold labels on each split, in the order of the splits."""
    rows = part(table, "rules", task=task, rule=rule, n=n)
    return rows["value"][np.argsort(rows["trial"])]


def findings(table: Table) -> list[Finding]:
    """The rule of the paper against measuring, the rules without labels against chance, labels that are enough, the set for
    the best.
    """
    return [
        _against(
            table,
            "weak error − misfit",
            "student error",
            f"with {FEW} gold labels, picking by weak error − misfit costs less than picking by the student's measured error",
        ),
        _against(
            table,
            "weak error − misfit",
            "weak error",
            f"with {FEW} gold labels, picking by weak error − misfit costs less than picking by the weak error alone",
        ),
        *(_label_free(table, rule) for rule in LABEL_FREE),
        _enough(table),
        _set(table),
    ]


def _on_what(table: Table) -> str:
    pool = part(table, "teachers")
    sizes = f"{pool['points'].min()} to {pool['points'].max()}"
    return f"{len(np.unique(table['trial']))} splits, {pool['k'].max()} teachers, pools of {sizes} points"


def _few(table: Table) -> str:
    """A status for too few splits, "" for enough."""
    splits = len(np.unique(table["trial"]))
    return f"not attempted (too few splits to tell: {splits})" if splits < FEWEST else ""


def _against(table: Table, first: str, second: str, claim: str) -> Finding:
    tasks, said, signs = tasks_of(table), [], []
    for task in tasks:
        mine, other = (regrets(table, task, rule, FEW) for rule in (first, second))
        signs.append(told(mine - other, level=joint(len(tasks))))
        said.append(f"{task} {mine.mean():.3f} against {other.mean():.3f}")
    better, worse = sum(sign < 0 for sign in signs), sum(sign > 0 for sign in signs)
    if few := _few(table):
        status = few
    elif better == len(tasks):
        status = "observed here (on every task)"
    elif better and not worse:
        status = f"observed here (on {better} of {len(tasks)} tasks)"
    elif worse:
        status = f"not reproduced (less on {better}, more on {worse} of {len(tasks)} tasks)"
    else:
        status = "not attempted (no difference told)"
    return Finding(claim, status, f"mean regret in units of the label's variance: {'; '.join(said)}; {_on_what(table)}")


def _label_free(table: Table, rule: str) -> Finding:
    tasks, said, signs = tasks_of(table), [], []
    for task in tasks:
        mine, chance = regrets(table, task, rule, 0), regrets(table, task, "at random", 0)
        signs.append(told(mine - chance, level=joint(len(tasks))))
        said.append(f"{task} {mine.mean():.3f} against {chance.mean():.3f}")
    better, worse = sum(sign < 0 for sign in signs), sum(sign > 0 for sign in signs)
    status = _few(table) or (
        "observed here (on every task)"
        if better == len(tasks)
        else f"not reproduced (better on {better}, worse on {worse} of {len(tasks)} tasks)"
    )
    return Finding(
        f"without gold labels: {rule} ({RULES[rule].split(',')[0]}) picks better than chance",
        status,
        f"mean regret against that of a random pick: {'; '.join(said)}; {_on_what(table)}",
    )


def _enough(table: Table) -> Finding:
    """The fewest gold labels with a small mean regret, by rule; ∞ where the most were not enough."""
    said, counts = [], {rule: [] for rule in RULES if rule not in LABEL_FREE}
    for task in tasks_of(table):
        for rule, found in counts.items():
            sizes = np.unique(part(table, "rules", task=task, rule=rule)["n"])
            small = [int(n) for n in sizes if mean_of(regrets(table, task, rule, int(n))) < SMALL]
            found.append(small[0] if small else np.inf)
        said.append(f"{task} {', '.join(f'{found[-1]:g}' for found in counts.values())}".replace("inf", "more"))
    direct, paper = (np.array(counts[rule]) for rule in ("student error", "weak error − misfit"))
    status = _few(table) or (
        "observed here" if np.all(direct <= paper) else f"not reproduced (on {int(np.sum(direct > paper))} tasks it needs more)"
    )
    return Finding(
        f"measuring the students' errors needs no more gold labels than weak error − misfit for a mean regret below {SMALL:.0%} of the variance",
        status,
        f"labels by {', '.join(counts)}, of {', '.join(map(str, LABELS))}: {'; '.join(said)}; {_on_what(table)}",
    )


def mean_of(values: np.ndarray) -> float:
    """Mean, NaN of none."""
    return float(values.mean()) if len(values) else float("nan")


def _set(table: Table) -> Finding:
    rows = part(table, "set")
    said, worst = [], 1.0
    for n in np.unique(rows["n"]):
        mine = rows["hits"][rows["n"] == n]
        each = [mean_of(part(table, "set", task=task, n=n)["hits"]) for task in tasks_of(table)]
        worst = min(worst, np.nanmin(each)) if n >= FEW else worst
        interval = f" [{mean_estimate(mine).low:.3f}, {min(mean_estimate(mine).high, 1.0):.3f}]" if len(mine) > 1 else ""
        said.append(f"{n}: {rows['value'][rows['n'] == n].mean():.1f} left, best among them {mine.mean():.3f}{interval}")
    return Finding(
        f"the confidence set holds the best teacher in at least {LEVEL:.0%} of the draws, on every task, from {FEW} gold labels on",
        "observed here" if worst >= LEVEL else f"not reproduced (in {worst:.1%} on one task: t tests are approximate)",
        f"by gold labels, mean over tasks and splits: {'; '.join(said)}; {_on_what(table)}",
    )
