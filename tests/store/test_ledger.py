"""The books of a run."""

import json
import time

import pytest

from swath.errors import StoreFullError
from swath.store import Failures, Progress, ProgressWriter, Stats, Store, names, read_progress, read_stats

ROOT, RUN = "mosaic/1", "ab12"


@pytest.fixture
def store(tmp_path):
    return Store.open(tmp_path)


def test_a_failure_is_recorded_and_gone_when_the_unit_succeeds(store):
    failures = Failures(store, ROOT, RUN)
    failures.record("t1_2023", {"error": {"type": "UnitError", "reads": [{"href": "http://x"}]}})
    failures.record("t2_2023", {"error": {"type": "UnitError"}})
    again = Failures(store, ROOT, RUN)  # another driver
    assert again.units() == ["t1_2023", "t2_2023"]
    assert [record["unit"] for record in again] == ["t1_2023", "t2_2023"]
    again.clear("t1_2023")
    again.clear("never-failed")
    assert Failures(store, ROOT, RUN).units() == ["t2_2023"]


def test_readings_of_several_drivers_add_up(store):
    for number in range(2):
        with Stats(store, ROOT, RUN) as stats:
            stats.add({"unit": f"u{number}", "ok": True, "attempts": 1, "seconds_read": 0.5, "requests": 7})
    table = read_stats(store, ROOT, RUN)
    assert sorted(table["unit"].to_pylist()) == ["u0", "u1"]
    assert json.loads(table["facts"][0].as_py()) == {"requests": 7}
    assert table["seconds_compute"].to_pylist() == [None, None]


def test_readings_are_written_in_parts_of_a_thousand(store):
    with Stats(store, ROOT, RUN) as stats:
        for number in range(1001):
            stats.add({"unit": f"u{number}"})
        assert len(list(store.list(names.stats_folder(ROOT, RUN)))) == 1
    assert read_stats(store, ROOT, RUN).num_rows == 1001


def test_no_readings_are_an_empty_table(store):
    assert read_stats(store, ROOT, RUN).num_rows == 0


def snapshot(done):
    now = time.time()
    return Progress(run=RUN, state="running", total=10, done=done, started=now, heartbeat=now)


def test_progress_is_written_at_once_again_and_at_the_end(store):
    counts = iter(range(1000))
    assert read_progress(store, ROOT, RUN) is None
    with ProgressWriter(store, ROOT, RUN, lambda: snapshot(next(counts)), every_s=0.05):
        assert read_progress(store, ROOT, RUN).done == 0
        time.sleep(0.3)
        seen = read_progress(store, ROOT, RUN)
        assert seen.done >= 1 and seen.silent_s < 5
    assert read_progress(store, ROOT, RUN).done > seen.done


def test_a_store_that_fills_up_does_not_end_the_progress(store, monkeypatch):
    with ProgressWriter(store, ROOT, RUN, lambda: snapshot(1), every_s=0.02) as writer:
        with monkeypatch.context() as patch:

            def full(*_):
                raise StoreFullError("full")

            patch.setattr(type(store), "put_bytes", full)
            time.sleep(0.1)
        writer.write()
    assert read_progress(store, ROOT, RUN).done == 1
