"""Ray clusters on Kubernetes by the KubeRay operator: spec, manifest, launch, delete."""

from __future__ import annotations

from swath.cluster.kuberay.api import Kubernetes
from swath.cluster.kuberay.launch import ClusterGoneError, Launched, launched, owner_from_environment
from swath.cluster.kuberay.manifest import cluster_name, manifest
from swath.cluster.kuberay.spec import FaultTolerance, Group, Head, KubeRaySpec, Spot, Toleration
from swath.cluster.kuberay.sweep import Orphan, sweep

__all__ = [
    "ClusterGoneError",
    "FaultTolerance",
    "Group",
    "Head",
    "KubeRaySpec",
    "Kubernetes",
    "Launched",
    "Orphan",
    "Spot",
    "Toleration",
    "cluster_name",
    "launched",
    "manifest",
    "owner_from_environment",
    "sweep",
]
