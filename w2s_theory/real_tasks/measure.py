"""One split of a task: weak head, student and ceiling are trained, and measured on the test rows under every loss of the task.

    weak      ridge or softmax head on the weak features, on gold labels of the weak rows; or an outside supervisor's labels
    student   the same kind of head on the strong features, on the weak model's labels of the transfer rows
    ceiling   the same kind of head on the strong features, on gold labels of the transfer rows

Penalties are chosen inside the rows that a head is fitted to, by the labels it is fitted to: the student's never sees a gold label.
Beside each number goes its *influence*: by how much it would be off if a row of the data were another (``intervals``). A test row has
its own contribution; a training row acts through the heads. Generic in the array library.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._array import array_namespace, to_numpy
from ..design import Design
from ..problems.empirical import Split
from .linear_head import LinearHead, LinearSpace
from .losses import Measured, accuracy, cross_entropy, squared
from .softmax_head import SoftmaxHead, SoftmaxSpace


@dataclass(frozen=True, eq=False)
class Data:
    """A task in one array library, on one device. ``numbers`` (N, q) for ridge heads: standardised, for C > 2 classes one column each,
    together of variance 1; ``one_hot`` (N, C) for softmax heads, ``None`` for a regression; ``teacher_numbers`` and ``teacher_classes``
    are an outside supervisor's labels in the same form, ``None`` where a weak head is trained.
    """

    weak: Any
    strong: Any
    numbers: Any
    one_hot: Any = None
    teacher_numbers: Any = None
    teacher_classes: Any = None


@dataclass(frozen=True, eq=False)
class Outcome:
    """One split. For each loss: ``values`` (k, m) at its test rows and ``influence`` (k, N) over all rows of the task, NumPy.

    ``path_gain`` and ``path_misfit`` (L,): squared loss on the test rows along the ``path`` of penalties, in units of tr(XᵀX)/d;
    ``penalties``: λ that the heads chose; ``chosen``: the ridge student's, in units of the path. ``linear`` and ``softmax``: what the
    models say on transfer and test rows.
    """

    split: Split
    values: dict[str, np.ndarray]
    influence: dict[str, np.ndarray]
    path: np.ndarray
    path_gain: np.ndarray
    path_misfit: np.ndarray
    penalties: dict[str, float]
    chosen: float
    linear: Trained
    softmax: Trained | None


@dataclass(frozen=True, eq=False)
class Trained:
    """Labels or probabilities by weak model, student, ceiling and gold labels on the transfer and the test rows, (n, q) or (n, C)."""

    weak: tuple[Any, Any]
    student: tuple[Any, Any]
    ceiling: tuple[Any, Any]
    gold: tuple[Any, Any]
    weak_head: Any
    student_head: Any
    ceiling_head: Any


def measure(data: Data, split: Split, *, groups: np.ndarray | None = None, rng: np.random.Generator) -> Outcome:
    """Train and measure; ``rng`` draws the softmax heads' held-out fifths. ``groups`` (N,) numbers rows that say the same: where two of them
    train a head, its penalty is chosen on whole groups that are left out.
    """
    rows = Rows.of(data, split, groups)
    linear, space = _train_linear(data, rows)
    losses: dict[str, tuple[Measured, Trained]] = {}
    values = squared(linear.weak[1], linear.student[1], linear.ceiling[1], linear.gold[1])
    losses["squared"] = (values, linear)
    penalties = {name: _penalty(getattr(linear, f"{name}_head")) for name in ("weak", "student", "ceiling")}
    softmax = None
    if data.one_hot is not None:
        softmax = _train_softmax(data, rows, rng)
        four = (softmax.weak[1], softmax.student[1], softmax.ceiling[1], softmax.gold[1])
        losses["cross-entropy"] = (cross_entropy(*four), softmax)
        losses["accuracy"] = (accuracy(*four), softmax)
        penalties |= {f"{name}, softmax": _penalty(getattr(softmax, f"{name}_head")) for name in ("weak", "student", "ceiling")}
    held = Design(rows.strong[1], intercept=True, weak=linear.weak[1], target=linear.gold[1])
    report = space.design.report(linear.weak[0], linear.gold[0], penalties=space.grid, on=held)
    assert report.gain is not None
    xp = array_namespace(linear.gold[0])
    gain, misfit = (to_numpy(xp.sum(part, axis=1)) for part in (report.gain.gain, report.gain.misfit))
    total = len(data.numbers)
    return Outcome(
        split,
        {name: to_numpy(measured.values) for name, (measured, _) in losses.items()},
        {name: _influence(measured, trained, rows, total) for name, (measured, trained) in losses.items()},
        space.grid / space.unit,
        gain,
        misfit,
        penalties,
        penalties["student"] / space.unit,
        linear,
        softmax,
    )


@dataclass(frozen=True, eq=False)
class Rows:
    """A split's row numbers, and features of these rows: ``weak`` on weak, transfer and test rows, ``strong`` on transfer and test rows;
    ``groups`` of the weak and of the transfer rows.
    """

    split: Split
    weak: tuple[Any, Any, Any]
    strong: tuple[Any, Any]
    groups: tuple[Any, Any]

    @classmethod
    def of(cls, data: Data, split: Split, groups: np.ndarray | None) -> Rows:
        weak = tuple(take(data.weak, part) for part in split) if data.teacher_numbers is None else (None, None, None)
        like = (None, None) if groups is None else (groups[split.weak], groups[split.transfer])
        return cls(split, weak, (take(data.strong, split.transfer), take(data.strong, split.test)), like)


def take(array: Any, rows: np.ndarray) -> Any:
    """``array[rows]`` on its device."""
    xp = array_namespace(array)
    return xp.take(array, xp.asarray(rows, device=array.device), axis=0)


def _train_linear(data: Data, rows: Rows) -> tuple[Trained, LinearSpace]:
    gold = tuple(take(data.numbers, part) for part in rows.split)
    if data.teacher_numbers is None:
        head = LinearSpace(rows.weak[0], rows.groups[0]).fit(gold[0])
        weak = (head.predict(rows.weak[1]), head.predict(rows.weak[2]))
    else:
        head, weak = None, (take(data.teacher_numbers, rows.split.transfer), take(data.teacher_numbers, rows.split.test))
    space = LinearSpace(rows.strong[0], rows.groups[1])
    return _trained(head, weak, space.fit(weak[0]), space.fit(gold[1]), rows, gold), space


def _train_softmax(data: Data, rows: Rows, rng: np.random.Generator) -> Trained:
    gold = tuple(take(data.one_hot, part) for part in rows.split)
    if data.teacher_classes is None:
        head = SoftmaxSpace(rows.weak[0], rows.groups[0]).fit(gold[0], rng=rng)
        weak = (head.predict(rows.weak[1]), head.predict(rows.weak[2]))
    else:
        head, weak = None, (take(data.teacher_classes, rows.split.transfer), take(data.teacher_classes, rows.split.test))
    space = SoftmaxSpace(rows.strong[0], rows.groups[1])
    return _trained(head, weak, space.fit(weak[0], rng=rng), space.fit(gold[1], rng=rng), rows, gold)


def _trained(head: Any, weak: tuple, student: Any, ceiling: Any, rows: Rows, gold: tuple) -> Trained:
    by_student, by_ceiling = (tuple(model.predict(part) for part in rows.strong) for model in (student, ceiling))
    return Trained(weak, by_student, by_ceiling, gold[1:], head, student, ceiling)  # type: ignore[arg-type]


def _penalty(head: LinearHead | SoftmaxHead | None) -> float:
    """λ of a head, the geometric mean over its outputs; NaN where none was trained."""
    return float("nan") if head is None else float(np.exp(np.mean(np.log(head.penalty))))


def _influence(measured: Measured, trained: Trained, rows: Rows, total: int) -> np.ndarray:
    """(k, N): what each row of the task adds to the means over the test rows, to first order."""
    xp = array_namespace(measured.values)
    values = measured.values
    k, m = values.shape
    found = np.zeros((k, total))
    found[:, rows.split.test] = to_numpy(values - xp.mean(values, axis=1)[:, None]) / m
    by_weak, by_student, by_ceiling = (
        _scores(part, trained.student_head) / m for part in (measured.by_weak, measured.by_student, measured.by_ceiling)
    )
    of_labels = trained.student_head.sensitivity(rows.strong[1], by_student)
    acting = _summed(of_labels, trained.student_head) + _summed(
        trained.ceiling_head.sensitivity(rows.strong[1], by_ceiling), trained.ceiling_head
    )
    found[:, rows.split.transfer] += to_numpy(acting).T
    if trained.weak_head is not None:
        # The weak head acts at the test rows, and through the labels of the transfer rows.
        features = xp.concat([rows.weak[1], rows.weak[2]], axis=0)
        if isinstance(trained.weak_head, SoftmaxHead):
            of_labels = _through(of_labels, trained.weak[0])
        gradient = xp.concat([of_labels, by_weak], axis=0)
        acting = _summed(trained.weak_head.sensitivity(features, gradient), trained.weak_head)
        found[:, rows.split.weak] += to_numpy(acting).T
    return found


def _summed(sensitivity: Any, head: LinearHead | SoftmaxHead) -> Any:
    """Σ over outputs of ∂/∂label times what the row's label is off: (n, k)."""
    xp = array_namespace(sensitivity)
    return xp.sum(sensitivity * head.left_out[:, :, None], axis=1)


def _scores(gradient: Any, head: LinearHead | SoftmaxHead) -> Any:
    """Derivatives by the scores a head has: with two classes, class 1 alone."""
    return gradient[:, 1:, :] if gradient.shape[1] > head.left_out.shape[1] else gradient


def _through(sensitivity: Any, labels: Any) -> Any:
    """Derivatives by the scores of a softmax head whose probabilities (n, C) are the labels."""
    xp = array_namespace(sensitivity)
    if sensitivity.shape[1] == 1:
        p = labels[:, 1:, None]
        return p * (1.0 - p) * sensitivity
    p = labels[:, :, None]
    return p * (sensitivity - xp.sum(p * sensitivity, axis=1)[:, None, :])
