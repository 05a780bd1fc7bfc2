"""A report tells what is known of a map, on one page that opens offline at any width, and in numbers."""

import io
import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from support.browser import layout
from support.class_map import CLASSES, ROOT, class_map, stripes
from swath.assessment import PublishedMap, assess_map, draw_sample, frame_of
from swath.assessment.report import Canvas, write_report
from swath.assessment.report.colours import APART, least_distance, told_apart
from swath.assessment.report.overview import overview

WORLDCOVER = {
    "tree": "#006400", "shrub": "#ffbb22", "grass": "#ffff4c", "crop": "#f096ff", "built": "#fa0000", "bare": "#b4b4b4",
    "snow": "#f0f0f0", "water": "#0064c8", "wetland": "#0096a0", "mangroves": "#00cf75", "moss": "#fae6a0",
}  # fmt: skip


def interpreted(store, folder, *, number=90):
    """A sample whose interpreters call every seventh plot a crop."""
    sample = draw_sample(PublishedMap.open(store), number=number, allocation="equal", least=2)
    found = sample.drawn.assign(map=sample.design["map"])
    found["class"] = np.where(np.arange(len(found)) % 7 == 0, "crop", found["map_class"])
    found[["plot", "map", "class"]].to_csv(folder / "found.csv", index=False)
    assess_map(PublishedMap.open(store), folder / "found.csv")
    return store


@pytest.fixture(scope="module")
def reported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    store = interpreted(class_map(folder / "store", stripes), folder)
    return write_report(PublishedMap.open(store)), store


@pytest.fixture(scope="module")
def page(reported):
    return Path(reported[0].page).read_text("utf-8")


@pytest.fixture(scope="module")
def numbers(reported):
    return json.loads(Path(reported[0].numbers).read_text("utf-8"))


def test_the_page_needs_nothing_from_elsewhere(page):
    assert not re.findall(r'(?:src|href)="(?!#|data:|report\.)[^"]*"', page)
    assert "default-src 'none'" in page and "<script" not in page


def test_every_picture_says_in_words_what_it_shows(page):
    drawn = re.findall(r"<svg[^>]*>|<img[^>]*>", page)
    assert drawn
    assert all(re.search(r'(?:aria-label|alt)="[^"]{10,}"', one) for one in drawn)


def test_accuracy_stands_with_its_interval_and_its_title(page, numbers):
    (told,) = numbers["accuracy"]
    overall = next(one for one in told["estimates"] if one["figure"] == "overall_accuracy")
    assert f"{overall['low']:.3f} to {overall['high']:.3f}" in page
    assert re.search(
        r'id="accuracy">Accuracy and areas</h2>\s*<h3>Sample [\w-]+ <span class="title">design-based', page
    )


def test_where_the_map_is_wrong_is_told_by_cells_that_give_no_plot_away(page):
    across = sorted({float(x) for x in re.findall(r'<circle cx="([\d.]+)"', page)})
    assert 1 < len(across) <= 14
    steps = np.diff(across) / np.diff(across).min()
    assert np.allclose(steps, np.round(steps), atol=0.1), "dots lie in the middle of cells"


@pytest.mark.parametrize("width", [1280, 375])
def test_nothing_sticks_out_of_the_page_on_a_desk_or_a_phone(reported, tmp_path, width):
    found = layout(Path(reported[0].page), width, tmp_path)
    assert found["wide"] == [] and found["scroll"] <= found["edge"], found


def test_the_spreadsheet_holds_the_same_estimates(reported, numbers):
    book = zipfile.ZipFile(io.BytesIO(Path(reported[0].sheets).read_bytes()))
    sheets = re.findall(r'<sheet name="(\w+)"', book.read("xl/workbook.xml").decode())
    assert sheets[:4] == ["map", "limits", "accuracy", "strata"]
    accuracy = book.read(f"xl/worksheets/sheet{sheets.index('accuracy') + 1}.xml").decode()
    assert accuracy.count("<row ") == 1 + len(numbers["accuracy"][0]["estimates"])


def test_the_same_map_gives_the_same_page(reported, page):
    assert Path(write_report(PublishedMap.open(reported[1])).page).read_text("utf-8") == page


def test_a_map_without_a_sample_says_so_first(tmp_path):
    told = write_report(PublishedMap.open(class_map(tmp_path, stripes))).contents.values
    assert told["accuracy"] == []
    assert any("No probability sample" in limit for limit in told["limits"])


def test_figures_of_an_earlier_map_are_named_and_left_out(tmp_path):
    store = interpreted(class_map(tmp_path / "store", stripes), tmp_path)
    class_map(tmp_path / "store", stripes, key="ba9876543210")
    made = write_report(PublishedMap.open(store))
    assert [one["outdated"] for one in made.contents.values["accuracy"]] == [True]
    assert "of an earlier map" in Path(made.page).read_text("utf-8")
    assert "interval</th>" not in Path(made.page).read_text("utf-8")


def test_texts_of_others_are_escaped(tmp_path):
    store = class_map(tmp_path, stripes, classes={10: "<b>tree</b>", 40: "crop", 80: "=1+1"})
    made = write_report(PublishedMap.open(store))
    assert "<b>tree" not in Path(made.page).read_text("utf-8")
    book = zipfile.ZipFile(made.sheets)
    assert not any(b"<f>" in book.read(name) for name in book.namelist())


def test_an_overview_at_full_resolution_is_the_map(tmp_path):
    map_ = PublishedMap.open(class_map(tmp_path, stripes, area="12.1,47.70,12.12,47.71"))
    canvas = Canvas.of(map_)
    assert canvas.pixel_m == 10
    shown = overview(map_, "class", canvas, categorical=True)
    for unit in map_.units:
        left, _, _, top = unit.tile.bounds
        column, row = (round(float(part)) for part in ~canvas.affine @ (left, top))
        part = shown[row : row + unit.tile.shape[0], column : column + unit.tile.shape[1]]
        assert np.array_equal(np.nan_to_num(part), map_.read(unit, "class"))


def test_a_map_of_two_zones_is_shown_on_one_plane(tmp_path):
    map_ = PublishedMap.open(class_map(tmp_path, stripes, area="11.99,47.70,12.01,47.71"))
    canvas = Canvas.of(map_)
    assert canvas.crs.coordinate_operation.method_name == "Lambert Azimuthal Equal Area"
    shown = overview(map_, "class", canvas, categorical=True)
    shares = {name: float((shown == code).sum() / np.isfinite(shown).sum()) for code, name in CLASSES.items()}
    frame = frame_of(map_)
    true = dict(zip(frame.strata, frame.total_ha / frame.total_ha.sum(), strict=True))
    assert shares == pytest.approx(true, abs=0.02)


def test_colours_that_some_eyes_see_as_one_are_parted_and_others_stay():
    pair = {name: WORLDCOVER[name] for name in ("tree", "built", "water")}
    assert least_distance(list(pair.values())) < 0.02, "tree cover and built-up are one colour without cones for red"
    made = told_apart(pair)
    assert least_distance(list(made.values())) >= APART
    assert (made["tree"], made["water"]) == (pair["tree"], pair["water"])


def test_all_classes_of_worldcover_can_be_told_apart():
    assert least_distance(list(told_apart(WORLDCOVER).values())) >= APART


def test_a_unit_keeps_its_place(tmp_path):
    sample = draw_sample(PublishedMap.open(class_map(tmp_path, stripes)), number=30, least=2)
    plots = pd.read_csv(io.BytesIO(sample.store.read_bytes(f"{ROOT}/samples/{sample.design['name']}/plots.csv")))
    lon, lat = sample.places()
    assert np.allclose(lon, plots["LON"], atol=1e-6) and np.allclose(lat, plots["LAT"], atol=1e-6)
