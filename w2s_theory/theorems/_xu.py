"""Problems shared by the statements on expected misfit (after Xu et al. 2026)."""

from __future__ import annotations

import numpy as np

from ..divergences import KL, ItakuraSaito
from ..problems.gaussian_teachers import GaussianTeacher
from ..problems.random_teachers import RandomTeacher, committees, posterior_means
from ..statements import Assumption

TEACHERS, POINTS, AXES = 6, 9, 30
IS_SQUARED = Assumption("the loss is squared error", RandomTeacher.is_squared)
IS_BREGMAN = Assumption("the loss is a Bregman divergence", RandomTeacher.is_bregman)
IS_POSTERIOR_MEAN = Assumption("the student is the (dual) mean of the teacher given the student", RandomTeacher.is_posterior_mean)


def squared_world(rng: np.random.Generator) -> RandomTeacher:
    """Gaussian teachers of unequal probabilities; the student knows which of three groups its teacher is from."""
    teachers, probabilities = rng.standard_normal((TEACHERS, POINTS)), rng.dirichlet(np.ones(TEACHERS))
    students = posterior_means(teachers, np.arange(TEACHERS) % 3, probabilities=probabilities)
    return RandomTeacher(teachers, students, rng.standard_normal(POINTS), probabilities, rng.uniform(0.5, 1.5, POINTS))


def any_student(rng: np.random.Generator) -> RandomTeacher:
    """Teachers and students without a relation."""
    teachers, students = rng.standard_normal((2, TEACHERS, POINTS))
    return RandomTeacher(teachers, students, rng.standard_normal(POINTS), rng.dirichlet(np.ones(TEACHERS)))


def probability_teachers(rng: np.random.Generator, *, classes: int = 3) -> np.ndarray:
    """Teachers that are probability vectors at every point, (m, n, c)."""
    return rng.dirichlet(np.ones(classes), size=(TEACHERS, POINTS))


def kl_world(rng: np.random.Generator, *, groups: int = 2) -> RandomTeacher:
    """Probability vectors; the student is the normalised geometric mean of the teachers of its group."""
    teachers, probabilities = probability_teachers(rng), rng.dirichlet(np.ones(TEACHERS))
    students = posterior_means(teachers, np.arange(TEACHERS) % groups, probabilities=probabilities, divergence="kl")
    return RandomTeacher(teachers, students, rng.dirichlet(np.ones(3), size=POINTS), probabilities, divergence=KL())


def positive_world(rng: np.random.Generator) -> RandomTeacher:
    """Positive numbers, Itakura–Saito: the student is the harmonic mean."""
    teachers = rng.lognormal(size=(TEACHERS, POINTS))
    students = posterior_means(teachers, np.arange(TEACHERS) % 2, divergence=ItakuraSaito())
    return RandomTeacher(teachers, students, rng.lognormal(size=POINTS), divergence=ItakuraSaito())


def kl_committees(rng: np.random.Generator) -> RandomTeacher:
    """Geometric means of three independent teachers, all outcomes."""
    return committees(probability_teachers(rng)[:4], rng.dirichlet(np.ones(3), size=POINTS), size=3, divergence=KL())


def gaussian_world(rng: np.random.Generator, *, penalty: float, mean: float = 0.0, spread: float = 1.0) -> GaussianTeacher:
    """AXES axes of decreasing strength, noise one; ``penalty`` in units of the posterior mean's."""
    strengths = 8.0 / np.sqrt(np.arange(1.0, 1.0 + AXES))
    target = mean + 0.2 * rng.standard_normal(AXES)
    return GaussianTeacher(strengths, strengths / 8.0, np.full(AXES, mean), target, spread, 1.0, penalty / spread**2)
