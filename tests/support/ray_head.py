"""A Ray head of its own with its dashboard, whose Jobs API asks for a token; nodes join it, and all can be killed."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from support.servers import free_port, wait_for

RAY = str(Path(sys.executable).parent / "ray")
# a node that has died refuses at once, and is known to be dead after five seconds; one that is busy has time to answer
HEALTH = {
    "health_check_initial_delay_ms": 5000,
    "health_check_period_ms": 1000,
    "health_check_timeout_ms": 10000,
    "health_check_failure_threshold": 5,
}


@dataclass(frozen=True)
class RayNode:
    """A node of a cluster, as `ray start --block` runs it."""

    process: subprocess.Popen

    def kill(self) -> None:
        """kill -9 of its raylet: its workers die with it, and so does `ray start`."""
        for one in psutil.Process(self.process.pid).children(recursive=True):
            if one.name() == "raylet":
                one.kill()
        self.process.wait(60)


@dataclass(frozen=True)
class RayHead:
    """The head: the address of its Jobs API, the environment that has its token, and its process.

    Attributes:
        address: Of the Jobs API.
        environment: Variables of a client.
        process: `ray start --head --block`.
        gcs: HOST:PORT that nodes join.
        given: All variables of the head; nodes have the same.
        folder: Ray's own.
        nodes: Those that joined.
    """

    address: str
    environment: dict[str, str]
    process: subprocess.Popen
    gcs: str
    given: dict[str, str]
    folder: Path
    nodes: list[RayNode] = field(default_factory=list)

    def join(self, cpus: int = 1) -> RayNode:
        """Start another node on this machine; it has joined some seconds later."""
        node = RayNode(_started([f"--address={self.gcs}", f"--num-cpus={cpus}"], self.given, self.folder))
        self.nodes.append(node)
        return node

    def wait_for_nodes(self, seconds: float = 180) -> None:
        """Until all nodes that were started have joined; one that ended meanwhile is an error."""
        end = time.monotonic() + seconds
        while self.alive() < 1 + len(self.nodes):
            ended = [node.process.returncode for node in self.nodes if node.process.poll() is not None]
            if ended or time.monotonic() > end:
                log = (self.folder / "start.log").read_text()[-3000:]
                raise RuntimeError(f"{self.alive()} nodes after {seconds} s; ended: {ended}\n{log}")
            time.sleep(0.5)

    def alive(self) -> int:
        """How many nodes the dashboard knows to live."""
        asked = urllib.request.Request(
            f"{self.address}/nodes?view=summary", headers={"Authorization": f"Bearer {self.given['RAY_AUTH_TOKEN']}"}
        )
        with urllib.request.urlopen(asked, timeout=10) as answer:
            told = json.load(answer)["data"]["summary"]
        return sum(node["raylet"].get("state") == "ALIVE" for node in told)

    def kill(self) -> None:
        """kill -9 of all that the head's machine ran: store of the cluster, dashboard, raylet, workers, drivers."""
        with contextlib.suppress(psutil.NoSuchProcess):
            _kill_all(self.process)

    def end(self) -> None:
        """End it and its nodes, by their own processes only."""
        for process in [*(node.process for node in self.nodes), self.process]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGTERM)
        for process in [*(node.process for node in self.nodes), self.process]:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                _kill_all(process)
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def ray_head(
    cpus: int = 2, environment: dict[str, str] | None = None, *, port: int | None = None, token: str | None = None
) -> Iterator[RayHead]:
    """Start a head, wait until its Jobs API answers, and end it with its nodes by their own processes only.

    Args:
        cpus: Of the head.
        environment: Variables that its jobs have beside the usual ones, as pods have those of their cluster.
        port: Of its Jobs API; by default a free one.
        token: Of the cluster; by default a new one.
    """
    folder = Path(tempfile.mkdtemp(prefix="swh", dir="/tmp"))
    (folder / "ray").mkdir()
    port = port or free_port()
    mine = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token or secrets.token_hex(32)}
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "AWS_", "SWATH_"))}
    given = clean | mine | (environment or {}) | {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_TMPDIR": str(folder),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    }  # fmt: skip
    gcs = free_port()
    options = [
        "--head", f"--num-cpus={cpus}", f"--port={gcs}", f"--dashboard-port={port}",
        f"--ray-client-server-port={free_port()}", f"--temp-dir={folder}", f"--system-config={json.dumps(HEALTH)}",
    ]  # fmt: skip
    process = _started(options, given, folder)
    head = RayHead(f"http://127.0.0.1:{port}", mine, process, f"127.0.0.1:{gcs}", given, folder)
    try:
        wait_for(f"{head.address}/api/version", process, seconds=120)
        yield head
    finally:
        head.end()


def _started(options: list[str], given: dict[str, str], folder: Path) -> subprocess.Popen:
    command = [
        RAY, "start", "--block", "--node-ip-address=127.0.0.1", f"--dashboard-agent-listen-port={free_port()}",
        f"--object-store-memory={80 * 2**20}", "--disable-usage-stats", *options,
    ]  # fmt: skip
    with (folder / "start.log").open("a") as log:
        return subprocess.Popen(command, env=given, stdout=log, stderr=log)


def _kill_all(process: subprocess.Popen) -> None:
    """kill -9 of a process and of all that it began."""
    for one in [*psutil.Process(process.pid).children(recursive=True), process]:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()
    process.wait(30)
