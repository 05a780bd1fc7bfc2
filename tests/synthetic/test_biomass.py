"""Biomass grows in the stands of the land, and a stated part of it no sensor sees."""

import numpy as np
import pytest

from swath.synthetic import Window, World
from swath.synthetic.biomass import SATURATION, Biomass, biomass
from swath.synthetic.land import ground


def of(world: World, window: Window, year: int = 2023) -> Biomass:
    return biomass(world.seed, window, ground(world.seed, window, year), year)


@pytest.fixture(scope="module")
def pooled(world) -> Biomass:
    """Pixels of 48 windows over 300 km by 1,000 km."""
    random, parts = np.random.default_rng(0), []
    for _ in range(48):
        window = Window(32633, int(random.integers(35000, 65000)), int(random.integers(520000, 620000)), 48, 48)
        parts.append(of(world, window))
    names = ("structure", "agb", "expected")
    return Biomass(*(np.concatenate([getattr(part, name).ravel() for part in parts]) for name in names))


def explained(found: np.ndarray, truth: np.ndarray) -> float:
    return float(1 - ((found - truth) ** 2).mean() / truth.var())


def test_any_window_gives_the_same_bytes(world):
    whole, part = Window(32633, 50003, 540001, 96, 96), Window(32633, 50020, 539990, 48, 54)
    rows, cols = slice(11, 59), slice(17, 71)
    for one, other in zip(vars(of(world, whole)).values(), vars(of(world, part)).values(), strict=True):
        assert other.max() > 0
        assert np.array_equal(one[rows, cols], other)


def test_another_seed_grows_another_biomass_on_the_same_ground(world):
    window = Window(32633, 50000, 540000, 48, 48)
    land = ground(world.seed, window, 2023)
    assert (biomass(9, window, land, 2023).agb != biomass(8, window, land, 2023).agb)[land.cover == 10].all()


def test_there_is_none_where_neither_trees_nor_shrubs_stand(world):
    window = Window(32633, 50000, 540000, 96, 96)
    land = ground(world.seed, window, 2023)
    woody = (((land.kinds >= 1) & (land.kinds <= 3)) & (land.shares > 0)).any(-1)
    for layer in vars(biomass(world.seed, window, land, 2023)).values():
        assert (layer[~woody] == 0).all()
        assert (layer[woody] > 0).all()


def test_forests_hold_between_nothing_and_some_four_hundred(pooled):
    forest = pooled.agb[pooled.agb > 5]
    assert 60 < forest.mean() < 160
    assert 200 < np.quantile(forest, 0.95) < 400
    assert pooled.agb.max() < 600


def test_a_stand_grows_from_year_to_year_until_it_is_felled(world):
    window = Window(32633, 50000, 540000, 240, 240)
    years = [of(world, window, year).agb for year in (2020, 2021)]
    old = years[0] > 20
    change = (years[1] / np.maximum(years[0], 1e-6))[old]
    grows, lost = (change > 1.0005).mean(), (change < 0.5).mean()
    assert grows > 0.9
    assert 0.002 < lost < 0.04  # rotations of 70 to 130 years, a stand of some hectares at a time
    assert np.median(change[change > 1]) < 1.1


def test_where_forest_becomes_another_class_the_biomass_goes(world):
    window = Window(32633, 50000, 540000, 480, 480)
    early, late = ground(world.seed, window, 2010), ground(world.seed, window, 2024)
    cleared = (early.kinds[..., 0] <= 2) & (early.shares[..., 0] == 255) & (late.kinds[..., 0] == 4)
    cleared &= late.shares[..., 0] == 255
    assert cleared.sum() > 100
    assert (biomass(world.seed, window, early, 2010).agb[cleared] > 0).all()
    assert (biomass(world.seed, window, late, 2024).agb[cleared] == 0).all()


def test_the_oracle_reaches_half_to_four_fifths_on_land_with_trees_or_shrubs(pooled):
    woody = pooled.structure > 0
    assert 0.5 < explained(pooled.expected[woody], pooled.agb[woody]) < 0.8


def test_the_oracle_is_unbiased_in_every_bin_of_what_it_says():
    # over many worlds, since the part that reaches 50 km is one number in a small one
    parts = [of(World(seed), Window(32633, 50000 + 700 * seed, 540000, 24, 24)) for seed in range(150)]
    said, truth = (np.concatenate([getattr(part, name).ravel() for part in parts]) for name in ("expected", "agb"))
    for low, high in ((10, 60), (60, 120), (120, 180), (180, 300)):
        inside = (said >= low) & (said < high)
        assert inside.sum() > 1000
        assert abs(truth[inside].mean() / said[inside].mean() - 1) < 0.15, (low, high)


def test_the_oracle_does_not_tell_stands_above_the_saturation_apart(world):
    window = Window(32633, 50000, 540000, 240, 240)
    land = ground(world.seed, window, 2023)
    found = biomass(world.seed, window, land, 2023)
    pure = (land.shares[..., 0] == 255) & (land.kinds[..., 0] == 1)
    below, above = pure & (found.structure < SATURATION), pure & (found.structure > SATURATION)
    assert np.array_equal(found.expected[below], found.structure[below])
    assert np.corrcoef(found.structure[below], found.expected[below])[0, 1] > 0.999
    assert found.expected[above].std() < 0.5 * found.structure[above].std()
    assert (found.expected[above] >= SATURATION).all()


def test_what_is_unseen_spreads_with_the_biomass(pooled):
    unseen = pooled.agb - pooled.structure
    spreads = [
        unseen[(pooled.structure >= low) & (pooled.structure < high)].std()
        for low, high in ((10, 40), (40, 90), (90, 160), (160, 300))
    ]
    assert (np.diff(spreads) > 5).all()
    relative = (unseen / pooled.structure.clip(1e-9))[pooled.structure > 20]
    assert 0.35 < relative.std() < 0.5
    assert abs(relative.mean()) < 0.1


def unseen_at(world: World, metres: list[int], count: int) -> dict[int, float]:
    """Mean half squared difference of the relative unseen part of pixels so far apart, by distance."""
    random = np.random.default_rng(1)
    found: dict[int, list[float]] = {distance: [] for distance in metres}
    while min(map(len, found.values())) < count:
        col, row = int(random.integers(35000, 65000)), int(random.integers(520000, 620000))
        one = window_of(world, col, row)
        if one is None:
            continue
        for distance in metres:
            other = window_of(world, col + distance // 10, row)
            if other is not None:
                found[distance].append(0.5 * (one - other) ** 2)
    return {distance: float(np.mean(values)) for distance, values in found.items()}


def window_of(world: World, col: int, row: int) -> float | None:
    """Relative unseen part of 4 by 4 pixels; none where no wood stands."""
    part = of(world, Window(32633, col, row, 4, 4))
    total = float(part.structure.sum())
    return float(part.agb.sum()) / total - 1 if total > 16 * 15 else None


def test_what_is_unseen_is_correlated_at_one_and_at_fifty_kilometres(world):
    half = unseen_at(world, [150, 2_000, 8_000, 90_000], 150)
    assert half[150] < 0.7 * half[2_000]  # within a kilometre pixels share it
    assert half[2_000] == pytest.approx(half[8_000], rel=0.35)  # beyond one kilometre nothing changes ...
    assert half[8_000] < 0.85 * half[90_000]  # ... until fifty
