"""A sample is drawn from owned and mapped pixels, with known probabilities, and the map's opinion is kept apart."""

import geopandas
import numpy as np
import pandas as pd
import pytest
import shapely

from support.class_map import CLASSES, class_map, stripes
from swath.assessment import PublishedMap, Zones, draw_sample, frame_of
from swath.assessment.allocation import allocated, for_standard_error
from swath.errors import SampleError

ZONE_EDGE = "11.99,47.70,12.01,47.71"  # zones 32 and 33 meet


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return class_map(tmp_path_factory.mktemp("map"), stripes)


@pytest.fixture
def fresh(tmp_path):
    return class_map(tmp_path, stripes)


def whole(store):
    """All class codes of a map, and whether the tile owns the pixel."""
    of = PublishedMap.open(store)
    return np.concatenate([of.codes(unit).ravel() for unit in of.units])


def test_the_frame_counts_every_mapped_pixel_once(store):
    frame = frame_of(PublishedMap.open(store))
    codes = whole(store)
    assert dict(zip(frame.strata, frame.total_pixels.tolist(), strict=True)) == {
        name: int((codes == code).sum()) for code, name in CLASSES.items()
    }


def test_hectares_are_true_ones(store):
    frame = frame_of(PublishedMap.open(store))
    owned = sum(unit.tile.km2 for unit in frame.map.units) * 100
    assert frame.total_ha.sum() + frame.unmapped_ha == pytest.approx(owned, rel=2e-4), (
        "an edge of pixels follows a line"
    )


def test_at_the_edge_of_a_zone_each_place_is_counted_by_one_tile(tmp_path):
    frame = frame_of(PublishedMap.open(class_map(tmp_path, stripes, area=ZONE_EDGE)))
    assert len({unit.tile.crs for unit in frame.map.units}) == 2
    owned = sum(unit.tile.km2 for unit in frame.map.units) * 100
    assert frame.total_ha.sum() + frame.unmapped_ha == pytest.approx(owned, rel=2e-3)


def test_units_lie_on_pixels_of_their_class_and_none_is_drawn_twice(fresh):
    made = draw_sample(PublishedMap.open(fresh), number=120, allocation="equal", least=2)
    of = PublishedMap.open(fresh)
    units = {unit.tile.id: unit for unit in of.units}
    for row in made.drawn.itertuples():
        assert CLASSES[int(of.codes(units[row.tile])[row.row, row.column])] == row.map_class == row.stratum
    assert not made.drawn.duplicated(["tile", "row", "column"]).any()
    assert made.drawn["stratum"].value_counts().to_dict() == {"tree": 40, "crop": 40, "water": 40}


def test_probabilities_are_units_over_pixels(fresh):
    made = draw_sample(PublishedMap.open(fresh), number=60, least=10)
    pixels = {one["name"]: one["pixels"] for one in made.design["strata"]}
    units = {one["name"]: one["units"] for one in made.design["strata"]}
    assert np.allclose(
        made.drawn["inclusion_probability"], [units[name] / pixels[name] for name in made.drawn["stratum"]]
    )


def test_every_pixel_of_a_stratum_is_as_likely_as_another(store):
    of = PublishedMap.open(store)
    frame = frame_of(of)
    from swath.assessment.drawing import draw

    tiles = np.zeros(len(of.units))
    for seed in range(60):
        drawn = draw(frame, np.array([50, 2, 2]), seed=seed)
        tiles += np.bincount(drawn.units[drawn.strata == 0], minlength=len(tiles))
    share = frame.pixels[:, 0] / frame.pixels[:, 0].sum()
    expected = 60 * 50 * share
    chi2 = ((tiles - expected)[share > 0] ** 2 / expected[share > 0]).sum()
    assert chi2 < 2 * (share > 0).sum() + 10


def test_the_same_seed_draws_the_same_plots(tmp_path):
    made = [
        draw_sample(PublishedMap.open(class_map(tmp_path / str(n), stripes)), number=40, least=5, seed=8)
        for n in (1, 2)
    ]
    pd.testing.assert_frame_equal(made[0].drawn, made[1].drawn)


def test_interpreters_are_not_told_what_the_map_says(fresh):
    made = draw_sample(PublishedMap.open(fresh), number=40, least=5)
    plots = geopandas.read_file(fresh.url(f"{made.folder}/plots.gpkg"))
    text = fresh.read_bytes(f"{made.folder}/plots.csv").decode()
    assert set(plots.columns) == {"plot", "map", "lon", "lat", "start", "end", "geometry"}
    assert text.splitlines()[0] == "LON,LAT,PLOTID,MAP,START,END"
    assert not any(name in text for name in CLASSES.values())
    area = plots.to_crs(6933).area
    assert np.allclose(area, 100, rtol=0.01), "each is a pixel of 10 m"
    assert shapely.contains_xy(plots.geometry.values, plots["lon"], plots["lat"]).all()


def test_plots_come_in_a_random_order_so_that_a_first_part_is_a_sample_too(fresh):
    made = draw_sample(PublishedMap.open(fresh), number=90, allocation="equal", least=2)
    first = made.drawn["stratum"].head(45).value_counts()
    assert (first >= 8).all()


def test_a_simple_sample_has_one_stratum(fresh):
    made = draw_sample(PublishedMap.open(fresh), number=50, design="simple")
    (one,) = made.design["strata"]
    assert (one["name"], one["units"]) == ("all", 50)
    assert made.drawn["inclusion_probability"].nunique() == 1


def test_a_systematic_sample_has_even_gaps(fresh):
    made = draw_sample(PublishedMap.open(fresh), number=60, design="systematic", seed=2)
    plots = geopandas.read_file(fresh.url(f"{made.folder}/plots.gpkg"))
    points = geopandas.GeoSeries(geopandas.points_from_xy(plots["lon"], plots["lat"]), crs=4326).to_crs(6933)
    x = np.sort(points.x.to_numpy())
    gaps = np.diff(x)[np.diff(x) > 30]
    spacing = np.sqrt(made.design["strata"][0]["area_ha"] * 1e4 / 60)
    assert np.allclose(gaps / spacing, np.round(gaps / spacing), atol=0.12)
    assert made.design["variance"].endswith("conservative")
    assert 45 <= len(plots) <= 75


def test_zones_make_strata_of_their_own(fresh, tmp_path):
    west = geopandas.GeoDataFrame(
        {"stratum": ["near change"]}, geometry=[shapely.box(12.0, 47.70, 12.005, 47.71)], crs=4326
    )
    west.to_file(tmp_path / "zones.gpkg")
    of = PublishedMap.open(fresh)
    made = draw_sample(of, number=40, least=5, zones=Zones.read(tmp_path / "zones.gpkg"))
    assert {one["name"] for one in made.design["strata"]} == {"tree", "crop", "water", "near change"}
    plots = geopandas.read_file(fresh.url(f"{made.folder}/plots.gpkg")).merge(made.drawn, on="plot")
    near = plots["stratum"] == "near change"
    inside = (plots["lon"] > 12.0) & (plots["lon"] < 12.005) & (plots["lat"].between(47.70, 47.71))
    assert near.any() and (near == inside).all()


@pytest.mark.parametrize(
    ("how", "expected"),
    [("equal", [34, 33, 33]), ("proportional", [70, 20, 10]), ("neyman", [84, 12, 4])],
)
def test_allocations(how, expected):
    units = allocated(
        100, np.array([0.7, 0.2, 0.1]), how, pixels=np.array([10**6] * 3), deviations=[0.5, 0.25, 0.125], least=2
    )
    assert units.sum() == 100
    assert np.abs(units - expected).max() <= 2


def test_a_stratum_gives_no_more_than_it_has():
    assert allocated(30, np.array([0.5, 0.5]), "equal", pixels=np.array([4, 10**6])).tolist() == [4, 26]


def test_a_standard_error_takes_as_many_units_as_olofsson_needs():
    # Olofsson et al. 2014, section 5.1.1: expected user's accuracies 0.7, 0.6, 0.9, 0.95 and 0.01 give 641 units
    weights = np.array([0.02, 0.015, 0.32, 0.645])
    accuracy = np.array([0.7, 0.6, 0.9, 0.95])
    assert for_standard_error(0.01, weights, list(np.sqrt(accuracy * (1 - accuracy)))) == 641


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"number": 4}, "4 units are too few for 3 strata"),
        ({"allocation": "neyman"}, "needs the deviation of each stratum"),
        ({"number": 50, "standard_error": 0.01}, "both given"),
        ({"expected": {"forest": 0.9}}, "no stratum 'forest'"),
        ({"expected": {"tree": 90}}, "are no shares"),
        ({"standard_error": 2}, "cannot be met"),
    ],
)
def test_what_cannot_be_drawn_is_refused(store, options, message):
    with pytest.raises(SampleError, match=message):
        draw_sample(PublishedMap.open(store), name="refused", **options)


def test_a_sample_is_never_written_over(fresh):
    draw_sample(PublishedMap.open(fresh), number=20, least=2)
    with pytest.raises(SampleError, match="holds a sample already"):
        draw_sample(PublishedMap.open(fresh), number=20, least=2)


def test_a_store_without_a_map_says_what_to_give(tmp_path):
    with pytest.raises(SampleError, match="holds 0 maps"):
        PublishedMap.open(tmp_path)
