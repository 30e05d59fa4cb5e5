"""Mutation testing: change a constant in each closed form by 10 %, one at a time, and see the tests fail. Runs under --runslow.

Constants are found, not listed: every number in the functions that hold closed forms, and every value they return, times 1.1. A mutant is a
copy of the package with one of them changed; the test files of its room must fail in a process of their own.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
LAMBDA, SIDES = "<lambda>", ("_sides",)
MULGUND = ("tests/theorems/test_mulgund2025.py",)
BREGMAN_HULL = ("tests/students/test_bregman_hull.py",)
K_AVERAGE = ("tests/quantities/test_k_average.py",)
DIVERGENCES = ("tests/test_divergences.py", "tests/quantities/test_gain.py", "tests/theorems/test_identities.py")
CHARIKAR = ("tests/theorems/test_charikar2024.py",)
FINITE = ("tests/theorems/test_finite_sample.py",)
NAIVE, HULL = ("tests/quantities/test_naive_finetuning.py",), ("tests/quantities/test_hull_training.py",)
REPORT = ("tests/design/test_report.py",)
SELF_DISTILLATION = ("tests/theorems/test_self_distillation.py",)
PSEUDOLABELS = ("tests/theorems/test_pseudolabels.py",)
LANG = ("tests/theorems/test_lang2024.py",)
NEIGHBOURS = ("tests/quantities/test_neighbour_repair.py", "tests/theorems/test_burns2023_neighbours.py")
PHASES = ("tests/quantities/test_phase_boundaries.py",)
SOFT = ("tests/quantities/test_soft_concepts.py",)
REFINEMENT = ("tests/theorems/test_refinement.py",)
TOKENS = ("tests/quantities/test_token_identification.py", "tests/problems/test_token_concepts.py")
PRIOR_SHIFT = ("tests/quantities/test_prior_shift.py",)
YAO, XU = ("tests/theorems/test_yao2025.py",), ("tests/theorems/test_xu2026.py",)
CONFIDENCE = ("tests/quantities/test_confidence_loss.py",)
LABELS = "tests/quantities/label_efficiency/"
DIFFERENCE, LABEL_EFFICIENCY = (LABELS + "test_difference.py",), ("tests/theorems/test_label_efficiency.py",)
#: File -> (functions that are closed forms, the tests that must notice).
CLOSED_FORMS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "divergences/bregman.py": (("coordinates", "displacement", "slope_between", "residual", "inner", "log_ratio"), DIVERGENCES),
    "divergences/dual.py": (
        ("gradient", "inverse_gradient", "coordinates", "at", "displacement", "slope_between", "between"),
        DIVERGENCES,
    ),
    "divergences/from_generator.py": (("gradient", "inverse_gradient"), DIVERGENCES),
    "divergences/generators.py": (("gradient", "inverse_gradient", "slope_between", "between"), DIVERGENCES),
    "divergences/zero_one.py": (("between", "residual"), DIVERGENCES),
    "design/filters.py": (("on",), ("tests/design/test_design.py",)),
    "design/folds.py": (("errors",), ("tests/design/test_folds.py",)),
    "design/label_moments.py": (("plus",), ("tests/design/test_streaming.py",)),
    "design/moments.py": (("merged",), ("tests/design/test_streaming.py",)),
    "design/report.py": (("in_sample", "_student", "_with_ceiling", "numbers", "gain_of_errors", "assemble"), REPORT),
    "design/rowwise.py": (("leave_one_out", "numbers"), REPORT),
    "quantities/gain.py": (("mean",), DIVERGENCES),
    "quantities/disagreement.py": (("share",), DIVERGENCES),
    "quantities/finite_sample.py": (("overfitting_ratio", "label_free_gain", LAMBDA), FINITE),
    "quantities/projection.py": (("band",), CHARIKAR),
    "quantities/sampled_training.py": (("value_bound", "excess_misfit_bound", "allowance"), CHARIKAR),
    "problems/gaussian.py": (("weak_error", "student_error", "misfit", "misfit_limit", "gain"), FINITE),
    "problems/population.py": (("squared_norm", "inner", "approximation_error"), CHARIKAR),
    "problems/training.py": (("excess_misfit",), CHARIKAR),
    "quantities/phase_boundaries.py": (
        (
            "limit_law",
            "limit_weights",
            "one_prompt_limit",
            "flip_size",
            "identification_radius",
        ),
        PHASES,
    ),
    "quantities/diversity_collapse.py": (("collapsed_error", "collapse_bound", "remaining_diversity"), PHASES),
    "quantities/soft_concepts.py": (
        (
            *("copied_share", "told_risk", "soft_risk", "mean_weights", "saturated_weights", "noiseless_ridge_risk"),
            *("orthogonal_prompts", "minimum_norm_answers", "_variance", "_nodes"),
        ),
        SOFT,
    ),
    "problems/mixture_prompt.py": (("diversity",), PHASES),
    "theorems/charikar2024/cross_term.py": (SIDES, CHARIKAR),
    "theorems/charikar2024/theorem_2_approximate.py": (SIDES, CHARIKAR),
    "theorems/ridge/penalty.py": (SIDES, ("tests/theorems/test_ridge.py",)),
    "theorems/identities/zero_one_binary.py": (SIDES, DIVERGENCES),
    "theorems/finite_sample/sign_flip.py": (SIDES, FINITE),
    "theorems/finite_sample/misfit_overstates_gain.py": (SIDES, FINITE),
    "quantities/naive_finetuning.py": (
        ("naive_risk", "shrinkage_risk", "best_pull", "distance_to_line", "_inner", "_noise", LAMBDA),
        NAIVE,
    ),
    "quantities/hull_training.py": (("hull_risk", "noise_deficit", "statistical_dimension"), HULL),
    "students/source_shrinkage.py": (("shrink_to_source",), ("tests/students/test_source_shrinkage.py",)),
    "students/self_distillation.py": (("fit", "self_distilled_heads"), ("tests/students/test_self_distillation.py",)),
    "quantities/self_distillation.py": (
        (
            "ridge_filter",
            "distilled_filter",
            "risk_of_filter",
            "best_mixing",
            "ridge_slope",
            "large_noise_mixing",
            "large_noise_distance",
            "wiener_floor",
            "best_mixings",
            "refitted_risk",
            "_out_of_reach",
            "_curvature",
            LAMBDA,
        ),
        SELF_DISTILLATION,
    ),
    "problems/fixed_design.py": (("groups", "sample", "risk"), SELF_DISTILLATION),
    "problems/pseudolabels.py": (
        (
            *("weak_error", "training_error", "student_error", "error_on_bad", "expansion", "surplus", "share"),
            *("error_on_good", "fragile_errors", "fragile_hits", "fragile_on_bad", "fragile_on_good", "reverse_surplus"),
            *("covered_error", "uncovered_error"),
        ),
        PSEUDOLABELS + LANG,
    ),
    "problems/expansion.py": (("constant", "profile", "extreme_share"), LANG),
    "theorems/self_distillation/variance_only.py": (SIDES, SELF_DISTILLATION),
    "problems/hull_population.py": (("target", "mixture_of"), BREGMAN_HULL + MULGUND),
    "problems/k_average.py": (("centre", "averages"), K_AVERAGE),
    "problems/softmax_sample.py": (("target",), MULGUND),
    "problems/softmax_worlds.py": (("sample", "random_network_world"), ("tests/problems/test_softmax_worlds.py",)),
    "students/bregman_hull.py": (("slope", "gap_of", "at", "hull_gap"), BREGMAN_HULL),
    "quantities/k_average.py": (
        (
            *(
                "spread",
                "mean_over_classes",
                "chi_squared",
                "class_bound",
                "excess_bound",
                "excess_limit",
                "excess_range",
                "_fourth_of_mean",
            ),
            *("excess_envelope", "target_bound", "certificate", "shortfall_bound", "target_ratio", "root_bound"),
            *("member_bound", "member_excess"),
        ),
        K_AVERAGE,
    ),
    "theorems/_mulgund.py": (("shortfalls",), MULGUND),
    "theorems/pseudolabels/identity.py": (SIDES, PSEUDOLABELS),
    "theorems/pseudolabels/corrected_error.py": (SIDES, PSEUDOLABELS),
    "theorems/lang2024/bad_to_good.py": (SIDES, LANG),
    "theorems/lang2024/good_to_bad.py": (SIDES, LANG),
    "theorems/lang2024/corrected_error.py": (SIDES, LANG),
    "theorems/lang2024/profile.py": (SIDES, LANG),
    "quantities/expansion_bounds.py": (("bad_to_good_bound", "good_to_bad_bound", "error_bound"), LANG),
    "quantities/neighbour_repair.py": (
        ("plurality_error", "_poisson", "random_error_chances", "residual_noise", "_repaired_error"),
        NEIGHBOURS,
    ),
    "problems/clusters.py": (("separation", "noise", "is_pure"), ("tests/problems/test_clusters.py",)),
    "problems/supervisors.py": (("random_errors", "soft_labels"), ("tests/problems/test_supervisors.py",)),
    "students/relabelling.py": (("total_variation", "fit"), ("tests/students/test_relabelling.py",)),
    "students/neighbours.py": (("neighbour_means",), ("tests/students/test_neighbours.py",)),
    "quantities/token_identification.py": (
        (
            *("misidentification_probability", "chernoff_factor", "sharp_asymptotic", "asymptotic_correction"),
            *("_misidentification", "_refined_accuracy", "_naive_accuracy"),
        ),
        TOKENS,
    ),
    "problems/token_concepts.py": (("disagreement", "support"), TOKENS),
    "theorems/tokens/identification_bound.py": (SIDES, ("tests/theorems/test_tokens.py",)),
    "theorems/tokens/identification_exponent.py": (SIDES, ("tests/theorems/test_tokens.py",)),
    "theorems/tokens/random_errors_are_harmless.py": (SIDES, ("tests/theorems/test_tokens.py",)),
    "quantities/prior_shift.py": (
        (
            "confusion",
            "refined_prior",
            "prior_norm",
            "confusion_probability",
            "affinity",
            "overlap_bound",
            "sampled_variance",
            "deconvolved_variance",
            "amplification",
            "amplification_bound",
            "likelihood_variance",
            "em_divergences",
            "prior_divergence",
            "weak_law_divergence_bound",
            "_confusion_of",
            LAMBDA,
        ),
        PRIOR_SHIFT,
    ),
    "quantities/prior_shift_regression.py": (
        ("refined_head", "linear_risk", "weak_risk", "_refined_risk", LAMBDA),
        PRIOR_SHIFT,
    ),
    "problems/mixtures.py": (("_log_normal", "pooled"), ("tests/problems/test_mixtures.py",)),
    "problems/regression_mixture.py": (("target_head", "mean_bias", "log_densities"), ("tests/problems/test_mixtures.py",)),
    "quantities/identification.py": (
        (
            *("margin", "drift", "kappa", "rate", "rivals", "preference_probability", "conditional_preference", "chernoff_bound"),
            *("error_bracket", "sample_size", "flip_probability", "_log_prefactor", "_preference", "_chi_square_average"),
            *("posterior_odds", "preferences", LAMBDA),
        ),
        ("tests/quantities/test_identification.py",),
    ),
    "quantities/evidence_mgf.py": (
        (
            *(
                "regime",
                "exponents",
                "exponent",
                "delta",
                "domain",
                "optimal_tilt",
                "evidence_mgf",
                "weight_bound",
                "weight_bracket",
            ),
            *("log_pair_moments", "identification_limit", "temperature_limit", "_slope", "_curvature", "_delta", "_roots"),
            "_log_transform",
        ),
        ("tests/quantities/test_evidence_mgf.py",),
    ),
    "problems/hidden_markov.py": (("smoothed", "_rescaled"), ("tests/problems/test_hidden_markov.py",)),
    "montecarlo.py": (("categorical", "cumulative", "inverted"), ("tests/test_montecarlo.py",)),
    "problems/ginc.py": (
        ("random_ginc", "released_ginc", "_labels", "_mixed_permutations", "_legacy_mixture"),
        ("tests/problems/test_ginc.py",),
    ),
    "students/hidden_markov_filter.py": (
        ("posterior", "predictive", "predict"),
        ("tests/students/test_hidden_markov_filter.py",),
    ),
    "quantities/posterior_weights.py": (
        ("weight_moments", "preferred_shares", "_pair_means", "_completed"),
        ("tests/quantities/test_posterior_weights.py",),
    ),
    "quantities/log_odds.py": (
        ("of", "tilted", "draws", "dimensions", "log_odds", "_chi"),
        ("tests/quantities/test_posterior_weights.py",),
    ),
    "quantities/refined_risk.py": (
        (
            *("refined_risk", "single_prompt_risk", "finite_student_risk", "intent_risk", "repeated_risk", "limit_risk"),
            *("gap", "limit_gap", "pgr", "gap_rate"),
        ),
        REFINEMENT,
    ),
    "quantities/forecast.py": (("gap", "forecast"), REFINEMENT),
    "students/refiner.py": (
        ("log_evidence", "weights_of", "refined_heads", "simulate_evidence", "_covariance"),
        ("tests/students/test_refiner.py",),
    ),
    "students/loss_menu.py": (("evaluate", "target"), ("tests/students/test_loss_menu.py",)),
    "students/batch_loss.py": (("evaluate",), ("tests/students/test_loss_menu.py",)),
    "students/confidence.py": (("target", "coefficient", "hard_labels"), ("tests/students/test_loss_menu.py",)),
    "students/head_training.py": (("fit", "_train", "_rate"), ("tests/students/test_head_training.py",)),
    "students/free_scores.py": (("settle", "flow"), CONFIDENCE),
    "quantities/free_scores.py": (("window_end", "product_clock"), CONFIDENCE),
    "quantities/confidence_loss.py": (
        ("override_confidence", "settled_probability", "kept_share", "gains", "_gain", "_trials"),
        CONFIDENCE,
    ),
    "problems/confident_labels.py": (("weak_accuracy", "sample", "cases", "_items"), CONFIDENCE),
    "theorems/burns2023/product_clock.py": (SIDES, ("tests/theorems/test_burns2023.py",)),
    "theorems/burns2023/entropy_is_a_smaller_step.py": (SIDES, ("tests/theorems/test_burns2023.py",)),
    "theorems/burns2023/window_end.py": (SIDES, ("tests/theorems/test_burns2023.py",)),
    "theorems/burns2023/adaptive_balance.py": (SIDES, ("tests/theorems/test_burns2023.py",)),
    "students/classifiers.py": (("_heads", "_holdout", "_rows", "floored"), ("tests/students/test_classifiers.py",)),
    "problems/classification.py": (("stratified", "two_columns"), ("tests/problems/test_classification.py",)),
    "protocol.py": (("agreement", "train_ceiling", "_learn", "_relabelled"), ("tests/test_protocol.py",)),
    "students/refinement.py": (("answers", "repeated_heads"), REFINEMENT),
    "students/learned_refiner.py": (
        ("log_density", "sample", "divergence", "exact_answers", "network"),
        ("tests/students/test_learned_refiner.py",),
    ),
    "students/refiner_training.py": (("rate", "surprise", "source_prompts"), ("tests/students/test_learned_refiner.py",)),
    "quantities/disagreement_bounds.py": (
        (
            *("sharp_constant", "pinsker_constant", "smallest_probability", "cross_entropy_change", "forward_misfit"),
            *("reverse_misfit", "squared_bound", "calibration_bound", "marginal_calibration_error"),
            *("conditional_calibration_error", "probabilities", "_kl", "_mean"),
        ),
        YAO,
    ),
    "theorems/yao2025/conditional_calibration.py": (SIDES, YAO),
    "quantities/expected_misfit.py": (
        (
            *("expected_report", "expected_residual", "teacher_variance", "committee_gain", "geometric_mean_gain"),
            *("ridge_residual", "ridge_misfit", "kernel_student_residual", "total"),
        ),
        XU,
    ),
    "quantities/nonconvex_residual.py": (
        (
            *("sphere_numbers", "sparse_numbers", "curvature_residual", "second_fundamental_form", "_density", "_exceeds"),
            *("_elementary", "_sphere_by_quadrature", "dropped_coordinates", "_signal", "_at_least"),
        ),
        XU,
    ),
    "problems/random_teachers.py": (("averaged", "posterior_means", "committees", "same_students"), XU),
    "problems/gaussian_teachers.py": (("simulate", "posterior_penalty", "_gain_and_misfit"), XU),
    "problems/concepts.py": (
        ("source", "error", "draw_features", "sample", "orthonormal_world"),
        ("tests/students/test_refiner.py", "tests/theorems/test_refinement.py"),
    ),
    "quantities/metrics.py": (
        (
            *("sign", "_mean_of_scores", "_mean_of_ratios", "at", "_accuracy", "_balanced_accuracy", "_f1", "_auc"),
            *("_cross_entropy", "_brier", "_ece"),
        ),
        ("tests/quantities/test_metrics.py",),
    ),
    "quantities/ranking.py": (
        ("area_under_curve", "at", "_ties", "_mid_sums", "_weighted"),
        ("tests/quantities/test_metrics.py",),
    ),
    "quantities/performances.py": (
        ("of", "values", "pseudo_variance", "contrast", "resampled", "pseudo_size"),
        ("tests/quantities/test_pgr.py", "tests/quantities/test_pgr_seeds.py"),
    ),
    "quantities/betting.py": (("bets_reject",), ("tests/quantities/test_pgr_coverage.py",)),
    "diagnosis/limits.py": (("limits", "misfit", "pointwise_gain", "_log_ratio", "_brier"), ("tests/diagnosis/test_limits.py",)),
    "quantities/label_efficiency/trinomial.py": (
        ("most_likely_sum", "standard_error", "_log_hypergeometric", "hypergeometric_range"),
        (LABELS + "test_trinomial.py",),
    ),
    "quantities/label_efficiency/accuracy.py": (("wilson", "classical_interval"), (LABELS + "test_accuracy.py",)),
    "quantities/label_efficiency/draws.py": (("rates",), (LABELS + "test_draws.py",)),
    "quantities/label_efficiency/blend.py": (("gain", "chances", "spread", "fitted_coefficients"), DIFFERENCE),
    "quantities/label_efficiency/difference.py": (
        ("mean", "value", "variance", "by_chance", "degrees", "pool_variance"),
        (*DIFFERENCE, LABELS + "test_difference_limits.py"),
    ),
    "quantities/label_efficiency/skewness.py": (("predicted_skewness", "hall_deviate"), (LABELS + "test_skewness.py",)),
    "quantities/label_efficiency/anytime.py": (("log_capital", "_returns"), (LABELS + "test_anytime.py",)),
    "quantities/label_efficiency/anytime_outcomes.py": (
        ("log_likelihood_ratio", "_log_choose", "_times_log"),
        (LABELS + "test_anytime.py",),
    ),
    "quantities/label_efficiency/anytime_asymptotic.py": (("boundary",), (LABELS + "test_anytime.py",)),
    "quantities/label_efficiency/anytime_terms.py": (
        ("weighted_terms", "term_range", "_start", "_label_ends"),
        (LABELS + "test_anytime.py",),
    ),
    "quantities/label_efficiency/no_labels.py": (
        ("settling_epsilon", "projected_range", "head_range", "slope_range", "cross_entropy_range"),
        (LABELS + "test_no_labels.py",),
    ),
    "quantities/label_efficiency/planner.py": (
        ("sign_test_power", "t_test_power"),
        (LABELS + "test_planner.py",),
    ),
    "quantities/label_efficiency/planner_seeds.py": (
        ("variance_components", "crossed_mean", "crossed_power"),
        (LABELS + "test_planner.py",),
    ),
    "quantities/label_efficiency/supervisors.py": (
        ("paired_differences", "all_pairs_quantile", "against_others_quantile", "student_errors", "scores"),
        (LABELS + "test_supervisors.py", "tests/theorems/test_label_efficiency_sequential.py"),
    ),
    "problems/label_stream.py": (("mean",), ("tests/theorems/test_label_efficiency_sequential.py",)),
    "quantities/label_efficiency/variances.py": (
        (
            *("misses", "_mean_square_of_mean", "difference_variance", "best_difference_variance", "best_probabilities"),
            *("right_shares", "paired_accuracy_variance", "disagreement_variance", "successive_inclusion", "successive_mean"),
        ),
        LABEL_EFFICIENCY,
    ),
    "problems/labelled_pool.py": (
        ("misfit", "means", "mean_square_about", "chance_right", "squared_gain", "accuracy_gain"),
        LABEL_EFFICIENCY,
    ),
    "real_tasks/losses.py": (("squared", "cross_entropy", "_by_scores", "accuracy"), ("tests/real_tasks/test_measure.py",)),
    "real_tasks/linear_head.py": (("sensitivity", "predict"), ("tests/real_tasks/test_measure.py",)),
    "real_tasks/softmax_head.py": (("_hessian", "sensitivity"), ("tests/real_tasks/test_measure.py",)),
    "real_tasks/measure.py": (("_influence", "_summed", "_through"), ("tests/real_tasks/test_measure.py",)),
    "real_tasks/intervals.py": (
        ("of", "ratio", "averages", "_over_points"),
        ("tests/real_tasks/test_intervals.py",),
    ),
    "quantities/pgr_intervals.py": (
        ("by_t", "delta", "fieller", "exact", "percentiles", "by_betting", "accepted_ratios"),
        ("tests/quantities/test_pgr.py", "tests/quantities/test_pgr_coverage.py"),
    ),
    "quantities/pgr.py": (("_points_needed",), ("tests/quantities/test_pgr.py", "tests/quantities/test_pgr_seeds.py")),
    "quantities/binormal.py": (
        (
            *("population_metric", "population_pgr", "accuracy_covariance", "pgr_stderr", "_threshold", "_rates", "_accuracy"),
            *("_balanced_accuracy", "_f1", "_auc", "_cross_entropy", "_brier", "_over_evidence", "_ece", "_surplus", "_pieces"),
            *("_density", LAMBDA),
        ),
        ("tests/problems/test_paired_classifiers.py",),
    ),
    "quantities/pgr_selection.py": (
        ("expected_maximum", "best_of_runs", "kept_gap", "kept_share"),
        ("tests/theorems/test_pgr.py",),
    ),
    "problems/noisy_runs.py": (("gap", "pgr", "measured"), ("tests/theorems/test_pgr.py",)),
    "problems/paired_classifiers.py": (("of_accuracies", "bias", "sample"), ("tests/problems/test_paired_classifiers.py",)),
}
#: Keyword arguments and assigned names whose numbers are not part of a closed form: axes, and allowances for rounding and inexact solves.
SKIPPED_KEYWORDS = {"axis", "keepdims", "scale", "size", "solver_error", "rtol", "atol"}
SKIPPED_NAMES = {"slip", "stationarity", "smallest", "scale", "safe", "size", "sizes", "lengths"}
#: (file, number) -> why changing it means the same.
EQUIVALENT = {
    ("quantities/posterior_weights.py", "1"): "limits a tilt, and any is right; or the freedom of a standard error",
    ("theorems/finite_sample/sign_flip.py", "1"): "n and 2d + 1 are whole, so 2d + 1.1 has the same numbers on either side of it",
    ("problems/supervisors.py", "1"): "the lower end of an integer draw, where 1.1 is cut to 1",
    ("problems/ginc.py", "1"): "the numbers of this kind are lower ends of integer draws, where 1.1 is cut to 1",
}


class Mutant(NamedTuple):
    """One change: characters ``first`` to ``last`` of a file become ``new``; ``tests`` must notice."""

    file: str
    line: int
    first: int
    last: int
    new: str
    tests: tuple[str, ...]


def mutants(file: str, functions: tuple[str, ...], tests: tuple[str, ...]) -> list[Mutant]:
    """Every number of the closed forms in a file times 1.1, and every value they return times 1.1."""
    source = (ROOT / "w2s_theory" / file).read_text()
    starts = [0]
    for text in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(text))
    lines = source.splitlines()
    found: list[Mutant] = []

    def change(node: ast.expr, new: str) -> None:
        assert node.end_lineno is not None
        ends = ((node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset))
        first, last = (starts[n - 1] + len(lines[n - 1].encode()[:c].decode()) for n, c in ends)
        found.append(Mutant(file, node.lineno, first, last, new.format(source[first:last]), tests))

    def visit(node: ast.AST, inside: bool) -> None:
        is_name_skipped = (
            isinstance(node, ast.Assign) and {n.id for n in ast.walk(node) if isinstance(n, ast.Name)} & SKIPPED_NAMES
        )
        if isinstance(node, ast.If | ast.Raise | ast.arguments) or is_name_skipped:
            return
        if isinstance(node, ast.keyword) and node.arg in SKIPPED_KEYWORDS:
            return
        if isinstance(node, ast.Subscript):  # an index is not a constant
            visit(node.value, inside)
            return
        if isinstance(node, ast.FunctionDef | ast.Lambda):
            here = (LAMBDA if isinstance(node, ast.Lambda) else node.name) in functions
            inside = inside or here
        is_result = isinstance(node, ast.Return) and node.value is not None and functions != SIDES
        if inside and is_result and not isinstance(node.value, ast.Name):
            change(node.value, "1.1 * ({})")
        if inside and isinstance(node, ast.Constant) and type(node.value) in (int, float) and node.value != 0:
            change(node, repr(1.1 * node.value))
        for child in ast.iter_child_nodes(node):
            visit(child, inside)

    visit(ast.parse(source), False)
    return found


ALL = [mutant for file, (functions, tests) in CLOSED_FORMS.items() for mutant in mutants(file, functions, tests)]
MUTANTS = [m for m in ALL if (m.file, (ROOT / "w2s_theory" / m.file).read_text()[m.first : m.last]) not in EQUIVALENT]


def test_every_closed_form_offers_something_to_change():
    assert {mutant.file for mutant in MUTANTS} == set(CLOSED_FORMS)


@pytest.mark.slow
@pytest.mark.parametrize("tests", sorted({m.tests for m in MUTANTS}), ids=lambda tests: tests[0])
def test_the_unchanged_copy_passes(tests, tmp_path):
    done = run_tests(tmp_path, tests)
    assert done.returncode == 0, f"a copy without any change fails, so a mutant proves nothing\n{done.stdout[-1500:]}"


@pytest.mark.slow
@pytest.mark.parametrize("mutant", MUTANTS, ids=[f"{m.file}:{m.line}:{i}" for i, m in enumerate(MUTANTS)])
def test_a_constant_ten_percent_off_is_noticed(mutant, tmp_path):
    source = (ROOT / "w2s_theory" / mutant.file).read_text()
    done = run_tests(tmp_path, mutant.tests, mutant.file, source[: mutant.first] + mutant.new + source[mutant.last :])
    what = f"{mutant.file}:{mutant.line}: {source[mutant.first : mutant.last]} -> {mutant.new}"
    assert done.returncode == 1, f"survived: {what}\n{done.stdout[-1500:]}"


def run_tests(folder: Path, tests: tuple[str, ...], file: str = "", source: str = "") -> subprocess.CompletedProcess[str]:
    """Run tests, in a process of its own, on a copy of the package in which ``file`` (if any) reads ``source``."""
    for name in ("w2s_theory", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "refs.bib"):
        shutil.copy(ROOT / name, folder)
    if file:
        (folder / "w2s_theory" / file).write_text(source)
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--hypothesis-profile=ci", "-p", "no:cacheprovider", *tests]
    environment = {**os.environ, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
