"""A real STAC API over HTTP, in pages of 7, behind a proxy that refuses every third page."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from sources.things import WORLD, Where, provider_items, when
from support.stac_api import StumblingProxy, stac_api
from swath.errors import SourceError
from swath.settings import settings
from swath.sources import FrozenItems, freeze, search

pytestmark = [pytest.mark.system, pytest.mark.real]

KEY = "planetary-computer-sentinel-2-l2a"
SUMMER = when("2020-06-01", "2020-08-01")
NAMES = [
    "S2A_MSIL2A_20200601T080611_R078_T35MNM_20201027T072253",
    "S2B_MSIL2A_20200606T080609_R078_T35MNM_20200826T094900",
    "S2A_MSIL2A_20200611T080611_R078_T35MNM_20200826T230619",
]


@pytest.fixture(scope="module")
def items(real_data: Path) -> list[dict]:
    real = [doc for doc in provider_items(real_data) if doc["collection"] == "sentinel-2-l2a"]
    # the 13 of one tile again in other years, so that a search needs enough pages to be refused some of them
    again = [json.loads(json.dumps(doc).replace("2020", year)) for year in ("2018", "2021") for doc in real[1:]]
    return real + again


@pytest.fixture(scope="module")
def api(items: list[dict]) -> Iterator[str]:
    extent = {"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [["2015-01-01T00:00:00Z", None]]}}
    collection = {
        "type": "Collection",
        "id": "sentinel-2-l2a",
        "stac_version": "1.0.0",
        "description": "as published",
        "license": "proprietary",
        "extent": extent,
        "links": [],
    }
    with stac_api([collection], items) as url:
        yield url


@pytest.fixture(autouse=True)
def pages_of_seven(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SWATH_SEARCH_PAGE", "7")
    monkeypatch.setenv("SWATH_BACKOFF_S", "0.01")
    settings.cache_clear()
    yield
    settings.cache_clear()


def test_the_thirteen_of_one_tile_come_in_order_and_once(api: str) -> None:
    found = search(api, collection=KEY, area=WORLD, period=SUMMER)
    assert len(found.items) == 13
    assert [doc["id"] for doc in found.items[:3]] == NAMES
    assert found.left_out == []


def test_refused_pages_give_the_same_frozen_items(api: str, items: list[dict], tmp_path: Path) -> None:
    proxy = StumblingProxy(api)
    try:
        years = when("2018-01-01", "2022-01-01")
        for name, source in (("plain", api), ("stumbling", proxy.url)):
            freeze(search(source, collection=KEY, area=WORLD, period=years).items, tmp_path / name)
    finally:
        proxy.close()
    assert {429, 502} <= set(proxy.refused)
    assert max(proxy.pages) <= 7
    assert (tmp_path / "plain").read_bytes() == (tmp_path / "stumbling").read_bytes()
    assert len(FrozenItems.open(tmp_path / "plain")) == len(items) == 40


def test_an_area_beside_the_tile_finds_nothing(api: str) -> None:
    assert search(api, collection=KEY, area=Where.box(10, 50, 11, 51), period=SUMMER).items == []


def test_a_collection_that_the_api_lacks_is_told(api: str) -> None:
    with pytest.raises(SourceError, match=r"has no collection landsat-c2l2-sr.*It has: sentinel-2-l2a"):
        search(api, collection="usgs-landsat-c2-l2-sr", area=WORLD, period=SUMMER)
