"""What the experiments on frozen models share: rows, features and reasons."""

from __future__ import annotations

import numpy as np
import pytest

from experiments import _frozen
from tests.embeddings.letters import TEXTS, Letters
from w2s_theory.embeddings.files import exclusively
from w2s_theory.embeddings.store import embed
from w2s_theory.embeddings.texts import TextTask


def test_what_is_missing_is_said(monkeypatch, tmp_path):
    monkeypatch.setitem(_frozen.PACKAGES, "stories", "no_such_package")
    assert _frozen.missing(["sst2"], ["stories"]) == "no_such_package is not installed"
    monkeypatch.delenv("W2S_DATA", raising=False)
    assert "W2S_DATA" in _frozen.missing(["sst2"], ["tf-idf"])
    monkeypatch.setenv("W2S_DATA", str(tmp_path))
    assert _frozen.missing(["emobank:arousal"], ["tf-idf"]) == "W2S_DATA lacks text/emobank.csv.gz"
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "emobank.csv.gz").write_bytes(b"")
    assert _frozen.missing(["emobank:arousal"], ["tf-idf"]) == ""


def test_quick_rows_are_a_part_of_the_full_ones_and_labels_follow(real_data):
    real_data("text/trec.csv.gz")
    quick, full = (_frozen.rows("trec", scale) for scale in ("quick", "full"))
    assert len(quick) == _frozen.QUICK_ROWS and np.all(np.isin(quick, full)) and np.all(np.diff(quick) > 0)
    place = np.searchsorted(full, quick)
    assert np.array_equal(_frozen.labels("trec", scale="quick"), _frozen.labels("trec")[place])
    assert len(np.unique(_frozen.groups("trec", scale="quick"))) == len(quick)
    assert _frozen.teacher("trec") is None


def test_a_molecule_written_twice_is_one_group(real_data):
    pytest.importorskip("rdkit")
    real_data("molecules/esol.csv.gz")
    assert _frozen.groups("esol").max() + 1 == 1117


def test_a_store_that_another_process_fills_is_waited_for(monkeypatch, capsys, tmp_path):
    """The lock is held through another open file, as another process would; it is let go while the second one waits."""
    held = embed(TEXTS, Letters(), folder=tmp_path).folder
    (held / "shards" / "00000.json").unlink()
    lock = exclusively(held)
    lock.__enter__()
    pauses = []

    def pause(seconds):
        pauses.append(seconds)
        if len(pauses) == 2:
            lock.__exit__(None, None, None)

    monkeypatch.setattr(_frozen.time, "sleep", pause)
    monkeypatch.setenv("W2S_CACHE", str(tmp_path))
    task = TextTask("trees", TEXTS, np.arange(float(len(TEXTS))), "regression")
    found = _frozen._stored(task, Letters(), 1)
    assert np.array_equal(found, Letters().extract(TEXTS)[:, 1])
    said = capsys.readouterr().err
    assert len(pauses) == 2 and said.count("waiting for the features of trees") == 1 and str(held) in said


def test_molecules_have_two_representations_and_no_classes(real_data):
    pytest.importorskip("rdkit")
    real_data("molecules/esol.csv.gz")
    task = _frozen.empirical("esol", ("fingerprints", 0), ("descriptors", 0))
    assert task.weak_features.shape == (1128, 1024) and task.strong_features.shape == (1128, 16)
    with pytest.raises(ValueError, match="regression"):
        _frozen.classes("esol", ("fingerprints", 0), ("descriptors", 0))
