"""A cluster while a block runs: created or found, waited for with the reason why not, and always deleted."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from swath.cluster.kuberay.answers import KubernetesApiError
from swath.cluster.kuberay.api import Expired, Kubernetes
from swath.cluster.kuberay.manifest import (
    DASHBOARD_PORT,
    DELETE_AFTER,
    MANAGER,
    RUN_LABEL,
    SPEC_DIGEST,
    cluster_name,
    delete_after,
    label,
    manifest,
)
from swath.cluster.kuberay.reasons import Reason, reasons
from swath.cluster.kuberay.spec import KubeRaySpec
from swath.errors import ClusterError, RunStoppedError, SwathError

# KubeRay 1.5.1 and later makes a token for a cluster whose spec has `authOptions: {mode: token}`, under this key of a
# Secret that has the cluster's name (one of 50 characters at most, as ours): RAY_AUTH_TOKEN_SECRET_KEY of
# ray-operator/controllers/ray/utils, SetContainerTokenAuthEnvVars of ray-operator/controllers/ray/common/pod.go, and
# https://docs.ray.io/en/latest/cluster/kubernetes/user-guides/kuberay-auth.html
TOKEN_KEY = "auth_token"
_SLICE_S = 10  # of a watch: pods and events are looked at in between
Said = Callable[[str], None]


class ClusterGoneError(ClusterError):
    """A cluster that stood is there no more."""


@dataclass(frozen=True)
class Launched:
    """A cluster that is ready.

    Attributes:
        name: Of the RayCluster.
        namespace: Where it is.
        jobs: Address of its Jobs API: inside Kubernetes, or as the spec says.
        workers: Workers that are ready.
        adopted: It stood already: an earlier launcher of the same run has died.
        spec: What it is.
        api: Kubernetes.
    """

    name: str
    namespace: str
    jobs: str
    workers: int
    adopted: bool
    spec: KubeRaySpec
    api: Kubernetes

    def heard_of(self) -> None:
        """Put the time off after which it counts as an orphan; call it now and then while a job runs.

        Raises:
            ClusterGoneError: It is gone.
        """
        change = {"metadata": {"annotations": {DELETE_AFTER: delete_after(self.spec)}}}
        if self.api.patch(self.name, change) is None:
            raise ClusterGoneError(
                f"The cluster {self.name} is gone.", fix="The same command makes it anew and goes on."
            )

    def token(self) -> str:
        """The token of its Jobs API, which KubeRay keeps in a Secret of the cluster's name.

        Raises:
            ClusterError: There is none: this KubeRay does not know of tokens, and whoever reaches the cluster could use
                it.
        """
        token = self.api.secret(self.name, TOKEN_KEY)
        if token is None:
            raise ClusterError(
                f"KubeRay has made no Secret {self.name} with {TOKEN_KEY}: the cluster would obey whoever reaches it.",
                fix="Install the KubeRay operator 1.5.1 or later, whose RayCluster has authOptions.",
            )
        return token


def owner_from_environment() -> dict[str, str] | None:
    """The pod that this process runs in, as an owner reference; None unless POD_NAME and POD_UID are set."""
    name, uid = os.environ.get("POD_NAME"), os.environ.get("POD_UID")
    return {"apiVersion": "v1", "kind": "Pod", "name": name, "uid": uid} if name and uid else None


@contextmanager
def launched(
    spec: KubeRaySpec,
    run: str,
    *,
    api: Kubernetes | None = None,
    owner: Mapping[str, Any] | None = None,
    origin: KubeRaySpec | None = None,
    ready_s: float = 1800,
    should_stop: Callable[[], bool] = lambda: False,
    say: Said = lambda _: None,
) -> Iterator[Launched]:
    """A cluster for a run while the block runs; it is deleted at the end, whatever happens.

    Args:
        spec: What it shall be.
        run: Id of the run: the same run finds the cluster of a launcher that died.
        api: Kubernetes; by default by the pod's service account or KUBECONFIG.
        owner: Reference to an object with which the cluster shall go, too.
        origin: What `spec` is a size of. A cluster of the run and of the same origin is found whatever its size: what
            is left of a run shrinks, and its job goes on there.
        ready_s: Longest time until all its workers are ready, seconds.
        should_stop: Asked while it waits.
        say: Told what is being done.

    Raises:
        CredentialsError: Missing or refused, or a right is missing; named before the cluster exists.
        ClusterError: It does not become ready; the message has the reason.
        RunStoppedError: Asked to stop while it waited.
    """
    api = api or Kubernetes(spec.namespace)
    api.check_access()
    name = cluster_name(run)
    body = manifest(spec, run, owner=owner, origin=origin)
    mine = False
    try:
        mine, adopted = True, _create_or_adopt(api, body, run, ready_s, say)
        ready = _wait_ready(api, spec, name, adopted, ready_s, should_stop, say)
        yield ready
    except _NotOurs:
        mine = False
        raise
    finally:
        if mine:
            _delete(api, name, say)


class _NotOurs(ClusterError):
    """The name belongs to somebody else, whose cluster stays."""


def _create_or_adopt(api: Kubernetes, body: dict[str, Any], run: str, ready_s: float, say: Said) -> bool:
    """Create the cluster; True when one of this run stood already."""
    name = body["metadata"]["name"]
    end = time.monotonic() + ready_s
    first = True
    while True:
        found = api.get(name)
        if found is None:
            try:
                api.create(body)
            except KubernetesApiError as error:
                # 409: somebody was quicker, or a try of ours whose answer was lost
                if error.facts.get("status") != 409 or time.monotonic() > end:
                    raise
                first = False
                continue
            say(f"created the cluster {name}")
            return False
        metadata = found["metadata"]
        labels = metadata.get("labels") or {}
        if labels.get(RUN_LABEL) != label(run) or not MANAGER.items() <= labels.items():
            raise _NotOurs(
                f"A RayCluster {name} stands in {api.namespace}, and is none of this run.",
                fix="Delete it, or use another namespace.",
            )
        if metadata.get("deletionTimestamp"):  # of an earlier launcher: wait until it is gone
            if time.monotonic() > end:
                raise ClusterError(f"The cluster {name} is being deleted, and does not go.", fix="See its finalizers.")
            time.sleep(1)
            continue
        told = (metadata.get("annotations") or {}).get(SPEC_DIGEST)
        if told != body["metadata"]["annotations"][SPEC_DIGEST]:
            say(f"the cluster {name} of this run has another spec: it is made anew")
            api.delete(name)
            time.sleep(0.2)
            continue
        # a create of ours whose answer was lost left our own object: that is no other launcher's
        say(f"found the cluster {name} of this run")
        change = {DELETE_AFTER: body["metadata"]["annotations"][DELETE_AFTER]}
        api.patch(name, {"metadata": {"annotations": change}})
        return first


def _wait_ready(
    api: Kubernetes,
    spec: KubeRaySpec,
    name: str,
    adopted: bool,
    ready_s: float,
    should_stop: Callable[[], bool],
    say: Said,
) -> Launched:
    end = time.monotonic() + ready_s
    found, said = api.get(name), ""
    why: list[Reason] = []
    while True:
        if found is None:
            raise ClusterError(f"The cluster {name} was deleted while it started.", fix="Start it again.")
        wanted = sum(int(group.get("minReplicas") or 0) for group in found["spec"]["workerGroupSpecs"])
        if _is_ready(found, wanted):
            head = found["status"]["head"]["serviceName"]
            jobs = f"http://{head}.{spec.namespace}.svc:{DASHBOARD_PORT}"
            if spec.jobs_address is not None:
                jobs = spec.jobs_address.replace("{name}", name).replace("{namespace}", spec.namespace)
            workers = int(found["status"].get("readyWorkerReplicas") or 0)
            say(f"the cluster {name} is ready: {workers} workers")
            return Launched(name, spec.namespace, jobs, workers, adopted, spec, api)
        pods = api.pods(name)
        why = reasons(pods, api.warnings({name, *(pod["metadata"]["name"] for pod in pods)}))
        if why and why[0].fatal:
            raise _not_ready(name, f"cannot become ready: {why[0].text}", why)
        if why and why[0].text != said:
            said = why[0].text
            say(f"waiting for {name}: {said}")
        left = end - time.monotonic()
        if left <= 0:
            state = (found.get("status") or {}).get("reason") or "nothing says why"
            text = "; ".join(reason.text for reason in why) or state
            raise _not_ready(name, f"is not ready after {ready_s:.0f} s: {text}", why)
        if should_stop():
            raise RunStoppedError("Stopped while the cluster started; it is deleted.", fix="The same command goes on.")
        found = _next(api, name, found, wanted, max(1, min(_SLICE_S, int(left))))


def _next(api: Kubernetes, name: str, found: dict[str, Any], wanted: int, seconds: int) -> dict[str, Any] | None:
    """The cluster after its next changes, or after so many seconds."""
    begun = time.monotonic()
    try:
        for kind, changed in api.watch(name, str(found["metadata"].get("resourceVersion", "")), seconds):
            if kind == "DELETED":
                return None
            found = changed
            if _is_ready(found, wanted):
                return found
    except Expired:
        pass  # read again below
    if time.monotonic() - begun < 0.5:
        time.sleep(0.5)  # dropped or refused at once: not a busy loop
    return api.get(name)


def _is_ready(found: Mapping[str, Any], wanted: int) -> bool:
    status = found.get("status") or {}
    if not (status.get("head") or {}).get("serviceName") or int(status.get("readyWorkerReplicas") or 0) < wanted:
        return False
    conditions = {condition["type"]: condition["status"] for condition in status.get("conditions") or []}
    return status.get("state") == "ready" or conditions.get("HeadPodReady") == "True"


def _not_ready(name: str, text: str, why: list[Reason]) -> ClusterError:
    fix = why[0].fix if why else "See the log of the KubeRay operator."
    return ClusterError(f"The cluster {name} {text}.", fix=fix, reasons=[reason.text for reason in why])


def _delete(api: Kubernetes, name: str, say: Said) -> None:
    try:
        if api.delete(name):
            say(f"deleted the cluster {name}")
    except SwathError as error:
        # what the block raised matters more; the annotation, the owner and the sweep take care of it
        say(f"the cluster {name} could not be deleted, the sweep will: {error}")
