"""A unit of a map, read once for all checks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.env import Env
from rasterio.errors import RasterioError
from rasterio.io import MemoryFile
from rasterio.session import DummySession

from swath.assessment.audit.facts import LayerFacts
from swath.assessment.published import PublishedMap, Unit
from swath.errors import SwathError
from swath.store import MissingKeyError, names


@dataclass(frozen=True)
class Header:
    """What the header of a file says."""

    bands: int
    crs: CRS | None
    affine: Affine
    shape: tuple[int, int]
    dtype: str
    nodata: float | None
    scale: float
    offset: float
    colors: dict[int, tuple[int, int, int]]


@dataclass(frozen=True)
class FileRead:
    """A file of a unit.

    Attributes:
        size: Bytes; -1 if it is not there.
        sha256: Of the bytes.
        fault: Why it could not be read; empty if it could.
        header: What it says of itself.
        numbers: (rows, columns), None if it could not be read or has another shape than the tile.
        cog_errors: What makes it no cloud-optimised GeoTIFF.
        cog_warnings: What such a file should have.
    """

    size: int = -1
    sha256: str = ""
    fault: str = ""
    header: Header | None = None
    numbers: NDArray[Any] | None = None
    cog_errors: tuple[str, ...] = ()
    cog_warnings: tuple[str, ...] = ()


@dataclass
class UnitRead:
    """A unit with its item and the numbers of its layers.

    Attributes:
        unit: The unit.
        id: Its id.
        item: The STAC item; None if it is not there or no JSON.
        files: By layer.
        facts: By layer.
    """

    unit: Unit
    id: str
    item: dict[str, Any] | None
    files: dict[str, FileRead]
    facts: Mapping[str, LayerFacts]
    _valid: dict[str, NDArray[np.bool_]] = field(default_factory=dict)
    _counted: dict[str, NDArray[np.int64]] = field(default_factory=dict)

    def numbers(self, layer: str) -> NDArray[Any] | None:
        """(rows, columns) as they stand in the file; None where the file cannot be read."""
        file = self.files.get(layer)
        return None if file is None else file.numbers

    def valid(self, layer: str) -> NDArray[np.bool_]:
        """Which pixels of a layer that was read hold data."""
        if layer not in self._valid:
            numbers = self.numbers(layer)
            assert numbers is not None
            self._valid[layer] = self.facts[layer].valid(numbers)
        return self._valid[layer]

    def values(self, layer: str) -> NDArray[Any]:
        """Numbers of a layer that was read in its unit, (rows, columns); no data has some number too."""
        numbers, facts = self.numbers(layer), self.facts[layer]
        assert numbers is not None
        if (facts.scale, facts.offset) == (1.0, 0.0):
            return numbers
        return numbers * np.float32(facts.scale) + np.float32(facts.offset)

    def counted(self, layer: str) -> NDArray[np.int64]:
        """Pixels by code, of a layer of classes that was read: (256,) for uint8, else (65536,)."""
        if layer not in self._counted:
            numbers = self.numbers(layer)
            assert numbers is not None
            self._counted[layer] = np.bincount(numbers.ravel(), minlength=256 if numbers.itemsize == 1 else 65536)
        return self._counted[layer]

    @cached_property
    def owned(self) -> NDArray[np.bool_] | None:
        """See `Tile.owned`."""
        return self.unit.tile.owned()


def read_unit(map_: PublishedMap, unit: Unit, facts: Mapping[str, LayerFacts]) -> UnitRead:
    """Read the item and all layers of a unit; what cannot be read is told in the result."""
    item = _item(map_, unit)
    files = {layer: read_file(map_, unit, layer) for layer in facts}
    return UnitRead(unit, names.unit_id(unit.tile.id, unit.step), item, files, facts)


def _item(map_: PublishedMap, unit: Unit) -> dict[str, Any] | None:
    try:
        told = json.loads(map_.store.read_bytes(names.item_key(map_.root, unit.step, unit.tile.id, unit.key)))
    except (MissingKeyError, ValueError):
        return None
    return told if isinstance(told, dict) else None


def read_file(map_: PublishedMap, unit: Unit, layer: str) -> FileRead:
    """Read one layer of a unit: bytes once, all else from memory."""
    # numba and click behind it are needed only here
    from rio_cogeo.cogeo import cog_validate

    try:
        data = map_.store.read_bytes(names.layer_key(map_.root, unit.step, unit.tile.id, layer, unit.key))
    except MissingKeyError:
        return FileRead(fault="is not there")
    except SwathError as error:
        return FileRead(fault=error.message)
    size, digest = len(data), hashlib.sha256(data).hexdigest()
    try:
        # nothing is fetched here: without a session of its own rasterio looks for AWS credentials each time
        with Env(session=DummySession(), GDAL_NUM_THREADS="1"), MemoryFile(data) as memory:
            with memory.open() as file:
                header = _header(file)
                numbers = file.read(1)
            _, errors, warnings = cog_validate(memory.name, quiet=True)
    except (RasterioError, ValueError) as error:
        return FileRead(size, digest, fault=f"cannot be decoded: {error}")
    fits = numbers.shape == unit.tile.shape
    return FileRead(size, digest, "", header, numbers if fits else None, tuple(errors), tuple(warnings))


def _header(file: Any) -> Header:
    try:
        colors = {code: tuple(rgba[:3]) for code, rgba in file.colormap(1).items()}
    except ValueError:  # it has no colour table
        colors = {}
    return Header(
        file.count, file.crs, file.transform, file.shape, file.dtypes[0], file.nodata, float(file.scales[0]),
        float(file.offsets[0]), colors,
    )  # fmt: skip
