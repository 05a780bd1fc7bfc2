"""The life of a cluster on Kubernetes, against an API that answers as the conventions say."""

import base64
import threading
from datetime import UTC, datetime, timedelta

import pytest

from support.kubernetes_api import kubernetes_api
from swath.cluster.kuberay import Group, KubeRaySpec, Kubernetes, launched, manifest, sweep
from swath.cluster.kuberay.manifest import DELETE_AFTER, cluster_name
from swath.errors import ClusterError, CredentialsError, RunStoppedError

RUN = "0123456789ab"
NAME = cluster_name(RUN)
SPEC = KubeRaySpec(image="swath:0.1.0", groups=(Group(name="cpu", cpus=4, memory_gib=8, least=2, most=2),))
KIND = "/rayclusters"


@pytest.fixture
def server():
    with kubernetes_api() as api:
        api.on_create = lambda cluster: api.ready(cluster["metadata"]["name"], 2)
        yield api


def kubernetes(server):
    return Kubernetes("swath", host=server.url, backoff_s=0.01)


def launch(server, **more):
    said = []
    return launched(SPEC, RUN, api=kubernetes(server), say=said.append, **more), said


def pod(name="w-1", **status):
    return {
        "metadata": {"name": name, "labels": {"ray.io/cluster": NAME}},
        "spec": {"containers": []},
        "status": status,
    }


def waiting(why, message=""):
    state = {"waiting": {"reason": why, "message": message}}
    return pod(
        containerStatuses=[
            {"name": "ray-worker", "image": "swath:9", "imageID": "", "ready": False, "restartCount": 0, "state": state}
        ]
    )


def event(message, reason="FailedToCreatePod"):
    involved = {"name": NAME, "kind": "RayCluster"}
    return {
        "metadata": {"name": "e"}, "involvedObject": involved, "reason": reason, "message": message, "type": "Warning"
    }  # fmt: skip


def test_a_cluster_is_made_waited_for_and_deleted(server):
    server.on_create = lambda _: threading.Timer(0.3, server.ready, (NAME, 2)).start()
    block, said = launch(server)
    with block as cluster:
        assert (cluster.workers, cluster.adopted) == (2, False)
        assert cluster.jobs == f"http://{NAME}-head-svc.swath.svc:8265"
        assert NAME in server.clusters
    assert server.clusters == {}
    assert said[-1] == f"deleted the cluster {NAME}"


def test_it_is_deleted_when_the_block_fails(server):
    block, _ = launch(server)
    with pytest.raises(ZeroDivisionError), block:
        _ = 1 / 0
    assert server.clusters == {}


def test_workers_that_are_not_all_ready_are_waited_for(server):
    server.on_create = lambda _: server.ready(NAME, 1)
    block, _ = launch(server, ready_s=1.2)
    with pytest.raises(ClusterError, match="is not ready after 1 s"), block:
        pass
    assert server.clusters == {}


def test_the_cluster_of_a_launcher_that_died_is_found(server):
    kubernetes(server).create(manifest(SPEC, RUN))
    block, said = launch(server)
    with block as cluster:
        assert cluster.adopted
    assert server.count("POST", KIND) == 1
    assert said[0] == f"found the cluster {NAME} of this run"


def test_a_cluster_of_this_run_with_another_spec_is_made_anew(server):
    kubernetes(server).create(manifest(SPEC.model_copy(update={"image": "swath:0.0.9"}), RUN))
    block, _ = launch(server)
    with block as cluster:
        made = server.clusters[NAME]["spec"]["headGroupSpec"]["template"]["spec"]["containers"][0]["image"]
        assert (cluster.adopted, made) == (False, "swath:0.1.0")


def test_a_cluster_of_somebody_else_is_refused_and_stays(server):
    other = manifest(SPEC, RUN)
    other["metadata"]["labels"] = {}
    server.put("ADDED", other)
    block, _ = launch(server)
    with pytest.raises(ClusterError, match="none of this run"), block:
        pass
    assert NAME in server.clusters


def test_a_create_whose_answer_was_lost_is_ours(server):
    server.fault = lambda method, path, number: 0 if method == "POST" and KIND in path and number == 1 else None
    block, _ = launch(server)
    with block as cluster:
        assert not cluster.adopted
    assert server.clusters == {}


@pytest.mark.parametrize("status", [429, 500, 503])
def test_calls_that_may_pass_are_tried_again(server, status):
    server.fault = lambda method, path, number: status if KIND in path and "watch" not in path and number < 3 else None
    block, _ = launch(server)
    with block:
        pass
    assert server.clusters == {}


def test_the_wait_that_the_api_asks_for_is_kept(server):
    server.fault = lambda method, path, number: (429, {"Retry-After": "1"}) if number == 1 and "/pods" in path else None
    began = datetime.now(UTC)
    assert kubernetes(server).pods(NAME) == []
    assert datetime.now(UTC) - began >= timedelta(seconds=1)


def test_other_refusals_are_not_tried_again(server):
    server.fault = lambda method, path, number: 422 if method == "POST" and KIND in path else None
    block, _ = launch(server)
    with pytest.raises(ClusterError, match="answers 422 to create"), block:
        pass
    assert server.count("POST", KIND) == 1


@pytest.mark.parametrize(
    ("prepare", "says"),
    [
        (lambda server: server.denied.add(("create", "rayclusters")), r"may not create rayclusters\.ray\.io"),
        (lambda server: server.denied.add(("list", "events")), "may not list events"),
        (lambda server: setattr(server, "fault", lambda *_: 401), "refuses these credentials"),
    ],
)
def test_rights_that_lack_are_named_before_the_cluster_exists(server, prepare, says):
    prepare(server)
    block, _ = launch(server)
    with pytest.raises(CredentialsError, match=says), block:
        pass
    assert server.count("POST", KIND) == 0


def test_without_kuberay_it_is_said(server):
    server.fault = lambda method, path, number: 404 if KIND in path else None
    block, _ = launch(server)
    with pytest.raises(ClusterError, match="KubeRay is not installed"), block:
        pass


@pytest.mark.parametrize(
    ("pods", "events", "says"),
    [
        ([waiting("ImagePullBackOff", "not found")], [], "ImagePullBackOff of swath:9: not found"),
        ([waiting("CrashLoopBackOff")], [], "CrashLoopBackOff"),
        ([], [event("pods is forbidden: exceeded quota: team, requested: cpu=8")], "exceeded quota: team"),
        ([], [event("violates PodSecurity restricted")], "violates PodSecurity"),
    ],
)
def test_what_waiting_does_not_mend_ends_it_at_once_with_the_reason(server, pods, events, says):
    server.on_create, server.pods, server.events = lambda _: None, pods, events
    block, _ = launch(server, ready_s=300)
    with pytest.raises(ClusterError, match=says), block:
        pass
    assert server.clusters == {}


def test_pods_without_a_place_are_waited_for_and_named_at_the_end(server):
    message = "0/3 nodes are available: 3 Insufficient cpu"
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    server.on_create = lambda _: None
    server.pods = [pod("w-1", conditions=[condition]), pod("w-2", conditions=[condition])]
    block, said = launch(server, ready_s=1.2)
    with pytest.raises(ClusterError, match="w-1 and 1 more: unschedulable: 0/3 nodes"), block:
        pass
    assert any("waiting for" in line and "Insufficient cpu" in line for line in said)


@pytest.mark.parametrize("trouble", ["dropped", "expired"])
def test_a_watch_that_breaks_is_taken_up(server, trouble):
    server.on_create = lambda _: threading.Timer(0.4, server.ready, (NAME, 2)).start()
    if trouble == "dropped":
        server.drop_watch = 0
    else:
        server.oldest = 10**6
    block, _ = launch(server, ready_s=20)
    with block as cluster:
        assert cluster.workers == 2


def test_a_watch_goes_on_from_the_version_that_was_read(server):
    def when_watched(method, path, number):
        if "watch=" in path:
            threading.Timer(0.1, server.ready, (NAME, 2)).start()

    server.on_create, server.fault = lambda _: None, when_watched
    block, _ = launch(server)
    with block:
        pass
    (watched,) = [path for method, path in server.requests if "watch=" in path]
    assert "resourceVersion=101" in watched


def test_a_cluster_that_is_deleted_while_it_starts_is_said(server):
    server.on_create = lambda made: threading.Timer(0.3, server.put, ("DELETED", made)).start()
    block, _ = launch(server)
    with pytest.raises(ClusterError, match="was deleted while it started"), block:
        pass


def test_asked_to_stop_while_it_waits_it_is_deleted(server):
    server.on_create = lambda _: None
    block, _ = launch(server, should_stop=lambda: True)
    with pytest.raises(RunStoppedError), block:
        pass
    assert server.clusters == {}


def test_a_delete_that_fails_does_not_hide_what_the_block_raised(server):
    block, said = launch(server)
    with pytest.raises(ZeroDivisionError), block:
        server.fault = lambda method, path, number: 400 if method == "DELETE" else None
        _ = 1 / 0
    assert "could not be deleted, the sweep will" in said[-1]


def test_who_is_heard_of_is_no_orphan_yet(server):
    block, _ = launch(server)
    with block as cluster:
        server.put("MODIFIED", manifest(SPEC, RUN, now=datetime(2020, 1, 1, tzinfo=UTC)))
        cluster.heard_of()
        assert datetime.fromisoformat(server.clusters[NAME]["metadata"]["annotations"][DELETE_AFTER]) > datetime.now(
            UTC
        )


def test_the_token_is_read_from_the_secret_of_the_cluster(server):
    server.secrets[NAME] = {"auth_token": base64.b64encode(b"word").decode()}
    block, _ = launch(server)
    with block as cluster:
        assert cluster.token() == "word"


def test_the_sweep_deletes_what_is_overdue_and_ours_over_all_pages(server):
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    for number in range(5):
        server.put("ADDED", manifest(SPEC, f"run-{number}", now=None if number == 4 else long_ago))
    foreign = manifest(SPEC, "foreign", now=long_ago)
    foreign["metadata"]["labels"] = {"app.kubernetes.io/managed-by": "helm"}
    server.put("ADDED", foreign)
    listed = sweep(kubernetes(server), dry_run=True)
    assert (len(listed), len(server.clusters)) == (4, 6)
    assert sorted(one.run for one in sweep(kubernetes(server))) == [f"run-{number}" for number in range(4)]
    assert set(server.clusters) == {cluster_name("run-4"), cluster_name("foreign")}


def test_without_credentials_the_variable_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(CredentialsError, match="KUBECONFIG"):
        Kubernetes("swath")
