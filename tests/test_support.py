"""The real parts that tests stand on work themselves."""

import urllib.error
import urllib.request

import pytest


def test_the_file_server_answers_ranges_and_faults(file_server):
    (file_server.folder / "a.bin").write_bytes(bytes(range(100)))
    request = urllib.request.Request(f"{file_server.url}/a.bin", headers={"Range": "bytes=10-19"})
    with urllib.request.urlopen(request) as answer:
        assert (answer.status, answer.read()) == (206, bytes(range(10, 20)))
    file_server.fault = lambda path, asked: 503
    with pytest.raises(urllib.error.HTTPError, match="503"):
        urllib.request.urlopen(f"{file_server.url}/a.bin")


def test_the_s3_server_has_true_conditional_puts(s3):
    import s3fs

    fs = s3fs.S3FileSystem(endpoint_url=None, skip_instance_cache=True)
    fs.pipe_file(f"{s3}/a", b"1")
    assert fs.cat_file(f"{s3}/a") == b"1"
