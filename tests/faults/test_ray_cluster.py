"""A map on a real Ray cluster of three nodes: a node is killed, the head is killed, a flow run of it is cancelled."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from faults.test_flows import lined, slow
from support.ray_cluster import wait_until
from support.ray_head import RayHead, ray_head
from support.servers import FileServer, free_port
from support.small_world import fingerprints
from swath.cluster.jobs import Jobs
from swath.flows.board import jobs_of
from swath.runs.pipeline import IN_FLIGHT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
JOBS = {"SWATH_PROGRESS_S": "0.5", "SWATH_LEASE_S": "10"}  # of the driver on the head: its death is soon seen
LONG = 0.4  # seconds of each read of a file


@pytest.fixture
def archive(small_world):
    """The archive over HTTP; it can be made slow."""
    server = FileServer(small_world.archive)
    yield server
    server.close()


@pytest.fixture(scope="module")
def cluster():
    """A head and two nodes, each of one CPU."""
    with three_nodes() as head:
        yield head


@contextmanager
def three_nodes(**more: object) -> Iterator[RayHead]:
    """A head that two nodes have joined."""
    with ray_head(1, JOBS, **more) as head:
        for _ in range(2):
            head.join()
            head.wait_for_nodes()  # one after the other: Ray gives a node 30 s to start
        yield head


class Command:
    """`swath map --cluster http://…` in a process of its own, as a user has it.

    Attributes:
        store: Of the map.
    """

    def __init__(self, head, world, source, store: Path, *, text: bool = False) -> None:
        self.store = store
        given = world.request(store, "--tile-size", 48, "--cluster", head.address, source=source)
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "AWS_"))}
        self._log, self._document = store.with_suffix(".log"), store.with_suffix(".json")
        with self._log.open("w") as log, self._document.open("w") as document:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "swath", "map", *map(str, given), *([] if text else ["--json"])],
                env=clean | head.environment | {"SWATH_PROGRESS_S": "0.5"}, stdout=document, stderr=log,
            )  # fmt: skip

    def said(self) -> str:
        """On standard error, so far."""
        return self._log.read_text()

    def ended(self, seconds: float = 300) -> tuple[int, dict]:
        """Exit code and document."""
        code = self.process.wait(seconds)
        told = self._document.read_text()
        assert told, self.said()
        return code, json.loads(told)

    def made(self) -> int:
        """Units that stand."""
        return len(list(self.store.glob("mosaic/1.0/2023*/*/*.json")))

    def until(self, true, seconds: float = 120) -> None:
        """Wait for something, and not for a command that has ended."""
        wait_until(lambda: true() or self.process.poll() is not None, seconds)
        assert self.process.poll() is None, self.said()


@pytest.fixture
def mapping(small_world, archive, tmp_path):
    """Begins the command on a cluster; what a test leaves of it is killed."""
    begun = []

    def begin(head, **more):
        begun.append(Command(head, small_world, f"{archive.url}/catalog.json", tmp_path / "store", **more))
        return begun[-1]

    yield begin
    for command in begun:
        command.process.kill()
        command.process.wait()


@pytest.fixture
def line(cluster, archive, small_world, tmp_path):
    """The flow `map` deployed for the cluster, on a Prefect server and worker."""
    made = lined(tmp_path, small_world, f"{archive.url}/catalog.json")
    made.asked["cluster"] = cluster.address
    made.worker.environment |= cluster.environment
    made.worker.start()
    try:
        yield made
    finally:
        made.worker.end()
        made.server.end()


def progress(store: Path) -> dict:
    return json.loads(next(store.glob("mosaic/1.0/runs/*/progress.json")).read_text())


def inline(world, source, store):
    """What this process makes of the same request."""
    code, told = world.map(store, "--tile-size", 48, source=source)
    assert code == 0, told
    return published(store)


def published(store: Path) -> dict[str, str]:
    return {name: of for name, of in fingerprints(store).items() if not name.startswith("specs/")}


def committed(store: Path) -> dict[str, str]:
    """Units that stand: their items, and the COGs that these name."""
    made = {name: of for name, of in published(store).items() if name.count("/") == 4}
    keys = {name.removesuffix(".json") for name in made if name.endswith(".json")}
    of_unit = {name: f"{Path(name).parent}/{Path(name).stem.split('.')[-1]}" for name in made}
    return {name: made[name] for name, unit in of_unit.items() if unit in keys}


def test_a_node_that_is_killed_loses_no_unit(cluster, archive, mapping, small_world, tmp_path):
    slow(archive, LONG)
    command = mapping(cluster)
    # more than two workers hold: the third has some, and so each node
    command.until(lambda: command.made() >= 3 and progress(command.store)["running"] > 2 * IN_FLIGHT)
    cluster.nodes.pop().kill()
    code, told = command.ended()
    cluster.join()
    assert code == 0, told
    assert told["units"]["failed"] == 0
    assert told["units"]["done"] + told["units"]["without_input"] == progress(command.store)["total"]
    assert progress(command.store)["retried"] > 0
    archive.fault = None
    assert published(command.store) == inline(small_world, f"{archive.url}/catalog.json", tmp_path / "here")


def test_a_head_that_is_killed_is_told_and_a_new_one_goes_on(archive, mapping, small_world, tmp_path):
    port, store = free_port(), tmp_path / "store"
    slow(archive, LONG)
    with three_nodes(port=port) as head:
        token = head.environment["RAY_AUTH_TOKEN"]
        command = mapping(head, text=True)
        command.until(lambda: command.made() >= 3)
        head.kill()
        command.until(lambda: "asking again for 5 minutes" in command.said(), 60)
    stood = committed(store)
    units = sum(name.endswith(".json") for name in stood)
    assert units >= 3
    with three_nodes(port=port, token=token) as head:  # as Kubernetes makes a head anew behind the same service
        assert command.process.wait(120) == 2
        assert "knows no job" in command.said() and "submit it again" in command.said()
        archive.fault = None
        code, told = mapping(head).ended()
    assert code == 0, told
    assert told["units"]["found"] >= units
    assert told["units"]["failed"] == 0
    expected = inline(small_world, f"{archive.url}/catalog.json", tmp_path / "here")
    subprocess.run([sys.executable, "-m", "swath", "clean", str(store), "--json"], check=True, capture_output=True)
    assert published(store) == expected
    assert stood.items() <= expected.items()


def test_a_flow_run_shows_the_log_of_its_ray_job_and_stops_it_when_it_is_cancelled(line, cluster, archive):
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, LogFilter
    from prefect.states import Cancelling

    slow(archive, 3 * LONG)  # so that it lasts until its log tells of progress, and until it is cancelled
    line.deploy()
    run = line.run()

    def lines() -> str:
        with line.client() as client:
            return "\n".join(one.message for one in client.read_logs(LogFilter(flow_run_id={"any_": [run]})))

    line.until(lambda: line.made() >= 2 and re.search(r"\d+/\d+ tiles", lines()))
    with line.client() as client:
        mine = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run]))
        (job,) = jobs_of(client.read_artifacts(artifact_filter=mine))
        begun = time.monotonic()
        client.set_flow_run_state(run, Cancelling())
    assert job["cluster"] == cluster.address
    jobs = Jobs(cluster.address, token=cluster.environment["RAY_AUTH_TOKEN"])
    line.until(lambda: jobs.get(job["job"]).ended, 90)
    assert time.monotonic() - begun < 60
    assert jobs.get(job["job"]).status == "STOPPED"
    assert line.ended(run).is_cancelled()
    assert 0 < line.made() < line.units
    archive.fault = None
    state = line.ended(line.run())
    assert state.is_completed(), state.message
    assert line.made() == line.units
