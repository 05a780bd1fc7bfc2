"""From scenes to what is read of them."""

from __future__ import annotations

import math

from swath.cube.adjust import line_of
from swath.cube.files import Source
from swath.cube.harmonise import band_of, nodata_of, shift_of
from swath.cube.masks import mask_fill
from swath.cube.spec import CubeSpec
from swath.errors import AssetMissingError
from swath.grid.tiles import Tile
from swath.sources.facts import Collection, MaskRule
from swath.sources.scenes import Scene


def source_of(
    scene: Scene, name: str, collection: Collection, spec: CubeSpec, *, rule: MaskRule | None = None
) -> Source:
    """One band of one scene as it is read.

    Raises:
        AssetMissingError: The item has no such asset.
        CollectionError: The collection has no such band.
    """
    band = band_of(collection, name)
    asset = scene.assets.get(name)
    if asset is None:
        raise AssetMissingError(
            f"Item {scene.id} has no asset for band {name}.",
            href=f"{scene.id}#{name}",
            fix="Leave the band out of the product, or its date (on_missing: skip).",
            item=scene.id,
            band=name,
        )
    return Source(
        href=asset.href,
        item=scene.id,
        name=name,
        band=band,
        index=asset.index,
        nodata=mask_fill(band, rule) if rule is not None else nodata_of(band, name),
        shift=0 if rule is not None else shift_of(scene, band),
        resampling=spec.band_resampling.get(name, spec.resampling),
        epsg=scene.epsg,
        line=None if rule is not None else line_of(scene.platform, band, spec),
    )


def radius_of(spec: CubeSpec, tile: Tile) -> int:
    """Pixels by which masks grow on a tile's lattice: rounded up."""
    return math.ceil(spec.dilate_m / tile.resolution - 1e-9)
