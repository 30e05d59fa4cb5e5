"""Studies as files: what .py and .toml say, what is refused by name, and what the page says of the results."""

from __future__ import annotations

import sys

import numpy as np
import pytest

pytest.importorskip("pyarrow")

from w2s_theory.montecarlo import mean_estimate
from w2s_theory.sweeps import sweep
from w2s_theory.sweeps.study import StudyError, read_study
from w2s_theory.sweeps.study_page import NoFigure, sections, shown_columns, summary

PYTHON = '''"""A title.

More."""
import helper
GRID = [{"n": 10, "method": "a"}, {"n": 20, "method": "a"}]

def run_one(params, rng):
    """What it returns."""
    return {"mean": helper.twice(params["n"])}
'''
TOML = """
run = "study.py:run_one"
name = "another"
trials = 2
seed = 5
seed_axes = ["n", "trial"]
x = "n"
y = "mean"

[grid]
method = ["a", "b"]
n = {log = [10, 1000], count = 3}
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write a file beside the study's own ``helper.py``; return its path."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "helper", raising=False)
    (tmp_path / "helper.py").write_text("def twice(n):\n    return 2 * n\n")

    def write(text: str, name: str = "study.py"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def toml(write, *changes: tuple[str, str], more: str = ""):
    """The study of ``TOML`` with parts of its text replaced."""
    write(PYTHON)
    text = TOML
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return read_study(write(text + more, "words.toml"))


def test_a_python_file_is_read_with_what_lies_beside_it(write):
    study = read_study(write(PYTHON))
    assert (study.title, study.about, study.name) == ("A title", "A title.\n\nMore.", "study")
    assert study.axes == ["n", "method"] and study.trials is None and study.seed_axes is None
    assert study.run_one({"n": 3, "method": "a"}, rng=np.random.default_rng(0)) == {"mean": 6}


def test_a_toml_file_says_the_same_of_a_function_elsewhere(write):
    study = toml(write)
    assert (study.name, study.trials, study.seed, study.seed_axes) == ("another", 2, 5, ("n", "trial"))
    assert study.title == "words: What it returns" and (study.x, study.y, study.by) == ("n", "mean", "")
    assert study.grid == [{"method": m, "n": n} for m in "ab" for n in (10, 100, 1000)]
    result = sweep(study.run_one, study.grid, trials=study.trials, name=study.name)
    assert result.table["mean"].tolist() == [2 * n for n in (10, 10, 100, 100, 1000, 1000)] * 2
    of_a_module = toml(write, ('"study.py:run_one"', '"helper:twice"'))
    assert of_a_module.run_one(4) == 8


def test_axes_of_every_kind_are_crossed_in_their_order(write):
    grid = """
[grid.zip]
weak = [10, 20]
strong = [20, 80]
[grid.random]
count = 3
seed = 1
width = {log = [8, 512]}
share = {linear = [0.0, 1.0]}
head = ["x", "y"]
"""
    change = ("n = {log = [10, 1000], count = 3}", "n = {linear = [0, 10], count = 3}\nnoise = {linear = [0.0, 1.0], count = 3}")
    points = toml(write, ('seed_axes = ["n", "trial"]', ""), change, more=grid).grid
    assert len(points) == 2 * 3 * 3 * 2 * 3 and list(points[0]) == [
        "method",
        "n",
        "noise",
        "weak",
        "strong",
        "width",
        "share",
        "head",
    ]
    assert [point["n"] for point in points[:: 3 * 3 * 2]] == [0, 5, 10] * 2 and {point["noise"] for point in points} == {
        0.0,
        0.5,
        1.0,
    }
    assert {(point["weak"], point["strong"]) for point in points} == {(10, 20), (20, 80)}
    drawn = points[:3]
    assert all(type(point["width"]) is int and 8 <= point["width"] <= 512 and 0 <= point["share"] <= 1 for point in drawn)
    assert len({point["share"] for point in points}) == 3 and {point["head"] for point in points} <= {"x", "y"}


def test_a_sobol_table_and_several_grids(write):
    more = "[grid.sobol]\ncount = 8\nseed = 0\nrate = {log = [1e-4, 1e-1]}\n"
    points = toml(write, ('method = ["a", "b"]', 'method = ["a"]'), ("count = 3", "count = 1"), more=more).grid
    eighths = sorted(int(8 * (np.log10(point["rate"]) + 4) / 3) for point in points)
    assert eighths == list(range(8))  # one in each eighth of the range
    two = toml(write, ("[grid]", "[[grid]]"), more='[[grid]]\nmethod = ["c"]\nn = [7]\n').grid
    assert len(two) == 7 and two[-1] == {"method": "c", "n": 7}


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("trials = 2", "trials = 0", r"trials of .*words.toml must be a whole number >= 1; it is 0"),
        ("trials = 2", 'trials = "2"', r"trials of .* must be a whole number >= 1; it is '2'"),
        ("seed = 5", "seed = -1", r"seed of .* must be a whole number >= 0; it is -1"),
        ('["n", "trial"]', '["m"]', r"seed_axes of .* must name axes of every point \(method, n, trial\); it names 'm'"),
        ('["n", "trial"]', '"n"', r"seed_axes of .* must be a list of names of axes; it is 'n'"),
        ("trials = 2", "trails = 2", r"has the key 'trails', which no study has. Did you mean 'trials'\?"),
        ('run = "study.py:run_one"', "", r"must have the key 'run'"),
        ("study.py:run_one", "study.py", r'must be "file.py:function" or "package.module:function"; it is \'study.py\''),
        ("study.py:run_one", "study.py:absent", r"can't be loaded: ValueError: .*study.py has no function 'absent'"),
        ("study.py:run_one", "nowhere.at.all:f", r"can't be loaded: ModuleNotFoundError"),
        ("study.py:run_one", "gone.py:f", r"can't be loaded: ValueError: .*gone.py can't be read"),
        ('method = ["a", "b"]', "method = 3", r"grid.method of .* must be a list of values, as in \[3\], or a range"),
        ('method = ["a", "b"]', "method = []", r"grid.method of .* is \[\], and can't be: method must have at least one value"),
        ('method = ["a", "b"]', "method = [[1]]", r"grid.method of .*'method' must be a str, int, float or bool"),
        ("count = 3", "count = 0", r"grid.n of .* must have a count, a whole number >= 1"),
        (", count = 3", "", r"grid.n of .* must have a count"),
        ("log = [10, 1000]", "logg = [10, 1000]", r"grid.n of .* it is \{'logg': \[10, 1000\]\}. Did you mean 'log'\?"),
        ("log = [10, 1000]", "log = [10]", r"grid.n of .* must have two ends, log = \[low, high\]; they are \[10\]"),
        ("log = [10, 1000]", "log = [0, 1000]", r"grid.n of .*low must be a finite number > 0; it is 0"),
        ("[grid]", "[grid.zip]\na = [1, 2]\nb = [1]\n[grid.c]", r"grid.zip of .* must have the same length"),
        ("[grid]", "[grid.random]\nseed = 0\na = [1]\n[grid.c]", r"grid.random of .* must have a count"),
        ("[grid]", "[grid.random]\ncount = 2\na = [1]\n[grid.c]", r"grid.random of .* must have a seed"),
        ("[grid]", "[grid.sobol]\ncount = 2\nseed = 1\n[grid.c]", r"grid.sobol of .* must have an axis beside count and seed"),
        ("[grid]", "[grid.random]\ncount = 2\nseed = 1\na = {log = 3}\n[grid.c]", r"grid.random.a of .* must have two ends"),
        ("[grid]", "[grid]\n[grid]", r"words.toml must be TOML in UTF-8"),
        ("[grid]", "[grid.zip]\nmethod = [1]\n[grid.n]\nlog=[1,2]\ncount=2\n[other]", r"has the key 'other'"),
    ],
)
def test_what_a_toml_file_says_wrongly_is_named_with_its_value(write, old, new, why):
    with pytest.raises(StudyError, match=why):
        toml(write, (old, new))


def test_an_axis_that_is_there_twice_is_refused(write):
    with pytest.raises(StudyError, match=r"grid of .* must have different axes; \['n'\] are in two"):
        toml(write, more="[grid.zip]\nn = [1]\n")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x = 1\n", r"study.py must have GRID and run_one"),
        ("GRID = []\ndef run_one(params, rng): pass\n", r"the grid of .* must be a list of points with one at least"),
        (
            "GRID = {'n': [1]}\ndef run_one(params, rng): pass\n",
            r"must be a list of points .*product\(n=\[10, 20\]\).*it is \{'n': \[1\]\}",
        ),
        ("GRID = [{'n': 1}, 3]\ndef run_one(params, rng): pass\n", r"point 2 of the grid of .* it is 3"),
        ("GRID = [{'n': 1}]\nrun_one = 3\n", r"run_one of .* must be a function; it is 3"),
        (
            "GRID = [{'n': 1}]\nTRIALS = 1.5\ndef run_one(params, rng): pass\n",
            r"TRIALS of .* must be a whole number >= 1; it is 1.5",
        ),
        (
            "GRID = [{'trial': 1}]\nTRIALS = 2\ndef run_one(params, rng): pass\n",
            r"TRIALS of .* adds an axis 'trial', which the grid has",
        ),
        ("GRID = [{'n': 1}]\nX = 3\ndef run_one(params, rng): pass\n", r"X of .* must be a text; it is 3"),
        ("x = 1\n1 / 0\n", r"study.py, line 2, can't be run: ZeroDivisionError"),
        ("import sys\nsys.exit(3)\n", r"study.py, line 2, can't be run: SystemExit"),
        ("def run_one(:\n", r"study.py does not parse: .*line 1"),
    ],
)
def test_what_a_python_file_lacks_is_named(write, text, why):
    with pytest.raises(StudyError, match=why):
        read_study(write(text))


def of_rows(write, body: str, more: str = ""):
    """A study whose ``run_one`` has this body, and its result."""
    text = f"GRID = [{{'n': n, 'method': m}} for m in 'ba' for n in (10, 20)]\nTRIALS = 5\n{more}\ndef run_one(params, rng):\n    {body}\n"
    study = read_study(write(text))
    return study, sweep(study.run_one, study.grid, trials=study.trials, name="made")


def test_the_summary_has_means_with_intervals_over_trials_in_the_order_of_the_grid(write):
    study, result = of_rows(write, "return {'gain': rng.normal(), 'is_good': True}")
    means, words = summary(study, result.table)
    assert "over the trials" in words
    assert [(row["method"], row["n"]) for row in means] == [("b", 10), ("b", 20), ("a", 10), ("a", 20)]
    for row in means:
        here = (result.table["method"] == row["method"]) & (result.table["n"] == row["n"])
        expected = mean_estimate(result.table["gain"][here])
        np.testing.assert_allclose(
            [row["gain"].value, row["gain"].low, row["gain"].high], [expected.value, expected.low, expected.high], rtol=1e-12
        )


def test_the_summary_leaves_out_failures_and_numbers_that_are_none(write):
    body = "if params['method'] == 'a': raise ValueError('no')\n    return {'gain': float('nan') if params['n'] == 10 else 1.0}"
    study, result = of_rows(write, body)
    means, _ = summary(study, result.table)
    assert means == [{"method": "b", "n": 10}, {"method": "b", "n": 20, "gain": means[1]["gain"]}]
    assert means[1]["gain"].value == 1.0
    parts = {section.title: section for section in sections(study, result, b"", "")}
    assert [row["error"] for row in parts["Failures"].rows] == ["ValueError: no"] * 10


def test_a_page_of_very_many_points_shows_the_first_means_and_says_so(write, monkeypatch):
    study, result = of_rows(write, "return {'gain': rng.normal()}")
    for most, words in ((3, "The first 3 of 4 are shown."), (4, "")):
        monkeypatch.setattr("w2s_theory.sweeps.study_page.MEANS", most)
        (part,) = [section for section in sections(study, result, b"", "") if section.title == "What came out"]
        assert len(list(part.rows)) == most and part.text.endswith(f"left out.{f' {words}' if words else ''}")


def test_everything_failed_is_a_page_too(write):
    study, result = of_rows(write, "raise ValueError('no')")
    titles = [section.title for section in sections(study, result, b"", "why")]
    assert "Failures" in titles and summary(study, result.table)[0] == []


def test_the_figure_shows_what_the_study_names_or_what_varies(write):
    study, result = of_rows(write, "return {'gain': 1.0}")
    assert shown_columns(study, result.table) == ("n", "gain", "method")
    study, result = of_rows(
        write, "return [{'rule': r, 'gain': 1.0, 'misfit': 2.0} for r in 'uv']", "X, Y, BY = 'gain', 'misfit', 'rule'"
    )
    assert shown_columns(study, result.table) == ("gain", "misfit", "rule")
    study, result = of_rows(write, "return {'word': 'x'}")
    with pytest.raises(NoFigure, match="no number was returned"):
        shown_columns(study, result.table)
