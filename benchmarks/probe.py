"""The published way to fit linear probes, a loop of AdamW steps per task, against least squares, which it comes near to."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from w2s_theory.design import Design

from ._place import Place
from ._record import Section
from ._timing import Contender, contest, peer

MODULES = ("scipy.linalg", "torch")


class Size(NamedTuple):
    """``tasks`` probes on ``n`` samples of ``d`` features, ``epochs`` each."""

    n: int
    d: int
    tasks: int
    epochs: int


#: The full size is the published one (Charikar et al. 2024, synthetic experiments; code chogba/wtsg-regression).
SIZES = {"quick": Size(200, 4, 5, 10), "full": Size(2000, 16, 100, 1000)}
LEARNING_RATE, BATCH = 1e-3, 32
SAME = 1e-9


def run(scale: str, here: Place) -> Section:
    """One task trained in full by the published recipe; all tasks by ``Design`` and by LAPACK."""
    size = SIZES[scale]
    features, labels = problem(size)
    exact = fitted(features, labels)
    shape = f"n={size.n} d={size.d} T={size.tasks}"
    section = Section(
        "Published probe",
        f"Linear probes with an intercept, squared loss, no penalty: {size.tasks} tasks on the same {size.n} samples. The published loop "
        f"trains each by AdamW (learning rate {LEARNING_RATE:g}, batches of {BATCH}, {size.epochs} epochs, weight decay 0.01). Errors are "
        "those of fitted values, ‖Xw + c − ŷ‖/‖ŷ − mean‖ with ŷ from a singular value decomposition.",
    )

    def error(answer: Any) -> float:
        wanted = exact[:, : answer.shape[1]]
        return float(np.linalg.norm(answer - wanted) / np.linalg.norm(wanted - wanted.mean(axis=0)))

    def ours() -> Any:
        heads = Design(features, intercept=True).solve(labels, penalties=0.0)
        return features @ heads.coefficients[0] + heads.intercept[0]

    entries = [Contender("ours", ours, error, SAME), peer("torch AdamW", lambda: published(size, features, labels, error))]
    section.add_contest(shape, contest(entries, scale, here), scale, "")
    section.notes.append(
        "Every task draws its own x in the published code; here the tasks share theirs, which changes the loop's cost by nothing. "
        "The loop indexes tensors instead of using a DataLoader, which is slower."
    )
    return section


def problem(size: Size) -> tuple[np.ndarray, np.ndarray]:
    """Features as a ReLU layer gives them: non-negative, correlated, of size about 5; labels a head of others, so not realizable."""
    rng = np.random.default_rng(0)
    x = 5.0 * rng.standard_normal((size.n, 8))
    features, others = (np.maximum(x @ rng.standard_normal((8, size.d)) / 8**0.5, 0.0) for _ in range(2))
    return features, others @ rng.uniform(-0.25, 0.25, (size.d, size.tasks))


def fitted(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Least-squares fitted values with an intercept, from the left singular vectors."""
    left = np.linalg.svd(np.column_stack([features, np.ones(len(features))]), full_matrices=False)[0]
    return left @ (left.T @ labels)


def published(size: Size, features: np.ndarray, labels: np.ndarray, error: Any) -> Contender:
    """One probe, all its epochs, from torch's own initial weights."""
    import torch

    x, y = (torch.as_tensor(array, dtype=torch.float32) for array in (features, labels[:, :1]))

    def train(epochs: int = size.epochs) -> Any:
        generator = torch.Generator().manual_seed(0)
        probe = torch.nn.Linear(size.d, 1)
        with torch.no_grad():
            for parameter in probe.parameters():
                parameter.uniform_(-(size.d**-0.5), size.d**-0.5, generator=generator)
        optimizer = torch.optim.AdamW(probe.parameters(), lr=LEARNING_RATE)
        for _ in range(epochs):
            order = torch.randperm(size.n, generator=generator)
            for start in range(0, size.n, BATCH):
                rows = order[start : start + BATCH]
                optimizer.zero_grad()
                torch.nn.functional.mse_loss(probe(x[rows]), y[rows]).backward()
                optimizer.step()
        with torch.no_grad():
            return probe(x).numpy().astype(np.float64)

    train(epochs=1)  # torch imports half of itself at the first step
    steps = size.epochs * -(-size.n // BATCH)
    note = f"timed on 1 of {size.tasks} tasks ({steps:,} steps), extrapolated; a stochastic method, not exact"
    return Contender("torch AdamW, the published loop", train, error, None, 1.0 / size.tasks, note)
