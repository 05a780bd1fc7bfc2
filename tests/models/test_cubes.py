from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import rasterio
from rasterio.warp import transform_bounds

from support.tiny_models import model_spec, tiny_package
from swath.cube import CubeSpec, Method
from swath.cube.lattice import Window
from swath.errors import ProductError, UnitError
from swath.grid import Grid, parse_tile
from swath.models.cubes import model_tile, read_bytes, read_cube, steps_of
from swath.models.predictor import Predictor
from swath.models.sampling import Axis, Sampling
from swath.models.windows import WindowLattice
from swath.sources import Asset, Band, BandKind, Collection, MaskRule, Scene

START, END = datetime(2023, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC)
TILE = parse_tile("utm33n-10m-96-x500-y5000")
NORTH = parse_tile("utm33n-10m-96-x500-y5001")
EAST = parse_tile("utm33n-10m-96-x501-y5000")

FACTS = Collection(
    key="made", title="made", source="made in a test", verified=True, sensor="other", ids=("made",),
    bands={
        **{
            name: Band(asset=name, kind=BandKind.REFLECTANCE, dtype="uint16", nodata=0, gsd=10, scale=1e-4, offset=-0.1)
            for name in ("B01", "B02")
        },
        "SCL": Band(asset="SCL", kind=BandKind.CLASSES, dtype="uint8", nodata=0, gsd=10),
    },
    masks=(MaskRule(band="SCL", drop=(9,)),),
)  # fmt: skip


class Archive:
    """Scenes over the tile and a margin round it."""

    def __init__(self, folder, margin=96):
        self.folder, self.margin = folder, margin
        self.affine = TILE.affine @ TILE.affine.translation(-margin, -margin)
        self.edge = 96 + 2 * margin
        self.scenes = []

    def add(self, when, *, seed=0, cloud=None, values=None, bands=("B01", "B02")):
        rng = np.random.default_rng(seed)
        arrays = {name: rng.integers(1000, 6000, (self.edge, self.edge)).astype(np.uint16) for name in bands}
        if values is not None:
            arrays = dict.fromkeys(bands, values)
        arrays["SCL"] = np.full((self.edge, self.edge), 4, np.uint8)
        if cloud is not None:
            arrays["SCL"][cloud] = 9
        assets = {}
        for name, array in arrays.items():
            path = self.folder / f"{len(self.scenes)}-{name}.tif"
            with rasterio.open(
                path, "w", driver="GTiff", width=self.edge, height=self.edge, count=1, dtype=array.dtype, nodata=0,
                crs=TILE.crs, transform=self.affine,
            ) as file:  # fmt: skip
                file.write(array, 1)
            assets[name] = Asset(str(path))
        left, top = self.affine.c, self.affine.f
        bbox = transform_bounds(TILE.crs, "EPSG:4326", left, top - self.edge * 10, left + self.edge * 10, top)
        scene = Scene(
            row=len(self.scenes), id=f"s{len(self.scenes)}", collection="made", platform="made", datetime=when,
            observation=f"o{len(self.scenes)}", epsg=32633, bbox=bbox, dn_shift=0, assets=assets,
        )  # fmt: skip
        self.scenes.append(scene)
        return arrays


@pytest.fixture
def archive(tmp_path):
    return Archive(tmp_path)


def test_scenes_are_cut_into_equal_parts_with_the_middle_day_of_each(archive):
    for day in (0, 100, 181, 183, 184, 364):
        archive.add(START + timedelta(days=day, hours=6))
    parts = steps_of(archive.scenes[::-1], START, END, 2)
    assert [[scene.id for scene in part.scenes] for part in parts] == [["s0", "s1", "s2"], ["s3", "s4", "s5"]]
    assert [part.day for part in parts] == [92, 274]
    assert parts[0].end == parts[1].start == START + (END - START) / 2
    assert [part.day for part in steps_of([], START, END, 1)] == [183]


def test_scenes_outside_the_step_are_left_aside(archive):
    archive.add(END)
    archive.add(START - timedelta(seconds=1))
    assert [part.scenes for part in steps_of(archive.scenes, START, END, 3)] == [(), (), ()]


def test_the_cube_has_the_halo_and_lies_on_the_grids_lattice(archive):
    arrays = archive.add(START)
    given = model_spec().input
    read = read_cube(steps_of(archive.scenes, START, END, 1), TILE, CubeSpec(bands=()), input=given, collection=FACTS)
    base = TILE.lattice.anchor
    row, col = round((base[1] - TILE.affine.f) / 10), round((TILE.affine.c - base[0]) / 10)
    assert read.cube.origin == (row - read.inner.top, col - read.inner.left)
    assert read.inner.shape == (96, 96) and read.bands == ("B01", "B02") and read.sampling is None
    halo = WindowLattice.of(given).halo((row, col), (96, 96))
    assert halo <= read.inner.top < halo + 6
    assert Grid.named("utm", resolution=10, tile_size=96).check_halo(read.inner.top) is None
    margin = archive.margin - read.inner.top
    np.testing.assert_array_equal(read.cube.layers[0][0], arrays["B01"][margin:-margin, margin:-margin])
    assert read.cube.facts[0].scale == 1e-4 and read.cube.days.tolist() == [183]
    assert (read.count == 1).all() and read.count.dtype == np.uint8 and read.count.shape == (96, 96)


def test_a_step_without_scenes_has_no_data_and_counts_are_those_of_all_steps(archive):
    cloud = np.s_[100:110, 100:120]
    archive.add(START + timedelta(days=1), cloud=cloud)
    archive.add(START + timedelta(days=2), seed=1)
    archive.add(END - timedelta(days=1), seed=2)
    given = model_spec(steps=3, layout="NTCHW").input
    spec = CubeSpec(bands=(), masks=FACTS.masks)
    read = read_cube(steps_of(archive.scenes, START, END, 3), TILE, spec, input=given, collection=FACTS)
    assert not any(layer.any() for layer in read.cube.layers[1]) and read.cube.layers[0][0].any()
    want = np.full((96, 96), 3)
    want[4:14, 4:24] = 2
    np.testing.assert_array_equal(read.count, want)
    assert read.stats["files_opened"] == 9


def test_files_that_cannot_be_read_fail_the_unit_or_are_listed(archive):
    archive.add(START)
    archive.add(START + timedelta(days=3), seed=1)
    archive.folder.joinpath("1-B01.tif").unlink()
    parts = steps_of(archive.scenes, START, END, 1)
    given = model_spec().input
    with pytest.raises(UnitError, match=r"1-B01\.tif"):
        read_cube(parts, TILE, CubeSpec(bands=()), input=given, collection=FACTS)
    read = read_cube(parts, TILE, CubeSpec(bands=(), on_missing="skip"), input=given, collection=FACTS)
    assert [entry["item"] for entry in read.skipped] == ["s1"] and (read.count == 1).all()


def test_percentiles_are_refused(archive):
    spec = CubeSpec(bands=(), method=Method.PERCENTILE, percentiles=(25, 75))
    with pytest.raises(ProductError, match="one value a band and step"):
        read_cube(steps_of([], START, END, 1), TILE, spec, input=model_spec().input, collection=FACTS)


@pytest.mark.parametrize("gsd", [10, 30])
def test_neighbouring_tiles_give_one_map(archive, tmp_path, gsd):
    archive.add(START, cloud=np.s_[40:60, 50:150])
    spec = model_spec(gsd=gsd, window=16, stride=8, margin=2)
    predictor = Predictor(tiny_package(tmp_path, spec), threads=1)
    composite = CubeSpec(bands=(), masks=FACTS.masks)

    def mapped(tile):
        read = read_cube(steps_of(archive.scenes, START, END, 1), tile, composite, input=spec.input, collection=FACTS)
        made = np.full((3, *tile.shape), -9, np.float32)
        for row, strip in read.on_tile(predictor.strips(read.cube, read.inner)):
            made[:, row : row + strip.shape[1]] = strip
        return made

    large = parse_tile("utm33n-10m-192-x250-y2500")
    whole = mapped(large)
    np.testing.assert_allclose(whole[:, 96:, :96], mapped(TILE), atol=1e-5)
    np.testing.assert_allclose(whole[:, :96, :96], mapped(NORTH), atol=1e-5)
    np.testing.assert_allclose(whole[:, 96:, 96:], mapped(EAST), atol=1e-5)
    assert np.isnan(whole).any() and np.isfinite(whole).any() and not (whole == -9).any()


def test_a_coarser_model_reads_area_means(archive):
    values = np.random.default_rng(3).integers(1000, 6000, (288, 288)).astype(np.uint16)
    archive.add(START, values=values)
    given = model_spec(gsd=30, window=16, stride=16, margin=0).input
    read = read_cube(steps_of(archive.scenes, START, END, 1), TILE, CubeSpec(bands=()), input=given, collection=FACTS)
    assert read.tile.resolution == 30 and read.inner.shape == (34, 34)
    made = read.cube.layers[0][0][
        read.inner.top + 1 : read.inner.bottom - 1, read.inner.left + 1 : read.inner.right - 1
    ]
    want = values[96:192, 96:192].reshape(32, 3, 32, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(made, want, atol=0.51)
    assert read.count.shape == (96, 96)


@pytest.mark.parametrize(("gsd", "resolution"), [(30, 10), (20, 10), (10, 30), (10, 20), (30, 20)])
def test_strips_come_back_to_the_tile_whatever_their_height(gsd, resolution):
    tile = parse_tile(f"utm33n-{resolution}m-96-x100-y900")
    grown, _, inner = model_tile(tile, model_spec(gsd=gsd).input)
    sampling = Sampling.between(tile, grown, inner)
    rows, cols = inner.shape
    y = grown.affine.f - (np.arange(rows) + inner.top + 0.5) * gsd
    x = grown.affine.c + (np.arange(cols) + inner.left + 0.5) * gsd
    plane = (y[:, None] - tile.affine.f) / 1000 + (x[None] - tile.affine.c) / 500
    values = np.stack([plane, -plane]).astype(np.float32)
    want_y = -(np.arange(96) + 0.5) * resolution / 1000
    want = want_y[:, None] + (np.arange(96) + 0.5) * resolution / 500
    for height in (7, rows):
        made = np.full((2, 96, 96), 99, np.float32)
        for row, strip in sampling.strips((top, values[:, top : top + height]) for top in range(0, rows, height)):
            made[:, row : row + strip.shape[1]] = strip
        np.testing.assert_allclose(made[0], want, atol=2e-4)
        np.testing.assert_allclose(made[1], -made[0], atol=1e-6)


def test_a_pixel_is_no_data_where_the_models_pixel_under_its_centre_is():
    values = np.full((1, 34, 34), 0.5, np.float32)
    values[:, 10, 12] = np.nan
    tile = TILE
    grown, _, inner = model_tile(tile, model_spec(gsd=30).input)
    sampling = Sampling.between(tile, grown, inner)
    ((_, made),) = sampling.strips([(0, values)])
    want = np.zeros((96, 96), bool)
    want[27:30, 33:36] = True
    np.testing.assert_array_equal(np.isnan(made[0]), want)
    np.testing.assert_allclose(made[0][~want], 0.5)
    np.testing.assert_array_equal(sampling.nearest(np.isnan(values[0])), want)


def test_weights_of_an_axis_sum_to_one():
    for start, ratio in ((0.3, 0.25), (1.5, 2.5), (0.0, 3.0), (2.0, 1.0)):
        axis = Axis.of(start, ratio, 10, 60)
        np.testing.assert_allclose(axis.weights.sum(axis=1), 1, atol=1e-6)


def test_memory_of_a_read_grows_with_steps_and_halo():
    spec = CubeSpec(bands=())
    big = parse_tile("utm33n-10m-1536-x30-y300")

    def needed(**given):
        return read_bytes(5, big, spec, input=model_spec(**given).input, collection=FACTS, budget_bytes=1 << 20)

    assert needed() < needed(window=256, stride=64, margin=96) < needed(steps=4, layout="NTCHW")
    assert needed() > 2 * 2 * 1536**2


def test_a_model_tile_without_grid_is_refused():
    from swath.errors import GridError

    with pytest.raises(GridError):
        model_tile(TILE.__class__("nowhere", TILE.crs, TILE.affine, TILE.shape), model_spec().input)


def test_a_window_counts_rows_downward_from_the_anchor():
    assert model_tile(TILE, model_spec(window=16, stride=16, margin=0).input)[1] == (-5001 * 96, 500 * 96)
    assert model_tile(TILE, model_spec(window=16, stride=16, margin=0).input)[2] == Window(0, 96, 0, 96)
