"""Chips of several inputs have the numbers that a map of them is made from."""

import numpy as np
import pytest

from support.drawn_labels import AREA, drawn_labels
from support.several import PRODUCT, mosaic_of, several_world  # noqa: F401
from swath.errors import LabelError
from swath.grid import Period
from swath.models.spec import BandInput
from swath.planning import MapRequest
from swath.products import Product
from swath.sources import collection
from swath.training import ChipSet, ChipSettings, SplitSpec, Statistics, cut_chips
from swath.training.chip_inputs import InputChoice, channels_of_chips, chosen_inputs
from swath.training.cube_of import chips_product
from swath.training.streamed import stream_chips

INPUTS = {
    "up": InputChoice(bands=("vv", "vh"), transform="decibel", clip=(-30, 5)),
    "height": InputChoice(bands=("elevation",)),
    "climate": InputChoice(bands=("bio12",), transform="log1p", optional=True),
}
SETTINGS = ChipSettings(
    size=48, margin=6, split=SplitSpec(folds=3, block_m=200, buffer_m=20, seed=4), inputs=INPUTS, location=True
)
WHOLE = Product.parse(PRODUCT, where="several").with_overrides(["output.grid.tile_size=192"])


@pytest.fixture(scope="module")
def request_of_chips(several_world):  # noqa: F811
    product = chosen_inputs(chips_product(WHOLE, ["B04", "B08"]), INPUTS)
    return MapRequest(product, AREA, Period.parse("2023-06"), str(several_world.catalog))


@pytest.fixture(scope="module")
def chips(request_of_chips, tmp_path_factory):
    folder = tmp_path_factory.mktemp("several-chips")
    cut_chips(request_of_chips, drawn_labels(folder), folder / "chips", settings=SETTINGS, cluster="inline")
    return ChipSet.open(folder / "chips")


def test_inputs_that_are_not_chosen_are_not_of_the_cube():
    product = chosen_inputs(chips_product(WHOLE, ["B04", "B08"]), INPUTS)
    assert [given.name for given in product.inputs] == [None, "up", "height", "climate"]
    assert product.inputs[1].bands == ("vv", "vh") and product.inputs[0].bands == ("B04", "B08")


def test_a_model_is_told_what_each_band_is(chips):
    facts = chips.facts
    assert [band.channel for band in facts.bands] == [
        "B04", "B08", "up_vv", "up_vh", "height_elevation", "climate_bio12", "location_longitude", "location_latitude",
    ]  # fmt: skip
    assert facts.unit == "reflectance" and [band.unit for band in facts.bands] == [
        None, None, "gamma0", "gamma0", "m", "mm", "deg", "deg",
    ]  # fmt: skip
    assert facts.bands[2] == BandInput(name="vv", input="up", unit="gamma0", transform="decibel", clip=(-30, 5))
    assert facts.bands[5].optional and not facts.bands[4].optional
    assert {layer.dtype for layer in facts.layers} == {"float32"} and all(np.isnan(f.nodata) for f in facts.layers)
    assert facts.layers[0].scale == 0.0001 and facts.layers[2].scale == 1


def test_numbers_are_those_of_the_composites(chips, request_of_chips, several_world, tmp_path):  # noqa: F811
    path = several_world.product(
        tmp_path,
        PRODUCT.replace("model: {kind: values}\n", "").replace("[model]", "[B04, B08]", 1)
        .replace("[model]", "[vv, vh]", 1).replace("[model]", "[vv, vh]", 1)
        .replace("[model]", "[elevation]", 1).replace("[model]", "[bio12]", 1),
    )  # fmt: skip
    code, told = several_world.map(tmp_path / "store", path, None)
    assert code == 0, told
    row = chips.index.slice(0, 1).to_pylist()[0]
    read = chips.read([0])["numbers"]
    assert read.dtype == np.float32 and read.shape == (1, 1, 8, 60, 60)
    inner = read[0, 0, :, 6:-6, 6:-6]
    for channel, layer in enumerate(("B04", "B08", "vv", "vh", "elevation", "bio12")):
        whole, at = mosaic_of(tmp_path / "store", layer)
        col, row_of = (round(v) + 6 for v in ~at @ (row["x"], row["y"]))
        part = whole[row_of : row_of + 48, col : col + 48].astype(np.float32)
        part[part == (0 if layer.startswith("B") else -32768)] = np.nan
        # heights are interpolated by GDAL, whose last digit depends on the window
        np.testing.assert_allclose(inner[channel], part, rtol=1e-6, err_msg=layer)
    assert ((inner[6] > 12.4) & (inner[6] < 12.6)).all() and ((inner[7] > 47.6) & (inner[7] < 47.8)).all()


def test_streamed_chips_are_the_same(chips, request_of_chips, tmp_path):
    streamed = stream_chips(request_of_chips, drawn_labels(tmp_path), tmp_path / "stream", settings=SETTINGS)
    place = streamed.index["chip"].to_pylist().index(chips.index["chip"][2].as_py())
    np.testing.assert_allclose(streamed.read([place])["numbers"], chips.read([2])["numbers"], rtol=1e-6)


def test_statistics_are_of_transformed_values(chips):
    found = Statistics.of(chips.holding_out(test=0, validate=1))
    assert -25 < found.mean[2] < 0 and 0.5 < found.std[2] < 10
    assert 5 < found.mean[5] < 9 and 100 < found.mean[4] < 5000
    assert 0 < found.mean[0] < 0.5


def test_an_input_that_the_product_lacks_or_that_has_no_bands_is_refused():
    with pytest.raises(
        LabelError, match=r"chips\.inputs names 'snow', and several has no such input.*up, down, height"
    ):
        chosen_inputs(WHOLE, {"snow": InputChoice(bands=("depth",))})
    with pytest.raises(LabelError, match=r"chips\.inputs\.up has no bands"):
        chosen_inputs(WHOLE, {"up": InputChoice()})


def test_bands_that_may_lack_are_named_by_name_or_kind_and_first_is_the_first():
    facts = collection("swath-simulated-thermal")
    text = "{name: night, version: '1', title: Night, inputs: [{bands: [red, nir08, temperature]}]}"
    product = Product.parse(text, where="night")
    choices = {"first": InputChoice(optional=("reflectance",), clip=(0, 1))}
    assert chosen_inputs(product, choices) == product
    found = channels_of_chips(product, [facts], [product.cube_spec(facts)], choices, location=False)
    assert [(one.band.channel, one.band.optional, one.band.unit, one.band.clip) for one in found] == [
        ("red", True, None, (0, 1)), ("nir08", True, None, (0, 1)),
        ("lwir11", False, "K", None), ("lwir12", False, "K", None),
    ]  # fmt: skip
    wrong = {"first": InputChoice(optional=("backscatter",))}
    with pytest.raises(LabelError, match=r"chips\.inputs\.first\.optional names 'backscatter', which none of"):
        channels_of_chips(product, [facts], [product.cube_spec(facts)], wrong, location=False)
