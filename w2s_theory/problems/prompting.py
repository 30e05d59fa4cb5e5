"""How a strong model is shown weak labels: a concept world, the number of examples per prompt and of labels for the student."""

from __future__ import annotations

from dataclasses import dataclass

from .._validation import whole
from .concepts import ConceptWorld


@dataclass(frozen=True, eq=False)
class Prompting:
    """``world``; ``examples`` n ≥ 0 weakly labelled examples in each prompt; ``labels`` m that a finite student is fitted on, if one is.

    Raises ``ValueError`` for numbers that are not whole, and ``TypeError`` for another kind of world.
    """

    world: ConceptWorld
    examples: int
    labels: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.world, ConceptWorld):
            raise TypeError(f"world must be a ConceptWorld; it is a {type(self.world).__name__}.")
        whole("examples", self.examples, at_least=0)
        if self.labels is not None:
            whole("labels", self.labels)

    def has_enough_labels(self, spare: int = 1) -> bool:
        """True when least squares on ``labels`` points has an expected error: labels > d + ``spare``."""
        return self.labels is not None and self.labels > self.world.d + spare
