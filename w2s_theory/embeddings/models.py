"""A frozen model from its files: the tokenizer, and the blocks without a head, in evaluation mode. Loads with transformers."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from .._validation import MissingExtra
from .model_files import ModelFiles

DTYPES = ("float32", "bfloat16", "float16")
#: Weights that a checkpoint may lack, because hidden states don't need them: BERT's pooler, absent after masked-language training.
_UNUSED = "pooler"


class Shape(NamedTuple):
    """What the configuration says: blocks, width of the hidden states, and the longest text in tokens (``None``: no limit)."""

    blocks: int
    width: int
    max_tokens: int | None


def load_tokenizer(files: ModelFiles) -> Any:
    """The tokenizer of ``files``; raises ``ValueError``, naming the folder, when there is none that transformers can read."""
    transformers = import_transformers()
    with _quiet(transformers), _named_errors(files, "tokenizer"):
        tokenizer = transformers.AutoTokenizer.from_pretrained(files.folder, trust_remote_code=False, local_files_only=True)
    if tokenizer.vocab_size <= len(tokenizer.all_special_tokens):  # what transformers makes of a folder without one
        raise ValueError(
            f"{files.folder} has no vocabulary for the tokenizer: it would know {tokenizer.vocab_size} tokens. Save the tokenizer there as "
            "well (tokenizer.save_pretrained), or fetch the missing files."
        )
    return tokenizer


def shape(files: ModelFiles, tokenizer: Any) -> Shape:
    """Read the shape from the configuration, and the longest text from the tokenizer and the number of positions.

    A tokenizer without a limit has a huge one; positions that start behind the padding's (RoBERTa's do) are fewer by that much. Where
    the longest text of a batch decides by which angles all are turned (rope type "longrope"), texts end where the other angles begin.

    Raises ``ValueError`` when the configuration does not say how many blocks there are or how wide they are.
    """
    config = _config(files).get_text_config(decoder=False)
    blocks, width = (getattr(config, name, None) for name in ("num_hidden_layers", "hidden_size"))
    if not isinstance(blocks, int) or not isinstance(width, int):
        raise ValueError(
            f"{files.folder}/config.json must say num_hidden_layers and hidden_size; for the model type {config.model_type!r} it says "
            f"{blocks!r} and {width!r}. Use a text model."
        )
    limits = [tokenizer.model_max_length] if tokenizer.model_max_length < 10**9 else []
    if isinstance(positions := getattr(config, "max_position_embeddings", None), int) and positions > 0:
        behind = (getattr(config, "pad_token_id", None) or 0) + 1 if config.model_type in _BEHIND_PADDING else 0
        limits.append(positions - behind)
    angles = (
        getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None) or {}
    )  # of all blocks, or of each kind
    for each in (angles, *(part for part in angles.values() if isinstance(part, dict))):
        if "longrope" in (each.get("rope_type"), each.get("type")):
            limits.append(each.get("original_max_position_embeddings") or config.original_max_position_embeddings)
    return Shape(blocks, width, min(limits) if limits else None)


#: Model types whose positions are counted from the padding token's index on.
_BEHIND_PADDING = (
    *("roberta", "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl", "camembert", "data2vec-text", "longformer"),
    *("mpnet", "esm", "xmod", "ibert", "luke", "lilt"),
)


def load_model(files: ModelFiles, dtype: str = "float32") -> Any:
    """The blocks of the model on the CPU in ``dtype``, without gradients; of an encoder with a decoder, the encoder.

    No code from the model's folder is run and no pickle is read. Attention is torch's scaled_dot_product_attention where transformers
    has it for the model, whatever its configuration asks for (which could be a kernel to fetch).

    Raises ``ValueError`` when the model needs code of its own, its type is unknown to the installed transformers, the files lack
    weights that the blocks need (transformers would make random ones), or they are no longer those of the fingerprint.
    """
    check_dtype(dtype)
    torch, transformers = import_torch(), import_transformers()
    config = _config(files)
    for part in (config, *(getattr(config, name, None) for name in getattr(config, "sub_configs", ()))):
        for choice in ("_attn_implementation", "_experts_implementation"):
            if hasattr(part, choice):
                setattr(part, choice, None)
    alone = any(
        str(name).endswith("EncoderModel") for name in config.architectures or ()
    )  # T5's encoder, saved without the decoder
    kind = transformers.AutoModelForTextEncoding if alone else transformers.AutoModel
    with _quiet(transformers), _named_errors(files, "model"):
        model, found = kind.from_pretrained(
            files.folder,
            config=config,
            dtype=getattr(torch, dtype),
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            output_loading_info=True,
        )
    encoder_only = bool(getattr(model.config, "is_encoder_decoder", False))
    lacking = sorted(
        str(key)
        for kind in ("missing_keys", "mismatched_keys")
        for key in found[kind]
        if _UNUSED not in str(key) and not (encoder_only and str(key).startswith("decoder."))
    )
    files.check_unchanged()
    if lacking:
        raise ValueError(
            f"{files.folder} lacks weights that the model needs, {len(lacking)} of them, such as {lacking[0]}, and they would be random. "
            "The files belong to another architecture than config.json says, or are not complete: save or fetch the model again."
        )
    if encoder_only:
        model = model.get_encoder()
    model.config.use_cache = False  # a decoder would keep the keys and values of every layer
    return model.eval().requires_grad_(False)


def check_dtype(dtype: str) -> None:
    """Raise ``ValueError`` unless ``dtype`` is one of ``DTYPES``."""
    if dtype not in DTYPES:
        raise ValueError(f"dtype must be one of {', '.join(DTYPES)}; it is {dtype!r}.")


def _config(files: ModelFiles) -> Any:
    transformers = import_transformers()
    with _quiet(transformers), _named_errors(files, "configuration"):
        return transformers.AutoConfig.from_pretrained(files.folder, trust_remote_code=False, local_files_only=True)


@contextlib.contextmanager
def _named_errors(files: ModelFiles, what: str) -> Iterator[None]:
    """Let what transformers raises say which folder it was, and what to do."""
    try:
        yield
    except MissingExtra:
        raise
    except Exception as error:
        first = (str(error).strip().splitlines() or [""])[0]
        if "trust_remote_code" in str(error) or ("auto_map" in files.config and isinstance(error, (ValueError, KeyError))):
            raise ValueError(
                f"{files.name}: the {what} in {files.folder} needs code of its own (auto_map in its configuration), and such code is never "
                "run. Use a model whose type transformers has built in."
            ) from error
        raise ValueError(
            f"{files.name}: transformers {import_transformers().__version__} can't load the {what} in {files.folder} ({type(error).__name__}: "
            f"{first}). Check that the files are complete and the model's type is known to this version."
        ) from error


@contextlib.contextmanager
def _quiet(transformers: Any) -> Iterator[None]:
    """Hold back progress bars and reports while a model loads: what is wrong is raised here, the rest is of no use."""
    log = transformers.utils.logging
    verbosity, bars = log.get_verbosity(), log.is_progress_bar_enabled()
    log.set_verbosity_error()
    log.disable_progress_bar()
    try:
        yield
    finally:
        log.set_verbosity(verbosity)
        if bars:
            log.enable_progress_bar()


def import_torch() -> Any:
    """torch; ``MissingExtra`` where it is not installed."""
    try:
        return importlib.import_module("torch")
    except ImportError as error:
        raise MissingExtra("embeddings", "torch") from error


def import_transformers() -> Any:
    """transformers, and torch with it; ``MissingExtra`` where one is not installed."""
    import_torch()
    try:
        return importlib.import_module("transformers")
    except ImportError as error:
        raise MissingExtra("embeddings", "transformers") from error
