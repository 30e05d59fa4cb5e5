"""Points: plain values only, seeds by the chosen axes, keys by everything."""

from __future__ import annotations

import hashlib
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from w2s_theory.sweeps.points import plain, point_key, point_seed

VALUES = st.one_of(
    st.text(st.characters(codec="utf-8")), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.booleans()
)
POINTS = st.dictionaries(st.text(st.characters(codec="utf-8"), min_size=1), VALUES, min_size=1, max_size=4)


@given(VALUES)
def test_plain_values_stay_and_numpy_scalars_are_unwrapped(value):
    assert plain("x", value) is value
    wrapped = np.array([value])[0] if not isinstance(value, str) else np.str_(value)
    assert type(plain("x", wrapped)) is type(value) and plain("x", wrapped) == value


@pytest.mark.parametrize(
    "value", [[1], {"a": 1}, np.zeros(2), 1j, b"x", object], ids=["list", "dict", "array", "complex", "bytes", "class"]
)
def test_other_values_are_refused_with_their_name(value):
    with pytest.raises(TypeError, match=r"'width' must be a str, int, float or bool"):
        plain("width", value)


def test_what_no_table_can_hold_is_refused():
    with pytest.raises(ValueError, match="64 bits"):
        plain("n", 2**63)
    with pytest.raises(ValueError, match="Unicode"):
        plain("word", "\ud800")
    assert plain("n", -(2**63)) == -(2**63)
    assert math.isnan(plain("loss", math.nan)) and plain("ridge", math.inf) == math.inf and plain("ridge", None) is None


def state(*arguments):
    """What a seed makes of a generator."""
    return point_seed(*arguments).generate_state(4).tolist()


def test_the_seed_is_the_digest_of_name_and_axes_as_eight_words():
    words = json.dumps(["gain", [["n", 10], ["method", "ridge"]]]).encode()
    expected = [int.from_bytes(hashlib.sha256(words).digest()[4 * k : 4 * k + 4], "little") for k in range(8)]
    point = {"method": "ridge", "lam": 0.5, "n": 10}
    expected_state = np.random.SeedSequence(expected).generate_state(4).tolist()
    assert state("gain", ["n", "method"], point) == expected_state
    assert state("gain", ["n", "method"], point, 1) != expected_state


@given(POINTS, st.integers(0, 10))
def test_points_that_agree_on_the_seed_axes_share_their_draws(point, seed):
    axes = sorted(point)[1:]
    other = point | {sorted(point)[0]: "another"}
    assert state("s", axes, point, seed) == state("s", axes, other, seed)


@given(POINTS, POINTS)
def test_two_points_have_the_same_key_just_when_they_are_the_same(first, second):
    key = point_key("s", first, None, 0, "v")
    assert len(key) == 16
    assert key == point_key("s", dict(reversed(first.items())), None, 0, "v"), "the order of the axes is no matter"
    is_same = json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)
    assert (key == point_key("s", second, None, 0, "v")) is is_same


def test_everything_that_changes_a_row_changes_the_key():
    base = ("s", {"n": 1}, 0, 0, "v", ["n", "trial"])
    changed = [("t", *base[1:]), (base[0], {"n": 1.0}, *base[2:]), (*base[:2], 1, *base[3:]), (*base[:2], None, *base[3:])]
    changed += [(*base[:3], 1, *base[4:]), (*base[:4], "w", base[5]), (*base[:5], ["trial", "n"]), (*base[:5], ["n"])]
    assert len({point_key(*each) for each in [base, *changed]}) == 1 + len(changed)
