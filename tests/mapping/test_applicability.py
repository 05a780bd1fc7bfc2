"""Layers of where a model may be applied, by the command: the index of the cube, and the package's threshold."""

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio

from support.command import swath
from support.small_world import small_world  # noqa: F401
from support.tiny_models import write_onnx
from swath.models import Package, Provenance
from swath.models.applicability import ARRAYS, DIMENSIONS, Applicability
from swath.models.dissimilarity import Dissimilarity
from swath.models.spec import BandInput, ClassesOutput, InputSpec, ModelSpec

BANDS = (
    BandInput(name="B04", common_name="red", mean=0.1, std=0.1),
    BandInput(name="B08", common_name="nir", mean=0.3, std=0.1),
)
MEAN_DISTANCE, THRESHOLD = 1.5, 0.4
ASKED = "model.applicability=[dissimilarity,applicable]"


def package(folder: Path, *, knows: bool = True) -> Path:
    """A network of two bands whose training was one pixel: reflectance 0.1 and 0.3."""
    told = Applicability(
        bands=(0, 1), spread=False, weights=(1.0, 1.0), components=0, variance=1.0, mean_distance=MEAN_DISTANCE,
        threshold=THRESHOLD, pixels=2, folds=2, points=2, agreement=1.0,
    )  # fmt: skip
    spec = ModelSpec(
        name="tiny", output=ClassesOutput(classes=("tree cover", "grassland", "water")),
        input=InputSpec(bands=BANDS, unit="reflectance", gsd=10, window=64, stride=32, margin=16),
        applicability=told if knows else None,
    )  # fmt: skip
    made = Dissimilarity(
        told, np.zeros(2, np.float32), np.ones(2, np.float32), np.empty((2, 0), np.float32),
        np.zeros((2, DIMENSIONS), np.float32),
    )  # fmt: skip
    onnx = write_onnx(folder.with_suffix(".onnx"), spec)
    extras = {ARRAYS: made.to_bytes()} if knows else {}
    Package.write(folder, spec, provenance=Provenance(licence="CC0-1.0"), onnx=onnx, extras=extras)
    return folder


def land_cover(world, store, model, *more):
    return swath(
        "map", "landcover", "--area", world.area, "--period", "2023-06/P1M", "--source", world.catalog,
        "--store", store, "--model", model, "--tile-size", 192, "--cluster", "inline", *more,
    )  # fmt: skip


@pytest.fixture(scope="module")
def store(small_world, tmp_path_factory):  # noqa: F811
    folder = tmp_path_factory.mktemp("applicable")
    code, told = land_cover(small_world, folder / "store", package(folder / "knows"), "--set", ASKED)
    assert code == 0, told
    code, told = swath(
        "map", "mosaic", "--area", small_world.area, "--period", "2023-06/P1M", "--source", small_world.catalog,
        "--store", folder / "store", "--tile-size", 192, "--cluster", "inline", "--set", "inputs.0.bands=[B04,B08]",
    )  # fmt: skip
    assert code == 0, told
    return folder / "store"


def mosaic_of(store: Path, product: str, layer: str) -> np.ndarray:
    (path,) = store.glob(f"{product}/1.0/2023-06/{layer}.utm*.vrt")
    with rasterio.open(path) as file:
        return file.read(1)


def test_the_layer_is_the_index_of_the_composite_that_the_model_reads(store):
    red, nir = (mosaic_of(store, "mosaic", band).astype(float) for band in ("B04", "B08"))
    gone = (red == 0) | (nir == 0)
    x = [(red * 1e-4 - 0.1 - 0.1) / 0.1, (nir * 1e-4 - 0.1 - 0.3) / 0.1]
    wanted = np.clip(np.rint(100 * np.hypot(*x) / MEAN_DISTANCE), 0, 254)
    found = mosaic_of(store, "landcover", "dissimilarity")
    np.testing.assert_array_equal(found == 255, gone)
    assert np.abs(found[~gone] - wanted[~gone]).max() <= 1  # rounding of the reflectance
    assert np.unique(found[~gone]).size > 20


def test_it_is_applicable_up_to_the_threshold(store):
    index, found = mosaic_of(store, "landcover", "dissimilarity"), mosaic_of(store, "landcover", "applicable")
    assert (found[index <= 39] == 1).all()
    assert (found[(index >= 41) & (index < 255)] == 0).all()
    np.testing.assert_array_equal(found == 255, index == 255)
    assert {0, 1} <= set(np.unique(found).tolist())


def test_the_collection_tells_scale_and_threshold(store):
    collection = json.loads((store / "landcover/1.0/collection.json").read_text())
    assets = collection["item_assets"]
    assert list(assets) == ["class", "confidence", "dissimilarity", "applicable", "count"]
    assert "0.400" in assets["applicable"]["title"]


def test_a_model_that_does_not_know_is_refused_before_any_work(small_world, tmp_path):  # noqa: F811
    model = package(tmp_path / "knows-not", knows=False)
    code, told = land_cover(small_world, tmp_path / "store", model, "--set", ASKED)
    assert code != 0
    assert "does not know where it is applicable" in json.dumps(told)
    assert not (tmp_path / "store").exists()
