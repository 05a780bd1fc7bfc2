"""How much of a map lies where its model may be applied, in all and by class."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from swath.assessment.frame import counted_by_area
from swath.assessment.in_order import in_order, threads_for
from swath.assessment.published import CLASS, PublishedMap, Unit
from swath.products.model import APPLICABLE

MOST_PIXELS = 1_000_000_000  #: that are counted; of a larger map tiles drawn at random stand for all
OUTSIDE, INSIDE, UNKNOWN = 0, 1, 2
_WORKING = 24  # bytes a pixel: two layers, their states, and 8 where they are counted


def applicability_of(map_: PublishedMap, *, most: int = MOST_PIXELS) -> dict[str, Any] | None:
    """Mapped hectares inside and outside the area of applicability (Meyer and Pebesma 2021), JSON-ready.

    Args:
        map_: Of any kind; mapped is what has a class, or where there are none what the layer tells of.
        most: Pixels that are counted.

    Returns:
        `inside_ha`, `outside_ha`, `unknown_ha`, `share_outside` of what is known, the same by class in `classes`, and
        `tiles` that were counted of `tiles_of`; None for a map without the layer.
    """
    if APPLICABLE not in map_.layers or not map_.units:
        return None
    legend = map_.legend if CLASS in map_.layers else {0: ""}
    codes = sorted(legend)
    units = _drawn(map_, most)

    def count(unit: Unit) -> NDArray[np.float64]:
        strips = counted_by_area(unit, _states(map_, unit, codes), most=3 * len(codes) + 1)
        return np.sum([counted * hectares for counted, hectares in strips], axis=0)

    pixels = max(unit.tile.shape[0] * unit.tile.shape[1] for unit in units)
    counted = in_order(count, units, threads=threads_for(_WORKING * pixels))
    hectares = np.sum([one for _, one in counted], axis=0)[:-1].reshape(len(codes), 3)
    return {
        **_told(hectares.sum(axis=0)),
        "tiles": len(units),
        "tiles_of": len(map_.units),
        "classes": [
            {"name": legend[code], **_told(own)}
            for code, own in zip(codes, hectares, strict=True)
            if CLASS in map_.layers and own.sum() > 0
        ],
    }


def _drawn(map_: PublishedMap, most: int) -> list[Unit]:
    """All tiles, or so many drawn at random that their pixels are about `most`."""
    pixels = sum(unit.tile.shape[0] * unit.tile.shape[1] for unit in map_.units)
    number = max(1, len(map_.units) * most // max(pixels, most))
    chosen = np.random.default_rng(0).choice(len(map_.units), number, replace=False)
    return [map_.units[place] for place in sorted(chosen.tolist())]


def _states(map_: PublishedMap, unit: Unit, codes: list[int]) -> NDArray[np.uint16]:
    """(rows, columns) place of the class times 3 plus the state; one number more for what is not mapped."""
    rest = 3 * len(codes)
    numbers = map_.read(unit, APPLICABLE)
    states = np.where(numbers == INSIDE, INSIDE, np.where(numbers == OUTSIDE, OUTSIDE, UNKNOWN)).astype(np.uint16)
    if CLASS not in map_.layers:
        owned = unit.tile.owned()
        mapped = states < UNKNOWN if owned is None else (states < UNKNOWN) & owned
        return np.where(mapped, states, np.uint16(rest))
    place = np.full(256, rest, np.uint16)
    place[codes] = 3 * np.arange(len(codes))
    classes = place[map_.codes(unit)]
    return np.where(classes < rest, classes + states, np.uint16(rest))


def _told(hectares: NDArray[np.float64]) -> dict[str, float | None]:
    outside, inside, unknown = (float(value) for value in hectares)
    known = outside + inside
    return {
        "inside_ha": inside, "outside_ha": outside, "unknown_ha": unknown,
        "share_outside": outside / known if known > 0 else None,
    }  # fmt: skip
