"""Designs that are streamed, added and subtracted, against the design of all rows at once and scikit-learn's cross-validation."""

from __future__ import annotations

import itertools
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.design.cases import case
from tests.tolerances import FLOAT32_GRAM, SOLVE
from w2s_theory import Design, RowBlocks

PENALTIES = np.array([1e-2, 1.0, 30.0])


def whole_and_parts(data, cuts, *, weighted=True, **options):
    weights = data.weights if weighted else None
    whole = Design(data.features, weights=weights, **options, **data.labels)
    edges = [0, *cuts, len(data.features)]
    parts = [
        Design(
            data.features[i:j],
            weights=None if weights is None else weights[i:j],
            weak=data.weak[i:j],
            target=data.target[i:j],
            **options,
        )
        for i, j in itertools.pairwise(edges)
        if j > i
    ]
    return whole, parts


def assert_same_answers(got, expected):
    heads, theirs = got.solve(penalties=PENALTIES), expected.solve(penalties=PENALTIES)
    assert heads.coefficients == pytest.approx(theirs.coefficients, rel=SOLVE, abs=SOLVE)
    assert heads.intercept == pytest.approx(theirs.intercept, rel=SOLVE, abs=SOLVE)
    report, other = got.report(penalties=PENALTIES), expected.report(penalties=PENALTIES)
    assert report.gcv == pytest.approx(other.gcv, rel=SOLVE, nan_ok=True)
    for name, values in other.gain.numbers().items():
        assert report.gain.numbers()[name] == pytest.approx(values, rel=SOLVE, abs=SOLVE, nan_ok=True), name


@given(st.lists(st.integers(0, 40), max_size=5), st.booleans(), st.booleans(), st.integers(0, 2**32))
def test_designs_over_disjoint_rows_add_to_the_design_of_all(cuts, intercept, weighted, seed):
    whole, parts = whole_and_parts(case(seed, n=40), sorted(cuts), intercept=intercept, weighted=weighted)
    assert_same_answers(sum(parts), whole)


@given(st.integers(1, 25), st.booleans(), st.booleans(), st.integers(0, 2**32))
def test_the_whole_minus_a_part_is_the_design_of_the_other_rows(cut, intercept, weighted, seed):
    whole, (part, rest) = whole_and_parts(case(seed, n=40), [cut], intercept=intercept, weighted=weighted)
    difference = whole - part
    assert difference.moments.rows == difference.moments.seen == 40 - cut
    assert_same_answers(difference, rest)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("metric", [None, np.arange(1.0, 6.0)])
@pytest.mark.parametrize("condition", [3.0, 1e3])
def test_batches_give_the_design_of_all_rows(intercept, metric, condition):
    data = case(40, n=200, condition=condition)
    whole = Design(data.features, weights=data.weights, intercept=intercept, metric=metric, **data.labels)
    blocks = RowBlocks(data.features, **data.labels, weights=data.weights, rows=33)
    assert_same_answers(Design.from_batches(blocks, intercept=intercept, metric=metric), whole)
    assert_same_answers(Design.from_batches(iter(list(blocks)), intercept=intercept, metric=metric), whole)


@pytest.mark.parametrize("intercept", [True, False])
def test_ill_conditioned_batches_are_read_again_for_a_qr_and_equal_lapack(intercept):
    data = case(41, n=200, condition=1e9)
    streamed = Design.from_batches(RowBlocks(data.features, weak=data.weak, rows=33), intercept=intercept).solve(penalties=0.0)
    whole = Design(data.features, intercept=intercept).solve(data.weak, penalties=0.0)
    assert streamed.route == whole.route == "svd"
    difference = streamed.predict(data.features) - whole.predict(data.features)
    assert np.max(np.abs(difference)) <= 10 * max(streamed.error[0], whole.error[0]) * np.max(np.abs(data.weak))


def test_ill_conditioned_batches_that_are_gone_are_refused_with_the_way_out():
    data = case(42, n=200, condition=1e7)
    gone = Design.from_batches(iter([{"features": data.features, "weak": data.weak}]))
    with pytest.raises(ValueError, match=r"too ill-conditioned .* RowBlocks"):
        gone.solve(penalties=0.0)
    assert gone.solve(penalties=1.0).route == "gram"
    with pytest.raises(ValueError, match="leave-one-out needs the rows"):
        gone.leave_one_out(penalties=1.0)
    with pytest.raises(ValueError, match="must come with their batches"):
        gone.solve(data.weak, penalties=1.0)


def test_batches_that_change_between_two_readings_are_refused():
    data = case(47, n=200, condition=1e7)

    class Shrinking:
        reads = 0

        def __iter__(self):
            self.reads += 1
            yield {"features": data.features[: 200 // self.reads], "weak": data.weak[: 200 // self.reads]}

    design = Design.from_batches(Shrinking())
    with pytest.raises(ValueError, match="there were 200 and now there are"):
        design.solve(penalties=0.0)


def test_short_floats_are_summed_in_double():
    rng = np.random.default_rng(43)
    features = (rng.normal(size=(30_000, 24)) + 4.0).astype(np.float32)
    exact = features.astype(np.float64)
    for intercept in (False, True):
        centred = exact - exact.mean(axis=0) if intercept else exact
        reference = centred.T @ centred
        design = Design.from_batches(RowBlocks(features, rows=7000), intercept=intercept)
        error = np.linalg.norm(design.moments.gram - reference, 2) / np.linalg.norm(reference, 2)
        assert design.moments.gram.dtype == np.float64
        assert error <= FLOAT32_GRAM
    # Products of half-precision numbers are exact in float32, so only the sums are rounded.
    half = Design.from_batches(RowBlocks(features.astype(np.float16), rows=7000)).moments.gram
    reference = features.astype(np.float16).astype(np.float64)
    assert np.linalg.norm(half - reference.T @ reference, 2) <= FLOAT32_GRAM * np.linalg.norm(half, 2)


def test_a_memory_map_is_read_block_by_block(tmp_path):
    data = case(44, n=500)
    np.save(tmp_path / "features.npy", data.features.astype(np.float32))
    mapped = np.load(tmp_path / "features.npy", mmap_mode="r")
    design = Design.from_batches(RowBlocks(mapped, **data.labels, rows=64), intercept=True)
    whole = Design(data.features.astype(np.float32).astype(np.float64), intercept=True).solve(data.weak, penalties=PENALTIES)
    assert design.solve(penalties=PENALTIES).coefficients == pytest.approx(whole.coefficients, rel=1e-5, abs=1e-5)


def test_memory_does_not_grow_with_the_number_of_rows():
    block = np.random.default_rng(45).normal(size=(1000, 16))

    def peak(batches):
        tracemalloc.start()
        Design.from_batches({"features": block.copy(), "weak": block[:, :2]} for _ in range(batches))
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    peak(2)
    assert peak(200) <= peak(20) + block.nbytes


@pytest.mark.parametrize("intercept", [True, False])
def test_folds_by_subtraction_are_those_of_scikit_learn(intercept):
    linear_model = pytest.importorskip("sklearn.linear_model")
    from sklearn.model_selection import KFold, cross_val_score

    data = case(46, n=60)
    edges = [0, 15, 30, 45, 60]
    parts = [Design(data.features[i:j], intercept=intercept, weak=data.weak[i:j]) for i, j in itertools.pairwise(edges)]
    total = sum(parts)
    errors = np.mean([(total - part).report(penalties=PENALTIES, on=part).misfit for part in parts], axis=0)
    for l, penalty in enumerate(PENALTIES):
        for task in range(4):
            scores = cross_val_score(
                linear_model.Ridge(alpha=penalty, fit_intercept=intercept),
                data.features,
                data.weak[:, task],
                cv=KFold(4),
                scoring="neg_mean_squared_error",
            )
            assert errors[l, task] == pytest.approx(-scores.mean(), rel=SOLVE)


@pytest.mark.parametrize(
    ("build", "error", "match"),
    [
        (lambda: Design.from_batches([]), ValueError, "at least one batch"),
        (lambda: Design.from_batches([{"features": np.eye(2), "gold": np.ones(2)}]), ValueError, "its keys are"),
        (lambda: Design.from_batches([np.eye(2), np.eye(3)]), ValueError, "must agree in .* number of features"),
        (lambda: Design.from_batches([np.eye(2), {"features": np.eye(2), "weak": np.ones(2)}]), ValueError, "the same labels"),
        (lambda: Design.from_batches([np.eye(2), np.full((2, 2), np.nan)]), ValueError, "features must be finite"),
        (lambda: Design(np.eye(2)) + Design(np.eye(2), intercept=True), ValueError, "must agree in intercept"),
        (lambda: Design(np.eye(2)) + Design(np.eye(2), metric=[1.0, 2.0]), ValueError, "must agree in intercept, metric"),
        (lambda: Design(np.eye(2)) - Design(np.eye(2)), ValueError, "fewer rows than the whole"),
        (lambda: Design(np.eye(2)) + 1, TypeError, "unsupported operand"),
        (lambda: RowBlocks(np.eye(3), weak=np.ones(2)), ValueError, "one entry per row of features, 3; it has 2"),
        (lambda: RowBlocks(np.eye(3), rows=0), ValueError, "rows must be a whole number"),
    ],
)
def test_refusals_name_the_argument_and_the_way_out(build, error, match):
    with pytest.raises(error, match=match):
        build()
