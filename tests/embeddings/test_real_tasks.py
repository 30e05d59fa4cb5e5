"""The named tasks: read from a folder, with their repeated rows and templates found, and errors that name the file."""

from __future__ import annotations

import csv
import gzip
import json

import numpy as np
import pytest

from w2s_theory.embeddings.real_tasks import REAL_TASKS, distinct_rows, duplicates, text_groups, text_task
from w2s_theory.embeddings.texts import TextTask


def write(folder, name, columns, rows):
    with gzip.open(folder / f"{name}.csv.gz", "wt", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)


def task(texts, labels=None, texts2=None, name="own"):
    labels = np.arange(len(texts), dtype=float) if labels is None else np.asarray(labels, dtype=float)
    return TextTask(name=name, texts=tuple(texts), labels=labels, kind="regression", texts2=texts2)


def test_a_task_is_read_in_order_and_a_row_without_text_is_left_out(tmp_path):
    rows = [["good day", 3.5, 1, 2], ["  ", 9, 9, 9], ["bad, day", 1.0, 3, 4], ["None", 2, 5, 6]]
    write(tmp_path, "emobank", ["text", "label", "arousal", "dominance"], rows)
    found = text_task("emobank", tmp_path)
    assert found.texts == ("good day", "bad, day", "None")
    assert found.labels.tolist() == [3.5, 1.0, 2.0]
    assert (found.kind, found.teacher, found.texts2) == ("regression", None, None)
    assert text_task("emobank:dominance", tmp_path).labels.tolist() == [2.0, 4.0, 6.0]


def test_pairs_and_an_outside_teacher_are_read(tmp_path):
    write(tmp_path, "stsb_en", ["text", "text2", "label"], [["a b", "a c", 5], ["d", "e", 0.2]])
    assert text_task("stsb_en", tmp_path).texts2 == ("a c", "e")
    write(tmp_path, "lexglue_tos_gpt35", ["text", "label", "gpt35"], [["x", 0, 1], ["y", 1, 1]])
    found = text_task("lexglue_tos_gpt35", tmp_path)
    assert found.teacher is not None and found.teacher.tolist() == [1.0, 1.0]
    assert (found.kind, found.labels.tolist()) == ("classes", [0.0, 1.0])


@pytest.mark.parametrize("name", ["imdb", "emobank:label", "sst2:arousal", ""])
def test_an_unknown_name_is_refused_with_those_that_are_known(tmp_path, name):
    with pytest.raises(ValueError, match="emobank:arousal"):
        text_task(name, tmp_path)


def test_bad_files_are_named(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"sst2\.csv\.gz"):
        text_task("sst2", tmp_path)
    write(tmp_path, "sst2", ["text", "label"], [["a", "1"], ["b", "one"]])
    with pytest.raises(ValueError, match=r"sst2\.csv\.gz.*'label' must hold a finite number.*row 2 holds 'one'"):
        text_task("sst2", tmp_path)
    write(tmp_path, "sst2", ["text", "label"], [["a", "0"], ["b", "0.5"]])
    with pytest.raises(ValueError, match=r"sst2\.csv\.gz does not hold the task"):
        text_task("sst2", tmp_path)
    monkeypatch.delenv("W2S_DATA", raising=False)
    with pytest.raises(FileNotFoundError, match="W2S_DATA"):
        text_task("sst2")
    monkeypatch.setenv("W2S_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="is no folder"):
        text_task("sst2")


def test_texts_that_agree_up_to_case_and_space_are_one_group():
    made = task(["One dog", "a cat", "one  DOG ", "a cat.", "a cat"], [1, 2, 3, 4, 2])
    assert text_groups(made).tolist() == [0, 1, 0, 2, 1]
    assert distinct_rows(made).tolist() == [0, 1, 3]
    assert duplicates(made) == (4, 2, 1)


def test_a_pair_is_repeated_only_when_both_of_its_texts_are():
    made = task(["a", "a", "A", "b c"], texts2=("x", "y", "x", "x"))
    assert distinct_rows(made).tolist() == [0, 1, 3]
    apart = task(["a b", "a"], texts2=("c", "b c"))
    assert len(distinct_rows(apart)) == 2


def test_neighbours_of_one_template_are_one_group_in_a_task_of_templates_alone():
    texts = [
        "I like big dogs",
        "I like small cats",
        "I like birds",
        "Never ever feed the ducks today",
        "Trees are green",
        "Cars are green",
    ]
    assert text_groups(task(texts, name="hatecheck")).tolist() == [0, 0, 0, 1, 2, 2]
    assert text_groups(task(texts)).tolist() == list(range(6))


def test_offending_texts_are_announced():
    assert {name for name, each in REAL_TASKS.items() if "offensive" in each.about} == {"openai_moderation", "hatecheck"}


@pytest.mark.parametrize("name", REAL_TASKS)
def test_the_real_files_hold_what_their_list_says(real_data, name):
    path = real_data(f"text/{name}.csv.gz")
    found = text_task(name, path.parent)
    listed = {each["name"]: each for each in json.loads(real_data("manifest.json").read_text())}[name]
    assert listed["rows"] - len(found) == (name == "emobank")
    assert (found.kind == "regression") == listed["kind"].startswith("regression")
    assert (found.texts2 is not None) == (name == "stsb_en")
    assert found.kind == "regression" or sorted(set(found.labels)) == list(range(len(found.classes)))
    assert len(distinct_rows(found)) == len(found) - duplicates(found).rows + duplicates(found).texts
    assert 0.9 * len(found) < len(distinct_rows(found)) <= len(found)


def test_hatecheck_is_mostly_templates_filled_with_seven_groups_of_people(real_data):
    sizes = np.bincount(text_groups(text_task("hatecheck", real_data("text/hatecheck.csv.gz").parent)))
    assert np.sum(sizes[sizes == 7]) > 2500
    assert sizes.max() < 30


def test_the_outside_teacher_is_poor(real_data):
    found = text_task("lexglue_tos_gpt35", real_data("text/lexglue_tos_gpt35.csv.gz").parent)
    assert found.teacher is not None
    right = np.mean(found.teacher == found.labels)
    assert right < np.mean(found.labels == 0)  # worse than saying "fair" to everything


def test_a_teacher_that_gave_no_answer_has_nan_and_a_label_that_is_missing_is_named(tmp_path):
    path = tmp_path / "lexglue_tos_gpt35.csv.gz"
    path.write_bytes(gzip.compress(b"text,label,gpt35\na clause,0,1\nanother,1,\nthe third,1,0\n"))
    found = text_task("lexglue_tos_gpt35", tmp_path).teacher
    assert found is not None and np.array_equal(found, [1.0, np.nan, 0.0], equal_nan=True)
    path.write_bytes(gzip.compress(b"text,label,gpt35\na clause,0,1\nanother,,1\n"))
    with pytest.raises(ValueError, match="'label' must hold a finite number in every row; row 2 is empty"):
        text_task("lexglue_tos_gpt35", tmp_path)
