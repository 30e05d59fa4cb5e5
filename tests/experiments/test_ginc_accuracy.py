"""The experiment on GINC: its rows against one prompt at a time, examples read apart against a loop, the ledger and the picture."""

from __future__ import annotations

import numpy as np
import pytest

from experiments import _runner, ginc_accuracy
from experiments._store import columns
from experiments.ginc_accuracy import BARE, CLEAN, EXAMPLES, SEPARATE, WEAK, mean, overtaken, read_separately
from tests.students.forward_loops import log_space
from tests.tolerances import LOG_SPACE, ROUNDING
from w2s_theory.problems.ginc import random_ginc, released_ginc
from w2s_theory.problems.hidden_markov import HiddenMarkovConcepts
from w2s_theory.students.hidden_markov_filter import InContextRefiner, forward_filter


@pytest.fixture(scope="module")
def quick():
    """Two trials of every setting of the quick grid, with few prompts."""
    rows = []
    for params in ginc_accuracy.SCALES["quick"]:
        if params["trial"] < 2:
            params = params | {"prompts": 12}
            rng = np.random.default_rng(_runner.point_seed("any", ginc_accuracy.SEED_AXES, params))
            rows += [{"scale": "quick"} | params | row for row in ginc_accuracy.run_one(dict(params), rng=rng)]
    return columns(rows)


def test_a_row_is_what_the_refiner_answers_prompt_by_prompt():
    params = {"language": "text", "vocabulary": 50, "length": 3, **WEAK._asdict(), "trial": 0, "prompts": 9}
    rows = ginc_accuracy.run_one(params, rng=np.random.default_rng(0))
    rng = np.random.default_rng(0)
    language = random_ginc(50, rng=rng)
    prompts = language.prompts(9, examples=64, length=3, flip=0.3, rng=rng)
    world = language.pretraining.smoothed(0.02)
    for row, n in zip(rows, EXAMPLES, strict=True):
        shown = prompts.tokens[:, : prompts.ends[n]]
        assert shown.shape[1] == 4 * n + 2
        assert row["accuracy"] == np.mean(InContextRefiner(world).predict(shown) == prompts.labels[:, n])
        mass = forward_filter(world, shown).posterior[np.arange(9), prompts.concepts].mean()
        assert row["mass"] == pytest.approx(mass, rel=ROUNDING) and row["possible"] == 1.0
        assert row["weak_accuracy"] == np.mean(prompts.weak == prompts.labels[:, :64])


def test_a_prompt_without_an_answer_counts_as_wrong():
    params = {"language": "released", "vocabulary": 50, "length": 10, **BARE._asdict(), "trial": 0, "prompts": 30}
    rows = ginc_accuracy.run_one(params, rng=np.random.default_rng(1))
    assert rows[0]["possible"] == 1.0 and rows[-1]["possible"] < 0.1
    assert all(row["accuracy"] <= row["possible"] for row in rows)
    assert np.isnan(rows[-1]["mass"]) and np.isnan(rows[-1]["overtaken"])


def test_examples_read_apart_are_documents_of_their_own():
    """The likelihood of a prompt is the product over its examples and its last input, each started anywhere, by a loop in logarithms."""
    language = random_ginc(50, rng=np.random.default_rng(2))
    prompts = language.prompts(2, examples=64, length=3, rng=np.random.default_rng(3))
    got = read_separately(language.pretraining, prompts.tokens, 3)
    anywhere = HiddenMarkovConcepts(np.full((5, 100), 0.01), language.pretraining.transitions, language.pretraining.emissions)
    for j, n in enumerate(EXAMPLES):
        for i, tokens in enumerate(prompts.tokens):
            wanted = sum((log_space(anywhere, [tokens[4 * e : 4 * e + 3]])[0][0] for e in range(min(n, 4))), np.zeros(5))
            last, ends = log_space(anywhere, [tokens[4 * n : 4 * n + 2]])
            if n <= 4:
                np.testing.assert_allclose(got.log_likelihoods[j, i], wanted + last[0], rtol=LOG_SPACE)
            np.testing.assert_allclose(got.states[j, i], np.exp(ends[0] - last[0][:, None]), atol=LOG_SPACE)


def test_a_prompt_is_overtaken_when_any_other_concept_gains_on_the_right_one():
    before = np.array([[-10.0, -12.0, -30.0], [-10.0, -12.0, -30.0]])
    after = np.array([[-20.0, -30.0, -41.0], [-20.0, -30.0, -39.0]])
    assert overtaken(np.array([before, after]), np.array([[0], [0]])) == 0.5
    assert np.isnan(overtaken(np.array([before, after - np.inf]), np.array([[0], [0]])))


def test_the_released_world_is_the_one_that_the_published_curves_are_of(quick):
    """No accuracy without examples can be far above exact Bayes: the published 61 % of vocabulary 150 rules the text's languages out."""
    text, released = (mean(quick, language, 150, 3, CLEAN).value[0] for language in ("text", "released"))
    assert text < 0.55 < released


def test_every_claim_of_the_ledger_is_judged_by_the_table(quick):
    findings = ginc_accuracy.findings(quick)
    assert len({finding.claim for finding in findings}) == len(findings) == 10
    words = (
        "reproduced, with changes",
        *["observed here"] * 6,
        "reproduced, with changes",
        "counterexample found",
        "observed here",
    )
    assert all(finding.status.startswith(word) for finding, word in zip(findings, words, strict=True))


@pytest.mark.parametrize(
    ("column", "value", "where", "places"),
    [
        ("accuracy", 0.0, {"examples": 64}, {0, 3, 9}),
        ("accuracy", 0.0, {"examples": 16, **WEAK._asdict()}, {1}),
        ("overtaken", 0.0, {"length": 3, **CLEAN._asdict()}, {2}),
        ("mass", 0.9, {"examples": 64, **CLEAN._asdict()}, {2}),
        ("possible", 1.0, {"examples": 64, **BARE._asdict()}, {4, 5}),
        ("accuracy", 1.0, {"examples": 16, **ginc_accuracy.BARE_WEAK._asdict()}, {6}),
        ("accuracy", 1.0, {"examples": 64, "unseen": True}, {7}),
        ("accuracy", 1.0, {"language": "text", "vocabulary": 150}, {8}),
    ],
)
def test_a_table_that_says_otherwise_changes_the_status(quick, column, value, where, places):
    rows = np.all([quick[name] == wanted for name, wanted in where.items()], axis=0)
    before, after = (
        [finding.status for finding in ginc_accuracy.findings(table)]
        for table in (quick, quick | {column: np.where(rows, value, quick[column])})
    )
    assert places <= {i for i, (old, new) in enumerate(zip(before, after, strict=True)) if old != new}


def test_clean_and_weak_prompts_share_their_draws(quick):
    start = [mean(quick, "text", 50, 10, setting).trials[:, 0] for setting in (CLEAN, WEAK)]
    assert np.array_equal(*start)  # without examples there is nothing to flip


def test_short_examples_are_enough_when_they_are_read_apart(quick):
    stream, apart = (mean(quick, "text", 50, 3, setting, "mass").value[-1] for setting in (CLEAN, SEPARATE))
    assert apart > 0.95 > 0.8 > stream
    assert released_ginc(50).pretraining.n_concepts == 5


def test_the_picture_shows_what_the_table_has(quick):
    pytest.importorskip("matplotlib")
    from figures._style import style
    from figures.ginc_accuracy import draw

    with style():
        figure = draw(quick)
        figure.draw_without_rendering()
    assert len(figure.axes) == 8
    curves = [line.get_ydata() for line in figure.axes[0].get_lines()]
    wanted = 100 * mean(quick, "text", 50, 10, CLEAN).value
    assert any(len(curve) == len(wanted) and np.allclose(curve, wanted) for curve in curves)
    published = [line.get_ydata() for line in figure.axes[4].get_lines() if str(line.get_label()).startswith("published")]
    assert len(published) == 2
