"""What a command says: rich on a terminal, plain lines in a log, one JSON document with `--json`."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, NoReturn

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from swath.errors import SwathError
from swath.runs.progress import Mode

GONE = 141  #: exit code when the reader of our output has gone (`swath product list | head`), as that of `cat`


@dataclass
class Kept:
    """What a command came to, as `--json` would tell it.

    Attributes:
        result: Its document.
        text: What a person would see of it.
        error: What it raised; a command may have a result, too.
    """

    result: dict[str, Any] | None = None
    text: str | None = None
    error: dict[str, Any] | None = None


_KEPT: ContextVar[Kept | None] = ContextVar("kept", default=None)


@contextmanager
def kept() -> Iterator[Kept]:
    """Keep what commands of the block come to, beside what they print on their way: whoever asked shows the result."""
    found = Kept()
    token = _KEPT.set(found)
    try:
        yield found
    finally:
        _KEPT.reset(token)


_WIDTH = 120  # of a text that somebody elsewhere sees


class Terminal(Console):
    """A console that ends as `cat` would when its reader has gone."""

    def on_broken_pipe(self) -> None:
        """Called by rich."""
        end_of_pipe()


def end_of_pipe() -> NoReturn:
    """End quietly: what is still to be flushed goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise SystemExit(GONE)


class Output:
    """Where a command prints.

    Attributes:
        json: One JSON document on standard output, and nothing else there.
        console: For people, on standard output; silent with `json`.
        errors: For people, on standard error.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.json = as_json
        self.console = Terminal(quiet=as_json, soft_wrap=True, highlight=False)
        self.errors = Terminal(stderr=True, soft_wrap=True, highlight=False)

    def result(self, values: Mapping[str, Any], show: Callable[[Console], None]) -> None:
        """The result of a command: as one document, or shown to a person."""
        if (keeper := _KEPT.get()) is not None:
            keeper.result = json.loads(json.dumps(values, default=str))
            shown = io.StringIO()
            show(Console(file=shown, width=_WIDTH, soft_wrap=True, highlight=False))
            keeper.text = shown.getvalue()
        elif self.json:
            try:
                json.dump(values, sys.stdout, indent=2, default=str)
                sys.stdout.write("\n")
                sys.stdout.flush()
            except BrokenPipeError:
                end_of_pipe()
        else:
            show(self.console)

    @property
    def display(self) -> Mode:
        """How progress is shown."""
        return "none" if self.json else "auto"

    def say(self, text: str) -> None:
        """One line of what is being done."""
        if not self.json:
            self.errors.print(text, markup=False, style="dim")

    def error(self, error: SwathError) -> None:
        """What went wrong and what to do."""
        if (keeper := _KEPT.get()) is not None:
            keeper.error = json.loads(json.dumps(error.to_dict(), default=str))
        elif self.json:
            json.dump({"error": error.to_dict()}, sys.stdout, indent=2, default=str)
            sys.stdout.write("\n")
        self.errors.print(f"[bold red]{type(error).__name__}[/]: ", end="")
        self.errors.print(error.message, markup=False)
        if error.fix:
            self.errors.print(error.fix, markup=False, style="bold")


def key_values(console: Console, rows: Sequence[tuple[str, object]]) -> None:
    """Names and values in two columns."""
    table = Table.grid(padding=(0, 2))
    for name, value in rows:
        table.add_row(f"[dim]{name}[/]", escape(str(value)))
    console.print(table)


@contextmanager
def reported(as_json: bool) -> Iterator[Output]:
    """An output; errors that Swath raises on purpose end the command with their exit code and a readable text."""
    output = Output(as_json=as_json)
    try:
        yield output
    except SwathError as error:
        output.error(error)
        raise SystemExit(error.exit_code) from error
