"""An archive over HTTP that refuses, stumbles and dawdles."""

import json
import random
import threading

import pytest

from support.command import swath
from support.small_world import layer_bytes
from swath.settings import settings

JUNE = ("--period", "2023-06/P1M")


def is_band(path):
    return path.endswith(".tif")


def test_a_map_over_http_has_the_bytes_of_the_map_from_the_folder(small_world, mapped, served, tmp_path):
    _, catalog = served
    code, result = small_world.map(tmp_path / "store", source=catalog)
    assert code == 0, result
    assert layer_bytes(tmp_path / "store") == layer_bytes(mapped)


@pytest.mark.parametrize("status", [429, 500])
def test_a_status_that_passes_is_recovered(small_world, mapped, served, tmp_path, status):
    server, catalog = served
    server.fault = lambda path, asked: status if is_band(path) and asked % 3 == 1 else None
    code, result = small_world.map(tmp_path / "store", *JUNE, source=catalog)
    assert code == 0, result
    june = {name: digest for name, digest in layer_bytes(mapped).items() if name.startswith("2023-06/")}
    assert layer_bytes(tmp_path / "store") == june


def test_a_slow_answer_is_asked_for_again(small_world, mapped, served, tmp_path, monkeypatch):
    monkeypatch.setenv("SWATH_READ_TIMEOUT_S", "1")
    settings.cache_clear()
    server, catalog = served
    slow = next(scene for scene in small_world.scenes if "_202306" in scene.name).name
    server.fault = lambda path, asked: 3.0 if path.endswith(f"{slow}/B04.tif") and asked == 1 else None
    code, result = small_world.map(tmp_path / "store", *JUNE, source=catalog)
    assert code == 0, result
    june = {name: digest for name, digest in layer_bytes(mapped).items() if name.startswith("2023-06/")}
    assert layer_bytes(tmp_path / "store") == june


@pytest.mark.parametrize(
    ("status", "kind", "fix"),
    [
        (403, "AssetForbiddenError", "credentials"),
        (404, "AssetMissingError", "on_missing"),
        (429, "AssetThrottledError", "SWATH_HOST_RATE"),
        (500, "AssetServerError", "retry"),
    ],
)
def test_a_lasting_fault_fails_its_unit_by_href_and_retry_completes_the_map(
    small_world, mapped, served, tmp_path, status, kind, fix
):
    server, catalog = served
    bad = next(scene for scene in small_world.scenes if "_202307" in scene.name).name
    server.fault = lambda path, asked: status if path.endswith(f"{bad}/B08.tif") else None
    store = tmp_path / "store"
    code, result = small_world.map(store, source=catalog)
    assert code == 1
    assert result["units"]["failed"] >= 1
    assert result["units"]["done"] == 4 - result["units"]["failed"]
    href = f"{server.url}/earth/swath-simulated-optical/{bad}/B08.tif"
    for failure in result["failures"]:
        assert [read["href"] for read in failure["error"]["reads"]] == [href]
        assert failure["error"]["reads"][0]["type"] == kind
        assert fix in failure["error"]["reads"][0]["fix"]
        assert href in failure["error"]["message"]
        assert (store / "mosaic/1.0/runs" / result["run"] / "failed" / f"{failure['unit']}.json").is_file()
    server.fault = None
    code, result = swath("retry", store, "--cluster", "inline")
    assert code == 0, result
    assert result["failures"] == []
    assert layer_bytes(store) == layer_bytes(mapped)


def test_an_archive_that_hangs_fails_by_href_within_the_limit(small_world, served, tmp_path, monkeypatch):
    monkeypatch.setenv("SWATH_READ_TIMEOUT_S", "0.5")
    monkeypatch.setenv("SWATH_READ_ATTEMPTS", "2")
    settings.cache_clear()
    server, catalog = served
    healed = threading.Event()
    bad = next(scene for scene in small_world.scenes if "_202306" in scene.name).name

    def hang(path, asked):
        if path.endswith(f"{bad}/B04.tif"):
            healed.wait(20)

    server.fault = hang
    try:
        code, result = small_world.map(tmp_path / "store", *JUNE, source=catalog)
    finally:
        healed.set()
    assert code == 1
    (href,) = {read["href"] for failure in result["failures"] for read in failure["error"]["reads"]}
    assert href.endswith(f"{bad}/B04.tif")
    assert {read["type"] for failure in result["failures"] for read in failure["error"]["reads"]} == {
        "ReadTimeoutError"
    }
    assert "SWATH_READ_TIMEOUT_S" in json.dumps(result["failures"])


def test_one_read_in_twenty_fails_and_every_one_is_recovered(small_world, mapped, served, tmp_path):
    server, catalog = served
    chance, lock, met = random.Random(5), threading.Lock(), []

    def fault(path, asked):
        with lock:
            if not is_band(path) or chance.random() >= 0.05:
                return None
            met.append(path)
            return chance.choice([429, 500])

    server.fault = fault
    code, result = small_world.map(tmp_path / "store", source=catalog)
    assert code == 0, result
    assert met
    assert layer_bytes(tmp_path / "store") == layer_bytes(mapped)


def test_what_fails_for_good_among_failing_reads_is_listed_all_of_it(small_world, served, tmp_path):
    server, catalog = served
    lost = {scene.name for scene in small_world.scenes if "_202306" in scene.name}
    server.fault = lambda path, asked: 404 if path.endswith("B04.tif") and path.split("/")[-2] in lost else None
    code, result = small_world.map(tmp_path / "store", *JUNE, source=catalog)
    assert code == 1
    listed = {read["href"].split("/")[-2] for failure in result["failures"] for read in failure["error"]["reads"]}
    assert listed == lost


def test_skipped_reads_are_listed_in_result_and_item(small_world, served, tmp_path):
    server, catalog = served
    bad = next(scene for scene in small_world.scenes if "_202306" in scene.name).name
    server.fault = lambda path, asked: 404 if path.endswith(f"{bad}/B04.tif") else None
    skip = ("--set", "inputs.0.on_missing=skip")
    store = tmp_path / "store"
    code, result = small_world.map(store, *JUNE, *skip, source=catalog)
    assert code == 0, result
    href = f"{server.url}/earth/swath-simulated-optical/{bad}/B04.tif"
    assert list(result["skipped"]) == [href]
    items = [json.loads(path.read_text()) for path in store.glob("mosaic/1.0/2023-06/*/*.json")]
    named = [item for item in items if item["properties"]["swath:skipped"]]
    assert len(named) == result["skipped"][href]
    assert named[0]["properties"]["swath:skipped"][0]["href"] == href


def test_units_made_without_a_file_are_remembered_and_made_again_when_it_is_back(small_world, served, tmp_path):
    server, catalog = served
    bad = next(scene for scene in small_world.scenes if "_202306" in scene.name).name
    server.fault = lambda path, asked: 404 if path.endswith(f"{bad}/B04.tif") else None
    skip = ("--set", "inputs.0.on_missing=skip")
    store = tmp_path / "store"
    _, first = small_world.map(store, *JUNE, *skip, source=catalog)
    assert first["incomplete"] > 0
    _, again = small_world.map(store, *JUNE, *skip, source=catalog)
    assert (again["units"]["done"], again["incomplete"]) == (0, first["incomplete"])
    assert swath("status", store)[1]["runs"][0]["incomplete"] == first["incomplete"]
    server.fault = None
    code, healed = swath("retry", store, "--cluster", "inline")
    assert (code, healed["units"]["done"], healed["incomplete"]) == (0, first["incomplete"], 0)
    small_world.map(tmp_path / "whole", *JUNE, *skip, source=catalog)
    assert layer_bytes(store) == layer_bytes(tmp_path / "whole")
    assert swath("retry", store)[1] == {"runs": []}


def test_an_address_that_nobody_answers_is_told_before_any_work(small_world, file_server, tmp_path, monkeypatch):
    monkeypatch.setenv("SWATH_SEARCH_ATTEMPTS", "2")
    settings.cache_clear()
    url = file_server.url
    file_server.close()
    code, result = small_world.map(tmp_path / "store", source=f"{url}/catalog.json")
    assert code == 2
    assert result["error"]["type"] == "SourceError"
    assert url in result["error"]["message"]
    assert result["error"]["fix"]
