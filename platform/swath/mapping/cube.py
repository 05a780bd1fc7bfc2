"""`swath.open_cube`: a product over an area as a lazy cube, for analysis in a notebook."""

from __future__ import annotations

import io
import os

import numpy as np
import shapely
import xarray as xr
from affine import Affine
from pyproj import Transformer

from swath.cube.open import open_cube as open_step
from swath.grid import Area, Grid, Period, Tile
from swath.planning.request import MapRequest
from swath.planning.searching import grid_of, no_items, searched
from swath.planning.steps import Steps
from swath.planning.table import ItemTable
from swath.products import Product
from swath.sources import FrozenItems, freeze

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
        Dims (time, y, x), a variable a band and `count`, numbers with `scale`, `offset`, `nodata` and `unit` as
        attributes; `time` is the start of each step that has items.

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
    facts, found = searched(request)
    grid = grid_of(chosen, facts)
    tile = area_tile(grid, request.area)
    frozen = io.BytesIO()
    freeze(found.items, frozen)
    items = FrozenItems.open(frozen.getvalue())
    table = ItemTable.of(items)
    rows = np.arange(len(items), dtype=np.int32)
    steps = [
        (step, items.scenes(mine.tolist()))
        for step, mine in Steps.of(request.period, table.times, table.observations).cut(rows)
        if len(mine)
    ]
    if not steps:
        raise no_items(request, [facts.key], found.left_out)
    spec = chosen.cube_spec(facts)
    cubes = [open_step(scenes, tile, spec, collection=facts, chunks=chunks) for _, scenes in steps]
    times = np.array([step.start.replace(tzinfo=None) for step, _ in steps], dtype="datetime64[ns]")
    return xr.concat(
        cubes,
        dim=xr.Variable("time", times),
        coords="minimal",
        compat="override",
        join="override",
        combine_attrs="override",
    )


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
