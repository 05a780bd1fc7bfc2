"""A map of the difference of two maps: a COG for each tile, and what its numbers mean."""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rasterio.shutil
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.io import MemoryFile
from rasterio.session import DummySession

from swath.assessment.published import CLASS, PublishedMap, Unit
from swath.errors import SampleError

SAME, FIRST = 1, 2  #: numbers of a map of classes: both agree, and the first pair of classes
LEGEND = "difference.json"
_BLOCK = 512
_GREY = (225, 225, 225)


class Difference:
    """Writes tiles of a map of difference; give its `classes` or `values` as `on_tile` of a comparison.

    Args:
        folder: To write into; made if it is not there.
        first: The first map.
        second: The second.
        layer: Of values that are compared; None for classes.

    Raises:
        SampleError: The folder holds a map of difference already.
    """

    def __init__(
        self, folder: str | os.PathLike[str], first: PublishedMap, second: PublishedMap, layer: str | None = None
    ) -> None:
        self.folder = Path(folder)
        if (self.folder / LEGEND).exists():
            raise SampleError(f"{self.folder} holds a map of difference already.", fix="Take another --out.")
        self.folder.mkdir(parents=True, exist_ok=True)
        self._maps, self._layer = (first, second), layer
        self._codes = sorted(first.legend) if layer is None else []

    def classes(self, unit: Unit, one: NDArray[Any], two: NDArray[Any]) -> None:
        """Write a tile: 0 where not both map it, 1 where they agree, else 2 + the number of the pair."""
        size = len(self._codes)
        place = np.full(256, size, np.int32)
        place[self._codes] = np.arange(size)
        row, column = place[one], place[two]
        both = (row < size) & (column < size)
        numbers = np.where(row == column, SAME, FIRST + row * size + column)
        self._write(unit, np.where(both, numbers, 0).astype(self._dtype), 0, self._colors())

    def values(self, unit: Unit, one: NDArray[Any], two: NDArray[Any]) -> None:
        """Write a tile: second less first; NaN where not both map it."""
        self._write(unit, (two - one).astype(np.float32), float("nan"), None)

    def close(self) -> Path:
        """Write what the numbers mean, last: it says that the map is whole."""
        first, second = self._maps
        told: dict[str, Any] = {"first": first.id, "second": second.id}
        if self._layer is None:
            legend = first.legend
            told["numbers"] = [
                {"value": 0, "meaning": "not mapped by both"},
                {"value": SAME, "meaning": "both agree"},
                *(
                    {"value": FIRST + row * len(self._codes) + col, "first": legend[a], "second": legend[b]}
                    for row, a in enumerate(self._codes)
                    for col, b in enumerate(self._codes)
                    if a != b
                ),
            ]
        else:
            told |= {"layer": self._layer, "meaning": "second less first"}
        (self.folder / LEGEND).write_text(json.dumps(told, indent=1), "utf-8")
        return self.folder

    @property
    def _dtype(self) -> str:
        return "uint8" if FIRST + len(self._codes) ** 2 <= 256 else "uint16"

    def _colors(self) -> dict[int, tuple[int, int, int]]:
        """Grey where both agree, else the colour of the second map's class."""
        asset = self._maps[1].collection["item_assets"][CLASS]
        hints = {int(one["value"]): one.get("color_hint", "800080") for one in asset["classification:classes"]}
        size = len(self._codes)
        colors = {SAME: _GREY}
        for number in range(size * size):
            text = hints[self._codes[number % size]]
            colors[FIRST + number] = int(text[:2], 16), int(text[2:4], 16), int(text[4:6], 16)
        return colors

    def _write(
        self, unit: Unit, numbers: NDArray[Any], nodata: float, colors: dict[int, tuple[int, int, int]] | None
    ) -> None:
        tile = unit.tile
        profile = {
            "driver": "MEM", "width": tile.shape[1], "height": tile.shape[0], "count": 1, "dtype": str(numbers.dtype),
            "crs": tile.crs, "transform": tile.affine, "nodata": nodata,
        }  # fmt: skip
        options = {
            "COMPRESS": "ZSTD", "PREDICTOR": "YES", "BLOCKSIZE": str(_BLOCK), "STATISTICS": "NO",
            "OVERVIEW_RESAMPLING": "AVERAGE" if colors is None else "MODE",
        }  # fmt: skip
        env = rasterio.Env(session=DummySession(), GDAL_NUM_THREADS="1")
        with env, rasterio.open("", "w", **profile) as memory:
            memory.write(numbers, 1)
            if colors is not None:
                memory.write_colormap(1, colors)
            factors = [2**n for n in range(1, 12) if max(tile.shape) > _BLOCK * 2 ** (n - 1)]
            if factors:
                memory.build_overviews(factors, Resampling.average if colors is None else Resampling.mode)
            with MemoryFile(filename=f"swath-{uuid.uuid4().hex}.tif") as packed:
                rasterio.shutil.copy(memory, packed.name, driver="COG", **options)
                (self.folder / f"{tile.id}.tif").write_bytes(packed.getbuffer())
