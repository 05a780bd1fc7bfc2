"""`swath.open_cube`: a product over an area as a lazy cube, for analysis in a notebook."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from typing import Any

import dask.array as da
import numpy as np
import shapely
import xarray as xr
from affine import Affine
from pyproj import Transformer

from swath.cube import CubeSpec, layer_facts
from swath.cube.open import open_cube as open_step
from swath.grid import Area, Grid, Period, Tile
from swath.mapping.unit_plan import specs_of
from swath.planning.input_steps import InputSteps
from swath.planning.inputs import inputs_of, items_of
from swath.planning.request import MapRequest
from swath.planning.searching import grid_of, no_items, search_inputs
from swath.planning.table import ItemTable
from swath.products import Product
from swath.sources import Collection, FrozenItems, Scene, freeze

full: Any = da.full  # Dask annotates some of its functions and not others
EDGE_M = 60.0  # edges at multiples of this: bands of 10, 20, 30 and 60 m share them


def open_cube(
    product: Product | str,
    area: Area | str,
    period: Period | str,
    *,
    source: str | os.PathLike[str],
    resolution: float | None = None,
    chunks: int = 1024,
) -> xr.Dataset:
    """A product over an area and a period as a Dask-backed Dataset; nothing is read until it is computed.

    The numbers are those of `swath map`, on one lattice: that of the zone in which the area's centre lies. If this
    process is connected to a Ray cluster, Dask computes there.

    Args:
        product: Shipped name, YAML file or Product.
        area: As of `swath map`; small enough for one zone.
        period: As of `swath map`.
        source: As of `swath map`.
        resolution: Edge of a pixel, metres; by default the product's.
        chunks: Edge of a chunk, pixels.

    Returns:
        Dims (time, y, x), a variable a band and `count`, of later inputs named as the map's layers, numbers with
        `scale`, `offset`, `nodata` and `unit` as attributes; `time` is the start of each step that has items.

    Raises:
        NoItemsError: The source has nothing there.
        ProductError, AreaError, PeriodError, SourceError: As `swath map`.
    """
    chosen = product if isinstance(product, Product) else Product.load(product)
    if resolution is not None:
        chosen = chosen.with_overrides([f"output.grid.resolution={resolution:g}"])
    request = MapRequest(
        product=chosen,
        area=area if isinstance(area, Area) else Area.parse(area),
        period=period if isinstance(period, Period) else Period.parse(period),
        source=os.fspath(source),
    )
    found = search_inputs(request)
    inputs = inputs_of(found)
    grid = grid_of(chosen, inputs.first)
    tile = area_tile(grid, request.area)
    frozen = io.BytesIO()
    freeze(items_of(found), frozen)
    items = FrozenItems.open(frozen.getvalue())
    table = ItemTable.of(items)
    specs = specs_of(chosen, inputs.collections)
    series = InputSteps.of(chosen, request.period, table, inputs.members(items), specs)
    rows = np.flatnonzero(series.keep).astype(np.int32)
    steps = [
        (step, [items.scenes(part.tolist()) for part in parts])
        for step, parts in series.cut(rows)
        if not series.lacking(parts)
    ]
    if not steps:
        raise no_items(request, [inputs.first.key], inputs.left_out)
    cubes = [_step(chosen, scenes, tile, specs, inputs.collections, chunks) for _, scenes in steps]
    times = np.array([step.start.replace(tzinfo=None) for step, _ in steps], dtype="datetime64[ns]")
    return xr.concat(
        cubes,
        dim=xr.Variable("time", times),
        coords="minimal",
        compat="override",
        join="override",
        combine_attrs="override",
    )


def _step(
    product: Product,
    scenes: Sequence[list[Scene]],
    tile: Tile,
    specs: Sequence[CubeSpec | None],
    collections: Sequence[Collection | None],
    chunks: int,
) -> xr.Dataset:
    """One step of all inputs, variables named as the map's layers; those of an input without scenes hold no data."""
    cube: xr.Dataset | None = None
    for number, (mine, spec, facts) in enumerate(zip(scenes, specs, collections, strict=True)):
        if spec is None or facts is None:
            continue
        if cube is None:
            cube = open_step(mine, tile, spec, collection=facts, chunks=chunks)
            continue
        names = {layer.made_of or layer.name: layer for layer in product.layers(*collections) if layer.input == number}
        if mine:
            made = open_step(mine, tile, spec, collection=facts, chunks=chunks)
            cube = cube.assign({layer.name: made[own] for own, layer in names.items()})
        else:
            known = layer_facts(spec, facts, observations=1)
            for own, layer in names.items():
                told = {key: value for key, value in known[own].to_dict().items() if value is not None}
                dtype, nodata = told.pop("dtype"), known[own].nodata or 0
                empty = full(tile.shape, nodata, dtype=dtype, chunks=chunks)
                cube = cube.assign({layer.name: (("y", "x"), empty, {**told, "grid_mapping": "spatial_ref"})})
    assert cube is not None
    return cube


def area_tile(grid: Grid, area: Area) -> Tile:
    """The box around an area as one tile, on the lattice of the zone of the area's centre."""
    centre = area.geometry.representative_point()
    near = grid.tile_of(centre.x, centre.y)
    turn = Transformer.from_crs("EPSG:4326", near.crs, always_xy=True).transform
    outline = shapely.segmentize(area.geometry, 0.01)
    left, bottom, right, top = shapely.transform(outline, turn, interleaved=False).bounds
    x0, y0 = near.bounds[0], near.bounds[3]
    first = np.floor((np.array([left, bottom]) - (x0, y0)) / EDGE_M) * EDGE_M + (x0, y0)
    last = np.ceil((np.array([right, top]) - (x0, y0)) / EDGE_M) * EDGE_M + (x0, y0)
    cols, rows = (int(n) for n in np.rint((last - first) / grid.resolution))
    affine = Affine(grid.resolution, 0.0, float(first[0]), 0.0, -grid.resolution, float(last[1]))
    return Tile(f"{area.name}", near.crs, affine, (rows, cols))
