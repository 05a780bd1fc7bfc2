"""Distances to the nearest point, and pixels without data."""

import numpy as np

from swath.models.applicability import DIMENSIONS
from swath.models.nearest import RUN, nearest


def test_every_pixel_gets_the_distance_of_the_nearest_of_all_points():
    rng = np.random.default_rng(0)
    pixels = rng.normal(size=(DIMENSIONS, 3 * RUN + 7)).astype(np.float32)
    points = rng.normal(size=(90, DIMENSIONS)).astype(np.float32)
    wanted = np.sqrt(((pixels.T[:, None] - points[None]).astype(np.float64) ** 2).sum(-1)).min(axis=1)
    np.testing.assert_allclose(nearest(pixels, points), wanted, rtol=1e-5)


def test_a_pixel_without_data_has_no_distance_and_changes_no_other():
    rng = np.random.default_rng(1)
    pixels = rng.normal(size=(DIMENSIONS, RUN + 5)).astype(np.float32)
    points = rng.normal(size=(20, DIMENSIONS)).astype(np.float32)
    whole = nearest(pixels, points)
    pixels[:, [0, 9, RUN + 4]] = np.nan
    found = nearest(pixels, points)
    assert np.flatnonzero(np.isnan(found)).tolist() == [0, 9, RUN + 4]
    there = ~np.isnan(found)
    np.testing.assert_array_equal(found[there], whole[there])
