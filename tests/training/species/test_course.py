"""From records on a simulated Earth to a package: what is learned from is what is mapped."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rasterio

from support.command import swath
from swath.errors import LabelError, ModelError, PeriodError, ProductError, RunStoppedError
from swath.grid import Area, Period
from swath.models import Package
from swath.planning import MapRequest
from swath.products import Product
from swath.synthetic import publish
from swath.training.places import random_places
from swath.training.species import RECORD, SpeciesConfig, suitability, train_species
from swath.training.species.config import is_species
from swath.training.species.predictors import Predictors
from swath.training.tables import Table, TableSchema

AREA = "12.50,47.70,12.515,47.71"
RESOLUTION = 30
SETTINGS = (
    "predictors={climate: [bio1, bio12], elevation: [elevation]}", "network.members=0", "forest.trees=8",
    "boosted=null", "records.thin_m=0", "split={block_m: 200, buffer_m: 0, folds: 3}", "background.places=400",
    "window=16", "few=leave out",
)  # fmt: skip


@pytest.fixture(scope="module")
def earth(tmp_path_factory) -> Path:
    """Climate and heights of a few hundred metres, and records of three species."""
    folder = tmp_path_factory.mktemp("earth")
    publish(
        folder, area=tuple(map(float, AREA.split(","))), period="2023-06", seed=3,
        collections=["climate", "elevation"], labels=[], granule_px=240,
    )  # fmt: skip
    random = np.random.default_rng(0)
    lon, lat = random.uniform(12.50, 12.515, 200), random.uniform(47.70, 47.71, 200)
    species = np.where(lon > 12.5075, "Quercus robur", "Fagus sylvatica").astype(object)
    species[:3] = "Acer rara"
    frame = pd.DataFrame(
        {"species": species, "decimalLongitude": lon, "decimalLatitude": lat, "year": 2023, "license": "CC0"}
    )
    frame.loc[200] = ["Quercus robur", 20.0, 10.0, 2023, "CC0"]
    frame.to_csv(folder / "records.csv", index=False)
    return folder


def request_of(earth: Path, *overrides: str, period: str = "2023/P1Y") -> MapRequest:
    product = Product.load("species").with_overrides([f"output.grid.resolution={RESOLUTION}", *overrides])
    return MapRequest(product, Area.parse(AREA), Period.parse(period), str(earth / "archive" / "catalog.json"))


def options(earth: Path) -> list[object]:
    return [
        "--area", AREA, "--period", "2023/P1Y", "--source", earth / "archive" / "catalog.json",
        "--resolution", RESOLUTION, "--tile-size", 192,
    ]  # fmt: skip


@pytest.fixture(scope="module")
def trained(earth, tmp_path_factory) -> tuple[dict, Package]:
    """By the command."""
    out = tmp_path_factory.mktemp("trained")
    sets = [word for one in SETTINGS for word in ("--set", one)]
    code, told = swath("train", "species", "--labels", earth / "records.csv", *options(earth), "--out", out, *sets)
    assert code == 0, told
    return told, Package.open(out / "package")


def test_what_is_learned_from_is_what_is_mapped(earth, trained, tmp_path):
    _, package = trained
    code, told = swath(
        "map", "species", "--model", package.folder, *options(earth), "--store", tmp_path, "--cluster", "inline"
    )
    assert code == 0, told
    config = SpeciesConfig.load("species").with_overrides(SETTINGS)
    predictors = Predictors.of(request_of(earth, "output.grid.tile_size=192"), config, tmp_path / "items.parquet")
    places = random_places(Area.parse(AREA), 300, seed=5)
    sampled = predictors.at(places[:, 0], places[:, 1])
    frame = pd.DataFrame(sampled.values, columns=list(predictors.names))
    frame["longitude"], frame["latitude"] = sampled.xy.T
    schema = TableSchema(features=predictors.names, x="longitude", y="latitude")
    expected = suitability(package, Table.of(frame, schema))
    column = [value.name for value in package.spec.output.values].index("quercus_robur")
    mapped = np.full(len(places), np.nan)
    for path in tmp_path.glob("species/1.0/2023/*/quercus_robur.*.tif"):
        with rasterio.open(path) as data:
            x, y = rasterio.warp.transform("EPSG:4326", data.crs, places[:, 0], places[:, 1])
            rows, cols = (np.floor(v).astype(int) for v in (~data.transform @ (np.array(x), np.array(y)))[::-1])
            inside = (rows >= 0) & (cols >= 0) & (rows < data.height) & (cols < data.width)
            mapped[inside] = data.read(1)[rows[inside], cols[inside]]
    assert sampled.there.all() and np.ptp(expected[:, column]) > 0.3
    np.testing.assert_array_equal(mapped.astype(np.float32), expected[:, column])


def test_places_of_several_tiles_are_read_as_of_one(earth, tmp_path):
    config = SpeciesConfig.load("species").with_overrides(SETTINGS)
    places = random_places(Area.parse(AREA), 100, seed=2)
    one, several = (
        Predictors.of(request_of(earth, f"output.grid.tile_size={size}"), config, tmp_path / "items.parquet")
        for size in (384, 16)
    )
    assert len(several._owners(*places.T)) > 3
    np.testing.assert_array_equal(one.at(*places.T).values, several.at(*places.T).values)


def test_figures_are_of_blocks_held_out_and_said_to_be_transfer(trained):
    told, package = trained
    assert told["transfer"]["auc"] > 0.6
    assert "transfer auc" in json.dumps(package.card)
    record = json.loads(package.path(RECORD).read_text())
    assert "transfer to places that were not learned from" in record["data"]["partitioning"]


def test_a_species_with_three_records_is_left_out_by_name(trained):
    told, package = trained
    assert told["left_out"] == {"Acer rara": 3}
    assert "acer_rara" not in [value.name for value in package.spec.output.values]


def test_a_species_with_three_records_is_refused_where_the_recipe_asks_for_it(earth, tmp_path):
    config = SpeciesConfig.load("species").with_overrides([*SETTINGS, "few=refuse"])
    with pytest.raises(LabelError, match=r"fewer than 10 presences: Acer rara \(3\)"):
        train_species(request_of(earth), str(earth / "records.csv"), tmp_path, config=config)


def test_a_species_with_enough_records_in_all_is_not_refused_for_those_held_out(earth, tmp_path):
    enough = [*SETTINGS, "few=refuse", "least=70", "records.species=[Quercus robur, Fagus sylvatica]"]
    config = SpeciesConfig.load("species").with_overrides(enough)
    trained = train_species(request_of(earth), str(earth / "records.csv"), tmp_path, config=config)
    held = trained.transfer.presences
    assert trained.left_out == {} and min(trained.presences[name] - held[name] for name in held) < 70


def test_a_package_is_not_written_over(earth, trained):
    _, package = trained
    config = SpeciesConfig.load("species").with_overrides(SETTINGS)
    with pytest.raises(ModelError, match="holds a package already"):
        train_species(request_of(earth), str(earth / "records.csv"), package.folder.parent, config=config)


def test_a_training_stops_when_asked(earth, tmp_path):
    config = SpeciesConfig.load("species").with_overrides(SETTINGS)
    with pytest.raises(RunStoppedError):
        train_species(request_of(earth), str(earth / "records.csv"), tmp_path, config=config, should_stop=lambda: True)


def test_a_record_outside_of_the_area_is_counted(trained):
    told, _ = trained
    assert told["dropped"]["labels outside the area"] == 1


def test_pixels_are_those_of_the_resolution_asked_for(trained):
    told, package = trained
    assert told["gsd"] == package.spec.input.gsd == RESOLUTION


@pytest.mark.parametrize("option", ["--folds", "--peer=species", "--workers=2", "--column=name"])
def test_options_that_would_do_nothing_are_refused(earth, tmp_path, option):
    code, told = swath(
        "train", "species", "--labels", earth / "records.csv", *options(earth), "--out", tmp_path, option
    )
    assert code == 2 and f"{option.split('=')[0]} would do nothing" in told["error"]["message"]


@pytest.mark.parametrize("command", [["chips"], ["tune", "--space", "space.yaml"]])
def test_chips_and_trials_of_species_are_refused(earth, tmp_path, command):
    code, told = swath(*command, "species", "--labels", earth / "records.csv", *options(earth), "--out", tmp_path)
    assert code == 2 and "recipe of species" in told["error"]["message"]


def test_a_period_of_several_steps_is_refused(earth, tmp_path):
    config = SpeciesConfig.load("species")
    with pytest.raises(PeriodError, match="learned of one time"):
        Predictors.of(request_of(earth, period="2022/2023/P1Y"), config, tmp_path / "items.parquet")


def test_two_resolutions_are_refused(earth, tmp_path):
    config = SpeciesConfig.load("species").with_overrides(["gsd=60"])
    with pytest.raises(ProductError, match="30 m, those of the recipe 60 m"):
        Predictors.of(request_of(earth), config, tmp_path / "items.parquet")


def test_a_recipe_that_reads_nothing_of_the_first_input_is_refused(earth, tmp_path):
    config = SpeciesConfig.load("species").with_overrides(["predictors={elevation: [elevation]}"])
    with pytest.raises(LabelError, match="nothing of climate"):
        Predictors.of(request_of(earth), config, tmp_path / "items.parquet")


def test_random_places_lie_in_their_area():
    places = random_places(Area.parse("12,47,13,48"), 1000, seed=0)
    assert (places >= [12, 47]).all() and (places <= [13, 48]).all()


def test_random_places_fill_a_wide_area_evenly():
    lat = random_places(Area.parse("0,0,10,60"), 20_000, seed=0)[:, 1]
    assert abs((lat < 30).mean() - np.sin(np.radians(30)) / np.sin(np.radians(60))) < 0.02


@pytest.mark.parametrize("name", ["species", "species-demo"])
def test_recipes_of_species_that_ship_say_so_and_hold(name):
    assert is_species(name) and SpeciesConfig.load(name).kind == "species"


def test_a_recipe_of_chips_is_none_of_species():
    assert not is_species("landcover") and not is_species("a-product-of-my-own")
