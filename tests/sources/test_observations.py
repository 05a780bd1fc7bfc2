import random

import pytest

from sources.things import item
from swath.sources import collection, observation
from swath.sources.observations import once

FACTS = collection("planetary-computer-sentinel-2-l2a")
LANDSAT = collection("usgs-landsat-c2-l2-sr")


def granule(tile="33UUU", baseline="0509", made="20230601T160000", start="20230601T101031", **more):
    return item(
        f"S2A_MSIL2A_{start}_N{baseline}_R022_T{tile}_{made}",
        s2__processing_baseline=f"{baseline[:2]}.{baseline[2:]}",
        **more,
    )


def test_tiles_of_a_datatake_are_one_observation_across_zones():
    assert observation(granule("32UQD"), FACTS) == observation(granule("33UUU"), FACTS) == "sentinel-2a_20230601T101031"


def test_both_platforms_on_one_day_are_two_observations():
    assert observation(granule(), FACTS) != observation(granule(platform="sentinel-2b"), FACTS)


def test_the_datatake_property_and_the_product_name_say_the_same():
    named = granule(s2__datatake_id="GS2A_20230601T101031_041474_N05.09")
    assert observation(named, FACTS) == observation(granule(), FACTS)


def test_the_later_processing_stays_and_the_older_is_told():
    old, new = granule(baseline="0212", made="20230602T000000"), granule(baseline="0509", made="20230701T000000")
    kept, dropped = once([old, new], FACTS)
    assert [doc["id"] for doc in kept] == [new["id"]]
    assert dropped == [(old["id"], f"older processing of {new['id']}")]


def test_with_one_baseline_the_later_time_of_processing_stays():
    old, new = granule(made="20230601T160000"), granule(made="20230801T000000")
    assert [doc["id"] for doc in once([new, old], FACTS)[0]] == [new["id"]]


def test_a_split_datastrip_keeps_both_parts_in_one_observation():
    north = granule(made="20230601T160000", box=(12.0, 52.48, 13.0, 53.0))
    south = granule(made="20230601T160010", box=(12.0, 52.0, 13.0, 52.5))  # they share some lines
    kept, dropped = once([north, south], FACTS)
    assert len(kept) == 2 and not dropped
    assert len({observation(doc, FACTS) for doc in kept}) == 1


def test_the_same_pass_in_a_neighbour_zone_is_kept():
    assert len(once([granule("32UQD"), granule("33UUU")], FACTS)[0]) == 2


def test_an_item_that_came_twice_is_there_once_without_a_word():
    assert once([granule(), granule()], FACTS) == ([granule()], [])


def test_the_order_is_datetime_then_id_however_they_came():
    docs = [
        granule(tile, when=f"2023-06-0{day}T10:00:00Z", start=f"2023060{day}T101031")
        for day in (3, 1, 2)
        for tile in ("33UUV", "33UUU")
    ]
    random.Random(0).shuffle(docs)
    kept, _ = once(docs, FACTS)
    assert [(doc["properties"]["datetime"], doc["id"]) for doc in kept] == sorted(
        (d["properties"]["datetime"], d["id"]) for d in docs
    )


def test_rows_of_a_landsat_path_are_one_observation():
    rows = [
        item(f"LC08_L2SP_02803{row}_20200114_20200824_02_T1", platform="LANDSAT_8", when=f"2020-01-14T17:0{row}:46Z")
        for row in (0, 1)
    ]
    assert {observation(doc, LANDSAT) for doc in rows} == {"landsat-8_p028_20200114"}


def test_a_landsat_pass_over_midnight_utc_is_one_observation():
    one = item(
        "LC08_L2SP_090084_20200113_20200824_02_T1",
        platform="LANDSAT_8",
        when="2020-01-13T23:59:55Z",
        box=(150.0, -35.0, 152.0, -33.0),
    )
    two = item(
        "LC08_L2SP_090085_20200114_20200824_02_T1",
        platform="LANDSAT_8",
        when="2020-01-14T00:00:19Z",
        box=(149.5, -37.0, 151.5, -35.0),
    )
    assert observation(one, LANDSAT) == observation(two, LANDSAT)


@pytest.mark.parametrize(
    ("key", "name", "expected"),
    [
        ("lpcloud-hls-s30", "HLS.S30.T11SKU.2020002T183751.v2.0", "hls-s30_2020002T183751"),
        ("lpcloud-hls-l30", "HLS.L30.T11SKU.2020002T183751.v2.0", "hls-l30_20230601"),
    ],
)
def test_hls_granules_without_platform_have_an_observation(key, name, expected):
    assert observation(item(name, platform=None), collection(key)) == expected


def test_without_any_datatake_platform_and_instant_are_the_observation():
    assert observation(item("x"), collection("swath-simulated-optical")) == "sentinel-2a_20230601T101031"


def test_versions_of_a_datatake_of_a_simulated_sensor_are_one_observation():
    facts = collection("swath-simulated-optical")
    takes = [f"GSIM2B_20230606T101702_000009_N{baseline}" for baseline in ("02.09", "05.11")]
    seen = {observation(item("a", platform="sim-2b", s2__datatake_id=take), facts) for take in takes}
    assert seen == {"sim-2b_GSIM2B_20230606T101702_000009"}
