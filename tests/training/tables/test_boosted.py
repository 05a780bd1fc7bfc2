"""Boosted trees in which presences and background weigh alike."""

import numpy as np

from swath.training.tables import BoostedConfig, boost

RANDOM = np.random.default_rng(0)
PRESENT = RANDOM.normal(1, 1, (40, 3)).astype(np.float32)
BACKGROUND = RANDOM.normal(0, 1, (2000, 3)).astype(np.float32)
SMALL = BoostedConfig(trees=40, columns=1.0)


def test_rare_presences_weigh_as_much_as_all_of_the_background():
    scores = boost(PRESENT, BACKGROUND, config=SMALL).predict(PRESENT)[:, 0]
    assert np.median(scores) > 0


def test_background_without_a_share_pulls_nothing_down():
    rows, none = np.concatenate([BACKGROUND, PRESENT]), np.repeat([1.0, 0.0], [2000, 40])
    free = boost(PRESENT, rows, shares=none, config=SMALL).predict(PRESENT)[:, 0]
    held = boost(PRESENT, rows, shares=np.repeat([1.0, 50.0], [2000, 40]), config=SMALL).predict(PRESENT)[:, 0]
    assert free.mean() > held.mean()


def test_the_same_seed_grows_the_same_trees():
    one, two, other = (boost(PRESENT, BACKGROUND, config=SMALL, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(one.leaf, two.leaf)
    assert one.leaf.shape != other.leaf.shape or not np.array_equal(one.leaf, other.leaf)


def test_two_presences_are_enough_to_run():
    assert np.isfinite(boost(PRESENT[:2], BACKGROUND, config=SMALL).predict(PRESENT)).all()
