"""One Ray cluster of three nodes on this machine, for the whole test run."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from swath.cluster.auth import use_given_token

TESTS = Path(__file__).parents[1]
_NODE = {"object_store_memory": 80 * 2**20, "include_dashboard": False}


class RayCluster:
    """The cluster: `address`, and nodes that can be killed and replaced.

    The driver (this process) is connected to the head node, which has two CPUs; the two others have one each.
    """

    def __init__(self, cluster: Any) -> None:
        self._cluster = cluster
        self.address: str = cluster.address

    def kill_node(self, node_id: str) -> None:
        """kill -9 of the raylet of a node that is not the head; its workers die with it."""
        node = next(node for node in self._cluster.worker_nodes if node.node_id == node_id)
        for process in node.all_processes["raylet"]:
            os.kill(process.process.pid, signal.SIGKILL)
        self._cluster.remove_node(node, allow_graceful=False)

    def fill_up(self) -> None:
        """Three nodes again."""
        while len(self._cluster.worker_nodes) < 2:
            self._cluster.add_node(num_cpus=1, **_NODE)

    def worker_node_ids(self) -> list[str]:
        """Ids of the nodes that can be killed."""
        return [node.node_id for node in self._cluster.worker_nodes]


@contextmanager
def started() -> Iterator[RayCluster]:
    """Start the cluster and connect to it; ends it by its own processes only."""
    folder = tempfile.mkdtemp(prefix="sw", dir="/tmp")
    (Path(folder) / "ray").mkdir()  # Ray 2.60 writes its address there and does not make the folder
    environment = {
        # before `import ray`: it keeps its first look at them
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
        "RAY_TMPDIR": folder,
        "PYTHONPATH": os.pathsep.join([str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])]),
    }
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    use_given_token()  # another test may have imported Ray before: it looks again
    import ray
    from ray.cluster_utils import Cluster

    health = {
        "health_check_initial_delay_ms": 1000,
        "health_check_period_ms": 1000,
        "health_check_timeout_ms": 1000,
        "health_check_failure_threshold": 3,
    }
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "_system_config": health, **_NODE})
    try:
        for _ in range(2):
            cluster.add_node(wait=False, num_cpus=1, **_NODE)
        cluster.wait_for_nodes(60)
        ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
        yield RayCluster(cluster)
    finally:
        ray.shutdown()
        cluster.shutdown()
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        shutil.rmtree(folder, ignore_errors=True)


def wait_until(true: Any, seconds: float = 30) -> None:
    """Wait for a condition with a limit: nothing on Ray may be waited for without one."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds} s")
        time.sleep(0.05)


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[RayCluster]:
    """One cluster for the run; tests/conftest.py imports this name."""
    with started() as cluster:
        yield cluster
