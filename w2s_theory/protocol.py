"""The weak-to-strong protocol for classes, on frozen representations: who is trained on whose labels, for which rows.

    weak      the weakest model, on the gold labels of the weak rows
    student   the strongest model, on the weak model's soft labels of the transfer rows
    ceiling   the strongest model, on gold labels: of the transfer rows, or of the weak rows

after Burns et al. 2023. Both ceilings are in use: their ``train_weak_to_strong.py`` and EleutherAI's code take the gold labels of the
transfer rows, their ``sweep.py`` those of the weak rows. Models are heads on frozen features, made by any ``students.classifiers.Classifier``. No
student ever sees a gold label; whatever it selects, such as a penalty or when to stop, it selects by weak labels. NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

import numpy as np

from ._validation import class_probabilities, generator, whole
from .divergences import Divergence, ZeroOne, as_divergence
from .problems.classification import ClassificationTask
from .problems.empirical import Split
from .students.classifiers import Classifier, SoftmaxRule
from .triple import Triple

Place = Literal["transfer", "test"]
Target = Literal["gold", "ceiling"]

#: (features (n, d), soft labels (n, C)) -> (other labels (n, C), which rows to keep (n,)): probes that repair or drop labels.
Relabel = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


class Predictions(NamedTuple):
    """Probabilities that one model gives to the classes on the transfer rows (n, C) and on the test rows (m, C), in this order.

    Parts of equal size that are given the wrong way round can't be told from the right ones: name them, ``Predictions(test=…, transfer=…)``.
    """

    transfer: np.ndarray
    test: np.ndarray


class GoldLabels(NamedTuple):
    """True classes, whole numbers 0 to C − 1, of the transfer rows (n,) and of the test rows (m,)."""

    transfer: np.ndarray
    test: np.ndarray


@dataclass(frozen=True, eq=False)
class ProtocolRun:
    """The outcome: what every model says of the transfer rows and of the test rows, and the gold labels there.

    ``weak`` and ``ceiling`` are Predictions; ``stages`` has those of every model that learned from labels of the one before it, the
    student last; ``kept`` the number of transfer rows each of them was trained on. ``gold`` has the true classes.
    """

    task: str
    split: Split
    gold: GoldLabels
    weak: Predictions
    stages: tuple[Predictions, ...]
    ceiling: Predictions
    kept: tuple[int, ...]

    @property
    def student(self) -> Predictions:
        """The last of the ``stages``."""
        return self.stages[-1]

    def agreement(self, where: Place = "test") -> float:
        """Share of rows on which student and weak model name the same class (student-supervisor agreement of Burns et al.).

        Raises ``ValueError`` for another place than "transfer" or "test".
        """
        _one_of("where", where, Place)
        return float(np.mean(_named(getattr(self.student, where)) == _named(getattr(self.weak, where))))

    def triple(self, where: Place = "test", divergence: str | Divergence = "kl", *, target: Target = "gold") -> Triple:
        """Weak, student, target and ceiling on the transfer or the test rows, for ``quantities.gain.report``.

        Divergences of vectors compare probabilities with the one-hot gold labels, so that KL(target ‖ ·) is the cross-entropy; the
        zero-one loss compares the most probable classes. ``target="ceiling"`` puts the ceiling in the place of the gold labels: a
        target that the strong model can express, as experiments on the theory of misfit have it (Mulgund and Pabbaraju 2025).
        Raises ``ValueError`` for another place or target, a divergence of single numbers other than the zero-one loss, and for what it does
        not admit: a one-hot target where a divergence is infinite at 0.
        """
        _one_of("where", where, Place)
        _one_of("target", target, Target)
        loss = as_divergence(divergence)
        weak, student, ceiling, gold = (getattr(each, where) for each in (self.weak, self.student, self.ceiling, self.gold))
        if loss.event_ndim == 0:
            if not isinstance(loss, ZeroOne):
                raise ValueError(
                    f"divergence must compare vectors of probabilities, or be 'zero-one'; it is {loss.name!r}. Take 'kl' or "
                    "Squared(vector=True)."
                )
            weak, student, ceiling = _named(weak), _named(student), _named(ceiling)
        else:
            gold = np.eye(ceiling.shape[-1])[gold]
        return Triple(weak, student, gold if target == "gold" else ceiling, ceiling=ceiling, divergence=loss)


def run_protocol(
    task: ClassificationTask,
    *,
    split: Split,
    student: Classifier,
    weak: Classifier | Predictions | None = None,
    ceiling: Literal["transfer", "weak"] | Predictions = "transfer",
    chain: Sequence[int] = (),
    rounds: int = 1,
    relabel: Relabel | None = None,
    shuffle: bool = False,
    rng: np.random.Generator,
) -> ProtocolRun:
    """Train the weak model, let it label the transfer rows, train the student on these labels, and the ceiling on gold ones.

    ``student`` is the rule of every strong head; ``weak`` that of the weak one, by default ``SoftmaxRule()``. ``weak`` and
    ``ceiling`` also take the ``Predictions`` of an earlier run, or of a supervisor from elsewhere; ``ceiling`` "transfer" or "weak" says
    whose gold labels it learns. Variations:

    * ``chain``: bootstrapping. Places in ``task.representations`` of the intermediate models between the weak and the strong one;
      each learns from the one before it and labels the same transfer rows for the next.
    * ``rounds``: students in a row; each after the first is a fresh strong model that learns from the soft labels of the one before.
    * ``relabel``: a function of the learner's features and its soft labels on the transfer rows; it returns new labels and which rows to
      keep. Every stage goes through it. It sees no gold label. With ``students.relabelling`` for example
      ``lambda x, y: (relabel(NeighbourProbe(50), x, y), np.full(len(y), True))``.
    * ``shuffle``: negative control. The weak labels are permuted within the transfer rows and within the test rows: a teacher whose
      labels have the right distribution and know nothing of their sample. Its student can still have a PGR above 0: with unequal
      classes, naming the commonest one beats guessing. Compare its accuracy with the commonest class's share.

    Raises ``ValueError`` for a chain that does not rise between the weakest and the strongest, Predictions of other shapes or that are
    no probabilities, or a ``relabel`` that keeps no row, ``TypeError`` for something else in the place of a rule; and whatever the rules raise.

    ``rng`` is spawned into one generator for the weak model, the shuffle, the ceiling and each stage: what one of them draws changes
    nothing for the others, so that runs that differ in a ceiling or in later rounds, and start from equal generators, have the same
    models elsewhere.
    """
    last = len(task.representations) - 1
    chain = [whole("each place in chain", place) for place in chain]
    if any(second <= first for first, second in zip([0, *chain], [*chain, last], strict=True)):
        raise ValueError(
            f"chain must rise and lie strictly between the weakest representation, 0, and the strongest, {last}; it is {tuple(chain)}. "
            "Add intermediate representations to the task (problems.classification.with_components makes one)."
        )
    _needs_fit("student", student)
    of_weak, of_shuffle, of_ceiling, of_stages = generator(rng).spawn(4)
    gold = GoldLabels(task.labels[split.transfer], task.labels[split.test])
    if isinstance(weak, tuple):
        weak = _checked("weak", weak, task, split)
    else:
        rule = _needs_fit("weak", SoftmaxRule() if weak is None else weak, "the Predictions of transfer and test rows, None")
        weak = _learn(task, 0, split, rule, split.weak, task.one_hot(split.weak), of_weak)
    if shuffle:
        weak = Predictions(*(of_shuffle.permutation(labels) for labels in weak))
    if isinstance(ceiling, tuple):
        ceiling = _checked("ceiling", ceiling, task, split)
    else:
        ceiling = train_ceiling(task, split=split, student=student, gold=ceiling, rng=of_ceiling)
    stages, kept, teacher = [], [], weak
    places = (*chain, *[last] * whole("rounds", rounds))
    for place, own in zip(places, of_stages.spawn(len(places)), strict=True):
        rows, labels = split.transfer, teacher.transfer
        if relabel is not None:
            rows, labels = _relabelled(relabel, task.representations[place][rows], rows, labels)
        teacher = _learn(task, place, split, student, rows, labels, own)
        stages.append(teacher)
        kept.append(len(rows))
    return ProtocolRun(task.name, split, gold, weak, tuple(stages), ceiling, tuple(kept))


def train_ceiling(
    task: ClassificationTask,
    *,
    split: Split,
    student: Classifier,
    gold: Literal["transfer", "weak"] = "transfer",
    rng: np.random.Generator,
) -> Predictions:
    """The strong model trained on the gold labels of the transfer rows, or of the weak rows: the two ceilings that are in use.

    On the transfer rows it differs from the student in its labels only; on the weak rows it differs from the weak model in its
    features only. Raises ``ValueError`` for another ``gold``.
    """
    if not isinstance(gold, str) or gold not in ("transfer", "weak"):
        asked = repr(gold) if isinstance(gold, str) else f"those of a {type(gold).__name__}"
        raise ValueError(
            f"the ceiling learns the gold labels of the 'transfer' or the 'weak' rows; asked for were {asked}. run_protocol also takes "
            "the Predictions of one."
        )
    rows = getattr(split, gold)
    return _learn(task, len(task.representations) - 1, split, student, rows, task.one_hot(rows), rng)


def _learn(
    task: ClassificationTask,
    place: int,
    split: Split,
    rule: Classifier,
    rows: np.ndarray,
    labels: np.ndarray,
    rng: np.random.Generator,
) -> Predictions:
    """Train one head on the representation at ``place`` and let it predict."""
    features = task.representations[place]
    fitted = rule.fit(features[rows], labels, rng=rng)
    predicted = Predictions(*(fitted.predict(features[where]) for where in (split.transfer, split.test)))
    return _checked("the predictions of a Classifier", predicted, task, split)


def _relabelled(relabel: Relabel, features: np.ndarray, rows: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows that are kept, and their new labels."""
    changed, keep = relabel(features, labels)
    keep = np.asarray(keep)
    if np.shape(changed) != labels.shape or keep.shape != rows.shape or keep.dtype != bool or not keep.any():
        raise ValueError(
            f"relabel must return labels of shape {labels.shape} and a mask of {len(rows)} booleans that keeps a row; it returned shapes "
            f"{np.shape(changed)} and {keep.shape}, and keeps {np.sum(keep)}."
        )
    return rows[keep], class_probabilities("the labels that relabel returned", np.asarray(changed)[keep])


def _checked(name: str, predictions: Sequence[np.ndarray], task: ClassificationTask, split: Split) -> Predictions:
    """``predictions`` as float64 rows that sum to 1 exactly up to rounding; they may come in single precision."""
    if len(predictions) != 2:
        raise ValueError(f"{name} must be Predictions of the transfer and the test rows; there are {len(predictions)} arrays.")
    checked = []
    for where, labels in zip(Predictions._fields, predictions, strict=True):
        expected = (len(getattr(split, where)), task.classes)
        if np.shape(labels) != expected:
            raise ValueError(f"{name} must have shape {expected} on the {where} rows; the shape is {np.shape(labels)}.")
        checked.append(class_probabilities(f"{name}, {where} rows,", labels))
    return Predictions(*checked)


def _one_of(name: str, value: Any, choices: Any) -> None:
    """Refuse what is not one of the strings of a ``Literal``."""
    if not isinstance(value, str) or value not in get_args(choices):
        raise ValueError(f"{name} must be one of {', '.join(map(repr, get_args(choices)))}; it is {value!r}.")


def _needs_fit(name: str, rule: Any, other: str = "") -> Classifier:
    """``rule`` if it has the method of a Classifier; raises ``TypeError`` otherwise."""
    if not callable(getattr(rule, "fit", None)):
        raise TypeError(
            f"{name} must be {other + ' or ' if other else ''}a Classifier with a method fit, such as SoftmaxRule(); it is a "
            f"{type(rule).__name__}."
        )
    return rule


def _named(probabilities: np.ndarray) -> np.ndarray:
    """The most probable class of every row."""
    return np.argmax(probabilities, axis=-1)
