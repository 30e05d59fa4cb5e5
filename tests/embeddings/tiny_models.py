"""Small random language models, saved as real ones are, and features of one text alone by the plainest route."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

WORDS = (
    "the",
    "cat",
    "dog",
    "sat",
    "ran",
    "on",
    "mat",
    "tree",
    "and",
    "slept",
    "saw",
    "one",
    "two",
    "red",
    "blue",
    "bird",
    "song",
)
BLOCKS, WIDTH, POSITIONS = 3, 32, 24
#: Lengths from one word to as many as there are positions, in no order.
TEXTS = tuple(
    " ".join(WORDS[(start + 3 * k) % len(WORDS)] for k in range(count)) for start, count in enumerate((4, 1, 9, 2, 20, 9, 5))
)


def tokenizer(special: dict[str, str], around: str) -> Any:
    """A tokenizer of ``WORDS``, one token each, with special tokens put ``around`` the text as the template says."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    vocabulary = {word: index for index, word in enumerate([*special.values(), *WORDS])}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token=special["unk_token"]))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.TemplateProcessing(
        single=around, special_tokens=[(token, vocabulary[token]) for token in special.values() if token in around]
    )
    return PreTrainedTokenizerFast(tokenizer_object=made, model_max_length=POSITIONS, **special)


def save_bert(folder: Path, **changes: Any) -> Path:
    """A random encoder whose attention matters: weights ten times as wide as usual."""
    from transformers import BertConfig, BertModel

    words = tokenizer({"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}, "[CLS] $A [SEP]")
    config = BertConfig(**_sizes(words, changes))
    return _save(folder, words, BertModel, config)


def save_llama(folder: Path, **changes: Any) -> Path:
    """A random decoder, with a tokenizer that has no padding token."""
    from transformers import LlamaConfig, LlamaModel

    words = tokenizer({"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"}, "<s> $A")
    config = LlamaConfig(**_sizes(words, {"num_key_value_heads": 2, "pad_token_id": None} | changes))
    return _save(folder, words, LlamaModel, config)


def save_albert(folder: Path) -> Path:
    """A random encoder whose blocks are one block, used again and again."""
    from transformers import AlbertConfig, AlbertModel

    words = tokenizer({"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}, "[CLS] $A [SEP]")
    return _save(folder, words, AlbertModel, AlbertConfig(**_sizes(words, {"embedding_size": 16})))


def save_model(folder: Path, kind: str, config: str, **changes: Any) -> Path:
    """A random model of another of transformers' kinds, by the names of its classes, with the encoders' tokenizer."""
    import transformers

    words = tokenizer({"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}, "[CLS] $A [SEP]")
    return _save(folder, words, getattr(transformers, kind), getattr(transformers, config)(**_sizes(words, changes)))


def _sizes(words: Any, changes: dict[str, Any]) -> dict[str, Any]:
    return {
        "vocab_size": len(words),
        "hidden_size": WIDTH,
        "num_hidden_layers": BLOCKS,
        "num_attention_heads": 4,
        "intermediate_size": 2 * WIDTH,
        "max_position_embeddings": POSITIONS,
        "initializer_range": 0.2,
    } | changes


def _save(folder: Path, words: Any, kind: Any, config: Any) -> Path:
    import torch
    from transformers.utils import logging

    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = kind(config)
    logging.disable_progress_bar()  # "Writing model shards" would go to the terminal
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def alone(folder: Path | str, texts: Sequence[str], pooling: str = "mean", kind: str = "AutoModel") -> np.ndarray:
    """Every layer of every text, one text at a time, unpadded, through transformers in float64, pooled with NumPy: (n, L, width)."""
    import torch
    import transformers

    words = transformers.AutoTokenizer.from_pretrained(folder)
    model = getattr(transformers, kind).from_pretrained(folder, dtype=torch.float64, attn_implementation="eager").eval()
    pool = {"mean": lambda states: states.mean(axis=0), "last": lambda states: states[-1], "first": lambda states: states[0]}
    rows = []
    for text in texts:
        with torch.no_grad():
            states = model(**words(text, return_tensors="pt"), output_hidden_states=True).hidden_states
        rows.append([pool[pooling](state[0].numpy()) for state in states])
    return np.array(rows)
