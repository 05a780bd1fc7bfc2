"""What a model of species takes at places: read tile by tile as a map reads it, one pixel a place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from swath.cube import DEFAULT_BUDGET, CubeSpec
from swath.errors import LabelError, PeriodError, ProductError
from swath.grid import Grid, Tile, TimeStep
from swath.grid.lonlat import from_lonlat
from swath.grid.zones import owner_zone
from swath.models.cubes import ReadCube, read_series
from swath.models.inputs import level_of, unit_of
from swath.models.normalise import Normaliser
from swath.models.series import Series
from swath.models.spec import LOCATION, InputSpec, ModelSpec, ValueOutput, ValuesOutput
from swath.models.steps import Part, steps_of
from swath.planning import Inputs, InputSteps, ItemTable, Join, MapRequest, Said, freeze_inputs, grid_of, search_inputs
from swath.planning.join import MARGIN_M
from swath.planning.models import halo_m
from swath.products import Product
from swath.products.rules import FIRST
from swath.sources import FrozenItems, Scene
from swath.training.chip_inputs import InputChoice, channels_of_chips, chosen_inputs
from swath.training.cube_of import chips_product
from swath.training.species.config import SpeciesConfig

_ROWS = 256  # of a tile at once, so that what is computed of it stays small


@dataclass(frozen=True)
class Sampled:
    """Pixels in which places lie.

    Attributes:
        values: (n, bands) float32, physical; NaN where the pixel has no data, which a map would not have either.
        xy: (n, 2) longitude and latitude of the pixel's centre, as the map computes them; NaN likewise.
        there: (n,) bool: whether the pixel has data.
    """

    values: NDArray[np.float32]
    xy: NDArray[np.float64]
    there: NDArray[np.bool_]


@dataclass(frozen=True)
class Predictors:
    """The inputs of a product as a model of species takes them.

    Attributes:
        product: With a model bound that stands for the one to be learned: all that is planned and read is as in a map.
        request: Of that product.
        inputs: Collections and items that it reads.
        items: Frozen.
    """

    product: Product
    request: MapRequest
    inputs: Inputs
    items: FrozenItems

    @classmethod
    def of(cls, request: MapRequest, config: SpeciesConfig, path: Path, *, say: Said = lambda _: None) -> Predictors:
        """Search and freeze the items of a request.

        Args:
            request: Product of values, area, period of one step, source.
            config: Names bands by input.
            path: Where the frozen items are written.
            say: Told what is being done.

        Raises:
            LabelError: Bands of an input that the product does not have, two of one name.
            PeriodError: A period of several steps.
            ProductError: A product that maps no values, or a resolution that contradicts the recipe's.
            NoItemsError, SourceError: As in mapping.
        """
        if request.period.acquisition or len(request.period.steps) != 1:
            raise PeriodError(
                f"Species are learned of one time, and {request.period.text} is several.",
                fix="Write it as one step, such as 2023/P1Y.",
            )
        bound = replace(request, product=_bound(request, config))
        inputs = freeze_inputs(bound, path, say)
        return cls(bound.product, bound, inputs, FrozenItems.open(path.read_bytes()))

    @property
    def spec(self) -> InputSpec:
        """What is read: predictors in their order, then longitude and latitude; not standardised."""
        model = self.product.model_spec
        assert model is not None
        return model.input

    @property
    def names(self) -> tuple[str, ...]:
        """Of the predictors, without the place."""
        return tuple(band.name for band in self.spec.bands if band.input != LOCATION)

    @property
    def units(self) -> dict[str, str]:
        """Unit of each predictor."""
        return {band.name: self.spec.unit_of(band) for band in self.spec.bands if band.input != LOCATION}

    @property
    def sources(self) -> dict[str, str]:
        """Name of the product's input that gives a predictor, where it is not the first."""
        return {band.name: band.input for band in self.spec.bands if band.input not in (None, LOCATION)}

    @cached_property
    def grid(self) -> Grid:
        """Of the pixels."""
        return grid_of(self.product, self.inputs.first)

    def at(
        self,
        lon: NDArray[np.float64],
        lat: NDArray[np.float64],
        *,
        threads: int = 1,
        check: Callable[[], None] = lambda: None,
    ) -> Sampled:
        """Pixels in which places lie; each tile is read once, and one is held at a time.

        Args:
            lon: Degrees, (n,).
            lat: Degrees, (n,).
            threads: That read.
            check: Called before each tile; raises to stop.

        Raises:
            UnitError: Files that could not be read.
        """
        width = len(self.spec.bands)
        found = np.full((len(lon), width), np.nan, np.float32)
        there = np.zeros(len(lon), bool)
        for tile, series, places in self._tiles(lon, lat):
            check()
            used = [one for one in series if one is not None]
            read = read_series(used, tile, input=self.spec, threads=threads, budget_bytes=DEFAULT_BUDGET)
            x, y = from_lonlat(tile.crs).transform(lon[places], lat[places])
            col = ((x - tile.affine.c) // tile.resolution).astype(np.int64)
            row = ((tile.affine.f - y) // tile.resolution).astype(np.int64)
            found[places], there[places] = _pixels(read, self.spec, row, col)
        found[~there] = np.nan
        values = found[:, : len(self.names)]
        return Sampled(values, found[:, len(self.names) :].astype(np.float64), there)

    def _tiles(
        self, lon: NDArray[np.float64], lat: NDArray[np.float64]
    ) -> Iterator[tuple[Tile, list[Series | None], NDArray[np.int64]]]:
        """Tiles in which places lie, how each input is read there, and the places; not those that lack an input."""
        table = ItemTable.of(self.items)
        specs = self._specs
        series = InputSteps.of(self.product, self.request.period, table, self.inputs.members(self.items), specs)
        join = Join(table.footprints, series.keep, margin_m=MARGIN_M + halo_m(self.product))
        owned = self._owners(lon, lat)
        for tile, rows in join.rows(self.grid.parse(name) for name in owned):
            for step, parts in series.cut(rows):
                if not series.lacking(parts):
                    scenes = [self.items.scenes(part.tolist()) for part in parts]
                    yield tile, [self._series(n, mine, step) for n, mine in enumerate(scenes)], owned[tile.id]

    def _owners(self, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> dict[str, NDArray[np.int64]]:
        """Places by number, by the id of the tile that owns them."""
        found: dict[str, list[NDArray[np.int64]]] = {}
        zones = owner_zone(lon, lat)
        for zone in np.unique(zones):
            mine = np.flatnonzero(zones == zone)
            tile = self.grid.tile_of(float(lon[mine[0]]), float(lat[mine[0]]))
            x, y = from_lonlat(tile.crs).transform(lon[mine], lat[mine])
            left, bottom = tile.lattice.anchor
            cells = np.stack([(x - left) // self.grid.edge, (y - bottom) // self.grid.edge], axis=1)
            _, first, number = np.unique(cells, axis=0, return_index=True, return_inverse=True)
            for n, place in enumerate(mine[first].tolist()):
                tile = self.grid.tile_of(float(lon[place]), float(lat[place]))
                found.setdefault(tile.id, []).append(mine[number.reshape(-1) == n])
        return {name: np.concatenate(parts) for name, parts in found.items()}

    @cached_property
    def _specs(self) -> tuple[CubeSpec | None, ...]:
        return tuple(
            None if facts is None else self.product.cube_spec(facts, number)
            for number, facts in enumerate(self.inputs.collections)
        )

    def _series(self, number: int, scenes: list[Scene], step: TimeStep) -> Series | None:
        """How an input is read for a step; None for one of which nothing is taken."""
        facts, spec = self.inputs.collections[number], self._specs[number]
        if facts is None or spec is None:
            return None
        static = bool(self.product.inputs[number].static)
        # static scenes are of no step: they stand in each
        parts = (Part(tuple(scenes), step.start, step.end),) if static else steps_of(scenes, step.start, step.end, 1)
        return Series(parts, spec, facts, self.product.channels[number], static)


def _pixels(
    read: ReadCube, spec: InputSpec, row: NDArray[np.int64], col: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Physical values of a tile's pixels as a network is given them, (n, bands), and whether each has data."""
    cube, inner = read.cube, read.inner
    fill = Normaliser.of(spec, list(cube.facts))
    values, there = np.empty((len(row), len(spec.bands)), np.float32), np.zeros(len(row), bool)
    width = inner.right - inner.left
    for first in range(0, inner.bottom - inner.top, _ROWS):
        mine = np.flatnonzero((row >= first) & (row < first + _ROWS))
        if not len(mine):
            continue
        valid = np.empty((1, _ROWS, width), np.uint8)
        numbers = np.empty((1, len(spec.bands), _ROWS, width), np.float32)
        fill.valid(cube.layers, inner.top + first, inner.left, valid)
        fill.fill_input(cube.layers, valid, inner.top + first, inner.left, numbers)
        values[mine] = numbers[0][:, row[mine] - first, col[mine]].T
        there[mine] = valid[0, row[mine] - first, col[mine]] != 0
    return values, there


def _bound(request: MapRequest, config: SpeciesConfig) -> Product:
    """The product with a model of the predictors that a recipe names, which gives nothing yet."""
    product = request.product
    if product.model is None or product.model.kind != "values":
        raise ProductError(
            f"{product.name} maps no values of a model, and suitability is values.", fix="Take the product species."
        )
    first = product.inputs[0].name or FIRST
    if first not in config.predictors:
        raise LabelError(
            f"The recipe's predictors name nothing of {first}, the first input of {product.name}, which gives the "
            f"pixels.",
            fix=f"Add predictors.{first}.",
        )
    choices = {name: InputChoice(bands=bands) for name, bands in config.predictors.items()}
    cube = chosen_inputs(chips_product(product, config.predictors[first]), choices)
    found = search_inputs(replace(request, product=cube))
    facts = [None if one is None else one.collection for one in found]
    specs = [None if one is None else cube.cube_spec(one, number) for number, one in enumerate(facts)]
    bands = tuple(channel.band for channel in channels_of_chips(cube, facts, specs, choices, location=True))
    _check_once([band.name for band in bands])
    one, spec = facts[0], specs[0]
    assert one is not None and spec is not None
    taken = InputSpec(
        bands=bands, unit=unit_of(one.bands[spec.bands[0]]), gsd=_gsd(product, config, cube.resolution(one)),
        window=config.window, stride=config.window, level=level_of(one),
    )  # fmt: skip
    nothing = ValuesOutput(name="suitability", values=(ValueOutput(name="suitability", unit="1", low=0, high=1),))
    model = ModelSpec(name=product.name, task="regression", input=taken, output=nothing)
    return product.with_model(model, "0" * 64)


def _gsd(product: Product, config: SpeciesConfig, finest: float) -> float:
    asked = product.output.grid.resolution
    if asked is not None and config.gsd is not None and asked != config.gsd:
        raise ProductError(
            f"The product's pixels are {asked:g} m, those of the recipe {config.gsd:g} m.",
            fix="Give --resolution, or set gsd; not both.",
            field="output.grid.resolution",
        )
    return asked or config.gsd or finest


def _check_once(names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise LabelError(
            f"Several inputs give a predictor {', '.join(twice)}: a table of records has each once.",
            fix="Leave one of them out of predictors.",
        )
