"""Windows that roll: the last steps of a period that goes on."""

from datetime import date

import pytest

from swath.errors import PeriodError
from swath.grid import Period
from swath.planning.rolling import ended_steps, last_steps


@pytest.mark.parametrize(
    ("period", "count", "until", "ended", "found"),
    [
        ("2023-06/2023-07/P1M", 3, "2026-11-25", False, "2026-09/2026-11/P1M"),
        ("2023-06/2023-07/P1M", 3, "2026-11-25", True, "2026-08/2026-10/P1M"),
        ("2023-06/P1M", 1, "2023-12-31", False, "2023-12/2023/P1M"),
        ("2008/2013/P1Y", 2, "2026-11-25", False, "2025/2026/P1Y"),
        ("2008/2013/P1Y", 2, "2027-01-01", True, "2025/2026/P1Y"),
        ("2023-06/P1M", 5, "2023-07-04", False, "2023-06/2023-07/P1M"),
        ("2023-01-02/P1W", 1, "2023-01-15", False, "2023-01-09/2023-01-15/P1W"),
        ("2023-01-01/P10D", 2, "2023-02-01", False, "2023-01-21/2023-02-09/P10D"),
        ("2023/acquisition", 5, "2026-11-25", False, "2026-11-21/2026-11-25/acquisition"),
        ("2023/acquisition", 5, "2026-11-25", True, "2026-11-20/2026-11-24/acquisition"),
    ],
)
def test_the_last_steps_are_those_that_the_period_would_have(period, count, until, ended, found):
    window = last_steps(Period.parse(period), count, until=date.fromisoformat(until), ended=ended)
    assert window.text == found
    whole = Period.parse(f"{period.split('/')[0]}/2027-03/{period.rsplit('/')[-1]}")
    assert set(window.steps) <= set(whole.steps)


@pytest.mark.parametrize(
    ("period", "until", "ended"),
    [("2023", "2026-01-01", False), ("2023-06/P1M", "2023-05-31", False), ("2023-06/P1M", "2023-06-30", True)],
)
def test_what_has_no_last_step_is_refused(period, until, ended):
    with pytest.raises(PeriodError):
        last_steps(Period.parse(period), 1, until=date.fromisoformat(until), ended=ended)


def test_steps_that_depend_on_where_they_are_counted_from_are_refused():
    with pytest.raises(PeriodError, match="cannot be written by themselves"):
        last_steps(Period.parse("2023-01-31/P1M"), 1, until=date(2023, 3, 10))


def test_no_steps_at_all_are_refused():
    with pytest.raises(PeriodError, match="The last 0 steps"):
        last_steps(Period.parse("2023/P1Y"), 0, until=date(2023, 3, 10))


@pytest.mark.parametrize(
    ("text", "day", "found"),
    [
        ("last/P1Y", "2026-11-25", "2025/P1Y"),
        ("last/P1Y", "2026-01-01", "2025/P1Y"),
        ("last/P1M", "2026-01-01", "2025-12/P1M"),
        ("last/3/P1M", "2026-11-25", "2026-08/2026-10/P1M"),
        ("last/P1W", "2026-11-25", "2026-11-16/2026-11-22/P1W"),
        ("last/P2Y", "2026-11-25", "2024/2025/P2Y"),
        ("last/P2Y", "2027-11-25", "2024/2025/P2Y"),
        ("2008/2013/P1Y", "2026-11-25", "2008/2013/P1Y"),
    ],
)
def test_the_last_that_has_ended_is_named_by_its_dates(text, day, found):
    assert ended_steps(text, until=date.fromisoformat(day)) == found


@pytest.mark.parametrize("text", ["last/2023", "last/0/P1M", "last/P1X", "last/"])
def test_what_is_no_last_period_is_refused(text):
    with pytest.raises(PeriodError, match="cannot be read"):
        ended_steps(text, until=date(2026, 11, 25))
