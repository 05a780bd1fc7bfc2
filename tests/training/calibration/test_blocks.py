"""Blocks count alike, whatever number of labels they have."""

import numpy as np
import pytest

from swath.training.calibration.blocks import aimed_level, covered, left_out, pooled_quantile, shares_of


def test_labels_of_a_block_count_together_once():
    shares = shares_of(np.array([7, 7, 7, 9]), np.array([1.0, 1, 2, 5]))
    assert shares.tolist() == pytest.approx([0.125, 0.125, 0.25, 0.5])


def test_a_quantile_is_the_least_value_that_enough_do_not_exceed():
    values, shares = np.array([3.0, 1, 2, 4]), np.full(4, 0.25)
    assert [pooled_quantile(values, shares, level) for level in (0.25, 0.5, 0.51, 0.75, 1)] == [1, 2, 3, 3, 4]


def test_a_quantile_of_many_equal_shares_is_not_moved_by_their_rounding():
    values = np.arange(30.0)
    assert pooled_quantile(values, np.full(30, 1 / 30), 0.9) == 26


def test_a_block_of_many_labels_moves_a_quantile_no_more_than_another():
    block = np.array([0] * 1000 + [1, 2, 3])
    values = np.array([9.0] * 1000 + [1, 2, 3])
    assert pooled_quantile(values, shares_of(block, np.ones(1003)), 0.75) == 3


def test_every_block_is_left_out_once_and_whole():
    block = np.repeat([5, 8, 2, 9, 4], 3)
    masks = list(left_out(block, groups=3))
    assert len(masks) == 3 and (np.sum(masks, axis=0) == 1).all()
    assert all(len(set(block[mask]) & set(block[~mask])) == 0 for mask in masks)


def test_few_blocks_are_aimed_at_more_than_is_promised():
    values, each = np.arange(15.0), np.ones(15)

    def aim(blocks):
        def covers(which, level):
            return values <= pooled_quantile(values[which], shares_of(blocks[which], each[which]), level)

        return aimed_level(blocks, each, 0.9, covers)

    assert 0.9 < aim(np.arange(15)) <= 0.975
    assert aim(np.zeros(15, np.int64)) == 0.9  # nothing can be left out


def test_coverage_is_told_by_block():
    found = covered(np.array([True, False, True]), np.array([1, 1, 2]), np.array([3.0, 1, 1]))
    assert found.tolist() == [0.75, 1]
