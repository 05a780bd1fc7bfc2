import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from rasterio.errors import RasterioIOError

from sources.things import item
from swath.sources import collection, collections, decide
from swath.sources.offsets import coarsest_overview, processing_baseline

KEPT = [
    "cdse-sentinel-2-l2a",
    "planetary-computer-sentinel-2-l2a",
    "earth-search-sentinel-2-c1-l2a",
    "sentinel-2-l1c",
    "swath-simulated-optical",
]
FLAGGED = ["earth-search-sentinel-2-l2a", "earth-search-v0-sentinel-2-l2a"]
BASELINES = st.tuples(st.integers(0, 9), st.integers(0, 99))
FLAGS = st.sampled_from([True, False, None])


def scene(baseline, flag=None, facts=None):
    red, swir = (
        (facts.bands["B04"].asset, facts.bands["B12"].asset) if facts and "B12" in facts.bands else ("B04", "B12")
    )
    text = None if baseline is None else f"{baseline[0]:02d}.{baseline[1]:02d}"
    return item(
        "one", hrefs={red: "red", swir: "swir"}, s2__processing_baseline=text, earthsearch__boa_offset_applied=flag
    )


def pixels(low):
    """A reader of numbers whose first percentile is `low`, with fill."""
    return lambda _: np.concatenate([np.zeros(50, "uint16"), np.full(1000, low, "uint16")])


def never(_):
    raise AssertionError("no pixel may be looked at")


@given(BASELINES, st.sampled_from(KEPT), FLAGS)
def test_where_the_offset_is_kept_the_baseline_alone_decides(baseline, key, flag):
    verdict = decide(scene(baseline, flag), collection(key), never)
    assert verdict.dn_shift == (1000 if baseline < (4, 0) else 0)


@given(BASELINES, st.sampled_from(KEPT))
def test_a_flag_that_lies_is_a_conflict_and_nothing_more(baseline, key):
    assert "subtracted" in (decide(scene(baseline, True), collection(key), never).conflict or "")
    assert decide(scene(baseline, False), collection(key), never).conflict is None


@given(BASELINES, st.sampled_from(FLAGGED))
def test_earth_search_that_subtracted_is_raised_whatever_the_baseline(baseline, key):
    facts = collection(key)
    assert decide(scene(baseline, True, facts), facts, never).dn_shift == 1000


@given(
    BASELINES.filter(lambda b: b >= (4, 0)),
    st.sampled_from(FLAGGED),
    st.sampled_from([False, None]),
    st.integers(1, 699),
)
def test_earth_search_pixels_far_below_1000_were_subtracted_against_the_flag(baseline, key, flag, low):
    facts = collection(key)
    verdict = decide(scene(baseline, flag, facts), facts, pixels(low))
    assert verdict.dn_shift == 1000
    assert bool(verdict.conflict) == (flag is False)


@given(st.sampled_from(FLAGGED), st.integers(850, 1400))
def test_earth_search_pixels_near_1000_still_hold_it(key, low):
    facts = collection(key)
    assert decide(scene((5, 9), False, facts), facts, pixels(low)).dn_shift == 0


@pytest.mark.parametrize("low", [0, 750, 2500])
def test_pixels_that_say_nothing_leave_no_verdict(low):
    facts = collection(FLAGGED[0])
    verdict = decide(scene((5, 9), False, facts), facts, pixels(low))
    assert verdict.dn_shift is None and "no verdict" in verdict.reason


def test_a_file_that_cannot_be_read_leaves_no_verdict_and_is_named():
    def read(href):
        raise RasterioIOError(f"{href}: 404")

    facts = collection(FLAGGED[0])
    verdict = decide(scene((5, 9), False, facts), facts, read)
    assert verdict.dn_shift is None and "red" in verdict.reason


@given(BASELINES.filter(lambda b: b < (4, 0)), st.sampled_from(FLAGGED), FLAGS)
def test_earth_search_before_0400_needs_no_pixels(baseline, key, flag):
    facts = collection(key)
    assert decide(scene(baseline, flag, facts), facts, never).dn_shift == 1000


@given(st.sampled_from(KEPT), FLAGS)
def test_without_a_baseline_there_is_no_verdict(key, flag):
    assert decide(scene(None, flag), collection(key), never).dn_shift is None


@given(st.sampled_from(sorted(collections())), st.one_of(st.none(), BASELINES), FLAGS, st.integers(0, 3000))
def test_every_verdict_is_0_or_1000_or_none(key, baseline, flag, low):
    facts = collection(key)
    assert decide(scene(baseline, flag, facts), facts, pixels(low)).dn_shift in (0, 1000, None)


@given(BASELINES)
def test_the_baseline_is_found_in_every_place(baseline):
    short, dotted = f"N{baseline[0]:02d}{baseline[1]:02d}", f"{baseline[0]:02d}.{baseline[1]:02d}"
    name = f"S2A_MSIL2A_20190524T101031_{short}_R022_T31NBJ_20190524T130304"
    places = [
        item("x", s2__processing_baseline=dotted),
        item("x", s2__processing_baseline=None, processing__version=dotted),
        item("x", s2__processing_baseline=None, s2__product_uri=name + ".SAFE"),
        item("x", s2__processing_baseline=None, sentinel__product_id=name),
        item("x", s2__processing_baseline=None, s2__datatake_id=f"GS2A_20190524T101031_020467_N{dotted}"),
        item(name, s2__processing_baseline=None),
    ]
    assert [processing_baseline(doc) for doc in places] == [baseline] * 6


@given(BASELINES.filter(lambda b: b >= (4, 0)))
def test_the_flag_and_baseline_of_earth_search_v0_have_other_names(baseline):
    doc = item(
        "one",
        s2__processing_baseline=None,
        sentinel__processing_baseline=f"{baseline[0]:02d}.{baseline[1]:02d}",
        sentinel__boa_offset_applied=True,
    )
    assert processing_baseline(doc) == baseline
    assert decide(doc, collection("earth-search-v0-sentinel-2-l2a"), never).dn_shift == 1000


def test_an_offset_in_the_item_against_the_baseline_is_a_conflict():
    doc = scene((2, 12))
    doc["assets"]["B04"]["raster:bands"] = [{"offset": -0.1}]
    verdict = decide(doc, collection("planetary-computer-sentinel-2-l2a"), never)
    assert verdict.dn_shift == 1000 and "B04 has the offset -0.1" in (verdict.conflict or "")


def test_an_offset_on_aerosol_is_no_conflict():
    doc = scene((5, 9))
    doc["assets"]["AOT_10m"] = {"href": "aot", "raster:offset": -0.1}
    assert decide(doc, collection("cdse-sentinel-2-l2a"), never).conflict is None


def test_the_default_reader_reads_the_coarsest_overview(tmp_path):
    path = tmp_path / "b.tif"
    profile = {"driver": "GTiff", "width": 256, "height": 256, "count": 1, "dtype": "uint16", "crs": "EPSG:32633"}
    with rasterio.open(path, "w", **profile, transform=rasterio.Affine(10, 0, 0, 0, -10, 0)) as out:
        out.write(np.full((1, 256, 256), 7, "uint16"))
        out.build_overviews([2, 4, 8])
    assert coarsest_overview(str(path)).shape == (32, 32)
