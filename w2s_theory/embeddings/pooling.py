"""One vector per text from one vector per token: the mean over a text's tokens, its last token, or its first. Torch only.

The attention mask alone decides which tokens are a text's own, so that the side of the padding, and what stands there, never matter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

#: The ways to pool: "mean" for encoders, "last" for decoders (only their last token has seen the whole text), "first" for [CLS].
POOLINGS = ("mean", "last", "first")


def pooler(mask: Any, pooling: str) -> Callable[[Any], Any]:
    """Return the function that pools hidden states (B, T, d) of any dtype to (B, d) float32 on their device.

    ``mask`` (B, T) is true where a token belongs to the text, with at least one such token in every row. What depends on the mask
    alone is computed here, once for all layers. With m the mask: "mean" is Σₜ mₜ hₜ / Σₜ mₜ, as one product with the normalised
    mask; "last" is h at the largest t with mₜ = 1, "first" at the smallest. Padded entries are never multiplied, so that a NaN
    there stays there.

    Raises ``ValueError`` for an unknown ``pooling``.
    """
    import torch

    check_pooling(pooling)
    mask = mask.to(torch.bool)
    if pooling == "mean":
        weights = (mask / mask.sum(dim=1, keepdim=True)).unsqueeze(1)
        padded = ~mask.unsqueeze(2)

        def mean(hidden: Any) -> Any:
            return torch.bmm(weights, hidden.float().masked_fill(padded, 0.0)).squeeze(1)

        return mean
    # argmax of equal values is the first of them
    first = mask.int().argmax(dim=1)
    at = first if pooling == "first" else mask.shape[1] - 1 - mask.flip(1).int().argmax(dim=1)
    rows = torch.arange(len(mask), device=mask.device)
    return lambda hidden: hidden[rows, at].float()


def check_pooling(pooling: str) -> None:
    """Raise ``ValueError`` unless ``pooling`` is one of ``POOLINGS``."""
    if pooling not in POOLINGS:
        raise ValueError(f"pooling must be one of {', '.join(POOLINGS)}; it is {pooling!r}.")
