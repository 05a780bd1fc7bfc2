"""Areas: what a person wants mapped, in any of the forms people have it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.geometry import MultiPolygon, Polygon, mapping
from shapely.geometry.base import BaseGeometry

from swath.errors import AreaError
from swath.grid.boundaries import boundary
from swath.grid.lonlat import BBox, area_km2, bbox, polygons, split
from swath.grid.vectors import from_geojson, is_vector, read_vector

_NUMBERS = re.compile(r"[-+.\deE]+|[-+]?(?:nan|inf|infinity)", re.IGNORECASE)
_SMALLEST_KM2 = 1e-6  # a square metre
_LONGEST_EDGE = 90.0  # degrees; an edge of more than 180 would be read as one over the antimeridian


@dataclass(frozen=True)
class Area:
    """A polygon on the Earth.

    Attributes:
        geometry: WGS84 (lon, lat), valid, within -180 to 180 and split there.
        name: As a person would call it: a country's name, a file's, or the bbox.
    """

    geometry: MultiPolygon
    name: str

    @classmethod
    def parse(cls, source: str | Path | Mapping[str, Any]) -> Area:
        """Read an area.

        Args:
            source: One of

                - `west,south,east,north` in degrees; west > east crosses 180;
                - GeoJSON (a dict, its text, or a file), GeoPackage, GeoParquet, FlatGeobuf, shapefile, in any CRS;
                  several features are united;
                - `path::layer` for one layer of a file, `path::column=value` for the features of that value (one's own
                  boundaries: `provinces.gpkg::name=Gitega`), `path::layer::column=value` for both;
                - a country's or continent's name, or an ISO 3166-1 code (Natural Earth 1:50m).

        In longitudes and latitudes, two neighbouring vertices more than 180 degrees apart are joined over the
        antimeridian, but for edges between exactly -180 and 180. Self-crossing polygons are repaired (even-odd), Z is
        dropped.

        Raises:
            AreaError: Not found, not readable, no polygon, empty, not finite, off the Earth, or without extent.
        """
        if isinstance(source, Mapping):
            return cls.of(from_geojson(source, what="inline GeoJSON"), name="inline GeoJSON")
        text = str(source).strip()
        if not text:
            raise AreaError("The area is empty.", fix="Give a bbox, a file, or a country's name.")
        if text.startswith("{"):
            return cls.of(from_geojson(text, what="inline GeoJSON"), name="inline GeoJSON")
        words = [word.strip() for word in text.split(",")]
        if len(words) > 1 and not is_vector(text) and any(_NUMBERS.fullmatch(word) for word in words):
            return cls._of_bbox(words, text)
        if isinstance(source, Path) or is_vector(text):
            path, _, rest = text.partition("::")
            return cls.of(read_vector(text), name=f"{Path(path).stem}{' ' if rest else ''}{rest}")
        name, geometry = boundary(text)
        return cls.of(geometry, name=name)

    @classmethod
    def of(cls, geometry: BaseGeometry, *, name: str) -> Area:
        """An area from a WGS84 geometry, checked and made valid.

        Raises:
            AreaError: As `parse`.
        """
        flat = shapely.force_2d(geometry)
        parts = polygons(flat)
        if parts.is_empty:
            kind = "it is empty" if flat.is_empty else f"it holds {flat.geom_type}"
            raise AreaError(
                f"Area {name!r} has no polygon: {kind}.", fix="Give polygons; buffer points and lines first.", area=name
            )
        _check_coordinates(shapely.get_coordinates(parts), name)
        whole = polygons(shapely.union_all([_valid(part) for part in parts.geoms]))
        if whole.is_empty or area_km2(whole) < _SMALLEST_KM2:
            raise AreaError(
                f"Area {name!r} has no extent: less than one square metre remains of it.",
                fix="Give a polygon with at least three corners apart, or a bbox with west < east and south < north.",
                area=name,
            )
        return cls(polygons(shapely.normalize(whole)), name)

    @classmethod
    def _of_bbox(cls, words: list[str], text: str) -> Area:
        fix = "Give west,south,east,north in degrees, such as 12.5,52.3,13.8,52.7; west > east crosses 180."
        try:
            values = [float(word) for word in words]
        except ValueError as error:
            raise AreaError(f"Bbox {text!r} cannot be read: {error}.", fix=fix, area=text) from error
        if len(values) != 4:
            raise AreaError(f"Bbox {text!r} has {len(values)} numbers, not 4.", fix=fix, area=text)
        west, south, east, north = values
        _check_coordinates(np.array([[west, south], [east, north]]), text, turn=180.0)
        if south > north:
            fix = f"Write {min(west, east):g},{north:g},{max(west, east):g},{south:g}."
            raise AreaError(f"Bbox {text!r}: south {south:g} lies north of {north:g}.", fix=fix, area=text)
        if west == east or south == north:
            raise AreaError(f"Bbox {text!r} has no extent.", fix=fix, area=text)
        boxes = [(west, south, east, north)]
        if west > east:
            boxes = [(west, south, 180.0, north), (-180.0, south, east, north)]
        shapes = MultiPolygon([shapely.box(*box) for box in boxes if box[0] < box[2]])
        return cls.of(shapely.segmentize(shapes, _LONGEST_EDGE), name=",".join(words))

    def __str__(self) -> str:
        return self.name

    @property
    def bbox(self) -> BBox:
        """(west, south, east, north), degrees; west > east over 180."""
        return bbox(self.geometry)

    @cached_property
    def km2(self) -> float:
        """True area on the ellipsoid, km²."""
        return area_km2(self.geometry)

    @cached_property
    def digest(self) -> str:
        """sha256 of the normalised little-endian WKB: equal shapes, however written, have one digest."""
        wkb = shapely.to_wkb(shapely.normalize(self.geometry), byte_order=1, output_dimension=2)
        return hashlib.sha256(wkb).hexdigest()

    def to_geojson(self) -> dict[str, Any]:
        """A GeoJSON feature (RFC 7946: split at 180, right-hand rule)."""
        shape = shapely.orient_polygons(shapely.segmentize(self.geometry, _LONGEST_EDGE))
        west, south, east, north = self.bbox
        return {
            "type": "Feature",
            "bbox": [west, south, east, north],
            "properties": {"name": self.name},
            "geometry": mapping(shape),
        }


def _valid(part: Polygon) -> BaseGeometry:
    xy = shapely.get_coordinates(part)
    turns = np.any(np.abs(np.diff(xy[:, 0])) > 180.0) or np.any(np.abs(xy[:, 0]) > 180.0)
    return split(part, keep_cut=True) if turns else polygons(shapely.make_valid(part))


def _check_coordinates(xy: np.ndarray[Any, np.dtype[np.float64]], name: str, *, turn: float = 360.0) -> None:
    """Refuse what is not on the Earth.

    Args:
        xy: (n, 2) degrees.
        name: For the message.
        turn: Largest longitude that is understood, either way.
    """
    if not np.isfinite(xy).all():
        bad = tuple(xy[~np.isfinite(xy).all(axis=1)][0].tolist())
        raise AreaError(f"Area {name!r} has a coordinate that is not finite: {bad}.", fix="Repair the file.", area=name)
    lon, lat = xy[:, 0], xy[:, 1]
    worst = float(lat[np.argmax(np.abs(lat))])
    if abs(worst) > 90.0:
        if np.abs(lon).max() <= 90.0 and abs(worst) <= 180.0:
            fix = "Longitude and latitude look swapped: write longitude first, as GeoJSON and bbox do."
        else:
            fix = "Degrees are needed here; if these are metres, give a file that names its CRS."
        raise AreaError(f"Area {name!r} has the latitude {worst:g}.", fix=fix, area=name)
    far = float(lon[np.argmax(np.abs(lon))])
    if abs(far) > turn:
        raise AreaError(
            f"Area {name!r} has the longitude {far:g}.",
            fix=f"Longitudes run from -180 to 180: write {(far + 180.0) % 360.0 - 180.0:g}; west > east crosses 180.",
            area=name,
        )
