"""Looking at what came out, over an area."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from odc.geo import geom
from odc.geo.geobox import GeoBox
from rasterio.windows import from_bounds

from swath.grid import Area, parse_tile
from swath.mapping import Plan
from swath.mapping.vrt import zone_name


def window_of(plan: Plan, area: str) -> GeoBox:
    """An area on the lattice of its tiles, all in one zone."""
    tile = parse_tile(next(unit.tile for unit in plan.units(items=False)))
    box = geom.box(*Area.parse(area).bbox, "EPSG:4326")
    # edges at multiples of 60 m, which all bands share
    return GeoBox.from_geopolygon(box.to_crs(tile.crs), resolution=60).zoom_out(tile.resolution / 60)


def layer_file(plan: Plan, layer: str) -> str:
    """The virtual mosaic of a layer, as QGIS would open it."""
    unit = next(plan.units(items=False))
    return plan.store.url(f"{plan.root}/{unit.step}/{layer}.{zone_name(parse_tile(unit.tile).crs)}.vrt")


def read(path: str | Path, window: GeoBox, *, fill: int = 0) -> NDArray[Any]:
    """Numbers of a file over the window; `fill` where it has none."""
    with rasterio.open(path) as data:
        part = from_bounds(*window.boundingbox.bbox, data.transform)
        numbers = data.read(1, window=part, boundless=True, fill_value=fill, out_shape=tuple(window.shape))
    return np.asarray(numbers)


def read_values(path: str | Path, window: GeoBox, *, band: int = 1) -> NDArray[np.float64]:
    """Physical values of a file over the window, NaN where it has none."""
    with rasterio.open(path) as data:
        part = from_bounds(*window.boundingbox.bbox, data.transform)
        nodata = np.nan if data.nodata is None else data.nodata
        numbers = data.read(band, window=part, boundless=True, fill_value=nodata, out_shape=tuple(window.shape))
        values = numbers.astype(np.float64) * data.scales[band - 1] + data.offsets[band - 1]
    return np.asarray(np.where(np.isnan(numbers) | (numbers == nodata), np.nan, values))
