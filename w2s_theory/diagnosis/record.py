"""Draws of points to label, with what makes the labels usable later: which, with which chances, in which order.

*Accuracy.* Points are drawn uniformly and without replacement among those on which weak and student differ. Later rounds go on
where earlier ones ended, so that all rounds together are one uniform draw.
*Other losses.* Independent draws with replacement, p ∝ ``spread_of(weak, student, divergence)``, the same in every round, so
that all rounds together are one draw. A point that comes again has its label already.

Sizes of rounds that were not chosen by looking at labels leave fixed-sample intervals valid. Whoever looks, and goes on until
the sign is told, needs sequential ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._validation import generator, whole
from ..quantities.label_efficiency.blend import spread_of
from ..quantities.label_efficiency.draws import Draw, draw_points
from .answers import Answers, Kind

FORMAT = "w2s draw 1"
#: Relative difference of two probabilities that are the same up to rounding.
SAME = 1e-9
DIVERGENCES = {"squared": "squared", "cross_entropy": "kl"}


@dataclass(frozen=True, eq=False)
class DrawRecord:
    """``rows`` (n,): points in the order in which they were drawn; ``probabilities`` (n,): of each in one draw; ``rounds``:
    their sizes.

    ``loss``: what the draw is for; ``digest``: of the answers it belongs to; ``size``: how many points those have; ``kind``:
    what they were taken for, whatever the gold labels look like. Made by ``draw_next``; ``plain`` and ``from_plain`` write and
    read it as JSON.
    """

    loss: str
    digest: str
    size: int
    rows: np.ndarray
    probabilities: np.ndarray
    rounds: tuple[int, ...]
    kind: Kind

    @property
    def points(self) -> np.ndarray:
        """The different points, in the order of their first draw: those that need a label."""
        first = np.unique(self.rows, return_index=True)[1]
        return self.rows[np.sort(first)]

    def plain(self) -> dict[str, Any]:
        """The record in the words of JSON."""
        return {
            "format": FORMAT,
            "loss": self.loss,
            "kind": self.kind,
            "answers_sha256": self.digest,
            "points": self.size,
            "rounds": list(self.rounds),
            "rows": self.rows.tolist(),
            "probabilities": self.probabilities.tolist(),
        }

    @classmethod
    def from_plain(cls, plain: Any) -> DrawRecord:
        """The record whose ``plain()`` this was. Raises ``ValueError`` for anything else."""
        if not isinstance(plain, Mapping) or plain.get("format") != FORMAT:
            raise ValueError(
                f"the record of a draw must have the format {FORMAT!r}; this is none. Pass the JSON that was written with the "
                "draw."
            )
        try:
            rows = np.array([whole("rows", row, at_least=0) for row in plain["rows"]], dtype=np.int64)
            probabilities = np.array(plain["probabilities"], dtype=np.float64)
            rounds = tuple(whole("rounds", count) for count in plain["rounds"])
            digest, size, kind = str(plain["answers_sha256"]), whole("points", plain["points"]), plain["kind"]
            if kind not in ("classes", "regression"):
                raise ValueError(f"kind is {kind!r}")
            record = cls(str(plain["loss"]), digest, size, rows, probabilities, rounds, kind)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"the record of the draw is damaged ({error}). Draw again.") from error
        repeats = record.loss == "accuracy" and record.points.size < len(rows)
        if sum(rounds) != len(rows) or probabilities.shape != rows.shape or not len(rows) or rows.max() >= size or repeats:
            raise ValueError(
                "the record of the draw is damaged: its rows, probabilities and rounds do not belong together. Draw again."
            )
        return record

    def check(self, answers: Answers) -> None:
        """Raise ``ValueError`` unless these are the answers that the draw was made of."""
        if self.loss not in answers.losses or self.digest != answers.digest:
            raise ValueError(
                "the answers of weak and student are not those that the points were drawn from (their SHA-256 differs), so the "
                "chances of the draw "
                "are unknown. Go back to the answers of that time, or draw again."
            )
        if self.loss == "accuracy":
            apart = differs(answers)
            expected = np.where(apart[self.rows], 1.0 / max(int(apart.sum()), 1), 0.0)
        else:
            expected = self.draw(answers).probabilities[self.rows]
        if np.any(np.abs(self.probabilities - expected) > SAME * np.abs(expected)):
            raise ValueError(
                "the probabilities in the record are not those that these answers give; was it edited, or made by another "
                "version? Draw again."
            )

    def draw(self, answers: Answers, count: int | None = None) -> Draw:
        """The first ``count`` draws (all by default), for ``difference_gain``; not for accuracy."""
        rows = self.rows if count is None else self.rows[:count]
        chances = draw_points(spread(answers, self.loss), 1, rng=np.random.default_rng(0)).probabilities
        return Draw(rows, chances, "replacement", len(rows))


def differs(answers: Answers) -> np.ndarray:
    """Where weak and student answer different classes, (N,) bool."""
    return answers.hard("weak") != answers.hard("student")


def soft_or_numbers(answers: Answers, loss: str) -> tuple[np.ndarray, np.ndarray, Any]:
    """The answers that ``loss`` compares, and its divergence."""
    if loss == "cross_entropy":
        return answers.soft("weak"), answers.soft("student"), DIVERGENCES[loss]
    if answers.has_probabilities:
        from ..divergences import Squared

        return answers.weak, answers.student, Squared(vector=True)
    return answers.weak, answers.student, DIVERGENCES[loss]


def spread(answers: Answers, loss: str) -> np.ndarray:
    """What a label is worth at each point (N,), up to a factor."""
    weak, student, divergence = soft_or_numbers(answers, loss)
    return spread_of(weak, student, divergence)


def matters(answers: Answers, loss: str) -> np.ndarray:
    """Where a label says something about the gain, (N,) bool."""
    return differs(answers) if loss == "accuracy" else spread(answers, loss) > 0.0


def carriers(worth: np.ndarray) -> np.ndarray:
    """The fewest points, (N,) bool, that hold half of ``worth`` (N,)."""
    order = np.argsort(-worth, kind="stable")
    found = np.zeros(worth.size, dtype=bool)
    found[order[: int(np.searchsorted(np.cumsum(worth[order]), 0.5 * worth.sum())) + 1]] = True
    return found


def draw_next(
    answers: Answers, count: int, *, loss: str | None = None, earlier: DrawRecord | None = None, rng: np.random.Generator
) -> DrawRecord:
    """Draw ``count`` points to label next; with ``earlier``, a further round of the same draw.

    ``loss``: "accuracy", "squared" or "cross_entropy", by default the main one of the answers, or that of ``earlier``. For
    accuracy at most as many as there are points left on which weak and student differ. Raises ``ValueError`` where weak and
    student agree everywhere, where none is left, and for an ``earlier`` draw of other answers or another loss.
    """
    generator(rng)
    whole("count", count)
    loss = loss or (earlier.loss if earlier else answers.losses[0])
    if loss not in answers.losses:
        raise ValueError(f"loss must be one of {', '.join(answers.losses)} for these answers; it is {loss!r}.")
    if earlier is not None:
        earlier.check(answers)
        if earlier.loss != loss:
            raise ValueError(
                f"loss must be that of the earlier draw, {earlier.loss!r}; it is {loss!r}. Start a new draw for another loss."
            )
    before = np.empty(0, dtype=np.int64) if earlier is None else earlier.rows
    if loss == "accuracy":
        candidates = np.flatnonzero(differs(answers))
        if not candidates.size:
            raise ValueError(
                "weak and student answer the same class at every point: the gain in accuracy is exactly 0, and no label is "
                "needed. Probabilities can still differ in another loss."
            )
        left = np.setdiff1d(candidates, before)
        if not left.size:
            raise ValueError(
                f"all {candidates.size} points on which weak and student differ were drawn already: no further label says "
                "anything."
            )
        rows = rng.permutation(left)[:count]
        probabilities = np.full(len(rows), 1.0 / candidates.size)
    else:
        worth = spread(answers, loss)
        if not worth.any():
            raise ValueError(
                "weak and student give the same answer at every point: the gain is exactly 0, and no label is needed."
            )
        draw = draw_points(worth, count, rng=rng)
        rows, probabilities = draw.rows, draw.probabilities[draw.rows]
    old = np.empty(0) if earlier is None else earlier.probabilities
    rounds = () if earlier is None else earlier.rounds
    return DrawRecord(
        loss,
        answers.digest,
        answers.size,
        np.concatenate([before, rows]),
        np.concatenate([old, probabilities]),
        (*rounds, len(rows)),
        answers.kind,
    )
