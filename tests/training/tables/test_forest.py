"""A forest in which presences and background count alike in each tree."""

import numpy as np

from swath.training.tables import ForestConfig, grow

RANDOM = np.random.default_rng(0)
PRESENT = RANDOM.normal(1, 1, (40, 3)).astype(np.float32)
BACKGROUND = RANDOM.normal(0, 1, (4000, 3)).astype(np.float32)
SMALL = ForestConfig(trees=60)


def test_rare_presences_are_not_drowned():
    scores = grow(PRESENT, BACKGROUND, config=SMALL).predict(PRESENT)[:, 0]
    assert np.median(scores) > 0.6


def test_a_tree_draws_no_more_rows_than_it_may():
    trees = grow(PRESENT, BACKGROUND, config=ForestConfig(trees=5, rows=10))
    assert len(trees.leaf) <= 5 * 20


def test_background_without_a_share_is_never_drawn():
    far = np.full((500, 3), 9.0, np.float32)
    both, shares = np.concatenate([BACKGROUND[:500], far]), np.repeat([1.0, 0.0], 500)
    with_shares = grow(PRESENT, both, shares=shares, config=SMALL).predict(far)[:, 0]
    assert np.array_equal(with_shares, grow(PRESENT, BACKGROUND[:500], config=SMALL).predict(far)[:, 0])


def test_the_same_seed_grows_the_same_trees():
    one, two, other = (grow(PRESENT, BACKGROUND, config=SMALL, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(one.threshold, two.threshold)
    assert one.threshold.shape != other.threshold.shape or not np.array_equal(one.threshold, other.threshold)
