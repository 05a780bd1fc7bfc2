"""The encoder of neighbourhood statistics: what it sees, how far, and that it goes out as a graph."""

import numpy as np
import onnxruntime
import pytest
import torch
from scipy.ndimage import uniform_filter

from swath.errors import ModelError
from swath.models.encoders import encoder
from swath.models.export import export_onnx
from swath.models.network import Network, example_inputs
from swath.models.reach import measured_reach
from swath.models.spec import BandInput, ClassesOutput, InputSpec, Layout, ModelSpec, NetworkSpec, PartSpec

SPLIT = "lwir11-lwir12"
NAMES = {"B03": "green", "B04": "red", "B08": "nir", "B11": "swir16"}


def given(unit: str = "reflectance") -> InputSpec:
    bands = tuple(
        BandInput(name=b, common_name=c, mean=0.2 + 0.01 * n, std=0.05) for n, (b, c) in enumerate(NAMES.items())
    )
    return InputSpec(bands=bands, unit=unit, gsd=10, window=64, stride=48, margin=8)


def thermal() -> InputSpec:
    """Landsat's near infrared and two thermal bands, each of which a scene may lack."""
    bands = (
        BandInput(name="nir08", common_name="nir08", mean=0.2, std=0.1, optional=True),
        BandInput(name="lwir11", common_name="lwir11", unit="K", mean=280.0, std=8.0, optional=True),
        BandInput(name="lwir12", common_name="lwir12", unit="K", mean=279.0, std=7.0, optional=True),
    )
    return InputSpec(bands=bands, unit="reflectance", gsd=30, window=64, stride=48, margin=8)


def network(spec: InputSpec | None = None, **settings) -> Network:
    parts = NetworkSpec(
        encoder=PartSpec(name="statistics", settings={"width": 16, **settings}), head=PartSpec(name="segmentation")
    )
    torch.manual_seed(1)
    made = Network.build(
        ModelSpec(name="toy", input=spec or given(), output=ClassesOutput(classes=("a", "b", "c")), network=parts)
    )
    with torch.no_grad():  # the statistics of its normalisation are those of data, as after a training
        for _ in range(3):
            made.train()(*example_inputs(made.spec, batch=2, seed=3))
    return made.eval()


@pytest.mark.parametrize("only_data", [False, True])
@pytest.mark.parametrize("boxes", ["3", "3,7", "3,7,15"])
def test_it_sees_half_of_its_largest_box(boxes, only_data):
    made = network(boxes=boxes, only_data=only_data)
    assert made.reach == measured_reach(made) == int(boxes.split(",")[-1]) // 2


def test_its_means_and_deviations_are_those_of_boxes():
    made = encoder("statistics", given("K"), width=8, boxes="5")
    x = torch.randn(1, 4, 40, 40, generator=torch.Generator().manual_seed(2))
    found = made._statistics(x)[0].numpy()
    assert len(found) == 12  # four bands, their means, their deviations: no normalised difference of temperatures
    inner = (slice(None), slice(2, -2), slice(2, -2))
    values = x[0].numpy().astype(np.float64)
    mean = np.stack([uniform_filter(band, 5) for band in values])
    square = np.stack([uniform_filter(band**2, 5) for band in values])
    np.testing.assert_allclose(found[:4], values, atol=1e-6)
    np.testing.assert_allclose(found[4:8][inner], mean[inner], atol=1e-5)
    np.testing.assert_allclose(found[8:][inner], 0.5 * np.log(square - mean**2 + 1e-3)[inner], atol=1e-4)


def test_normalised_differences_are_of_reflectance_not_of_what_the_network_is_given():
    made = encoder("statistics", given(), width=8, boxes="3")
    assert len(made.pairs) == 3  # nir and red, green and nir, nir and swir16: the bands allow no other
    x = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(4))
    green, red, nir, _ = (x[0] * 0.05 + torch.tensor([0.2, 0.21, 0.22, 0.23]).view(4, 1, 1)).clamp(min=1e-3)
    np.testing.assert_allclose(made._statistics(x)[0, 4], 4 * (nir - red) / (nir + red), atol=1e-5)
    np.testing.assert_allclose(made._statistics(x)[0, 5], 4 * (green - nir) / (green + nir), atol=1e-5)


def test_two_thermal_bands_are_told_by_their_difference_in_kelvin():
    made = encoder("statistics", thermal(), width=8, boxes="3", differences=SPLIT)
    x = torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(4))
    kelvin = (x[0, 1] * 8 + 280) - (x[0, 2] * 7 + 279)
    np.testing.assert_allclose(made._statistics(x)[0, 3], kelvin, atol=1e-4)


def test_a_further_difference_of_reflectance_is_normalised():
    made = encoder("statistics", given(), width=8, boxes="3", differences="green-red")
    x = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(4))
    green, red = (x[0, :2] * 0.05 + torch.tensor([0.2, 0.21]).view(2, 1, 1)).clamp(min=1e-3)
    np.testing.assert_allclose(made._statistics(x)[0, 7], 4 * (green - red) / (green + red), atol=1e-5)


def test_where_a_thermal_band_is_missing_there_is_no_difference():
    made = encoder("statistics", thermal(), width=8, boxes="3", differences=SPLIT)
    x = torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(4))
    x[:, 2, :4] = 0  # the fill
    found = made._statistics(x)[0, 3]
    assert (found[:4] == 0).all()
    assert (found[4:] != 0).all()


def test_bands_without_a_second_thermal_one_have_no_difference():
    plain, asked = (encoder("statistics", given(), width=8, boxes="3", differences=told) for told in ("", SPLIT))
    assert asked.scale.num_features == plain.scale.num_features


@pytest.mark.parametrize("gone", [0, 1])
def test_boxes_of_data_alone_are_the_same_whatever_lies_beyond_an_edge(gone):
    """A swath ends at a column, for one band or for all: what is seen is as in a window that ends there."""
    made = encoder("statistics", thermal(), width=8, boxes="3,7", differences=SPLIT, only_data=True)
    x = torch.randn(1, 3, 20, 20, generator=torch.Generator().manual_seed(5)) + 3
    alone = made._statistics(x[..., :12])
    x[:, gone:, :, 12:] = 0
    found = made._statistics(x)[..., :12]
    of = [n for n in range(found.shape[1]) if gone == 0 or n % 4 >= gone]  # of three bands and a difference
    torch.testing.assert_close(found[:, of], alone[:, of], atol=1e-3, rtol=1e-3)
    plain = encoder("statistics", thermal(), width=8, boxes="3,7", differences=SPLIT)
    assert not torch.allclose(plain._statistics(x)[:, of][..., :12], alone[:, of], atol=0.1)


def test_boxes_of_data_alone_leave_out_what_the_mask_of_a_date_leaves_out():
    spec = given("K").model_copy(update={"steps": 2, "layout": Layout.NTCHW, "valid": True})
    made = encoder("statistics", spec, width=8, boxes="5", only_data=True)
    x = torch.randn(1, 2, 4, 20, 20, generator=torch.Generator().manual_seed(6))
    valid = torch.ones(1, 2, 20, 20)
    valid[:, 0, :, 9:] = 0
    found, alone = made.fixed(x, valid), made.fixed(x[..., :9], valid[..., :9])
    torch.testing.assert_close(found[:, :12, :, :9], alone[:, :12], atol=1e-4, rtol=1e-4)
    whole = made.fixed(x, torch.ones_like(valid))
    torch.testing.assert_close(found[:, 12:24], whole[:, 12:24])  # the other date has data everywhere


def test_with_a_difference_and_boxes_of_data_alone_it_goes_out_as_a_graph_that_gives_the_same(tmp_path):
    made = network(thermal(), differences=SPLIT, only_data=True)
    export_onnx(made, made.spec, tmp_path / "model.onnx")
    (x,) = example_inputs(made.spec, batch=1, seed=7)
    x[:, 0] = 0  # night
    x[..., 40:] = 0  # a swath's edge
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"), providers=["CPUExecutionProvider"])
    with torch.no_grad():
        expected = made(x).numpy()
    np.testing.assert_allclose(session.run(None, {"x": x.numpy()})[0], expected, atol=1e-4)


def test_it_goes_out_as_a_graph_that_gives_the_same(tmp_path):
    made = network()
    export_onnx(made, made.spec, tmp_path / "model.onnx")
    (x,) = example_inputs(made.spec, batch=1, seed=7)
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"), providers=["CPUExecutionProvider"])
    # reflectance as flat as a lake, where a variance is the small difference of two large numbers
    for values in (x, x * 1e-3 + 2.5):
        with torch.no_grad():
            expected = made(values).numpy()
        np.testing.assert_allclose(session.run(None, {"x": values.numpy()})[0], expected, atol=1e-4)


def test_of_several_dates_each_is_looked_at_by_itself():
    spec = given().model_copy(update={"steps": 3, "layout": Layout.NTCHW})
    made = encoder("statistics", spec, width=8, boxes="3")
    x = torch.randn(2, 3, 4, 20, 20, generator=torch.Generator().manual_seed(4))
    expected = torch.cat([made.fixed(x[:, step : step + 1]) for step in range(3)], dim=1)
    torch.testing.assert_close(made.fixed(x), expected)


def test_its_two_parts_make_its_features():
    spec = given().model_copy(update={"valid": True})
    made = encoder("statistics", spec, width=8, boxes="3").eval()
    x = torch.randn(2, 1, 4, 20, 20, generator=torch.Generator().manual_seed(5))
    valid = (torch.rand(2, 1, 20, 20, generator=torch.Generator().manual_seed(6)) > 0.2).float()
    with torch.no_grad():
        whole, parts = made(x, valid=valid), made.learned(made.fixed(x, valid))
    assert torch.equal(whole.pyramid[0], parts.pyramid[0])
    assert not torch.equal(whole.pyramid[0], made(x, valid=torch.ones_like(valid)).pyramid[0])


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"boxes": "7,3"}, "rising odd numbers"),
        ({"boxes": "3,4"}, "odd numbers from 3 to 127"),
        ({"boxes": "a"}, "rising odd numbers"),
        ({"dropout": 1.0}, "from 0 to below 1"),
        ({"width": 0}, "whole number"),
        ({"differences": "green"}, "has 'green'"),
        ({"differences": "green-green"}, "has 'green-green'"),
        ({"differences": "green-reed"}, "Names: coastal, blue"),
    ],
)
def test_settings_out_of_range_are_refused(settings, named):
    with pytest.raises(ModelError, match=named):
        encoder("statistics", given(), **settings)


def test_a_difference_of_two_units_is_refused():
    with pytest.raises(ModelError, match="of reflectance and K"):
        encoder("statistics", thermal(), differences="nir08-lwir11")
