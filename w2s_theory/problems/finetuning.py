"""How a student is tuned in a world of concepts: on how many weak labels, and how strongly it is held at the strong model it starts from.

    minimise over β:   Σ_i (x_iᵀβ − y_i)² + n η ‖β − β_P‖²          (η = 0: naive fine-tuning)

NumPy float64.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._validation import generator, positive, whole
from .concepts import ConceptWorld


@dataclass(frozen=True, eq=False)
class FineTuning:
    """A concept world, the number n of weak ``labels`` and the strength ``eta`` η ≥ 0 of the pull towards the source β_P.

    Raises ``ValueError`` otherwise.
    """

    world: ConceptWorld
    labels: int
    eta: float = 0.0

    def __post_init__(self) -> None:
        whole("labels", self.labels)
        positive("eta", self.eta, strict=False)

    def has_orthogonal_design(self) -> bool:
        """True when n ≥ d, so that points with XᵀX = n I exist."""
        return self.labels >= self.world.d

    def sample_orthogonal(self, count: int, *, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """One orthogonal design, XᵀX = n I in a random orientation, (n, d), and ``count`` sets of weak labels on it, (count, n).

        Raises ``ValueError`` when there are fewer labels than features.
        """
        if not self.has_orthogonal_design():
            raise ValueError(
                f"labels must be at least d = {self.world.d} for an orthogonal design; it is {self.labels}. Use more labels."
            )
        normal = generator(rng).standard_normal((self.labels, self.world.d))
        features = np.sqrt(self.labels) * np.linalg.qr(normal)[0]
        noise = rng.standard_normal((whole("count", count), self.labels))
        return features, features @ self.world.weak + self.world.weak_noise * noise
