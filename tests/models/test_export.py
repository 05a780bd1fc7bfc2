from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from models.network_specs import CLASSES, placed, spec_of, values
from models.specs import dates, input_spec, model_spec
from swath.errors import ModelError
from swath.models import export
from swath.models.export import export_onnx, input_names, run
from swath.models.network import Network, example_inputs
from swath.models.spec import ModelSpec

SPECS = {
    "unet": model_spec(),
    "temporal": model_spec(dates(2), encoder="temporal"),
    "target": model_spec(dates(2, target=1), encoder="temporal"),
    "convnext, ordered classes": spec_of("convnext", "ordinal"),
    "wavelength, logs with an interval": spec_of(
        "wavelength",
        "regression",
        given=dates(3, target=1),
        output=values("agb", "agb_sd", "q05"),
        head_settings={"form": "gaussian", "gives": "mean,sd,q05", "log": True},
    ),
    "codes and place, quantiles": spec_of(
        "mlp",
        "regression",
        given=placed(),
        output=values("q05", "median", "sd"),
        head_settings={"form": "quantiles", "gives": "q05,median,sd"},
        categories="B08:4",
        location={"degree": 4},
    ),
}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Network, Path]]:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("onnx")
    made = {}
    for name, spec in SPECS.items():
        torch.manual_seed(0)
        network = Network.build(spec).train()
        with torch.no_grad():
            network(*example_inputs(spec.input, batch=2, seed=1))  # statistics that are not those of a fresh network
            if network.location is not None:
                for part in network.location.levels:
                    part.weight.normal_(0, 0.3)  # it begins at zero
        export_onnx(network, spec.input, folder / f"{name}.onnx", batch=2)
        made[name] = (network, folder / f"{name}.onnx")
    return made


@pytest.mark.parametrize(("name", "spec"), SPECS.items(), ids=SPECS)
def test_a_graph_gives_what_the_network_gives(
    exported: dict[str, tuple[Network, Path]], name: str, spec: ModelSpec
) -> None:
    network, path = exported[name]
    inputs = example_inputs(spec.input, batch=2, seed=7)
    with torch.no_grad():
        wanted = network.eval().finished()(*inputs).numpy()
    network.train()
    got = run(path, input_names(spec.input), inputs)
    assert np.abs(got - wanted).max() < 1e-4
    assert np.abs(wanted).max() > 0.01


@pytest.mark.parametrize("name", SPECS)
def test_shapes_are_fixed_and_inputs_are_named(exported: dict[str, tuple[Network, Path]], name: str) -> None:
    model, spec = onnx.load(exported[name][1]), SPECS[name].input
    shapes = {v.name: tuple(d.dim_value for d in v.type.tensor_type.shape.dim) for v in model.graph.input}
    assert shapes["x"] == spec.shape(2)
    assert tuple(shapes) == input_names(spec)
    assert tuple(d.dim_value for d in model.graph.output[0].type.tensor_type.shape.dim) == (2, 3, 32, 32)


def test_weights_of_bands_are_numbers_in_the_graph(exported: dict[str, tuple[Network, Path]]) -> None:
    graph = onnx.load(exported["wavelength, logs with an interval"][1]).graph
    numbers = {initializer.name for initializer in graph.initializer}
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    assert convolutions and all(node.input[1] in numbers for node in convolutions)


def test_probabilities_of_ordered_classes_sum_to_one(exported: dict[str, tuple[Network, Path]]) -> None:
    spec = SPECS["convnext, ordered classes"]
    assert spec.output == CLASSES
    scores = run(exported["convnext, ordered classes"][1], ("x",), example_inputs(spec.input, batch=2))
    assert np.abs(np.exp(scores).sum(axis=1) - 1).max() < 1e-4


def test_batch_normalisation_is_folded_away(exported: dict[str, tuple[Network, Path]]) -> None:
    operators = {node.op_type for node in onnx.load(exported["unet"][1]).graph.node}
    assert operators <= {"Conv", "Relu", "MaxPool", "Resize", "Concat", "Unsqueeze", "Reshape"}


def test_the_file_says_nothing_of_the_machine(exported: dict[str, tuple[Network, Path]]) -> None:
    for _, path in exported.values():
        assert b"platform/swath" not in path.read_bytes()
        assert b".py" not in path.read_bytes()


def test_the_network_is_left_in_its_mode(exported: dict[str, tuple[Network, Path]]) -> None:
    assert all(network.training for network, _ in exported.values())


def test_a_graph_that_differs_is_refused_and_not_left(
    exported: dict[str, tuple[Network, Path]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "run", lambda *_: run(*_) + 0.01)
    with pytest.raises(ModelError, match=r"differs from the network by 0\.01"):
        export_onnx(exported["unet"][0], input_spec(), tmp_path / "x.onnx")
    assert not list(tmp_path.iterdir())
