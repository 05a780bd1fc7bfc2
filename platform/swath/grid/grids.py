"""Grids: a rule for the CRS, a resolution, an anchor and a tile size."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from shapely.geometry import MultiPolygon
from shapely.geometry.base import BaseGeometry

from swath.errors import AreaError, GridError
from swath.grid.lattices import Lattice, check_equal_area, check_sizes, lattice
from swath.grid.lonlat import STEP, from_lonlat, polygons, transformed
from swath.grid.tiles import Tile, parse_tile, tile_at
from swath.grid.zones import check_latitudes, owner_zone

if TYPE_CHECKING:
    from swath.grid.areas import Area

_CODE = re.compile(r"(epsg|esri):(\d+)", re.IGNORECASE)
_DEFAULT_RESOLUTION = {"utm": 10.0, "landsat": 30.0}


@dataclass(frozen=True)
class Grid:
    """A grid. Make one with `Grid.named`.

    Attributes:
        name: `utm`: the lattice of Sentinel-2 and HLS, edges at multiples of the tile from northing 0 (EPSG:326xx) or
            10,000,000 (EPSG:327xx). `landsat`: edges at 15 mod 30 m, EPSG:326xx with negative northings in the south.
            Else the authority code of an equal-area CRS, such as `EPSG:6933`, anchored at (0, 0).
        resolution: Edge of a pixel, metres.
        tile_size: Edge of a tile, pixels.
    """

    name: str
    resolution: float
    tile_size: int

    @classmethod
    def named(cls, name: str, *, resolution: float | None = None, tile_size: int = 1536) -> Grid:
        """A grid by its name, checked.

        Args:
            name: `utm`, `landsat`, or an equal-area CRS by authority code (`EPSG:6933`, `ESRI:102022`).
            resolution: Metres; 30 on `landsat`, else 10 unless given.
            tile_size: Pixels.

        Raises:
            GridError: Unknown name, a CRS that is not equal-area, or sizes that misalign bands.
        """
        plain = name.strip().lower()
        code = _CODE.fullmatch(plain)
        if code:
            plain = f"{code[1].upper()}:{int(code[2])}"
            check_equal_area(plain)
        elif plain not in _DEFAULT_RESOLUTION:
            raise GridError(
                f"There is no grid {name!r}.",
                fix="Take utm, landsat, or an equal-area CRS such as EPSG:6933 or ESRI:102022.",
                grid=name,
            )
        size = float(_DEFAULT_RESOLUTION.get(plain, 10.0) if resolution is None else resolution)
        check_sizes(plain, size, tile_size)
        return cls(plain, size, tile_size)

    def __str__(self) -> str:
        return f"{self.name} {self.resolution:g} m, {self.tile_size} px"

    @property
    def edge(self) -> float:
        """Edge of a tile, metres."""
        return self.resolution * self.tile_size

    def check_halo(self, pixels: int) -> None:
        """Refuse a halo round tiles that would misalign bands.

        Raises:
            GridError: No multiple of 60 m (30 m on `landsat`).
        """
        if pixels:
            check_sizes(self.name, self.resolution, pixels)

    def parse(self, tile_id: str) -> Tile:
        """The tile of an id, which must be this grid's.

        Raises:
            GridError: No id, or another grid's.
        """
        tile = parse_tile(tile_id)
        if (tile.lattice.grid, tile.resolution, tile.shape[0]) != (self.name, self.resolution, self.tile_size):
            raise GridError(
                f"Tile {tile_id!r} is not of the grid {self}.",
                fix="Take the grid that it was planned on.",
                tile=tile_id,
            )
        return tile

    def tile_of(self, lon: float, lat: float) -> Tile:
        """The tile that owns a place.

        Raises:
            AreaError: Beyond 80 S to 84 N on `utm` and `landsat`, or off the CRS's map.
        """
        zone = int(owner_zone(lon, lat))
        if _CODE.fullmatch(self.name):
            base = lattice(self.name.lower().replace(":", ""))
        else:
            check_latitudes(lat, lat, what=f"The place {lon}, {lat}")
            base = lattice(self._key(abs(zone), "n" if zone > 0 else "s"))
        x, y = from_lonlat(base.crs).transform(lon, lat)
        if not np.isfinite([x, y]).all():
            raise AreaError(f"The place {lon}, {lat} is not on the map of {base.crs}.", fix="Take another grid.")
        return self._tile(base, int((x - base.anchor[0]) // self.edge), int((y - base.anchor[1]) // self.edge))

    def tiles(self, area: Area) -> Iterator[Tile]:
        """Tiles that own a pixel and meet the area, as a stream.

        The order is fixed: west to east by zone, north before south, within a zone along a Z-curve, so that tiles that
        share files come close together. Nothing is kept: memory does not grow with the number of tiles.

        Raises:
            AreaError: The area reaches where the grid does not (at once, not at the first tile).
        """
        lattices: list[Lattice]
        if _CODE.fullmatch(self.name):
            base = lattice(self.name.lower().replace(":", ""))
            _drawn(area.geometry, base, area.km2)
            lattices = [base]
        else:
            check_latitudes(area.geometry.bounds[1], area.geometry.bounds[3], what=f"Area {area.name}")
            halves = "ns" if self.name == "utm" else "n"
            lattices = [lattice(self._key(zone, half)) for zone in range(1, 61) for half in halves]
        return self._stream(area, lattices)

    def _key(self, zone: int, half: str) -> str:
        return f"utm{zone:02d}{half}" if self.name == "utm" else f"landsat{zone:02d}"

    def _tile(self, base: Lattice, x: int, y: int) -> Tile:
        return tile_at(base.key, self.resolution, self.tile_size, x, y)

    def _stream(self, area: Area, lattices: list[Lattice]) -> Iterator[Tile]:
        for base in lattices:
            if base.domain is None:
                part, core = _drawn(area.geometry, base, area.km2), None
            else:
                piece = polygons(shapely.intersection(area.geometry, base.domain))
                if piece.is_empty:
                    continue
                part = _project(piece, base)
                # whoever meets the domain shrunk by a pixel owns a pixel's centre
                core = _project(base.domain, base).buffer(-self.resolution, join_style="mitre")
                shapely.prepare(core)
            for x, y in self._cells(part, base):
                tile = self._tile(base, x, y)
                if core is None or core.intersects(shapely.box(*tile.bounds)) or _owns_any(tile):
                    yield tile

    def _cells(self, part: BaseGeometry, base: Lattice) -> Iterator[tuple[int, int]]:
        """Indices of the cells that meet a geometry in the lattice's CRS, by halving squares of cells."""
        if part.is_empty:
            return
        (left, bottom), edge = base.anchor, self.edge
        bounds = np.array(part.bounds)
        first = np.floor((bounds[:2] - base.anchor) / edge).astype(int)
        last = np.floor((bounds[2:] - base.anchor) / edge).astype(int)
        size = 1 << int(max(last - first)).bit_length()
        # no pixel's centre lies in this rim; without it, an area cut along tiles would call their neighbours too
        rim = self.resolution / 100.0

        def walk(geometry: BaseGeometry | None, x: int, y: int, size: int) -> Iterator[tuple[int, int]]:
            if geometry is not None:
                inset = rim if size == 1 else 0.0
                cell = shapely.box(
                    left + x * edge + inset,
                    bottom + y * edge + inset,
                    left + (x + size) * edge - inset,
                    bottom + (y + size) * edge - inset,
                )
                geometry = polygons(shapely.intersection(geometry, cell))
                covered = geometry.area
                if covered == 0.0:
                    return
                if covered >= cell.area * (1.0 - 1e-12):
                    geometry = None  # all below is covered: no more geometry
            if size == 1:
                yield x, y
                return
            half = size // 2
            for dy in (0, half):
                for dx in (0, half):
                    yield from walk(geometry, x + dx, y + dy, half)

        low, high = first // size * size, last // size * size
        for y in range(low[1], high[1] + 1, size):
            for x in range(low[0], high[0] + 1, size):
                yield from walk(part, x, y, size)


def _owns_any(tile: Tile) -> bool:
    owned = tile.owned()
    return owned is None or bool(owned.any())


def _project(geometry: BaseGeometry, base: Lattice) -> MultiPolygon:
    drawn = transformed(shapely.segmentize(geometry, STEP), from_lonlat(base.crs))
    return polygons(shapely.make_valid(drawn))


def _drawn(geometry: BaseGeometry, base: Lattice, km2: float) -> Any:
    """An area in an equal-area CRS; that areas agree proves that no edge was torn across the map."""
    drawn = transformed(shapely.segmentize(geometry, STEP), from_lonlat(base.crs))
    if np.isfinite(shapely.get_coordinates(drawn)).all():
        drawn = polygons(shapely.make_valid(drawn))
        if abs(drawn.area / 1e6 - km2) <= 1e-3 * km2 + 1e-3:
            return drawn
    raise AreaError(
        f"The area reaches over the edge of the map of {base.crs} ({km2:.0f} km², bbox {geometry.bounds}).",
        fix="Take a CRS that holds it, such as EPSG:6933 for the world between 86 S and 86 N.",
        crs=base.crs,
    )
