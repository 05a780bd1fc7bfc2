"""The real Landsat series: a yearly mosaic equals a plain numpy median of clear values, pixel for pixel."""

import datetime as dt
import json
from collections import defaultdict

import numpy as np
import pytest
import rasterio

from support.command import swath

pytestmark = pytest.mark.real

BANDS = ("b3", "b4", "b5")
AREA = "-106.93,40.27,-106.90,40.30"


def clear_series(folder):
    """{year: (dates, bands, rows, columns) float with NaN where not clear}; a date counts if all bands are valid."""
    by_year = defaultdict(dict)
    for path in sorted(folder.glob("*/*.json")):
        item = json.loads(path.read_text())
        day = dt.datetime.fromisoformat(item["properties"]["datetime"])
        bands = []
        for band in BANDS:
            with rasterio.open(path.parent / f"{band}.tif") as data:
                bands.append(data.read(1).astype(float))
        with rasterio.open(path.parent / "fmask.tif") as data:
            mask = data.read(1)
        stack = np.array(bands)
        valid = np.isin(mask, (0, 1)) & (stack != -9999).all(0) & (stack != 16000).all(0)
        stack[:, ~valid] = np.nan
        by_year[day.year][(day, item["id"])] = stack
    return {year: np.array([scenes[key] for key in sorted(scenes)]) for year, scenes in by_year.items()}


@pytest.fixture(scope="module")
def mapped(real_data, tmp_path_factory):
    store = tmp_path_factory.mktemp("landsat")
    source = real_data / "landsat-035032-series" / "collection.json"
    code, result = swath(
        "map", "mosaic", "--area", AREA, "--period", "2008/2013/P1Y", "--source", source, "--store", store,
        "--set", "output.grid.name=landsat", "--cluster", "inline",
    )  # fmt: skip
    assert code == 0, result
    return store, result


def test_every_year_is_made(mapped):
    _, result = mapped
    assert result["units"]["done"] == 6
    assert result["units"]["failed"] == 0


@pytest.mark.parametrize("year", range(2008, 2014))
def test_the_mosaic_equals_the_numpy_median_of_clear_values(mapped, real_data, year):
    store, _ = mapped
    series = clear_series(real_data / "landsat-035032-series")[year]
    valid = np.isfinite(series[:, 0])
    (item_path,) = store.glob(f"mosaic/*/{year}/*/*.json")
    item = json.loads(item_path.read_text())

    def layer(name):
        with rasterio.open(item_path.parent / item["assets"][name]["href"]) as data:
            window = rasterio.windows.from_bounds(336375, 4460595, 338205, 4462425, data.transform)
            whole = data.read(1)
            rows, cols = window.round_offsets().round_lengths().toslices()
            return whole[rows, cols], whole

    count, whole = layer("count")
    np.testing.assert_array_equal(count, valid.sum(0))
    assert whole.sum() == count.sum()
    with np.errstate(all="ignore"):
        for i, band in enumerate(BANDS):
            values = np.where(valid.any(0), series[:, i], -9999)
            expected = np.rint(np.nanmedian(np.where(valid.any(0), values, -9999), axis=0))
            np.testing.assert_array_equal(layer(band)[0], expected)
