import threading
from datetime import date

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from pyproj import Transformer

from swath.errors import CollectionError, GridError
from swath.synthetic import CLASS_NAMES, Window, World, land
from swath.synthetic.files import affine

JUNE = date(2023, 6, 10)


def box(window: Window, factor: int = 1) -> GeoBox:
    shape = (window.rows // factor, window.cols // factor)
    return GeoBox(shape, affine(window, factor), f"EPSG:{window.epsg}")


@settings(max_examples=6, deadline=None)
@given(top=st.integers(0, 40), left=st.integers(0, 40))
def test_any_window_gives_the_same_bytes(world, top, left):
    whole = Window(32633, 45003, 570001, 96, 96)
    part = Window(32633, 45003 + left, 570001 - top, 48, 54)
    rows, cols = slice(top, top + 48), slice(left, left + 54)
    for year in (2023,):
        assert np.array_equal(world.landcover(box(whole), year)[rows, cols], world.landcover(box(part), year))
    assert np.array_equal(world.reflectance(box(whole), JUNE)[:, rows, cols], world.reflectance(box(part), JUNE))
    assert np.array_equal(world.elevation(box(whole))[rows, cols], world.elevation(box(part)))


def test_coarse_pixels_are_the_same_in_any_window(world):
    whole, part = Window(32633, 45000, 570000, 96, 96), Window(32633, 45024, 569988, 48, 48)
    for factor in (2, 6):
        a = world.reflectance(box(whole, factor), JUNE)[:, 12 // factor : 60 // factor, 24 // factor : 72 // factor]
        assert np.array_equal(a, world.reflectance(box(part, factor), JUNE))


def test_clouds_and_noise_are_the_same_in_any_window(world):
    whole, part = Window(32633, 45000, 570000, 96, 96), Window(32633, 45020, 569990, 48, 48)
    take = world.passes(part, date(2023, 6, 2))[0]
    one, other = world.observe(take, whole), world.observe(take, part)
    for band in ("B04", "B12"):
        f = len(one.bands[band]) and 96 // len(one.bands[band])
        cut = one.bands[band][10 // f : 58 // f, 20 // f : 68 // f]
        assert np.array_equal(cut, other.bands[band])
    assert np.array_equal(one.scl[5:29, 10:34], other.scl)
    assert np.array_equal(one.sky[5:29, 10:34], other.sky)


def test_the_order_of_questions_and_threads_do_not_matter(world):
    window = Window(32733, 45000, 650000, 48, 48)
    first = world.reflectance(box(window), JUNE)
    fresh, found = World(world.seed), []
    fresh.landcover(box(Window(32612, 30000, 400000, 48, 48)), 2019)
    threads = [threading.Thread(target=lambda: found.append(fresh.reflectance(box(window), JUNE))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(first, other) for other in found)


def test_another_seed_is_another_world(world, site):
    assert (World(8).landcover(box(site), 2023) != world.landcover(box(site), 2023)).mean() > 0.3


@pytest.mark.parametrize(("lon", "lat", "zones"), [(12.0, 51.43, (32632, 32633)), (179.999, -17.0, (32760, 32701))])
def test_the_same_ground_agrees_in_two_zones(world, lon, lat, zones):
    kinds, points = [], None
    for epsg in zones:
        to = Transformer.from_crs(4326, epsg, always_xy=True)
        x, y = to.transform(lon, lat)
        window = Window(epsg, int(x // 10) - 40, int(y // 10) + 40, 80, 80)
        wide, fine, _ = land.fine(world.seed, window, 2023)
        if points is None:
            offset = np.linspace(-200, 200, 60)
            back = Transformer.from_crs(epsg, 4326, always_xy=True)
            points = back.transform(*np.meshgrid(x + offset, y + offset))
        east, north = to.transform(*points)
        i = np.floor((wide.top * 10 - np.asarray(north)) / 2.5).astype(int)
        j = np.floor((np.asarray(east) - wide.left * 10) / 2.5).astype(int)
        kinds.append(fine[i, j])
    assert (kinds[0] == kinds[1]).mean() > 0.93  # what differs lies within 2.5 m of a border
    assert len(np.unique(kinds[0])) > 1


PLACES = [(45000, 570000), (52000, 620000), (60000, 590000), (35000, 500000), (50000, 540000), (40000, 610000)]


@pytest.fixture(scope="module")
def grounds(world) -> list[land.Ground]:
    return [land.ground(world.seed, Window(32633, x, y, 240, 240), 2023) for x, y in PLACES]


def test_more_than_a_tenth_of_the_pixels_is_mixed(grounds):
    mixed = []
    for ground in grounds:
        codes = land.WORLDCOVER[ground.kinds]
        mixed.append((np.where(codes == codes[..., :1], ground.shares, 0).sum(-1) < 0.9 * 255).mean())
    assert np.mean(mixed) > 0.10


def test_the_legend_is_worldcovers_and_one_class_is_rare(grounds):
    codes, counts = np.unique(np.concatenate([ground.cover.ravel() for ground in grounds]), return_counts=True)
    shares = dict(zip(codes.tolist(), (counts / counts.sum()).tolist(), strict=True))
    assert set(shares) <= set(CLASS_NAMES)
    assert {10, 20, 30, 40, 50, 60, 80, 90} <= set(shares)
    assert 0 < min(shares.values()) < 0.01


def test_the_point_spread_of_coarse_pixels_keeps_the_mean(world):
    window = Window(32633, 45000, 570000, 240, 240)
    means = [world.reflectance(box(window, f), JUNE).mean(axis=(1, 2)) for f in (1, 2, 6)]
    np.testing.assert_allclose(means[1], means[0], rtol=0.02)
    np.testing.assert_allclose(means[2], means[0], rtol=0.04)


def test_real_change_is_between_a_tenth_and_one_percent_a_year(world):
    window = Window(32633, 45000, 570000, 400, 400)
    early, late = world.landcover(box(window), 2012), world.landcover(box(window), 2024)
    assert 0.001 < (early != late).mean() / 12 < 0.01


def test_a_grid_without_pixels_is_refused(world):
    with pytest.raises(GridError, match="EPSG:6933"):
        world.reflectance(GeoBox((8, 8), affine(Window(32633, 0, 0, 8, 8), 1), "EPSG:6933"), JUNE)
    with pytest.raises(GridError, match="multiples of 10 m"):
        world.landcover(GeoBox((8, 8), Affine(10, 0, 5, 0, -10, 85), "EPSG:32633"), 2023)
    with pytest.raises(CollectionError, match="B99"):
        world.reflectance(box(Window(32633, 45000, 570000, 6, 6)), JUNE, ("B99",))
