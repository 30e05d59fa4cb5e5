"""Features of texts: an encoder beside sentence-transformers on the CPU, and a decoder's share of what the device's products reach."""

from __future__ import annotations

import csv
import gzip
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from w2s_theory.embeddings.extraction import BATCH_TOKENS, Extractor, features
from w2s_theory.embeddings.layers import PooledLayers
from w2s_theory.embeddings.offline import offline_encoder

from ._place import Place
from ._record import Section, Table
from ._timing import Contender, contest, peer, relative_error, yardstick

MODULES = ("torch", "transformers", "sentence_transformers")
#: Texts for the encoder, and on how many of them answers are checked.
TEXTS = {"quick": 12, "full": 512}
CHECKED = 12
#: Goal: how many times as long sentence-transformers takes for its one layer as ours for all.
GOAL = 1.0
#: float32 rounding through six blocks with norms; bfloat16 rounds to 4e-3, a few dozen times one after another.
SAME, SAME_BFLOAT16 = 1e-5, 0.1
WORDS = """
a the this that one two three some every no man woman child dog cat bird horse car train boat house tree river city street table
music guitar song story letter game ball plays eats reads writes walks runs jumps sees finds makes holds sings carries watches
opens near under over behind beside with without into from slowly quickly quietly again today yesterday and while because but
red blue green small large young old happy tired cold wooden empty famous important international
"""


class Decoder(NamedTuple):
    """Sizes of a decoder without a head, and the texts for it: how many, and between how many tokens each."""

    width: int
    inner: int
    blocks: int
    heads: int
    groups: int
    vocabulary: int
    texts: int
    shortest: int
    longest: int

    @property
    def weights(self) -> int:
        """Weights that a token is multiplied with: those of the blocks, embeddings left out."""
        attention = 2 * self.width**2 * (1 + self.groups / self.heads)
        return int(self.blocks * (attention + 3 * self.width * self.inner))

    def flops(self, lengths: np.ndarray) -> float:
        """Two per weight and token, and in attention 2 t · width for scores and values each, half of it by causality; no padding."""
        return float(np.sum(2.0 * self.weights * lengths + 2.0 * self.blocks * self.width * lengths**2))


#: On a GPU at full size, one of 1.1 · 10⁹ parameters; elsewhere small ones, so that the code runs.
DECODERS = {
    "quick": Decoder(64, 128, 2, 4, 2, 500, 12, 4, 20),
    "full": Decoder(512, 1536, 6, 8, 4, 8000, 64, 16, 128),
    "cuda": Decoder(2048, 5632, 22, 32, 4, 32000, 2048, 64, 512),
}


def run(scale: str, here: Place) -> Section:
    """The encoder on the CPU; the decoder where torch runs."""
    section = Section(
        "Extraction",
        "Features of texts: every layer of a model, pooled to a vector per text, in float32. Errors are the largest ‖x − x*‖/‖x*‖ over checked "
        "texts and layers; x* is the same text alone, without padding, through transformers with NumPy's mean, in float64 for the "
        "encoder and in float32 for the decoder.",
    )
    if here.name == "cpu":
        from transformers.utils import logging

        logging.disable_progress_bar()
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # one thread each, here too
        encoder(section, "made", made_texts(TEXTS[scale]), scale, here)
        if (stored := real_texts(TEXTS[scale])) is not None:
            encoder(section, "stsb_en", stored, scale, here)
        section.notes.append(
            "Ours keeps all seven layers; sentence-transformers returns the last, divided by its length, which is undone by dividing "
            "ours as well for the error. Both order texts by length. Its batches are of so many texts, ours of so many padded tokens: it is timed at "
            "its default and at as many texts as ours has on average."
        )
    else:
        decoder(section, scale, here)
    return section


def made_texts(count: int) -> list[str]:
    """Sentences of random words, as short as those of similarity tasks: ten words on average, four to some thirty."""
    rng = np.random.default_rng(0)
    lengths = 4 + np.minimum(rng.geometric(1 / 7.0, size=count) - 1, 30)
    words = WORDS.split()
    return [" ".join(rng.choice(words, size=length)) + "." for length in lengths]


def real_texts(count: int) -> list[str] | None:
    """The first texts of stsb_en, where W2S_DATA has them."""
    path = Path(os.environ.get("W2S_DATA", "")) / "text" / "stsb_en.csv.gz"
    if not os.environ.get("W2S_DATA") or not path.is_file():
        return None
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return [row["text"] for row, _ in zip(csv.DictReader(file), range(count), strict=False)]


def encoder(section: Section, name: str, texts: list[str], scale: str, here: Place) -> None:
    """All layers of the packaged encoder, and sentence-transformers' ``encode``."""
    caption = f"MiniLM, 6 blocks of width 384, float32, {len(texts)} texts ({name})"
    try:
        folder = offline_encoder()
    except ImportError as error:
        section.notes.append(f"{caption}: not run: {error}")
        return
    wanted = alone(folder, texts[:CHECKED])
    tokens = sum(map(len, Extractor(folder)._tokens(texts)))

    def ours(layers: Any, label: str) -> Contender:
        extractor = Extractor(folder, layers=layers)
        extractor.extract(texts[:1])  # reads the weights
        return Contender(
            label, lambda: extractor.extract(texts), lambda got: worst(got[:CHECKED], wanted[:, list(extractor.layers)]), SAME
        )

    def theirs(size: int, label: str) -> Contender:
        from sentence_transformers import SentenceTransformer

        model = SentenceTransformer(folder, device="cpu", local_files_only=True)
        unit = wanted[:, -1] / np.linalg.norm(wanted[:, -1], axis=1, keepdims=True)
        return Contender(
            label,
            lambda: model.encode(texts, batch_size=size, show_progress_bar=False),
            lambda got: worst(got[:CHECKED], unit),
            SAME,
            goal=GOAL,
        )

    entries = [ours("all", "ours, all 7 layers"), ours([-1], "ours, last layer")]
    for size in (32, max(1, round(BATCH_TOKENS["cpu"] * len(texts) / tokens))):
        label = f"sentence-transformers, last layer, batches of {size}"
        entries.append(peer(label, lambda size=size, label=label: theirs(size, label)))
    outcomes = contest(entries, scale, here)
    section.add_contest(caption, outcomes, scale, f"encoder, {name} texts")
    rates = [{"contender": each.contender.name, "texts/s": len(texts) / each.median} for each in outcomes if each.seconds]
    section.tables.append(Table(f"Rates ({name})", rates))


def alone(folder: str, texts: Sequence[str]) -> np.ndarray:
    """Mean-pooled layers of every text by itself, in float64: (n, L, width)."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    words = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder, dtype=torch.float64).eval()
    rows = []
    for text in texts:
        with torch.no_grad():
            states = model(**words(text, return_tensors="pt"), output_hidden_states=True).hidden_states
        rows.append([state[0].numpy().mean(axis=0) for state in states])
    return np.array(rows)


def worst(found: np.ndarray, wanted: np.ndarray) -> float:
    """The largest relative error of a vector."""
    return relative_error(found.reshape(-1, found.shape[-1]), wanted.reshape(-1, wanted.shape[-1]))


def decoder(section: Section, scale: str, here: Place) -> None:
    """Tokens a second of a random decoder in bfloat16, and its flops against those of a square product in bfloat16."""
    size = DECODERS["cuda" if here.name == "cuda" and scale == "full" else scale]
    rng = np.random.default_rng(0)
    lengths = rng.integers(size.shortest, size.longest + 1, size=size.texts)
    tokens = [rng.integers(3, size.vocabulary, size=length).tolist() for length in lengths]
    device = "cuda" if here.name == "cuda" else "cpu"
    model, wanted = random_decoder(size, device, tokens[: CHECKED // 3])
    budget = BATCH_TOKENS["gpu" if device == "cuda" else "cpu"]

    def ours(compiled: bool) -> Callable[[], np.ndarray]:
        reader = PooledLayers(
            model,
            device=device,
            layers=tuple(range(size.blocks + 1)),
            pooling="mean",
            blocks=size.blocks,
            width=size.width,
            sample=tokens[0],
            compile=compiled,
        )
        return lambda: features(tokens, [reader], budget=budget)

    def error(got: np.ndarray) -> float:
        return worst(got[: len(wanted)], wanted)

    def entry(compiled: bool) -> Contender:
        return Contender(f"ours, {'compiled' if compiled else 'eager'}", ours(compiled), error, SAME_BFLOAT16)

    product, product_flops = yardstick(here, "bfloat16", scale)
    outcomes = contest([entry(False), product], scale, here)
    if device == "cuda":  # afterwards, because it changes the model's blocks
        outcomes += contest([entry(True)], scale, here)
    millions = sum(weight.numel() for weight in model.parameters()) / 1e6
    section.add_contest(f"Llama, {millions:,.0f}M random weights, bfloat16, {lengths.sum():,} tokens", outcomes, scale, "")
    rate = product_flops / outcomes[1].median
    section.tables.append(
        Table(
            "Model flop utilisation",
            [
                {
                    "contender": each.contender.name,
                    "tokens/s": float(lengths.sum() / each.median),
                    "texts/s": size.texts / each.median,
                    "Tflop/s": size.flops(lengths) / each.median / 1e12,
                    "of a product in bfloat16": f"{size.flops(lengths) / each.median / rate:.1%}",
                }
                for each in outcomes
                if each.contender is not product and each.seconds
            ],
        )
    )
    section.notes.append(
        f"All {size.blocks + 1} layers are pooled. Flops: two per weight of the blocks and token, and causal attention; none for padding, "
        f"embeddings, norms and pooling. Texts of {size.shortest} to {size.longest} tokens; batches of {budget:,} padded tokens."
    )


def random_decoder(size: Decoder, device: str, checked: Sequence[Sequence[int]]) -> tuple[Any, np.ndarray]:
    """The decoder in bfloat16 on ``device``, and what the same weights give in float32 for each ``checked`` text alone."""
    import torch
    from transformers import LlamaConfig, LlamaModel

    config = LlamaConfig(
        vocab_size=size.vocabulary,
        hidden_size=size.width,
        intermediate_size=size.inner,
        num_hidden_layers=size.blocks,
        num_attention_heads=size.heads,
        num_key_value_heads=size.groups,
        max_position_embeddings=size.longest,
        use_cache=False,
    )
    with torch.random.fork_rng(), torch.device(device):
        torch.manual_seed(0)
        model: Any = LlamaModel(config).eval().requires_grad_(False)
    model.to(torch.bfloat16).float()  # the weights as bfloat16 has them
    rows = []
    for each in checked:
        with torch.no_grad():
            states = model(input_ids=torch.tensor([each], device=device), output_hidden_states=True).hidden_states
        rows.append([state[0].cpu().numpy().astype(np.float64).mean(axis=0) for state in states])
    return model.to(torch.bfloat16), np.array(rows)
