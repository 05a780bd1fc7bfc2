"""A store under an `s3://` prefix."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, cast

import fsspec.asyn

from swath.errors import StoreError
from swath.store.base import MissingKeyError, Store, check_key, check_prefix
from swath.store.s3_errors import code_of, translated

_LOST_RACE = {"PreconditionFailed", "412", "ConditionalRequestConflict", "409"}
_MISSING = {"NoSuchKey", "404", "NotFound"}
_ATTEMPTS = 4  # of one request, with backoff
_PART = 16 * 2**20  # bytes of one part of a multipart upload
_TYPES = {".json": "application/json", ".tif": "image/tiff", ".parquet": "application/vnd.apache.parquet"}


class S3Store(Store):
    """Objects under one prefix of one bucket, by s3fs.

    Credentials, region and endpoint come from the usual variables (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
    AWS_SESSION_TOKEN, AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL) of the process that uses the store: a pickled
    store carries none of them.
    """

    is_local = False

    def __init__(self, root: str) -> None:
        bucket, _, prefix = root.removeprefix("s3://").partition("/")
        if not bucket:
            raise StoreError(f"{root!r} names no bucket.", fix="Write s3://bucket/prefix.")
        self._bucket = bucket
        self._prefix = check_prefix(prefix)
        self.root = f"s3://{bucket}/{self._prefix}".rstrip("/")
        self._lock = threading.Lock()
        self._made: Any = None

    def __reduce__(self) -> tuple[type[S3Store], tuple[str]]:
        return type(self), (self.root,)

    @property
    def _fs(self) -> Any:
        with self._lock:
            if self._made is None:
                self._made = _filesystem()
            return self._made

    def put_bytes(self, key: str, data: bytes) -> None:
        """See `Store.put_bytes`: one PUT, or a multipart upload when large; either shows only when complete."""
        self._call(key, lambda fs, path: fs.pipe_file(path, data, chunksize=_PART, **_kind(key)))

    def put_file(self, key: str, path: str | Path, *, move: bool = False) -> None:
        """See `Store.put_file`."""
        source = str(path)
        self._call(key, lambda fs, target: fs.put_file(source, target, chunksize=_PART, **_kind(key)))
        if move:
            os.unlink(source)

    def create(self, key: str, data: bytes) -> bool:
        """See `Store.create`: a PUT with If-None-Match."""
        return self._conditional(key, data, IfNoneMatch="*")

    def replace(self, key: str, data: bytes, *, version: str) -> bool:
        """See `Store.replace`: a PUT with If-Match."""
        return self._conditional(key, data, IfMatch=version)

    def read_versioned(self, key: str) -> tuple[bytes, str]:
        """See `Store.read_versioned`; the version is the ETag."""

        async def get(fs: Any) -> tuple[bytes, str]:
            answer = await fs._call_s3("get_object", Bucket=self._bucket, Key=self._name(key))
            async with answer["Body"] as body:
                return await body.read(), answer["ETag"]

        return cast("tuple[bytes, str]", self._call(key, lambda fs, _: fsspec.asyn.sync(fs.loop, get, fs)))

    def read_bytes(self, key: str, start: int | None = None, end: int | None = None) -> bytes:
        """See `Store.read_bytes`."""
        if start is not None and end is not None and end <= start:
            return b""
        return cast("bytes", self._call(key, lambda fs, path: fs.cat_file(path, start=start, end=end)))

    def open_read(self, key: str) -> BinaryIO:
        """See `Store.open_read`: read ahead by 1 MiB."""
        return cast("BinaryIO", self._call(key, lambda fs, path: fs.open(path, "rb", block_size=2**20)))

    def size(self, key: str) -> int:
        """See `Store.size`."""
        return int(self._ask(key, "head_object", Key=self._name(key))["ContentLength"])

    def list(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        """See `Store.list`; 1,000 keys a request."""
        folder = "/".join(part for part in (self._prefix, check_prefix(prefix)) if part)
        ask = {"Prefix": f"{folder}/" if folder else ""}
        skip = len(self._prefix) + 1 if self._prefix else 0
        while True:
            page = self._ask("", "list_objects_v2", **ask)
            for entry in page.get("Contents", ()):
                yield entry["Key"][skip:], int(entry["Size"])
            if not page.get("IsTruncated"):
                return
            ask["ContinuationToken"] = page["NextContinuationToken"]

    def delete(self, keys: str | Iterable[str]) -> None:
        """See `Store.delete`; 1,000 keys a request."""
        names = ({"Key": self._name(key)} for key in ([keys] if isinstance(keys, str) else keys))
        while batch := [*islice(names, 1000)]:
            answer = self._ask("", "delete_objects", Delete={"Objects": batch, "Quiet": True})
            for error in answer.get("Errors", ()):
                raise StoreError(
                    f"s3://{self._bucket}/{error['Key']} cannot be deleted: {error.get('Code')}.",
                    fix="Give these credentials the right to delete.",
                    path=error["Key"],
                )

    def url(self, key: str) -> str:
        """See `Store.url`."""
        return f"s3://{self._bucket}/{self._name(key)}"

    def remove_leftovers(self, *, older_than_s: float = 3600) -> int:
        """See `Store.remove_leftovers`: uploads of this prefix that were never completed."""
        count, before = 0, time.time() - older_than_s
        prefix = f"{self._prefix}/" if self._prefix else ""
        ask = {"Prefix": prefix}
        while True:
            page = self._ask("", "list_multipart_uploads", **ask)
            for upload in page.get("Uploads", ()):
                # some servers ignore the prefix: never touch another's upload
                if upload["Key"].startswith(prefix) and upload["Initiated"].timestamp() <= before:
                    self._ask("", "abort_multipart_upload", Key=upload["Key"], UploadId=upload["UploadId"])
                    count += 1
            if not page.get("IsTruncated"):
                return count
            ask |= {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]}

    def _name(self, key: str) -> str:
        return f"{self._prefix}/{check_key(key)}" if self._prefix else check_key(key)

    def _conditional(self, key: str, data: bytes, **condition: str) -> bool:
        name = self._name(key)
        try:
            self._fs.call_s3("put_object", Bucket=self._bucket, Key=name, Body=data, **_kind(key), **condition)
        except Exception as error:
            code = code_of(error)
            if code in _LOST_RACE or (code in _MISSING and "IfMatch" in condition):
                return False
            raise translated(error, self.url(key)) from error
        return True

    def _ask(self, key: str, method: str, **arguments: Any) -> Any:
        return self._call(key, lambda fs, _: fs.call_s3(method, Bucket=self._bucket, **arguments))

    def _call(self, key: str, call: Any) -> Any:
        name = self._name(key) if key else self._prefix
        where = f"s3://{self._bucket}/{name}"
        try:
            return call(self._fs, f"{self._bucket}/{name}")
        except Exception as error:  # s3fs, aiobotocore and aiohttp share no base: each becomes one of ours or goes on
            if key and (code_of(error) in _MISSING or (isinstance(error, FileNotFoundError) and not code_of(error))):
                raise MissingKeyError(f"There is no {where}.", path=where) from error
            raise translated(error, where) from error


def _kind(key: str) -> dict[str, str]:
    return {"ContentType": _TYPES.get(os.path.splitext(key)[1], "application/octet-stream")}


def _filesystem() -> Any:
    """An s3fs of our own: time limits instead of endless waits, no cache of listings, the endpoint said explicitly."""
    import s3fs

    fs = s3fs.S3FileSystem(
        endpoint_url=os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or None,
        client_kwargs={"region_name": region} if (region := os.environ.get("AWS_REGION")) else {},
        config_kwargs={
            "connect_timeout": 5,
            "read_timeout": 60,
            "retries": {"max_attempts": _ATTEMPTS, "mode": "standard"},
            "max_pool_connections": 32,
        },
        use_listings_cache=False,
        skip_instance_cache=True,
    )
    fs.retries = 2  # on top of botocore's own tries
    return fs
