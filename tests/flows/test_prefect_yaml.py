"""deploy/prefect.yaml by Prefect's own command: what it deploys, and that a worker runs it."""

import os
import shutil
import time

import pytest

from support.parts import ROOT
from support.prefect_server import PrefectServer, Worker
from swath.flows.serve import read_deployments

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
FILE = ROOT / "deploy" / "prefect.yaml"


@pytest.fixture(scope="module")
def deployed(tmp_path_factory):
    """A server with both pools, on which `prefect deploy --all` was run; and a worker that has not begun."""
    folder = tmp_path_factory.mktemp("deployed")
    variables = {
        "SWATH_STORE": str(folder / "maps"), "SWATH_SOURCE": "https://stac.example", "SWATH_AREA": "Kenya",
        "SWATH_CLUSTER": "inline", "SWATH_IMAGE": "swath:1",
    }  # fmt: skip
    server = PrefectServer(folder / "prefect")
    server.start()
    try:
        worker = Worker(server, "swath", {**variables, "SWATH_CACHE": str(folder / "cache")})
        worker.prefect("work-pool", "create", "swath", "--type", "process")
        worker.prefect("work-pool", "create", "swath-kubernetes", "--type", "kubernetes")
        (folder / "deploy").mkdir()
        shutil.copy(FILE, folder / "deploy")
        worker.prefect("deploy", "--all", folder=folder / "deploy")
        shutil.rmtree(folder / "deploy")  # no run shall need it
        yield server, worker
    finally:
        server.end()


@pytest.fixture
def client(deployed):
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: deployed[0].url}), get_client(sync_client=True) as client:
        yield client


def test_each_deployment_of_the_file_is_deployed_with_its_schedules_and_fetches_nothing(client, monkeypatch):
    monkeypatch.setenv("SWATH_IMAGE", "swath:1")
    found = client.read_deployments(limit=50)
    given = read_deployments(FILE)
    assert len(found) == len(given)
    assert sorted(one.entrypoint for one in found) == sorted(one.entrypoint for one in given)
    assert sum(len(one.schedules) for one in found) == sum(len(one.schedules) for one in given) > 0
    assert all(not one.pull_steps for one in found)


def test_what_the_file_says_of_pods_is_what_the_pool_of_kubernetes_knows(client):
    pool = client.read_work_pool("swath-kubernetes")
    known = set(pool.base_job_template["variables"]["properties"])
    (one,) = [one for one in client.read_deployments(limit=50) if one.work_pool_name == pool.name]
    assert one.job_variables["image"] == "swath:1"
    assert set(one.job_variables) <= known


def test_a_worker_runs_what_was_deployed(deployed, client, small_world, tmp_path):
    _, worker = deployed
    os.makedirs(worker.environment["SWATH_CACHE"], exist_ok=True)
    asked = {
        "product": "mosaic", "area": "12.503,47.703,12.504,47.704", "period": "2023-06/P1M", "cluster": "inline",
        "source": str(small_world.catalog), "store": str(tmp_path / "store"), "tile_size": 192,
        "overrides": ["inputs.0.bands=[B04,B08]"],
    }  # fmt: skip
    run = client.create_flow_run_from_deployment(
        client.read_deployment_by_name("map/by-hand").id, parameters={"asked": asked}
    )
    worker.start()
    try:
        end = time.monotonic() + 240
        while not (state := client.read_flow_run(run.id).state).is_final():
            assert time.monotonic() < end, (worker.server.folder / "worker.log").read_text()[-4000:]
            time.sleep(0.5)
    finally:
        worker.end()
    assert state.is_completed(), state.message
    assert list((tmp_path / "store").rglob("*.tif"))
