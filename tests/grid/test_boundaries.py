from importlib import resources

import geopandas as gpd
import numpy as np
import pytest

from swath.errors import AreaError
from swath.grid import CONTINENTS, boundary
from swath.grid.data.convert import arcs_of, geometry
from swath.grid.lonlat import area_km2


@pytest.mark.parametrize("name", ["Norway", "norway", " NORWAY ", "NO", "nor", "Norge"])
def test_a_country_has_many_names(name):
    assert boundary(name)[0] == "Norway"


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("Côte d'Ivoire", "Ivory Coast"),
        ("cote divoire", "Ivory Coast"),
        ("Dem. Rep. Congo", "Democratic Republic of the Congo"),
        ("NA", "Namibia"),
        ("Türkiye", "Türkiye"),
        ("turkey", "Türkiye"),
        ("the Gambia", "Gambia"),
        ("Kosovo", "Kosovo"),
    ],
)
def test_accents_dashes_and_codes_do_not_matter(name, title):
    assert boundary(name)[0] == title


def test_close_names_are_suggested():
    with pytest.raises(AreaError, match=r"'Tanzanya'.*Did you mean Tanzania"):
        boundary("Tanzanya")


@pytest.mark.parametrize(
    ("name", "km2"),
    [
        ("Africa", 30.0e6),
        ("Antarctica", 12.3e6),
        ("Asia", 31.1e6),
        ("Europe", 23.0e6),
        ("North America", 24.3e6),
        ("Oceania", 8.5e6),
        ("South America", 17.8e6),
        ("Kenya", 592e3),
        ("Fiji", 18.3e3),
        ("Russia", 17.0e6),
    ],
)
def test_boundaries_have_the_size_that_they_have(name, km2):
    assert area_km2(boundary(name)[1]) == pytest.approx(km2, rel=0.02)


def test_all_continents_are_there():
    assert all(boundary(name)[0] == name for name in CONTINENTS.values())


def test_far_parts_go_with_the_continent_that_they_lie_on():
    europe, france = boundary("Europe")[1].bounds, boundary("France")[1].bounds
    assert europe[1] > 27  # without Réunion
    assert france[1] < -20  # with Réunion


def test_the_shipped_file_is_small_valid_and_has_its_source_beside_it():
    data = resources.files("swath.grid").joinpath("data")
    path = data.joinpath("countries.parquet")
    frame = gpd.read_parquet(path)
    assert path.stat().st_size < 1.5e6
    assert frame.is_valid.all()
    assert not frame.geometry.is_empty.any()
    assert "world-atlas" in data.joinpath("SOURCE.md").read_text()


def test_topojson_is_decoded_with_arcs_either_way_and_cut_at_180():
    topology = {
        "transform": {"scale": [1.0, 1.0], "translate": [170.0, 0.0]},
        "arcs": [[[0, 0], [0, 10]], [[0, 0], [20, 0], [0, 10], [-20, 0]]],
    }
    arcs = arcs_of(topology)
    assert np.array_equal(arcs[1][-1], [170, 10])
    shape = geometry({"type": "Polygon", "arcs": [[1, -1]]}, arcs)
    assert len(shape.geoms) == 2
    assert shape.area == pytest.approx(200)
