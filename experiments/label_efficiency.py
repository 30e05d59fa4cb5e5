"""Gold labels that tell a gain: interval widths against labels, ours and the paired estimate, on real tasks, with coverage.

"real": a weak head trained on a quarter of a task's rows labels the next quarter, the strong head learns from these labels, and the
other half is the pool, whose gold labels are hidden and bought. So the pool's own gain is known and coverage can be counted: every row
of the table is many draws of labels from one pool; a trial is a random split. Losses: squared (ridge heads by leave-one-out, labels
standardised; of several classes the commonest against the rest), cross-entropy and accuracy (softmax heads). Draws are independent,
ours and the paired estimate's alike, as from a pool much larger than what is labelled; "in pool" takes a pool's end into account.
Weak: layer 0 of a small sentence encoder, strong: layer 6; digits: 2 × 2 pixels, kernel components; for ESOL fingerprints and
descriptors; "tos (gpt-3.5)" has a language model's own answers as weak labels.

"simulated": pools of normal features and labels, and of classes, drawn anew each time, so that the law's own gain is known too; both
targets, all designs.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.special import stdtrit

from experiments import _frozen
from experiments._embeddings import missing
from experiments._ledger import Finding
from experiments._tables import part, pick
from w2s_theory.embeddings.tasks import EMBEDDING_CLASSES, digits_classes, digits_task, embedding_classes, embedding_task
from w2s_theory.montecarlo import mean_estimate, proportion_estimate
from w2s_theory.outcomes import Estimate
from w2s_theory.pipelines import run
from w2s_theory.problems.classification import ClassificationTask
from w2s_theory.problems.empirical import EmpiricalTask
from w2s_theory.protocol import Predictions, run_protocol
from w2s_theory.quantities.label_efficiency.accuracy import gain_from_counts
from w2s_theory.quantities.label_efficiency.blend import Affine, spread_of
from w2s_theory.quantities.label_efficiency.difference import gain_of
from w2s_theory.quantities.label_efficiency.draws import DESIGNS, draw_points
from w2s_theory.quantities.label_efficiency.trinomial import exact_interval, score_interval
from w2s_theory.students.classifiers import SoftmaxRule
from w2s_theory.students.linear import Ridge

SOURCE = "derived here"
PARTS = (0.25, 0.25, 0.5)
LABELS = (25, 50, 100, 200)
#: The number of labels at which savings are told, and those of the paired estimate among which its equal is looked for.
AT, PAIRED = 100, (25, 50, 100, 200, 400, 800, 1600, 3200, 6400)
#: Exact intervals are made for these numbers of labels; of several classes, where one takes a tenth of a second, for the first only.
EXACT_LABELS = (25, 50)
EMBEDDED = ("stsb_en", "emobank", "sst2", "trec", "openai_moderation")
FROZEN = {"hatecheck": ("minilm", 0), "lexglue_tos_gpt35": ("minilm", 0), "esol": ("fingerprints", 0)}
TEACHER = "tos (gpt-3.5)"
REGRESSIONS = ("stsb_en", "emobank", "esol")
TASKS = {"quick": ("stsb_en", "sst2", "digits"), "full": (*EMBEDDED, "digits", *FROZEN, TEACHER)}
WORLDS = ("numbers", "two classes", "four classes")
#: Splits, draws of labels from each pool, simulated pools.
TRIALS = {"quick": (2, 60, 150), "full": (8, 80, 700)}
SEED_AXES = ("part", "task", "loss", "trial", "n")
LEVEL = 0.95
#: The goals: labels saved in squared loss, and in accuracy as a multiple of 1/misfit; coverage of approximate intervals.
GOAL, GOAL_ACCURACY, BAND = 1.5, 0.9, (0.93, 0.97)


def losses(task: str) -> tuple[str, ...]:
    """The losses in which a task's gain is told."""
    if task in REGRESSIONS:
        return ("squared",)
    return ("accuracy",) if task == TEACHER else ("squared", "cross-entropy", "accuracy")


def _grid(scale: str) -> list[dict[str, Any]]:
    splits, draws, pools = TRIALS[scale]
    real = [
        {"part": "real", "task": task, "loss": loss, "trial": trial, "n": 0, "repeats": draws}
        for task in TASKS[scale]
        for loss in losses(task)
        for trial in range(splits)
    ]
    made = [
        {"part": "simulated", "task": world, "loss": "squared" if world == "numbers" else "accuracy", "trial": 0, "n": n}
        | {"repeats": pools}
        for world in WORLDS
        for n in ((20, 50, 100) if world == "numbers" else (20, 50))
    ]
    return real + made


SCALES = {scale: _grid(scale) for scale in TRIALS}


def unavailable(scale: str) -> str:
    """Why the grid of this scale can't run here, "" when it can."""
    tasks = {params["task"] for params in SCALES[scale]}
    texts = tasks & set(FROZEN) | ({"lexglue_tos_gpt35"} if TEACHER in tasks else set())
    frozen = _frozen.missing(sorted(texts), sorted({"minilm", "fingerprints", "descriptors"})) if texts else ""
    return missing(sorted(tasks & set(EMBEDDED))) or frozen


def run_one(params: dict[str, Any], *, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Real: a row per method and number of labels. Simulated: a row per method and target."""
    if params["part"] == "simulated":
        maker = _simulated_numbers if params["task"] == "numbers" else _simulated_classes
        return [{"synthetic": True} | row for row in maker(params["task"], params["n"], params["repeats"], rng)]
    weak, student, gold = pool(params["task"], params["loss"], rng=rng)
    maker = _accuracy if params["loss"] == "accuracy" else _difference
    return [{"synthetic": False, "points": len(gold)} | row for row in maker(weak, student, gold, params, rng)]


def pool(task: str, loss: str, *, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Answers of weak model and student, and the truth, on the half of the rows that trained nothing."""
    if loss == "squared":
        data = _numbers(task)
        made = run(data, split=data.split(PARTS, rng=rng), student=Ridge("loo")).test
        return np.asarray(made.weak), np.asarray(made.student), np.asarray(made.target)
    data, teacher = _classes(task)
    split = data.split(PARTS, rng=rng)
    weak = None if teacher is None else Predictions(*(teacher[rows] for rows in (split.transfer, split.test)))
    made = run_protocol(data, split=split, student=SoftmaxRule(), weak=weak, rng=rng)
    answers = made.weak.test, made.student.test
    if loss == "accuracy":
        answers = tuple(np.argmax(each, axis=1) for each in answers)
    return *answers, made.gold.test


@functools.cache
def _numbers(task: str) -> EmpiricalTask:
    """The task; of several classes the commonest against the rest."""
    if task == "digits":
        data = digits_task()
    elif task in FROZEN:
        data = _frozen.empirical(task, FROZEN[task], ("descriptors", 0) if task == "esol" else ("minilm", 6))
    else:
        data = embedding_task(task)
    if data.labels.ndim == 1:
        return data
    return replace(data, labels=data.labels[np.argmax(np.mean(data.labels > 0.0, axis=1))])


@functools.cache
def _classes(task: str) -> tuple[ClassificationTask, np.ndarray | None]:
    """The task, and the certain answers of an outside teacher where it is the weak model."""
    if task == "digits":
        return digits_classes(), None
    if task in EMBEDDING_CLASSES:
        return embedding_classes(task), None
    name = "lexglue_tos_gpt35" if task == TEACHER else task
    data = _frozen.classes(name, FROZEN[name], ("minilm", 6))
    if task != TEACHER:
        return data, None
    answers = _frozen.teacher(name)
    assert answers is not None
    given = np.isfinite(answers)
    kept = ClassificationTask(tuple(x[given] for x in data.representations), data.labels[given], task)
    return kept, np.eye(2)[answers[given].astype(np.int64)]


def _difference(
    weak: np.ndarray, student: np.ndarray, gold: np.ndarray, params: dict[str, Any], rng: np.random.Generator
) -> list[dict[str, Any]]:
    """Squared loss or cross-entropy: drawn points with the blend, uniform points with the blend, and the paired estimate."""
    vector = weak.ndim == 2
    loss = "kl" if vector else "squared"
    affine = Affine.of(weak, student, loss)
    truth = np.eye(weak.shape[1])[gold] if vector and gold.ndim == 1 else gold
    each = affine.gain(truth, np.arange(affine.size))
    rows = [_row(params, "paired", n, each.mean(), *_paired(each, n, params["repeats"], rng)) for n in PAIRED]
    for method, spread in (("drawn", spread_of(weak, student, loss)), ("uniform", np.ones(affine.size))):
        for n in LABELS:
            draws = (draw_points(spread, n, rng=rng, how="replacement") for _ in range(params["repeats"]))
            found = [gain_of(affine, draw, truth[draw.rows], level=LEVEL).gain for draw in draws]
            rows.append(_row(params, method, n, each.mean(), *_ends(found)))
    for n in LABELS[:-1]:
        draws = (draw_points(spread_of(weak, student, loss), n, rng=rng, how="systematic") for _ in range(params["repeats"]))
        found = [gain_of(affine, draw, truth[draw.rows], level=LEVEL).gain for draw in draws]
        rows.append(_row(params, "in pool", n, each.mean(), *_ends(found)))
    return [row | {"misfit": float(np.mean(affine.misfit))} for row in rows]


def _paired(each: np.ndarray, n: int, repeats: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Student's interval of n points drawn uniformly, ``repeats`` times."""
    drawn = each[rng.integers(each.size, size=(repeats, n))]
    value, half = drawn.mean(axis=1), stdtrit(n - 1, 0.5 + LEVEL / 2) * drawn.std(axis=1, ddof=1) / np.sqrt(n)
    return value, value - half, value + half


def _accuracy(
    weak: np.ndarray, student: np.ndarray, gold: np.ndarray, params: dict[str, Any], rng: np.random.Generator
) -> list[dict[str, Any]]:
    """Labels on disagreements with score and exact intervals, exact ones in the pool (drawn without replacement), and the paired estimate."""
    differs, repeats = weak != student, params["repeats"]
    misfit, among = float(differs.mean()), int(differs.sum())
    if not among:
        return []  # no gain, which needs no label: nothing to save
    right = np.array([np.sum(differs & (gold == answer)) for answer in (student, weak)])
    counts = np.append(right, among - right.sum())
    decided = np.unique(np.concatenate([weak, student, gold])).size == 2
    truth = (counts[0] - counts[1]) / gold.size
    rows = []
    for n in PAIRED:
        drawn = rng.multinomial(n, np.append(counts[:2], gold.size - counts[:2].sum()) / gold.size, size=repeats)
        ends = score_interval(drawn[:, 0], drawn[:, 1], n, level=LEVEL)
        rows.append(_row(params, "paired", n, truth, (drawn[:, 0] - drawn[:, 1]) / n, *ends))
    for n in LABELS:
        drawn = rng.multinomial(n, counts / among, size=repeats)
        ends = score_interval(drawn[:, 0], drawn[:, 1], n, level=LEVEL)
        rows.append(
            _row(params, "drawn", n, truth, misfit * (drawn[:, 0] - drawn[:, 1]) / n, *(misfit * np.asarray(end) for end in ends))
        )
        if n not in EXACT_LABELS[: 2 if decided else 1]:
            continue
        of_pool = rng.multivariate_hypergeometric(counts, min(n, among), size=repeats)
        for method, each, inside in (("exact", drawn, None), ("in pool", of_pool, among)):
            pairs, index = np.unique(each[:, :2], axis=0, return_inverse=True)
            m = int(each[0].sum())
            found = np.array([exact_interval(int(a), int(b), m, among=inside, decided=decided, level=LEVEL) for a, b in pairs])
            low, high = misfit * found[index.ravel()].T
            rows.append(_row(params, method, n, truth, misfit * (each[:, 0] - each[:, 1]) / m, low, high))
    return [row | {"misfit": misfit} for row in rows]


def _simulated_numbers(world: str, n: int, repeats: int, rng: np.random.Generator) -> list[dict[str, Any]]:
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
    return [_simulated(how, target, n, made) for (how, target), made in found.items()]


def _simulated_classes(world: str, n: int, repeats: int, rng: np.random.Generator) -> list[dict[str, Any]]:
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
    return [_simulated(interval, target, n, made) for (interval, target), made in found.items()]


def _simulated(method: str, target: str, n: int, made: list[tuple[float, Estimate]]) -> dict[str, Any]:
    aims, value, low, high = np.array([(aim, one.value, one.low, one.high) for aim, one in made]).T
    made_row = _row({"n": n}, method, n, aims, value, low, high)
    return made_row | {"gain": float(np.mean(aims)), "target": target, "misfit": np.nan, "points": 0}


def _ends(found: list[Estimate]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    value, low, high = np.array([(one.value, one.low, one.high) for one in found]).T
    return value, low, high


def _row(
    params: dict[str, Any], method: str, labels: int, truth: Any, value: np.ndarray, low: np.ndarray, high: np.ndarray
) -> dict[str, Any]:
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


def savings(table: dict[str, np.ndarray], task: str, loss: str, method: str = "drawn", labels: int = AT) -> np.ndarray:
    """Per split: how many times as many labels the paired estimate needs for intervals as wide on average, (trials,).

    Its widths are interpolated between those at ``PAIRED`` labels, logarithms both; beyond their ends, as 1/√labels.
    """
    rows = part(table, "real", task=task, loss=loss)
    found = []
    for trial in np.unique(rows["trial"]):
        here = {name: column[rows["trial"] == trial] for name, column in rows.items()}
        paired, ours = here["method"] == "paired", (here["method"] == method) & (here["labels"] == labels)
        order = np.argsort(here["width"][paired])
        widths, counts = np.log(here["width"][paired][order]), np.log(here["labels"][paired][order])
        width = float(np.log(here["width"][ours][0]))
        inside = np.clip(width, widths[0], widths[-1])
        found.append(np.exp(np.interp(inside, widths, counts) - 2.0 * (width - inside)) / labels)
    return np.array(found)


def tasks_of(table: dict[str, np.ndarray], loss: str) -> list[str]:
    """The real tasks with this loss, in the order of the table."""
    return list(dict.fromkeys(part(table, "real", loss=loss)["task"].tolist()))


def misfits(table: dict[str, np.ndarray], task: str) -> np.ndarray:
    """Share of the pool on which the two differ, per split."""
    rows = part(table, "real", task=task, loss="accuracy", method="paired", labels=AT)
    return rows["misfit"][np.argsort(rows["trial"])]


def ratio_estimate(values: np.ndarray) -> Estimate:
    """Geometric mean of ratios, one per split, with Student's interval of their logarithms."""
    logs = mean_estimate(np.log(values))
    value, low, high = np.exp([logs.value, logs.low, logs.high]).tolist()
    return Estimate(value, value * logs.stderr, low, high, logs.level, f"geometric mean, {logs.method}")


def coverage(rows: dict[str, np.ndarray]) -> Estimate:
    """Share of all draws in these rows whose interval covers, with its own exact interval."""
    return proportion_estimate(int(rows["covered"].sum()), int(rows["draws"].sum()))


def findings(table: dict[str, np.ndarray]) -> list[Finding]:
    """Savings in each loss, the ablation, and coverage of each kind of interval, real and simulated."""
    return [
        _saved(
            table, "squared", f"squared loss: {GOAL:g} times fewer labels than the paired estimate at equal width, on every task"
        ),
        _saved(table, "cross-entropy", f"cross-entropy: {GOAL:g} times fewer labels at equal width, on every task"),
        _saved_accuracy(table),
        _ablation(table),
        *(_covered(table, kind) for kind in ("real", "simulated")),
        _exactly_covered(table),
    ]


def _told(estimates: dict[str, Estimate], goal: float) -> str:
    """Status of "each at least ``goal``" from intervals over splits."""
    missed = [task for task, estimate in estimates.items() if estimate.high < goal]
    open_ = [task for task, estimate in estimates.items() if estimate.low < goal <= estimate.high]
    if missed:
        return f"counterexample found (missed on {', '.join(missed)})"
    return f"not attempted (too few splits to tell on {', '.join(open_)})" if open_ else "holds (derived here)"


def _words(estimates: dict[str, Estimate]) -> str:
    return "; ".join(f"{task} {e.value:.2f} [{e.low:.2f}, {e.high:.2f}]" for task, e in estimates.items())


def _saved(table: dict[str, np.ndarray], loss: str, claim: str) -> Finding:
    estimates = {task: ratio_estimate(savings(table, task, loss)) for task in tasks_of(table, loss)}
    few = {task: ratio_estimate(savings(table, task, loss, labels=LABELS[0])).value for task in estimates}
    splits = len(set(part(table, "real")["trial"].tolist()))
    return Finding(
        claim,
        _told(estimates, GOAL),
        f"at {AT} labels, geometric mean over {splits} splits and its 95 % interval: {_words(estimates)}; with {LABELS[0]} labels from "
        f"{min(few.values()):.2f} to {max(few.values()):.2f}",
    )


def _saved_accuracy(table: dict[str, np.ndarray]) -> Finding:
    found = {task: savings(table, task, "accuracy") for task in tasks_of(table, "accuracy")}
    relative = {task: ratio_estimate(saved * misfits(table, task)) for task, saved in found.items()}
    words = "; ".join(
        f"{task} {saved.mean():.1f} times (misfit {misfits(table, task).mean():.3f}, {len(saved)} splits), "
        f"{relative[task].value:.2f} [{relative[task].low:.2f}, {relative[task].high:.2f}]"
        for task, saved in found.items()
    )
    return Finding(
        f"accuracy, labels on disagreements: {GOAL_ACCURACY:g}/misfit times fewer labels than the paired estimate, on every task",
        _told(relative, GOAL_ACCURACY),
        f"score intervals at {AT} labels; saving, and saving times misfit with its 95 % interval over the splits on which the two "
        f"differ somewhere: {words}",
    )


def _ablation(table: dict[str, np.ndarray]) -> Finding:
    uniform = {task: ratio_estimate(savings(table, task, "squared", "uniform")) for task in tasks_of(table, "squared")}
    drawn = {task: float(np.mean(savings(table, task, "squared"))) for task in uniform}
    less = sum(drawn[task] > estimate.high for task, estimate in uniform.items())
    return Finding(
        "the choice of points is what pays: with uniform draws the blend alone saves less, on every task (squared loss)",
        "holds (derived here)" if less == len(uniform) else f"counterexample found (on {len(uniform) - less} tasks)",
        f"uniform draws with the blend, at {AT} labels: {_words(uniform)}",
    )


def _covered(table: dict[str, np.ndarray], kind: str) -> Finding:
    """Approximate intervals: each group of rows is in the band, outside it, or not told."""
    rows = part(table, kind)
    approximate = np.where(
        rows["loss"] == "accuracy", np.isin(rows["method"], ("drawn", "score")), rows["method"] != "paired"
    ) & (rows["method"] != "uniform")
    keys = sorted({tuple(rows[axis][i].item() for axis in _KEYS) for i in np.flatnonzero(approximate)})
    groups = {key: coverage(pick(rows, **dict(zip(_KEYS, key, strict=True)))) for key in keys}
    out = {key: e for key, e in groups.items() if e.high < BAND[0] or e.low > BAND[1]}
    inside = sum(BAND[0] <= e.value <= BAND[1] for e in groups.values())
    many = [e.value for key, e in groups.items() if key[-1] >= AT] or [np.nan]
    worst = min(groups.items(), key=lambda item: item[1].value)
    claim = f"approximate intervals at a fixed number of labels cover in {BAND[0]:.0%} to {BAND[1]:.0%}"
    claim += ", drawing labels again from real pools" if kind == "real" else ", in simulation, of pool and population"
    words = "; ".join(f"{_name(key)} {e.value:.3f} [{e.low:.3f}, {e.high:.3f}]" for key, e in out.items())
    return Finding(
        claim,
        f"counterexample found ({len(out)} of {len(groups)} outside)" if out else "holds (derived here)",
        f"{inside} of {len(groups)} rates inside; lowest {worst[1].value:.3f} ({_name(worst[0])}); with {AT} labels or more from "
        f"{min(many):.3f} to {max(many):.3f}" + (f"; outside by more than their 95 % interval: {words}" if out else ""),
    )


_KEYS = ("task", "loss", "method", "target", "labels")


def _name(key: tuple[Any, ...]) -> str:
    task, loss, method, target, labels = key
    return f"{task} {loss} {method} {target} n = {labels}"


def _exactly_covered(table: dict[str, np.ndarray]) -> Finding:
    rows = {name: column[table["loss"] == "accuracy"] for name, column in table.items()}
    exact = np.isin(rows["method"], ("exact", "in pool"))
    rows = {name: column[exact] for name, column in rows.items()}
    found = {}
    for key in sorted(
        {(p, t, m, g) for p, t, m, g in zip(rows["part"], rows["task"], rows["method"], rows["target"], strict=True)}
    ):
        chosen = np.all(
            [rows[axis] == value for axis, value in zip(("part", "task", "method", "target"), key, strict=True)], axis=0
        )
        found[key] = coverage({name: column[chosen] for name, column in rows.items()})
    short = [key for key, estimate in found.items() if estimate.high < LEVEL]
    worst = min(found.items(), key=lambda item: item[1].value)
    return Finding(
        f"exact intervals of the gain in accuracy cover in {LEVEL:.0%} or more, on real pools and simulated ones",
        f"counterexample found ({len(short)} groups)" if short else "holds (derived here)",
        f"coverage from {worst[1].value:.3f} [{worst[1].low:.3f}, {worst[1].high:.3f}] ({' '.join(worst[0])}) to "
        f"{max(e.value for e in found.values()):.3f} in {len(found)} groups of tasks and methods",
    )
