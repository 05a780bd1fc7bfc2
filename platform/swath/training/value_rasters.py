"""Labels that are rasters of values: a map of biomass, canopy height or cover."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.transform import array_bounds
from rasterio.warp import calculate_default_transform, reproject, transform_bounds
from rasterio.windows import Window, from_bounds

from swath.errors import LabelError
from swath.grid import Area, Tile
from swath.models.spec import ValueOutput, ValuesOutput
from swath.training.dropped import Dropped, Reason
from swath.training.label_rasters import check_meets
from swath.training.label_set import value_text


@dataclass(frozen=True)
class ValueRaster:
    """Values by pixel.

    Attributes:
        value: What they measure; numbers below `low` or above `high` are dropped and counted.
        where: Path of the raster.
        nodata: Number without a value; NaN is none either.
        dropped: Nothing yet; pixels are counted as they are painted.
    """

    value: ValueOutput
    where: str
    nodata: float | None = None
    dropped: Dropped = field(default_factory=Dropped)

    @property
    def source(self) -> str:
        """For messages."""
        return self.where

    @property
    def classes(self) -> tuple[str, ...]:
        """None."""
        return ()

    @property
    def output(self) -> ValuesOutput:
        """What a model of these labels gives."""
        return ValuesOutput(values=(self.value,), name=self.value.name)

    @property
    def digest(self) -> str:
        """sha256 of the value, and of the file's size and time of change."""
        stat = Path(self.where).stat() if Path(self.where).exists() else None
        seen = (stat.st_size, stat.st_mtime_ns) if stat else None
        return hashlib.sha256(repr((self.value, self.where, self.nodata, seen)).encode()).hexdigest()

    def told(self) -> dict[str, Any]:
        """All of it, JSON-ready: for the plan of chips."""
        return {
            "classes": [], "source": self.source, "where": self.where, "nodata": self.nodata,
            "value": self.value.model_dump(), "dropped": self.dropped.to_dict(),
        }  # fmt: skip

    @classmethod
    def from_told(cls, told: Mapping[str, Any]) -> ValueRaster:
        """The labels of `told`."""
        return cls(ValueOutput.model_validate(told["value"]), told["where"], told["nodata"])

    def read(self, tile: Tile) -> tuple[NDArray[np.float32], Dropped]:
        """Values on a tile's lattice, float32 (H, W), NaN without; and pixels of the file that were left out.

        Pixels of the file that are finer are averaged over those with a value, coarser ones taken by the nearest.
        """
        out = np.full(tile.shape, np.nan, np.float32)
        with rasterio.open(self.where) as file:
            bounds = transform_bounds(tile.crs, file.crs, *tile.bounds, densify_pts=21)
            near = from_bounds(*bounds, transform=file.transform)
            first = (max(0, int(near.row_off) - 2), max(0, int(near.col_off) - 2))
            last = (
                min(file.height, int(near.row_off + near.height) + 3),
                min(file.width, int(near.col_off + near.width) + 3),
            )
            if last[0] <= first[0] or last[1] <= first[1]:
                return out, Dropped()
            window = Window.from_slices((first[0], last[0]), (first[1], last[1]))
            read = file.read(1, window=window, masked=True)
            # what is impossible must go before pixels are averaged
            numbers, dropped = self._possible(np.ma.filled(read.astype(np.float32), np.nan))
            affine = file.window_transform(window)
            step, _, _ = calculate_default_transform(file.crs, tile.crs, 64, 64, *array_bounds(64, 64, affine))
            finer = step.a < 0.99 * tile.resolution
            reproject(
                numbers, out, src_transform=affine, src_crs=file.crs, dst_transform=tile.affine, dst_crs=tile.crs,
                src_nodata=np.nan, dst_nodata=np.nan, resampling=Resampling.average if finer else Resampling.nearest,
            )  # fmt: skip
        return out, dropped

    def _possible(self, out: NDArray[np.float32]) -> tuple[NDArray[np.float32], Dropped]:
        counts = {}
        for reason, wrong in (
            (Reason.PIXELS_NOT_FINITE, np.isinf(out)),
            (Reason.PIXELS_BELOW, np.isfinite(out) & (out < (-np.inf if self.value.low is None else self.value.low))),
            (Reason.PIXELS_ABOVE, np.isfinite(out) & (out > (np.inf if self.value.high is None else self.value.high))),
        ):
            counts[reason] = int(wrong.sum())
            out[wrong] = np.nan
        return out, Dropped.of(counts)


def value_raster(path: str | os.PathLike[str], *, area: Area, value: ValueOutput) -> ValueRaster:
    """Labels from a raster of values.

    Args:
        path: GeoTIFF or COG, the first band holds the values, in any CRS.
        area: Must meet it.
        value: What they measure, and which are possible.

    Raises:
        LabelError: Unreadable, no CRS, beside the area, or no possible value (in a thinned copy).
    """
    where = os.fspath(path)
    try:
        with rasterio.open(where) as file:
            if file.crs is None:
                raise LabelError(f"{where} does not name its CRS.", fix="Set one (gdal_edit.py -a_srs EPSG:… file).")
            bounds = transform_bounds(file.crs, "EPSG:4326", *file.bounds, densify_pts=21)
            rows, cols = (min(size, 2048) for size in file.shape)
            seen = file.read(1, out_shape=(rows, cols), resampling=Resampling.nearest, masked=True)
            nodata = None if file.nodata is None else float(file.nodata)
    except rasterio.errors.RasterioError as error:
        raise LabelError(f"{where} cannot be read: {error}.", fix="Give a GeoTIFF or COG of values.") from error
    check_meets(bounds, area, where)
    labels = ValueRaster(value, where, nodata)
    left, dropped = labels._possible(np.ma.filled(seen.astype(np.float32), np.nan).ravel())
    if not np.isfinite(left).any():
        raise LabelError(
            f"{where} holds no value of {value_text(value)} that is possible ({dropped} in a thinned copy).",
            fix="Check the file's no-data, its unit and its scale.",
        )
    return labels
