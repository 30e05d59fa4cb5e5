"""What each kind of claim means, and what a check of it does, in words for a page."""

from __future__ import annotations

from ..checking import EXPECTED_EVENTS, FALSE_ALARM, FIRST_TRIALS, MOST_PROBABILITY_TRIALS, PROBABILITY_TRIALS, TRIALS_PER_DELTA
from ..statements import ForEvery, InExpectation, InLimit, Kind, WithProbability

KINDS: dict[type[Kind], str] = {
    ForEvery: "The relation holds on every problem that meets the assumptions, without exception.",
    InExpectation: "The relation holds between expected values, over the random draws of a problem that meets the assumptions; on a single "
    "draw it may fail.",
    WithProbability: "The relation holds with probability at least 1 − δ over the random draws of a problem that meets the assumptions.",
    InLimit: "The ratio of the two expected sides tends to 1 along a sequence of sizes. Finitely many sizes can't refute a limit, so the "
    "claim carries an explicit, vanishing envelope: at each size the ratio is no further from 1 than that.",
}

CHECKED: dict[type[Kind], str] = {
    ForEvery: "A check computes both sides on one problem and compares them. It forgives what rounding, and the stated error of a solver, can "
    "have added, and no more; of many tasks the worst one decides. One violated problem refutes the claim. No number of problems on "
    "which it holds proves it.",
    InExpectation: f"A check simulates {FIRST_TRIALS} trials, then more, and puts an interval around the mean of left − right. It is violated when "
    f"the interval excludes the claim (a nominal false-alarm rate of {FALSE_ALARM:g}). Where the sides can't be told apart it holds only if a "
    "difference of the declared resolution, 2 % of the sides unless the statement says otherwise, would have been seen; else the check "
    f"is inconclusive, as it is where what decides the mean is too rare to be met {EXPECTED_EVENTS} times.",
    WithProbability: f"A check draws {TRIALS_PER_DELTA}/δ times (from {PROBABILITY_TRIALS} to {MOST_PROBABILITY_TRIALS}), counts how often the "
    f"relation fails and puts an exact binomial interval around that rate (false-alarm rate {FALSE_ALARM:g}). It is violated when the whole "
    "interval lies above δ, holds when it lies at or below δ, and is inconclusive otherwise. The sides shown are those of the worst draw, "
    "which may fail.",
    InLimit: "A check simulates every size of the sequence until the ratio of the sides is decided against the envelope there: violated when "
    "some size is surely outside it, holds when all are surely inside, inconclusive otherwise. The margin is the envelope's at the "
    "last size.",
}
