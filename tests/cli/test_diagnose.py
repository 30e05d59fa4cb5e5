"""``w2s diagnose``: from a file to the answer and the report, draws that are labelled and used, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.diagnosis.pools import class_pool, fill_in, hidden, number_pool, probability_pool, write_csv
from tests.tolerances import STANDARD_ERRORS
from w2s_theory import cli
from w2s_theory.diagnosis import diagnose
from w2s_theory.quantities.label_efficiency.planner import plan_accuracy, plan_mean
from w2s_theory.quantities.label_efficiency.planner_seeds import plan_seeds, seeds_for_points, variance_components

NAMES = ("ham", "spam")


@pytest.fixture
def run(capsys):
    def call(*words):
        try:
            code = cli.main(["diagnose", *map(str, words)])
        except SystemExit as error:
            code = error.code
        return code, *capsys.readouterr()

    return call


@pytest.fixture
def pool():
    return class_pool(200, names=NAMES)


@pytest.fixture
def answers(tmp_path, pool):
    weak, student, _ = pool
    return write_csv(tmp_path / "answers.csv", text=[f"text {i}" for i in range(200)], weak=weak, student=student)


def test_without_gold_labels_it_says_what_is_possible_and_which_labels_are_needed(run, answers, pool):
    code, out, _ = run(answers)
    apart = int(np.sum(pool[0] != pool[1]))
    assert code == 0 and out.startswith("Not known: ") and f"only at the {apart} of 200 points" in out
    assert "whatever the missing labels are" in out


def test_labels_of_unknown_origin_are_not_taken_for_random_ones(run, tmp_path, pool):
    weak, student, gold = pool
    some = np.where(np.arange(200) < 100, gold, "")
    path = write_csv(tmp_path / "some.csv", weak=weak, student=student, gold=some)
    code, out, _ = run(path)
    assert code == 0 and "how their points were chosen is not known" in out
    assert json.loads(run(path, "--json")[1])["diagnosis"]["answers"][0]["gain"] is None
    code, out, _ = run(path, "--gold-is", "random")
    assert code == 0 and "uniform draw of all points (as stated)" in out
    plain = json.loads(run("--json", path, "--gold-is", "random")[1])
    number = {name: k for k, name in enumerate(NAMES)}
    weak, student, truth = (np.array([number[name] for name in part]) for part in pool)
    direct = diagnose(weak, student, hidden(truth, np.arange(100)), gold_is="random").main.gain
    assert plain["diagnosis"]["answers"][0]["gain"]["low"] == direct.low and plain["verdict"] == "yes"


def test_from_a_file_over_two_rounds_of_labels_to_the_report(run, tmp_path, answers, pool):
    draw, gold = tmp_path / "draw.csv", pool[2]
    code, out, _ = run("next", answers, "--count", 8, "--out", draw, "--seed", 3)
    assert code == 0 and "8 points, with equal chances" in out and "Fill in the column gold" in out
    assert draw.read_text().splitlines()[0] == "point,gold,probability,text"
    code, _, err = run(answers, "--draw", draw)
    assert code == 2 and "8 of the 8 points drawn have no gold label" in err
    fill_in(draw, gold)
    first = draw.read_text().splitlines()[1:]
    assert run(answers, "--draw", draw)[0] == 0
    code, out, _ = run("next", "--count", 12, answers, "--draw", draw, "--out", draw)
    assert code == 0 and "Round 2, for accuracy: 12 points" in out and "read the answer with --sequential" in out
    assert draw.read_text().splitlines()[1:9] == first, "labels that were given are kept"
    fill_in(draw, gold)
    code, out, err = run(answers, "--draw", draw, "--out", tmp_path / "report")
    assert code == 0 and "ask for a sequential one" in out and "20 of the" in out
    report = (tmp_path / "report" / "report.html").read_text()
    assert out.splitlines()[0].replace("'", "&#x27;") in report or out.splitlines()[0] in report
    plain = json.loads((tmp_path / "report" / "report.json").read_text())
    assert plain["result"]["diagnosis"]["answers"][0]["labels"] == 20
    assert set(plain["provenance"]["inputs"]) == {"answers", "draw"}
    assert "wrote" in err
    code, out, _ = run(answers, "--draw", draw, "--sequential")
    assert code == 0 and "confidence sequence" in out and "ask for a sequential" not in out


def test_a_sequential_user_is_told_how_many_more_while_some_labels_are_missing(run, tmp_path, answers, pool):
    draw = tmp_path / "draw.csv"
    run("next", answers, "--count", 10, "--out", draw)
    fill_in(draw, pool[2], until=5)
    code, out, _ = run(answers, "--draw", draw, "--sequential")
    assert code == 0 and "5 of the 10 points drawn have no label yet" in out
    code, out, _ = run("next", answers, "--draw", draw, "--count", 5)
    assert code == 0 and "5 points of the earlier rounds have no label yet" in out and "Nothing was written" in out


def test_answers_that_have_changed_are_refused(run, tmp_path, answers, pool):
    draw = tmp_path / "draw.csv"
    run("next", answers, "--count", 5, "--out", draw)
    fill_in(draw, pool[2])
    weak, student, gold = pool
    student = student.copy()
    student[0] = weak[0] if student[0] != weak[0] else NAMES[weak[0] == NAMES[0]]
    write_csv(answers, weak=weak, student=student)
    for words in ((answers, "--draw", draw), ("next", answers, "--draw", draw, "--out", draw)):
        code, _, err = run(*words)
        assert code == 2 and "not those that the points were drawn from" in err
    write_csv(answers, weak=pool[0], student=pool[1], gold=np.where(gold == NAMES[0], NAMES[1], NAMES[0]))
    code, _, err = run(answers, "--draw", draw)
    assert code == 2 and "the draw has" in err


def test_a_draw_that_may_hold_labels_is_not_overwritten(run, tmp_path, answers):
    draw = tmp_path / "draw.csv"
    assert run("next", answers, "--count", 5, "--out", draw)[0] == 0
    code, _, err = run("next", answers, "--count", 5, "--out", draw)
    assert code == 2 and "is there already; it may hold labels" in err


def test_numbers_are_drawn_by_how_far_weak_and_student_are_apart(run, tmp_path):
    weak, student, gold = number_pool(300)
    path, draw = write_csv(tmp_path / "n.csv", weak=weak, student=student), tmp_path / "n_draw.csv"
    code, out, _ = run("next", path, "--count", 60, "--out", draw)
    assert code == 0 and "60 draws with replacement" in out and "points are new" in out
    fill_in(draw, gold)
    gain = json.loads(run(path, "--draw", draw, "--json")[1])["diagnosis"]["answers"][0]["gain"]
    truth = np.mean((weak - gold) ** 2 - (student - gold) ** 2)
    assert abs(gain["value"] - truth) < STANDARD_ERRORS * gain["stderr"] < 0.6 * truth
    assert run(path, "--draw", draw, "--sequential", "--label-range", "-9", "9")[0] == 0
    code, out, _ = run(path, "--epsilon", "0.01")
    assert code == 0 and out.startswith(
        "Yes, the student beats its teacher: the student's gain in squared error at these points lies between"
    )


def test_probabilities_are_answered_in_three_losses(run, tmp_path):
    weak, student, gold = probability_pool(150)
    columns = {f"{role}_{k}": values[:, k] for role, values in (("weak", weak), ("student", student)) for k in range(3)}
    path = write_csv(tmp_path / "p.csv", gold=gold, **columns)
    plain = json.loads(run(path, "--json")[1])
    assert [row["loss"] for row in plain["diagnosis"]["answers"]] == ["accuracy", "cross_entropy", "squared"]
    draw = tmp_path / "p_draw.csv"
    code, out, _ = run("next", path, "--loss", "cross_entropy", "--count", 20, "--out", draw)
    assert code == 0 and "for cross-entropy" in out
    code, out, _ = run(path, "--draw", draw)
    assert code == 0 and "cross-entropy" in out, "labels that the answers hold already need not be given again"


def test_supervisors_are_ranked_from_files_or_from_columns(run, tmp_path):
    rng = np.random.default_rng(0)
    gold = rng.integers(2, size=300)
    columns, files = {"gold": gold}, []
    for name, wrong in (("bad", 0.4), ("good", 0.1)):
        weak, student = (np.where(rng.random(300) < share, 1 - gold, gold) for share in (wrong + 0.05, wrong))
        columns |= {f"weak_{name}": weak, f"student_{name}": student}
        files.append(write_csv(tmp_path / f"{name}.csv", weak=weak, student=student, gold=gold))
    one = write_csv(tmp_path / "all.csv", **columns)
    for words in (files, [one]):
        code, out, _ = run("rank", *words)
        assert code == 0 and out.startswith("Take ") and "good" in out.splitlines()[0] and "hold together" in out
    assert json.loads(run("rank", one, "--json")[1])["ranking"]["may_be_best"] == [False, True]
    for path in files:
        path.write_text("\n".join(line.rsplit(",", 1)[0] for line in path.read_text().splitlines()) + "\n")
    code, out, _ = run("rank", *files)
    assert code == 0 and "which student is best is not known" in out


def test_classes_that_are_called_by_different_names_exit_two(run, tmp_path):
    words = write_csv(tmp_path / "words.csv", weak=["pos", "neg"], student=[1, 0], gold=[1, 0])
    code, out, err = run(words, "--gold-is", "random")
    assert code == 2 and not out and "weak answers 'neg', 'pos', and student answers '0', '1'" in err
    gold = write_csv(tmp_path / "gold.csv", weak=[1, 0], student=[1, 1], gold=["pos", "neg"])
    code, out, err = run(gold, "--gold-is", "random")
    assert code == 2 and not out and "it holds 'neg', 'pos'" in err


def test_a_plan_says_how_many_labels_are_needed(run):
    code, out, _ = run("plan", "--gain", "0.02", "--misfit", "0.1")
    assert code == 0 and out.startswith(f"{plan_accuracy(0.02, 0.1).labels} gold labels")
    plain = json.loads(run("plan", "--gain", "0.05", "--deviation", "0.8", "--power", "0.9", "--json")[1])
    assert plain["labels"] == plan_mean(0.05, 0.8, power=0.9).labels


def test_a_plan_for_seeds_and_for_test_points_from_a_pilot(run, tmp_path):
    rng = np.random.default_rng(0)
    gains = 0.1 + 0.02 * rng.standard_normal((4, 1)) + rng.standard_normal((4, 50))
    pilot = write_csv(tmp_path / "gains.csv", **{f"seed_{k}": gains[k] for k in range(4)})
    parts = variance_components(gains)
    words = ("plan", "--gain", "0.2", "--pilot", pilot)
    plain = json.loads(run(*words, "--unit", "test-points", "--seeds", "3,5", "--json")[1])
    assert plain["variances"] == pytest.approx(parts._asdict())
    assert [row["test_points"] for row in plain["needed"]] == plan_seeds(0.2, parts, [3, 5]).tolist()
    plain = json.loads(run(*words, "--unit", "seeds", "--points", "100", "--json")[1])
    assert plain["needed"] == [{"test_points": 100, "seeds": int(seeds_for_points(0.2, parts, 100))}]
    code, out, _ = run(*words, "--unit", "seeds", "--points", "2,1000")
    assert code == 0 and "gain of 0.2 with power 0.8 at level 0.95" in out and "seeds needed" in out
    few = ("plan", "--gain", "0.001", "--unit", "test-points", "--variances", "1", "0", "0", "--seeds", "2")
    assert "no number is enough" in run(*few)[1]


@pytest.mark.parametrize(
    ("words", "text", "message"),
    [
        (("--unit", "seeds", "--pilot", "FILE"), "a,b\n1,2\n", "two rows or more"),
        (("--unit", "seeds", "--pilot", "FILE"), "a\n1\n2\n", "two columns or more"),
        (("--unit", "seeds", "--pilot", "FILE"), "a,b\n1,x\n2,3\n", "row 1 holds 'x'"),
        (("--unit", "seeds", "--pilot", "FILE"), "a,b\n1,2\n2\n", "line 3 has 1"),
        (("--unit", "seeds", "--pilot", "none.csv"), "", "none.csv is not there"),
        (("--unit", "seeds"), "", "needs --pilot FILE.csv or --variances SEEDS POINTS REST"),
        (("--unit", "seeds", "--variances", "-1", "0", "0"), "", "--variances must be a finite number >= 0"),
        (("--unit", "seeds", "--variances", "1", "0", "0", "--seeds", "3"), "", "--seeds belongs to --unit test-points"),
        (("--unit", "seeds", "--variances", "1", "0", "0", "--points", "1"), "", "--points must be whole numbers >= 2"),
        (("--unit", "seeds", "--misfit", "0.1"), "", "--misfit belongs to --unit labels"),
        (("--misfit", "0.1", "--pilot", "none.csv"), "", "--pilot belongs to --unit seeds or test-points"),
        (("--misfit", "0.1", "--power", "2"), "", "power must lie"),
    ],
)
def test_a_plan_refuses_options_of_another_unit_and_a_pilot_that_is_none(run, tmp_path, words, text, message):
    (tmp_path / "pilot.csv").write_text(text)
    code, _, err = run("plan", "--gain", "0.1", *(tmp_path / "pilot.csv" if word == "FILE" else word for word in words))
    assert code == 2 and message in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "there must be FILE."),
        (("a.csv", "b.csv"), "Unrecognized options: b.csv"),
        (("rank",), "FILE is required"),
        (("missing.csv",), "missing.csv is not there"),
        (("ANSWERS", "--count", "5"), "Unrecognized options: --count"),
        (("plan", "--gain", "0.1", "--misfit", "0.2", "--seed", "1"), "Unrecognized options: --seed"),
        (("plan", "--gain", "0.1"), "a plan needs --gain, and either"),
        (("plan", "--gain", "0.2", "--misfit", "0.1"), "gain must be at most"),
        (("plan", "--gain", "0.2", "--misfit", "0.5", "--classical", "1"), "--classical belongs to --deviation"),
        (("plan", "--gain", "0.2", "--deviation", "0.5", "--neither", "0.1"), "--neither belongs to --misfit"),
        (("ANSWERS", "--gold-is", "drawn"), "needs --draw DRAW.csv"),
        (("ANSWERS", "--gold-is", "random", "--draw", "d.csv"), "says otherwise"),
        (("ANSWERS", "--draw", "nothing.csv"), "without the record"),
        (("ANSWERS", "--loss", "squared"), "loss must be one of accuracy"),
        (("ANSWERS", "--level", "2"), "--level must lie strictly between 0 and 1"),
        (("next", "ANSWERS", "--level", "95"), "--level must lie strictly between 0 and 1"),
        (("plan", "--gain", "0.1", "--misfit", "0.2", "--level", "95"), "--level must lie strictly between 0 and 1"),
        (("ANSWERS", "--sequential"), "--sequential needs --draw DRAW.csv"),
        (("next", "ANSWERS", "--seed", "-1"), "--seed must be >= 0"),
        (("next", "ANSWERS", "--count", "0"), "count must be a whole number"),
        (("next", "ANSWERS", "--out", "d.txt"), "ends in .csv"),
        (("rank", "ANSWERS"), "for each supervisor"),
        (("rank", "ANSWERS", "--gold-is", "drawn"), "--gold-is must be one of random, unknown"),
    ],
)
def test_misuse_is_refused_with_the_way_out(run, answers, words, message):
    code, _, err = run(*(answers if word == "ANSWERS" else word for word in words))
    assert code == 2 and message in err


def test_a_report_that_can_not_be_written_has_its_own_exit_code(run, tmp_path, answers):
    (tmp_path / "taken").write_text("a file")
    code, _, err = run(answers, "--out", tmp_path / "taken" / "report")
    assert code == 3 and "could not write" in err
    code, _, err = run("next", answers, "--out", tmp_path / "taken" / "draw.csv")
    assert code == 3 and "could not write" in err


def test_a_file_that_a_record_would_replace_is_left_alone(run, tmp_path, answers):
    mine = tmp_path / "mine.json"
    mine.write_text("mine")
    code, _, err = run("next", answers, "--count", 5, "--out", tmp_path / "mine.csv")
    assert code == 2 and "mine.json is there already" in err and mine.read_text() == "mine"


def test_a_draw_goes_on_under_any_name_of_its_file(run, tmp_path, answers):
    draw = tmp_path / "draw.csv"
    run("next", answers, "--count", 5, "--out", draw)
    code, out, _ = run("next", answers, "--count", 5, "--draw", draw, "--out", tmp_path / "." / ".." / tmp_path.name / "draw.csv")
    assert code == 0 and "Round 2" in out


def test_the_first_round_says_whether_all_that_differ_were_drawn(run, tmp_path, answers, pool):
    apart = int(np.sum(pool[0] != pool[1]))
    code, out, _ = run("next", answers, "--count", 200, "--out", tmp_path / "draw.csv")
    assert code == 0 and f"{apart} points, with equal chances" in out and f"No more than {apart} were left" in out
    assert "and 12 more" in out
    fill_in(tmp_path / "draw.csv", pool[2])
    code, out, _ = run(answers, "--draw", tmp_path / "draw.csv")
    assert code == 0 and "known exactly for these points" in out


@pytest.mark.parametrize("rating", ["3.5", "2"])
def test_what_answers_were_taken_for_at_the_draw_does_not_change_with_the_labels(run, tmp_path, rating):
    """Whole numbers may be classes or ratings; a rating of 3.5 among the labels does not make the draw another one."""
    path = write_csv(tmp_path / "a.csv", weak=[3, 3, 5, 1] * 5, student=[4, 3, 4, 2] * 5)
    for kind, loss in ((), "accuracy"), (("--kind", "regression"), "squared"):
        draw = tmp_path / f"{loss}.csv"
        code, out, _ = run("next", path, *kind, "--count", 12, "--out", draw)
        assert code == 0 and ("taken for classes" in out) == (not kind)
        fill_in(draw, [rating, rating, "4", "1"] * 5)
        plain = json.loads(run(path, "--draw", draw, "--json")[1])
        assert plain["diagnosis"]["answers"][0]["loss"] == loss


@pytest.mark.parametrize("word", ["next", "rank", "plan"])
def test_each_word_teaches_its_own_options(run, word):
    code, out, _ = run(word, "--help")
    assert code == 0 and out.startswith(f"usage: w2s diagnose {word} ") and "examples:" in out and "exit codes:" in out
    assert ("--gain" in out) == (word == "plan") and ("--count" in out) == (word == "next")


def test_the_population_can_be_asked_about(run, tmp_path, pool):
    weak, student, gold = pool
    path = write_csv(tmp_path / "all.csv", weak=weak, student=student, gold=gold)
    found = [json.loads(run(path, "--json", *words)[1])["diagnosis"] for words in ((), ("--target", "population"))]
    assert [each["target"] for each in found] == ["pool", "population"]
    widths = [each["answers"][0]["gain"]["high"] - each["answers"][0]["gain"]["low"] for each in found]
    assert widths[0] == 0.0 < widths[1]
