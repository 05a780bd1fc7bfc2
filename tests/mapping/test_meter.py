"""Readings of units added up."""

from swath.mapping.meter import Meter, Used
from swath.runs import Done, Failed, Started


def done(unit, worker="worker 1 on a", **more):
    reading = {
        "worker": worker, "seconds_read": 2.0, "seconds_compute": 1.0, "seconds_write": 0.5, "file_bytes": 100,
        "worker_cpu_s": 3.0, "worker_network_bytes": 1000,
    } | more  # fmt: skip
    return Done(unit, 1, {"bytes_written": 7, "files_opened": 4}, reading)


def fed(*events, network=False):
    meter = Meter(network=network)
    for event in events:
        meter(event)
    return meter


def test_units_add_up():
    used = fed(done("a"), done("b")).used
    assert (used.units, used.bytes_in, used.bytes_out, used.files) == (2, 200, 14, 8)
    assert used.stage_s == {"read": 4.0, "compute": 2.0, "write": 1.0}


def test_cpu_is_of_each_worker_up_to_its_last_word():
    events = [done("a", worker_cpu_s=1.0), done("b", worker_cpu_s=4.0), done("c", "worker 2 on a", worker_cpu_s=2.0)]
    assert fed(*events).used.cpu_s == 6.0


def test_the_network_counts_once_a_machine_and_only_where_the_archive_is_behind_it():
    events = [done("a"), done("b", "worker 2 on a"), done("c", "worker 3 on b")]
    assert fed(*events, network=True).used.bytes_in == 300 + 2000
    assert fed(*events).used.bytes_in == 300


def test_what_a_failed_unit_used_is_used():
    failed = Failed("a", 1, {}, done("a").reading)
    used = fed(failed).used
    assert (used.units, used.bytes_in, used.cpu_s) == (0, 100, 3.0)


def test_units_in_flight_are_known():
    meter = fed(Started("a", 1), Started("b", 1), done("a"))
    assert (meter.running, meter.used.tries) == (1, 2)


def test_a_second_driver_goes_on_where_the_first_ended():
    one = Used.from_dict(fed(done("a")).used.to_dict())
    both = one + fed(done("b")).used
    assert (both.units, both.bytes_in, both.stage_s["read"]) == (2, 200, 4.0)
