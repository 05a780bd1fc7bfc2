"""The lazy cube of a product has the numbers of its map."""

import numpy as np
import pytest
import rasterio

import swath
from support.command import swath as command

pytestmark = pytest.mark.real
AREA = "-106.92,40.28,-106.905,40.294"


def test_the_cube_equals_the_map(real_data, tmp_path):
    source = real_data / "landsat-035032-series" / "collection.json"
    cube = swath.open_cube("mosaic", AREA, "2009/2010/P1Y", source=source)
    assert cube.sizes["time"] == 2
    assert cube["b4"].chunks is not None
    code, _ = command(
        "map", "mosaic", "--area", AREA, "--period", "2009/2010/P1Y", "--source", source, "--store", tmp_path,
        "--cluster", "inline",
    )  # fmt: skip
    assert code == 0
    for band in ("b3", "b4", "b5", "count"):
        numbers = cube[band].compute(scheduler="threads")
        for year, ours in zip((2009, 2010), numbers.values, strict=True):
            (path,) = tmp_path.glob(f"mosaic/*/{year}/*/{band}.*.tif")
            with rasterio.open(path) as data:
                x, y = cube.x.values, cube.y.values
                window = rasterio.windows.from_bounds(x[0] - 15, y[-1] - 15, x[-1] + 15, y[0] + 15, data.transform)
                np.testing.assert_array_equal(ours, data.read(1, window=window))
