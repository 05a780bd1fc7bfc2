"""Names and back."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swath.errors import StoreError
from swath.store import Store, done_units, names

ROOT = names.product_root("mosaic", "1.0")
TILE = "utm33n-10m-1536-x21-y379"
words = st.from_regex(r"[a-z0-9][a-z0-9-]{0,12}", fullmatch=True).filter(lambda word: word != "runs")
keys = st.text("0123456789abcdef", min_size=12, max_size=64)


@settings(max_examples=30, deadline=None)
@given(words, words, words, keys)
def test_the_name_of_a_cog_and_of_an_item_parse_back(period, tile, layer, key):
    cog = names.parse(ROOT, names.layer_key(ROOT, period, tile, layer, key))
    item = names.parse(ROOT, names.item_key(ROOT, period, tile, key))
    assert cog == names.UnitFile(period, tile, key[:12], layer)
    assert item == names.UnitFile(period, tile, key[:12], None)


@settings(max_examples=30, deadline=None)
@given(words, words)
def test_the_id_of_a_unit_parses_back(tile, period):
    assert names.parse_unit_id(names.unit_id(tile, period)) == (tile, period)


def test_names_are_those_of_the_design():
    key = "0123456789abcdef"
    assert names.layer_key(ROOT, "2023-05", TILE, "red", key) == f"mosaic/1.0/2023-05/{TILE}/red.0123456789ab.tif"
    assert names.item_key(ROOT, "2023-05", TILE, key) == f"mosaic/1.0/2023-05/{TILE}/0123456789ab.json"
    assert names.failed_key(ROOT, "ab12", f"{TILE}_2023") == f"mosaic/1.0/runs/ab12/failed/{TILE}_2023.json"
    assert names.run_file(ROOT, "ab12", "run.json") == "mosaic/1.0/runs/ab12/run.json"
    assert names.collection_key(ROOT) == "mosaic/1.0/collection.json"


@pytest.mark.parametrize(
    "name", ["collection.json", "runs/x/run.json", "2023/t/notes.txt", "2023/t/red.0123456789ab.json"]
)
def test_other_files_are_no_units(name):
    assert names.parse(ROOT, f"{ROOT}/{name}") is None


def test_names_with_slashes_and_wrong_keys_are_refused():
    for wrong in (
        lambda: names.product_root("../x", "1"),
        lambda: names.unit_folder(ROOT, "runs", TILE),
        lambda: names.item_key(ROOT, "2023", TILE, "XYZ"),
        lambda: names.unit_id("a_b", "2023"),
        lambda: names.layer_key(ROOT, "2023", TILE, "re/d", "0" * 12),
    ):
        with pytest.raises(StoreError):
            wrong()


def test_a_list_alone_tells_what_is_done(tmp_path):
    store = Store.open(tmp_path)
    done, half = "a" * 12, "b" * 12
    store.put_bytes(names.layer_key(ROOT, "2023", TILE, "red", done), b"")
    store.put_bytes(names.item_key(ROOT, "2023", TILE, done), b"{}")
    store.put_bytes(names.item_key(ROOT, "2023", TILE, "c" * 12), b"{}")
    store.put_bytes(names.layer_key(ROOT, "2024", TILE, "red", half), b"")  # its item was never written
    store.put_bytes(names.failed_key(ROOT, "run", f"{TILE}_2024"), b"{}")
    assert done_units(store, ROOT) == {("2023", TILE): {done, "c" * 12}}
    assert done_units(store, ROOT, periods=["2024"]) == {}
