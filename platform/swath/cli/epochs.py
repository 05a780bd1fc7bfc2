"""Epochs as a table that grows on a terminal, and as plain lines in a log."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any

from rich.live import Live
from rich.table import Table

from swath.cli.output import Output

_SHOWN = 12  # rows: of epochs, or of trainings
_FIGURES = 3


def epoch_line(reading: Any, epochs: int, *, name: str = "") -> str:
    """An epoch in a line."""
    shown = ", ".join(f"{figure.replace('_', ' ')} {value:.3f}" for figure, value in _figures(reading))
    line = f"{name}{': ' if name else ''}epoch {reading['epoch']}/{epochs}: loss {reading['loss']:.4f}"
    if reading["validation_loss"] is not None:
        line += f", validation {reading['validation_loss']:.4f}{', ' if shown else ''}{shown}"
    return line


class EpochTable:
    """Shows epochs while the block runs; give it readings. Redrawn once an epoch: it takes no time from the training.

    Args:
        out: Where it is shown; with `--json` nowhere.
        epochs: Most epochs of a training.
        several: Several trainings are shown, a row each; else a row an epoch.
    """

    def __init__(self, out: Output, *, epochs: int, several: bool = False) -> None:
        self._out, self._epochs, self._several = out, epochs, several
        self._rows: dict[str, dict[str, Any]] = {}
        self._best: dict[str, float] = {}
        self._seconds: list[float] = []
        self._live: Live | None = None

    def __enter__(self) -> EpochTable:
        if self._out.errors.is_terminal and not self._out.json:
            self._live = Live(self.table(), console=self._out.errors, auto_refresh=False, redirect_stdout=False)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def epoch(self, reading: dict[str, Any]) -> None:
        """An epoch of the one training is done."""
        self.of("", reading)

    def of(self, name: str, reading: dict[str, Any]) -> None:
        """An epoch of a training is done."""
        key = name if self._several else str(reading["epoch"])
        self._rows.pop(key, None)
        self._rows[key] = reading
        self._best[key] = max(self._best.get(key, float("-inf")), float(reading["score"]))
        self._seconds.append(_seconds(reading))
        if self._live is None:
            self._out.say(epoch_line(reading, self._epochs, name=name))
        else:
            self._live.update(self.table(), refresh=True)

    def table(self) -> Table:
        """The last rows, the best of all marked."""
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", title=self._title(), title_justify="left")
        if self._several:
            table.add_column("training")
        last = next(reversed(self._rows.values()), None)
        figures = [] if last is None else [figure for figure, _ in _figures(last)]
        columns: list[tuple[str, Callable[[dict[str, Any]], str]]] = [
            ("epoch", lambda reading: f"{reading['epoch']}/{self._epochs}"),
            ("loss", lambda reading: f"{reading['loss']:.4f}"),
            ("validation", lambda reading: _number(reading["validation_loss"])),
            *((name.replace("_", " "), _figure(name)) for name in figures),
            ("rate", lambda reading: f"{reading['lr']:.1e}"),
            ("chips/s", lambda reading: f"{reading['chips'] / max(reading['seconds']['steps'], 1e-9):.1f}"),
            ("waits", lambda reading: f"{reading['seconds']['wait'] / max(reading['seconds']['steps'], 1e-9):.0%}"),
        ]
        for title, _ in columns:
            table.add_column(title, justify="right")
        best = max(self._best, key=lambda key: self._best[key], default="")
        for key in list(self._rows)[-_SHOWN:]:
            cells = [read(self._rows[key]) for _, read in columns]
            table.add_row(*([key] if self._several else []), *cells, style="bold green" if key == best else None)
        return table

    def _title(self) -> str:
        if not self._seconds:
            return "training: waiting for the first epoch"
        each = sum(self._seconds) / len(self._seconds)
        done = f"{len(self._seconds)} epochs, {each:.1f} s each"
        if self._several:
            return f"{len(self._rows)} trainings, {done}; the best so far is bold"
        left = each * (self._epochs - next(reversed(self._rows.values()))["epoch"])
        return f"{done}, at most {left / 60:.0f} min left; the best so far is bold"


def _figures(reading: dict[str, Any]) -> list[tuple[str, float]]:
    return [(name, value) for name, value in reading["figures"].items() if isinstance(value, float)][:_FIGURES]


def _figure(name: str) -> Callable[[dict[str, Any]], str]:
    return lambda reading: _number(reading["figures"].get(name))


def _number(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, float) else "–"


def _seconds(reading: dict[str, Any]) -> float:
    return float(reading["seconds"]["steps"]) + float(reading["seconds"]["validation"])
