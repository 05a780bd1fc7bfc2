"""Units on Ray: dead actors, dead nodes, hanging units, readable errors."""

import os
import signal
import time
from collections import Counter

import pytest

from support.works import Events, FileWork, Job
from swath.errors import ClusterError
from swath.runs import Done, Failed, RayExecutor, Retried, Started, execute
from swath.settings import settings

pytestmark = pytest.mark.ray


@pytest.fixture
def work(tmp_path):
    return FileWork(str(tmp_path))


def run(units, work, events, **kwargs):
    return execute(units, work, executor=RayExecutor(cpus=1, start_s=40), on_event=events, **kwargs)


def test_every_unit_is_done_once(ray_cluster, work):
    events = Events()
    units = [Job(f"u{i:03}") for i in range(60)]
    summary = run(iter(units), work, events)
    assert (summary.done, summary.failed, summary.stopped) == (60, 0, "")
    assert sorted(events.of(Done)) == work.done() == [unit.id for unit in units]
    assert sum(work.tries(unit.id) for unit in units) == 60


def test_errors_of_units_are_recorded_in_the_words_of_swath(ray_cluster, work):
    events = Events()
    units = [Job("a"), Job("b", "broken"), Job("c", "bug"), Job("d", "missing"), Job("e", "elsewhere-once")]
    summary = run(units, work, events)
    assert (summary.done, summary.failed, summary.retried) == (2, 3, 1)
    errors = {event.unit: event.error for event in events if isinstance(event, Failed)}
    assert [read["href"] for read in errors["b"]["reads"]] == ["http://x/a.tif", "http://x/b.tif"]
    assert errors["c"]["type"] == "ZeroDivisionError" and "in read" in errors["c"]["traceback"]
    assert errors["d"]["type"] == "AssetMissingError" and errors["d"]["href"] == "http://x/a.tif"
    assert "Ray" not in str(errors)


def test_threads_of_a_worker_share_few_arenas_of_memory(ray_cluster, work):
    events = Events()
    run([Job("a", "arenas")], work, events)
    (done,) = (event for event in events if isinstance(event, Done))
    assert 1 <= done.result["arenas"] <= 2


def test_a_unit_that_kills_its_worker_is_recorded_after_its_tries_and_takes_no_other_along(ray_cluster, work):
    events = Events()
    units = [Job(f"u{i:02}", "die" if i == 4 else "die-once" if i == 9 else "") for i in range(16)]
    summary = run(units, work, events)
    assert (summary.done, summary.failed) == (15, 1)
    (failed,) = [event for event in events if isinstance(event, Failed)]
    assert (failed.unit, failed.attempts, failed.error["type"]) == ("u04", 3, "WorkerDiedError")
    assert "u04" in failed.error["message"] and work.tries("u04") == 3
    assert len(work.done()) == 15


def test_a_unit_that_hangs_is_ended_and_tried_again(ray_cluster, work, monkeypatch):
    monkeypatch.setattr(settings(), "unit_timeout_s", 2.0)
    events = Events()
    summary = run([Job("a", "hang-once"), Job("b"), Job("c")], work, events)
    assert (summary.done, summary.failed) == (3, 0)
    assert any(e.error["type"] == "UnitTimeoutError" and e.unit == "a" for e in events if isinstance(e, Retried))


def test_killed_actors_and_a_killed_node_lose_no_unit_and_record_none_twice(ray_cluster, tmp_path):
    work, events = FileWork(str(tmp_path), seconds=0.1), Events()
    units = [Job(f"u{i:03}") for i in range(40)]
    struck = []

    def strike(event):
        events(event)
        if not isinstance(event, Done):
            return
        if len(events.of(Done)) in (4, 10):
            pid = int(event.reading["worker"].split()[1])
            os.kill(pid, signal.SIGKILL)
            struck.append(pid)
        if len(events.of(Done)) == 18:
            ray_cluster.kill_node(ray_cluster.worker_node_ids()[0])
            struck.append("node")

    try:
        summary = run(iter(units), work, strike)
    finally:
        ray_cluster.fill_up()
    assert len(struck) == 3
    assert (summary.done, summary.failed) == (40, 0)
    assert Counter(events.of(Done)) == Counter(unit.id for unit in units)
    assert work.done() == [unit.id for unit in units]


def test_a_stop_gives_no_new_units_and_finishes_those_in_flight(ray_cluster, work):
    events = Events()
    units = (Job(f"u{i}") for i in range(10**9))
    summary = run(units, work, events, should_stop=lambda: len(events.of(Done)) >= 5)
    assert summary.stopped == "asked"
    assert len(events.of(Started)) == len(events.of(Done)) == summary.done < 40


def test_a_worker_that_no_node_can_host_is_an_error_that_names_what_is_asked_and_what_there_is(ray_cluster, work):
    begun = time.monotonic()
    with pytest.raises(ClusterError, match=r"one asks for 64 CPU and 0 GPU, the cluster has .*: 1 CPU, 0 GPU"):
        execute([Job("a")], work, executor=RayExecutor(cpus=64, start_s=1))
    assert time.monotonic() - begun < 10
