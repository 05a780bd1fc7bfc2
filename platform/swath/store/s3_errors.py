"""What S3 answers, in the words of `swath.errors`."""

from __future__ import annotations

from botocore.exceptions import (
    BotoCoreError,
    ConnectionError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
)

from swath.errors import CredentialsError, StoreError, StoreFullError, StoreWriteError, SwathError

_VARIABLES = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (with AWS_SESSION_TOKEN for temporary ones), or AWS_PROFILE"
_REFUSED = {
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "InvalidToken",
    "TokenRefreshRequired",
    "InvalidSecurity",
}
_DENIED = {"AccessDenied", "AllAccessDisabled", "403", "Forbidden"}
_FULL = {"XMinioStorageFull", "QuotaExceeded", "InsufficientStorage", "507", "EntityTooLarge.Quota"}


def code_of(error: BaseException) -> str:
    """S3's error code (`NoSuchKey`, `412`, ...) anywhere in the chain of causes; empty when the server gave none."""
    seen: BaseException | None = error
    while seen is not None:
        response = getattr(seen, "response", None)
        if isinstance(response, dict):
            return str(response.get("Error", {}).get("Code", ""))
        seen = seen.__cause__
    return ""


def translated(error: Exception, where: str) -> Exception:
    """The error of ours that says the same; what is none of S3's comes back as it is.

    Args:
        error: What s3fs or botocore raised.
        where: The `s3://` URL that was asked for.
    """
    if isinstance(error, SwathError):
        return error
    code = code_of(error)
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return CredentialsError(f"No complete credentials for {where}.", fix=f"Set {_VARIABLES}.", path=where)
    if isinstance(error, ProfileNotFound):
        return CredentialsError("AWS_PROFILE names no known profile.", fix=f"Set {_VARIABLES}.", path=where)
    if code in _REFUSED:
        return CredentialsError(
            f"S3 refused the credentials for {where}: {code}.", fix=f"Check {_VARIABLES}.", path=where, status=code
        )
    if code in _FULL:
        return StoreFullError(
            f"No space is left to write {where}: {code}.",
            fix="Free space or raise the quota; the same command goes on where it stopped.",
            path=where,
        )
    if code in _DENIED:
        return StoreWriteError(
            f"Access to {where} is denied: {code}.",
            fix="Give these credentials the right to list, read, write and delete there, or give another --store.",
            path=where,
        )
    if code == "NoSuchBucket":
        return StoreError(
            f"The bucket of {where} does not exist.", fix="Create it first, or correct --store.", path=where
        )
    if isinstance(error, ConnectionError | HTTPClientError | TimeoutError):
        return StoreError(
            f"The S3 endpoint of {where} cannot be reached ({type(error).__name__}).",
            fix="Check the network, AWS_ENDPOINT_URL and AWS_REGION.",
            path=where,
        )
    if code or isinstance(error, BotoCoreError):
        return StoreError(f"S3 failed for {where}: {code or error}.", fix="See the server's own log.", path=where)
    return error
