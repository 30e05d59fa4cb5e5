"""The benchmarks run, check every answer and record it: a wrong answer, a failure and an absent peer are told apart. No test looks at a time."""

from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="the benchmarks need the extra bench")
pytest.importorskip("mpmath", reason="the benchmarks need the extra bench")

from benchmarks import BENCHMARKS, ON_TORCH, __main__, _place, _record, _timing, accuracy, cost, logistic, metrics, ridge_peers
from benchmarks import streaming as streaming_benchmark
from benchmarks._problems import Reference, ridge_problem
from benchmarks._timing import Contender, contest, peer, relative_error
from w2s_theory.design import Design

from .tolerances import ROUNDING

CPU = _place.Place("cpu")


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """The folder of results after a quick run of everything."""
    folder = tmp_path_factory.mktemp("results")
    assert __main__.main(["--quick"], folder) == 0
    return folder


def contests(folder, name):
    """The rows of all contests of a saved benchmark."""
    data = json.loads((folder / f"{name}.json").read_text())
    return [row for table in data["tables"] for row in table["rows"] if "answer" in row]


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_quick_run_of_each_benchmark_is_recorded_with_its_machine(quick, name):
    data = json.loads((quick / "quick/cpu" / f"{name}.json").read_text())
    assert data["wrong"] == [] and data["tables"]
    about = data["about"]
    assert about["scale"] == "quick" and about["processor"] and about["gflops"]["float64"] > 0
    assert all(pool["threads"] == 1 for pool in about["pools"])
    assert f"## {data['title']}" in (quick / "quick/cpu.md").read_text()


@pytest.mark.parametrize(
    "name",
    ["ridge", "metrics", "logistic", "probe", "streaming", "prompts", "hidden_markov", "pgr_intervals", "extraction", "sweeps"],
)
def test_ours_and_every_exact_peer_give_the_same_answer(quick, name):
    rows = contests(quick / "quick/cpu", name)
    assert {row["answer"] for row in rows} <= {"same", "not exact", "absent", ""}
    assert all(row["answer"] == "same" for row in rows if row["contender"].startswith("ours"))
    assert all(row["note"] for row in rows if row["answer"] in ("not exact", "absent"))


def test_a_quick_run_touches_no_full_result_and_judges_no_goal(quick):
    assert [path.name for path in quick.iterdir()] == ["quick"]
    assert "not judged" in (quick / "quick/cpu.md").read_text()
    assert not any(line.endswith(("| yes |", "| **no** |")) for line in (quick / "quick/cpu.md").read_text().splitlines())


def test_the_plot_of_costs_is_saved_and_shown(quick):
    assert (quick / "quick/cpu/cost.svg").read_bytes().startswith(b"<?xml")
    assert (quick / "quick/cpu/cost.png").read_bytes().startswith(b"\x89PNG")
    assert "(cpu/cost.svg)" in (quick / "quick/cpu.md").read_text()


def test_another_run_of_one_benchmark_replaces_only_its_own(quick):
    before = {path.name: path.read_bytes() for path in (quick / "quick/cpu").glob("*.json")}
    assert __main__.main(["--quick", "accuracy"], quick) == 0
    after = {path.name: path.read_bytes() for path in (quick / "quick/cpu").glob("*.json")}
    assert {name for name in before if before[name] != after[name]} <= {"accuracy.json"}
    assert "## Ridge" in (quick / "quick/cpu.md").read_text()


def test_the_torch_path_gives_the_same_answers_on_the_cpu(tmp_path):
    pytest.importorskip("torch")
    assert __main__.main(["--quick", "--device", "cpu-torch"], tmp_path) == 0
    for name in ON_TORCH:
        rows = contests(tmp_path / "quick/cpu-torch", name)
        assert {row["answer"] for row in rows} <= {"same", ""} and any(row["answer"] == "same" for row in rows)


@pytest.mark.gpu
def test_the_torch_path_runs_on_a_gpu(tmp_path):
    assert __main__.main(["--quick", "--device", "cuda"], tmp_path) == 0


# ---- power: what is wrong is seen -------------------------------------------------------------------------------------------------------


class SlightlyWrong(Design):
    """A Design whose heads are off by one part in a million."""

    def solve(self, labels=None, **path):
        heads = super().solve(labels, **path)
        object.__setattr__(heads, "coefficients", heads.coefficients * (1.0 + 1e-6))
        return heads


@pytest.mark.parametrize(("name", "module"), [("ridge", ridge_peers), ("accuracy", accuracy)])
def test_heads_off_by_one_part_in_a_million_are_reported_as_wrong(monkeypatch, tmp_path, name, module):
    monkeypatch.setattr(module, "Design", SlightlyWrong)
    assert __main__.main(["--quick", name], tmp_path) == 1
    assert "**WRONG**" in (tmp_path / "quick/cpu.md").read_text()


def test_the_normal_equations_fail_the_accuracy_benchmark(monkeypatch, tmp_path):
    class ByGram(Design):
        def __init__(self, features):
            super().__init__(features)
            self.given = features

        def solve(self, labels=None, **path):
            heads = super().solve(labels, **path)
            x, y = self.given, np.asarray(labels)
            gram = x.T @ x + path["penalties"] * np.eye(x.shape[1])
            object.__setattr__(heads, "coefficients", np.linalg.lstsq(gram, x.T @ y, rcond=None)[0][None])
            return heads

    monkeypatch.setattr(accuracy, "Design", ByGram)
    assert __main__.main(["--quick", "accuracy"], tmp_path) == 1


def test_errors_and_gradients_that_are_off_are_seen():
    problem = ridge_problem(60, 5, 4, 2)
    wanted = metrics.reference(problem)
    (ours, *_) = metrics.contenders(problem, wanted, "float64", CPU, has_target=True, is_new=True)
    answer = ours.run()
    assert ours.error(answer) <= ours.allowed < ours.error(answer * (1.0 + 1e-6))
    for contender in cost._contenders(cost.Base(60, 5, 4, 2), "quick"):
        heads = np.array(contender.run())
        assert contender.error(heads) <= contender.allowed < contender.error(heads * (1.0 + 1e-6))
    drawn = logistic.draw(logistic.Size(80, 4, 3, 2))
    heads = logistic.fit_softmax(drawn.features, drawn.labels, penalty=logistic.PENALTY).coefficients
    assert drawn.relative_gradient(heads) <= logistic.SAME["float64"] < drawn.relative_gradient(heads * (1.0 + 1e-4))


def entry(outcomes):
    section = _record.Section("Toy", "toy")
    section.add_contest("toy", outcomes, "full", "toy")
    return section


def test_a_wrong_answer_a_failure_and_an_absent_peer_are_rows_and_the_others_go_on():
    truth = np.ones((1, 3))

    def against(answer):
        return relative_error(answer, truth)

    def breaks():
        raise RuntimeError("no convergence")

    def lacks():
        raise ImportError("No module named 'nonsense'", name="nonsense")

    entries = [
        Contender("ours", lambda: truth.copy(), against, ROUNDING),
        Contender("off", lambda: truth * 1.001, against, ROUNDING, goal=1e-9),
        Contender("not a number", lambda: truth * np.nan, against, ROUNDING),
        Contender("another shape", lambda: truth[:, :2], against, ROUNDING),
        Contender("breaks", breaks, against, ROUNDING, goal=1e-9),
        Contender("early", lambda: truth * 1.001, against, None),
        peer("nonsense", lacks),
    ]
    section = entry(contest(entries, "quick", CPU))
    (table,) = section.tables
    assert [row["answer"] for row in table.rows] == ["same", "WRONG", "WRONG", "WRONG", "FAILED", "not exact", "absent"]
    assert [line.split(": ")[1] for line in section.wrong] == ["off", "not a number", "another shape", "breaks"]
    assert "no convergence" in table.rows[4]["note"] and "nonsense is not installed" in table.rows[6]["note"]
    assert not any(goal.met for goal in section.goals), "a goal is not met by beating a wrong answer"


def test_a_time_measured_on_a_share_of_the_work_is_divided_by_it(monkeypatch):
    ticks = iter(range(1000))
    monkeypatch.setattr(_timing.time, "perf_counter", lambda: float(next(ticks)))
    entries = [Contender("ours", lambda: 0), Contender("sampled", lambda: 0, share=0.01)]
    ours, sampled = contest(entries, "quick", CPU)
    assert ours.seconds == [1.0] and sampled.seconds == [
        100.0
    ]  # a second each: over the budget, so the first call is the only one


def test_goals_are_judged_at_full_size():
    entries = [Contender("ours", lambda: 0), Contender("peer", lambda: 0, goal=2.0), Contender("equal", lambda: 0, goal=2.0)]
    outcomes = [_timing.Outcome(contender, [seconds]) for contender, seconds in zip(entries, (1.0, 3.0, 1.0), strict=True)]
    assert [goal.met for goal in entry(outcomes).goals] == [True, False]


# ---- references -------------------------------------------------------------------------------------------------------------------------


def test_the_long_reference_solves_the_normal_equations_exactly():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((6, 2)) * [1.0, 1e-9], rng.standard_normal((6, 1))
    long = accuracy.exact_heads(x, y, 0.0)[:, 0]
    rows = [[Fraction(value) for value in row] for row in x.tolist()]
    a, b, c = (sum(row[i] * row[j] for row in rows) for i, j in ((0, 0), (0, 1), (1, 1)))
    p, q = (sum(row[i] * Fraction(value) for row, value in zip(rows, y[:, 0].tolist(), strict=True)) for i in (0, 1))
    exact = [(c * p - b * q) / (a * c - b * b), (a * q - b * p) / (a * c - b * b)]
    assert [float(value) for value in long] == [float(value) for value in exact]


def test_the_ridge_reference_agrees_with_least_squares_on_extended_rows():
    problem = ridge_problem(30, 4, 3, 2)
    reference = Reference(problem)
    for head, penalty in zip(reference.heads(problem.penalties), problem.penalties, strict=True):
        rows = np.vstack([problem.features, penalty**0.5 * np.eye(4)])
        extended = np.linalg.lstsq(rows, np.vstack([problem.weak, np.zeros((4, 3))]), rcond=None)[0]
        np.testing.assert_allclose(head, extended, rtol=0, atol=ROUNDING)
    kept = np.arange(30) != 7
    gram = problem.features[kept].T @ problem.features[kept] + problem.penalties[0] * np.eye(4)
    left_out = problem.features[7] @ np.linalg.solve(gram, problem.features[kept].T @ problem.weak[kept])
    others = Reference(problem._replace(penalties=problem.penalties[:1])).leave_one_out(problem.penalties[:1])
    hat = problem.features @ np.linalg.solve(
        problem.features.T @ problem.features + problem.penalties[0] * np.eye(4), problem.features.T
    )
    shortcut = (problem.weak - hat @ problem.weak) / (1.0 - np.diag(hat))[:, None]
    np.testing.assert_allclose(shortcut[7], problem.weak[7] - left_out, rtol=0, atol=ROUNDING)
    np.testing.assert_allclose(others[0], np.mean(shortcut**2, axis=0), rtol=0, atol=ROUNDING)


def test_the_counted_gram_matrix_is_the_sum_over_the_batches():
    blocks = streaming_benchmark.Blocks(3, 50)
    total = sum(blocks.ring[window].T @ blocks.ring[window] for window in blocks.offsets(430))
    np.testing.assert_allclose(blocks.gram(430), total, rtol=0, atol=430 * ROUNDING)
    assert sum(window.stop - window.start for window in blocks.offsets(430)) == 430


# ---- the command line -------------------------------------------------------------------------------------------------------------------


def test_misuse_has_exit_code_2_and_a_hint(capsys, tmp_path):
    assert __main__.main(["rigde"], tmp_path) == 2
    assert "did you mean ridge?" in capsys.readouterr().err
    assert __main__.main(["accuracy", "--device", "cpu-torch"], tmp_path) == 2
    assert "there is no benchmark 'accuracy' on cpu-torch" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_library_that_can_not_be_held_to_one_thread_is_refused(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(_place, "pools", lambda: [{"name": "stubborn", "version": "", "threads": 2, "core": ""}])
    assert __main__.main(["--quick", "accuracy"], tmp_path) == 2
    assert "stubborn" in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_help_names_every_benchmark(capsys):
    with pytest.raises(SystemExit) as stop:
        __main__.main(["--help"])
    told = capsys.readouterr().out
    assert stop.value.code == 0 and all(f"  {name} " in told for name in BENCHMARKS)
