"""The rows of a tile, input by input and step by step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from swath.cube import CubeSpec
from swath.errors import PeriodError, ProductError
from swath.grid import Period, TimeStep
from swath.planning.models import acquisitions_about
from swath.planning.steps import Steps
from swath.planning.table import ItemTable
from swath.products import Product

Rows = NDArray[np.int32]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class InputSteps:
    """Cuts rows of items into inputs and time steps.

    Attributes:
        product: Its inputs say what is static, what is optional.
        steps: Of the first input.
        members: Rows that each input reads, bool (N,); None for one that is not read.
    """

    product: Product
    steps: Steps
    members: tuple[NDArray[np.bool_] | None, ...]

    @classmethod
    def of(
        cls,
        product: Product,
        period: Period,
        table: ItemTable,
        members: Sequence[NDArray[np.bool_] | None],
        specs: Sequence[CubeSpec | None],
        *,
        about: tuple[int, int] | None = None,
    ) -> InputSteps:
        """The steps of a product over a frozen table.

        Args:
            product: What is mapped.
            period: Its steps cut the items.
            table: Columns of the items.
            members: See `Inputs.members`.
            specs: Cubes of the inputs; items with more cloud than they allow are left aside.
            about: Acquisitions before and after its own that a unit reads; as the product's model says unless given.

        Raises:
            PeriodError: Acquisitions of a product that reads a second series: what belongs to one is not told.
        """
        moving = [
            given.name or "the first"
            for given, read in zip(product.inputs, members, strict=True)
            if read is not None and not given.static
        ]
        if period.acquisition and (len(moving) > 1 or product.inputs[0].static):
            raise PeriodError(
                f"{product.name} reads {' and '.join(moving) or 'static inputs only'}, and {period.text} is single "
                "acquisitions of its first input.",
                fix="Write the period with a step, as 2023/P1Y; or read static inputs beside one series.",
            )
        before, after = acquisitions_about(product) if about is None else about
        steps = Steps.of(period, table.times, table.observations, before=before, after=after)
        kept = tuple(
            None if mine is None or spec is None else mine & (table.cloud_cover <= spec.max_cloud)
            for mine, spec in zip(members, specs, strict=True)
        )
        return cls(product, steps, kept)

    @property
    def keep(self) -> NDArray[np.bool_]:
        """Rows that any input reads, bool (N,)."""
        return np.logical_or.reduce([mine for mine in self.members if mine is not None])

    def cut(self, rows: Rows) -> Iterator[tuple[TimeStep, tuple[Rows, ...]]]:
        """Each step with the rows of each input, ordered by time; fixed steps without items too.

        Args:
            rows: Of a tile, of those that `keep` names.

        Raises:
            ProductError: A static item that is later than the step that it would serve, where it is not timeless.
        """
        if len(self.members) == 1 and not self.product.inputs[0].static:
            for step, mine in self.steps.cut(rows):
                yield step, (mine,)
            return
        times = self.steps.times
        every = [rows[:0] if mine is None else rows[mine[rows]] for mine in self.members]
        every = [mine[np.argsort(times[mine], kind="stable")] for mine in every]
        static = [given.static for given in self.product.inputs]
        # fixed steps do not depend on items, so that a static first input has them too
        for step, first in self.steps.cut(every[0][:0] if static[0] else every[0]):
            start, end = _microseconds(step.start), _microseconds(step.end)
            parts = []
            for number, mine in enumerate(every):
                if static[number]:
                    self._check_age(mine, step, number)
                    parts.append(mine)
                elif not number:
                    parts.append(first)
                else:
                    low, high = np.searchsorted(times[mine], [start, end])
                    parts.append(mine[low:high])
            yield step, tuple(parts)

    def lacking(self, parts: Sequence[Rows], *, optional: bool = False) -> list[str]:
        """Names of the inputs that have no row, though they are read: those that are needed, or the optional ones."""
        every = zip(self.product.inputs, self._optional, self.members, parts, strict=True)
        return [
            given.name or "the first input"
            for given, can_lack, mine, rows in every
            if mine is not None and not len(rows) and can_lack == optional
        ]

    @cached_property
    def _optional(self) -> tuple[bool, ...]:
        return self.product.optional

    def _check_age(self, rows: Rows, step: TimeStep, number: int) -> None:
        given = self.product.inputs[number]
        if given.static == "timeless" or not len(rows):
            return
        latest = _EPOCH + timedelta(microseconds=int(self.steps.times[rows].max()))
        if latest >= step.end:
            raise ProductError(
                f"{self.product.name}: input {given.name or number} is static and of {latest:%Y-%m-%d}, later than "
                f"step {step.id}, which ends before {step.end:%Y-%m-%d}.",
                fix=f"Take a layer of that time or before; or say static: timeless for inputs.{number} if it does not "
                "change, as elevation.",
                field=f"inputs.{number}.static",
            )


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)
