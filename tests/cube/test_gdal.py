from __future__ import annotations

import pytest
from rasterio.env import getenv
from rasterio.session import AWSSession, DummySession

from swath.cube.gdal import gdal_env, host_of, unsigned


def test_keys_go_into_the_session_and_never_into_gdals_options(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "an-id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9000")
    env = gdal_env(["s3://bucket/a.tif"], options={"AWS_REQUEST_PAYER": "requester"})
    assert isinstance(env.session, AWSSession)
    assert "a-secret" not in str(env.options) and "an-id" not in str(env.options)
    assert env.options["AWS_HTTPS"] == "NO" and env.options["AWS_VIRTUAL_HOSTING"] == "FALSE"
    credentials = env.session.get_credential_options()
    assert credentials["AWS_S3_ENDPOINT"] == "127.0.0.1:9000"
    assert credentials["AWS_REQUEST_PAYER"] == "requester"


def test_local_reads_need_no_session_and_no_caches_for_remote_files():
    env = gdal_env(["/data/a.tif"])
    assert isinstance(env.session, DummySession)
    assert "VSI_CACHE" not in env.options
    with env:
        assert getenv()["GDAL_DISABLE_READDIR_ON_OPEN"] == "EMPTY_DIR"


@pytest.mark.parametrize(
    ("href", "host"),
    [("/data/a.tif", ""), ("file:///a.tif", ""), ("s3://bucket/k/a.tif", "s3://bucket"), ("https://h:1/a.tif", "h:1")],
)
def test_a_host_is_what_a_rate_belongs_to(href, host):
    assert host_of(href) == host


def test_a_query_is_not_shown():
    assert unsigned("https://h/a.tif?sig=secret") == "https://h/a.tif"
    assert unsigned("/data/odd?name.tif") == "/data/odd?name.tif"


def test_a_provider_with_an_endpoint_of_its_own_is_asked_there(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "an-id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9000")
    env = gdal_env(["s3://bucket/a.tif"], options={"AWS_S3_ENDPOINT": "archive.example"})
    assert env.options["AWS_S3_ENDPOINT"] == "archive.example"
    assert "AWS_S3_ENDPOINT" not in env.session.get_credential_options()
    assert "AWS_HTTPS" not in env.options
