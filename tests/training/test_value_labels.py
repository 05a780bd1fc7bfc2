"""Labels that are values: tables with places, footprints, weights, errors, groups; rasters; and the chips of them."""

import geopandas
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely

from support.drawn_labels import AREA, PERIOD, saved, squares
from support.small_world import small_world  # noqa: F401
from support.value_plots import AGB, COLUMNS, plots, table
from swath.errors import LabelError
from swath.grid import Area, Grid, Period
from swath.grid.lonlat import from_lonlat
from swath.models.spec import ValuesOutput
from swath.planning import MapRequest
from swath.products import Product
from swath.training import (
    ChipSet,
    ChipSettings,
    LabelColumns,
    Labels,
    Part,
    Reason,
    SplitSpec,
    Statistics,
    cut_chips,
    read_labels,
    value_raster,
)
from swath.training.rasterise import Painter
from swath.training.splits import TRAIN_ONLY

PRODUCT = Product.load("mosaic").with_overrides(["inputs.0.bands=[B04,B08]", "output.grid.tile_size=192"])
SPLIT = SplitSpec(folds=3, block_m=200, buffer_m=20, seed=4)


def read(frame, folder, *, name="plots.csv", sep=",", **how):
    return read_labels(
        table(frame, folder, name, sep), **{"area": AREA, "period": PERIOD, "value": AGB, "column": "agb", **how}
    )


@pytest.mark.parametrize(("name", "sep"), [("a.csv", ","), ("a.csv", ";"), ("a.tsv", "\t"), ("a.parquet", ",")])
def test_a_table_with_longitudes_and_latitudes_gives_points_with_values(name, sep, tmp_path):
    frame = plots()
    labels = read(frame, tmp_path, name=name, sep=sep, columns=COLUMNS)
    assert len(labels) == len(frame)
    assert labels.output == ValuesOutput(values=(AGB,), name="agb")
    by_place = {(round(x, 9), round(y, 9)): n for n, (x, y) in enumerate(labels.places.tolist())}
    order = [by_place[round(x, 9), round(y, 9)] for x, y in zip(frame.lon, frame.lat, strict=True)]
    assert np.allclose(labels.values[order], frame.agb)
    assert np.allclose(labels.weights[order], frame.w)
    assert np.allclose(labels.errors[order], frame.sd)
    assert labels.groups[order].tolist() == frame.track.tolist()
    assert labels.licences == ("CC-BY-4.0",)


def test_values_come_back_from_their_table(tmp_path):
    labels = read(plots(), tmp_path, columns=COLUMNS, footprint_m=12.5)
    assert Labels.from_told(labels.to_arrow(), labels.told()).digest == labels.digest


def test_values_that_cannot_be_are_dropped_and_counted(tmp_path):
    frame = plots()
    frame.loc[[0, 1], "agb"] = [np.nan, -12.0]
    frame["agb"] = frame["agb"].astype(float)
    frame.loc[2, "agb"] = np.inf
    frame.loc[[3, 4, 5], "agb"] = [1200.0, -0.5, -9999.0]
    labels = read(frame, tmp_path, name="a.parquet")
    assert labels.dropped[Reason.WITHOUT_VALUE] == 1
    assert labels.dropped[Reason.NOT_A_NUMBER] == 1
    assert labels.dropped[Reason.BELOW] == 3
    assert labels.dropped[Reason.ABOVE] == 1
    assert len(labels) == len(frame) - 6
    assert labels.values.min() >= 0


def test_no_possible_value_at_all_is_refused(tmp_path):
    with pytest.raises(LabelError, match=r"no label has a value of agb \(Mg/ha\) that is possible \(\d+ labels below"):
        read(plots().assign(agb=-5.0), tmp_path)


def test_a_row_that_stands_twice_is_dropped_and_counted(tmp_path):
    frame = plots()
    labels = read(pd.concat([frame, frame.head(3)]), tmp_path)
    assert labels.dropped[Reason.TWICE] == 3
    assert len(labels) == len(frame)


def test_latitudes_beyond_90_are_said_to_be_swapped(tmp_path):
    frame = plots().rename(columns={"lon": "lat", "lat": "lon"})
    frame["lat"] += 100
    with pytest.raises(LabelError, match=r"latitudes of column 'lat' lie beyond 90 degrees.*'lon' and 'lat' look"):
        read(frame, tmp_path)


def test_swapped_columns_that_are_possible_places_are_said_to_be_swapped(tmp_path):
    with pytest.raises(LabelError, match="with x and y swapped they do: the axis order is wrong"):
        read(plots().rename(columns={"lon": "lat", "lat": "lon"}), tmp_path)


def test_a_table_without_places_says_which_columns_it_has(tmp_path):
    with pytest.raises(LabelError, match=r"neither geometries nor columns of longitude.*it has agb, w, sd"):
        read(plots().drop(columns=["lon", "lat"]), tmp_path)


def test_eastings_and_northings_are_places_with_their_crs(tmp_path):
    frame = plots()
    x, y = from_lonlat("EPSG:32633").transform(frame.lon.to_numpy(), frame.lat.to_numpy())
    flat = frame.drop(columns=["lon", "lat"]).assign(east=x, north=y)
    labels = read(flat, tmp_path, columns=LabelColumns(x="east", y="north", crs="EPSG:32633"))
    expected = read(frame, tmp_path)
    assert np.allclose(np.sort(labels.places, axis=0), np.sort(expected.places, axis=0), atol=1e-8)


def test_a_column_that_is_no_number_is_refused_with_those_that_are(tmp_path):
    with pytest.raises(LabelError, match=r"column 'track' holds .*, no numbers\. Name one of agb, w, sd"):
        read(plots(), tmp_path, column="track")
    with pytest.raises(LabelError, match=r"no column of numbers called agb or value, and 3 of numbers"):
        read(plots().rename(columns={"agb": "biomass"}), tmp_path, column=None)


def test_weights_must_be_above_0_and_errors_not_below(tmp_path):
    frame = plots()
    frame.loc[[0, 1], "w"] = [0.0, np.nan]
    frame.loc[2, "sd"] = np.nan
    labels = read(frame, tmp_path, columns=COLUMNS)
    assert labels.dropped[Reason.WITHOUT_WEIGHT] == 2
    assert (labels.errors == 0).sum() == 1
    frame.loc[3, "sd"] = -1.0
    with pytest.raises(LabelError, match=r"standard error of row 4 is -1"):
        read(frame, tmp_path, columns=COLUMNS)


def test_a_period_of_two_columns_holds_from_its_first_to_its_last_day(tmp_path):
    frame = plots().assign(first="2023-01", last="2023-06-30")
    labels = read(frame, tmp_path, columns=LabelColumns(time="first", until="last"))
    assert set(labels.start.tolist()) == {np.datetime64("2023-01-01", "us").item()}
    assert set(labels.end.tolist()) == {np.datetime64("2023-07-01", "us").item()}
    with pytest.raises(LabelError, match=r"labels end before they begin \(row 1: 2023-01-01 to 2022-01-02\)"):
        read(frame.assign(last="2022-01-01"), tmp_path, columns=LabelColumns(time="first", until="last"))
    with pytest.raises(LabelError, match="holds in 2025; they are of 2023-01-01"):
        read(frame, tmp_path, columns=LabelColumns(time="first", until="last"), period=Period.parse("2025"))


def test_a_footprint_is_the_disc_of_pixels_about_its_point(tmp_path):
    labels = read(plots(), tmp_path, footprint_m=25.0)
    (tile,) = {t.id: t for t in [Grid.named("utm", tile_size=192).tile_of(*labels.places[0])]}.values()
    painted = Painter(labels, SPLIT, per_polygon=None).paint(tile, *_month())
    rows, cols = np.indices(tile.shape)
    x, y = tile.affine.c + (cols + 0.5) * 10, tile.affine.f - (rows + 0.5) * 10
    seen = 0
    for n, place in enumerate(labels.places):
        east, north = from_lonlat(tile.crs).transform(*place)
        away = np.hypot(x - east, y - north)
        if away.min() < 8 and 5 < _edge(x, y, tile, east, north):
            mine = painted.which == n
            assert mine[away < 24.7].all() and not mine[away > 25.3].any()
            assert (painted.y[mine] == labels.values[n]).all()
            seen += 1
    assert seen > 20


def _edge(x, y, tile, east, north):
    return min(east - x.min(), x.max() - east, north - y.min(), y.max() - north) / 10


def _month():
    return (step := Period.parse("2023-06").steps[0]).start, step.end


def test_a_footprint_between_the_centres_is_the_pixel_of_its_point(tmp_path):
    labels = read(plots(), tmp_path, footprint_m=2.0)
    tile = Grid.named("utm", tile_size=192).tile_of(*labels.places[0])
    painted = Painter(labels, SPLIT, per_polygon=None).paint(tile, *_month())
    inside = shapely.contains_xy(tile.footprint, *labels.places.T)
    assert inside.sum() > 20
    assert len(np.unique(painted.which[painted.labelled])) == inside.sum()
    assert painted.dropped[Reason.BETWEEN_CENTRES] == 0


def test_pixels_in_two_footprints_stay_with_the_first_and_are_counted(tmp_path):
    labels = read(plots(), tmp_path, footprint_m=50.0)
    tile = Grid.named("utm", tile_size=192).tile_of(*labels.places[0])
    painted = Painter(labels, SPLIT, per_polygon=None).paint(tile, *_month())
    assert painted.dropped[Reason.SHARED] > 0
    assert (painted.y[painted.labelled] == labels.values[painted.which[painted.labelled]]).all()


@pytest.fixture(scope="module")
def cut(small_world, tmp_path_factory):  # noqa: F811
    folder = tmp_path_factory.mktemp("values")
    labels = read(plots(), folder, columns=LabelColumns(weight="w", error="sd"), footprint_m=15.0)
    asked = MapRequest(PRODUCT, AREA, Period.parse("2023-06"), str(small_world.catalog))
    settings = ChipSettings(size=32, margin=4, split=SPLIT)
    result = cut_chips(asked, labels, folder / "chips", settings=settings, cluster="inline")
    return labels, result, ChipSet.open(folder / "chips").holding_out(test=0, validate=1)


def test_chips_hold_values_with_weight_error_and_number_of_the_label(cut):
    labels, result, held = cut
    found = held.read(range(len(held)))
    given = np.isfinite(found["y"])
    assert found["y"].dtype == np.float32
    assert result.classes == {"agb": int(given.sum())}
    assert (found["weight"][~given] == 0).all() and (found["object"][~given] == 0).all()
    table = {np.float32(v): (w, e) for v, w, e in zip(labels.values, labels.weights, labels.errors, strict=True)}
    seen = 0
    for n in range(len(held)):
        for number in np.unique(found["object"][n][given[n]]):
            mine = found["object"][n] == number
            (value,) = np.unique(found["y"][n][mine])
            assert (np.unique(found["weight"][n][mine])[0], np.unique(found["error"][n][mine])[0]) == table[value]
            assert 1 <= mine.sum() <= 9
            seen += 1
    assert seen > 100


def test_counts_of_values_are_of_pixels_by_part(cut):
    _, _, held = cut
    found = held.read(range(len(held)))
    for part in Part:
        expected = (found["part"] == part).sum((1, 2))
        assert held.counts(part)[:, 0].tolist() == expected.tolist()
    assert held.facts.output.channels == ("agb",)


def test_statistics_of_values_are_of_training_labels(cut):
    _, _, held = cut
    found = held.read(range(len(held)))
    values = found["y"][found["part"] == Part.TRAIN]
    told = Statistics.of(held)
    assert told.value_mean == pytest.approx(values.mean(), rel=1e-6)
    assert told.value_std == pytest.approx(values.std(), rel=1e-6)


def test_a_raster_of_values_is_averaged_over_what_is_possible(tmp_path):
    tile = Grid.named("utm", tile_size=96).tile_of(12.505, 47.705)
    fine = np.random.default_rng(1).uniform(0, 200, (192, 192)).astype(np.float32)
    fine[::7, ::5] = -3.0
    fine[:4, :4] = -1.0
    with rasterio.open(
        tmp_path / "agb.tif", "w", driver="GTiff", width=192, height=192, count=1, dtype="float32", crs=tile.crs,
        transform=tile.affine @ type(tile.affine).scale(0.5), nodata=-9999,
    ) as file:  # fmt: skip
        file.write(fine, 1)
    labels = value_raster(tmp_path / "agb.tif", area=AREA, value=AGB)
    values, dropped = labels.read(tile)
    expected = np.where(fine < 0, np.nan, fine).reshape(96, 2, 96, 2).transpose(0, 2, 1, 3).reshape(96, 96, 4)
    empty = np.isnan(expected).all(-1)
    assert empty[0, 0] and np.isnan(values[empty]).all()
    assert np.allclose(values[~empty], np.nanmean(expected[~empty], axis=-1), rtol=1e-5)
    assert dropped[Reason.PIXELS_BELOW] == (fine < 0).sum()
    with pytest.raises(LabelError, match=r"holds no value of agb \(Mg/ha\) that is possible"):
        value_raster(tmp_path / "agb.tif", area=AREA, value=AGB.model_copy(update={"low": 500.0}))
    with pytest.raises(LabelError, match="does not meet"):
        value_raster(tmp_path / "agb.tif", area=Area.parse("14,50,14.1,50.1"), value=AGB)


def test_chips_of_a_raster_of_values_hold_its_pixels(small_world, tmp_path):  # noqa: F811
    tile = Grid.named("utm", tile_size=192).tile_of(12.505, 47.705)
    affine = tile.affine @ type(tile.affine).translation(-100, -100)
    values = np.arange(500 * 500, dtype=np.float32).reshape(500, 500) / 1000
    with rasterio.open(
        tmp_path / "agb.tif", "w", driver="GTiff", width=500, height=500, count=1, dtype="float32", crs=tile.crs,
        transform=affine,
    ) as file:  # fmt: skip
        file.write(values, 1)
    labels = value_raster(tmp_path / "agb.tif", area=AREA, value=AGB)
    asked = MapRequest(PRODUCT, AREA, Period.parse("2023-06"), str(small_world.catalog))
    cut_chips(asked, labels, tmp_path / "out", settings=ChipSettings(size=64, split=SPLIT), cluster="inline")
    chips = ChipSet.open(tmp_path / "out")
    for n, row in enumerate(chips.index.to_pylist()):
        found = chips.read([n])
        left, top = (round(place) for place in ~affine @ (row["x"], row["y"]))
        given = np.isfinite(found["y"][0])
        assert (found["y"][0][given] == values[top : top + 64, left : left + 64][given]).all()
        assert len(np.unique(found["object"][0][given])) == given.sum()
        assert (found["weight"][0] == given).all()
    assert chips.fold_counts.sum() > 5000


def test_a_label_whose_block_and_track_disagree_is_never_held_out_and_stays_out_of_both(tmp_path):
    labels = read(plots(tracks=7), tmp_path, columns=COLUMNS)
    folds, barred = labels.folds(SPLIT), SPLIT.barred(labels.places, labels.groups)
    block = SPLIT.folds_of(SPLIT.blocks(*labels.places.T))
    track = SPLIT.folds_of_groups(labels.groups)
    assert 0 < (folds == TRAIN_ONLY).sum() < len(folds)
    assert (folds == np.where(block == track, block, TRAIN_ONLY)).all()
    for fold in range(3):
        tested = folds == fold
        trained = (folds != fold) & (barred & (1 << fold) == 0)
        assert not set(labels.groups[tested]) & set(labels.groups[trained])
        assert not set(map(tuple, SPLIT.blocks(*labels.places[tested].T))) & set(
            map(tuple, SPLIT.blocks(*labels.places[trained].T))
        )


def test_polygons_may_hold_values_too(tmp_path):
    frame = squares().assign(agb=np.arange(len(squares()), dtype=float))
    labels = read_labels(saved(frame, tmp_path), area=AREA, period=PERIOD, value=AGB, column="agb")
    assert isinstance(frame, geopandas.GeoDataFrame)
    assert sorted(labels.values.tolist()) == frame.agb.tolist()
