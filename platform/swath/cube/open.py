"""Composites as lazy cubes, for analysis: `open_cube`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import dask
import dask.array as da
import numpy as np
import xarray as xr
from numpy.typing import NDArray
from odc.geo.xr import xr_coords

from swath.cube.access import Sign
from swath.cube.adjust import check_mix
from swath.cube.composite import Composite, Reducer, assemble
from swath.cube.harmonise import band_of
from swath.cube.inputs import radius_of
from swath.cube.layers import check, layer_facts
from swath.cube.load import Reader, lazy_band, map_blocks, padded
from swath.cube.masks import dropped
from swath.cube.slots import Slots, slots_of
from swath.cube.spec import CubeSpec
from swath.errors import NoItemsError
from swath.grid.tiles import Tile
from swath.sources.facts import Band, Collection, MaskRule
from swath.sources.scenes import Scene

Array = NDArray[Any]


def use_ray_if_there() -> bool:
    """Let Dask compute on the Ray cluster that this process is connected to, if it is.

    Returns:
        Whether it does.
    """
    ray = sys.modules.get("ray")
    if ray is None or not ray.is_initialized():
        return False
    from ray.util.dask import ray_dask_get

    dask.config.set(scheduler=ray_dask_get)
    return True


def _drop_block(quality: Array, *, rule: MaskRule, band: Band, radius: int) -> Array:
    return np.stack([dropped(slot, rule, band, radius=radius) for slot in quality])


def _reduce_block(*blocks: Array, spec: CubeSpec, collection: Collection, slots: Slots, fields: np.dtype[Any]) -> Array:
    *bands, drops = blocks
    h, w = drops.shape[1:]
    reducer = Reducer(spec, collection)
    by_name = dict(zip(spec.bands, bands, strict=True))
    stacks = [np.stack([by_name[name] for name in group.bands], axis=1) for group in reducer.groups]
    out = reducer.outputs(h * w, slots.observations)
    flat = [stack.reshape(stack.shape[0], stack.shape[1], h * w) for stack in stacks]
    reducer.reduce(flat, np.ascontiguousarray(drops).reshape(-1, h * w), slots, out, 0, h * w)
    composite: Composite = assemble(reducer, out, (h, w), collection)
    table = np.empty((h, w), fields)
    for name in fields.names or ():
        table[name] = composite.layers[name]
    return table


def _column(table: Array, *, field: str) -> Array:
    return np.ascontiguousarray(table[field])


def open_cube(
    scenes: Sequence[Scene],
    tile: Tile,
    spec: CubeSpec,
    *,
    collection: Collection,
    reader: Reader = "odc",
    chunks: int = 1024,
    sign: Sign | None = None,
) -> xr.Dataset:
    """The composite of a tile as a lazy Dataset: the numbers of `compose`, computed when and where Dask is asked.

    On a Ray cluster, if this process is connected to one.

    Args:
        scenes: Of one time step, in any order.
        tile: Lattice.
        spec: Bands, masks, method; `on_missing` is `fail`: what is computed later cannot drop a date everywhere.
        collection: Facts of the scenes' collection.
        reader: Library that builds the graph.
        chunks: Edge of a chunk, pixels.
        sign: Turns an href into one that may be read.

    Returns:
        Dims (y, x), a variable a layer (bands, `day` with `best`, `count`, `flags`), facts as attributes.

    Raises:
        NoItemsError: No scenes.
        CollectionError, ProductError: The spec asks for what cannot be.
    """
    check(spec, collection)
    if not scenes:
        raise NoItemsError(f"Tile {tile.id} has no scenes.", fix="Choose a longer period.", tile=tile.id)
    check_mix((scene.platform for scene in scenes), spec, collection)
    use_ray_if_there()
    slots = slots_of(scenes, tile.crs)
    bands = [
        lazy_band(slots, tile, name, spec, collection=collection, reader=reader, chunks=chunks, sign=sign)
        for name in spec.bands
    ]
    drops: Any = da.zeros(bands[0].shape, chunks=bands[0].chunks, dtype=np.uint8)
    radius = radius_of(spec, tile)
    for rule in spec.masks:
        around = padded(tile, radius)
        # a mask that grows is taken whole, so that it grows across the edges of chunks
        edge = max(around.shape) if radius else chunks
        quality = lazy_band(
            slots, around, rule.band, spec, collection=collection, reader=reader, chunks=edge, sign=sign, rule=rule
        )
        drop = map_blocks(
            _drop_block,
            quality, rule=rule, band=band_of(collection, rule.band), radius=radius, dtype=np.uint8,
            meta=np.empty((0, 0, 0), np.uint8),
        )  # fmt: skip
        inner = drop[:, radius : radius + tile.shape[0], radius : radius + tile.shape[1]]
        drops = drops | inner.rechunk(bands[0].chunks)
    facts = layer_facts(spec, collection, observations=slots.observations)
    dtype = np.dtype([(name, fact.dtype) for name, fact in facts.items()])
    table = map_blocks(
        _reduce_block, *bands, drops, spec=spec, collection=collection, slots=slots, fields=dtype, drop_axis=0,
        chunks=bands[0].chunks[1:], dtype=dtype, meta=np.empty((0, 0), dtype),
    )  # fmt: skip
    variables = {
        name: (
            ("y", "x"),
            map_blocks(_column, table, field=name, dtype=fact.dtype, meta=np.empty((0, 0), fact.dtype)),
            {
                **{k: v for k, v in fact.to_dict().items() if v is not None and k != "dtype"},
                "grid_mapping": "spatial_ref",
            },
        )
        for name, fact in facts.items()
    }
    return xr.Dataset(
        variables, coords=dict(xr_coords(tile.geobox)), attrs={"tile": tile.id, "collection": collection.key}
    )
