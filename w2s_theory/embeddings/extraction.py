"""Frozen features of texts: pooled hidden states of chosen layers of any encoder or decoder. Uses torch and transformers.

Tokens are cut into batches of like length under a budget of padded tokens (``batches``), run through the blocks without gradients,
and each layer is pooled to one vector per text while the batch is on the device (``layers``, ``pooling``). What comes back is float32.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from .._validation import whole
from .batches import Launch, checked_texts, pad, plan, run
from .layers import PooledLayers, chosen_layers
from .model_files import find_model
from .models import check_dtype, import_torch, import_transformers, load_model, load_tokenizer, shape
from .pooling import check_pooling

#: Padded tokens to a batch: on a CPU what stays in its caches, on a GPU what fills it. Measured by ``benchmarks/extraction.py``.
BATCH_TOKENS = {"cpu": 768, "gpu": 32_768}
#: Goes up when the same texts would get other numbers; beside it in a key stands the first number of transformers' version.
_VERSION = 1
_SAMPLE = "A short text to try the model on."


class Extractor:
    """The features that one frozen model has of a text: ``extract(texts)`` → (n, L, width) float32.

    ``model``: a local folder, or a name on the hub, then at ``revision`` (a branch, tag or commit, resolved to a commit).
    ``layers``: "all", or numbers: 0 is what enters the first block (token embeddings), k what block k returns, negative from the end.
    The last one is the model's last hidden state, behind its final norm where it has one (``layers.PooledLayers``).
    ``pooling``: "mean", "last" or "first" over the text's own tokens, special ones included, as the tokenizer adds them.
    ``dtype``: of the weights and the blocks; pooling is in float32. ``devices``: one copy of the model and one thread on each; texts are
    dealt out by batches, so the answer is that of one device. ``max_tokens``: longer texts are cut as the tokenizer cuts them, and
    counted in ``truncated``; by default what the model allows. ``compile``: through torch.compile, which pays on a GPU and
    for many texts. ``batch_tokens``: padded tokens to a batch, by default ``BATCH_TOKENS``; halved while memory does not suffice.

    The weights are read by the first ``extract``; what is cached needs none of them.

    Attributes: ``layers`` as numbers from 0, ``width``, ``truncated`` (texts cut so far) and ``key``: what decides the numbers, as JSON:
    fingerprint of configuration, tokenizer and weights, pooling, layers, dtype, longest text. Device and batches are not part of it:
    they change the last digits of ``dtype`` only.

    Raises, besides what ``find_model``, ``load_tokenizer`` and ``load_model`` raise: ``ValueError`` for layers that the model does not
    have, an unknown pooling or dtype, more ``max_tokens`` than the model allows or no more than it has special tokens, a device that
    is not there.
    """

    def __init__(
        self,
        model: str | os.PathLike[str],
        *,
        revision: str | None = None,
        layers: str | Sequence[int] = "all",
        pooling: str = "mean",
        dtype: str = "float32",
        devices: Sequence[str] = ("cpu",),
        local_files_only: bool = False,
        max_tokens: int | None = None,
        compile: bool = False,
        batch_tokens: int | None = None,
    ) -> None:
        check_pooling(pooling)
        check_dtype(dtype)
        if max_tokens is not None:
            whole("max_tokens", max_tokens)
        self._devices = _devices(devices)
        on = "cpu" if self._devices[0].startswith("cpu") else "gpu"
        self._batch_tokens = BATCH_TOKENS[on] if batch_tokens is None else whole("batch_tokens", batch_tokens)
        self._files = find_model(model, revision=revision, local_files_only=local_files_only)
        self._tokenizer = load_tokenizer(self._files)
        self._shape = shape(self._files, self._tokenizer)
        allowed = self._shape.max_tokens
        if max_tokens is not None and allowed is not None and max_tokens > allowed:
            raise ValueError(f"max_tokens must be at most {allowed}, which {self._files.name} allows; it is {max_tokens}.")
        self._max_tokens = allowed if max_tokens is None else int(max_tokens)
        special = self._tokenizer.num_special_tokens_to_add()
        if self._max_tokens is not None and self._max_tokens <= special:
            raise ValueError(
                f"max_tokens must be above {special}, the special tokens that {self._files.name} adds to every text; it is {self._max_tokens}."
            )
        self._dtype, self._pooling, self._compile = dtype, pooling, bool(compile)
        self.layers = chosen_layers(layers, self._shape.blocks)
        self.width = self._shape.width
        self.truncated = 0

    @property
    def key(self) -> dict[str, Any]:
        """What decides the numbers, for a cache: JSON values."""
        return {
            "kind": "transformers",
            "version": [_VERSION, import_transformers().__version__.split(".")[0]],
            "model": self._files.fingerprint,
            "revision": self._files.revision,
            "layers": list(self.layers),
            "pooling": self._pooling,
            "dtype": self._dtype,
            "max_tokens": self._max_tokens,
        }

    def extract(self, texts: Sequence[str], *, progress: Callable[[int, int], None] | None = None) -> np.ndarray:
        """Features of ``texts``, row by row: (n, L, width) float32; ``progress(done, total)`` is called after each batch.

        Raises ``TypeError`` for a row that is no string, ``ValueError`` for an empty one, one without a token, or one that the tokenizer
        does not cut to ``max_tokens``, and for files that were changed since ``key`` was made; ``MemoryError`` when one
        text alone does not fit, ``FloatingPointError`` when hidden states are not finite (float16 overflows above 65504); all of
        them name the row.
        """
        texts = checked_texts(texts)
        if not texts:
            return np.empty((0, len(self.layers), self.width), dtype=np.float32)
        tokens = self._tokens(texts)
        filler = self._tokenizer.pad_token_id  # any will do where there is none: the mask decides
        filler = (self._tokenizer.eos_token_id or 0) if filler is None else filler
        return features(tokens, self._replicas, budget=self._batch_tokens, filler=filler, progress=progress)

    @cached_property
    def _replicas(self) -> list[PooledLayers]:
        """The model on every device; the copies are made on the CPU and moved."""
        model = load_model(self._files, self._dtype)
        models = [*(copy.deepcopy(model) for _ in self._devices[1:]), model]
        sample = self._tokenizer(_SAMPLE, verbose=False)["input_ids"][: min(16, self._max_tokens or 16)]
        return [
            PooledLayers(
                each,
                device=device,
                layers=self.layers,
                pooling=self._pooling,
                blocks=self._shape.blocks,
                width=self.width,
                sample=sample if len(sample) > 1 else [*sample, *sample],
                compile=self._compile,
            )
            for each, device in zip(models, self._devices, strict=True)
        ]

    def _tokens(self, texts: list[str]) -> list[list[int]]:
        """The tokens of every text in one call; those too long are then cut by the tokenizer, which keeps its special tokens."""
        only_ids = {"return_attention_mask": False, "return_token_type_ids": False, "verbose": False}
        tokens = self._tokenizer(texts, **only_ids)["input_ids"]
        limit = self._max_tokens
        long = [row for row, each in enumerate(tokens) if limit is not None and len(each) > limit]
        if long:
            cut = self._tokenizer([texts[row] for row in long], truncation=True, max_length=limit, **only_ids)["input_ids"]
            for row, each in zip(long, cut, strict=True):
                if limit is not None and len(each) > limit:
                    raise ValueError(
                        f"the tokenizer of {self._files.name} must cut texts to {limit} tokens; it leaves {len(each)} of row {row + 1}. "
                        "Shorten the text, or use a greater max_tokens."
                    )
                tokens[row] = each
            self.truncated += len(long)
        for row, each in enumerate(tokens):
            if not each:
                raise ValueError(
                    f"texts must have tokens; row {row + 1}, {texts[row][:40]!r}, has none for this tokenizer. Drop the row."
                )
        return tokens


def features(
    tokens: Sequence[Sequence[int]],
    replicas: Sequence[PooledLayers],
    *,
    budget: int,
    filler: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> np.ndarray:
    """Pooled layers of texts given as ``tokens``, none of them without any, from like models: (n, L, width) float32, row by row.

    Raises ``ValueError`` for a token that the models have no embedding of, ``MemoryError`` and ``FloatingPointError`` as
    ``Extractor.extract`` does.
    """
    replicas[0].check_tokens(max(map(max, tokens), default=0))
    lengths = np.fromiter(map(len, tokens), dtype=np.int64, count=len(tokens))
    made = np.empty((len(tokens), len(replicas[0].layers), replicas[0].width), dtype=np.float32)
    done = 0

    def keep(rows: np.ndarray, values: np.ndarray) -> None:
        nonlocal done
        finite = np.isfinite(values).all(axis=(1, 2))
        if not finite.all():
            raise FloatingPointError(
                f"the hidden states of the text in row {int(rows[~finite].min()) + 1} are not finite. float16 overflows above 65504: use "
                "bfloat16 or float32; otherwise the model's weights are damaged."
            )
        made[rows] = values
        done += len(rows)
        if progress is not None:
            progress(done, len(tokens))

    def launch_on(replica: PooledLayers) -> Launch:
        return lambda rows: _to_host(replica(*pad([tokens[row] for row in rows], filler)))

    limits = [replica.limit for replica in replicas]
    try:
        run(plan(lengths, budget), lengths, [launch_on(replica) for replica in replicas], keep, limits)
    finally:
        for replica, limit in zip(replicas, limits, strict=True):
            replica.limit = limit
    return made


def _devices(devices: Sequence[str]) -> tuple[str, ...]:
    """The devices as names that torch knows and has."""
    torch = import_torch()
    names = (devices,) if isinstance(devices, str) else tuple(devices)
    if not names:
        raise ValueError('devices must name at least one device, such as ("cpu",) or ("cuda:0", "cuda:1").')
    for name in names:
        try:
            torch.empty(0, device=name)
        except (RuntimeError, AssertionError, TypeError) as error:
            raise ValueError(
                f"devices must be there; {name!r} is not ({str(error).splitlines()[0]}). Use cpu, or see torch.cuda.device_count()."
            ) from error
    return names


def _to_host(pooled: Any) -> Callable[[], np.ndarray]:
    """Begin the copy to the CPU; the call that is returned waits for it."""
    if pooled.device.type != "cuda":
        return lambda: pooled.cpu().numpy()
    import torch

    host = torch.empty(pooled.shape, dtype=pooled.dtype, pin_memory=True)
    with torch.cuda.device(pooled.device):
        host.copy_(pooled, non_blocking=True)
        copied = torch.cuda.Event()
        copied.record()

    def wait() -> np.ndarray:
        copied.synchronize()
        return host.numpy()

    return wait
