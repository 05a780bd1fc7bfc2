"""Units in this process: order, failures, retries, stop, bounded memory."""

import threading
import time
import tracemalloc

import pytest

from support.works import Events, FileWork, Job
from swath.errors import RunStoppedError, StoreFullError
from swath.runs import Done, Failed, InlineExecutor, Retried, Started, execute
from swath.settings import settings


@pytest.fixture
def work(tmp_path):
    return FileWork(str(tmp_path))


def run(units, work, events=None, memory=10**6, **kwargs):
    events = Events() if events is None else events
    return execute(units, work, executor=InlineExecutor(memory=memory), on_event=events, **kwargs), events


def test_every_unit_is_done_once(work):
    summary, events = run((Job(f"u{i}") for i in range(20)), work)
    assert (summary.started, summary.done, summary.failed, summary.stopped) == (20, 20, 0, "")
    assert sorted(events.of(Done)) == work.done()
    assert next(event for event in events if isinstance(event, Done)).result == {"km2": 1.5}


def test_no_units_are_a_run_of_nothing(work):
    assert run([], work)[0].done == 0


def test_a_failure_is_recorded_and_the_run_goes_on(work):
    summary, events = run([Job("a", "broken"), Job("b"), Job("c", "bug"), Job("d")], work)
    assert (summary.done, summary.failed, summary.retried) == (2, 2, 0)
    errors = {event.unit: event.error for event in events if isinstance(event, Failed)}
    assert len(errors["a"]["reads"]) == 2 and "traceback" not in errors["a"]
    assert "ZeroDivisionError" in errors["c"]["traceback"]


def test_elsewhere_is_tried_again(work):
    summary, events = run([Job("a", "elsewhere-once")], work)
    assert (summary.done, summary.retried) == (1, 1)
    assert events.of(Started) == ["a", "a"] and events.of(Retried) == ["a"]
    assert next(event for event in events if isinstance(event, Done)).attempts == 2


def test_a_unit_that_hangs_is_left_behind_and_recorded_after_its_tries(work, monkeypatch):
    monkeypatch.setattr(settings(), "unit_timeout_s", 0.4)
    summary, events = run([Job("a", "hang"), Job("b"), Job("c", "hang-once")], work)
    assert (summary.done, summary.failed) == (2, 1)
    (failed,) = [event for event in events if isinstance(event, Failed)]
    assert (failed.unit, failed.attempts, failed.error["type"]) == ("a", 3, "UnitTimeoutError")


def test_a_unit_greater_than_the_memory_is_named_with_both_numbers(work):
    summary, events = run([Job("a", size=5_000_000_000), Job("b")], work, memory=2_000_000_000)
    assert (summary.done, summary.failed) == (1, 1)
    error = next(event for event in events if isinstance(event, Failed)).error
    assert error["type"] == "OutOfMemoryError" and (error["needed"], error["available"]) == (5 * 10**9, 2 * 10**9)
    assert "5.00 GB" in error["message"] and "2.00 GB" in error["message"]


def test_memory_that_runs_out_is_named_so(work):
    _, events = run([Job("a", "memory")], work)
    assert next(event for event in events if isinstance(event, Failed)).error["type"] == "OutOfMemoryError"


def test_a_full_store_stops_the_run_and_records_no_failure(work):
    units = [Job(f"u{i}", "full" if i == 3 else "") for i in range(500)]
    summary, _ = run(units, work)
    assert summary.stopped == "store full" and summary.failed == 0 and summary.started < 20
    error = summary.stop_error()
    assert isinstance(error, StoreFullError) and error.facts["path"] == work.folder


def test_a_stop_finishes_what_is_in_flight(work):
    events = Events()
    summary, _ = run((Job(f"u{i}") for i in range(10**9)), work, events, should_stop=lambda: len(events.of(Done)) >= 5)
    assert summary.stopped == "asked"
    assert len(events.of(Started)) == summary.done < 20


def test_an_error_of_the_listener_ends_the_run(work):
    def listener(event):
        if isinstance(event, Done):
            raise RunStoppedError("lease lost")

    with pytest.raises(RunStoppedError):
        execute((Job(f"u{i}") for i in range(10**9)), work, executor=InlineExecutor(memory=10**6), on_event=listener)


def test_units_are_pulled_only_as_they_are_needed(work):
    pulled = []

    def units():
        for i in range(50):
            pulled.append(i)
            assert len(pulled) - len(work.done()) <= 3 + 2
            yield Job(f"u{i:02}")

    assert run(units(), work)[0].done == 50


class Nothing:
    """Work that costs nothing, to see what the runner itself keeps."""

    def size(self, unit):
        return 1

    def read(self, unit):
        return None

    def compute(self, unit, data):
        return None

    def write(self, unit, result):
        return {}


def test_nothing_of_a_unit_is_kept_when_it_is_done():
    seen = {}

    def measure(event):
        if isinstance(event, Done) and event.unit in ("u500", "u3000"):
            seen[event.unit] = tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        execute((Job(f"u{i}") for i in range(3100)), Nothing(), executor=InlineExecutor(memory=100), on_event=measure)
    finally:
        tracemalloc.stop()
    assert seen["u3000"] - seen["u500"] < 100_000


class Slow(Nothing):
    """Each stage sleeps; overlaps are counted."""

    def __init__(self):
        self.inside = {"read": 0, "compute": 0, "write": 0}
        self.most_in_stage, self.most_at_once = 0, 0
        self.lock = threading.Lock()

    def size(self, unit):
        return unit.size

    def stage(self, name):
        with self.lock:
            self.inside[name] += 1
            self.most_in_stage = max(self.most_in_stage, *self.inside.values())
            self.most_at_once = max(self.most_at_once, sum(self.inside.values()))
        time.sleep(0.03)
        with self.lock:
            self.inside[name] -= 1

    def read(self, unit):
        self.stage("read")

    def compute(self, unit, data):
        self.stage("compute")

    def write(self, unit, result):
        self.stage("write")
        return {}


def test_one_unit_is_read_while_another_computes_and_a_third_is_written():
    work = Slow()
    execute([Job(f"u{i}") for i in range(8)], work, executor=InlineExecutor(memory=10**6))
    assert (work.most_in_stage, work.most_at_once) == (1, 3)


def test_units_wait_for_memory_that_others_hold():
    work = Slow()
    execute([Job(f"u{i}", size=60) for i in range(4)], work, executor=InlineExecutor(memory=100))
    assert work.most_at_once == 1
