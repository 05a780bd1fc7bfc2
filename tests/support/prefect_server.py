"""A real Prefect server on loopback, for the whole run; and a work pool's worker."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from support.servers import free_port, wait_for

QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_LOGGING_TO_API_BATCH_INTERVAL": "0.3",
    "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "2",
    "PREFECT_WORKER_QUERY_SECONDS": "1",
    "PREFECT_RUNNER_POLL_FREQUENCY": "1",
}


class PrefectServer:
    """A server that can be killed and started again on the same port and database.

    Attributes:
        url: Of its API.
        environment: Variables of a client.
    """

    def __init__(self, folder: Path, *, database: str | None = None) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"http://127.0.0.1:{self.port}/api"
        folder.mkdir(parents=True, exist_ok=True)
        self.environment = {
            **QUIET,
            "PREFECT_HOME": str(folder / "home"),
            "PREFECT_API_URL": self.url,
        }
        self._database = {} if database is None else {"PREFECT_SERVER_DATABASE_CONNECTION_URL": database}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(self.port)]
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment, **self._database},
                start_new_session=True,
            )
        wait_for(f"{self.url}/health", self.process, seconds=120)

    def end(self, number: int = signal.SIGTERM) -> None:
        """End it by a signal to all of it."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait(10)
            self.process = None


@contextlib.contextmanager
def prefect_server(folder: Path, *, database: str | None = None) -> Iterator[PrefectServer]:
    """A server while the block runs."""
    server = PrefectServer(folder, database=database)
    try:
        server.start()
        yield server
    finally:
        server.end()


class Worker:
    """A worker of a process pool, with its flow runs in one process group."""

    def __init__(self, server: PrefectServer, pool: str, environment: dict[str, str] | None = None) -> None:
        self.server, self.pool = server, pool
        self.environment = {**os.environ, **server.environment, **(environment or {})}
        self.process: subprocess.Popen[bytes] | None = None

    def prefect(self, *arguments: str, folder: Path | None = None) -> str:
        """A command of `prefect` against the server."""
        done = subprocess.run(
            [sys.executable, "-m", "prefect", "--no-prompt", *arguments],
            env=self.environment, cwd=folder, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self) -> None:
        """Start it; it makes the pool where it lacks."""
        # two at a time: with more of them SQLite keeps writers waiting for a minute
        command = [
            *(sys.executable, "-m", "prefect", "worker", "start"),
            *("--pool", self.pool, "--type", "process", "--limit", "2"),
        ]  # fmt: skip
        with (self.server.folder / "worker.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )

    def end(self, number: int = signal.SIGTERM) -> None:
        """End it; SIGKILL takes the flow runs that it has begun, as when a machine is lost, and leaves their jobs."""
        if self.process is None:
            return
        import psutil

        mine = psutil.Process(self.process.pid)
        runs = mine.children(recursive=True) if number == signal.SIGKILL else []
        for one in [mine, *(run for run in runs if "swath.cli.job" not in " ".join(run.cmdline()))]:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.send_signal(number)
        try:
            self.process.wait(40)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)
        self.process = None
