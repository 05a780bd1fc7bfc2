"""Open raster files, kept over the windows that are read from them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import rasterio
from rasterio.crs import CRS
from rasterio.env import hasenv, setenv

from swath.cube.access import Access
from swath.cube.failures import read_error
from swath.cube.gdal import is_remote, unsigned
from swath.cube.lattice import Lattice
from swath.errors import AssetMismatchError, Retry
from swath.sources.facts import Band

#: Remote hrefs whose last read failed, in this process. GDAL keeps what a server said of a name, a failure too: a unit
#: that is tried again later must ask anew.
_failed: set[str] = set()


@dataclass(frozen=True)
class Source:
    """One band of one scene, as it is read.

    Attributes:
        href: Of the file, unsigned.
        item: Id of the scene.
        name: Of the band.
        band: Facts of the band.
        index: Band of the file, from 1.
        nodata: Number that means no data; fills what the file does not cover.
        shift: Added to valid numbers (`harmonise.shift_of`).
        line: Gain and bias of valid numbers after the shift, if there are any (`adjust.line_of`).
        resampling: For refining and warping; coarsening is by area mean, classes and bits always nearest.
        epsg: CRS code that the item states, if it does.
    """

    href: str
    item: str
    name: str
    band: Band
    index: int
    nodata: float
    shift: int = 0
    resampling: str = "nearest"
    epsg: int | None = None
    line: tuple[float, float] | None = None

    @property
    def facts(self) -> dict[str, Any]:
        """What an error about this source names."""
        return {"item": self.item, "band": self.name}


@dataclass(frozen=True)
class Header:
    """What a file says of itself: where its pixels lie, and how they are stored."""

    lattice: Lattice
    dtype: str
    count: int
    block: tuple[int, int]


@lru_cache(maxsize=256)
def crs_name(wkt: str) -> str:
    """Authority code of a CRS given as WKT; the WKT itself where there is none."""
    crs = CRS.from_wkt(wkt)
    code = crs.to_epsg()
    return f"EPSG:{code}" if code else wkt


def header_of(dataset: Any, source: Source) -> Header:
    """Check the header of an open file against what the facts promise.

    Raises:
        AssetMismatchError: No CRS, no such band, another dtype.
    """
    shown = unsigned(source.href)

    def mismatch(what: str, fix: str) -> AssetMismatchError:
        return AssetMismatchError(f"{shown} {what}.", href=shown, fix=fix, **source.facts)

    if source.index > dataset.count:
        raise mismatch(
            f"has {dataset.count} band(s), band {source.index} is wanted for {source.name}",
            "Check `index` of the band in the collection's facts.",
        )
    dtype = str(dataset.dtypes[source.index - 1])
    if dtype != source.band.dtype:
        raise mismatch(
            f"holds {dtype}, the facts of band {source.name} say {source.band.dtype}",
            "The provider changed the file, or the facts are wrong: correct the collection's file.",
        )
    if dataset.crs is None or dataset.transform.is_identity:
        raise mismatch(
            "has no coordinate reference system", "Ask the provider, or leave its date out (on_missing: skip)."
        )
    lattice = Lattice(crs_name(dataset.crs.to_wkt()), dataset.transform, dataset.height, dataset.width)
    return Header(lattice, dtype, dataset.count, tuple(dataset.block_shapes[source.index - 1]))


class Files:
    """Handles of open files: each is used by one thread at a time, and used again for the next window.

    The least recently used are closed when there are more idle ones than `limit`.

    Args:
        access: Signs hrefs; asked at each opening.
        limit: Idle handles kept.
    """

    def __init__(self, *, access: Access | None = None, limit: int = 256) -> None:
        self._access = access
        self._refused: set[str] = set()
        self._limit = limit
        self._lock = threading.Lock()
        self._idle: OrderedDict[int, tuple[str, Any]] = OrderedDict()
        self._by_href: dict[str, list[int]] = {}
        self._headers: dict[tuple[str, int], Header] = {}
        self.opened = 0
        self.conflicts: list[dict[str, Any]] = []

    def __enter__(self) -> Files:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all idle handles."""
        with self._lock:
            handles = [dataset for _, dataset in self._idle.values()]
            self._idle.clear()
            self._by_href.clear()
        for dataset in handles:
            dataset.close()

    def _take(self, href: str) -> Any | None:
        with self._lock:
            numbers = self._by_href.get(href)
            if not numbers:
                return None
            return self._idle.pop(numbers.pop())[1]

    def _give(self, href: str, dataset: Any) -> None:
        surplus = []
        with self._lock:
            self._idle[id(dataset)] = (href, dataset)
            self._by_href.setdefault(href, []).append(id(dataset))
            while len(self._idle) > self._limit:
                number, (old, handle) = self._idle.popitem(last=False)
                self._by_href[old].remove(number)
                surplus.append(handle)
        for handle in surplus:
            handle.close()

    def _open(self, source: Source, attempt: int) -> Any:
        href = source.href
        if self._access is not None:
            href = self._access.sign(href, renew=href in self._refused)
        if (attempt > 1 or source.href in _failed) and is_remote(href) and hasenv():
            setenv(CPL_VSIL_CURL_NON_CACHED=_vsi(href))
        self.opened += 1
        return rasterio.open(href, sharing=False)

    @contextmanager
    def using(self, source: Source, *, attempt: int = 1) -> Iterator[tuple[Any, Header]]:
        """An open file and its header, for this thread alone.

        Raises:
            ReadError: Whatever fails inside, told by its kind and with the href; the handle is then given up.
        """
        dataset = self._take(source.href)
        try:
            if dataset is None:
                dataset = self._open(source, attempt)
            key = (source.href, source.index)
            header = self._headers.get(key)
            if header is None:
                header = header_of(dataset, source)
                with self._lock:
                    self._headers[key] = header
                self._note_conflict(source, header)
            yield dataset, header
        except (
            rasterio.errors.RasterioError,
            rasterio.errors.CRSError,
            rasterio._err.CPLE_BaseError,
            OSError,
        ) as error:
            if dataset is not None:
                dataset.close()
            if is_remote(source.href):
                _failed.add(source.href)
            told = read_error(error, source.href, **source.facts)
            if told.retry is Retry.RENEW:
                self._refused.add(source.href)
            raise told from error
        except BaseException:
            if dataset is not None:
                dataset.close()
            raise
        _failed.discard(source.href)
        # the token is good again: the next opening need not fetch another
        self._refused.discard(source.href)
        self._give(source.href, dataset)

    def _note_conflict(self, source: Source, header: Header) -> None:
        crs = header.lattice.crs
        if source.epsg is not None and crs.startswith("EPSG:") and crs != f"EPSG:{source.epsg}":
            note = {"href": unsigned(source.href), "item": source.item, "item_epsg": source.epsg, "file_crs": crs}
            with self._lock:
                self.conflicts.append(note)


def _vsi(href: str) -> str:
    return f"/vsis3/{href[5:]}" if href.startswith("s3://") else f"/vsicurl/{href}"
