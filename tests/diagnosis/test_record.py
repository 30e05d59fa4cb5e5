"""Draws of points to label: their chances, their rounds, and the record that makes labels usable later."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.diagnosis.pools import class_pool, fill_in, number_pool, probability_pool
from tests.tolerances import ROUNDING, STANDARD_ERRORS
from w2s_theory.diagnosis import DrawRecord, answers_of, draw_next, read_draw, write_draw
from w2s_theory.diagnosis.record import differs


@pytest.fixture(scope="module")
def classes():
    weak, student, _ = class_pool(60)
    return answers_of(weak, student)


@pytest.fixture(scope="module")
def numbers():
    weak, student, _ = number_pool(50)
    return answers_of(weak, student)


def test_for_accuracy_every_point_of_disagreement_is_as_likely_and_none_comes_twice(classes):
    apart, draws = np.flatnonzero(differs(classes)), 2000
    seen = np.zeros(classes.size)
    for seed in range(draws):
        first = draw_next(classes, 3, rng=np.random.default_rng(seed))
        both = draw_next(classes, 2, earlier=first, rng=np.random.default_rng([seed, 1]))
        assert len(set(both.rows.tolist())) == 5 and both.rows[:3].tolist() == first.rows.tolist()
        seen[both.rows] += 1
    assert not seen[~differs(classes)].any()
    chance = 5 / apart.size
    stderr = np.sqrt(chance * (1 - chance) / draws)
    assert np.max(np.abs(seen[apart] / draws - chance)) < STANDARD_ERRORS * stderr < 0.2 * chance


def test_for_other_losses_chances_are_recorded_and_rounds_are_one_draw_with_replacement(numbers):
    record = draw_next(numbers, 30, rng=np.random.default_rng(0))
    record = draw_next(numbers, 20, earlier=record, rng=np.random.default_rng(1))
    draw = record.draw(numbers)
    assert record.rounds == (30, 20) and draw.how == "replacement" and draw.count == 50
    assert np.allclose(record.probabilities, draw.probabilities[record.rows], rtol=ROUNDING)
    distance = np.abs(numbers.weak - numbers.student)
    large = distance > 0.2 * distance.mean()  # above any floor they are in proportion
    assert np.ptp(draw.probabilities[large] / distance[large]) < 1e-9 * draw.probabilities.max()
    assert record.points.size == np.unique(record.rows).size < 50
    assert record.draw(numbers, 7).rows.tolist() == record.rows[:7].tolist()


def test_a_record_survives_json_and_belongs_to_its_answers(classes, numbers):
    for answers in (classes, numbers):
        record = draw_next(answers, 5, rng=np.random.default_rng(0))
        again = DrawRecord.from_plain(json.loads(json.dumps(record.plain())))
        again.check(answers)
        assert again.rows.tolist() == record.rows.tolist() and again.rounds == record.rounds
    weak, student, gold = number_pool(50)
    draw_next(numbers, 5, rng=np.random.default_rng(0)).check(answers_of(weak, student, gold))
    student[3] += 1e-9
    with pytest.raises(ValueError, match="not those that the points were drawn from"):
        draw_next(numbers, 5, rng=np.random.default_rng(0)).check(answers_of(weak, student))


@pytest.mark.parametrize("loss", ["accuracy", "cross_entropy", "squared"])
def test_probabilities_of_classes_can_be_drawn_for_each_loss(loss):
    weak, student, _ = probability_pool(80)
    answers = answers_of(weak, student)
    record = draw_next(answers, 10, loss=loss, rng=np.random.default_rng(0))
    record.check(answers)
    assert record.loss == loss and record.probabilities.min() > 0.0


def test_a_record_that_was_changed_is_refused(numbers):
    plain = draw_next(numbers, 5, rng=np.random.default_rng(0)).plain()
    other = next(row for row in range(50) if row not in plain["rows"])
    with pytest.raises(ValueError, match="probabilities in the record"):
        DrawRecord.from_plain(plain | {"rows": [other, *plain["rows"][1:]]}).check(numbers)
    for change, message in (
        ({"format": "other"}, "format"),
        ({"rows": plain["rows"][:-1]}, "do not belong together"),
        ({"rounds": [4]}, "do not belong together"),
        ({"points": 1}, "do not belong together"),
        ({"rows": ["a"]}, "damaged"),
        ({"probabilities": None}, "damaged|belong"),
        ({"kind": "numbers"}, "damaged"),
        ({"loss": "accuracy", "rows": [plain["rows"][0]] * 5}, "do not belong together"),
    ):
        with pytest.raises(ValueError, match=message):
            DrawRecord.from_plain(plain | change)
    with pytest.raises(ValueError, match="format"):
        DrawRecord.from_plain([])


def test_there_is_nothing_to_draw_where_all_agree_or_all_are_drawn(classes):
    same = answers_of(["a", "b", "a"], ["a", "b", "a"])
    with pytest.raises(ValueError, match="exactly 0, and no label is needed"):
        draw_next(same, 1, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="exactly 0"):
        draw_next(answers_of([0.5, 1.5], [0.5, 1.5]), 1, rng=np.random.default_rng(0))
    everything = draw_next(classes, 1000, rng=np.random.default_rng(0))
    assert sorted(everything.rows.tolist()) == np.flatnonzero(differs(classes)).tolist()
    with pytest.raises(ValueError, match="were drawn already"):
        draw_next(classes, 1, earlier=everything, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="loss must be one of accuracy"):
        draw_next(classes, 1, loss="squared", rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="that of the earlier draw"):
        weak, student, _ = probability_pool(30)
        soft = answers_of(weak, student)
        draw_next(soft, 1, loss="squared", earlier=draw_next(soft, 1, rng=np.random.default_rng(0)), rng=np.random.default_rng(0))


def test_a_draw_on_disk_shows_what_a_labeller_needs_and_nothing_that_sways(classes, tmp_path):
    record = draw_next(classes, 4, rng=np.random.default_rng(0))
    others = {"text": np.array([f"text {i}" for i in range(60)], dtype=object), "point": np.arange(60)}
    known = {int(record.rows[2]): "1"}
    path, beside = write_draw(tmp_path / "draw.csv", record, others, known)
    assert path.read_text().splitlines()[0] == "point,gold,probability,text,point (answers)"
    assert f"text {record.rows[0]}" in path.read_text()
    again, labels = read_draw(path)
    assert again.rows.tolist() == record.rows.tolist() and labels == known
    fill_in(path, ["0"] * 60)
    assert read_draw(path)[1] == dict.fromkeys(record.rows.tolist(), "0")
    lines = path.read_text().splitlines()
    for changed, message in (
        (lines[:-1], "must hold all 4 points of the draw; 1 are not there"),
        ([*lines, lines[1]], "each point of the draw once; row 5"),
        ([lines[0], "61,0,1,x,1", *lines[2:]], "each point of the draw once; row 1"),
        ([lines[0], "x,0,1,x,1", *lines[2:]], "row 1 holds 'x'"),
    ):
        path.write_text("\n".join(changed) + "\n")
        with pytest.raises(ValueError, match=message):
            read_draw(path)
    path.write_text("\n".join([lines[0], *lines[:0:-1]]) + "\n")
    assert len(read_draw(path)[1]) == 4, "lines may be sorted"
    beside.write_text("{")
    with pytest.raises(ValueError, match=r"draw\.json"):
        read_draw(path)
    beside.unlink()
    with pytest.raises(FileNotFoundError, match="without the record"):
        read_draw(path)
    with pytest.raises(ValueError, match=r"ends in \.csv"):
        write_draw(tmp_path / "draw.txt", record, {}, {})
