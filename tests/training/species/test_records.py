"""Records become sites: each place once, who was seen there, and who was looked for."""

import numpy as np
import pandas as pd
import pytest

from swath.errors import LabelError
from swath.training.species import Records, SpeciesConfig, layer_names
from swath.training.tables import Table, TableSchema

SCHEMA = TableSchema(features=("rain",), x="lon", y="lat", target="species", group="taxon")
BACKGROUND = Table.of(
    pd.DataFrame({"rain": [1, 2, 3], "lon": [0, 1, 2], "lat": [0, 0, 0]}),
    TableSchema(features=("rain",), x="lon", y="lat"),
)
CONFIG = SpeciesConfig(least=2)


def records(rows, config=CONFIG) -> Records:
    frame = pd.DataFrame(rows, columns=["lon", "lat", "rain", "species", "taxon"])
    return Records.of(Table.of(frame, SCHEMA), BACKGROUND, config)


ROWS = [
    (1, 1, 5, "oak", "tree"), (1, 1, 5, "ash", "tree"), (2, 1, 6, "oak", "tree"), (2, 1, 6, "oak", "tree"),
    (3, 1, 7, "tit", "bird"), (4, 1, 8, "tit", "bird"),
]  # fmt: skip


def test_a_place_counts_once():
    made = records(ROWS)
    assert len(made.sites) == 4
    assert made.presences == {"ash": 1, "oak": 2, "tit": 2}


def test_absence_is_assumed_only_where_the_group_was_looked_for():
    made = records(ROWS)
    ash, tit = made.names.index("ash"), made.names.index("tit")
    at = {tuple(xy): row for row, xy in enumerate(made.sites.xy.tolist())}
    assert made.told[at[2, 1], ash]
    assert not made.seen[at[2, 1], ash]
    assert not made.told[at[3, 1], ash]
    assert np.flatnonzero(made.told[:, tit]).tolist() == sorted([at[3, 1], at[4, 1]])


def test_species_with_too_few_presences_are_named():
    assert records(ROWS).few == {"ash": 1}


def test_a_species_of_two_groups_is_refused():
    with pytest.raises(LabelError, match="'oak' is in several groups: bird, tree"):
        records([*ROWS, (5, 1, 9, "oak", "bird")])


def test_nothing_is_left_of_species_that_are_all_rare():
    with pytest.raises(LabelError, match=r"No species has 9 presences: ash \(1\), oak \(2\), tit \(2\)"):
        records(ROWS, SpeciesConfig(least=9, few="leave out"))


def test_records_without_a_species_are_refused():
    with pytest.raises(LabelError, match="which species"):
        Records.of(BACKGROUND, BACKGROUND, CONFIG)


def test_layers_have_plain_names_each_once():
    names = layer_names(["Quercus robur", "Quercus  robur", "Quercus robur L.", "2-spotted"])
    assert names == ("quercus_robur", "quercus_robur_2", "quercus_robur_l", "s_2_spotted")


def test_the_recipe_that_ships_is_right():
    shipped = SpeciesConfig.load("species")
    assert shipped.few == "flag"
    assert shipped == SpeciesConfig()


def test_an_unknown_field_of_a_recipe_is_named():
    with pytest.raises(LabelError, match="tree"):
        SpeciesConfig.parse({"forest": {"tree": 3}})


def test_the_template_is_a_recipe():
    import yaml

    assert SpeciesConfig.parse(yaml.safe_load(SpeciesConfig.template())) == SpeciesConfig()


def test_records_are_not_held_out_by_year():
    with pytest.raises(LabelError, match="held out by place"):
        SpeciesConfig.parse({"split": {"by": "year"}})
