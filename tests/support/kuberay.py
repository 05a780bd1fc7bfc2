"""A cluster on Kubernetes whose Jobs API is somewhere on this machine, and a KUBECONFIG that leads to it."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from support.kubernetes_api import KubernetesApi, kubernetes_api

SPEC = {
    "image": "swath:0.1.0",
    "groups": [{"name": "cpu", "cpus": 8, "memory_gib": 16, "most": 10}],
    "start_s": 60,
}


@contextmanager
def kuberay(folder: Path, jobs: str, token: str | None) -> Iterator[tuple[KubernetesApi, Path]]:
    """An API whose operator makes every cluster ready at once, with the Jobs API at an address.

    Args:
        folder: Takes the file of the cluster, and the KUBECONFIG: `folder / "config"`.
        jobs: Address of the Jobs API.
        token: That KubeRay puts into the cluster's Secret; None puts none.

    Yields:
        The API, and the file for `--cluster-spec`.
    """
    with kubernetes_api() as api:

        def operator(cluster: dict) -> None:
            name = cluster["metadata"]["name"]
            if token is not None:
                api.secrets[name] = {"auth_token": base64.b64encode(token.encode()).decode()}
            api.ready(name, sum(group["replicas"] for group in cluster["spec"]["workerGroupSpecs"]))

        api.on_create = operator
        config = {
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": {"server": api.url}}],
            "users": [{"name": "test", "user": {"token": "none"}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        }  # fmt: skip
        (folder / "config").write_text(yaml.safe_dump(config))
        file = folder / "cluster.yaml"
        file.write_text(yaml.safe_dump({**SPEC, "jobs_address": jobs}))
        yield api, file
