import pickle
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swath.errors import PeriodError
from swath.grid import Period


def ids(text):
    return [step.id for step in Period.parse(text).steps]


def test_the_end_is_included():
    period = Period.parse("2008/2013/P1Y")
    assert (period.start, period.end) == (datetime(2008, 1, 1, tzinfo=UTC), datetime(2014, 1, 1, tzinfo=UTC))
    assert [step.id for step in period.steps] == ["2008", "2009", "2010", "2011", "2012", "2013"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("2023", ["2023"]),
        ("2023-02", ["2023-02"]),
        ("2023-02-03", ["2023-02-03"]),
        ("2023/P1Y", ["2023"]),
        ("2023-01/P1M", ["2023-01"]),
        ("2023/P3M", ["2023-01", "2023-04", "2023-07", "2023-10"]),
        ("2022-12/2023-02/P1M", ["2022-12", "2023-01", "2023-02"]),
        ("2022-07/2024-06/P1Y", ["2022-07", "2023-07"]),
        ("2023-01-31/2023-03/P1M", ["2023-01-31", "2023-02-28", "2023-03-31"]),
        ("2023-05-01/2023-06-15/P10D", ["2023-05-01", "2023-05-11", "2023-05-21", "2023-05-31", "2023-06-10"]),
        ("2023-01/2023-01/P2W", ["2023-01-01", "2023-01-15", "2023-01-29"]),
        ("2023-06-01/2023-08-31", ["2023-06-01"]),
        ("2008/2013", ["2008"]),
    ],
)
def test_steps_have_the_shortest_names(text, names):
    assert ids(text) == names


def test_a_last_shorter_step_ends_with_the_period():
    last = Period.parse("2023-05-01/2023-06-15/P10D").steps[-1]
    assert (last.start, last.end) == (datetime(2023, 6, 10, tzinfo=UTC), datetime(2023, 6, 16, tzinfo=UTC))


@pytest.mark.parametrize("text", ["2023/acquisition", "2008/2013/Acquisition", "2023-05-01/2023-05-09/acquisition"])
def test_acquisitions_have_no_steps_yet(text):
    period = Period.parse(text)
    assert period.acquisition
    assert period.steps == ()
    assert period.text == text.lower()


def test_a_reversed_period_says_how_to_turn_it():
    with pytest.raises(PeriodError, match=r"2013/2008/P1Y.*runs backwards.*Write 2008/2013/P1Y"):
        Period.parse("2013/2008/P1Y")


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "cannot be read"),
        ("last year", "'last year'"),
        ("2023-13", "no such date as '2023-13'"),
        ("2023-02-30/P1D", "no such date as '2023-02-30'"),
        ("P1Y", "no START"),
        ("2023/P0Y", "no length"),
        ("2023/P1Y6M", "Step 'P1Y6M'"),
        ("2023/PT6H", "Step 'PT6H'"),
        ("2023/2024/yearly", "Step 'yearly'"),
        ("2023/2024/2025", "Step '2025'"),
        ("2023/2024/P1Y/P1M", "cannot be read"),
        ("1000/2000/P1D", "more than 10000 steps"),
        ("9999", "calendar"),
        ("0000", "no such date"),
    ],
)
def test_what_cannot_be_read_is_shown(text, match):
    with pytest.raises(PeriodError, match=match) as caught:
        Period.parse(text)
    assert caught.value.fix


@given(
    st.dates(date(1950, 1, 1), date(2100, 1, 1)),
    st.integers(0, 900),
    st.integers(1, 40),
    st.sampled_from("YMWD"),
)
def test_steps_follow_each_other_without_gap_and_differ_in_name(start, days, count, unit):
    period = Period.parse(f"{start}/{start + timedelta(days=days)}/P{count}{unit}")
    assert period.steps[0].start == period.start
    assert period.steps[-1].end == period.end
    assert all(a.end == b.start for a, b in zip(period.steps, period.steps[1:], strict=False))
    assert all(step.start < step.end for step in period.steps)
    assert len({step.id for step in period.steps}) == len(period.steps)


def test_a_period_pickles():
    period = Period.parse("2008/2013/P1Y")
    assert pickle.loads(pickle.dumps(period)) == period
