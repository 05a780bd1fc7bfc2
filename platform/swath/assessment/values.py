"""A map of values, such as biomass: its numbers in their unit, and the map seen as classes by bins of its values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from swath.assessment.published import CLASS, NOT_OWNED, PublishedMap, Unit
from swath.errors import SampleError
from swath.forms import suggest

Array = NDArray[np.float64]
BINS = 5  #: strata of a map of values, unless edges are told
_FINE = 200  # bins of the histogram that edges are made of
_LOOKED_AT = 4_000  # pixels of each tile that the histogram sees
_NOT_MEASURED = ("_sd", "q05", "q50", "q95")  # layers that tell how sure another one is


def value_layer(map_: PublishedMap, layer: str | None = None) -> str | None:
    """The layer of values that is meant; None for a map of classes.

    Raises:
        SampleError: No such layer, or a map without classes and without values in a unit.
    """
    facts = map_.collection["item_assets"]
    if layer == CLASS or (layer is None and facts.get(CLASS, {}).get("classification:classes")):
        return None
    if layer is not None:
        if layer not in facts:
            raise SampleError(f"{map_.root} has no layer {layer!r}.", fix=suggest(layer, map_.layers))
        return layer
    for name, one in facts.items():
        is_data = "data" in one.get("roles", ["data"])
        if is_data and one["bands"][0].get("unit") and not name.endswith(_NOT_MEASURED):
            return str(name)
    raise SampleError(
        f"{map_.root} is no map of classes or of values in a unit; its layers are {', '.join(map_.layers)}.",
        fix="Name a layer with --layer.",
    )


def unit_of(map_: PublishedMap, layer: str) -> str:
    """Unit of a layer's values, as Mg/ha; empty where none is told."""
    return str(map_.collection["item_assets"][layer]["bands"][0].get("unit", ""))


def values_of(map_: PublishedMap, unit: Unit, layer: str) -> Array:
    """Values of a layer in their unit, (rows, columns) float64; NaN where there is none."""
    facts = map_.collection["item_assets"][layer]["bands"][0]
    numbers = map_.read(unit, layer)
    nodata = map_.nodata(layer)
    values = numbers * float(facts.get("raster:scale", 1.0)) + float(facts.get("raster:offset", 0.0))
    if nodata is not None and nodata == nodata:
        values = np.where(numbers == nodata, np.nan, values)
    return np.asarray(values, np.float64)


class BinnedMap(PublishedMap):
    """A map of values seen as a map of classes, which are bins of its values: for strata and frames.

    Args:
        of: The map.
        layer: Of values.
        edges: Between bins, ascending; none makes one bin of all.
    """

    def __init__(self, of: PublishedMap, layer: str, edges: tuple[float, ...]) -> None:
        super().__init__(of.store, of.root, of.step)
        if list(edges) != sorted(set(edges)) or len(edges) > 100:
            raise SampleError(
                f"Edges {list(edges)} do not make bins.", fix="Give up to 100 numbers, each once, rising."
            )
        self.layer, self.edges = layer, edges

    @cached_property
    def legend(self) -> dict[int, str]:
        """Names of the bins by number, from 1."""
        if not self.edges:
            return {1: "all"}
        inner = [f"{low:g} to {high:g}" for low, high in zip(self.edges, self.edges[1:], strict=False)]
        return dict(enumerate([f"below {self.edges[0]:g}", *inner, f"from {self.edges[-1]:g}"], start=1))

    def codes(self, unit: Unit) -> NDArray[np.uint8]:
        """Numbers of bins of a unit; 0 where nothing is mapped, 255 where another tile owns the pixel."""
        values = values_of(self, unit, self.layer)
        bins = np.where(np.isnan(values), 0, 1 + np.digitize(values, self.edges)).astype(np.uint8)
        owned = unit.tile.owned()
        return bins if owned is None else np.where(owned, bins, np.uint8(NOT_OWNED))


def edges_of(map_: PublishedMap, layer: str, bins: int = BINS, *, seed: int = 0) -> tuple[float, ...]:
    """Edges between strata by the cumulative square root of frequency (Dalenius and Hodges 1959).

    Frequencies are those of some thousands of pixels of each tile; where half of a map is 0 there are fewer bins.

    Args:
        map_: Of values.
        layer: Of the values.
        bins: Strata that are wanted.
        seed: Of the pixels that are looked at.

    Raises:
        SampleError: Nothing is mapped.
    """
    seen = np.concatenate(list(_looked_at(map_, layer, seed)) or [np.empty(0)])
    if not len(seen):
        raise SampleError(f"{map_.id} has no mapped pixel of {layer!r}.", fix="Map something first.")
    counts, at = np.histogram(seen, bins=_FINE)
    grown = np.sqrt(counts).cumsum()
    wanted = grown[-1] * np.arange(1, bins) / bins
    found = at[1 + np.searchsorted(grown, wanted)]
    # three digits are enough to draw by, and read well
    rounded = {float(f"{edge:.3g}") for edge in found}
    return tuple(sorted(edge for edge in rounded if seen.min() < edge < seen.max()))


def spreads_of(map_: BinnedMap, strata: Sequence[str], *, seed: int = 0) -> list[float]:
    """Standard deviation of the map's values in each bin, for Neyman's allocation: what is known before plots are.

    Args:
        map_: By bins.
        strata: Names of bins, in the order that is wanted.
        seed: Of the pixels that are looked at.
    """
    seen = np.concatenate(list(_looked_at(map_, map_.layer, seed)) or [np.empty(0)])
    bins = 1 + np.digitize(seen, map_.edges)
    numbers = {name: number for number, name in map_.legend.items()}
    spreads = [seen[bins == numbers[name]] for name in strata]
    return [float(own.std()) if len(own) > 1 else 0.0 for own in spreads]


def _looked_at(map_: PublishedMap, layer: str, seed: int) -> Iterator[Array]:
    random = np.random.default_rng((seed, 2))
    for unit in map_.units:
        values = values_of(map_, unit, layer).ravel()
        some = values[random.integers(0, values.size, min(_LOOKED_AT, values.size))]
        yield some[np.isfinite(some)]
