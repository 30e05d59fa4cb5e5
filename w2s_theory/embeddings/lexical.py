"""Words counted, weighted and compressed: a representation that knows no language, and is weak for that. Needs scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._validation import MissingExtra, whole
from .store import digest_of_texts
from .texts import checked_texts

#: Components, where there are more texts and words than these.
MOST = 128


class Lexical:
    """TF-IDF of words and pairs of words, reduced to ``components`` by a truncated singular value decomposition.

    Fitted to ``texts`` alone, no label is looked at; but transductive: the features of a text depend on all the texts it was
    fitted to, test rows among them. It has the ``key``, ``layers`` (0,), ``width`` and ``extract`` of an ``extraction.Extractor``, and stands in
    its place. ``components=None`` takes ``MOST``, or fewer where there are not more texts and words than that.
    Rows have length 1 before the reduction. A word or pair counts when ``at_least`` of the texts hold it.

    Deterministic: the decomposition is started from a fixed vector, and its signs are fixed. Texts of a pair: fit it to both.

    Raises ``ValueError`` for fewer texts or words than components allow, texts that all have the same words, and what
    ``texts.checked_texts`` refuses, ``MissingExtra`` without scikit-learn.
    """

    layers = (0,)

    def __init__(self, texts: Sequence[str], *, components: int | None = None, at_least: int = 2) -> None:
        try:
            import sklearn
            from sklearn.decomposition import TruncatedSVD
            from sklearn.feature_extraction.text import TfidfVectorizer
        except ImportError as error:
            raise MissingExtra("embeddings", "scikit-learn") from error
        at_least = whole("at_least", at_least)
        if components is not None:
            components = whole("components", components)
        texts = checked_texts("texts", texts, len(texts))
        self._counter = TfidfVectorizer(ngram_range=(1, 2), min_df=at_least, sublinear_tf=True, token_pattern=r"(?u)\b\w+\b")
        try:
            counted = self._counter.fit_transform(texts)
        except ValueError as error:  # no word is left
            raise ValueError(f"texts must share words; with at_least={at_least}: {error} Pass more texts.") from error
        self.width = max(1, min(MOST, *(size - 1 for size in counted.shape))) if components is None else components
        if min(counted.shape) <= self.width:
            raise ValueError(
                f"components must be fewer than the texts and the words; they are {self.width}, of {counted.shape[0]} texts with "
                f"{counted.shape[1]} words or pairs of words that occur in {at_least}. Ask for fewer."
            )
        if (counted != counted[np.zeros(counted.shape[0], dtype=int)]).nnz == 0:
            raise ValueError(
                f"texts must differ in the words that occur in {at_least} of them; all have the same. Pass more texts."
            )
        self._reduction = TruncatedSVD(self.width, algorithm="arpack", random_state=0).fit(counted)
        self.key: dict[str, Any] = {
            "maker": "tf-idf 1",
            "fitted_to": digest_of_texts(texts),
            "components": self.width,
            "at_least": at_least,
            "scikit-learn": sklearn.__version__,
        }

    def extract(self, texts: Sequence[str]) -> np.ndarray:
        """Features (n, 1, components), float32, of texts that it was fitted to or of others; a text without known words gets zeros."""
        texts = checked_texts("texts", texts, len(texts))
        if not texts:
            return np.zeros((0, 1, self.width), dtype=np.float32)
        features = self._reduction.transform(self._counter.transform(texts))
        return features.astype(np.float32)[:, None, :]
