"""Files wherever they lie (a path, http, S3), opened by fsspec with time limits and with errors of ours."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import IO, Any

import aiohttp
import fsspec
from botocore.exceptions import BotoCoreError, NoCredentialsError

from swath.errors import CredentialsError, SourceError
from swath.settings import settings


def fsspec_options(address: str) -> dict[str, Any]:
    """Options of fsspec for an address: connect and read end within SWATH_READ_TIMEOUT_S."""
    limit = settings().read_timeout_s
    if address.startswith(("http://", "https://")):
        return {"client_kwargs": {"timeout": aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=limit)}}
    if address.startswith("s3://"):
        return {"config_kwargs": {"connect_timeout": 10, "read_timeout": limit}}
    return {}


@contextlib.contextmanager
def reading(address: str) -> Iterator[IO[bytes]]:
    """The file, open for reading; errors that come up while it is open are told as errors of the source.

    Raises:
        SourceError: It is not there or cannot be reached.
        CredentialsError: Access is refused, or there are no keys for S3.
    """
    try:
        with fsspec.open(address, "rb", **fsspec_options(address)) as file:
            yield file
    except FileNotFoundError:
        raise SourceError(f"There is no {address}.", fix="Check the path.", url=address) from None
    except (PermissionError, NoCredentialsError) as error:
        raise CredentialsError(
            f"Access to {address} is refused: {error}.", fix="Check the credentials (AWS_* for s3).", url=address
        ) from None
    except (aiohttp.ClientError, BotoCoreError, TimeoutError) as error:
        raise SourceError(
            f"{address} cannot be reached: {error}.", fix="Check address and network.", url=address
        ) from None
