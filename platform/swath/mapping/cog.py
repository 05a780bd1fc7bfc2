"""Layers to cloud-optimised GeoTIFFs: tiled, with overviews, the same bytes for the same numbers."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import rasterio
import rasterio.shutil
from affine import Affine
from rasterio.enums import Resampling
from rasterio.io import MemoryFile
from rasterio.session import DummySession

from swath.products import Compression, Layer

BLOCK = 512  #: edge of a block, pixels

# Readings on one core, a smooth uint16 field with noise, 1536 x 1536: zstd level 1 packs 100 Mpx/s to 4.14 MB, level 3
# 41 Mpx/s to 4.01 MB, level 9 about 20 Mpx/s to 3.84 MB. The last 7 % cost a quarter of a unit's whole time.
_LEVELS = {"zstd": 1, "deflate": 6, "lerc": 1}


@dataclass(frozen=True)
class Cog:
    """A finished file.

    Attributes:
        data: Its bytes; empty once they have been written.
        sha256: Of the bytes, hexadecimal.
        size: Bytes.
        valid: Share of the pixels that hold data, 0 to 1.
    """

    data: bytes
    sha256: str
    size: int
    valid: float

    def without_data(self) -> Cog:
        """What is left to know of it when its bytes have been written."""
        return replace(self, data=b"")

    @property
    def multihash(self) -> str:
        """`file:checksum` of the STAC file extension: sha2-256 (0x12), 32 bytes (0x20), digest."""
        return f"1220{self.sha256}"


def encode_cog(numbers: np.ndarray[Any, Any], layer: Layer, *, affine: Affine, crs: str, threads: int = 1) -> Cog:
    """One layer as the bytes of a COG.

    No clock and no host name go into the file, and the bytes do not depend on `threads`. Each layer is a file of its
    own, so that memory holds one layer twice (numbers and overviews, then the packed bytes), however many there are.

    Args:
        numbers: (rows, columns) of the layer's dtype.
        layer: Facts of the layer.
        affine: Pixel (column, row) to CRS.
        crs: Authority code.
        threads: Threads that pack blocks.

    Raises:
        ValueError: The array is not (rows, columns) of the layer's dtype.
    """
    if numbers.ndim != 2 or numbers.dtype != np.dtype(layer.dtype):
        raise ValueError(
            f"layer {layer.name!r} is (rows, columns) of {layer.dtype}, "
            f"this array is {numbers.shape} of {numbers.dtype}"
        )
    rows, cols = numbers.shape
    factors = overview_factors(rows, cols)
    profile = {"width": cols, "height": rows, "count": 1, "dtype": layer.dtype, "crs": crs, "transform": affine}
    # nothing is fetched here: without a session of its own rasterio looks for AWS credentials each time
    env = rasterio.Env(session=DummySession(), GDAL_NUM_THREADS=str(threads))
    with env, rasterio.open("", "w", driver="MEM", **profile) as memory:
        if layer.nodata is not None:
            memory.nodata = layer.nodata
        memory.write(numbers, 1)
        memory.set_band_description(1, layer.name)
        memory.units, memory.scales, memory.offsets = (layer.unit,), (layer.scale,), (layer.offset,)
        memory.update_tags(AREA_OR_POINT="Area")
        if layer.legend is not None:
            memory.write_colormap(1, layer.legend.colormap())
        # made here and not by the COG driver, which packs them into a temporary file first (a quarter slower)
        if factors:
            memory.build_overviews(factors, Resampling[layer.overviews])
        with MemoryFile(filename=f"swath-{uuid.uuid4().hex}.tif") as packed:
            options = creation_options(layer.compression, threads=threads) | {
                "OVERVIEWS": "AUTO" if factors else "NONE"
            }
            rasterio.shutil.copy(memory, packed.name, driver="COG", **options)
            data = bytes(packed.getbuffer())
    return Cog(data, hashlib.sha256(data).hexdigest(), len(data), _valid(numbers, layer.nodata))


def overview_factors(rows: int, cols: int) -> list[int]:
    """Reductions of the overviews, until the smallest fits into one block."""
    factors: list[int] = []
    while max(rows, cols) > BLOCK * (factors[-1] if factors else 1):
        factors.append(2 * factors[-1] if factors else 2)
    return factors


def creation_options(compression: Compression, *, threads: int = 1) -> dict[str, str]:
    """Options of GDAL's COG driver for a compression."""
    options = {
        "COMPRESS": {"zstd": "ZSTD", "deflate": "DEFLATE", "lerc": "LERC_ZSTD"}[compression.codec],
        "LEVEL": str(compression.level or _LEVELS[compression.codec]),
        "BLOCKSIZE": str(BLOCK),
        "BIGTIFF": "IF_SAFER",
        "STATISTICS": "NO",
        "NUM_THREADS": str(threads),
    }
    if compression.codec == "lerc":
        error = repr(float(compression.max_error))
        return options | {"MAX_Z_ERROR": error, "MAX_Z_ERROR_OVERVIEW": error}
    # YES is predictor 2 for integers, 3 for floats
    return options | {"PREDICTOR": "YES", "OVERVIEW_PREDICTOR": "YES"}


def _valid(numbers: np.ndarray[Any, Any], nodata: float | None) -> float:
    if nodata is None:
        return 1.0
    missing = np.isnan(numbers) if np.isnan(nodata) else numbers == nodata
    return 1.0 - float(np.count_nonzero(missing)) / max(1, numbers.size)
