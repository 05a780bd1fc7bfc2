"""Dates to one value: pure functions over arrays, used by the hot path and by lazy cubes alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from swath.cube import choosing, kernels
from swath.cube.geomedian import ITERATIONS, TOLERANCE, geomedian
from swath.cube.harmonise import nodata_of
from swath.cube.indices import physical
from swath.cube.layers import COUNT, DAY, FLAGS, SEEN, LayerFacts, band_layers, count_dtype, layer_facts
from swath.cube.masks import mostly_masked
from swath.cube.scores import Score, score
from swath.cube.slots import Slots
from swath.cube.spec import CubeSpec, Method
from swath.sources.facts import Collection

Array = NDArray[Any]

#: Bits of the layer `flags`.
FEW, NONE = 1, 2

#: Pixels worked on at a time: the dates and bands of so many stay in a core's cache.
RANGE = 8192


@dataclass(frozen=True)
class Composite:
    """One value a pixel and band, and how it came about.

    Attributes:
        layers: By name: the bands (`B04`, or `B04_p25`), `day` with `best`, `count`, `flags`; each (H, W).
        facts: Scale, offset, no-data, dtype of each layer.
        skipped: Reads that failed and whose scenes were left out, as dicts with href, item, band, type, message.
        notes: What was odd and did not stop: items whose CRS is not that of their file.
        stats: samples_read, bytes_read (decoded), files_opened, seconds by stage, pixels_mostly_masked.
    """

    layers: Mapping[str, Array]
    facts: Mapping[str, LayerFacts]
    skipped: list[dict[str, Any]] = field(default_factory=list)
    notes: list[dict[str, Any]] = field(default_factory=list)
    stats: dict[str, Any] = field(default_factory=dict)

    @property
    def count(self) -> Array:
        """Clear observations of each pixel, (H, W) uint8 or uint16."""
        return self.layers[COUNT]

    @property
    def flags(self) -> NDArray[np.uint8]:
        """(H, W): 1 where fewer than `min_obs` but some, 2 where none."""
        return self.layers[FLAGS]


@dataclass(frozen=True)
class Group:
    """Bands of one dtype: they share a stack."""

    dtype: np.dtype[Any]
    bands: tuple[str, ...]
    nodata: Array


def groups_of(spec: CubeSpec, collection: Collection) -> tuple[Group, ...]:
    """The cube's bands by dtype, in order of their first band."""
    by_dtype: dict[str, list[str]] = {}
    for name in spec.bands:
        by_dtype.setdefault(collection.bands[name].dtype, []).append(name)
    return tuple(
        Group(
            np.dtype(dtype),
            tuple(names),
            np.array([nodata_of(collection.bands[name], name) for name in names]).astype(dtype),
        )
        for dtype, names in by_dtype.items()
    )


class Reducer:
    """Reduces the dates of stacks, as a spec says.

    Args:
        spec: The cube.
        collection: Facts of its bands.
    """

    def __init__(self, spec: CubeSpec, collection: Collection) -> None:
        self.spec = spec
        self.groups = groups_of(spec, collection)
        self.layers = band_layers(spec, collection)
        self._collection = collection
        self._shares = np.array([percent / 100 for percent in spec.percentiles])
        self._score: Score | None = None
        self._score_bands: tuple[str, ...] = ()
        if spec.method is Method.BEST:
            self._score, self._score_bands = score(spec.score or "", spec.bands, collection)

    def outputs(self, pixels: int, observations: int) -> dict[str, Array]:
        """Empty arrays for `pixels` pixels: one a group of bands (layers, N), `day`, `count`, `seen`."""
        each = len(self._shares) if self.spec.method is Method.PERCENTILE else 1
        out: dict[str, Array] = {
            str(number): np.empty((len(group.bands) * each, pixels), group.dtype)
            for number, group in enumerate(self.groups)
        }
        if self.spec.method is Method.BEST:
            out[DAY] = np.empty((1, pixels), np.uint16)
        out[COUNT] = np.empty((1, pixels), count_dtype(observations))
        out[SEEN] = np.empty_like(out[COUNT])
        return out

    def layer_order(self) -> list[tuple[str, str, int]]:
        """(layer, key of `outputs`, row) of each layer of the bands, in output order."""
        each = len(self._shares) if self.spec.method is Method.PERCENTILE else 1
        place = {
            (band, q): (str(number), row * each + q)
            for number, group in enumerate(self.groups)
            for row, band in enumerate(group.bands)
            for q in range(each)
        }
        order = [place[band, q] for band in self.spec.bands for q in range(each)]
        named = list(self.layers)
        rows = [(name, key, row) for name, (key, row) in zip(named, order, strict=False)]
        return [*rows, (DAY, DAY, 0)] if DAY in self.layers else rows

    def reduce(
        self, stacks: Sequence[Array], dropped: Array, slots: Slots, out: dict[str, Array], first: int, last: int
    ) -> None:
        """Reduce pixels `first` to `last`.

        Args:
            stacks: One a group, (S, B, N), harmonised, C-contiguous.
            dropped: (S, N) uint8, 1 where a slot's mask drops the pixel.
            slots: The S slots.
            out: See `outputs`; written.
            first: First pixel.
            last: One beyond the last.
        """
        if not slots.scenes:
            for number, group in enumerate(self.groups):
                rows = out[str(number)]
                rows[:, first:last] = np.repeat(group.nodata, rows.shape[0] // len(group.bands))[:, None]
            for key in (DAY, COUNT, SEEN):
                if key in out:
                    out[key][:, first:last] = 0
            return
        # observations are numbered over the whole tile: rows only for those that this stack has
        present, order = np.unique(slots.observation, return_inverse=True)
        order = order.astype(np.int64)
        pairs = kernels.network(present.size)
        for start in range(first, last, RANGE):
            stop = min(last, start + RANGE)
            keep = np.ones((len(slots.scenes), stop - start), np.uint8)
            for group, stack in zip(self.groups, stacks, strict=True):
                choosing.present(stack, group.nodata, start, keep)
            taken = np.empty((present.size, stop - start), np.uint8)
            count = np.empty(stop - start, out[COUNT].dtype)
            seen = out[SEEN][0, start:stop]
            choosing.settle(keep, dropped, order, start, taken, count, seen)
            out[COUNT][0, start:stop] = count
            self._reduce_range(stacks, keep, order, present.size, pairs, count, slots, out, start)

    def _reduce_range(
        self,
        stacks: Sequence[Array],
        keep: Array,
        order: Array,
        observations: int,
        pairs: Array,
        count: Array,
        slots: Slots,
        out: dict[str, Array],
        start: int,
    ) -> None:
        method = self.spec.method
        if method is Method.GEOMEDIAN:
            self._geomedian(stacks, keep, count, out, start)
            return
        if method in {Method.BEST, Method.FIRST}:
            if method is Method.BEST:
                chosen = choosing.best_kept(keep, order, self._scores(stacks, keep, start))
                days = np.where(chosen < 0, 0, slots.days[np.maximum(chosen, 0)])
                out[DAY][0, start : start + days.size] = days
            else:
                chosen = choosing.first_kept(keep, order)
            for number, (group, stack) in enumerate(zip(self.groups, stacks, strict=True)):
                choosing.pick(stack, chosen, group.nodata, start, out[str(number)])
            return
        for number, (group, stack) in enumerate(zip(self.groups, stacks, strict=True)):
            rows = out[str(number)]
            whole = group.dtype.kind != "f"
            absent = kernels.largest(group.dtype)
            if method is Method.MEDIAN:
                loop = kernels.median_integers if whole else kernels.median_floats
                loop(stack, keep, order, observations, count, group.nodata, absent, pairs, start, rows)
            elif method is Method.PERCENTILE:
                kernels.percentiles(
                    stack,
                    keep,
                    order,
                    observations,
                    count,
                    group.nodata,
                    absent,
                    pairs,
                    start,
                    self._shares,
                    whole,
                    rows,
                )
            else:
                mean = kernels.mean_integers if whole else kernels.mean_floats
                mean(stack, keep, count, group.nodata, start, rows)

    def _values(self, stacks: Sequence[Array], bands: Sequence[str], start: int, stop: int) -> dict[str, Any]:
        """Physical values (S, n) float32 of some bands."""
        return {
            name: physical(np.ascontiguousarray(stack[:, row, start:stop]), self.layers[name])
            for group, stack in zip(self.groups, stacks, strict=True)
            for row, name in enumerate(group.bands)
            if name in bands
        }

    def _scores(self, stacks: Sequence[Array], keep: Array, start: int) -> Array:
        assert self._score is not None
        return self._score(self._values(stacks, self._score_bands, start, start + keep.shape[1]))

    def _geomedian(self, stacks: Sequence[Array], keep: Array, count: Array, out: dict[str, Array], start: int) -> None:
        stop = start + count.size
        values = self._values(stacks, self.spec.bands, start, stop)
        result = np.empty((len(self.spec.bands), count.size), np.float32)
        geomedian(np.stack([values[name] for name in self.spec.bands], axis=1), keep, TOLERANCE, ITERATIONS, result)
        for number, group in enumerate(self.groups):
            for row, name in enumerate(group.bands):
                line = out[str(number)][row, start:stop]
                line[:] = _numbers(result[self.spec.bands.index(name)], self.layers[name], group.dtype)


def _numbers(values: Array, facts: LayerFacts, dtype: np.dtype[Any]) -> Array:
    """Physical values back to numbers, rounded half to even, saturating; NaN as no data."""
    if dtype.kind == "f":
        numbers = ((values - facts.offset) / facts.scale).astype(dtype)
        return np.where(np.isnan(values), dtype.type(facts.nodata), numbers)
    limits = np.iinfo(dtype)
    scaled = np.rint((values.astype(np.float64) - facts.offset) / facts.scale)
    nodata = int(facts.nodata or 0)
    scaled = np.clip(scaled, limits.min + (nodata == limits.min), limits.max - (nodata == limits.max))
    return np.where(np.isnan(values), nodata, scaled).astype(dtype)


def flags_of(count: Array, min_obs: int) -> NDArray[np.uint8]:
    """(H, W): `FEW` where there are observations but fewer than `min_obs`, `NONE` where there are none."""
    few = (count > 0) & (count < min_obs)
    return few.astype(np.uint8) * np.uint8(FEW) + (count == 0).astype(np.uint8) * np.uint8(NONE)


def assemble(
    reducer: Reducer, out: Mapping[str, Array], shape: tuple[int, int], collection: Collection, **more: Any
) -> Composite:
    """Name the layers of a reduced tile.

    Args:
        reducer: That filled `out`.
        out: Arrays of `Reducer.outputs`, over the whole tile.
        shape: (H, W) of the tile.
        collection: Facts.
        **more: skipped, notes, stats.
    """
    layers = {name: out[key][row].reshape(shape) for name, key, row in reducer.layer_order()}
    layers[COUNT] = out[COUNT][0].reshape(shape)
    layers[FLAGS] = flags_of(layers[COUNT], reducer.spec.min_obs)
    observations = 255 if layers[COUNT].dtype == np.uint8 else 256
    stats = {**more.pop("stats", {}), "pixels_mostly_masked": mostly_masked(out[SEEN], out[COUNT])}
    facts = layer_facts(reducer.spec, collection, observations=observations)
    return Composite(layers, facts, stats=stats, **more)
