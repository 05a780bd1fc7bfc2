"""What stands in a store at the end: valid STAC, valid COGs, one table, VRTs that open; nothing of clock or host."""

import hashlib
import json
import os
import socket

import numpy as np
import pyarrow.parquet as pq
import pystac
import pytest
import rasterio
from rio_cogeo import cog_validate
from stac_geoparquet.arrow import stac_table_to_items

from support.small_world import fingerprints
from support.stac_validation import validate_stac


@pytest.fixture(scope="module")
def root(mapped):
    return mapped / "mosaic" / "1.0"


@pytest.fixture(scope="module")
def items(root):
    found = {path: json.loads(path.read_text()) for path in sorted(root.glob("2023-*/*/*.json"))}
    assert len(found) == 4
    return found


def test_items_and_collection_are_valid_stac(root, items):
    for item in items.values():
        validate_stac(item)
    validate_stac(json.loads((root / "collection.json").read_text()))


@pytest.mark.real
def test_items_and_collection_are_valid_against_their_extensions(root, items, real_data):
    schemas = real_data / "stac-schemas"
    for item in items.values():
        validate_stac(item, schemas)
    validate_stac(json.loads((root / "collection.json").read_text()), schemas)


def test_pystac_walks_the_collection(root, items):
    collection = pystac.Collection.from_file(str(root / "collection.json"))
    walked = {item.id: item for item in collection.get_items()}
    assert set(walked) == {item["id"] for item in items.values()}
    for item in walked.values():
        assert item.get_collection().id == collection.id
        for asset in item.get_assets().values():
            assert os.path.exists(asset.get_absolute_href())


def test_every_checksum_and_size_is_that_of_the_file(root, items):
    for path, item in items.items():
        for asset in item["assets"].values():
            data = (path.parent / asset["href"]).read_bytes()
            assert asset["file:size"] == len(data)
            assert asset["file:checksum"] == "1220" + hashlib.sha256(data).hexdigest()
    table = json.loads((root / "collection.json").read_text())["assets"]["items"]
    assert table["file:checksum"] == "1220" + hashlib.sha256((root / "items.parquet").read_bytes()).hexdigest()


def test_the_table_reads_back_as_the_items(root, items):
    rows = {row["id"]: row for row in stac_table_to_items(pq.read_table(root / "items.parquet"))}
    assert set(rows) == {item["id"] for item in items.values()}
    for item in items.values():
        row = rows[item["id"]]
        assert row["properties"]["swath:key"] == item["properties"]["swath:key"]
        assert row["bbox"] == pytest.approx(item["bbox"])
        for name, asset in item["assets"].items():
            assert (root / row["assets"][name]["href"]).is_file()
            assert row["assets"][name]["file:checksum"] == asset["file:checksum"]


def test_a_vrt_opens_the_whole_and_equals_its_tiles(root, items):
    for path, item in items.items():
        for name, asset in item["assets"].items():
            (vrt,) = path.parent.parent.glob(f"{name}.*.vrt")
            with rasterio.open(path.parent / asset["href"]) as tile, rasterio.open(vrt) as whole:
                window = whole.window(*tile.bounds)
                np.testing.assert_array_equal(whole.read(1, window=window), tile.read(1))
                assert (whole.nodata, whole.scales, whole.offsets) == (tile.nodata, tile.scales, tile.offsets)
                assert whole.shape == (192, 384)


def test_every_layer_is_a_valid_cog(items):
    for path, item in items.items():
        for asset in item["assets"].values():
            valid, errors, warnings = cog_validate(path.parent / asset["href"], strict=True)
            assert valid, (errors, warnings)


def test_items_tell_of_their_inputs(items, small_world):
    scenes = {scene.name for scene in small_world.scenes}
    for item in items.values():
        month = item["properties"]["swath:step"].replace("-", "")
        used = set(item["properties"]["swath:inputs"])
        assert used
        assert used <= {name for name in scenes if f"_{month}" in name}


def test_two_runs_into_two_stores_are_byte_identical(small_world, mapped, tmp_path, monkeypatch):
    """So no clock, no host, no folder and no number of threads is in a file."""
    monkeypatch.setattr(socket, "gethostname", lambda: "another-host")
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0})
    code, result = small_world.map(tmp_path / "elsewhere")
    assert code == 0, result
    assert fingerprints(tmp_path / "elsewhere") == fingerprints(mapped)


def test_no_host_or_folder_name_is_in_a_published_file(mapped, root):
    words = [socket.gethostname().encode(), str(mapped).encode()]
    for path in fingerprints(mapped):
        if path.endswith((".tif", ".json", ".vrt")) and not path.endswith("recipe.json"):
            data = (mapped / path).read_bytes()
            assert not [word for word in words if len(word) > 3 and word in data], path
