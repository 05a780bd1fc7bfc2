from datetime import date

import numpy as np
import pytest

from swath.synthetic import Cloud, Sky, Surface, Window
from swath.synthetic.atmosphere import air
from swath.synthetic.heat import brightness, radiance, seen_from_space, surface
from swath.synthetic.orbits import THERMAL_DAY, THERMAL_NIGHT
from swath.synthetic.thermal import REFLECTIVE, THERMAL, edges

CLOUDY = (Sky.THIN, Sky.OPAQUE, Sky.CIRRUS)


def kelvin(image, band="lwir11"):
    return image.bands[band] * 0.00341802 + 149.0


@pytest.fixture(scope="module")
def days(world, site, takes):
    return [(take, world.observe_thermal(take, site)) for take in takes(site, 24, THERMAL_DAY)]


@pytest.fixture(scope="module")
def nights(world, site, takes):
    return [(take, world.observe_thermal(take, site)) for take in takes(site, 24, THERMAL_NIGHT)]


def test_by_night_there_is_nothing_but_heat(days, nights):
    assert all(tuple(image.bands) == (*REFLECTIVE, *THERMAL) and not image.night for _, image in days)
    assert all(tuple(image.bands) == THERMAL and image.night and image.sun[1] < 0 for _, image in nights)
    assert not any((image.sky == Sky.SHADOW).any() or (image.qa_pixel & 16).any() for _, image in nights)


def test_pixels_lie_on_landsats_lattice(site):
    left, top, rows, cols = edges(site)
    assert left % 30 == 15 and top % 30 == 15
    assert site.left * 10 <= left and left + 30 * cols <= (site.left + site.cols) * 10 and rows == cols == 79


@pytest.mark.parametrize("when", ["days", "nights"])
def test_the_providers_mask_misses_5_to_15_percent_of_the_cloud(when, request):
    images = [image for _, image in request.getfixturevalue(when)]
    cloud = np.concatenate([np.isin(image.sky, CLOUDY).ravel() for image in images])
    told = np.concatenate([(image.qa_pixel & 12 > 0).ravel() for image in images])
    assert 0.05 < (cloud & ~told).sum() / cloud.sum() < 0.15
    assert 0 < (told & ~cloud).sum() / told.sum() < 0.12  # it invents some, too


@pytest.mark.parametrize("fleet", [THERMAL_DAY, THERMAL_NIGHT])
def test_opaque_cloud_is_colder_the_higher_it_stands(fleet, world, site, takes):
    ground = np.full((2, 1, 1), [[[290.0]], [[0.98]]])
    layers = tuple(np.full((1, 1), value) for value in (1.0, 15.0, -0.2))
    sky = tuple(np.full((1, 1), depth) for depth in (6.0, 0.0, 0.0))
    low, high = (seen_from_space("lwir11", ground, layers, sky, height).item() for height in (800.0, 2600.0))
    assert low - high == pytest.approx(6.5 * 1.8, rel=0.1)  # kelvin, by the lapse of the air
    apart = []
    for take in takes(site, 40, fleet):
        image = world.observe_thermal(take, site)
        thick, clear = image.sky == Sky.OPAQUE, image.sky == Sky.CLEAR
        if min(thick.mean(), clear.mean()) > 0.05:
            apart.append(kelvin(image)[clear].mean() - kelvin(image)[thick].mean())
    assert len(apart) > 1 and min(apart) > 1.0 and np.mean(apart) > 4.0


def test_cirrus_is_cold_and_colder_at_12_than_at_11_micrometres():
    ground = np.full((2, 1, 1), [[[290.0]], [[0.98]]])
    layers = tuple(np.full((1, 1), value) for value in (1.0, 15.0, 0.7))
    seen = {
        (band, depth): seen_from_space(
            band, ground, layers, tuple(np.full((1, 1), n) for n in (0.0, depth, 0.0)), 1500.0
        ).item()
        for band in THERMAL
        for depth in (0.0, 0.3)
    }
    assert 5.0 < seen["lwir11", 0.0] - seen["lwir11", 0.3] < 20.0
    apart = [seen["lwir11", depth] - seen["lwir12", depth] for depth in (0.0, 0.3)]
    assert apart[1] > apart[0] + 0.5


def test_water_is_cool_by_day_and_warm_by_night(world, plain, takes):
    ground = world.ground(plain, 2023)
    kinds = {kind: (ground.kinds[..., 0] == kind) & (ground.shares[..., 0] == 255) for kind in Surface}
    found = {}
    for fleet in (THERMAL_DAY, THERMAL_NIGHT):
        heat = surface(takes(plain, 1, fleet, date(2023, 7, 1))[0], plain, ground)[0]
        found[fleet] = {kind: heat[where].mean() for kind, where in kinds.items() if where.any()}
    day, night = found[THERMAL_DAY], found[THERMAL_NIGHT]
    assert day[Surface.FALLOW] > day[Surface.GRASS] > day[Surface.CONIFER]
    assert day[Surface.ROOF] > day[Surface.GRASS] + 3.0
    assert day[Surface.WATER] < day[Surface.GRASS] - 2.0
    assert night[Surface.WATER] > night[Surface.GRASS] + 3.0
    assert night[Surface.ROOF] > night[Surface.GRASS] + 2.0


def test_summer_is_warmer_than_winter_and_height_cools(world, site, plain, takes):
    ground = world.ground(plain, 2023)
    summer, winter = (
        surface(takes(plain, 1, THERMAL_DAY, date(2023, month, 5))[0], plain, ground)[0].mean() for month in (7, 1)
    )
    assert summer > winter + 12
    take = takes(plain, 1, THERMAL_DAY, date(2023, 7, 5))[0]
    valley, high = (air(take, window).warm.mean() for window in (plain, site))
    assert valley > high + 3.0


def test_numbers_carry_landsats_scales_and_zero_is_no_data(days, nights):
    for _, image in [*days, *nights]:
        seen = image.sky != Sky.NODATA
        assert all(((data > 0) == seen).all() for data in image.bands.values())
        assert ((image.qa_pixel == 1) == ~seen).all()
        assert (kelvin(image)[seen] > 225).all() and (kelvin(image)[seen] < 330).all()
    clear = [image for _, image in days if (image.sky == Sky.CLEAR).any()]
    means = {band: np.mean([i.bands[band][i.sky == Sky.CLEAR].mean() for i in clear]) for band in REFLECTIVE}
    value = {band: number * 2.75e-05 - 0.2 for band, number in means.items()}
    assert 0.08 < value["coastal"] < 0.15 and 0.15 < value["nir08"] < 0.45 and value["cirrus"] < 0.01


def test_brightness_is_the_inverse_of_radiance():
    warm = np.array([220.0, 273.15, 310.0])
    np.testing.assert_allclose(brightness("lwir11", radiance("lwir11", warm)), warm, rtol=1e-12)
    assert radiance("lwir11", np.array(300.0)) == pytest.approx(9.58, abs=0.1)  # W m-2 sr-1 um-1 at 10.9 um


def test_thermal_scenes_are_the_same_in_any_window(world, takes):
    whole, part = Window(32633, 45000, 570000, 120, 120), Window(32633, 45030, 569976, 60, 60)
    for fleet in (THERMAL_DAY, THERMAL_NIGHT):
        take = takes(part, 1, fleet)[0]
        one, other = world.observe_thermal(take, whole), world.observe_thermal(take, part)
        rows, cols = slice(8, 8 + 19), slice(10, 10 + 19)
        for band, data in other.bands.items():
            assert np.array_equal(one.bands[band][rows, cols], data), band
        assert np.array_equal(one.sky[rows, cols], other.sky)


def test_southern_zones_hold_the_same_pixels(world, takes):
    south, north = Window(32733, 45000, 650000, 60, 60), Window(32633, 45000, 650000 - 1_000_000, 60, 60)
    take = takes(south, 1, THERMAL_DAY)[0]
    for band, data in world.observe_thermal(take, south).bands.items():
        same = world.observe_thermal(take, north).bands[band]
        # noise is drawn by the lattice's numbers, which differ
        assert np.abs(same.astype(int) - data).mean() < 0.02 * data.mean()


def test_snow_is_a_class_of_the_truth_where_it_lies(world, takes):
    north = Window(32634, 45000, 730000, 120, 120)
    images = [world.observe_thermal(take, north) for take in takes(north, 6, THERMAL_DAY, date(2023, 3, 1))]
    codes = np.concatenate([image.clouds.ravel() for image in images])
    assert (codes == Cloud.SNOW).mean() > 0.05
    summer = [world.observe_thermal(take, north) for take in takes(north, 3, THERMAL_DAY, date(2023, 7, 10))]
    assert (np.concatenate([image.clouds.ravel() for image in summer]) == Cloud.SNOW).mean() < 0.01
