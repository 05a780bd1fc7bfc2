"""The API of Kubernetes on loopback as its conventions say, for what kmock lacks: 404, 409, 410, 429, 500,
resourceVersion, selectors, pages, watches that are dropped."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlparse


class KubernetesApi:
    """RayClusters, pods, events and secrets of a namespace.

    Attributes:
        url: Of the API.
        clusters: RayClusters by name.
        pods, events, secrets: What lists and reads of these answer.
        denied: (verb, resource) that these credentials may not.
        fault: Called with method and path, and how often that was asked (from 1): a status, (status, headers), or None.
        requests: (method, path with query) in order.
        drop_watch: Close watches after this many events.
        oldest: Versions below it have gone (410).
        on_create: Called with each new cluster, as an operator would be.
    """

    def __init__(self) -> None:
        self.clusters: dict[str, dict[str, Any]] = {}
        self.pods: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.secrets: dict[str, dict[str, str]] = {}
        self.denied: set[tuple[str, str]] = set()
        self.fault: Callable[[str, str, int], Any] = lambda method, path, number: None
        self.requests: list[tuple[str, str]] = []
        self.drop_watch: int | None = None
        self.oldest = 0
        self.on_create: Callable[[dict[str, Any]], None] = lambda cluster: None
        self.asked: Counter[tuple[str, str]] = Counter()
        self.changed = threading.Condition()
        self.history: list[tuple[int, str, dict[str, Any]]] = []
        self._version = 100
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"api": self}))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """End."""
        self._server.shutdown()
        self._server.server_close()

    def put(self, kind: str, cluster: dict[str, Any]) -> dict[str, Any]:
        """A change: ADDED, MODIFIED or DELETED; watches hear of it."""
        with self.changed:
            self._version += 1
            cluster = json.loads(json.dumps(cluster))
            cluster["metadata"]["resourceVersion"] = str(self._version)
            name = cluster["metadata"]["name"]
            if kind == "DELETED":
                self.clusters.pop(name, None)
            else:
                self.clusters[name] = cluster
            self.history.append((self._version, kind, cluster))
            self.changed.notify_all()
        return cluster

    def ready(self, name: str, workers: int) -> None:
        """What the operator writes once all runs."""
        status = {"state": "ready", "readyWorkerReplicas": workers, "head": {"serviceName": f"{name}-head-svc"}}
        self.put("MODIFIED", {**self.clusters[name], "status": status})

    def count(self, method: str, part: str = "") -> int:
        """Requests of a method whose path holds a part."""
        return sum(one == method and part in path for one, path in self.requests)


class _Handler(BaseHTTPRequestHandler):
    api: KubernetesApi
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # a small answer would wait 40 ms for the acknowledgement of its header

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def do_PATCH(self) -> None:
        self._answer("PATCH")

    def do_DELETE(self) -> None:
        self._answer("DELETE")

    def _answer(self, method: str) -> None:
        api, told = self.api, urlparse(self.path)
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"null")
        api.requests.append((method, self.path))
        api.asked[method, told.path] += 1
        fault = api.fault(method, self.path, api.asked[method, told.path])
        if fault is not None:
            status, headers = fault if isinstance(fault, tuple) else (fault, {})
            if status == 0:  # the answer is lost, though the call was carried out
                self._serve(method, told, body, lost=True)
                self.close_connection = True
                return
            self._refuse(status, "injected", headers=headers)
            return
        self._serve(method, told, body)

    def _serve(self, method: str, told: Any, body: Any, lost: bool = False) -> None:
        api, query = self.api, {name: values[0] for name, values in parse_qs(told.query).items()}
        last = told.path.rstrip("/").rsplit("/", 1)[-1]
        if last == "selfsubjectaccessreviews":
            asked = body["spec"]["resourceAttributes"]
            allowed = (asked["verb"], asked["resource"]) not in api.denied
            return self._send(201, {**body, "status": {"allowed": allowed}})
        if last in ("pods", "events"):
            items = api.pods if last == "pods" else api.events
            return self._send(200, {"kind": "List", "apiVersion": "v1", "metadata": {}, "items": items})
        if "/secrets/" in told.path:
            data = api.secrets.get(last)
            return self._refuse(404, "NotFound") if data is None else self._send(200, {"data": data, "metadata": {}})
        if last == "rayclusters":
            if method == "POST":
                return self._create(body, lost)
            return self._watch(query) if query.get("watch") else self._list(query)
        found = api.clusters.get(last)
        if found is None:
            return self._refuse(404, "NotFound", message=f'rayclusters.ray.io "{last}" not found')
        if method == "PATCH":
            return self._send(200, api.put("MODIFIED", _merge(found, body)))
        if method == "DELETE":
            api.put("DELETED", found)
            return self._send(200, {"kind": "Status", "status": "Success"})
        return self._send(200, found)

    def _create(self, body: dict[str, Any], lost: bool) -> None:
        name = body["metadata"]["name"]
        if name in self.api.clusters:
            return self._refuse(409, "AlreadyExists", message=f'rayclusters.ray.io "{name}" already exists')
        body["metadata"].setdefault("creationTimestamp", datetime.now(UTC).isoformat(timespec="seconds"))
        made = self.api.put("ADDED", body)
        self.api.on_create(made)
        return None if lost else self._send(201, made)

    def _list(self, query: dict[str, str]) -> None:
        wanted = [part.split("=") for part in query.get("labelSelector", "").split(",") if part]
        found = [
            one
            for _, one in sorted(self.api.clusters.items())
            if all(one["metadata"].get("labels", {}).get(name) == value for name, value in wanted)
        ]
        start, limit = int(query.get("continue", 0)), min(2, int(query.get("limit", 2)))  # small pages: all are asked
        more = {"continue": str(start + limit)} if start + limit < len(found) else {}
        self._send(200, {"kind": "RayClusterList", "metadata": more, "items": found[start : start + limit]})

    def _watch(self, query: dict[str, str]) -> None:
        api, version = self.api, int(query.get("resourceVersion") or 0)
        if version < api.oldest:
            return self._refuse(410, "Expired", message="too old resource version")
        name = query.get("fieldSelector", "").partition("metadata.name=")[2]
        end, sent = time.monotonic() + float(query.get("timeoutSeconds", 5)), 0
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while time.monotonic() < end:
            with api.changed:
                fresh = [one for one in api.history if one[0] > version]
                if not fresh:
                    api.changed.wait(0.05)
            for number, kind, cluster in fresh:
                if api.drop_watch is not None and sent >= api.drop_watch:
                    self.close_connection = True  # in the middle of a chunked answer
                    return
                version = number
                if not name or cluster["metadata"]["name"] == name:
                    line = json.dumps({"type": kind, "object": cluster}).encode() + b"\n"
                    self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
                    self.wfile.flush()
                    sent += 1
        self.wfile.write(b"0\r\n\r\n")

    def _refuse(self, status: int, reason: str, *, message: str = "", headers: dict[str, str] | None = None) -> None:
        body = {"kind": "Status", "status": "Failure", "message": message or reason, "reason": reason, "code": status}
        self._send(status, body, headers)

    def _send(self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": len(data), **(headers or {})}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(data)


def _merge(into: Any, change: Any) -> Any:
    """A JSON merge patch (RFC 7386)."""
    if not isinstance(change, dict):
        return change
    merged = dict(into) if isinstance(into, dict) else {}
    for name, value in change.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merge(merged.get(name), value)
    return merged


@contextmanager
def kubernetes_api() -> Iterator[KubernetesApi]:
    """An API while the block runs."""
    api = KubernetesApi()
    try:
        yield api
    finally:
        api.close()
