"""The RayCluster (ray.io/v1) of a spec."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from swath.cluster.kuberay.spec import Group, Head, KubeRaySpec, Pod, Toleration

GROUP, VERSION, PLURAL = "ray.io", "v1", "rayclusters"
MANAGER = {"app.kubernetes.io/managed-by": "swath"}
RUN_LABEL = "swath.earth/run"
DELETE_AFTER = "swath.earth/delete-after"  #: annotation: the sweep deletes the cluster after this time (ISO, UTC)
SPEC_DIGEST = "swath.earth/spec"  #: annotation
DASHBOARD_PORT = 8265
_USER = 1000


def cluster_name(run: str) -> str:
    """The name of a run's cluster: the same run finds its own."""
    return f"swath-{hashlib.sha256(run.encode()).hexdigest()[:10]}"


def manifest(
    spec: KubeRaySpec,
    run: str,
    *,
    owner: Mapping[str, Any] | None = None,
    now: datetime | None = None,
    origin: KubeRaySpec | None = None,
) -> dict[str, Any]:
    """The object that KubeRay makes a cluster of.

    Args:
        spec: What it shall be.
        run: Id of the run that it is for.
        owner: Reference to the object with which it shall go (a Pod or Job of the launcher), as `ownerReferences` has
            it: Kubernetes deletes the cluster when that object is deleted.
        now: Of the annotation with the time after which it may be swept away.
        origin: What `spec` is a size of: clusters of one origin are found again whatever their size.
    """
    body: dict[str, Any] = {
        "rayVersion": spec.ray_version,
        "authOptions": {"mode": "token"},  # Ray listens on all interfaces
        "enableInTreeAutoscaling": spec.elastic,
        "headGroupSpec": {
            "rayStartParams": {"num-cpus": "0", "dashboard-host": "0.0.0.0"},
            "template": _template(spec, spec.head),
        },
        "workerGroupSpecs": [_workers(spec, group) for group in spec.groups],
    }
    if spec.elastic:
        body["autoscalerOptions"] = {
            "securityContext": _container_security(),
            "resources": _amounts({"cpu": "500m", "memory": "512Mi"}),
        }
    if spec.fault_tolerance is not None:
        body["gcsFaultToleranceOptions"] = _fault_tolerance(spec, run)
    metadata: dict[str, Any] = {
        "name": cluster_name(run),
        "namespace": spec.namespace,
        "labels": {**MANAGER, RUN_LABEL: label(run)},
        "annotations": {DELETE_AFTER: delete_after(spec, now), SPEC_DIGEST: spec_digest(origin or spec)},
    }
    if owner is not None:
        metadata["ownerReferences"] = [{"controller": False, "blockOwnerDeletion": False, **owner}]
    return {"apiVersion": f"{GROUP}/{VERSION}", "kind": "RayCluster", "metadata": metadata, "spec": body}


def delete_after(spec: KubeRaySpec, now: datetime | None = None) -> str:
    """The time after which a cluster is an orphan, unless its launcher is heard of."""
    return ((now or datetime.now(UTC)) + timedelta(seconds=spec.ttl_s)).isoformat(timespec="seconds")


def spec_digest(spec: KubeRaySpec) -> str:
    """Tells two clusters apart; how it is reached, and how long it is waited for, is none of the cluster."""
    values = spec.model_dump(mode="json", exclude={"jobs_address", "start_s"})
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:12]


def label(run: str) -> str:
    """A run's id as the value of a label, which has at most 63 characters of a few kinds."""
    plain = run.replace("_", "").replace("-", "").replace(".", "")
    if 0 < len(run) <= 63 and plain.isalnum() and plain.isascii() and run[0].isalnum() and run[-1].isalnum():
        return run
    return hashlib.sha256(run.encode()).hexdigest()[:16]


def _workers(spec: KubeRaySpec, group: Group) -> dict[str, Any]:
    start = {"num-cpus": str(group.cpus)}
    if group.gpus:
        start["num-gpus"] = str(group.gpus)
    return {
        "groupName": group.name,
        "replicas": group.least,
        "minReplicas": group.least,
        "maxReplicas": group.most,
        "rayStartParams": start,
        "template": _template(spec, group),
    }


def _template(spec: KubeRaySpec, pod: Pod) -> dict[str, Any]:
    head = isinstance(pod, Head)
    tolerations = [*pod.tolerations]
    if isinstance(pod, Group) and pod.spot and spec.spot.toleration is not None:
        tolerations.append(spec.spot.toleration)
    body: dict[str, Any] = {
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "fsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        # the autoscaler beside the head asks Kubernetes for workers; nothing else does
        "automountServiceAccountToken": head and spec.elastic,
        "enableServiceLinks": False,
        "containers": [_container(spec, pod)],
        "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": _size(pod.disk_gib)}}],
    }
    if spec.service_account is not None:
        body["serviceAccountName"] = spec.service_account
    if spec.pull_secrets:
        body["imagePullSecrets"] = [{"name": name} for name in spec.pull_secrets]
    if pod.node_selector:
        body["nodeSelector"] = dict(pod.node_selector)
    if tolerations:
        body["tolerations"] = [_toleration(toleration) for toleration in tolerations]
    affinity = _affinity(spec, pod)
    if affinity is not None:
        body["affinity"] = {"nodeAffinity": affinity}
    return {"metadata": {"labels": dict(MANAGER)}, "spec": body}


def _container(spec: KubeRaySpec, pod: Pod) -> dict[str, Any]:
    amounts = {"cpu": str(pod.cpus), "memory": _size(pod.memory_gib), "ephemeral-storage": _size(pod.disk_gib)}
    if isinstance(pod, Group) and pod.gpus:
        amounts[pod.gpu_resource] = str(pod.gpus)
    # the root is read-only: whatever looks for a home or a cache finds it in /tmp
    environment = {"HOME": "/tmp", "SWATH_CACHE": "/tmp/swath-cache", "RAY_USAGE_STATS_ENABLED": "0"}
    container: dict[str, Any] = {
        "name": "ray-head" if isinstance(pod, Head) else "ray-worker",
        "image": spec.image,
        "env": [{"name": name, "value": value} for name, value in {**environment, **spec.environment}.items()],
        "resources": _amounts(amounts),
        "securityContext": _container_security(),
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
    }
    if isinstance(pod, Head):
        container["ports"] = [
            {"name": "gcs-server", "containerPort": 6379},
            {"name": "dashboard", "containerPort": DASHBOARD_PORT},
            {"name": "client", "containerPort": 10001},
        ]
    return container


def _amounts(amounts: Mapping[str, str]) -> dict[str, Any]:
    return {"requests": dict(amounts), "limits": dict(amounts)}


def _container_security() -> dict[str, Any]:
    return {
        "allowPrivilegeEscalation": False,
        "privileged": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def _affinity(spec: KubeRaySpec, pod: Pod) -> dict[str, Any] | None:
    """Workers that may be on spot prefer it; the head and the others keep away from it."""
    expression = {"key": spec.spot.label, "values": [spec.spot.value]}
    if isinstance(pod, Group) and pod.spot:
        term = {"matchExpressions": [{**expression, "operator": "In"}]}
        return {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "preference": term}]}
    term = {"matchExpressions": [{**expression, "operator": "NotIn"}]}
    return {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}


def _toleration(toleration: Toleration) -> dict[str, str]:
    return toleration.model_dump(exclude_none=True)


def _fault_tolerance(spec: KubeRaySpec, run: str) -> dict[str, Any]:
    assert spec.fault_tolerance is not None
    told = spec.fault_tolerance
    options: dict[str, Any] = {"redisAddress": told.redis, "externalStorageNamespace": cluster_name(run)}
    if told.password_secret is not None:
        key = {"name": told.password_secret, "key": told.password_key}
        options["redisPassword"] = {"valueFrom": {"secretKeyRef": key}}
    return options


def _size(gib: float) -> str:
    return f"{round(gib * 1024)}Mi"
