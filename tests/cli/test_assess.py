"""`swath sample` and `swath assess` from the command line: what each kind of reference gives."""

import geopandas
import numpy as np
import pandas as pd
import pytest
import shapely

from support.class_map import class_map, stripes, value_map
from support.command import swath
from swath.assessment import PublishedMap, chosen_sample
from swath.cli import main


def slope(tile):
    return np.add.outer(np.arange(tile.shape[0]), np.arange(tile.shape[1])) + 10.0


@pytest.fixture(scope="module")
def values(tmp_path_factory):
    """A store with a map of values, a table of measured plots, one of plots of others, and regions."""
    folder = tmp_path_factory.mktemp("values")
    value_map(folder / "store", slope)
    code, told = swath("sample", folder / "store", "--units", 60, "--edges", "60,120", "--least", 10)
    assert code == 0 and [one["name"] for one in told["strata"]] == ["below 60", "60 to 120", "from 120"]
    of = PublishedMap.open(folder / "store")
    sample = chosen_sample(of)
    measured = 10.0 + (sample.drawn["row"] + sample.drawn["column"]) * 0.9 + sample.drawn["plot"] % 7
    pd.DataFrame({"plot": sample.drawn["plot"], "map": of.id, "agb": measured}).to_csv(folder / "plots.csv")
    lon, lat = sample.places()
    track = sample.drawn["plot"] % 12
    pd.DataFrame({"lon": lon, "lat": lat, "agb": measured, "track": track}).to_csv(folder / "places.csv")
    box = shapely.box(12.0, 47.7, 12.01, 47.71)
    geopandas.GeoDataFrame({"county": ["west"]}, geometry=[box], crs=4326).to_file(folder / "regions.gpkg")
    return folder


def titles(told):
    return {(one["title"], one["estimator"]) for one in told["estimates"]}


def test_a_sample_gives_design_based_totals_by_region(values):
    options = ["--regions", values / "regions.gpkg", "--region-column", "county"]
    code, told = swath("assess", values / "store", "--reference", values / "plots.csv", *options)
    assert code == 0 and titles(told) == {("design-based", "greg")}
    assert [one["region"] for one in told["estimates"]] == ["all", "west"]
    assert told["unit"] == "Mg/ha"


@pytest.mark.parametrize(
    ("options", "title"),
    [
        (["--reference", "places.csv", "--design", "simple", "--model", "external"], ("design-based", "greg")),
        (["--reference", "places.csv", "--design", "none", "--model", "external"], ("model-based", "map")),
        (["--tracks", "places.csv"], ("hybrid", "ratio to size")),
    ],
)
def test_each_kind_of_reference_is_titled_by_its_right(values, options, title):
    given = [values / word if word.endswith(".csv") else word for word in options]
    code, told = swath("assess", values / "store", *given)
    assert code == 0 and titles(told) == {title}


def test_for_people_there_is_a_table(values, capsys):
    assert main(["assess", str(values / "store"), "--tracks", str(values / "places.csv")]) == 0
    said = capsys.readouterr().out
    assert "hybrid" in said and "ratio to size" in said and "model's part unknown" in said


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--reference", "places.csv"], "does not say which plot of the sample a row is"),
        (["--reference", "places.csv", "--tracks", "places.csv"], "One reference is needed"),
        (["--reference", "places.csv", "--design", "simple"], "Has the map's model seen these plots"),
        (["--reference", "plots.csv", "--variance", "local"], "without strata or clusters"),
    ],
)
def test_what_cannot_be_assessed_says_what_to_do(values, options, message, capsys):
    given = [str(values / word) if word.endswith(".csv") else word for word in options]
    assert main(["assess", str(values / "store"), *given]) == 2
    assert message in " ".join(capsys.readouterr().err.split())


def test_strata_that_differ_from_map_classes_go_through_with_areas_by_region(tmp_path):
    class_map(tmp_path / "store", stripes)
    near = shapely.box(12.0, 47.7, 12.004, 47.71)
    geopandas.GeoDataFrame({"stratum": ["near change"]}, geometry=[near], crs=4326).to_file(tmp_path / "zones.gpkg")
    code, drawn = swath("sample", tmp_path / "store", "--units", 160, "--zones", tmp_path / "zones.gpkg")
    assert code == 0 and "near change" in [one["name"] for one in drawn["strata"]]
    of = PublishedMap.open(tmp_path / "store")
    found = chosen_sample(of).drawn
    table = pd.DataFrame({"plot": found["plot"], "map": of.id, "class": found["map_class"]})
    table.loc[::9, "class"] = "crop"
    table.to_csv(tmp_path / "plots.csv", index=False)
    geopandas.GeoDataFrame({"name": ["near"]}, geometry=[near], crs=4326).to_file(tmp_path / "regions.gpkg")
    code, told = swath(
        "assess", tmp_path / "store", "--reference", tmp_path / "plots.csv", "--regions", tmp_path / "regions.gpkg"
    )
    assert code == 0 and told["title"] == "design-based"
    near_area = next(one["area_ha"] for one in drawn["strata"] if one["name"] == "near change")
    region = [one for one in told["regions"]["estimates"] if one["region"] == "near" and one["estimator"] == "greg"]
    assert sum(one["total"] for one in region) == pytest.approx(near_area, rel=1e-6)
