"""Calibration is part of a model's graph: torch and ONNX Runtime give the same calibrated numbers."""

from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from models.network_specs import drawn, spec_of, values
from swath.errors import ModelError
from swath.models.calibration import ClassCalibration, ValueCalibration, middle_of
from swath.models.export import export_onnx, input_names, run
from swath.models.network import Network, example_inputs
from swath.models.spec import ModelSpec, ValueOutput, ValuesOutput

CLASSES = ClassCalibration(scale=(0.5, 2.0, 1.0), bias=(0.3, -0.2, 0.0))
WIDER = ValueCalibration(knots=(-0.5, 0.0, 0.5), factors=(0.5, 1.5, 3.0))
GAUSSIAN = {"form": "gaussian", "gives": "mean,sd,q05,q95"}
SPECS = {
    "classes": (spec_of("mlp"), CLASSES),
    "ordered classes": (spec_of("mlp", "ordinal"), CLASSES),
    "values": (
        spec_of("mlp", "regression", output=values("agb", "agb_sd", "q05", "q95"), head_settings=GAUSSIAN),
        WIDER,
    ),
    "quantiles": (
        spec_of(
            "mlp", "regression", output=values("q05", "agb_median", "agb", "q95"),
            head_settings={"form": "quantiles", "gives": "q05,median,mean,q95"},
        ),
        WIDER,
    ),
}  # fmt: skip


def calibrated(spec: ModelSpec, made: ClassCalibration | ValueCalibration) -> ModelSpec:
    return ModelSpec.model_validate({**spec.model_dump(), "calibration": made.model_dump()})


def both(name: str) -> tuple[Network, Network, tuple[torch.Tensor, ...]]:
    """The same weights without and with calibration, and inputs."""
    spec, made = SPECS[name]
    plain, after = drawn(spec), drawn(calibrated(spec, made))
    after.load(plain.state_dict())
    return plain, after, example_inputs(spec.input, seed=3)


@pytest.mark.parametrize("name", SPECS)
def test_the_graph_of_a_package_is_calibrated(name: str, tmp_path: Path) -> None:
    plain, after, inputs = both(name)
    export_onnx(after, after.spec, tmp_path / "model.onnx")
    found = run(tmp_path / "model.onnx", input_names(after.spec), inputs)
    with torch.no_grad():
        wanted, before = after.finished()(*inputs).numpy(), plain.finished()(*inputs).numpy()
    assert np.abs(found - wanted).max() < 1e-4 < np.abs(found - before).max()


@pytest.mark.parametrize("name", ["classes", "ordered classes"])
def test_probabilities_go_through_a_line_of_their_logarithms(name: str) -> None:
    plain, after, inputs = both(name)
    with torch.no_grad():
        before, found = plain.finished()(*inputs), after.finished()(*inputs)
    line = before * torch.tensor(CLASSES.scale).view(1, 3, 1, 1) + torch.tensor(CLASSES.bias).view(1, 3, 1, 1)
    assert torch.allclose(found.softmax(1), line.softmax(1), atol=1e-6)


def test_an_interval_widens_about_its_middle_and_the_spread_with_it() -> None:
    plain, after, inputs = both("values")
    with torch.no_grad():
        before, found = plain.finished()(*inputs)[0], after.finished()(*inputs)[0]
    factor = torch.from_numpy(WIDER.factor(before[0].double().numpy())).float()
    assert torch.equal(found[0], before[0])
    assert torch.allclose(found[1], factor * before[1], atol=1e-5)
    for place in (2, 3):
        assert torch.allclose(found[place] - found[0], factor * (before[place] - before[0]), atol=1e-4)


def test_mean_and_median_stay_as_they_are() -> None:
    plain, after, inputs = both("quantiles")
    with torch.no_grad():
        before, found = plain.finished()(*inputs)[0], after.finished()(*inputs)[0]
    assert torch.equal(found[1:3], before[1:3]) and not torch.allclose(found[0], before[0])
    assert middle_of(("q05", "median", "mean", "q95")) == 1


def test_knots_are_in_the_unit_of_the_value() -> None:
    spec, _ = SPECS["values"]
    output = ValuesOutput(
        values=tuple(ValueOutput(name=name, unit="Mg/ha", scale=40.0, offset=100.0) for name in spec.output.channels)
    )
    made = ValueCalibration(knots=(80.0, 120.0), factors=(1.0, 2.0))
    network = drawn(calibrated(spec.model_copy(update={"output": output}), made))
    found = network.calibrate(torch.tensor([-0.5, 1.0, -1.0, 1.0]).view(1, 4, 1, 1))
    assert found.flatten().tolist() == pytest.approx([-0.5, 1.0, -1.0, 1.0])
    found = network.calibrate(torch.tensor([0.5, 1.0, 0.0, 2.0]).view(1, 4, 1, 1))
    assert found.flatten().tolist() == pytest.approx([0.5, 2.0, -0.5, 3.5])


def test_a_spec_without_calibration_is_written_as_before() -> None:
    spec, made = SPECS["classes"]
    assert "calibration" not in spec.model_dump(exclude_defaults=True)
    assert calibrated(spec, made).model_dump(exclude_defaults=True)["calibration"]["bias"] == (0.3, -0.2, 0.0)


@pytest.mark.parametrize(
    ("name", "made", "said"),
    [
        ("classes", WIDER, "calibration is of values"),
        ("classes", ClassCalibration(scale=(1, 1), bias=(0, 0)), "2 classes, the output has 3"),
    ],
)
def test_a_calibration_of_another_output_is_refused(name: str, made: ClassCalibration, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        calibrated(SPECS[name][0], made)


def test_knots_that_do_not_rise_are_refused() -> None:
    with pytest.raises(ValidationError, match="do not rise"):
        ValueCalibration(knots=(1, 1), factors=(1, 1))


def test_points_have_no_interval_to_calibrate() -> None:
    spec = calibrated(spec_of("mlp", "regression", output=values("agb")), WIDER)
    with pytest.raises(ModelError, match="no interval"):
        Network.build(spec)
