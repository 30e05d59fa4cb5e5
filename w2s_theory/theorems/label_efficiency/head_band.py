"""Any linear student on any points: |gain − (misfit + 2⟨c, b⟩)| ≤ 2‖v‖‖c‖ + 2√(misfit·ε), c = Xᵀ(weak − student)/n, ε =
‖target − Xv‖²/n.

b the student's head (of ridge, here), v any head. What no gold label can tell is inside the band: how large the target's head
is, and how far the target is from it. Proof: gain = misfit + 2⟨w − s, X(b − v)⟩/n − 2⟨w − s, f − Xv⟩/n and Cauchy's
inequality, twice. Attained where v points along ∓c and target − Xv along ∓(weak − student). A projection in sample has c = 0
(the band of ``charikar2024.nonrealizable_linear``), ridge in sample c = λb/n; on held-out points c is neither. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.linear_sample import LinearSample
from ...quantities.gain import gain_report
from ...quantities.label_efficiency.no_labels import head_range
from ...statements import Sides, Source, Statement
from ...students.linear import Ridge


def _sides(sample: LinearSample) -> Sides:
    features, head = sample.features, sample.reference_head
    fitted = Ridge(sample.penalty, intercept=False).fit(features, sample.weak).coefficients
    report = gain_report(sample.weak, fitted @ features.T, sample.target)
    size = np.linalg.norm(head, axis=-1)
    epsilon = np.mean(sample.unexplained**2, axis=-1)
    tasks = zip(
        *(np.reshape(v, (-1, v.shape[-1])) for v in (sample.weak, fitted)), np.ravel(epsilon), np.ravel(size), strict=True
    )
    ranges = [head_range(w, features, b, epsilon=float(e), radius=float(r)) for w, b, e, r in tasks]
    middle, half = (
        np.reshape([op(r) for r in ranges], size.shape) for op in (lambda r: (r.low + r.high) / 2, lambda r: (r.high - r.low) / 2)
    )
    scale = np.mean(sample.weak**2, axis=-1) + np.mean(sample.target**2, axis=-1) + np.mean((features @ fitted.T).T ** 2, axis=-1)
    return Sides(np.abs(report.gain - middle), half, scale=scale + half)


def _examples(rng: np.random.Generator) -> tuple[LinearSample, ...]:
    features = rng.standard_normal((40, 5))
    target = rng.standard_normal((3, 5)) @ features.T + 0.5 * rng.standard_normal((3, 40))
    weak = target + rng.standard_normal((3, 40))
    drawn = [LinearSample(features, weak, target, penalty) for penalty in (0.0, 4.0)]
    # Where it is attained: the target's head against c, and the rest of the target against what the student does not follow.
    penalty, teacher = 6.0, weak[0]
    gap = teacher - Ridge(penalty, intercept=False).fit(features, teacher).coefficients @ features.T
    pull = features.T @ gap
    head = -1.5 * pull / np.linalg.norm(pull)
    return (*drawn, LinearSample(features, teacher, features @ head - 0.7 * gap, penalty, head))


HEAD_BAND = Statement(
    name="label_efficiency.head_band",
    says="linear student b, any head v: |gain − misfit − 2⟨c, b⟩| ≤ 2‖v‖‖c‖ + 2√(misfit·ε), c = Xᵀ(weak − student)/n, ε = ‖target − Xv‖²/n",
    relation="<=",
    sides=_sides,
    about=LinearSample,
    source=Source("charikar2024", "without a projection", derived=True),
    tightness="attained",
    examples=_examples,
)
