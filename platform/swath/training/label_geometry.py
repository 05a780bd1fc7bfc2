"""Labels on the Earth: to WGS84, mended, cut at the area, eroded, buffered in true metres."""

from __future__ import annotations

from collections import Counter

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj.exceptions import CRSError
from shapely.geometry.base import BaseGeometry

from swath.errors import LabelError
from swath.grid import Area
from swath.grid.lonlat import STEP, from_lonlat, polygons, split
from swath.training.dropped import Reason

Shapes = NDArray[np.object_]
_AREAL = (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON, shapely.GeometryType.GEOMETRYCOLLECTION)
#: Less than this is no growth that a polygon's vertices could show, metres.
LEAST_M = 0.01
_POINTS = (shapely.GeometryType.POINT, shapely.GeometryType.MULTIPOINT)


def is_areal(shapes: Shapes) -> NDArray[np.bool_]:
    """Which geometries are polygons."""
    return np.isin(shapely.get_type_id(shapes), [int(kind) for kind in _AREAL])


def cleaned(shapes: Shapes, crs: str, counts: Counter[Reason], *, source: str) -> Shapes:
    """Geometries in WGS84 (lon, lat), valid; None where nothing is left.

    Args:
        shapes: In `crs`, (n,).
        crs: WKT.
        counts: Reasons are added.
        source: For messages.

    Raises:
        LabelError: The CRS cannot be used.
    """
    out = np.array([_flat(shape, counts) for shape in shapes] + [None], dtype=object)[:-1]
    here = np.flatnonzero(out != None)  # noqa: E711 - element by element
    try:
        turn = from_lonlat(crs)
    except CRSError as error:
        raise LabelError(f"{source}: its CRS cannot be used: {error}.", fix="Write the file in EPSG:4326.") from error
    if not turn.source_crs or not turn.target_crs or not turn.target_crs.is_geographic:
        # straight lines stay where they were drawn
        for i in here[is_areal(out[here])]:
            west, south, east, north = out[i].bounds
            out[i] = shapely.segmentize(out[i], max(1500.0, (east - west) / 100, (north - south) / 100))
    out[here] = shapely.transform(
        out[here], lambda xy: np.column_stack(turn.transform(xy[:, 0], xy[:, 1], direction="INVERSE"))
    )
    for i in here:
        if not np.isfinite(shapely.get_coordinates(out[i])).all():
            out[i] = None
            counts[Reason.NOT_FINITE] += 1
    return out


def _flat(shape: BaseGeometry | None, counts: Counter[Reason]) -> BaseGeometry | None:
    """A polygon or point as it can be used, in its own CRS."""
    if shape is None or shape.is_empty:
        counts[Reason.EMPTY] += 1
        return None
    flat = shapely.force_2d(shape)
    if not np.isfinite(shapely.get_coordinates(flat)).all():
        counts[Reason.NOT_FINITE] += 1
        return None
    if shapely.get_type_id(flat) in _POINTS:
        return flat
    if shapely.get_type_id(flat) not in _AREAL or polygons(flat).is_empty:
        counts[Reason.NO_AREA] += 1
        return None
    if flat.is_valid and flat.geom_type != "GeometryCollection":
        return flat
    mended = polygons(shapely.make_valid(flat))
    counts[Reason.EMPTY if mended.is_empty else Reason.MENDED] += 1
    return None if mended.is_empty else mended


def check_axes(raw: Shapes, placed: Shapes, crs: str, area: Area, *, source: str) -> None:
    """Refuse labels of which none lies in the area; say so if they would with x and y swapped.

    Args:
        raw: As they stand in the file.
        placed: In WGS84; None where nothing is left.
        crs: Of `raw`, WKT.
        area: Where labels are wanted.
        source: For messages.

    Raises:
        LabelError: None meets the area.
    """
    shapely.prepare(area.geometry)
    known = placed[placed != None]  # noqa: E711
    if shapely.intersects(area.geometry, known).any():
        return
    given = np.array([shape for shape in raw if shape is not None and not shape.is_empty], dtype=object)
    swapped = shapely.transform(shapely.force_2d(given), lambda xy: xy[:, ::-1])
    turn = from_lonlat(crs)

    def move(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        lonlat = np.column_stack(turn.transform(xy[:, 0], xy[:, 1], direction="INVERSE"))
        return np.where(np.isfinite(lonlat), lonlat, 1e6)

    boxes = shapely.box(*shapely.bounds(shapely.transform(swapped, move)).T)
    if shapely.intersects(area.geometry, boxes).any():
        raise LabelError(
            f"{source}: no label lies in {area.name}, but with x and y swapped they do: the axis order is wrong.",
            fix="Write x (longitude, easting) first, as GeoJSON and GeoPackage do (ogr2ogr -s_srs … --config "
            "OGR_CT_FORCE_TRADITIONAL_GIS_ORDER YES).",
            axes="swapped",
        )
    bounds = shapely.total_bounds(known) if len(known) else np.full(4, np.nan)
    raise LabelError(
        f"{source}: none of its {len(raw)} labels lies in {area.name} (labels: "
        f"{', '.join(f'{value:.4f}' for value in bounds)}; area: "
        f"{', '.join(f'{value:.4f}' for value in area.geometry.bounds)}).",
        fix="Check the labels' CRS and the area.",
    )


def within(shapes: Shapes, area: Area, counts: Counter[Reason]) -> Shapes:
    """The part of each label that lies in the area; None outside. What training sees ends at the area's edge."""
    out = shapes.copy()
    shapely.prepare(area.geometry)
    for i, shape in enumerate(shapes):
        if shape is None or area.geometry.contains_properly(shape):
            continue
        areal = bool(is_areal(np.array([shape], dtype=object))[0])
        wide = shape.bounds[2] - shape.bounds[0] > 180.0
        whole = (
            polygons(shapely.union_all([split(part) for part in polygons(shape).geoms])) if wide and areal else shape
        )
        part = shapely.intersection(area.geometry, whole)
        part = polygons(part) if areal else part
        if part.is_empty:
            out[i] = None
            counts[Reason.OUTSIDE_AREA] += 1
        else:
            out[i] = part
            counts[Reason.CLIPPED] += int(areal and not part.equals(whole))
    return out


def grown(shapes: Shapes, metres: NDArray[np.float64] | float) -> Shapes:
    """Shapes grown (or shrunk, below 0) by true metres, in WGS84; empty where nothing is left.

    Done in the UTM zone of each shape's middle: its scale is within 0.1 % of 1 there. The vertices of a round corner
    stand on the circle and its chords within 0.2 % below it, so that a growth is made by 0.4 % larger.
    """
    out = shapes.copy()
    if not len(shapes):
        return out
    by = np.broadcast_to(np.asarray(metres, np.float64), shapes.shape)
    by = np.where(by > 0, np.maximum(by * 1.004, LEAST_M), by)
    west, south, east, north = shapely.bounds(shapes).T
    zone = np.clip(np.floor(((west + east) / 2 + 180) / 6), 0, 59).astype(int) + 1
    codes = np.where((south + north) / 2 >= 0, 32600, 32700) + zone
    for code in np.unique(codes[by != 0]):
        here = np.flatnonzero((codes == code) & (by != 0))
        turn = from_lonlat(f"EPSG:{code}")
        flat = shapely.transform(
            shapely.segmentize(shapes[here], STEP), lambda xy, t=turn: np.column_stack(t.transform(xy[:, 0], xy[:, 1]))
        )
        wide = shapely.buffer(flat, by[here], quad_segs=16)
        out[here] = shapely.transform(
            wide, lambda xy, t=turn: np.column_stack(t.transform(xy[:, 0], xy[:, 1], direction="INVERSE"))
        )
    return out
