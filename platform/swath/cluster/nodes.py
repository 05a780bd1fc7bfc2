"""What a cluster has."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Node:
    """One living node.

    Attributes:
        name: Address and first digits of the id.
        cpus: CPUs that Ray counts there, free or not.
        gpus: GPUs likewise.
        memory: Bytes that Ray counts there.
    """

    name: str
    cpus: float
    gpus: float
    memory: int


def nodes() -> list[Node]:
    """The living nodes of the Ray cluster that this process is connected to."""
    import ray

    found = []
    for node in ray.nodes():  # type: ignore[no-untyped-call]
        if node["Alive"]:
            has = node["Resources"]
            name = f"{node['NodeManagerAddress']}/{node['NodeID'][:8]}"
            found.append(Node(name, has.get("CPU", 0.0), has.get("GPU", 0.0), int(has.get("memory", 0))))
    return sorted(found, key=lambda node: node.name)
