"""Sizes of fleets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swath.cluster.sizes import gpus_fed, wall_seconds, workers_for
from swath.errors import ClusterError


@given(seconds=st.floats(1, 1e8), deadline=st.floats(400, 1e6), cores=st.integers(1, 64), units=st.integers(1, 100_000))
def test_the_size_meets_the_deadline_and_one_worker_fewer_would_not(seconds, deadline, cores, units):
    try:
        size = workers_for(seconds, deadline, cores, units=units)
    except ClusterError as error:
        assert error.facts["seconds"] > deadline
        return
    assert size.seconds <= deadline * 1.000001
    if size.workers > 1:
        fewer = wall_seconds(
            seconds, workers=size.workers - 1, cores=cores, start_s=300, unit_s=seconds / units
        )  # fmt: skip
        assert fewer > deadline * 0.999999


def test_a_deadline_that_no_size_meets_says_the_best_there_is():
    with pytest.raises(ClusterError, match=r"the best there is takes .* with 10 workers of 4 cores"):
        workers_for(100_000, 600, 4, units=5000, most=10)


def test_more_workers_than_units_are_not_the_best():
    with pytest.raises(ClusterError) as caught:
        workers_for(3600, 310, 1, units=3)
    assert caught.value.facts["workers"] <= 3
    assert caught.value.facts["seconds"] > 300 + 1200


@pytest.mark.parametrize(("read", "predict", "cores", "fed"), [(100, 10, 8, 1), (100, 50, 8, 4), (0, 5, 8, 16)])
def test_gpus_are_no_more_than_reading_feeds(read, predict, cores, fed):
    assert gpus_fed(read, predict, cores=cores, most=16) == fed
