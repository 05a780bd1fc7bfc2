"""The frame that a sample is drawn from: owned and mapped pixels, counted by tile and stratum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from swath.assessment.in_order import in_order, threads_for
from swath.assessment.published import NOT_OWNED, UNMAPPED, PublishedMap, Unit
from swath.assessment.zones import Zones
from swath.planning import Said

_WORKING = 40  # bytes a pixel: values and bins of them, strata, and 8 where they are counted
_STRIPS = 16  # of columns: the area of a pixel changes across a tile by a few parts in ten thousand


@dataclass(frozen=True)
class Frame:
    """Pixels of a map by stratum.

    A stratum is a class of the map, or where zones are given what a zone makes of it.

    Attributes:
        map: Of which.
        strata: S names.
        pixels: (tiles, S) int64 in the order of `map.units`.
        areas: (tiles, S) hectares: true areas, not those of the projection.
        unmapped_ha: Owned by the map's tiles and without a class: no part of the frame.
    """

    map: PublishedMap
    strata: tuple[str, ...]
    pixels: NDArray[np.int64]
    areas: NDArray[np.float64]
    unmapped_ha: float

    @property
    def total_pixels(self) -> NDArray[np.int64]:
        """Of each stratum, (S,)."""
        return np.asarray(self.pixels.sum(axis=0))

    @property
    def total_ha(self) -> NDArray[np.float64]:
        """Hectares of each stratum, (S,)."""
        return np.asarray(self.areas.sum(axis=0))


WHOLE = "all"  #: the one stratum of a design without strata


def frame_of(map_: PublishedMap, zones: Zones | None = None, *, say: Said = lambda _: None) -> Frame:
    """Count the pixels of a map: one pass over its tiles, a few of them in memory at a time.

    Args:
        map_: The map.
        zones: Polygons that make strata of their own.
        say: Told of progress.
    """
    codes, names = strata_names(map_, zones)
    pixels = np.zeros((len(map_.units), len(names)), np.int64)
    areas = np.zeros(pixels.shape)
    unmapped = 0.0

    def count(unit: Unit) -> list[tuple[NDArray[np.int64], float]]:
        return counted_by_area(unit, strata_of(unit, map_.codes(unit), codes, zones))

    most = max((unit.tile.shape[0] * unit.tile.shape[1] for unit in map_.units), default=0)
    for row, (_, strips) in enumerate(in_order(count, map_.units, threads=threads_for(_WORKING * most))):
        for counted, hectares in strips:
            pixels[row] += counted[: len(names)]
            areas[row] += counted[: len(names)] * hectares
            unmapped += float(counted[UNMAPPED_STRATUM] * hectares)
        if row % 50 == 49:
            say(f"counted {row + 1} of {len(map_.units)} tiles")
    used = pixels.sum(axis=0) > 0
    return Frame(map_, tuple(np.array(names)[used].tolist()), pixels[:, used], areas[:, used], unmapped)


UNMAPPED_STRATUM, NO_STRATUM = 254, 255


def strata_names(map_: PublishedMap, zones: Zones | None) -> tuple[list[int], list[str]]:
    """Codes of the classes in order, and the names of all strata that `strata_of` numbers: classes, then zones."""
    codes = sorted(map_.legend)
    return codes, [map_.legend[code] for code in codes] + list(() if zones is None else zones.names)


def strata_of(unit: Unit, numbers: NDArray[np.uint8], codes: list[int], zones: Zones | None) -> NDArray[np.uint8]:
    """(rows, columns) number of the stratum of each pixel; 254 unmapped, 255 not owned."""
    table = np.full(256, NO_STRATUM, np.uint8)
    table[codes] = np.arange(len(codes))
    table[UNMAPPED], table[NOT_OWNED] = UNMAPPED_STRATUM, NO_STRATUM
    strata = table[numbers]
    if zones is not None:
        inside = zones.burnt(unit.tile)
        within = (inside > 0) & (strata < UNMAPPED_STRATUM)
        strata[within] = len(codes) + inside[within] - 1
    return strata


def counted_by_area(
    unit: Unit, strata: NDArray[np.unsignedinteger[Any]], *, most: int = 256
) -> list[tuple[NDArray[np.int64], float]]:
    """Pixels of each stratum in strips of columns, with the true area of a pixel there, hectares.

    Args:
        unit: Whose pixels.
        strata: (rows, columns) numbers below `most`.
        most: How many are counted, those that do not occur too.
    """
    area = np.asarray(unit.tile.pixel_area(), np.float64) / 1e4
    if area.ndim == 0:
        return [(np.bincount(strata.ravel(), minlength=most), float(area))]
    parts = np.array_split(np.arange(strata.shape[1]), _STRIPS)
    return [
        (np.bincount(strata[:, part[0] : part[-1] + 1].ravel(), minlength=most), float(area[0, part].mean()))
        for part in parts
        if len(part)
    ]
