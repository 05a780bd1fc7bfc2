"""Measured rates: kept, and found again."""

import pytest

from swath.errors import PriceError
from swath.planning import rates as module
from swath.planning.rates import ProductRates, Rate, find_rates, keep_rates, machine_kind, rates_digest
from swath.planning.spread import Spread
from swath.products import Product
from swath.settings import settings

PRODUCT = Product.load("mosaic")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("SWATH_RATES", str(tmp_path))
    settings.cache_clear()
    yield tmp_path
    settings.cache_clear()


def rates(product=PRODUCT, *, machine=None, measured="2026-11-25T10:00:00+00:00", expected=1.0):
    rate = Rate.of(Spread(0.5, expected, 2.0), "measured", "a test")
    return ProductRates(
        product=product.name, digest=rates_digest(product), machine=machine or machine_kind(), measured=measured,
        seasons=("2023-06/P1M",), units=4, rates={"cpu_a_sample": rate},
    )  # fmt: skip


def test_without_any_there_are_none():
    assert find_rates(PRODUCT) is None


def test_rates_are_found_again_by_their_product():
    keep_rates(rates())
    assert find_rates(PRODUCT) == rates()


def test_a_product_that_makes_other_pixels_has_rates_of_its_own():
    keep_rates(rates())
    assert find_rates(PRODUCT.with_overrides(["inputs.0.composite.min_obs=5"])) is None


def test_another_tile_size_has_rates_of_its_own():
    assert rates_digest(PRODUCT) != rates_digest(PRODUCT.with_overrides(["output.grid.tile_size=768"]))


def test_what_no_pixel_depends_on_does_not_matter():
    assert rates_digest(PRODUCT) == rates_digest(PRODUCT.with_overrides(["title=Another title"]))


def test_this_machine_goes_before_one_that_was_measured_later():
    keep_rates(rates(expected=1.5))
    keep_rates(rates(machine="a faster one", measured="2027-01-01T00:00:00+00:00"))
    assert find_rates(PRODUCT).machine == machine_kind()


def test_without_rates_of_this_machine_those_measured_last_are_taken():
    keep_rates(rates(machine="an old one", measured="2025-01-01T00:00:00+00:00"))
    keep_rates(rates(machine="a new one", measured="2026-01-01T00:00:00+00:00"))
    assert find_rates(PRODUCT).machine == "a new one"


def test_measuring_again_replaces_what_was_measured_before():
    keep_rates(rates(expected=1.0))
    keep_rates(rates(expected=1.5))
    assert find_rates(PRODUCT).rates["cpu_a_sample"].expected == 1.5


def test_a_broken_file_is_named(folder):
    path = keep_rates(rates())
    (folder / path.removeprefix(f"{folder}/")).write_text("{}")
    with pytest.raises(PriceError, match="no rates file"):
        find_rates(PRODUCT)


def test_the_kind_of_a_machine_tells_its_cores(monkeypatch):
    monkeypatch.setattr(module.os, "sched_getaffinity", lambda _: set(range(7)))
    assert machine_kind().endswith("x7") or "x7 with" in machine_kind()
