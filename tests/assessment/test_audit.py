"""Each check finds what is wrong with a map that was broken in one way, and nothing in one that was not."""

import json

import numpy as np
import pytest

from swath.assessment import PublishedMap
from swath.assessment.audit import AuditedMap, Finding, Verdict, audit_step
from swath.assessment.audit.finding import Offences
from swath.errors import SampleError
from swath.store import Failures, Store, names

from .broken_map import CORNER, MIDDLE, found
from .good_map import ROOT, RUN, STEP, TILES, covered_twice


def test_every_check_passes_a_good_map_and_says_what_it_read(good):
    (one,) = AuditedMap.open_all(good)
    report = audit_step(one, before=PublishedMap.open(good))
    assert {finding.check: finding.verdict for finding in report.findings} == {
        "plan": "passed", "checksums": "passed", "cogs": "passed", "grids": "passed", "ranges": "passed",
        "constants": "passed", "tile edges": "passed", "swath edges": "passed", "stac": "passed", "counts": "passed",
        "uncertainty": "passed", "applicability": "passed", "shares against neighbours": "passed",
        "shares against the version before": "passed",
    }, [finding.to_dict() for finding in report.findings if finding.verdict != "passed"]  # fmt: skip
    assert report.skipped == {}
    assert all(finding.read[0].isdigit() or " against " in finding.read for finding in report.findings)
    assert (report.tiles, report.pixels) == (9, 9 * 192 * 192)


def test_threads_do_not_change_what_is_found(good):
    (one,) = AuditedMap.open_all(good)
    some = ("checksums", "tile edges")
    reports = [audit_step(one, only=some, threads=threads).to_dict() | {"seconds": 0} for threads in (1, 5)]
    assert reports[0] == reports[1]


# --- the plan


def drop(broken, tile):
    """A tile that the items' table does not have, as if it had never been made."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    path = broken.folder / ROOT / "items.parquet"
    table = pq.read_table(path)
    pq.write_table(table.filter(pc.not_equal(table["swath:tile"], tile.id)), path)


def test_a_unit_that_is_neither_there_nor_recorded_is_lost(broken):
    drop(broken, CORNER)
    finding = found(broken, "plan")
    assert finding.verdict == "failed"
    assert [one.unit for one in finding.offending] == [f"{CORNER.id}_{STEP}"]
    assert finding.counts["units lost"] == 1


def test_a_unit_that_is_recorded_as_failed_is_told_and_not_lost(broken):
    drop(broken, CORNER)
    Failures(Store.open(broken.folder), ROOT, RUN).record(f"{CORNER.id}_{STEP}", {"message": "no such file"})
    finding = found(broken, "plan")
    assert finding.verdict == "warned"
    assert finding.counts == {"units failed and recorded": 1, "planned": 9, "without items": 0, "standing": 8}


def test_a_unit_made_without_some_of_its_files_is_told(broken):
    Failures(Store.open(broken.folder), ROOT, RUN, "skipped").record(f"{CORNER.id}_{STEP}", {"reads": []})
    assert found(broken, "plan").counts["units made in part"] == 1


def test_a_plan_that_nobody_began_loses_no_unit(broken):
    drop(broken, CORNER)
    (broken.folder / names.run_file(ROOT, RUN, "progress.json")).unlink()
    assert found(broken, "plan").counts["units of plans not begun"] == 1


# --- files


def test_bytes_that_are_not_those_of_the_item_are_found(broken):
    path = broken.path(MIDDLE, "agb")
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    finding = found(broken, "checksums")
    assert finding.verdict == "failed"
    assert [(one.unit, one.layer) for one in finding.offending] == [(f"{MIDDLE.id}_{STEP}", "agb")]


def test_a_file_that_is_not_there_is_found(broken):
    broken.path(MIDDLE, "count").unlink()
    assert found(broken, "checksums").counts["files missing"] == 1


def test_an_item_that_is_not_there_is_found(broken):
    broken.path(MIDDLE).unlink()
    assert found(broken, "checksums").counts["items missing"] == 1


def test_a_file_that_was_written_into_is_no_cog_any_more(broken):
    broken.touch(MIDDLE, "agb")
    finding = found(broken, "cogs")
    assert finding.verdict == "failed"
    assert "invalidated by later changes" in finding.offending[0].reason


def test_a_file_that_cannot_be_decoded_is_found(broken):
    broken.put(MIDDLE, "agb", broken.path(MIDDLE, "agb").read_bytes()[:3000])
    assert "cannot be decoded" in found(broken, "cogs").offending[0].reason


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ({"affine": MIDDLE.affine @ MIDDLE.affine.translation(1, 0)}, "it starts at"),
        ({"crs": "EPSG:32632"}, "its CRS is EPSG:32632, the tile's EPSG:32633"),
        ({"dtype": "uint16", "legend": None}, "dtype is uint16, of the map uint8"),
        ({"nodata": 7}, "no-data is 7.0, of the map 0.0"),
        ({"scale": 2.0}, "scale is (2.0, 0.0)"),
        ({"legend": None}, "colour table is {}"),
    ],
    ids=["affine", "crs", "dtype", "no-data", "scale", "legend"],
)
def test_a_file_that_is_unlike_its_tile_or_the_others_is_found(broken, how, reason):
    broken.redraw(MIDDLE, "class", lambda numbers: numbers, **how)
    finding = found(broken, "grids")
    assert finding.verdict == "failed"
    assert any(reason in one.reason for one in finding.offending), finding.offending
    assert {one.unit for one in finding.offending} == {f"{MIDDLE.id}_{STEP}"}


def test_a_shape_that_is_not_the_tiles_is_found(broken):
    broken.redraw(MIDDLE, "agb", lambda numbers: numbers[:-12])
    assert "(180, 192) pixels, the tile (192, 192)" in found(broken, "grids").offending[0].reason


def test_a_legend_that_differs_between_items_is_found(broken):
    def other(item):
        item["assets"]["class"]["classification:classes"][0]["name"] = "wood"

    broken.change_item(MIDDLE, other)
    assert found(broken, "grids").counts == {"files with another legend": 1}


def test_an_item_that_names_another_place_is_found(broken):
    broken.change_item(MIDDLE, lambda item: item["properties"].update({"proj:code": "EPSG:32632"}))
    assert found(broken, "grids").counts == {"items off the grid": 1}


# --- steps


def test_a_tile_at_another_level_stands_out_at_its_four_edges(broken):
    broken.redraw(MIDDLE, "agb", lambda numbers: numbers + 8)
    finding = found(broken, "tile edges")
    assert finding.verdict == "failed"
    assert finding.counts["agb"]["standing out"] == 4
    assert all(MIDDLE.id in one.unit and one.layer == "agb" for one in finding.offending)


def test_trims_at_every_edge_are_found_where_no_single_one_stands_out(broken):
    def trimmed(numbers):
        rng = np.random.default_rng(5)
        for line in (numbers[0], numbers[-1], numbers[:, 0], numbers[:, -1]):
            line += rng.normal(0, 9, 192).astype(np.float32)
        return numbers

    for tile in TILES:
        broken.redraw(tile, "agb", trimmed)
    finding = found(broken, "tile edges")
    assert finding.verdict == "failed"
    assert finding.counts["agb"]["roughness"]["edges"] > 1.3 * finding.counts["agb"]["roughness"]["inside"]


def test_classes_that_do_not_meet_are_found(broken):
    broken.redraw(MIDDLE, "class", lambda numbers: np.where(numbers > 0, np.roll(numbers, 31, axis=(0, 1)), 0))
    finding = found(broken, "tile edges")
    assert finding.verdict == "failed"
    assert all(MIDDLE.id in one.unit and one.layer == "class" for one in finding.offending)


def stepped(broken, by):
    for tile in TILES:
        seen = np.float32(by) * covered_twice(tile)
        broken.redraw(tile, "agb", lambda numbers, seen=seen: numbers + seen)


def test_a_step_along_the_edge_of_a_pass_is_found_by_footprints(broken):
    stepped(broken, 8)
    finding = found(broken, "swath edges")
    assert finding.verdict != "passed"
    assert {one.layer for one in finding.offending} == {"agb"}
    assert finding.read == "3 units by footprints"


def test_without_frozen_items_the_counts_tell_where_passes_end(broken):
    import shutil

    shutil.rmtree(broken.folder / ROOT / "runs")
    for tile in TILES:
        seen = covered_twice(tile)
        broken.redraw(tile, "count", lambda numbers, seen=seen: np.where(numbers > 0, 9 + 2 * seen, 0))
    stepped(broken, 12)
    finding = found(broken, "swath edges")
    assert {one.layer for one in finding.offending} == {"agb"}
    assert finding.read == "3 units by counts"


# --- counts, shares


@pytest.mark.parametrize(
    ("layer", "value", "count"), [("agb", np.nan, "count and no data"), ("count", 0, "data and count 0")]
)
def test_no_data_and_counts_that_disagree_are_found(broken, layer, value, count):
    def change(numbers):
        numbers[20:60, 60:90] = value
        return numbers

    broken.redraw(MIDDLE, layer, change)
    finding = found(broken, "counts")
    assert finding.verdict == "failed"
    assert finding.counts[count] >= 40 * 30 - 9 * 12
    assert {one.unit for one in finding.offending} == {f"{MIDDLE.id}_{STEP}"}


def test_a_tile_of_other_classes_than_its_neighbours_is_odd(broken):
    broken.redraw(MIDDLE, "class", lambda numbers: np.where(numbers > 0, 80, 0))
    finding = found(broken, "shares against neighbours")
    assert (finding.verdict, [one.unit for one in finding.offending]) == ("warned", [f"{MIDDLE.id}_{STEP}"])


def test_a_tile_and_a_map_of_other_classes_than_before_are_odd(good, broken):
    broken.redraw(MIDDLE, "class", lambda numbers: np.where(numbers > 0, 80, 0))
    finding = found(broken, "shares against the version before", before=PublishedMap.open(good))
    assert finding.verdict == "warned"
    assert finding.counts["units unlike before"] == finding.counts["maps unlike before"] == 1
    assert finding.counts["change of share"]["water"] > 0.05


# --- STAC


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda item: item.pop("stac_version"), "'stac_version' is a required property"),
        (lambda item: item.update(id="another"), "its id is 'another'"),
        (lambda item: item.update(collection="another"), "it is of the collection 'another'"),
        (lambda item: item["assets"]["agb"].update(href="./agb.tif"), "the href of agb is './agb.tif'"),
        (lambda item: item["properties"].update(start_datetime="spring"), "'spring' is not a 'date-time'"),
        (lambda item: item["geometry"].update(coordinates=[[[[200, 0], [201, 0], [201, 1]]]]), "reaches from 200"),
    ],
    ids=["version", "id", "collection", "href", "time", "geometry"],
)
def test_an_item_that_is_not_valid_is_found(broken, change, reason):
    broken.change_item(MIDDLE, change)
    finding = found(broken, "stac")
    assert finding.verdict == "failed"
    assert any(reason in one.reason for one in finding.offending), finding.offending


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda it: it.pop("license"), "'license' is a required property"),
        (lambda it: it.update({"swath:items": 8}), "it counts 8 items, its table has 9"),
        (lambda it: it["links"][1].update(href="./elsewhere.json"), "1 items have no link"),
        (lambda it: it["assets"]["items"].update({"file:checksum": "1220" + "0" * 64}), "checksum of its table"),
    ],
    ids=["licence", "count", "link", "table"],
)
def test_a_collection_that_is_not_valid_is_found(broken, change, reason):
    broken.change_collection(change)
    finding = found(broken, "stac")
    assert finding.verdict == "failed"
    assert any(reason in one.reason for one in finding.offending), finding.offending


def test_offences_are_counted_beyond_those_that_are_named():
    offences = Offences()
    for number in range(54):
        offences.add(f"unit {number}", "odd", kind="odd units")
    finding = Finding.of("a check", offences, bad=Verdict.WARNED, good="", read="54 units")
    assert (len(finding.offending), finding.offences, finding.counts) == (50, 54, {"odd units": 54})
    assert json.loads(json.dumps(finding.to_dict()))["verdict"] == "warned"


def test_a_store_without_a_map_says_what_to_give(tmp_path):
    with pytest.raises(SampleError, match="holds 0 maps"):
        AuditedMap.open_all(tmp_path)
