"""Labels from files."""

import geopandas
import numpy as np
import pandas as pd
import pytest
import shapely

from support.drawn_labels import AREA, CLASSES, PERIOD, saved, squares
from swath.errors import LabelError
from swath.grid import Area, Period
from swath.training import Labels, Reason, read_labels


def read(frame, folder, name="labels.gpkg", **how):
    return read_labels(saved(frame, folder, name), **{"area": AREA, "period": PERIOD, **how})


@pytest.mark.parametrize("name", ["labels.gpkg", "labels.geojson", "labels.parquet"])
def test_all_formats_give_the_same_labels(name, tmp_path):
    labels = read(squares(), tmp_path, name)
    assert labels.classes == CLASSES
    assert len(labels) == len(squares())
    expected = read(squares(), tmp_path, "other.gpkg")
    assert np.allclose(shapely.bounds(labels.shapes), shapely.bounds(expected.shapes), atol=1e-9)
    assert (labels.codes == expected.codes).all()


def test_another_crs_gives_the_same_places(tmp_path):
    labels = read(squares().to_crs(32633), tmp_path)
    expected = read(squares(), tmp_path, "other.gpkg")
    assert np.allclose(np.sort(labels.places, axis=0), np.sort(expected.places, axis=0), atol=1e-6)


def test_the_order_of_the_file_does_not_count(tmp_path):
    frame = squares()
    shuffled = frame.sample(frac=1, random_state=3)
    assert read(frame, tmp_path).digest == read(shuffled, tmp_path, "other.gpkg").digest


def test_they_come_back_from_their_table(tmp_path):
    labels = read(squares(), tmp_path)
    again = Labels.from_arrow(labels.to_arrow(), labels.classes, labels.source)
    assert again.digest == labels.digest


def test_points_are_labels_too(tmp_path):
    frame = squares()
    frame["geometry"] = shapely.centroid(frame.geometry.array)
    labels = read(frame, tmp_path)
    assert len(labels) == len(frame)
    assert set(shapely.get_type_id(labels.shapes)) == {0}


def test_the_column_is_found_by_its_usual_name_or_as_the_only_text(tmp_path):
    for name in ("fclass", "cover"):
        frame = squares().rename(columns={"class": name})
        frame["size"] = 3.5
        assert read(frame, tmp_path, f"{name}.gpkg").classes == CLASSES


def test_two_columns_of_text_need_a_name(tmp_path):
    frame = squares().rename(columns={"class": "cover"}).assign(note="x")
    with pytest.raises(LabelError, match=r"2 of text\. Name the column of the class: cover, note"):
        read(frame, tmp_path)
    assert read(frame, tmp_path, column="cover").classes == CLASSES
    with pytest.raises(LabelError, match=r"no column 'covr'\. It has cover, note"):
        read(frame, tmp_path, column="covr")


def test_whole_numbers_with_gaps_are_codes(tmp_path):
    frame = squares()
    frame["class"] = [10.0, 80.0, np.nan] * (len(frame) // 3) + [10.0] * (len(frame) % 3)
    labels = read(frame, tmp_path, known={10: "tree cover", 80: "water"})
    assert labels.classes == ("tree cover", "water")
    assert labels.dropped[Reason.WITHOUT_CLASS] == len(frame) // 3


def test_what_the_legend_drops_is_counted(tmp_path):
    frame = squares()
    labels = read(frame, tmp_path, legend={"crop": "field", "tree": "wood", "water": None})
    assert labels.classes == ("field", "wood")
    assert labels.dropped[Reason.BY_LEGEND] == (frame["class"] == "water").sum()


def test_an_unknown_class_is_named(tmp_path):
    with pytest.raises(LabelError, match=r"'water'.*Choices: crop, tree"):
        read(squares(), tmp_path, legend={"crop": "crop", "tree": "tree"})


def test_labels_outside_the_area_are_counted_and_those_at_its_edge_cut(tmp_path):
    frame = squares()
    west, south, east, north = AREA.geometry.bounds
    half = Area.parse(f"{west},{south},{(west + east) / 2},{north}")
    labels = read(frame, tmp_path, area=half)
    outside = ~shapely.intersects(frame.geometry.array, half.geometry)
    cut = ~outside & ~shapely.within(frame.geometry.array, half.geometry)
    assert labels.dropped[Reason.OUTSIDE_AREA] == outside.sum() > 0
    assert labels.dropped[Reason.CLIPPED] == cut.sum() > 0
    assert shapely.total_bounds(labels.shapes)[2] <= (west + east) / 2


def test_all_outside_is_refused_with_both_bounds(tmp_path):
    with pytest.raises(LabelError, match=r"none of its \d+ labels lies in .*labels: 12\.50.*area: 14\.0"):
        read(squares(), tmp_path, area=Area.parse("14,50,14.1,50.1"))


@pytest.mark.parametrize("crs", [4326, 32633])
def test_swapped_axes_are_said(tmp_path, crs):
    frame = squares().to_crs(crs)
    turned = shapely.transform(frame.geometry.array, lambda xy: xy[:, ::-1])
    swapped = geopandas.GeoDataFrame({"class": frame["class"]}, geometry=turned, crs=crs)
    with pytest.raises(LabelError, match="with x and y swapped they do: the axis order is wrong"):
        read(swapped, tmp_path)


def test_labels_of_another_time_are_counted_and_all_of_them_refused(tmp_path):
    frame = squares().assign(year=[2021, 2023] * (len(squares()) // 2) + [2021] * (len(squares()) % 2))
    labels = read(frame, tmp_path, time="year")
    assert labels.dropped[Reason.OUTSIDE_PERIOD] == (frame["year"] == 2021).sum()
    assert set(labels.start.astype("datetime64[Y]").astype(str)) == {"2023"}
    with pytest.raises(LabelError, match=r"none of the \d+ labels in the area holds in 2019; they are of 2021"):
        read(frame, tmp_path, "other.gpkg", time="year", period=Period.parse("2019"))


@pytest.mark.parametrize(
    ("value", "first", "last"),
    [
        ("2023-06-17", "2023-06-17", "2023-06-18"),
        ("2023-06", "2023-06-01", "2023-07-01"),
        (2023, "2023-01-01", "2024-01-01"),
        (pd.Timestamp("2023-06-17T10:30"), "2023-06-17T10:00", "2023-06-17T11:00"),
    ],
)
def test_years_months_and_dates_are_times(value, first, last, tmp_path):
    labels = read(squares().assign(seen=value), tmp_path, "labels.gpkg", time="seen")
    assert labels.start[0] == np.datetime64(first)
    assert labels.end[0] == np.datetime64(last)


def test_a_time_that_is_none_is_refused(tmp_path):
    with pytest.raises(LabelError, match="'last summer' of column 'seen' is no year or date"):
        read(squares().assign(seen="last summer"), tmp_path, time="seen")


def test_bad_geometries_are_mended_or_counted(tmp_path):
    frame = squares()
    x, y = frame.geometry[0].centroid.coords[0]
    bow = shapely.Polygon([(x, y), (x + 4e-4, y + 4e-4), (x + 4e-4, y), (x, y + 4e-4)])
    shapes = [bow, None, shapely.Polygon(), shapely.LineString([(x, y), (x + 1e-3, y)]), *frame.geometry[4:]]
    broken = geopandas.GeoDataFrame({"class": frame["class"]}, geometry=shapes, crs=4326)
    labels = read(broken, tmp_path, "labels.parquet")
    assert labels.dropped[Reason.MENDED] == 1
    assert labels.dropped[Reason.EMPTY] == 2
    assert labels.dropped[Reason.NO_AREA] == 1
    assert shapely.is_valid(labels.shapes).all()
    assert len(labels) == len(frame) - 3


def test_erosion_takes_metres_off_every_side_and_counts_what_it_takes_whole(tmp_path):
    labels = read(squares(edge=60.0), tmp_path, erode_m=10.0)
    flat = geopandas.GeoSeries(labels.shapes, crs=4326).to_crs(32633)
    assert np.allclose(flat.area, 40.0**2, rtol=0.01)
    small = pd.concat([squares(edge=60.0), squares(edge=15.0, spacing=150.0)])
    mixed = read(small, tmp_path, "other.gpkg", erode_m=10.0)
    assert mixed.dropped[Reason.ERODED] == len(squares(edge=15.0, spacing=150.0))


def test_a_label_that_stands_twice_counts_once(tmp_path):
    frame = pd.concat([squares(), squares()[:4]])
    labels = read(frame, tmp_path)
    assert labels.dropped[Reason.TWICE] == 4
    assert len(labels) == len(squares())


def test_one_class_is_nothing_to_tell_apart(tmp_path):
    with pytest.raises(LabelError, match=r"all .* labels are 'tree'"):
        read(squares().assign(**{"class": "tree"}), tmp_path)


def test_files_that_cannot_be_used_say_why(tmp_path):
    with pytest.raises(LabelError, match="There is no file"):
        read_labels(tmp_path / "none.gpkg", area=AREA, period=PERIOD)
    (tmp_path / "text.gpkg").write_text("no package")
    with pytest.raises(LabelError, match="cannot be read"):
        read_labels(tmp_path / "text.gpkg", area=AREA, period=PERIOD)
    two = tmp_path / "two.gpkg"
    squares().to_file(two, layer="a")
    squares().to_file(two, layer="b")
    with pytest.raises(LabelError, match=r"2 layers\. Write .*::LAYER with a, b"):
        read_labels(two, area=AREA, period=PERIOD)
    assert len(read_labels(f"{two}::b", area=AREA, period=PERIOD)) == len(squares())
    with pytest.raises(LabelError, match="does not name its CRS"):
        read(squares().set_crs(None, allow_override=True), tmp_path, "bare.parquet")


@pytest.mark.real
def test_polygons_of_openstreetmap_are_read_and_split(real_data):
    labels = read_labels(
        real_data / "sentinel-2-l1c" / "osm_landuse_water.geojson",
        area=Area.parse("12.47,52.44,12.74,52.54"), period=Period.parse("2017-02-16"), erode_m=10,
    )  # fmt: skip
    assert len(labels) + labels.dropped[Reason.TWICE] + labels.dropped[Reason.ERODED] == 604
    assert len(labels.classes) == 8
