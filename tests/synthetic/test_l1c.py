from datetime import date

import numpy as np
import pytest
import rasterio

from swath.synthetic import Sky, Surface, Window
from swath.synthetic.optical import reflectance
from swath.synthetic.orbits import OPTICAL
from swath.synthetic.spectra import ALL, PIXEL, spectra
from synthetic.edges import edge_of_a_swath


def values(take, numbers):
    return (numbers.astype(float) - take.offset) / 1e4


@pytest.fixture(scope="module")
def pairs(world, site, takes):
    """(pass, numbers at the top of the atmosphere, image at the surface) of several passes."""
    return [(t, world.observe_l1c(t, site), world.observe(t, site)) for t in takes(site, 14)]


def test_thirteen_bands_come_at_their_resolutions(pairs, site):
    _, bands, _ = pairs[0]
    assert tuple(bands) == ALL
    assert all(data.shape == (site.rows * 10 // PIXEL[band],) * 2 for band, data in bands.items())


def test_the_air_brightens_the_blue_and_leaves_the_short_waves(pairs, world, site):
    lifts = {"B02": [], "B04": [], "B12": []}
    for take, bands, image in pairs:
        good = image.sky == Sky.CLEAR
        if good.mean() < 0.3:
            continue
        for band, found in lifts.items():
            f = 1 if bands[band].shape == good.shape else 2
            top, below = (values(take, data[band])[::f, ::f][good].mean() for data in (bands, image.bands))
            found.append(top - below)
    blue, red, short = (np.mean(found) for found in lifts.values())
    assert 0.03 < blue < 0.10 and blue > red + 0.015 and abs(short) < 0.03


def test_water_vapour_swallows_the_cirrus_band_and_half_of_b09(pairs):
    for take, bands, image in pairs:
        clear = (image.sky == Sky.CLEAR).reshape(40, 3, 40, 3).all(axis=(1, 3))
        if clear.mean() > 0.3:
            assert values(take, bands["B10"])[clear].mean() < 0.006
            near = values(take, bands["B8A"]).reshape(40, 3, 40, 3).mean(axis=(1, 3))
            assert 0.2 < (values(take, bands["B09"])[clear] / near[clear]).mean() < 0.75


def test_the_cirrus_band_sees_thin_cirrus(world, takes):
    window = Window(32633, 45000, 570000, 240, 240)
    for take in takes(window, 40):
        image = world.observe(take, window)
        blocks = image.sky.reshape(40, 3, 40, 3)
        veil, clear = ((blocks == code).all(axis=(1, 3)) for code in (Sky.CIRRUS, Sky.CLEAR))
        if min(veil.sum(), clear.sum()) > 50:
            cirrus = values(take, world.observe_l1c(take, window)["B10"])
            assert cirrus[veil].mean() > 0.02 and cirrus[veil].mean() > 5 * cirrus[clear].mean()
            return
    pytest.fail("no pass has cirrus there")


def test_low_cloud_shows_where_the_surface_product_has_it(pairs):
    for take, bands, image in pairs:
        thick = image.sky == Sky.OPAQUE
        if 0.1 < thick.mean() < 0.9:
            top, below = (values(take, data["B11"]).ravel() for data in (bands, image.bands))
            assert np.corrcoef(top, below)[0, 1] > 0.97
            assert values(take, bands["B02"])[::2, ::2][thick].mean() > 0.35
            return
    pytest.fail("no pass has cloud there")


def test_both_makes_of_archive_hold_the_same_reflectance_at_the_top(pairs):
    found = {}
    for take, bands, image in pairs:
        if (image.sky == Sky.CLEAR).mean() > 0.7:
            good = image.sky == Sky.CLEAR
            found.setdefault(take.offset, []).append(values(take, bands["B11"])[good].mean())
    assert set(found) == {0, 1000}
    assert abs(np.mean(found[0]) - np.mean(found[1000])) < 0.03


def test_outside_the_swath_every_band_is_fill(world, takes):
    window, take = edge_of_a_swath(takes, OPTICAL)
    image, bands = world.observe(take, window), world.observe_l1c(take, window)
    outside = image.sky == Sky.NODATA
    assert ((bands["B11"] == 0) == outside).all()
    assert abs((bands["B10"] == 0).mean() - outside.mean()) < 0.03


def test_scenes_at_the_top_are_the_same_in_any_window(world, takes):
    whole, part = Window(32633, 45000, 570000, 96, 96), Window(32633, 45024, 569988, 48, 48)
    take = takes(part, 1)[0]
    one, other = world.observe_l1c(take, whole), world.observe_l1c(take, part)
    for band, data in other.items():
        f = PIXEL[band] // 10
        assert np.array_equal(one[band][12 // f : 60 // f, 24 // f : 72 // f], data), band


def test_the_red_edge_climbs_in_leaf_and_not_in_soil(world, plain):
    ground = world.ground(plain, 2023)
    bands = ("B05", "B06", "B07", "B8A")
    seen = reflectance(world.seed, plain, ground, date(2023, 6, 20), bands)
    pure = ground.shares[..., 0] == 255
    grass, road = (seen[:, pure & (ground.kinds[..., 0] == k)].mean(axis=1) for k in (Surface.GRASS, Surface.ROAD))
    assert grass[1] > 1.4 * grass[0] and grass[2] > 1.1 * grass[1]
    assert np.ptp(road) < 0.1
    assert (np.diff(spectra(ALL).green[Surface.WATER]) <= 0.012).all()


@pytest.mark.real
def test_the_bands_lie_near_those_of_a_real_scene(real_data, world, plain):
    folder = next((real_data / "sentinel-2-l1c").glob("S2A_*"))
    # the real one is of 2017-02-16, in a lowland of fields and forest, nearly clear
    passes = [take for day in range(1, 28) for take in world.passes(plain, date(2017, 2, day))]
    take = max(passes, key=lambda take: (world.observe(take, plain).sky == Sky.CLEAR).mean())
    for band, numbers in world.observe_l1c(take, plain).items():
        with rasterio.open(folder / f"{band}.tif") as file:
            real = file.read(1) / 1e4
        ours = values(take, numbers)
        assert 0.5 < np.median(ours) / np.median(real) < 2.0, band
        if band != "B10":  # which holds little but noise
            there, here = (np.corrcoef(data[:, 1:].ravel(), data[:, :-1].ravel())[0, 1] for data in (real, ours))
            assert abs(there - here) < 0.12, band
