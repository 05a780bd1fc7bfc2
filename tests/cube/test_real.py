from __future__ import annotations

import json
from datetime import datetime

import numpy as np
import pytest
import rasterio
from affine import Affine

from swath.cube import CubeSpec, compose, open_cube
from swath.grid.tiles import Tile
from swath.sources.facts import Band, BandKind, Collection, MaskRule
from swath.sources.scenes import Asset, Scene

pytestmark = pytest.mark.real
BANDS = ("b3", "b4", "b5")
DROP = (2, 3, 4, 255)


def landsat_facts() -> Collection:
    number = {"kind": BandKind.REFLECTANCE, "dtype": "int16", "nodata": -9999, "gsd": 30, "scale": 0.0001}
    bands = {name: Band(asset=name, saturated=16000, **number) for name in BANDS}
    bands["fmask"] = Band(asset="fmask", kind=BandKind.CLASSES, dtype="uint8", nodata=255, gsd=30)
    return Collection(
        key="series", title="series", source="data/README.md", verified=True, sensor="landsat", ids=("series",),
        bands=bands, masks=(MaskRule(band="fmask", drop=DROP),), grid="landsat",
    )  # fmt: skip


@pytest.fixture(scope="module")
def series(real_data):
    scenes = []
    for row, path in enumerate(sorted((real_data / "landsat-035032-series").glob("*/*.json"))):
        item = json.loads(path.read_text())
        assets = {name: Asset(str(path.parent / item["assets"][name]["href"])) for name in (*BANDS, "fmask")}
        when = datetime.fromisoformat(item["properties"]["datetime"])
        if when.year == 2010:
            scenes.append(
                Scene(row, item["id"], "series", "landsat", when, item["id"], 32613, tuple(item["bbox"]), 0, assets)
            )
    return scenes


@pytest.mark.filterwarnings("ignore:All-NaN")
def test_a_year_of_landsat_equals_a_plain_numpy_median_of_clear_values(series):
    tile = Tile("series", "EPSG:32613", Affine(30, 0, 336375, 0, -30, 4462425), (61, 61))
    facts = landsat_facts()
    stacks = {}
    for name in (*BANDS, "fmask"):
        stacks[name] = np.stack([rasterio.open(scene.assets[name].href).read(1) for scene in series])
    clear = ~np.isin(stacks["fmask"], DROP)
    for name in BANDS:
        clear &= (stacks[name] != -9999) & (stacks[name] != 16000)
    spec = CubeSpec(bands=BANDS, masks=facts.masks)
    made = compose(series, tile, spec, collection=facts)
    lazy = open_cube(series, tile, spec, collection=facts, reader="stackstac").compute(scheduler="threads")
    np.testing.assert_array_equal(made.count, clear.sum(0))
    for name in BANDS:
        want = np.nanmedian(np.where(clear, stacks[name], np.nan), axis=0)
        want = np.where(np.isnan(want), -9999, np.rint(want)).astype(np.int16)
        np.testing.assert_array_equal(made.layers[name], want)
        np.testing.assert_array_equal(lazy[name].values, want)
    assert len(series) > 10 and made.count.max() > 5
