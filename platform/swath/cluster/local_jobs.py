"""Jobs as processes of this machine: what Ray's Jobs API does for a cluster, without one."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import psutil

from swath.cluster.job import STOP_S, Job, JobGoneError, job_ids
from swath.settings import settings

Here = Literal["inline", "local"]
_LOOK_S = 0.3
_MOST = 64 * 1024  # characters of a log that are read at once

# <folder>/<job>/process.json    pid and birth of the shell that runs it
# <folder>/<job>/log.txt         what it prints
# <folder>/<job>/exit            its exit code, written by that shell: none means that the shell was killed, too


class LocalJobs:
    """Jobs in processes of their own, which outlive whoever began them and are found again.

    Args:
        cluster: What a job runs its units on: `local`, a Ray of its own on this machine, or `inline`, its own process.
        folder: Where processes and logs are kept; `jobs` in SWATH_CACHE by default.
        environment: Added to the variables of this process.
    """

    def __init__(
        self, cluster: Here = "local", *, folder: Path | None = None, environment: Mapping[str, str] | None = None
    ) -> None:
        self.cluster = cluster
        self.folder = (folder or settings().cache / "jobs").expanduser()
        self._environment = dict(environment or {})
        self._begun: dict[str, subprocess.Popen[bytes]] = {}  # of this process: to be waited for, or they stay zombies

    @property
    def address(self) -> str:
        """Of the place, for people."""
        return "this machine"

    def submit(self, kind: str, uri: str, content: bytes, *, again: bool = False) -> Job:
        """Begin the job of the spec at a URI, or find the one that does it already.

        Args:
            kind: Of the spec.
            uri: Where it stands.
            content: Of the spec.
            again: Where a job of this spec has ended, begin the next one (`<id>-2`, …).

        Returns:
            The job; `adopted` when it was begun before.
        """
        for this in job_ids(kind, uri, content):
            if self._claim(this):
                self._begin(this, kind, uri)
                return self.get(this)
            found = self.get(this)
            if not (again and found.ended):
                return Job(found.id, found.status, found.message, adopted=True)
        raise AssertionError("ids do not end")

    def get(self, job: str) -> Job:
        """A job as it stands.

        Raises:
            JobGoneError: There is no such job.
        """
        folder = self.folder / job
        if not folder.is_dir():
            raise JobGoneError(f"This machine knows no job {job}.", fix=f"Its folder would be {folder}.", job=job)
        alive = self._process(job) is not None  # asked first: a process writes its exit code before it goes
        try:
            code = int((folder / "exit").read_text())
        except FileNotFoundError:
            if alive or _age_s(folder) < 5:  # begun by somebody else who has not written its process yet
                return Job(job, "RUNNING")
            return Job(job, "FAILED", "Its process was killed.")
        except ValueError:
            return Job(job, "RUNNING")  # being written
        if code in (130, 143):  # asked to stop; the second: before it could hear
            return Job(job, "STOPPED")
        return Job(job, "SUCCEEDED" if code == 0 else "FAILED", "" if code == 0 else self.end_of_log(job))

    def stop(self, job: str, *, wait_s: float = STOP_S + 15) -> Job:
        """Ask a job to stop; units in flight finish, and what has not ended after 30 s is killed.

        Returns:
            The job as it stands then.
        """
        begun, end = time.monotonic(), time.monotonic() + wait_s
        _signal_all(self._process(job), signal.SIGTERM, children=False)
        killed = False
        while not (found := self.get(job)).ended and time.monotonic() < end:
            if not killed and time.monotonic() - begun > STOP_S:
                killed = True
                _signal_all(self._process(job), signal.SIGKILL, children=True)
            time.sleep(_LOOK_S)
        return found

    def logs(self, job: str, *, should_stop: Callable[[], bool] = lambda: False) -> Iterator[str]:
        """What a job prints, as it prints it, until it ends."""
        self.get(job)
        path = self.folder / job / "log.txt"
        seen = 0
        while not should_stop():
            ended = self.get(job).ended  # asked before its log is read: nothing is printed after the end
            while path.exists():
                with path.open("rb") as file:
                    file.seek(seen)
                    data = file.read(_MOST)
                if not data:
                    break
                if not ended and b"\n" in data:
                    data = data[: data.rindex(b"\n") + 1]  # whole lines: no character is cut
                seen += len(data)
                yield data.decode(errors="replace")
            if ended:
                return
            time.sleep(_LOOK_S)

    def end_of_log(self, job: str, *, lines: int = 20) -> str:
        """The last lines that a job has printed."""
        try:
            with (self.folder / job / "log.txt").open("rb") as file:
                file.seek(0, os.SEEK_END)
                file.seek(max(0, file.tell() - _MOST))
                return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
        except FileNotFoundError:
            return ""

    def _claim(self, job: str) -> bool:
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            (self.folder / job).mkdir()
        except FileExistsError:
            return False
        return True

    def _begin(self, job: str, kind: str, uri: str) -> None:
        folder = self.folder / job
        command = [sys.executable, "-m", "swath.cli.job", kind, uri, "--cluster", self.cluster]
        # the shell stays to say how it ended, also of a process that was killed; a signal to it is passed on
        script = (
            f"{shlex.join(command)} & child=$!; trap 'kill -TERM $child' TERM INT; "
            "wait $child; code=$?; while kill -0 $child 2>/dev/null; do wait $child; code=$?; done; "
            f"echo $code > {shlex.quote(str(folder / 'exit'))}"
        )
        with (folder / "log.txt").open("wb") as log:
            process = subprocess.Popen(
                ["/bin/sh", "-c", script],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self._environment, "SWATH_JOB": job, "PYTHONUNBUFFERED": "1"},
                start_new_session=True,  # what ends its beginner does not end it
            )
        self._begun[job] = process
        born = psutil.Process(process.pid).create_time()
        (folder / "process.json").write_text(json.dumps({"pid": process.pid, "born": born}))

    def _process(self, job: str) -> psutil.Process | None:
        """The living shell of a job."""
        if job in self._begun:
            self._begun[job].poll()
        try:
            told: dict[str, Any] = json.loads((self.folder / job / "process.json").read_text())
            process = psutil.Process(told["pid"])
            same = abs(process.create_time() - told["born"]) < 2  # ids are used again
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
            return None


def _signal_all(process: psutil.Process | None, number: int, *, children: bool) -> None:
    if process is None:
        return
    told = [*(process.children(recursive=True) if children else []), process]
    for one in told if not children else told[:-1]:  # the shell writes the exit code of a child that was killed
        try:
            one.send_signal(number)
        except psutil.NoSuchProcess:
            pass


def _age_s(folder: Path) -> float:
    return time.time() - folder.stat().st_mtime
