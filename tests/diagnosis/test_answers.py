"""Answers from arrays and from CSV: what they are taken for, and what is refused."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from tests.diagnosis.pools import write_csv
from tests.tolerances import ROUNDING
from w2s_theory.diagnosis import answers_of, read_answers, read_supervisors


def test_words_are_classes_and_numbers_that_are_not_whole_a_regression():
    words = answers_of(["spam", "ham", "ham"], ["ham", "ham", "ham"], ["", "ham", None])
    assert (words.kind, words.classes, words.losses) == ("classes", ("ham", "spam"), ("accuracy",))
    assert np.isnan(words.gold[0]) and words.gold[1] == 0 and words.labelled.tolist() == [1]
    numbers = answers_of([0.5, 1.0], [1.0, 2.0], [np.nan, 3.0])
    assert (numbers.kind, numbers.losses) == ("regression", ("squared",))
    assert numbers.gold[1] == 3.0


def test_one_class_has_one_name_however_it_is_written():
    found = answers_of(["1", "0", "1.0"], ["1", " 1 ", "0"], [1, 0.0, -1])
    assert (
        found.classes == ("0", "1") and found.hard("weak").tolist() == [1, 0, 1] and found.hard("student").tolist() == [1, 1, 0]
    )
    assert found.labelled.tolist() == [0, 1]
    assert "taken for classes" in found.notes[0]


def test_minus_one_is_a_class_where_it_is_answered():
    found = answers_of([-1, 1, 1], [1, 1, -1], [-1, 1, 1])
    assert found.classes == ("-1", "1") and found.labelled.size == 3


def test_numbers_of_classes_are_in_order_of_size():
    assert answers_of(["10", "9", "2"], ["2", "9", "10"]).classes == ("2", "9", "10")


def test_probabilities_are_classes_with_three_losses_and_never_zero_in_cross_entropy():
    found = answers_of([[1.0, 0.0], [0.5, 0.5]], [[0.2, 0.8], [0.5, 0.5]], [0, -1])
    assert found.losses == ("accuracy", "cross_entropy", "squared") and found.labelled.tolist() == [0]
    assert found.soft("weak").min() > 0.0 and np.allclose(found.soft("weak").sum(axis=1), 1.0)
    assert "cross-entropy" in found.notes[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((["a", ""], ["a", "b"]), "weak must have an answer at every point; point 2"),
        (([0.5, np.nan], [0.1, 0.2]), "weak must have an answer at every point; point 2"),
        (([0.5, 0.1], [0.1, np.inf]), "student must hold finite numbers; point 2"),
        (([0.5], [0.1, 0.2]), "student must have the shape of weak"),
        (([], []), "weak must hold an answer"),
        ((["a", "b"], ["a", "b"], ["a"]), "gold must have one entry per point"),
        ((["Yes", "no"], ["yes", "no"]), "written in one way; there are 'Yes' and 'yes'"),
        ((list(range(30)), list(range(30))), "30 different whole numbers"),
        (([0.1, 0.2, 0.3, "x"], [0.1, 0.2, 0.3, 0.4]), "nearly all are numbers, but one is 'x'"),
        (([[0.5, 0.6]], [[0.5, 0.5]]), "non-negative and sum to 1"),
        (([[0.5, 0.5]], [[0.5, 0.5]], ["cat"]), "it holds 'cat'"),
    ],
)
def test_what_can_not_be_answers_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        answers_of(*arguments)


def test_a_kind_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="student must hold numbers for a regression; point 1 holds 'a'"):
        answers_of(["1", "2"], ["a", "2"], kind="regression")
    with pytest.raises(ValueError, match="kind must be 'classes' for answers"):
        answers_of([[0.5, 0.5]], [[0.5, 0.5]], kind="regression")
    assert answers_of([1, 2, 3], [1, 2, 3], kind="regression").kind == "regression"


def test_a_gold_label_that_nobody_answers_is_noted():
    assert "'c'" in answers_of(["a", "b", "a"], ["b", "b", "b"], ["c", None, "a"]).notes[0]


@pytest.mark.parametrize("gold", [None, [1, 0, 1], [None, None, 0]])
def test_models_that_share_no_class_are_refused_and_not_called_a_win(gold):
    with pytest.raises(ValueError, match="weak answers 'neg', 'pos', and student answers '0', '1'"):
        answers_of(["pos", "neg", "pos"], [1, 0, 1], gold, kind="classes")
    with pytest.raises(ValueError, match="weak answers '0', '1', and ceiling answers 'neg', 'pos'"):
        answers_of([1, 0, 1], [1, 1, 1], gold, ceiling=["pos", "neg", "pos"], kind="classes")


def test_models_that_never_agree_share_their_classes_when_gold_labels_hold_those_of_both():
    assert answers_of(["a", "a"], ["b", "b"], ["a", "b"]).gold.tolist() == [0.0, 1.0]


def test_gold_labels_in_other_words_are_refused_and_not_called_a_gain_of_zero():
    with pytest.raises(ValueError, match="names that weak and student give them, '0', '1'; it holds 'neg', 'pos'"):
        answers_of([1, 0, 1, 0], [1, 1, 1, 0], ["pos", "neg", None, "pos"])


def test_the_digest_is_of_the_answers_and_not_of_the_gold_labels():
    plain = answers_of(["a", "b"], ["b", "b"]).digest
    assert answers_of(["a", "b"], ["b", "b"], ["c", "a"]).digest == plain, "a further class changes indices, not answers"
    assert answers_of(["a", "b"], ["b", "a"]).digest != plain
    assert answers_of(["b", "b"], ["a", "b"]).digest != plain
    assert answers_of([0.5, 1], [1, 2]).digest != answers_of([0.5, 1], [1, 2.5]).digest


def test_a_csv_gives_the_same_answers_as_its_arrays(tmp_path):
    path = write_csv(tmp_path / "a.csv", text=["x", "y, z"], weak=["a", "b"], student=["b", "b"], gold=["", "b"])
    table = read_answers(path)
    assert table.answers.digest == answers_of(["a", "b"], ["b", "b"]).digest
    assert list(table.others) == ["text"] and table.others["text"].tolist() == ["x", "y, z"]
    packed = tmp_path / "a.csv.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert read_answers(packed).answers.digest == table.answers.digest
    assert read_answers(path, gold={0: "a"}).answers.labelled.size == 2


def test_a_csv_of_probabilities_names_its_classes(tmp_path):
    columns = {"weak_no": [0.5, 1.0], "weak_yes": [0.5, 0.0], "student_yes": [0.25, 0.5], "student_no": [0.75, 0.5]}
    found = read_answers(write_csv(tmp_path / "a.csv", gold=["yes", ""], **columns)).answers
    assert found.classes == ("no", "yes") and found.gold[0] == 1.0
    assert found.student.tolist() == [[0.75, 0.25], [0.5, 0.5]]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"week": ["a"], "student": ["a"]}, "no column 'weak'.*close: 'week'"),
        ({"weak": ["a"], "studnet": ["a"]}, "no column 'student'.*close: 'studnet'"),
        ({"text": ["a"], "weak": ["a"], "strong": ["a"]}, "no column 'student' .close: 'strong'; rename it"),
        (
            {"weak_a": [0.5], "weak_b": [0.5], "student_a": [0.5], "student_c": [0.5]},
            "student must have a column of probabilities",
        ),
        ({"weak_a": [0.5], "weak_b": [0.5], "student": ["a"]}, "student must have a column of probabilities"),
        ({"weak": ["a"], "student": ["b"], "gold": ["a"]}, "the gold label 'a' in row 1, and the draw has 'b'"),
    ],
)
def test_a_csv_that_lacks_something_is_refused_with_its_name(tmp_path, columns, message):
    path = write_csv(tmp_path / "answers.csv", **columns)
    with pytest.raises(ValueError, match=f"answers.csv.*{message}"):
        read_answers(path, gold={0: "b"} if "gold" in columns else None)


def test_files_that_are_no_csv_are_refused(tmp_path):
    for name, content, message in (
        ("a.csv", b"", "must begin with a line of column names"),
        ("b.csv", b"weak,student\n", "at least one row"),
        ("c.csv", b"weak,student\na\n", "entries in every row"),
        ("d.csv", b"weak,student\n\xff\xfe,b\n", "UTF-8"),
        ("e.txt", b"weak,student\na,b\n", "must be a CSV"),
        ("f.csv.gz", b"weak,student\na,b\n", "damaged"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=message):
            read_answers(tmp_path / name)
    with pytest.raises(FileNotFoundError, match="is not there"):
        read_answers(tmp_path / "none.csv")


def test_supervisors_are_pairs_of_columns(tmp_path):
    both, y = ["x", "y"], ["y", "y"]
    path = write_csv(tmp_path / "s.csv", weak_a=both, student_a=y, weak_b=y, student_b=y, gold=y)
    assert [name for name, _ in read_supervisors(path)] == ["a", "b"]
    with pytest.raises(ValueError, match="for each supervisor"):
        read_supervisors(write_csv(tmp_path / "t.csv", weak_a=["x"], student_b=["y"]))


def test_what_stands_for_no_label_is_not_taken_for_a_class():
    for unknown in ("NA", "None", "?", "n/a"):
        with pytest.raises(ValueError, match="gold must be empty where it is not known; point 2 holds"):
            answers_of(["a", "b"], ["b", "b"], ["a", unknown])
    assert answers_of(["none", "b"], ["b", "b"], ["none", "b"]).labelled.size == 2, "a class that models answer is a class"


def test_separators_and_decimals_of_other_countries_are_refused_and_not_misread(tmp_path):
    for content, message in (
        ("weak;student\na;b\n", "commas between its columns"),
        ("weak\tstudent\na\tb\n", "commas between its columns"),
        ('weak,student\n"0,5","0,7"\n', "decimal point; there is '0,[57]'"),
    ):
        (tmp_path / "a.csv").write_text(content)
        with pytest.raises(ValueError, match=message):
            read_answers(tmp_path / "a.csv")


def test_columns_that_say_how_sure_a_model_is_are_not_shown_to_whoever_labels(tmp_path):
    columns = {"text": ["x"], "weak": ["a"], "student": ["a"], "weak_score": [0.9], "student_score": [0.8], "ceiling_x": [1]}
    assert list(read_answers(write_csv(tmp_path / "a.csv", **columns)).others) == ["text"]


def test_gold_labels_are_written_as_they_are_read():
    assert answers_of(["a", "b"], ["b", "b"], ["b", None]).gold_names == {0: "b"}
    assert answers_of([0.5, 1.5], [0.1, 1], [None, 0.1]).gold_names == {1: "0.1"}


def test_probabilities_that_a_file_rounded_are_divided_by_their_sums_and_this_is_said():
    exact = np.array([[1.0, 1.0, 1.0], [2.0, 2.0, 2.0]]) / [[3.0], [6.0]]
    found = answers_of(np.round(exact, 2), exact)
    assert np.allclose(found.weak.sum(axis=1), 1.0, atol=ROUNDING) and "off 1 by up to 0.01" in found.notes[0]
    assert not answers_of(exact, exact).notes
    with pytest.raises(ValueError, match="sum to 1"):
        answers_of(1.02 * exact, exact)
