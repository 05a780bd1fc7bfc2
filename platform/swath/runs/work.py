"""What a run carries out: a unit and the work on it."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar, runtime_checkable


class Unit(Protocol):
    """What is planned, committed and retried. It is sent to workers: names and numbers, no pixels."""

    @property
    def id(self) -> str:
        """`<tile>_<start>`; no two units of a run share one."""
        ...


U = TypeVar("U", bound=Unit, contravariant=True)
A = TypeVar("A")
B = TypeVar("B")


class Work(Protocol[U, A, B]):
    """Three stages, each holding its lock, so that one unit is read while another computes and a third is written.

    It is pickled once for each worker. A stage may raise any error: a `SwathError` is recorded at once (or given
    to another worker when its `retry` says ELSEWHERE), anything else is recorded with its traceback.
    """

    def size(self, unit: U) -> int:
        """Most bytes that the unit holds in memory at once, all stages together; asked before it is read."""
        ...

    def read(self, unit: U) -> A:
        """Fetch what the unit needs: network and decoding."""
        ...

    def compute(self, unit: U, data: A) -> B:
        """From what was read to what is written."""
        ...

    def write(self, unit: U, result: B) -> dict[str, Any]:
        """Commit. Returns small JSON-ready facts (`km2` feeds the rate); pixels never go back."""
        ...


@runtime_checkable
class FitsMemory(Protocol):
    """A work that can say which tile size would fit."""

    def fitting_tile_size(self, unit: Any, available: int) -> int | None:
        """The largest tile size, pixels, whose unit needs at most `available` bytes; None when none does."""
        ...
