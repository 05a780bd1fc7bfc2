"""Energy by the machine's own counters."""

import pytest

from swath.mapping.energy import EnergyMeter


def zone(folder, number, *, name="package-0", energy=0, most=10_000_000):
    path = folder / f"intel-rapl:{number}"
    path.mkdir()
    for file, text in (("name", name), ("energy_uj", energy), ("max_energy_range_uj", most)):
        (path / file).write_text(f"{text}\n")
    return path / "energy_uj"


def measured(folder, change, gpus=lambda: None):
    with EnergyMeter(rapl=folder, gpus=gpus) as meter:
        change()
    return meter


def test_without_counters_nothing_is_claimed(tmp_path):
    assert measured(tmp_path, lambda: None).kwh is None


def test_packages_add_up(tmp_path):
    first, second = zone(tmp_path, 0, energy=500), zone(tmp_path, 1, name="package-1")

    def work():
        first.write_text("3600500")
        second.write_text("3600000")

    assert measured(tmp_path, work).kwh == pytest.approx(7.2 / 3.6e6)


def test_a_counter_that_begins_again_goes_on(tmp_path):
    counter = zone(tmp_path, 0, energy=9_000_000)
    assert measured(tmp_path, lambda: counter.write_text("1000000")).joules == pytest.approx(2.0)


def test_cores_of_a_package_are_not_counted_twice(tmp_path):
    package, cores = zone(tmp_path, 0), zone(tmp_path, "0:0", name="core")

    def work():
        package.write_text("5000000")
        cores.write_text("4000000")

    assert measured(tmp_path, work).joules == pytest.approx(5.0)


def test_a_counter_that_only_root_may_read_measures_nothing(tmp_path):
    counter = zone(tmp_path, 0)
    assert measured(tmp_path, counter.unlink).kwh is None


def test_gpus_come_on_top(tmp_path):
    counter, joules = zone(tmp_path, 0), iter([100.0, 130.0])
    meter = measured(tmp_path, lambda: counter.write_text("5000000"), gpus=lambda: next(joules))
    assert meter.joules == pytest.approx(35.0)
