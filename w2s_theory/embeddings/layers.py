"""Pooled hidden states of chosen layers of one model on one device, one padded batch at a time. Torch only.

Layer 0 is what enters the first block (token embeddings, with positions where the model adds them there), layer k what the k-th block
returns. The last layer is the model's own last hidden state: decoders that end in a norm (Llama and most others) have it there and
nowhere else, ``final_norm`` says whether; BERT and its kin have a norm inside every block and no other.

Two ways to the same numbers. Hooks before each block pool its input at once, so that no more than one layer of a batch is held and the
blocks behind the last wanted layer are not run; they are used when, on a text tried first, they give the bits that transformers returns
as ``hidden_states``. Otherwise (blocks that share their weights, say) all hidden states are asked for and then pooled.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any

import numpy as np

from .batches import pad
from .pooling import check_pooling, pooler

#: How far a text's features may move, relative to their norm, when it is padded beside another: by rounding in float32, and in half
#: precision (2⁻⁸ to 2⁻¹¹) through some dozens of blocks. Models that mix padding in move by more than a half.
_MOVED, _MOVED_HALF = 1e-3, 0.3


class PooledLayers:
    """``model`` on ``device``, returning the pooled ``layers`` of a padded batch.

    ``sample`` is a short text's tokens, two at least, on which the model is tried: how many layers it has and how wide they are is
    compared with ``blocks`` and ``width``, and whether it is ``causal``: another last token changes the states there, and none before.
    Then tokens after the last one can't matter, and the mask is left out, which lets the faster kernels run. ``limit``: padded tokens
    to a batch that fit in memory, as far as is known. ``compile``: each block goes
    through ``torch.compile`` with dynamic shapes; blocks are alike, so that one compilation serves them all (the whole model where no
    list of blocks is found).

    Raises ``ValueError`` when the model has other layers than ``blocks`` and ``width`` say, no embedding of a token of the sample, or
    features of a text that depend on the padding or on the other texts of its batch.
    """

    def __init__(
        self,
        model: Any,
        *,
        device: str,
        layers: tuple[int, ...],
        pooling: str,
        blocks: int,
        width: int,
        sample: list[int],
        compile: bool = False,
    ) -> None:
        import torch

        check_pooling(pooling)
        self.model, self.layers, self.width, self.pooling = model.to(device), layers, width, pooling
        self.device = torch.device(device)
        self.limit = math.inf
        self.vocabulary: int = model.get_input_embeddings().num_embeddings
        self._wanted = frozenset(layers)
        self._seen: dict[int, Any] = {}
        self._pool: Callable[[Any], Any] | None = None
        self._last_block = blocks
        modules = [part for part in model.modules() if isinstance(part, torch.nn.ModuleList) and len(part) == blocks]
        self._blocks = modules[0] if modules else None
        with torch.inference_mode():
            self._try(torch, blocks, width, sample)
        if compile:
            for part in self._blocks or (self.model,):
                part.forward = torch.compile(part.forward, dynamic=True)

    def _try(self, torch: Any, blocks: int, width: int, sample: list[int]) -> None:
        """Compare the hooks with what transformers returns; see whether the last token changes earlier ones, and whether batches do."""
        self.check_tokens(max(sample))
        tokens = torch.tensor([sample], device=self.device)
        states = self.model(input_ids=tokens, output_hidden_states=True).hidden_states
        widths = sorted({state.shape[-1] for state in states})
        if len(states) != blocks + 1 or widths != [width]:
            raise ValueError(
                f"the model must have {blocks + 1} layers of width {width}, as its configuration says; it returns {len(states)} of width "
                f"{', '.join(map(str, widths))}. Models whose layers differ in width can't be stacked: use another."
            )
        moved = False
        self.causal = True
        for step in (1, 2, 5):  # more than one, because two tokens may have the same embedding
            other = tokens.clone()
            other[0, -1] = (other[0, -1] + step) % self.vocabulary
            changed = self.model(input_ids=other, output_hidden_states=True).hidden_states
            moved |= not torch.equal(states[-1][:, -1], changed[-1][:, -1])
            self.causal &= all(torch.equal(a[:, :-1], b[:, :-1]) for a, b in zip(states, changed, strict=True))
        self.causal &= moved
        before_norm: list[Any] = []
        hooked = False
        if self._blocks is not None:
            watch = self._blocks[-1].register_forward_hook(lambda _module, _inputs, output: before_norm.append(_first(output)))
            for index, block in enumerate(self._blocks):
                block.register_forward_pre_hook(self._hook(index), with_kwargs=True)
            wanted, self._wanted = self._wanted, frozenset(range(blocks + 1))
            ours = self._states(tokens, None, lambda hidden: hidden)
            self._wanted = wanted
            watch.remove()
            hooked = len(ours) == blocks + 1 and all(torch.equal(ours[k], state) for k, state in enumerate(states))
        self.hooked = hooked
        self.final_norm = not (before_norm and torch.equal(before_norm[-1], states[-1])) if hooked else None
        short = sample[: (len(sample) + 1) // 2]
        alone, beside = self(*pad([short]))[0], self(*pad([short, sample], filler=sample[-1]))[0]
        far, norm = (torch.linalg.vector_norm(each, dim=-1) for each in (beside - alone, alone))
        if (far > (_MOVED if self.model.dtype == torch.float32 else _MOVED_HALF) * norm).any():
            raise ValueError(
                f"the features of a text must not depend on the texts beside it; those of this {type(self.model).__name__} change by "
                f"{float((far / norm).max()):.1%} when it is padded in a batch, as if it had no attention mask. Use another model."
            )

    def check_tokens(self, largest: int) -> None:
        """Raise ``ValueError`` when the model has no embedding of the token ``largest``."""
        if largest >= self.vocabulary:
            raise ValueError(
                f"tokens must be below {self.vocabulary}, the model's vocabulary; the largest is {largest}. The tokenizer belongs to "
                "another model."
            )

    def _hook(self, index: int) -> Callable[..., None]:
        """What runs before block ``index``: pool its input, which is layer ``index``; stop when nothing behind it is wanted."""

        def pool(_module: Any, inputs: tuple[Any, ...], named: dict[str, Any]) -> None:
            if self._pool is None:
                return
            if index in self._wanted:
                self._seen[index] = self._pool(inputs[0] if inputs else named["hidden_states"])
            if index == max(self._wanted):
                raise _Enough

        return pool

    def _states(self, ids: Any, mask: Any, pool: Callable[[Any], Any]) -> dict[int, Any]:
        """``pool`` of every wanted layer, through the hooks."""
        self._seen, self._pool = {}, pool
        try:
            last = self.model(input_ids=ids, attention_mask=mask).last_hidden_state
            self._seen[self._last_block] = pool(last)
        except _Enough:
            pass
        finally:
            seen, self._seen, self._pool = self._seen, {}, None
        return seen

    def __call__(self, ids: np.ndarray, mask: np.ndarray) -> Any:
        """Pool one batch padded on the right: ``ids`` (B, T) int64, ``mask`` (B, T) bool → (B, L, width) float32 on the device."""
        import torch

        with torch.inference_mode():
            tokens, own = (self._moved(torch.from_numpy(part)) for part in (ids, mask))
            pool = pooler(own, self.pooling)
            shown = None if self.causal or mask.all() else own.long()
            if self.hooked:
                found = self._states(tokens, shown, pool)
            else:
                states = self.model(input_ids=tokens, attention_mask=shown, output_hidden_states=True).hidden_states
                found = {k: pool(states[k]) for k in self._wanted}
            return torch.stack([found[k] for k in self.layers], dim=1)

    def _moved(self, tensor: Any) -> Any:
        """On the device; to a GPU from pinned memory, without waiting."""
        if self.device.type != "cuda":
            return tensor.to(self.device)
        return tensor.pin_memory().to(self.device, non_blocking=True)


class _Enough(Exception):
    """Every wanted layer has been seen."""


def _first(output: Any) -> Any:
    return output[0] if isinstance(output, tuple) else output


def chosen_layers(layers: str | Sequence[int], blocks: int) -> tuple[int, ...]:
    """Layers of a model of ``blocks`` blocks as numbers from 0 to ``blocks``, in the order asked for.

    Raises ``ValueError`` for none, one twice, or one that the model does not have.

    >>> chosen_layers([0, -1], blocks=6)
    (0, 6)
    """
    if isinstance(layers, str):
        if layers != "all":
            raise ValueError(f'layers must be "all" or numbers; it is {layers!r}.')
        return tuple(range(blocks + 1))
    if not isinstance(layers, (Sequence, np.ndarray)):
        raise ValueError(f'layers must be "all" or a sequence of numbers, such as [{layers!r}]; it is {layers!r}.')
    found = []
    for layer in layers:
        if isinstance(layer, bool) or not isinstance(layer, Integral) or not -blocks - 1 <= layer <= blocks:
            raise ValueError(
                f"layers must be whole numbers from 0 to {blocks} (or from −{blocks + 1} to −1, from the end): the model has {blocks} "
                f"blocks; one of them is {layer!r}."
            )
        found.append(int(layer) % (blocks + 1))
    if not found or len(set(found)) < len(found):
        raise ValueError(f"layers must name at least one layer and none of them twice; they are {list(layers)}, that is {found}.")
    return tuple(found)
