"""A Ray head of its own with its dashboard, whose Jobs API asks for a token."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.servers import free_port, wait_for


@dataclass(frozen=True)
class RayHead:
    """The head: the address of its Jobs API, the environment that has its token, and its process."""

    address: str
    environment: dict[str, str]
    process: subprocess.Popen


@contextmanager
def ray_head(cpus: int = 2, environment: dict[str, str] | None = None) -> Iterator[RayHead]:
    """Start a head, wait until its Jobs API answers, and end it by its own process only.

    Args:
        cpus: Of the head.
        environment: Variables that its jobs have beside the usual ones, as pods have those of their cluster.
    """
    folder = Path(tempfile.mkdtemp(prefix="swh", dir="/tmp"))
    (folder / "ray").mkdir()
    port = free_port()
    mine = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "AWS_", "SWATH_"))}
    given = clean | mine | (environment or {}) | {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_TMPDIR": str(folder),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    }  # fmt: skip
    command = [
        str(Path(sys.executable).parent / "ray"), "start", "--head", "--block", f"--num-cpus={cpus}",
        "--node-ip-address=127.0.0.1", f"--port={free_port()}", f"--dashboard-port={port}",
        f"--ray-client-server-port={free_port()}", f"--dashboard-agent-listen-port={free_port()}",
        f"--object-store-memory={80 * 2**20}", f"--temp-dir={folder}", "--disable-usage-stats",
    ]  # fmt: skip
    with (folder / "head.log").open("w") as log:
        process = subprocess.Popen(command, env=given, stdout=log, stderr=log)
    try:
        wait_for(f"http://127.0.0.1:{port}/api/version", process, seconds=120)
        yield RayHead(f"http://127.0.0.1:{port}", mine, process)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)
