"""Trees of somebody else's, mapped over the real scene, give what LightGBM gives on the same pixels."""

import sys
from pathlib import Path

import lightgbm
import numpy as np
import onnxruntime
import pytest
import rasterio
from scipy.ndimage import convolve

from support.command import swath
from support.parts import ROOT
from support.s2cloudless import BANDS, below, disk, graph, main, read_trees, trees_file
from swath.grid import parse_tile

pytestmark = pytest.mark.real
AREA = "12.4943,52.453,12.724,52.5264"
GSD, THRESHOLD = 60, 0.6


@pytest.fixture(scope="module")
def network(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("s2cloudless") / "s2cloudless.onnx"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["s2cloudless.py", str(path)])
        main()
    return path


@pytest.fixture(scope="module")
def mapped(network, tmp_path_factory, request):
    """Codes and confidence over the scene, with their tile."""
    scene = request.getfixturevalue("real_data") / "sentinel-2-l1c" / "collection.json"
    folder = tmp_path_factory.mktemp("s2cloudless")
    card = ROOT / "tests" / "support" / "cards" / "s2cloudless.yaml"
    code, told = swath("models", "import", network, "--card", card, "--out", folder / "package")
    assert code == 0, told
    code, told = swath(
        "map", "clouds", "--area", AREA, "--period", "2017-02-16/acquisition", "--source", scene,
        "--store", folder / "store", "--model", folder / "package", "--cluster", "inline",
    )  # fmt: skip
    assert code == 0, told
    (path,) = (folder / "store").glob("clouds/1.0/*/*/class.*.tif")
    with rasterio.open(path) as file:
        return file.read(1), parse_tile(path.parent.name)


@pytest.fixture(scope="module")
def booster() -> lightgbm.Booster:
    return lightgbm.Booster(model_file=str(trees_file()))


@pytest.fixture(scope="module")
def theirs(mapped, booster, request) -> np.ndarray:
    """Mean probability over the tile by LightGBM itself, NaN outside the scene; edges mirrored as the package does."""
    codes, tile = mapped
    (folder,) = (request.getfixturevalue("real_data") / "sentinel-2-l1c").glob("S2A_*")
    image = np.stack([area_mean(folder / f"{band}.tif", tile.affine, codes.shape) for band in BANDS], axis=-1)
    seen = np.isfinite(image).all(-1)
    rows, cols = (slice(line.min(), line.max() + 1) for line in np.nonzero(seen))
    assert seen[rows, cols].all()
    part = image[rows, cols]
    each = booster.predict(part.reshape(-1, len(BANDS))).reshape(part.shape[:2])
    out = np.full(codes.shape, np.nan)
    out[rows, cols] = convolve(each, disk(1), mode="reflect")
    return out


def area_mean(path: Path, affine, shape: tuple[int, int]) -> np.ndarray:
    """A band by mean over the pixels of a lattice, float32 reflectance; NaN outside."""
    with rasterio.open(path) as file:
        fine = np.kron(file.read(1), np.ones((round(file.transform.a / 10),) * 2))
        top, left = round((affine.f - file.transform.f) / 10), round((file.transform.c - affine.c) / 10)
    times = GSD // 10
    rows, cols = fine.shape
    fine = np.pad(fine, ((top % times, -(rows + top) % times), (left % times, -(cols + left) % times)))
    blocks = fine.reshape(fine.shape[0] // times, times, -1, times)
    out = np.full(shape, np.nan, np.float32)
    with np.errstate(invalid="ignore"):
        means = blocks.sum((1, 3)) / (blocks > 0).sum((1, 3)) / 1e4
    out[top // times : top // times + means.shape[0], left // times : left // times + means.shape[1]] = means
    return out


def test_a_threshold_is_rounded_so_that_no_float32_changes_sides():
    near = np.float32(0.1)
    assert below(np.array([float(near)]))[0] == near
    assert below(np.array([float(near) - 1e-12]))[0] == np.nextafter(near, np.float32(0))
    assert below(np.array([float(near) + 1e-12]))[0] == near


def test_the_graph_gives_the_probabilities_of_lightgbm(booster):
    size = 32
    x = np.random.default_rng(0).uniform(0, 0.6, (1, len(BANDS), size, size)).astype(np.float32)
    valid = np.ones((1, 1, size, size), np.float32)
    valid[..., :10] = 0
    made = graph(read_trees(trees_file()), window=size, threshold=0.5)
    scores = onnxruntime.InferenceSession(made.SerializeToString()).run(None, {"x": x, "valid": valid})[0]
    each = booster.predict(x[0].reshape(len(BANDS), -1).T).reshape(size, size) * valid[0, 0]
    wanted = convolve(each, disk(1), mode="constant") / convolve(valid[0, 0], disk(1), mode="constant").clip(0.1)
    assert np.abs(scores[0, 1] - wanted).max() < 1e-5
    assert np.abs(scores.sum(1) - 1).max() < 1e-6


def test_the_map_agrees_with_lightgbm_on_99_percent_of_the_pixels(mapped, theirs):
    codes, _ = mapped
    seen = np.isfinite(theirs)
    assert (codes[seen] > 0).all() and (codes[~seen] == 0).all()
    agree = (codes[seen] == 3) == (theirs[seen] > THRESHOLD)
    assert agree.mean() >= 0.99, agree.mean()


def test_about_nine_percent_are_cloud(mapped):
    codes, _ = mapped
    assert 0.07 < (codes[codes > 0] == 3).mean() < 0.11
