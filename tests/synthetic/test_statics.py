from datetime import date

import numpy as np
import pytest

from swath.synthetic import Surface, Window
from swath.synthetic.climate import climate, temperature
from swath.synthetic.climate_layers import LAYERS, PIXEL, layers
from swath.synthetic.elevation import YEAR, surface
from swath.synthetic.relief import relief


def coarse(values):
    rows, cols = values.shape
    return values.reshape(rows // 3, 3, cols // 3, 3).mean(axis=(1, 3))


@pytest.fixture(scope="module")
def model(world, site):
    ground = world.ground(site, YEAR)
    shape = relief(world.seed, site)
    return ground, surface(world.seed, site, ground), coarse(shape.at(shape.height, site))


def test_the_surface_model_stands_on_the_ground_and_carries_the_crowns(model):
    ground, top, bare = model
    trees = coarse(np.where(np.isin(ground.kinds, (1, 2)), ground.shares, 0).sum(-1) / 255.0)
    open_ = coarse((ground.kinds[..., 0] == Surface.GRASS) & (ground.shares[..., 0] == 255)) == 1
    above = top - bare
    assert abs(above[open_].mean()) < 0.2 and 0.5 < above[open_].std() < 1.2
    assert 4 < above[trees > 0.99].mean() < 20
    tall = coarse(ground.structure)[trees > 0.99]
    assert np.corrcoef(tall, above[trees > 0.99])[0, 1] > 0.8


def test_the_surface_model_is_the_same_in_any_window(world):
    whole, part = Window(32633, 45000, 570000, 96, 96), Window(32633, 45024, 569988, 48, 48)
    one, other = (surface(world.seed, w, world.ground(w, YEAR)) for w in (whole, part))
    assert np.array_equal(one[4:20, 8:24], other)


def test_normals_follow_the_climate_with_the_error_of_an_interpolation(world):
    wide = Window(32633, 300 * PIXEL, 5500 * PIXEL, 100 * PIXEL, 100 * PIXEL)
    found = dict(zip(LAYERS, layers(world.seed, wide), strict=True))
    place = climate(world.seed, *wide.degrees(PIXEL, centre=True))
    error = found["bio1"] - place.mean
    assert 0.2 < error.std() < 1.0 and abs(error.mean()) < 0.6
    wet = np.log(found["bio12"]) - 0.035 * np.clip(found["bio1"] - 10, -20, 16)  # without what heat does
    assert np.corrcoef(wet.ravel(), place.dry.ravel())[0, 1] < -0.2
    assert (found["bio5"] > found["bio1"]).all() and (found["bio6"] < found["bio1"]).all()
    assert 200 < found["bio12"].min() and found["bio12"].max() < 3000


def test_the_yearly_mean_of_days_is_the_normal(world):
    place = climate(world.seed, np.array([[15.0]]), np.array([[51.0]]))
    days = [temperature(world.seed, place, date(2000 + n % 20, 1 + n % 12, 1 + n % 28)).item() for n in range(720)]
    assert np.mean(days) == pytest.approx(place.mean.item(), abs=0.8)


def test_normals_are_the_same_in_any_window(world):
    whole = Window(32633, 460 * PIXEL, 5940 * PIXEL, 10 * PIXEL, 10 * PIXEL)
    part = Window(32633, 463 * PIXEL, 5938 * PIXEL, 4 * PIXEL, 5 * PIXEL)
    assert np.array_equal(layers(world.seed, whole)[:, 2:6, 3:8], layers(world.seed, part))


def test_a_desert_is_dry_and_the_equator_wet(world):
    windows = [Window(32633, 480 * PIXEL, top * PIXEL, 4 * PIXEL, 4 * PIXEL) for top in (2750, 60)]
    desert, equator = (dict(zip(LAYERS, layers(world.seed, window), strict=True)) for window in windows)
    assert desert["aridity"].mean() < 0.2 < 0.8 < equator["aridity"].mean()
