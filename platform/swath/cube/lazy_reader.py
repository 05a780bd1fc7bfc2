"""Our reader behind odc-stac and stackstac.

The two libraries lay out chunks, times and graphs; pixels come from `reader.read_window` in both. So a lazy cube has
the same tie rule, area means, harmonisation, header checks, retries and errors with hrefs as the hot path, whichever
library builds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from odc.loader._rio import RioDriver

from swath.cube.access import Access
from swath.cube.files import Files, Source
from swath.cube.lattice import Lattice, Window
from swath.cube.reader import read_window

Array = NDArray[Any]

#: Scheme of the names under which the libraries know our sources: `swath://3/B04` is band B04 of the fourth scene.
SCHEME = "swath://"


def source_name(slot: int, band: str) -> str:
    """Name of a source inside a lazy cube."""
    return f"{SCHEME}{slot}/{band}"


@lru_cache(maxsize=8)
def _files(access: Access) -> Files:
    """Open files of this process, one set for each collection and way of signing."""
    return Files(access=access, limit=64)


@dataclass(frozen=True)
class LazySources:
    """All sources of a lazy cube and the lattice that they are read on; pickles into graphs.

    Attributes:
        sources: By name (`source_name`).
        lattice: Of the tile.
        access: Signs hrefs, and knows the provider's options.
    """

    sources: Mapping[str, Source]
    lattice: Lattice
    access: Access

    def read(self, name: str, window: Window) -> Array:
        """One window of one source, harmonised.

        Raises:
            ReadError: Names the href.
        """
        source = self.sources[name]
        out = np.empty(window.shape, source.band.dtype)
        with self.access.env([source.href], self.access.options()):
            read_window(_files(self.access), source, self.lattice, window, out)
        return out


class OdcDriver(RioDriver):
    """odc-loader's reader driver over `LazySources`.

    Args:
        sources: What it reads.
    """

    def __init__(self, sources: LazySources) -> None:
        super().__init__()
        self._sources = sources

    def open(self, src: Any, ctx: Any) -> Any:
        """A reader of one source; nothing is opened yet."""
        return OdcReader(self._sources, src.uri)

    def __dask_tokenize__(self) -> object:
        return ("swath-odc", repr(self._sources))


class OdcReader:
    """Reads one source for odc-loader."""

    def __init__(self, sources: LazySources, name: str) -> None:
        self._sources = sources
        self._name = name

    def read(
        self, cfg: Any, dst_geobox: GeoBox, *, dst: Array | None = None, selection: Any = None
    ) -> tuple[tuple[slice, slice], Array]:
        """The window that a GeoBox of the tile's lattice covers; all of it."""
        a, b = self._sources.lattice.affine, dst_geobox.affine
        rows, cols = dst_geobox.shape
        top, left = round((b.f - a.f) / a.e), round((b.c - a.c) / a.a)
        pixels = self._sources.read(self._name, Window(top, top + rows, left, left + cols))
        if dst is not None:
            dst[...] = pixels
            pixels = dst
        return (slice(0, rows), slice(0, cols)), pixels


@dataclass(frozen=True)
class StackReaders:
    """Makes stackstac's readers; stands where it expects a class."""

    sources: LazySources

    def __call__(self, *, url: str, **_: Any) -> StackReader:
        """A reader of one source; what stackstac says of resampling and dtype is known already."""
        return StackReader(self.sources, url)

    def __dask_tokenize__(self) -> object:
        return ("swath-stackstac", repr(self.sources))


@dataclass
class StackReader:
    """Reads one source for stackstac."""

    sources: LazySources
    url: str
    scale_offset: tuple[float, float] = (1.0, 0.0)

    def read(self, window: Any, **_: Any) -> Array:
        """A window (rasterio's) of the tile."""
        top, left = round(window.row_off), round(window.col_off)
        return self.sources.read(self.url, Window(top, top + round(window.height), left, left + round(window.width)))

    def close(self) -> None:
        """Handles are kept by the process, not by a reader."""
