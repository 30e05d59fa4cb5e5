"""The store of features: kept once, resumed after kills, damage named, a full disk survived, nobody else let in."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import pwd
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.embeddings.letters import LAYERS, SHARD, TEXTS, WIDTH, Letters
from w2s_theory.embeddings import files, store
from w2s_theory.embeddings.store import CorruptStore, Embeddings, digest_of_texts, embed

ROOT = Path(__file__).parents[2]


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a store but its lock."""
    return {
        str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "lock"
    }


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """The store of an extraction that nothing interrupted."""
    return embed(TEXTS, Letters(), folder=tmp_path_factory.mktemp("straight"), shard=SHARD)


@pytest.fixture
def made(straight, tmp_path):
    """A copy of it, to be damaged."""
    return Embeddings.open(shutil.copytree(straight.folder, tmp_path / "cache" / straight.folder.name))


def again(made: Embeddings, **options) -> tuple[Embeddings, Letters]:
    letters = Letters()
    return embed(TEXTS, letters, folder=made.folder.parent, shard=SHARD, **options), letters


def test_every_layer_holds_what_the_extractor_returned(made):
    expected = Letters().extract(TEXTS)
    assert (made.layers, made.width, len(made), made.shards) == (LAYERS, WIDTH, len(TEXTS), 10)
    for place, layer in enumerate(LAYERS):
        got = made.layer(layer)
        assert isinstance(got, np.memmap)
        assert got.flags.c_contiguous and not got.flags.writeable
        assert got.dtype == np.float32
        # Shard by shard is how it was computed; BLAS may round products of other sizes otherwise.
        np.testing.assert_allclose(got, expected[:, place], rtol=1e-6)


def test_a_second_call_computes_nothing_and_a_folder_opens_without_an_extractor(made):
    seen = []
    same, letters = again(made, progress=lambda done, total: seen.append((done, total)))
    assert letters.calls == []
    assert seen == [(19, 19)]
    for opened in (same, Embeddings.open(made.folder)):
        assert (opened.folder, opened.layers, opened.width, len(opened)) == (made.folder, made.layers, made.width, len(made))
        np.testing.assert_array_equal(opened.layer(3), made.layer(3))


def test_the_address_is_that_of_the_recipe_computed_by_hand(made):
    texts = hashlib.sha256(b"".join(len(t).to_bytes(8, "little") + t.encode() for t in TEXTS)).hexdigest()
    recipe = '{"extractor":{"kind":"letters","seed":0},"format":1,"layers":[0,1,3],"shard":2,"texts":{"count":19,"sha256":"TEXTS"},"width":6}'
    recipe = recipe.replace("TEXTS", texts)
    assert made.folder.name == hashlib.sha256(recipe.encode()).hexdigest()


@pytest.mark.parametrize(
    ("texts", "seed", "shard"),
    [(TEXTS[:4], 0, 2), (TEXTS[1::-1], 0, 2), ((TEXTS[0], "another"), 0, 2), (TEXTS[:2], 1, 2), (TEXTS[:2], 0, 3)],
    ids=["more texts", "another order", "another text", "another extractor", "another shard size"],
)
def test_whatever_decides_the_bytes_changes_the_address(tmp_path, texts, seed, shard):
    first = embed(TEXTS[:2], Letters(), folder=tmp_path, shard=2)
    assert embed(texts, Letters(seed), folder=tmp_path, shard=shard).folder != first.folder
    assert embed(list(TEXTS[:2]), Letters(), folder=tmp_path, shard=2).folder == first.folder


def test_texts_that_join_to_the_same_string_have_different_digests():
    lists = [["ab", "c"], ["a", "bc"], ["abc"], ["abc", ""], ["", "abc"], ["a", "b", "c"], ["ä"], ["a\u0308"]]
    assert len({digest_of_texts(texts) for texts in lists}) == len(lists)


@pytest.mark.parametrize(
    "key",
    [
        {"a": {10: 1, 9: 2}},
        {1: "a"},
        {"a": np.int64(3)},
        {"a": float("nan")},
        {"a": float("inf")},
        {"a": (1, 2)},
        {"a", "b"},
        "letters",
    ],
    ids=["whole numbers as names", "one as a name", "a NumPy number", "not a number", "infinity", "a tuple", "a set", "a string"],
)
def test_an_extractor_whose_key_is_not_plain_json_is_refused(tmp_path, key):
    letters = Letters()
    letters.key = key
    with pytest.raises(TypeError, match=r"extractor\.key must be a dict of plain JSON; it is"):
        embed(TEXTS, letters, folder=tmp_path)
    assert not list(tmp_path.iterdir())


def test_texts_that_were_cut_off_are_counted_once_and_remembered(tmp_path):
    class Cutting(Letters):
        truncated = 40  # by whatever it did before
        stops = True

        def extract(self, texts):
            if self.stops and texts[0] == TEXTS[6]:
                raise KeyboardInterrupt
            self.truncated += sum(len(text) > 26 for text in texts)
            return super().extract(texts)

    cutting, long = Cutting(), sum(len(text) > 26 for text in TEXTS)
    assert 2 < long < len(TEXTS)
    with pytest.raises(KeyboardInterrupt):
        embed(TEXTS, cutting, folder=tmp_path, shard=SHARD)
    cutting.stops = False
    made = embed(TEXTS, cutting, folder=tmp_path, shard=SHARD)
    assert (
        made.truncated
        == Embeddings.open(made.folder).truncated
        == embed(TEXTS, cutting, folder=tmp_path, shard=SHARD).truncated
        == long
    )
    assert cutting.truncated == 40 + long


def test_an_extractor_that_does_not_count_leaves_none_cut_off(made):
    assert made.truncated == 0


def test_progress_begins_with_what_is_there_and_counts_texts(tmp_path):
    seen = []
    embed(TEXTS[:5], Letters(), folder=tmp_path, shard=2, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(0, 5), (2, 5), (4, 5), (5, 5)]


def test_an_extractor_that_reports_its_batches_is_heard_within_a_shard(tmp_path):
    class Reporting(Letters):
        def extract(self, texts, *, progress=lambda *_: None):
            for done in range(1, len(texts) + 1):
                progress(done, len(texts))
            return super().extract(texts)

    seen = []
    embed(TEXTS[:5], Reporting(), folder=tmp_path, shard=3, progress=lambda done, total: seen.append(done))
    assert seen == [0, 1, 2, 3, 4, 5]


# ---- interruptions ------------------------------------------------------------------------------------------------------------------


def start(folder: Path, log: Path, where: str, shard: int) -> subprocess.Popen:
    """An extraction in a process of its own, that has reached the point where it stalls."""
    command = [sys.executable, "-m", "tests.embeddings.letters", str(folder), str(log), where, str(shard)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "stalled\n"
    return process


def kill(process: subprocess.Popen) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL


def test_after_three_kills_only_the_open_shards_are_computed_again_and_the_bytes_are_the_same(tmp_path, straight):
    log = tmp_path / "log"
    for where, shard in (("model", 2), ("rows", 5), ("entry", 7)):
        kill(start(tmp_path / "killed", log, where, shard))
    letters = Letters(log=log)
    killed = embed(TEXTS, letters, folder=tmp_path / "killed", shard=SHARD)
    assert killed.folder.name == straight.folder.name
    assert contents(killed.folder) == contents(straight.folder)
    calls = log.read_text().splitlines()
    assert [calls.count(TEXTS[shard * SHARD]) for shard in range(10)] == [1, 1, 2, 1, 1, 2, 1, 2, 1, 1]
    assert letters.calls == [TEXTS[shard * SHARD] for shard in (7, 8, 9)]


def test_a_folder_in_use_lets_nobody_else_in_and_is_free_when_its_process_is_killed(tmp_path):
    process = start(tmp_path / "cache", tmp_path / "log", "model", 0)
    with pytest.raises(BlockingIOError, match=rf"process {process.pid} on .* is extracting"):
        embed(TEXTS, Letters(), folder=tmp_path / "cache", shard=SHARD)
    kill(process)
    assert len(embed(TEXTS, Letters(), folder=tmp_path / "cache", shard=SHARD)) == len(TEXTS)


@pytest.mark.parametrize("stop", [KeyboardInterrupt, RuntimeError], ids=lambda stop: stop.__name__)
def test_an_error_in_the_model_leaves_what_was_finished(tmp_path, stop):
    class Stopping(Letters):
        def extract(self, texts):
            if texts[0] == TEXTS[4]:
                raise stop("row 1 of these")
            return super().extract(texts)

    with pytest.raises(stop):
        embed(TEXTS, Stopping(), folder=tmp_path, shard=SHARD)
    with pytest.raises(ValueError, match="holds 2 of 10 shards"):
        Embeddings.open(next(tmp_path.iterdir()))
    letters = Letters()
    embed(TEXTS, letters, folder=tmp_path, shard=SHARD)
    assert letters.calls == list(TEXTS[4::2])


def test_an_error_in_the_model_names_the_row_of_all_texts(tmp_path):
    class Refusing(Letters):
        def extract(self, texts):
            for row, text in enumerate(texts, 1):
                if text in ("b", "bad"):
                    raise ValueError(f"the text in row {row} is refused")
            return super().extract(texts)

    with pytest.raises(ValueError, match="row 2 is refused") as caught:
        embed(["a", "c", "d", "e", "f", "b"], Refusing(), folder=tmp_path, shard=4)
    assert caught.value.__notes__ == [
        "This happened in the shard of rows 5 to 6 of all texts: row 2 of it is row 6 of all texts."
    ]
    with pytest.raises(ValueError, match="row 3 is refused") as caught:
        embed(["a", "c", "bad", "e", "f"], Refusing(), folder=tmp_path, shard=4)
    assert not hasattr(caught.value, "__notes__")


# ---- damage -------------------------------------------------------------------------------------------------------------------------


def place_of(made: Embeddings, layer: int, row: int) -> tuple[Path, int]:
    """The file of a layer and where a row begins in it."""
    path = made.folder / f"layer_{layer}.npy"
    return path, path.stat().st_size - 4 * WIDTH * (len(TEXTS) - row)


def flip_a_bit(made):
    path, place = place_of(made, 1, 7)
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def swap_two_shards(made):
    path, place = place_of(made, 1, 6)
    data, size = path.read_bytes(), SHARD * 4 * WIDTH
    path.write_bytes(data[:place] + data[place + size : place + 2 * size] + data[place : place + size] + data[place + 2 * size :])


def swap_two_entries(made):
    first, second = (made.folder / "shards" / name for name in ("00003.json", "00004.json"))
    one, two = first.read_bytes(), second.read_bytes()
    first.write_bytes(two)
    second.write_bytes(one)


def cut_the_layer(made):
    path, place = place_of(made, 1, 18)
    os.truncate(path, place)


def lengthen_the_layer(made):
    with (made.folder / "layer_1.npy").open("ab") as file:
        file.write(b"\0")


def empty_the_layer(made):
    (made.folder / "layer_1.npy").write_bytes(b"")


def reshape_the_layer(made):
    np.save(made.folder / "layer_1.npy", np.zeros((len(TEXTS) - 1, WIDTH), dtype=np.float32))


def widen_the_layer(made):
    np.save(made.folder / "layer_1.npy", np.array(made.layer(1), dtype=np.float64))


def put_objects_in_the_layer(made):
    np.save(made.folder / "layer_1.npy", np.array([{}, []], dtype=object), allow_pickle=True)


def delete_the_layer(made):
    (made.folder / "layer_1.npy").unlink()


def empty_an_entry(made):
    (made.folder / "shards" / "00003.json").write_text('{"rows": [6, 8], "sha256": []}')


def garble_an_entry(made):
    (made.folder / "shards" / "00003.json").write_text('{"rows": [6, 8]')


def nest_an_entry(made):
    (made.folder / "shards" / "00003.json").write_text("[" * 100_000)


def edit_the_recipe(made):
    path = made.folder / "recipe.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"width": 7}))


def garble_the_recipe(made):
    (made.folder / "recipe.json").write_bytes(b"\xff{")


DAMAGE = [
    (flip_a_bit, r"shard 3 \(rows 7 to 8, counted from 1\) of .*layer_1\.npy", [3]),
    (swap_two_shards, r"shard 3 \(rows 7 to 8, counted from 1\) of .*layer_1\.npy", [3, 4]),
    (swap_two_entries, r"00003\.json must say .rows.: \[6, 8\]; it says \[8, 10\]", [3, 4]),
    (cut_the_layer, r"layer_1\.npy is cut off", range(10)),
    (lengthen_the_layer, r"layer_1\.npy is too long, by 1 bytes", range(10)),
    (empty_the_layer, r"layer_1\.npy is cut off", range(10)),
    (reshape_the_layer, r"layer_1\.npy must hold float32 \(19, 6\); it holds float32 \(18, 6\)", range(10)),
    (widen_the_layer, r"layer_1\.npy must hold float32 \(19, 6\); it holds float64", range(10)),
    (put_objects_in_the_layer, r"layer_1\.npy is cut off or not", range(10)),
    (delete_the_layer, r"layer_1\.npy is missing", range(10)),
    (empty_an_entry, r"00003\.json is not the entry of a shard", [3]),
    (garble_an_entry, r"00003\.json is not the entry of a shard", [3]),
    (nest_an_entry, r"00003\.json is not the entry of a shard", [3]),
    (edit_the_recipe, r"recipe\.json is not the recipe of this folder", []),
    (garble_the_recipe, r"recipe\.json is not JSON", []),
]


@pytest.mark.parametrize(("damage", "named", "shards"), DAMAGE, ids=[damage.__name__ for damage, _, _ in DAMAGE])
def test_damage_is_named_and_repaired_on_request_at_the_cost_of_the_shards_it_is_in(made, damage, named, shards):
    before = contents(made.folder)
    damage(made)
    with pytest.raises(CorruptStore, match=named):
        Embeddings.open(made.folder).verify()
    with pytest.raises(CorruptStore, match="repair=True"):
        again(made)[0].layer(1)
    repaired, letters = again(made, repair=True)
    repaired.verify()
    assert contents(made.folder) == before
    assert letters.calls == [TEXTS[shard * SHARD] for shard in shards]


def test_damage_in_one_layer_does_not_keep_the_others_from_being_read(made):
    flip_a_bit(made)
    opened = Embeddings.open(made.folder)
    assert opened.layer(0).shape == opened.layer(3).shape == (len(TEXTS), WIDTH)
    with pytest.raises(CorruptStore):
        opened.layer(1)


def test_a_shard_whose_entry_was_deleted_does_not_count_and_is_computed_again(made):
    before = contents(made.folder)
    (made.folder / "shards" / "00003.json").unlink()
    with pytest.raises(ValueError, match="holds 9 of 10 shards"):
        Embeddings.open(made.folder)
    with pytest.raises(CorruptStore, match=r"00003\.json is missing"):
        made.layer(3)
    _, letters = again(made)
    assert letters.calls == [TEXTS[6]]
    assert contents(made.folder) == before


def test_a_folder_that_was_renamed_or_is_something_else_is_refused(made, tmp_path):
    with pytest.raises(CorruptStore, match="the folder renamed"):
        Embeddings.open(shutil.copytree(made.folder, tmp_path / "copy"))
    with pytest.raises(FileNotFoundError, match=r"recipe\.json is not there"):
        Embeddings.open(tmp_path)


# ---- the disk -----------------------------------------------------------------------------------------------------------------------


def test_a_disk_without_room_is_noticed_before_the_model_runs_and_leaves_nothing(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    letters = Letters()
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, hard))  # the operating system refuses longer files
    try:
        with pytest.raises(OSError, match=r"no room is left there.*Free some"):
            embed(TEXTS, letters, folder=tmp_path, shard=SHARD)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert letters.calls == []
    assert sorted(contents(next(tmp_path.iterdir()))) == ["recipe.json"]
    embed(TEXTS, letters, folder=tmp_path, shard=SHARD).verify()


@pytest.mark.parametrize("count", [5, 8, 11, 18])
def test_a_disk_that_fills_up_while_writing_costs_the_open_shard_and_no_more(tmp_path, straight, monkeypatch, count):
    flushed, flush = 0, files._flush

    def full(file):
        nonlocal flushed
        flushed += 1
        if flushed >= count:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        flush(file)

    monkeypatch.setattr(files, "_flush", full)
    letters = Letters()
    with pytest.raises(OSError, match=r"no room is left there.*finished stay") as caught:
        embed(TEXTS, letters, folder=tmp_path / "full", shard=SHARD)
    assert caught.value.errno == errno.ENOSPC
    monkeypatch.undo()
    # 4 flushes make the recipe and the layers, 4 a shard: its three layers and its entry.
    finished = (count - 1 - 4) // 4
    assert letters.calls == list(TEXTS[::2][: finished + 1])
    letters = Letters()
    resumed = embed(TEXTS, letters, folder=tmp_path / "full", shard=SHARD)
    assert letters.calls == list(TEXTS[::2][finished:])
    assert contents(resumed.folder) == contents(straight.folder)


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="Choose another folder"):
        embed(TEXTS, Letters(), folder=tmp_path / "file", shard=SHARD)


def test_a_file_system_without_locks_is_not_taken_for_another_process(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(OSError, match=r"the file system has no locks \(.*\)\. Choose a folder on a local disk") as caught:
        embed(TEXTS, Letters(), folder=tmp_path, shard=SHARD)
    assert not isinstance(caught.value, BlockingIOError)
    assert str(tmp_path) in str(caught.value)


# ---- refusals -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda made: made[:-1], r"must return float32 \(2, 3, 6\) for 2 texts; it returned float32 \(1, 3, 6\)"),
        (lambda made: made[:, :2], r"it returned float32 \(2, 2, 6\)"),
        (lambda made: made.astype(np.float64), "it returned float64"),
        (lambda made: np.where(np.arange(3)[:, None] == 1, np.nan, made), r"text in row 1 are not finite in layer 1"),
    ],
    ids=["a row short", "a layer short", "another precision", "not finite"],
)
def test_an_extractor_that_breaks_its_promise_is_refused_and_nothing_counts(tmp_path, change, message):
    class Wrong(Letters):
        def extract(self, texts):
            return change(super().extract(texts)).astype(np.float64 if "float64" in message else np.float32)

    with pytest.raises(ValueError, match=message):
        embed(TEXTS, Wrong(), folder=tmp_path, shard=SHARD)
    assert not list(tmp_path.rglob("00000.json"))


@pytest.mark.parametrize(
    ("texts", "shard", "message"),
    [
        ([], 2, "texts must not be empty"),
        (["a", " "], 2, "row 2 is empty"),
        ("abc", 2, "one string"),
        (["a", 3], 2, "row 2 holds 3"),
        (["a", "\ud800"], 2, "texts must be Unicode; row 2 is not"),
        (["a"], 0, "shard must be"),
    ],
)
def test_bad_arguments_are_refused(tmp_path, texts, shard, message):
    with pytest.raises((ValueError, TypeError), match=message):
        embed(texts, Letters(), folder=tmp_path, shard=shard)


def test_a_layer_that_was_not_extracted_is_refused(made):
    with pytest.raises(ValueError, match="layer must be one of 0, 1, 3; it is 2"):
        made.layer(2)


def test_the_cache_is_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("W2S_CACHE", str(tmp_path / "here"))
    assert embed(["a"], Letters()).folder.parent == tmp_path / "here"
    monkeypatch.delenv("W2S_CACHE")
    assert store.cache_folder() == Path.home() / ".cache" / "w2s_theory"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("W2S_CACHE", "~/there")
    assert store.cache_folder() == tmp_path / "there"


@pytest.mark.parametrize("chosen", ["", "~/there", "~nobody-of-this-name/there"])
def test_without_a_home_folder_the_way_out_is_named(monkeypatch, chosen):
    monkeypatch.setenv("W2S_CACHE", chosen)
    monkeypatch.delenv("HOME")

    def unknown(_):
        raise KeyError("uid not found")

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    with pytest.raises(ValueError, match=r"needs a home folder.*Set W2S_CACHE to a folder, or pass one \(folder=…, --cache\)"):
        embed(["a"], Letters())
