"""Granules: squares of a zone's lattice that overlap their neighbours, and which of them hold an area."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pyproj import Transformer
from shapely import box, segmentize, transform
from shapely.geometry.base import BaseGeometry
from shapely.ops import unary_union

from swath.errors import AreaError, GridError
from swath.grid.zones import zone_domain
from swath.synthetic.window import STEP, Window

AreaLike = Any  #: a `swath.grid.Area`, a shapely geometry in degrees, or (west, south, east, north)


@dataclass(frozen=True)
class Granule:
    """A square of a UTM zone, as Sentinel-2's tiles are.

    Attributes:
        id: Zone, hemisphere, column and row: `33n-x0045-y0570`.
        window: Its pixels of 10 m.
    """

    id: str
    window: Window

    def footprint(self) -> BaseGeometry:
        """Outline in degrees."""
        w = self.window
        outline = box(w.left * STEP, (w.top - w.rows) * STEP, (w.left + w.cols) * STEP, w.top * STEP)
        back = Transformer.from_crs(w.epsg, 4326, always_xy=True)
        return transform(segmentize(outline, w.cols * STEP / 4), back.transform, interleaved=False)


def geometry(area: AreaLike) -> BaseGeometry:
    """An area as a geometry in degrees; a bbox with west > east crosses 180 degrees.

    Raises:
        AreaError: Empty, or no area.
    """
    if isinstance(area, Sequence) and len(area) == 4:
        west, south, east, north = (float(value) for value in area)
        parts = [box(west, south, east, north)] if west <= east else [
            box(west, south, 180, north), box(-180, south, east, north)
        ]  # fmt: skip
        area = unary_union(parts)
    found = getattr(area, "geometry", area)
    if not isinstance(found, BaseGeometry) or found.is_empty or found.area == 0:
        raise AreaError(f"{area!r} holds no land to simulate.", fix="Give (west, south, east, north) in degrees.")
    return found


def granules(area: AreaLike, pixels: int, overlap: int) -> list[Granule]:
    """Granules that hold a part of an area in the zone that owns that part, by zone, row and column.

    Args:
        area: See `AreaLike`.
        pixels: Edge in pixels of 10 m, a multiple of 6.
        overlap: Pixels shared with the next one, a multiple of 6, less than half.

    Raises:
        AreaError: Empty, or beyond 84 N and 80 S.
        GridError: Edges that do not lie on the lattice of 60 m.
    """
    if pixels % 6 or overlap % 6 or not 0 <= overlap < pixels / 2 or pixels < 48:
        raise GridError(
            f"A granule of {pixels} px with {overlap} px of overlap leaves the lattice of 60 m.",
            fix="Use multiples of 6, an overlap under half, and at least 48 px.",
        )
    whole = geometry(area)
    step = pixels - overlap
    found = []
    for zone in range(1, 61):
        for south in (False, True):
            part = whole.intersection(zone_domain(zone, "s" if south else "n"))
            if part.is_empty or part.area == 0:
                continue
            epsg = (32700 if south else 32600) + zone
            to_metres = Transformer.from_crs(4326, epsg, always_xy=True)
            flat = transform(segmentize(part, 0.05), to_metres.transform, interleaved=False)
            x0, y0, x1, y1 = (value / STEP for value in flat.bounds)
            for row in range(int(y1 // step), int((y0 - pixels) // step), -1):
                for col in range(int((x0 - pixels) // step) + 1, int(x1 // step) + 1):
                    window = Window(epsg, col * step, row * step + pixels, pixels, pixels)
                    square = box(
                        *(STEP * v for v in (window.left, window.top - pixels, window.left + pixels, window.top))
                    )
                    # the square's own cell must be touched: what only its overlap holds belongs to the neighbour
                    cell = box(
                        square.bounds[0],
                        square.bounds[3] - step * STEP,
                        square.bounds[0] + step * STEP,
                        square.bounds[3],
                    )
                    if flat.intersection(cell).area > 0:
                        found.append(Granule(f"{zone:02d}{'s' if south else 'n'}-x{col:04d}-y{row:04d}", window))
    if not found:
        raise AreaError(f"{whole.bounds} lies beyond the UTM zones.", fix="Choose an area between 80 S and 84 N.")
    return found
