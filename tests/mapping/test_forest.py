"""Which pixels are forest by a definition, and what is left of the values."""

from collections import deque

import numpy as np
import pytest

from swath.grid import parse_tile
from swath.mapping.forest import cut_to_forest, forest_codes, with_halo
from swath.products import ForestDefinition, Layer, LayerKind, Threshold
from swath.products.forest import IS_FOREST, NO_FOREST, UNKNOWN

HEIGHT, COVER = Threshold(input="canopy", least=5.0), Threshold(input="canopy", least=10.0)
NAN = float("nan")


def definition(**given: object) -> ForestDefinition:
    return ForestDefinition(**{"height": HEIGHT, "cover": COVER, **given})


def codes(height: np.ndarray, *, halo: int = 0, **given: object) -> np.ndarray:
    full = np.full_like(height, 100.0)
    return forest_codes(definition(**given), [(height, 5.0), (full, 10.0)], halo=halo, resolution=10.0)


def size_of_group(meets: np.ndarray, row: int, col: int, neighbours: int) -> int:
    """By a search from the pixel, step by step."""
    steps = [(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1) if (a, b) != (0, 0) and (neighbours == 8 or not a * b)]
    seen, todo = {(row, col)}, deque([(row, col)])
    while todo:
        r, c = todo.popleft()
        for a, b in steps:
            near = r + a, c + b
            if near not in seen and 0 <= near[0] < len(meets) and 0 <= near[1] < meets.shape[1] and meets[near]:
                seen.add(near)
                todo.append(near)
    return len(seen)


def test_a_pixel_is_forest_where_it_reaches_both_height_and_cover():
    height = np.array([[5.0, 4.9, 30.0, 30.0]], np.float32)
    cover = np.array([[10.0, 80.0, 9.9, 10.1]], np.float32)
    found = forest_codes(definition(), [(height, 5.0), (cover, 10.0)], halo=0, resolution=10.0)
    assert found.tolist() == [[IS_FOREST, NO_FOREST, NO_FOREST, IS_FOREST]]


def test_a_pixel_of_which_nothing_is_known_is_neither_unless_the_other_band_rules_it_out():
    height, cover = np.array([[NAN, NAN, 20.0]], np.float32), np.array([[50.0, 5.0, NAN]], np.float32)
    found = forest_codes(definition(), [(height, 5.0), (cover, 10.0)], halo=0, resolution=10.0)
    assert found.tolist() == [[UNKNOWN, NO_FOREST, UNKNOWN]]


@pytest.mark.parametrize("neighbours", [4, 8])
def test_a_group_is_forest_from_the_least_area_on(neighbours):
    rng = np.random.default_rng(3)
    padded = np.zeros((40, 40), bool)
    padded[10:30, 10:30] = rng.random((20, 20)) < (0.45 if neighbours == 4 else 0.3)
    found = codes(np.where(padded, 20, 1).astype(np.float32), area_ha=0.06, neighbours=neighbours)
    sizes = {place: size_of_group(padded, *place, neighbours) for place in zip(*np.nonzero(padded), strict=True)}
    assert min(sizes.values()) < 6 < max(sizes.values())
    for place, size in sizes.items():
        assert found[place] == (IS_FOREST if size >= 6 else NO_FOREST)


@pytest.mark.parametrize("neighbours", [4, 8])
def test_every_tile_says_the_same_of_a_pixel(neighbours):
    rng = np.random.default_rng(5)
    asked = definition(area_ha=0.12, neighbours=neighbours)
    halo, size = asked.halo(10.0), 16
    assert halo == 11
    height = np.where(
        rng.random((2 * halo + 4 * size, 2 * halo + 4 * size)) < (0.5 if neighbours == 4 else 0.32), 20, 1
    ).astype(np.float32)
    whole = codes(height, halo=halo, area_ha=0.12, neighbours=neighbours)
    meets = height[halo:-halo, halo:-halo] > 5
    assert 0.1 < (whole[meets] == IS_FOREST).mean() < 0.9
    for row in range(0, 4 * size, size):
        for col in range(0, 4 * size, size):
            part = height[row : row + size + 2 * halo, col : col + size + 2 * halo]
            mine = codes(part, halo=halo, area_ha=0.12, neighbours=neighbours)
            np.testing.assert_array_equal(mine, whole[row : row + size, col : col + size])


def test_a_narrow_strip_as_large_as_the_least_area_is_forest_on_both_sides_of_a_tiles_edge():
    # 50 px of 10 m, one wide: half a hectare, from 49 px within this tile to its last column
    height = np.ones((120, 120), np.float32)
    height[60, 20:70] = 20
    inner = codes(height[:, :], halo=49, area_ha=0.5)
    assert (inner == IS_FOREST).sum() == 21
    height[60, 69] = 1
    assert not (codes(height, halo=49, area_ha=0.5) == IS_FOREST).any()


def test_the_halo_grows_with_the_least_area_and_keeps_to_edges_that_all_bands_share():
    tile = parse_tile("utm33n-10m-768-x21-y379")
    grown, halo = with_halo(tile, definition(area_ha=0.5))
    assert halo == 54 and grown.shape == (768 + 108, 768 + 108)
    assert grown.bounds[0] == tile.bounds[0] - 540 and grown.affine.f % 60 == 0
    assert with_halo(tile, definition()) == (tile, 0)


def layer(**given: object) -> Layer:
    facts = {"name": "agb", "kind": LayerKind.CONTINUOUS, "title": "", "dtype": "float32", "nodata": NAN}
    return Layer(**{**facts, **given})


CODES = np.array([[IS_FOREST, NO_FOREST, UNKNOWN, NO_FOREST]], np.uint8)


def test_values_outside_are_zero_and_what_is_not_known_stays_so():
    numbers = np.array([[120, 80, 60, NAN]], np.float32)
    cut_to_forest(numbers, layer(), CODES, outside="zero")
    np.testing.assert_array_equal(numbers, [[120, 0, NAN, NAN]])


def test_values_outside_are_no_data_where_that_is_asked_for():
    numbers = np.array([[120, 80, 60, NAN]], np.float32)
    cut_to_forest(numbers, layer(), CODES, outside="nodata")
    np.testing.assert_array_equal(numbers, [[120, NAN, NAN, NAN]])


def test_a_layer_of_integers_has_the_number_that_means_zero():
    packed = layer(dtype="uint16", nodata=0.0, scale=0.5, offset=-1.0)
    numbers = np.array([[240, 160, 120, 0]], np.uint16)
    cut_to_forest(numbers, packed, CODES, outside="zero")
    assert numbers.tolist() == [[240, 2, 0, 0]]
