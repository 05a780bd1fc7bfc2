"""The hot path's reader: windows of files straight into arrays that stand already."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.enums import Resampling as RioResampling
from rasterio.io import MemoryFile
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window as RioWindow

from swath.cube.files import Files, Header, Source
from swath.cube.harmonise import harmonise
from swath.cube.lattice import Lattice, Window, fineness, fit, nearest_indices, nearest_map
from swath.cube.patience import patiently
from swath.cube.reach import reach
from swath.cube.resample import coarsen, take, take_map
from swath.grid.tiles import Tile
from swath.sources.facts import BandKind

Array = NDArray[Any]

_NEAREST_KINDS = {BandKind.CLASSES, BandKind.BITS}
#: A file whose pixels are smaller than the tile's by more than this is coarsened; two zones' scales differ by less.
_FINER = 1.05


def tile_lattice(tile: Tile) -> Lattice:
    """The tile as a lattice."""
    return Lattice(tile.crs, tile.affine, tile.shape[0], tile.shape[1])


def _read(dataset: Any, index: int, part: Window, out: Array) -> None:
    rows, cols = part.shape
    dataset.read(index, window=RioWindow(part.left, part.top, cols, rows), out=out)


def _direct(dataset: Any, source: Source, header: Header, row: int, col: int, window: Window, out: Array) -> int:
    part = window.moved(row, col).within(header.lattice.all)
    if part.empty:
        out.fill(source.nodata)
        return 0
    if part.shape == window.shape:
        _read(dataset, source.index, part, out)
    else:
        out.fill(source.nodata)
        _read(dataset, source.index, part, out[part.slices(window.moved(row, col))])
    return part.shape[0] * part.shape[1]


def _coarsened(
    dataset: Any, source: Source, header: Header, fine: int, row: int, col: int, window: Window, out: Array
) -> int:
    wanted = Window(
        window.top * fine + row, window.bottom * fine + row, window.left * fine + col, window.right * fine + col
    )
    part = wanted.within(header.lattice.all)
    if part.empty:
        out.fill(source.nodata)
        return 0
    pixels = np.empty(wanted.shape, out.dtype)
    if part != wanted:
        pixels.fill(source.nodata)
    _read(dataset, source.index, part, pixels[part.slices(wanted)])
    _void_saturated(pixels, source)
    coarsen(pixels, fine, source.nodata, out)
    return part.shape[0] * part.shape[1]


def _nearest(dataset: Any, source: Source, header: Header, tile: Lattice, window: Window, out: Array) -> int:
    rows, cols = nearest_indices(header.lattice, tile, window)
    inside_rows = np.flatnonzero((rows >= 0) & (rows < header.lattice.rows))
    inside_cols = np.flatnonzero((cols >= 0) & (cols < header.lattice.cols))
    if not inside_rows.size or not inside_cols.size:
        out.fill(source.nodata)
        return 0
    # indices rise with the tile's, so that those inside are one run
    r0, r1 = inside_rows[0], inside_rows[-1] + 1
    c0, c1 = inside_cols[0], inside_cols[-1] + 1
    part = Window(int(rows[r0]), int(rows[r1 - 1]) + 1, int(cols[c0]), int(cols[c1 - 1]) + 1)
    pixels = np.empty(part.shape, out.dtype)
    _read(dataset, source.index, part, pixels)
    if (r1 - r0, c1 - c0) != out.shape:
        out.fill(source.nodata)
    take(pixels, rows[r0:r1] - part.top, cols[c0:c1] - part.left, out[r0:r1, c0:c1])
    return part.shape[0] * part.shape[1]


def _mapped(dataset: Any, source: Source, header: Header, tile: Lattice, window: Window, out: Array) -> int:
    rows, cols = nearest_map(header.lattice, tile, window)
    out.fill(source.nodata)
    met = rows >= 0
    if not met.any():
        return 0
    part = Window(int(rows[met].min()), int(rows.max()) + 1, int(cols[met].min()), int(cols.max()) + 1)
    pixels = np.empty(part.shape, out.dtype)
    _read(dataset, source.index, part, pixels)
    take_map(pixels, rows, cols, part.top, part.left, out)
    return part.shape[0] * part.shape[1]


def _void_saturated(pixels: Array, source: Source) -> None:
    """Make saturated numbers no data, before they are mixed with their neighbours."""
    if source.band.saturated is not None:
        pixels[pixels == source.band.saturated] = source.nodata


@contextmanager
def _without_saturated(
    dataset: Any, source: Source, header: Header, tile: Lattice, window: Window
) -> Iterator[tuple[Any, int] | None]:
    """A dataset to warp from and its band: the file, or a copy in memory of the part that the window can need."""
    if source.band.saturated is None:
        yield dataset, source.index
        return
    file = header.lattice
    part = file.all
    if file.upright:
        rows, cols = window.shape
        there = Lattice(tile.crs, tile.affine @ Affine.translation(window.left, window.top), rows, cols)
        # a kernel reaches two pixels of the coarser lattice
        steps = fineness(file, tile)
        margin = math.ceil(4 * max(1.0, steps)) if math.isfinite(steps) else max(file.rows, file.cols)
        part = reach(there, file).grown(margin).within(file.all)
    if part.empty:
        yield None
        return
    pixels = np.empty(part.shape, source.band.dtype)
    _read(dataset, source.index, part, pixels)
    _void_saturated(pixels, source)
    profile = {"driver": "GTiff", "count": 1, "dtype": source.band.dtype, "crs": dataset.crs, "nodata": source.nodata}
    affine = file.affine @ Affine.translation(part.left, part.top)
    with MemoryFile() as memory:
        with memory.open(height=part.shape[0], width=part.shape[1], transform=affine, **profile) as copy:
            copy.write(pixels, 1)
        with memory.open() as copy:
            yield copy, 1


def _warped(dataset: Any, source: Source, header: Header, tile: Lattice, window: Window, how: str, out: Array) -> int:
    height, width = window.shape
    with _without_saturated(dataset, source, header, tile, window) as given:
        if given is None:
            out.fill(source.nodata)
            return 0
        with WarpedVRT(
            given[0],
            crs=tile.crs,
            transform=tile.affine @ Affine.translation(window.left, window.top),
            width=width,
            height=height,
            resampling=RioResampling[how],
            src_nodata=source.nodata,
            nodata=source.nodata,
            # a coarser approximation would depend on the window, and windows must not show in the pixels (0 itself
            # fails in rasterio 1.4)
            tolerance=1e-6,
            # else GDAL guesses the scale from each window, and smooths by another kernel in each
            XSCALE="1",
            YSCALE="1",
        ) as warped:
            warped.read(given[1], out=out)
    return height * width


def place(dataset: Any, source: Source, header: Header, tile: Lattice, window: Window, out: Array) -> int:
    """Read one window of an open file onto the tile's lattice.

    On the lattice the pixels go straight into `out`. Whole coarsening is an area mean of valid pixels, rounded half to
    even. Nearest, in any CRS, follows the tie rule of `lattice`. What remains goes through GDAL's warper.

    Args:
        dataset: Open, of this thread.
        source: What is read.
        header: Of the file.
        tile: The tile's lattice.
        window: On the tile's lattice; may reach beyond the tile.
        out: Of the window's shape and the file's dtype; rows may be strided, pixels of a row not.

    Returns:
        Pixels read of the file.
    """
    steps = fineness(header.lattice, tile)
    how = source.resampling
    if source.band.kind in _NEAREST_KINDS:
        how = "nearest"
    elif steps > _FINER:
        how = "average"
    lies = fit(header.lattice, tile)
    if lies is not None and lies.fine == 1:
        return _direct(dataset, source, header, lies.row, lies.col, window, out)
    if how == "average" and lies is not None and lies.fine > 1:
        return _coarsened(dataset, source, header, lies.fine, lies.row, lies.col, window, out)
    if how == "nearest":
        if lies is not None:
            return _nearest(dataset, source, header, tile, window, out)
        return _mapped(dataset, source, header, tile, window, out)
    return _warped(dataset, source, header, tile, window, how, out)


def read_window(files: Files, source: Source, tile: Lattice, window: Window, out: Array) -> int:
    """Read, harmonise and put one window of one band of one scene into `out`, trying again while it is worth it.

    Args:
        files: Open files.
        source: What is read.
        tile: The tile's lattice.
        window: On the tile's lattice.
        out: (rows, columns) of the window, dtype of the band's facts.

    Returns:
        Pixels read of the file.

    Raises:
        ReadError: Names the href, the band and the item.
    """

    def once(attempt: int) -> int:
        with files.using(source, attempt=attempt) as (dataset, header):
            return place(dataset, source, header, tile, window, out)

    pixels = patiently(once, source.href)
    harmonise(out, source.band, shift=source.shift, nodata=source.nodata, line=source.line)
    return pixels


def read_header(files: Files, source: Source) -> Header:
    """The header of a source's file, checked.

    Raises:
        ReadError: It cannot be opened, or is not what the facts promise.
    """

    def once(attempt: int) -> Header:
        with files.using(source, attempt=attempt) as (_, header):
            return header

    return patiently(once, source.href)
