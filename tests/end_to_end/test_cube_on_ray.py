"""`swath.open_cube` computes on the Ray cluster that this process is connected to."""

import dask
import numpy as np
import pytest

import swath

pytestmark = pytest.mark.ray


def test_a_cube_on_ray_equals_one_of_threads(ray_cluster, small_world):
    from ray.util.dask import ray_dask_get

    with dask.config.set(scheduler=None):
        cube = swath.open_cube("mosaic", small_world.area, "2023-06/P1M", source=small_world.catalog)
        assert dask.config.get("scheduler") is ray_dask_get
        on_ray = cube[["B04"]].compute()
    here = cube[["B04"]].compute(scheduler="threads")
    assert on_ray["B04"].max() > 0
    np.testing.assert_array_equal(on_ray["B04"].values, here["B04"].values)
