"""Rows of items cut into time steps."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from swath.grid import Period
from swath.planning.steps import Steps


def moments(*texts: str) -> np.ndarray:
    return np.array([int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1e6) for text in texts])


def cut(period, times, observations=None, rows=None):
    times = np.asarray(times, np.int64)
    codes = np.arange(len(times), dtype=np.int32) if observations is None else np.array(observations, np.int32)
    rows = np.arange(len(times), dtype=np.int32) if rows is None else np.array(rows, np.int32)
    return [(step.id, mine.tolist()) for step, mine in Steps.of(Period.parse(period), times, codes).cut(rows)]


def test_fixed_steps_hold_their_items_and_those_without_any_come_too():
    times = moments("2023-01-01", "2023-01-31T23:59:59.999999", "2023-03-01")
    assert cut("2023-01/2023-03/P1M", times) == [("2023-01", [0, 1]), ("2023-02", []), ("2023-03", [2])]


def test_rows_of_a_step_are_ordered_by_time_then_by_row():
    times = moments("2023-05-02", "2023-05-01", "2023-05-02", "2023-05-01")
    assert cut("2023/P1Y", times) == [("2023", [1, 3, 0, 2])]


def test_items_outside_of_the_period_are_in_no_step():
    times = moments("2022-12-31T23:59:59", "2023-06-01", "2024-01-01")
    assert cut("2023/P1Y", times) == [("2023", [1])]


def test_only_the_rows_of_the_tile_are_cut():
    times = moments("2023-05-01", "2023-05-02", "2023-05-03")
    assert cut("2023/P1Y", times, rows=[0, 2]) == [("2023", [0, 2])]


@given(st.lists(st.integers(0, 400 * 24 * 3600), max_size=40))
def test_every_item_within_the_period_is_in_exactly_one_step(seconds):
    times = moments("2023-01-01")[0] + np.array(seconds, np.int64) * 1_000_000
    found = [row for _, rows in cut("2023/P1M", times) for row in rows]
    assert sorted(found) == np.flatnonzero(times < moments("2024-01-01")[0]).tolist()


def test_acquisitions_are_a_step_each_with_all_granules_of_the_observation():
    times = moments("2023-05-01T10:10:31", "2023-05-01T10:10:45", "2023-05-04T10:00:00")
    assert cut("2023-05/acquisition", times, observations=[7, 7, 3]) == [
        ("2023-05-01T101031", [0, 1]),
        ("2023-05-04T100000", [2]),
    ]


def test_an_acquisition_step_ends_behind_its_last_granule():
    times = moments("2023-05-01T10:10:31", "2023-05-01T10:10:45")
    steps = Steps.of(Period.parse("2023-05/acquisition"), times, np.array([1, 1], np.int32))
    ((step, _),) = steps.cut(np.array([0, 1], np.int32))
    assert step.start == datetime(2023, 5, 1, 10, 10, 31, tzinfo=UTC)
    assert step.end > datetime(2023, 5, 1, 10, 10, 45, tzinfo=UTC)


@pytest.mark.parametrize(("period", "steps"), [("2023/P1M", 12), ("2023-05/acquisition", 0)])
def test_a_tile_without_items_has_the_fixed_steps_only(period, steps):
    assert len(cut(period, [])) == steps


def test_an_acquisition_gets_the_rows_of_those_about_it():
    times = moments("2023-05-01", "2023-05-06", "2023-05-06", "2023-05-11", "2023-05-16")
    codes = np.array([0, 1, 1, 2, 3], np.int32)
    steps = Steps.of(Period.parse("2023-05/acquisition"), times, codes, before=1, after=1)
    found = [(step.start.day, mine.tolist()) for step, mine in steps.cut(np.arange(5, dtype=np.int32))]
    assert found == [(1, [0, 1, 2]), (6, [0, 1, 2, 3]), (11, [1, 2, 3, 4]), (16, [3, 4])]
