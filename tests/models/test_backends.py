from __future__ import annotations

import numpy as np
import pytest

from support.tiny_models import TinyPackage, model_spec, tiny_package
from swath.errors import ModelError
from swath.models.backends import channels_first, input_shapes, make_backend, output_shape
from swath.models.spec import NetworkSpec, PartSpec


def torch_package(folder, **more):
    """A network of a few weights as safetensors, made from its spec."""
    import torch
    from safetensors.torch import save_file

    from swath.models.network import Network

    torch.set_num_threads(1)
    torch.manual_seed(0)
    network = NetworkSpec(
        encoder=PartSpec(name="unet", settings={"width": 4, "levels": 2}), head=PartSpec(name="segmentation")
    )
    spec = model_spec(**more).model_copy(update={"network": network})
    built = Network.build(spec).eval()
    folder.mkdir(exist_ok=True)
    save_file(
        {name: tensor.contiguous() for name, tensor in built.state_dict().items()}, folder / "weights.safetensors"
    )
    return TinyPackage(folder, spec), built


def test_shapes_follow_the_spec():
    spec = model_spec(steps=4, layout="NTCHW", day_of_year=True, valid=True)
    assert input_shapes(spec.input, 2) == {"x": (2, 4, 2, 32, 32), "day": (2, 4), "valid": (2, 4, 32, 32)}
    assert output_shape(spec, 2) == (2, 3, 32, 32)


def test_auto_takes_onnx_where_there_is_no_gpu(tmp_path):
    backend = make_backend(tiny_package(tmp_path, model_spec()), threads=1)
    assert (backend.name, backend.batch, backend.buffers) == ("onnxruntime-cpu", 1, 1)


def test_the_batch_of_the_file_counts_and_an_open_one_is_free(tmp_path):
    fixed, open_ = (tiny_package(tmp_path / str(b), model_spec(), batch=b) for b in (4, "n"))
    assert make_backend(fixed, threads=1).batch == 4
    assert make_backend(open_, threads=1, batch=2).batch == 2
    with pytest.raises(ModelError, match="it takes batches of 4, and 2 are asked for"):
        make_backend(fixed, threads=1, batch=2)


def test_an_onnx_batch_gives_scores_of_each_window(tmp_path):
    backend = make_backend(tiny_package(tmp_path, model_spec(), batch=2), threads=1)
    inputs = backend.empty()
    inputs["x"][:] = np.random.default_rng(0).normal(size=inputs["x"].shape)
    inputs["x"][1] = inputs["x"][0]
    scores = backend.start(inputs)()
    assert scores.shape == (2, 3, 32, 32)
    np.testing.assert_allclose(scores[0], scores[1], atol=1e-6)


def test_an_open_spatial_shape_is_refused(tmp_path):
    package = tiny_package(tmp_path, model_spec(), shape=("height", "width"))
    with pytest.raises(ModelError, match=r"its input x has a shape that is left open: .*height"):
        make_backend(package, threads=1)


def test_another_window_than_the_cards_is_refused(tmp_path):
    package = tiny_package(tmp_path, model_spec(), shape=(64, 64))
    with pytest.raises(ModelError, match=r"its input x \(x\) is \[1, 2, 64, 64\], the card says \[1, 2, 32, 32\]"):
        make_backend(package, threads=1)


def test_other_classes_than_the_cards_are_refused(tmp_path):
    package = tiny_package(tmp_path, model_spec(classes=3))
    with pytest.raises(ModelError, match=r"its output is \[1, 3, 32, 32\], the card says \[1, 5, 32, 32\]"):
        make_backend(TinyPackage(tmp_path, model_spec(classes=5)), threads=1)
    assert make_backend(package, threads=1)


def test_fewer_inputs_than_the_card_says_are_refused(tmp_path):
    tiny_package(tmp_path, model_spec(steps=2, layout="NTCHW"))
    spec = model_spec(steps=2, layout="NTCHW", day_of_year=True)
    with pytest.raises(ModelError, match=r"it has 1 inputs \(x\), the card says 2"):
        make_backend(TinyPackage(tmp_path, spec), threads=1)


def test_an_unknown_operator_is_told(tmp_path):
    package = tiny_package(tmp_path, model_spec(), kind="unknown")
    with pytest.raises(ModelError, match=r"ONNX Runtime .* cannot load model.onnx: .*Teleport.*"):
        make_backend(package, threads=1)


def test_a_file_that_is_no_graph_is_told(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"no graph at all")
    with pytest.raises(ModelError, match=r"cannot load model\.onnx"):
        make_backend(TinyPackage(tmp_path, model_spec()), threads=1)


def test_an_output_of_another_shape_than_the_cards_is_refused():
    with pytest.raises(ModelError, match=r"gives 1 x 3 x 16 x 16, the card says 1 x 3 x 32 x 32 \(3 channels, NCHW\)"):
        channels_first(np.zeros((1, 3, 16, 16), np.float32), model_spec())


def test_a_package_without_the_weights_says_what_it_has(tmp_path):
    package = tiny_package(tmp_path, model_spec())
    with pytest.raises(ModelError, match=r"has no weights.safetensors. It has model.onnx: take backend onnx"):
        make_backend(package, backend="torch")


def test_onnx_on_a_gpu_is_refused(tmp_path):
    with pytest.raises(ModelError, match="runs on the CPU here, and the device is cuda"):
        make_backend(tiny_package(tmp_path, model_spec()), backend="onnx", device="cuda")


@pytest.mark.parametrize(("device", "message"), [("cuda:77", "and cuda:77 is asked for"), ("tpu9", "no device 'tpu9'")])
def test_a_device_that_is_not_there_is_told(tmp_path, device, message):
    package, _ = torch_package(tmp_path)
    with pytest.raises(ModelError, match=message):
        make_backend(package, device=device)


def test_torch_gives_what_the_network_gives(tmp_path):
    import torch

    package, network = torch_package(tmp_path)
    backend = make_backend(package, backend="torch", device="cpu", threads=1, batch=2)
    assert backend.name == "torch-cpu" and backend.buffers == 1
    inputs = backend.empty()
    inputs["x"][:] = np.random.default_rng(0).normal(size=inputs["x"].shape)
    with torch.inference_mode():
        want = network(torch.from_numpy(inputs["x"])).numpy()
    np.testing.assert_allclose(backend.start(inputs)(), want, atol=1e-5)


def test_torch_takes_day_and_valid(tmp_path):
    import torch
    from safetensors.torch import save_file

    from swath.models.network import Network

    network = NetworkSpec(
        encoder=PartSpec(name="temporal", settings={"width": 8, "levels": 2}), head=PartSpec(name="segmentation")
    )
    spec = model_spec(steps=3, layout="NTCHW", day_of_year=True, valid=True)
    spec = spec.model_copy(update={"network": network})
    built = Network.build(spec).eval()
    save_file(
        {name: tensor.contiguous() for name, tensor in built.state_dict().items()}, tmp_path / "weights.safetensors"
    )
    backend = make_backend(TinyPackage(tmp_path, spec), threads=1)
    inputs = backend.empty()
    rng = np.random.default_rng(0)
    inputs["x"][:] = rng.normal(size=inputs["x"].shape)
    inputs["day"][:] = [10, 130, 260]
    inputs["valid"][:] = rng.random(inputs["valid"].shape) < 0.7
    with torch.inference_mode():
        want = built(*(torch.from_numpy(inputs[name]) for name in ("x", "day", "valid"))).numpy()
    np.testing.assert_allclose(backend.start(inputs)(), want, atol=1e-5)


def test_weights_of_another_network_are_refused(tmp_path):
    package, _ = torch_package(tmp_path)
    with pytest.raises(ModelError, match="the network needs"):
        make_backend(TinyPackage(tmp_path, package.spec.model_copy(update={"output": model_spec(classes=7).output})))


def test_safetensors_that_are_cut_off_are_told(tmp_path):
    package, _ = torch_package(tmp_path)
    path = tmp_path / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ModelError, match="is no safetensors file"):
        make_backend(package, threads=1)
