"""A report tells means, totals and areas by region with their kind, and where the model may be applied."""

import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from support.browser import layout
from support.class_map import KEY, ROOT, VALUES, class_map, stripes, value_map
from swath.assessment import (
    PublishedMap,
    areas_by_region,
    assess_class_plots,
    assess_map,
    assess_plots,
    assess_tracks,
    assess_values,
    draw_sample,
)  # fmt: skip
from swath.assessment.overlay import overlay
from swath.assessment.report import write_report
from swath.assessment.report.applicable import applicability_of
from swath.assessment.report.figures import amount, digits, duration

from .added import add_layer, add_run, bill

STATES = ("inside_ha", "outside_ha", "unknown_ha")


def waves(tile):
    """Biomass that rises and falls from west to east."""
    column = np.arange(tile.shape[1]) + round(tile.bounds[0] / 10)
    return np.broadcast_to(80 + 60 * np.sin(column[None] / 37), tile.shape)


def west(tile):
    """1 in the west of a place, 0 in its east, unknown in the first rows of every tile."""
    column = np.arange(tile.shape[1]) + round(tile.bounds[0] / 10)
    states = np.where(column[None] % 100 < 60, 1, 0) * np.ones(tile.shape)
    states[:4] = 255
    return states


@pytest.fixture(scope="module")
def values(tmp_path_factory, regions):
    """A map of values with all that a reference can say of it, and a run with its bill."""
    folder = tmp_path_factory.mktemp("values")
    store = value_map(folder / "store", waves)
    of = PublishedMap.open(store)
    sample = draw_sample(of, number=120, least=8)
    found = overlay(of, sample.drawn, layer="agb").told
    lon, lat = sample.places()
    plots = pd.DataFrame({"plot": sample.drawn["plot"], "map": of.id, "agb": 1.2 * found, "lon": lon, "lat": lat})
    plots["track"] = np.arange(len(plots)) % 12
    plots.to_csv(folder / "plots.csv", index=False)
    assess_values(of, folder / "plots.csv", sample, regions=regions)
    assess_tracks(of, folder / "plots.csv", "agb", regions=regions)
    plots.drop(columns=["plot", "map"]).to_csv(folder / "inventory.csv", index=False)
    assess_plots(of, folder / "inventory.csv", "agb", design="none", seen="external", regions=regions)
    add_run(store, VALUES, "one", [(unit.tile.id, KEY) for unit in of.units], bill=bill())
    return store, write_report(of)


@pytest.fixture(scope="module")
def told(values):
    return json.loads(Path(values[1].numbers).read_text("utf-8"), parse_constant=pytest.fail)


@pytest.fixture(scope="module")
def page(values):
    return Path(values[1].page).read_text("utf-8")


def test_each_result_stands_with_its_reference_and_kind(told, page):
    kinds = {one["reference"]: {e["kind"] for e in one["estimates"]} for one in told["regions"]}
    assert kinds == {
        "sample stratified-0": {"design-based, model-assisted", "model-based, synthetic"},
        "tracks plots": {"hybrid"}, "plots inventory": {"model-based"},
    }  # fmt: skip
    for kind in ("design-based, model-assisted", "hybrid", "model-based"):
        assert f'<span class="title">{kind}</span>' in page


def test_a_mean_and_its_total_stand_with_their_intervals(told, page):
    one = told["regions"][0]["estimates"][0]
    assert one["region"] == "all"
    assert f"{digits(one['low'])} to {digits(one['high'])}" in page
    assert f"{one['total']:,.0f} Mg" in page and f"{one['total_low']:,.0f} to {one['total_high']:,.0f}" in page


def test_the_parts_of_a_variance_are_told(told, page):
    (tracks,) = (one for one in told["regions"] if one["reference"] == "tracks plots")
    assert set(tracks["estimates"][0]["parts"]) == {"tracks", "common"}
    assert "standard errors: tracks" in page


def test_small_regions_are_flagged_and_named_in_the_limits(told, page):
    assert '<span class="flag">no units</span>' in page or '<span class="flag">few units</span>' in page
    assert any("Few units or none lie in small" in limit for limit in told["limits"])


def test_a_sample_that_was_measured_is_a_design_based_statement(told):
    assert not any("No probability sample" in limit for limit in told["limits"])


def test_residuals_of_a_map_of_values_are_shown_by_cells(page):
    assert "Map minus reference, by cell: -" in page


def test_the_collection_tells_totals_of_the_whole_map(values):
    store, _ = values
    totals = json.loads(store.read_bytes(f"{VALUES}/collection.json"))["swath:totals"]["2023"]
    assert {one["reference"] for one in totals} == {"sample stratified-0", "plots inventory", "tracks plots"}
    assert all(e["region"] == "all" for one in totals for e in one["estimates"])


def test_the_spreadsheet_has_regions_bill_and_rates(values):
    book = zipfile.ZipFile(values[1].sheets)
    names = re.findall(r'<sheet name="(\w+)"', book.read("xl/workbook.xml").decode())
    assert {"regions", "bill", "rates"} <= set(names) and "applicability" not in names


@pytest.mark.parametrize("width", [1280, 375])
def test_nothing_of_regions_and_bills_sticks_out_of_the_page(values, tmp_path, width):
    found = layout(Path(values[1].page), width, tmp_path)
    assert found["wide"] == [] and found["scroll"] <= found["edge"], found


def test_results_of_the_map_as_it_was_before_are_named_and_left_out(values, tmp_path):
    store = value_map(tmp_path / "store", waves)
    result = f"{VALUES}/assessments/2023/old/regions.json"
    content = {"map": f"{VALUES}/2023@000000000000", "title": "hybrid", "estimates": [], "unit": "Mg/ha", "level": 0.9}
    store.put_bytes(result, json.dumps(content).encode())
    store.put_bytes(result.replace("/old/", "/other/"), json.dumps(content | {"map": f"{VALUES}/2022@1"}).encode())
    values = write_report(PublishedMap.open(store)).contents.values
    assert [one["reference"] for one in values["regions"]] == ["tracks old"], "another time step is another report's"
    assert any("tracks old is of an earlier map" in limit for limit in values["limits"])


# --- classes


@pytest.fixture(scope="module")
def classes(tmp_path_factory, regions):
    """A map of classes with areas by region, plots of others, and a layer of where its model may be applied."""
    folder = tmp_path_factory.mktemp("classes")
    store = class_map(folder / "store", stripes)
    add_layer(store, ROOT, "applicable", west)
    of = PublishedMap.open(store)
    sample = draw_sample(of, number=90, allocation="equal", least=2)
    table = sample.drawn.assign(map=of.id, **{"class": sample.drawn["map_class"]})
    table[["plot", "map", "class"]].to_csv(folder / "found.csv", index=False)
    made = assess_map(of, folder / "found.csv")
    areas_by_region(of, made.sample, made.reference.joined(made.sample), regions)
    lon, lat = sample.places()
    pd.DataFrame({"lon": lon, "lat": lat, "class": table["class"]}).to_csv(folder / "others.csv", index=False)
    assess_class_plots(of, folder / "others.csv", design="none")
    return of, write_report(of)


def test_areas_of_classes_stand_by_region(classes):
    page = Path(classes[1].page).read_text("utf-8")
    part = page[page.index('id="regions"') : page.index('id="applicability"')]
    assert [part.count(f"<caption>{name} ") for name in ("west", "east", "all")] == [1, 1, 0]


def test_an_interval_without_width_is_no_interval_and_that_is_a_limit(classes):
    one = classes[1].contents.values["regions"][0]["estimates"][0]
    assert one["total_low"] == one["total_high"], "interpreters agree with the map everywhere"
    page = Path(classes[1].page).read_text("utf-8")
    part = page[page.index('id="regions"') : page.index('id="applicability"')]
    assert not re.search(r">([\d.,]+) to \1<", part)
    assert any("Few units tell what the map misses" in limit for limit in classes[1].contents.values["limits"])


def test_plots_of_others_are_told_with_their_title(classes):
    page = Path(classes[1].page).read_text("utf-8")
    assert re.search(r'<h3>Plots others <span class="title">model-based</span>', page)
    assert "they are taken to stand for their map class" in page


def test_hectares_outside_the_area_of_applicability_are_counted_by_class(classes):
    of, report = classes
    told = report.contents.values["applicability"]
    outside, inside, by_class = 0.0, 0.0, {"tree": 0.0, "crop": 0.0, "water": 0.0}
    for unit in of.units:
        owned = unit.tile.owned()
        area = np.broadcast_to(unit.tile.pixel_area(), unit.tile.shape) / 1e4
        mapped = (stripes(unit.tile) > 0) & (True if owned is None else owned)
        out, state = west(unit.tile) == 0, west(unit.tile)
        outside += area[mapped & out].sum()
        inside += area[mapped & (state == 1)].sum()
        for code, name in of.legend.items():
            by_class[name] += area[mapped & out & (stripes(unit.tile) == code)].sum()
    assert told["outside_ha"] == pytest.approx(outside, rel=1e-4)
    assert told["inside_ha"] == pytest.approx(inside, rel=1e-4)
    assert {one["name"]: one["outside_ha"] for one in told["classes"]} == pytest.approx(by_class, rel=1e-4)
    assert told["unknown_ha"] > 0


def test_the_part_outside_is_a_limit_that_names_the_classes(classes):
    said = [limit for limit in classes[1].contents.values["limits"] if "outside" in limit]
    assert len(said) == 2 and "area of applicability" in said[0]
    assert said[1] == "Largely outside are water (100%), crop (67%) as mapped."


def test_where_the_model_applies_is_shown_as_a_map(classes):
    page = Path(classes[1].page).read_text("utf-8")
    assert re.search(r'aria-label="Map of where the model may be applied: \d+\.\d% of what is shown', page)


def test_tiles_drawn_at_random_stand_for_a_map_that_is_too_large(classes):
    of = classes[0]
    some, every = applicability_of(of, most=96 * 96), applicability_of(of)
    assert (some["tiles"], every["tiles"]) == (1, len(of.units))
    assert sum(some[name] for name in STATES) < 0.9 * sum(every[name] for name in STATES)


def test_a_map_without_the_layer_tells_nothing_of_applicability(values):
    assert values[1].contents.values["applicability"] is None
    assert "area of applicability" not in Path(values[1].page).read_text("utf-8")


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (6.07e9, "B", "6.07 GB"), (0.0416, "h", "2 min"), (0.5, "s", "0.50 s"), (63360, "1", "63,360"),
        (0.00019, "EUR", "0.0002 EUR"), (1e-6, "kWh", "below 0.0001 kWh"), (1234.5, "gCO2e", "1.23 kg CO2e"),
        (0.02, "gCO2e", "0.0200 g CO2e"), (None, "B", "–"),
    ],
)  # fmt: skip
def test_amounts_are_told_as_people_read_them(value, unit, text):
    assert amount(value, unit) == text


def test_numbers_have_three_digits_that_count_and_no_powers_of_ten():
    assert [digits(value) for value in (0, 18640.2, 131.4, 67.31, 0.07212)] == ["0", "18,640", "131", "67.3", "0.0721"]
    assert (duration(150), duration(90_000)) == ("2 min", "25.0 h")
