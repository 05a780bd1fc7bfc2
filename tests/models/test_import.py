import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import ukis_csmask
import yaml
from onnx import TensorProto, helper, numpy_helper

from support.parts import ROOT
from support.stac_validation import validate_stac
from swath.errors import ModelError
from swath.models.card import Card, card_template
from swath.models.import_onnx import import_onnx
from swath.models.package import Package

SIZE = 16


def card(**changes: Any) -> Card:
    """Two bands, three classes, windows of 16 px; `changes` by dotted path with `__`."""
    data = yaml.safe_load(card_template())
    data["input"] |= {"window": SIZE, "stride": 8, "bands": [{"name": "B04"}, {"name": "B08"}]}
    for path, value in changes.items():
        part, field = path.split("__")
        data[part][field] = value
    return Card.parse(yaml.safe_dump(data), where="card")


def graph(
    path: Path,
    *,
    shape: tuple[Any, ...] = ("batch", 2, SIZE, SIZE),
    outputs: int = 3,
    last: str | None = None,
    domain: str = "",
    kind: int = TensorProto.FLOAT,
    inputs: int = 1,
    value: float = 0.5,
) -> Path:
    """A 1 x 1 convolution, and an operator behind it."""
    weights = np.full((outputs, 2, 1, 1), value, np.float32)
    bias = np.linspace(-1, 1, outputs, dtype=np.float32)
    nodes = [helper.make_node("Conv", ["x", "w", "b"], ["y"])]
    if last:
        nodes.append(helper.make_node(last, ["y"], ["z"], domain=domain))
    given = [helper.make_tensor_value_info("x", kind, shape)]
    given += [helper.make_tensor_value_info(f"more{i}", TensorProto.FLOAT, [1]) for i in range(inputs - 1)]
    out = helper.make_tensor_value_info("z" if last else "y", TensorProto.FLOAT, (shape[0], outputs, *shape[2:]))
    made = helper.make_graph(
        nodes, "g", given, [out], [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(bias, "b")]
    )
    opsets = [helper.make_opsetid("", 17)] + ([helper.make_opsetid(domain, 1)] if domain else [])
    path.write_bytes(helper.make_model(made, opset_imports=opsets, ir_version=8).SerializeToString())
    return path


def test_a_file_is_taken_byte_for_byte(tmp_path: Path) -> None:
    file = graph(tmp_path / "x.onnx")
    package = import_onnx(file, card(), tmp_path / "out")
    assert package.path("model.onnx").read_bytes() == file.read_bytes()
    assert package == Package.open(tmp_path / "out")
    assert package.card["properties"]["mlm:framework"] == "ONNX"
    assert package.card["properties"]["mlm:total_parameters"] == 3 * 2 + 3


def test_a_card_may_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "card.yaml").write_text(yaml.safe_dump(card().model_dump(mode="json")))
    file = graph(tmp_path / "x.onnx")
    assert import_onnx(file, tmp_path / "card.yaml", tmp_path / "out").spec == card().spec()


def test_an_open_window_is_fixed_to_that_of_the_card(tmp_path: Path) -> None:
    file = graph(tmp_path / "x.onnx", shape=("batch", 2, "height", "width"), last="Relu")
    package = import_onnx(file, card(), tmp_path / "out")
    model = onnx.load(package.path("model.onnx"))
    for value in (model.graph.input[0], model.graph.output[0]):
        batch, *rest = value.type.tensor_type.shape.dim
        assert batch.dim_param == "batch"
        assert [dim.dim_value for dim in rest][1:] == [SIZE, SIZE]


def test_a_window_that_the_graph_cannot_take_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"takes \? x 2 x 16 x 16, the card says batch x 2 x 32 x 32"):
        import_onnx(graph(tmp_path / "x.onnx"), card(input__window=32), tmp_path / "out")


@pytest.mark.parametrize(
    ("operator", "domain", "named"),
    [("Frobnicate", "", "Frobnicate"), ("FasterConv", "org.example", "org.example::FasterConv")],
)
def test_an_unknown_operator_is_named(tmp_path: Path, operator: str, domain: str, named: str) -> None:
    file = graph(tmp_path / "x.onnx", last=operator, domain=domain)
    with pytest.raises(ModelError, match=f"does not know: {named}"):
        import_onnx(file, card(), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_unknown_operator_inside_a_branch_is_named(tmp_path: Path) -> None:
    value = helper.make_tensor_value_info
    inner = [
        helper.make_graph([helper.make_node(op, ["x"], ["y"])], op, [], [value("y", TensorProto.FLOAT, None)])
        for op in ("Relu", "Frobnicate")
    ]
    nodes = [helper.make_node("If", ["c"], ["z"], then_branch=inner[0], else_branch=inner[1])]
    constant = helper.make_tensor("c", TensorProto.BOOL, [], [True])
    shape = [1, 2, SIZE, SIZE]
    made = helper.make_graph(
        nodes, "g", [value("x", TensorProto.FLOAT, shape)], [value("z", TensorProto.FLOAT, shape)], [constant]
    )
    file = tmp_path / "x.onnx"
    file.write_bytes(helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString())
    with pytest.raises(ModelError, match="does not know: Frobnicate"):
        import_onnx(file, card(), tmp_path / "out")


def test_weights_in_another_file_are_refused(tmp_path: Path) -> None:
    model = onnx.load(graph(tmp_path / "x.onnx"))
    onnx.save(model, tmp_path / "y.onnx", save_as_external_data=True, location="y.data", size_threshold=0)
    with pytest.raises(ModelError, match="keeps tensor 'w' in another file"):
        import_onnx(tmp_path / "y.onnx", card(), tmp_path / "out")


@pytest.mark.parametrize(
    ("made", "changes", "message"),
    [
        (
            {"outputs": 4},
            {},
            r"gives 1 x 4 x 16 x 16, the card says 1 x 3 x 16 x 16 \(3 channels: clear, cloud, shadow",
        ),
        ({"outputs": 16}, {}, r"gives 1 x 16 x 16 x 16"),
        ({"shape": (1, 2, 8, 8)}, {}, r"takes 1 x 2 x 8 x 8, the card says batch x 2 x 16 x 16"),
        ({"shape": (1, 2, SIZE)}, {}, r"takes 1 x 2 x 16, the card says"),
        ({}, {"input__layout": "NHWC"}, r"the card says batch x 16 x 16 x 2"),
        ({"inputs": 2}, {}, r"takes 2 inputs \(x, more0\), the card says 1"),
        ({"kind": TensorProto.DOUBLE}, {}, "takes DOUBLE, not FLOAT"),
        ({"last": "Sqrt", "value": -1}, {}, "numbers that are not finite"),
        ({}, {"output__activation": "none"}, "Set the activation to softmax or sigmoid"),
        ({"last": "Shape"}, {}, "cannot run"),
    ],
)
def test_a_file_that_is_not_what_the_card_says_is_refused(
    tmp_path: Path, made: dict[str, Any], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        import_onnx(graph(tmp_path / "x.onnx", **made), card(**changes), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_probabilities_are_not_turned_into_probabilities_again(tmp_path: Path) -> None:
    model = onnx.load(graph(tmp_path / "x.onnx", last="Softmax"))
    model.graph.node[1].attribute.append(helper.make_attribute("axis", 1))
    onnx.save(model, tmp_path / "y.onnx")
    with pytest.raises(ModelError, match="gives probabilities already"):
        import_onnx(tmp_path / "y.onnx", card(), tmp_path / "out")
    assert import_onnx(tmp_path / "y.onnx", card(output__activation="none"), tmp_path / "out").has("model.onnx")


@pytest.mark.parametrize("data", [b"", b"no onnx at all", b"\x08\x08" + b"\xff" * 40])
def test_a_file_that_is_no_onnx_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.onnx").write_bytes(data)
    with pytest.raises(ModelError, match=r"x\.onnx"):
        import_onnx(tmp_path / "x.onnx", card(), tmp_path / "out")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="There is no file"):
        import_onnx(tmp_path / "x.onnx", card(), tmp_path / "out")


@pytest.mark.real
def test_the_network_of_ukis_csmask_comes_in_with_its_own_numbers(tmp_path: Path, real_data: Path) -> None:
    folder = Path(ukis_csmask.__file__).parent
    package = import_onnx(
        folder / "model_6b_l1c.onnx", ROOT / "tests/support/cards/ukis-csmask-6b-l1c.yaml", tmp_path / "out"
    )
    facts = json.loads((folder / "model_6b_l1c.json").read_text())["data"]
    bands = package.spec.input.bands
    assert [band.name for band in bands] == facts["dataset_statistics"]["band_names"]
    assert [[band.mean for band in bands], [band.std for band in bands]] == facts["dataset_statistics"]["img"]
    assert [package.spec.input.window] * 2 == facts["target_size"]
    assert package.path("model.onnx").read_bytes() == (folder / "model_6b_l1c.onnx").read_bytes()
    validate_stac(package.card, real_data / "stac-schemas")
