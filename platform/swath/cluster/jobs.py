"""Ray's Jobs API over HTTP: submit, follow, stop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, NoReturn

from swath.cluster.auth import use_given_token
from swath.cluster.job import STOP_S, Job, JobGoneError, job_ids
from swath.errors import ClusterError, CredentialsError

_REQUEST_S = 30.0
_WAIT_S = 0.5
_ADDRESS_VARIABLES = ("RAY_API_SERVER_ADDRESS", "RAY_ADDRESS")


class JobsApiError(ClusterError):
    """The Jobs API answered with an error. Facts: status."""


class Jobs:
    """Jobs of the Ray cluster whose Jobs API is at an address.

    Args:
        address: `http(s)://HOST:PORT` of the head's dashboard.
        token: Of the cluster; by default that of RAY_AUTH_TOKEN_PATH or RAY_AUTH_TOKEN.
        timeout_s: Longest time for one request.

    Raises:
        ClusterError: Nobody answers there, or Ray has another version there than here.
        CredentialsError: The token is missing or wrong.
    """

    def __init__(self, address: str, *, token: str | None = None, timeout_s: float = _REQUEST_S) -> None:
        import ray

        self.address = address.rstrip("/")
        if token is None and not ray.is_initialized():  # a driver keeps the token of its own cluster
            use_given_token()
        with self._told():
            self._client = _client(self.address, token, timeout_s)
        self._check_version()

    def submit(self, kind: str, uri: str, content: bytes, *, again: bool = False) -> Job:
        """Submit the spec at a URI, or find the job that does it already.

        Args:
            kind: Of the spec.
            uri: Where it stands: a place that the head node reaches.
            content: Of the spec.
            again: Where a job of this spec has ended, begin the next one (`<id>-2`, …): Ray gives an id once only.

        Returns:
            The job; `adopted` when it stood already.
        """
        for this in job_ids(kind, uri, content):
            # look first: Ray (2.60) answers a second submit with a 500 like any other
            found = self._find(this)
            if found is None:
                try:
                    self._submit(this, kind, uri)
                except JobsApiError:
                    found = self._find(this)  # somebody else was quicker
                    if found is None:
                        raise
                else:
                    return self.get(this)
            if not (again and found.ended):
                return Job(found.id, found.status, found.message, adopted=True)
        raise AssertionError("ids do not end")

    def get(self, job: str) -> Job:
        """A job as it stands.

        Raises:
            JobGoneError: There is no such job.
        """
        found = self._find(job)
        if found is None:
            raise JobGoneError(
                f"{self.address} knows no job {job}.", fix="The cluster may have been made anew: submit it again."
            )
        return found

    def stop(self, job: str, *, wait_s: float = STOP_S + 15) -> Job:
        """Ask a job to stop and wait until it has.

        Returns:
            The job as it stands then; it may still be RUNNING after `wait_s`.
        """
        with self._told():
            self._client.stop_job(job)
        end = time.monotonic() + wait_s
        while not (found := self.get(job)).ended and time.monotonic() < end:
            time.sleep(0.5)
        return found

    def logs(self, job: str, *, should_stop: Callable[[], bool] = lambda: False) -> Iterator[str]:
        """What a job prints, as it prints it, until it ends; a dropped connection is taken up where it broke."""
        seen = 0
        while not should_stop():
            ended = self.get(job).ended  # asked before its log is read: nothing is printed after the end
            begun = 0
            for text in self._tail(job, should_stop):
                fresh = text[max(0, seen - begun) :]
                begun += len(text)
                if fresh:
                    seen += len(fresh)
                    yield fresh
            if ended:
                return
            time.sleep(0.5)

    def end_of_log(self, job: str, *, lines: int = 20) -> str:
        """The last lines that a job has printed."""
        with self._told():
            return "\n".join(self._client.get_job_logs(job).splitlines()[-lines:])

    def _tail(self, job: str, should_stop: Callable[[], bool]) -> Iterator[str]:
        import aiohttp

        loop, stream = asyncio.new_event_loop(), self._client.tail_job_logs(job)
        try:
            while not should_stop():
                # in short waits: a job that prints nothing must not keep anybody from stopping
                text = loop.create_task(_next(stream))
                while not text.done():
                    loop.run_until_complete(asyncio.wait({text}, timeout=_WAIT_S))
                    if should_stop() and text.cancel():
                        loop.run_until_complete(asyncio.wait({text}))
                        return
                try:
                    found = text.result()
                except (RuntimeError, OSError, aiohttp.ClientError):
                    return  # dropped: the caller asks how the job stands, and reads on
                if found is None:
                    return
                yield found
        finally:
            with contextlib.suppress(RuntimeError):
                loop.run_until_complete(stream.aclose())
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()

    def _find(self, job: str) -> Job | None:
        try:
            with self._told():
                told = self._client.get_job_info(job)
        except JobsApiError as error:
            if error.facts.get("status") == 404:
                return None
            raise
        return Job(job, str(getattr(told.status, "value", told.status)), told.message or "")

    def _submit(self, job: str, kind: str, uri: str) -> None:
        # by module: it is there wherever the package is installed, also from a wheel
        entrypoint = f"exec python -m swath.cli.job {shlex.quote(kind)} {shlex.quote(uri)}"
        variables = {"SWATH_JOB": job, "RAY_JOB_STOP_WAIT_TIME_S": str(STOP_S)}
        with self._told():
            self._client.submit_job(
                entrypoint=entrypoint,
                submission_id=job,
                runtime_env={"env_vars": variables},
                metadata={"swath_kind": kind, "swath_spec": uri},
            )

    def _check_version(self) -> None:
        import ray

        there = self._client._server_ray_version
        if there != ray.__version__:
            raise ClusterError(
                f"The cluster at {self.address} has Ray {there}, this machine {ray.__version__}.",
                fix="Install the same version here, or use an image of this release of Swath there.",
                there=there,
            )

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Turn what Ray's client raises into errors that say what to do."""
        import ray
        import requests

        try:
            yield
        except ray.exceptions.AuthenticationError as error:
            raise CredentialsError(
                f"{self.address} refuses: its token is missing here or another one.",
                fix="Set RAY_AUTH_TOKEN_PATH (or RAY_AUTH_TOKEN) to the token of the cluster.",
            ) from error
        except requests.exceptions.Timeout as error:
            raise ClusterError(
                f"{self.address} does not answer in time.", fix="See whether the head node lives, and try again."
            ) from error
        except (ConnectionError, requests.exceptions.RequestException, KeyError) as error:
            raise ClusterError(
                f"No Jobs API of Ray answers at {self.address}: {_first_line(error)}",
                fix="Give the dashboard's address of the head node, as http://HOST:8265.",
            ) from error


def _client(address: str, token: str | None, timeout_s: float) -> Any:
    """Ray's client with a limit on each request, and errors that keep their status."""
    from ray.job_submission import JobSubmissionClient

    class Client(JobSubmissionClient):
        def _do_request(self, method: str, endpoint: str, **more: Any) -> Any:
            return super()._do_request(method, endpoint, **{"timeout": timeout_s, **more})

        def _raise_error(self, r: Any) -> NoReturn:
            raise JobsApiError(
                f"{address} answers {r.status_code}: {_last_line(r.text)}",
                fix="See the log of the head node's dashboard.",
                status=r.status_code,
            )

    # these variables would win over the address that was given
    before = {name: os.environ.pop(name) for name in _ADDRESS_VARIABLES if name in os.environ}
    try:
        client = Client(address, headers=None if token is None else {"Authorization": f"Bearer {token}"})
        if client._ssl_context is None:
            client._ssl_context = True  # aiohttp 3.14 deprecates None, which Ray 2.60 passes on
        return client
    except RuntimeError as error:  # it answers, and not as Ray does
        raise ClusterError(
            f"No Jobs API of Ray answers at {address}: {_first_line(error)}",
            fix="Give the dashboard's address of the head node, as http://HOST:8265.",
        ) from error
    finally:
        os.environ.update(before)


async def _next(stream: AsyncIterator[str]) -> str | None:
    """What a stream gives next; None at its end."""
    return await anext(stream, None)


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1][:300]
