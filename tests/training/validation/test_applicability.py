"""The area of applicability of Meyer and Pebesma (2021), by hand and on more pixels than a map can be held against."""

from datetime import date

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import Transformer

from swath.errors import LabelError
from swath.synthetic.world import World
from swath.training.validation.applicability import PixelTable, fit_applicability, mean_distance, whisker


def fitted(features, fold, **given):
    table = PixelTable(np.asarray(features, np.float32), np.asarray(fold))
    bands = tuple(range(len(table.features)))
    return fit_applicability(table, given.pop("held", None), **{"bands": bands, "spread": False, **given})


def test_index_and_threshold_are_those_of_the_paper_by_hand():
    # Values 0, 1 of one fold and 3, 10 of another. Distances of pairs: 1, 3, 10, 2, 9, 7, mean 16/3. To the nearest of
    # the other fold: 3, 2, 2, 9, so indices 9/16, 6/16, 6/16, 27/16. Quartiles 6/16 and 13.5/16: up to 24.75/16 is no
    # outlier, so that 27/16 is one and the threshold is 9/16. Standardising changes no index of one feature.
    found = fitted([[0, 1, 3, 10]], [0, 0, 1, 1])
    assert found.told.threshold == pytest.approx(9 / 16, rel=1e-6)
    index = found.of_features(np.array([[5, 6.9, -2, 3]], np.float32))
    np.testing.assert_allclose(index, np.array([2, 3.1, 2, 0]) * 3 / 16, rtol=1e-5, atol=1e-6)
    assert (index <= found.told.threshold).tolist() == [True, False, True, True]


def test_features_are_standardised_then_weighted():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(3, 60)) * np.array([[1], [100], [0.01]]) + 7
    fold, weights = np.arange(60) % 3, np.array([1.0, 0.5, 2.0])
    found = fitted(features, fold, weights=tuple(weights))
    scaled = (features - features.mean(axis=1, keepdims=True)) / features.std(axis=1, keepdims=True) * weights[:, None]
    away = np.linalg.norm(scaled[:, :, None] - scaled[:, None], axis=0)
    assert found.told.mean_distance == pytest.approx(away[np.triu_indices(60, 1)].mean(), rel=1e-5)
    apart = np.where(fold[:, None] == fold[None], np.inf, away).min(axis=1) / found.told.mean_distance
    assert found.told.threshold == pytest.approx(whisker(apart), rel=1e-4)


def test_a_feature_that_never_changes_says_nothing():
    rng = np.random.default_rng(0)
    features = np.stack([rng.normal(size=40), np.full(40, 3.0)])
    found = fitted(features, np.arange(40) % 2)
    one, other = found.of_features(np.array([[0, 0], [3, 900]], np.float32))
    assert one == other


def clusters(number, centre, *, dims=6, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(dims, number)) + np.reshape(centre, (-1, 1))).astype(np.float32)


def test_few_points_say_nearly_what_all_pixels_say():
    # places of a fold share a mean of their own, as land does
    fold = np.repeat(np.arange(4), 1000)
    features = clusters(4000, np.zeros(6)) + np.random.default_rng(5).normal(0, 0.5, (6, 4))[:, fold].astype(np.float32)
    held = np.concatenate([clusters(500, np.zeros(6), seed=1), clusters(500, np.full(6, 4.0), seed=2)], axis=1)
    found = fitted(features, fold, held=held, points=256)
    assert found.told.points == pytest.approx(256, abs=2)
    assert found.told.agreement > 0.95
    inside = found.of_features(held) <= found.told.threshold
    assert inside[:500].mean() > 0.9
    assert inside[500:].mean() < 0.1
    assert found.told.within == pytest.approx(inside.mean(), abs=1e-9)


def test_every_pixel_is_a_point_where_there_are_few():
    found = fitted(clusters(100, np.zeros(6)), np.arange(100) % 2, held=clusters(50, np.zeros(6), seed=1))
    assert found.told.points == 100
    assert found.told.agreement == 1.0


def test_many_features_become_seven_components_and_what_these_leave():
    rng = np.random.default_rng(3)
    low = rng.normal(size=(5, 500))
    features = rng.normal(size=(20, 5)) @ low + rng.normal(0, 0.05, (20, 500))
    found = fitted(features, np.arange(500) % 3)
    assert found.told.components == 7
    assert found.told.variance > 0.99
    seen = features[:, :1].astype(np.float32)
    odd = seen + 3 * features.std(axis=1, keepdims=True).astype(np.float32) * rng.choice([-1, 1], (20, 1))
    assert found.of_features(seen)[0] < 0.01
    # unlike all others in what seven components do not hold
    assert found.of_features(odd.astype(np.float32))[0] > found.told.threshold


def test_the_largest_that_is_no_outlier_is_the_threshold():
    assert whisker(np.array([1.0, 2, 3, 4, 5, 6, 7, 8, 9, 100])) == 9


def test_the_mean_distance_of_many_pixels_is_that_of_some():
    # of normal numbers in six dimensions: sqrt(2) times the mean of a chi distribution, 2.35
    assert mean_distance(clusters(6000, np.zeros(6)).T) == pytest.approx(2**0.5 * 2.35, rel=0.01)


def test_pixels_of_one_fold_or_all_alike_are_refused():
    with pytest.raises(LabelError, match="All 10 pixels of the training are of one fold"):
        fitted(clusters(10, np.zeros(6)), np.zeros(10, int))
    with pytest.raises(LabelError, match="are alike"):
        fitted(np.ones((2, 10)), np.arange(10) % 2)


def seen_at(world, places, *, size=32):
    """Mean reflectance over three dates of the simulated Earth about places, (bands, pixels), and the place of each."""
    found = []
    for lon, lat in places:
        crs = f"EPSG:{32600 + int((lon + 180) // 6) + 1}"
        x, y = (round(v / 10) * 10 for v in Transformer.from_crs(4326, crs, always_xy=True).transform(lon, lat))
        box = GeoBox((size, size), Affine(10, 0, x, 0, -10, y), crs)
        dates = [world.reflectance(box, date(2023, month, 15), ("B02", "B04", "B08", "B11")) for month in (4, 7, 10)]
        found.append(np.mean(dates, axis=0).reshape(4, -1)[:, ::4])
    return np.concatenate(found, axis=1), np.repeat(np.arange(len(places)), found[0].shape[1])


def test_a_region_of_the_simulated_earth_that_was_never_seen_is_flagged_more_than_one_that_was():
    world, rng = World(3), np.random.default_rng(0)
    alps, more_alps = rng.uniform((10.5, 46), (13.5, 49), (2, 20, 2))
    features, place = seen_at(world, alps)
    found = fitted(features, place % 5, points=256)
    outside = [
        (found.of_features(seen_at(world, places)[0].astype(np.float32)) > found.told.threshold).mean()
        for places in (more_alps[:10], rng.uniform((99, 65), (101, 67), (10, 2)))
    ]
    assert outside[0] < 0.25
    assert outside[1] > outside[0] + 0.25
