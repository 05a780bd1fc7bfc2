"""Layers of the archive that serve every period: the surface model by granule, the climate normals by zone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from swath.synthetic import climate_layers, elevation, stac_scenes
from swath.synthetic.contents import Simulated
from swath.synthetic.files import write
from swath.synthetic.granules import Granule
from swath.synthetic.optical import HALO
from swath.synthetic.window import Window
from swath.synthetic.world import World


def write_elevation(world: World, root: Path, granule: Granule) -> dict[str, Any]:
    """Write the surface model of a granule; returns its item."""
    name = f"sim-dem_{granule.id}"
    folder = root / "archive" / Simulated.ELEVATION.collection / name
    folder.mkdir(parents=True)
    wide = granule.window.grown(HALO)
    whole = elevation.surface(world.seed, wide, world.ground(wide, elevation.YEAR))
    inner = slice(HALO // elevation.PIXEL, -HALO // elevation.PIXEL)
    data = np.ascontiguousarray(whole[inner, inner])
    total = write(folder / "elevation.tif", data, granule.window, elevation.PIXEL, nodata=elevation.NODATA, smooth=True)
    return stac_scenes.elevation(name, granule, total)


def write_climate(world: World, root: Path, squares: Sequence[Granule]) -> list[dict[str, Any]]:
    """Write the normals around the granules of each zone; returns their items."""
    found = []
    for epsg in sorted({square.window.epsg for square in squares}):
        windows = [square.window for square in squares if square.window.epsg == epsg]
        left, top = min(w.left for w in windows), max(w.top for w in windows)
        right, bottom = max(w.left + w.cols for w in windows), min(w.top - w.rows for w in windows)
        # a pixel more on each side, so that one may interpolate up to the edge
        around = Window(epsg, left, top, top - bottom, right - left).aligned(climate_layers.PIXEL)
        around = around.grown(climate_layers.PIXEL)
        zone = Granule(f"{epsg % 100:02d}{'s' if epsg > 32700 else 'n'}", around)
        name = f"sim-climate_{zone.id}"
        folder = root / "archive" / Simulated.CLIMATE.collection / name
        folder.mkdir(parents=True)
        total = write(
            folder / "climate.tif", climate_layers.layers(world.seed, around), around, climate_layers.PIXEL,
            nodata=climate_layers.NODATA, smooth=True, names=tuple(climate_layers.LAYERS),
        )  # fmt: skip
        found.append(stac_scenes.climate(name, zone, total))
    return found
