"""How loose the bands around the weak model's risk are, reverse against forward KL on one softmax head, calibration with and without a bound.

* band: softmax students of noisy weak labels, all probabilities floored at γ; the band with the best constant, and Pinsker's, over the change
  of cross-entropy that happened;
* heads: one softmax-linear head trained by reverse KL (not a convex class) or forward KL on weak labels, realizable targets: gain
  KL(f‖w) − KL(f‖s), misfit KL(s‖w), share of worlds with less gain than misfit. The reverse-KL head is the stationary point downhill of
  zero weights;
* weight: one logistic weight and two points, its reverse-KL student found on a grid of all weights, for several target weights;
* ece: a student that says ½ ± ε where labels are ½ ± 0.4 and a calibrated weak model says ½: binned ECE of sampled labels;
* marginal: a student that says ½ + ε, as the labels are, where the weak model says ½: marginal calibration error of sampled labels.

Every point has several draws of features (of labels in the last two), with many worlds each: standard errors are those between draws. Derived
here (after yao2025kl and yao2025capabilities); closed forms never enter a row. Synthetic.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import bdtr, log_softmax, softmax

from experiments._agreement import agreement, select
from experiments._ledger import Finding
from w2s_theory.divergences import KL
from w2s_theory.quantities import disagreement_bounds as bounds
from w2s_theory.students.softmax import fit_softmax
from w2s_theory.triple import Triple

SOURCE = "derived here (after yao2025kl, yao2025capabilities)"
SHOWS = (
    "yao2025.band_forward",
    "yao2025.band_reverse",
    "yao2025.band_pinsker",
    "yao2025.marginal_calibration",
    "yao2025.conditional_calibration",
)
POINTS, FEATURES, CLASSES = 120, 5, 3
FLOORS = (0.001, 0.003, 0.01, 0.03, 0.1)
NOISES = (0.25, 0.5, 1.0, 1.5, 2.0)
LEANS = (0.02, 0.05, 0.1, 0.2, 0.3)
#: Labels of part ece are class 1 with probability ½ ± this.
CERTAINTY = 0.4
#: One weight b: points x, weak log-odds there; target weights.
INPUTS, WEAK_ODDS, TARGETS = (1.0, 3.0), (-5.0, 0.0), (-1.0, 0.25, 0.5, 1.0, 2.0)
#: Gain of one weight is right to this: half a step of the grid times a slope of at most 2.
GRID_SLIP = 1e-3
#: Penalty and tolerance of the fit, and the share of the misfit beyond which a difference counts. What the fit leaves is a tenth of that or
#: less, but for a few worlds at the largest noise whose weights run into the hundreds or that have another stationary point near by.
PENALTY, TOLERANCE, SLIP = 1e-8, 1e-8, 1e-5
#: Level of the two-sided sign tests over draws of features.
LEVEL = 1e-3
#: Draws of features (or of labels); worlds, and labels, per draw.
TRIALS = {"quick": (12, 100, 5000), "full": (40, 500, 20_000)}
SCALES = {
    scale: [
        *({"part": "band", "at": floor, "draws": draws, "trials": worlds} for floor in FLOORS),
        *({"part": "heads", "at": noise, "draws": draws, "trials": worlds} for noise in NOISES),
        *({"part": "weight", "at": target, "draws": 1, "trials": 1} for target in TARGETS),
        *({"part": part, "at": lean, "draws": draws, "trials": labels} for part in ("ece", "marginal") for lean in LEANS),
    ]
    for scale, (draws, worlds, labels) in TRIALS.items()
}
SEED_AXES = ("part", "at")


def run_one(params: dict[str, Any], *, rng: np.random.Generator) -> list[dict[str, Any]]:
    """One row per number of the part: its mean and standard error between draws, quantiles and extremes over worlds (see ``_row``)."""
    measure = {"band": band, "heads": heads, "weight": one_weight, "ece": conditional, "marginal": marginal}[params["part"]]
    found = [measure(params["at"], params["trials"], rng) for _ in range(params["draws"])]
    return [_row(rule, np.stack([one[rule] for one in found])) for rule in found[0]]


def worlds(noise: float, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features (n, d), realizable targets (n, T, C) and weak labels: the target's scores plus Gaussian noise, independent over points.

    All worlds share one draw of the features.
    """
    features = rng.standard_normal((POINTS, FEATURES))
    scores = np.einsum("nd,tdc->ntc", features, rng.standard_normal((count, FEATURES, CLASSES)))
    return features, softmax(scores, axis=-1), softmax(scores + noise * rng.standard_normal(scores.shape), axis=-1)


def band(floor: float, count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Each bound over what happened."""
    features, target, weak = worlds(1.0, count, rng)
    student = fit_softmax(features, weak, penalty=1.0).predict(features)
    weak, student, target = (np.moveaxis(p * (1.0 - CLASSES * floor) + floor, 0, 1) for p in (weak, student, target))
    triple = Triple(weak, student, target, divergence=KL())
    change = np.abs(bounds.cross_entropy_change(triple))
    forward, reverse = bounds.forward_misfit(triple), bounds.reverse_misfit(triple)
    return {
        "sharp forward": bounds.sharp_constant(floor) * np.sqrt(forward) / change,
        "sharp reverse": bounds.sharp_constant(floor) * np.sqrt(reverse) / change,
        "pinsker": bounds.pinsker_constant(floor) * np.sqrt(np.minimum(forward, reverse)) / change,
    }


def heads(noise: float, count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Gain, misfit and residual of the two students, and how often there is less gain than misfit; NaN where a fit did not converge."""
    features, target, weak = worlds(noise, count, rng)
    gains, misfits, solved = {}, {}, np.ones(count, dtype=bool)
    for loss in ("reverse_kl", "forward_kl"):
        fit = fit_softmax(features, weak, penalty=PENALTY, loss=loss, tolerance=TOLERANCE, max_iterations=3000)
        student = log_softmax(np.einsum("nd,dtc->ntc", features, fit.coefficients), axis=-1)  # probabilities may underflow
        solved &= np.asarray(fit.converged)
        gains[loss] = np.sum(target * (student - np.log(weak)), axis=-1).mean(axis=0)
        misfits[loss] = np.sum(np.exp(student) * (student - np.log(weak)), axis=-1).mean(axis=0)
    gain, misfit = gains["reverse_kl"], misfits["reverse_kl"]
    residual, lead, slip = gain - misfit, gain - gains["forward_kl"], SLIP * misfit
    found = {
        "gain of reverse": gain,
        "gain of forward": gains["forward_kl"],
        "misfit of reverse": misfit,
        "relative residual": residual / misfit,
        "lead of reverse": lead,
        "relative lead": lead / misfit,
        "short": residual < -slip,
        "worse than the weak model": gain < -slip,
        "forward is better": lead < -slip,
    }
    return {rule: np.where(solved, values, np.nan) for rule, values in found.items()} | {"unsolved": (~solved).astype(float)}


def one_weight(target: float, count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Gain and misfit of the reverse-KL student of one weight, the best of all weights on a grid and at both ends."""
    x, weak = np.array(INPUTS), np.array(WEAK_ODDS)
    grid = np.linspace(-40.0, 40.0, 160_001)
    odds = np.outer(grid, x)
    loss = _binary_kl(odds, weak).mean(axis=1)
    best = int(np.argmin(loss))
    truth = target * x
    gain = float(np.mean(_binary_kl(truth, weak) - _binary_kl(truth, odds[best])))
    ends = float(min(loss[0], loss[-1]) - loss[best])  # weights of ±40 stand for ±∞
    found = {"gain": gain, "misfit": float(loss[best]), "weight": float(grid[best]), "ends above the best": ends}
    return {rule: np.array([value]) for rule, value in found.items()}


def conditional(lean: float, count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """KL(s‖w); ECE of the student in ten bins, on labels that are surer than it; and the weak model's only gap."""
    side = 2.0 * rng.integers(0, 2, count) - 1.0
    labels = (rng.random(count) < 0.5 + CERTAINTY * side).astype(float)
    said = 0.5 + lean * side
    index = np.minimum((10.0 * said).astype(int), 9)
    gaps = np.abs(np.bincount(index, labels - said, minlength=10)) / count
    found = {"misfit": _from_half(lean), "ece of student": gaps.sum(), "gap of weak": np.mean(labels - 0.5)}
    return {rule: np.array([value]) for rule, value in found.items()}


def marginal(lean: float, count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """KL(s‖w), and marginal calibration error of the weak model less that of the student, on labels drawn as the student says."""
    share = np.mean(rng.random(count) < 0.5 + lean)
    change = 2.0 * abs(share - 0.5) - 2.0 * abs(share - 0.5 - lean)
    return {"misfit": np.array([_from_half(lean)]), "marginal change": np.array([change])}


def _from_half(lean: float) -> float:
    """KL of Bernoulli(½ ± ε) from Bernoulli(½)."""
    said = np.array([0.5 + lean, 0.5 - lean])
    return float(np.log(2.0) + said @ np.log(said))


def _binary_kl(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """KL between Bernoulli laws of log-odds ``first`` and ``second``, elementwise: Σ p (log p − log q), stable for large odds."""
    p = 1.0 / (1.0 + np.exp(-first))
    return p * (first - second) + np.logaddexp(0.0, second) - np.logaddexp(0.0, first)


def _row(rule: str, values: np.ndarray) -> dict[str, Any]:
    """The numbers of a row from ``values`` (draws, worlds), NaN left out.

    ``value`` is the mean over draws of their means and ``stderr`` its error between draws; ``low``, ``middle``, ``high`` are the 5 %, 50 %
    and 95 % quantiles over all worlds, ``lowest`` and ``highest`` the extremes, ``trimmed`` the mean without the lowest 1 % of worlds;
    ``means_up`` and ``medians_up`` count the draws whose mean and median are positive.
    """
    means, medians = np.nanmean(values, axis=1), np.nanmedian(values, axis=1)
    low, middle, high, cut = np.nanquantile(values, [0.05, 0.5, 0.95, 0.01])
    return {
        "rule": rule,
        "value": float(means.mean()),
        "stderr": float(means.std(ddof=1) / np.sqrt(means.size)) if means.size > 1 else 0.0,
        "low": float(low),
        "middle": float(middle),
        "high": float(high),
        "lowest": float(np.nanmin(values)),
        "highest": float(np.nanmax(values)),
        "trimmed": float(values[values >= cut].mean()),
        "means_up": int(np.sum(means > 0.0)),
        "medians_up": int(np.sum(medians > 0.0)),
    }


def findings(table: dict[str, np.ndarray]) -> list[Finding]:
    """Looseness of the bands, the reverse-KL inequality, forward against reverse, calibration."""
    return [
        _bands(table),
        _inequality(table),
        _better_student(table),
        _no_bound_on_ece(table),
        _bound_on_marginal(table),
        Finding(
            "language-model experiments of both papers",
            "not attempted (needs fine-tuned language models)",
            "softmax heads on synthetic features only",
        ),
    ]


def column(table: dict[str, np.ndarray], name: str, **keys: Any) -> np.ndarray:
    """The column ``name`` of the rows with the values ``keys``, in increasing order of ``at``."""
    return select(table | {"value": table[name]}, **keys)[1]


def _bands(table: dict[str, np.ndarray]) -> Finding:
    rules = ("sharp reverse", "sharp forward", "pinsker")
    floors = select(table, part="band", rule=rules[0])[0]
    reverse, forward, pinsker = (column(table, "middle", part="band", rule=rule) for rule in rules)
    lowest = min(column(table, "lowest", part="band", rule=rule).min() for rule in rules)
    holds = "holds but loose (derived here)" if lowest > 1.1 else "holds (derived here)"
    return Finding(
        "|change in cross-entropy| ≤ C√misfit, all probabilities ≥ γ: the best constant √(2(1 − γ)/γ), and Pinsker's 1/(γ√2)",
        holds if lowest >= 1.0 else "counterexample found",
        f"smallest bound / change of {_count(table, 'band')} softmax students at each of {floors.size} floors and all three bounds {lowest:.2f}; "
        f"median at γ = {floors[0]:g} reverse {reverse[0]:.0f}, forward {forward[0]:.0f}, Pinsker {pinsker[0]:.0f}; at γ = {floors[-1]:g} "
        f"{reverse[-1]:.1f}, {forward[-1]:.1f}, {pinsker[-1]:.1f}",
    )


def _inequality(table: dict[str, np.ndarray]) -> Finding:
    """Decided by the weight found on a grid, the best of all; a fitted head might be a local minimum."""
    target, gain, _ = select(table, part="weight", rule="gain")
    misfit, ends = (select(table, part="weight", rule=rule)[1] for rule in ("misfit", "ends above the best"))
    against = np.flatnonzero((gain < misfit - GRID_SLIP) & (ends > 0.0))
    worst = int(np.argmin(np.where(ends > 0.0, gain - misfit, np.inf)))
    noise, short, error = select(table, part="heads", rule="short")
    middle = column(table, "middle", part="heads", rule="relative residual")
    unsolved = select(table, part="heads", rule="unsolved")[1]
    return Finding(
        "gain ≥ misfit for one softmax-linear head trained by reverse KL, realizable target (a sentence known to us second-hand; the "
        "paper's hypotheses were not checked)",
        "counterexample found" if against.size else "not attempted (no world decides it)",
        f"one weight, two points, best of all weights on a grid: gain below misfit at {against.size} of {gain.size} target weights, at "
        f"{target[worst]:g} gain {gain[worst]:.3f}, misfit {misfit[worst]:.3f}. Fitted heads, which may be local minima: share of worlds with "
        f"gain < misfit (by {SLIP:g} of it) and median of (gain − misfit) / misfit: "
        + "; ".join(f"noise {n:g}: {s:.1%} ± {e:.1%}, {m:+.4f}" for n, s, e, m in zip(noise, short, error, middle, strict=True))
        + f"; fits left out as not converged {unsolved.max():.1%} at most",
    )


def _better_student(table: dict[str, np.ndarray]) -> Finding:
    """Typical world and mean by sign tests over draws of features, since a few worlds with a huge loss carry the mean."""
    keys = {"part": "heads", "rule": "lead of reverse"}
    noise, mean, error = select(table, **keys)
    middle, lowest, trimmed = (column(table, name, **keys) for name in ("middle", "lowest", "trimmed"))
    medians, means, draws = (column(table, name, **keys).astype(int) for name in ("medians_up", "means_up", "draws"))
    typical, average = sign_test(medians, draws), sign_test(means, draws)
    if np.any(typical < 0):
        status = "not reproduced (see the evidence)"
    elif np.any(typical > 0):
        lower = ", ".join(f"{n:g}" for n in noise[average < 0])
        status = f"observed here (typical world, at {np.sum(typical > 0)} of {noise.size} noise levels" + (
            f"; its mean gain is lower at noise {lower})" if lower else ")"
        )
    else:
        status = "not reproduced (by the mean)" if np.any(average < 0) else "not attempted (too few worlds to tell)"
    forward = select(table, part="heads", rule="forward is better")[1]
    worse = select(table, part="heads", rule="worse than the weak model")[1]
    return Finding(
        "the reverse-KL student has the smaller risk KL(f‖s), the forward-KL student the larger",
        status,
        f"gain of reverse less gain of forward, sign tests at {LEVEL:g} over draws of features: "
        + "; ".join(
            f"noise {n:g}: median {m:+.2g}, positive in {a} of {d} draws; mean {v:+.2g} ± {e:.1g}, positive in {b}; without the worst 1 % of "
            f"worlds {t:+.2g}, worst world {w:.2g}; forward better in {f:.0%} of worlds"
            for n, m, a, d, v, e, b, t, w, f in zip(
                noise, middle, medians, draws, mean, error, means, trimmed, lowest, forward, strict=True
            )
        )
        + f"; reverse-KL students worse than the weak model in up to {worse.max():.2%} of worlds",
    )


def sign_test(up: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """1 where ``up`` of ``draws`` are too many for a fair coin at the two-sided ``LEVEL``, −1 where they are too few, else 0."""
    return (2.0 * bdtr(draws - up, draws, 0.5) <= LEVEL).astype(int) - (2.0 * bdtr(up, draws, 0.5) <= LEVEL)


def _no_bound_on_ece(table: dict[str, np.ndarray]) -> Finding:
    lean, ece, error = select(table, part="ece", rule="ece of student")
    gap, gap_error = select(table, part="ece", rule="gap of weak")[1:]
    divergence = select(table, part="ece", rule="misfit")[1]
    found = agreement(
        f"no bound on conditional calibration: ECE(s) = {CERTAINTY:g} − ε at KL ≈ 2ε² from a calibrated weak model",
        ece,
        error,
        CERTAINTY - lean,
    )
    off = np.abs(gap / gap_error).max()
    return Finding(
        found.claim,
        found.status if off <= 5.0 else "counterexample found",
        f"ECE of the student {ece[0]:.3f} ± {error[0]:.1g} at KL {divergence[0]:.4f}; the weak model's ½ is off by at most {np.abs(gap).max():.4f}, "
        f"{off:.1f} standard errors; " + found.evidence,
    )


def _bound_on_marginal(table: dict[str, np.ndarray]) -> Finding:
    lean, change, error = select(table, part="marginal", rule="marginal change")
    highest = column(table, "highest", part="marginal", rule="marginal change")
    bound = bounds.calibration_bound(select(table, part="marginal", rule="misfit")[1])
    share = change / bound
    holds = "holds (derived here)" if share.max() >= 0.9 else "holds but loose (derived here)"
    return Finding(
        "|change in marginal calibration error| ≤ min(√(2 KL), 2√(1 − exp(−KL)))",
        holds if np.all(highest <= bound + 1e-9) else "counterexample found",
        f"student calibrated, weak model not: mean change / bound {share.min():.3f} to {share.max():.3f} (± {(error / bound).max():.3f} at most) by "
        f"lean; largest of any sample {(highest / bound).max():.4f}, over {_count(table, 'marginal')} labels at each of {lean.size} leans",
    )


def _count(table: dict[str, np.ndarray], part: str) -> str:
    """How many worlds, or labels, a point of the part has: "draws × worlds"."""
    rows = table["part"] == part
    return f"{table['draws'][rows].max()} × {table['trials'][rows].max()}"
