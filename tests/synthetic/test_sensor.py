from datetime import date, timedelta

import numpy as np
import pytest

from swath.synthetic import BANDS, Sky, Window, World
from swath.synthetic.optical import HALO, coarsen, reflectance
from swath.synthetic.orbits import Datatake
from swath.synthetic.sky import at, weather


def takes(world: World, window: Window, count: int, first: date = date(2023, 5, 1)) -> list[Datatake]:
    found: list[Datatake] = []
    day = first
    while len(found) < count:
        found += world.passes(window, day)
        day += timedelta(days=1)
    return found[:count]


@pytest.fixture(scope="module")
def images(world, site):
    return [(take, world.observe(take, site)) for take in takes(world, site, 24)]


def clear(world, site, take, band):
    wide = reflectance(world.seed, site.grown(HALO), world.ground(site.grown(HALO), take.date.year), take.date, (band,))
    return coarsen(wide, 1, HALO)[0]


def test_all_kinds_of_sky_appear(images):
    codes = set(np.unique(np.concatenate([image.sky.ravel() for _, image in images])).tolist())
    assert {Sky.CLEAR, Sky.SHADOW, Sky.THIN, Sky.OPAQUE, Sky.CIRRUS} <= codes


def test_the_providers_mask_misses_5_to_15_percent_of_the_cloud(images):
    cloud = np.concatenate([np.isin(image.sky, (Sky.THIN, Sky.OPAQUE, Sky.CIRRUS)).ravel() for _, image in images])
    told = np.concatenate([np.isin(image.scl, (1, 8, 9, 10)).ravel() for _, image in images])
    assert 0.05 < (cloud & ~told).sum() / cloud.sum() < 0.15
    assert 0 < (told & ~cloud).sum() / told.sum() < 0.10  # it invents some, too


def test_shadows_lie_away_from_the_sun_by_the_height_of_the_cloud(world):
    window = Window(32633, 45000, 570000, 400, 400)
    for take in takes(world, window, 12):
        sky = weather(take, window)
        low, shade = (at(layer, sky.window, window, 2) for layer in (sky.low, sky.shade))
        azimuth, elevation = (np.radians(float(v)) for v in take.sun(51.4))
        reach = sky.height / np.tan(elevation) / 20
        down, right = round(np.cos(azimuth) * reach), round(-np.sin(azimuth) * reach)
        inner = (slice(90, 110), slice(90, 110))
        if shade[inner].std() < 0.05:
            continue
        moved = np.roll(low, (down, right), axis=(0, 1))[inner]
        assert np.corrcoef(moved.ravel(), shade[inner].ravel())[0, 1] > 0.9
        return
    pytest.fail("no pass has clouds there")


def test_swath_edges_lie_inside_granules_and_no_data_is_zero(world):
    window = Window(32633, 43600, 570000, 1000, 1000)
    whole = [take.across(*window.degrees(40, centre=True)) for take in takes(world, window, 8)]
    assert any(0.05 < ((a >= 0) & (a <= 1)).mean() < 0.95 for a in whole)


def test_outside_the_swath_every_band_is_fill(world):
    for left in range(43600, 46500, 180):
        window = Window(32633, left, 570000, 60, 200)
        for take in [t for day in (2, 4, 5) for t in world.passes(window, date(2023, 6, day))]:
            image = world.observe(take, window)
            if 0.1 < image.seen < 0.9:
                outside = image.sky == Sky.NODATA
                assert (image.scl == 0).sum() == outside.sum() and (image.bands["B11"][outside] == 0).all()
                assert (image.bands["B11"][~outside] > 0).all()
                return
    pytest.fail("no swath edge found")


def test_both_makes_of_archive_hold_the_same_reflectance(images, world, site):
    seen = {}
    for take, image in images:
        good = np.kron(image.sky == Sky.CLEAR, np.ones((2, 2), bool))
        if good.mean() > 0.3:
            value = (image.bands["B08"].astype(float) - take.offset) / 1e4
            seen.setdefault(take.offset, []).append((value[good] - clear(world, site, take, "B08")[good]).mean())
    assert set(seen) == {0, 1000}
    assert all(abs(np.mean(errors)) < 0.02 for errors in seen.values())


def test_negative_reflectance_is_kept_where_the_offset_has_room_for_it(images):
    low = [(take.offset, image.bands["B12"][image.bands["B12"] > 0].min()) for take, image in images]
    assert any(offset == 1000 and smallest < 1000 for offset, smallest in low)
    assert all(smallest >= 1 for _, smallest in low)


def test_bright_cloud_saturates_and_is_marked(images):
    full = [(image.bands["B04"] == 65535, image.scl) for _, image in images]
    assert any(bright.any() for bright, _ in full)
    assert all((scl[bright[::2, ::2]] == 1).all() for bright, scl in full)


def test_a_sky_can_be_closed_on_request(world, site):
    assert world.observe(takes(world, site, 1)[0], site, overcast=True).cloud_cover > 70


def test_dates_are_shifted_by_at_most_a_third_of_a_pixel(images, world, site):
    shifts = np.array([take.shift for take, _ in images])
    assert np.abs(shifts).max() <= 0.3 and shifts.std() > 0.1
    take, image = next(
        (t, i) for t, i in images if (i.sky == Sky.CLEAR).mean() > 0.7 and abs(t.shift[1]) > 0.12 and i.seen == 1
    )
    truth = clear(world, site, take, "B08").astype(float)
    value = (image.bands["B08"].astype(float) - take.offset) / 1e4
    good = np.kron(image.sky == Sky.CLEAR, np.ones((2, 2), bool))[2:-2, 2:-2]
    down, right = (np.gradient(truth, axis=axis)[2:-2, 2:-2][good] for axis in (0, 1))
    columns = np.stack([down, right, np.ones(good.sum()), truth[2:-2, 2:-2][good]], 1)
    found = np.linalg.lstsq(columns, value[2:-2, 2:-2][good], rcond=None)[0]
    np.testing.assert_allclose(-found[:2], take.shift, atol=0.06)


def test_orbits_step_by_a_few_percent_where_swaths_meet(images, world, site):
    steps = {}
    for take, image in images:
        good = np.kron(image.sky == Sky.CLEAR, np.ones((2, 2), bool))
        if good.mean() > 0.3:
            value = (image.bands["B08"].astype(float) - take.offset) / 1e4
            steps.setdefault(take.orbit, []).append(value[good].mean() / clear(world, site, take, "B08")[good].mean())
    every = [ratio for ratios in steps.values() for ratio in ratios]
    assert 0.01 < max(every) - min(every) < 0.15


def test_bands_are_in_sentinel_2s_ranges(images):
    values = {band: [] for band in BANDS}
    for take, image in images:
        good = image.sky == Sky.CLEAR
        for band in BANDS:
            data = image.bands[band]
            data = data[::2, ::2] if data.shape != good.shape else data
            values[band].append((data[good].astype(float) - take.offset) / 1e4)
    means = {band: float(np.concatenate(v).mean()) for band, v in values.items()}
    assert 0.01 < means["B02"] < 0.10 and 0.15 < means["B08"] < 0.45 and means["B12"] < means["B11"]
