"""Solubility of molecules (ESOL): two ways to turn a structural formula into numbers, both made by hand and frozen. Reads files.

Morgan fingerprints count the neighbourhoods of atoms, hashed; physical descriptors are sums over atoms, surfaces and counts of parts.
Needs RDKit.

The set holds some molecules twice, under two SMILES and at times with two solubilities: ``molecule_groups`` finds them. The published splits
were drawn over rows, so that for two of the three the second copy of a test molecule is among the rows for training and validation.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .._validation import MissingExtra, generator, probability, whole
from ..problems.empirical import EmpiricalTask, Split
from .columns import as_numbers
from .real_tasks import data_folder
from .store import digest_of_texts
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
#: Rows of the published set, and the digest of its SMILES in their order, which the row numbers of the splits refer to.
ROWS, ORDER = 1128, "3f55567c4190ac2851071615447864d04714fdfbf5b0de476b18d9c0640cb39a"
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
    The copies of a molecule (``molecule_groups``) are not kept together: the test rows are as published, and the cut is over rows.

    Reads ``esol.splits.json`` in ``folder``, as ``esol_task``. Raises ``ValueError`` when the file does not hold three splits of
    the molecules into disjoint parts, when a part would be empty, or when the molecules are not in the order of the published set.
    """
    path = _folder(folder) / "esol.splits.json"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there; it should hold the published splits of ESOL.")
    smiles, _ = read_esol(folder)
    count, share = len(smiles), probability("share", share)
    if count == ROWS and digest_of_texts([each.strip() for each in smiles]) != ORDER:
        raise ValueError(
            f"{path} counts the rows of the published set in its order; esol.csv.gz beside it has other molecules or another order. "
            "Copy both files again."
        )
    try:
        published = json.loads(path.read_text(encoding="utf-8"))
        parts = {name: [_row_numbers(part) for part in published[name]] for name in SPLITS}
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise ValueError(
            f"{path} must hold the splits {', '.join(SPLITS)}, lists of row numbers ({error!r}). Copy it again."
        ) from error
    generator(rng)
    splits = {}
    for name, found in parts.items():
        if len(found) != 3 or not len(found[2]) or not np.array_equal(np.sort(np.concatenate(found)), np.arange(count)):
            raise ValueError(
                f"{path}: split {name} must put each of the {count} molecules into one of three parts, some into the last. Copy it again."
            )
        *others, test = found
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
    return found["smiles"].tolist(), as_numbers(str(path), "label", found["label"])


def molecule_groups(smiles: Sequence[str]) -> np.ndarray:
    """A group number (N,) per row, from 0 in order of appearance; rows of one group are one molecule, written the same way or another.

    Two rows are one molecule when RDKit's canonical SMILES agree. Errors are those of ``fingerprints``.
    """
    molecules = _molecules(smiles)
    from rdkit.Chem import MolToSmiles

    place: dict[str, int] = {}
    return np.array([place.setdefault(MolToSmiles(molecule), len(place)) for molecule in molecules])


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


def _row_numbers(rows: Any) -> np.ndarray:
    """A list of whole numbers, empty or not, as (n,); ``ValueError`` for anything else."""
    if not isinstance(rows, list) or not all(type(row) is int for row in rows):
        raise ValueError("a part is no list of whole numbers")
    return np.array(rows, dtype=np.int64)


def _molecules(smiles: Sequence[str]) -> list[Any]:
    """The molecules, or ``ValueError`` with every SMILES that is none. RDKit's own log is held back while it reads."""
    try:
        from rdkit import Chem, rdBase
    except ImportError as error:
        raise MissingExtra("molecules", "rdkit") from error
    if isinstance(smiles, str):
        raise TypeError(f"smiles must be a sequence of strings; it is the string {smiles!r}. Put it in a list.")
    with rdBase.BlockLogs():
        molecules = [Chem.MolFromSmiles(each) if isinstance(each, str) else None for each in smiles]
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
