from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from swath.synthetic import Surface, Window
from swath.synthetic.optical import HALO
from swath.synthetic.orbits import RADAR_DOWN, RADAR_UP
from swath.synthetic.radar import backscatter, incidence, look
from swath.synthetic.relief import MESH, hidden
from swath.synthetic.speckle import LOOKS, NODATA
from synthetic.edges import edge_of_a_swath

MOUNTAIN = Window(32632, 75996, 529998, 300, 300)  # in the middle of a range


def decibels(power):
    return 10 * np.log10(power)


def pure(ground, *kinds):
    """Pixels that see one of the surfaces alone."""
    return np.isin(ground.kinds[..., 0], kinds) & (ground.shares[..., 0] == 255)


@pytest.fixture(scope="module")
def ground(world, plain):
    return world.ground(plain, 2023)


@pytest.fixture(scope="module")
def clear(world, plain, ground, takes):
    """Backscatter without speckle by month, ascending."""
    months = {}
    for month in range(1, 13):
        take = takes(plain, 1, RADAR_UP, date(2023, month, 5))[0]
        months[month] = backscatter(take, plain, ground).gamma0
    return months


@pytest.fixture(scope="module")
def image(world, site, takes):
    return world.observe_radar(takes(site, 1, RADAR_UP)[0], site)


@pytest.mark.parametrize("band", [0, 1])
def test_forest_backscatter_grows_with_biomass_and_saturates_near_100(world, plain, ground, takes, band):
    take, forest = takes(plain, 1, RADAR_UP)[0], pure(ground, Surface.BROADLEAF, Surface.CONIFER)
    means = {}
    for mass in (0, 25, 50, 100, 150, 300):
        stands = replace(ground, structure=np.full(forest.shape, mass, np.float32))
        means[mass] = backscatter(take, plain, stands).gamma0[band][forest].mean()
    rise = {mass: (value - means[0]) / (means[300] - means[0]) for mass, value in means.items()}
    assert decibels(means[300] / means[0]) > 3.0
    assert 0.4 < rise[25] < 0.6 and 0.65 < rise[50] < 0.80
    assert 0.90 < rise[100] < 0.96
    assert decibels(means[300] / means[150]) < 0.2


def test_water_is_dark_and_what_is_built_bright(ground, clear):
    vv = clear[6][0]
    levels = {kind: decibels(vv[pure(ground, kind)].mean()) for kind in (Surface.WATER, Surface.GRASS, Surface.ROOF)}
    assert levels[Surface.WATER] < -16 < -14 < levels[Surface.GRASS] < -9 < -6 < levels[Surface.ROOF]


def test_crops_move_with_the_season_and_forest_hardly(ground, clear):
    fields, forest = pure(ground, Surface.SUMMER_CROP), pure(ground, Surface.CONIFER)
    levels = {month: decibels(power[1][fields].mean()) for month, power in clear.items()}
    woods = [decibels(clear[month][1][forest].mean()) for month in range(4, 11)]
    assert np.mean([levels[m] for m in (7, 8, 9)]) > np.mean([levels[m] for m in (2, 3, 4, 11)]) + 3.0
    assert max(woods) - min(woods) < 0.8


def test_soil_moisture_moves_bare_fields_by_decibels_from_pass_to_pass(plain, ground, takes):
    fields = pure(ground, Surface.FALLOW, Surface.SUMMER_CROP)
    spring = takes(plain, 12, RADAR_UP, date(2023, 4, 10))
    levels = [decibels(backscatter(take, plain, ground).gamma0[0][fields].mean()) for take in spring]
    assert 1.5 < max(levels) - min(levels) < 8.0


def test_speckle_is_that_of_several_looks(image):
    ratio = (image.power["vv"] / image.truth.gamma0[0])[image.mask == 0].astype(float)
    assert ratio.mean() == pytest.approx(1.0, abs=0.02)
    assert 1 / ratio.var() == pytest.approx(LOOKS, rel=0.08)
    # a gamma distribution of L looks has the skewness 2 / sqrt(L)
    assert ((ratio - ratio.mean()) ** 3).mean() / ratio.std() ** 3 == pytest.approx(2 / np.sqrt(LOOKS), rel=0.25)


def test_speckle_of_neighbours_is_related_and_of_polarisations_is_not(image):
    vv, vh = (image.power[band] / image.truth.gamma0[n] for n, band in enumerate(("vv", "vh")))
    assert 0.4 < np.corrcoef(vv[:, 1:].ravel(), vv[:, :-1].ravel())[0, 1] < 0.55
    assert abs(np.corrcoef(vv[:, 3:].ravel(), vv[:, :-3].ravel())[0, 1]) < 0.03
    assert abs(np.corrcoef(vv.ravel(), vh.ravel())[0, 1]) < 0.03


def test_passes_up_and_down_have_days_hours_and_angles_of_their_own(site, takes):
    up, down = takes(site, 6, RADAR_UP), takes(site, 6, RADAR_DOWN)
    assert {take.date for take in up}.isdisjoint({take.date for take in down})
    assert all(15 < take.time.hour < 19 for take in up) and all(3 < take.time.hour < 7 for take in down)
    assert (look(up[0]), look(down[0])) == (78.0, 282.0)
    lon, lat = site.degrees(120)
    for take, first in ((up[0], 0), (down[0], -1)):  # the edge that the radar comes from is the near one
        across = incidence(take, lon, lat)[0]
        assert across[first] == across.min() < across.max()


def test_layover_lies_in_mountains_on_slopes_that_face_the_radar(world, plain, takes):
    wide = MOUNTAIN.aligned(MESH)
    for fleet in (RADAR_UP, RADAR_DOWN):
        take = takes(MOUNTAIN, 1, fleet)[0]
        way = np.radians(look(take))
        shape, unseen = hidden(world.seed, MOUNTAIN, look(take), incidence(take, *wide.degrees(MESH)))
        rise = shape.east * np.sin(way) + shape.north * np.cos(way)
        over = unseen[1] > 0
        assert 0.001 < over.mean() < 0.25
        assert rise[over].mean() > rise[~over].mean() + 0.3
    flat = np.full(plain.aligned(MESH).degrees(MESH)[0].shape, 38.0)
    assert hidden(world.seed, plain, 78.0, flat)[1].max() == 0


def test_shadow_lies_behind_what_stands_up_to_a_low_ray(world):
    wide = MOUNTAIN.aligned(MESH)
    flat = np.full(wide.degrees(MESH)[0].shape, 70.0)
    shape, unseen = hidden(world.seed, MOUNTAIN, 90.0, flat)
    dark = unseen[0] > 0
    assert 0.02 < dark.mean() < 0.6
    assert shape.east[dark].mean() < shape.east[~dark].mean() - 0.2  # it falls away from a radar in the west


def test_the_providers_mask_tells_layover_and_its_power_is_doubled(world, takes):
    take = takes(MOUNTAIN, 1, RADAR_UP)[0]
    found = world.observe_radar(take, MOUNTAIN)
    over = found.mask == 2
    assert over.mean() > 0.005
    assert found.power["vv"][over].mean() > 2 * found.power["vv"][found.mask == 0].mean()


def test_the_rim_of_the_swath_is_of_no_use_and_told(world, takes):
    window, take = edge_of_a_swath(takes, RADAR_UP)
    found = world.observe_radar(take, window)
    rim, outside = found.mask == 4, found.mask == 255
    assert (found.power["vv"][outside] == NODATA).all()
    assert (found.power["vv"][rim] <= 0).mean() > 0.2
    assert 2.5 < rim.sum(axis=1).mean() < 4.5  # 30 m, cut a little askew
    assert (found.power["vv"][found.mask == 0] > 0).all()


def test_radar_scenes_are_the_same_in_any_window(world, takes):
    whole, part = Window(32633, 45000, 570000, 96, 96), Window(32633, 45021, 569990, 48, 48)
    take = takes(part, 1, RADAR_DOWN)[0]
    one, other = world.observe_radar(take, whole), world.observe_radar(take, part)
    for band in ("vv", "vh"):
        assert np.array_equal(one.power[band][10:58, 21:69], other.power[band])
    assert np.array_equal(one.mask[10:58, 21:69], other.mask)
    assert HALO == 6  # the ground is asked with a halo, so that this holds at the edges too


def test_the_same_mountain_is_hidden_in_any_window(world, takes):
    part = Window(32632, MOUNTAIN.left + 81, MOUNTAIN.top - 67, 120, 120)
    take = takes(part, 1, RADAR_UP)[0]
    masks = [world.observe_radar(take, window).mask for window in (MOUNTAIN, part)]
    assert np.array_equal(masks[0][67:187, 81:201], masks[1]) and (masks[1] == 2).any()
