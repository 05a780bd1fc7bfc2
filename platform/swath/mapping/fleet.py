"""The workers that a plan needs of a cluster on Kubernetes: enough for the deadline, and none that would be idle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from swath.cluster.kuberay import Group, KubeRaySpec
from swath.errors import ClusterError
from swath.mapping.amounts import Amounts
from swath.mapping.bill import Use, gpu_workers_fed, said_time, wall_s, workers_for_deadline
from swath.mapping.billing import Priced
from swath.mapping.run import MOST_THREADS


@dataclass(frozen=True)
class Fleet:
    """A cluster that fits a plan.

    Attributes:
        spec: With so many pods of each group, which stay while it maps.
        workers: In all its pods: a pod has several where it has cores for them.
        seconds: That the run takes by the expected rates, the start included.
    """

    spec: KubeRaySpec
    workers: int
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        pods = {
            one.name: {"pods": one.least, "cpus": one.cpus, "gpus": one.gpus, "memory_gib": one.memory_gib}
            for one in self.spec.groups
        }
        return {"groups": pods, "workers": self.workers, "seconds": self.seconds}

    def __str__(self) -> str:
        pods = ", ".join(f"{group.least} {group.name} of {_has(group)}" for group in self.spec.groups)
        return f"cluster: {pods}; {self.workers} workers, about {said_time(self.seconds)} with its start"


def fleet_for(
    priced: Priced,
    spec: KubeRaySpec,
    *,
    share: float = 1.0,
    deadline_s: float | None = None,
    workers: int | None = None,
) -> Fleet:
    """The pods of each group: by the deadline, by a number of workers, or as many as have something to do.

    Groups are filled in the order of the spec. Where a plan uses GPUs, only groups with GPUs serve, and a pod asks for
    no more of them than its cores feed by reading; else only groups without.

    Args:
        priced: The plan with its rates.
        spec: The groups, and how many pods each may have.
        share: Of the plan's units that are not made yet, 0 to 1.
        deadline_s: The run may take so long, the start included.
        workers: That many, not by the deadline.

    Raises:
        ClusterError: No group serves, more workers than there is room for, or both a deadline and a number.
        RequestError: No size meets the deadline; says the best there is.
    """
    if deadline_s is not None and workers is not None:
        raise ClusterError(
            f"--workers {workers} and a deadline of {said_time(deadline_s)}: either says how many workers there are.",
            fix="Give one of them.",
        )
    use, amounts = priced.use(share), priced.amounts.share(share)
    on_gpu = use.gpu_hours.high > 0
    groups = [_fed(group, priced, amounts) for group in spec.groups if bool(group.gpus) == on_gpu]
    if not groups:
        raise ClusterError(
            f"The plan {'uses GPUs' if on_gpu else 'uses no GPU'}, and every group of the cluster has "
            f"{'none' if on_gpu else 'some'}: {', '.join(group.name for group in spec.groups)}.",
            fix=f"Add a group with{'' if on_gpu else 'out'} gpus to the cluster's file.",
        )
    cores = min([MOST_THREADS, *(group.cpus for group in groups)])
    slots = [group.gpus if on_gpu else group.cpus // cores for group in groups]
    if on_gpu:
        cores = min(group.cpus // group.gpus for group in groups) or 1
    room = sum(group.most * each for group, each in zip(groups, slots, strict=True))
    if workers is not None and workers > room:
        raise ClusterError(
            f"--workers {workers}, and the cluster's groups have room for {room}.",
            fix="Give fewer, or raise `most` of a group: --set-cluster groups.0.most=N.",
        )
    wanted = workers or _wanted(use, amounts, spec, deadline_s, cores=cores, room=room)
    pods, left = {}, wanted
    for group, each in zip(groups, slots, strict=True):
        pods[group.name] = min(group.most, -(-left // each))
        left = max(0, left - pods[group.name] * each)
    made = spec.model_copy(update={"groups": tuple(groups)}).sized(**pods)
    has = sum(pods[group.name] * each for group, each in zip(groups, slots, strict=True))
    return Fleet(made, has, spec.start_s + wall_s(use, amounts, has, cores).expected)


def _wanted(use: Use, amounts: Amounts, spec: KubeRaySpec, deadline_s: float | None, *, cores: int, room: int) -> int:
    if deadline_s is None:
        return max(1, min(room, amounts.units))
    return workers_for_deadline(use, amounts, deadline_s=deadline_s, cores=cores, most=room, start_s=spec.start_s)


def _fed(group: Group, priced: Priced, amounts: Amounts) -> Group:
    """A group whose pods ask for no more GPUs than their cores feed."""
    if not group.gpus:
        return group
    fed = gpu_workers_fed(priced.rates, amounts, cores=group.cpus)
    return group.model_copy(update={"gpus": min(group.gpus, fed)})


def _has(group: Group) -> str:
    return f"{group.cpus} cores" + (f" and {group.gpus} GPU{'s' * (group.gpus > 1)}" if group.gpus else "")
