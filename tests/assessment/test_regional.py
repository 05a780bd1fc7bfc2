"""Biomass by region, from plots and tracks to the file in the store."""

import io

import geopandas
import numpy as np
import pandas as pd
import pytest

from support.class_map import value_map
from swath.assessment import (
    PublishedMap,
    Sample,
    assess_plots,
    assess_tracks,
    assess_values,
    draw_sample,
)  # fmt: skip
from swath.assessment.overlay import overlay
from swath.errors import SampleError


def told(tile):
    """What the map says: waves of biomass, and no data in a strip."""
    column = np.arange(tile.shape[1]) + round(tile.bounds[0] / 10)
    row = np.arange(tile.shape[0]) - round(tile.bounds[3] / 10)
    values = 80 + 60 * np.sin(column[None] / 37) + 30 * np.cos(row[:, None] / 23)
    return np.where(column[None] % 100 > 94, np.nan, values)


def true(values, seed=0):
    """What stands there: the map saturates."""
    return 1.3 * values - 10 + np.random.default_rng(seed).normal(0, 12, np.shape(values))


@pytest.fixture(scope="module")
def values(tmp_path_factory):
    """A map of values, a sample of it, and the table that crews hand back."""
    of = PublishedMap.open(value_map(tmp_path_factory.mktemp("values"), told))
    sample = draw_sample(of, number=150, least=10, name="one")
    found = overlay(of, sample.drawn, layer="agb").told
    return of, sample, pd.DataFrame({"plot": sample.drawn["plot"], "map": of.id, "agb": true(found)})


def written(table, folder, name="plots.csv"):
    path = folder / name
    table.to_csv(path, index=False)
    return path


def test_a_map_of_values_is_sampled_by_bins_of_its_values(values):
    of, sample, _ = values
    assert sample.design["layer"] == "agb" and len(sample.design["strata"]) == 5
    found = overlay(of, sample.drawn, layer="agb").told
    edges = sample.design["edges"]
    names = [one["name"] for one in sample.design["strata"]]
    assert [names[at] for at in np.digitize(found, edges)] == sample.drawn["stratum"].tolist()


@pytest.mark.parametrize("design", ["simple", "systematic"])
def test_a_map_of_values_is_sampled_without_strata_too(values, design):
    of, _, _ = values
    made = draw_sample(of, number=40, design=design, name=design)
    assert [one["name"] for one in made.design["strata"]] == ["all"]
    assert np.isfinite(overlay(of, made.drawn, layer="agb").told).all()


def test_the_estimate_puts_the_map_right_and_regions_add_up_in_hectares(values, regions, tmp_path):
    of, sample, table = values
    made = assess_values(of, written(table, tmp_path), sample, regions=regions)
    owned = [(unit.tile, unit.tile.owned()) for unit in of.units]
    every = np.concatenate([(told(tile) if own is None else told(tile)[own]).ravel() for tile, own in owned])
    every = every[np.isfinite(every)]
    one = made.of()
    assert one.mapped == pytest.approx(every.mean(), rel=1e-3), "pixels of a tile differ in size by next to nothing"
    assert abs(one.mean - true(every).mean()) < 3 * one.standard_error < 10
    assert one.gain > 1.5, "strata by bins of the map have had the larger part of what it can give"
    west, east, small = (made.of(name) for name in ("west", "east", "small"))
    assert west.area_ha + east.area_ha + small.area_ha < one.area_ha
    assert (west.title, west.estimator) == ("design-based", "greg")
    assert made.of("small", estimator="synthetic").title == "model-based"
    assert any("no mapped pixel: elsewhere" in note for note in made.notes)


def test_the_result_and_the_units_stand_beside_the_sample(values, tmp_path):
    of, sample, table = values
    made = assess_values(of, written(table, tmp_path), sample)
    assert of.store.exists(f"{sample.folder}/regions.json")
    units = pd.read_parquet(io.BytesIO(of.store.read_bytes(f"{sample.folder}/interpreted.parquet")))
    assert np.allclose(units["reference"], table["agb"]) and len(units) == 150
    assert np.allclose(units["map"], overlay(of, sample.drawn, layer="agb").told)
    assert made.to_dict()["title"] == "design-based"


def test_a_model_that_has_seen_the_plots_needs_what_folds_told(values, tmp_path):
    of, sample, table = values
    with pytest.raises(SampleError, match=r"150 of 150 plots .* have no 'prediction'"):
        assess_values(of, written(table, tmp_path), sample, seen="cross-fitted")
    folds = table.assign(prediction=table["agb"] - 7.0)
    one = assess_values(of, written(folds, tmp_path), sample, seen="cross-fitted").of()
    assert one.mean == pytest.approx(one.mapped + 7.0)


def test_plots_that_were_not_measured_are_counted(values, tmp_path):
    of, sample, table = values
    table = table.assign(agb=table["agb"].where(table["plot"] > 4)).iloc[:-2]
    made = assess_values(of, written(table, tmp_path), sample)
    assert (made.units, made.dropped) == (144, {"without a value": 4, "drawn and not measured": 6})


def test_values_that_are_no_numbers_are_counted_and_refused(values, tmp_path):
    of, sample, table = values
    table = table.astype({"agb": object})
    table.loc[:2, "agb"] = "dense"
    with pytest.raises(SampleError, match=r"3 of 150 rows .* have no number in 'agb', as 'dense'"):
        assess_values(of, written(table, tmp_path), sample)


def test_a_stratum_with_one_measured_unit_is_refused(values, tmp_path):
    of, sample, table = values
    first = sample.strata[0]
    own = sample.drawn.loc[sample.drawn["stratum"] == first, "plot"].tolist()
    with pytest.raises(SampleError, match="has 1 unit: its variance is undefined"):
        assess_values(of, written(table[~table["plot"].isin(own[1:])], tmp_path), sample)


def test_probabilities_that_do_not_add_up_are_refused(values, tmp_path):
    of, sample, table = values
    drawn = sample.drawn.assign(inclusion_probability=sample.drawn["inclusion_probability"] * 2)
    broken = Sample(sample.store, sample.folder, sample.design, drawn)
    with pytest.raises(SampleError, match=r"do not add up: its units stand for [\d,]+ pixels, it has [\d,]+"):
        assess_values(of, written(table, tmp_path), broken)


@pytest.fixture(scope="module")
def placed(values):
    """Plots with places of their own: half on a lattice of tracks."""
    of, _, _ = values
    sample = draw_sample(of, number=120, design="simple", name="places", seed=5)
    lon, lat = sample.places()
    found = overlay(of, sample.drawn, layer="agb").told
    track = np.floor((lon - lon.min()) / 0.0016).astype(int)
    return of, pd.DataFrame({"lon": lon, "lat": lat, "agb": true(found), "track": track})


def test_plots_that_others_drew_give_a_design_based_estimate_once_the_model_is_told(placed, tmp_path):
    of, table = placed
    path = written(table, tmp_path)
    with pytest.raises(SampleError, match="Has the map's model seen these plots"):
        assess_plots(of, path, "agb", design="simple")
    made = assess_plots(of, path, "agb", design="simple", seen="external")
    assert made.of().title == "design-based" and "as was said" in made.notes[0]


def test_plots_that_are_no_probability_sample_are_named_model_based_and_not_refused(placed, regions, tmp_path):
    of, table = placed
    made = assess_plots(of, written(table, tmp_path), "agb", design="none", seen="external", regions=regions)
    one = made.of()
    assert (one.title, one.estimator) == ("model-based", "map")
    assert made.url.endswith("biomass/1.0/assessments/2023/plots/regions.json"), "each time step has results of its own"
    assert one.mean == one.mapped
    assert one.parts["common"] == pytest.approx(0.1 * one.mean)
    assert one.standard_error == pytest.approx(np.hypot(one.parts["common"], one.parts["residual"]))
    assert "no probability sample" in made.notes[0]
    assert made.of("west").parts["residual"] >= one.parts["residual"], "errors of a larger area even out"


def test_in_clusters_plots_count_as_clusters(placed, tmp_path):
    of, table = placed
    alone = assess_plots(of, written(table, tmp_path), "agb", design="simple", seen="external").of()
    joined = table.assign(cluster=np.arange(len(table)) // 4).sort_values("agb")
    joined["cluster"] = np.arange(len(table)) // 4
    together = assess_plots(of, written(joined, tmp_path), "agb", design="simple", seen="external").of()
    assert together.mean == pytest.approx(alone.mean)
    assert together.standard_error > alone.standard_error


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (lambda t: t.assign(lon=t["lon"] + 3), {}, "None of 120 places .* is on the map"),
        (lambda t: t.rename(columns={"lon": "lat", "lat": "lon"}), {}, "exchanged 120 are"),
        (lambda t: t.assign(lon=t["lon"].where(t.index > 8, 20.0)), {}, "9 of 120 plots .* lie outside the map"),
        (lambda t: t.assign(lon=t["lon"] * 1e5), {}, "120 of 120 places .* are no degrees"),
        (lambda t: t.rename(columns={"lon": "x", "lat": "y"}), {}, "does not say the CRS of x and y"),
        (lambda t: t.drop(columns="lon"), {}, "has no columns of places"),
        (lambda t: t.drop(columns="agb"), {}, "has no column 'value'"),
        (lambda t: t, {"design": "stratified"}, "no column 'inclusion_probability'"),
        (lambda t: t.assign(inclusion_probability=0.4), {}, r"do not add up: 120 plots .* stand for 300 pixels"),
        (lambda t: t.assign(inclusion_probability=1.4), {}, "120 of 120 inclusion probabilities"),
        (lambda t: t.assign(cluster=1), {}, "has 1 cluster: its variance is undefined"),
    ],
)
def test_plots_that_cannot_be_right_are_refused_with_counts(placed, tmp_path, change, options, message):
    of, table = placed
    path = written(change(table), tmp_path)
    with pytest.raises(SampleError, match=message) as caught:
        assess_plots(of, path, "agb", **{"design": "simple", "seen": "external"} | options)
    assert caught.value.fix


@pytest.fixture(scope="module")
def lacking(placed):
    """The same plots, three of them moved to where the map has no data."""
    of, table = placed
    unit = of.units[0]
    row, col = (int(place[0]) for place in np.nonzero(np.isnan(told(unit.tile))))
    from swath.grid.lonlat import from_lonlat

    left, _, _, top = unit.tile.bounds
    lon, lat = from_lonlat(unit.tile.crs).transform(left + col * 10 + 5, top - row * 10 - 5, direction="INVERSE")
    moved = table.copy()
    moved.loc[:2, ["lon", "lat"]] = lon, lat
    return of, moved


def test_plots_on_no_data_are_refused_or_dropped_and_counted(lacking, tmp_path):
    of, table = lacking
    path = written(table, tmp_path)
    with pytest.raises(SampleError, match=r"3 of 120 plots .* lie on no data"):
        assess_plots(of, path, "agb", design="simple", seen="external")
    made = assess_plots(of, path, "agb", design="simple", seen="external", drop=True)
    assert (made.units, made.dropped) == (117, {"on no data": 3})


def test_plots_in_another_crs_are_found_where_they_are(placed, tmp_path):
    of, table = placed
    points = geopandas.GeoDataFrame(table, geometry=geopandas.points_from_xy(table["lon"], table["lat"]), crs=4326)
    points.drop(columns=["lon", "lat"]).to_crs(3035).to_file(tmp_path / "plots.gpkg")
    by_file = assess_plots(of, tmp_path / "plots.gpkg", "agb", design="simple", seen="external").of()
    turned = points.to_crs(32632)
    table = table.drop(columns=["lon", "lat"]).assign(x=turned.geometry.x, y=turned.geometry.y)
    by_word = assess_plots(of, written(table, tmp_path), "agb", design="simple", seen="external", crs="EPSG:32632").of()
    plain = assess_plots(of, written(placed[1], tmp_path), "agb", design="simple", seen="external").of()
    assert by_file.mean == pytest.approx(plain.mean) and by_word.mean == pytest.approx(plain.mean)


def test_tracks_give_a_hybrid_total_with_its_parts(placed, regions, tmp_path):
    of, table = placed
    made = assess_tracks(of, written(table, tmp_path), "agb", regions=regions)
    one = made.of()
    assert (one.title, one.estimator) == ("hybrid", "ratio to size")
    assert one.mean == pytest.approx(table["agb"].mean())
    assert set(one.parts) == {"tracks", "common"} and "model's part unknown" in one.flags
    refits = {f"refit_{k}": table["agb"] + k for k in range(10)}
    whole = assess_tracks(of, written(table.assign(**refits), tmp_path), "agb").of()
    assert whole.parts["model"] == pytest.approx(np.arange(10).std(ddof=1))
    assert whole.standard_error == pytest.approx(np.sqrt(sum(part**2 for part in whole.parts.values())))


def test_footprints_that_are_not_good_are_left_out_and_counted(placed, tmp_path):
    of, table = placed
    table = table.assign(l4_quality_flag=(table.index > 4) * 1, degrade_flag=0, sensitivity=0.98)
    table.loc[10, "sensitivity"] = 0.9
    made = assess_tracks(of, written(table, tmp_path), "agb")
    assert made.dropped == {"without l4_quality_flag 1": 5, "sensitivity 0.95 or less": 1}


def test_orbits_are_read_off_the_numbers_of_gedis_shots(placed, tmp_path):
    of, table = placed
    by_track = assess_tracks(of, written(table, tmp_path), "agb").of()
    shots = table["track"] * 10**13 + 12 * 10**11 + table.index
    by_shot = assess_tracks(of, written(table.drop(columns="track").assign(shot_number=shots), tmp_path), "agb").of()
    assert by_shot.standard_error == pytest.approx(by_track.standard_error)


def test_one_track_has_no_variance(placed, tmp_path):
    of, table = placed
    with pytest.raises(SampleError, match=r"1 tracks of .* cross the map"):
        assess_tracks(of, written(table.assign(track=3), tmp_path), "agb")
