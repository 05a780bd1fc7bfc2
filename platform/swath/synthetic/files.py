"""Rasters on disk: cloud-optimised GeoTIFFs without a clock in them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from rasterio.io import MemoryFile
from rasterio.shutil import copy

from swath.synthetic.window import STEP, Window


def affine(window: Window, factor: int) -> Affine:
    """Pixel (column, row) to metres for pixels of `factor` x 10 m."""
    edge = float(STEP * factor)
    return Affine(edge, 0.0, window.left * float(STEP), 0.0, -edge, window.top * float(STEP))


def write(
    path: Path, data: np.ndarray, window: Window, factor: int, *, nodata: float, smooth: bool,
    names: tuple[str, ...] = (), scale: float = 1.0, place: tuple[int, Affine] | None = None,
) -> str:  # fmt: skip
    """Write bands (rows, cols) or (bands, rows, cols) as a COG; returns its sha256 as a multihash.

    Args:
        path: Of the file; its folder must be there.
        data: Numbers.
        window: Where it lies.
        factor: Edge of a pixel in pixels of 10 m.
        nodata: Its no-data number.
        smooth: Overviews by mean; else by the most frequent number, for classes.
        names: Descriptions of the bands.
        scale: Physical value of one step.
        place: EPSG code and affine of a raster that does not lie on the window's pixels.
    """
    bands = data if data.ndim == 3 else data[None]
    epsg, transform = place or (window.epsg, affine(window, factor))
    profile = {
        "driver": "GTiff", "count": bands.shape[0], "height": bands.shape[1], "width": bands.shape[2],
        "dtype": bands.dtype.name, "nodata": nodata, "crs": f"EPSG:{epsg}", "transform": transform,
    }  # fmt: skip
    # GDAL_CACHEMAX apart, the bytes depend on nothing of the machine: one thread, no date tag
    with rasterio.Env(GDAL_NUM_THREADS="1"), MemoryFile() as memory:
        with memory.open(**profile) as file:
            file.write(bands)
            for number, name in enumerate(names, 1):
                file.set_band_description(number, name)
            if scale != 1.0:
                file.scales = (scale,) * bands.shape[0]
        with memory.open() as file:
            copy(
                file, path, driver="COG", compress="ZSTD", level=1, predictor="YES", blocksize=512,
                overview_resampling="AVERAGE" if smooth else "MODE", overview_compress="ZSTD",
            )  # fmt: skip
    return "1220" + hashlib.sha256(path.read_bytes()).hexdigest()
