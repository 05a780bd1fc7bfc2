"""All flows on one machine: served for runs by hand, and by the schedules of a file of deployments."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml
from prefect import Flow, serve
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.context import refresh_global_settings_context
from prefect.deployments.runner import RunnerDeployment
from prefect.settings import PREFECT_API_URL
from prefect.types.entrypoint import EntrypointType
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from swath.errors import RequestError
from swath.flows import FLOWS

BY_HAND = "by-hand"
_START_S = 120.0
_LEASES = "prefect.server.concurrency.lease_storage"


class Schedule(BaseModel):
    """When a deployment runs, as prefect.yaml writes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cron: str | None = None
    interval: float | None = Field(default=None, gt=0)
    timezone: str = "UTC"
    active: bool = True

    def schedule(self) -> CronSchedule | IntervalSchedule:
        """As Prefect takes it.

        Raises:
            RequestError: Neither cron nor interval, or both.
        """
        if (self.cron is None) == (self.interval is None):
            raise RequestError(
                "A schedule has either cron or interval.", fix='Write cron: "0 3 * * *", or interval: 60.'
            )
        if self.cron is not None:
            return CronSchedule(cron=self.cron, timezone=self.timezone)
        return IntervalSchedule.model_validate({"interval": self.interval, "timezone": self.timezone})


class Deployment(BaseModel):
    """What is served of a deployment in prefect.yaml; its work pool and the like are of `prefect deploy`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    entrypoint: str
    description: str | None = None
    parameters: dict[str, Any] = {}
    schedules: list[Schedule] = []

    def made(self) -> RunnerDeployment:
        """As Prefect serves it."""
        return deployment(
            self.entrypoint, self.name, parameters=self.parameters, description=self.description,
            schedules=[one.schedule() for one in self.schedules if one.active],
        )  # fmt: skip


def deployment(
    entrypoint: str,
    name: str,
    *,
    parameters: Mapping[str, Any] | None = None,
    description: str | None = None,
    schedules: list[CronSchedule | IntervalSchedule] | None = None,
) -> RunnerDeployment:
    """A deployment of a flow of Swath.

    Raises:
        RequestError: It is none.
    """
    if entrypoint not in FLOWS.values():
        raise RequestError(f"{entrypoint} is no flow of Swath.", fix=f"Take one of {', '.join(FLOWS.values())}.")
    module, _, attribute = entrypoint.rpartition(".")
    flow: Flow[..., Any] = getattr(import_module(module), attribute)
    made = flow.to_deployment(
        name, parameters=dict(parameters or {}), description=description, schedules=schedules or None,
        entrypoint_type=EntrypointType.MODULE_PATH,
    )  # fmt: skip
    assert isinstance(made, RunnerDeployment)  # no event loop here, so no coroutine
    return made


def read_deployments(path: Path) -> list[Deployment]:
    """Deployments of a prefect.yaml, with `{{ $NAME }}` taken from the environment.

    Raises:
        RequestError: No such file, or one with faults.
    """
    from prefect.utilities.templating import apply_values

    try:
        told = yaml.safe_load(path.read_text(encoding="utf-8"))
        given: Any = apply_values(told.get("deployments") or [], {}, remove_notset=False)
        return [Deployment.model_validate(one) for one in given]
    except FileNotFoundError:
        raise RequestError(f"There is no file {path}.", fix="Give a prefect.yaml, as deploy/prefect.yaml.") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RequestError(f"{path}: {where}: {first['msg']}.", fix="Mend the deployment.") from error
    except (yaml.YAMLError, AttributeError, TypeError) as error:
        raise RequestError(f"{path} is no list of deployments: {error}.", fix="See deploy/prefect.yaml.") from error


def serve_flows(file: Path | None = None, *, at_once: int | None = None) -> None:
    """Serve every flow for runs by hand, and the deployments of a file by their schedules, until it is stopped.

    Args:
        file: A prefect.yaml.
        at_once: Most flow runs at a time.

    Raises:
        RequestError: A file with faults.
    """
    made = [deployment(entrypoint, BY_HAND) for entrypoint in FLOWS.values()]
    made += [one.made() for one in ([] if file is None else read_deployments(file))]
    serve(*made, limit=at_once)


@contextmanager
def server(*, host: str = "127.0.0.1", port: int = 4200) -> Iterator[str]:
    """The Prefect server that the settings name, or one on this machine while the block runs; gives the URL of its API.

    Raises:
        RequestError: It does not start.
    """
    told = PREFECT_API_URL.value()
    if told:
        yield told
        return
    url = f"http://{host}:{port}/api"
    os.environ["PREFECT_API_URL"] = url  # of all threads of this process, and of the flow runs that it starts
    refresh_global_settings_context()
    if _answers(url):
        yield url
        return
    with _started(host, port, url):
        yield url


@contextmanager
def _started(host: str, port: int, url: str) -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, "-m", "prefect", "server", "start", "--host", host, "--port", str(port)],
        stdout=subprocess.DEVNULL,
        # leases in memory would leave places of limits taken for ever after a server that was killed
        env={**os.environ, "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": f"{_LEASES}.filesystem"},
        start_new_session=True,  # Ctrl-C is for the flows: they are told to end while their server lives
    )
    try:
        end = time.monotonic() + _START_S
        while not _answers(url):
            if process.poll() is not None or time.monotonic() > end:
                raise RequestError(
                    f"Prefect's server did not start on port {port}.",
                    fix="Give another --port, or set PREFECT_API_URL to a server that runs.",
                )
            time.sleep(0.3)
        yield
    finally:
        process.terminate()
        process.wait(20)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
