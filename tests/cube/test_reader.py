"""Three readers of the same pixels: the hot path's, and lazy cubes through odc-stac and stackstac."""

from __future__ import annotations

import numpy as np
import pytest
from pyproj import Transformer

from swath.cube import CubeSpec, compose, load
from swath.cube.lattice import TIE

READERS = ("odc", "stackstac")


def all_equal(maker, tile, bands, collection, *, spec=None, chunks=17):
    """The pixels of one scene, after the three readers agreed on them."""
    spec = spec or CubeSpec(bands=bands)
    hot = compose(maker.scenes[:1], tile, spec, collection=collection, budget_bytes=20_000)
    for reader in READERS:
        cube = load(maker.scenes[:1], tile, spec, collection=collection, reader=reader, chunks=chunks).compute(
            scheduler="sync"
        )
        for band in bands:
            np.testing.assert_array_equal(cube[band].values[0], hot.layers[band], err_msg=reader)
            assert cube[band].dtype == hot.layers[band].dtype
    return hot.layers


def ramp(shape, start=1):
    return (np.arange(shape[0] * shape[1], dtype=np.uint16) + start).reshape(shape)


def test_same_lattice_is_read_as_it_stands_and_gaps_are_no_data(maker, optical, make_tile):
    values = ramp((20, 20))
    maker.scene({"B04": maker.file("v", values, origin=(600_050.0, 5_799_970.0))})
    got = all_equal(maker, make_tile(), ("B04",), optical)["B04"]
    want = np.zeros((24, 30), np.uint16)
    want[3:23, 5:25] = values
    np.testing.assert_array_equal(got, want)


def test_bare_odc_and_stackstac_give_the_same_on_the_same_lattice(maker, optical, make_tile):
    import odc.stac
    import pystac
    import stackstac
    from rasterio.enums import Resampling
    from shapely.geometry import box, mapping

    tile = make_tile()
    scene = maker.scene({"B04": maker.file("v", ramp((24, 30)))})
    ours = all_equal(maker, tile, ("B04",), optical)["B04"]
    item = pystac.Item(
        scene.id, mapping(box(*scene.bbox)), list(scene.bbox), scene.datetime, {"proj:epsg": 32633}, collection="c",
        stac_extensions=["https://stac-extensions.github.io/projection/v1.1.0/schema.json"],
    )  # fmt: skip
    extra = {"proj:shape": [24, 30], "proj:transform": [10, 0, 600000, 0, -10, 5800000]}
    item.add_asset(
        "B04", pystac.Asset(scene.assets["B04"].href, media_type="image/tiff", roles=["data"], extra_fields=extra)
    )
    theirs = odc.stac.load([item], bands=["B04"], geobox=tile.geobox, dtype="uint16", nodata=0)
    np.testing.assert_array_equal(theirs["B04"].values[0], ours)
    left, bottom, right, top = tile.bounds
    stacked = stackstac.stack(
        [item.to_dict(transform_hrefs=False)], assets=["B04"], epsg=32633, resolution=10,
        bounds=(left, bottom, right, top),
        snap_bounds=False, dtype=np.dtype("uint16"), fill_value=np.uint16(0), rescale=False,
        resampling=Resampling.nearest,
    )  # fmt: skip
    np.testing.assert_array_equal(stacked.values[0, 0], ours)


def test_twenty_metres_on_ten_repeat_pixels_wherever_the_file_begins(maker, optical, make_tile):
    values = ramp((12, 15))
    # the file's edge lies on an odd tile pixel
    maker.scene({"B11": maker.file("v", values, resolution=20, origin=(600_030.0, 5_799_990.0))})
    got = all_equal(maker, make_tile(), ("B11",), optical)["B11"]
    want = np.zeros((40, 40), np.uint16)
    want[1:25, 3:33] = np.kron(values, np.ones((2, 2), np.uint16))
    np.testing.assert_array_equal(got, want[:24, :30])


def test_ten_metres_on_twenty_are_averaged_the_same_by_all(maker, optical, make_tile):
    rng = np.random.default_rng(5)
    values = rng.integers(0, 9, (48, 60)).astype(np.uint16)
    maker.scene({"B04": maker.file("v", values)})
    got = all_equal(maker, make_tile((24, 30), resolution=20), ("B04",), optical)["B04"]
    blocks = values.reshape(24, 2, 30, 2).astype(float)
    total, n = blocks.sum((1, 3)), (blocks > 0).sum((1, 3))
    np.testing.assert_array_equal(got, np.where(n > 0, np.rint(total / np.maximum(n, 1)), 0))


def test_a_half_pixel_tie_goes_up_and_left(maker, optical, make_tile):
    # Landsat on the Sentinel-2 lattice: edges at 15 mod 30, so that every third pixel's centre lies on an edge
    values = ramp((9, 11))
    maker.scene({"B04": maker.file("v", values, resolution=30, origin=(600_000.0 - 15, 5_800_000.0 + 15))})
    got = all_equal(maker, make_tile(), ("B04",), optical)["B04"]
    # centres at 5, 15, 25, ... from the tile's corner; in the file 20, 30 (a tie: left pixel), 40, 50, 60 (tie), ...
    columns = [0, 0, 1, 1, 1, 2]
    np.testing.assert_array_equal(got[0, :6], values[0, columns])
    np.testing.assert_array_equal(got[:6, 0], values[columns, 0])


def test_classes_coarsen_by_nearest_with_the_tie_up_and_left(maker, make_collection, make_tile):
    collection = make_collection()
    from swath.cube import Method

    classes = ramp((8, 8)).astype(np.uint8)
    maker.scene({"SCL": maker.file("c", classes, resolution=10)})
    spec = CubeSpec(bands=("SCL",), method=Method.FIRST)
    got = all_equal(maker, make_tile((4, 4), resolution=20), ("SCL",), collection, spec=spec)["SCL"]
    np.testing.assert_array_equal(got, classes[::2, ::2])


def test_another_zone_by_nearest_takes_the_pixel_under_the_centre(maker, optical, make_tile):
    # a tile in zone 33 at its western edge, a file in zone 32 around it
    tile = make_tile((90, 70), origin=(300_000.0, 5_800_000.0))
    to_32 = Transformer.from_crs(32633, 32632, always_xy=True)
    x, y = to_32.transform(300_350.0, 5_799_550.0)
    origin = (x // 10 * 10 - 600, y // 10 * 10 + 350)
    values = ramp((100, 120))
    maker.scene({"B04": maker.file("z32", values, origin=origin, epsg=32632)}, epsg=32632)
    got = all_equal(maker, tile, ("B04",), optical, chunks=64)["B04"]
    cols, rows = np.meshgrid(np.arange(70) + 0.5 - TIE, np.arange(90) + 0.5 - TIE)
    fx, fy = to_32.transform(300_000 + cols * 10, 5_800_000 - rows * 10)
    r, c = np.floor((origin[1] - fy) / 10).astype(int), np.floor((fx - origin[0]) / 10).astype(int)
    inside = (r >= 0) & (r < 100) & (c >= 0) & (c < 120)
    want = np.where(inside, values[np.clip(r, 0, 99), np.clip(c, 0, 119)], 0)
    assert inside.any() and not inside.all()
    np.testing.assert_array_equal(got, want)


def test_the_southern_twin_of_a_northern_zone_is_the_same_ground(maker, optical, make_tile):
    # Landsat keeps 326xx with negative northings south of the equator
    values = ramp((24, 30))
    maker.scene({"B04": maker.file("s", values, origin=(600_000.0, 5_800_000.0 - 10_000_000), epsg=32633)})
    tile = make_tile(epsg=32733, origin=(600_000.0, 5_800_000.0))
    np.testing.assert_array_equal(all_equal(maker, tile, ("B04",), optical)["B04"], values)


@pytest.mark.parametrize("how", ["bilinear", "cubic"])
def test_smooth_resampling_keeps_a_plane_and_leaves_gaps_out(maker, optical, make_tile, how):
    rows, cols = np.mgrid[:40, :40]
    plane = (1000 + 8 * rows + 4 * cols).astype(np.uint16)
    plane[20, 20] = 0
    maker.scene({"B11": maker.file("p", plane, resolution=20, origin=(600_000.0 - 100, 5_800_000.0 + 100))})
    spec = CubeSpec(bands=("B11",), band_resampling={"B11": how})
    got = all_equal(maker, make_tile(), ("B11",), optical, spec=spec)["B11"].astype(float)
    r, c = np.mgrid[:24, :30]
    want = 1000 + 8 * ((r + 0.5) / 2 + 5 - 0.5) + 4 * ((c + 0.5) / 2 + 5 - 0.5)
    assert np.abs(got - want)[:20, :20].max() <= 1
    # nothing near the gap was pulled down by the no-data number
    assert (got[got > 0] > 900).all()


def test_misaligned_coarsening_is_an_area_mean(maker, optical, make_tile):
    values = np.full((80, 80), 500, np.uint16)
    values[::3, ::5] = 0
    maker.scene({"B04": maker.file("v", values, origin=(600_000.0 - 25, 5_800_000.0 + 35))})
    got = all_equal(maker, make_tile((10, 10), resolution=30), ("B04",), optical)["B04"]
    np.testing.assert_array_equal(got, 500)


@pytest.mark.parametrize("how", ["nearest", "bilinear"])
@pytest.mark.parametrize(
    ("resolution", "origin", "epsg"),
    [
        (10, (600_000.0, 5_800_000.0), 32633),
        (10, (600_007.0, 5_799_994.0), 32633),
        (20, (190_300.0, 5_809_600.0), 32634),
        (10, (190_900.0, 5_809_000.0), 32634),
    ],
    ids=["aligned", "misaligned", "another zone", "another zone and finer"],
)
def test_saturated_numbers_never_mix_with_their_neighbours(
    maker, make_collection, make_band, make_tile, how, resolution, origin, epsg
):
    band = make_band("B04", offset=-0.1, saturated=65535, common_name="red")
    facts = make_collection(extra={"B04": band})
    rng = np.random.default_rng(4)
    values = rng.integers(1200, 1400, (130, 130)).astype(np.uint16)
    bright = rng.random(values.shape) < 0.2
    tile = make_tile((20, 20), resolution=20)
    spec = CubeSpec(bands=("B04",), resampling=how)
    got = []
    for number in (65535, 0):
        maker.scenes.clear()
        file = maker.file(f"v{number}", np.where(bright, number, values).astype(np.uint16), resolution=resolution,
                          origin=origin, epsg=epsg)  # fmt: skip
        maker.scene({"B04": file}, epsg=epsg)
        got.append(all_equal(maker, tile, ("B04",), facts, spec=spec, chunks=7)["B04"])
    np.testing.assert_array_equal(*got)
    assert 0 < np.count_nonzero(got[0]) and got[0].max() < 1400


@pytest.mark.parametrize("how", ["bilinear", "cubic"])
def test_smooth_resampling_from_another_zone_is_the_same_in_any_window(maker, optical, make_tile, how):
    values = np.random.default_rng(4).integers(1200, 1400, (130, 130)).astype(np.uint16)
    maker.scene({"B04": maker.file("v", values, resolution=20, origin=(190_300.0, 5_809_600.0), epsg=32634)})
    spec = CubeSpec(bands=("B04",), resampling=how)
    got = all_equal(maker, make_tile((20, 20), resolution=20), ("B04",), optical, spec=spec, chunks=7)["B04"]
    whole = compose(maker.scenes, make_tile((20, 20), resolution=20), spec, collection=optical)
    np.testing.assert_array_equal(whole.layers["B04"], got)
    assert (got > 0).all()


def test_the_files_crs_wins_over_the_items_and_is_noted(maker, optical, make_tile):
    values = ramp((24, 30))
    maker.scene({"B04": maker.file("v", values)}, epsg=32733)
    made = compose(maker.scenes, make_tile(), CubeSpec(bands=("B04",)), collection=optical)
    np.testing.assert_array_equal(made.layers["B04"], values)
    assert [(note["item_epsg"], note["file_crs"]) for note in made.notes] == [(32733, "EPSG:32633")]


def test_a_band_of_a_file_of_many_is_read(maker, optical, make_tile):
    from dataclasses import replace

    from swath.sources.scenes import Asset

    path = maker.file("many", np.stack([ramp((24, 30)), ramp((24, 30), 5000)]))
    scene = maker.scene({"B04": path})
    maker.scenes[0] = replace(scene, assets={"B04": Asset(str(path), index=2)})
    got = all_equal(maker, make_tile(), ("B04",), optical)["B04"]
    np.testing.assert_array_equal(got, ramp((24, 30), 5000))


@pytest.mark.parametrize("reader", READERS)
def test_lazy_merge_of_one_observation_takes_mask_and_bands_of_one_scene(maker, optical, make_tile, reader):
    a, b = ramp((24, 30)), ramp((24, 30), 3000)
    a[:, 20:], b[:, :5] = 0, 0
    ca, cb = np.full((12, 15), 4, np.uint8), np.full((12, 15), 5, np.uint8)
    maker.scene({"B04": maker.file("a", a), "SCL": maker.file("ca", ca, resolution=20)}, day=0, observation="o", id="a")
    maker.scene({"B04": maker.file("b", b), "SCL": maker.file("cb", cb, resolution=20)}, day=0, observation="o", id="b")
    maker.scene({"B04": maker.file("c", b), "SCL": maker.file("cc", cb, resolution=20)}, day=1)
    spec = CubeSpec(bands=("B04",), masks=optical.masks)
    cube = load(maker.scenes, make_tile(), spec, collection=optical, reader=reader, chunks=16).compute()
    assert cube.sizes["time"] == 2
    np.testing.assert_array_equal(cube["B04"].values[0], np.where(a > 0, a, b))
    np.testing.assert_array_equal(cube["SCL"].values[0], np.where(a > 0, 4, 5))
