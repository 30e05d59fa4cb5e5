"""Pooling of padded batches, against the same rows cut out and pooled with NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from tests.tolerances import ROUNDING_FLOAT32
from w2s_theory.embeddings.pooling import POOLINGS, pooler

torch = pytest.importorskip("torch")
LENGTHS, TOKENS, WIDTH = (3, 7, 1, 5), 7, 6
PLAIN = {"mean": lambda rows: rows.mean(axis=0), "last": lambda rows: rows[-1], "first": lambda rows: rows[0]}


def padded(side: str, filling: float) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """The rows of every text, the padded batch and its mask."""
    rng = np.random.default_rng(3)
    texts = [rng.standard_normal((length, WIDTH)).astype(np.float32) for length in LENGTHS]
    batch = np.full((len(texts), TOKENS, WIDTH), filling, dtype=np.float32)
    mask = np.zeros((len(texts), TOKENS), dtype=bool)
    for row, text in enumerate(texts):
        own = slice(0, len(text)) if side == "right" else slice(TOKENS - len(text), TOKENS)
        batch[row, own], mask[row, own] = text, True
    return texts, batch, mask


@pytest.mark.parametrize("filling", [0.0, 7.0, float("nan")], ids=["zeros", "sevens", "NaN"])
@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_a_text_is_pooled_over_its_own_tokens_wherever_the_padding_is_and_whatever_stands_there(
    pooling: str, side: str, filling: float
) -> None:
    texts, batch, mask = padded(side, filling)
    pooled = pooler(torch.from_numpy(mask), pooling)(torch.from_numpy(batch)).numpy()
    np.testing.assert_allclose(pooled, [PLAIN[pooling](text.astype(float)) for text in texts], atol=ROUNDING_FLOAT32)


def test_the_three_poolings_differ_on_these_texts() -> None:
    _, batch, mask = padded("right", 7.0)
    pooled = [pooler(torch.from_numpy(mask), pooling)(torch.from_numpy(batch)) for pooling in POOLINGS]
    assert all((a - b).abs().max() > 0.5 for a, b in zip(pooled, pooled[1:] + pooled[:1], strict=True))


@pytest.mark.parametrize("pooling", POOLINGS)
def test_half_precision_is_summed_in_float32(pooling: str) -> None:
    texts, batch, mask = padded("right", 0.0)
    short = torch.from_numpy(batch).to(torch.bfloat16)
    pooled = pooler(torch.from_numpy(mask), pooling)(short)
    rounded = [short[row, : len(text)].double().numpy() for row, text in enumerate(texts)]
    assert pooled.dtype == torch.float32
    np.testing.assert_allclose(pooled.numpy(), [PLAIN[pooling](text) for text in rounded], atol=ROUNDING_FLOAT32)


def test_an_unknown_pooling_is_refused() -> None:
    with pytest.raises(ValueError, match="must be one of mean, last, first; it is 'max'"):
        pooler(torch.ones(1, 1), "max")
