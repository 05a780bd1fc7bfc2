from __future__ import annotations

import numpy as np
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st

from swath.cube.lattice import TIE, Lattice, Window, fit, nearest_indices, nearest_map
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
