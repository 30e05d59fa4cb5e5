"""Grids: what is in them, and what is refused."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from w2s_theory.sweeps import grids
from w2s_theory.sweeps.grids import Log

WHOLE = st.integers(1, 10**6)


def test_a_product_has_every_combination_with_the_last_axis_fastest():
    grid = grids.product(n=np.array([1, 2]), method=("a", "b"), noise=0.5)
    assert grid == [{"n": n, "method": m, "noise": 0.5} for n in (1, 2) for m in ("a", "b")]
    assert all(type(point["n"]) is int for point in grid)


def test_crossed_grids_combine_zipped_ones_and_appended_ones_follow_each_other():
    sizes = grids.zipped(d=[4, 8], n=[40, 80], kind="iso")
    assert sizes == [{"d": 4, "n": 40, "kind": "iso"}, {"d": 8, "n": 80, "kind": "iso"}]
    both = grids.cross(sizes, grids.product(lam=[0.1, 1.0]))
    assert len(both) == 4 and both[1] == {"d": 4, "n": 40, "kind": "iso", "lam": 1.0}
    assert len(both + grids.product(d=1, n=1, kind="one", lam=[0.0])) == 5


@given(WHOLE, WHOLE, st.integers(1, 50))
def test_a_log_range_of_whole_numbers_goes_from_end_to_end_in_whole_numbers_each_once(first, second, count):
    low, high = sorted((first, second))
    values = grids.log_range(low, high, count)
    assert values == sorted(set(values)) and all(type(value) is int for value in values)
    assert values[0] == low and (count == 1 or values[-1] == high) and len(values) <= count


@given(st.floats(1e-8, 1e8), st.floats(1.001, 1e6), st.integers(2, 50))
def test_a_log_range_has_equal_ratios(low, ratio, count):
    values = grids.log_range(low, low * ratio, count)
    assert len(values) == count
    np.testing.assert_allclose(np.diff(np.log(values)), np.log(ratio) / (count - 1), rtol=1e-6)


@pytest.mark.parametrize(
    "draw",
    [functools.partial(grids.random, rng=np.random.default_rng(0)), functools.partial(grids.sobol, seed=0)],
    ids=["random", "sobol"],
)
def test_drawn_points_fill_their_ranges_evenly(draw):
    grid = draw(1024, ridge=Log(1e-4, 1.0), noise=(-1.0, 3.0), n=(3, 6), method=["a", "b"], d=7)
    assert len(grid) == 1024 and {point["d"] for point in grid} == {7}
    ridge, noise = np.log10([point["ridge"] for point in grid]), np.array([point["noise"] for point in grid])
    # quartiles: 1024 draws, 5 standard errors of a share of a quarter
    for values, low, width in ((ridge, -4.0, 4.0), (noise, -1.0, 4.0)):
        shares = np.histogram(values, bins=4, range=(low, low + width))[0] / 1024
        assert (
            values.min() >= low and values.max() <= low + width and np.abs(shares - 0.25).max() < 5 * np.sqrt(0.25 * 0.75 / 1024)
        )
    for name, values in (("n", [3, 4, 5, 6]), ("method", ["a", "b"])):
        shares = [sum(point[name] == value for point in grid) / 1024 for value in values]
        assert sum(shares) == 1.0 and np.abs(np.array(shares) - 1 / len(values)).max() < 5 * np.sqrt(0.25 / 1024)


def test_whole_numbers_on_a_logarithmic_scale_include_both_ends():
    drawn = {point["n"] for point in grids.random(2000, rng=np.random.default_rng(1), n=Log(1, 8))}
    assert drawn == set(range(1, 9)) and all(type(n) is int for n in drawn)


def test_a_longer_sobol_grid_begins_with_the_shorter_one_and_is_more_even_than_chance():
    short, long = (grids.sobol(count, seed=3, x=(0.0, 1.0), y=(0.0, 1.0)) for count in (20, 64))
    assert long[:20] == short
    cells = {(int(8 * point["x"]), int(8 * point["y"])) for point in long}
    assert len(cells) == 64, "one point in each of 64 cells"
    assert grids.sobol(5, seed=4, x=(0.0, 1.0)) != grids.sobol(5, seed=3, x=(0.0, 1.0))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: grids.product(n=[]), "at least one value"),
        (lambda: grids.product(n={1, 2}), "must be a list"),
        (lambda: grids.product(n=[[1], [2]]), "'n' must be a str"),
        (lambda: grids.zipped(n=[1, 2], d=[1, 2, 3]), "same length"),
        (lambda: grids.cross([{"n": 1}], [{"n": 2}]), "different axes"),
        (lambda: grids.log_range(0, 1, 3), "low"),
        (lambda: grids.log_range(2, 1, 3), "Swap"),
        (lambda: grids.log_range(1, 2, 0), "count"),
        (lambda: grids.sobol(4, seed=0), "at least one range"),
        (lambda: grids.sobol(4, seed=0, x=(1.0, 0.0)), "to a larger one"),
        (lambda: grids.sobol(4, seed=0, x=(0.0, float("inf"))), "finite"),
        (lambda: grids.sobol(4, seed=0, x=Log(0.0, 1.0)), "logarithmic"),
        (lambda: grids.sobol(4, seed=0, x=(0.0, 1.0, 2.0)), "(low, high)"),
        (lambda: grids.random(4, rng=0, x=(0.0, 1.0)), "Generator"),
    ],
)
def test_what_is_no_axis_is_refused_with_the_reason(make, words):
    with pytest.raises((ValueError, TypeError), match=words.replace("(", r"\(").replace(")", r"\)")):
        make()
