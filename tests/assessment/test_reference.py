"""What interpreters found is joined to the sample it is of, or refused with the count of what does not fit."""

import numpy as np
import pandas as pd
import pytest

from support.class_map import CLASSES, class_map, stripes
from swath.assessment import PublishedMap, Sample, assess_map, draw_sample
from swath.errors import SampleError


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = class_map(tmp_path_factory.mktemp("map"), stripes)
    draw_sample(PublishedMap.open(store), number=90, allocation="equal", least=2, name="one")
    return store


@pytest.fixture
def filled(store):
    """The table that interpreters hand back: water is sometimes crop."""
    of = PublishedMap.open(store)
    drawn = Sample.open(store, f"{of.root}/samples/one").drawn
    table = pd.DataFrame({"PLOTID": drawn["plot"], "map": of.id, "class": drawn["map_class"]})
    table.loc[(drawn["map_class"] == "water") & (drawn["plot"] % 3 == 0), "class"] = "crop"
    return table


def assessed(store, table, tmp_path):
    path = tmp_path / "reference.csv"
    table.to_csv(path, index=False)
    return assess_map(PublishedMap.open(store), path)


def test_estimates_are_of_the_sample_and_kept_beside_it(store, filled, tmp_path):
    found = assessed(store, filled, tmp_path)
    water = filled.loc[Sample.open(store, found.sample.folder).drawn["map_class"] == "water", "class"]
    assert found.accuracy.of("users_accuracy", "water").value == pytest.approx((water == "water").mean())
    areas = {one["name"]: one["area_ha"] for one in found.sample.design["strata"]}
    moved = areas["water"] * (water == "crop").mean()
    assert found.accuracy.of("area", "crop").value == pytest.approx(areas["crop"] + moved)
    assert store.exists(f"{found.sample.folder}/accuracy.json")
    assert found.to_dict()["title"] == "design-based"


def test_a_geopackage_or_other_names_of_columns_serve_too(store, filled, tmp_path):
    renamed = filled.rename(columns={"PLOTID": "plot", "class": "primary"})
    assert assessed(store, renamed, tmp_path).accuracy.of("overall_accuracy").value < 1


def test_plots_without_a_label_are_counted(store, filled, tmp_path):
    filled.loc[3:5, "class"] = np.nan
    found = assessed(store, filled, tmp_path)
    assert found.reference.dropped == {"without a class": 3}
    assert found.to_dict()["without_label"] == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="map"), "does not say which version of the map"),
        (lambda t: t.assign(map="landcover/1.0/2022@0"), "is of the map 'landcover/1.0/2022@0'"),
        (lambda t: t.assign(PLOTID=t["PLOTID"] + 5), "5 plots of .* are not of the sample: '91'"),
        (lambda t: pd.concat([t, t.head(2)]), "2 plots of .* come twice"),
        (lambda t: t.assign(**{"class": t["class"].replace("crop", "wheat")}), "classes that the map lacks: 'wheat'"),
        (lambda t: t.drop(columns="class"), "has none of the columns class"),
        (
            lambda t: t[t.index.isin(t.index[t["class"] == "tree"][:1]) | (t["class"] != "tree")],
            "its variance is undefined",
        ),
    ],
)
def test_a_reference_that_does_not_fit_is_refused(store, filled, tmp_path, change, message):
    with pytest.raises(SampleError, match=message):
        assessed(store, change(filled), tmp_path)


def test_a_map_that_has_changed_since_needs_new_plots(tmp_path, filled):
    store = class_map(tmp_path, stripes)
    draw_sample(PublishedMap.open(store), number=90, allocation="equal", least=2, name="one")
    class_map(tmp_path, stripes, key="ba9876543210")
    with pytest.raises(SampleError, match="the map has become"):
        assessed(store, filled, tmp_path)


def test_classes_are_those_of_the_map(store):
    assert list(PublishedMap.open(store).legend.values()) == list(CLASSES.values())
