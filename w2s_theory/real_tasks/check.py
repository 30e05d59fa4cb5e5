"""``check_embeddings``: does the misfit theory predict what a strong model gains from a weak one, on this data set of frozen features?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .._validation import class_probabilities, finite, generator, whole
from ..problems.classification import ClassificationTask
from ..problems.devices import torch_device
from ..problems.empirical import EmpiricalTask
from .constant import margins
from .intervals import KINDS, Averages, averages
from .losses import DERIVED
from .measure import Data, Outcome, measure
from .report import EmbeddingReport, Number, PathPoint
from .splits import draw_splits
from .verdicts import split_verdicts

#: Numbers whose intervals end at 0.
NOT_NEGATIVE = ("weak_error", "student_error", "ceiling_error", "misfit")
#: Shares of the rows for the weak head, the transfer rows and the test rows.
SIZES = (0.25, 0.5, 0.25)


def check_embeddings(
    task: EmpiricalTask | ClassificationTask,
    *,
    sizes: Sequence[float] = SIZES,
    splits: int = 10,
    teacher: Any = None,
    groups: Any = None,
    device: str = "cpu",
    rng: np.random.Generator,
    progress: Callable[[int, int], None] | None = None,
) -> EmbeddingReport:
    """Weak error, student, ceiling, misfit, gain, residual, cross term, penalty term, PGR and the sharp band, with intervals, and verdicts.

    On each of ``splits`` ≥ 2 random splits into weak, transfer and test rows of ``sizes`` (counts or shares of the rows), a weak head
    learns the weak rows' gold labels, the student the weak head's labels of the transfer rows, the ceiling their gold labels; all are
    measured on the test rows (``measure``). Classes are split in their shares. ``groups`` (N,) numbers rows that say the same: they stay on
    one side of every split and in one fold where a penalty is chosen, and count once in intervals.

    ``teacher``: labels of an outside weak supervisor for all rows, in the units of the task's labels (for classes an index each, or
    probabilities (N, C)); NaN is no answer, and that row is left out and counted. Then no weak head is trained, and the weak rows are
    transfer rows.

    Losses: "squared" with ridge heads on labels standardised to variance 1 over all rows (of C > 2 classes: on their one-hot
    vectors, divided by the square root of their total variance, so that naming everybody's shares costs 1, as for two classes and numbers);
    for classes also "cross-entropy" (nats) and "accuracy" (as error rates) of softmax heads. They disagree often enough to be shown side by side.
    Under each loss stands beside them what a constant answer costs, and by how much each model beats it (``report.baselines``).
    The ceiling's held-out error stands for the approximation error ε that the theory asks for: on average it is above it.

    ``device``: "cpu" is NumPy, the reference; with "cuda", "cuda:1" or "cpu-torch" the same code runs on torch tensors there, in
    float64. ``progress(done, of)`` is called after each split.

    Raises ``ValueError`` for labels of more than one task, a teacher or groups of the wrong shape, a teacher without two answers, and what
    ``draw_splits`` and ``torch_device`` raise; ``TypeError`` for something else than a task.
    """
    generator(rng)
    whole("splits", splits, at_least=2)
    data, kept, classes, unit = prepare(task, teacher)
    total = len(kept)
    groups = np.arange(task.size) if groups is None else np.unique(_per_row("groups", groups, task.size), return_inverse=True)[1]
    own = np.unique(groups[kept], return_inverse=True)[1]
    of_splits, of_heads, of_verdicts = rng.spawn(3)
    drawn = draw_splits(total, sizes, splits, classes=classes, groups=own, rng=of_splits)
    if teacher is not None:
        drawn = [split._replace(weak=split.weak[:0], transfer=np.concatenate([split.weak, split.transfer])) for split in drawn]
    spread = np.sum(data.numbers**2, axis=1)
    data = _placed(data, device)
    outcomes: list[Outcome] = []
    for k, (split, child) in enumerate(zip(drawn, of_heads.spawn(splits), strict=True)):
        outcomes.append(measure(data, split, groups=own, rng=child))
        if progress is not None:
            progress(k + 1, splits)
    numbers: list[Number] = []
    baselines: list[Number] = []
    by_split: dict[str, np.ndarray] = {}
    for loss in outcomes[0].values:
        influence = np.stack([each.influence[loss] for each in outcomes])
        if loss == "squared":
            # Squared errors are in units of the labels' variance over all rows, which another data set would change as well: with
            # standardised labels y, that of X/σ̂² by row j is −X·(‖y_j‖² − 1)/N. (Heads follow a shift of the labels, so their mean adds nothing.)
            means = np.stack([each.values[loss].mean(axis=1) for each in outcomes])
            influence = influence - means[:, :, None] * (spread - 1.0) / total
        values = [each.values[loss] for each in outcomes]
        found = averages(values, [each.split.test for each in outcomes], influence, own)
        numbers += _numbers(loss, found)
        baselines += margins(loss, [each.split for each in outcomes], values, influence, classes=classes, groups=own)
        shares = np.nan_to_num(np.array(DERIVED["gain"], dtype=np.float64))
        part_of_it = shares != 0.0  # the other quantities may not exist under this loss: NaN, and 0·NaN is NaN
        by_split[loss] = found.by_split[:, part_of_it] @ shares[part_of_it]
    first = outcomes[0]
    about = {
        "task": task.name,
        "kind": "regression" if classes is None else "classes",
        "rows": total,
        "rows_left_out": task.size - total,
        "groups": int(own.max()) + 1,
        "classes": 0 if classes is None else int(classes.max()) + 1,
        "weak_rows": len(first.split.weak),
        "transfer_rows": len(first.split.transfer),
        "test_rows": len(first.split.test),
        "weak_features": 0 if teacher is not None else int(task.weak_features.shape[1]),
        "strong_features": int(task.strong_features.shape[1]),
        "teacher": "a head on the weak features" if teacher is None else "an outside supervisor",
        "splits": splits,
        "device": device,
        "label_unit": unit,
        "penalties": first.penalties,
        "is_synthetic": task.is_synthetic,
    }
    return EmbeddingReport(
        numbers=tuple(numbers),
        verdicts=tuple(split_verdicts(first, rng=of_verdicts)),
        path=_path(outcomes),
        chosen=tuple(each.chosen for each in outcomes),
        gains={loss: tuple(float(gain) for gain in values) for loss, values in by_split.items()},
        about=about,
        baselines=tuple(baselines),
    )


class Prepared(NamedTuple):
    """``data`` as NumPy; the rows ``kept``; their ``classes`` or ``None``; ``unit``: one unit of the standardised labels in given ones."""

    data: Data
    kept: np.ndarray
    classes: np.ndarray | None
    unit: float


def prepare(task: Any, teacher: Any) -> Prepared:
    """The rows that are used, with standardised labels. Raises as ``check_embeddings`` says."""
    if not isinstance(task, EmpiricalTask | ClassificationTask):
        raise TypeError(f"task must be an EmpiricalTask or a ClassificationTask; it is a {type(task).__name__}.")
    if task.labels.ndim != 1:
        raise ValueError(
            f"labels must be those of one task, ({task.size},); their shape is {task.labels.shape}. Check one task at a time."
        )
    kept = np.arange(task.size)
    if teacher is not None:
        teacher = np.array(teacher, dtype=np.float64)
        wide = (task.size, task.classes) if isinstance(task, ClassificationTask) else (task.size,)
        if teacher.shape not in ((task.size,), wide):
            raise ValueError(
                f"teacher must have one label per row, ({task.size},); its shape is {teacher.shape}. Align the rows."
            )
        kept = np.flatnonzero(~np.isnan(teacher.reshape(task.size, -1)).any(axis=1))
        if len(kept) < 2:
            raise ValueError(f"teacher must have an answer for at least two rows; it has {len(kept)} of {task.size}.")
        teacher = finite("teacher", teacher[kept])
    weak, strong = task.weak_features[kept], task.strong_features[kept]
    if isinstance(task, EmpiricalTask):
        labels = task.labels[kept]
        if np.ptp(labels) == 0.0:
            raise ValueError(
                f"labels must not be constant; those of the {len(kept)} rows with an answer of the teacher are all {labels[0]:.6g}. "
                "Ask the teacher for more rows."
            )
        mean, unit = labels.mean(), float(labels.std())
        numbers = ((labels - mean) / unit)[:, None]
        answers = None if teacher is None else ((teacher - mean) / unit)[:, None]
        return Prepared(Data(weak, strong, numbers, None, answers), kept, None, unit)
    classes = task.labels[kept]
    one_hot = task.one_hot(kept)
    shares = one_hot.mean(axis=0)
    if shares.min() == 0.0:
        raise ValueError(
            f"every class must have rows with an answer of the teacher; class {int(np.argmin(shares))} has none among the {len(kept)} that are "
            "left. Ask the teacher for more rows, or leave the class out of the task."
        )
    if teacher is not None and teacher.ndim == 2:
        teacher = class_probabilities("teacher", teacher)
    elif teacher is not None:
        if np.any(teacher != np.round(teacher)) or teacher.min() < 0 or teacher.max() >= task.classes:
            raise ValueError(f"teacher must name classes 0 to {task.classes - 1}, or be NaN; it holds {np.unique(teacher)[:5]}.")
        teacher = np.eye(task.classes)[teacher.astype(np.int64)]
    if task.classes == 2:
        unit = float(np.sqrt(shares[0] * shares[1]))

        def scaled(p: np.ndarray) -> np.ndarray:
            return (p[:, 1:] - shares[1]) / unit
    else:
        unit = float(np.sqrt(np.sum(shares * (1.0 - shares))))

        def scaled(p: np.ndarray) -> np.ndarray:
            return (p - shares) / unit

    answers = None if teacher is None else scaled(teacher)
    return Prepared(Data(weak, strong, scaled(one_hot), one_hot, answers, teacher), kept, classes, unit)


def _per_row(name: str, values: Any, total: int) -> np.ndarray:
    values = np.asarray(values)
    if values.shape != (total,):
        raise ValueError(f"{name} must have one entry per row, ({total},); its shape is {values.shape}. Align the rows.")
    return values


def _placed(data: Data, device: str) -> Data:
    """The arrays as NumPy, or as float64 tensors on a torch device."""
    if device == "cpu":
        return data
    place = torch_device(device)
    import torch

    arrays = {name: None if array is None else torch.tensor(array, device=place) for name, array in vars(data).items()}
    return Data(**arrays)


def _numbers(loss: str, found: Averages) -> list[Number]:
    """Every quantity with each kind of interval; what a loss does not have is left out."""
    numbers = []
    for quantity, coefficients in DERIVED.items():
        for how in KINDS:
            value, low, high = found.of(np.array(coefficients), how, jumps=quantity == "misfit")
            if np.isfinite(value):
                low = max(low, 0.0) if quantity in NOT_NEGATIVE else low
                numbers.append(Number(loss, quantity, value, low, high, how))
    gain, gap = (np.array(DERIVED[name]) for name in ("gain", "gap"))
    for how in KINDS:
        if np.isfinite(found.mean[:3]).all():
            ratio = found.ratio(gain, gap, how)
            value, low, high = (np.nan, -np.inf, np.inf) if ratio is None else ratio
            numbers.append(Number(loss, "pgr", float(value), float(low), float(high), how))
    if loss == "squared":
        epsilon, misfit = found.mean[2], found.mean[3]
        half = 2.0 * float(np.sqrt(misfit * epsilon))
        numbers.append(
            Number(loss, "sharp_band", float(misfit), float(misfit) - half, float(misfit) + half, "misfit ± 2√(misfit·ε)")
        )
    return numbers


def _path(outcomes: list[Outcome]) -> tuple[PathPoint, ...]:
    """The gain along the path of penalties, which has the same points in every split, in units of its features."""
    gains, misfits = (np.stack([getattr(each, name) for each in outcomes]) for name in ("path_gain", "path_misfit"))
    return tuple(
        PathPoint(float(penalty), tuple(gain.tolist()), float(misfit.mean()))
        for penalty, gain, misfit in zip(outcomes[0].path, gains.T, misfits.T, strict=True)
    )
