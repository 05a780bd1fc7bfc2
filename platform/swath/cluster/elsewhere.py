"""A cluster elsewhere while a block runs: found by its address, or made on Kubernetes and deleted again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from swath.cluster.job import JobPlace
from swath.cluster.jobs import Jobs
from swath.cluster.kuberay import (
    ClusterGoneError,
    KubeRaySpec,
    Kubernetes,
    Launched,
    cluster_name,
    launched,
    owner_from_environment,
)
from swath.cluster.local_jobs import LocalJobs
from swath.cluster.where import HERE, Where
from swath.errors import ClusterError, CredentialsError, RunStoppedError

_ANSWER_S = 120.0  # from the moment that the head is ready until its service answers
_AGAIN_S = 2.0
Said = Callable[[str], None]


@dataclass(frozen=True)
class Elsewhere:
    """A cluster that takes jobs.

    Attributes:
        jobs: Its jobs.
        beat: Call it often while a job runs: a cluster whose launcher is silent is swept away. Raises ClusterError when
            the cluster is gone.
    """

    jobs: JobPlace
    beat: Callable[[], None] = lambda: None


@contextmanager
def elsewhere(
    where: Where,
    run: str,
    *,
    spec: KubeRaySpec | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    say: Said = lambda _: None,
) -> Iterator[Elsewhere]:
    """The cluster of a run while the block runs.

    Args:
        where: An address, `kuberay`, or this machine, apart from this process.
        run: That it is for: the same run finds a cluster that an earlier launcher of it left.
        spec: What `kuberay` makes, where the run has sized it; by default that of `where`.
        should_stop: Asked while a cluster starts.
        say: Told what is being done.

    Raises:
        CredentialsError: Of the Jobs API or of Kubernetes: missing, refused, or without a right.
        ClusterError: Nobody answers, versions differ, or a cluster does not become ready; the message has the reason.
        RunStoppedError: Asked to stop while a cluster started.
    """
    chosen = spec or where.spec
    if where.name in HERE:
        yield Elsewhere(LocalJobs("inline" if where.name == "inline" else "local"))
        return
    if chosen is None:
        yield Elsewhere(Jobs(where.name))
        return
    owner = owner_from_environment()
    with launched(chosen, run, owner=owner, origin=where.spec, should_stop=should_stop, say=say) as cluster:
        yield Elsewhere(_answering(cluster, should_stop), _Heartbeat(cluster, say))


def free(where: Where, run: str) -> bool:
    """Delete the cluster of a run whose launcher cannot do so any more; True where one stood.

    Raises:
        CredentialsError, ClusterError: Kubernetes refuses, or does not answer.
    """
    if where.spec is None:
        return False
    return Kubernetes(where.spec.namespace).delete(cluster_name(run))


def _answering(cluster: Launched, should_stop: Callable[[], bool]) -> Jobs:
    """The Jobs API of a cluster whose head has just become ready: its service may take a moment."""
    token, end = cluster.token(), time.monotonic() + _ANSWER_S
    while True:
        try:
            return Jobs(cluster.jobs, token=token)
        except CredentialsError:
            raise
        except ClusterError as error:
            if error.facts.get("there"):  # another version of Ray stays another one
                raise
            if time.monotonic() > end:
                raise ClusterError(
                    f"The cluster {cluster.name} is ready, and its Jobs API is not reached: {error.message}",
                    fix="Run this in a pod of that Kubernetes, or set jobs_address in the cluster's file to an ingress "
                    "or a forwarded port.",
                ) from error
            if should_stop():
                raise RunStoppedError(
                    "Stopped while the cluster started; it is deleted.", fix="The same command goes on."
                ) from error
            time.sleep(_AGAIN_S)


class _Heartbeat:
    """Says now and then that the launcher of a cluster lives."""

    def __init__(self, cluster: Launched, say: Said) -> None:
        self._cluster, self._say = cluster, say
        self._every_s = cluster.spec.ttl_s / 8
        self._next = time.monotonic() + self._every_s

    def __call__(self) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + self._every_s
        try:
            self._cluster.heard_of()
        except ClusterGoneError:
            raise
        except (ClusterError, CredentialsError) as error:
            # the run goes on: seven more tries come before the sweep would take the cluster
            self._say(f"Kubernetes was not told that {self._cluster.name} is in use: {error.message}")
