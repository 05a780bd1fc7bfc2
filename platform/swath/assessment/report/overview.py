"""A whole map on one screen: its tiles at the resolution of the screen, on one equal-area plane."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from rasterio.enums import Resampling
from rasterio.transform import array_bounds
from rasterio.warp import reproject, transform_bounds

from swath.assessment.in_order import in_order
from swath.assessment.published import PublishedMap, Unit
from swath.store import names

Values = NDArray[np.float32]
READERS = 4
_EDGE = 1000  #: longer edge of a picture, pixels


@dataclass(frozen=True)
class Canvas:
    """The plane that a map is shown on.

    Attributes:
        crs: Of the tiles where they share one, else an equal-area one about their middle.
        affine: Of its pixels.
        shape: Rows and columns.
    """

    crs: CRS
    affine: Affine
    shape: tuple[int, int]

    @classmethod
    def of(cls, map_: PublishedMap, *, edge: int = _EDGE) -> Canvas:
        """Around all tiles of a map, `edge` pixels along its longer side, or as many as the map has."""
        systems = {str(unit.tile.crs) for unit in map_.units}
        if len(systems) == 1:
            crs = CRS.from_user_input(next(iter(systems)))
            boxes = np.array([unit.tile.bounds for unit in map_.units])
        else:
            lon, lat = _middle(map_)
            crs = CRS.from_proj4(f"+proj=laea +lat_0={lat:.4f} +lon_0={lon:.4f} +datum=WGS84 +units=m +no_defs")
            boxes = np.array([transform_bounds(str(unit.tile.crs), crs, *unit.tile.bounds) for unit in map_.units])
        (left, bottom), (right, top) = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
        pixel = max(max(right - left, top - bottom) / edge, float(map_.units[0].tile.resolution))
        rows, columns = max(1, round((top - bottom) / pixel)), max(1, round((right - left) / pixel))
        return cls(crs, Affine(pixel, 0, left, 0, -pixel, top), (rows, columns))

    @property
    def pixel_m(self) -> float:
        """Edge of a pixel."""
        return float(self.affine.a)

    def window(self, affine: Affine, shape: tuple[int, ...], crs: Any) -> tuple[slice, slice]:
        """Rows and columns that an image may touch, a pixel more on each side."""
        left, bottom, right, top = transform_bounds(crs, self.crs, *array_bounds(*shape, affine))
        (x0, y0), (x1, y1) = (~self.affine @ corner for corner in ((left, top), (right, bottom)))
        ends = ((y0, y1, self.shape[0]), (x0, x1, self.shape[1]))
        rows, columns = (
            slice(max(0, int(np.floor(low)) - 1), min(size, int(np.ceil(high)) + 1)) for low, high, size in ends
        )
        return rows, columns

    def places(self, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> tuple[Values, Values]:
        """Columns and rows of points in degrees."""
        x, y = Transformer.from_crs(4326, self.crs, always_xy=True).transform(lon, lat)
        columns, rows = ~self.affine @ (np.asarray(x), np.asarray(y))
        return np.asarray(columns, np.float32), np.asarray(rows, np.float32)


def overview(map_: PublishedMap, layer: str, canvas: Canvas, *, categorical: bool = False) -> Values:
    """A layer on a canvas, physical values, NaN where there is none.

    Only as much of each file is read as the picture shows: its overviews.

    Args:
        map_: Of which.
        layer: Of its layers.
        canvas: Where to.
        categorical: Codes, of which no mean can be taken.

    Raises:
        StoreError: A file cannot be read.
    """
    whole = np.full(canvas.shape, np.nan, np.float32)
    resampling = Resampling.nearest if categorical else Resampling.bilinear
    shrunk = in_order(lambda unit: _shrunk(map_, unit, layer, canvas.pixel_m), map_.units, threads=READERS)
    for _, (values, affine, crs) in shrunk:
        rows, columns = canvas.window(affine, values.shape, crs)
        part = np.full((rows.stop - rows.start, columns.stop - columns.start), np.nan, np.float32)
        reproject(
            values, part, src_transform=affine, src_crs=crs, src_nodata=np.nan,
            dst_transform=canvas.affine @ Affine.translation(columns.start, rows.start), dst_crs=canvas.crs,
            dst_nodata=np.nan, resampling=resampling,
        )  # fmt: skip
        np.copyto(whole[rows, columns], part, where=np.isfinite(part))
    return whole


def _middle(map_: PublishedMap) -> tuple[float, float]:
    """Longitude and latitude of the mean of all tiles, which lies right about the antimeridian and the poles too."""
    points = np.radians([unit.tile.footprint.centroid.coords[0] for unit in map_.units])
    east, north = points[:, 0], points[:, 1]
    x, y, z = np.mean([np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)], axis=1)
    return float(np.degrees(np.arctan2(y, x))), float(np.degrees(np.arctan2(z, np.hypot(x, y))))


def _shrunk(map_: PublishedMap, unit: Unit, layer: str, pixel_m: float) -> tuple[Values, Affine, Any]:
    """A tile's layer at about the resolution of the picture."""
    key = names.layer_key(map_.root, unit.step, unit.tile.id, layer, unit.key)
    with map_.store.open_read(key) as stream, rasterio.open(stream) as file:
        shrink = max(1.0, pixel_m / abs(file.transform.a))
        shape = max(1, round(file.height / shrink)), max(1, round(file.width / shrink))
        numbers = file.read(1, out_shape=shape, masked=True)
        crs, affine = file.crs, file.transform @ Affine.scale(file.width / shape[1], file.height / shape[0])
        values = numbers.astype(np.float32) * np.float32(file.scales[0]) + np.float32(file.offsets[0])
    shown, owned = np.asarray(values.filled(np.nan)), unit.tile.owned()
    if owned is not None:  # the rest of the tile is another zone's
        middles = [((np.arange(n) + 0.5) * full / n).astype(int) for n, full in zip(shape, owned.shape, strict=True)]
        shown[~owned[np.ix_(*middles)]] = np.nan
    return shown, affine, crs
