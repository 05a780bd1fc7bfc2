"""Servers on loopback: files over HTTP with faults on request, and S3."""

import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(url: str, process: subprocess.Popen | None = None, seconds: float = 60) -> None:
    """Until the address answers at all; an early end of its process is an error."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except urllib.error.HTTPError:
            return
        except OSError as error:
            if process is not None and process.poll() is not None:
                raise RuntimeError(f"{url}: the server ended with {process.returncode}") from error
            if time.monotonic() > deadline:
                raise TimeoutError(f"{url} did not answer in {seconds} s") from error
            time.sleep(0.1)


class FileServer:
    """A folder over HTTP with byte ranges.

    Attributes:
        url: Without a slash at the end.
        fault: Called with the path and how often that path was asked (from 1); a status to answer instead, a number of
            seconds to wait as a float, or None.
        requests: How often each path was asked.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.fault: Callable[[str, int], int | float | None] | None = None
        self.requests: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), partial(_Handler, self, directory=str(folder)))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def count(self, path: str) -> int:
        """Note one request; how many there were for this path."""
        with self._lock:
            self.requests[path] += 1
            return self.requests[path]

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that give up (a read that timed out, a test that ended) are no news; anything else is."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, owner: FileServer, *args: object, **kwargs: object) -> None:
        self.owner = owner
        super().__init__(*args, **kwargs)

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        path = self.path.split("?")[0]
        asked = self.owner.count(path)
        fault = self.owner.fault(path, asked) if self.owner.fault else None
        if isinstance(fault, float):
            time.sleep(fault)
        elif fault is not None:
            return self._status(fault)
        try:
            content = Path(self.translate_path(path)).read_bytes()
        except OSError:
            return self._status(HTTPStatus.NOT_FOUND)
        asked_range = self.headers.get("Range")
        start, stop = 0, len(content)
        if asked_range:
            first, _, last = asked_range.removeprefix("bytes=").partition("-")
            start, stop = int(first), min(int(last) + 1 if last else stop, stop)
            if start >= len(content):
                return self._status(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
        self.send_response(HTTPStatus.PARTIAL_CONTENT if asked_range else HTTPStatus.OK)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(stop - start))
        if asked_range:
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{len(content)}")
        self.end_headers()
        if body:
            try:
                self.wfile.write(content[start:stop])
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True
        return None

    def _status(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()


@contextmanager
def s3_server(log: Path) -> Iterator[str]:
    """A moto S3 server over HTTP; its endpoint URL."""
    port = free_port()
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], stdout=out, stderr=out
        )
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(f"{url}/moto-api/", process)
            yield url
        finally:
            process.terminate()
            process.wait(20)
