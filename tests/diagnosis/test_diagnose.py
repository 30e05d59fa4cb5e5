"""The diagnosis: bounds by brute force, estimates that cover the pool's gain over the whole route, and what it refuses to say."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from tests.diagnosis.pools import class_pool, hidden, number_pool, probability_pool, true_gain
from tests.tolerances import ROUNDING, SOLVE, STANDARD_ERRORS
from w2s_theory.diagnosis import DrawRecord, answers_of, diagnose, diagnose_answers, draw_next, estimates, sequential
from w2s_theory.diagnosis.record import spread
from w2s_theory.diagnosis.words import headline, lines, next_step, sections
from w2s_theory.outcomes import Estimate
from w2s_theory.quantities.label_efficiency.draws import Draw
from w2s_theory.quantities.label_efficiency.planner import plan_accuracy
from w2s_theory.quantities.pgr import pgr

#: Draws whose intervals are counted, and points of their pool.
DRAWS, POOL = 150, 200


def holds(gain, truth):
    """Whether an interval holds the truth, up to rounding: intervals of small pools end on it."""
    return gain.low - SOLVE <= truth <= gain.high + SOLVE


def counted(truth, found):
    """Share of intervals that hold the truth, and the standard error of a share of 95 %."""
    return np.mean([holds(each, truth) for each in found]), np.sqrt(0.05 * 0.95 / len(found))


@pytest.mark.parametrize(
    ("pool", "loss", "count"),
    [
        (class_pool(POOL), "accuracy", 12),
        (class_pool(POOL, classes=4), "accuracy", 20),
        (number_pool(POOL), "squared", 40),
        (probability_pool(POOL), "cross_entropy", 40),
        (probability_pool(POOL), "squared", 40),
    ],
    ids=["two classes", "four classes", "numbers", "cross-entropy", "soft squared"],
)
def test_the_whole_route_covers_the_gain_of_the_pool(pool, loss, count):
    """Draw, draw again, write and read the record, label, diagnose."""
    weak, student, gold = pool
    blind, truth = answers_of(weak, student), true_gain(answers_of(*pool), loss)
    found, used = [], set()
    for seed in range(DRAWS):
        first = draw_next(blind, count // 2, loss=loss, rng=np.random.default_rng(seed))
        both = draw_next(blind, count - count // 2, earlier=first, rng=np.random.default_rng([seed, 1]))
        record = DrawRecord.from_plain(json.loads(json.dumps(both.plain())))
        main = diagnose(weak, student, hidden(gold, record.points), gold_is=record).main
        found.append(main.gain)
        used.add(main.labels <= count)
    share, stderr = counted(truth, found)
    assert used == {True}
    assert share > 0.95 - STANDARD_ERRORS * stderr
    values = np.array([each.value for each in found])
    error = np.std(values, ddof=1) / np.sqrt(DRAWS)
    assert abs(np.mean(values) - truth) < STANDARD_ERRORS * error < abs(truth), "an estimate that is always 0 would be seen"


def test_a_uniform_draw_covers_and_a_convenience_sample_would_not():
    weak, student, gold = class_pool(POOL, seed=3)
    truth, rng = true_gain(answers_of(weak, student, gold), "accuracy"), np.random.default_rng(0)

    def drawn(candidates, draws):
        rows = [rng.permutation(candidates)[:100] for _ in range(draws)]
        return [diagnose(weak, student, hidden(gold, each), gold_is="random").main.gain for each in rows]

    share, stderr = counted(truth, drawn(np.arange(POOL), 100))
    assert share > 0.95 - STANDARD_ERRORS * stderr
    easy = np.flatnonzero((student == gold) | (rng.random(POOL) < 0.1))  # where the student is right, mostly
    assert counted(truth, drawn(easy, 30))[0] < 0.5
    unknown = diagnose(weak, student, hidden(gold, easy[:80]))
    assert unknown.main.gain is None and unknown.main.possible.low <= truth <= unknown.main.possible.high
    assert "how their points were chosen is not known" in unknown.warnings[0]


@pytest.mark.parametrize(
    ("pool", "loss", "steps", "span"),
    [
        (class_pool(POOL), "accuracy", 6, None),
        pytest.param(class_pool(POOL, classes=3), "accuracy", 6, None, marks=pytest.mark.slow),
        pytest.param(number_pool(POOL), "squared", 20, (-5.0, 5.0), marks=pytest.mark.slow),
        (number_pool(POOL), "squared", 40, None),
    ],
    ids=["two classes", "three classes", "numbers in a range", "numbers"],
)
def test_whoever_looks_after_each_round_and_stops_when_the_sign_is_told_is_seldom_wrong(monkeypatch, pool, loss, steps, span):
    monkeypatch.setattr(sequential, "_forecast", lambda stream: None)  # the forecast takes longer than all the rest
    weak, student, gold = pool
    blind, truth, missed, told = answers_of(weak, student), true_gain(answers_of(*pool), loss), 0, 0
    runs = 40
    for seed in range(runs):
        record = None
        for look in range(5):
            record = draw_next(blind, steps, earlier=record, rng=np.random.default_rng([seed, look]))
            answers = answers_of(weak, student, hidden(gold, record.points))
            main = diagnose_answers(answers, gold_is=record, is_sequential=True, label_range=span).main
            if main.gain is None:
                continue
            if not holds(main.gain, truth):
                missed += 1
                break
            if main.verdict != "open":
                told += 1
                break
    assert missed <= 0.05 * runs + STANDARD_ERRORS * np.sqrt(runs * 0.05 * 0.95)
    assert told > 0 or span is not None, "the intervals are of use"


def test_a_sequential_interval_uses_the_labels_before_the_first_that_is_missing():
    weak, student, gold = class_pool(POOL)
    record = draw_next(answers_of(weak, student), 20, rng=np.random.default_rng(0))
    some = np.delete(record.rows, [8, 12])
    with pytest.raises(ValueError, match="2 of the 20 points drawn have no gold label"):
        diagnose(weak, student, hidden(gold, some), gold_is=record)
    found = diagnose(weak, student, hidden(gold, some), gold_is=record, is_sequential=True).main
    assert found.labels == 8 and "2 of the 20 points drawn have no label yet" in found.notes[0]
    none = diagnose(weak, student, hidden(gold, record.rows[1:]), gold_is=record, is_sequential=True).main
    assert none.gain is None and none.labels == 0


def test_an_asymptotic_interval_waits_for_its_first_look_and_says_what_it_is():
    weak, student, gold = number_pool(POOL)
    record = draw_next(answers_of(weak, student), 30, rng=np.random.default_rng(0))
    found = diagnose(weak, student, hidden(gold, record.points), gold_is=record, is_sequential=True).main
    assert found.gain is None and found.more == 20 and "asymptotic" in found.notes[0]


def test_rounds_that_may_have_been_stopped_by_looking_are_warned_of():
    weak, student, gold = class_pool(POOL)
    first = draw_next(answers_of(weak, student), 5, rng=np.random.default_rng(0))
    both = draw_next(answers_of(weak, student), 5, earlier=first, rng=np.random.default_rng(1))
    assert not diagnose(weak, student, hidden(gold, first.rows), gold_is=first).warnings
    assert "ask for a sequential one" in diagnose(weak, student, hidden(gold, both.rows), gold_is=both).warnings[0]
    assert not diagnose(weak, student, hidden(gold, both.rows), gold_is=both, is_sequential=True).warnings


def test_where_all_agree_the_gain_is_exactly_zero_and_no_label_is_needed():
    for gold in (None, ["a", None, "b"]):
        found = diagnose(["a", "b", "b"], ["a", "b", "b"], gold, gold_is="random")
        assert found.verdict == "equal" and found.main.gain.low == found.main.gain.high == 0.0
        assert "No gold label is needed" in found.needs and "exactly 0" in headline(found)
        assert next_step(found) == ""
    assert diagnose([0.5, 1.5], [0.5, 1.5]).verdict == "equal"


def test_too_few_labels_make_no_interval_and_say_so():
    weak, student, gold = class_pool(POOL)
    agreed = np.flatnonzero(weak == student)[:5]
    found = diagnose(weak, student, hidden(gold, agreed), gold_is="random").main
    assert found.gain is None and "none of the 5 gold labels" in found.notes[0]
    weak, student, gold = number_pool(POOL)
    found = diagnose(weak, student, hidden(gold, [7]), gold_is="random").main
    assert found.gain is None and "there is 1 label, and an interval" in found.notes[0]


def test_small_pools_are_answered_when_all_is_known_and_never_with_nan():
    for size in (1, 2, 3, 12):
        weak, student, gold = (part[:size] for part in number_pool(POOL))
        gain = diagnose(weak, student, gold, gold_is="random").main.gain
        assert gain.low == gain.high == pytest.approx(np.mean((weak - gold) ** 2 - (student - gold) ** 2), abs=ROUNDING)
    lone = diagnose([0.5], [0.7], [0.6], target="population").main
    assert lone.gain is None and lone.labels == 1
    population = diagnose(weak, student, gold, target="population").main.gain
    paired = (weak - gold) ** 2 - (student - gold) ** 2
    assert population.stderr == pytest.approx(np.std(paired, ddof=1) / np.sqrt(12), rel=SOLVE)


def test_a_gain_of_zero_where_models_differ_is_not_called_agreement():
    found = diagnose(["a", "b", "a"], ["b", "a", "a"], ["a", "a", "a"])
    assert found.verdict == "equal" and "at these points" in headline(found) and "same answers" not in headline(found)


def test_the_forecast_of_more_labels_is_what_settles_the_sign_when_shares_stay():
    among, right, labels = 400, 13, 20
    weak = np.array(["a"] * among + ["a"] * 600, dtype=object)
    student = np.array(["b"] * among + ["a"] * 600, dtype=object)
    gold = np.array([None] * 1000, dtype=object)
    record = draw_next(answers_of(weak, student), among, rng=np.random.default_rng(0))
    order = record.rows

    def labelled(m):
        gold[order[:m]] = np.where(np.arange(m) * right // labels < (np.arange(m) + 1) * right // labels, "b", "a")
        part = DrawRecord("accuracy", record.digest, 1000, order[:m], record.probabilities[:m], (m,), "classes")
        return diagnose(weak, student, gold, gold_is=part).main

    start = labelled(labels)
    assert start.verdict == "open" and start.more is not None and start.more > 0
    told = next(m for m in range(labels, among) if labelled(m).verdict == "yes")
    assert start.more == pytest.approx(told - labels, rel=0.35)  # forecast by a score interval, told by an exact one
    more = diagnose(*number_pool(POOL)[:2], hidden(number_pool(POOL)[2], np.arange(12)), gold_is="random").main
    assert more.more is None or more.more > 0 or more.verdict != "open"


def test_a_ceiling_gives_performance_gap_recovered_on_uniform_labels_alone():
    weak, student, gold = class_pool(POOL)
    ceiling = np.where(np.random.default_rng(9).random(POOL) < 0.95, gold, 1 - gold)
    rows = np.random.default_rng(0).permutation(POOL)[:150]
    found = diagnose(weak, student, hidden(gold, rows), ceiling=ceiling, gold_is="random")
    direct = pgr(weak[rows], student[rows], ceiling[rows], gold[rows])
    assert (found.ceiling.value, found.ceiling.low) == (direct.value, direct.low)
    assert any("Performance gap recovered in accuracy: " in line for line in lines(found))
    assert any(section.title == "Performance gap recovered" for section in sections(found))
    hint = diagnose(weak, student, hidden(gold, rows), ceiling=ceiling)
    assert hint.ceiling is None and "needs gold labels at uniformly drawn points" in hint.warnings[-1]


def test_an_assumed_epsilon_gives_the_sharp_band_and_a_vacuous_one_is_called_so():
    weak, student, _ = number_pool(POOL)
    apart = np.mean((weak - student) ** 2)
    for epsilon, verdict in ((0.2 * apart, "yes"), (0.3 * apart, "open")):
        found = diagnose(weak, student, epsilon=epsilon)
        half = 2.0 * np.sqrt(apart * epsilon)
        assert (found.main.possible.low, found.main.possible.high) == (pytest.approx(apart - half), pytest.approx(apart + half))
        assert found.verdict == verdict
        assert ("leaves both signs possible" in " ".join(found.warnings)) == (verdict == "open")
    weak, student, _ = class_pool(POOL)
    assert diagnose(weak, student, weak_error=(0.0, 0.01)).verdict == "no", (
        "a teacher that is nearly always right is not beaten by one that differs"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss": "squared"}, "loss must be one of accuracy"),
        ({"gold_is": "convenient"}, "gold_is must be"),
        ({"target": "all"}, "target must be"),
        ({"level": 1.5}, "level"),
        ({"epsilon": 0.1}, "epsilon is for squared loss on numbers"),
        ({"label_range": (0.0, 1.0)}, "label_range must be a range"),
        ({"is_sequential": True}, "gold_is must be a DrawRecord"),
        ({"is_sequential": True, "target": "population"}, "target must be 'pool'"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, message):
    weak, student, _ = class_pool(20)
    with pytest.raises(ValueError, match=message):
        diagnose(weak, student, **options)


def test_assumptions_that_labels_replace_are_refused():
    weak, student, gold = number_pool(20)
    with pytest.raises(ValueError, match="epsilon is for answers without gold labels"):
        diagnose(weak, student, hidden(gold, [1]), epsilon=0.1)
    record = draw_next(answers_of(weak, student), 10, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="label_range must hold every gold label"):
        diagnose(weak, student, hidden(gold, record.points), gold_is=record, is_sequential=True, label_range=(0.0, 0.1))


@pytest.mark.parametrize("verdict", ["yes", "no", "open", "equal"])
def test_the_answer_is_said_in_plain_words(verdict):
    weak, student, gold = class_pool(POOL)
    pairs = {
        "yes": (weak, student, gold),
        "no": (student, weak, gold),
        "open": (weak, student, None),
        "equal": (weak, weak, gold),
    }
    found = diagnose(*pairs[verdict])
    starts = {
        "yes": "Yes, the student beats",
        "no": "No, the teacher is better",
        "open": "Not known",
        "equal": "Neither is better",
    }
    assert found.verdict == verdict and headline(found).startswith(starts[verdict])
    assert lines(found)[0] == headline(found) and sections(found)[0].text.startswith(headline(found))


def test_where_labels_are_worth_most_is_said():
    assert "only at the" in diagnose(*class_pool(POOL)[:2]).needs
    weak, student = np.zeros(100), np.zeros(100)
    student[:10] = 0.5
    assert "half of that lies in 5 of the 100 points" in diagnose(weak, student, kind="regression").needs


@pytest.mark.parametrize("loss", ["accuracy", "cross_entropy", "squared"])
def test_once_all_points_that_differ_are_labelled_the_gain_is_known_however_they_were_chosen(loss):
    weak, student, gold = probability_pool(30)
    weak[:10] = student[:10]
    truth = true_gain(answers_of(weak, student, gold), loss)
    apart = np.arange(10, 30)
    blind = answers_of(weak, student)
    record = draw_next(blind, 400, loss=loss, rng=np.random.default_rng(0))
    assert set(record.points.tolist()) <= set(apart.tolist())
    for origin, looks in (("unknown", False), ("random", False), (record, False), (record, True)):
        main = diagnose(weak, student, hidden(gold, apart), loss=loss, gold_is=origin, is_sequential=looks).main
        assert main.gain.low == main.gain.high == pytest.approx(truth, abs=SOLVE)
        assert "known exactly" in headline(diagnose(weak, student, hidden(gold, apart), loss=loss))


def test_an_interval_stays_within_what_is_possible():
    weak, student, gold = probability_pool(20)
    for seed in range(20):
        record = draw_next(answers_of(weak, student), 12, loss="cross_entropy", rng=np.random.default_rng(seed))
        main = diagnose(weak, student, hidden(gold, record.points), gold_is=record).main
        assert main.possible.low <= main.gain.low <= main.gain.value <= main.gain.high <= main.possible.high
    wide = Estimate(0.3, 0.1, -1.0, 2.0, 0.95)
    bounds = main.possible
    assert estimates.within(wide, replace(bounds, low=-0.5, high=0.2)) == replace(wide, value=0.2, low=-0.5, high=0.2)
    missed = estimates.within(Estimate(3.0, 0.1, 2.0, 4.0, 0.95), replace(bounds, low=-0.5, high=0.2))
    assert (missed.low, missed.value, missed.high) == (-0.5, 0.2, 0.2), (
        "an interval of impossible values is not shrunk to a point"
    )


def test_few_labels_where_it_matters_are_called_too_few_to_rely_on():
    """Uniform labels rarely meet the few points that carry the gain; draws by spread do."""
    weak, student = np.zeros(400), np.full(400, 0.01)
    student[:20] = 5.0
    gold = np.random.default_rng(0).standard_normal(400)
    uniform = np.random.default_rng(1).permutation(400)[:60]
    said = diagnose(weak, student, hidden(gold, uniform), gold_is="random").main.notes
    assert any("holds less often than it says" in note for note in said)
    record = draw_next(answers_of(weak, student), 60, rng=np.random.default_rng(1))
    assert not any(
        "less often" in note for note in diagnose(weak, student, hidden(gold, record.points), gold_is=record).main.notes
    )


def test_labels_outside_a_stated_range_are_refused_wherever_they_are_from():
    weak, student, gold = number_pool(20)
    for origin in ("unknown", "random"):
        with pytest.raises(ValueError, match="label_range must hold every gold label"):
            diagnose(weak, student, hidden(gold, np.arange(12)), gold_is=origin, label_range=(0.0, 0.1))


def test_two_classes_that_are_taken_for_granted_are_said_to_be():
    weak, student, gold = class_pool(POOL)
    record = draw_next(answers_of(weak, student), 10, rng=np.random.default_rng(0))
    for looks in (False, True):
        found = diagnose(weak, student, hidden(gold, record.points), gold_is=record, is_sequential=looks).main
        assert any("two classes were taken for granted" in note for note in found.notes)


def test_before_there_are_labels_the_plan_says_how_many_it_takes():
    weak = np.array(["a"] * 1000, dtype=object)
    student = np.where(np.arange(1000) < 300, "b", weak)
    said = next_step(diagnose(weak, student))
    for share in (0.5, 0.25):
        assert f"about {plan_accuracy(share * 0.3, 0.3).labels} labels there show a gain of {share * 0.3:.3g}" in said
    assert "The labels of all 300 tell" in said
    assert "about" not in next_step(diagnose(["a", "b"], ["b", "b"])), "one point is labelled, not planned for"


def test_the_units_of_what_is_printed_are_named():
    said = "\n".join(lines(diagnose(*probability_pool(30))))
    assert "a share of points (accuracy), nats (cross-entropy), squared units of the answers (squared error)" in said
    drawn = draw_next(answers_of(*class_pool(POOL)[:2]), 20, rng=np.random.default_rng(0))
    weak, student, gold = class_pool(POOL)
    assert "saving: " in "\n".join(lines(diagnose(weak, student, hidden(gold, drawn.points), gold_is=drawn)))


def test_a_uniform_draw_that_is_none_is_called_out():
    weak, student, gold = probability_pool(POOL)
    answers = answers_of(weak, student)
    for loss in answers.losses:
        worth = (answers.hard("weak") != answers.hard("student")) if loss == "accuracy" else spread(answers, loss)
        for chosen in (np.argsort(-worth.astype(float), kind="stable")[:40], np.argsort(worth, kind="stable")[:60]):
            found = diagnose(weak, student, hidden(gold, chosen), loss=loss, gold_is="random")
            assert "hardly a uniform draw" in " ".join(found.warnings)
        fair = np.random.default_rng(0).permutation(POOL)[:40]
        assert not diagnose(weak, student, hidden(gold, fair), loss=loss, gold_is="random").warnings


def test_labels_that_are_forecast_are_never_more_than_there_are_points_without_one():
    """The sign of a small gain takes many draws with replacement, but a pool of 60 has few new labels to give."""
    rng = np.random.default_rng(0)
    gold = rng.standard_normal(60)
    weak, student = gold + rng.standard_normal(60), gold + rng.standard_normal(60)
    seen = []
    for seed in range(20):
        record = draw_next(answers_of(weak, student), 20, rng=np.random.default_rng(seed))
        main = diagnose(weak, student, hidden(gold, record.points), gold_is=record).main
        if main.more:
            seen.append(main.more)
            assert main.more <= 60 - record.points.size
    assert max(seen) > 20
    draw = Draw(np.array([0, 0]), np.array([0.5, 0.25, 0.25]), "replacement", 2)
    assert estimates.new_labels(draw, 2) == round(2 * (1 - 0.75**2)) and estimates.new_labels(draw, None) is None
