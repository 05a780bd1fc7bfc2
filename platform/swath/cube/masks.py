"""Which pixels of a scene are dropped, by class or by bit, and by how much that grows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from swath.cube.compiled import compiled
from swath.errors import CollectionError
from swath.sources.facts import Band, BandKind, MaskRule

Array = NDArray[Any]
Flags = NDArray[np.uint8]

#: From so many observations on, a pixel that is masked on more than nine of ten is reported: bright sand and roofs are
#: taken for cloud on every date (SCIENCE.md, "Sentinel-2 masks").
MOSTLY_OF = 10


def mask_fill(band: Band, rule: MaskRule) -> int:
    """The number of a quality band where it has no pixel: its no-data, else one that the rule drops.

    Raises:
        CollectionError: The rule drops nothing, or the quality band holds floats.
    """
    if band.dtype.startswith("float"):
        raise CollectionError(f"Band {rule.band} holds {band.dtype}: neither classes nor bits.", band=rule.band)
    if not rule.drop and not rule.drop_bits:
        raise CollectionError(
            f"The mask rule for {rule.band} drops nothing.",
            fix="Name classes (drop) or bits (drop_bits).",
            band=rule.band,
        )
    if band.nodata is not None:
        return int(band.nodata)
    return rule.drop[0] if rule.drop else 1 << rule.drop_bits[0]


@compiled
def _by_table(quality: Array, table: Array, out: Array) -> None:
    for i in range(quality.shape[0]):
        for j in range(quality.shape[1]):
            out[i, j] |= table[quality[i, j]]


@compiled
def _by_bits(quality: Array, bits: int, out: Array) -> None:
    for i in range(quality.shape[0]):
        for j in range(quality.shape[1]):
            out[i, j] |= np.uint8((np.int64(quality[i, j]) & bits) != 0)


def dropped(quality: Array, rule: MaskRule, band: Band, *, radius: int = 0) -> Flags:
    """Pixels that a rule drops, grown by `radius`, and those where the quality band has no data, not grown.

    Growing happens on the tile's lattice, scene by scene, before scenes of one observation are merged: a mask travels
    with its scene, and the rim of a granule does not eat into the next.

    Args:
        quality: (h, w) integers of the quality band, on the tile's lattice by nearest.
        rule: Classes or bits; both may be named.
        band: Facts of the quality band.
        radius: Pixels, a square window of 2 * radius + 1.

    Returns:
        (h, w) uint8, 1 where dropped.
    """
    nodata = None if band.nodata is None else int(band.nodata)
    out = np.zeros(quality.shape, np.uint8)
    classes = [value for value in rule.drop if value != nodata or radius == 0]
    if classes:
        if quality.dtype == np.uint8:
            table = np.zeros(256, np.uint8)
            table[[value for value in classes if 0 <= value < 256]] = 1
            _by_table(quality, table, out)
        else:
            out |= np.isin(quality, classes).view(np.uint8)
    if rule.drop_bits and band.kind is not BandKind.CLASSES:
        _by_bits(quality, sum(1 << bit for bit in rule.drop_bits), out)
    elif rule.drop_bits:
        raise CollectionError(f"Band {rule.band} holds classes, not bits.", band=rule.band)
    if nodata is not None:
        empty = (quality == nodata).view(np.uint8)
        if radius:
            out &= np.uint8(1) ^ empty
            out = dilate(out, radius)
        out |= empty
    elif radius:
        out = dilate(out, radius)
    return out


def dilate(flags: Flags, radius: int) -> Flags:
    """Grow flags by a square window of 2 * radius + 1; nothing grows in from outside.

    A separable running maximum: the window is built by doubling (1, 2, 4, ... pixels wide), so that the cost grows with
    the logarithm of the radius, and each pass is one vectorised OR.

    Args:
        flags: (h, w) uint8 of 0 and 1.
        radius: Pixels, not negative.

    Returns:
        (h, w) uint8.
    """
    if radius <= 0:
        return flags
    rows = _run(np.pad(flags, ((radius, radius), (0, 0))), 2 * radius + 1, flags.shape[0])
    cols = _run(np.pad(rows, ((0, 0), (radius, radius))).T, 2 * radius + 1, flags.shape[1])
    return np.ascontiguousarray(cols.T)


def _run(padded: Flags, width: int, length: int) -> Flags:
    """OR of `width` rows from each of the first `length` rows on."""
    window, covered = padded, 1
    while covered * 2 <= width:
        window = window[:-covered] | window[covered:]
        covered *= 2
    rest = width - covered
    return window[:length] | window[rest : rest + length]


def mostly_masked(seen: Array, count: Array) -> int:
    """How many pixels are masked on more than nine of ten of their observations, `MOSTLY_OF` of them or more.

    Args:
        seen: (1, N), observations with data.
        count: (1, N), those not masked.
    """
    found = 0
    for start in range(0, seen.size, 1 << 18):
        of = seen[0, start : start + (1 << 18)].astype(np.int32)
        masked = of - count[0, start : start + (1 << 18)]
        found += int(np.count_nonzero((of >= MOSTLY_OF) & (10 * masked > 9 * of)))
    return found
