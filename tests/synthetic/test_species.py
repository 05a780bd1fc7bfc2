"""Species live where they find what they need, and a part of that no layer shows."""

import numpy as np
import pytest

from swath.synthetic import Window
from swath.synthetic.habitat import COVERS, Habitat, habitat, habitat_at
from swath.synthetic.land import Ground, ground
from swath.synthetic.species import GROUPS, lives, pool, suitability, suitability_of

SITE = Window(32633, 50000, 540000, 400, 400)


@pytest.fixture(scope="module")
def land(world) -> Ground:
    return ground(world.seed, SITE, 2022)


@pytest.fixture(scope="module")
def place(world, land) -> Habitat:
    return habitat(world.seed, SITE, land)


@pytest.fixture(scope="module")
def wide(world) -> Habitat:
    """200 cells anywhere in 300 km by 600 km."""
    cells = np.random.default_rng(0).integers((0, 0), (6000, 3000), (200, 2))
    parts = [
        habitat_at(world.seed, Window(32633, 35000 + 10 * col, 600000 - 10 * row, 10, 10), np.zeros((1, 2), int), 2022)
        for row, col in cells
    ]
    return Habitat(**{name: np.concatenate([vars(part)[name] for part in parts], -1) for name in vars(parts[0])})


def test_any_window_gives_the_same_bytes(world, land):
    part = Window(32633, 50130, 539850, 30, 40)
    species = pool(world.seed, 6)
    whole = suitability(world.seed, SITE, land, species)
    some = suitability(world.seed, part, ground(world.seed, part, 2022), species)
    assert np.array_equal(whole[:, 15:18, 13:17], some)


def test_some_cells_are_told_as_all_are(world, place):
    cells = np.array([[3, 4], [17, 30], [17, 31], [39, 0], *[[20, n] for n in range(20, 30)]])  # alone and as a block
    some = habitat_at(world.seed, SITE, cells, 2022)
    for name, layer in vars(some).items():
        assert np.array_equal(layer, vars(place)[name][..., cells[:, 0], cells[:, 1]]), name


def test_covers_make_up_a_cell(place):
    assert place.shares.shape == (len(COVERS), 40, 40)
    whole = place.shares.sum(0)
    assert whole.max() <= 1 + 1e-9
    assert (whole > 0.999).mean() > 0.95  # the rest is bare, or snow


def test_a_species_does_not_depend_on_how_many_there_are(world):
    assert pool(world.seed, 40)[:10] == pool(world.seed, 10)
    assert len({species.name for species in pool(world.seed, 60)}) == 60
    assert {species.group for species in pool(world.seed)} == set(GROUPS)


def test_some_are_common_some_are_rare_and_some_are_missing(world, wide):
    shares = np.array([suitability_of(species, wide).mean() for species in pool(world.seed)])
    assert shares.max() > 0.1
    assert (shares < 0.02).sum() >= 3
    assert (shares > 0.005).sum() >= 15


def test_a_guild_lives_on_its_cover(world, place):
    for species in pool(world.seed):
        best = int(np.argmax(species.needs))
        full = place.shares[best] > 0.9
        if species.guild in ("woods", "pines", "fields") and full.sum() > 20:
            chance = suitability_of(species, place)
            assert chance[full].mean() > 2 * chance[place.shares[best] < 0.1].mean(), species.name


def test_each_species_has_a_driver_that_no_layer_shows(world, wide):
    near, far = wide.near, wide.far
    for layer in (wide.warm, wide.dry, wide.height, wide.slope, *wide.shares):
        assert abs(np.corrcoef(near, layer)[0, 1]) < 0.2
    moved = []
    for species in pool(world.seed):
        without = suitability_of(species, Habitat(**{**vars(wide), "near": 0 * near, "far": 0 * far}))
        odds = [np.log(chance / (1 - chance)) for chance in (suitability_of(species, wide), without)]
        moved.append(np.std(odds[0] - odds[1]))
    assert 0.3 < np.median(moved) < 1.2


def test_a_coin_decides_whether_it_lives_in_a_cell(world, place):
    cells = np.stack(np.meshgrid(np.arange(40), np.arange(40), indexing="ij"), -1).reshape(-1, 2)
    species = max(pool(world.seed), key=lambda one: suitability_of(one, place).mean())
    chance = suitability_of(species, place).ravel()
    there = lives(world.seed, species, SITE, cells, chance)
    for low, high in ((0.0, 0.2), (0.2, 0.5), (0.5, 1.0)):
        inside = (chance >= low) & (chance < high)
        assert inside.sum() > 50
        assert there[inside].mean() == pytest.approx(chance[inside].mean(), abs=0.08)
    moved = Window(32633, 50100, 540000, 100, 100)  # the same cells counted in another window
    again = lives(world.seed, species, moved, cells[:10], chance[:10])
    assert np.array_equal(again, lives(world.seed, species, SITE, cells[:10] + np.array([0, 10]), chance[:10]))
