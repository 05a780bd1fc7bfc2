from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.io import MemoryFile
from rio_cogeo.cogeo import cog_validate

from swath.mapping.cog import BLOCK, encode_cog, overview_factors
from swath.products import Compression, Layer, LayerKind, Legend, LegendClass

AFFINE = Affine(10, 0, 500000, 0, -10, 6000000)
CRS = "EPSG:32633"
REFLECTANCE = Layer(
    "B04", LayerKind.CONTINUOUS, "Red", "uint16", nodata=0, scale=0.0001, offset=-0.1, common_name="red", band="B04"
)
CLASSES = Layer(
    "landcover",
    LayerKind.CLASSES,
    "Land cover",
    "uint8",
    nodata=0,
    overviews="mode",
    legend=Legend(
        classes=(
            LegendClass(code=10, name="tree cover", color="#006400"),
            LegendClass(code=80, name="water", color="#0064c8"),
        )
    ),
)
FLOAT = Layer("agb", LayerKind.CONTINUOUS, "Biomass", "float32", nodata=float("nan"), unit="Mg/ha")


def numbers(dtype: str = "uint16", size: int = 1100) -> np.ndarray:
    rng = np.random.default_rng(7)
    array = np.cumsum(rng.integers(-3, 4, (size, size)), axis=1) + 5000
    return array.clip(1, 20000).astype(dtype)


@contextmanager
def opened(data: bytes, **kwargs: object) -> Iterator[rasterio.DatasetReader]:
    # GDAL reads from these bytes: both they and the file in memory must outlive the dataset
    with MemoryFile(data) as memory, memory.open(**kwargs) as dataset:
        yield dataset


@pytest.mark.parametrize(
    "compression",
    [Compression(), Compression(codec="deflate"), Compression(codec="lerc"), Compression(codec="zstd", level=9)],
    ids=lambda c: f"{c.codec}-{c.level}",
)
def test_a_cog_is_valid_and_gives_back_the_numbers(tmp_path: Path, compression: Compression) -> None:
    array = numbers()
    array[:20, :30] = 0
    cog = encode_cog(array, replace(REFLECTANCE, compression=compression), affine=AFFINE, crs=CRS)
    path = tmp_path / "layer.tif"
    path.write_bytes(cog.data)
    valid, errors, warnings = cog_validate(path, strict=True, quiet=True)
    assert (valid, errors, warnings) == (True, [], [])
    with rasterio.open(path) as file:
        assert np.array_equal(file.read(1), array)


def test_facts_of_the_layer_stand_in_the_file() -> None:
    with opened(encode_cog(numbers(), REFLECTANCE, affine=AFFINE, crs=CRS).data) as file:
        assert (file.nodata, file.scales, file.offsets, file.units) == (0, (0.0001,), (-0.1,), ("1",))
        assert (file.descriptions, file.crs.to_string(), file.transform) == (("B04",), CRS, AFFINE)
        assert file.block_shapes == [(BLOCK, BLOCK)]
        assert file.overviews(1) == [2, 4]


def test_the_bytes_depend_neither_on_threads_nor_on_the_time() -> None:
    array = numbers()
    one = encode_cog(array, REFLECTANCE, affine=AFFINE, crs=CRS, threads=1)
    again = encode_cog(array.copy(order="F"), REFLECTANCE, affine=AFFINE, crs=CRS, threads=2)
    assert one == again


def test_checksum_and_size_are_those_of_the_bytes() -> None:
    import hashlib

    cog = encode_cog(numbers(size=64), REFLECTANCE, affine=AFFINE, crs=CRS)
    assert cog.multihash == "1220" + hashlib.sha256(cog.data).hexdigest()
    assert cog.size == len(cog.data)


def test_overviews_of_values_are_means_without_no_data() -> None:
    array = np.full((1024, 1024), 1000, np.uint16)
    array[:, 1::2] = 2000
    array[0, 0] = 0
    with opened(encode_cog(array, REFLECTANCE, affine=AFFINE, crs=CRS).data, overview_level=0) as file:
        small = file.read(1)
    assert small[5, 5] == 1500
    # of the first four pixels one has no data: (2000 + 1000 + 2000) / 3
    assert small[0, 0] == 1667


def test_overviews_of_classes_hold_only_codes_that_are_there() -> None:
    rng = np.random.default_rng(3)
    array = rng.choice(np.array([10, 80], np.uint8), (1024, 1024))
    with opened(encode_cog(array, CLASSES, affine=AFFINE, crs=CRS).data, overview_level=0) as file:
        assert set(np.unique(file.read(1))) == {10, 80}


def test_a_class_layer_has_its_colours() -> None:
    array = np.full((64, 64), 80, np.uint8)
    with opened(encode_cog(array, CLASSES, affine=AFFINE, crs=CRS).data) as file:
        table = file.colormap(1)
    assert table[10][:3] == (0, 100, 0)
    assert table[80][:3] == (0, 100, 200)


def test_floats_keep_nan_and_use_the_float_predictor() -> None:
    array = np.linspace(0, 300, 600 * 600, dtype=np.float32).reshape(600, 600)
    array[0, :5] = np.nan
    cog = encode_cog(array, FLOAT, affine=AFFINE, crs=CRS)
    with opened(cog.data) as file:
        assert np.array_equal(file.read(1), array, equal_nan=True)
        assert np.isnan(file.nodata)
        assert file.tags(ns="IMAGE_STRUCTURE")["PREDICTOR"] == "3"
    assert cog.valid == pytest.approx(1 - 5 / 360000)


def test_lerc_keeps_values_within_its_error_and_nan_where_it_was() -> None:
    array = np.random.default_rng(1).uniform(0, 300, (600, 600)).astype(np.float32)
    array[10:20, 10:20] = np.nan
    lossy = encode_cog(
        array, replace(FLOAT, compression=Compression(codec="lerc", max_error=0.5)), affine=AFFINE, crs=CRS
    )
    exact = encode_cog(array, FLOAT, affine=AFFINE, crs=CRS)
    with opened(lossy.data) as file:
        back = file.read(1)
    assert np.array_equal(np.isnan(back), np.isnan(array))
    assert np.nanmax(np.abs(back - array)) <= 0.5 + 1e-4
    assert lossy.size < exact.size / 2


def test_a_small_layer_has_no_overviews() -> None:
    assert overview_factors(512, 300) == []
    assert overview_factors(513, 300) == [2]
    assert overview_factors(1536, 3072) == [2, 4, 8]
    with opened(encode_cog(numbers(size=61), REFLECTANCE, affine=AFFINE, crs=CRS).data) as file:
        assert file.overviews(1) == []


@pytest.mark.parametrize("array", [np.zeros((4, 4), np.int16), np.zeros((1, 4, 4), np.uint16)])
def test_another_dtype_or_shape_is_refused_with_both_named(array: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"B04.*uint16, this array is .*\d"):
        encode_cog(array, REFLECTANCE, affine=AFFINE, crs=CRS)
