"""Folds that are as far from what is learned from as the map is from all labels."""

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from swath.errors import LabelError
from swath.grid import Area
from swath.training import Labels, SplitSpec
from swath.training.places import random_places
from swath.training.validation.knndm import knndm
from swath.training.validation.matched import matched
from swath.training.validation.matching import EARTH_M, Matching, along_sphere, on_sphere

AREA = "10,45,12,47"
POINTS = random_places(Area.parse(AREA), 1000, seed=1)


def clustered(number=300, *, centres=12, spread=0.02, seed=0):
    rng = np.random.default_rng(seed)
    middle = np.column_stack([rng.uniform(10, 12, centres), rng.uniform(45, 47, centres)])
    return middle[rng.integers(0, centres, number)] + rng.normal(0, spread, (number, 2))


def spread(number=300, *, seed=0):
    return random_places(Area.parse(AREA), number, seed=seed)


def distances(places, fold):
    """From each label to the nearest of another fold, label by label."""
    where = on_sphere(places[:, 0], places[:, 1])
    away = np.linalg.norm(where[:, None] - where[None], axis=-1)
    away[fold[:, None] == fold[None]] = np.inf
    return along_sphere(away.min(axis=1))


@pytest.fixture(scope="module")
def of_clusters():
    return knndm(clustered(), POINTS, folds=5)


def test_folds_of_clustered_labels_match_the_map_better_than_a_random_split(of_clusters):
    assert of_clusters.clustered
    assert of_clusters.w_m < 0.25 * of_clusters.w_random_m


def test_folds_of_labels_that_are_spread_evenly_are_many_small_cells():
    found = knndm(spread(), POINTS, folds=5)
    assert not found.clustered
    assert len(found.centres) > 50
    assert found.w_m <= found.w_random_m


def test_w_is_the_area_between_the_two_distribution_functions(of_clusters):
    places = clustered()
    held = distances(places, of_clusters.folds_at(places[:, 0], places[:, 1]))
    there, asked = on_sphere(places[:, 0], places[:, 1]), on_sphere(POINTS[:, 0], POINTS[:, 1])
    to_map = along_sphere(np.linalg.norm(asked[:, None] - there[None], axis=-1).min(axis=1))
    assert of_clusters.w_m == pytest.approx(wasserstein_distance(held, to_map), abs=1)
    assert of_clusters.held_m == pytest.approx(np.median(held), abs=1)
    assert of_clusters.map_m == pytest.approx(np.median(to_map), abs=1)


def test_every_fold_has_labels_and_none_more_than_half(of_clusters):
    places = clustered()
    sizes = np.bincount(of_clusters.folds_at(places[:, 0], places[:, 1]), minlength=5)
    assert sizes.min() > 0
    assert sizes.max() <= len(places) / 2


def test_labels_that_stand_together_are_held_out_together_where_the_map_is_far():
    middle = np.array([[10.2, 45.2], [11.8, 45.2], [10.2, 46.8], [11.8, 46.8]])
    offsets = np.random.default_rng(3).normal(0, 0.001, (20, 2))
    places = (middle[:, None] + offsets).reshape(-1, 2)
    found = knndm(places, POINTS + np.array([5.0, 0.0]), folds=2).folds_at(places[:, 0], places[:, 1]).reshape(4, 20)
    assert (found == found[:, :1]).all()


def test_folds_that_have_every_class_are_preferred():
    places, rng = clustered(), np.random.default_rng(5)
    codes = (rng.random(len(places)) < 0.08).astype(np.uint8)
    found = knndm(places, POINTS, folds=4, codes=codes).folds_at(places[:, 0], places[:, 1])
    assert all((codes[found == fold] == 1).any() for fold in range(4))


def test_the_same_labels_in_another_order_give_the_same_folds(of_clusters):
    assert knndm(clustered()[::-1], POINTS, folds=5) == of_clusters


def test_fewer_labels_than_folds_need_are_refused():
    with pytest.raises(LabelError, match="3 places of labels cannot be matched in 2 folds"):
        knndm(clustered(3), POINTS, folds=2)


def test_distances_go_along_the_sphere_and_over_its_seam():
    a, b = on_sphere(np.array([179.5]), np.array([0.0])), on_sphere(np.array([-179.5]), np.array([0.0]))
    assert along_sphere(np.linalg.norm(a - b, axis=1))[0] == pytest.approx(np.radians(1) * EARTH_M)


def labels_at(places):
    import shapely

    never = np.full(len(places), np.datetime64("NaT", "us"))
    return Labels(
        ("a", "b"), shapely.points(places), (np.arange(len(places)) % 2).astype(np.uint8), places, never, never, "mine"
    )


def test_a_split_by_knndm_tells_the_fold_of_any_place_once_it_is_matched():
    split = matched(SplitSpec(by="knndm", folds=4), labels_at(clustered(seed=2)), Area.parse(AREA))
    again = SplitSpec.model_validate(split.model_dump(mode="json"))
    lon, lat = POINTS.T
    assert split.number == 4
    assert split.is_spatial
    assert (again.folds_at(lon, lat) == split.folds_at(lon, lat)).all()
    assert set(split.folds_at(lon, lat).tolist()) == {0, 1, 2, 3}


def test_folds_are_matched_to_the_area_that_will_be_mapped():
    labels = labels_at(clustered(seed=2))
    near = matched(SplitSpec(by="knndm", folds=4), labels, Area.parse(AREA)).matching
    far = matched(SplitSpec(by="knndm", folds=4, mapped="5,40,17,52").frozen(), labels, Area.parse(AREA)).matching
    assert far.map_m > 2 * near.map_m


def test_a_split_that_is_not_matched_yet_is_refused():
    with pytest.raises(LabelError, match="matched to labels and a map when chips are cut"):
        SplitSpec(by="knndm").folds_at(np.array([10.0]), np.array([45.0]))


def test_labels_without_places_of_their_own_are_refused():
    class Raster:
        source = "codes.tif"

    with pytest.raises(LabelError, match=r"codes\.tif is a raster"):
        matched(SplitSpec(by="knndm"), Raster(), Area.parse(AREA))


def test_other_splits_are_left_as_they_are():
    split = SplitSpec(by="block")
    assert matched(split, None, Area.parse(AREA)) is split


def test_a_place_is_of_the_fold_of_the_nearest_centre():
    found = Matching(centres=((0, 0, 2), (1, 0, 0), (0, 1, 1)), w_m=0, w_random_m=0, map_m=0, held_m=0, clustered=True)
    assert found.folds_at(np.array([0.4, 0.9, 0.1]), np.array([0.1, 0.2, 0.8])).tolist() == [2, 0, 1]
