"""STAC APIs: pages of items by pystac-client, asked for patiently and in windows of time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import pystac
import requests
from pystac_client import Client
from pystac_client.exceptions import APIError
from pystac_client.stac_api_io import StacApiIO

from swath.errors import SearchError, SourceError
from swath.settings import settings
from swath.sources.http import FlakyError, RefusedError, patiently, send
from swath.sources.items import Item

#: Elasticsearch behind an API refuses to page beyond this many hits, or ends there without a word.
CAP = 10_000
_SHORTEST = timedelta(seconds=2)
_SHRINKS = 3
_DEEPEST_REFUSAL = 6

BBox = tuple[float, float, float, float]


class PatientIO(StacApiIO):
    """pystac-client's transport, with tenacity on the single page and a page size that follows the server.

    Args:
        page: Items a page to ask for. Halved when the server stumbles, doubled again when it does not.
    """

    def __init__(self, page: int) -> None:
        super().__init__(max_retries=None)
        self.page = page
        self._size = page
        self._answered = False

    def request(
        self,
        href: str,
        method: str | None = None,
        headers: dict[str, str] | None = None,
        parameters: dict[str, Any] | None = None,
    ) -> str:
        """One page or document, as text. Raises as `swath.sources.http` does."""
        verb = (method or "GET").upper()
        shrinks = 0

        def once() -> Any:
            url, body = _sized(href, parameters, self._size)
            request = requests.Request(verb, url, headers=headers, **({"json" if verb == "POST" else "params": body}))
            return send(self.session, request)

        def ask_for_less(error: FlakyError) -> None:
            # 429 is about the rate first; a gateway that gives up is mostly about the size
            if error.status != 429 or self._size == self.page:
                self._size = max(1, self._size // 2)

        # an address that never answered is not waited for as long as one that stumbles on its way
        while True:
            attempts = settings().search_attempts if self._answered else min(3, settings().search_attempts)
            try:
                answer = patiently(once, attempts=attempts, before_next=ask_for_less)
            except RefusedError:
                if not _has_size(href, parameters) or shrinks == _SHRINKS or self._size == 1:
                    raise
                shrinks += 1
                self.page = self._size = max(1, self._size // 2)
                continue
            self._answered = True
            self._size = min(self.page, self._size * 2)
            return json.dumps(answer)


def _has_size(href: str, parameters: dict[str, Any] | None) -> bool:
    return "limit" in (parameters or {}) or "limit" in dict(parse_qsl(urlsplit(href).query))


def _sized(href: str, parameters: dict[str, Any] | None, size: int) -> tuple[str, dict[str, Any] | None]:
    """Request with `limit` set to `size` where it has one; pages counted by number must keep theirs."""
    parts = urlsplit(href)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    if "page" in query or "page" in (parameters or {}):
        return href, parameters
    if "limit" in query:
        href = urlunsplit(parts._replace(query=urlencode({**query, "limit": size})))
    if parameters and "limit" in parameters:
        parameters = {**parameters, "limit": size}
    return href, parameters


def api_items(url: str, ids: Sequence[str], bboxes: Sequence[BBox], start: datetime, end: datetime) -> Iterator[Item]:
    """Items of collections in boxes and a span of time; each once, in no order.

    Args:
        url: Landing page.
        ids: Collection ids, any of which may be the API's.
        bboxes: (west, south, east, north); none crosses the antimeridian.
        start: Inclusive.
        end: Exclusive.

    Raises:
        SourceError: The API cannot be reached, is none, or lacks the collection.
        SearchError: It refuses or loses items however small the pages and windows are.
    """
    transport = PatientIO(settings().search_page)
    try:
        client = Client.open(url, stac_io=transport)
        if len(ids) > 1:
            ids = _published(client, ids, url)
        seen: set[str] = set()
        for bbox in bboxes:
            window = _Window(client, ids, bbox, url)
            for item in window.items(start, end):
                if item["id"] not in seen:
                    seen.add(item["id"])
                    yield item
        if not seen and client.conforms_to("COLLECTIONS"):
            _published(client, ids, url)
    except RefusedError as error:
        raise SearchError(
            f"{error.url} refuses the search with HTTP {error.status}: {error.said}",
            fix="The request cannot be made smaller: check that the API knows the collection.",
            url=error.url,
            status=error.status,
        ) from None
    except (APIError, pystac.STACError, NotImplementedError, KeyError) as error:
        raise SourceError(
            f"{url} does not answer as a STAC API does: {error}.",
            fix="Give the address of a STAC API's landing page, of a catalog.json, or of a .parquet table.",
            url=url,
        ) from None


def _published(client: Client, ids: Sequence[str], url: str) -> list[str]:
    """Those of the ids that the API has."""
    there = [found.id for found in client.get_collections()]
    known = [name for name in ids if name in there]
    if not known:
        raise SourceError(
            f"{url} has no collection {' or '.join(ids)}.",
            fix=f"It has: {', '.join(sorted(there)[:20]) or 'none'}.",
            url=url,
        )
    return known


class _Window:
    """One box of a search; spans of time are halved when the server caps or refuses them."""

    def __init__(self, client: Client, ids: Sequence[str], bbox: BBox, url: str) -> None:
        self._client, self._ids, self._bbox, self._url = client, list(ids), bbox, url

    def items(self, start: datetime, end: datetime, refused: int = 0) -> list[Item]:
        """All items of [start, end), perhaps some of a second more."""
        splittable = end - start > _SHORTEST
        try:
            found, matched = self._pages(start, end, stop_over=CAP if splittable else None)
        except RefusedError:
            if not splittable or refused == _DEEPEST_REFUSAL:
                raise
            return self._halves(start, end, refused + 1)
        if found is None:
            return self._halves(start, end)
        if matched is None or len(found) >= matched:
            return found
        # fewer than promised: either the server stops early, or it only estimates. Two halves tell.
        if splittable:
            halves = _unique(self._halves(start, end, once=True))
            if len(halves) > len(found):
                return self._halves(start, end)
        return found

    def _halves(self, start: datetime, end: datetime, refused: int = 0, once: bool = False) -> list[Item]:
        middle = start + (end - start) / 2
        if once:
            return [item for span in ((start, middle), (middle, end)) for item in self._pages(*span)[0] or []]
        return self.items(start, middle, refused) + self.items(middle, end, refused)

    def _pages(
        self, start: datetime, end: datetime, stop_over: int | None = None
    ) -> tuple[list[Item] | None, int | None]:
        """Items and how many the server promised; no items if it promised more than `stop_over`."""
        span = f"{_floor(start):%Y-%m-%dT%H:%M:%SZ}/{_floor(end + timedelta(microseconds=999_999)):%Y-%m-%dT%H:%M:%SZ}"
        query = self._client.search(
            collections=self._ids, bbox=list(self._bbox), datetime=span, limit=settings().search_page
        )
        found: list[Item] = []
        matched: int | None = None
        for page in query.pages_as_dicts():
            promised = page.get("numberMatched", page.get("context", {}).get("matched"))
            matched = promised if isinstance(promised, int) else matched
            if stop_over is not None and matched is not None and matched > stop_over:
                return None, matched
            found += page.get("features", [])
        return _unique(found), matched


def _floor(when: datetime) -> datetime:
    return when.astimezone(UTC).replace(microsecond=0)


def _unique(items: list[Item]) -> list[Item]:
    return list({item["id"]: item for item in items}.values())
