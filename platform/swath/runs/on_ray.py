"""Units on a Ray cluster: actors pull them, pixels never cross the object store."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from swath.cluster import Node, nodes
from swath.errors import ClusterError
from swath.runs.budget import available_memory
from swath.runs.desk import Desk, place
from swath.runs.outcome import Outcome
from swath.runs.pipeline import IN_FLIGHT, Pipeline
from swath.runs.work import Unit, Work
from swath.runs.workers import Ended, Task
from swath.settings import settings

# By default each new thread may get an arena of glibc's malloc of its own, and memory freed into one is not used by the
# others. Reading starts threads for every unit: the peak of a worker rose from 672 MB at 20 units to 734 at 200, with
# two arenas from 543 to 558, at the same speed. It counts only when it is set before the process starts.
_ENVIRONMENT = {"MALLOC_ARENA_MAX": "2"}
_LOOK_S = 5.0  # how often the driver looks for nodes that came or went


class RayExecutor:
    """Run units in actors of the Ray cluster that this process is connected to (`swath.cluster.connect`).

    Args:
        cpus: CPUs of one actor; by default those of the smallest node, at most 4.
        gpus: GPUs of one actor.
        memory: Bytes that units in flight of one actor may hold; its share of its node's free memory times
            SWATH_MEMORY_FRACTION by default.
        most: Most actors; by default as many as the nodes hold, and more as nodes come.
        start_s: Seconds to wait for a first (or, when all have died, another) actor before giving up.
    """

    def __init__(
        self,
        *,
        cpus: float | None = None,
        gpus: float = 0,
        memory: int | None = None,
        most: int | None = None,
        start_s: float = 300,
    ) -> None:
        self.cpus, self.gpus, self.memory, self.most, self.start_s = cpus, gpus, memory, most, start_s

    def open(self, work: Work[Any, Any, Any]) -> RayWorkers:
        """Put the work once, and ask for the actors."""
        return RayWorkers(work, self)


class RayWorkers:
    """The actors of one run. A dead one is replaced; its units come back as lost."""

    def __init__(self, work: Work[Any, Any, Any], executor: RayExecutor) -> None:
        import ray

        self._ray: Any = ray
        self._executor = executor
        cpus = [node.cpus for node in nodes() if node.cpus]
        self._cpus = executor.cpus or min([*cpus, 4.0])
        self._work = ray.put(work)
        self._why = "none was scheduled"
        self._kind = self._ray.remote(
            max_concurrency=IN_FLIGHT,
            max_restarts=0,  # a restarted actor would hide that its units were lost
            max_task_retries=0,
            num_cpus=self._cpus,
            num_gpus=executor.gpus,
            runtime_env={"env_vars": _ENVIRONMENT},
        )(_Actor)
        self._starting: dict[Any, Any] = {}  # ref of `ready` -> actor
        self._desks: list[Desk[Any]] = []
        self._refs: dict[Any, tuple[Desk[Any], Task]] = {}
        self._alive = time.monotonic()
        self._looked = 0.0
        self._grow()

    def offer(self, task: Task) -> bool:
        """See `Workers.offer`."""

        def give(desk: Desk[Any]) -> None:
            self._refs[desk.worker.run.remote(task.unit)] = (desk, task)

        return place(self._desks, task, give)

    def wait(self, timeout_s: float) -> Sequence[Ended]:
        """See `Workers.wait`.

        Raises:
            ClusterError: No actor could be had for `start_s`.
        """
        self._grow()
        refs = [*self._refs, *self._starting]
        if not refs:
            time.sleep(timeout_s)
        ready, _ = self._ray.wait(refs, num_returns=1, timeout=timeout_s) if refs else ([], [])
        if ready:  # whatever else has come back meanwhile
            ready, _ = self._ray.wait(refs, num_returns=len(refs), timeout=0)
        ended: list[Ended] = []
        for ref in ready:
            ended += self._welcome(ref) if ref in self._starting else self._collect(ref)
        for desk in [desk for desk in self._desks if desk.hangs()]:
            ended += self._bury(desk, "another unit of this worker hung", timed_out=True)
        self._check()
        return ended

    def close(self) -> None:
        """See `Workers.close`."""
        for actor in [*self._starting.values(), *(desk.worker for desk in self._desks)]:
            self._ray.kill(actor, no_restart=True)
        self._starting, self._desks, self._refs = {}, [], {}

    def _grow(self) -> None:
        """Ask for as many actors as the nodes of this moment hold."""
        if time.monotonic() - self._looked < _LOOK_S and self._looked:
            return
        self._looked = time.monotonic()
        room = sum(self._fits(node) for node in nodes())
        # one is asked for even where none fits: an autoscaler may bring a node for it
        wanted = max(1, room if self._executor.most is None else min(room, self._executor.most))
        share = max([1, *(self._fits(node) for node in nodes())])
        for _ in range(wanted - len(self._desks) - len(self._starting)):
            actor = self._kind.remote(self._work, self._executor.memory, share)
            self._starting[actor.ready.remote()] = actor

    def _fits(self, node: Node) -> int:
        by_cpu = int(node.cpus // self._cpus)
        return min(by_cpu, int(node.gpus // self._executor.gpus)) if self._executor.gpus else by_cpu

    def _welcome(self, ref: Any) -> list[Ended]:
        actor = self._starting.pop(ref)
        try:
            name = self._ray.get(ref)
        except (self._ray.exceptions.RayActorError, self._ray.exceptions.RayTaskError) as error:
            self._ray.kill(actor, no_restart=True)
            text = str(error).strip()
            if "creation task" in text or isinstance(error, self._ray.exceptions.RayTaskError):
                raise ClusterError(
                    f"A worker could not be started: {text.splitlines()[-1]}",
                    fix="Every node needs the same Swath and Python packages as this one.",
                ) from error
            self._why = _why(error)  # its node went away before it answered; `_grow` asks again
            return []
        self._desks.append(Desk(actor, name))
        self._alive = time.monotonic()
        return []

    def _collect(self, ref: Any) -> list[Ended]:
        if ref not in self._refs:  # its actor was buried a moment ago
            return []
        desk, task = self._refs[ref]
        try:
            told = self._ray.get(ref)
        except (self._ray.exceptions.RayActorError, self._ray.exceptions.ObjectLostError) as error:
            return self._bury(desk, _why(error))
        except self._ray.exceptions.RayTaskError as error:
            # Pipeline.run never raises: what does is the sending itself (a result that does not pickle, ...)
            told = asdict(Outcome.failure(task.unit.id, _cause(error)))
        del self._refs[ref]
        desk.take(task)
        return [Ended(task, Outcome(**told))]

    def _bury(self, desk: Desk[Any], why: str, *, timed_out: bool = False) -> list[Ended]:
        """End an actor for good, so that a unit that is given elsewhere does not run twice, and take its tasks back."""
        self._ray.kill(desk.worker, no_restart=True)
        self._desks.remove(desk)
        self._refs = {ref: (other, task) for ref, (other, task) in self._refs.items() if other is not desk}
        self._looked = 0.0
        if not self._desks:
            self._alive = time.monotonic()
        return desk.drop(why, timed_out=timed_out)

    def _check(self) -> None:
        """Raise when there is no worker and none comes: a task that no node can host would wait for ever."""
        if self._desks or time.monotonic() - self._alive < self._executor.start_s:
            return
        has = ", ".join(f"{node.name}: {node.cpus:g} CPU, {node.gpus:g} GPU" for node in nodes()) or "no node"
        raise ClusterError(
            f"No worker started in {self._executor.start_s:g} s ({self._why}): one asks for {self._cpus:g} CPU and "
            f"{self._executor.gpus:g} GPU, the cluster has {has}.",
            fix="Wait until other jobs free the nodes, ask for less a worker, or add nodes.",
            cpus=self._cpus,
            gpus=self._executor.gpus,
        )


class _Actor:
    """One worker process: a pipeline behind three threads of a Ray actor."""

    def __init__(self, work: Work[Any, Any, Any], memory: int | None, share: int) -> None:
        import ray

        node = ray.get_runtime_context().get_node_id()
        self._name = f"worker {os.getpid()} on {socket.gethostname()} (node {node[:8]})"
        memory = memory or int(available_memory() * settings().memory_fraction / share)
        self._pipeline = Pipeline(work, memory=memory, worker=self._name)

    def ready(self) -> str:
        """The name of this worker."""
        return self._name

    def run(self, unit: Unit) -> dict[str, Any]:
        """One unit; only what the outcome says goes back."""
        return asdict(self._pipeline.run(unit))


def _cause(error: Any) -> BaseException:
    """The error that the worker raised, without Ray's wrapping."""
    cause = getattr(error, "cause", None)
    return cause if isinstance(cause, BaseException) else error


def _why(error: Exception) -> str:
    """One line of Ray's many: what ended the actor."""
    text = str(error)
    if "memory" in text.lower() and "oom" in text.lower():
        return "its node ran out of memory and ended it"
    for line in text.splitlines():
        if "cause" in line.lower() or "died" in line.lower():
            return line.strip().rstrip(".")[:300]
    return type(error).__name__
