"""Every layer of one small encoder as the teacher of every other, on real tasks: gain, misfit, realizability.

Weak: a ridge head on one layer of the encoder (or on the hidden states of a small causal model, or on TF-IDF), from at most 400 gold
labels. Strong: a ridge head on one layer, from the weak labels of half of the rows; its ceiling from their gold labels. Errors on a
quarter of the rows that none of them saw, in units of the label's variance; classes as one against the rest, averaged. The ceiling's held-out error
is an upper estimate of the approximation error ε of its layer: it holds the ceiling's estimation error too. Penalties by leave-one-out on
the rows that a head is fitted to, and by the labels it is fitted to, not below ``FLOOR``. A trial is a random split; all cells share it. Rows
that say nearly the same (hatecheck's templates) stay in one part, and in one of five folds where the penalty is chosen, as a row left out would be
known from its like; "hatecheck, rows apart" treats them like rows of other tasks.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import rankdata

from experiments import _frozen
from experiments._ledger import Finding
from experiments._tables import FEWEST, joint, pick, told
from w2s_theory.design import Design
from w2s_theory.design.folds import LeftOut
from w2s_theory.embeddings.tasks import standardised
from w2s_theory.montecarlo import mean_estimate
from w2s_theory.problems.empirical import Split
from w2s_theory.quantities.gain import report
from w2s_theory.triple import Triple

SOURCE = "derived here (after charikar2024)"
APART = "hatecheck, rows apart"
TASKS = {
    "quick": ("trec", "hatecheck", APART),
    "full": ("stsb_en", "emobank", "sst2", "trec", "openai_moderation", "hatecheck", APART),
}
LAYERS = {"quick": (0, 3, 6), "full": _frozen.LAYERS["minilm"]}
#: Weak models that are not layers of the encoder.
OTHERS = (("stories", 5), ("tf-idf", 0))
SPLITS = {"quick": 5, "full": 6}
#: Most gold labels of the weak head; shares of transfer and test rows.
MOST_WEAK, TRANSFER, TEST = 400, 0.5, 0.25
#: Penalties tried, in units of the mean eigenvalue of the features: three a decade, from the floor up.
FLOOR, TOP = -4.0, 3.0
PENALTIES = 10.0 ** np.linspace(FLOOR, TOP, 22)
SCALES = {scale: [{"task": task, "trial": trial} for task in TASKS[scale] for trial in range(SPLITS[scale])] for scale in SPLITS}
for _scale, _points in SCALES.items():
    for _point in _points:
        _point["rows"] = _scale
SEED_AXES = ("trial",)
#: "No gain" of a student that sees what its teacher sees: one hundredth of the label's variance. A choice of words.
NO_GAIN = 0.01

Table = dict[str, np.ndarray]


def unavailable(scale: str) -> str:
    """Why the grid of this scale can't run here, "" when it can: data and encoder are not shipped."""
    return _frozen.missing({name.partition(",")[0] for name in TASKS[scale]}, ("minilm", *(source for source, _ in OTHERS)))


def weak_models(scale: str) -> list[tuple[str, int]]:
    """The teachers of a scale, the encoder's layers first."""
    return [*(("minilm", layer) for layer in LAYERS[scale]), *OTHERS]


def named(model: tuple[str, int]) -> str:
    """A teacher's name in the table."""
    return f"layer {model[1]}" if model[0] == "minilm" else {"stories": "causal model"}.get(model[0], model[0])


def run_one(params: dict[str, Any], *, rng: np.random.Generator) -> list[dict[str, Any]]:
    """One split of one task: a row per weak model and strong layer."""
    task, scale = params["task"].partition(",")[0], params["rows"]
    labels = _frozen.labels(task, scale=scale)
    if _frozen.is_classes(task):
        labels = (labels == np.unique(labels)[1 if labels.max() == 1 else 0 :, None]).astype(np.float64)
    labels = standardised(np.atleast_2d(labels))
    groups = np.arange(labels.shape[1]) if params["task"] == APART else _frozen.groups(task, scale=scale)
    weak = {named(model): _frozen.features(task, *model, scale=scale) for model in weak_models(scale)}
    strong = {layer: _frozen.features(task, "minilm", layer, scale=scale) for layer in LAYERS[scale]}
    return measure(weak, strong, labels, groups, split_groups(groups, rng=rng))


def measure(
    weak: dict[str, np.ndarray], strong: dict[int, np.ndarray], labels: np.ndarray, groups: np.ndarray, split: Split
) -> list[dict[str, Any]]:
    """A row per weak and strong representation, averaged over the tasks of ``labels`` (C, N).

    A representation is factorised once for all that learn on it: the strong one for the pseudo-labels of every teacher and task, and
    for the gold labels.
    """
    count = len(labels)
    taught = {}
    for name, features in weak.items():
        predict, _ = fitted(features[split.weak], labels[:, split.weak].T, groups[split.weak])
        taught[name] = (predict(features[split.transfer]), predict(features[split.test]))
    gold = labels[:, split.transfer].T
    rows = []
    for layer, features in strong.items():
        every = np.hstack([gold, *(there for there, _ in taught.values())])
        predict, penalties = fitted(features[split.transfer], every, groups[split.transfer])
        students = np.split(predict(features[split.test]).T, len(taught) + 1)
        for place, (name, (_, at_test)) in enumerate(taught.items(), 1):
            numbers = report(Triple(at_test.T, students[place], labels[:, split.test], ceiling=students[0])).numbers()
            found = {each: float(np.mean(numbers[each])) for each in NUMBERS}
            penalty = float(np.median(penalties[place * count : (place + 1) * count]))
            rows.append({"weak": name, "strong": layer, "n_test": len(split.test), "penalty": penalty} | found)
    return rows


NUMBERS = ("weak_error", "student_error", "ceiling_error", "misfit", "gain", "cross_term", "penalty_term")


def fitted(features: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> tuple[Any, np.ndarray]:
    """A function that predicts (m, T) at features (m, d), and the penalties (T,) that were chosen, in units of the mean eigenvalue."""
    features = features.astype(np.float64)
    unit = features.var(axis=0).mean()
    design = Design(features, intercept=True)
    grid = PENALTIES * unit * len(features)
    best = np.argmin(LeftOut(design, features, groups).errors(labels, grid), axis=0)
    heads, tasks = design.solve(labels, penalties=grid), np.arange(labels.shape[1])
    coefficients, intercept = heads.coefficients[best, :, tasks].T, heads.intercept[best, tasks]
    return lambda others: others.astype(np.float64) @ coefficients + intercept, PENALTIES[best]


def split_groups(groups: np.ndarray, *, rng: np.random.Generator) -> Split:
    """Weak, transfer and test rows at random, whole groups each: a part ends with the group that fills it."""
    place = rng.permutation(groups.max() + 1)[groups]
    order = np.lexsort((rng.permutation(len(groups)), place))
    starts = np.flatnonzero(np.diff(place[order], prepend=-1))
    n = len(groups)
    wanted = np.cumsum([min(MOST_WEAK, n // 4), int(TRANSFER * n), int(TEST * n)])
    ends = starts[np.minimum(np.searchsorted(starts, wanted), len(starts) - 1)]
    ends[-1] = n if wanted[-1] > starts[-1] else ends[-1]
    return Split(order[: ends[0]], order[ends[0] : ends[1]], order[ends[1] : ends[2]])


# ---- findings -----------------------------------------------------------------------------------------------------------------------


def tasks_of(table: Table) -> list[str]:
    """The tasks in the order of the table."""
    return list(dict.fromkeys(table["task"].tolist()))


def teachers_of(table: Table) -> list[str]:
    """The weak models in the order of the table."""
    return list(dict.fromkeys(table["weak"].tolist()))


def cells(table: Table, task: str, name: str) -> np.ndarray:
    """The values of a column, (weak, strong, trials)."""
    rows = pick(table, task=task)
    teachers, layers, trials = teachers_of(table), np.unique(rows["strong"]), np.unique(rows["trial"])
    found = np.full((len(teachers), len(layers), len(trials)), np.nan)
    at = (
        np.array([teachers.index(each) for each in rows["weak"]]),
        np.searchsorted(layers, rows["strong"]),
        np.searchsorted(trials, rows["trial"]),
    )
    found[at] = rows[name]
    return found


def signs(table: Table, task: str) -> np.ndarray:
    """1, −1 or 0 for each cell (weak, strong): the sign of its mean gain where the joint 95 % interval over splits leaves out 0."""
    gain = cells(table, task, "gain")
    level = joint(gain.shape[0] * gain.shape[1])
    return np.array([[told(cell, level=level) for cell in row] for row in gain])


def kinds(table: Table) -> dict[str, np.ndarray]:
    """Masks (weak, strong) of the cells with a lower layer as teacher, the same layer, a higher one, and another model."""
    layers = np.unique(table["strong"])
    height = np.array([int(name.split()[1]) if name.startswith("layer ") else -1 for name in teachers_of(table)])[:, None]
    return {
        "lower": (height >= 0) & (height < layers),
        "same": height == layers,
        "higher": height > layers,
        "other": (height < 0) & (layers >= 0),
    }


def findings(table: Table) -> list[Finding]:
    """The lines in the ledger; every number comes from the table."""
    return [
        _control(table),
        _where(table, "lower", "a higher layer gains over a lower layer of the same model that teaches it"),
        _where(table, "other", "the encoder's layers gain over another model that teaches them (causal model, TF-IDF)"),
        _order(table),
        _with_misfit(table),
        *([_templates(table)] if APART in table["task"] else []),
    ]


def _on_what(table: Table) -> str:
    return f"{len(np.unique(table['trial']))} splits, {table['n_test'].min()} to {table['n_test'].max()} test rows"


def _few(table: Table) -> str:
    """A status for too few splits, "" for enough."""
    splits = len(np.unique(table["trial"]))
    return f"not attempted (too few splits to tell: {splits})" if splits < FEWEST else ""


def _control(table: Table) -> Finding:
    same = kinds(table)["same"]
    gains = {task: cells(table, task, "gain").mean(axis=2)[same] for task in tasks_of(table)}
    misfits = max(cells(table, task, "misfit").mean(axis=2)[same].max() for task in gains)
    worst = max(gains, key=lambda task: np.abs(gains[task]).max())
    largest = np.abs(gains[worst]).max()
    return Finding(
        f"negative control, a student on its teacher's own layer: no gain (|gain| < {NO_GAIN:.0%} of the label's variance)",
        "observed here (as it should be)" if largest < NO_GAIN else "not reproduced (a control fails)",
        f"largest mean |gain| {largest:.4f} ({worst}), largest misfit {misfits:.4f}; {len(gains)} tasks, {_on_what(table)}",
    )


def _where(table: Table, kind: str, claim: str) -> Finding:
    mask = kinds(table)[kind]
    said, above, below, total = [], 0, 0, 0
    for task in tasks_of(table):
        found, gain = signs(table, task)[mask], cells(table, task, "gain").mean(axis=2)
        up, down = int(np.sum(found > 0)), int(np.sum(found < 0))
        above, below, total = above + up, below + down, total + len(found)
        place = np.unravel_index(np.argmax(np.where(mask, gain, -np.inf)), gain.shape)
        best = f"{teachers_of(table)[place[0]]} to layer {np.unique(table['strong'])[place[1]]}"
        said.append(f"{task} {up} above, {down} below of {len(found)}, most {gain[place]:+.3f} ({best})")
    if few := _few(table):
        status = few
    elif above == total:
        status = "reproduced, with changes"
    elif above and below:
        status = f"not reproduced (both ways: {above} above, {below} below 0 of {total} cells)"
    elif above:
        status = f"observed here (in {above} of {total} cells)"
    else:
        status = "not reproduced" if below else "not attempted (no cell told from 0)"
    return Finding(claim, status, f"gain's joint 95 % interval over splits, by task: {'; '.join(said)}; {_on_what(table)}")


def _order(table: Table) -> Finding:
    """For the lowest layer as teacher: does a strong layer with a smaller held-out ceiling error gain more?"""
    ranks = {}
    for task in tasks_of(table):
        gain, ceiling = cells(table, task, "gain")[0], cells(table, task, "ceiling_error")[0]
        each = [np.corrcoef(rankdata(gain[1:, t]), rankdata(ceiling[1:, t]))[0, 1] for t in range(gain.shape[1])]
        ranks[task] = np.nan_to_num(np.array(each))
    # Correlations that are the same in every split leave no doubt, and no spread to estimate.
    found = [told(each, level=joint(len(ranks))) or int(np.ptp(each) == 0.0) * int(np.sign(each[0])) for each in ranks.values()]
    if few := _few(table):
        status = few
    elif all(sign < 0 for sign in found):
        status = "observed here (on every task)"
    elif any(sign < 0 for sign in found) and not any(sign > 0 for sign in found):
        status = f"observed here (on {sum(sign < 0 for sign in found)} of {len(found)} tasks)"
    else:
        status = "not reproduced (see the evidence)" if any(found) else "not attempted (no order told from noise)"
    mean = "; ".join(f"{task} {each.mean():+.2f}" for task, each in ranks.items())
    return Finding(
        "realizability orders the strong layers: over the layers that layer 0 teaches, the gain is larger where the ceiling's held-out error "
        "is smaller",
        status,
        f"mean over splits of Spearman's correlation of gain and ceiling error: {mean}; {_on_what(table)}",
    )


def _with_misfit(table: Table) -> Finding:
    """Over the cells whose teacher is a lower layer or another model, in means over splits."""
    mask = kinds(table)["lower"] | kinds(table)["other"]
    correlations, shares, said = [], [], []
    for task in tasks_of(table):
        gain, misfit = (cells(table, task, name)[mask] for name in ("gain", "misfit"))
        each = np.array([np.corrcoef(gain[:, t], misfit[:, t])[0, 1] for t in range(gain.shape[1])])
        correlations.append(told(each, level=joint(len(tasks_of(table)))))
        shares.append(gain.mean() / misfit.mean())
        interval = f" [{mean_estimate(each).low:+.2f}, {mean_estimate(each).high:+.2f}]" if len(each) > 1 else ""
        said.append(f"{task} {each.mean():+.2f}{interval}, mean gain / mean misfit {shares[-1]:.2f}")
    if few := _few(table):
        status = few
    elif all(sign > 0 for sign in correlations):
        status = "observed here (on every task)"
    else:
        status = f"not reproduced (on {sum(sign > 0 for sign in correlations)} of {len(correlations)} tasks only)"
    return Finding(
        "over the map, the gain rises with the misfit",
        status,
        f"Pearson's correlation over the cells of a split, mean and 95 % interval over splits: {'; '.join(said)}; {_on_what(table)}",
    )


def _templates(table: Table) -> Finding:
    """The first teacher and the last layer, with templates kept together and with rows apart."""
    numbers = {}
    for task in ("hatecheck", APART):
        numbers[task] = {name: cells(table, task, name)[0, -1] for name in ("weak_error", "ceiling_error", "gain")}
    apart = {name: numbers["hatecheck"][name] - numbers[APART][name] for name in numbers[APART]}
    shown = []
    for name, difference in apart.items():
        both = f"{numbers['hatecheck'][name].mean():+.3f} against {numbers[APART][name].mean():+.3f}"
        interval = mean_estimate(difference)
        shown.append(
            f"{name.replace('_', ' ')} {both} (difference {interval.value:+.3f} [{interval.low:+.3f}, {interval.high:+.3f}])"
        )
    sign = told(apart["ceiling_error"])
    return Finding(
        "hatecheck: a random split puts rows of one template in training and test, and makes the ceiling look better than it is",
        _few(table) or ("observed here" if sign > 0 else "not reproduced" if sign < 0 else "not attempted (no difference told)"),
        f"templates together against rows apart, layer 0 to the last layer: {'; '.join(shown)}; {_on_what(table)}",
    )
