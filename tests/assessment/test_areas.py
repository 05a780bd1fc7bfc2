"""Areas of classes: by region, with strata that are not the map's classes, and from a systematic sample."""

import geopandas
import numpy as np
import pandas as pd
import pytest
import shapely

from support.class_map import class_map, stripes
from swath.assessment import PublishedMap, Zones, areas_by_region, assess_map, draw_sample
from swath.errors import SampleError


@pytest.fixture(scope="module")
def classes(tmp_path_factory):
    """A map of classes with a stratum about its change, and what interpreters say of a sample of it."""
    folder = tmp_path_factory.mktemp("classes")
    of = PublishedMap.open(class_map(folder / "map", stripes))
    near = geopandas.GeoDataFrame({"stratum": ["near change"]}, geometry=[shapely.box(12.0, 47.70, 12.004, 47.71)])
    near.set_crs(4326).to_file(folder / "near.gpkg")
    sample = draw_sample(of, number=240, least=30, zones=Zones.read(folder / "near.gpkg"), name="zones")
    label = sample.drawn["map_class"].to_numpy().copy()
    # in the buffer trees have gone that the map still has
    gone = (sample.drawn["stratum"] == "near change") & (label == "tree") & (sample.drawn["plot"] % 2 == 0)
    label[gone] = "crop"
    table = pd.DataFrame({"plot": sample.drawn["plot"], "map": of.id, "class": label})
    path = folder / "plots.csv"
    table.to_csv(path, index=False)
    return of, sample, path


def test_a_buffer_around_change_is_a_stratum_that_finds_what_the_map_missed(classes):
    of, sample, path = classes
    found = assess_map(of, path, sample="zones")
    lost = found.reference.joined(sample).query("stratum == 'near change'")
    area = {one["name"]: one["area_ha"] for one in sample.design["strata"]}
    wrong = ((lost["map_class"] == "tree") & (lost["reference"] == "crop")).mean() * area["near change"]
    codes = np.concatenate([of.codes(unit).ravel() for unit in of.units])
    crop = (codes == 40).sum() / np.isin(codes, [10, 40, 80]).sum() * sum(area.values())
    one = found.accuracy.of("area", "crop")
    assert wrong > 5 and one.value == pytest.approx(crop + wrong, abs=2 * one.standard_error)
    assert one.low < crop + wrong < one.high


def test_areas_of_classes_by_region_name_what_is_small(classes, regions):
    of, sample, path = classes
    joined = assess_map(of, path, sample="zones").reference.joined(sample)
    made = areas_by_region(of, sample, joined, regions)
    west = [made.of("west", name, "greg") for name in ("tree", "crop", "water")]
    assert sum(one.total for one in west) == pytest.approx(west[0].area_ha), "shares of a region sum to 1"
    assert "few omissions" in made.of("east", "water").flags
    assert made.of("small", "tree", "greg").flags[0] in ("few units", "no units")
    assert made.of("small", "tree", "synthetic").title == "model-based"


def test_a_local_variance_of_a_systematic_sample_is_smaller_where_errors_hang_together(tmp_path):
    of = PublishedMap.open(class_map(tmp_path / "map", stripes))
    sample = draw_sample(of, number=300, design="systematic", name="lattice")
    lon, _ = sample.places()
    label = sample.drawn["map_class"].to_numpy().copy()
    label[(lon > 12.012) & (label == "tree")] = "crop"
    path = tmp_path / "plots.csv"
    pd.DataFrame({"plot": sample.drawn["plot"], "map": of.id, "class": label}).to_csv(path, index=False)
    simple, local = (assess_map(of, path, how=how).accuracy.of("overall_accuracy") for how in ("simple", "local"))
    assert local.standard_error < 0.8 * simple.standard_error
    assert local.high - local.low < 0.85 * (simple.high - simple.low)


def test_a_local_variance_of_another_design_is_refused(classes):
    of, _, path = classes
    with pytest.raises(SampleError, match="'zones' is stratified"):
        assess_map(of, path, sample="zones", how="local")
