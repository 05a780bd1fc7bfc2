"""A package with a closing formula and a place: what a map shows is what the network gives."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from models.network_specs import SPECS, drawn, placed, spec_of, values
from support.tiny_models import REFLECTANCE
from swath.cube import LayerFacts
from swath.cube.lattice import Window
from swath.models.cubes import ModelCube
from swath.models.export import export_onnx
from swath.models.network import Network
from swath.models.normalise import Normaliser
from swath.models.package import Package
from swath.models.predictor import Predictor
from swath.models.provenance import Provenance

SPEC = spec_of(
    "unet",
    "regression",
    given=placed(window=64, stride=32, margin=16),
    output=values("agb", "agb_sd", "q05", "q95"),
    head_settings={"form": "gaussian", "gives": "mean,sd,q05,q95", "log": True, "start": 3.0},
    location={},
)
DEGREE = LayerFacts(dtype="float32", nodata=float("nan"), scale=1.0, offset=0.0)
SIZE = 96


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("package")
    network = drawn(SPEC)
    export_onnx(network, SPEC.input, folder / "model.onnx")
    return Package.write(
        folder / "model",
        SPEC,
        provenance=Provenance(licence="CC0-1.0"),
        onnx=folder / "model.onnx",
        weights=network.state_dict(),
    )


def scene() -> ModelCube:
    random = np.random.default_rng(0)
    red, nir = random.integers(1000, 6000, (2, SIZE, SIZE)).astype(np.uint16)
    longitude = np.broadcast_to(20 + np.arange(SIZE, dtype=np.float32) * 1e-4, (SIZE, SIZE))
    latitude = np.broadcast_to(48 - np.arange(SIZE, dtype=np.float32)[:, None] * 1e-4, (SIZE, SIZE))
    layers = (red, np.ascontiguousarray(longitude), np.ascontiguousarray(latitude), nir)
    facts = (REFLECTANCE, DEGREE, DEGREE, REFLECTANCE)
    return ModelCube((layers,), facts, np.array([100], np.float32), (0, 0))


def mapped(package: Package, backend: str) -> NDArray[np.float32]:
    inner = Window(16, SIZE - 16, 16, SIZE - 16)
    return Predictor(package, backend=backend, device="cpu", threads=1).predict(scene(), inner)


@pytest.mark.parametrize("backend", ["onnx", "torch"])
def test_a_map_shows_what_the_network_gives_of_the_whole_scene(package: Package, backend: str) -> None:
    cube = scene()
    numbers = np.stack([layer.astype(np.float32) for layer in cube.layers[0]])
    x, _ = Normaliser.of(SPEC.input, cube.facts).chips(numbers[None, None])
    network = drawn(SPEC)
    with torch.no_grad():
        scores = network(torch.from_numpy(x[:, 0]))
        wanted = network.close(scores)[0, :, 16:-16, 16:-16].numpy()
    found = mapped(package, backend)
    assert found.shape == (4, SIZE - 32, SIZE - 32)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4 * float(np.abs(wanted).max()))
    mean, sd, low, high = found
    assert (sd > 0).all() and (low < high).all() and mean.mean() > 5


@pytest.mark.parametrize("name", SPECS)
def test_a_network_is_built_without_memory_as_a_package_does(name: str) -> None:
    with torch.device("meta"):
        network = Network.build(SPECS[name])
    assert all(parameter.is_meta for parameter in network.parameters())
    assert {name: t.shape for name, t in network.state_dict().items()} == {
        name: t.shape for name, t in Network.build(SPECS[name]).state_dict().items()
    }
