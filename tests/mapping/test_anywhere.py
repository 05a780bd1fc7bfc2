"""A plan on a cluster that is made for it: made as large as it needs, followed, deleted, and refused where it must be.

Kubernetes and the Jobs API are ours, on loopback; the job maps in a thread of this process, into S3.
"""

import threading

import pytest

from support.command import swath
from support.jobs_api import jobs_api
from support.kuberay import kuberay
from support.servers import FileServer
from support.small_world import small_world  # noqa: F401
from swath.cli import job as job_module
from swath.cluster import Where
from swath.cluster.elsewhere import free
from swath.cluster.kuberay import KubeRaySpec, Kubernetes, manifest
from swath.errors import ClusterError
from swath.mapping.run import carry_out
from swath.settings import settings

TOKEN = "of-the-cluster"


@pytest.fixture
def jobs(monkeypatch):
    """A Jobs API that asks for the token of the cluster; its jobs run in a thread, without Ray."""
    monkeypatch.setenv("SWATH_PROGRESS_S", "0.3")
    settings.cache_clear()

    def inline(plan, **more):
        stop = api.stopping.is_set
        told = {**more, "cluster": "inline", "say": lambda _: None, "display": "none", "should_stop": stop}
        return carry_out(plan, **told)

    def work(job):
        for name, value in job["runtime_env"]["env_vars"].items():
            monkeypatch.setenv(name, value)
        return "SUCCEEDED" if job_module.run(*job["entrypoint"].split()[-2:]) == 0 else "FAILED"

    monkeypatch.setattr(job_module, "carry_out", inline)
    with jobs_api() as api:
        api.work, api.token = work, TOKEN
        yield api
    settings.cache_clear()


@pytest.fixture
def cluster(jobs, tmp_path, monkeypatch):
    """(API of Kubernetes, file of the cluster)."""
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    with kuberay(tmp_path, jobs.address, TOKEN) as (api, file):
        api.made = []
        operator = api.on_create
        api.on_create = lambda body: (api.made.append(body), operator(body))
        yield api, file


@pytest.fixture(scope="module")
def archive(small_world):  # noqa: F811
    """The archive over HTTP, as pods see one."""
    server = FileServer(small_world.archive)
    yield f"{server.url}/catalog.json"
    server.close()


@pytest.fixture
def mapping(cluster, small_world, s3_bucket, archive):  # noqa: F811
    """`swath map` on the cluster: (exit code, document). Maps that nobody makes share a plan."""

    def run(*more, store=f"{s3_bucket}/never-made", source=archive):
        where = ("--cluster", "kuberay", "--cluster-spec", cluster[1])
        return swath("map", *small_world.request(store, *where, *more, source=source))

    return run


def pods(api):
    """Pods of each group of the clusters that were made."""
    groups = [group for body in api.made for group in body["spec"]["workerGroupSpecs"]]
    assert all(group["minReplicas"] == group["replicas"] == group["maxReplicas"] for group in groups)
    return [(group["groupName"], group["replicas"]) for group in groups]


def test_a_cluster_is_made_for_a_map_and_deleted_after_it_and_none_is_made_where_nothing_is_left(
    cluster, mapping, s3_bucket
):
    api, _ = cluster
    code, made = mapping(store=f"{s3_bucket}/made")
    assert code == 0, made
    assert made["units"] == {"done": 4, "found": 0, "failed": 0, "without_input": 0}
    # four units: a pod of eight cores has two workers
    assert (pods(api), api.clusters) == ([("cpu", 2)], {})
    api.put("ADDED", api.made[0])  # as a launcher leaves it that was killed after the last unit
    code, again = mapping(store=f"{s3_bucket}/made")
    assert (code, again["units"]["found"], len(api.made), api.clusters) == (0, 4, 1, {})


def test_asked_to_stop_in_the_middle_the_job_is_stopped_and_the_cluster_deleted(cluster, mapping, jobs, monkeypatch):
    from swath.runs import StopSignal

    jobs.work = lambda job: "SUCCEEDED" if jobs.stopping.wait(30) else "FAILED"
    monkeypatch.setattr(StopSignal, "__call__", lambda self: bool(jobs.submitted))
    code, told = mapping()
    assert (code, told["stopped"]) == (130, "the job was stopped")
    assert jobs.stopping.is_set()
    assert (len(cluster[0].made), cluster[0].clusters) == (1, {})


def test_a_job_that_is_killed_is_said_and_the_cluster_deleted(cluster, mapping, jobs):
    def killed(job):
        jobs.logs[job["submission_id"]] = "mapping\nKilled"
        return "FAILED"

    jobs.work = killed
    code, told = mapping()
    assert (code, cluster[0].clusters) == (2, {})
    assert told["error"]["message"].endswith("Killed")


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--deadline", "0.01"), "No number of workers meets a deadline of 36 s: the best there is takes 6"),
        (("--workers", "21"), "room for 20"),
        (("--workers", "2", "--deadline", "5"), "either says how many"),
        (("--detach",), "this process deletes at the end"),
        (("--set-cluster", "groups.0.cpus=none"), "groups.0.cpus"),
    ],
)
def test_what_no_cluster_can_do_is_refused_before_one_exists(cluster, mapping, more, says):
    code, told = mapping(*more)
    assert code == 2
    assert says in told["error"]["message"]
    assert cluster[0].made == []


def test_a_deadline_takes_the_fewest_pods_that_meet_it(cluster, mapping, jobs):
    jobs.work = lambda job: "FAILED"
    # all four units take seconds, by the assumed rates: one worker is in time
    mapping("--deadline", "1")
    assert pods(cluster[0]) == [("cpu", 1)]


def test_a_plan_says_the_cluster_that_it_would_take(cluster, small_world, tmp_path, capsys):  # noqa: F811
    asked = small_world.request(tmp_path, "--cluster-spec", cluster[1], "--deadline", "1")
    code, told = swath("plan", *asked)
    assert (code, told["fleet"]["groups"]["cpu"]["pods"], told["fleet"]["workers"]) == (0, 1, 2)
    assert 60 < told["fleet"]["seconds"] < 3600
    code, told = swath("plan", *asked[:-1], "0.01")
    assert (code, told["error"]["type"], cluster[0].made) == (2, "RequestError", [])


def test_a_store_and_files_of_this_machine_are_refused(cluster, mapping, small_world, tmp_path):  # noqa: F811
    code, told = mapping(store=tmp_path / "store")
    assert (code, told["error"]["type"]) == (2, "StoreError")
    assert not (tmp_path / "store").exists()
    code, told = mapping(source=small_world.catalog)
    assert (code, told["error"]["type"]) == (2, "SourceError")
    assert cluster[0].made == []


def test_a_right_that_lacks_is_named_before_a_cluster_exists(cluster, mapping):
    cluster[0].denied.add(("get", "secrets"))
    code, told = mapping()
    assert (code, told["error"]["type"], cluster[0].made) == (2, "CredentialsError", [])
    assert "may not get secrets" in told["error"]["message"]


def waiting(image):
    state = {"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}
    told = {"name": "ray", "image": image, "imageID": "", "ready": False, "restartCount": 0, "state": state}
    metadata = {"name": "w-1", "labels": {}}
    return {"metadata": metadata, "spec": {"containers": []}, "status": {"containerStatuses": [told]}}


def over_quota(cluster):
    message = "pods is forbidden: exceeded quota: team, requested: cpu=8"
    involved = {"name": cluster, "kind": "RayCluster"}
    return {
        "metadata": {"name": "e"}, "involvedObject": involved, "reason": "FailedToCreatePod", "message": message,
        "type": "Warning",
    }  # fmt: skip


@pytest.mark.parametrize("trouble", ["image", "quota", "credentials"])
def test_why_there_is_no_cluster_is_said_and_nothing_is_left(cluster, mapping, trouble, monkeypatch, tmp_path):
    api, _ = cluster
    if trouble == "image":
        api.pods, api.on_create, says = [waiting("swath:0.1.0")], lambda body: None, "ImagePullBackOff of swath:0.1.0"
    elif trouble == "quota":
        api.on_create, says = (
            lambda body: api.events.append(over_quota(body["metadata"]["name"])),
            "exceeded quota: team",
        )
    else:
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
        says = "There are no credentials for Kubernetes"
    code, told = mapping()
    assert (code, api.clusters) == (2, {})
    assert says in told["error"]["message"]
    assert told["error"]["fix"]


def test_a_cluster_without_a_token_is_not_used(cluster, mapping, jobs):
    operator = cluster[0].on_create
    cluster[0].on_create = lambda body: (operator(body), cluster[0].secrets.clear())
    code, told = mapping()
    assert (code, jobs.submitted, cluster[0].clusters) == (2, [], {})
    assert "would obey whoever reaches it" in told["error"]["message"]


def test_the_cluster_of_a_run_can_be_freed_by_others(cluster):
    api, file = cluster
    where = Where("kuberay", KubeRaySpec.load(file))
    Kubernetes("swath").create(manifest(where.spec, "0123456789ab"))
    assert free(where, "0123456789ab")
    assert (api.clusters, free(where, "0123456789ab"), free(Where("auto"), "x")) == ({}, False, False)


def test_a_launcher_that_was_killed_leaves_a_cluster_and_a_job_that_the_same_command_finds(
    cluster, mapping, jobs, s3_bucket
):
    api, _ = cluster
    held = threading.Event()
    work = jobs.work
    jobs.work = lambda job: work(job) if held.wait(30) else "FAILED"
    # what a kill -9 leaves: nobody has stopped the job or deleted the cluster
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("swath.cluster.kuberay.launch._delete", lambda *_: None)
        patch.setattr("swath.mapping.anywhere.follow", lambda *_, **__: (_ for _ in ()).throw(ClusterError("killed")))
        assert mapping("--workers", "1", store=f"{s3_bucket}/killed")[0] == 2
    assert (len(api.clusters), len(jobs.submitted)) == (1, 1)
    held.set()
    # by then less may be left, which would take fewer pods: the cluster is found whatever its size
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("swath.mapping.anywhere._left", lambda *_: 1)
        code, told = mapping("--workers", "1", store=f"{s3_bucket}/killed")
    assert code == 0, told
    assert told["units"]["done"] + told["units"]["found"] == 4
    assert (len(api.made), len(jobs.submitted), api.clusters) == (1, 1, {})
