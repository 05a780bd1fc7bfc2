"""A scene: one frozen item, as light as a worker needs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Asset:
    """One raster file of a scene.

    Attributes:
        href: Absolute, unsigned.
        checksum: `file:checksum` if the item has it.
        index: Band of the file, from 1.
    """

    href: str
    checksum: str | None = None
    index: int = 1


@dataclass(frozen=True)
class Scene:
    """One item of the frozen table.

    Attributes:
        row: Row of the item in items.parquet.
        id: Item id.
        collection: Key of the collection's facts (`facts.collection(key)`).
        platform: Lower case with dashes, as `sentinel-2a`.
        datetime: Of the acquisition, UTC.
        observation: Platform and datatake. Scenes of one observation are one date of a cube.
        epsg: CRS code of the assets as the item says it, None if it does not; the file's header wins.
        bbox: (west, south, east, north), degrees; west > east over the antimeridian.
        dn_shift: Added to every valid number of the reflectance bands, so that all scenes of the
            collection share the scale and offset of its facts (SCIENCE.md, Sentinel-2 offset).
        assets: By band name of the facts; bands that the item lacks are absent.
        updated: `updated` of the item, for the resume key.
    """

    row: int
    id: str
    collection: str
    platform: str
    datetime: datetime
    observation: str
    epsg: int | None
    bbox: tuple[float, float, float, float]
    dn_shift: int
    assets: Mapping[str, Asset]
    updated: str | None = None
