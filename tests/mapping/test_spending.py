"""Prices, limits and what a run used, of a small map."""

import pytest

from support.command import swath
from support.small_world import SmallWorld, small_world  # noqa: F401
from swath.mapping import Limits, carry_out, keep_limits, plans, read_bill
from swath.mapping.billing import Priced
from swath.mapping.spending import Spending
from swath.runs import Done, Started
from swath.settings import settings
from swath.store import Store

PRICES = ("--prices", "aws-us-west-2-2026-11")


@pytest.fixture
def planned(small_world: SmallWorld, tmp_path):  # noqa: F811
    code, told = swath("plan", *small_world.request(tmp_path / "store", *PRICES))
    assert code == 0, told
    return next(plans(Store.open(tmp_path / "store"))), told


def cost(plan):
    return Priced.from_dict(read_bill(plan)["plan"]).bill().total.expected


def test_a_plan_says_its_price_and_where_each_rate_comes_from(planned):
    bill = planned[1]["bill"]
    assert bill["amounts"]["units"] == 4
    assert bill["money"]["total"]["low"] <= bill["money"]["total"]["expected"] <= bill["money"]["total"]["high"]
    assert {rate["basis"] for rate in bill["rates"].values()} == {"assumed"}
    assert bill["prices"]["date"] == "2026-11-25"


def test_prices_change_neither_the_run_nor_its_units(planned, small_world, tmp_path):  # noqa: F811
    _, told = swath("plan", *small_world.request(tmp_path / "other"))
    free = next(plans(Store.open(tmp_path / "other")))
    assert free.run == planned[0].run
    assert [unit.key for unit in free.units()] == [unit.key for unit in planned[0].units()]
    assert "money" not in told["bill"]
    assert free.facts == planned[0].facts


def test_a_limit_refuses_before_anything_starts_and_says_what_fits(planned, small_world, tmp_path):  # noqa: F811
    plan, _ = planned
    limit = cost(plan) * 0.6
    code, told = small_world.map(tmp_path / "store", "--max-cost", limit)
    assert code == 2
    assert told["error"]["type"] == "LimitError"
    assert (told["error"]["units_that_fit"], told["error"]["limit"]) == (2, pytest.approx(limit))
    assert "actual" not in read_bill(plan)


def test_carbon_has_a_limit_too(planned, small_world, tmp_path):  # noqa: F811
    code, told = small_world.map(tmp_path / "store", "--max-carbon", 1e-9)
    assert (code, "gCO2e" in told["error"]["message"]) == (2, True)


def test_a_limit_without_prices_is_refused(small_world, tmp_path):  # noqa: F811
    code, told = swath("plan", *small_world.request(tmp_path / "store", "--max-cost", 5))
    assert (code, told["error"]["fix"]) == (2, "Give --prices.")


def test_a_limit_that_was_kept_holds_for_whoever_carries_out(planned):
    plan, _ = planned
    keep_limits(plan, Limits(cost=cost(plan) * 0.5))
    with pytest.raises(Exception, match="--max-cost"):
        carry_out(plan, cluster="inline")


def test_a_run_stops_before_a_limit_is_passed(planned):
    plan, _ = planned
    spending = Spending(plan, Limits(cost=cost(plan) * 1.01))
    assert not spending.about_to_pass()
    spending(Started("a", 1))
    # a unit that takes far more than was planned
    dear = {"bytes_written": 0, "files_opened": 0}
    spending(Done("a", 1, dear, {"worker": "w", "worker_cpu_s": cost(plan) / 1.2096 * 16 * 3600 * 0.8 * 0.6}))
    assert spending.about_to_pass()
    assert spending.reason.startswith("--max-cost")


def test_a_run_that_was_stopped_by_its_limit_goes_on_under_a_higher_one(planned, small_world, tmp_path):  # noqa: F811
    plan, _ = planned

    class Small(Spending):
        """Its limit is as good as reached after a unit."""

        def about_to_pass(self):
            self._limits = Limits(cost=1e-12) if self.used.units else Limits()
            return super().about_to_pass()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("swath.mapping.run.Spending", Small)
        first = carry_out(plan, cluster="inline")
    assert first.stopped.startswith("--max-cost")
    assert 0 < first.done < 4
    code, second = small_world.map(tmp_path / "store", "--max-cost", 1000)
    assert (code, second["units"]["done"], second["units"]["found"]) == (0, 4 - first.done, first.done)
    assert second["actual"]["used"]["units"] == 4


def test_what_a_run_used_stands_beside_its_plan_and_in_its_status(planned, small_world, tmp_path):  # noqa: F811
    plan, _ = planned
    _, result = small_world.map(tmp_path / "store")
    actual = read_bill(plan)["actual"]
    assert result["actual"] == actual
    assert actual["used"]["bytes_out"] == sum(path.stat().st_size for path in (tmp_path / "store").rglob("*.tif"))
    assert actual["beside_plan"]["bytes_out"]["actual"] == actual["used"]["bytes_out"]
    assert actual["bill"]["money"]["total"]["expected"] > 0
    _, status = swath("status", tmp_path / "store")
    assert status["runs"][0]["actual"] == actual


def test_measured_rates_are_taken_and_say_so(small_world, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setenv("SWATH_RATES", str(tmp_path / "rates"))
    settings.cache_clear()
    request = small_world.request(tmp_path / "store", "--period", "2023-06/P1M")
    without_store = [word for n, word in enumerate(request) if "--store" not in request[max(0, n - 1) : n + 1]]
    code, rates = swath("calibrate", *without_store, "--period", "2023-07/P1M")
    assert code == 0, rates
    assert rates["seasons"] == ["2023-06/P1M", "2023-07/P1M"]
    _, told = swath("plan", *small_world.request(tmp_path / "store"))
    settings.cache_clear()
    said = told["bill"]["rates"]["bytes_a_pixel"]
    assert said["basis"] == "measured"
    assert "2023-06/P1M" in said["source"]
    assert said["low"] <= said["expected"] <= said["high"]
