"""Two maps of a quantity: mean difference and RMSD, in all and by bin of the first map's values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from swath.assessment.compare.common import NOTE, Common, OnTile, Pair, plain
from swath.assessment.in_order import in_order
from swath.assessment.published import PublishedMap, Unit
from swath.errors import SampleError
from swath.planning import Said

BINS = 10  #: of values of the first map, with about as many pixels each
_LOOKED = 64  # tiles that are looked at for the bins, every eighth row and column
_STRIDE = 8


@dataclass(frozen=True)
class ValuesCompared:
    """Two maps of a quantity.

    Attributes:
        first: Id of the first map.
        second: Of the second.
        layer: Which.
        unit: Of its values.
        edges: (B + 1,) of the bins, by value of the first map; -inf and inf at the ends.
        sums: (B, 6) over pixels: number, first, second, squares of the first, of the second, of the difference.
        unmapped: Owned pixels by who maps them: `only first`, `only second`, `neither`.
        common: Tiles.
    """

    first: str
    second: str
    layer: str
    unit: str
    edges: NDArray[np.float64]
    sums: NDArray[np.float64]
    unmapped: dict[str, int]
    common: Common

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready: number, means, mean difference (second less first), RMSD, correlation; and by bin."""
        bins = [
            {"from": plain(low), "to": plain(high), **_figures(row)}
            for low, high, row in zip(self.edges[:-1].tolist(), self.edges[1:].tolist(), self.sums, strict=True)
        ]
        return {
            "first": self.first, "second": self.second, "kind": "values", "note": NOTE, "layer": self.layer,
            "unit": self.unit, **_figures(self.sums.sum(axis=0)), "bins": bins, "unmapped_pixels": self.unmapped,
            **self.common.to_dict(),
        }  # fmt: skip


def compare_values(
    first: PublishedMap,
    second: PublishedMap,
    layer: str,
    *,
    edges: Sequence[float] | None = None,
    on_tile: OnTile | None = None,
    say: Said = lambda _: None,
) -> ValuesCompared:
    """Difference of two maps of a quantity over the owned pixels that both have.

    Args:
        first: A map with the layer.
        second: Another.
        layer: Name of it.
        edges: Between bins of the first map's values; by default tenths of its values.
        on_tile: Told each tile's unit of the first map and the values of both; called in several threads.
        say: Told of progress.

    Raises:
        SampleError: The grids or units differ, or a map lacks the layer.
    """
    facts = [_band(one, layer) for one in (first, second)]
    if facts[0].get("unit") != facts[1].get("unit"):
        raise SampleError(
            f"{layer} is in {facts[0].get('unit')} in {first.id}, in {facts[1].get('unit')} in {second.id}.",
            fix="Compare maps of one unit.",
        )
    common = Common.of(first, second)
    inner = np.asarray(_tenths(first, layer, common) if edges is None else sorted(edges), np.float64)
    bounds = np.concatenate([[-np.inf], inner, [np.inf]])

    def count(pair: Pair) -> tuple[NDArray[np.float64], list[int]]:
        one, two = values_of(first, pair[0], layer), values_of(second, pair[1], layer)
        if on_tile is not None:
            on_tile(pair[0], one, two)
        owned = pair[0].tile.owned()
        there, here = ~np.isnan(one), ~np.isnan(two)
        whole = np.ones(one.shape, bool) if owned is None else owned
        both = there & here & whole
        a, b = one[both].astype(np.float64), two[both].astype(np.float64)
        place = np.searchsorted(inner, a, side="right")
        parts = (np.ones(len(a)), a, b, a * a, b * b, (b - a) ** 2)
        binned = [np.bincount(place, part, minlength=len(inner) + 1) for part in parts]
        sums = np.asarray(np.column_stack(binned), np.float64)
        return sums, [int(np.count_nonzero(w & whole)) for w in (there & ~here, here & ~there, ~there & ~here)]

    sums, unmapped = np.zeros((len(inner) + 1, 6)), np.zeros(3, np.int64)
    for number, (_, (some, apart)) in enumerate(in_order(count, common.pairs, threads=common.threads)):
        sums, unmapped = sums + some, unmapped + np.array(apart)
        if number % 100 == 99:
            say(f"compared {number + 1} of {len(common.pairs)} tiles")
    names = ("only first", "only second", "neither")
    return ValuesCompared(
        first.id, second.id, layer, str(facts[0].get("unit", "1")), bounds, sums,
        dict(zip(names, unmapped.tolist(), strict=True)), common,
    )  # fmt: skip


def values_of(map_: PublishedMap, unit: Unit, layer: str) -> NDArray[np.float32]:
    """(rows, columns) values of a layer; NaN where there is no data."""
    numbers, nodata, band = map_.read(unit, layer), map_.nodata(layer), _band(map_, layer)
    values = numbers.astype(np.float32) * np.float32(band.get("raster:scale", 1)) + np.float32(
        band.get("raster:offset", 0)
    )
    if nodata is not None and not np.isnan(nodata):
        values[numbers == nodata] = np.nan
    return values


def value_layer(map_: PublishedMap, layer: str | None) -> str | None:
    """The layer of values to compare: the one that is named, else the first of data; None for a map of classes."""
    if layer is not None:
        return layer
    assets = map_.collection["item_assets"]
    if any("classification:classes" in asset for asset in assets.values()):
        return None
    return next((name for name, asset in assets.items() if "data" in asset.get("roles", ["data"])), None)


def _band(map_: PublishedMap, layer: str) -> dict[str, Any]:
    if layer not in map_.layers:
        raise SampleError(f"{map_.id} has no layer {layer!r}.", fix=f"It has {', '.join(map_.layers)}.")
    band: dict[str, Any] = map_.collection["item_assets"][layer]["bands"][0]
    return band


def _tenths(map_: PublishedMap, layer: str, common: Common) -> list[float]:
    """Values that part those of some tiles into tenths, to three digits."""
    step = max(1, len(common.pairs) // _LOOKED)
    some = [values_of(map_, unit, layer)[::_STRIDE, ::_STRIDE].ravel() for unit, _ in common.pairs[::step]]
    values = np.concatenate(some)
    values = values[~np.isnan(values)]
    if not len(values):
        return []
    parts = np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1])
    return sorted({float(f"{part:.3g}") for part in parts.tolist()})


def _figures(row: NDArray[np.float64]) -> dict[str, Any]:
    number, one, two, one_2, two_2, apart = row.tolist()
    if not number:
        return {"pixels": 0}
    spread = np.sqrt(max(0.0, one_2 - one**2 / number) * max(0.0, two_2 - two**2 / number))
    # sum of products from the sum of squared differences
    together = (one_2 + two_2 - apart) / 2 - one * two / number
    return {
        "pixels": int(number), "mean_first": plain(one / number), "mean_second": plain(two / number),
        "mean_difference": plain((two - one) / number), "rmsd": plain(float(np.sqrt(apart / number))),
        "correlation": plain(together / spread) if spread > 0 else None,
    }  # fmt: skip
