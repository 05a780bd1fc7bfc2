"""Which pixels of a unit are forest by the product's definition, and its values without the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from swath.cube import COUNT, Composite, CubeSpec, compose, composite_bytes
from swath.cube.load import padded
from swath.grid import Tile
from swath.mapping.making import Maker, Read, Scenes
from swath.mapping.plan import Plan
from swath.mapping.units import Unit
from swath.products import FOREST, ForestDefinition, Layer
from swath.products.forest import IS_FOREST, NO_FOREST, UNKNOWN
from swath.sources import Collection

Floats = NDArray[np.float32]
_UNIT_M = {"utm": 60, "landsat": 30}  # edges at multiples of this many metres cut no band through


class ForestMaker:
    """Layers of a model where the product's forest definition holds, and the layer that says where.

    Args:
        inner: Makes the layers of the model.
        plan: Of the units.
        threads: That read and reduce.
        strip_bytes: Memory that the dates of one strip may take.
    """

    def __init__(self, inner: Maker, plan: Plan, *, threads: int, strip_bytes: int) -> None:
        self._inner, self._plan, self._threads, self._strip_bytes = inner, plan, threads, strip_bytes
        definition = plan.product.forest
        assert definition is not None
        self._definition: ForestDefinition = definition
        self._bands = tuple(definition.bands(plan.product.inputs, plan.collections, where=plan.product.name))

    def nbytes(self, tile: Tile, scenes: Sequence[int]) -> int:
        """See `Maker`. The definition is read first, and its codes are kept while the model's inputs are read."""
        grown, _ = with_halo(tile, self._definition)
        read = [composite_bytes(scenes[n], grown, *self._of(n), self._strip_bytes) for n in self._numbers]
        pixels = grown.shape[0] * grown.shape[1]
        # what meets the thresholds, and the number of each pixel's group
        return max(max(read) + 6 * pixels, self._inner.nbytes(tile, scenes) + tile.shape[0] * tile.shape[1])

    def read(self, unit: Unit, tile: Tile, scenes: Scenes) -> Read:
        """See `Maker`."""
        grown, halo = with_halo(tile, self._definition)
        made: dict[int, Composite] = {}
        for number in self._numbers:
            spec, collection = self._of(number)
            made[number] = compose(
                scenes[number], grown, spec,
                collection=collection, threads=self._threads, budget_bytes=self._strip_bytes,
            )  # fmt: skip
        found = [in_numbers(made[number], band, asked.least) for _, asked, number, band in self._bands]
        codes = forest_codes(self._definition, found, halo=halo, resolution=tile.resolution)
        told = tuple(replace(one, layers={}) for one in made.values())
        return replace(self._inner.read(unit, tile, scenes), forest=codes, beside=told)

    def layers(self, read: Read) -> dict[str, NDArray[Any]]:
        """See `Maker`."""
        codes = read.forest
        assert codes is not None
        made = self._inner.layers(read)
        for layer in self._plan.layers:
            if layer.name == FOREST:
                made[FOREST] = codes.astype(np.dtype(layer.dtype), copy=False)
            elif layer.name != COUNT:
                cut_to_forest(made[layer.name], layer, codes, outside=self._definition.outside)
        return made

    @property
    def _numbers(self) -> list[int]:
        return sorted({number for _, _, number, _ in self._bands})

    def _of(self, number: int) -> tuple[CubeSpec, Collection]:
        spec, collection = self._plan.specs[number], self._plan.collections[number]
        assert spec is not None and collection is not None
        return spec, collection


def in_forest(maker: Maker, plan: Plan, *, threads: int, strip_bytes: int) -> Maker:
    """A maker whose layers follow the forest definition of the plan's product; itself where there is none."""
    if plan.product.forest is None:
        return maker
    return ForestMaker(maker, plan, threads=threads, strip_bytes=strip_bytes)


def with_halo(tile: Tile, definition: ForestDefinition) -> tuple[Tile, int]:
    """A tile with what must be known round it to tell the size of its groups, and its pixels on each side."""
    step = max(1, round(_UNIT_M.get(tile.lattice.grid, 0) / tile.resolution))
    halo = -(-definition.halo(tile.resolution) // step) * step
    return padded(tile, halo), halo


def in_numbers(composite: Composite, band: str, least: float) -> tuple[Floats, float]:
    """Numbers of a band, (H, W) float32, NaN where there is no data, and a value in its unit as such a number.

    Numbers are compared, not values: those would miss by a rounding what they are equal to.
    """
    numbers, facts = composite.layers[band], composite.facts[band]
    values = numbers.astype(np.float32)
    if facts.nodata is not None:
        values[numbers == facts.nodata] = np.nan
    return values, round((least - facts.offset) / facts.scale, 6)


def forest_codes(
    definition: ForestDefinition, found: Sequence[tuple[Floats, float]], *, halo: int, resolution: float
) -> NDArray[np.uint8]:
    """Forest, no forest, or unknown, of each pixel of a tile.

    A pixel is forest where all bands reach what is asked of them, and its group is large enough. Groups end at pixels
    of which nothing is known; those that reach the rim of the halo are large enough (`ForestDefinition.halo`).

    Args:
        definition: Least area, and how pixels touch.
        found: Numbers (H + 2 halo, W + 2 halo) of each band, NaN where unknown, and the least that makes a forest.
        halo: Pixels on each side, at least `definition.halo(resolution)`.
        resolution: Edge of a pixel, metres.

    Returns:
        (H, W) of the codes of `swath.products.forest`.
    """
    from scipy.ndimage import label

    # NaN neither meets nor misses what is asked; one band that misses it is enough to know
    meets = np.logical_and.reduce([values >= least for values, least in found])
    unknown = ~meets & ~np.logical_or.reduce([values < least for values, least in found])
    least = definition.least_pixels(resolution)
    if least > 1:
        groups, count = label(meets, structure=np.ones((3, 3)) if definition.neighbours == 8 else None)
        large = np.bincount(groups.ravel(), minlength=count + 1) >= least
        for rim in (groups[0], groups[-1], groups[:, 0], groups[:, -1]):
            large[rim] = True
        large[0] = False
        meets = large[groups]
    rows, cols = meets.shape
    inner = np.s_[halo : rows - halo, halo : cols - halo]
    codes = np.where(meets[inner], np.uint8(IS_FOREST), np.uint8(NO_FOREST))
    codes[unknown[inner]] = UNKNOWN
    return codes


def cut_to_forest(numbers: NDArray[Any], layer: Layer, codes: NDArray[np.uint8], *, outside: str) -> None:
    """Set a layer's numbers where no forest is: to 0 or no data; to no data where it is not known.

    Args:
        numbers: (H, W) as they stand in the file; changed.
        layer: Their facts.
        codes: (H, W), see `forest_codes`.
        outside: `zero` or `nodata`.
    """
    nothing, zero = (layer.encode(np.full((1, 1), value), nodata=None)[0, 0] for value in (np.nan, 0.0))
    if outside == "zero":
        missing = np.isnan(numbers) if np.isnan(nothing) else numbers == nothing
        numbers[(codes == NO_FOREST) & ~missing] = zero  # where the model knows nothing, forest or not, nothing is told
        numbers[codes == UNKNOWN] = nothing
    else:
        numbers[codes != IS_FOREST] = nothing
