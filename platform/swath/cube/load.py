"""Lazy cubes: (time, y, x) on a tile's lattice, through odc-stac or stackstac."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import dask.array as da
import numpy as np
import pystac
import xarray as xr
from affine import Affine
from numpy.typing import NDArray
from odc.geo.xr import xr_coords
from rasterio.warp import transform_bounds
from shapely.geometry import box, mapping

from swath.cube.access import Access, Sign
from swath.cube.files import Source
from swath.cube.harmonise import band_of, nodata_of
from swath.cube.inputs import source_of
from swath.cube.layers import check
from swath.cube.lazy_reader import LazySources, OdcDriver, StackReaders, source_name
from swath.cube.reader import tile_lattice
from swath.cube.slots import Slots, slots_of
from swath.cube.spec import CubeSpec, Method
from swath.errors import NoItemsError, ProductError
from swath.grid.tiles import Tile
from swath.sources.facts import Collection, MaskRule
from swath.sources.scenes import Scene

Array = NDArray[Any]
Reader = Literal["odc", "stackstac"]

#: Dask annotates some of its functions and not others; its arrays are Any here.
map_blocks: Any = da.map_blocks


def padded(tile: Tile, pixels: int) -> Tile:
    """A tile with so many more pixels on each side."""
    if pixels == 0:
        return tile
    rows, cols = tile.shape
    affine = tile.affine @ Affine.translation(-pixels, -pixels)
    return replace(tile, affine=affine, shape=(rows + 2 * pixels, cols + 2 * pixels))


def _item(slot: int, scene: Scene, bands: Sequence[str], tile: Tile) -> pystac.Item:
    """A scene as the libraries take it: assets are names of our sources.

    Its footprint is the tile's own: which pixels a file covers is found in its header, never in the item's bbox, which
    may cut a corner.
    """
    west, south, east, north = transform_bounds(tile.crs, "EPSG:4326", *tile.bounds, densify_pts=21)
    if west > east:
        west, east = -180.0, 180.0
    item = pystac.Item(
        f"{slot:05}",
        mapping(box(west, south, east, north)),
        [west, south, east, north],
        scene.datetime,
        {},
        collection="swath",
    )
    for band in bands:
        item.add_asset(band, pystac.Asset(source_name(slot, band), roles=["data"], media_type="image/tiff"))
    return item


def _through_odc(
    items: list[pystac.Item], sources: LazySources, tile: Tile, band: str, dtype: str, fill: float, chunks: int
) -> Any:
    import odc.stac

    config = {"swath": {"assets": {"*": {"data_type": dtype, "nodata": fill}}, "warnings": "ignore"}}
    cube = odc.stac.load(
        items,
        bands=[band],
        geobox=tile.geobox,
        chunks={"x": chunks, "y": chunks},
        groupby=lambda item, parsed, index: index,
        dtype=dtype,
        stac_cfg=config,
        driver=OdcDriver(sources),
    )
    return cube[band].data


def _through_stackstac(
    items: list[pystac.Item], sources: LazySources, tile: Tile, band: str, dtype: str, fill: float, chunks: int
) -> Any:
    import stackstac

    kind = np.dtype(dtype)
    cube = stackstac.stack(
        [item.to_dict(include_self_link=False, transform_hrefs=False) for item in items],
        assets=[band],
        epsg=int(tile.crs.rpartition(":")[2]),
        resolution=tile.resolution,
        bounds=tile.bounds,
        snap_bounds=False,
        dtype=kind,
        fill_value=kind.type(fill),
        rescale=False,
        sortby_date=False,
        chunksize=chunks,
        xy_coords=False,
        properties=False,
        band_coords=False,
        errors_as_nodata=(),
        reader=StackReaders(sources),
    )
    return cube.data[:, 0]


def lazy_band(
    slots: Slots,
    tile: Tile,
    name: str,
    spec: CubeSpec,
    *,
    collection: Collection,
    reader: Reader,
    chunks: int,
    sign: Sign | None,
    rule: MaskRule | None = None,
) -> Any:
    """One band of all scenes, unmerged: (S, y, x), harmonised, one chunk over the scenes.

    Args:
        slots: Scenes in their order.
        tile: Lattice; a padded one for masks that grow.
        name: Of the band.
        spec: Resampling.
        collection: Facts.
        reader: Library that builds the graph.
        chunks: Edge of a chunk, pixels.
        sign: Of hrefs.
        rule: Of a mask band: decides what fills it.

    Raises:
        AssetMissingError: A scene has no such asset.
    """
    sources: dict[str, Source] = {}
    for slot, scene in enumerate(slots.scenes):
        sources[source_name(slot, name)] = source_of(scene, name, collection, spec, rule=rule)
    some = next(iter(sources.values()))
    lazy = LazySources(sources, tile_lattice(tile), Access.of(collection, sign))
    items = [_item(slot, scene, [name], tile) for slot, scene in enumerate(slots.scenes)]
    through = {"odc": _through_odc, "stackstac": _through_stackstac}
    if reader not in through:
        raise ProductError(f"There is no reader {reader!r}.", fix=f"Choose from {', '.join(through)}.")
    return through[reader](items, lazy, tile, name, some.band.dtype, some.nodata, chunks).rechunk({0: -1})


def _winner(*stacks: Array, nodata: tuple[float, ...], observation: NDArray[np.int64], observations: int) -> Array:
    """(T, y, x) int16: the first slot of each observation at which all bands have data, -1 where none has."""
    won = np.full((observations, *stacks[0].shape[1:]), -1, np.int16)
    for slot in range(stacks[0].shape[0]):
        valid = np.ones(won.shape[1:], bool)
        for stack, absent in zip(stacks, nodata, strict=True):
            values = stack[slot]
            valid &= (values != values.dtype.type(absent)) & (values == values)
        place = won[observation[slot]]
        place[valid & (place < 0)] = slot
    return won


def _merged(stack: Array, won: Array, *, nodata: float) -> Array:
    taken = np.take_along_axis(stack, np.maximum(won, 0).astype(np.intp), axis=0)
    taken[won < 0] = stack.dtype.type(nodata)
    return taken


def load(
    scenes: Sequence[Scene],
    tile: Tile,
    spec_or_bands: CubeSpec | Sequence[str],
    *,
    collection: Collection,
    reader: Reader = "odc",
    chunks: int = 1024,
    sign: Sign | None = None,
) -> xr.Dataset:
    """A Dask-backed cube of the scenes of a tile, harmonised, unmasked.

    Scenes of one observation are merged: at each pixel the first (same CRS first, then by id) that has data in all of
    the spec's bands; its mask bands come with it.

    Args:
        scenes: In any order.
        tile: Lattice.
        spec_or_bands: Bands and mask bands of a spec, or names of bands.
        collection: Facts of the scenes' collection.
        reader: Library that builds the graph; both give the same pixels.
        chunks: Edge of a chunk, pixels.
        sign: Turns an href into one that may be read; as the facts say unless given.

    Returns:
        Dims (time, y, x), a variable a band in the band's dtype, attributes nodata, scale, offset, unit; coordinate
        `observation` along time.

    Raises:
        NoItemsError: No scenes.
        CollectionError: A band that the collection lacks.
        AssetMissingError: A scene without one of the bands.
    """
    if isinstance(spec_or_bands, CubeSpec):
        spec = spec_or_bands
    else:
        # any reduction would do: nothing is reduced; first is allowed for classes too
        spec = CubeSpec(bands=tuple(spec_or_bands), method=Method.FIRST)
    check(spec, collection)
    if not scenes:
        raise NoItemsError(f"Tile {tile.id} has no scenes.", fix="Choose a longer period.", tile=tile.id)
    slots = slots_of(scenes, tile.crs)
    rules = {rule.band: rule for rule in spec.masks if rule.band not in spec.bands}
    stacks = {
        name: lazy_band(
            slots,
            tile,
            name,
            spec,
            collection=collection,
            reader=reader,
            chunks=chunks,
            sign=sign,
            rule=rules.get(name),
        )
        for name in (*spec.bands, *rules)
    }
    fills = {name: source_of(slots.scenes[0], name, collection, spec, rule=rules.get(name)).nodata for name in stacks}
    if slots.observations < len(slots.scenes):
        bands = [stacks[name] for name in spec.bands]
        shape = ((slots.observations,), *bands[0].chunks[1:])
        won = map_blocks(
            _winner,
            *bands,
            nodata=tuple(nodata_of(band_of(collection, name), name) for name in spec.bands),
            observation=slots.observation,
            observations=slots.observations,
            chunks=shape,
            dtype=np.int16,
            meta=np.empty((0, 0, 0), np.int16),
        )
        stacks = {
            name: map_blocks(
                _merged, stack, won, nodata=fills[name], chunks=shape, dtype=stack.dtype,
                meta=np.empty((0, 0, 0), stack.dtype),
            )
            for name, stack in stacks.items()
        }  # fmt: skip
    coords: dict[Any, Any] = dict(xr_coords(tile.geobox))
    coords["time"] = ("time", np.array([moment.replace(tzinfo=None) for moment in slots.times], "datetime64[ns]"))
    coords["observation"] = ("time", list(slots.names))
    variables = {}
    for name, stack in stacks.items():
        band = band_of(collection, name)
        attributes = {"nodata": fills[name], "scale": band.scale, "offset": band.offset, "unit": band.unit}
        variables[name] = (("time", "y", "x"), stack, {**attributes, "grid_mapping": "spatial_ref"})
    return xr.Dataset(variables, coords=coords, attrs={"tile": tile.id, "collection": collection.key})
