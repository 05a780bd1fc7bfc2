"""The bill of a use, and what sizes follow from it."""

import datetime as dt
from dataclasses import replace

import pytest

from swath.errors import PriceError, RequestError
from swath.mapping.amounts import Amounts
from swath.mapping.bill import Bill, Use, gpu_workers_fed, wall_s, workers_for_deadline
from swath.planning.priced import Carbon, Prices
from swath.planning.rates import Rate
from swath.planning.spread import Spread

PRICES = Prices.model_validate(
    {
        "name": "Toy", "currency": "EUR", "region": "toy/here", "date": dt.date(2026, 1, 1), "source": ["https://toy"],
        "cpu": {"machine": "c", "cores": 10, "memory_gb": 20, "hour": 5.0, "spot_hour": 2.0},
        "gpu": {"machine": "g", "cores": 8, "memory_gb": 20, "hour": 6.0, "gpus": 2, "gpu_watts": 100},
        "get_per_1000": 0.1, "put_per_1000": 0.5, "storage_gb_month": 0.02, "egress_gb": 0.1,
    }
)  # fmt: skip
CARBON = Carbon.model_validate(
    {
        "name": "Toy", "date": dt.date(2026, 1, 1), "source": ["https://toy"], "core_idle_watts": 1,
        "core_busy_watts": 3, "memory_watts_gb": 0.5, "pue": {"low": 1, "expected": 2, "high": 3},
        "grams_a_kwh": {"toy/here": 100, "toy/there": 10},
    }
)  # fmt: skip
AMOUNTS = Amounts(tiles=5, units=10, empty=2, scenes=30, samples=1e9, pixels=10_000_000, layers=3, km2=1000)


def use(**values):
    zero = Spread.exact(0.0)
    names = Use.__dataclass_fields__
    return Use(**{name: Spread.exact(values[name]) if name in values else zero for name in names})


def rates(**expected):
    values = {
        "bytes_a_sample": 1.0, "cpu_a_sample": 1e-6, "cpu_a_pixel": 1e-5, "gpu_a_pixel": 0.0, "bytes_a_pixel": 2.0,
        "files_a_scene": 4.0, "gets_a_file": 3.0, "busy": 0.5,
    } | expected  # fmt: skip
    return {name: Rate.of(Spread.exact(value), "assumed", "a test") for name, value in values.items()}


def bill(busy=1.0, **values):
    return Bill.of(use(**values), PRICES, CARBON, busy=busy)


def test_amounts_times_rates_are_what_is_used():
    planned = Use.planned(AMOUNTS, rates())
    assert planned.bytes_in.expected == 1e9
    assert planned.bytes_out.expected == 2e7
    assert planned.gets.expected == 30 * 4 * 3
    assert planned.puts.expected == 10 * 4
    assert planned.core_hours.expected == pytest.approx((1000 + 100) / 0.5 / 3600)


def test_machines_are_paid_by_the_core_spot_at_best():
    assert bill(core_hours=10.0).money["compute"] == Spread(2.0, 5.0, 5.0)


def test_requests_are_paid_by_the_thousand():
    assert bill(gets=2000.0, puts=1000.0).money["requests"].expected == pytest.approx(0.7)


def test_storage_is_that_of_a_year_and_the_map_leaves_once():
    money = bill(bytes_out=1e9).money
    assert money["storage"].expected == pytest.approx(0.24)
    assert money["transfer"].expected == pytest.approx(0.1)


def test_the_total_is_the_sum_of_its_parts():
    whole = bill(core_hours=10.0, gets=1000.0, bytes_out=1e9)
    assert whole.total.expected == pytest.approx(sum(part.expected for part in whole.money.values()))


def test_a_gpu_brings_its_cores_with_it():
    # 4 GPU hours bring 16 core hours: 4 of 20 are rented besides
    whole = bill(core_hours=20.0, gpu_hours=4.0)
    assert whole.money["compute"].expected == pytest.approx(4 * 3.0 + 4 * 0.5)


def test_gpus_without_a_price_are_refused():
    with pytest.raises(PriceError, match="no machine with a GPU"):
        Bill.of(use(gpu_hours=1.0), PRICES.model_copy(update={"gpu": None}), CARBON, busy=1.0)


def test_energy_is_of_cores_with_their_memory_times_the_data_centre():
    # 3 W a busy core and 2 GB at half a watt
    assert bill(core_hours=1000.0).kwh == Spread(4.0, 8.0, 12.0)


def test_measured_energy_goes_before_the_arithmetic():
    whole = Bill.of(use(core_hours=1000.0), PRICES, CARBON, busy=1.0, kwh=1.0)
    assert (whole.kwh.expected, whole.kwh_basis) == (2.0, "measured")


def test_the_same_energy_is_said_for_every_region():
    whole = bill(core_hours=1000.0)
    assert whole.grams.expected == pytest.approx(800)
    assert whole.by_region == pytest.approx({"toy/here": 800, "toy/there": 80})


def test_more_workers_than_units_take_no_less_time():
    planned = Use.planned(AMOUNTS, rates())
    assert wall_s(planned, AMOUNTS, 10, 2) == wall_s(planned, AMOUNTS, 50, 2)
    assert wall_s(planned, AMOUNTS, 1, 2).expected == pytest.approx(10 * wall_s(planned, AMOUNTS, 10, 2).expected)


def test_the_last_round_of_units_is_paid_whole():
    planned = Use.planned(AMOUNTS, rates())
    assert wall_s(planned, AMOUNTS, 6, 1) == wall_s(planned, AMOUNTS, 9, 1)


def test_a_deadline_gives_the_fewest_workers_that_meet_it():
    planned = Use.planned(AMOUNTS, rates())
    for deadline in (2200.0, 1000.0, 500.0, 221.0):
        number = workers_for_deadline(planned, AMOUNTS, deadline_s=deadline, cores=1, most=100)
        assert wall_s(planned, AMOUNTS, number, 1).expected <= deadline
        assert number == 1 or wall_s(planned, AMOUNTS, number - 1, 1).expected > deadline


def test_a_deadline_that_no_size_meets_says_the_best_there_is():
    planned = Use.planned(AMOUNTS, rates())
    with pytest.raises(RequestError, match="the best there is takes 4 min with 10 workers of 1 cores") as caught:
        workers_for_deadline(planned, AMOUNTS, deadline_s=100, cores=1, most=100)
    assert caught.value.facts["best_s"] == pytest.approx(220)


def test_there_are_no_more_gpus_than_reading_feeds():
    # reading takes 1000 / 0.5 / 8 = 250 s of eight cores
    assert gpu_workers_fed(rates(gpu_a_pixel=1000 / 1e7), AMOUNTS, cores=8) == 4
    assert gpu_workers_fed(rates(gpu_a_pixel=1 / 1e7), AMOUNTS, cores=8) == 1


def test_a_plan_without_units_takes_no_time():
    nothing = replace(AMOUNTS, units=0, pixels=0, samples=0.0)
    assert wall_s(Use.planned(nothing, rates()), nothing, 4, 2).high == 0
