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

NAMES = {"B03": "green", "B04": "red", "B08": "nir", "B11": "swir16"}


def given(unit: str = "reflectance") -> InputSpec:
    bands = tuple(
        BandInput(name=b, common_name=c, mean=0.2 + 0.01 * n, std=0.05) for n, (b, c) in enumerate(NAMES.items())
    )
    return InputSpec(bands=bands, unit=unit, gsd=10, window=64, stride=48, margin=8)


def network(**settings) -> Network:
    parts = NetworkSpec(
        encoder=PartSpec(name="statistics", settings={"width": 16, **settings}), head=PartSpec(name="segmentation")
    )
    torch.manual_seed(1)
    made = Network.build(
        ModelSpec(name="toy", input=given(), output=ClassesOutput(classes=("a", "b", "c")), network=parts)
    )
    with torch.no_grad():  # the statistics of its normalisation are those of data, as after a training
        for _ in range(3):
            made.train()(*example_inputs(made.spec, batch=2, seed=3))
    return made.eval()


@pytest.mark.parametrize("boxes", ["3", "3,7", "3,7,15"])
def test_it_sees_half_of_its_largest_box(boxes):
    made = network(boxes=boxes)
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
    ],
)
def test_settings_out_of_range_are_refused(settings, named):
    with pytest.raises(ModelError, match=named):
        encoder("statistics", given(), **settings)
