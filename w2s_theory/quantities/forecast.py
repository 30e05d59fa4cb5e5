"""Before anything is run: will refinement help, hurt or copy the weak teacher? From the population parameters of a concept world.

Compared are the closed forms of the naive and of the refined student (``quantities.refined_risk``): with a number of examples per
prompt or in the limit, and with unlimited or a given number of labels for the student. The limits need no integral: with sharp concepts
refinement goes to the concept nearest to β_w, with soft ones (spread ψ > 0) every weak label is learnt in the end, and it copies.
Derived here (after somerstep2025).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .._validation import positive, whole
from ..problems.concepts import ConceptWorld
from .naive_finetuning import naive_risk
from .refined_risk import finite_student_risk, limit_risk, refined_risk

Word = Literal["helps", "hurts", "copies"]
#: A gap below this share of the squared size of the concepts is rounding, or might as well be.
NEGLIGIBLE = 1e-9


@dataclass(frozen=True)
class Forecast:
    """What refinement is expected to do, and the two errors behind the word.

    ``word``: refinement "helps", "hurts" or "copies" (the gap is within ``tolerance`` of the naive error, or below a billionth of the
    squared size of the concepts). ``naive`` and ``refined``: the two expected errors ‖β − β_*‖²; ``limit``: the refined one with
    unlimited examples and labels.

    >>> from w2s_theory.problems.concepts import orthonormal_world
    >>> print(forecast(orthonormal_world(4, alignment=0.7, weak_noise=0.5)))
    refinement helps in the limit: error 0 instead of 0.09
    """

    word: Word
    naive: float
    refined: float
    limit: float
    examples: int | None
    labels: int | None
    tolerance: float

    @property
    def gap(self) -> float:
        """naive − refined: positive where refinement helps."""
        return self.naive - self.refined

    def __str__(self) -> str:
        read = "in the limit" if self.examples is None else f"with {self.examples} examples per prompt"
        learnt = "" if self.labels is None else f" and {self.labels} labels"
        return f"refinement {self.word} {read}{learnt}: error {self.refined:.4g} instead of {self.naive:.4g}"


def forecast(world: ConceptWorld, *, examples: int | None = None, labels: int | None = None, tolerance: float = 0.05) -> Forecast:
    """What refinement with ``examples`` weakly labelled examples per prompt will do for a student of ``labels`` labels.

    ``None`` stands for unlimited; ``labels`` needs ``examples``. ``tolerance`` ≥ 0: "copies" when |naive − refined| ≤ tolerance · naive.
    Finite ``examples`` take an integral for three concepts or more: about 0.1 s for 4 of them, 10 s for 20. Raises ``TypeError`` for
    another kind of world, ``ValueError`` for a soft or a uniform one with finite ``examples`` (simulate it with students.refinement, or
    see quantities.soft_concepts), and unless labels > d + 1.
    """
    if not isinstance(world, ConceptWorld):
        raise TypeError(f"world must be a ConceptWorld; it is a {type(world).__name__}.")
    if examples is not None:
        whole("examples", examples, at_least=0)
    if labels is not None and whole("labels", labels) <= world.d + 1:
        raise ValueError(f"labels must exceed d + 1 = {world.d + 1} for a finite expectation; it is {labels}. Label more points.")
    positive("tolerance", tolerance, strict=False)
    limit = limit_risk(world) if world.is_sharp() else world.weak_error
    naive = world.weak_error if labels is None else naive_risk(world, labels)
    if examples is None and labels is None:
        refined = limit
    elif examples is None:
        raise ValueError(
            "examples must be given together with labels; for long prompts pass a large number, as in examples=1000."
        )
    else:
        refined = refined_risk(world, examples) if labels is None else finite_student_risk(world, examples, labels)
    difference = naive - refined
    negligible = NEGLIGIBLE * float(max(world.error(world.concepts).max(), world.truth @ world.truth))
    word: Word = "copies" if abs(difference) <= max(tolerance * naive, negligible) else "helps" if difference > 0 else "hurts"
    return Forecast(word, naive, refined, limit, examples, labels, tolerance)
