"""A network of somebody else's, mapped over the real scene, gives what its own package gives on the same windows."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
import ukis_csmask
from affine import Affine
from ukis_csmask.mask import CSmask

from support.command import swath
from support.parts import ROOT
from swath.grid import parse_tile
from swath.models import Package
from swath.models.windows import WindowLattice

pytestmark = pytest.mark.real
AREA = "12.4943,52.453,12.724,52.5264"
BANDS = {"blue": "B02", "green": "B03", "red": "B04", "nir": "B08", "swir16": "B11", "swir22": "B12"}
PAD = 51  # pixels that the package mirrors before its first window


@pytest.fixture(scope="module")
def package(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("csmask") / "package"
    network = Path(ukis_csmask.__file__).parent / "model_6b_l1c.onnx"
    card = ROOT / "tests" / "support" / "cards" / "ukis-csmask-6b-l1c.yaml"
    code, told = swath("models", "import", network, "--card", card, "--out", folder)
    assert code == 0, told
    return folder


@pytest.fixture(scope="module")
def mapped(package, tmp_path_factory, request):
    """Codes of the map over the scene, with its affine."""
    scene = request.getfixturevalue("real_data") / "sentinel-2-l1c" / "collection.json"
    store = tmp_path_factory.mktemp("csmask") / "store"
    code, told = swath(
        "map", "clouds", "--area", AREA, "--period", "2017-02-16/acquisition", "--source", scene, "--store", store,
        "--model", package, "--cluster", "inline",
    )  # fmt: skip
    assert code == 0, told
    (path,) = store.glob("clouds/1.0/*/*/class.*.tif")
    with rasterio.open(path) as file:
        return file.read(1), parse_tile(path.parent.name)


def reflectance(real_data: Path, affine: Affine, shape: tuple[int, int]) -> np.ndarray:
    """The scene by area mean on a lattice of 30 m, (rows, columns, bands); NaN outside."""
    (folder,) = (real_data / "sentinel-2-l1c").glob("S2A_*")
    out = np.full((*shape, len(BANDS)), np.nan, np.float32)
    for place, band in enumerate(BANDS.values()):
        with rasterio.open(folder / f"{band}.tif") as file:
            times = round(file.transform.a / 10)
            fine = np.kron(file.read(1), np.ones((times, times)))
            top, left = round((affine.f - file.transform.f) / 10), round((file.transform.c - affine.c) / 10)
        fine = np.pad(fine, ((top % 3, -(fine.shape[0] + top) % 3), (left % 3, -(fine.shape[1] + left) % 3)))
        rows, cols = fine.shape[0] // 3, fine.shape[1] // 3
        blocks = fine.reshape(rows, 3, cols, 3)
        seen = (blocks > 0).sum((1, 3))
        with np.errstate(invalid="ignore"):
            out[top // 3 : top // 3 + rows, left // 3 : left // 3 + cols, place] = blocks.sum((1, 3)) / seen / 1e4
    return out


def test_the_map_agrees_with_the_package_on_99_percent_of_the_pixels(real_data, package, mapped):
    codes, tile = mapped
    image = reflectance(real_data, tile.affine, tile.shape)
    seen = np.isfinite(image).all(-1)
    assert (codes[seen] > 0).all() and (codes[~seen] == 0).all()
    # the package lays its windows from the corner of the image that it is given, Swath on the grid's lattice: an image
    # that begins where a window of the lattice does gets the same windows
    spec = Package.open(package).spec.input
    lattice = WindowLattice.of(spec)
    west, north = tile.lattice.anchor
    origin = round((north - tile.affine.f) / 30), round((tile.affine.c - west) / 30)
    first = np.argwhere(seen).min(0) + origin
    starts = [lattice.start(lattice.over(edge - spec.window, edge)[0]) + PAD for edge in first]
    rows, cols = np.argwhere(seen).max(0) + 1 + origin - starts + spec.window
    laid = np.tile(np.array([band.mean for band in spec.bands], np.float32), (rows, cols, 1))
    top, left = np.array(origin) - starts
    part = image[max(0, -top) :, max(0, -left) :]
    inside = laid[max(0, top) :, max(0, left) :][: part.shape[0], : part.shape[1]]
    part = part[: inside.shape[0], : inside.shape[1]]
    inside[np.isfinite(part)] = part[np.isfinite(part)]
    theirs = CSmask(img=laid, band_order=list(BANDS), product_level="l1c").csm[..., 0]
    theirs = np.array([1, 3, 4], np.uint8)[theirs]
    rows, cols = np.nonzero(seen)
    agree = theirs[rows + top, cols + left] == codes[rows, cols]
    assert agree.mean() >= 0.99, agree.mean()


def test_about_eight_percent_are_cloud(mapped):
    codes, _ = mapped
    assert 0.06 < (codes[codes > 0] == 3).mean() < 0.10
