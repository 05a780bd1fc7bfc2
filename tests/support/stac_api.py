"""A real STAC API (stac-fastapi-pgstac on a private PostgreSQL with PostGIS), and a proxy before it that stumbles."""

import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

# `make system` runs this file as a script
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.parts import ROOT, missing, program
from support.servers import free_port, wait_for

VENV = ROOT / ".venv-stac"
REQUIREMENTS = Path(__file__).with_name("stac-requirements.txt")


def install() -> None:
    """Make the API's own environment; `make system` calls this (`python tests/support/stac_api.py`)."""
    if not (VENV / "bin" / "pypgstac").exists():
        subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
        subprocess.run([VENV / "bin" / "pip", "install", "--quiet", "-r", REQUIREMENTS], check=True)


def _installed(name: str) -> Path:
    found = VENV / "bin" / name
    if not found.exists():
        missing(f"{VENV.name}/bin/{name}", "`make system` installs it.")
    return found


@contextmanager
def postgres() -> Iterator[dict[str, str]]:
    """A private cluster in a temporary folder; the PG* variables that reach it."""
    initdb, server = (program(name, "postgresql-15-postgis-3") for name in ("initdb", "postgres"))
    # PostgreSQL refuses to run as root
    user = "postgres" if os.getuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="swath-pg-"))
    try:
        if user:
            os.chown(folder, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
        initialise = [initdb, "-D", folder / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(initialise, check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL)
        port = free_port()
        options = {"listen_addresses": "127.0.0.1", "unix_socket_directories": str(folder), "fsync": "off"}
        flags = [part for key, value in options.items() for part in ("-c", f"{key}={value}")]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [server, "-D", folder / "data", "-p", str(port), *flags], user=user, cwd=folder, stdout=log, stderr=log
            )
        env = {"PGHOST": "127.0.0.1", "PGPORT": str(port), "PGUSER": "postgres", "PGDATABASE": "postgres"}
        env |= {"PGPASSWORD": "unused", "PGPASS": "unused"}
        try:
            ready = program("pg_isready", "postgresql-15-postgis-3")
            for _ in range(100):
                if (
                    subprocess.run(
                        [ready, "-h", "127.0.0.1", "-p", str(port), "-t", "1"], capture_output=True
                    ).returncode
                    == 0
                ):
                    break
                if process.poll() is not None:
                    raise RuntimeError(f"PostgreSQL ended: {(folder / 'log').read_text()[-2000:]}")
                threading.Event().wait(0.1)
            yield env
        finally:
            process.send_signal(2)  # SIGINT: fast shutdown
            process.wait(20)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def stac_api(collections: Sequence[dict], items: Sequence[dict]) -> Iterator[str]:
    """An API that holds these collections and items; its landing page."""
    pypgstac, uvicorn = _installed("pypgstac"), _installed("uvicorn")
    with ExitStack() as stack:
        env = {**os.environ, **stack.enter_context(postgres()), "ENABLE_RESPONSE_MODELS": "FALSE"}
        env["POSTGRES_USER"] = env["PGUSER"]
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="swath-stac-")))
        for name, docs in (("collections", collections), ("items", items)):
            (folder / name).write_text("\n".join(json.dumps(doc) for doc in docs))
        for command in (
            ["migrate"],
            *(["load", name, folder / name, "--method", "insert"] for name in ("collections", "items")),
        ):
            done = subprocess.run([pypgstac, *command], env=env, capture_output=True, text=True, check=False)
            if done.returncode:
                raise RuntimeError(f"pypgstac {command}: {done.stdout[-1500:]}{done.stderr[-1500:]}")
        port = free_port()
        factory = ["--factory", "stac_fastapi.pgstac.app:create_app"]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [uvicorn, *factory, "--host", "127.0.0.1", "--port", str(port)], env=env, stdout=log, stderr=log
            )
        try:
            wait_for(f"http://127.0.0.1:{port}/", server)
            yield f"http://127.0.0.1:{port}/"
        except Exception as error:
            error.add_note((folder / "log").read_text()[-3000:])
            raise
        finally:
            server.terminate()
            server.wait(20)


class StumblingProxy:
    """Hands requests on to an API, but refuses every third search page, with 429 and 502 in turn.

    Attributes:
        url: Its landing page.
        refused: Status of each refusal.
        pages: Items in each page that was let through.
    """

    def __init__(self, target: str) -> None:
        self.target = target.rstrip("/")
        self.refused: list[int] = []
        self.pages: list[int] = []
        self._asked = 0
        self._lock = threading.Lock()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                proxy._answer(self, None)

            def do_POST(self) -> None:
                proxy._answer(self, self.rfile.read(int(self.headers["Content-Length"])))

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, request: BaseHTTPRequestHandler, body: bytes | None) -> None:
        is_page = request.path.startswith("/search")
        if is_page:
            with self._lock:
                self._asked += 1
                if self._asked % 3 == 0:
                    self.refused.append(429 if len(self.refused) % 2 == 0 else 502)
                    request.send_response(self.refused[-1])
                    if self.refused[-1] == 429:
                        request.send_header("Retry-After", "0")
                    request.send_header("Content-Length", "0")
                    request.end_headers()
                    return
        onward = urllib.request.Request(
            self.target + request.path, data=body, headers={"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(onward, timeout=30) as answer:
                status, content = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                status, content = error.code, error.read()
        if is_page and status == 200:
            self.pages.append(len(json.loads(content)["features"]))
        # links lead back through the proxy
        content = content.replace(self.target.encode(), self.url.rstrip("/").encode())
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)


if __name__ == "__main__":
    install()
