import json

import pytest

from sources.things import item, provider_items, write_catalog
from swath.errors import CollectionError
from swath.sources import freeze, offered

KEY = "swath-simulated-optical"


def test_a_catalog_offers_the_collections_that_it_links_to(tmp_path):
    write_catalog(tmp_path, [item("one")])
    assert [facts.key for facts in offered(tmp_path)] == [KEY]


def test_a_table_and_a_file_of_items_offer_theirs(tmp_path):
    freeze([item("one")], tmp_path / "t.parquet")
    (tmp_path / "one.json").write_text(json.dumps(item("one")))
    assert [facts.key for facts in offered(tmp_path / "t.parquet")] == [KEY]
    assert [facts.key for facts in offered(tmp_path / "one.json")] == [KEY]


def test_a_source_without_known_collections_names_what_it_holds(tmp_path):
    write_catalog(tmp_path, [item("one", collection="weather")], collection="weather")
    with pytest.raises(CollectionError, match="holds weather, of which Swath knows no facts"):
        offered(tmp_path)


@pytest.mark.real
def test_the_shared_catalog_offers_both_of_its_collections(real_data):
    assert [facts.key for facts in offered(real_data)] == ["landsat-035032-series", "sentinel-2-l1c"]


@pytest.mark.real
def test_hrefs_tell_the_provider_of_a_shared_id(real_data, tmp_path):
    doc = next(doc for doc in provider_items(real_data) if doc["collection"] == "sentinel-2-l2a")
    (tmp_path / "one.json").write_text(json.dumps(doc))
    assert [facts.key for facts in offered(tmp_path / "one.json")] == ["planetary-computer-sentinel-2-l2a"]
