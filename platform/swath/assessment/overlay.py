"""One pass over a map's tiles: hectares and sums by region, and what the map says at places."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from swath.assessment.published import NOT_OWNED, UNMAPPED, PublishedMap, Unit
from swath.assessment.values import values_of
from swath.assessment.zones import Zones
from swath.planning import Said

Array = NDArray[np.float64]
ALL = "all"  #: the region that is the whole map


@dataclass(frozen=True)
class Overlay:
    """A map by region. Row 0 of all arrays is what lies in no region, rows 1 to R are the regions.

    Attributes:
        names: R names of regions.
        classes: C names; one, `all`, for a map of values.
        hectares: (R + 1, C) mapped and owned, true areas.
        pixels: (R + 1,) mapped and owned.
        sums: (R + 1,) of value times hectares; 0 for a map of classes.
        unmapped: (R + 1,) hectares that tiles own and that hold no data.
        told: (n,) value or number of the class at each place; NaN where nothing is mapped.
        region: (n,) number of the region of each place, 0 for none.
    """

    names: tuple[str, ...]
    classes: tuple[str, ...]
    hectares: Array
    pixels: NDArray[np.int64]
    sums: Array
    unmapped: Array
    told: Array
    region: NDArray[np.int64]


def overlay(
    map_: PublishedMap, places: pd.DataFrame, *, layer: str | None = None, regions: Zones | None = None,
    say: Said = lambda _: None,
) -> Overlay:  # fmt: skip
    """Lay regions and places over a map: one tile in memory at a time.

    Args:
        map_: Of classes, or of values.
        places: A row a place: tile, row, column.
        layer: Of values; None for classes.
        regions: Polygons; None: the whole map only.
        say: Told of progress.
    """
    names = () if regions is None else regions.names
    legend = {} if layer is not None else map_.legend
    codes = sorted(legend)
    classes = (ALL,) if layer is not None else tuple(legend[code] for code in codes)
    size = len(names) + 1
    hectares, sums, unmapped = np.zeros((size, len(classes))), np.zeros(size), np.zeros(size)
    pixels = np.zeros(size, np.int64)
    told, region = np.full(len(places), np.nan), np.zeros(len(places), np.int64)
    where = places.groupby("tile").indices
    for number, unit in enumerate(map_.units):
        seen = _values(map_, unit, layer) if layer is not None else _classes(map_, unit, codes)
        inside = np.zeros(unit.tile.shape, np.uint8) if regions is None else regions.burnt(unit.tile)
        area = np.broadcast_to(np.asarray(unit.tile.pixel_area(), np.float64) / 1e4, unit.tile.shape)
        valid, lacking = np.isfinite(seen), seen == -np.inf
        at, ha = inside[valid].astype(np.int64), area[valid]
        column = np.zeros(len(at), np.int64) if layer is not None else seen[valid].astype(np.int64)
        flat = np.bincount(at * len(classes) + column, ha, hectares.size)
        hectares += flat.reshape(hectares.shape)
        pixels += np.bincount(at, minlength=size)
        unmapped += np.bincount(inside[lacking], area[lacking], size)
        if layer is not None:
            sums += np.bincount(at, ha * seen[valid], size)
        rows = where.get(unit.tile.id, np.empty(0, np.int64))
        spot = places["row"].to_numpy(np.int64)[rows], places["column"].to_numpy(np.int64)[rows]
        told[rows], region[rows] = np.where(valid[spot], seen[spot], np.nan), inside[spot]
        if number % 50 == 49:
            say(f"laid over {number + 1} of {len(map_.units)} tiles")
    return Overlay(names, classes, hectares, pixels, sums, unmapped, told, region)


def _classes(map_: PublishedMap, unit: Unit, codes: list[int]) -> Array:
    """(rows, columns) number of the class; -inf unmapped, NaN not owned."""
    table = np.full(256, np.nan)
    table[codes] = np.arange(len(codes))
    table[UNMAPPED], table[NOT_OWNED] = -np.inf, np.nan
    return np.asarray(table[map_.codes(unit)])


def _values(map_: PublishedMap, unit: Unit, layer: str) -> Array:
    """(rows, columns) values; -inf unmapped, NaN not owned."""
    values = values_of(map_, unit, layer)
    values = np.where(np.isfinite(values), values, -np.inf)
    owned = unit.tile.owned()
    return values if owned is None else np.where(owned, values, np.nan)
