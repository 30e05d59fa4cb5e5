"""The Gaussian linear world: strong features, weak labels and target jointly Gaussian, every population risk in closed form.

float64 of the array library of the heads, where the draws of NumPy's generator are moved to.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np

from .._array import array_namespace, to_numpy
from .._validation import generator, kept, positive, whole


@dataclass(frozen=True, eq=False)
class GaussianWorld:
    """x ~ N(0, Σ) is what the strong model sees, and a student fits n_pseudo points labelled by the weak model.

        target = β·x + ρ η,    weak = a·x + m ξ,    (ξ, η) independent of x, standard, with correlation c

    so M∞ = m² is the misfit of the best strong head on the weak labels, and ε = ρ² the target's approximation error.
    ``residual="cubic"`` replaces ξ by (t³ − 3t)/√6 with t the first whitened feature: uncorrelated with every linear head and of
    unit variance, but not independent of x: the world outside the exact laws' hypotheses (it needs ρ = 0).

    ``target_head`` β and ``weak_head`` a: (d,); ``weak_noise`` m and ``target_noise`` ρ: standard deviations ≥ 0;
    ``covariance`` Σ: (d, d) positive definite, identity when ``None``. Raises ``ValueError`` otherwise.
    """

    target_head: Any
    weak_head: Any
    weak_noise: float
    n_pseudo: int
    target_noise: float = 0.0
    correlation: float = 0.0
    covariance: Any = None
    residual: Literal["gaussian", "cubic"] = "gaussian"

    lives_on_devices: ClassVar[bool] = True

    def __post_init__(self) -> None:
        for name in ("target_head", "weak_head"):
            object.__setattr__(self, name, kept(name, getattr(self, name), ndim=1))
        if self.target_head.shape != self.weak_head.shape:
            raise ValueError(
                f"target_head and weak_head must have one shape (d,); they are {tuple(self.target_head.shape)} and {tuple(self.weak_head.shape)}."
            )
        positive("weak_noise", self.weak_noise, strict=False)
        positive("target_noise", self.target_noise, strict=False)
        whole("n_pseudo", self.n_pseudo)
        if not -1.0 <= self.correlation <= 1.0:
            raise ValueError(f"correlation must lie in [-1, 1]; it is {self.correlation!r}.")
        if self.residual not in ("gaussian", "cubic"):
            raise ValueError(f"residual must be 'gaussian' or 'cubic'; it is {self.residual!r}.")
        if self.residual == "cubic" and self.target_noise > 0:
            raise ValueError("a cubic residual needs target_noise = 0, so that the target stays linear; set it to 0.")
        if self.covariance is not None:
            covariance = kept("covariance", self.covariance, ndim=2)
            on_host = to_numpy(covariance)
            if on_host.shape != (self.d, self.d) or not np.allclose(on_host, on_host.T):
                raise ValueError(f"covariance must be symmetric of shape ({self.d}, {self.d}); its shape is {on_host.shape}.")
            smallest = float(np.linalg.eigvalsh(on_host)[0])
            if smallest <= 0:
                raise ValueError(
                    f"covariance must be positive definite; its smallest eigenvalue is {smallest:.3g}. Drop collinear features."
                )
            object.__setattr__(self, "covariance", covariance)

    @property
    def d(self) -> int:
        """Number of strong features."""
        return int(self.target_head.shape[0])

    @property
    def misfit_limit(self) -> float:
        """M∞ = m²: misfit of the student trained on infinitely many weak labels."""
        return self.weak_noise**2

    @cached_property
    def _root(self) -> Any:
        xp = array_namespace(self.target_head)
        if self.covariance is None:
            return xp.eye(self.d, dtype=xp.float64, device=self.target_head.device)
        return xp.linalg.cholesky(self.covariance)

    def _distance(self, heads: Any, head: Any) -> Any:
        xp = array_namespace(heads)
        return xp.sum(xp.square((heads - head) @ self._root), axis=-1)

    @property
    def weak_error(self) -> float:
        """E(weak − target)² = ‖a − β‖²_Σ + m² + ρ² − 2 m ρ c."""
        cross = 2.0 * self.weak_noise * self.target_noise * self.correlation
        return float(self._distance(self.weak_head, self.target_head)) + self.weak_noise**2 + self.target_noise**2 - cross

    def student_error(self, heads: Any) -> Any:
        """E(b·x − target)² = ‖b − β‖²_Σ + ρ² for heads b of shape (..., d), on fresh points."""
        return self._distance(heads, self.target_head) + self.target_noise**2

    def misfit(self, heads: Any) -> Any:
        """E(b·x − weak)² = ‖b − a‖²_Σ + m² for heads b of shape (..., d), on fresh points."""
        return self._distance(heads, self.weak_head) + self.weak_noise**2

    def gain(self, heads: Any) -> Any:
        """weak_error − student_error of the heads (..., d), on fresh points."""
        return self.weak_error - self.student_error(heads)

    def is_realizable(self) -> bool:
        """True when the target is a strong head: ρ = 0."""
        return self.target_noise == 0.0

    def is_jointly_gaussian(self) -> bool:
        """True when the weak residual is Gaussian and independent of the strong features."""
        return self.residual == "gaussian"

    def sample(self, count: int, *, rng: np.random.Generator) -> tuple[Any, Any, Any]:
        """``count`` independent samples: features (count, n_pseudo, d), weak labels and targets (count, n_pseudo)."""
        generator(rng)
        white = rng.standard_normal((count, self.n_pseudo, self.d))
        first, second = rng.standard_normal((2, count, self.n_pseudo))
        if not isinstance(self.target_head, np.ndarray):
            xp, device = array_namespace(self.target_head), self.target_head.device
            white, first, second = (xp.asarray(drawn, device=device) for drawn in (white, first, second))
        xi = first if self.residual == "gaussian" else (white[..., 0] ** 3 - 3.0 * white[..., 0]) / np.sqrt(6.0)
        eta = self.correlation * first + np.sqrt(1.0 - self.correlation**2) * second
        features = white if self.covariance is None else white @ self._root.T
        weak = features @ self.weak_head + self.weak_noise * xi
        return features, weak, features @ self.target_head + self.target_noise * eta
