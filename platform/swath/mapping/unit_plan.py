"""The units of a plan: tiles by time steps, each with the items that its inputs read, priced and named by its key."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from swath.cube import CubeSpec
from swath.grid import Area, Grid, Period
from swath.mapping.cost import Cost, CostModel, coverage
from swath.mapping.key import KeyMaker, pixels_of_code
from swath.mapping.units import Unit, UnitWriter
from swath.planning.input_steps import InputSteps
from swath.planning.inputs import Inputs, Said
from swath.planning.join import MARGIN_M, Join
from swath.planning.models import halo_m
from swath.planning.table import ItemTable
from swath.products import Product
from swath.sources import Collection, FrozenItems
from swath.store import names

BACKEND = "numba"
SAY_EVERY_S = 10.0
Choose = Callable[[Unit, NDArray[np.int32]], bool]


@dataclass
class Totals:
    """Sums over the units of a plan.

    Attributes:
        tiles: Tiles of the area that have at least one unit with input.
        units: Units with input.
        without_input: Units for which the search found no item of an input that is needed.
        scenes: Distinct items.
        assets: Files of those items that will be opened.
        samples: Decoded numbers.
        bytes: Expected bytes to read.
        seconds: Expected seconds on one core.
        km2: True area of the units with input.
        lacking: Of a product of several inputs: units without input by what they lack, and those that are made without
            an optional one (`thermal (optional)`).
    """

    tiles: int = 0
    units: int = 0
    without_input: int = 0
    scenes: int = 0
    assets: int = 0
    samples: int = 0
    bytes: int = 0
    seconds: float = 0.0
    km2: float = 0.0
    lacking: dict[str, int] = field(default_factory=dict)


def specs_of(product: Product, collections: Sequence[Collection | None]) -> tuple[CubeSpec | None, ...]:
    """The cube of each input; None for one that the model does not read."""
    return tuple(None if facts is None else product.cube_spec(facts, n) for n, facts in enumerate(collections))


def backend_of(product: Product) -> str:
    """What computes the pixels of a product, as the resume key names it."""
    if product.model is None:
        return BACKEND
    return f"{BACKEND}+{product.model.backend}"


def write_units(
    items: FrozenItems,
    *,
    grid: Grid,
    area: Area,
    period: Period,
    product: Product,
    inputs: Inputs,
    path: Path,
    choose: Choose | None = None,
    say: Said = lambda _: None,
) -> Totals:
    """Join tiles with items and write tiles.parquet; streams, whatever the number of tiles.

    Args:
        items: Frozen, ordered by time.
        grid: Of the tiles.
        area: Its tiles are planned.
        period: Its steps cut the items.
        product: For keys and costs.
        inputs: Which of the items each of its inputs reads.
        path: File to write.
        choose: Asked of each unit with its rows; those that it refuses are neither written nor counted.
        say: Told how far it is, every few seconds: a continent takes a minute.

    Raises:
        ProductError: A static item that is later than a step that it would serve.
    """
    specs = specs_of(product, inputs.collections)
    table = ItemTable.of(items)
    series = InputSteps.of(product, period, table, inputs.members(items), specs)
    join = Join(table.footprints, series.keep, margin_m=MARGIN_M + halo_m(product))
    boxes = shapely.bounds(table.footprints.shapes)
    costs = [
        None if spec is None or facts is None else CostModel(spec, facts)
        for spec, facts in zip(specs, inputs.collections, strict=True)
    ]
    model = product.model_digest
    maker = KeyMaker(product.pixel_digest(*inputs.collections), model, backend_of(product), pixels_of_code(model))
    totals = Totals()
    used = [np.zeros(len(table.times), bool) for _ in specs]
    writer = UnitWriter(str(path))
    looked, said = 0, time.monotonic()
    for tile, rows in join.rows(grid.tiles(area)):
        looked += 1
        if time.monotonic() - said > SAY_EVERY_S:
            say(f"joined {looked:,} tiles so far")
            said = time.monotonic()
        made = totals.units
        for step, parts in series.cut(rows):
            lacking = series.lacking(parts)
            if lacking:
                parts = tuple(part[:0] for part in parts)
            mine, counts = parts[0], tuple[int, ...]()
            if len(parts) > 1:
                mine, counts = np.concatenate(parts), tuple(len(part) for part in parts)
            cost = Cost(0, 0, 0.0)
            for part, one in zip(parts, costs, strict=True):
                if one is not None:
                    shares = coverage(tile.footprint.bounds, boxes[table.footprints.shape_of[part]])
                    cost += one.cost(tile, float(shares.sum()))
            key, content = maker.keys(tile.id, step.id, table.digests[mine], counts)
            unit = Unit(
                id=names.unit_id(tile.id, step.id),
                tile=tile.id,
                step=step.id,
                start=step.start,
                end=step.end,
                bbox=tile.bbox,
                scenes=len(mine),
                items=(),
                key=key,
                content=content,
                km2=tile.km2,
                bytes=cost.bytes,
                seconds=cost.seconds,
                counts=counts,
            )
            if choose is not None and not choose(unit, mine):
                continue
            writer.add(unit, mine)
            if counts:
                for name in lacking or [f"{name} (optional)" for name in series.lacking(parts, optional=True)]:
                    totals.lacking[name] = totals.lacking.get(name, 0) + 1
            if lacking:
                totals.without_input += 1
                continue
            for part, rows_used in zip(parts, used, strict=True):
                rows_used[part] = True
            totals.units += 1
            totals.samples += cost.samples
            totals.bytes += cost.bytes
            totals.seconds += cost.seconds
            totals.km2 += tile.km2
        totals.tiles += totals.units > made
    writer.close()
    totals.scenes = int(np.logical_or.reduce(used).sum())
    totals.assets = sum(int(rows.sum()) * len(one.bands) for rows, one in zip(used, costs, strict=True) if one)
    return totals
