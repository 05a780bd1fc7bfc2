"""Vector files: polygons of any CRS and format to WGS84."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyogrio
import shapely
from pyproj import CRS
from pyproj.exceptions import CRSError
from shapely.errors import ShapelyError
from shapely.geometry import GeometryCollection, Polygon, shape
from shapely.geometry.base import BaseGeometry

from swath.errors import AreaError
from swath.grid.lonlat import from_lonlat, polygons, split, transformed

_JSON = (".geojson", ".json")
_PARQUET = (".parquet", ".geoparquet", ".pq")
_OTHER = (".gpkg", ".fgb", ".shp", ".zip", ".gml", ".kml", ".sqlite", ".gdb")
_READABLE = "GeoJSON, GeoPackage, GeoParquet, FlatGeobuf or a shapefile"


def is_vector(text: str) -> bool:
    """Whether a text means a file rather than a name."""
    path = text.partition("::")[0]
    return "::" in text or "/" in path or Path(path).suffix.lower() in _JSON + _PARQUET + _OTHER or Path(path).is_file()


def read_vector(text: str) -> BaseGeometry:
    """Union of the polygons of `path`, `path::layer`, `path::column=value` or `path::layer::column=value`, in WGS84.

    Raises:
        AreaError: Missing, unreadable, no such layer, column or value, or without a CRS.
    """
    word, *rest = text.split("::")
    path = Path(word).expanduser()
    choices = [part for part in rest if "=" in part]
    layers = [part for part in rest if "=" not in part]
    if len(choices) > 1 or len(layers) > 1:
        raise AreaError(f"Area {text!r} cannot be read.", fix="Write path, path::layer or path::layer::column=value.")
    if not path.exists():
        raise AreaError(
            f"There is no file {str(path)!r}.", fix=f"Give {_READABLE}, a bbox or a country's name.", area=text
        )
    choice = choices[0] if choices else None
    if path.suffix.lower() in _JSON and not rest:
        try:
            content = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise AreaError(f"{path} cannot be read: {error}.", fix="Give UTF-8 GeoJSON.", area=text) from error
        return from_geojson(content, what=str(path))
    frame = _frame(path, layers[0] if layers else None)
    if choice is not None:
        frame = _chosen(frame, choice, path)
    shapes = [geometry for geometry in frame.geometry if geometry is not None]
    if not shapes:
        return Polygon()
    if frame.crs is None:
        raise AreaError(f"{path} does not name its CRS.", fix="Set one (ogr2ogr -a_srs EPSG:… out in).", area=text)
    return to_wgs84(shapes, frame.crs)


def from_geojson(content: str | Mapping[str, Any], *, what: str) -> BaseGeometry:
    """Union of the polygons of a GeoJSON object, in WGS84 (an old `crs` member is heeded).

    Raises:
        AreaError: No JSON, no GeoJSON, or an unknown CRS.
    """
    fix = "Give a GeoJSON Polygon, MultiPolygon, Feature or FeatureCollection."
    try:
        data = json.loads(content) if isinstance(content, str) else content
        shapes = list(_shapes(data))
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, ShapelyError) as error:
        raise AreaError(f"{what} is no GeoJSON: {error}.", fix=fix) from error
    if not shapes:
        return Polygon()
    declared = data.get("crs")
    if declared is None:
        return GeometryCollection(shapes)
    try:
        return to_wgs84(shapes, CRS.from_user_input(declared["properties"]["name"]))
    except (CRSError, KeyError, TypeError) as error:
        raise AreaError(f"{what} has an unknown crs {declared!r}.", fix="Leave it out for WGS84.") from error


def _shapes(data: Mapping[str, Any]) -> list[BaseGeometry]:
    kind = data["type"]
    if kind == "FeatureCollection":
        return [one for feature in data["features"] for one in _shapes(feature)]
    if kind == "Feature":
        return _shapes(data["geometry"]) if data["geometry"] else []
    with np.errstate(invalid="ignore"):  # a NaN is refused later, by name
        return [shape(data)]


def _frame(path: Path, layer: str | None) -> gpd.GeoDataFrame:
    try:
        if path.suffix.lower() in _PARQUET:
            if layer is not None:
                raise AreaError(f"{path} has no layers.", fix=f"Write {path}::column=value, or {path}.")
            return gpd.read_parquet(path)
        layers = [str(name) for name in pyogrio.list_layers(path)[:, 0]]
        if layer is None and len(layers) > 1:
            raise AreaError(f"{path} has {len(layers)} layers.", fix=f"Write {path}::LAYER with {_choices(layers)}.")
        if layer is not None and layer not in layers:
            raise AreaError(f"{path} has no layer {layer!r}.", fix=f"It has {_choices(layers)}.")
        frame = pyogrio.read_dataframe(path, layer=layer)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, ValueError, OSError) as error:
        raise AreaError(f"{path} cannot be read: {error}.", fix=f"Give {_READABLE}.", path=str(path)) from error
    if not isinstance(frame, gpd.GeoDataFrame):
        raise AreaError(f"{path} has no geometries.", fix=f"Give {_READABLE} of polygons.", path=str(path))
    return frame


def _chosen(frame: gpd.GeoDataFrame, choice: str, path: Path) -> gpd.GeoDataFrame:
    column, _, value = choice.partition("=")
    columns = [str(name) for name in frame.columns if name != frame.geometry.name]
    if column not in columns:
        raise AreaError(f"{path} has no column {column!r}.", fix=f"It has {_choices(columns)}.")
    values = frame[column].astype(str).str.strip()
    chosen = frame[values.str.casefold() == value.strip().casefold()]
    if chosen.empty:
        raise AreaError(f"{path} has no {column} {value!r}.", fix=f"It has {_choices(sorted(set(values)))}.")
    return chosen


def _choices(names: list[str]) -> str:
    shown = ", ".join(names[:12])
    return f"{shown} and {len(names) - 12} more" if len(names) > 12 else shown or "none"


def to_wgs84(shapes: list[BaseGeometry], crs: Any) -> BaseGeometry:
    """Shapes to WGS84 (lon, lat), edges densified first, so that straight lines stay where they were drawn.

    Raises:
        AreaError: Coordinates that the CRS cannot place.
    """
    known = CRS.from_user_input(crs)
    if known.is_geographic and known.equals(CRS.from_epsg(4326), ignore_axis_order=True):
        return GeometryCollection(shapes)
    parts = polygons(GeometryCollection(shapes))
    if not parts.is_empty and not known.is_geographic:
        # a kilometre and a half: chords are then within 0.1 m of the lines; world-wide shapes in steps of a thousandth
        metres = 1500.0 / (known.axis_info[0].unit_conversion_factor or 1.0)
        west, south, east, north = parts.bounds
        parts = shapely.segmentize(parts, max(metres, (east - west) / 1e4, (north - south) / 1e4))
    turned = transformed(parts, from_lonlat(known.to_wkt()), inverse=True)
    xy = shapely.get_coordinates(turned)
    if not np.isfinite(xy).all():
        raise AreaError(f"Coordinates lie outside {known.name}.", fix="Check the CRS that the file names.")
    return GeometryCollection([split(part, keep_cut=known.is_geographic) for part in polygons(turned).geoms])
