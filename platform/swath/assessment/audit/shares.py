"""Checks of class shares: a tile against its neighbours, and against the version before."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from swath.assessment.audit.finding import Finding, Offences, Verdict
from swath.assessment.audit.reading import UnitRead
from swath.assessment.published import CLASS, NOT_OWNED, UNMAPPED, PublishedMap
from swath.grid.tiles import tile_index

SIGMAS, LEAST = 6.0, 0.4  #: a tile is told from so many robust deviations, and such a share of its pixels, on
LEAST_PIXELS = 1000  #: that a tile must have mapped to be judged
CHANGED, TILE_CHANGED = 0.05, 0.5  #: share of the map, and of a tile, that another version may have in other classes


def shares_of(read: UnitRead) -> NDArray[np.int64] | None:
    """(256,) owned pixels by code; None where the layer cannot be read."""
    numbers = read.numbers(CLASS)
    if numbers is None or numbers.itemsize > 1:
        return None
    owned = read.owned
    return read.counted(CLASS) if owned is None else np.bincount(numbers[owned], minlength=256)


class Neighbours:
    """Class shares of a tile are not far from the median of its up to eight neighbours.

    The distance is half the sum of absolute differences of shares: the share of pixels that would have to change.
    """

    name = "shares against neighbours"

    def __init__(self) -> None:
        self._shares: dict[tuple[Any, ...], tuple[str, NDArray[np.float32]]] = {}

    def measure(self, read: UnitRead) -> Any:
        """See `Check`."""
        return tile_index(read.unit.tile.id), shares_of(read)

    def take(self, unit: str, measured: Any) -> None:
        """See `Check`."""
        place, counted = measured
        if counted is not None:
            mapped = counted.copy()
            mapped[[UNMAPPED, NOT_OWNED]] = 0
            if mapped.sum() >= LEAST_PIXELS:
                self._shares[place] = unit, (mapped / mapped.sum()).astype(np.float32)

    def finding(self) -> Finding:
        """See `Check`."""
        units, distances = [], []
        for (key, resolution, size, x, y), (unit, mine) in self._shares.items():
            around = [
                self._shares[key, resolution, size, x + east, y + north][1]
                for east in (-1, 0, 1)
                for north in (-1, 0, 1)
                if (east, north) != (0, 0) and (key, resolution, size, x + east, y + north) in self._shares
            ]
            if len(around) >= 2:
                units.append(unit)
                usual = np.median(around, axis=0)  # not the mean: one odd tile would make its neighbours odd too
                distances.append(float(np.abs(mine - usual / max(usual.sum(), 1e-9)).sum() / 2))
        offences, middle, bound = Offences(), 0.0, LEAST
        if distances:
            middle = float(np.median(distances))
            bound = max(LEAST, middle + SIGMAS * 1.4826 * float(np.median(np.abs(np.array(distances) - middle))))
        for unit, distance in zip(units, distances, strict=True):
            if distance > bound:
                offences.add(
                    unit,
                    f"{distance:.0%} of its pixels are of other classes than around",
                    kind="units unlike their neighbours",
                )
        return Finding.of(
            self.name, offences, bad=Verdict.WARNED, good="no tile stands out",
            read=f"{len(units):,} tiles with neighbours",
            counts={"median distance": middle, "told from": bound},
        )  # fmt: skip


class Before:
    """Class shares of the map, and of each tile, are not far from those of another version on the same tiles."""

    name = "shares against the version before"

    def __init__(self, before: PublishedMap, legend: dict[int, str]) -> None:
        self._before, self._legend = before, legend
        self._units = {unit.tile.id: unit for unit in before.units}
        self._offences = Offences()
        self._total = np.zeros((2, 256), np.int64)
        self._tiles = 0

    def measure(self, read: UnitRead) -> Any:
        """See `Check`."""
        then = self._units.get(read.unit.tile.id)
        mine = shares_of(read)
        if then is None or mine is None:
            return None
        codes = self._before.codes(then)
        return mine, np.bincount(codes.ravel(), minlength=256)

    def take(self, unit: str, measured: Any) -> None:
        """See `Check`."""
        if measured is None:
            return
        both = np.array(measured)
        both[:, [UNMAPPED, NOT_OWNED]] = 0
        self._tiles, self._total = self._tiles + 1, self._total + both
        if both.sum(axis=1).min() >= LEAST_PIXELS and (distance := _distance(both)) > TILE_CHANGED:
            self._offences.add(unit, f"{distance:.0%} of its pixels would have changed", kind="units unlike before")

    def finding(self) -> Finding:
        """See `Check`."""
        share = self._total / np.maximum(self._total.sum(axis=1, keepdims=True), 1)
        moved = {self._legend[code]: float(share[0, code] - share[1, code]) for code in self._legend}
        distance = _distance(self._total) if self._tiles else 0.0
        if distance > CHANGED:
            name = max(moved, key=lambda one: abs(moved[one]))
            self._offences.add(
                "",
                f"{distance:.1%} of the map would have changed, most of all {name} by {moved[name]:+.1%}",
                kind="maps unlike before",
            )
        if not self._tiles:
            self._offences.add("", f"{self._before.id} has no tile of this map", kind="maps without a common tile")
        return Finding.of(
            self.name, self._offences, bad=Verdict.WARNED, good=f"shares are those of {self._before.id}",
            read=f"{self._tiles:,} tiles of {self._before.id}",
            counts={"distance": distance, "change of share": {name: value for name, value in moved.items() if value}},
        )  # fmt: skip


def _distance(both: NDArray[np.int64]) -> float:
    share = both / np.maximum(both.sum(axis=1, keepdims=True), 1)
    return float(np.abs(share[0] - share[1]).sum() / 2)
