"""A window that rolls: the last steps of a period that goes on."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from swath.errors import PeriodError
from swath.grid import Period

_DAYS = {"Y": 366, "M": 31, "W": 7, "D": 1}
# where steps count from that are named by nothing but "the last": always the same, weeks from a Monday
_ORIGINS = {"Y": "2000-01-01", "M": "2000-01-01", "W": "2000-01-03", "D": "2020-01-01"}


def last_steps(period: Period, count: int, *, until: date, ended: bool = False) -> Period:
    """The last steps of a period, had it gone on until a day; single acquisitions count by days.

    The steps are those of the period: they begin where its own would.

    Args:
        period: Its start and step say how time is cut.
        count: Steps, or days of acquisitions; fewer where the period has fewer.
        until: The day that the last step holds.
        ended: The last step has ended before that day; else it is the one that holds it.

    Raises:
        PeriodError: The period is one step, or begins later.
    """
    if count < 1:
        raise PeriodError(f"The last {count} steps were asked for.", fix="Ask for one or more.")
    if period.acquisition:
        last = until - timedelta(days=int(ended))
        first = max(period.start.date(), last - timedelta(days=count - 1))
        _check_begun(period, last >= first, until)
        return Period.parse(f"{first}/{last}/acquisition")
    step = re.fullmatch(r"P(\d+)([YMWD])", period.step)
    if step is None:
        raise PeriodError(
            f"{period.text} is one step, and has no last ones.",
            fix="Name the period itself, or map with a step, as 2023-01/2023-12/P1M.",
            period=period.text,
        )
    day = datetime(until.year, until.month, until.day, tzinfo=UTC)
    start = period.text.partition("/")[0]
    _check_begun(period, day >= period.start, until)
    # a step further, so that the step of the day is whole
    far = until + timedelta(days=int(step[1]) * _DAYS[step[2]])
    steps = [one for one in Period.parse(f"{start}/{far}/{period.step}").steps if one.start <= day]
    if ended:
        steps = [one for one in steps if one.end <= day]
    _check_begun(period, bool(steps), until)
    mine = tuple(steps[-count:])
    last_day = _last_day(mine[-1].end)
    dates = mine[0].id if mine[0].id == last_day else f"{mine[0].id}/{last_day}"
    found = Period.parse(f"{dates}/{period.step}")
    if found.steps != mine:  # steps of months from the 31st: the day depends on where they are counted from
        raise PeriodError(
            f"The last {count} steps of {period.text} cannot be written by themselves.",
            fix="Give --period from its first step.",
            period=period.text,
        )
    return found


def ended_steps(text: str, *, until: date) -> str:
    """A period that may be written as the last one that has ended: `last/P1Y`, or the last three: `last/3/P1M`.

    Args:
        text: That, or any other period, which is given back as it is.
        until: The day from which it is seen.

    Raises:
        PeriodError: It begins with `last` and goes on otherwise.
    """
    if not text.startswith("last/"):
        return text
    found = re.fullmatch(r"last/(?:([1-9]\d{0,3})/)?(P\d+[YMWD])", text)
    if found is None:
        raise PeriodError(f"Period {text!r} cannot be read.", fix="Write last/P1Y, or last/3/P1M.", period=text)
    begun = Period.parse(f"{_ORIGINS[found[2][-1]]}/{until}/{found[2]}")
    told = last_steps(begun, int(found[1] or 1), until=until, ended=True)
    return f"{told.steps[0].id}/{found[2]}" if len(told.steps) == 1 and found[2] in ("P1Y", "P1M") else told.text


def _check_begun(period: Period, begun: bool, until: date) -> None:
    if not begun:
        raise PeriodError(
            f"{period.text} has no step by {until}.", fix="Name a later day, or the period itself.", period=period.text
        )


def _last_day(end: datetime) -> str:
    """The shortest date whose end is this instant."""
    last = end - timedelta(days=1)
    if (end.month, end.day) == (1, 1):
        return f"{last:%Y}"
    return f"{last:%Y-%m}" if end.day == 1 else f"{last:%Y-%m-%d}"
