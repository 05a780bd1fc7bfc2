"""The S3 store when the server or the credentials say no."""

import time

import pytest

import swath.store.s3
from swath.errors import CredentialsError, StoreError
from swath.store import Store


def test_large_content_goes_up_in_parts(s3):
    store = Store.open(s3)
    data = bytes(range(256)) * (33 * 4096)
    store.put_bytes("large", data)
    assert store.size("large") == len(data) and store.read_bytes("large", len(data) - 3) == data[-3:]


def test_missing_credentials_name_the_variables(s3, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(CredentialsError, match=r"Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"):
        Store.open(s3).check_writable()


def test_a_profile_that_does_not_exist_is_said(s3, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(CredentialsError, match="AWS_PROFILE"):
        Store.open(s3).check_writable()


def test_a_bucket_that_does_not_exist_is_said(s3):
    with pytest.raises(StoreError, match=r"bucket of s3://no-such-bucket/x/write-test.* does not exist"):
        Store.open("s3://no-such-bucket/x").check_writable()
    with pytest.raises(StoreError, match="does not exist"):
        list(Store.open("s3://no-such-bucket/x").list())


def test_an_endpoint_that_nobody_answers_is_an_error_soon(s3, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setattr(swath.store.s3, "_ATTEMPTS", 2)
    begun = time.monotonic()
    with pytest.raises(StoreError, match=r"cannot be reached.*AWS_ENDPOINT_URL"):
        Store.open(s3).check_writable()
    assert time.monotonic() - begun < 30


@pytest.mark.parametrize(
    ("code", "kind", "text"),
    [
        ("InvalidAccessKeyId", "CredentialsError", "Check AWS_ACCESS_KEY_ID"),
        ("SignatureDoesNotMatch", "CredentialsError", "Check AWS_ACCESS_KEY_ID"),
        ("ExpiredToken", "CredentialsError", "AWS_SESSION_TOKEN"),
        ("AccessDenied", "StoreWriteError", "right to list, read, write"),
        ("XMinioStorageFull", "StoreFullError", "goes on where it stopped"),
        ("InternalError", "StoreError", "InternalError"),
    ],
)
def test_the_codes_of_s3_become_errors_of_ours(code, kind, text):
    from botocore.exceptions import ClientError

    from swath.store.s3_errors import translated

    raised = OSError("wrapped")
    raised.__cause__ = ClientError({"Error": {"Code": code, "Message": "a-secret"}}, "PutObject")
    error = translated(raised, "s3://b/k")
    assert type(error).__name__ == kind and text in str(error) and "a-secret" not in str(error)


def test_uploads_that_were_never_completed_are_removed(s3):
    store = Store.open(s3 + "/p")
    for key in ("p/a.tif", "other/b.tif"):
        store._fs.call_s3("create_multipart_upload", Bucket=s3.removeprefix("s3://"), Key=key)
    assert store.remove_leftovers(older_than_s=10**9) == 0  # moto says that every upload began in 2010
    assert store.remove_leftovers() == 1
