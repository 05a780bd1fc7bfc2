"""Plots of classes that others drew, or gathered without a design."""

import numpy as np
import pandas as pd
import pytest

from support.class_map import class_map, stripes
from swath.assessment import PublishedMap, assess_class_plots, draw_sample
from swath.errors import SampleError


@pytest.fixture(scope="module")
def placed(tmp_path_factory):
    of = PublishedMap.open(class_map(tmp_path_factory.mktemp("map"), stripes))
    sample = draw_sample(of, number=150, design="simple", name="one")
    lon, lat = sample.places()
    units = {unit.tile.id: unit for unit in of.units}
    rows = sample.drawn.itertuples()
    names = [of.legend[int(of.codes(units[row.tile])[row.row, row.column])] for row in rows]
    label = np.array(names, object)
    label[::7] = "crop"
    return of, pd.DataFrame({"lon": lon, "lat": lat, "class": label}), names


def assessed(placed, folder, change=lambda table: table, **more):
    of, table, _ = placed
    path = folder / "plots.csv"
    change(table).to_csv(path, index=False)
    return assess_class_plots(of, path, **{"design": "simple"} | more)


def test_a_simple_sample_of_others_gives_the_share_of_plots_that_agree(placed, tmp_path):
    made = assessed(placed, tmp_path)
    agree = (placed[1]["class"] == placed[2]).mean()
    assert made.accuracy.of("overall_accuracy").value == pytest.approx(agree)
    assert made.to_dict()["title"] == "design-based"


def test_plots_without_a_design_are_model_based_and_stand_for_their_class(placed, tmp_path):
    made = assessed(placed, tmp_path, design="none")
    assert made.to_dict()["title"] == "model-based"
    assert "stand for their map class" in made.notes[0]
    found = pd.Series(placed[1]["class"].to_numpy() == np.array(placed[2]), index=placed[2])
    assert made.accuracy.of("users_accuracy", "tree").value == pytest.approx(found["tree"].mean())


def test_where_a_class_has_one_plot_they_stand_for_the_whole_map(placed, tmp_path):
    water = [at for at, name in enumerate(placed[2]) if name == "water"]
    made = assessed(placed, tmp_path, lambda table: table.drop(index=water[1:]), design="none")
    assert "stand for the whole map" in made.notes[0]


def test_strata_of_others_weigh_by_what_their_plots_stand_for(placed, tmp_path):
    of, table, names = placed
    pixels = sum(int(np.isin(of.codes(unit), [10, 40, 80]).sum()) for unit in of.units)
    half = np.arange(len(table)) < 50
    strata = table.assign(
        stratum=np.where(half, "near", "far"),
        inclusion_probability=np.where(half, 50 / (0.1 * pixels), 100 / (0.9 * pixels)),
    )
    made = assessed((of, strata, names), tmp_path, design="stratified")
    agree = (table["class"] == names).to_numpy()
    expected = 0.1 * agree[half].mean() + 0.9 * agree[~half].mean()
    assert made.accuracy.of("overall_accuracy").value == pytest.approx(expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.assign(**{"class": t["class"].replace("crop", "wheat")}), "classes that the map lacks: 'wheat'"),
        (lambda t: t.assign(lat=t["lat"].where(t.index > 1, 50.0)), "2 of 150 plots .* lie outside the map"),
        (lambda t: t.assign(cluster=t.index // 2), "come in 75 clusters"),
        (lambda t: t.rename(columns={"class": "cover"}), "has no column 'class'"),
    ],
)
def test_plots_that_do_not_fit_are_refused_with_counts(placed, tmp_path, change, message):
    with pytest.raises(SampleError, match=message):
        assessed(placed, tmp_path, change)
