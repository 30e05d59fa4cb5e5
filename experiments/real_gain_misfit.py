"""Gain against misfit on all real tasks, with intervals, the sharp band, negative controls, three losses; and do the intervals cover?

Tasks: seven on texts, where layer 0 of a small sentence encoder teaches layer 6 through a head trained on gold labels; one of them
once more with a real weak supervisor, a large language model's answers; molecules, where fingerprints teach descriptors.
``check_embeddings`` measures each on random splits, copies of a text and rows of one template on one
side. At most 1200 rows of a task are used, which bounds the
time.

Coverage: synthetic worlds in which data sets can be drawn again and the expected gain of the pipeline is known by simulation.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from experiments import _gain_coverage as coverage
from experiments._frozen import classes, empirical, groups, is_classes, missing, teacher
from experiments._gain_findings import (
    band,
    control_finding,
    covers,
    disagreement,
    misfit_law,
    sign_by_labels,
    sign_by_penalty,
    signs,
    statements,
)
from experiments._ledger import Finding
from w2s_theory.problems import classification
from w2s_theory.problems import empirical as numbers
from w2s_theory.problems.classification import ClassificationTask
from w2s_theory.problems.empirical import EmpiricalTask
from w2s_theory.real_tasks import SIZES, EmbeddingReport, check_embeddings

SOURCE = (
    "charikar2024 and mulgund2025, gain against misfit, on eight real tasks of frozen features; nadeau2003, intervals over splits"
)
SHOWS = ("charikar2024.nonrealizable_linear",)
#: Setting → (task, weak, strong); the weak model of the last but one is a supervisor from outside.
SETTINGS = {
    "stsb_en": ("stsb_en", ("minilm", 0), ("minilm", 6)),
    "emobank": ("emobank", ("minilm", 0), ("minilm", 6)),
    "sst2": ("sst2", ("minilm", 0), ("minilm", 6)),
    "trec": ("trec", ("minilm", 0), ("minilm", 6)),
    "openai_moderation": ("openai_moderation", ("minilm", 0), ("minilm", 6)),
    "hatecheck": ("hatecheck", ("minilm", 0), ("minilm", 6)),
    "unfair terms": ("lexglue_tos_gpt35", ("minilm", 0), ("minilm", 6)),
    "unfair terms, GPT-3.5": ("lexglue_tos_gpt35", ("minilm", 6), ("minilm", 6)),
    "esol": ("esol", ("fingerprints", 0), ("descriptors", 0)),
}
FROM_OUTSIDE = "unfair terms, GPT-3.5"
CONTROLS = ("none", "same features", "permuted teacher", "random features")
#: Rows of a task at most, and the seed that draws them.
MOST_ROWS, ROW_SEED = 1200, 3
SPLITS, CONTROL_SPLITS = {"quick": 10, "full": 15}, 3
#: Tasks that are measured with other numbers of gold labels for the weak head; shares of transfer and test rows there.
BY_LABELS, LABELS, BESIDE = {"quick": ("esol",), "full": ("openai_moderation", "unfair terms")}, (50, 100, 400), (0.4, 0.18)
#: Data sets per world, and blocks of independent runs of the pipeline that make the truth.
DATA_SETS, BLOCKS, BLOCK = {"quick": 6, "full": 150}, {"quick": 1, "full": 8}, 40
WORLDS = {"quick": ("numbers",), "full": ("numbers", "two classes")}
TASKS = {"quick": ("esol",), "full": tuple(SETTINGS)}
SCALES = {
    scale: [
        *(
            {
                "part": "task",
                "task": task,
                "control": control,
                "trial": 0,
                "splits": SPLITS[scale] if control == "none" else CONTROL_SPLITS,
            }
            for task in TASKS[scale]
            for control in CONTROLS
            if control == "none" or task != FROM_OUTSIDE
        ),
        *(
            {"part": "labels", "task": task, "control": "none", "trial": labels, "splits": SPLITS[scale]}
            for task in BY_LABELS[scale]
            for labels in LABELS
        ),
        *(
            {"part": "truth", "task": world, "control": "none", "trial": k, "splits": 0}
            for world in WORLDS[scale]
            for k in range(BLOCKS[scale])
        ),
        *(
            {"part": "cover", "task": world, "control": "none", "trial": k, "splits": 0}
            for world in WORLDS[scale]
            for k in range(DATA_SETS[scale])
        ),
    ]
    for scale in DATA_SETS
}
#: Controls share the splits of their task.
SEED_AXES = ("part", "task", "trial")
BLANK = {
    "loss": "",
    "quantity": "",
    "how": "",
    "value": np.nan,
    "low": np.nan,
    "high": np.nan,
    "penalty": np.nan,
    "split": -1,
    "kind": "",
}


def unavailable(scale: str) -> str:
    """Why the grid of this scale can't run here, "" when it can: texts, encoder and molecules are not shipped."""
    settings = [SETTINGS[task] for task in TASKS[scale]]
    return missing([task for task, _, _ in settings], {source for _, *models in settings for source, _ in models})


def run_one(params: dict[str, Any], *, rng: np.random.Generator) -> list[dict[str, Any]]:
    """One task with one control, or one number of weak labels; or a block of the truth; or one synthetic data set."""
    if params["part"] == "truth":
        found = coverage.truth(coverage.BY_NAME[params["task"]], BLOCK, first=BLOCK * params["trial"])
        return [
            BLANK | {"kind": "truth", "loss": loss, "quantity": name, "value": value}
            for (loss, name), (value, _) in found.items()
        ]
    if params["part"] == "cover":
        return [BLANK | {"kind": "cover"} | row for row in coverage.cover(coverage.BY_NAME[params["task"]], rng=rng)]
    labels = params["trial"] if params["part"] == "labels" else None
    return _rows(_report(params["task"], params["control"], params["splits"], labels=labels, rng=rng))


def _report(setting: str, control: str, splits: int, *, labels: int | None = None, rng: np.random.Generator) -> EmbeddingReport:
    """``labels``: gold labels of the weak head, where they are not a quarter of the rows."""
    name, weak, strong = SETTINGS[setting]
    task: Any = (classes if is_classes(name) else empirical)(name, weak, strong)
    like, answers = groups(name), teacher(name) if setting == FROM_OUTSIDE else None
    if task.size > MOST_ROWS:
        chosen = np.sort(np.random.default_rng(ROW_SEED).choice(task.size, MOST_ROWS, replace=False))
        task, like = _take(task, chosen), like[chosen]
        answers = None if answers is None else answers[chosen]
    of_control = np.random.default_rng([ROW_SEED, CONTROLS.index(control)])
    module: Any = classification if isinstance(task, ClassificationTask) else numbers
    if control == "same features":
        task = module.same_features(task)
    elif control == "random features":
        task = module.random_teacher(task, rng=of_control)
    elif control == "permuted teacher":
        answers = of_control.permutation(task.labels).astype(np.float64)
    sizes = SIZES if labels is None else (labels, *(int(share * task.size) for share in BESIDE))
    return check_embeddings(task, sizes=sizes, splits=splits, teacher=answers, groups=like, rng=rng)


def _take(task: EmpiricalTask | ClassificationTask, rows: np.ndarray) -> Any:
    if isinstance(task, ClassificationTask):
        return replace(task, representations=tuple(each[rows] for each in task.representations), labels=task.labels[rows])
    return replace(
        task, weak_features=task.weak_features[rows], strong_features=task.strong_features[rows], labels=task.labels[rows]
    )


def _rows(report: EmbeddingReport) -> list[dict[str, Any]]:
    """Numbers with intervals, the gain of every split, the path of penalties, verdicts; and how many rows of each part."""
    found = [BLANK | {"kind": "number"} | row for row in report.rows()]
    for loss, gains in report.gains.items():
        found += [
            BLANK | {"kind": "split", "loss": loss, "quantity": "gain", "split": k, "value": gain} for k, gain in enumerate(gains)
        ]
    for point in report.path:
        at = {"kind": "path", "loss": "squared", "quantity": "gain", "penalty": point.penalty}
        found += [BLANK | at | {"split": k, "value": gain} for k, gain in enumerate(point.gains)]
    found += [
        BLANK | {"kind": "verdict", "quantity": check.statement, "how": check.verdict.name, "value": check.margin}
        for check in report.verdicts
    ]
    sizes = ("rows", "rows_left_out", "weak_rows", "transfer_rows", "test_rows", "splits")
    return found + [BLANK | {"kind": "size", "quantity": name, "value": float(report.about[name])} for name in sizes]


def findings(table: dict[str, np.ndarray]) -> list[Finding]:
    """Signs, band, law, penalty and split, losses, statements, controls, coverage."""
    return [
        signs(table),
        band(table),
        misfit_law(table),
        *(sign_by_penalty(table, task) for task in ("openai_moderation", "unfair terms") if np.any(table["task"] == task)),
        sign_by_labels(table),
        disagreement(table),
        statements(table),
        *(control_finding(table, control) for control in CONTROLS[1:]),
        *covers(table),
    ]
