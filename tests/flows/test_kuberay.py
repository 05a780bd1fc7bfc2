"""The flow `map` with a cluster of its own: made, used and deleted; and deleted where the flow run is cancelled."""

from itertools import count

import pytest

from support.jobs_api import jobs_api
from support.kuberay import kuberay
from support.servers import FileServer
from swath.cli import job as job_module
from swath.cluster.kuberay.manifest import RUN_LABEL
from swath.flows.asked import MapAsked
from swath.flows.maps import map_product
from swath.mapping.run import carry_out


@pytest.fixture
def jobs(monkeypatch):
    """A Jobs API whose jobs map in a thread of this process, without Ray."""

    def inline(plan, **more):
        stop = api.stopping.is_set
        return carry_out(plan, **{**more, "cluster": "inline", "display": "none", "should_stop": stop})

    def work(job):
        for name, value in job["runtime_env"]["env_vars"].items():
            monkeypatch.setenv(name, value)
        return "SUCCEEDED" if job_module.run(*job["entrypoint"].split()[-2:]) == 0 else "FAILED"

    monkeypatch.setattr(job_module, "carry_out", inline)
    with jobs_api() as api:
        api.work, api.token = work, "a token"
        yield api


@pytest.fixture
def kubernetes(jobs, tmp_path, monkeypatch):
    """The API, and the file of a cluster whose jobs are those above."""
    with kuberay(tmp_path, jobs.address, jobs.token) as (api, file):
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
        yield api, file


@pytest.fixture
def asked(small_world, kubernetes, s3):
    """A map of one tile and month, of files that pods would reach."""
    server = FileServer(small_world.archive)
    yield MapAsked(
        product="mosaic", area="12.503,47.703,12.504,47.704", period="2023-06/P1M", store=f"{s3}/maps",
        source=f"{server.url}/catalog.json", tile_size=192, overrides=["inputs.0.bands=[B04,B08]"], cluster="kuberay",
        cluster_spec=str(kubernetes[1]), audit=False, report=False,
    )  # fmt: skip
    server.close()


def flow_run_of(text):
    """The flow run whose page shows a job or a cluster's run; None where none does yet."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey

    with get_client(sync_client=True) as client:
        shown = client.read_artifacts(artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=["job"])))
        found = next((one for one in shown if text in str(one.data)), None)
        return None if found is None else client.read_flow_run(found.flow_run_id)


def test_a_cluster_is_made_for_the_flow_run_and_deleted_at_its_end(prefect, asked, kubernetes, jobs):
    state = map_product(asked, return_state=True)
    assert state.is_completed(), state.message
    assert state.result()["units"]["done"] == 1
    assert kubernetes[0].count("POST", "/rayclusters") == 1
    assert kubernetes[0].clusters == {}
    assert [one["entrypoint"].split()[-2] for one in jobs.submitted] == ["map"]


def test_the_hook_of_a_cancelled_flow_run_deletes_its_cluster(prefect, asked, kubernetes, jobs):
    """Prefect kills the process of a cancelled flow run, and calls its hooks from another one."""
    from prefect.states import Cancelled

    api, seen = kubernetes[0], {}

    def work(job):
        run = next(run for _ in count() if (run := flow_run_of(job["submission_id"])) is not None)
        seen["clusters"] = list(api.clusters)
        for hook in map_product.on_cancellation_hooks:
            hook(map_product, run, Cancelled())
        seen["left"] = list(api.clusters)
        return "FAILED"

    jobs.work = work
    state = map_product(asked, return_state=True)
    assert state.is_failed()
    assert (len(seen["clusters"]), seen["left"]) == (1, [])
    assert api.count("DELETE", seen["clusters"][0]) >= 1


def test_a_flow_run_that_is_cancelled_while_its_cluster_starts_leaves_none(prefect, asked, kubernetes, jobs):
    from prefect.states import Cancelled

    api, seen = kubernetes[0], []

    def starting(cluster):
        name = cluster["metadata"]["name"]
        run = flow_run_of(cluster["metadata"]["labels"][RUN_LABEL])
        for hook in map_product.on_cancellation_hooks:
            hook(map_product, run, Cancelled())
        seen.append(name in api.clusters)

    api.on_create = starting
    state = map_product(asked, return_state=True)
    assert state.is_failed()
    assert (seen, api.clusters, jobs.submitted) == ([False], {}, [])
