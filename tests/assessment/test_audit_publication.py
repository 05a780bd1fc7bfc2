"""A verdict is stored before anything else, and decides whether readers find the collection."""

import json

import pystac
import pytest

from support.command import swath
from support.small_world import mapped, small_world  # noqa: F401
from swath.assessment import PublishedMap
from swath.assessment.audit import AuditedMap, audit_map, audit_step, read_audits
from swath.errors import SampleError, StoreBusyError
from swath.store import Lease, Store

from .good_map import KEY, ROOT, STEP, TILES, Broken, good  # noqa: F401


@pytest.fixture
def broken(good, tmp_path, monkeypatch):  # noqa: F811
    """A map with a file that is not there; only two checks look, to be quick."""
    import swath.assessment.audit.auditing as module

    whole = module.audit_step
    monkeypatch.setattr(module, "audit_step", lambda *a, **k: whole(*a, only=("plan", "checksums"), **k))
    made = Broken.copy(good, tmp_path)
    made.path(TILES[0], "agb").unlink()
    return made


def mend(broken, good):  # noqa: F811
    source = good / broken.path(TILES[0], "agb").relative_to(broken.folder)
    broken.path(TILES[0], "agb").write_bytes(source.read_bytes())


def collections(broken):
    return sorted(path.name for path in (broken.folder / ROOT).glob("collection*.json"))


def test_a_map_that_failed_is_found_by_no_reader(broken):
    assert audit_map(broken.folder).verdict == "failed"
    assert collections(broken) == ["collection.unpublished.json"]
    with pytest.raises(SampleError, match="its audit failed"):
        PublishedMap.open(broken.folder)
    with pytest.raises(FileNotFoundError):
        pystac.Collection.from_file(str(broken.folder / ROOT / "collection.json"))


def test_a_map_that_was_mended_is_published_by_the_next_audit(broken, good):  # noqa: F811
    audit_map(broken.folder)
    mend(broken, good)
    made = audit_map(broken.folder)
    assert (made.verdict, collections(broken)) == ("passed", ["collection.json"])
    told = json.loads((broken.folder / ROOT / "collection.json").read_text())["swath:audit"]
    assert told["maps"] == {STEP: {"map": PublishedMap.open(broken.folder).id, "verdict": "passed"}}
    assert (broken.folder / ROOT / told["href"]).is_file()
    assert pystac.Collection.from_file(str(broken.folder / ROOT / "collection.json")).id == "mosaic-1.0"


def test_the_verdict_stands_even_where_the_collection_cannot_be_moved(broken):
    with Lease(Store.open(broken.folder), f"{ROOT}/lease.json"), pytest.raises(StoreBusyError):
        audit_map(broken.folder)
    assert read_audits(Store.open(broken.folder), ROOT)["verdict"] == "failed"
    assert collections(broken) == ["collection.json"]


def test_a_map_that_changed_meanwhile_gets_no_verdict(broken, monkeypatch):
    import swath.assessment.audit.auditing as module

    quick = module.audit_step

    def while_another_writes(one, **options):
        report = quick(one, **options)
        path = broken.folder / ROOT / "items.parquet"
        path.write_bytes(renamed(path, "ba9876543210"))
        return report

    monkeypatch.setattr(module, "audit_step", while_another_writes)
    with pytest.raises(SampleError, match="has become"):
        audit_map(broken.folder)
    assert collections(broken) == ["collection.json"]


def renamed(path, key):
    """The items' table with another key."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    table = table.set_column(table.schema.get_field_index("swath:key"), "swath:key", pa.array([key] * len(table)))
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return sink.getvalue().to_pybytes()


def test_verdicts_of_other_steps_stay_while_those_are_the_same(broken, good):  # noqa: F811
    audit_map(broken.folder)
    path = broken.folder / ROOT / "audit.json"
    told = json.loads(path.read_text())
    kept = {"map": "of another time", "verdict": "failed"}
    path.write_text(json.dumps(told | {"steps": {**told["steps"], "2022": kept}}))
    mend(broken, good)
    assert audit_map(broken.folder).verdict == "passed", "2022 is no step of this map any more"
    assert list(read_audits(Store.open(broken.folder), ROOT)["steps"]) == [STEP]


def test_the_command_ends_with_1_and_tells_what_it_found(broken, good, capsys):  # noqa: F811
    code, told = swath("audit", broken.folder)
    assert (code, told["verdict"]) == (1, "failed")
    (failed,) = [one for one in told["steps"][STEP]["checks"] if one["verdict"] == "failed"]
    assert failed["offending"] == [{"unit": f"{TILES[0].id}_{STEP}", "reason": "is not there", "layer": "agb"}]
    assert failed["check"] == "checksums"
    mend(broken, good)
    assert swath("audit", broken.folder)[0] == 0


def test_a_person_sees_a_line_a_check_and_the_units_that_offend(broken, capsys):
    from swath.cli import main

    assert main(["audit", str(broken.folder)]) == 1
    shown = capsys.readouterr().out
    assert "checksums" in shown and "1 files missing" in shown
    assert f"{TILES[0].id}_{STEP} agb: is not there" in shown
    assert "unpublished until an audit passes" in shown


def test_a_step_that_the_map_lacks_is_refused_with_those_it_has(good):  # noqa: F811
    with pytest.raises(SampleError, match="Choices: 2023"):
        audit_map(good, step="2022")


def test_what_swath_map_made_passes(mapped):  # noqa: F811
    reports = [audit_step(one) for one in AuditedMap.open_all(mapped)]
    assert [report.step for report in reports] == ["2023-06", "2023-07"]
    wrong = [finding.to_dict() for report in reports for finding in report.findings if finding.verdict == "failed"]
    assert wrong == []
    assert KEY not in str(reports)
