"""From records of species to a package that maps them, and what its values are."""

import json

import numpy as np
import pandas as pd
import pytest

from swath.cube import LayerFacts
from swath.cube.lattice import Window
from swath.errors import LabelError
from swath.models import ModelCube, Package, Predictor
from swath.training.metrics import auc
from swath.training.species import OUTSIDE, RECORD, RICHNESS, SpeciesConfig, fit_species, suitability
from swath.training.species.graph import build_graph, run_rows
from swath.training.species.members import fit_members
from swath.training.species.records import Records, layer_names
from swath.training.tables import Table, TableSchema
from swath.training.tables.scaling import Scaling

SCHEMA = {"features": ("rain", "warmth"), "categories": {"soil": (1, 2, 5)}, "x": "lon", "y": "lat"}
SMALL = SpeciesConfig.parse(
    {
        "network": {"members": 2, "width": 16, "depth": 1, "dropout": 0.1, "epochs": 20, "batch": 64},
        "forest": {"trees": 20}, "boosted": {"trees": 20}, "window": 16, "gsd": 1000,
    }
)  # fmt: skip


def places(rows: int, seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "lon": random.uniform(10, 14, rows), "lat": random.uniform(50, 52, rows),
            "rain": random.normal(900, 150, rows), "warmth": random.normal(12, 3, rows),
            "soil": random.choice([1, 2, 5], rows),
        }
    )  # fmt: skip


def records(seed: int = 0, *, rare: int = 30) -> pd.DataFrame:
    """Three plants that follow rain, warmth or soil, and a bird of another survey."""
    frame = places(1500, seed)
    likes = {
        "Quercus robur": frame.rain > 1000, "Fagus sylvatica": frame.warmth < 10, "Acer": frame.soil == 5,
        "Parus major": frame.rain < 700,
    }  # fmt: skip
    made = []
    for name, chosen in likes.items():
        most = rare if name == "Acer" else 80
        made.append(frame[chosen].head(most).assign(species=name, taxon="bird" if name == "Parus major" else "plant"))
    return pd.concat(made)


def presences(**options) -> Table:
    return Table.of(records(**options), TableSchema(**SCHEMA, target="species", group="taxon"), source="records.csv")


def rows(frame: pd.DataFrame) -> Table:
    return Table.of(frame, TableSchema(**SCHEMA), source="places")


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    folder = tmp_path_factory.mktemp("species") / "model"
    return fit_species(
        presences(), rows(places(800, 1)), folder, config=SMALL, units={"rain": "mm", "warmth": "deg C"},
        citations=("A download, doi:10.1/2",), dropped={"records without a licence": 3}, figures={"auc": 0.9},
    )  # fmt: skip


def test_a_species_is_found_where_it_lives(package):
    frame = places(600, 2)
    found = suitability(package, rows(frame))
    names = [value.name for value in package.spec.output.values]
    for name, there in (
        ("quercus_robur", frame.rain > 1000), ("fagus_sylvatica", frame.warmth < 10), ("acer", frame.soil == 5),
    ):  # fmt: skip
        assert auc(there.to_numpy(int), found[:, names.index(name)]) > 0.9


def test_outputs_are_named_and_lie_between_nought_and_one(package):
    names = [value.name for value in package.spec.output.values]
    assert names == ["acer", "fagus_sylvatica", "parus_major", "quercus_robur", RICHNESS, "spread", OUTSIDE]
    found = suitability(package, rows(places(300, 3)))[:, :5]
    assert found.min() >= 0
    assert found.max() <= 1
    assert np.allclose(found[:, -1], found[:, :4].mean(axis=1), atol=1e-6)


def test_ranks_of_random_places_are_spread_evenly(package):
    found = suitability(package, rows(places(800, 1)))[:, 0]
    assert 0.3 < np.median(found) < 0.6


def test_a_map_gives_what_rows_give(package):
    frame = places(20 * 20, 4)
    wanted = suitability(package, rows(frame))
    names = [band.name for band in package.spec.input.bands]
    assert names == ["rain", "warmth", "soil", "longitude", "latitude"]
    columns = frame[["rain", "warmth", "soil", "lon", "lat"]].to_numpy(np.float32)
    layers = (tuple(column.reshape(20, 20) for column in np.ascontiguousarray(columns.T)),)
    facts = tuple(LayerFacts("float32", float("nan"), 1.0, 0.0, "1", "x") for _ in names)
    cube = ModelCube(layers=layers, facts=facts, origin=(3, 5), days=np.array([180.0], np.float32))
    found = Predictor(package, backend="onnx", threads=1).predict(cube, Window(0, 20, 0, 20))
    assert np.abs(found.reshape(len(found), -1).T - wanted).max() < 1e-5


def test_the_part_beyond_what_was_seen_is_told_in_per_cent(package):
    frame = places(4, 5)
    seen = pd.concat([records().drop_duplicates(["lon", "lat"]), places(800, 1)])
    low, high = seen.rain.min(), seen.rain.max()
    frame["rain"] = [low, high, high + 0.25 * (high - low), low - 0.5 * (high - low)]
    frame[["warmth", "lon", "lat"]] = 12.0, 12.0, 51.0
    assert suitability(package, rows(frame))[:, -1] == pytest.approx([0, 0, 25, 50], abs=0.01)


def test_the_record_tells_what_was_done(package):
    told = json.loads(package.path(RECORD).read_text())
    taxa = {one["name"]: one for one in told["data"]["biodiversity"]["taxa"]}
    assert set(told) == {"odmap", "overview", "data", "model", "assessment", "prediction"}
    assert taxa["Quercus robur"] == {
        "name": "Quercus robur", "layer": "quercus_robur", "group": "plant", "presences": 80,
    }  # fmt: skip
    assert told["data"]["biodiversity"]["cleaning"] == {"records without a licence": 3}
    assert told["data"]["biodiversity"]["sources"] == ["A download, doi:10.1/2"]
    assert "no probability" in told["prediction"]["output"]


def test_the_card_says_what_values_are_not(package):
    told = Package.open(package.folder).card["properties"]
    assert "no probability of presence" in told["description"]
    assert told["swath:metrics"] == {"auc": 0.9}


def test_the_same_seed_makes_the_same_package(package, tmp_path):
    again = fit_species(
        presences(), rows(places(800, 1)), tmp_path / "again", config=SMALL, units={"rain": "mm", "warmth": "deg C"}
    )
    assert again.digest == package.digest


TREES = SMALL.model_copy(update={"network": SMALL.network.model_copy(update={"members": 0}), "forest": None})


def test_a_species_with_three_records_is_refused_where_the_recipe_says_so(tmp_path):
    config = TREES.model_copy(update={"few": "refuse"})
    with pytest.raises(LabelError, match=r"1 species have fewer than 10 presences: Acer \(3\)"):
        fit_species(presences(rare=3), rows(places(200, 1)), tmp_path / "model", config=config)
    assert not (tmp_path / "model").exists()


def test_a_species_with_three_records_is_flagged_in_card_and_record(tmp_path):
    made = fit_species(presences(rare=3), rows(places(200, 1)), tmp_path / "model", config=TREES)
    taxa = json.loads(made.path(RECORD).read_text())["data"]["biodiversity"]["taxa"]
    assert taxa[0]["flag"] == "fewer than 10 presences"
    assert "to be trusted least: Acer" in made.card["properties"]["description"]


def test_a_species_with_three_records_is_left_out_and_named(tmp_path):
    config = TREES.model_copy(update={"few": "leave out"})
    made = fit_species(presences(rare=3), rows(places(200, 1)), tmp_path / "model", config=config)
    assert "acer" not in [value.name for value in made.spec.output.values]
    assert json.loads(made.path(RECORD).read_text())["data"]["biodiversity"]["left_out"] == {"Acer": 3}


def test_a_recipe_without_models_is_refused(tmp_path):
    with pytest.raises(LabelError, match="nothing to fit"):
        fit_species(
            presences(), rows(places(200, 1)), tmp_path / "model", config=TREES.model_copy(update={"boosted": None})
        )


def test_a_background_of_other_predictors_is_refused(tmp_path):
    other = Table.of(places(50, 1), TableSchema(features=("rain",), x="lon", y="lat"))
    with pytest.raises(LabelError, match="the background rain in"):
        fit_species(presences(), other, tmp_path / "model", config=TREES)


def test_a_table_without_a_band_is_told(package):
    other = Table.of(places(50, 1), TableSchema(features=("rain",), x="lon", y="lat"))
    with pytest.raises(LabelError, match="lacks warmth, soil"):
        suitability(package, other)


def test_the_spread_of_the_learners_in_a_map_is_that_of_their_ranks():
    config = SMALL
    learned = Records.of(presences(), rows(places(800, 1)), config)
    scaling = Scaling.fit([learned.sites, learned.background], place=config.place, axes=config.axes)
    members = fit_members(learned, scaling, layer_names(learned.names), config)
    x = scaling.apply(rows(places(200, 6)))
    graph = build_graph(members, scaling, window=16, richness=False, out_of_range=None, spread=True)
    found = run_rows(graph.SerializeToString(), x, window=16)[:, -1]
    wanted = members.spread(scaling.spread(x))
    assert wanted.min() >= 0 and 0.01 < wanted.max() <= 0.5
    # as of suitability: where places have nearly one score, a score that is off by 1e-6 moves a rank
    assert np.abs(found - wanted).max() < 2e-3


def test_one_kind_of_learner_has_no_spread(package):
    assert SMALL.tells_spread and not SMALL.model_copy(update={"forest": None, "boosted": None}).tells_spread
    record = json.loads(package.path(RECORD).read_text())
    assert record["prediction"]["uncertainty"] == "spread of the learners' ranks, out_of_range"
