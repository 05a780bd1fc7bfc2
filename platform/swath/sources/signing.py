"""Access to what is not open: signed hrefs, bearer tokens, requester pays; by provider, renewed in time.

A token is fetched once for all threads of a process, and once for all processes of a machine: it lies in the cache
folder, readable by its owner only. Values never go into logs, messages or items.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import fcntl
import json
import os
import threading
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import overload
from urllib.parse import urlsplit

import requests

from swath.errors import CredentialsError
from swath.settings import settings
from swath.sources.facts import Collection
from swath.sources.facts import collection as facts_of
from swath.sources.http import FlakyError, RefusedError, patiently, send
from swath.sources.scenes import Scene

#: A token is renewed when it has less than this left: longer than any one read.
_RENEW_BEFORE_S = 300.0
_BLOB_DOMAIN = ".blob.core.windows.net"


@dataclass(frozen=True)
class Token:
    """A token and the second (UTC, since 1970) at which it ends. Its text does not show in `repr`."""

    value: str
    expires: float

    def __repr__(self) -> str:
        return f"Token(…, expires={datetime.fromtimestamp(self.expires, UTC):%Y-%m-%dT%H:%M:%SZ})"

    def fresh(self) -> bool:
        """Whether it lasts long enough to start a read with it."""
        return self.expires - time.time() > _RENEW_BEFORE_S


@overload
def sign(what: str, collection: str | Collection, *, renew: bool = False) -> str: ...
@overload
def sign(what: Scene, collection: str | Collection | None = None, *, renew: bool = False) -> Scene: ...


def sign(what: str | Scene, collection: str | Collection | None = None, *, renew: bool = False) -> str | Scene:
    """An href, or a scene with all its hrefs, ready to be read now; call it just before each read.

    Args:
        what: Unsigned href, or a scene.
        collection: Facts or their key; a scene knows its own.
        renew: Fetch a new token even if the known one looks fresh (after a 403).

    Raises:
        CredentialsError: The provider refuses, or a needed variable is not set.
        SearchThrottledError: The provider of tokens stumbles too long.
    """
    facts = _facts(what.collection if isinstance(what, Scene) else collection)
    if isinstance(what, Scene):
        signed = {
            band: replace(asset, href=_sign_href(asset.href, facts, renew and number == 0))
            for number, (band, asset) in enumerate(what.assets.items())
        }
        return replace(what, assets=signed)
    return _sign_href(what, facts, renew)


def _facts(wanted: str | Collection | None) -> Collection:
    if wanted is None:
        raise TypeError("sign(href, collection): an href needs the collection")
    return wanted if isinstance(wanted, Collection) else facts_of(wanted)


def _sign_href(href: str, facts: Collection, renew: bool) -> str:
    if facts.signing != "planetary-computer":
        return href
    parts = urlsplit(href)
    if not (parts.hostname or "").endswith(_BLOB_DOMAIN) or parts.query:
        return href  # a mirror, or signed already
    account = (parts.hostname or "").removesuffix(_BLOB_DOMAIN)
    container = parts.path.lstrip("/").split("/")[0]
    return f"{href}?{_blob_token(account, container, renew).value}"


def gdal_options(collection: str | Collection) -> dict[str, str]:
    """GDAL options that reads of a collection need now: requester pays, bearer token, another S3 endpoint.

    Ask again for each unit: the token may have been renewed.

    Raises:
        CredentialsError: The variable with the token is not set, or the token has run out.
    """
    facts = _facts(collection)
    options = dict(facts.gdal)
    if facts.signing == "requester-pays":
        options["AWS_REQUEST_PAYER"] = "requester"
    if facts.signing == "bearer":
        options |= {"GDAL_HTTP_AUTH": "BEARER", "GDAL_HTTP_BEARER": _bearer(facts)}
    return options


def _bearer(facts: Collection) -> str:
    name = facts.token_env or ""
    value = os.environ.get(name, "").strip()
    if not value:
        raise CredentialsError(
            f"{facts.key} needs a token, and {name} is not set.", fix=f"Set {name} to a token of the provider."
        )
    ends = _jwt_end(value)
    if ends is not None and ends < time.time():
        raise CredentialsError(
            f"The token in {name} ran out at {datetime.fromtimestamp(ends, UTC):%Y-%m-%d %H:%M} UTC.",
            fix=f"Make a new one, set {name}, and run the same command again: it goes on where it stopped.",
        )
    return value


def _jwt_end(value: str) -> float | None:
    """When a JSON web token ends; None for any other kind of token."""
    parts = value.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, binascii.Error):
        return None
    return float(claims["exp"]) if isinstance(claims, dict) and isinstance(claims.get("exp"), (int, float)) else None


# --- Planetary Computer ------------------------------------------------------------------------------------

_tokens: dict[tuple[str, str], Token] = {}
_lock = threading.Lock()


def _blob_token(account: str, container: str, renew: bool) -> Token:
    known = _tokens.get((account, container))
    if known is not None and known.fresh() and not renew:
        return known
    with _lock:
        again = _tokens.get((account, container))
        # another thread may have renewed it while this one waited
        if again is not None and again.fresh() and (not renew or again is not known):
            return again
        token = _shared(account, container, None if not renew else known)
        _tokens[account, container] = token
        return token


def _shared(account: str, container: str, refused: Token | None) -> Token:
    """The token of this machine, fetched by whoever finds none that is fresh (or only the refused one)."""
    with _private_file(f"sas-{account}-{container}.json") as path:
        token = _stored(path)
        if token is not None and token.fresh() and (refused is None or token.value != refused.value):
            return token
        token = _fetch(account, container)
        path.unlink(missing_ok=True)  # one that others could open would stay open to them
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump({"value": token.value, "expires": token.expires}, file)
        return token


@contextlib.contextmanager
def _private_file(name: str) -> Iterator[Path]:
    """Path in the cache's folder of tokens, held by this process alone."""
    folder = settings().cache.expanduser() / "tokens"
    path = folder / name
    with contextlib.ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = stack.enter_context((folder / f"{name}.lock").open("w"))
        except OSError as error:
            raise CredentialsError(
                f"Tokens cannot be kept in {folder}: {error.strerror}.", fix="Set SWATH_CACHE to a folder of your own."
            ) from None
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield path


def _stored(path: Path) -> Token | None:
    try:
        if path.stat().st_mode & 0o077 or path.stat().st_uid != os.getuid():
            return None  # somebody else could have written it
        doc = json.loads(path.read_text())
        return Token(str(doc["value"]), float(doc["expires"]))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def _fetch(account: str, container: str) -> Token:
    """Ask the provider, by the package's address, key and form of answer, with our patience and time limit."""
    with warnings.catch_warnings():
        # planetary-computer 1.0 declares its models as pydantic 1 did; imported here only, so that nobody else meets it
        warnings.simplefilter("ignore", DeprecationWarning)
        from planetary_computer.sas import SASToken
        from planetary_computer.settings import Settings as PlanetaryComputerSettings
    its = PlanetaryComputerSettings.get()
    url = f"{its.sas_url}/{account}/{container}"
    headers = {"Ocp-Apim-Subscription-Key": its.subscription_key} if its.subscription_key else None
    session = requests.Session()
    try:
        answer = patiently(
            lambda: send(session, requests.Request("GET", url, headers=headers)), attempts=settings().search_attempts
        )
        token = SASToken(**answer)
    except (RefusedError, FlakyError, TypeError, ValueError) as error:
        raise CredentialsError(
            f"{url} gives no token ({type(error).__name__}).", fix="Check PC_SDK_SAS_URL and PC_SDK_SUBSCRIPTION_KEY."
        ) from None
    return Token(token.token, token.expiry.timestamp())
