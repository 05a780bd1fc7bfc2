"""Searching an API that caps, refuses, stumbles or lies: a small server that does so on request."""

import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from sources.things import WORLD, Where, item, when
from swath.errors import CredentialsError, SearchError, SearchThrottledError, SourceError
from swath.settings import settings
from swath.sources import api, search

KEY = "swath-simulated-optical"
JUNE = when("2023-06-01", "2023-07-01")
CONFORMS = [
    "https://api.stacspec.org/v1.0.0/core",
    "https://api.stacspec.org/v1.0.0/item-search",
    "https://api.stacspec.org/v1.0.0/collections",
]


class Api:
    """An item search over some items; `fault(asked, body)` may answer a status, and `cap` ends each search early."""

    def __init__(self, items: list[dict]) -> None:
        self.items, self.cap, self.promise, self.slow_s = items, 10**9, True, 0.0
        self.fault = lambda asked, body: None
        self.headers: dict[str, str] = {}
        self.asked: list[dict] = []
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                self.answer(200, api.landing())

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                api.asked.append(body)
                time.sleep(api.slow_s)
                status = api.fault(len(api.asked), body)
                self.answer(
                    status or 200, {"description": "no"} if status else api.page(body), api.headers if status else {}
                )

            def answer(self, status: int, doc: dict, headers: dict | None = None) -> None:
                content = json.dumps(doc).encode()
                self.send_response(status)
                for name, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def landing(self) -> dict:
        posted, got = {"method": "POST"}, {"method": "GET"}
        links = [
            {"rel": rel, "href": self.url + path, "type": "application/json", **more}
            for rel, path, more in (("root", "", {}), ("search", "search", posted), ("search", "search", got))
        ]
        known = {"type": "Catalog", "stac_version": "1.0.0", "id": "fake", "description": "fake"}
        return known | {"conformsTo": CONFORMS, "links": links}

    def page(self, body: dict) -> dict:
        start, end = body["datetime"].split("/")
        west, _, east, _ = body["bbox"]
        hits = [
            doc
            for doc in self.items
            if start <= doc["properties"]["datetime"] <= end and doc["bbox"][0] <= east and doc["bbox"][2] >= west
        ]
        first = body.get("token", 0)
        last = min(first + body["limit"], self.cap)
        page = {"type": "FeatureCollection", "features": hits[first:last], "links": []}
        if self.promise:
            page["numberMatched"] = len(hits)
        if last < min(len(hits), self.cap):
            page["links"] = [
                {"rel": "next", "href": self.url + "search", "method": "POST", "body": {**body, "token": last}}
            ]
        return page


def daily(count: int) -> list[dict]:
    start = datetime(2023, 6, 1, 10, tzinfo=UTC)
    step = timedelta(days=28) / count
    return [item(f"item-{n:04d}", when=f"{start + n * step:%Y-%m-%dT%H:%M:%SZ}") for n in range(count)]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in {
        "BACKOFF_S": "0.01",
        "SEARCH_PAGE": "8",
        "SEARCH_ATTEMPTS": "4",
        "READ_TIMEOUT_S": "0.5",
    }.items():
        monkeypatch.setenv(f"SWATH_{name}", value)
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture
def server() -> Iterator[Api]:
    fake = Api(daily(40))
    yield fake
    fake.server.shutdown()
    fake.server.server_close()


def ids(server: Api, area: Where = WORLD) -> list[str]:
    return [doc["id"] for doc in search(server.url, collection=KEY, area=area, period=JUNE).items]


def test_pages_are_followed_to_the_end(server: Api):
    assert ids(server) == [doc["id"] for doc in server.items]


def test_more_hits_than_the_cap_split_the_time(server: Api, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(api, "CAP", 12)
    assert ids(server) == [doc["id"] for doc in server.items]
    assert len({body["datetime"] for body in server.asked}) > 4


def test_a_server_that_stops_early_without_a_word_is_asked_in_shorter_windows(server: Api):
    server.cap = 10
    assert len(ids(server)) == 40


def test_a_promise_that_is_only_an_estimate_does_not_split_for_ever(server: Api):
    true_page = server.page
    server.page = lambda body: true_page(body) | {"numberMatched": 4000}
    assert len(ids(server)) == 40
    assert len(server.asked) < 40


def test_a_page_too_large_is_asked_again_smaller(server: Api):
    server.fault = lambda asked, body: 400 if body["limit"] > 4 else None
    assert len(ids(server)) == 40


def test_a_window_too_large_is_split(server: Api):
    def fault(asked: int, body: dict) -> int | None:
        start, end = (datetime.fromisoformat(text) for text in body["datetime"].split("/"))
        return 413 if end - start > timedelta(days=8) else None

    server.fault = fault
    assert len(ids(server)) == 40


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_stumble_is_tried_again(server: Api, status: int):
    server.fault = lambda asked, body: status if asked % 3 == 0 else None
    assert len(ids(server)) == 40


def test_pages_get_smaller_under_timeouts_of_a_gateway_and_grow_again(server: Api):
    server.fault = lambda asked, body: 504 if asked in (1, 2) else None
    assert len(ids(server)) == 40
    assert [body["limit"] for body in server.asked[:6]] == [8, 4, 2, 4, 8, 8]


def test_the_wait_that_the_server_asks_for_is_kept(server: Api):
    server.headers = {"Retry-After": "1"}
    server.fault = lambda asked, body: 429 if asked == 2 else None
    began = time.monotonic()
    assert len(ids(server)) == 40
    assert time.monotonic() - began >= 1


def test_a_server_that_always_stumbles_ends_with_url_and_status(server: Api):
    server.fault = lambda asked, body: 503
    with pytest.raises(
        SearchThrottledError, match=r"http://127.*/search still answers HTTP 503 after 4 tries"
    ) as caught:
        ids(server)
    assert caught.value.facts["status"] == 503


def test_a_server_that_hangs_ends_within_the_time_limit(server: Api):
    server.slow_s = 2
    began = time.monotonic()
    with pytest.raises(SourceError, match=r"no answer within 0.5 s \(tried 4 times\)"):
        ids(server)
    assert time.monotonic() - began < 10


def test_a_request_that_is_wrong_at_any_size_is_told_with_the_servers_words(server: Api):
    server.fault = lambda asked, body: 400
    with pytest.raises(SearchError, match=r'refuses the search with HTTP 400: \{"description": "no"\}'):
        ids(server)


@pytest.mark.parametrize("status", [401, 403])
def test_refused_access_is_about_credentials(server: Api, status: int):
    server.fault = lambda asked, body: status
    with pytest.raises(CredentialsError, match=f"HTTP {status}"):
        ids(server)


def test_an_area_over_the_antimeridian_is_two_boxes_and_no_item_twice(server: Api):
    server.items = [
        item("east", box=(178.0, 0.0, 179.0, 1.0)),
        item("west", box=(-179.0, 0.0, -178.0, 1.0)),
        item("far"),
    ]
    assert sorted(ids(server, Where.box(177.0, -1.0, -177.0, 2.0))) == ["east", "west"]
    assert [body["bbox"] for body in server.asked] == [[177, -1, 180, 2], [-180, -1, -177, 2]]


def test_the_same_item_on_two_pages_is_there_once(server: Api):
    server.items = sorted(server.items + server.items[:5], key=lambda doc: doc["id"])
    server.promise = False
    assert len(ids(server)) == 40


def test_the_end_of_the_period_is_exclusive(server: Api):
    server.items = [item("last", when="2023-06-30T23:59:59.999Z"), item("after", when="2023-07-01T00:00:00Z")]
    server.page = lambda body: {"type": "FeatureCollection", "features": server.items, "links": []}
    assert ids(server) == ["last"]
