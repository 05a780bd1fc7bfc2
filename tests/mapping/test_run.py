"""How many workers and threads a run takes."""

from types import SimpleNamespace

import pytest

from swath.mapping.run import LEAST_STRIP, MOST_STRIP, MOST_THREADS, RunResult, workers_for
from swath.runs import InlineExecutor, RayExecutor

PLAN = SimpleNamespace(store=SimpleNamespace(root="/s"), root="mosaic/1.0", run="0123456789ab")


def test_inline_is_one_worker_of_this_process():
    _, executor = workers_for(PLAN, False, [], None)
    assert isinstance(executor, InlineExecutor)


@pytest.mark.parametrize(
    ("cpus", "workers", "each"),
    [
        ([2.0], None, 2),
        ([64.0, 64.0], None, MOST_THREADS),
        ([16.0, 1.0], None, 1),
        ([8.0], 8, 1),
        ([8.0], 1, MOST_THREADS),
        ([0.0], None, 1),
    ],
)
def test_on_ray_a_worker_has_as_many_threads_as_cores(cpus, workers, each):
    work, executor = workers_for(PLAN, True, cpus, workers)
    assert isinstance(executor, RayExecutor)
    assert executor.cpus == each
    assert executor.most == workers
    assert work._threads == each


@pytest.mark.parametrize(
    ("gpus", "cpus", "share"),
    [
        ((), [8.0], 0),
        ((1.0,), [8.0], 0.5),
        ((1.0,), [12.0], 0.3333),
        ((4.0,), [8.0], 2.0),
        ((1.0, 0.0), [16.0, 16.0], 0.25),
        ((0.0,), [8.0], 1.0),  # no node has one: the cluster is told what it lacks
    ],
)
def test_workers_of_a_node_share_its_gpus_where_a_plan_maps_on_them(gpus, cpus, share):
    _, executor = workers_for(PLAN, True, cpus, None, gpus=gpus)
    assert executor.gpus == share


@pytest.mark.parametrize(
    ("memory", "cpus", "strip"),
    [
        ([3 * 2**30], [2.0], LEAST_STRIP),
        ([10 * 2**30], [2.0], int(10 * 2**30 * 0.6 / 4)),
        ([10 * 2**30, 64 * 2**30], [2.0, 2.0], int(10 * 2**30 * 0.6 / 4)),
        ([256 * 2**30], [8.0], MOST_STRIP),
        ([], [], LEAST_STRIP),
    ],
)
def test_what_a_worker_reads_at_one_time_grows_with_the_memory_of_its_node(memory, cpus, strip):
    work, _ = workers_for(PLAN, True, cpus, None, memory=memory)
    assert work._strip_bytes == strip


def test_a_result_names_its_counts_together():
    told = RunResult("r", "/s", done=3, failed=1).to_dict()
    assert told["units"] == {"done": 3, "found": 0, "failed": 1, "without_input": 0}
    assert "done" not in told
