"""What the statements about refinement in concept worlds share: their hypotheses and example worlds."""

from __future__ import annotations

import numpy as np

from ..problems.concepts import ConceptWorld, orthonormal_world
from ..problems.prompting import Prompting
from ..statements import Assumption

GAUSSIAN = Assumption("features are Gaussian", lambda prompting: prompting.world.is_gaussian())
SHARP = Assumption("concepts are points (spread 0)", lambda prompting: prompting.world.is_sharp())
ENOUGH_LABELS = Assumption("labels > d + 1", Prompting.has_enough_labels)


def prompting_examples(rng: np.random.Generator) -> tuple[Prompting, ...]:
    """Two concepts, several in general position with unequal priors, a strong model with imperfect concepts, and the paper's geometry."""
    concepts = rng.standard_normal((3, 4))
    general = ConceptWorld(concepts, concepts[1] + 0.4 * rng.standard_normal(4), 0.8, 1.2, np.array([0.5, 0.3, 0.2]), aligned=1)
    off = ConceptWorld(np.eye(2, 3), np.array([0.9, 0.1, 0.5]), 0.6, 0.8, target=np.array([1.0, 0.1, 0.2]))
    return (
        Prompting(general, 3, labels=20),
        Prompting(off, 6, labels=16),
        Prompting(orthonormal_world(4, alignment=0.7, length=0.8, weak_noise=0.6), 5, labels=20),
        Prompting(orthonormal_world(2, alignment=0.6, length=0.9, weak_noise=0.8), 4, labels=16),
    )
