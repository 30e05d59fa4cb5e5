"""Tables of texts: the same task from every kind of file, and errors that say the file, the column and the row."""

from __future__ import annotations

import csv
import gzip
import json

import numpy as np
import pytest

from w2s_theory.embeddings import tables
from w2s_theory.embeddings.texts import TextTask, read_columns, read_task

ROWS = [
    {"text": "an apple, red", "second": "a pear", "label": "fruit", "score": 4.5, "teacher": "fruit"},
    {"text": 'a "shed"\nof wood', "second": "a barn", "label": "building", "score": -1.0, "teacher": ""},
    {"text": "ein Häuschen", "second": "ein Haus", "label": "building", "score": 2.25, "teacher": "fruit"},
    {"text": "x" * 200_000, "second": "y", "label": "other", "score": 0.0, "teacher": "other"},
]


def write(path, rows=ROWS):
    """The rows as what the name of the file says."""
    if path.name.endswith(".parquet"):
        import pyarrow
        import pyarrow.parquet

        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    else:
        opened = gzip.open if path.suffix == ".gz" else open
        with opened(path, "wt", encoding="utf-8", newline="") as file:
            if ".jsonl" in path.name:
                file.writelines(json.dumps(row) + "\n" for row in rows)
            else:
                table = csv.DictWriter(file, list(rows[0]))
                table.writeheader()
                table.writerows(rows)
    return path


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.jsonl", "t.jsonl.gz", "t.parquet"])
def test_every_kind_of_file_gives_the_same_task(tmp_path, name):
    task = read_task(write(tmp_path / name), text="text", text2="second", label="label", teacher="teacher")
    assert (task.name, task.kind, task.classes, len(task)) == ("t", "classes", ("building", "fruit", "other"), 4)
    assert task.texts == tuple(row["text"] for row in ROWS)
    assert task.texts2 == tuple(row["second"] for row in ROWS)
    assert task.teacher is not None
    np.testing.assert_array_equal(task.labels, [1, 0, 0, 2])
    np.testing.assert_array_equal(task.teacher, [1, np.nan, 1, 2])
    numbers = read_task(tmp_path / name, text="text", label="score", teacher="score")
    assert (numbers.kind, numbers.classes) == ("regression", ())
    np.testing.assert_array_equal(numbers.labels, [4.5, -1.0, 2.25, 0.0])
    assert not numbers.labels.flags.writeable


def test_columns_are_numbers_where_the_file_has_numbers_and_strings_otherwise(tmp_path):
    rows = [{"a": 1, "b": True, "c": None, "d": "x"}, {"a": 2, "b": False, "c": 0.5, "d": None}]
    for name in ("t.jsonl", "t.parquet"):
        found = read_columns(write(tmp_path / name, rows), ["d", "c", "b", "a"])
        assert list(found) == ["d", "c", "b", "a"]
        np.testing.assert_array_equal(found["a"], [1.0, 2.0])
        np.testing.assert_array_equal(found["b"], [1.0, 0.0])
        np.testing.assert_array_equal(found["c"], [np.nan, 0.5])
        assert found["d"].tolist() == ["x", None]
    assert read_columns(write(tmp_path / "t.csv", rows), ["a", "c"])["c"].tolist() == ["", "0.5"]


def test_a_byte_order_mark_and_blank_lines_at_the_end_do_no_harm(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"\xef\xbb\xbftext,label\r\na,1\r\nb,2\r\n\r\n\r\n")
    assert read_columns(tmp_path / "t.csv", ["text"])["text"].tolist() == ["a", "b"]


def test_the_limit_of_a_csv_field_is_left_as_it_was(tmp_path):
    before = csv.field_size_limit()
    read_columns(write(tmp_path / "t.csv"), ["text"])
    assert csv.field_size_limit() == before


# ---- labels -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("labels", "kind", "classes"),
    [
        (["yes", "no", "yes"], "classes", ("no", "yes")),
        (["2", "10", "1"], "classes", ("1", "2", "10")),
        (["1.0", "0", "1"], "classes", ("0", "1")),
        (["1", "2.5", "3"], "regression", ()),
        (["-1e3", "0.25", "2"], "regression", ()),
    ],
)
def test_a_clear_kind_is_taken_and_classes_are_sorted(tmp_path, labels, kind, classes):
    path = write(tmp_path / "t.csv", [{"text": "t", "label": label} for label in labels])
    task = read_task(path, text="text", label="label")
    assert (task.kind, task.classes) == (kind, classes)
    if kind == "classes":
        assert [float(classes[int(k)]) if labels[0] != "yes" else classes[int(k)] for k in task.labels] == [
            float(label) if labels[0] != "yes" else label for label in labels
        ]


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["007", "7", "x", "y"], ("007", "7", "x", "y")),
        (["1E5", "100000", "x"], ("100000", "1E5", "x")),
        (["1_2", "12", "1_2"], ("12", "1_2")),
        (["9007199254740993", "9007199254740992", "1"], ("1", "9007199254740992", "9007199254740993")),
        (["1.0", "1", "02", "2"], ("1", "2")),
    ],
    ids=["leading zeros", "codes with an E", "underscores", "beyond 2 ** 53", "numbers only"],
)
def test_classes_of_different_spelling_are_one_only_where_all_are_numbers(tmp_path, labels, classes):
    rows = [{"text": "t", "label": label, "teacher": label} for label in labels]
    task = read_task(write(tmp_path / "t.csv", rows), text="text", label="label", kind="classes", teacher="teacher")
    assert task.classes == classes
    assert task.teacher is not None
    np.testing.assert_array_equal(task.teacher, task.labels)


@pytest.mark.parametrize("name", ["t.jsonl", "t.parquet"])
def test_whole_numbers_that_float64_would_merge_stay_different_classes(tmp_path, name):
    labels = [2**53 + 1, 2**53, 7, 2**53 + 1]
    path = write(tmp_path / name, [{"text": "t", "label": label, "few": k} for k, label in enumerate(labels)])
    task = read_task(path, text="text", label="label")
    assert task.classes == ("7", str(2**53), str(2**53 + 1))
    np.testing.assert_array_equal(task.labels, [2, 1, 0, 2])
    assert read_columns(path, ["few"])["few"].dtype == np.float64


def test_many_numbers_that_float64_would_merge_are_counted_as_many(tmp_path):
    path = write(tmp_path / "t.csv", [{"text": "t", "label": 2**60 + k} for k in range(11)])
    with pytest.raises(ValueError, match="11 different whole numbers"):
        read_task(path, text="text", label="label")


def test_many_whole_numbers_have_to_be_given_a_kind(tmp_path):
    path = write(tmp_path / "t.csv", [{"text": "t", "label": k} for k in range(11)])
    with pytest.raises(ValueError, match=r"11 different whole numbers.*Say kind="):
        read_task(path, text="text", label="label")
    assert len(read_task(path, text="text", label="label", kind="classes").classes) == 11
    assert read_task(path, text="text", label="label", kind="regression").classes == ()


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        ([("a", "1"), ("b", "x"), ("c", "2")], {}, r"'label' holds numbers, but row 2 holds 'x'"),
        ([("a", "1"), ("b", "x"), ("c", "2")], {"kind": "regression"}, r"'label' must hold a finite number.*row 2 holds 'x'"),
        ([("a", "1.5"), ("b", "inf")], {"kind": "regression"}, r"row 2 holds 'inf'"),
        ([("a", "2.5"), ("b", "1_5")], {"kind": "regression"}, r"row 2 holds '1_5'"),
        ([("a", "1.5"), ("b", "nan")], {"kind": "regression"}, r"row 2 is empty"),
        ([("a", "1.5"), ("b", "")], {}, r"row 2 is empty"),
        ([("a", "yes"), ("b", ""), ("c", "no")], {}, r"'label' must have a label in every row; row 2 has none"),
        ([("a", "yes"), (" ", "no")], {}, r"'text' must have a text in every row; row 2 is empty"),
        ([("a", "yes"), ("b", "yes")], {}, r"needs two classes or more; its labels hold yes"),
        ([("a", "yes"), ("b", "no")], {"kind": "ranks"}, r"kind must be"),
        (
            [("a", "yes"), ("b", "no")],
            {"teacher": "text"},
            r"'text' must hold classes of the labels \(no, yes\); row 1 holds 'a'",
        ),
    ],
)
def test_a_bad_label_or_text_is_named(tmp_path, rows, options, message):
    path = write(tmp_path / "t.csv", [{"text": text, "label": label} for text, label in rows])
    with pytest.raises(ValueError, match=message):
        read_task(path, text="text", label="label", **options)


def test_a_number_that_is_too_large_is_named_with_its_row(tmp_path):
    (tmp_path / "t.jsonl").write_text('{"text": "a", "label": 1.5}\n{"text": "b", "label": 1' + "0" * 400 + "}\n")
    with pytest.raises(
        ValueError, match=r"t\.jsonl: the column 'label' must hold a finite number in every row; row 2 holds 1000"
    ):
        read_task(tmp_path / "t.jsonl", text="text", label="label", kind="regression")


def test_half_a_surrogate_pair_is_no_text(tmp_path):
    (tmp_path / "t.jsonl").write_text('{"text": "a", "label": 0}\n{"text": "b\\ud800", "label": 1}\n')
    with pytest.raises(ValueError, match=r"t\.jsonl: the column 'text' must be Unicode; row 2 is not"):
        read_task(tmp_path / "t.jsonl", text="text", label="label")


def test_a_column_of_numbers_is_no_column_of_texts(tmp_path):
    with pytest.raises(TypeError, match=r"'score' must hold texts; row 1 holds 4\.5"):
        read_task(write(tmp_path / "t.parquet"), text="score", label="label")


# ---- damaged files ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", b"", "must begin with a line of column names; it is empty"),
        ("t.csv", b"text,label\n", "must have at least one row"),
        ("t.csv", b"texts,label\na,1\n", r"no column 'text' \(close: 'texts'\); its columns are 'texts', 'label'"),
        ("t.csv", b"text,label,text\na,1,b\n", "must have each column once; it has 'text' 2 times"),
        ("t.csv", b"text,label\na,1\nb\n", "must have 2 entries in every row.*line 3 has 1"),
        ("t.csv", b"text,label\na,1\nb, c,2\n", "line 3 has 3"),
        ("t.csv", b"text,label\na,1\n\nb,2\n", "line 3 has 0"),
        ("t.csv", b'text,label\na,1\n"b, and then', "not CSV at line 3"),
        ("t.csv", "text,label\ncaf\u00e9,1\n".encode("latin-1"), "must be UTF-8; the byte 0xe9"),
        ("t.csv", "text,label\na,1\n".encode("utf-16"), "must be UTF-8; the byte 0xff"),
        ("t.csv.gz", b"text,label\na,1\n", "damaged or cut off"),
        ("t.csv.gz", gzip.compress(b"text,label\n" + b"a,1\n" * 999)[:-9], "damaged or cut off"),
        ("t.jsonl", b"", "must have at least one row"),
        ("t.jsonl", b'{"text": "a"}\n{"text": "b', "line 2, is not JSON"),
        ("t.jsonl", b'{"text": "a"}\n["b"]\n', "line 2, must be an object"),
        ("t.jsonl", b'{"text": "a"}\n[["b", 1]]\n', "line 2, must be an object"),
        ("t.jsonl", b'{"text": "a"}\n{"test": "b"}\n', r"line 2, has no column 'text' \(close: 'test'\)"),
        ("t.jsonl", b'{"text": "a", "text": "b"}\n', "line 1, must have each column once"),
        ("t.jsonl", b'{"text": ["a"]}\n', "holds a list or an object"),
        ("t.jsonl", b'{"text": {"a": 1}}\n', "holds a list or an object"),
        ("t.jsonl", b'{"text": "a"}\n{"text": ' + b"9" * 5000 + b"}\n", "line 2, is not JSON that can be read"),
        ("t.jsonl", b'{"text": "a"}\n{"text": ' + b"[" * 200_000, "line 2, is not JSON that can be read"),
        ("t.parquet", b"PAR1 but not really", "damaged or not a Parquet file"),
        ("t.parquet", b"", "damaged or not a Parquet file"),
        ("t.xlsx", b"", r"must end in \.csv, \.csv\.gz"),
    ],
)
def test_a_damaged_file_is_refused_with_the_place(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        read_columns(tmp_path / name, ["text"])
    assert str(tmp_path / name) in str(caught.value)


def test_a_parquet_file_that_is_cut_off_or_nested_is_refused(tmp_path):
    path = write(tmp_path / "t.parquet")
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(ValueError, match="damaged or not a Parquet file"):
        read_columns(path, ["text"])
    with pytest.raises(ValueError, match="'text' must hold texts or numbers; row 1 holds a list"):
        read_columns(write(tmp_path / "u.parquet", [{"text": ["a"]}]), ["text"])


def test_parquet_texts_that_are_not_utf8_are_named_with_their_row(tmp_path):
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    ends = np.array([0, 1, 3], dtype=np.int32)
    texts = pyarrow.Array.from_buffers(pyarrow.string(), 2, [None, pyarrow.py_buffer(ends), pyarrow.py_buffer(b"a\xff\xfe")])
    parquet.write_table(pyarrow.table({"text": texts}), tmp_path / "t.parquet")
    with pytest.raises(ValueError, match=r"t\.parquet: the column 'text' must hold texts.*row 2 can't be read.*0xff"):
        read_columns(tmp_path / "t.parquet", ["text"])


def test_files_that_are_not_there_and_folders_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="is not there"):
        read_columns(tmp_path / "t.csv", ["text"])
    with pytest.raises(ValueError, match=r"is a folder.*hub:"):
        read_columns(tmp_path, ["text"])
    with pytest.raises(ValueError, match="at least one column"):
        read_columns(tmp_path / "t.csv", [])
    with pytest.raises(TypeError, match="it is the string 'text'"):
        read_columns(tmp_path / "t.csv", "text")


# ---- the hub ------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def hub_folder(tmp_path, monkeypatch):
    """A local data set: a split of two that are named, with a label whose classes have names, in the files that the hub keeps."""
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "set"
    (folder / "data").mkdir(parents=True)
    features = datasets.Features(
        {
            "text": datasets.Value("string"),
            "label": datasets.ClassLabel(names=["tree", "bird"]),
            "score": datasets.Value("float64"),
        }
    )
    for split, texts in (("train", ["ash", "wren", "elm"]), ("test", ["owl", "fir"])):
        rows = {"text": texts, "label": [int(t in ("wren", "owl")) for t in texts], "score": [len(t) / 2 for t in texts]}
        datasets.Dataset.from_dict(rows, features=features).to_parquet(str(folder / "data" / f"{split}-00000-of-00001.parquet"))
    return folder


def test_a_data_set_is_read_by_name_and_its_classes_keep_their_names(hub_folder):
    task = read_task(f"hub:{hub_folder}::train", text="text", label="label", name="wood")
    assert (task.name, task.texts, task.classes) == ("wood", ("ash", "wren", "elm"), ("bird", "tree"))
    np.testing.assert_array_equal(task.labels, [1, 0, 1])
    np.testing.assert_array_equal(read_columns(f"hub:{hub_folder}:default:test", ["score"])["score"], [1.5, 1.5])
    np.testing.assert_array_equal(read_columns(f"hub:{hub_folder}::train[1:]", ["score"])["score"], [2.0, 1.5])


def test_a_data_set_whose_split_column_or_name_is_unclear_is_refused(hub_folder):
    with pytest.raises(ValueError, match=r"has the splits train, test. Name one: hub:"):
        read_columns(f"hub:{hub_folder}", ["text"])
    with pytest.raises(ValueError, match=r"no column 'txt' \(close: 'text'\)"):
        read_columns(f"hub:{hub_folder}::train", ["txt"])
    with pytest.raises(ValueError, match="could not be read"):
        read_columns(f"hub:{hub_folder}::valid", ["text"])
    with pytest.raises(ValueError, match="must name a data set"):
        read_columns("hub:", ["text"])


def test_labels_that_are_kept_secret_are_missing(hub_folder):
    datasets = pytest.importorskip("datasets")
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["tree", "bird"])})
    rows = datasets.Dataset.from_dict({"text": ["ash", "owl", "elm"], "label": [0, -1, 1]}, features=features)
    folder = hub_folder.parent / "secret"
    folder.mkdir()
    rows.to_parquet(str(folder / "train.parquet"))
    assert read_columns(f"hub:{folder}", ["label"])["label"].tolist() == ["tree", None, "bird"]
    with pytest.raises(ValueError, match="'label' must have a label in every row; row 2 has none"):
        read_task(f"hub:{folder}", text="text", label="label")


@pytest.mark.parametrize("folder", ["ab@c/set", "C:/set", "C:@b/a:b"])
def test_a_local_folder_keeps_the_colons_and_ats_of_its_name(hub_folder, tmp_path, monkeypatch, folder):
    chosen = tmp_path / "moved" / folder
    chosen.parent.mkdir(parents=True)
    hub_folder.rename(chosen)
    assert read_columns(f"hub:{chosen}::test", ["text"])["text"].tolist() == ["owl", "fir"]
    assert read_columns(f"hub:{chosen}:default:train[1:]", ["text"])["text"].tolist() == ["wren", "elm"]
    monkeypatch.chdir(tmp_path / "moved")
    with pytest.raises(ValueError, match="has the splits train, test"):
        read_columns(f"hub:{folder}", ["text"])


@pytest.mark.parametrize("name", ["csv", "json", "pandas", "csv@main", "parquet::train"])
def test_the_readers_of_the_package_are_no_data_sets_and_read_nothing_of_the_current_folder(hub_folder, monkeypatch, name):
    (hub_folder.parent / "here").mkdir()
    monkeypatch.chdir(hub_folder.parent / "here")
    (hub_folder.parent / "here" / "t.csv").write_text("text\na\n")
    with pytest.raises(ValueError, match=f"hub:{name} must name a data set; .* is a reader of files"):
        read_columns(f"hub:{name}", ["text"])


def test_the_code_of_a_data_set_is_not_run(hub_folder, tmp_path):
    for path in (hub_folder / "data").iterdir():
        path.unlink()
    ran = tmp_path / "ran"
    (hub_folder / "set.py").write_text(f"open({str(ran)!r}, 'w').close()\n")
    with pytest.raises(ValueError, match="could not be read"):
        read_columns(f"hub:{hub_folder}", ["text"])
    assert not ran.exists()


def test_a_missing_package_is_named_with_its_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(tables.sys.modules, "datasets", None)
    with pytest.raises(ImportError, match="hub"):
        read_columns("hub:x", ["text"])
    monkeypatch.setitem(tables.sys.modules, "pyarrow", None)
    (tmp_path / "t.parquet").write_bytes(b"")
    with pytest.raises(ImportError, match="pyarrow"):
        read_columns(tmp_path / "t.parquet", ["text"])


# ---- the task -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": [0.0, 1.0, 1.0]}, "texts must have one entry per label, 3; it has 2"),
        ({"labels": [0.0, np.nan]}, "labels must be finite"),
        ({"labels": [0.0, 0.5]}, "class indices from 0 to 0; one is 0.5|two classes"),
        ({"labels": [0.0, -1.0]}, "two classes"),
        ({"labels": [0.0, 2.0], "classes": ("a", "b")}, "from 0 to 1; one is 2"),
        ({"labels": [0.0, 0.0]}, "needs two classes"),
        ({"texts2": ("a",)}, "texts2 must have one entry per label"),
        ({"texts2": ("a", "")}, "texts2 must have a text in every row; row 2"),
        ({"teacher": [0.0]}, "teacher must be finite or NaN"),
        ({"teacher": [0.0, np.inf]}, "teacher must be finite or NaN"),
        ({"teacher": [0.0, 2.0]}, "teacher must be class indices from 0 to 1"),
        ({"kind": "regression", "classes": ("a", "b")}, "classes belong to a task of classes"),
        ({"kind": "other"}, "kind must be"),
    ],
)
def test_a_task_that_does_not_fit_together_is_refused(change, message):
    parts = {"name": "t", "texts": ("a", "b"), "labels": [0.0, 1.0], "kind": "classes"}
    with pytest.raises(ValueError, match=message):
        TextTask(**(parts | change))
    assert TextTask(**parts).classes == ("0", "1")
