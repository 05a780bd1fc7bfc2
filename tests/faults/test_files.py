"""Scenes that are broken: each is named by its href, and what is wrong with it is said."""

import json

import numpy as np
import pytest
import rasterio

from support.command import swath
from support.small_world import change_item, layer_bytes

JUNE = ("--period", "2023-06/P1M")
SKIP = ("--set", "inputs.0.on_missing=skip")


@pytest.fixture
def broken(small_world, tmp_path):
    """A world to break, and its second scene of June."""
    world = small_world.copy(tmp_path / "earth")
    return world, next(scene for scene in world.scenes[2:] if "_202306" in scene.name)


def rewrite(path, change):
    """Write a band anew with other numbers."""
    with rasterio.open(path) as data:
        numbers, profile = change(data.read(1)), data.profile
    profile.update(dtype=numbers.dtype, predictor=1)
    path.unlink()
    with rasterio.open(path, "w", **profile) as data:
        data.write(numbers, 1)


def unlink(path):
    path.unlink()


def truncate(path):
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 3 // 5])


def cut_header(path):
    path.write_bytes(path.read_bytes()[:20])


def no_raster(path):
    path.write_text("<html>Service temporarily unavailable</html>")


def other_dtype(path):
    rewrite(path, lambda numbers: (numbers / 10000).astype(np.float32))


@pytest.mark.parametrize(
    ("damage", "kind", "said"),
    [
        (unlink, "AssetMissingError", "is missing"),
        (truncate, "AssetCorruptError", "cannot be decoded"),
        (cut_header, "AssetCorruptError", "cannot be decoded"),
        (no_raster, "AssetCorruptError", "cannot be decoded"),
        (other_dtype, "AssetMismatchError", "holds float32, the facts of band B04 say uint16"),
    ],
)
def test_a_broken_file_fails_its_units_by_href_and_the_others_are_made(broken, tmp_path, damage, kind, said):
    world, scene = broken
    path = scene / "B04.tif"
    damage(path)
    code, result = world.map(tmp_path / "store")
    assert code == 1
    assert result["units"]["failed"] >= 1
    assert result["units"]["done"] == 4 - result["units"]["failed"]
    assert result["collection"]
    for failure in result["failures"]:
        (read,) = failure["error"]["reads"]
        assert (read["href"], read["type"], read["band"], read["item"]) == (str(path), kind, "B04", scene.name)
        assert said in read["message"]
        assert read["fix"]
        assert "on_missing" in failure["error"]["fix"]


def test_a_file_that_may_not_be_read_fails_by_href(broken, tmp_path):
    world, scene = broken
    path = scene / "B04.tif"
    path.unlink()
    path.mkdir()
    code, result = world.map(tmp_path / "store", *JUNE)
    assert code == 1
    assert {read["href"] for failure in result["failures"] for read in failure["error"]["reads"]} == {str(path)}


def test_all_broken_files_of_a_unit_are_listed_at_once(broken, tmp_path):
    world, scene = broken
    for band in ("B04", "B08", "SCL"):
        (scene / f"{band}.tif").unlink()
    code, result = world.map(tmp_path / "store", *JUNE)
    assert code == 1
    listed = {read["href"] for failure in result["failures"] for read in failure["error"]["reads"]}
    assert listed == {str(scene / f"{band}.tif") for band in ("B04", "B08", "SCL")}


def test_an_item_without_a_band_that_is_needed_fails_by_item_and_band(broken, tmp_path):
    world, scene = broken
    change_item(scene, lambda item: item["assets"].pop("B08"))
    code, result = world.map(tmp_path / "store", *JUNE)
    assert code == 1
    for failure in result["failures"]:
        (read,) = failure["error"]["reads"]
        assert f"Item {scene.name} has no asset for band B08" in read["message"]
        assert read["type"] == "AssetMissingError"


def test_a_mended_file_completes_the_map_with_retry(broken, mapped, tmp_path):
    world, scene = broken
    path, store = scene / "B04.tif", tmp_path / "store"
    whole = path.read_bytes()
    path.unlink()
    assert world.map(store)[0] == 1
    path.write_bytes(whole)
    code, result = swath("retry", store, "--cluster", "inline")
    assert code == 0, result
    assert result["units"]["failed"] == 0
    assert layer_bytes(store) == layer_bytes(mapped)
    assert not list(store.rglob("failed/*.json"))


def test_a_skipped_date_gives_the_map_without_that_scene(broken, tmp_path):
    world, scene = broken
    (scene / "B04.tif").unlink()
    code, result = world.map(tmp_path / "skipping", *JUNE, *SKIP)
    assert code == 0, result
    assert list(result["skipped"]) == [str(scene / "B04.tif")]
    collection = scene.parent / "collection.json"
    document = json.loads(collection.read_text())
    document["links"] = [link for link in document["links"] if scene.name not in link["href"]]
    collection.write_text(json.dumps(document))
    code, result = world.map(tmp_path / "without", *JUNE, *SKIP)
    assert code == 0, result
    assert layer_bytes(tmp_path / "skipping") == layer_bytes(tmp_path / "without")


def test_the_header_wins_over_a_wrong_crs_in_the_item_and_it_is_noted(broken, mapped, tmp_path):
    world, scene = broken
    change_item(scene, lambda item: item["properties"].update({"proj:code": "EPSG:32733"}))
    code, result = world.map(tmp_path / "store")
    assert code == 0, result
    assert layer_bytes(tmp_path / "store") == layer_bytes(mapped)
    notes = {note["href"]: note for note in result["conflicts"]}
    note = notes[str(scene / "B04.tif")]
    assert (note["item"], note["item_epsg"], note["file_crs"]) == (scene.name, 32733, "EPSG:32633")


def test_all_clouds_make_a_map_without_data_and_a_count_of_zero(broken, tmp_path):
    world, _ = broken
    for scene in world.scenes:
        if "_202306" in scene.name:
            rewrite(scene / "SCL.tif", lambda numbers: np.where(numbers == 0, 0, 9).astype(numbers.dtype))
    code, result = world.map(tmp_path / "store", *JUNE)
    assert code == 0, result
    assert result["units"]["done"] == 2
    for path in (tmp_path / "store").rglob("*.tif"):
        with rasterio.open(path) as data:
            assert not data.read(1).any(), path
            assert data.nodata == (None if path.name.startswith("count") else 0)


def test_a_local_file_behind_a_remote_item_is_refused(small_world, file_server, tmp_path):
    world = small_world.copy(tmp_path / "earth")
    for scene in world.scenes:
        change_item(scene, lambda item: item["assets"]["B04"].update(href="file:///etc/hostname"))
    code, result = world.map(tmp_path / "store", source=f"{file_server.url}/earth/archive/catalog.json")
    assert code == 2
    assert result["error"]["type"] == "SourceError"
    assert "file:///etc/hostname" in result["error"]["message"]
