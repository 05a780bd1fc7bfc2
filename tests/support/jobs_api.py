"""Ray's Jobs API on loopback, as far as it is spoken with; what a job does is the test's own function."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class JobsApi:
    """Jobs by their submission id.

    Attributes:
        address: Of the API.
        version: Ray's version that it tells.
        token: That requests must bring; None asks for none.
        jobs: Ray's JSON of each job.
        work: Called in a thread with each job's JSON (its runtime_env included); it returns the last status.
        stopping: Set by the first stop.
    """

    def __init__(self, version: str) -> None:
        self.version, self.token = version, None
        self.jobs: dict[str, dict[str, Any]] = {}
        self.submitted: list[dict[str, Any]] = []
        self.logs: dict[str, str] = {}
        self.work: Callable[[dict[str, Any]], str] | None = None
        self.stopping = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"api": self}))
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """End."""
        self._server.shutdown()
        self._server.server_close()

    def begin(self, told: dict[str, Any]) -> None:
        """Take a job up."""
        name = told["submission_id"]
        job = {"type": "SUBMISSION", "status": "RUNNING", "message": "", **told}
        self.jobs[name] = job
        if self.work is not None:
            work = self.work

            def run() -> None:
                status = work(job)
                job["status"] = status if job["status"] == "RUNNING" else job["status"]

            threading.Thread(target=run, daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    api: JobsApi
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        api, parts = self.api, self.path.strip("/").split("/")
        if self._refused():
            return
        if parts == ["api", "version"]:
            self._send(200, {"version": "4", "ray_version": api.version, "ray_commit": "", "session_name": "s"})
        elif parts[-1] == "logs":
            self._send(200, {"logs": api.logs.get(parts[2], "")})
        elif parts[2] in api.jobs:
            self._send(200, api.jobs[parts[2]])
        else:
            self._send(404, f"Job {parts[2]} does not exist")

    def do_POST(self) -> None:
        api, parts = self.api, self.path.strip("/").split("/")
        told = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"null")
        if self._refused():
            return
        if parts[-1] == "stop":
            api.stopping.set()
            api.jobs[parts[2]]["status"] = "STOPPED"
            self._send(200, {"stopped": True})
        elif told["submission_id"] in api.jobs:  # as Ray 2.60
            self._send(500, f"Traceback…\nValueError: Job with submission_id {told['submission_id']} already exists.")
        else:
            api.submitted.append(told)
            api.begin(told)
            self._send(200, {"job_id": told["submission_id"], "submission_id": told["submission_id"]})

    def _refused(self) -> bool:
        token = self.api.token
        if token is None or self.headers.get("Authorization") == f"Bearer {token}":
            return False
        self._send(401, "Unauthorized: Missing authentication token")
        return True

    def _send(self, status: int, body: Any) -> None:
        data = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@contextmanager
def jobs_api() -> Iterator[JobsApi]:
    """An API with this machine's version of Ray, while the block runs."""
    import ray

    api = JobsApi(ray.__version__)
    try:
        yield api
    finally:
        api.close()
