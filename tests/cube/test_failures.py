"""Bad input: each failed read is told by its kind, and by its href."""

from __future__ import annotations

import time

import numpy as np
import pytest

from swath.cube import CubeSpec, compose, load, reader
from swath.cube.failures import read_error
from swath.cube.patience import HostRate, patiently
from swath.errors import (
    AssetForbiddenError,
    AssetMissingError,
    AssetServerError,
    AssetThrottledError,
    CredentialsError,
    ReadTimeoutError,
    UnitError,
)
from swath.settings import settings

SPEC = CubeSpec(bands=("B04",))
RED = np.full((24, 30), 500, np.uint16)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setenv("SWATH_BACKOFF_S", "0.01")
    monkeypatch.setenv("SWATH_READ_ATTEMPTS", "3")
    monkeypatch.setenv("SWATH_READ_TIMEOUT_S", "5")
    settings.cache_clear()
    yield
    settings.cache_clear()


def failure(maker, tile, optical, spec=SPEC, **more):
    with pytest.raises(UnitError) as caught:
        compose(maker.scenes, tile, spec, collection=optical, threads=2, **more)
    return caught.value.facts["reads"]


def test_a_missing_file_is_named(maker, optical, make_tile):
    maker.scene({"B04": maker.folder / "gone.tif"})
    (read,) = failure(maker, make_tile(), optical)
    assert read["type"] == "AssetMissingError" and read["href"].endswith("gone.tif")
    assert (read["item"], read["band"], read["attempts"]) == ("scene-000", "B04", 1)


def test_a_file_that_is_no_raster_is_named(maker, optical, make_tile):
    path = maker.folder / "text.tif"
    path.write_text("no raster at all")
    maker.scene({"B04": path})
    (read,) = failure(maker, make_tile(), optical)
    assert read["type"] == "AssetCorruptError" and read["href"] == str(path)


def test_a_truncated_cog_is_named(maker, optical, make_tile):
    rng = np.random.default_rng(0)
    path = maker.file("cut", rng.integers(1, 60_000, (64, 64)).astype(np.uint16), block=16)
    path.write_bytes(path.read_bytes()[:3000])
    maker.scene({"B04": path})
    (read,) = failure(maker, make_tile((64, 64)), optical)
    assert read["type"] == "AssetCorruptError" and read["href"] == str(path)


def test_all_failed_files_are_listed_not_only_the_first(maker, optical, make_tile):
    rng = np.random.default_rng(0)
    cut = maker.file("cut", rng.integers(1, 60_000, (64, 64)).astype(np.uint16), block=16)
    cut.write_bytes(cut.read_bytes()[:6000])
    maker.scene({"B04": maker.folder / "gone-1.tif"})
    maker.scene({"B04": cut})
    maker.scene({"B04": maker.folder / "gone-2.tif"})
    reads = failure(maker, make_tile((64, 64)), optical, budget_bytes=3000)
    assert [read["href"].rpartition("/")[2] for read in reads] == ["gone-1.tif", "cut.tif", "gone-2.tif"]


def test_with_skip_failed_scenes_are_left_out_everywhere_and_listed(maker, optical, make_tile):
    rng = np.random.default_rng(0)
    values = rng.integers(1, 60_000, (64, 64)).astype(np.uint16)
    cut = maker.file("cut", values, block=16)
    cut.write_bytes(cut.read_bytes()[:6000])
    maker.scene({"B04": cut})
    maker.scene({"B04": maker.file("whole", values)})
    made = compose(
        maker.scenes,
        make_tile((64, 64)),
        CubeSpec(bands=("B04",), on_missing="skip"),
        collection=optical,
        budget_bytes=3000,
    )
    assert (made.count == 1).all()
    np.testing.assert_array_equal(made.layers["B04"], values)
    assert [record["href"] for record in made.skipped] == [str(cut)]


def test_with_skip_and_nothing_left_the_unit_fails_with_the_list(maker, optical, make_tile):
    maker.scene({"B04": maker.folder / "gone.tif"})
    (read,) = failure(maker, make_tile(), optical, CubeSpec(bands=("B04",), on_missing="skip"))
    assert read["href"].endswith("gone.tif")


def test_an_item_without_a_needed_band_names_item_and_band(maker, optical, make_tile):
    maker.scene({"B08": maker.file("nir", RED)})
    (read,) = failure(maker, make_tile(), optical)
    assert "scene-000 has no asset for band B04" in read["message"]


@pytest.mark.parametrize(
    ("values", "more", "says"),
    [
        (RED.astype(np.int16), {}, "holds int16, the facts of band B04 say uint16"),
        (RED, {"epsg": None}, "no coordinate reference system"),
    ],
)
def test_a_file_that_is_not_what_the_facts_promise_is_refused(maker, optical, make_tile, values, more, says):
    maker.scene({"B04": maker.file("odd", values, **more)})
    (read,) = failure(maker, make_tile(), optical)
    assert read["type"] == "AssetMismatchError" and says in read["message"]


def test_a_band_number_beyond_the_file_is_refused(maker, optical, make_tile):
    from dataclasses import replace

    from swath.sources.scenes import Asset

    path = str(maker.file("one", RED))
    maker.scenes = [replace(maker.scene({"B04": path}), assets={"B04": Asset(path, index=3)})]
    (read,) = failure(maker, make_tile(), optical)
    assert "has 1 band(s), band 3 is wanted" in read["message"]


@pytest.mark.parametrize(
    ("status", "kind", "attempts"),
    [
        (403, "AssetForbiddenError", 2),
        (404, "AssetMissingError", 1),
        (429, "AssetThrottledError", 3),
        (500, "AssetServerError", 3),
        (503, "AssetThrottledError", 3),
    ],
)
def test_http_statuses_are_told_apart_and_tried_as_often_as_is_worth_it(
    maker, optical, make_tile, file_server, status, kind, attempts
):
    maker.file("v", RED)
    file_server.fault = lambda path, asked: status
    maker.scene({"B04": f"{file_server.url}/v.tif?token=secret"})
    (read,) = failure(maker, make_tile(), optical)
    assert (read["type"], read["attempts"]) == (kind, attempts)
    assert read["href"] == f"{file_server.url}/v.tif"
    assert "secret" not in str(read)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_that_recovers_is_forgiven(maker, optical, make_tile, file_server, status):
    maker.file("v", RED)
    file_server.fault = lambda path, asked: status if asked <= 2 else None
    maker.scene({"B04": f"{file_server.url}/v.tif"})
    made = compose(maker.scenes, make_tile(), SPEC, collection=optical)
    np.testing.assert_array_equal(made.layers["B04"], RED)


def test_a_slow_server_is_a_timeout(maker, optical, make_tile, file_server, monkeypatch):
    monkeypatch.setenv("SWATH_READ_TIMEOUT_S", "0.3")
    monkeypatch.setenv("SWATH_READ_ATTEMPTS", "2")
    settings.cache_clear()
    maker.file("v", RED)
    file_server.fault = lambda path, asked: 2.0
    maker.scene({"B04": f"{file_server.url}/v.tif"})
    (read,) = failure(maker, make_tile(), optical)
    assert read["type"] == "ReadTimeoutError" and "0.3 s" in read["message"]


def test_a_read_that_hangs_outside_gdals_limits_is_given_up(maker, optical, make_tile, monkeypatch):
    monkeypatch.setenv("SWATH_READ_TIMEOUT_S", "0.4")
    settings.cache_clear()
    place = reader.place

    def hang(dataset, source, *more):
        if "stuck" in source.href:
            time.sleep(3)
        return place(dataset, source, *more)

    monkeypatch.setattr(reader, "place", hang)
    maker.scene({"B04": maker.file("stuck", RED)})
    maker.scene({"B04": maker.file("fine", RED)})
    started = time.monotonic()
    made = compose(
        maker.scenes, make_tile(), CubeSpec(bands=("B04",), on_missing="skip"), collection=optical, threads=2
    )
    assert time.monotonic() - started < 2.5
    np.testing.assert_array_equal(made.layers["B04"], RED)
    assert [(r["type"], r["href"].rpartition("/")[2]) for r in made.skipped] == [("ReadTimeoutError", "stuck.tif")]


def test_lazy_cubes_name_the_href_too(maker, optical, make_tile):
    path = maker.file("v", RED)
    maker.scene({"B04": path})
    cube = load(maker.scenes, make_tile(), ("B04",), collection=optical)
    path.unlink()
    with pytest.raises(AssetMissingError, match=r"v\.tif is missing"):
        cube["B04"].compute(scheduler="sync")


def test_http_and_s3_give_the_pixels_of_the_file(maker, optical, make_tile, file_server, s3):
    import botocore.session

    rng = np.random.default_rng(1)
    values = rng.integers(1, 9000, (24, 30)).astype(np.uint16)
    path = maker.file("v", values)
    bucket = s3.removeprefix("s3://")
    import os

    client = botocore.session.get_session().create_client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
    client.put_object(Bucket=bucket, Key="a/v.tif", Body=path.read_bytes())
    client.close()
    for href in (str(path), f"file://{path}", f"{file_server.url}/v.tif", f"{s3}/a/v.tif"):
        maker.scenes.clear()
        maker.scene({"B04": href})
        made = compose(maker.scenes, make_tile(), SPEC, collection=optical)
        np.testing.assert_array_equal(made.layers["B04"], values)
    maker.scenes.clear()
    maker.scene({"B04": f"{s3}/a/gone.tif"})
    (read,) = failure(maker, make_tile(), optical)
    assert read["type"] == "AssetMissingError"


def test_hrefs_are_signed_just_before_they_are_opened(maker, optical, make_tile, file_server):
    maker.file("v", RED)
    asked = []

    def sign(href):
        asked.append(href)
        return f"{href}?signature=abc"

    maker.scene({"B04": f"{file_server.url}/v.tif"})
    made = compose(maker.scenes, make_tile(), SPEC, collection=optical, sign=sign)
    assert made.count.all() and asked == [f"{file_server.url}/v.tif"]


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("HTTP response code: 401", AssetForbiddenError),
        ("HTTP error code : 502", AssetServerError),
        ("CURL error: Operation timed out after 60001 milliseconds", ReadTimeoutError),
        ("CURL error: Recv failure: Connection reset by peer", AssetServerError),
        ("SlowDown: HTTP response code: 503", AssetThrottledError),
        ("The specified key does not exist. NoSuchKey", AssetMissingError),
        ("InvalidAccessKeyId", AssetForbiddenError),
    ],
)
def test_what_gdal_says_is_understood(words, kind):
    error = read_error(OSError(words), "https://host/a.tif?sig=x", band="B04")
    assert type(error) is kind and error.href == "https://host/a.tif" and error.facts["band"] == "B04"


def test_a_host_gets_no_more_calls_a_second_than_it_may():
    rate = HostRate(50)
    started = time.monotonic()
    for _ in range(6):
        rate.wait("https://host/a")
        rate.wait("https://other/a")
        rate.wait("/local/file")
    assert 0.1 <= time.monotonic() - started < 1


def test_a_throttled_host_is_left_alone_by_everybody():
    rate, seen = HostRate(1000), []

    def call(attempt):
        seen.append(time.monotonic())
        if attempt == 1:
            rate.slow_down("https://host/b", 0.2)
            raise AssetThrottledError("slow down", href="https://host/b")
        return attempt

    assert patiently(call, "https://host/b", rate=rate) == 2
    assert seen[1] - seen[0] >= 0.2


def test_a_refused_href_is_signed_anew_once(maker, optical, make_tile, file_server, monkeypatch):
    from swath.cube import access

    maker.file("v", RED)
    file_server.fault = lambda path, asked: 403 if asked <= 1 else None
    renewals = []

    def sign(href, collection, *, renew=False):
        renewals.append(renew)
        return href

    monkeypatch.setattr(access, "sign_href", sign)
    maker.scene({"B04": f"{file_server.url}/v.tif"})
    assert compose(maker.scenes, make_tile(), SPEC, collection=optical).count.all()
    assert renewals == [False, True]


def test_a_missing_token_is_told_before_anything_is_read(maker, make_collection, make_tile, monkeypatch):
    from swath.cube import access

    def options(collection):
        raise CredentialsError("a token is needed, and TOKEN is not set.")

    monkeypatch.setattr(access, "gdal_options", options)
    maker.scene({"B04": "https://127.0.0.1:1/v.tif"})
    with pytest.raises(CredentialsError, match="TOKEN is not set"):
        compose(maker.scenes, make_tile(), SPEC, collection=make_collection())


def test_a_thread_without_an_environment_fails_its_tasks_and_hangs_nobody():
    from swath.cube.pool import READ, Pool

    def broken():
        raise CredentialsError("no keys")

    with Pool(2, broken) as pool:
        task = pool.submit(READ, int, "1")
        pool.wait([task])
        assert isinstance(task.exception(), CredentialsError)
