"""What the statements about concept identification share: their hypotheses, the raw trials and example worlds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..problems.concepts import ConceptWorld, orthonormal_world
from ..problems.prompting import Prompting
from ..quantities.evidence_mgf import delta
from ..quantities.identification import has_distinct_rivals, posterior_odds, preferences, rivals
from ..statements import Assumption, Source
from ._prompting import GAUSSIAN, SHARP

DERIVED = Source("somerstep2025", "latent concepts, in-context refinement", derived=True)


def is_covered(prompting: Prompting) -> bool:
    """True when the exact laws of the evidence apply."""
    world = prompting.world
    return world.is_gaussian() and world.is_sharp() and has_rivals(prompting) and prompting.examples >= 1


def has_rivals(prompting: Prompting) -> bool:
    """True when there is a competitor and none equals the aligned concept."""
    return prompting.world.count >= 2 and has_distinct_rivals(prompting.world)


def has_equal_priors(prompting: Prompting) -> bool:
    """True when no concept is favoured beforehand."""
    return bool(np.all(prompting.world.alpha == prompting.world.alpha[0]))


def is_kept(prompting: Prompting) -> bool:
    """True when every competitor is ruled out at a positive rate."""
    return is_covered(prompting) and bool(np.all(rivals(prompting.world).kappa > 0.0))


def has_fourth_moment(prompting: Prompting, tilt: float) -> bool:
    """True when exp(tilt · log-odds) has a finite fourth moment."""
    return bool(np.all(delta(prompting.world, 4.0 * tilt) > 0.0))


RIVALS = Assumption("there are competitors, and none equals the aligned concept", has_rivals)
EXAMPLES = Assumption("a prompt has at least one example", lambda prompting: prompting.examples >= 1)
EQUAL_PRIORS = Assumption("equal priors", has_equal_priors)
KEPT = Assumption("the weak vector is nearest to the aligned concept", is_kept)
TWO_CONCEPTS = Assumption(
    "two concepts, both possible", lambda prompting: prompting.world.count == 2 and bool(np.all(prompting.world.alpha > 0.0))
)
#: The hypotheses of the exact laws of the evidence.
ASSUMPTIONS = (GAUSSIAN, SHARP, RIVALS, EXAMPLES)


def errors(prompting: Prompting, count: int, rng: np.random.Generator) -> np.ndarray:
    """Whether some competitor beats the aligned concept, in simulated prompts, (count,)."""
    return preferences(np.max(posterior_odds(prompting, count, rng), axis=-1))


def wrong_weights(prompting: Prompting, count: int, rng: np.random.Generator) -> np.ndarray:
    """1 − w_* in simulated prompts, (count,), without cancellation."""
    odds = posterior_odds(prompting, count, rng)
    largest = np.maximum(np.max(odds, axis=-1), 0.0)
    total = np.sum(np.exp(odds - largest[:, None]), axis=-1)
    return total / (total + np.exp(-largest))


def _general(rng: np.random.Generator, prior: np.ndarray | None = None) -> ConceptWorld:
    """Four concepts in general position, a weak vector near the third, and a truth that is none of them."""
    concepts = rng.standard_normal((4, 5))
    weak = concepts[2] + 0.3 * rng.standard_normal(5)
    return ConceptWorld(concepts, weak, 1.5, 1.2, prior, aligned=2, target=concepts[2] + 0.1)


def identification_examples(rng: np.random.Generator) -> tuple[Prompting, ...]:
    """Four concepts in general position, a lost concept, and the paper's geometry."""
    lost = ConceptWorld(np.eye(2, 3), np.array([0.4, 0.7, 0.5]), 0.7)
    paper = orthonormal_world(2, alignment=0.6, length=0.9, weak_noise=0.8)
    return Prompting(_general(rng), 3), Prompting(lost, 6), Prompting(paper, 5)


def unequal_examples(rng: np.random.Generator) -> tuple[Prompting, ...]:
    """Priors for and against the aligned concept."""
    against = orthonormal_world(2, alignment=0.6, length=0.9, weak_noise=0.8, prior=np.array([0.2, 0.8]))
    favoured = ConceptWorld(np.eye(2), np.array([0.7, 0.2]), 0.9, 0.6, np.array([0.7, 0.3]))
    return Prompting(_general(rng, np.array([0.4, 0.3, 0.2, 0.1])), 3), Prompting(favoured, 4), Prompting(against, 6)


def faint_examples(rng: np.random.Generator) -> tuple[Prompting, ...]:
    """Beliefs in label noise that make evidence count fully, and hardly at all (the last one)."""
    paper = orthonormal_world(2, alignment=0.6, length=0.9, weak_noise=0.8, belief=0.7)
    return Prompting(_general(rng), 5), Prompting(paper, 8), Prompting(replace(paper, belief=20.0), 2)
