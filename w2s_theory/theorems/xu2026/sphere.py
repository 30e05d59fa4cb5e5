"""E gain − E misfit = 2r(E‖w‖ + r E cos θ − 2r) for the nearest head of length r, teacher f + σz in d dimensions, ‖f‖ = r.

The class is a sphere, which is not convex. At small noise it is σ⁴(d − 1)(d − 3)/(2r²), negative for d = 2 and of higher order for
d = 3; at large noise positive in every dimension. So gain can fall short of misfit without convexity, and need not. Derived here.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from ...checking import is_met
from ...problems.gaussian_teachers import SphereTeacher
from ...quantities.nonconvex_residual import sphere_numbers
from ...statements import Assumption, InExpectation, Sides, Source, Statement


def _sides(world: SphereTeacher, count: int, rng: np.random.Generator) -> Sides:
    gain, misfit = world.simulate(count, rng)
    law = np.full(count, sphere_numbers(world).residual)
    rounded = np.full(count, world.radius**2 + world.dimension * world.noise**2)  # the squares that are subtracted
    return Sides(gain - misfit, law, scale=rounded, size=np.abs(law))


def _crosses(world: SphereTeacher) -> float:
    """In one dimension gain and misfit are equal but for teachers on the other side: the chance of those."""
    return float(ndtr(-world.radius / world.noise)) if world.dimension == 1 else 1.0


SPHERE = Statement(
    name="xu2026.sphere",
    says="nearest head on a sphere of radius r: E gain − E misfit = 2r(E‖w‖ + r E cos θ − 2r)",
    relation="==",
    sides=_sides,
    about=SphereTeacher,
    kind=InExpectation(is_calibrated=lambda world: is_met(_crosses(world))),
    assumptions=(Assumption("the class is the sphere, not its hull", lambda world: not world.hull),),
    source=Source("xu2026", "a class that is not convex", derived=True),
    tightness="an equality",
    examples=lambda rng: (SphereTeacher(2, 1.0, 4.0), SphereTeacher(20, 2.0, 0.7), SphereTeacher(5, 1.0, 1.0)),
)
