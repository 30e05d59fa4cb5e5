"""The checking routine for each kind of claim: statement + problem → Check.

A noisy equality needs a resolution before it may say HOLDS; a solver that did not converge gives UNSOLVED; NaN has its own verdict
because every comparison with it is false; a problem outside the assumptions gives OUT_OF_SCOPE.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace
from typing import Any

import numpy as np

from ._array import to_numpy
from ._validation import MissingExtra, SolverFailure, generator
from .montecarlo import proportion_estimate, simulate_until
from .outcomes import Check, Estimate, Verdict
from .statements import ForEvery, InExpectation, InLimit, Sides, Statement, WithProbability

#: Rounding allowed on a difference of two sides, in units of 2⁻⁵² × scale. A pairwise sum of n terms is off by at most log2(n) + 1
#: units, a sequential one by n; the sides chain a handful of sums, so 256 covers samples up to the thousands with room.
ROUNDING_UNITS = 256.0
EPSILON, SMALLEST = float(np.finfo(np.float64).eps), float(np.finfo(np.float64).tiny)
#: A solve whose error bound exceeds this share of the size of what is compared has not answered the question.
SOLVER_SHARE = 1e-4
#: A comparison that holds only thanks to an error larger than this share of the size of what is compared has shown nothing.
FORGIVEN_SHARE = 1e-3
#: Nominal chance that a random check calls a true statement VIOLATED: of exact tests for proportions, of t intervals for means, where
#: skewed trials can raise it several times; ``FIRST_TRIALS`` is large to keep that small.
FALSE_ALARM = 1e-6
FIRST_TRIALS = 4096
#: An event that decides a mean must be expected this often in the first trials. Of a Poisson count of mean 100 the t interval of
#: ``FALSE_ALARM`` misses the mean with a chance of about 1e-5; an event that is not met at all leaves no variance to judge it by.
EXPECTED_EVENTS = 100
#: Trials of a with-probability check, at least, and per 1/δ: no failure in 15/δ trials settles a rate below δ at that false alarm.
#: Beyond ``MOST_PROBABILITY_TRIALS`` the check stays INCONCLUSIVE.
PROBABILITY_TRIALS, TRIALS_PER_DELTA, MOST_PROBABILITY_TRIALS = 400, 15, 20_000


def check_statement(statement: Statement, problem: Any, *, rng: np.random.Generator) -> Check:
    """Check ``statement`` on ``problem`` and return a Check; only misuse raises.

    Raises ``TypeError`` when the problem is not of the type the statement is about, or ``rng`` is not a Generator.
    """
    generator(rng)
    if not isinstance(problem, statement.about):
        kinds = statement.about if isinstance(statement.about, tuple) else (statement.about,)
        wanted = " or ".join(kind.__name__ for kind in kinds)
        homes = ", ".join(dict.fromkeys(kind.__module__ for kind in kinds))
        raise TypeError(
            f"problem must be a {wanted} for {statement.name}; it is a {type(problem).__name__}. Make one from it: {homes}."
        )
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


def is_met(chance: float) -> bool:
    """True when an event of that ``chance`` per trial is expected ``EXPECTED_EVENTS`` times in the first trials of a check."""
    return chance * FIRST_TRIALS >= EXPECTED_EVENTS


#: Why a check with too heavy tails says nothing.
UNCALIBRATED = "the trials' tails are too heavy, or what decides their mean is too rare, for a calibrated interval"


def _for_every(statement: Statement, problem: Any, blank: Check) -> Check:
    """Compare the sides task by task, up to rounding and solver error; report the task with the worst margin beyond its error."""
    left, right, rounding, solver, size = _as_arrays(statement.sides(problem))
    if not all(np.all(np.isfinite(part)) for part in (left, right, rounding, solver, size)):
        return replace(blank, verdict=Verdict.NONFINITE, why="a side of the statement, or its error, is NaN or infinite")
    if np.any(solver > SOLVER_SHARE * size):
        bad = int(np.argmax(solver - SOLVER_SHARE * size))
        why = f"the solver's error bound {solver[bad]:.3g} is not small against {size[bad]:.3g}, the size of what is compared"
        return replace(blank, verdict=Verdict.UNSOLVED, why=why)
    error = rounding + solver
    margin = _margin(statement.relation, left, right)
    worst = int(np.argmin(margin + error))
    forgiven = (margin < 0) & (error > FORGIVEN_SHARE * size)
    why = ""
    if margin[worst] < -error[worst]:
        verdict = Verdict.VIOLATED
    elif np.any(forgiven):
        worst = int(np.argmax(forgiven))
        verdict = Verdict.INCONCLUSIVE
        why = f"rounding of {error[worst]:.3g} hides the difference; centre the labels, or scale them to order one"
    else:
        verdict = Verdict.HOLDS
    return replace(
        blank,
        verdict=verdict,
        why=why,
        margin=float(margin[worst]),
        error=float(error[worst]),
        left=float(left[worst]),
        right=float(right[worst]),
        method=f"exact on {left.size} task{'s' if left.size > 1 else ''}",
    )


def _in_expectation(statement: Statement, kind: InExpectation, problem: Any, blank: Check, rng: np.random.Generator) -> Check:
    """Average left − right over trials; the interval must be narrow against the declared resolution before an equality holds."""
    if not kind.is_calibrated(problem):
        return replace(blank, verdict=Verdict.INCONCLUSIVE, why=UNCALIBRATED)
    total = np.zeros(5)  # left, right, size, rounding, number of trials

    def draw(count: int, rng: np.random.Generator) -> np.ndarray:
        sides = statement.sides(problem, count, rng)
        left, right, rounding, _, size = _as_arrays(sides)
        total[:] += left.sum(), right.sum(), 0.0 if sides.scale is None else size.sum(), rounding.sum(), count
        return _finite_trials(left - right)

    def resolution() -> float:
        # Without a stated scale it is the larger mean side: the size of single trials would grow with their noise.
        return float(kind.resolution * (total[2] or np.max(np.abs(total[:2]))) / total[4])

    def resolved(difference: Estimate) -> bool:
        return difference.high - difference.low <= 2.0 * resolution() or not difference.covers(0.0)

    try:
        difference = simulate_until(draw, resolved, rng=rng, first=FIRST_TRIALS, false_alarm=FALSE_ALARM)
    except _NonfiniteTrials as error:
        return replace(blank, verdict=Verdict.NONFINITE, why=str(error))
    # Sides that are equal trial by trial differ by their rounding, which no number of trials averages away.
    half = float((difference.high - difference.low) / 2.0 + total[3] / total[4])
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
        left=float(total[0] / total[4]),
        right=float(total[1] / total[4]),
        method=difference.method,
        trials=int(total[4]),
    )


def _with_probability(statement: Statement, kind: WithProbability, problem: Any, blank: Check, rng: np.random.Generator) -> Check:
    """Count how often the relation fails over trials and compare the exact interval of that rate with δ."""
    delta = kind.delta(problem)
    count = min(max(PROBABILITY_TRIALS, math.ceil(TRIALS_PER_DELTA / delta)), MOST_PROBABILITY_TRIALS)
    left, right, rounding, solver, _ = _as_arrays(statement.sides(problem, count, rng))
    if not (np.all(np.isfinite(left)) and np.all(np.isfinite(right))):
        return replace(blank, verdict=Verdict.NONFINITE, why="a side of the statement is NaN or infinite")
    margins = _margin(statement.relation, left, right)
    failures = int(np.count_nonzero(margins < -(rounding + solver)))
    rate = proportion_estimate(failures, margins.size, level=1.0 - FALSE_ALARM)
    if rate.low > delta:
        verdict = Verdict.VIOLATED
    else:
        verdict = Verdict.HOLDS if rate.high <= delta else Verdict.INCONCLUSIVE
    worst = int(np.argmin(margins))
    return replace(
        blank,
        verdict=verdict,
        margin=float(margins[worst]),
        error=float((rounding + solver)[worst]),
        left=float(left[worst]),
        right=float(right[worst]),
        method=f"{failures} failures in {margins.size} draws, δ = {delta:.3g}, failure rate at most {rate.high:.3g}",
        trials=margins.size,
    )


def _in_limit(statement: Statement, kind: InLimit, problem: Any, blank: Check, rng: np.random.Generator) -> Check:
    """Simulate left/right − 1 at each size until it is decided against the claim's envelope there."""
    sizes = kind.sizes(problem)
    counts: list[int] = []
    undecided: list[int] = []
    outcome = blank
    for size in sizes:
        world, envelope = kind.at(problem, size), kind.envelope(problem, size)
        failed = statement.failed_assumptions(world)
        if failed:
            return replace(blank, failed=failed, why=f"at size {size}")
        if not kind.is_calibrated(world):
            return replace(blank, verdict=Verdict.INCONCLUSIVE, why=f"{UNCALIBRATED} at size {size}")

        def draw(count: int, rng: np.random.Generator, world: Any = world) -> np.ndarray:
            counts.append(count)
            left, right, _, _, _ = _as_arrays(statement.sides(world, count, rng))
            return _finite_trials(left / right - 1.0)

        def decided(error: Estimate, envelope: float = envelope) -> bool:
            return max(abs(error.low), abs(error.high)) <= envelope or error.low > envelope or error.high < -envelope

        try:
            error = simulate_until(draw, decided, rng=rng, first=FIRST_TRIALS, false_alarm=FALSE_ALARM / len(sizes))
        except _NonfiniteTrials as reason:
            return replace(blank, verdict=Verdict.NONFINITE, why=str(reason))
        outcome = replace(
            blank,
            margin=envelope - abs(error.value),
            error=(error.high - error.low) / 2.0,
            left=1.0 + error.value,
            right=1.0,
            method=f"sizes {sizes[0]} to {sizes[-1]}; at {size} the ratio is {1.0 + error.value:.4g}, within {envelope:.3g} of 1 claimed",
            trials=sum(counts),
        )
        if error.low > envelope or error.high < -envelope:
            return replace(outcome, verdict=Verdict.VIOLATED)
        if not decided(error):
            undecided.append(size)
    if undecided:
        return replace(outcome, verdict=Verdict.INCONCLUSIVE, why=f"not decided at size {undecided[0]}")
    return replace(outcome, verdict=Verdict.HOLDS)


def margin_difference(first: Check, second: Check) -> float:
    """|difference of the margins| of two checks of one statement on one problem, in units of the errors that they state, added.

    Each margin is off by at most its error, so two sound ways to compute one number are at most 1 apart. 0 where neither has a margin,
    infinite where only one has.
    """
    if math.isnan(first.margin) or math.isnan(second.margin):
        return 0.0 if math.isnan(first.margin) and math.isnan(second.margin) else math.inf
    difference, error = abs(first.margin - second.margin), first.error + second.error
    return difference / error if error > 0.0 else (0.0 if difference == 0.0 else math.inf)


def sides_difference(statement: Statement, first: Any, second: Any, *, seed: int = 0, trials: int = 32) -> float:
    """The largest difference of a side of ``statement`` between two makings of one problem, in units of the errors of both, added.

    Sees more than margins do, which of an identity are rounding whatever the problem. Random sides are drawn ``trials`` times from the same
    ``seed``, of a limit at its smallest size; their errors are those of the single trial, whose size can be far above the mean's.
    """

    def parts(problem: Any) -> tuple[np.ndarray, ...]:
        if isinstance(statement.kind, ForEvery):
            return _as_arrays(statement.sides(problem))
        if isinstance(statement.kind, InLimit):
            problem = statement.kind.at(problem, statement.kind.sizes(problem)[0])
        return _as_arrays(statement.sides(problem, trials, np.random.default_rng(seed)))

    (left, right, *errors, _), (left2, right2, *errors2, _) = parts(first), parts(second)
    apart = np.maximum(np.abs(left - left2), np.abs(right - right2))
    own = ROUNDING_UNITS * EPSILON * (np.maximum(np.abs(left), np.abs(right)) + np.maximum(np.abs(left2), np.abs(right2)))
    return float(np.max(apart / (sum(errors) + sum(errors2) + own)))


class _NonfiniteTrials(ValueError):
    """A simulated trial is NaN or infinite."""


def _finite_trials(values: np.ndarray) -> np.ndarray:
    if not np.all(np.isfinite(values)):
        raise _NonfiniteTrials(f"{np.count_nonzero(~np.isfinite(values))} of {values.size} simulated trials are NaN or infinite")
    return values


def _margin(relation: str, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Room left in the relation: positive is good; an equality has at most zero."""
    if relation == "<=":
        return right - left
    return left - right if relation == ">=" else -np.abs(left - right)


def _as_arrays(sides: Sides) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Left, right, rounding error, solver error and size of the sides: float64 vectors of one length."""
    left, right = _float64(sides.left), _float64(sides.right)
    scale = np.maximum(np.abs(left), np.abs(right)) if sides.scale is None else _float64(sides.scale)
    size = scale if sides.size is None else _float64(sides.size)
    rounding = ROUNDING_UNITS * (EPSILON * scale + SMALLEST)
    left, right, rounding, solver, size = (
        part.ravel() for part in np.broadcast_arrays(left, right, rounding, _float64(sides.solver_error), size)
    )
    return left, right, rounding, solver, size


def _float64(value: Any) -> np.ndarray:
    return np.asarray(to_numpy(value) if hasattr(value, "shape") else value, dtype=np.float64)


def _fingerprint(rng: np.random.Generator) -> str:
    """Ten hexadecimal digits that identify the generator's state, so that a reader can tell whether two checks shared a draw."""
    return hashlib.sha256(repr(rng.bit_generator.state).encode()).hexdigest()[:10]
