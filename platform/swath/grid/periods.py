"""Periods of time and the steps that they are cut into."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from swath.errors import PeriodError

_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")
_STEP = re.compile(r"P(\d{1,5})([YMWD])", re.IGNORECASE)
_FIX = "Write START/END/STEP with END included, such as 2008/2013/P1Y, 2023/P1Y, 2023-01/P1M, or 2023/acquisition."
_MOST_STEPS = 10_000  # 27 years of days; more is a slip of the pen

Precision = Literal["year", "month", "day"]


@dataclass(frozen=True, order=True)
class TimeStep:
    """One step of a period.

    Attributes:
        start: First instant, UTC, inclusive.
        end: UTC, exclusive.
        id: Shortest ISO name that tells it from its neighbours: `2023`, `2023-05`, `2023-05-17`.
    """

    start: datetime
    end: datetime
    id: str


@dataclass(frozen=True)
class Period:
    """A period and its steps.

    Attributes:
        text: As written: `2008/2013/P1Y`.
        start: First instant, UTC, inclusive.
        end: UTC, exclusive: `2008/2013` ends at 2014-01-01.
        steps: In order, without gaps; the last one ends with the period. Empty for `acquisition`.
        acquisition: Each observation is a step of its own; those come from the scenes.
    """

    text: str
    start: datetime
    end: datetime
    steps: tuple[TimeStep, ...]
    acquisition: bool = False

    def __str__(self) -> str:
        return self.text

    @property
    def step(self) -> str:
        """How it is cut: `P1Y`, `acquisition`, or the whole text where it is one step."""
        last = self.text.rpartition("/")[2]
        return last if last == "acquisition" or last.startswith("P") else self.text

    @classmethod
    def parse(cls, text: str) -> Period:
        """Read a period.

        `START/END/STEP` with END included (`2008/2013/P1Y`, `2023-05-01/2023-06-15/P10D`), `START/STEP` (`2023/P1Y`,
        `2023-01/P1M`: END is START), `START` or `START/END` (one step), `START[/END]/acquisition`. START and END are
        a year, a month or a day; STEP is PnY, PnM, PnW or PnD. Steps count from START; a last, shorter one is kept.

        Raises:
            PeriodError: Not readable, reversed, no such day, or too many steps.
        """
        parts = [part.strip() for part in text.strip().split("/")]
        if not 1 <= len(parts) <= 3 or not all(parts):
            raise PeriodError(f"Period {text!r} cannot be read.", fix=_FIX, period=text)
        last = parts[-1].lower()
        acquisition = last == "acquisition"
        step = _STEP.fullmatch(parts[-1])
        if not acquisition and step is None and (len(parts) == 3 or last.startswith("p")):
            raise PeriodError(
                f"Step {parts[-1]!r} of period {text!r} cannot be read.",
                fix="Write PnY, PnM, PnW or PnD with one unit (P1Y, P3M, P2W, P10D), or acquisition.",
                period=text,
            )
        dates = parts[:-1] if acquisition or step else parts
        if not dates:
            raise PeriodError(f"Period {text!r} has no START.", fix=_FIX, period=text)
        start, precision = _date(dates[0], text)
        end = _end(*_date(dates[-1], text), text)
        if end <= start:
            raise PeriodError(
                f"Period {text!r} runs backwards: it starts {_name(start, 'day')} and ends before {_name(end, 'day')}.",
                fix=f"Write {'/'.join([dates[1], dates[0], *parts[2:]])}.",
                period=text,
            )
        written = "/".join(parts)
        if acquisition:
            return cls(written.lower(), start, end, (), acquisition=True)
        if step is None:
            return cls(written, start, end, (TimeStep(start, end, _name(start, precision)),))
        count, unit = int(step[1]), step[2].upper()
        if count == 0:
            raise PeriodError(f"Step {parts[-1]!r} of period {text!r} has no length.", fix="Write P1Y, P1M or P10D.")
        return cls(written.upper(), start, end, tuple(_steps(start, end, count, unit, text)))


def _date(word: str, text: str) -> tuple[datetime, Precision]:
    match = _DATE.fullmatch(word)
    if match is None:
        raise PeriodError(f"Date {word!r} of period {text!r} cannot be read.", fix=_FIX, period=text)
    year, month, day = match.groups()
    try:
        start = datetime(int(year), int(month or 1), int(day or 1), tzinfo=UTC)
    except ValueError as error:
        raise PeriodError(
            f"There is no such date as {word!r} (period {text!r}): {error}.", fix=_FIX, period=text
        ) from error
    return start, "day" if day else "month" if month else "year"


def _end(start: datetime, precision: Precision, text: str) -> datetime:
    try:
        if precision == "day":
            return start + timedelta(days=1)
        return _later(start, 12 if precision == "year" else 1)
    except (ValueError, OverflowError) as error:
        raise PeriodError(f"Period {text!r} ends after the calendar's last year.", fix=_FIX, period=text) from error


def _later(start: datetime, months: int) -> datetime:
    """Months later; the 31st becomes the last day of a shorter month."""
    years, month = divmod(start.month - 1 + months, 12)
    first = start.replace(year=start.year + years, month=month + 1, day=1)
    for day in (start.day, 30, 29, 28):
        if day <= start.day:
            try:
                return first.replace(day=day)
            except ValueError:
                continue
    raise AssertionError("every month has a 28th day")


def _steps(start: datetime, end: datetime, count: int, unit: str, text: str) -> Iterator[TimeStep]:
    # counted from the start each time, so that a step from the 31st does not drift to the 28th for ever
    precision: Precision = "year" if unit == "Y" else "month" if unit == "M" else "day"
    here = start
    for number in range(1, _MOST_STEPS + 1):
        try:
            if unit in "YM":
                after = _later(start, number * count * (12 if unit == "Y" else 1))
            else:
                after = start + timedelta(days=number * count * (7 if unit == "W" else 1))
        except (ValueError, OverflowError):  # beyond the calendar, so beyond the end
            after = end
        after = min(after, end)
        yield TimeStep(here, after, _name(here, precision))
        if after == end:
            return
        here = after
    raise PeriodError(
        f"Period {text!r} has more than {_MOST_STEPS} steps.",
        fix="Take a longer step or a shorter period.",
        period=text,
    )


def _name(start: datetime, precision: Precision) -> str:
    """Shortest ISO name of a step's start, at least as fine as its unit."""
    if precision == "year" and (start.month, start.day) == (1, 1):
        return start.isoformat()[:4]
    if precision != "day" and start.day == 1:
        return start.isoformat()[:7]
    return start.isoformat()[:10]
