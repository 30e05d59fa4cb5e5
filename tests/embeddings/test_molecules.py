"""Molecules as numbers: counts that can be made by hand, the published splits, and formulas that are none."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest

from tests.tolerances import ROUNDING
from w2s_theory.embeddings.molecules import (
    DESCRIPTORS,
    SPLITS,
    descriptors,
    esol_splits,
    esol_task,
    fingerprints,
    molecule_groups,
    read_esol,
)

pytest.importorskip("rdkit")

#: Methane, ethanol, benzene, acetic acid, chloroform, glycine: SMILES, heavy atoms, weight in g/mol from the atomic weights, rings.
KNOWN = {
    "C": (1, 12.011 + 4 * 1.008, 0),
    "CCO": (3, 2 * 12.011 + 6 * 1.008 + 15.999, 0),
    "c1ccccc1": (6, 6 * 12.011 + 6 * 1.008, 1),
    "CC(=O)O": (4, 2 * 12.011 + 4 * 1.008 + 2 * 15.999, 0),
    "ClC(Cl)Cl": (4, 12.011 + 1.008 + 3 * 35.453, 0),
    "NCC(=O)O": (5, 2 * 12.011 + 5 * 1.008 + 14.007 + 2 * 15.999, 0),
}


@pytest.fixture
def folder(tmp_path):
    """Six molecules, and splits of them."""
    rows = "".join(f"{smiles},{-0.5 * k}\n" for k, smiles in enumerate(KNOWN))
    (tmp_path / "esol.csv.gz").write_bytes(gzip.compress(f"smiles,label\n{rows}".encode()))
    splits = {name: [[0, 1, 2], [3], [4, 5]] for name in SPLITS}
    (tmp_path / "esol.splits.json").write_text(json.dumps(splits))
    return tmp_path


def standard(values):
    values = np.asarray(values, dtype=float)
    return (values - values.mean()) / values.std()


def test_descriptors_are_what_one_counts_by_hand():
    found = dict(zip(DESCRIPTORS, descriptors(list(KNOWN)).T, strict=True))
    atoms, weights, rings = zip(*KNOWN.values(), strict=True)
    np.testing.assert_allclose(found["HeavyAtomCount"], standard(atoms), atol=ROUNDING)
    np.testing.assert_allclose(found["MolWt"], standard(weights), atol=1e-4)  # atomic weights to three decimals
    np.testing.assert_allclose(found["RingCount"], standard(rings), atol=ROUNDING)


def test_fingerprints_count_atoms_and_neighbourhoods():
    atoms = [each[0] for each in KNOWN.values()]
    alone = fingerprints(list(KNOWN), radius=0, size=4096)
    assert alone.sum(axis=1).tolist() == atoms
    # The six atoms of benzene are alike, those of ethanol are three kinds; so are their neighbourhoods of one bond.
    assert [np.count_nonzero(row) for row in alone[1:3]] == [3, 1]
    wide = fingerprints(list(KNOWN), radius=1, size=4096)
    assert wide[2].max() == 6 and np.count_nonzero(wide[2]) == 2 and wide[2].sum() == 12


def test_one_molecule_written_in_two_ways_is_one():
    assert np.array_equal(*fingerprints(["OCC", "C(C)O"]))


def test_formulas_that_are_none_are_named_and_rdkit_is_silent(capfd):
    with pytest.raises(ValueError, match=r"'xx' \(row 2\), 'C1CC' \(row 3\), '' \(row 4\)"):
        fingerprints(["CC", "xx", "C1CC", ""])
    with pytest.raises(ValueError, match="must not be empty"):
        descriptors([])
    assert capfd.readouterr() == ("", "")


def test_the_task_takes_either_representation_on_either_side(folder):
    task = esol_task(folder)
    assert task.weak_features.shape == (6, 1024) and task.strong_features.shape == (6, 16)
    np.testing.assert_allclose(task.labels, standard(-0.5 * np.arange(6)), atol=ROUNDING)
    assert np.array_equal(esol_task(folder, weak="descriptors").weak_features, task.strong_features)
    with pytest.raises(ValueError, match="strong must be one of"):
        esol_task(folder, strong="graph")


def test_splits_keep_the_published_test_rows_and_cut_the_others(folder):
    splits = esol_splits(folder, share=0.5, rng=np.random.default_rng(0))
    assert tuple(splits) == SPLITS
    for split in splits.values():
        assert split.test.tolist() == [4, 5]
        assert (len(split.weak), len(split.transfer)) == (2, 2)
        assert sorted([*split.weak, *split.transfer]) == [0, 1, 2, 3]
    again = esol_splits(folder, share=0.5, rng=np.random.default_rng(0))
    assert all(np.array_equal(splits[name].weak, again[name].weak) for name in SPLITS)


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[",
        '{"122": 1, "123": 1, "124": 1}',
        json.dumps({name: [[0, 1, 2], [3], [4, 4]] for name in SPLITS}),
        json.dumps({name: [[0, 1, 2, 3], [4, 5]] for name in SPLITS}),
        json.dumps({name: [] for name in SPLITS}),
        json.dumps({name: [[0, 1, 2, 3], [4, 5], []] for name in SPLITS}),
        json.dumps({name: [[0, 1, 2.5], [3], [4, 5]] for name in SPLITS}),
        json.dumps({name: [[[0]], [1, 2, 3], [4, 5]] for name in SPLITS}),
        "[" * 100_000,
    ],
    ids=["empty", "not JSON", "no lists", "a row twice", "two parts", "none", "no test", "fractions", "lists", "deep"],
)
def test_bad_splits_are_named(folder, text):
    (folder / "esol.splits.json").write_text(text)
    with pytest.raises(ValueError, match=r"esol\.splits\.json"):
        esol_splits(folder, rng=np.random.default_rng(0))


def test_a_label_that_is_no_finite_number_is_named_with_its_row(folder):
    for entry in ("", "nan", "inf", "1_0", "x"):
        (folder / "esol.csv.gz").write_bytes(gzip.compress(f"smiles,label\nC,1\nCC,{entry}\n".encode()))
        with pytest.raises(ValueError, match=r"esol\.csv\.gz.*row 2"):
            esol_task(folder)


def test_smiles_that_are_no_strings_are_refused():
    with pytest.raises(TypeError, match="sequence of strings"):
        fingerprints("CCO")
    with pytest.raises(ValueError, match=r"None \(row 1\)"):
        descriptors([None, "C"])  # type: ignore[list-item]


def test_copies_of_a_molecule_are_one_group():
    assert molecule_groups(["OCC", "C", "C(C)O", "CCO ", "N"]).tolist() == [0, 1, 0, 0, 2]


def test_the_published_set_holds_copies_and_some_of_them_straddle_its_test_rows(real_data):
    folder = real_data("molecules/esol.csv.gz").parent
    groups = molecule_groups(read_esol(folder)[0])
    assert (len(groups), groups.max() + 1) == (1128, 1117)
    splits = esol_splits(folder, rng=np.random.default_rng(0))
    seen = [len(np.intersect1d(groups[s.test], groups[np.concatenate([s.weak, s.transfer])])) for s in splits.values()]
    assert sorted(count > 0 for count in seen) == [False, True, True]


def test_published_splits_of_molecules_in_another_order_are_refused(real_data, tmp_path):
    folder = real_data("molecules/esol.csv.gz").parent
    head, *rows = gzip.decompress((folder / "esol.csv.gz").read_bytes()).decode().splitlines()
    (tmp_path / "esol.csv.gz").write_bytes(gzip.compress("\n".join([head, *rows[::-1]]).encode()))
    (tmp_path / "esol.splits.json").write_bytes((folder / "esol.splits.json").read_bytes())
    with pytest.raises(ValueError, match="another order"):
        esol_splits(tmp_path, rng=np.random.default_rng(0))


def test_a_share_that_leaves_nothing_is_refused(folder):
    with pytest.raises(ValueError, match="share"):
        esol_splits(folder, share=0.1, rng=np.random.default_rng(0))


def test_missing_files_are_named(folder, monkeypatch):
    (folder / "esol.splits.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"esol\.splits\.json"):
        esol_splits(folder, rng=np.random.default_rng(0))
    monkeypatch.delenv("W2S_DATA", raising=False)
    with pytest.raises(FileNotFoundError, match="W2S_DATA"):
        esol_task()


def test_the_published_set_is_whole(real_data):
    folder = real_data("molecules/esol.csv.gz").parent
    task = esol_task(folder)
    assert task.size == 1128
    splits = esol_splits(folder, rng=np.random.default_rng(0))
    assert [len(split.test) for split in splits.values()] == [113] * 3
    # Solubility falls as a molecule grows greasier: the sign that every chemist knows.
    assert np.corrcoef(task.strong_features[:, DESCRIPTORS.index("MolLogP")], task.labels)[0, 1] < -0.7
