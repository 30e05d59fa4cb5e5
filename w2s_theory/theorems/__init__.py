"""The catalogue: one file per statement, ``STATEMENTS`` maps each name to its statement in reading order."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np

from .._validation import MissingExtra
from ..checking import check_statement
from ..outcomes import Check, Verdict
from ..problems.devices import can_move, on_device
from ..statements import Statement
from .burns2023.adaptive_balance import ADAPTIVE_BALANCE
from .burns2023.confidence_end import CONFIDENCE_END
from .burns2023.confidence_gain import CONFIDENCE_GAIN_STATEMENT
from .burns2023.entropy_is_a_smaller_step import ENTROPY_IS_A_SMALLER_STEP
from .burns2023.filtered_noise import FILTERED_NOISE
from .burns2023.keeps_its_label import KEEPS_ITS_LABEL
from .burns2023.kl_is_cross_entropy import KL_IS_CROSS_ENTROPY
from .burns2023.neighbour_repair import NEIGHBOUR_REPAIR
from .burns2023.product_clock import PRODUCT_CLOCK
from .burns2023.systematic_errors_survive import SYSTEMATIC_ERRORS_SURVIVE
from .burns2023.window_end import WINDOW_END
from .charikar2024.cross_term import CROSS_TERM
from .charikar2024.nonrealizable_convex import NONREALIZABLE_CONVEX
from .charikar2024.nonrealizable_linear import NONREALIZABLE_LINEAR
from .charikar2024.theorem_1 import THEOREM_1
from .charikar2024.theorem_1_affine import THEOREM_1_AFFINE
from .charikar2024.theorem_1_any_set import THEOREM_1_ANY_SET
from .charikar2024.theorem_2 import THEOREM_2
from .charikar2024.theorem_2_approximate import THEOREM_2_APPROXIMATE
from .finetuning.hull_noise import HULL_NOISE
from .finetuning.hull_noise_bound import HULL_NOISE_BOUND
from .finetuning.hull_risk import HULL_RISK
from .finetuning.naive_risk import NAIVE_RISK
from .finetuning.shrinkage_risk import SHRINKAGE_RISK
from .finetuning.trapped_between_biases import TRAPPED_BETWEEN_BIASES
from .finetuning.trapped_on_average import TRAPPED_ON_AVERAGE
from .finite_sample.expected_gain import EXPECTED_GAIN
from .finite_sample.expected_gain_nonrealizable import EXPECTED_GAIN_NONREALIZABLE
from .finite_sample.expected_test_misfit import EXPECTED_TEST_MISFIT
from .finite_sample.expected_train_misfit import EXPECTED_TRAIN_MISFIT
from .finite_sample.in_sample_equality import IN_SAMPLE_EQUALITY
from .finite_sample.label_free_gain import LABEL_FREE_GAIN
from .finite_sample.misfit_overstates_gain import MISFIT_OVERSTATES_GAIN
from .finite_sample.sign_flip import SIGN_FLIP
from .identification.averaging_doubles_exponent import AVERAGING_DOUBLES_EXPONENT
from .identification.chernoff import CHERNOFF
from .identification.conditional_on_design import CONDITIONAL_ON_DESIGN
from .identification.error_at_least_worst import ERROR_AT_LEAST_WORST
from .identification.error_at_most_sum import ERROR_AT_MOST_SUM
from .identification.evidence_mgf import EVIDENCE_MGF
from .identification.pairwise_law import PAIRWISE_LAW
from .identification.pairwise_law_unequal_priors import PAIRWISE_LAW_UNEQUAL_PRIORS
from .identification.random_bias_flip import RANDOM_BIAS_FLIP
from .identification.sample_size import SAMPLE_SIZE
from .identification.squared_weight_bound import SQUARED_WEIGHT_BOUND
from .identification.temperature_limit import TEMPERATURE_LIMIT
from .identification.weight_bound import WEIGHT_BOUND
from .identification.weight_exponent import WEIGHT_EXPONENT
from .identification.weight_law import WEIGHT_LAW
from .identities.bregman import BREGMAN
from .identities.squared import SQUARED
from .identities.zero_one import ZERO_ONE
from .identities.zero_one_binary import ZERO_ONE_BINARY
from .label_efficiency.all_differences import ALL_DIFFERENCES
from .label_efficiency.best_is_kept import BEST_IS_KEPT
from .label_efficiency.betting_miss_ever import BETTING_MISS_EVER
from .label_efficiency.difference_estimator import DIFFERENCE_ESTIMATOR
from .label_efficiency.difference_variance import DIFFERENCE_VARIANCE
from .label_efficiency.disagreement_saving import DISAGREEMENT_SAVING
from .label_efficiency.disagreements_suffice import DISAGREEMENTS_SUFFICE
from .label_efficiency.exact_interval import EXACT_INTERVAL
from .label_efficiency.head_band import HEAD_BAND
from .label_efficiency.likelihood_miss_ever import LIKELIHOOD_MISS_EVER
from .label_efficiency.optimal_draws import OPTIMAL_DRAWS
from .label_efficiency.successive_draws import SUCCESSIVE_DRAWS
from .lang2024.bad_to_good import BAD_TO_GOOD
from .lang2024.corrected_error import CORRECTED_FROM_GOOD
from .lang2024.coverage import COVERAGE
from .lang2024.good_to_bad import GOOD_TO_BAD
from .lang2024.profile import EXPANSION_PROFILE
from .lang2024.profile_error import PROFILE_ERROR
from .limits_of_refinement.diversity_collapse import DIVERSITY_COLLAPSE
from .limits_of_refinement.flip_boundary import FLIP_BOUNDARY
from .limits_of_refinement.guaranteed_radius import GUARANTEED_RADIUS
from .limits_of_refinement.no_asymptotic_gain import NO_ASYMPTOTIC_GAIN
from .limits_of_refinement.no_free_lunch import NO_FREE_LUNCH
from .limits_of_refinement.noiseless_ridge import NOISELESS_RIDGE_LAW
from .limits_of_refinement.quantiser_limit import QUANTISER_LIMIT
from .limits_of_refinement.saturation import SATURATION
from .limits_of_refinement.soft_concepts import SOFT_CONCEPTS
from .limits_of_refinement.ties import TIES
from .mulgund2025.approximate_member import APPROXIMATE_MEMBER
from .mulgund2025.charged_members import CHARGED_MEMBERS
from .mulgund2025.class_count import CLASS_COUNT
from .mulgund2025.convex_class import CONVEX_CLASS
from .mulgund2025.dual_convex_class import DUAL_CONVEX_CLASS
from .mulgund2025.k_average_bound import K_AVERAGE_BOUND
from .mulgund2025.k_average_excess import K_AVERAGE_EXCESS
from .mulgund2025.k_average_gain import K_AVERAGE_GAIN
from .mulgund2025.k_average_limit import K_AVERAGE_LIMIT
from .mulgund2025.k_average_root import K_AVERAGE_ROOT
from .mulgund2025.softmax_head import SOFTMAX_HEAD
from .mulgund2025.softmax_penalty import SOFTMAX_PENALTY
from .pgr.best_of_runs import BEST_OF_RUNS
from .pgr.kept_gap import KEPT_GAP
from .prior_shift.deconvolution import DECONVOLUTION
from .prior_shift.deconvolution_variance import DECONVOLUTION_VARIANCE
from .prior_shift.detailed_balance import DETAILED_BALANCE
from .prior_shift.irreducible_error import IRREDUCIBLE_ERROR
from .prior_shift.linear_student import LINEAR_STUDENT
from .prior_shift.overlap_bound import OVERLAP_BOUND
from .prior_shift.refined_weights import REFINED_WEIGHTS
from .prior_shift.regression_risk import REGRESSION_RISK
from .prior_shift.shrinks_to_source import SHRINKS_TO_SOURCE
from .prior_shift.two_concepts import TWO_CONCEPT_SHIFT
from .prior_shift.updated_prior import UPDATED_PRIOR
from .prior_shift.weak_law import WEAK_LAW
from .prior_shift.weak_training import WEAK_TRAINING
from .pseudolabels.corrected_error import CORRECTED_ERROR
from .pseudolabels.expansion_bound import EXPANSION_BOUND
from .pseudolabels.identity import PSEUDOLABEL_IDENTITY
from .refinement.finite_student import FINITE_STUDENT
from .refinement.gap import GAP
from .refinement.gap_limit import GAP_LIMIT
from .refinement.intent_risk import INTENT_RISK
from .refinement.refined_risk import REFINED_RISK
from .refinement.single_prompt_risk import SINGLE_PROMPT_RISK
from .ridge.penalty import PENALTY
from .self_distillation.best_mixing import BEST_MIXING
from .self_distillation.floor_attained import FLOOR_ATTAINED
from .self_distillation.large_noise_mixing import LARGE_NOISE_MIXING
from .self_distillation.mixing_sign import MIXING_SIGN
from .self_distillation.risk import SELF_DISTILLED_RISK
from .self_distillation.variance_only import VARIANCE_ONLY
from .self_distillation.wiener_floor import WIENER_FLOOR
from .tokens.identification_bound import IDENTIFICATION_BOUND
from .tokens.identification_exponent import IDENTIFICATION_EXPONENT
from .tokens.identification_probability import IDENTIFICATION_PROBABILITY
from .tokens.many_concepts import MANY_CONCEPTS
from .tokens.naive_accuracy import NAIVE_TOKEN_ACCURACY
from .tokens.random_errors_are_harmless import RANDOM_ERRORS_ARE_HARMLESS
from .tokens.refined_accuracy import REFINED_TOKEN_ACCURACY
from .xu2026.best_subset import BEST_SUBSET
from .xu2026.best_subset_residual import BEST_SUBSET_RESIDUAL
from .xu2026.committee import COMMITTEE
from .xu2026.decomposition import DECOMPOSITION
from .xu2026.dual_mean import DUAL_MEAN
from .xu2026.geometric_mean import GEOMETRIC_MEAN
from .xu2026.posterior_mean import POSTERIOR_MEAN
from .xu2026.ridge_posterior_mean import RIDGE_POSTERIOR_MEAN
from .xu2026.ridge_residual import RIDGE_RESIDUAL
from .xu2026.sphere import SPHERE
from .yao2025.band_forward import BAND_FORWARD
from .yao2025.band_pinsker import BAND_PINSKER
from .yao2025.band_reverse import BAND_REVERSE
from .yao2025.band_squared import BAND_SQUARED
from .yao2025.conditional_calibration import CONDITIONAL_CALIBRATION
from .yao2025.marginal_calibration import MARGINAL_CALIBRATION

STATEMENTS: dict[str, Statement] = {
    statement.name: statement
    for statement in (
        SQUARED,
        BREGMAN,
        ZERO_ONE,
        ZERO_ONE_BINARY,
        THEOREM_1,
        THEOREM_1_AFFINE,
        THEOREM_1_ANY_SET,
        NONREALIZABLE_LINEAR,
        NONREALIZABLE_CONVEX,
        CROSS_TERM,
        THEOREM_2_APPROXIMATE,
        THEOREM_2,
        PENALTY,
        CONVEX_CLASS,
        DUAL_CONVEX_CLASS,
        CHARGED_MEMBERS,
        SOFTMAX_HEAD,
        SOFTMAX_PENALTY,
        APPROXIMATE_MEMBER,
        K_AVERAGE_EXCESS,
        K_AVERAGE_BOUND,
        CLASS_COUNT,
        K_AVERAGE_LIMIT,
        K_AVERAGE_GAIN,
        K_AVERAGE_ROOT,
        IN_SAMPLE_EQUALITY,
        EXPECTED_GAIN,
        EXPECTED_GAIN_NONREALIZABLE,
        EXPECTED_TEST_MISFIT,
        EXPECTED_TRAIN_MISFIT,
        SIGN_FLIP,
        LABEL_FREE_GAIN,
        MISFIT_OVERSTATES_GAIN,
        DISAGREEMENTS_SUFFICE,
        DISAGREEMENT_SAVING,
        EXACT_INTERVAL,
        DIFFERENCE_ESTIMATOR,
        DIFFERENCE_VARIANCE,
        OPTIMAL_DRAWS,
        SUCCESSIVE_DRAWS,
        BETTING_MISS_EVER,
        LIKELIHOOD_MISS_EVER,
        HEAD_BAND,
        ALL_DIFFERENCES,
        BEST_IS_KEPT,
        BAND_FORWARD,
        BAND_REVERSE,
        BAND_PINSKER,
        BAND_SQUARED,
        MARGINAL_CALIBRATION,
        CONDITIONAL_CALIBRATION,
        DECOMPOSITION,
        POSTERIOR_MEAN,
        DUAL_MEAN,
        GEOMETRIC_MEAN,
        COMMITTEE,
        RIDGE_POSTERIOR_MEAN,
        RIDGE_RESIDUAL,
        SPHERE,
        BEST_SUBSET,
        BEST_SUBSET_RESIDUAL,
        NAIVE_RISK,
        SHRINKAGE_RISK,
        TRAPPED_BETWEEN_BIASES,
        TRAPPED_ON_AVERAGE,
        HULL_RISK,
        HULL_NOISE,
        HULL_NOISE_BOUND,
        SELF_DISTILLED_RISK,
        BEST_MIXING,
        MIXING_SIGN,
        LARGE_NOISE_MIXING,
        WIENER_FLOOR,
        FLOOR_ATTAINED,
        VARIANCE_ONLY,
        BEST_OF_RUNS,
        KEPT_GAP,
        PSEUDOLABEL_IDENTITY,
        EXPANSION_BOUND,
        CORRECTED_ERROR,
        KL_IS_CROSS_ENTROPY,
        ENTROPY_IS_A_SMALLER_STEP,
        WINDOW_END,
        PRODUCT_CLOCK,
        CONFIDENCE_END,
        KEEPS_ITS_LABEL,
        CONFIDENCE_GAIN_STATEMENT,
        ADAPTIVE_BALANCE,
        BAD_TO_GOOD,
        GOOD_TO_BAD,
        CORRECTED_FROM_GOOD,
        COVERAGE,
        EXPANSION_PROFILE,
        PROFILE_ERROR,
        NEIGHBOUR_REPAIR,
        SYSTEMATIC_ERRORS_SURVIVE,
        FILTERED_NOISE,
        REFINED_RISK,
        SINGLE_PROMPT_RISK,
        FINITE_STUDENT,
        INTENT_RISK,
        GAP,
        GAP_LIMIT,
        QUANTISER_LIMIT,
        FLIP_BOUNDARY,
        GUARANTEED_RADIUS,
        TIES,
        NO_FREE_LUNCH,
        DIVERSITY_COLLAPSE,
        SOFT_CONCEPTS,
        SATURATION,
        NO_ASYMPTOTIC_GAIN,
        NOISELESS_RIDGE_LAW,
        IDENTIFICATION_PROBABILITY,
        MANY_CONCEPTS,
        IDENTIFICATION_BOUND,
        IDENTIFICATION_EXPONENT,
        NAIVE_TOKEN_ACCURACY,
        REFINED_TOKEN_ACCURACY,
        RANDOM_ERRORS_ARE_HARMLESS,
        REFINED_WEIGHTS,
        DETAILED_BALANCE,
        SHRINKS_TO_SOURCE,
        IRREDUCIBLE_ERROR,
        UPDATED_PRIOR,
        DECONVOLUTION,
        DECONVOLUTION_VARIANCE,
        TWO_CONCEPT_SHIFT,
        OVERLAP_BOUND,
        REGRESSION_RISK,
        LINEAR_STUDENT,
        WEAK_TRAINING,
        WEAK_LAW,
        PAIRWISE_LAW,
        PAIRWISE_LAW_UNEQUAL_PRIORS,
        CONDITIONAL_ON_DESIGN,
        CHERNOFF,
        ERROR_AT_MOST_SUM,
        ERROR_AT_LEAST_WORST,
        SAMPLE_SIZE,
        EVIDENCE_MGF,
        WEIGHT_BOUND,
        SQUARED_WEIGHT_BOUND,
        WEIGHT_LAW,
        WEIGHT_EXPONENT,
        TEMPERATURE_LIMIT,
        AVERAGING_DOUBLES_EXPONENT,
        RANDOM_BIAS_FLIP,
    )
}


#: Statements about problems that can live on a device, whose own computation is NumPy only.
NUMPY_ONLY = frozenset({"label_efficiency.head_band"})


def find(name: str | Statement) -> Statement:
    """The statement called ``name``; raises ``KeyError`` with the closest names when there is none."""
    if isinstance(name, Statement):
        return name
    if name not in STATEMENTS:
        from difflib import get_close_matches

        near = get_close_matches(name, STATEMENTS, n=3, cutoff=0.3)
        raise KeyError(f"no statement is called {name!r}. Close: {', '.join(near) or 'none'}; all of them: w2s list.")
    return STATEMENTS[name]


def check_examples(statement: str | Statement, *, rng: np.random.Generator) -> list[Check]:
    """Check a statement on each of its own examples, every one with a generator of its own, so that one more disturbs none.

    Without an extra that the examples need: one UNSOLVED Check. Raises ``ValueError`` when the statement has no examples.
    """
    return [numpy_check for numpy_check, _ in compare_examples(statement, None, rng=rng)]


def compare_examples(
    statement: str | Statement, device: str | None, *, rng: np.random.Generator
) -> list[tuple[Check, Check | None]]:
    """``check_examples`` with NumPy and, beside each Check, the one of the same problem and draws on ``device``.

    The second is ``None`` for a problem, or a statement (``NUMPY_ONLY``), that is NumPy only, and for all without a device.
    Raises as ``check_examples`` and ``problems.devices.torch_device``.
    """
    statement = find(statement)
    if statement.examples is None:
        raise ValueError(f"{statement.name} must have examples; it has none, so nothing would be checked. Give it some.")
    try:
        problems = statement.examples(rng)
    except MissingExtra as error:
        return [(Check(statement.name, Verdict.UNSOLVED, relation=statement.relation, why=str(error)), None)]
    checks = []
    for problem, child in zip(problems, rng.spawn(len(problems)), strict=True):
        there = None
        if device is not None and statement.name not in NUMPY_ONLY and can_move(problem):
            there = check_statement(statement, on_device(problem, device), rng=deepcopy(child))
        checks.append((check_statement(statement, problem, rng=child), there))
    return checks


def check(statement: str | Statement, problem: Any = None, *, rng: np.random.Generator) -> Check:
    """Check a statement (or the one of that name) on a problem and return a Check.

    Without ``problem`` the statement's own last example is used, the one that attains the bound when it is tight. A result, good or
    bad, is returned; only misuse raises: ``KeyError`` for an unknown name, ``TypeError`` for a problem of the wrong type or an
    ``rng`` that is not a ``numpy.random.Generator``, ``ValueError`` for invalid numbers.
    """
    statement = find(statement)
    if problem is None:
        if statement.examples is None:
            raise ValueError(f"problem must be given: {statement.name} has no examples of its own.")
        problem = statement.examples(rng)[-1]
    return check_statement(statement, problem, rng=rng)
