"""Progress for people: a bar on a terminal, plain lines in a log, nothing for `--json`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Literal, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from swath.runs.events import Done, Event, Failed, Retried, Started

Mode = Literal["auto", "bar", "plain", "none"]


class Tally:
    """Counts and rates of a run, fed by its events; the same numbers for the bar, the log and progress.json.

    Args:
        total: Units to do; None while it is unknown.
        before: Units that earlier drivers have done (they count as done, not in the rate).
        keep: How many of the last failures to keep.
    """

    def __init__(self, total: int | None, *, before: int = 0, keep: int = 20) -> None:
        self.total, self.done, self.failed, self.retried, self.running = total, before, 0, 0, 0
        self.km2 = 0.0
        self.failures: list[dict[str, str]] = []
        self.started = time.time()
        self._begun, self._before, self._keep = time.monotonic(), before, keep

    def __call__(self, event: Event) -> None:
        """Count one event."""
        if isinstance(event, Started):
            self.running += 1
            return
        self.running -= 1
        if isinstance(event, Done):
            self.done += 1
            self.km2 += float(event.result.get("km2", 0.0))
        elif isinstance(event, Retried):
            self.retried += 1
        else:
            self.failed += 1
            told = {
                "unit": event.unit,
                "type": str(event.error.get("type")),
                "message": str(event.error.get("message")),
            }
            self.failures = [*self.failures[1 - self._keep :], told]

    @property
    def km2_h(self) -> float:
        """Area done by this driver over the time since it began, km²/h."""
        return self.km2 / max(time.monotonic() - self._begun, 1e-3) * 3600

    @property
    def left_s(self) -> float | None:
        """Seconds left at the rate so far; None when it cannot be told."""
        ended = self.done - self._before + self.failed
        if self.total is None or not ended:
            return None
        todo = max(0, self.total - self.done - self.failed)
        return todo * (time.monotonic() - self._begun) / ended

    def line(self) -> str:
        """All of it in a line."""
        of = "?" if self.total is None else f"{self.total:,}"
        left = "" if self.left_s is None else f", {_clock(self.left_s)} left"
        return f"{self.done:,}/{of} tiles, {self.km2_h:,.0f} km²/h, {self.failed:,} failed{left}"


class Display:
    """Shows a tally while the block runs; give it events.

    Args:
        tally: The counts; the display feeds it.
        mode: `auto` is a bar on a terminal and plain lines elsewhere; `none` for `--json`.
        stream: Where; standard error by default, so that standard output stays the result's.
        every_s: Seconds between two plain lines.
    """

    def __init__(self, tally: Tally, *, mode: Mode = "auto", stream: TextIO | None = None, every_s: float = 30) -> None:
        self._tally, self._stream, self._every = tally, stream or sys.stderr, every_s
        self._mode = ("bar" if self._stream.isatty() else "plain") if mode == "auto" else mode
        self._said = time.monotonic()
        self._bar: Progress | None = None
        self._show: Callable[[], None] = lambda: None

    def __enter__(self) -> Display:
        if self._mode == "bar":
            columns = (SpinnerColumn(), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
            bar = self._bar = Progress(*columns, console=Console(file=self._stream))
            task = bar.add_task("tiles", total=self._tally.total)
            self._show = lambda: bar.update(
                task, completed=self._tally.done + self._tally.failed, description=self._tally.line()
            )
            bar.start()
            self._show()
        return self

    def __call__(self, event: Event) -> None:
        """Count the event and show it."""
        self._tally(event)
        if isinstance(event, Failed) and self._mode != "none":
            self._say(f"{event.unit} failed: {event.error.get('message')}")
        self.refresh()

    def refresh(self) -> None:
        """Show the tally as it stands."""
        if self._mode == "none":
            return
        if self._bar is not None:
            self._show()
        elif time.monotonic() - self._said >= self._every:
            self._say(self._tally.line())
            self._said = time.monotonic()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._show()
            self._bar.stop()
        elif self._mode == "plain":
            self._say(self._tally.line())

    def _say(self, text: str) -> None:
        if self._bar is not None:
            self._bar.console.print(text, markup=False, highlight=False)
        else:
            print(text, file=self._stream, flush=True)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
