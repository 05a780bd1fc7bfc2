"""One input of a model for a tile: its scenes by time step, read as bands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from swath.cube import COUNT, CubeSpec, LayerFacts, Method, compose, composite_bytes, layer_facts
from swath.cube.access import Sign
from swath.errors import ProductError
from swath.grid import Tile
from swath.models.inputs import match_bands
from swath.models.spec import BandInput, InputSpec
from swath.models.steps import Part
from swath.sources import Collection, Scene

Array = NDArray[Any]
#: Of a band that the collection does not have: nothing but no data.
ABSENT = LayerFacts("float32", float("nan"))


@dataclass(frozen=True)
class Series:
    """Scenes of one input of a product, by a model's time steps.

    Attributes:
        parts: A step each. A static one has the same scenes in all: they are read once.
        spec: Masks and method; its bands are replaced by those that the model takes.
        collection: Facts of the scenes.
        channels: Places of the bands that it gives in the model's; None: all of them.
        static: Whether its scenes serve every step.
    """

    parts: tuple[Part, ...]
    spec: CubeSpec
    collection: Collection
    channels: tuple[int, ...] | None = None
    static: bool = False

    def wanted(self, input: InputSpec) -> tuple[BandInput, ...]:
        """The model's bands that it gives."""
        return input.bands if self.channels is None else tuple(input.bands[place] for place in self.channels)

    def bound(self, input: InputSpec) -> tuple[CubeSpec, tuple[str | None, ...]]:
        """Its cube with the bands that the model takes, and their names by channel, None for one that is not there.

        Raises:
            ModelError: The collection lacks a band that is needed.
            ProductError: A method that gives several values a band.
        """
        found = match_bands(input, self.collection, self.wanted(input))
        names = tuple(name for name in found if name is not None)
        known = {name: how for name, how in self.spec.band_resampling.items() if name in names}
        spec = replace(self.spec, bands=names, band_resampling=known)
        if spec.method is Method.PERCENTILE:
            raise ProductError(
                "A model takes one value a band and step, and percentile gives several.",
                fix="Take median, mean, geomedian, best or first.",
                field="inputs.0.composite.method",
            )
        return spec, found

    def nbytes(self, scenes: int, tile: Tile, input: InputSpec, budget_bytes: int) -> tuple[int, int]:
        """Memory that its bands take once they are read, and at the most while one step is read.

        Args:
            scenes: Of all steps together.
            tile: That is read, halo included.
            input: Of the model.
            budget_bytes: As given to `read`.
        """
        spec, _ = self.bound(input)
        pixels = tile.shape[0] * tile.shape[1]
        a_step = sum(np.dtype(self.collection.bands[name].dtype).itemsize for name in spec.bands) * pixels
        held = a_step * ((1 if self.static else input.steps) - 1)
        return held, composite_bytes(scenes, tile, spec, self.collection, budget_bytes)


@dataclass
class Bands:
    """What was read of one input.

    Attributes:
        layers: A step each, the bands by channel, (H, W).
        facts: By channel.
        count: Clear observations of all steps together, (H, W) uint16.
        skipped: As of a composite.
        notes: As of a composite.
        stats: As of a composite, summed.
    """

    layers: list[tuple[Array, ...]]
    facts: tuple[LayerFacts, ...]
    count: NDArray[np.uint16]
    skipped: list[dict[str, Any]] = field(default_factory=list)
    notes: list[dict[str, Any]] = field(default_factory=list)
    stats: dict[str, Any] = field(default_factory=dict)


class SeriesReader:
    """Reads series onto a tile.

    Args:
        tile: Lattice, halo included.
        input: Of the model.
        threads: As of `swath.cube.compose`.
        budget_bytes: As of `swath.cube.compose`, for a step.
        sign: As of `swath.cube.compose`.
    """

    def __init__(
        self, tile: Tile, input: InputSpec, *, threads: int | None, budget_bytes: int, sign: Sign | None
    ) -> None:
        self._tile, self._input = tile, input
        self._how: dict[str, Any] = {"threads": threads, "budget_bytes": budget_bytes, "sign": sign}

    def read(self, series: Series) -> Bands:
        """A composite a step; a step without scenes has no data anywhere.

        Raises:
            ModelError, ProductError: See `Series.bound`.
            UnitError: Files could not be read, see `swath.cube.compose`.
        """
        spec, found = series.bound(self._input)
        facts = layer_facts(spec, series.collection, observations=1)
        by_channel = tuple(ABSENT if name is None else facts[name] for name in found)
        optional = frozenset(
            name for name, band in zip(found, series.wanted(self._input), strict=True) if name and band.optional
        )
        bands = Bands([], by_channel, np.zeros(self._tile.shape, np.uint16))
        for part in series.parts[:1] if series.static else series.parts:
            layers = self._composites(part.scenes, spec, optional, series.collection, bands)
            bands.layers.append(
                tuple(
                    self._nothing(known) if name is None or name not in layers else layers[name]
                    for name, known in zip(found, by_channel, strict=True)
                )
            )
        if series.static:
            bands.layers *= len(series.parts)
        return bands

    def _composites(
        self, scenes: Sequence[Scene], spec: CubeSpec, optional: frozenset[str], collection: Collection, into: Bands
    ) -> dict[str, Array]:
        """The layers of one step by name; without those that no scene has."""
        layers: dict[str, Array] = {}
        counts: list[Array] = []
        for names, having in _together(scenes, spec.bands, optional):
            known = {name: how for name, how in spec.band_resampling.items() if name in names}
            part = replace(spec, bands=names, band_resampling=known)
            made = compose(having, self._tile, part, collection=collection, **self._how)
            layers |= {name: made.layers[name] for name in names}
            counts.append(made.layers[COUNT])
            into.skipped += made.skipped
            into.notes += made.notes
            for name, number in made.stats.items():
                into.stats[name] = into.stats.get(name, 0) + number
        if counts:
            # bands that are needed come first: what they see is what was observed
            into.count += counts[0] if optional != set(spec.bands) else np.maximum.reduce(counts)
        return layers

    def _nothing(self, facts: LayerFacts) -> Array:
        return np.full(self._tile.shape, facts.nodata or 0, facts.dtype)


def _together(
    scenes: Sequence[Scene], bands: Sequence[str], optional: frozenset[str]
) -> list[tuple[tuple[str, ...], list[Scene]]]:
    """Which bands are composited together, of which scenes: all of all, as long as no scene lacks an optional one.

    Else those that are needed of all scenes, and the optional ones of the scenes that have them, those with the same
    scenes together: a scene of a night has temperatures and no reflectance.
    """
    if not scenes:
        return []
    having: Mapping[str, tuple[int, ...]] = {
        name: tuple(number for number, scene in enumerate(scenes) if name not in optional or name in scene.assets)
        for name in bands
    }
    if all(len(mine) == len(scenes) for mine in having.values()):
        return [(tuple(bands), list(scenes))]
    groups: dict[tuple[bool, tuple[int, ...]], list[str]] = {}
    for name in bands:
        if having[name]:
            groups.setdefault((name in optional, having[name]), []).append(name)
    return [
        (tuple(groups[key]), [scenes[number] for number in key[1]]) for key in sorted(groups, key=lambda key: key[0])
    ]
