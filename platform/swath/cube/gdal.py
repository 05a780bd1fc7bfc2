"""GDAL set for cloud reading, in one place."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

import rasterio
from rasterio.session import AWSSession, DummySession, Session

from swath.settings import settings

REMOTE = ("http://", "https://", "s3://")

_TRUE = {"1", "true", "yes", "on"}


def is_remote(href: str) -> bool:
    """Whether a read of this href goes over the network."""
    return href.startswith(REMOTE)


def host_of(href: str) -> str:
    """Who answers for an href: a host, `s3://bucket`, or an empty string for a local file."""
    if not is_remote(href):
        return ""
    parts = urlsplit(href)
    return f"s3://{parts.netloc}" if parts.scheme == "s3" else parts.netloc


def unsigned(href: str) -> str:
    """An href without query, as messages and records may show it: a query can hold a token."""
    return href.split("?", 1)[0] if is_remote(href) else href


def _aws(*, requester_pays: bool, of_provider: bool) -> tuple[Session, dict[str, str]]:
    """The S3 session from the usual AWS_* variables, and the options that a custom endpoint needs.

    A provider with an endpoint of its own (`of_provider`) is asked there, whatever AWS_ENDPOINT_URL says.
    Keys go into the session only, never into GDAL's options.
    """
    environ = os.environ
    endpoint = "" if of_provider else environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL") or ""
    options: dict[str, str] = {}
    address = None
    if endpoint:
        parts = urlsplit(endpoint if "://" in endpoint else f"https://{endpoint}")
        address = parts.netloc
        options["AWS_HTTPS"] = "NO" if parts.scheme == "http" else "YES"
        options["AWS_VIRTUAL_HOSTING"] = "FALSE"
    key = environ.get("AWS_ACCESS_KEY_ID")
    secret = environ.get("AWS_SECRET_ACCESS_KEY")
    session = AWSSession(
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=environ.get("AWS_SESSION_TOKEN"),
        region_name=environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION"),
        aws_unsigned=environ.get("AWS_NO_SIGN_REQUEST", "").lower() in _TRUE,
        requester_pays=requester_pays or environ.get("AWS_REQUEST_PAYER") == "requester",
        endpoint_url=address,
    )
    return session, options


def gdal_env(
    hrefs: Iterable[str] = (), *, options: Mapping[str, str] | None = None, cache_mb: int = 128
) -> rasterio.Env:
    """A context in which one thread reads with GDAL.

    No directory listings beside a file, ranges merged, small caches, and no retries by GDAL: Swath retries the single
    read itself, by what the error says, and counts it.

    Args:
        hrefs: What will be read; decides whether an S3 session and the caches for remote files are set up.
        options: Of the provider (`sources.gdal_options`): requester pays, bearer token, endpoint.
        cache_mb: GDAL's block cache for the process. Swath reads each source block once, so that more than the blocks
            under one window for each thread is of no use.

    Returns:
        A context manager of rasterio; enter it in each thread that reads.
    """
    remote = [href for href in hrefs if is_remote(href)]
    limit = settings().read_timeout_s
    given = dict(options or {})
    settled: dict[str, object] = {
        "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
        "GDAL_CACHEMAX": cache_mb,
        "GDAL_NUM_THREADS": "1",
        # a .aux.xml or .msk beside the file would change what a pixel is
        "GDAL_PAM_ENABLED": "NO",
    }
    session: Session = DummySession()
    if remote:
        settled |= {
            "VSI_CACHE": "TRUE",
            "VSI_CACHE_SIZE": 2_000_000,
            "CPL_VSIL_CURL_CACHE_SIZE": 32_000_000,
            "GDAL_HTTP_MERGE_CONSECUTIVE_RANGES": "YES",
            "GDAL_HTTP_MULTIPLEX": "YES",
            "GDAL_HTTP_VERSION": "2",
            "GDAL_INGESTED_BYTES_AT_OPEN": 32_768,
            "GDAL_HTTP_TIMEOUT": f"{limit:g}",
            "GDAL_HTTP_CONNECTTIMEOUT": f"{min(limit, 10.0):g}",
            "GDAL_HTTP_MAX_RETRY": "0",
            # GDAL remembers a failed open by name; a second try must ask the server again
            "CPL_VSIL_CURL_USE_HEAD": "NO",
        }
    if any(href.startswith("s3://") for href in remote):
        pays = given.pop("AWS_REQUEST_PAYER", "") == "requester"
        session, more = _aws(requester_pays=pays, of_provider="AWS_S3_ENDPOINT" in given)
        settled |= more
    return rasterio.Env(session=session, **{**settled, **given})
