"""Maps for a card, as SVG: where on the Earth a model was trained."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from swath.grid.boundaries import boundary

CONTINENTS = ("Africa", "Antarctica", "Asia", "Europe", "North America", "Oceania", "South America")
Degrees = NDArray[np.float64]
_WIDTH = 640.0


def world_map(geometry: dict[str, Any]) -> str:
    """The Earth with an area on it; a ring shows areas that are too small to be seen."""
    area = shape(geometry)
    frame = (-180.0, -60.0, 180.0, 80.0)
    middle = area.centroid
    drawn = _drawing(frame, 0.3, area)
    west, south, east, north = area.bounds
    if max(east - west, north - south) > 12:
        return drawn.format(extra="")
    x, y = _place(middle.x, middle.y, frame)
    return drawn.format(extra=f'<circle class="ring" cx="{x:.1f}" cy="{y:.1f}" r="9"/>')


def near_map(geometry: dict[str, Any]) -> str:
    """An area with the land about it: three times as wide as the area, or more."""
    area = shape(geometry)
    west, south, east, north = area.bounds
    x, y = (west + east) / 2, max(-80.0, min(80.0, (south + north) / 2))
    stretch = 1 / np.cos(np.radians(y))
    tall = max(north - south, (east - west) / stretch / 1.6, 0.02) * 1.5
    frame = (x - 0.8 * tall * stretch, y - tall / 2, x + 0.8 * tall * stretch, y + tall / 2)
    return _drawing(frame, tall / 400, area).format(extra="")


def continents_apart(geometry: dict[str, Any]) -> list[str]:
    """Continents that an area does not touch."""
    area = shape(geometry)
    return [name for name in CONTINENTS if not _continent(name).intersects(area)]


@lru_cache(maxsize=8)
def _continent(name: str) -> BaseGeometry:
    land = boundary(name)[1]
    shapely.prepare(land)
    return land


def _drawing(frame: tuple[float, float, float, float], step: float, area: BaseGeometry) -> str:
    box = shapely.box(*frame)
    land = [shapely.simplify(shapely.intersection(_continent(name), box), step) for name in CONTINENTS]
    west, south, east, north = frame
    scale = np.cos(np.radians((south + north) / 2)) if north - south < 100 else 1.0
    height = _WIDTH * (north - south) / ((east - west) * scale)
    lons, lats = _ticks(west, east), _ticks(south, north)
    grid = "".join(_line(((lon, south), (lon, north)), frame, height) for lon in lons)
    grid += "".join(_line(((west, lat), (east, lat)), frame, height) for lat in lats)
    shown = shapely.intersection(area, box)
    return (
        f'<svg viewBox="0 0 {_WIDTH:.0f} {height:.0f}" role="img">'
        f'<path class="land" d="{"".join(_path(part, frame, height) for part in land)}"/>'
        f'<path class="grid" d="{grid}"/>{_labels(lons, lats, frame, height)}'
        f'<path class="area" d="{_path(shown, frame, height)}"/>{{extra}}</svg>'
    )


def _labels(lons: Degrees, lats: Degrees, frame: tuple[float, float, float, float], height: float) -> str:
    """Degrees at every second line."""
    west, south, _, _ = frame
    made = []
    for lon in lons[::2]:
        x, y = _place(lon, south, frame, height)
        made.append(f'<text x="{x + 4:.1f}" y="{y - 6:.1f}">{abs(lon):g}°{"W" if lon < 0 else "E"}</text>')
    for lat in lats[1::2]:
        x, y = _place(west, lat, frame, height)
        made.append(f'<text x="{x + 4:.1f}" y="{y - 4:.1f}">{abs(lat):g}°{"S" if lat < 0 else "N"}</text>')
    return "".join(made)


def _ticks(first: float, last: float) -> Degrees:
    step = next(s for s in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60) if (last - first) / s <= 8)
    return np.round(np.arange(np.ceil(first / step), np.floor(last / step) + 1) * step, 6)


def _place(x: float, y: float, frame: tuple[float, float, float, float], height: float | None = None) -> Any:
    west, south, east, north = frame
    high = _WIDTH * (north - south) / (east - west) if height is None else height
    return (x - west) / (east - west) * _WIDTH, (north - y) / (north - south) * high


def _line(points: Any, frame: tuple[float, float, float, float], height: float) -> str:
    places = (_place(x, y, frame, height) for x, y in points)
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)


def _path(geometry: BaseGeometry, frame: tuple[float, float, float, float], height: float) -> str:
    parts = [part for part in shapely.get_parts(geometry) if part.geom_type == "Polygon"]
    rings = [ring for part in parts if not part.is_empty for ring in (part.exterior, *part.interiors)]
    return "".join(_line(ring.coords, frame, height) + "Z" for ring in rings)
