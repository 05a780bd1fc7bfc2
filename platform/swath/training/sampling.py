"""How often each chip is drawn in an epoch: rare classes, values and regions more often than they are labelled."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from swath.errors import ModelError
from swath.training.chipset import HeldOut
from swath.training.config import Sampling
from swath.training.source import ChipSource, Part
from swath.training.splits import SplitSpec

_READ = 64  # chips looked at in one go


@runtime_checkable
class Placed(Protocol):
    """Chips that tell where they lie."""

    def lonlat(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Longitude and latitude of the middle of each chip, degrees."""
        ...


def chances(source: ChipSource, sampling: Sampling) -> NDArray[np.float64]:
    """How often a training chip is drawn, on average over epochs, against the other chips.

    A chip's parts (its pixels by class, its mean value, its region) weigh 1 / (share of that part in all training
    chips) ^ power; a chip has the mean weight of its labelled pixels. Power 0 draws all chips alike, 1 each class, bin
    or region alike as far as chips hold one only.

    Args:
        source: Of the chips.
        sampling: By what, and how strongly.

    Returns:
        (chips,) float64 with sum 1; 0 for a chip without training labels.

    Raises:
        ModelError: By class where labels are values, by value where they are classes, by region where chips do not tell
            where they lie.
    """
    counts = source.counts(Part.TRAIN).astype(np.float64)
    given = counts.sum(1) > 0
    if sampling.by == "class":
        if not source.facts.classes:
            raise ModelError("Labels are values, and chips are drawn by class.", fix="Set sampling.by to value.")
        parts = counts
    elif sampling.by == "value":
        if source.facts.classes:
            raise ModelError("Labels are classes, and chips are drawn by value.", fix="Set sampling.by to class.")
        parts = _one_hot(_bins(_means(source, np.flatnonzero(given)), sampling.bins), given)
    else:
        parts = _one_hot(_regions(source, np.flatnonzero(given), sampling.region_km), given)
    total = parts.sum(0)
    rare = np.divide(total.sum(), total, out=np.zeros_like(total), where=total > 0) ** sampling.power
    weight = np.divide(parts @ rare, parts.sum(1), out=np.zeros(len(parts)), where=given)
    return weight / weight.sum()


def draw(chips: NDArray[np.int64], chance: NDArray[np.float64], *, number: int, rng: np.random.Generator) -> (
    NDArray[np.int64]
):  # fmt: skip
    """Chips of an epoch: each comes floor(number x chance) times or once more, the remainder left to luck.

    Systematic sampling (Madow 1949, doi:10.1214/aoms/1177730031) over chips in an order of its own: it varies less from
    epoch to epoch than draws one by one.

    Args:
        chips: Indices that may be drawn.
        chance: Of all chips of the source, as `chances` gives it.
        number: Chips to draw.
        rng: Of the draw.

    Returns:
        (number,) indices in an order of their own; a chip may come several times.
    """
    order = rng.permutation(chips)
    edges = np.cumsum(chance[order])
    places = (rng.random() + np.arange(number)) * (edges[-1] / number)
    found = np.searchsorted(edges, places, side="right")
    return rng.permutation(order[np.minimum(found, len(order) - 1)])


def times_before(order: NDArray[np.int64]) -> NDArray[np.int64]:
    """How often each entry stood earlier in the order: chips that come again are changed in another way."""
    by_chip = np.argsort(order, kind="stable")
    ordered = order[by_chip]
    first = np.searchsorted(ordered, ordered, side="left")
    before = np.empty(len(order), np.int64)
    before[by_chip] = np.arange(len(order)) - first
    return before


def _means(source: ChipSource, chips: NDArray[np.int64]) -> NDArray[np.float64]:
    """Mean of the training labels of each chip."""
    found = np.empty(len(chips))
    for first in range(0, len(chips), _READ):
        read = source.read(chips[first : first + _READ].tolist())
        for row, (y, part) in enumerate(zip(read["y"], read["part"], strict=True), start=first):
            values = y[part == Part.TRAIN].astype(np.float64)
            found[row] = values[np.isfinite(values)].mean()
    return found


def _bins(values: NDArray[np.float64], bins: int) -> NDArray[np.int64]:
    """Bin of each value: equal widths between the 2nd and 98th percentile, so that one stray value stretches none."""
    low, high = np.percentile(values, [2, 98])
    return np.clip(((values - low) / max(high - low, 1e-12) * bins).astype(np.int64), 0, bins - 1)


def _regions(source: ChipSource, chips: NDArray[np.int64], edge_km: float) -> NDArray[np.int64]:
    """Number of the region of each chip: a cell of the equal-area grid of blocks."""
    if isinstance(source, Placed):
        lon, lat = source.lonlat()
    elif isinstance(source, HeldOut):
        lon, lat = (source.chips.index[name].to_numpy() for name in ("lon", "lat"))
    else:
        raise ModelError(
            "These chips do not tell where they lie, and they are drawn by region.", fix="Set sampling.by to class."
        )
    cells = SplitSpec(block_m=1000 * edge_km).blocks(lon[chips], lat[chips])
    return np.unique(cells, axis=0, return_inverse=True)[1].reshape(-1)


def _one_hot(number: NDArray[np.int64], given: NDArray[np.bool_]) -> NDArray[np.float64]:
    parts = np.zeros((len(given), int(number.max()) + 1))
    parts[np.flatnonzero(given), number] = 1.0
    return parts
