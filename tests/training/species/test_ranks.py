"""Scores of unlike scales become ranks among sites and background."""

import numpy as np
import pytest

from swath.training.species.ranks import RankMap

RANDOM = np.random.default_rng(0)
SCORES = np.stack([RANDOM.normal(0, 1, 5000), RANDOM.exponential(1e-3, 5000)], axis=1).astype(np.float32)


def test_ranks_are_shares_of_the_reference_below():
    ranks = RankMap.of(SCORES, 65)(SCORES)
    wanted = SCORES.argsort(0).argsort(0) / len(SCORES)
    assert np.abs(ranks - wanted).max() < 0.02


def test_ranks_rise_with_scores():
    rising = np.sort(SCORES, axis=0)
    assert (np.diff(RankMap.of(SCORES, 33)(rising), axis=0) >= -1e-6).all()


def test_a_score_beyond_all_that_were_seen_is_told_from_the_highest():
    most = SCORES.max(0, keepdims=True)
    curve = RankMap.of(SCORES, 33)
    assert (curve(most + 0.05 * np.ptp(SCORES, axis=0)) > curve(most)).all()
    assert curve(most + 10 * np.ptp(SCORES, axis=0)) == pytest.approx(1.0)


def test_the_last_digit_of_a_score_that_many_share_leaps_over_nothing():
    shared = np.where(SCORES < 0.5, np.float32(-1.1081965), SCORES)
    curve = RankMap.of(shared, 33)
    at = np.full((1, 2), -1.1081965, np.float32)
    assert np.abs(curve(np.nextafter(at, np.float32(0))) - curve(at)).max() < 1e-3


def test_a_species_whose_scores_are_all_alike_has_one_rank():
    curve = RankMap.of(np.full((100, 1), 0.3, np.float32), 33)
    assert curve(np.full((3, 1), 0.3, np.float32)) == pytest.approx(np.full((3, 1), 0.5), abs=1e-3)
