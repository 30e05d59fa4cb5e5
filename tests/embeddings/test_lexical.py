"""TF-IDF and a truncated singular value decomposition, against the formulas written out."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from tests.tolerances import ROUNDING_FLOAT32
from w2s_theory.embeddings.lexical import Lexical
from w2s_theory.embeddings.store import embed

TEXTS = (
    "the dog sees the cat",
    "a cat sees a bird",
    "the bird sings and the dog listens",
    "a dog and a cat and a bird",
    "nobody listens and the bird sings",
    "the cat listens",
    "a dog sings",
)


def counted(texts, at_least=2):
    """Rows of length 1 of (1 + ln count)·(1 + ln((1 + n)/(1 + texts that hold it))), for words and pairs of words."""
    terms = [
        Counter([*words, *(f"{first} {second}" for first, second in pairwise(words))])
        for words in (text.split() for text in texts)
    ]
    held = Counter(term for each in terms for term in each)
    known = [term for term, count in held.items() if count >= at_least]
    rows = np.array(
        [
            [
                (1 + math.log(each[term])) * (1 + math.log((1 + len(texts)) / (1 + held[term]))) if each[term] else 0.0
                for term in known
            ]
            for each in terms
        ]
    )
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_features_have_the_inner_products_of_the_best_low_rank_approximation():
    found = Lexical(TEXTS, components=3).extract(TEXTS)
    assert found.shape == (7, 1, 3) and found.dtype == np.float32
    left, values, _ = np.linalg.svd(counted(TEXTS), full_matrices=False)
    expected = (left[:, :3] * values[:3] ** 2) @ left[:, :3].T
    np.testing.assert_allclose(found[:, 0] @ found[:, 0].T, expected, rtol=0, atol=ROUNDING_FLOAT32)
    assert np.abs(expected - counted(TEXTS) @ counted(TEXTS).T).max() > 0.1  # the rank matters


def test_without_a_number_of_components_it_takes_what_the_texts_allow():
    assert Lexical(TEXTS).key == Lexical(TEXTS, components=len(TEXTS) - 1).key


def test_two_fits_agree_to_the_last_bit():
    assert np.array_equal(Lexical(TEXTS, components=4).extract(TEXTS), Lexical(TEXTS, components=4).extract(TEXTS))


def test_it_is_transductive_and_its_key_says_so():
    whole, part = Lexical(TEXTS, components=2), Lexical(TEXTS[:5], components=2)
    assert np.abs(whole.extract(TEXTS[:1]) - part.extract(TEXTS[:1])).max() > 0.01
    keys = [whole.key, part.key, Lexical(TEXTS, components=3).key, Lexical(TEXTS, components=2, at_least=1).key]
    assert len({str(key) for key in keys}) == 4


def test_a_text_without_known_words_gets_zeros():
    assert not Lexical(TEXTS, components=2).extract(["qwerty"]).any()


def test_no_texts_have_no_features_and_bad_ones_are_refused():
    maker = Lexical(TEXTS, components=2)
    assert maker.extract([]).shape == (0, 1, 2)
    with pytest.raises(ValueError, match="row 2 is empty"):
        maker.extract(["the cat", ""])
    with pytest.raises(TypeError, match="one string"):
        maker.extract("the cat")


def test_the_store_takes_it(tmp_path):
    maker = Lexical(TEXTS, components=2)
    assert np.array_equal(embed(TEXTS, maker, folder=tmp_path).layer(0), maker.extract(TEXTS)[:, 0])


@pytest.mark.parametrize(
    ("texts", "options", "words"),
    [
        (TEXTS, {"components": 7}, "components must be fewer"),
        (TEXTS, {"components": 0}, "components"),
        (("one two", "three four"), {"components": 1}, "share words"),
        (("one", " "), {"components": 1}, "row 2 is empty"),
        (("one two a", "one two b"), {"components": 1}, "texts must differ"),
    ],
    ids=["too many", "none", "no shared words", "empty text", "all alike"],
)
def test_bad_arguments_are_refused_with_the_way_out(texts, options, words):
    with pytest.raises(ValueError, match=words):
        Lexical(texts, **options)
