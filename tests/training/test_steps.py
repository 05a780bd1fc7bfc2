"""Batches are joined to steps; the rate rises and falls over them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swath.training.config import Optimiser
from swath.training.steps import rate, steps_of, turns


@given(batches=st.integers(1, 60), accumulate=st.integers(1, 12))
def test_each_batch_counts_in_one_step_whose_shares_sum_to_1(batches, accumulate):
    found = turns(batches, accumulate)
    assert len(found) == batches
    steps, total = 0, 0.0
    for turn in found:
        total += turn.share
        if turn.moves:
            assert total == pytest.approx(1)
            steps, total = steps + 1, 0.0
    assert steps == steps_of(batches, accumulate) and total == 0
    assert max(round(1 / turn.share) for turn in found) <= accumulate


def test_without_accumulation_each_batch_is_a_step():
    assert {(turn.share, turn.moves) for turn in turns(7, 1)} == {(1.0, True)}


def test_the_rate_rises_in_a_line_and_falls_as_a_cosine():
    optimiser = Optimiser(lr=0.4, warm_up=0.1)
    rates = [rate(step, 100, optimiser) for step in range(100)]
    assert rates[:10] == pytest.approx([0.4 * (n + 1) / 11 for n in range(10)])
    assert rates[10] == 0.4 and rates[55] == pytest.approx(0.2)
    assert rates[10:] == sorted(rates[10:], reverse=True) and 0 < rates[-1] < 0.001
