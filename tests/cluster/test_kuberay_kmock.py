"""The same launcher against kmock, an emulator of Kubernetes that is not ours."""

import asyncio
import threading

import pytest

from swath.cluster.kuberay import Group, KubeRaySpec, Kubernetes, manifest
from swath.cluster.kuberay.manifest import DELETE_AFTER, cluster_name

kmock = pytest.importorskip("kmock")
SPEC = KubeRaySpec(image="swath:0.1.0", groups=(Group(name="cpu", cpus=4, memory_gib=8, least=1, most=1),))
NAME = cluster_name("run")
STATUS = {"state": "ready", "readyWorkerReplicas": 1, "head": {"serviceName": "head"}}


@pytest.fixture
def emulator():
    """kmock on a port of loopback, in a thread with a loop of its own; (URL, emulator)."""
    loop, ready, told = asyncio.new_event_loop(), threading.Event(), {}

    async def serve():
        end = told["end"] = asyncio.Event()
        async with kmock.KubernetesEmulator() as api, kmock.Server(api) as server:
            api.resources["ray.io/v1/rayclusters"] = {"namespaced": True, "kind": "RayCluster"}
            api.resources["v1/pods"] = {"namespaced": True, "kind": "Pod"}
            api.resources["v1/events"] = {"namespaced": True, "kind": "Event"}
            api["post /apis/authorization.k8s.io/v1/selfsubjectaccessreviews"] << {"status": {"allowed": True}}
            told.update(api=api, url=str(server.url).rstrip("/"))
            ready.set()
            await end.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(20)
    yield told["url"], told["api"]
    loop.call_soon_threadsafe(told["end"].set)
    thread.join(20)
    loop.close()


def test_create_get_list_patch_and_delete(emulator):
    api = Kubernetes("swath", host=emulator[0], backoff_s=0.01)
    api.create(manifest(SPEC, "run"))
    assert api.get(NAME)["spec"]["rayVersion"] == SPEC.ray_version
    assert [one["metadata"]["name"] for one in api.list_clusters("a=b")] == [NAME]
    api.patch(NAME, {"metadata": {"annotations": {DELETE_AFTER: "2030-01-01T00:00:00+00:00"}}})
    assert api.get(NAME)["metadata"]["annotations"][DELETE_AFTER] == "2030-01-01T00:00:00+00:00"
    assert api.delete(NAME)
    assert api.list_clusters("a=b") == []


def test_a_watch_hears_of_a_change(emulator):
    api = Kubernetes("swath", host=emulator[0], backoff_s=0.01)
    api.create(manifest(SPEC, "run"))
    threading.Timer(0.3, api.patch, (NAME, {"status": STATUS})).start()
    heard = next(found for _, found in api.watch(NAME, "", 10) if found.get("status"))
    assert heard["status"]["state"] == "ready"
