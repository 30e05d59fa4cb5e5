"""The checking routine for each kind of claim: statement + problem → Check.

A noisy equality needs a resolution before it may say HOLDS; a solver that did not converge gives UNSOLVED; NaN has its own verdict
because every comparison with it is false; a problem outside the assumptions gives OUT_OF_SCOPE.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import numpy as np

from ._array import to_numpy
from ._validation import MissingExtra, SolverFailure, generator
from .montecarlo import mean_estimate, proportion_estimate, simulate_until
from .outcomes import Check, Estimate, Verdict
from .statements import ForEvery, InExpectation, InLimit, Sides, Statement, WithProbability

#: Rounding allowed on a difference of two sides, in units of epsilon × scale. A pairwise sum of n terms is off by at most
#: log2(n) + 1 units, a sequential one by n; the sides chain a handful of sums, so 256 covers samples up to the thousands with room.
ROUNDING_UNITS = 256.0
#: A solve whose error bound exceeds this share of the scale has not answered the question.
SOLVER_SHARE = 1e-4
#: Chance that a random check calls a true statement VIOLATED.
FALSE_ALARM = 1e-6
#: Trials of a with-probability check.
PROBABILITY_TRIALS = 400
#: Trials at each size of an in-the-limit check.
LIMIT_TRIALS = 4096


def check_statement(statement: Statement, problem: Any, *, rng: np.random.Generator) -> Check:
    """Check ``statement`` on ``problem`` and return a Check; only misuse raises.

    Raises ``TypeError`` when the problem is not of the type the statement is about, or ``rng`` is not a Generator.
    """
    generator(rng)
    if not isinstance(problem, statement.about):
        kinds = statement.about if isinstance(statement.about, tuple) else (statement.about,)
        wanted = " or ".join(kind.__name__ for kind in kinds)
        raise TypeError(f"problem must be a {wanted} for {statement.name}; it is a {type(problem).__name__}.")
    blank = Check(statement.name, Verdict.OUT_OF_SCOPE, relation=statement.relation, seed=_fingerprint(rng))
    try:
        failed = statement.failed_assumptions(problem)
        if failed:
            return replace(blank, failed=failed)
        match statement.kind:
            case ForEvery():
                return _for_every(statement, problem, blank)
            case InExpectation():
                return _in_expectation(statement, statement.kind, problem, blank, rng)
            case WithProbability():
                return _with_probability(statement, statement.kind, problem, blank, rng)
            case InLimit():
                return _in_limit(statement, statement.kind, problem, blank, rng)
    except (MissingExtra, SolverFailure) as error:
        return replace(blank, verdict=Verdict.UNSOLVED, why=str(error))
    raise AssertionError(f"no checking routine for {statement.kind!r}")


def _for_every(statement: Statement, problem: Any, blank: Check) -> Check:
    """Compare the sides task by task, up to rounding and solver error; report the task with the worst margin beyond its error."""
    left, right, scale, solver, epsilon = _as_arrays(statement.sides(problem))
    if not (np.all(np.isfinite(left)) and np.all(np.isfinite(right))):
        return replace(blank, verdict=Verdict.NONFINITE, why="a side of the statement is NaN or infinite")
    if np.any(solver > SOLVER_SHARE * scale):
        return replace(
            blank,
            verdict=Verdict.UNSOLVED,
            why=f"the solver's error bound {solver.max():.3g} is not small against {scale.max():.3g}",
        )
    error = ROUNDING_UNITS * epsilon * scale + solver
    margin = _margin(statement.relation, left, right)
    worst = int(np.argmin(margin + error))
    return replace(
        blank,
        verdict=Verdict.HOLDS if margin[worst] >= -error[worst] else Verdict.VIOLATED,
        margin=float(margin[worst]),
        error=float(error[worst]),
        left=float(left[worst]),
        right=float(right[worst]),
        method=f"exact on {left.size} task{'s' if left.size > 1 else ''}",
    )


def _in_expectation(statement: Statement, kind: InExpectation, problem: Any, blank: Check, rng: np.random.Generator) -> Check:
    """Average left − right over trials; the interval must be narrow against the declared resolution before an equality holds."""
    if not kind.has_variance(problem):
        return replace(
            blank, verdict=Verdict.INCONCLUSIVE, why="the trials have infinite variance here, so no interval is calibrated"
        )
    total = np.zeros(4)  # left, right, scale, number of trials

    def draw(count: int, rng: np.random.Generator) -> np.ndarray:
        sides = statement.sides(problem, count, rng)
        left, right, scale, _, _ = _as_arrays(sides)
        total[:] += left.sum(), right.sum(), 0.0 if sides.scale is None else scale.sum(), count
        return left - right

    def resolution() -> float:
        # Without a stated scale it is the larger mean side: the size of single trials would grow with their noise.
        return float(kind.resolution * (total[2] or np.max(np.abs(total[:2]))) / total[3])

    def resolved(difference: Estimate) -> bool:
        return difference.high - difference.low <= 2.0 * resolution() or not difference.covers(0.0)

    try:
        difference = simulate_until(draw, resolved, rng=rng, false_alarm=FALSE_ALARM)
    except ValueError as error:
        return replace(blank, verdict=Verdict.NONFINITE, why=str(error))
    half = (difference.high - difference.low) / 2.0
    margin = float(_margin(statement.relation, np.asarray(difference.value), np.zeros(())))
    if margin < -half:
        verdict = Verdict.VIOLATED
    elif statement.relation != "==" and margin >= half:
        verdict = Verdict.HOLDS
    else:  # indistinguishable from equality: that means something only if the declared resolution could be seen
        verdict = Verdict.HOLDS if half <= resolution() else Verdict.INCONCLUSIVE
    return replace(
        blank,
        verdict=verdict,
        margin=margin,
        error=half,
        left=float(total[0] / total[3]),
        right=float(total[1] / total[3]),
        method=difference.method,
        trials=int(total[3]),
    )


def _with_probability(statement: Statement, kind: WithProbability, problem: Any, blank: Check, rng: np.random.Generator) -> Check:
    """Count how often the relation fails over trials and compare the exact interval of that rate with δ."""
    sides = statement.sides(problem, PROBABILITY_TRIALS, rng)
    left, right, scale, solver, epsilon = _as_arrays(sides)
    if not (np.all(np.isfinite(left)) and np.all(np.isfinite(right))):
        return replace(blank, verdict=Verdict.NONFINITE, why="a side of the statement is NaN or infinite")
    margins = _margin(statement.relation, left, right) + ROUNDING_UNITS * epsilon * scale + solver
    failures = int(np.count_nonzero(margins < 0))
    rate = proportion_estimate(failures, margins.size, level=1.0 - FALSE_ALARM)
    delta = kind.delta(problem)
    if rate.low > delta:
        verdict = Verdict.VIOLATED
    else:
        verdict = Verdict.HOLDS if rate.high <= delta else Verdict.INCONCLUSIVE
    worst = int(np.argmin(margins))
    return replace(
        blank,
        verdict=verdict,
        margin=float(margins[worst]),
        error=float((ROUNDING_UNITS * epsilon * scale + solver)[worst]),
        left=float(left[worst]),
        right=float(right[worst]),
        method=f"{failures} failures in {margins.size} draws, δ = {delta:.3g}, failure rate at most {rate.high:.3g}",
        trials=margins.size,
    )


def _in_limit(statement: Statement, kind: InLimit, problem: Any, blank: Check, rng: np.random.Generator) -> Check:
    """Measure |left/right − 1| along the sizes; fit the envelope constant on the first half, judge the second half by it."""
    level = 1.0 - FALSE_ALARM / len(kind.sizes)
    low, high, last = [], [], None
    for size in kind.sizes:
        left, right, _, _, _ = _as_arrays(statement.sides(kind.at(problem, size), LIMIT_TRIALS, rng))
        error = mean_estimate(left / right - 1.0, level=level)
        bounds = sorted((abs(error.low), abs(error.high)))
        low.append(0.0 if error.covers(0.0) else bounds[0])
        high.append(bounds[1])
        last = error
    assert last is not None
    sizes = np.array(kind.sizes, dtype=np.float64)
    half = len(sizes) // 2
    constant = float(np.max(np.array(high[:half]) * sizes[:half] ** kind.rate))
    envelope = constant * sizes[half:] ** (-kind.rate)
    if np.any(np.array(low[half:]) > envelope) or low[-1] > kind.resolution:
        verdict = Verdict.VIOLATED
    else:
        verdict = Verdict.HOLDS if high[-1] <= kind.resolution else Verdict.INCONCLUSIVE
    return replace(
        blank,
        verdict=verdict,
        margin=-abs(last.value),
        error=(last.high - last.low) / 2.0,
        left=1.0 + last.value,
        right=1.0,
        method=f"sizes {kind.sizes[0]} to {kind.sizes[-1]}, last ratio {1.0 + last.value:.4g}",
        trials=LIMIT_TRIALS * len(sizes),
    )


def _margin(relation: str, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Room left in the relation: positive is good; an equality has at most zero."""
    if relation == "<=":
        return right - left
    return left - right if relation == ">=" else -np.abs(left - right)


def _as_arrays(sides: Sides) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, float]:
    """Flatten the sides to float64 vectors of one length, with their scale, solver error and unit rounding."""
    parts = [
        np.asarray(to_numpy(part) if hasattr(part, "shape") else part, dtype=np.float64) for part in (sides.left, sides.right)
    ]
    scale = np.maximum(np.abs(parts[0]), np.abs(parts[1])) if sides.scale is None else _float64(sides.scale)
    left, right, scale, solver = np.broadcast_arrays(parts[0], parts[1], scale, _float64(sides.solver_error))
    return left.ravel(), right.ravel(), scale.ravel(), solver.ravel(), sides.epsilon


def _float64(value: Any) -> np.ndarray:
    return np.asarray(to_numpy(value) if hasattr(value, "shape") else value, dtype=np.float64)


def _fingerprint(rng: np.random.Generator) -> str:
    """Ten hexadecimal digits that identify the generator's state, so that a reader can tell whether two checks shared a draw."""
    return hashlib.sha256(repr(rng.bit_generator.state).encode()).hexdigest()[:10]
