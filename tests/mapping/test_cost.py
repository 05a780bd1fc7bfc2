"""What a plan says a unit will cost."""

import numpy as np
import pytest

from swath.grid import Grid
from swath.mapping.cost import CostModel, Rates, coverage

from .published import COLLECTION, PRODUCT

SPEC = PRODUCT.cube_spec(COLLECTION)
TILE = Grid.named("utm", resolution=10, tile_size=768).tile_of(10.0, 50.0)


def test_coverage_is_the_share_of_the_tile_that_each_box_covers():
    boxes = np.array([[0, 0, 1, 1], [0, 0, 0.5, 1], [0.5, 0.5, 2, 2], [5, 5, 6, 6]], float)
    np.testing.assert_allclose(coverage((0, 0, 1, 1), boxes), [1, 0.5, 0.25, 0])


def test_samples_are_counted_at_the_resolution_of_each_band():
    masks = sum(rule.band == "SCL" for rule in SPEC.masks)
    expected = 2 * 768**2 + masks * 384**2
    assert CostModel(SPEC, COLLECTION).cost(TILE, 1.0).samples == expected


def test_cost_grows_with_the_scenes():
    costs = CostModel(SPEC, COLLECTION)
    one, ten = costs.cost(TILE, 1.0), costs.cost(TILE, 10.0)
    assert ten.bytes == pytest.approx(10 * one.bytes, rel=1e-6)
    assert ten.seconds == pytest.approx(10 * one.seconds)


def test_a_tile_without_scenes_costs_nothing():
    cost = CostModel(SPEC, COLLECTION).cost(TILE, 0.0)
    assert (cost.samples, cost.bytes, cost.seconds) == (0, 0, 0)


def test_small_tiles_read_more_a_pixel():
    costs = CostModel(SPEC, COLLECTION, Rates(block=1024))
    small, large = (Grid.named("utm", resolution=10, tile_size=size).tile_of(10.0, 50.0) for size in (768, 3072))
    per_pixel = [costs.cost(tile, 1.0).bytes / tile.shape[0] ** 2 for tile in (small, large)]
    assert per_pixel[0] > 2 * per_pixel[1]
