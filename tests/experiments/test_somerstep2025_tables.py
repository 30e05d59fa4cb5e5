"""The redrawn tables: published numbers as they are, what is computed from them by another route, and findings that can come out otherwise."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
from scipy import stats

from experiments import _somerstep2025 as published
from experiments import somerstep2025_tables as tables
from experiments._store import columns
from tests.tolerances import QUADRATURE, ROUNDING, STANDARD_ERRORS


@pytest.fixture(scope="module")
def table():
    rows = []
    for params in tables.SCALES["full"]:
        rows += [{"scale": "full"} | params | row for row in tables.run_one(dict(params), rng=np.random.default_rng(0))]
    return columns(rows)


def rank_correlation(first, second):
    return float(np.asarray(stats.spearmanr(first, second))[0])


def finding(table, words):
    (found,) = [finding for finding in tables.findings(table) if words in finding.claim]
    return found


def changed(table, method, column, change):
    rows = (table["method"] == method) & np.isfinite(table["content"])
    values = table[column].copy()
    values[rows] = change({name: part[rows] for name, part in table.items()})
    return table | {column: values}


def test_every_task_student_teacher_and_method_has_one_published_row(table):
    assert not np.any(table["synthetic"])
    assert set(table["origin"].tolist()) == {"published"}
    judged = np.isfinite(table["content"])
    assert np.count_nonzero(judged) == 3 * 2 * 4 * 3
    assert np.count_nonzero(~judged) == 2 * 3 * 2
    for column in ("content", "style", "teacher_content", "teacher_style", "untuned_content", "untuned_style"):
        assert 0.0 <= np.nanmin(table[column]) <= np.nanmax(table[column]) <= 10.0
    assert np.all((table["accuracy"][~judged] > 0) & (table["accuracy"][~judged] < 1))


def test_columns_of_a_method_keep_tasks_students_and_teachers_apart(table):
    content = tables.scores(table, "icl", "content")
    for i, task in enumerate(tables.TASKS):
        for j, teacher in enumerate(published.TEACHERS[task]):
            for k in range(2):
                assert content[i, k, j] == published.TUNED[task, teacher][k][2].content


def test_the_implied_mass_puts_the_style_back_together(table):
    judged = np.isfinite(table["content"])
    mass, style, untuned = (table[name][judged] for name in ("implied_mass", "style", "untuned_style"))
    full = (style - (1 - mass) * untuned) / mass
    for task, student in product(tables.TASKS, published.STUDENTS):
        rows = (table["task"][judged] == task) & (table["student"][judged] == student)
        assert np.ptp(full[rows]) < 1e-9
        assert full[rows][0] == pytest.approx(style[rows & (table["method"][judged] == "intent")].max())


@pytest.mark.parametrize(("apart", "n", "prior"), [(1.0, 4, 0.1), (3.0, 3, 0.01), (0.3, 16, 0.5)])
def test_the_mass_of_two_concepts_agrees_with_simulated_log_odds(apart, n, prior):
    rng = np.random.default_rng(6)
    x = rng.standard_normal((200_000, n)) * np.sqrt(apart)  # u·x, in units of σ
    noise = rng.standard_normal(x.shape)
    log_odds = np.log(prior / (1 - prior)) + np.sum(0.5 * ((x + noise) ** 2 - noise**2), axis=1)
    mass = 1 / (1 + np.exp(-log_odds))
    stderr = mass.std() / np.sqrt(mass.size)
    exact = tables.expected_mass(apart, n, prior)
    assert abs(mass.mean() - exact) <= STANDARD_ERRORS * stderr
    assert stderr < 0.01 * exact
    assert tables.separation(exact, n, prior) == pytest.approx(apart, rel=100 * QUADRATURE)


def test_the_slope_and_its_interval_are_those_of_scipy():
    rng = np.random.default_rng(1)
    x = rng.standard_normal(12)
    y = 2.0 * x + rng.standard_normal(12)
    fit = np.asarray(stats.linregress(x, y))
    slope, half = tables.line(x, y)
    assert slope == pytest.approx(fit[0])
    assert half == pytest.approx(stats.t.ppf(0.975, 10) * fit[4])


def test_the_examples_needed_are_the_first_to_give_the_mass_and_are_looked_for_no_further_than_stated():
    mass = tables.expected_mass(0.8, 4, 0.1)
    for n in (4, 5, 9, 37):
        assert tables._examples_needed(mass, tables.expected_mass(0.8, n, 0.1) - 1e-4, 4, 0.1) == str(n)
    assert tables._examples_needed(0.101, 0.99, 4, 0.1) == f"more than {tables.MOST_EXAMPLES}"
    assert tables._examples_needed(0.05, 0.9, 4, 0.1) == "no separation gives a mass of 0.05"


def test_a_mass_that_no_separation_gives_is_refused():
    for mass in (0.05, 1.0):
        with pytest.raises(ValueError, match=r"between the prior 0\.1 and 1"):
            tables.separation(mass, 4, 0.1)


def test_the_rank_test_agrees_with_scipy_and_with_permutations_drawn_at_random(table):
    style, teacher = (tables.scores(table, "icl", name) for name in ("style", "teacher_style"))
    observed, p = tables.rank_test(table, "icl")
    pairs = list(product(range(3), range(2)))
    # Tied ranks (two equal styles of one student) are averaged by both.
    assert observed == pytest.approx(np.mean([rank_correlation(style[pair], teacher[pair]) for pair in pairs]), rel=ROUNDING)
    rng = np.random.default_rng(0)
    orders = np.array(list(permutations(range(4))))
    values = np.array(
        [[np.mean([rank_correlation(style[i, j], teacher[i, j][order]) for j in range(2)]) for order in orders] for i in range(3)]
    )
    drawn = np.mean([values[i, rng.integers(0, 24, 20_000)] for i in range(3)], axis=0)
    share = np.mean(drawn >= observed - 1e-9)
    assert abs(share - p) <= STANDARD_ERRORS * np.sqrt(p * (1 - p) / drawn.size)


def test_in_context_answers_that_are_a_mixture_are_recognised_as_one(table):
    rest, error = tables.between(table)
    assert rest[0, 0, 0] == pytest.approx(6.47 - (7.42 + (6.04 - 1.79) / (8.79 - 1.79) * (5.85 - 7.42)))
    intent = {name: tables.scores(table, "intent", name).ravel() for name in ("style", "content")}

    def on_the_segment(rows):
        share = (rows["style"] - rows["untuned_style"]) / (intent["style"] - rows["untuned_style"])
        return rows["untuned_content"] + share * (intent["content"] - rows["untuned_content"])

    mixed = changed(table, "icl", "content", on_the_segment)
    assert np.abs(tables.between(mixed)[0]).max() < 1e-12
    assert finding(mixed, "mixture").status.startswith("observed here")
    assert finding(table, "mixture").status.startswith("not reproduced")
    assert np.all(error < published.STDERR)


def test_the_error_of_the_mixture_is_that_of_scores_drawn_with_the_published_error(table):
    """Every published mean gets an independent normal error of size STDERR; the untuned one is shared by the four teachers."""
    rng = np.random.default_rng(2)
    means = []
    for _ in range(1500):
        noisy = dict(table)
        for column in ("content", "style"):
            noisy[column] = table[column] + 0.1 * published.STDERR * rng.standard_normal(table[column].size)
            shared = np.repeat(0.1 * published.STDERR * rng.standard_normal(6), 12)
            noisy[f"untuned_{column}"] = table[f"untuned_{column}"] + np.concatenate([shared, np.zeros(12)])
        means.append(tables.between(noisy)[0].mean(axis=(1, 2)))
    spread = 10 * np.std(means, axis=0)  # errors a tenth as large, where the mixture is linear in them
    np.testing.assert_allclose(
        spread, tables.between(table)[1], rtol=0.1
    )  # 0.1: five standard errors of a spread over 1500 draws


def test_findings_on_content_can_come_out_otherwise(table):
    assert finding(table, "student's content is its teacher's").status.startswith("reproduced")
    assert finding(table, "recovers most").status.startswith("reproduced")
    assert finding(table, "all the content").status.startswith("not reproduced")
    aloof = changed(table, "naive", "content", lambda rows: rows["untuned_content"] - 0.5)
    assert finding(aloof, "student's content is its teacher's").status.startswith("not reproduced")
    untaught = changed(table, "intent", "content", lambda rows: rows["untuned_content"] - 0.1)
    untaught = changed(untaught, "icl", "content", lambda rows: rows["untuned_content"] - 0.1)
    assert finding(untaught, "all the content").status.startswith("reproduced")
    copied = changed(table, "icl", "content", lambda rows: rows["teacher_content"])
    assert finding(copied, "recovers most").status.startswith("not reproduced")


def test_findings_on_style_can_come_out_otherwise(table):
    assert finding(table, "in-context refinement below it").status.startswith("reproduced")
    assert finding(table, "increases with the teacher's style").status.startswith("observed here")
    assert finding(table, "interpretation").status.startswith("not attempted")
    raised = changed(table, "icl", "style", lambda rows: rows["teacher_style"] + 1.0)
    assert finding(raised, "in-context refinement below it").status.startswith("not reproduced")
    against = changed(table, "icl", "style", lambda rows: 9.0 - rows["teacher_style"])
    assert finding(against, "increases with the teacher's style").status.startswith("not reproduced")


def test_the_defective_accuracy_is_named_with_a_reason_that_adds_up(table):
    (bad,) = np.flatnonzero(table["is_defective"])
    assert (table["task"][bad], table["teacher"][bad], table["method"][bad]) == ("GSM8K", "Gemma", "naive")
    reason = published.DEFECTIVE["GSM8K", "Gemma"]
    printed = 0.7746
    assert (
        f"{np.sqrt(printed * (1 - printed)):.3f}" in reason
    )  # the largest standard deviation of scores in [0, 1] with that mean
    assert np.sqrt(printed * (1 - printed)) < 0.483 < np.sqrt(printed / 2 * (1 - printed / 2))
    assert f"{printed / 2:.3f}" in reason
    assert finding(table, "accuracy printed").status.startswith("not reproduced")


def test_mathematics_beyond_the_untuned_accuracy_would_be_seen(table):
    assert finding(table, "mathematics").status.startswith("reproduced")
    better = table | {"accuracy": np.where(table["method"] == "icl", 0.99, table["accuracy"])}
    assert finding(better, "mathematics").status.startswith("not reproduced")


def test_what_needs_the_interface_of_a_vendor_is_not_claimed(table):
    rest = [f for f in tables.findings(table) if "OpenAI API" in f.status]
    assert len(rest) == 4
    assert all(f.status.startswith("not attempted (needs the OpenAI API") for f in rest)


def test_the_picture_shows_every_published_number(table):
    pytest.importorskip("matplotlib")
    from figures._style import style
    from figures.somerstep2025_tables import draw

    with style():
        figure = draw(table)
        figure.draw_without_rendering()
    panels = figure.axes
    for i in range(3):
        drawn = np.sort(
            np.concatenate([line.get_ydata() for line in panels[i].get_lines() if str(line.get_marker()) in ("o", "s", "^")])
        )
        expected = np.sort(np.concatenate([tables.scores(table, m, "content")[i].ravel() for m in published.METHODS]))
        np.testing.assert_allclose(drawn, expected)
