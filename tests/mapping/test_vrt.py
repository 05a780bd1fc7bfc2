from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from swath.grid import Tile, parse_tile
from swath.mapping.cog import encode_cog
from swath.mapping.vrt import Part, make_vrt, zone_name
from swath.products import Layer

from .published import CLASSES, COLLECTION, PRODUCT, layer_numbers

TILES = [parse_tile(f"utm33n-10m-192-x{x}-y{y}") for x, y in ((260, 3125), (261, 3125), (261, 3126))]
RED, COUNT = (next(layer for layer in PRODUCT.layers(COLLECTION) if layer.name == name) for name in ("B04", "count"))


def part_of(tile: Tile, href: str | None = None) -> Part:
    return Part(href=href or f"{tile.id}/layer.tif", affine=tile.affine, shape=tile.shape)


def write(folder: Path, layer: Layer, name: str = "mosaic.vrt") -> Path:
    for tile in TILES:
        file = folder / tile.id / "layer.tif"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(encode_cog(layer_numbers(layer, tile), layer, affine=tile.affine, crs=tile.crs).data)
    path = folder / name
    path.write_bytes(make_vrt([part_of(tile) for tile in TILES], layer, crs="EPSG:32633"))
    return path


@pytest.mark.parametrize("layer", [RED, COUNT, CLASSES], ids=lambda layer: layer.name)
def test_a_vrt_equals_its_tiles_where_they_are_and_no_data_elsewhere(tmp_path: Path, layer: Layer) -> None:
    with rasterio.open(write(tmp_path, layer)) as mosaic:
        whole = mosaic.read(1)
        seen = np.zeros(whole.shape, bool)
        for tile in TILES:
            window = rasterio.windows.from_bounds(*tile.bounds, transform=mosaic.transform).round()
            rows, cols = window.toslices()
            assert np.array_equal(whole[rows, cols], layer_numbers(layer, tile))
            seen[rows, cols] = True
        assert np.all(whole[~seen] == (layer.nodata or 0))
        assert whole.shape == (384, 384)


def test_a_vrt_has_the_facts_of_its_layer(tmp_path: Path) -> None:
    with rasterio.open(write(tmp_path, RED)) as mosaic:
        assert mosaic.crs.to_epsg() == 32633
        assert (mosaic.nodata, mosaic.scales, mosaic.offsets, mosaic.units) == (0, (0.0001,), (-0.1,), ("1",))
        assert (mosaic.descriptions, mosaic.dtypes) == (("B04",), ("uint16",))


def test_a_vrt_of_classes_has_their_colours(tmp_path: Path) -> None:
    with rasterio.open(write(tmp_path, CLASSES)) as mosaic:
        assert mosaic.colormap(1)[10] == (0, 100, 0, 255)


def test_a_folder_that_moves_still_opens(tmp_path: Path) -> None:
    write(tmp_path / "before", RED)
    (tmp_path / "before").rename(tmp_path / "after")
    with rasterio.open(tmp_path / "after" / "mosaic.vrt") as mosaic:
        assert mosaic.read(1).any()


def test_the_order_of_parts_does_not_change_the_bytes() -> None:
    parts = [part_of(tile) for tile in TILES]
    assert make_vrt(parts, RED, crs="EPSG:32633") == make_vrt(reversed(parts), RED, crs="EPSG:32633")


@pytest.mark.parametrize(
    ("href", "written"),
    [
        ("s3://bucket/a.tif", 'relativeToVRT="0">/vsis3/bucket/a.tif<'),
        ("https://host/a.tif", 'relativeToVRT="0">/vsicurl/https://host/a.tif<'),
        ("./a.tif", 'relativeToVRT="1">a.tif<'),
        ("/data/a.tif", 'relativeToVRT="0">/data/a.tif<'),
        ("../t&u/a.tif", 'relativeToVRT="1">../t&amp;u/a.tif<'),
    ],
)
def test_paths_are_written_as_gdal_reads_them(href: str, written: str) -> None:
    assert written in make_vrt([part_of(TILES[0], href)], RED, crs="EPSG:32633").decode()


def test_parts_off_the_lattice_are_refused() -> None:
    moved = replace(part_of(TILES[1]), affine=TILES[1].affine @ Affine.translation(0.5, 0))
    with pytest.raises(ValueError, match=r"lattice.*column 192\.5"):
        make_vrt([part_of(TILES[0]), moved], RED, crs="EPSG:32633")


def test_parts_of_another_resolution_are_refused() -> None:
    coarse = replace(part_of(TILES[1], "z.tif"), affine=TILES[1].affine @ Affine.scale(2))
    with pytest.raises(ValueError, match=r"20 m.*10 m"):
        make_vrt([part_of(TILES[0]), coarse], RED, crs="EPSG:32633")


def test_no_parts_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        make_vrt([], RED, crs="EPSG:32633")


@pytest.mark.parametrize(
    ("crs", "name"), [("EPSG:32633", "utm33n"), ("EPSG:32701", "utm01s"), ("EPSG:6933", "epsg6933")]
)
def test_zones_have_short_names(crs: str, name: str) -> None:
    assert zone_name(crs) == name
