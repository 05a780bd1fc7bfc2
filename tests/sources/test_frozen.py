import io
import pickle
import random
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from stac_geoparquet.arrow import stac_table_to_items

from sources.things import item, provider_items
from swath.errors import SourceError
from swath.sources import FrozenItems, collection, freeze, frozen, select

FACTS = collection("swath-simulated-optical")


def settled(count=12):
    docs = [
        item(
            f"item-{n:03d}",
            when=f"2023-06-{1 + n % 28:02d}T10:00:00Z",
            box=(float(n % 5), 1.0, n % 5 + 1.0, 2.0),
            proj__epsg=32631,
            updated="2024-01-01T00:00:00Z",
        )
        for n in range(count)
    ]
    return select(docs, FACTS).items


def frozen_bytes(items):
    out = io.BytesIO()
    freeze(items, out)
    return out.getvalue()


def test_an_item_comes_back_as_the_scene_that_it_was(tmp_path):
    freeze(settled(1), tmp_path / "items.parquet")
    (scene,) = FrozenItems.open(tmp_path / "items.parquet").scenes([0])
    assert (scene.row, scene.id, scene.collection, scene.platform) == (0, "item-000", FACTS.key, "sentinel-2a")
    assert (scene.datetime, scene.observation) == (datetime(2023, 6, 1, 10, tzinfo=UTC), "sentinel-2a_20230601T100000")
    assert (scene.epsg, scene.bbox, scene.dn_shift, scene.updated) == (
        32631,
        (0.0, 1.0, 1.0, 2.0),
        0,
        "2024-01-01T00:00:00.000000Z",
    )
    assert {band: asset.href for band, asset in scene.assets.items()} == {
        "B04": "https://example.com/item-000/B04.tif",
        "SCL": "https://example.com/item-000/SCL.tif",
    }


@pytest.mark.parametrize("seed", range(3))
def test_the_bytes_do_not_depend_on_the_order_of_items(seed):
    rng = random.Random(seed)
    items = settled()
    shuffled = list(items)
    rng.shuffle(shuffled)
    assert frozen_bytes(items) == frozen_bytes(shuffled)


def test_raw_items_freeze_as_searched_ones_do():
    raw = [item("one"), item("two")]
    assert frozen_bytes(raw) == frozen_bytes(select(raw, FACTS).items)


def test_a_signature_in_an_href_does_not_change_the_digest():
    def digest(query):
        return FrozenItems.open(frozen_bytes([item("one", hrefs={"B04": "https://h/B04.tif" + query})])).digest

    assert digest("") == digest("?sig=secret")
    assert digest("") != FrozenItems.open(frozen_bytes([item("two")])).digest


def test_the_digest_is_what_freeze_returned():
    out = io.BytesIO()
    assert freeze(settled(), out) == FrozenItems.open(out.getvalue()).digest


def test_scenes_come_by_time_whatever_the_order_of_rows():
    table = FrozenItems.open(frozen_bytes(settled()))
    scenes = table.scenes([7, 2, 2, 11])
    assert sorted(scene.row for scene in scenes) == [2, 7, 11]
    assert [scene.datetime for scene in scenes] == sorted(scene.datetime for scene in scenes)
    assert list(table.scenes([2], bands=["SCL"])[0].assets) == ["SCL"]


@pytest.mark.parametrize("rows", [[12], [-1]])
def test_a_row_that_is_not_there_is_an_error(rows):
    with pytest.raises(IndexError, match="of a table of 12"):
        FrozenItems.open(frozen_bytes(settled())).scenes(rows)


def test_only_row_groups_that_hold_a_wanted_row_are_read_and_once(monkeypatch):
    monkeypatch.setattr(frozen, "ROWS", 3)
    table = FrozenItems.open(frozen_bytes(settled()))
    read = []
    real = table._file.read_row_group
    monkeypatch.setattr(
        type(table._file), "read_row_group", lambda self, group, **more: read.append(group) or real(group, **more)
    )
    assert [scene.row for scene in table.scenes([4, 5])] and [scene.row for scene in table.scenes([3])] == [3]
    assert read == [1]


def test_footprints_need_no_href():
    table = FrozenItems.open(frozen_bytes(settled())).footprints()
    assert set(table.column_names) == {
        "xmin",
        "ymin",
        "xmax",
        "ymax",
        "geometry",
        "datetime",
        "epsg",
        "cloud",
        "observation",
        "collection",
    }
    assert pa.types.is_dictionary(table["geometry"].type)
    shapes = shapely.from_wkb(table["geometry"].combine_chunks().dictionary_decode().to_numpy(zero_copy_only=False))
    assert np.allclose(shapely.bounds(shapes)[:, 0], table["xmin"].to_numpy())


def test_distinct_footprints_come_once():
    table = FrozenItems.open(frozen_bytes(settled(12))).footprints(["geometry"])
    assert len(table["geometry"].chunk(0).dictionary) == 5


def test_it_is_a_stac_geoparquet_table(tmp_path):
    freeze(settled(2), tmp_path / "items.parquet")
    docs = list(stac_table_to_items(pq.read_table(tmp_path / "items.parquet")))
    assert [doc["id"] for doc in docs] == ["item-000", "item-001"]
    assert docs[0]["properties"]["swath:observation"] == "sentinel-2a_20230601T100000"
    assert docs[0]["assets"]["B04"]["href"] == "https://example.com/item-000/B04.tif"


def test_it_pickles_by_its_address(tmp_path):
    freeze(settled(2), tmp_path / "items.parquet")
    table = FrozenItems.open(tmp_path / "items.parquet")
    table.scenes([0])
    assert len(pickle.dumps(table)) < 1000
    assert len(pickle.loads(pickle.dumps(table)).scenes([1])) == 1


def test_it_is_written_to_and_read_from_s3(s3):
    freeze(settled(3), f"{s3}/run/items.parquet")
    assert len(FrozenItems.open(f"{s3}/run/items.parquet").scenes([0, 2])) == 2


def test_an_empty_table_opens(tmp_path):
    freeze([], tmp_path / "items.parquet")
    table = FrozenItems.open(tmp_path / "items.parquet")
    assert len(table) == 0 and table.scenes([]) == [] and table.footprints().num_rows == 0


def test_an_item_twice_is_refused():
    with pytest.raises(SourceError, match="'one' is there twice"):
        frozen_bytes([item("one"), item("one")])


def test_an_undecided_item_is_refused():
    with pytest.raises(SourceError, match="offset of item 'one' is undecided"):
        frozen_bytes([item("one", s2__processing_baseline=None)])


def test_a_failed_write_leaves_no_file(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)
    with pytest.raises(OSError, match="No space left"):
        freeze(settled(2), tmp_path / "items.parquet")
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_frozen_table_says_so(tmp_path):
    with pytest.raises(SourceError, match="There is no frozen table"):
        FrozenItems.open(tmp_path / "none.parquet")
    with pytest.raises(SourceError, match="is no frozen table"):
        FrozenItems.open(b"nonsense")
    pq.write_table(pa.table({"id": ["a"]}), tmp_path / "other.parquet")
    with pytest.raises(SourceError, match="was not frozen by Swath"):
        FrozenItems.open(tmp_path / "other.parquet")


def test_items_of_several_collections_share_a_table_each_with_its_assets():
    table = FrozenItems.open(
        frozen_bytes([item("s2"), item("ls", collection="landsat-035032-series", hrefs={"b4": "/x/b4.tif"})])
    )
    scenes = {scene.id: scene for scene in table.scenes([0, 1])}
    assert list(scenes["ls"].assets) == ["b4"] and scenes["ls"].collection == "landsat-035032-series"


@pytest.mark.real
def test_real_items_of_all_providers_freeze_and_come_back(real_data):
    docs = [doc for doc in provider_items(real_data) if "c2l2-st" not in doc["collection"]]
    scenes = FrozenItems.open(frozen_bytes(docs)).scenes(range(len(docs)))
    assert [scene.id for scene in scenes] == [
        doc["id"] for doc in sorted(docs, key=lambda doc: (doc["properties"]["datetime"], doc["id"]))
    ]
    landsat = next(scene for scene in scenes if scene.id.startswith("LE07"))
    assert landsat.assets["red"].checksum and landsat.epsg == 32610
