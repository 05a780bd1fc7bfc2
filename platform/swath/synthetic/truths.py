"""The truth about a granule, written apart from the archive: land cover, clear reflectance, biomass."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date as Date
from pathlib import Path
from typing import Any

import numpy as np

from swath.synthetic import stac
from swath.synthetic.biomass import biomass
from swath.synthetic.contents import BIOMASS, CLEAR, COVER, SPECIES
from swath.synthetic.files import write
from swath.synthetic.granules import Granule
from swath.synthetic.habitat import CELL
from swath.synthetic.legend import BANDS
from swath.synthetic.optical import HALO, reflectance
from swath.synthetic.species import pool, suitability
from swath.synthetic.world import World

_SCHEMAS = ("projection/v2.0.0", "file/v2.1.0")
_INNER = slice(HALO, -HALO)


def _folder(root: Path, collection: str, name: str) -> Path:
    folder = root / "truth" / collection / name
    folder.mkdir(parents=True)
    return folder


def write_cover(world: World, root: Path, granule: Granule, year: int) -> dict[str, Any]:
    """Write a granule's land cover of a year; returns its item."""
    name = f"{granule.id}_{year}"
    folder = _folder(root, COVER, name)
    cover = np.ascontiguousarray(world.ground(granule.window.grown(HALO), year).cover[_INNER, _INNER])
    total = write(folder / "land_cover.tif", cover, granule.window, 1, nodata=0, smooth=False)
    asset = stac.raster("land_cover.tif", total, granule, 1, data_type="uint8", nodata=0)
    asset["classification:classes"] = stac.legend()
    schemas = stac.extensions(*_SCHEMAS, "classification/v1.1.0")
    return stac.item(name, COVER, granule, f"{year}-07-01T00:00:00Z", {}, {"land_cover": asset}, schemas)


def write_clear(world: World, root: Path, granule: Granule, days: Sequence[Date]) -> dict[str, Any]:
    """Write a granule's mean clear reflectance over the days seen; returns its item."""
    wide = granule.window.grown(HALO)
    seen = sorted(set(days))
    mean = np.zeros((len(BANDS), granule.window.rows, granule.window.cols), np.float32)
    for day in seen:
        mean += reflectance(world.seed, wide, world.ground(wide, day.year), day)[:, _INNER, _INNER]
    numbers = np.round(mean * np.float32(10000.0 / len(seen)) + 1000).astype(np.uint16)
    name = f"{granule.id}_mean"
    folder = _folder(root, CLEAR, name)
    total = write(folder / "reflectance.tif", numbers, granule.window, 1, nodata=0, smooth=True, names=BANDS)
    asset = stac.raster("reflectance.tif", total, granule, 1, data_type="uint16", nodata=0)
    asset |= {"bands": [{"name": band} for band in BANDS], "raster:scale": 0.0001, "raster:offset": -0.1}
    first, last = (f"{day:%Y-%m-%d}T00:00:00Z" for day in (seen[0], seen[-1]))
    span = {"start_datetime": first, "end_datetime": last}
    schemas = stac.extensions(*_SCHEMAS, "classification/v1.1.0", "raster/v2.0.0")
    return stac.item(name, CLEAR, granule, first, span, {"reflectance": asset}, schemas)


def write_biomass(world: World, root: Path, granule: Granule, year: int) -> dict[str, Any]:
    """Write a granule's biomass of a year, Mg/ha, and its conditional mean; returns its item."""
    wide = granule.window.grown(HALO)
    found = biomass(world.seed, wide, world.ground(wide, year), year)
    name = f"{granule.id}_{year}_biomass"
    folder = _folder(root, BIOMASS, name)
    assets = {}
    for key, layer in (("agb", found.agb), ("expected", found.expected)):
        data = np.ascontiguousarray(layer[_INNER, _INNER])
        total = write(folder / f"{key}.tif", data, granule.window, 1, nodata=-1.0, smooth=True)
        assets[key] = stac.raster(
            f"{key}.tif", total, granule, 1, data_type="float32", nodata=-1.0, unit="Mg/ha"
        )  # fmt: skip
    when = f"{year}-07-01T00:00:00Z"
    return stac.item(name, BIOMASS, granule, when, {}, assets, stac.extensions(*_SCHEMAS))


def write_species(world: World, root: Path, granule: Granule, year: int) -> dict[str, Any]:
    """Write the chance that each species lives in the cells of 100 m around a granule; returns its item."""
    cells = Granule(granule.id, granule.window.aligned(CELL))
    species = pool(world.seed)
    chance = suitability(world.seed, cells.window, world.ground(cells.window, year), species)
    name = f"{granule.id}_{year}_species"
    names = tuple(one.name for one in species)
    folder = _folder(root, SPECIES, name)
    total = write(folder / "suitability.tif", chance, cells.window, CELL, nodata=-1.0, smooth=True, names=names)
    asset = stac.raster("suitability.tif", total, cells, CELL, data_type="float32", nodata=-1.0)
    asset["bands"] = [{"name": word} for word in names]
    when = f"{year}-07-01T00:00:00Z"
    return stac.item(name, SPECIES, cells, when, {}, {"suitability": asset}, stac.extensions(*_SCHEMAS))
