import warnings

import pystac
import pytest
from pydantic import ValidationError

from sources.things import item
from swath.errors import CollectionError, UnverifiedCollectionWarning
from swath.sources import Collection, collection, collections, facts, identify, warn_unverified

SENTINEL_2 = [found for found in collections().values() if found.sensor == "sentinel-2"]


def test_every_file_says_where_its_facts_come_from():
    assert len(collections()) >= 15
    assert all(found.source and found.title and found.bands for found in collections().values())


@pytest.mark.parametrize("found", SENTINEL_2, ids=lambda found: found.key)
def test_sentinel_2_publishes_one_scale_and_offset_on_reflectance_only(found: Collection):
    for name, band in found.bands.items():
        if band.kind == "reflectance":
            assert (band.scale, band.offset, band.nodata, band.saturated) == (0.0001, -0.1, 0, 65535)
        else:
            assert name in ("SCL", "AOT", "WVP") and band.offset == 0
    count = sum(band.kind == "reflectance" for band in found.bands.values())
    assert count == (13 if "l1c" in found.key else 12)


@pytest.mark.parametrize("found", [found for found in SENTINEL_2 if "SCL" in found.bands], ids=lambda found: found.key)
def test_sentinel_2_drops_these_classes_by_default(found: Collection):
    assert [(rule.band, rule.drop) for rule in found.masks] == [("SCL", (0, 1, 3, 8, 9, 10))]


def test_landsat_collection_2_numbers_are_the_published_ones():
    reflectance, temperature = (
        collection("usgs-landsat-c2-l2-sr").band("red"),
        collection("usgs-landsat-c2-l2-st").band("lwir11"),
    )
    assert (reflectance.scale, reflectance.offset, reflectance.nodata) == (0.0000275, -0.2, 0)
    assert (temperature.scale, temperature.offset, temperature.unit) == (0.00341802, 149.0, "K")


@pytest.mark.parametrize(
    ("platform", "key"), [("landsat-8", "SR_B4.TIF"), ("landsat-7", "SR_B3.TIF"), ("landsat-5", "SR_B3.TIF")]
)
def test_red_is_numbered_by_sensor(platform, key):
    assert list(collection("usgs-landsat-c2-l2-sr").band("red").keys(platform)) == ["red", key]


def test_an_unknown_collection_names_close_ones():
    with pytest.raises(
        CollectionError, match=r"'planetary-computer-sentinel-2'.*Did you mean planetary-computer-sentinel-2-l2a"
    ):
        collection("planetary-computer-sentinel-2")


def test_an_unknown_band_names_the_choices():
    with pytest.raises(CollectionError, match=r"no band 'scl'. Did you mean SCL\? It can be: B01"):
        collection("planetary-computer-sentinel-2-l2a").band("scl")


def test_an_id_of_one_provider_is_enough():
    assert collection("sentinel-2-c1-l2a").key == "earth-search-sentinel-2-c1-l2a"


def test_an_id_of_several_providers_is_never_guessed():
    with pytest.raises(CollectionError, match="Several providers publish a collection 'sentinel-2-l2a'"):
        collection("sentinel-2-l2a")


@pytest.mark.parametrize(
    ("href", "key"),
    [
        ("https://sentinel-cogs.s3.us-west-2.amazonaws.com/x/B04.tif", "earth-search-sentinel-2-l2a"),
        ("https://sentinel2l2a01.blob.core.windows.net/x/B04.tif", "planetary-computer-sentinel-2-l2a"),
        ("s3://eodata/Sentinel-2/MSI/L2A/x_B04_10m.jp2", "cdse-sentinel-2-l2a"),
    ],
)
def test_hosts_tell_providers_of_one_id_apart(href, key):
    assert identify(item(collection="sentinel-2-l2a", hrefs={"B04": href})).key == key


def test_an_item_of_pystac_is_identified_too():
    assert identify(pystac.Item.from_dict(item())).key == "swath-simulated-optical"


def test_an_item_of_an_unknown_host_is_not_guessed():
    with pytest.raises(CollectionError, match="fits several providers"):
        identify(item(collection="sentinel-2-l2a"))


def test_an_item_of_an_unknown_collection_is_an_error():
    with pytest.raises(CollectionError, match=r"collection 'my-own'.*fits no facts"):
        identify(item(collection="my-own"))


def test_the_warning_comes_once_for_a_collection(monkeypatch):
    monkeypatch.setattr(facts, "_warned", set())
    with pytest.warns(UnverifiedCollectionWarning, match="cdse-sentinel-2-l2a") as caught:
        warn_unverified(collection("cdse-sentinel-2-l2a"))
        warn_unverified(collection("cdse-sentinel-2-l2a"))
    assert len(caught) == 1


def test_verified_facts_do_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_unverified(collection("planetary-computer-sentinel-2-l2a"))


def test_a_mask_on_a_missing_band_is_refused():
    doc = collection("landsat-035032-series").model_dump(mode="json")
    doc["masks"] = [{"band": "scl", "drop": [1]}]
    with pytest.raises(ValidationError, match=r"masks name bands.*\['scl'\]"):
        Collection.model_validate(doc)
