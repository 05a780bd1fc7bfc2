"""Price and carbon tables."""

import datetime as dt

import pytest
import yaml

from swath.errors import OldPricesWarning, PriceError
from swath.planning.priced import OLD_DAYS, Carbon, Prices, shipped

NAME = "aws-us-west-2-2026-11"


@pytest.fixture
def written(tmp_path):
    def write(**changes):
        data = Prices.load(NAME, today=dt.date(2026, 11, 25)).model_dump(mode="json") | changes
        path = tmp_path / "mine.yaml"
        path.write_text(yaml.safe_dump({name: value for name, value in data.items() if value is not ...}))
        return path

    return write


def test_every_table_that_ships_is_dated_and_names_its_sources():
    today = dt.date(2026, 12, 1)
    tables = [(Carbon if name.startswith("carbon") else Prices).load(name, today=today) for name in shipped()]
    assert len(tables) >= 2
    assert all(table.source[0].startswith("https://") and table.date <= today for table in tables)


def test_the_region_of_the_prices_is_one_of_the_carbon_table():
    prices = Prices.load(NAME, today=dt.date(2026, 12, 1))
    assert Carbon.load(today=dt.date(2026, 12, 1)).intensity(prices.region) > 0


def test_an_unknown_key_is_an_error_that_names_it(written):
    with pytest.raises(PriceError, match="price_of_nothing"):
        Prices.load(written(price_of_nothing=1))


def test_a_price_that_is_missing_is_named(written):
    with pytest.raises(PriceError, match="egress_gb"):
        Prices.load(written(egress_gb=...))


def test_a_spot_price_above_that_on_demand_is_refused(written):
    machine = {"machine": "m", "cores": 4, "memory_gb": 16, "hour": 1.0, "spot_hour": 2.0}
    with pytest.raises(PriceError, match="spot_hour"):
        Prices.load(written(cpu=machine))


def test_a_table_of_a_year_ago_is_still_taken_without_a_word(written):
    assert Prices.load(written(), today=dt.date(2026, 11, 25) + dt.timedelta(OLD_DAYS)).currency == "USD"


def test_an_older_table_warns_with_its_age(written):
    with pytest.warns(OldPricesWarning, match="366 days"):
        Prices.load(written(), today=dt.date(2026, 11, 25) + dt.timedelta(OLD_DAYS + 1))


def test_a_name_that_is_no_table_lists_those_that_ship():
    with pytest.raises(PriceError) as caught:
        Prices.load("aws-mars-1")
    assert NAME in caught.value.fix


def test_a_region_that_the_carbon_table_lacks_is_refused_with_the_nearest():
    with pytest.raises(PriceError) as caught:
        Carbon.load(today=dt.date(2026, 12, 1)).intensity("aws/us-west-3")
    assert "aws/us-west-2" in caught.value.fix


def test_a_waiting_core_draws_less():
    carbon = Carbon.load(today=dt.date(2026, 12, 1))
    assert carbon.watts(0.0) == carbon.core_idle_watts
    assert carbon.watts(1.0) == carbon.core_busy_watts
    assert carbon.watts(1.0, memory_gb=8) == pytest.approx(carbon.core_busy_watts + 8 * 0.392)
