"""A job: a spec in a store that a process elsewhere carries out, and what every place that runs jobs can do."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Protocol

from swath.errors import ClusterError

# A job that is asked to stop lets units in flight finish; after so long it is killed, and nothing that is made is lost.
STOP_S = 30
_ENDED = frozenset({"SUCCEEDED", "FAILED", "STOPPED"})


class JobGoneError(ClusterError):
    """The place knows no such job: it was made anew, and asking again brings nothing."""


@dataclass(frozen=True)
class Job:
    """A job as Ray tells of it.

    Attributes:
        id: Submission id.
        status: PENDING, RUNNING, SUCCEEDED, FAILED or STOPPED.
        message: What Ray says of it: of a failed one, the end of its log.
        adopted: It stood already when it was submitted.
    """

    id: str
    status: str
    message: str = ""
    adopted: bool = False

    @property
    def ended(self) -> bool:
        """True once nothing more will come of it."""
        return self.status in _ENDED


def job_id(kind: str, uri: str, content: bytes) -> str:
    """The id of a job: the same for the same kind, URI and content of the spec."""
    digest = hashlib.sha256(b"\0".join([kind.encode(), uri.encode(), content])).hexdigest()
    return f"swath-{kind}-{digest[:16]}"


def job_ids(kind: str, uri: str, content: bytes) -> Iterator[str]:
    """The id of a job, then those of the next ones of the same spec: an id is given once only."""
    name = job_id(kind, uri, content)
    yield name
    yield from (f"{name}-{number}" for number in count(2))


class JobPlace(Protocol):
    """Where jobs run: a Ray cluster by its Jobs API (`Jobs`), or processes of this machine (`LocalJobs`)."""

    @property
    def address(self) -> str:
        """Of the place, for people."""
        ...

    def submit(self, kind: str, uri: str, content: bytes, *, again: bool = False) -> Job:
        """Submit the spec at a URI, or find the job that does it already."""
        ...

    def get(self, job: str) -> Job:
        """A job as it stands."""
        ...

    def stop(self, job: str, *, wait_s: float = STOP_S + 15) -> Job:
        """Ask a job to stop and wait until it has."""
        ...

    def logs(self, job: str, *, should_stop: Callable[[], bool] = lambda: False) -> Iterator[str]:
        """What a job prints, as it prints it, until it ends."""
        ...

    def end_of_log(self, job: str, *, lines: int = 20) -> str:
        """The last lines that a job has printed."""
        ...
