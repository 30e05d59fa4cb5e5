"""The task that the options of ``w2s check-embeddings`` describe: an npz file of arrays, or texts as two frozen models see them."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .check_embeddings import CheckEmbeddings

_ARRAYS = ("weak", "strong", "labels", "teacher", "groups")


class Made:
    """The task that the options describe: features and labels, an outside teacher's labels, groups of like rows, the files it was read from."""

    def __init__(self, task: Any, teacher: Any, groups: Any, inputs: dict[str, Path]) -> None:
        self.task, self.teacher, self.groups, self.inputs = task, teacher, groups, inputs


def arrays_task(file: str, kind: str | None) -> Made:
    """The task in an npz file of plain arrays; ``kind`` where the labels leave it open."""
    path = Path(file)
    try:
        with path.open("rb") as opened:
            archive = np.load(opened, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise ValueError("it holds a single array")
            arrays = {key: archive[key] for key in archive.files}
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError) as error:
        # NumPy's own message would tell the reader to load pickles, which run code.
        raise ValueError(
            f"{path} is damaged or not an npz file of plain arrays (of numbers or texts, not of objects). Write it with "
            "numpy.savez(file, weak=…, strong=…, labels=…); a table of texts is for --texts."
        ) from error
    unknown = sorted(set(arrays) - set(_ARRAYS))
    needed = ["strong", "labels", *(["weak"] if "teacher" not in arrays else [])]
    missing = [name for name in needed if name not in arrays]
    if missing or unknown:
        raise ValueError(
            f"{path} must hold weak, strong and labels, perhaps teacher and groups; it lacks {missing or 'nothing'} and holds {sorted(arrays)}."
        )
    labels = arrays["labels"]
    if labels.dtype.kind not in "fiubU" or labels.ndim != 1:
        raise ValueError(f"{path}: labels must be numbers (N,) or words; they are {labels.dtype} of shape {labels.shape}.")
    kind = kind or ("regression" if labels.dtype.kind == "f" else "classes")
    if labels.dtype.kind == "U":
        labels, arrays = _from_words(labels, arrays, kind, path)
    strong = arrays["strong"]
    for name in ("weak", "strong"):
        _refuse_features(arrays.get(name, strong), name, len(labels), path)
    try:
        task = _task(arrays.get("weak", strong), strong, labels, kind, path.stem)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} does not hold a task: {error}") from error
    return Made(task, arrays.get("teacher"), arrays.get("groups"), {path.name: path})


def _from_words(
    labels: np.ndarray, arrays: dict[str, np.ndarray], kind: str, path: Path
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Words as classes from 0 in sorted order, the labels' and the teacher's; an empty answer of the teacher is NaN."""
    if kind == "regression":
        raise ValueError(
            f"{path}: labels must be numbers for --kind regression; the first is {str(labels[0])!r}. Try --kind classes."
        )
    words, indices = np.unique(labels, return_inverse=True)
    teacher = arrays.get("teacher")
    if teacher is not None and teacher.dtype.kind == "U":
        index = {"": np.nan} | {str(word): float(k) for k, word in enumerate(words)}
        strange = sorted(set(teacher.ravel().tolist()) - set(index))
        if strange:
            raise ValueError(
                f"{path}: teacher must answer with words of labels; {strange[0]!r} is none of {words.tolist()[:10]}."
            )
        answers = np.array([index[word] for word in teacher.ravel().tolist()]).reshape(teacher.shape)
        arrays = arrays | {"teacher": answers}
    return indices.astype(np.int64), arrays


def _refuse_features(features: np.ndarray, name: str, rows: int, path: Path) -> None:
    """Features that are no table of numbers with a row per label, by the name that they have in the file."""
    if features.dtype.kind not in "fiub" or features.ndim != 2:
        raise ValueError(f"{path}: {name} must be numbers (N, d); it is {features.dtype} of shape {features.shape}.")
    if len(features) != rows:
        raise ValueError(
            f"{path}: {name} must have one row per label, {rows}; its shape is {features.shape}. Pass the features of all rows."
        )
    if not np.all(np.isfinite(features)):
        row = int(np.flatnonzero(~np.isfinite(features).all(axis=1))[0])
        raise ValueError(f"{path}: {name} must be finite; row {row} (from 0) is not. Drop that row, or look at how it was made.")


def _task(weak: np.ndarray, strong: np.ndarray, labels: np.ndarray, kind: str, name: str) -> Any:
    from ..problems.classification import ClassificationTask
    from ..problems.empirical import EmpiricalTask

    return ClassificationTask((weak, strong), labels, name) if kind == "classes" else EmpiricalTask(weak, strong, labels, name)


def models_task(options: CheckEmbeddings) -> Made:
    """The task of texts, or molecules, as the two models see it."""
    if options.task == "esol":
        from ..embeddings.molecules import esol_task

        if options.teacher is not None:
            raise ValueError("the task 'esol' has no teacher; name --weak fingerprints or descriptors.")
        weak, strong = (model.partition(":")[0] for model in (str(options.weak), str(options.strong)))
        return Made(esol_task(weak=weak, strong=strong), None, None, {})
    from ..embeddings.columns import near
    from ..embeddings.frozen import task_features
    from ..embeddings.real_tasks import REAL_TASKS, task_names, text_groups, text_task
    from ..embeddings.texts import read_task
    from ..sweeps.progress import Progress

    inputs: dict[str, Path] = {}
    if options.task is not None:
        known = [*task_names(), "esol"]
        if options.task not in known:
            raise ValueError(f"--task must be one of {', '.join(known)}; it is {options.task!r}{near(options.task, known)}.")
        texts = text_task(options.task)
        given = REAL_TASKS[options.task.partition(":")[0]].teacher
        if options.teacher is not None and options.teacher != given:
            has = "has no teacher" if given is None else f"has the teacher {given!r}"
            raise ValueError(
                f"--teacher must name a column of the task; {options.task!r} {has}, and {options.teacher!r} was asked for."
            )
    else:
        file, text, label = str(options.texts), str(options.text), str(options.label)
        try:
            texts = read_task(file, text=text, label=label, text2=options.text2, teacher=options.teacher, kind=options.kind)
        except ValueError as error:
            if options.kind == "regression" and "must hold a finite number" in str(error):
                error.add_note("If the labels are words: --kind classes.")
            raise
        if Path(file).is_file():
            inputs[Path(file).name] = Path(file)
    found: dict[str, tuple[Any, int]] = {}
    for role in ("weak", "strong"):
        name = getattr(options, role)
        if name is not None:
            model, layer = _model(name, texts, options)
            found[role] = model, _layer(model, layer, f"--{role} {name}")
    features = {
        role: task_features(texts, model, layer, folder=options.cache, progress=Progress(f"{role} {getattr(options, role)}"))
        for role, (model, layer) in found.items()
    }
    task = _task(features.get("weak", features["strong"]), features["strong"], texts.labels, texts.kind, texts.name)
    teacher = texts.teacher if options.teacher is not None else None
    return Made(task, teacher, text_groups(texts), inputs)


def _model(name: str, texts: Any, options: CheckEmbeddings) -> tuple[Any, int]:
    """The extractor that MODEL:LAYER names, and the layer."""
    if name == "tfidf":
        from ..embeddings.lexical import Lexical

        return Lexical(texts.texts + (texts.texts2 or ())), 0
    model, _, layer = name.rpartition(":")
    try:
        number = int(layer)
    except ValueError:
        model = ""
        number = 0
    if not model:
        raise ValueError(
            f"a model must be MODEL:LAYER with a whole number for the layer, such as minilm:6, or tfidf; it is {name!r}."
        )
    if model == "stories":
        from ..embeddings.llama2c import stories_model

        return stories_model(), number
    from ..embeddings.extraction import Extractor
    from ..embeddings.offline import offline_encoder

    on = options.device if options.device.startswith("cuda") else "cpu"
    packaged = model == "minilm"
    extractor = Extractor(
        offline_encoder() if packaged else model,
        pooling=options.pooling,
        dtype=options.dtype,
        devices=(on,),
        local_files_only=packaged or options.local_files_only,
        max_tokens=options.max_tokens,
    )
    return extractor, number


def _layer(model: Any, layer: int, option: str) -> int:
    """A layer counted from the end, from the front; refused where the model lacks it, before any text goes through."""
    counted = layer if layer >= 0 else model.layers[-1] + 1 + layer
    if counted not in model.layers:
        raise ValueError(f"{option}: the layer must be one of 0 to {model.layers[-1]}, or counted from the end; it is {layer}.")
    return counted
