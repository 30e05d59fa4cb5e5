"""``w2s embed``: features of a table's texts on disk, what it prints, its exit codes, and going on after an interruption."""

from __future__ import annotations

import csv
import gzip
import resource
from pathlib import Path

import numpy as np
import pytest

from tests.embeddings.tiny_models import WORDS, save_bert
from w2s_theory import cli
from w2s_theory.embeddings.extraction import Extractor
from w2s_theory.embeddings.files import exclusively
from w2s_theory.embeddings.store import Embeddings

TEXTS = [" ".join(WORDS[k % 7 : k % 7 + 1 + k % 5]) for k in range(11)]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(save_bert(tmp_path_factory.mktemp("bert")))


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "t.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("text", "other"), *zip(TEXTS, TEXTS[::-1], strict=True)])
    return str(path)


@pytest.fixture
def run(capsys, tmp_path, model):
    def call(*arguments, cache="cache"):
        try:
            code = cli.main(["embed", *arguments, "--model", model, "--cache", str(tmp_path / cache), "--shard", "4"])
        except SystemExit as stop:
            code = stop.code
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def stored(out: str) -> list[Embeddings]:
    """The stores whose folders were printed."""
    return [Embeddings.open(line.strip()) for line in out.splitlines() if line.startswith("  ")]


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "lock"
    }


def test_the_features_of_a_table_are_extracted_once(run, table, model, monkeypatch):
    code, out, err = run(table, "--text", "text", "--layers", "0,-1", "--pooling", "first")
    assert code == 0, err
    (store,) = stored(out)
    assert "text: 11 texts, width" in out
    assert "texts of text  [" in err and "11/11  done in" in err
    expected = Extractor(model, layers=(0, -1), pooling="first").extract(TEXTS)
    for place, layer in enumerate(store.layers):
        np.testing.assert_allclose(store.layer(layer), expected[:, place], rtol=1e-4, atol=1e-5)  # other batches, float32
    monkeypatch.setattr(Extractor, "extract", lambda *_, **__: pytest.fail("computed again"))
    code, again, err = run(table, "--text", "text", "--layers", "0,-1", "--pooling", "first")
    assert (code, again) == (0, out)
    assert "11/11" in err and "(11 kept from before)" in err


def test_the_last_layers_are_counted_from_the_end(run, table):
    code, out, err = run(table, "--text", "text", "--layers", "-2,-1")
    assert code == 0, err
    assert [store.layers for store in stored(out)] == [
        store.layers for store in stored(run(table, "--text", "text", "--layers=-2,-1")[1])
    ]
    assert len(stored(out)[0].layers) == 2


def test_texts_that_were_cut_off_are_said_at_every_run(run, table):
    cut = sum(len(text.split()) > 3 for text in TEXTS)  # beside two special tokens
    assert cut
    for _ in range(2):
        code, _, err = run(table, "--text", "text", "--max-tokens", "5")
        assert code == 0
        assert f"text: {cut} texts were longer than the model takes, and were cut off." in err


def test_pairs_have_a_store_for_each_side(run, table):
    code, out, _ = run(table, "--text", "text", "--text2", "other")
    first, second = stored(out)
    assert code == 0
    assert first.folder != second.folder
    np.testing.assert_allclose(first.layer(1), second.layer(1)[::-1], rtol=1e-4, atol=1e-5)


def test_a_real_task_brings_its_columns(run, tmp_path, monkeypatch):
    (tmp_path / "data" / "text").mkdir(parents=True)
    with gzip.open(tmp_path / "data" / "text" / "stsb_en.csv.gz", "wt", newline="") as file:
        csv.writer(file).writerows([("text", "text2", "label"), ("ash", "elm", "1.5"), ("fir", "oak", "0.25"), ("a", "b", "3.5")])
    monkeypatch.setenv("W2S_DATA", str(tmp_path / "data"))
    code, out, err = run("--task", "stsb_en")
    assert code == 0, err
    assert [len(store) for store in stored(out)] == [3, 3]


def test_an_interruption_leaves_what_was_finished_and_the_same_command_goes_on_to_the_same_bytes(run, table, monkeypatch):
    calls, extract = [], Extractor.extract

    def interrupted(self, texts, **options):
        calls.append(len(texts))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return extract(self, texts, **options)

    monkeypatch.setattr(Extractor, "extract", interrupted)
    code, out, err = run(table, "--text", "text")
    assert (code, out) == (130, "")
    assert "the same command goes on from there" in err
    code, out, err = run(table, "--text", "text")
    assert code == 0
    assert "(4 kept from before)" in err
    assert calls == [4, 4, 4, 3]
    _, straight, _ = run(table, "--text", "text", cache="another")
    assert contents(stored(out)[0].folder) == contents(stored(straight)[0].folder)


@pytest.mark.parametrize("place", ["w2s_theory.embeddings.texts.read_columns", "w2s_theory.embeddings.extraction.find_model"])
def test_an_interruption_before_the_first_text_exits_130_without_a_traceback(run, table, monkeypatch, place):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(place, interrupted)
    assert run(table, "--text", "text") == (130, "", "\nw2s embed: interrupted.\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "one of SOURCE and --task"),
        (["TABLE", "--task", "trec", "--text", "text"], "one of SOURCE and --task"),
        (["TABLE"], "--text must name the column"),
        (["--task", "trec", "--text", "text"], "leave out --text"),
        (["--task", "treck"], "name must be one of"),
        (["TABLE", "--text", "txt"], "no column 'txt' (close: 'text')"),
        (["absent.csv", "--text", "text"], "absent.csv is not there"),
        (["TABLE", "--text", "text", "--layers", "first"], "--layers must be"),
        (["TABLE", "--text", "text", "--layers", "9"], "layers must"),
        (["TABLE", "--text", "text", "--device", "abacus"], "abacus"),
        (["TABLE", "--text", "text", "--shard", "0"], "shard must be"),
        (["TABLE", "--text", "text", "--max-tokens", "0"], "max_tokens must be"),
    ],
)
def test_misuse_exits_two_and_says_why(capsys, tmp_path, model, table, arguments, message):
    try:
        chosen = [table if argument == "TABLE" else argument for argument in arguments]
        code = cli.main(["embed", *chosen, "--model", model, "--cache", str(tmp_path / "cache")])
    except SystemExit as stop:
        code = stop.code
    assert code == 2
    assert message in capsys.readouterr().err


def test_a_model_that_is_not_there_exits_two(capsys, table):
    assert cli.main(["embed", table, "--text", "text", "--model", "./no/such/model", "--local-files-only"]) == 2
    assert "no/such/model" in capsys.readouterr().err


def test_damage_exits_two_and_is_repaired_on_request(run, table):
    _, out, _ = run(table, "--text", "text")
    path = stored(out)[0].folder / "layer_1.npy"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    code, _, err = run(table, "--text", "text")
    assert code == 2
    assert "shard 2 (rows 9 to 11, counted from 1)" in err and "--repair" in err
    assert run(table, "--text", "text", "--repair")[0] == 0
    assert path.read_bytes() == whole


def test_a_folder_in_use_exits_two(run, table):
    _, out, _ = run(table, "--text", "text")
    folder = stored(out)[0].folder
    (folder / "shards" / "00000.json").unlink()
    with exclusively(folder):
        code, _, err = run(table, "--text", "text")
    assert code == 2
    assert "is extracting into this folder" in err


def test_a_full_disk_exits_three(run, table):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (700, hard))
    try:
        code, _, err = run(table, "--text", "text")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert code == 3
    assert "no room is left there" in err


@pytest.mark.parametrize(("name", "message"), [("minilm:6", "--model minilm --layers 6"), ("tfidf", "w2s check-embeddings")])
def test_features_of_check_embeddings_are_refused_with_the_way_out(capsys, table, name, message):
    assert cli.main(["embed", table, "--text", "text", "--model", name]) == 2
    assert message in capsys.readouterr().err


def test_help_teaches(capsys):
    with pytest.raises(SystemExit):
        cli.main(["embed", "--help"])
    out = capsys.readouterr().out
    assert "examples:" in out and "130  interrupted" in out
