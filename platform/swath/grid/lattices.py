"""A lattice: one CRS of a grid with its anchor and what it owns there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Proj
from pyproj.exceptions import CRSError
from shapely.geometry.base import BaseGeometry

from swath.errors import GridError
from swath.grid.lonlat import STEP, WGS84, from_lonlat, polygons, transformed
from swath.grid.zones import Hemisphere, owner_zone, zone_domain

Floats = NDArray[np.float64]
_KEY = re.compile(r"utm(?P<utm>\d\d)(?P<half>[ns])|landsat(?P<landsat>\d\d)|(?P<authority>epsg|esri)(?P<code>[1-9]\d*)")
#: A CRS counts as equal-area when areas differ from the true ones by less than this share over its area of use;
#: UTM within its zone reaches 0.001, projections of a sphere put on an ellipsoid 0.007.
_EQUAL_AREA_TOLERANCE = 1e-4
# chords of a parallel drawn in steps lie within metres of it
_RIM = 200.0


@dataclass(frozen=True)
class Lattice:
    """One CRS of a grid.

    Attributes:
        key: First word of its tiles' ids: `utm33n`, `landsat33`, `epsg6933`.
        crs: Authority code: `EPSG:32633`.
        anchor: (x, y) in metres of a corner that tile edges start from.
        zone: UTM zone, None in an equal-area grid.
        hemisphere: Half of the zone that is owned here; None for both.
    """

    key: str
    crs: str
    anchor: tuple[float, float]
    zone: int | None = None
    hemisphere: Hemisphere | None = None

    @property
    def grid(self) -> str:
        """Name of its grid: `utm`, `landsat`, or the authority code."""
        return self.crs if self.zone is None else re.sub(r"\d.*", "", self.key)

    @property
    def domain(self) -> BaseGeometry | None:
        """WGS84 polygon of what it owns; None where the CRS stands alone."""
        return None if self.zone is None else zone_domain(self.zone, self.hemisphere)

    @cached_property
    def owned_polygon(self) -> BaseGeometry | None:
        """What it owns, in its CRS, prepared; None where the CRS stands alone."""
        if self.domain is None:
            return None
        drawn = transformed(shapely.segmentize(self.domain, STEP), from_lonlat(self.crs))
        polygon = polygons(shapely.make_valid(drawn))
        shapely.prepare(polygon)
        return polygon

    @cached_property
    def core(self) -> BaseGeometry | None:
        """What it owns but for a rim of `_RIM` metres, in its CRS, prepared; None where the CRS stands alone.

        A tile inside it owns all its pixels: nearly every tile, and told without looking at a pixel.
        """
        if self.owned_polygon is None:
            return None
        core = self.owned_polygon.buffer(-_RIM, join_style="mitre")
        shapely.prepare(core)
        return core

    @cached_property
    def _proj(self) -> Proj:
        return Proj(CRS.from_user_input(self.crs))

    def owns(self, x: Floats, y: Floats) -> NDArray[np.bool_]:
        """Whether places (metres in its CRS, any shape) are this lattice's: by zone, or by lying on the world."""
        forward = from_lonlat(self.crs)
        lon, lat = forward.transform(x, y, direction="INVERSE")
        if self.zone is None:  # beyond the edge of a world map a place comes back on the other side, or nowhere
            again_x, again_y = forward.transform(lon, lat)
            with np.errstate(invalid="ignore"):
                return np.asarray(np.hypot(again_x - x, again_y - y) < 1.0)
        zone = owner_zone(lon, lat)
        if self.hemisphere is None:
            return np.asarray(np.abs(zone) == self.zone)
        return np.asarray(zone == (self.zone if self.hemisphere == "n" else -self.zone))

    def areal_scale(self, x: Floats, y: Floats) -> Floats:
        """Area on the map over area on the ellipsoid; k² of a conformal projection with point scale factor k."""
        if self.zone is None:
            return np.ones_like(x)
        lon, lat = from_lonlat(self.crs).transform(x, y, direction="INVERSE")
        return np.asarray(self._proj.get_factors(lon, lat).areal_scale)


@lru_cache(maxsize=256)
def lattice(key: str) -> Lattice:
    """The lattice of a key.

    Args:
        key: `utm33n`, `landsat33`, `epsg6933`, `esri102022`.

    Raises:
        GridError: Unknown, no such zone, or a CRS that is not equal-area.
    """
    match = _KEY.fullmatch(key)
    if match is None:
        raise GridError(
            f"Unknown lattice {key!r}.", fix="It reads utm33n, landsat33, epsg6933 or esri102022.", lattice=key
        )
    if match["authority"]:
        crs = f"{match['authority'].upper()}:{match['code']}"
        check_equal_area(crs)
        return Lattice(key, crs, (0.0, 0.0))
    zone = int(match["utm"] or match["landsat"])
    if not 1 <= zone <= 60:
        raise GridError(f"There is no UTM zone {zone} ({key!r}).", fix="Zones are 01 to 60.", lattice=key)
    if match["landsat"]:
        return Lattice(key, f"EPSG:{32600 + zone}", (15.0, 15.0), zone)
    if match["half"] == "n":
        return Lattice(key, f"EPSG:{32600 + zone}", (0.0, 0.0), zone, "n")
    return Lattice(key, f"EPSG:{32700 + zone}", (0.0, 10_000_000.0), zone, "s")


def check_sizes(grid: str, resolution: float, tile_size: int) -> None:
    """Refuse a resolution and a tile size (or a halo) that would misalign bands.

    Args:
        grid: `utm`, `landsat` or an authority code.
        resolution: Edge of a pixel, metres.
        tile_size: Edge of a tile or a halo, pixels.

    Raises:
        GridError: Not positive, or an edge that is no multiple of 60 m on `utm` (20 and 60 m bands would be cut
            through), of 30 m on `landsat`.
    """
    if not (np.isfinite(resolution) and resolution > 0) or float(f"{resolution:.10g}") != resolution:
        raise GridError(f"Resolution {resolution} m makes no grid.", fix="Give metres above 0, such as 10.")
    if tile_size < 1:
        raise GridError(f"A tile of {tile_size} px is empty.", fix="Take 1536 px.", tile_size=tile_size)
    unit = Fraction({"utm": 60, "landsat": 30}.get(grid, 0))
    pixel = Fraction(f"{resolution:.10g}")
    if unit and (pixel * tile_size) % unit:
        step = (unit / pixel).numerator  # fewest pixels whose edges fall on the unit
        nearest = [tile_size // step * step, -(-tile_size // step) * step]
        fix = f"The nearest sizes are {' and '.join(f'{size} px' for size in nearest if size)}"
        raise GridError(
            f"{tile_size} px of {resolution:g} m are {tile_size * resolution:g} m, no multiple of {unit} m: bands of"
            f" other resolutions would be cut through on the {grid} grid.",
            fix=f"{fix}; 1536 and 3072 px fit the blocks of 10 m files too." if grid == "utm" else f"{fix}.",
            tile_size=tile_size,
            resolution=resolution,
        )


@lru_cache(maxsize=64)
def check_equal_area(code: str) -> None:
    """Refuse a CRS that is not equal-area on the ellipsoid, measured on small cells over its area of use.

    Raises:
        GridError: Unknown, not projected in metres, or areas vary.
    """
    fix = "Take an equal-area CRS such as EPSG:6933 (world), ESRI:102022 (Africa), EPSG:3035 (Europe) or the grid utm."
    try:
        crs = CRS.from_user_input(code)
    except CRSError as error:
        raise GridError(f"Unknown CRS {code!r}.", fix=fix, crs=code) from error
    if not crs.is_projected or any(axis.unit_name not in ("metre", "meter") for axis in crs.axis_info[:2]):
        raise GridError(f"{code} ({crs.name}) is not a projection in metres.", fix=fix, crs=code)
    use = crs.area_of_use
    west, south, east, north = (use.west, use.south, use.east, use.north) if use else (-180.0, -80.0, 180.0, 80.0)
    east += 360.0 if east < west else 0.0
    share = np.linspace(0.1, 0.9, 5)
    lon, lat = np.meshgrid(west + (east - west) * share, south + (north - south) * share)
    lon = (lon + 180.0) % 360.0 - 180.0
    half = 0.005
    ratios = []
    for x, y in zip(lon.ravel(), lat.ravel(), strict=True):
        cell = shapely.box(x - half, y - half, x + half, y + half)
        drawn = shapely.transform(
            cell, lambda xy: np.column_stack(from_lonlat(code).transform(xy[:, 0], xy[:, 1]))
        ).area
        ratios.append(drawn / abs(WGS84.geometry_area_perimeter(cell)[0]))
    low, high = min(ratios), max(ratios)
    if not (abs(low - 1.0) < _EQUAL_AREA_TOLERANCE and abs(high - 1.0) < _EQUAL_AREA_TOLERANCE):
        method = crs.coordinate_operation.method_name if crs.coordinate_operation else "unknown method"
        raise GridError(
            f"{code} ({crs.name}, {method}) is not equal-area: areas are {low:.4f} to {high:.4f} of the true ones.",
            fix=fix,
            crs=code,
        )
