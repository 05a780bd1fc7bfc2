"""Units drawn from a frame: which pixels, by seed, without the map in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from swath.assessment.frame import Frame, strata_names, strata_of
from swath.assessment.published import NOT_OWNED, UNMAPPED
from swath.assessment.zones import Zones
from swath.errors import SampleError
from swath.grid.lonlat import from_lonlat

Design = Literal["stratified", "simple", "systematic"]
EQUAL_AREA = "EPSG:6933"


@dataclass(frozen=True)
class Drawn:
    """Pixels that were drawn, in a random order, so that any first part of them is a sample too.

    Attributes:
        units: (n,) number of the map's tile unit.
        rows: (n,) in the tile; columns likewise.
        columns: See rows.
        strata: (n,) number of the stratum in the frame.
        codes: (n,) class of the map.
        probability: (n,) that the pixel was drawn.
    """

    units: NDArray[np.int64]
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    strata: NDArray[np.int64]
    codes: NDArray[np.int64]
    probability: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.units)


def draw(frame: Frame, sizes: NDArray[np.int64], *, seed: int, zones: Zones | None = None) -> Drawn:
    """Simple random samples without replacement, one of each stratum; with one stratum a simple random sample.

    Ranks are drawn among all pixels of a stratum; only tiles that have a rank are read again.

    Args:
        frame: Of the map.
        sizes: (S,) units of each stratum.
        seed: Of the draws.
        zones: As the frame was made with.
    """
    rng = np.random.default_rng(seed)
    before = np.concatenate([np.zeros((1, frame.pixels.shape[1]), np.int64), frame.pixels.cumsum(axis=0)])
    ranks = [
        np.sort(_without_replacement(rng, int(total), int(size)))
        for total, size in zip(frame.total_pixels, sizes, strict=True)
    ]
    wanted: dict[int, list[tuple[int, NDArray[np.int64]]]] = {}
    for stratum, chosen in enumerate(ranks):
        at = np.searchsorted(before[1:, stratum], chosen, side="right")
        for unit in np.unique(at).tolist():
            wanted.setdefault(unit, []).append((stratum, chosen[at == unit] - before[unit, stratum]))
    share = sizes / np.maximum(frame.total_pixels, 1)
    found = [row for part in _located(frame, wanted, zones) for row in part]
    return _shuffled(found, share, rng)


def draw_simple(frame: Frame, number: int, *, seed: int) -> Drawn:
    """A simple random sample of all pixels: strata get what chance gives them.

    Args:
        frame: Of the map.
        number: Of units.
        seed: Of the draws.
    """
    total = frame.total_pixels
    if number > total.sum():
        raise SampleError(f"{number} units of {total.sum()} pixels.", fix="Take fewer units.")
    chance = np.random.default_rng((seed, 1)).multivariate_hypergeometric(total, number, method="marginals")
    drawn = draw(frame, chance.astype(np.int64), seed=seed)
    return replace(drawn, probability=np.full(len(drawn), number / total.sum()))


def draw_systematic(frame: Frame, number: int, *, seed: int, zones: Zones | None = None) -> Drawn:
    """Pixels under the nodes of a square lattice on an equal-area grid, with a random start.

    Args:
        frame: Of the map.
        number: Of nodes that are wanted; about as many are on mapped pixels.
        seed: Of the start.
        zones: As the frame was made with.
    """
    rng = np.random.default_rng(seed)
    spacing = float(np.sqrt(frame.total_ha.sum() * 1e4 / number))
    start = rng.uniform(0, spacing, 2)
    codes, names = strata_names(frame.map, zones)
    found: list[tuple[int, ...]] = []
    for at, unit in enumerate(frame.map.units):
        rows, cols = _nodes(unit.tile, spacing, start)
        if not len(rows):
            continue
        numbers = frame.map.codes(unit)
        strata = strata_of(unit, numbers, codes, zones)
        for row, col in zip(rows.tolist(), cols.tolist(), strict=True):
            if numbers[row, col] not in (UNMAPPED, NOT_OWNED):
                name = names[strata[row, col]]
                found.append((at, row, col, frame.strata.index(name), int(numbers[row, col])))
    if len(found) < 2:
        raise SampleError(f"A lattice of {spacing:.0f} m has {len(found)} nodes on the map.", fix="Ask for more units.")
    share = np.full(len(frame.strata), len(found) / frame.total_pixels.sum())
    return _shuffled(found, share, rng)


def _nodes(tile: Any, spacing: float, start: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pixels of a tile that have a node of the lattice."""
    turn, flat = from_lonlat(tile.crs), from_lonlat(EQUAL_AREA)
    left, bottom, right, top = tile.bounds
    edge = np.linspace(0, 1, 33)
    xs = np.concatenate([left + edge * (right - left)] * 2 + [np.full(33, left), np.full(33, right)])
    ys = np.concatenate([np.full(33, bottom), np.full(33, top)] + [bottom + edge * (top - bottom)] * 2)
    lon, lat = turn.transform(xs, ys, direction="INVERSE")
    x, y = flat.transform(lon, lat)
    columns = np.arange(np.floor((x.min() - start[0]) / spacing), np.ceil((x.max() - start[0]) / spacing) + 1)
    rows = np.arange(np.floor((y.min() - start[1]) / spacing), np.ceil((y.max() - start[1]) / spacing) + 1)
    grid_x, grid_y = np.meshgrid(start[0] + columns * spacing, start[1] + rows * spacing)
    lon, lat = flat.transform(grid_x.ravel(), grid_y.ravel(), direction="INVERSE")
    px, py = turn.transform(lon, lat)
    col = np.floor((px - left) / tile.resolution).astype(np.int64)
    row = np.floor((top - py) / tile.resolution).astype(np.int64)
    inside = (row >= 0) & (row < tile.shape[0]) & (col >= 0) & (col < tile.shape[1])
    return row[inside], col[inside]


def _without_replacement(rng: np.random.Generator, total: int, size: int) -> NDArray[np.int64]:
    if size > total:
        raise SampleError(f"{size} units of a stratum of {total} pixels.", fix="Take fewer units.")
    return rng.choice(total, size=size, replace=False, shuffle=False)


def _located(
    frame: Frame, wanted: dict[int, list[tuple[int, NDArray[np.int64]]]], zones: Zones | None
) -> Iterator[list[tuple[int, ...]]]:
    """Row, column, stratum and class of the pixels with some ranks, tile by tile."""
    codes, names = strata_names(frame.map, zones)
    for at, several in sorted(wanted.items()):
        unit = frame.map.units[at]
        numbers = frame.map.codes(unit)
        strata = strata_of(unit, numbers, codes, zones).ravel()
        for stratum, ranks in several:
            places = np.flatnonzero(strata == names.index(frame.strata[stratum]))[ranks]
            rows, cols = np.divmod(places, unit.tile.shape[1])
            yield [
                (at, row, col, stratum, int(numbers[row, col]))
                for row, col in zip(rows.tolist(), cols.tolist(), strict=True)
            ]


def _shuffled(found: list[tuple[int, ...]], share: NDArray[np.float64], rng: np.random.Generator) -> Drawn:
    table = np.array(sorted(found), np.int64)[rng.permutation(len(found))]
    return Drawn(table[:, 0], table[:, 1], table[:, 2], table[:, 3], table[:, 4], share[table[:, 3]])
