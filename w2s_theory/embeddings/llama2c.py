"""A small causal language model from a llama2.c checkpoint, as a maker of features: its hidden states, pooled. Needs torch, transformers.

llama2.c turns neighbouring entries (2i, 2i + 1) of queries and keys by the position's angles, ``transformers`` the entries i and
i + h/2 of a head of width h. The rows of the two projections are put into the other order, which leaves every inner product of a
query and a key as it was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .._validation import MissingExtra, whole
from .batches import checked_texts
from .extraction import features
from .layers import PooledLayers, chosen_layers
from .llama2c_files import THETA, Checkpoint, Tokenizer, read_checkpoint
from .pooling import check_pooling
from .real_tasks import data_folder

#: Tokens in a batch, its padding included.
BATCH_TOKENS = 2**14
#: The floor of the norms, which llama2.c has fixed in its code.
EPSILON = 1e-5
#: The names that ``transformers`` has for the arrays of a layer.
NAMES = {
    "attention_norm": "input_layernorm",
    "query": "self_attn.q_proj",
    "key": "self_attn.k_proj",
    "value": "self_attn.v_proj",
    "output": "self_attn.o_proj",
    "inner_norm": "post_attention_layernorm",
    "gate": "mlp.gate_proj",
    "down": "mlp.down_proj",
    "up": "mlp.up_proj",
}


class Llama2c:
    """Frozen features of texts by the model in two files of llama2.c, in the place of an ``embeddings.extraction.Extractor``.

    ``layers``: "all", or the ones wanted: 0 the token embeddings, k after block k, the last one normalised, negative ones from the
    end. ``pooling``: "mean" over a text's tokens, the start of the text among them, "last" or "first". ``max_tokens`` cuts longer
    texts, by default at the longest the model was made for; ``truncated`` counts those cut so far. float32, CPU.

    Raises ``ValueError`` or ``FileNotFoundError`` for bad files (see ``llama2c_files``), ``ValueError`` for layers or a pooling that
    are not there, ``MissingExtra`` without torch or transformers.
    """

    def __init__(
        self,
        checkpoint: str | Path,
        tokenizer: str | Path,
        *,
        layers: str | Sequence[int] = "all",
        pooling: str = "mean",
        max_tokens: int | None = None,
    ) -> None:
        check_pooling(pooling)
        found = read_checkpoint(checkpoint)
        self.layers = chosen_layers(layers, found.layers)
        self.width = found.width
        self.pooling = pooling
        self.max_tokens = found.longest if max_tokens is None else min(whole("max_tokens", max_tokens), found.longest)
        self.truncated = 0
        self.tokenizer = Tokenizer(tokenizer, found.pieces)
        self.model = torch_model(found)
        self._pooled = PooledLayers(
            self.model,
            device="cpu",
            layers=self.layers,
            pooling=pooling,
            blocks=found.layers,
            width=found.width,
            sample=self.tokenizer.encode("a text"),
        )
        files = [hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in (checkpoint, tokenizer)]
        self.key: dict[str, Any] = {
            "maker": "llama2c 1",
            "checkpoint": files[0],
            "tokenizer": files[1],
            "layers": list(self.layers),
            "pooling": pooling,
            "dtype": "float32",
            "max_tokens": self.max_tokens,
        }

    def extract(self, texts: Sequence[str], *, progress: Callable[[int, int], None] | None = None) -> np.ndarray:
        """Features (n, L, width), float32; ``progress(done, total)`` is called after each batch; errors as ``Extractor.extract``."""
        tokens = [self.tokenizer.encode(text) for text in checked_texts(texts)]
        self.truncated += sum(len(each) > self.max_tokens for each in tokens)
        tokens = [each[: self.max_tokens] for each in tokens]
        return features(tokens, [self._pooled], budget=BATCH_TOKENS, progress=progress)


def stories_model(folder: str | Path | None = None, **options: Any) -> Llama2c:
    """The causal model of 260,000 parameters for children's stories: five layers of width 64, English of a small world.

    Reads ``stories260K.bin`` and ``tok512.bin`` in ``folder``, by default ``$W2S_DATA/language_models/stories260K``; ``options`` are
    those of ``Llama2c``, whose errors this raises; ``FileNotFoundError`` when the folder is not known.
    """
    folder = data_folder("language_models", "stories260K") if folder is None else Path(folder)
    return Llama2c(folder / "stories260K.bin", folder / "tok512.bin", **options)


def torch_model(checkpoint: Checkpoint) -> Any:
    """A ``transformers`` LlamaModel with the weights of the checkpoint, ready to be used and not to be trained."""
    try:
        import torch
        from transformers import LlamaConfig, LlamaModel
    except ImportError as error:
        raise MissingExtra("embeddings", "torch and transformers") from error
    config = LlamaConfig(
        vocab_size=checkpoint.pieces,
        hidden_size=checkpoint.width,
        intermediate_size=checkpoint.inner,
        num_hidden_layers=checkpoint.layers,
        num_attention_heads=checkpoint.heads,
        num_key_value_heads=checkpoint.pairs,
        max_position_embeddings=checkpoint.longest,
        rms_norm_eps=EPSILON,
        rope_parameters={"rope_type": "default", "rope_theta": THETA},
        bos_token_id=1,
        eos_token_id=2,
    )
    weights = dict(checkpoint.weights)
    for name, heads in (("query", checkpoint.heads), ("key", checkpoint.pairs)):
        weights[name] = _halves(weights[name], heads)
    state = {"embed_tokens.weight": weights["embeddings"], "norm.weight": weights["norm"]}
    for layer in range(checkpoint.layers):
        state |= {f"layers.{layer}.{theirs}.weight": weights[ours][layer] for ours, theirs in NAMES.items()}
    model = LlamaModel(config)
    model.load_state_dict({name: torch.from_numpy(value.astype(np.float32)) for name, value in state.items()}, strict=True)
    return model.eval().requires_grad_(False)


def _halves(rows: np.ndarray, heads: int) -> np.ndarray:
    """Rows (layers, heads · h, width) with the even rows of each head before its odd rows."""
    layers, tall, width = rows.shape
    return rows.reshape(layers, heads, tall // heads // 2, 2, width).swapaxes(2, 3).reshape(rows.shape)
