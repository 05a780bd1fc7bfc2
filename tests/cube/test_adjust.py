from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from swath.cube import CubeSpec, Method, check, check_mix, compose, load, open_cube
from swath.cube.adjust import family
from swath.errors import ProductError
from swath.sources import collection
from swath.sources.facts import MaskRule

LANDSAT = collection("usgs-landsat-c2-l2-sr")
SPEC = CubeSpec(bands=("red", "nir08"), adjust="roy-2016")


def scenes(maker, platforms, numbers):
    for n, (platform, number) in enumerate(zip(platforms, numbers, strict=True)):
        values = np.full((24, 30), number, np.uint16)
        values[0, 0] = 0
        file = maker.file(f"v{n}", values, resolution=30)
        maker.scenes[-1:] = [replace(maker.scene({"red": file, "nir08": file}), platform=platform)]
    return maker.scenes


@pytest.mark.parametrize(
    ("platform", "found"),
    [("landsat-5", "TM/ETM+"), ("landsat-7", "TM/ETM+"), ("landsat-9", "OLI"), ("sentinel-2a", None), ("", None)],
)
def test_a_platform_tells_its_instrument(platform, found):
    assert family(platform) == found


def test_tm_and_oli_are_not_mixed_without_named_coefficients(maker, make_tile):
    made = scenes(maker, ["landsat-7", "landsat-8"], [10_000, 10_000])
    with pytest.raises(ProductError, match=r"landsat-7 and landsat-8.*\n?.*roy-2016"):
        compose(made, make_tile(resolution=30), replace(SPEC, adjust="none"), collection=LANDSAT)
    with pytest.raises(ProductError, match="landsat-8"):
        open_cube(made, make_tile(resolution=30), replace(SPEC, adjust="none"), collection=LANDSAT)
    check_mix(["landsat-5", "landsat-7"], replace(SPEC, adjust="none"), LANDSAT)
    heat = CubeSpec(bands=("lwir11",))
    check_mix(["landsat-7", "landsat-8"], heat, collection("planetary-computer-landsat-c2-l2"))


def test_coefficients_move_tm_to_oli_and_leave_oli_alone(maker, make_tile):
    made = scenes(maker, ["landsat-7", "landsat-8"], [10_000, 12_000])
    first = compose(made, make_tile(resolution=30), replace(SPEC, method=Method.FIRST), collection=LANDSAT)
    reflectance = 10_000 * 0.0000275 - 0.2
    for band, slope, intercept in (("red", 0.9047, 0.0061), ("nir08", 0.8462, 0.0412)):
        want = (slope * reflectance + intercept + 0.2) / 0.0000275
        assert abs(int(first.layers[band][5, 5]) - want) <= 0.5
        assert first.layers[band][0, 0] == 0
    cube = load(made, make_tile(resolution=30), SPEC, collection=LANDSAT).compute(scheduler="sync")
    assert int(cube["red"][0, 5, 5]) == first.layers["red"][5, 5]
    assert int(cube["red"][1, 5, 5]) == 12_000


@pytest.mark.parametrize(
    ("key", "bands", "says"),
    [
        ("swath-simulated-optical", ("B04",), "is for Landsat"),
        (LANDSAT.key, ("coastal",), "no coefficients for coastal"),
    ],
)
def test_coefficients_that_do_not_fit_are_refused(key, bands, says):
    with pytest.raises(ProductError, match=says):
        check(CubeSpec(bands=bands, adjust="roy-2016"), collection(key))


def test_quality_bands_are_never_adjusted(maker, make_tile):
    made = scenes(maker, ["landsat-7"], [10_000])
    bits = maker.file("qa", np.full((24, 30), 1 << 6, np.uint16), resolution=30, nodata=1)
    made[0] = replace(made[0], assets={**made[0].assets, "qa_pixel": replace(made[0].assets["red"], href=str(bits))})
    spec = replace(SPEC, masks=(MaskRule(band="qa_pixel", drop_bits=(3, 4)),))
    assert compose(made, make_tile(resolution=30), spec, collection=LANDSAT).count[5, 5] == 1
