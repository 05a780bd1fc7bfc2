"""A report tells which runs made a map, what they were to take, what they took, and what of them failed."""

from pathlib import Path

import pytest

from support.class_map import KEY, ROOT, class_map, stripes
from swath.assessment import PublishedMap
from swath.assessment.report import Contents, write_report
from swath.assessment.report.bills import bill_of

from .added import add_run, bill

AFTER = {"of": "one", "after": ["one"], "moved": {}, "changes": {"new": 0, "changed": 1, "unchanged": 3}}


@pytest.fixture
def store(tmp_path):
    return class_map(tmp_path / "store", stripes)


@pytest.fixture
def tiles(store):
    return [unit.tile.id for unit in PublishedMap.open(store).units]


def told(store):
    return Contents.of(PublishedMap.open(store)).values


def page(store):
    return Path(write_report(PublishedMap.open(store)).page).read_text("utf-8")


def row(told, name):
    return next(one for one in told["rows"] if one["name"] == name)


def test_what_was_used_stands_beside_what_as_many_tiles_were_to_take():
    made = bill_of(bill(planned=4, made=2))
    assert row(made, "bytes_in")["ratio"] == pytest.approx(2 / (2 * 2 / 4))
    assert row(made, "core_hours")["actual"] == pytest.approx(1 / 0.5), "cores are held while they wait"
    assert row(made, "money_total")["actual"] == 2.0 and row(made, "money_total")["unit"] == "EUR"
    assert row(made, "wall_s")["ratio"] is None, "another number of workers takes another time"


def test_a_bill_without_prices_tells_no_money_and_no_energy():
    made = bill_of(bill(priced=False))
    assert {one["name"] for one in made["rows"]} == {"bytes_in", "bytes_out", "core_hours", "gets", "puts", "wall_s"}
    assert row(made, "gets")["actual"] is None, "nobody counted requests"


def test_a_plan_that_nobody_carried_out_has_no_actual():
    content = bill()
    del content["actual"]
    assert all(one["actual"] is None and one["ratio"] is None for one in bill_of(content)["rows"])
    assert bill_of(None) is None


def test_the_page_tells_the_bill_its_limits_and_which_rates_are_measured(store, tiles):
    add_run(store, ROOT, "one", [(tile, KEY) for tile in tiles], bill=bill())
    text = page(store)
    assert "It was to take 9.00 EUR at most." in text
    assert "energy was measured" in text
    assert "1 measured, 2 assumed or known" in text
    assert "Actual is of the 2 of 4 tiles that were made" in text
    assert text.count("a guess") == 2


def test_a_run_that_nobody_priced_is_told_by_its_plan(store, tiles):
    add_run(store, ROOT, "one", [(tile, KEY) for tile in tiles])
    assert told(store)["made"]["runs"][0]["bill"] is None
    assert "3.00 GB" in page(store)


def test_tiles_are_counted_to_the_run_that_made_them(store, tiles):
    add_run(store, ROOT, "one", [(tiles[0], "000000000000"), *((tile, KEY) for tile in tiles[1:])], items=(1, 2))
    add_run(store, ROOT, "two", [(tiles[0], KEY)], items=(2, 3), update=AFTER)
    runs = told(store)["made"]["runs"]
    assert [(run["run"], run["tiles"]) for run in runs] == [("one", len(tiles) - 1), ("two", 1)]
    assert told(store)["made"]["images"]["count"] == 3
    text = page(store)
    assert "update of one" in text and "Goes on from run one, tile by tile: 1 of other scenes, 3 unchanged." in text


def test_images_of_which_nothing_stands_are_no_images_of_the_map(store, tiles):
    add_run(store, ROOT, "one", [(tile, "000000000000") for tile in tiles], items=(1, 2))
    add_run(store, ROOT, "two", [(tile, KEY) for tile in tiles], items=(2, 3), update=AFTER)
    images = told(store)["made"]["images"]
    assert (images["count"], images["first"]) == (2, "2023-05-02")


def test_tiles_whose_run_is_gone_are_told(store, tiles):
    add_run(store, ROOT, "one", [(tile, KEY) for tile in tiles[1:]])
    assert told(store)["made"]["tiles_of_no_run"] == 1
    assert "runs whose plans are no longer there" in page(store)


def test_a_failure_that_a_later_run_made_good_is_none(store, tiles):
    gone = "utm33n-10m-96-x9-y9"
    add_run(
        store, ROOT, "one", [(tiles[0], "000000000000"), *((tile, KEY) for tile in [*tiles[1:], gone])],
        failed=[tiles[0], gone],
    )  # fmt: skip
    add_run(store, ROOT, "two", [(tiles[0], KEY)], update=AFTER)
    made = told(store)["made"]
    assert [one["unit"] for one in made["failures"]["first"]] == [f"{gone}_2023"]
    assert made["not_renewed"]["count"] == 0


def test_an_update_that_failed_leaves_what_stood_and_that_is_a_limit(store, tiles):
    add_run(store, ROOT, "one", [(tile, KEY) for tile in tiles])
    add_run(store, ROOT, "two", [(tiles[0], "000000000000")], update=AFTER, failed=[tiles[0]])
    values = told(store)
    assert (values["made"]["failures"]["count"], values["made"]["not_renewed"]["count"]) == (0, 1)
    assert "1 tiles could not be made anew: they stand as an earlier run left them." in values["limits"]


def test_tiles_of_a_run_that_stopped_are_missing_and_no_failures(store, tiles):
    add_run(store, ROOT, "one", [*((tile, KEY) for tile in tiles), ("utm33n-10m-96-x9-y9", KEY)])
    values = told(store)
    assert (values["made"]["unmade"], values["made"]["failures"]["count"]) == (1, 0)
    assert any("planned are not there" in limit for limit in values["limits"])


def test_a_file_that_a_later_run_found_is_no_lack(store, tiles):
    add_run(
        store, ROOT, "one", [(tiles[0], "000000000000"), *((tile, KEY) for tile in tiles[1:])],
        skipped=[tiles[0], tiles[1]],
    )  # fmt: skip
    add_run(store, ROOT, "two", [(tiles[0], KEY)], update=AFTER)
    assert [one["unit"] for one in told(store)["made"]["incomplete"]["first"]] == [f"{tiles[1]}_2023"]
