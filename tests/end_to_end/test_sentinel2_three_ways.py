"""The real Sentinel-2 scene from a folder, over HTTP, from S3, and through Ray: the same bytes each time."""

import numpy as np
import pytest
import rasterio
import s3fs

from support.command import swath
from support.small_world import layer_bytes

pytestmark = pytest.mark.real

AREA = "12.50,52.46,12.70,52.52"


def mapped_from(source, store, *more):
    code, result = swath(
        "map", "mosaic", "--area", AREA, "--period", "2017-02-16/P1D", "--source", source, "--store", store,
        "--tile-size", 1536, *(more or ("--cluster", "inline")),
    )  # fmt: skip
    assert code == 0, result
    assert result["units"]["done"] == 4
    return result


@pytest.fixture(scope="module")
def scene(real_data):
    return real_data / "sentinel-2-l1c"


@pytest.fixture(scope="module")
def from_folder(scene, tmp_path_factory):
    store = tmp_path_factory.mktemp("folder")
    mapped_from(scene / "collection.json", store)
    return store


def on_lattice(path, tile):
    """A band's numbers at the centres of a tile's pixels, 0 beyond the file: plain nearest, by numpy alone."""
    with rasterio.open(path) as data:
        numbers, affine = data.read(1), data.transform
    cols = np.floor((tile.bounds.left + 10 * (np.arange(tile.width) + 0.5) - affine.c) / affine.a).astype(int)
    rows = np.floor((tile.bounds.top - 10 * (np.arange(tile.height) + 0.5) - affine.f) / affine.e).astype(int)
    inside = np.ix_((rows >= 0) & (rows < numbers.shape[0]), (cols >= 0) & (cols < numbers.shape[1]))
    out = np.zeros(tile.shape, int)
    out[inside] = numbers[np.ix_(rows[inside[0].ravel()], cols[inside[1].ravel()])]
    return out


def test_the_map_is_the_scene_itself(from_folder, scene):
    """One date: where all bands are, each pixel is the file's own, raised by the offset that this baseline lacks."""
    files = {path.stem: path for path in scene.rglob("B*.tif")}
    assert len(files) == 13
    met = 0
    for path in from_folder.rglob("B04.*.tif"):
        key = path.name.split(".")[1]
        with rasterio.open(path) as tile:
            bands = {name: on_lattice(file, tile) for name, file in files.items()}
        whole = np.all([numbers != 0 for numbers in bands.values()], axis=0)
        for name, numbers in bands.items():
            with rasterio.open(path.parent / f"{name}.{key}.tif") as made:
                np.testing.assert_array_equal(made.read(1), np.where(whole, numbers + 1000, 0))
        met += np.count_nonzero(whole)
    assert met > 1_000_000


def test_over_http_it_has_the_same_bytes(from_folder, scene, file_server, tmp_path):
    (tmp_path / "scene").symlink_to(scene)
    mapped_from(f"{file_server.url}/scene/collection.json", tmp_path / "store")
    assert layer_bytes(tmp_path / "store") == layer_bytes(from_folder)


def test_from_s3_to_s3_it_has_the_same_bytes(from_folder, scene, s3, tmp_path):
    fs = s3fs.S3FileSystem(skip_instance_cache=True)
    fs.put(f"{scene}/", f"{s3}/scene/", recursive=True)
    result = mapped_from(f"{s3}/scene/collection.json", f"{s3}/maps")
    assert result["collection"] == f"{s3}/maps/mosaic/1.0/collection.json"
    fs.get(f"{s3}/maps/", f"{tmp_path}/store/", recursive=True)
    assert layer_bytes(tmp_path / "store") == layer_bytes(from_folder)


@pytest.mark.ray
def test_through_a_ray_cluster_it_has_the_same_bytes(from_folder, scene, ray_cluster, tmp_path, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", ray_cluster.address)
    mapped_from(scene / "collection.json", tmp_path / "store", "--cluster", "auto")
    assert layer_bytes(tmp_path / "store") == layer_bytes(from_folder)
