"""Each sensor of a recipe asks for its own collection and its own layer of labels; results are told together."""

import pytest

from swath.errors import LabelError
from swath.grid import Area, Period
from swath.planning import MapRequest
from swath.products import Product
from swath.products.inputs import resolve_bands
from swath.sources.facts import collection
from swath.training.chips import ChipsResult
from swath.training.recipe import Recipe
from swath.training.sensors import Sensor, joined_result

NIGHT = Sensor(
    name="night", collection="swath-simulated-thermal", bands=("lwir11",), where={"sat:orbit_state": "ascending"},
    layer="thermal",
)  # fmt: skip


def test_a_sensor_asks_for_its_own_items():
    request = MapRequest(
        Product.load("clouds"), Area.parse("12,47,12.1,47.1"), Period.parse("2023-06/acquisition"), "catalog.json"
    )
    (given, *others) = NIGHT.request(request).product.inputs
    assert given.collection == "swath-simulated-thermal" and not others
    assert given.where == {"sat:orbit_state": "ascending"}
    assert request.product.inputs[0].collection == "auto", "the product itself stays as it is"


def test_a_sensor_may_be_searched_elsewhere():
    request = MapRequest(
        Product.load("clouds"), Area.parse("12,47,12.1,47.1"), Period.parse("2023-06/acquisition"), "catalog.json"
    )
    (given,) = NIGHT.model_copy(update={"source": "earth-search"}).request(request).product.inputs
    assert given.source == "earth-search"
    assert NIGHT.request(request).product.inputs[0].source is None


def test_labels_are_of_its_layer():
    assert NIGHT.labels("clouds.gpkg") == "clouds.gpkg::thermal"
    assert NIGHT.model_copy(update={"layer": None}).labels("clouds.gpkg") == "clouds.gpkg"


def test_results_are_added_up():
    one = ChipsResult(
        "a", chips=3, done=2, failed=1, failures=[{"unit": "x"}], classes={"clear": 5}, dropped={"twice": 1}
    )
    two = ChipsResult("b", chips=4, found=2, classes={"clear": 1, "snow": 2}, agreement=True)
    found = joined_result("all", [one, two])
    assert (found.folder, found.chips, found.done, found.found, found.failed) == ("all", 7, 2, 2, 1)
    assert found.classes == {"clear": 6, "snow": 2} and found.dropped == {"twice": 1}
    assert found.agreement and found.failures == [{"unit": "x"}]


def test_two_sensors_of_one_name_are_refused():
    told = {"name": "thermal", "collection": "swath-simulated-thermal"}
    with pytest.raises(LabelError, match="give each a name of its own"):
        Recipe.parse({"sensors": [told, told]})


def test_sensors_are_one_input_of_which_nothing_could_be_dropped():
    told = {"sensors": [{"name": "thermal", "collection": "x"}], "train": {"augment": {"drop_inputs": 0.2}}}
    with pytest.raises(LabelError, match="drop_bands"):
        Recipe.parse(told)


def test_the_recipe_of_clouds_learns_from_bands_that_its_collections_have():
    recipe = Recipe.load("clouds")
    for sensor in recipe.sensors:
        assert resolve_bands(sensor.bands, collection(sensor.collection), where=sensor.name)
    assert any(sensor.bands == ("lwir11",) for sensor in recipe.sensors), "it learns to do with a thermal band alone"


def test_the_recipe_of_the_demo_tells_day_from_night():
    sensors = {sensor.name: sensor for sensor in Recipe.load("clouds-demo").sensors}
    assert set(sensors) == {"optical", "l1c", "thermal-day", "thermal-night"}
    assert set(sensors["thermal-night"].bands) < set(sensors["thermal-day"].bands)
