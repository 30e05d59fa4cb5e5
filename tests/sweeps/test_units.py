"""What a worker does with a unit, and how the next unit is chosen."""

from __future__ import annotations

import os
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import threadpool_info, threadpool_limits

from w2s_theory.sweeps import schedule as rules
from w2s_theory.sweeps.schedule import Schedule
from w2s_theory.sweeps.units import one_thread, run_unit

POINTS = [({"n": n}, None) for n in range(50)]


def unit(run_one, points=POINTS, seconds=60.0):
    return run_unit(run_one, "test", points, 0, ["n"], seconds)


def test_a_unit_stops_when_its_time_is_over_but_runs_at_least_one_point():
    def slow(params, rng):
        time.sleep(0.01)
        return {"y": 1}

    assert len(unit(slow, seconds=0.0)) == 1
    assert 1 < len(unit(slow, seconds=0.05)) < 50
    results = unit(lambda params, rng: {"y": params["n"]})
    assert [result.index for result in results] == list(range(50)) and [result.rows[0]["y"] for result in results] == list(
        range(50)
    )


class Panic(BaseException):
    """What a compiled library may raise."""


def test_what_a_point_raises_is_its_result_and_the_others_go_on():
    def run_one(params, rng):
        if params["n"] == 1:
            raise ZeroDivisionError("no\nway")
        if params["n"] == 2:
            raise SystemExit(3)
        if params["n"] == 3:
            raise ValueError("\ud800")
        if params["n"] == 4:
            raise Panic("rusty")
        return {"y": 1.0}

    results = unit(run_one, POINTS[:6])
    assert [result.status for result in results] == ["ok", *["failed"] * 4, "ok"]
    assert results[1].error == "ZeroDivisionError: no way" and "in run_one" in results[1].traceback
    assert results[2].error == "SystemExit: 3"
    assert all(result.error.encode() and result.rows == [] for result in results[1:5])
    assert results[4].error.endswith("Panic: rusty")


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        (None, "must return a dict"),
        ("text", "must return a dict"),
        ([1.0], "one of its rows is 1.0"),
        ({"n": 2}, "'n' is 0 there and 2 in the row"),
        ({"_key": 1}, "must not be named '_key'"),
        ({"trial": 1}, "must not be named 'trial'"),
        ({"error": ""}, "must not be named 'error'"),
        ({1: 1}, "named by strings"),
        ({"y": [1]}, "'y' must be a str, int, float or bool"),
        ({"y": np.zeros(3)}, "'y' must be a str, int, float or bool"),
    ],
)
def test_rows_that_are_none_are_failures_that_say_why(returned, words):
    (result,) = unit(lambda params, rng: returned, POINTS[:1])
    assert result.status == "failed" and words in result.error


def test_rows_may_be_one_dict_many_a_generator_or_none_and_may_repeat_their_point():
    def many(params, rng):
        yield {"n": params["n"], "y": np.float64("nan")}
        yield {"y": float("inf"), "word": np.str_("a"), "flag": np.True_}

    (result,) = unit(many, POINTS[:1])
    assert result.status == "ok" and np.isnan(result.rows[0].pop("y"))
    assert result.rows == [{}, {"y": float("inf"), "word": "a", "flag": True}]
    assert unit(lambda params, rng: [], POINTS[:1])[0].rows == []


def test_a_point_can_not_change_the_next_one_through_its_parameters():
    def run_one(params, rng):
        params["n"] = params.pop("n") + 100
        return {"y": params["n"]}

    assert [result.rows[0]["y"] for result in unit(run_one, [POINTS[0], POINTS[0]])] == [100, 100]


def test_the_draws_do_not_depend_on_the_unit_and_trials_draw_differently():
    def run_one(params, rng):
        return {"y": rng.normal()}

    together = [result.rows[0]["y"] for result in unit(run_one, POINTS[:3])]
    assert together == [unit(run_one, [point])[0].rows[0]["y"] for point in POINTS[:3]]
    trials = [({"n": 0}, trial) for trial in range(3)]
    drawn = [result.rows[0]["y"] for result in run_unit(run_one, "test", trials, 0, ["n", "trial"], 60.0)]
    assert len({*drawn, together[0]}) == 4


def test_a_unit_has_one_blas_thread_and_leaves_the_threads_and_the_environment_as_they_were():
    def threads(params, rng):
        return {"most": max(pool["num_threads"] for pool in threadpool_info()), "variable": os.environ["OMP_NUM_THREADS"]}

    before = dict(os.environ)
    with threadpool_limits(2):
        found = [pool["num_threads"] for pool in threadpool_info()]
        (result,) = unit(threads, POINTS[:1])
        assert result.rows == [{"most": 1, "variable": "1"}]
        assert [pool["num_threads"] for pool in threadpool_info()] == found
    assert dict(os.environ) == before


def test_libraries_that_are_loaded_inside_have_one_thread_too(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    with one_thread():
        assert os.environ["OMP_NUM_THREADS"] == "1"
    assert "OMP_NUM_THREADS" not in os.environ


def worked_off(schedule, slots, cost, target=0.0):
    """Play a schedule with workers whose points take ``cost(point)`` seconds, in virtual time: units (start, end, points run)."""
    free, units = [0.0] * slots, []
    under_way = []
    while True:
        while len(under_way) < slots and (chosen := schedule.next(slots, target)):
            worker = free.index(min(f for place, f in enumerate(free) if place not in [w for *_, w in under_way]))
            start, spent, done = free[worker], 0.0, 0
            for point in chosen.points:
                if done and spent >= chosen.seconds:
                    break
                spent += cost(point)
                done += 1
            under_way.append((start + spent, chosen, done, start, worker))
        if not under_way:
            return units
        end, chosen, done, start, worker = under_way.pop(under_way.index(min(under_way, key=lambda each: each[0])))
        free[worker] = end
        schedule.ended(chosen, done, end - start)
        units.append((start, end, list(chosen.points[:done])))


@given(st.integers(1, 400), st.integers(1, 8), st.sampled_from([1e-4, 1e-3, 0.01, 0.1, 3.0]), st.integers(0, 2**31))
def test_every_point_is_run_once_whatever_points_cost(count, slots, mean, seed):
    costs = np.random.default_rng(seed).exponential(mean, size=count)
    units = worked_off(Schedule(range(count)), slots, lambda point: costs[point])
    assert sorted(point for *_, points in units for point in points) == list(range(count))


@pytest.mark.parametrize("cost", [2e-4, 1e-3, 0.01, 0.05])
@pytest.mark.parametrize("slots", [1, 2, 16])
def test_units_grow_to_their_time_and_shrink_near_the_end_so_that_workers_end_together(cost, slots):
    count = int(slots * 10.0 / cost)
    units = worked_off(Schedule(range(count)), slots, lambda point: cost)
    lengths = np.array([end - start for start, end, _ in units])
    assert len(units[0][2]) == 1
    assert lengths.max() < rules.SECONDS + 2 * cost
    assert np.mean(lengths >= rules.LEAST) > 0.8, "few are shorter: the first ones and the last"
    ends = sorted(end for *_, end in ((start, end) for start, end, _ in units))[-slots:]
    assert max(ends) - 10.0 < rules.SECONDS, "no worker waits longer at the end than a unit takes"


def test_units_are_longer_where_writing_takes_long():
    units = worked_off(Schedule(range(5000)), 2, lambda point: 0.01, target=0.1)
    assert 1.9 < max(end - start for start, end, _ in units) < 2.1


def test_a_slow_first_point_does_not_keep_units_small():
    units = worked_off(Schedule(range(20_000)), 1, lambda point: 3.0 if point == 0 else 0.001)
    assert len(units) < 20.0 / rules.LEAST


def test_after_a_death_the_points_are_run_one_by_one_and_only_the_deadly_one_is_recorded():
    schedule = Schedule(range(100))
    schedule.ended(schedule.next(2), 1, 0.01)
    deadly, runs, recorded, done = 5, 0, [], [0]
    while chosen := schedule.next(2):
        other = schedule.next(2)  # a second worker goes on meanwhile, and never with a second suspect
        assert other is None or len(chosen.points) > 1 or not set(other.points) & set(range(1, 9))
        for each in (chosen, other):
            if each is None:
                continue
            if deadly in each.points:
                runs += 1
                recorded += schedule.died(each)
            else:
                schedule.ended(each, len(each.points), 0.01 * len(each.points))
                done += each.points
    assert recorded == [deadly] and runs == 1 + rules.DEATHS
    assert sorted(done) == [point for point in range(100) if point != deadly]


@pytest.mark.parametrize("count", [20, 1000, rules.MOST])
def test_a_deadly_point_among_very_many_is_found_with_few_deaths_and_few_units(count):
    schedule, deadly, died, units, done = Schedule(range(count)), count // 3, 0, 0, []
    schedule.ended(schedule.next(1), 1, 1e-6)
    done.append(0)
    schedule._count = count
    recorded = []
    while chosen := schedule.next(1):
        units += 1
        if deadly in chosen.points:
            died += 1
            recorded += schedule.died(chosen)
        else:
            half = -(-len(chosen.points) // 2)  # its time was over
            schedule.ended(chosen, half, 1e-6 * half)
            done += chosen.points[:half]
    assert recorded == [deadly] and sorted([*done, deadly]) == list(range(count))
    assert died <= 5 and units < 1500


def test_points_that_another_run_has_finished_are_passed_over():
    taken = set(range(30, 60))
    schedule = Schedule(range(100), taken.__contains__)
    units = worked_off(schedule, 2, lambda point: 0.05)
    assert sorted(point for *_, points in units for point in points) == [*range(30), *range(60, 100)]
    assert schedule.next(2) is None
