"""Two maps are held against each other where both are, and against a reference that says which is worse."""

import json

import numpy as np
import pandas as pd
import pytest
import rasterio
from rio_cogeo import cog_validate

from support.class_map import CLASSES, class_map, stripes
from support.command import swath
from swath.assessment import PublishedMap, Sample, assess_map, draw_sample
from swath.assessment.compare import Difference, compare_classes, compare_values, judge
from swath.errors import SampleError
from swath.grid.lonlat import from_lonlat

from .good_map import TILES, Broken, good  # noqa: F401


def moved(tile):
    """The stripes, with water where every second row of crops was, and crops unmapped in one row of eight."""
    codes = stripes(tile).copy()
    row = np.arange(tile.shape[0])[:, None]
    codes[(codes == 40) & (row % 2 == 0)] = 80
    codes[(codes == 40) & (row % 8 == 1)] = 0
    return codes


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """Two versions of one map, with a sample of the first."""
    folder = tmp_path_factory.mktemp("compare")
    one, two = class_map(folder / "one", stripes), class_map(folder / "two", moved)
    draw_sample(PublishedMap.open(one), number=120, allocation="equal", least=2, name="plots")
    return one, two


@pytest.fixture(scope="module")
def maps(stores):
    return tuple(PublishedMap.open(store) for store in stores)


@pytest.fixture(scope="module")
def compared(maps):
    return compare_classes(*maps)


def counted(maps):
    """All codes of both maps, the plain way."""
    return [np.concatenate([one.codes(unit).ravel() for unit in one.units]) for one in maps]


def test_pairs_of_classes_are_counted_where_both_map(maps, compared):
    one, two = counted(maps)
    expected = [[int(((one == a) & (two == b)).sum()) for b in CLASSES] for a in CLASSES]
    assert compared.pixels.tolist() == expected
    assert expected[1][2] > 0 < expected[1][1]


def test_what_is_not_mapped_by_both_is_told_apart(maps, compared):
    one, two = counted(maps)
    area = compared.hectares.sum() / compared.pixels.sum()
    pixels = [((one > 0) & (two == 0)).sum(), ((one == 0) & (two > 0)).sum(), ((one == 0) & (two == 0)).sum()]
    assert list(compared.unmapped_ha) == ["only first", "only second", "neither"]
    assert np.allclose(list(compared.unmapped_ha.values()), np.array(pixels) * area, rtol=1e-3)
    assert pixels[0] > 0


def test_hectares_are_true_ones_and_agreement_is_their_share(maps, compared):
    true = np.mean([np.asarray(unit.tile.pixel_area()).mean() for unit in maps[0].units]) / 1e4
    assert np.allclose(compared.hectares, compared.pixels * true, rtol=1e-3)
    assert compared.share == pytest.approx(np.trace(compared.hectares) / compared.hectares.sum())
    assert compared.to_dict()["least_agreement"][0]["share"] == min(compared.agreement.values())


def test_pixels_that_another_tile_owns_are_counted_once(tmp_path):
    edge = "11.99,47.70,12.01,47.71"  # zones 32 and 33 meet
    maps = [PublishedMap.open(class_map(tmp_path / name, stripes, area=edge)) for name in ("one", "two")]
    found = compare_classes(*maps)
    owned = sum(unit.tile.km2 for unit in maps[0].units) * 100
    assert found.hectares.sum() + sum(found.unmapped_ha.values()) == pytest.approx(owned, rel=2e-3)
    assert found.share == 1


def test_it_is_said_that_counts_of_difference_are_no_areas_of_change(compared):
    assert "not areas of change" in compared.to_dict()["note"]
    assert "buffer stratum" in compared.to_dict()["note"]


def test_tiles_of_one_map_only_are_counted(tmp_path, stores):
    more = class_map(tmp_path, stripes, area="12.0,47.70,12.03,47.71")
    common = compare_classes(PublishedMap.open(stores[0]), PublishedMap.open(more)).common
    assert (common.only_first, len(common.pairs)) == (0, len(PublishedMap.open(stores[0]).units))
    assert common.only_second > 0


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"size": 192}, "lie on different grids: .* 10 m by 96 px, .* 10 m by 192 px"),
        ({"area": "6.0,47.70,6.02,47.71"}, "lie on different grids: .*utm33n.*utm3[12]n"),
        ({"area": "12.2,47.70,12.22,47.71"}, "have no tile in common"),
        ({"classes": {10: "tree", 40: "crop", 80: "sea"}}, "different legends: 80 sea, 80 water"),
    ],
    ids=["tile size", "zone", "place", "legend"],
)
def test_maps_that_cannot_be_compared_say_why(tmp_path, stores, how, message):
    other = class_map(tmp_path, stripes, **how)
    with pytest.raises(SampleError, match=message):
        compare_classes(PublishedMap.open(stores[0]), PublishedMap.open(other))


# --- the map of difference


def test_a_map_of_difference_is_written_as_cogs_with_a_legend(maps, tmp_path):
    difference = Difference(tmp_path / "out", *maps)
    compare_classes(*maps, on_tile=difference.classes)
    legend = json.loads((difference.close() / "difference.json").read_text())["numbers"]
    number = {(one.get("first"), one.get("second")): one["value"] for one in legend}
    unit = maps[0].units[0]
    path = tmp_path / "out" / f"{unit.tile.id}.tif"
    assert cog_validate(path, quiet=True)[0]
    with rasterio.open(path) as file:
        drawn = file.read(1)
        assert (file.crs, file.transform, file.nodata) == (unit.tile.crs, unit.tile.affine, 0)
    one, two = (each.codes(unit) for each in maps)
    assert ((drawn == number["crop", "water"]) == ((one == 40) & (two == 80))).all()
    assert ((drawn == 1) == ((one == two) & (one > 0) & (one < 255))).all()
    assert ((drawn == 0) == ((one == 0) | (two == 0) | (one == 255))).all()


def test_a_map_of_difference_is_not_written_over(maps, tmp_path):
    Difference(tmp_path, *maps).close()
    with pytest.raises(SampleError, match="holds a map of difference already"):
        Difference(tmp_path, *maps)


# --- against a reference


@pytest.fixture(scope="module")
def truth(stores, tmp_path_factory):
    """What interpreters found: the first map is right, but that half of its trees are crops."""
    of = PublishedMap.open(stores[0])
    drawn = Sample.open(stores[0], f"{of.root}/samples/plots").drawn
    table = pd.DataFrame({"plot": drawn["plot"], "map": of.id, "class": drawn["map_class"]})
    table.loc[(drawn["map_class"] == "tree") & (drawn["plot"] % 2 == 0), "class"] = "crop"
    path = tmp_path_factory.mktemp("truth") / "reference.csv"
    table.to_csv(path, index=False)
    return path


def test_units_that_one_map_gets_right_and_the_other_wrong_are_counted_and_named(maps, truth):
    told = judge(*maps, truth).to_dict()
    assert told["only second right"] == 0 < told["only first right"]
    assert told["only first right"] + told["not mapped by both"] > 15, "crops of every second row, and of one in eight"
    assert {(one["first"], one["second"]) for one in told["apart"]} == {("crop", "water")}
    assert told["by_reference_class"]["crop"]["both wrong"] > 10
    assert sum(told[name] for name in ("both right", "only first right", "both wrong", "not mapped by both")) == 120


def test_the_difference_of_accuracies_is_that_of_the_design(maps, truth):
    """Against the estimator written out, over the domain that both map."""
    found = judge(*maps, truth)
    drawn = Sample.open(maps[0].store, f"{maps[0].root}/samples/plots")
    rows = found.units.merge(drawn.drawn[["plot", "stratum"]], on="plot")
    z = ((rows["first"] != "") & (rows["second"] != "")).astype(float)
    d = ((rows["first"] == rows["reference"]).astype(float) - (rows["second"] == rows["reference"])) * z
    area = {one["name"]: one["area_ha"] for one in drawn.design["strata"]}
    pixels = {one["name"]: one["pixels"] for one in drawn.design["strata"]}
    groups = rows.groupby("stratum").groups
    up, down = (sum(area[s] * v[i].mean() for s, i in groups.items()) for v in (d, z))
    rest = d - up / down * z
    variance = sum(area[s] ** 2 * (1 - len(i) / pixels[s]) * rest[i].var() / len(i) for s, i in groups.items())
    told = found.to_dict()["estimate"]
    assert told["difference"] == pytest.approx(up / down)
    assert told["difference_se"] == pytest.approx(np.sqrt(variance) / down)
    assert told["difference_low"] == pytest.approx(up / down - 1.959964 * np.sqrt(variance) / down)
    assert found.title == "design-based"


def test_on_one_map_twice_the_accuracy_is_that_of_the_assessment(maps, stores, truth, tmp_path):
    same = PublishedMap.open(class_map(tmp_path, stripes))
    told = judge(maps[0], same, truth).to_dict()["estimate"]
    expected = assess_map(maps[0], truth).accuracy.of("overall_accuracy")
    assert (told["accuracy_first"], told["accuracy_first_se"]) == pytest.approx(
        (expected.value, expected.standard_error)
    )
    assert (told["difference"], told["difference_se"], told["p"]) == (0, 0, None)


def test_a_reference_of_the_second_maps_sample_serves_as_well(maps, truth):
    there, back = judge(*maps, truth).to_dict(), judge(*maps[::-1], truth).to_dict()
    assert back["only second right"] == there["only first right"]
    assert back["estimate"]["difference"] == pytest.approx(-there["estimate"]["difference"])


def test_points_of_no_sample_are_only_counted(maps, tmp_path):
    unit = next(unit for unit in maps[0].units if unit.tile.owned() is None)
    rows, columns = np.divmod(np.arange(0, 96 * 96, 11), 96)
    x, y = unit.tile.bounds[0] + columns * 10 + 5, unit.tile.bounds[3] - rows * 10 - 5
    lon, lat = from_lonlat(unit.tile.crs).transform(x, y, direction="INVERSE")
    one, two = (each.codes(unit)[rows, columns] for each in maps)
    table = pd.DataFrame({"lon": np.append(lon, 40), "lat": np.append(lat, 10), "class": "crop"})
    table.to_csv(tmp_path / "points.csv", index=False)
    told = judge(*maps, tmp_path / "points.csv").to_dict()
    assert (told["title"], told["estimate"], told["outside"]) == ("no probability sample", None, 1)
    assert told["only first right"] == ((one == 40) & (two != 40) & (two > 0)).sum() > 0
    assert told["not mapped by both"] == ((one == 0) | (two == 0)).sum()


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"plot": [1], "map": ["another@0"], "class": ["crop"]}, "is of the map 'another@0'"),
        ({"class": ["crop"]}, "neither plots of a sample nor longitude and latitude"),
        ({"lon": [12.01], "lat": [47.705], "class": ["wheat"]}, "1 points .* have classes that the maps lack: 'wheat'"),
        ({"lon": [12.01], "lat": [47.705]}, "has no column of classes"),
    ],
)
def test_a_reference_that_does_not_fit_is_refused(maps, tmp_path, table, message):
    pd.DataFrame(table).to_csv(tmp_path / "reference.csv", index=False)
    with pytest.raises(SampleError, match=message):
        judge(*maps, tmp_path / "reference.csv")


# --- values


def test_maps_of_values_differ_by_mean_rmsd_and_bin(good, tmp_path):  # noqa: F811
    other = Broken.copy(good, tmp_path)
    other.redraw(TILES[0], "agb", lambda agb: agb + np.where(agb > 150, 10, 0).astype(np.float32))
    one, two = PublishedMap.open(good), PublishedMap.open(other.folder)
    told = compare_values(one, two, "agb", edges=[100, 150]).to_dict()
    values = [
        np.concatenate([each.read(unit, "agb").ravel() for unit in each.units]).astype(float) for each in (one, two)
    ]
    there = ~np.isnan(values[0])
    apart, first = (values[1] - values[0])[there], values[0][there]
    assert told["mean_difference"] == pytest.approx(apart.mean(), rel=1e-5)
    assert told["rmsd"] == pytest.approx(np.sqrt((apart**2).mean()), rel=1e-5)
    assert told["correlation"] == pytest.approx(np.corrcoef(first, first + apart)[0, 1], abs=1e-5)
    assert [one["pixels"] for one in told["bins"]] == np.histogram(first, [-1e9, 100, 150, 1e9])[0].tolist()
    assert [one["mean_difference"] == 0 for one in told["bins"]] == [True, True, False]
    assert told["unmapped_pixels"]["neither"] == (~there).sum()


def test_bins_of_values_are_tenths_unless_they_are_told(good):  # noqa: F811
    of = PublishedMap.open(good)
    pixels = [one["pixels"] for one in compare_values(of, of, "agb").to_dict()["bins"]]
    assert len(pixels) == 10
    assert max(pixels) < 1.3 * min(pixels)


def test_a_layer_that_a_map_lacks_is_refused(maps):
    with pytest.raises(SampleError, match=r"has no layer 'agb'\. It has class"):
        compare_values(*maps, "agb")


# --- the command


def test_the_command_writes_the_map_and_judges(stores, truth, tmp_path):
    words = [stores[0].root, stores[1].root, "--reference", truth, "--out", tmp_path / "out"]
    code, told = swath("compare", *words)
    assert (code, told["kind"], told["judged"]["title"]) == (0, "classes", "design-based")
    assert len(list((tmp_path / "out").glob("*.tif"))) == told["tiles"]["common"]


def test_a_person_sees_the_matrix_and_what_it_is_not(stores, truth, capsys):
    from swath.cli import main

    assert main(["compare", stores[0].root, stores[1].root, "--reference", str(truth)]) == 0
    shown = capsys.readouterr().out
    assert "of what both map" in shown and "only first right" in shown
    assert "not areas of change" in shown


def test_a_map_is_not_compared_with_itself(stores):
    code, told = swath("compare", stores[0].root, stores[0].root)
    assert code == 2
    assert "compared with itself" in told["error"]["message"]
