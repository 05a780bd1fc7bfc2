"""Fixtures that all rooms share."""

import os
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import parts
from support.ray_cluster import ray_cluster  # noqa: F401
from support.servers import FileServer, s3_server

# No test may meet the user's own settings, credentials or proxies.
for _name in [
    n
    for n in os.environ
    if n.startswith(("SWATH_", "AWS_", "GDAL_", "RAY_")) and n not in ("SWATH_REQUIRE", "SWATH_TEST_DATA")
]:
    del os.environ[_name]
for _name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
    os.environ.pop(_name, None)
os.environ["SWATH_RATES"] = str(Path(tempfile.gettempdir(), f"swath-no-rates-{uuid.uuid4().hex}"))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real scenes, items and tables."""
    return parts.real_data()


@pytest.fixture
def file_server(tmp_path: Path) -> Iterator[FileServer]:
    """An HTTP server with byte ranges over `tmp_path`; its `folder` and `fault` can be set."""
    server = FileServer(tmp_path)
    yield server
    server.close()


@pytest.fixture(scope="session")
def s3_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One S3 server over HTTP for the whole run."""
    with s3_server(tmp_path_factory.mktemp("s3") / "moto.log") as url:
        yield url


@pytest.fixture
def s3(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """`s3://` URL of a fresh bucket, with the AWS variables of its server in the environment."""
    import botocore.session

    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "a-secret-that-no-log-may-show",
        "AWS_DEFAULT_REGION": "us-west-2",
        "AWS_ENDPOINT_URL": s3_endpoint,
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    bucket = f"swath-{uuid.uuid4().hex[:12]}"
    client = botocore.session.get_session().create_client("s3", region_name="us-west-2", endpoint_url=s3_endpoint)
    client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    client.close()
    yield f"s3://{bucket}"


@pytest.fixture(scope="module")
def s3_bucket(s3_endpoint: str) -> Iterator[str]:
    """`s3://` URL of a bucket that the tests of a module share, with the variables of its server in the environment."""
    from support.buckets import bucket

    variables, url = bucket(s3_endpoint)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        yield url
