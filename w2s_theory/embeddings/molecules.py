"""Solubility of molecules (ESOL): two ways to turn a structural formula into numbers, both made by hand and frozen. Reads files.

Morgan fingerprints count the neighbourhoods of atoms, hashed; physical descriptors are sums over atoms, surfaces and counts of parts.
Needs RDKit.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .._validation import MissingExtra, generator, whole
from ..problems.empirical import EmpiricalTask, Split
from .real_tasks import data_folder
from .tables import read_columns
from .tasks import standardised

#: The descriptors, by their names in RDKit. Chosen for what they mean and before any error was looked at.
DESCRIPTORS = (
    "MolLogP",
    "MolMR",
    "MolWt",
    "TPSA",
    "LabuteASA",
    "FractionCSP3",
    "HeavyAtomCount",
    "NHOHCount",
    "NOCount",
    "NumHAcceptors",
    "NumHDonors",
    "NumHeteroatoms",
    "NumRotatableBonds",
    "NumAliphaticRings",
    "NumAromaticRings",
    "RingCount",
)
#: The published splits, by their seeds.
SPLITS = ("122", "123", "124")
REPRESENTATIONS = ("fingerprints", "descriptors")


def esol_task(folder: str | Path | None = None, *, weak: str = "fingerprints", strong: str = "descriptors") -> EmpiricalTask:
    """Log solubility of 1128 molecules in mol/l, standardised; ``weak`` and ``strong`` are each "fingerprints" or "descriptors".

    Reads ``esol.csv.gz`` in ``folder``, by default ``$W2S_DATA/molecules``. Raises ``ValueError`` for another representation, a
    damaged file and SMILES that RDKit does not read (named, with their rows), ``FileNotFoundError`` and ``MissingExtra``.
    """
    makers = {"fingerprints": fingerprints, "descriptors": descriptors}
    for name, chosen in (("weak", weak), ("strong", strong)):
        if chosen not in makers:
            raise ValueError(f"{name} must be one of {', '.join(REPRESENTATIONS)}; it is {chosen!r}.")
    smiles, labels = read_esol(folder)
    return EmpiricalTask(makers[weak](smiles), makers[strong](smiles), standardised(labels), "esol")


def esol_splits(folder: str | Path | None = None, *, share: float = 0.4, rng: np.random.Generator) -> dict[str, Split]:
    """The three published splits by their names: their test rows are the test rows, the others are cut at random.

    The published parts for training and for validation together give the weak rows, the ``share`` of them (rounded down), and the transfer
    rows, the rest: nothing is validated here, as penalties are chosen by leave-one-out. One generator cuts all three, in order.

    Reads ``esol.splits.json`` in ``folder``, as ``esol_task``. Raises ``ValueError`` when the file does not hold three splits of
    the molecules into disjoint parts, or when a part would be empty.
    """
    path = _folder(folder) / "esol.splits.json"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there; it should hold the published splits of ESOL.")
    count = len(read_esol(folder)[1])
    try:
        published = json.loads(path.read_text(encoding="utf-8"))
        parts = {name: [np.array(part, dtype=np.int64) for part in published[name]] for name in SPLITS}
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise ValueError(
            f"{path} must hold the splits {', '.join(SPLITS)}, lists of row numbers ({error!r}). Copy it again."
        ) from error
    generator(rng)
    splits = {}
    for name, (*others, test) in parts.items():
        rows = np.sort(np.concatenate([*others, test]))
        if len(others) != 2 or not np.array_equal(rows, np.arange(count)):
            raise ValueError(
                f"{path}: split {name} must put each of the {count} molecules into one of three parts. Copy it again."
            )
        rest = rng.permutation(np.concatenate(others))
        weak = int(share * len(rest))
        if not 0 < weak < len(rest):
            raise ValueError(f"share must leave rows on both sides of the {len(rest)}; it is {share!r}. Take about 0.4.")
        splits[name] = Split(rest[:weak], rest[weak:], test)
    return splits


def read_esol(folder: str | Path | None = None) -> tuple[list[str], np.ndarray]:
    """The SMILES and the log solubilities (N,) of ``esol.csv.gz`` in ``folder``, by default ``$W2S_DATA/molecules``."""
    path = _folder(folder) / "esol.csv.gz"
    found = read_columns(path, ["smiles", "label"])
    try:
        return found["smiles"].tolist(), found["label"].astype(np.float64)
    except ValueError as error:
        raise ValueError(f"{path}: the column 'label' must hold numbers ({error}). Copy the file again.") from error


def fingerprints(smiles: Sequence[str], *, radius: int = 2, size: int = 1024) -> np.ndarray:
    """Morgan fingerprints (N, size): how often each neighbourhood of up to ``radius`` bonds occurs, hashed into ``size`` bins.

    Raises ``ValueError`` naming the SMILES that RDKit does not read, ``MissingExtra`` without it.
    """
    molecules = _molecules(smiles)
    from rdkit.Chem.rdFingerprintGenerator import GetMorganGenerator

    maker: Any = GetMorganGenerator(radius=whole("radius", radius, at_least=0), fpSize=whole("size", size))
    return np.array([maker.GetCountFingerprintAsNumPy(molecule) for molecule in molecules], dtype=np.float64)


def descriptors(smiles: Sequence[str]) -> np.ndarray:
    """The physical ``DESCRIPTORS`` (N, 16), each standardised over the given molecules, as their units differ; errors as above."""
    molecules = _molecules(smiles)
    from rdkit.Chem import Descriptors

    makers: list[Any] = [getattr(Descriptors, name) for name in DESCRIPTORS]
    return standardised(np.array([[maker(molecule) for molecule in molecules] for maker in makers], dtype=np.float64)).T


def _molecules(smiles: Sequence[str]) -> list[Any]:
    """The molecules, or ``ValueError`` with every SMILES that is none. RDKit's own log is held back while it reads."""
    try:
        from rdkit import Chem, rdBase
    except ImportError as error:
        raise MissingExtra("molecules", "rdkit") from error
    with rdBase.BlockLogs():
        molecules = [Chem.MolFromSmiles(each) for each in smiles]
    bad = [
        f"{each!r} (row {row})"
        for row, (each, molecule) in enumerate(zip(smiles, molecules, strict=True), 1)
        if molecule is None or not molecule.GetNumAtoms()
    ]
    if bad:
        more = f" and {len(bad) - 10} more" if len(bad) > 10 else ""
        raise ValueError(
            f"smiles must be structural formulas that RDKit reads; not read: {', '.join(bad[:10])}{more}. Drop or repair them."
        )
    if not molecules:
        raise ValueError("smiles must not be empty. Pass at least one.")
    return molecules


def _folder(folder: str | Path | None) -> Path:
    return data_folder("molecules") if folder is None else Path(folder)
