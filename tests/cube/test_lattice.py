from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer

from swath.cube.lattice import TIE, Lattice, Window, fit, lonlat, nearest_indices, nearest_map
from swath.cube.reach import reach


def lattice(x, y, step, rows=200, cols=200, crs="EPSG:32633"):
    return Lattice(crs, Affine(step, 0, x, 0, -step, y), rows, cols)


@settings(max_examples=60, deadline=None)
@given(st.integers(-60, 60), st.integers(-60, 60), st.sampled_from([10, 20, 30, 60]), st.sampled_from([0, 5, 15]))
def test_map_and_indices_agree_in_one_crs(dx, dy, step, off):
    file, tile = lattice(500_000 + dx * 10 + off, 4_000_000 + dy * 10 - off, step), lattice(500_000, 4_000_000, 10)
    window = Window(-5, 95, 3, 83)
    rows, cols = nearest_indices(file, tile, window)
    map_rows, map_cols = nearest_map(file, tile, window)
    inside = (map_rows >= 0) & (map_cols >= 0)
    want_rows, want_cols = np.meshgrid(rows, cols, indexing="ij")
    np.testing.assert_array_equal(map_rows[inside], want_rows[inside])
    np.testing.assert_array_equal(map_cols[inside], want_cols[inside])
    np.testing.assert_array_equal(inside, (want_rows >= 0) & (want_rows < 200) & (want_cols >= 0) & (want_cols < 200))


def test_a_window_is_mapped_as_its_tile_is():
    file = lattice(700_000, 5_900_000, 10, 900, 900, crs="EPSG:32632")
    tile = lattice(296_000, 5_897_000, 10, 300, 300)
    whole, part = Window(0, 300, 0, 300), Window(100, 240, 37, 200)
    for a, b in zip(nearest_map(file, tile, whole), nearest_map(file, tile, part), strict=True):
        np.testing.assert_array_equal(a[100:240, 37:200], b)
    assert (nearest_map(file, tile, whole)[0] >= 0).any()


def test_fit_knows_aligned_and_whole_ratios_only():
    tile = lattice(0, 0, 20)
    assert fit(lattice(-40, 40, 10), tile).fine == 2
    assert fit(lattice(-40, 40, 20), tile).fine == 1
    assert fit(lattice(-35, 40, 10), tile).fine == 0
    assert fit(lattice(0, 0, 15), tile).fine == 0
    assert fit(lattice(0, 0, 20, crs="EPSG:32632"), tile) is None


def test_the_tie_shift_is_millimetres_at_ten_metres_and_far_above_rounding():
    assert 1e-6 < TIE * 10 < 0.005


def test_reach_is_empty_for_files_that_do_not_meet_the_tile():
    tile = lattice(500_000, 4_000_000, 10)
    assert reach(lattice(600_000, 4_000_000, 10), tile).empty
    assert reach(lattice(500_500, 4_000_000, 10), tile) == Window(0, 200, 50, 200)
    assert not reach(lattice(1_040_000, 4_030_000, 10, 6000, 6000, crs="EPSG:32632"), tile).empty


PLACES = [
    # UTM, UTM in the south about 180 degrees, a world map of coarse pixels, Landsat's lattice far north
    ("EPSG:32633", (0.0, 0.0), 10, (-530_000, 30_000)),
    ("EPSG:32760", (0.0, 1e7), 10, (200_000, 81_000)),
    ("EPSG:6933", (0.0, 0.0), 1000, (-5_000, 17_200)),
    ("EPSG:32631", (15.0, 15.0), 30, (-300_000, 20_000)),
]


def part(crs, anchor, size, origin, rows=150, cols=170):
    top, left = origin
    affine = Affine(size, 0, anchor[0] + left * size, 0, -size, anchor[1] - top * size)
    return Lattice(crs, affine, rows, cols)


@pytest.mark.parametrize(("crs", "anchor", "size", "origin"), PLACES)
def test_degrees_of_pixels_are_those_of_their_centres(crs, anchor, size, origin):
    file = part(crs, anchor, size, origin)
    cols, rows = np.meshgrid(np.arange(170) + 0.5, np.arange(150) + 0.5)
    lon, lat = Transformer.from_crs(crs, "EPSG:4326", always_xy=True).transform(*(file.affine @ (cols, rows)))
    found = lonlat(file, origin)
    assert np.abs((found[0] - lon + 180) % 360 - 180).max() < 1e-5 and np.abs(found[1] - lat).max() < 1e-5
    assert found.dtype == np.float32 and np.abs(found[0]).max() <= 180


@pytest.mark.parametrize(("crs", "anchor", "size", "origin"), PLACES)
def test_a_pixel_has_the_same_degrees_whichever_tile_asks(crs, anchor, size, origin):
    whole = lonlat(part(crs, anchor, size, origin), origin)
    inside = (origin[0] + 37, origin[1] + 51)
    np.testing.assert_array_equal(
        lonlat(part(crs, anchor, size, inside, 64, 72), inside), whole[:, 37 : 37 + 64, 51 : 51 + 72]
    )


def test_beyond_the_edge_of_a_world_map_there_is_no_place():
    origin = (-7_350, 17_300)
    found = lonlat(part("EPSG:6933", (0.0, 0.0), 1000, origin, 20, 30), origin)
    assert np.isnan(found[1]).any() and np.nanmin(found[1]) > 80
