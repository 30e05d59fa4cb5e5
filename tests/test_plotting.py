"""What is drawn is what the table says: the data of the artists against means and intervals computed by hand."""

from __future__ import annotations

import math
import sys
from dataclasses import replace

import numpy as np
import pyarrow
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from scipy import stats

from w2s_theory import plotting
from w2s_theory._validation import MissingExtra
from w2s_theory.outcomes import Check, Verdict
from w2s_theory.plotting import COLOURS, check_margins, gain_against_misfit, new_figure, phase_map, style, sweep_lines
from w2s_theory.report.columns import columns
from w2s_theory.sweeps import sweep

RNG = np.random.default_rng(0)
ROWS = [
    {"noise": noise, "method": method, "trial": trial, "gain": float(RNG.normal(noise, 0.1))}
    for noise in (0.01, 0.1, 1.0)
    for method in ("student", "refined")
    for trial in range(5)
]


@pytest.fixture
def axes():
    return new_figure()[1]


def gains(noise, method, rows=ROWS):
    return [row["gain"] for row in rows if row["noise"] == noise and row["method"] == method]


def interval(values, level):
    return stats.t.interval(level, len(values) - 1, np.mean(values), stats.sem(values))


def legend(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


@pytest.mark.parametrize("level", [0.95, 0.5])
def test_a_line_has_the_means_and_the_t_intervals_of_its_trials(axes, level):
    assert sweep_lines(axes, ROWS, "noise", "gain", by="method", level=level) is axes
    assert len(axes.containers) == 2
    for container, method in zip(axes.containers, ("student", "refined"), strict=True):
        at, mean = container.lines[0].get_data()
        np.testing.assert_allclose(at, [0.01, 0.1, 1.0])
        np.testing.assert_allclose(mean, [np.mean(gains(noise, method)) for noise in at])
        ends = np.array(container.lines[2][0].get_segments())[:, :, 1]
        np.testing.assert_allclose(ends, [interval(gains(noise, method), level) for noise in at])


def test_a_band_has_the_same_ends_as_the_bars(axes):
    sweep_lines(axes, ROWS, "noise", "gain", by="method", interval="band")
    drawn = {tuple(np.round(vertex, 9)) for vertex in axes.collections[0].get_paths()[0].vertices}
    for noise in (0.01, 0.1, 1.0):
        for end in interval(gains(noise, "student"), 0.95):
            assert (round(noise, 9), round(end, 9)) in drawn


def test_without_by_everything_else_is_averaged_over(axes):
    sweep_lines(axes, ROWS, "noise", "gain")
    _, mean = axes.containers[0].lines[0].get_data()
    np.testing.assert_allclose(mean[0], np.mean([row["gain"] for row in ROWS if row["noise"] == 0.01]))


def test_every_kind_of_table_gives_the_same_picture():
    table = {name: [row[name] for row in ROWS] for name in ROWS[0]}
    kinds = [ROWS, table, {name: np.array(cells) for name, cells in table.items()}, pyarrow.table(table), iter(ROWS)]
    kinds.append(type("Swept", (), {"table": table})())
    pandas = pytest.importorskip("pandas")
    kinds.append(pandas.DataFrame(table))
    drawn = []
    for kind in kinds:
        axes = new_figure()[1]
        sweep_lines(axes, kind, "noise", "gain", by="method")
        drawn.append([container.lines[0].get_ydata().tolist() for container in axes.containers])
    assert all(each == drawn[0] for each in drawn)


def test_failed_rows_and_rows_without_a_number_are_left_out_and_counted(axes):
    pandas = pytest.importorskip("pandas")
    rows = [
        *ROWS,
        {"noise": 1.0, "method": "student", "gain": 99.0, "error": "ValueError: no"},
        {"noise": 1.0, "method": "student", "gain": None, "error": "ValueError: no"},
        {"noise": 1.0, "method": "student", "gain": math.nan, "error": ""},
        {"noise": None, "method": "student", "gain": 99.0},
        {"noise": 1.0, "method": None, "gain": 99.0},
        {"noise": 1.0, "method": pandas.NA, "gain": 99.0},
    ]
    sweep_lines(axes, rows, "noise", "gain", by="method")
    assert axes.containers[0].lines[0].get_ydata()[-1] == pytest.approx(np.mean(gains(1.0, "student")))
    assert legend(axes) == ["student", "refined", "2 failed, left out", "4 without a number, left out"]


def test_a_single_trial_has_no_interval(axes):
    sweep_lines(axes, {"x": [1, 2, 2], "y": [5.0, 1.0, 2.0]}, "x", "y")
    segments = axes.containers[0].lines[2][0].get_segments()
    assert [len(segment) for segment in segments] == [0, 2]  # not one of width 0, which would be certainty
    assert segments[1][1][1] > 2.0
    axes.figure.draw_without_rendering()


def test_a_band_has_a_gap_where_there_is_a_single_trial(axes):
    sweep_lines(axes, {"x": [1, 1, 2, 3, 3], "y": [5.0, 6.0, 1.0, 2.0, 3.0]}, "x", "y", interval="band")
    places = {float(x) for path in axes.collections[0].get_paths() for x, _ in path.vertices}
    assert 2.0 not in places and axes.lines[0].get_xdata().tolist() == [1.0, 2.0, 3.0]
    alone = [segment[0][0] for bars in axes.containers for segment in bars.lines[2][0].get_segments()]
    assert alone == [1.0, 3.0]  # a band of one point would not be seen


@pytest.mark.parametrize(
    ("places", "scale"),
    [
        ([1, 2, 4, 8], "log"),
        ([10, 32, 100, 316, 1000], "log"),
        (np.geomspace(1e-3, 10.0, 5), "log"),
        ([1, 2, 3, 4, 5], "linear"),
        ([0.0, 1.0, 10.0, 100.0], "linear"),
        ([1, 100], "linear"),
        ([1.0, 1.1, 1.21], "linear"),
    ],
    ids=str,
)
def test_the_axis_is_logarithmic_where_the_grid_is_geometric(axes, places, scale):
    sweep_lines(axes, {"x": places, "y": np.ones(len(places))}, "x", "y")
    assert axes.get_xscale() == scale
    axes.figure.draw_without_rendering()
    if scale == "log":  # not 10⁰, 2 × 10⁰, 3 × 10⁰
        assert [text.get_text() for text in axes.get_xticklabels()] == [f"{place:.3g}" for place in places]


def test_roles_keep_their_colours_and_others_do_not_take_them(axes):
    rows = [{"x": x, "y": 1.0, "who": who} for x in (1, 2) for who in ("tuned", "ceiling", "weak", "other")]
    sweep_lines(axes, rows, "x", "y", by="who")
    colours = {container.get_label(): to_hex(container.lines[0].get_color()).upper() for container in axes.containers}
    assert colours["ceiling"] == COLOURS["ceiling"]
    assert colours["weak"] == COLOURS["weak"]
    assert not {colours["tuned"], colours["other"]} & set(COLOURS.values())
    assert len({container.lines[0].get_marker() for container in axes.containers}) == 4


def test_numbers_of_by_are_in_order(axes):
    sweep_lines(axes, {"x": [1, 1, 1], "y": [1.0, 2.0, 3.0], "n": [100, 20, 3]}, "x", "y", by="n")
    assert legend(axes) == ["3", "20", "100"]


@pytest.mark.parametrize(
    ("draw", "error", "message"),
    [
        (lambda a: sweep_lines(a, ROWS, "method", "gain"), TypeError, "x must be a column of numbers; 'method' holds 'student'"),
        (lambda a: sweep_lines(a, ROWS, "noise", "method"), TypeError, "y must be a column of numbers"),
        (lambda a: sweep_lines(a, ROWS, "noise", "gian"), KeyError, "none of noise, method, trial, gain"),
        (lambda a: sweep_lines(a, ROWS, "noise", "gain", by="who"), KeyError, "by must name a column"),
        (
            lambda a: sweep_lines(a, {"x": [1], "y": [1], "b": [[1]]}, "x", "y", by="b"),
            TypeError,
            r"by must be .*; it holds \[1\]",
        ),
        (lambda a: sweep_lines(a, [], "noise", "gain"), ValueError, "nothing to draw"),
        (lambda a: sweep_lines(a, {"x": [1.0], "y": [1.0, 2.0]}, "x", "y"), ValueError, "one length"),
        (lambda a: sweep_lines(a, {"x": [[1.0]], "y": [1.0]}, "x", "y"), TypeError, "column of numbers"),
        (lambda a: sweep_lines(a, {"x": [1.0], "y": [math.nan]}, "x", "y"), ValueError, "none of its 1 rows has"),
        (lambda a: sweep_lines(a, 3, "x", "y"), TypeError, "table must be"),
        (lambda a: sweep_lines(a, [3], "x", "y"), TypeError, "table must be"),
        (lambda a: sweep_lines(a, {"x": range(11), "y": range(11)}, "x", "y", by="x"), ValueError, "at most 10 values"),
        (lambda a: sweep_lines(a, ROWS, "noise", "gain", level=1.0), ValueError, "level"),
        (lambda a: sweep_lines(a, ROWS, "noise", "gain", interval="box"), ValueError, "'bars' or 'band'"),
        (lambda a: phase_map(a, {"x": [1, 2], "y": [1, 1], "z": [1, 1]}, "x", "y", "z"), ValueError, "cover a grid"),
        (lambda a: phase_map(a, {"x": [1, 2, 3], "y": [1, 2, 3], "z": [1, 1, 1]}, "x", "y", "z"), ValueError, "cover a grid"),
        (lambda a: check_margins(a, []), ValueError, "it is empty"),
        (lambda a: check_margins(a, ["check"]), TypeError, "it holds 'check'"),
        (lambda a: gain_against_misfit(a, [{"gain": 1.0}]), KeyError, "must have a column 'misfit'"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_the_argument_named(axes, draw, error, message):
    with pytest.raises(error, match=message):
        draw(axes)


def grid_table(trials=4):
    x, y, _ = (values.ravel() for values in np.meshgrid([1.0, 10.0, 100.0], [0.0, 0.5, 1.0, 1.5], range(trials), indexing="ij"))
    return {"x": x, "y": y, "gain": 0.75 - y + 0.3 * RNG.standard_normal(x.size)}


def test_a_phase_map_shows_the_mean_of_each_cell_and_dots_where_the_sign_is_not_told(axes):
    table = grid_table()
    assert phase_map(axes, table, "x", "y", "gain") is axes
    mesh = axes.collections[0]
    means, untold = np.empty((4, 3)), set()
    for i, y in enumerate((0.0, 0.5, 1.0, 1.5)):
        for j, x in enumerate((1.0, 10.0, 100.0)):
            values = table["gain"][(table["x"] == x) & (table["y"] == y)]
            means[i, j] = values.mean()
            low, high = interval(values, 0.95)
            untold |= {(x, y)} if low <= 0.0 <= high else set()
    np.testing.assert_allclose(mesh.get_array(), means)
    assert mesh.get_clim() == pytest.approx((-np.abs(means).max(), np.abs(means).max()))
    dots = next(line for line in axes.lines if line.get_marker() == ".")
    assert set(zip(*dots.get_data(), strict=True)) == untold
    assert untold and len(untold) < 12
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "linear")
    edges = mesh.get_coordinates()
    np.testing.assert_allclose(edges[0, :, 0], 10.0 ** np.array([-0.5, 0.5, 1.5, 2.5]))
    np.testing.assert_allclose(edges[:, 0, 1], [-0.25, 0.25, 0.75, 1.25, 1.75])


def test_the_contour_lies_where_the_value_changes_its_sign(axes):
    x, y = (values.ravel() for values in np.meshgrid([0.0, 1.0, 2.0], [0.0, 1.0, 2.0]))
    phase_map(axes, {"x": x, "y": y, "gain": x + y - 1.5}, "x", "y", "gain")
    path = axes.collections[1].get_paths()[0].vertices
    assert len(path) >= 4
    np.testing.assert_allclose(path.sum(axis=1), 1.5)
    assert legend(axes) == ["gain = 0"]


def test_a_phase_map_of_one_sign_has_no_contour_and_a_cell_without_a_result_no_colour(axes):
    table = {"x": [0.0, 0.0, 1.0, 1.0], "y": [0.0, 1.0, 0.0, 1.0], "gain": [1.0, 2.0, 3.0, None], "error": ["", "", "", "died"]}
    phase_map(axes, table, "x", "y", "gain")
    assert len(axes.collections) == 1
    assert axes.collections[0].get_array().mask.tolist() == [[False, False], [False, True]]
    assert "1 failed, left out" in axes.figure.axes[1].get_ylabel()


def test_margins_are_in_units_of_the_larger_side_and_verdicts_have_a_marker_and_a_colour_each(axes):
    held = Check("a.holds", Verdict.HOLDS, margin=0.5, error=0.25, left=1.5, right=2.0, relation="<=")
    checks = [
        held,
        replace(held, statement="a.violated", verdict=Verdict.VIOLATED, margin=-3.0, left=4.0, right=1.0, error=0.4),
        replace(held, statement="zero", margin=0.0, error=0.0, left=0.0, right=0.0),
        Check("a.unsolved", Verdict.UNSOLVED),
    ]
    assert check_margins(axes, checks) is axes
    drawn = {container.get_label(): container for container in axes.containers}
    assert list(drawn) == ["holds", "violated", "unsolved, no margin"]
    assert np.stack(drawn["holds"].lines[0].get_data(), axis=1).tolist() == [[0.25, 3.0], [0.0, 1.0]]
    np.testing.assert_allclose(drawn["holds"].lines[2][0].get_segments()[0][:, 0], [0.125, 0.375])
    assert np.stack(drawn["violated"].lines[0].get_data(), axis=1).tolist() == [[-0.75, 2.0]]
    looks = {(c.lines[0].get_marker(), c.lines[0].get_color()) for c in axes.containers}
    assert len({marker for marker, _ in looks}) == len({colour for _, colour in looks}) == 3
    assert drawn["unsolved, no margin"].lines[0].get_markerfacecolor() == "white"
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a.holds", "a.violated", "zero", "a.unsolved"]


def test_every_verdict_has_a_look_of_its_own(axes):
    check_margins(axes, [Check(verdict.name, verdict) for verdict in Verdict])
    looks = [(c.lines[0].get_marker(), c.lines[0].get_color()) for c in axes.containers]
    assert len({marker for marker, _ in looks}) == len({colour for _, colour in looks}) == len(Verdict)


def test_gain_against_misfit_needs_no_names_and_reads_columns(axes):
    assert gain_against_misfit(axes, {"misfit": [0.1, 0.2], "gain": [0.1, 0.3]}) is axes
    assert axes.containers[0].lines[0].get_ydata().tolist() == [0.1, 0.3]


DRAWINGS = {
    "sweep_lines": lambda axes: sweep_lines(axes, ROWS, "noise", "gain", by="method"),
    "phase_map": lambda axes: phase_map(axes, grid_table(), "x", "y", "gain"),
    "check_margins": lambda axes: check_margins(axes, [Check(verdict.name, verdict) for verdict in Verdict]),
}


MAKERS = {
    "plain axes": lambda: Figure(figsize=(9, 5)).add_subplot(),
    "part of a figure": lambda: Figure(figsize=(9, 10)).subfigures(2, 1)[1].add_subplot(),
    "our figure": lambda: new_figure()[1],
}


@pytest.mark.parametrize("name", DRAWINGS)
@pytest.mark.parametrize("make", MAKERS)
def test_the_legend_stands_outside_the_data_and_inside_the_figure(name, make):
    axes = MAKERS[make]()
    DRAWINGS[name](axes)
    figure = axes.figure.figure
    figure.draw_without_rendering()
    box, data, whole = axes.get_legend().get_window_extent(), axes.get_window_extent(), figure.bbox
    assert box.x0 >= data.x1 - 1 or box.y0 >= data.y1 - 1
    assert box.x0 >= whole.x0 - 1 and box.x1 <= whole.x1 + 1 and box.y1 <= whole.y1 + 1


def test_a_layout_that_the_user_chose_is_left_alone():
    figure = Figure(layout="tight")
    sweep_lines(figure.add_subplot(), ROWS, "noise", "gain")
    assert "Tight" in type(figure.get_layout_engine()).__name__


def test_beside_a_colour_bar_that_has_no_layout_it_is_drawn_too():
    figure = Figure()
    left, right = figure.subplots(1, 2)
    figure.colorbar(left.imshow(np.eye(2)), ax=left)
    sweep_lines(right, ROWS, "noise", "gain")
    figure.draw_without_rendering()


def test_text_of_users_starts_no_mathematics(axes):
    sweep_lines(axes, {"$x": [1.0, 2.0], "y_$": [1.0, 2.0], "by": ["$a", "_b"]}, "$x", "y_$", by="by")
    axes.figure.draw_without_rendering()
    assert legend(axes) == [r"\$a", "_b"]


def test_the_look_is_left_behind_with_the_context():
    import matplotlib

    before = matplotlib.rcParams["legend.frameon"]
    with style():
        assert matplotlib.rcParams["legend.frameon"] is False
    assert matplotlib.rcParams["legend.frameon"] == before


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtra, match="w2s-theory\\[figures\\]"):
        new_figure()


def test_a_sweep_is_drawn_as_it_is_returned(axes):
    def run_one(params, rng):
        if params["n"] == 8 and rng.random() < 0.5:
            raise ValueError("no")
        return {"mean": float(rng.standard_normal(params["n"]).mean())}

    result = sweep(run_one, [{"n": n} for n in (2, 4, 8)], trials=10, name="means")
    failed = len(result.failures)
    assert 0 < failed < 9
    sweep_lines(axes, result, "n", "mean")
    rows = [row for row in result.rows() if not row["error"]]
    means = [np.mean([row["mean"] for row in rows if row["n"] == n]) for n in (2, 4, 8)]
    np.testing.assert_allclose(axes.containers[0].lines[0].get_ydata(), means)
    assert legend(axes) == ["mean", f"{failed} failed, left out"]


def test_rows_of_mixed_kinds_keep_their_cells():
    found = columns([{"a": 1, "b": "x"}, {"a": "one"}])
    assert found["a"].tolist() == [1, "one"]
    assert found["b"].tolist() == ["x", None]


def test_every_public_name_exists_and_is_documented():
    for name in plotting.__all__:
        assert name in ("COLOURS", "LINES") or getattr(plotting, name).__doc__
