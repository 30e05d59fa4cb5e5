"""The files of a model, from the hub or a local folder: which they are, that they are whole, and a fingerprint of them. Reads files.

Only a configuration, a tokenizer's files and safetensors are ever fetched or read; pickled weights and a model's own code never are.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from .._validation import MissingExtra

#: What a tokenizer may be made from, whatever its kind, as patterns of names.
TOKENIZER_FILES = (
    *(
        "tokenizer.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "added_tokens.json",
        "tekken.json",
        "normalizer.json",
    ),
    *("*vocab*.json", "*vocab*.txt", "merges.txt", "dict.txt", "bpe.codes", "emoji.json", "byte_maps.json", "word_*.json"),
    *("*.model", "tokenizer.model.*", "*.spm", "*.tiktoken", "*.tokenizer"),
)
WEIGHTS, WEIGHTS_INDEX = "model.safetensors", "model.safetensors.index.json"
#: Entries that send transformers to other files than the ones above, or to other numbers than those in the weights.
REFUSED = {
    "config.json": ("transformers_weights", "configuration_files", "quantization_config"),
    "tokenizer_config.json": ("fast_tokenizer_files",),
}


@dataclass(frozen=True)
class ModelFiles:
    """Where the checked files of ``name`` lie; ``weights`` are the safetensors.

    ``revision`` is the resolved commit of a hub model, ``None`` for a folder; ``fingerprint`` is "commit:<hash>" or
    "sha256:<hash of configuration, tokenizer and weights>", of the files as they were in ``states``.
    """

    name: str
    folder: Path
    weights: tuple[Path, ...]
    revision: str | None
    fingerprint: str
    states: dict[Path, tuple[int, ...]]

    def check_unchanged(self) -> None:
        """Raise ``ValueError`` when a file is no longer the one that the fingerprint is of."""
        for path, state in self.states.items():
            if not path.is_file() or _state(path) != state:
                raise ValueError(
                    f"{path} was changed after the fingerprint of {self.name} was taken, and features would be kept under the wrong one. "
                    "Run it again, and leave the model's files alone meanwhile."
                )

    @property
    def config(self) -> dict[str, Any]:
        """The configuration as it is written."""
        return _json(self.folder / "config.json")


def find_model(model: str | os.PathLike[str], *, revision: str | None = None, local_files_only: bool = False) -> ModelFiles:
    """Find, and from the hub fetch, the files of ``model``: a local folder, or "owner/name" on the hub at ``revision``.

    A hub model is fetched into the hub's own cache, its configuration and tokenizer first, then only the safetensors that it uses:
    ``WEIGHTS``, or else those of the index, as transformers does.
    ``local_files_only`` takes what that cache has, and so does a machine that can't reach the hub.

    Raises ``FileNotFoundError`` for a folder without config.json, weights that are not there, a hub model that is neither in the cache nor
    within reach; ``ValueError`` for weights that are only there as pickles, a safetensors file that is truncated or damaged (named),
    a ``revision`` of a folder, an adapter, an entry in ``REFUSED``. ``MissingExtra`` without safetensors or huggingface_hub.
    """
    name = os.fspath(model)
    folder = Path(name).expanduser()
    if name and folder.is_dir():
        if revision is not None:
            raise ValueError(f"revision is {revision!r}, but {name!r} is a local folder, which has none. Leave it out.")
        commit = None
    else:
        if folder.exists() or name.startswith((".", "/", "~")) or name.count("/") > 1 or "\\" in name or not name:
            raise FileNotFoundError(
                f"model must be a local folder or a name on the hub (owner/name); {name!r} is neither. "
                "Check the path; a folder holds config.json, a tokenizer and model.safetensors."
            )
        folder = _fetched(
            name, revision, local_files_only, ("config.json", "adapter_config.json", WEIGHTS_INDEX, *TOKENIZER_FILES)
        )
        commit = folder.name
    if not (folder / "config.json").is_file():
        raise FileNotFoundError(
            f"{folder} has no config.json, so it is not a model that transformers can read. Save one there with save_pretrained."
        )
    _refuse_detours(folder)
    if commit is not None:
        index = folder / WEIGHTS_INDEX
        _fetched(name, commit, local_files_only, (WEIGHTS,))
        if not (folder / WEIGHTS).is_file() and index.is_file():
            _fetched(name, commit, local_files_only, tuple(_shards(index)))
    weights = _weights(name, folder)
    for path in weights:
        _check_safetensors(path)
    read = {path for pattern in ("config.json", *TOKENIZER_FILES) for path in folder.glob(pattern) if path.is_file()}
    states = {path: _state(path) for path in sorted(read | set(weights))}
    fingerprint = f"commit:{commit}" if commit else f"sha256:{_together(states)}"
    return ModelFiles(name, folder, weights, commit, fingerprint, states)


def _refuse_detours(folder: Path) -> None:
    """Raise ``ValueError`` for what makes transformers read other files than the ones that are checked and hashed."""
    adapter = folder / "adapter_config.json"
    if adapter.is_file():
        raise ValueError(
            f"{adapter} makes the folder an adapter to another model, which is not supported. Merge the two "
            "(peft: merge_and_unload) and save the result with save_pretrained."
        )
    for file, entries in REFUSED.items():
        said = _json(folder / file) if (folder / file).is_file() else {}
        for entry in entries:
            if said.get(entry):
                raise ValueError(
                    f"{folder / file} must not have {entry!r}; it is {said[entry]!r}. Only files by their usual names are read, with "
                    f"weights in {WEIGHTS} that are not quantised. Save the model in that form with save_pretrained."
                )


def _fetched(name: str, revision: str | None, local_files_only: bool, files: tuple[str, ...]) -> Path:
    """The folder of one commit in the hub's cache, with those of ``files`` that the model has."""
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise MissingExtra("embeddings", "huggingface_hub") from error
    try:
        return Path(snapshot_download(name, revision=revision, local_files_only=local_files_only, allow_patterns=list(files)))
    except Exception as error:  # whatever the network, the hub or its cache raises, the way out is the same
        why = "local_files_only forbids to fetch it" if local_files_only else "it could not be fetched from the hub"
        raise FileNotFoundError(
            f"model {name!r}{f' at revision {revision!r}' if revision else ''} is not in the local hub cache, and {why} "
            f"({type(error).__name__}: {str(error).strip().splitlines()[0]}). Check the name and the network, fetch it once where there is "
            "one, or pass a local folder."
        ) from error


def _weights(name: str, folder: Path) -> tuple[Path, ...]:
    """The safetensors of the model, all of them there."""
    index = folder / WEIGHTS_INDEX
    files = _shards(index) if index.is_file() and not (folder / WEIGHTS).is_file() else [WEIGHTS]
    missing = [file for file in files if not (folder / file).is_file()]
    if not missing:
        return tuple(folder / file for file in files)
    pickles = sorted(path.name for pattern in ("*.bin", "*.pt", "*.pth", "*.ckpt") for path in folder.glob(pattern))
    if pickles:
        raise ValueError(
            f"{folder} holds weights as a pickle ({', '.join(pickles[:3])}), which can run code when it is read and so is never loaded. "
            "Convert it once where you trust it: AutoModel.from_pretrained(...).save_pretrained(folder) writes safetensors."
        )
    raise FileNotFoundError(
        f"model {name!r}: {folder} lacks {', '.join(missing[:3])}{f' and {len(missing) - 3} more' if len(missing) > 3 else ''}. "
        "Only safetensors are read: the model may have none at this revision, or the download or copy is not complete."
    )


def _shards(index: Path) -> list[str]:
    """The file names in a safetensors index, each a plain name."""
    names = sorted(set(_json(index).get("weight_map", {}).values()))
    if not names or any(not isinstance(name, str) or Path(name).name != name for name in names):
        raise ValueError(f"{index} must map weights to files beside it. Copy or save the model again.")
    return names


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # not UTF-8, or not JSON
        raise ValueError(f"{path} is damaged: it is not JSON ({error}). Copy or save the model again.") from error
    if not isinstance(found, dict):
        raise ValueError(f"{path} is damaged: it must hold a JSON object. Copy or save the model again.")
    return found


def _check_safetensors(path: Path) -> None:
    """Raise ``ValueError`` unless the header is whole and covers the file: the tensors' bytes are not read."""
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError as error:
        raise MissingExtra("embeddings", "safetensors") from error
    try:
        with safe_open(str(path), framework="numpy"):
            pass
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path} is truncated or damaged ({error}). Copy or fetch it again.") from error


def _state(path: Path) -> tuple[int, ...]:
    """What changes when a file is written or replaced: device, inode, size, and the times of the change of content and of the inode."""
    now = path.stat()
    return (now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns)


def _together(states: dict[Path, tuple[int, ...]]) -> str:
    """sha256 over names and contents of everything that decides what the model computes."""
    together = hashlib.sha256()
    for path, state in states.items():
        together.update(f"{path.name}\0{_file_hash(str(path), state)}\n".encode())
    return together.hexdigest()


@lru_cache(maxsize=256)
def _file_hash(path: str, state: tuple[int, ...]) -> str:
    """sha256 of a file, read in pieces; ``state`` is there so that a changed file is read again."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
