from __future__ import annotations

import numpy as np
import pytest

from swath.cube import COUNT, FEW, NONE, CubeSpec, Method, compose, composite_bytes, load, open_cube
from swath.errors import CollectionError, OutOfMemoryError, ProductError, UnitError
from swath.sources.facts import MaskRule

BANDS = ("B04", "B08")


def oracle(stacks, drop, *, bands=BANDS):
    """Clear values as float, NaN else: a date counts only if all bands are valid."""
    clear = ~np.isin(stacks["SCL"], drop)
    for band in bands:
        clear &= stacks[band] != 0
    return {band: np.where(clear, stacks[band].astype(float), np.nan) for band in bands}, clear


def expected(values, reduce):
    with np.errstate(all="ignore"), pytest.warns(RuntimeWarning) if np.isnan(values).all(0).any() else _none():
        result = reduce(values)
    return np.where(np.isnan(result), 0, np.rint(result)).astype(np.uint16)


class _none:
    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


def test_median_and_count_equal_plain_numpy(maker, optical, make_tile):
    stacks = maker.dates(7)
    spec = CubeSpec(bands=BANDS, masks=optical.masks)
    made = compose(maker.scenes, make_tile(), spec, collection=optical, threads=2)
    values, clear = oracle(stacks, optical.masks[0].drop)
    for band in BANDS:
        np.testing.assert_array_equal(made.layers[band], expected(values[band], lambda v: np.nanmedian(v, axis=0)))
    np.testing.assert_array_equal(made.count, clear.sum(0))
    assert made.count.dtype == np.uint8
    assert list(made.layers) == [*BANDS, "count", "flags"]
    assert made.facts["B04"].scale == 0.0001 and made.facts["B04"].offset == -0.1


def test_result_depends_on_neither_budget_nor_threads_nor_order(maker, optical, make_tile):
    maker.dates(5, shape=(64, 70), block=16)
    tile = make_tile((64, 70))
    spec = CubeSpec(bands=BANDS, masks=optical.masks, dilate_m=30)
    whole = compose(maker.scenes, tile, spec, collection=optical, threads=2)
    for budget, threads in ((200_000, 1), (40_000, 2), (9_000, 3)):
        parts = compose(maker.scenes[::-1], tile, spec, collection=optical, threads=threads, budget_bytes=budget)
        for name in whole.layers:
            np.testing.assert_array_equal(parts.layers[name], whole.layers[name])


def test_a_budget_too_small_for_any_window_is_told(maker, optical, make_tile):
    maker.dates(3)
    with pytest.raises(OutOfMemoryError, match="are allowed"):
        compose(maker.scenes, make_tile(), CubeSpec(bands=BANDS), collection=optical, budget_bytes=500)


def test_memory_estimate_is_bounded_by_the_budget(optical, make_tile):
    tile, spec = make_tile((1536, 1536)), CubeSpec(bands=BANDS)
    few = composite_bytes(4, tile, spec, optical, 10**8)
    many, more = (composite_bytes(n, tile, spec, optical, 10**8) for n in (400, 4000))
    assert few < many == more


def test_twenty_metre_bands_are_repeated(maker, optical, make_tile):
    rng = np.random.default_rng(3)
    values = rng.integers(1, 999, (12, 15)).astype(np.uint16)
    maker.scene({"B11": maker.file("b11", values, resolution=20)})
    made = compose(maker.scenes, make_tile(), CubeSpec(bands=("B11",)), collection=optical)
    np.testing.assert_array_equal(made.layers["B11"], np.kron(values, np.ones((2, 2), np.uint16)))


def test_fine_bands_are_averaged_over_valid_pixels_half_to_even(maker, optical, make_tile):
    fine = np.array([[1, 2, 0, 0], [3, 4, 0, 7], [0, 0, 1, 1], [0, 0, 1, 4]], np.uint16)
    maker.scene({"B04": maker.file("fine", fine)})
    made = compose(maker.scenes, make_tile((2, 2), resolution=20), CubeSpec(bands=("B04",)), collection=optical)
    # 10/4 = 2.5 -> 2; one valid 7; none; 7/4 = 1.75 -> 2
    np.testing.assert_array_equal(made.layers["B04"], [[2, 7], [0, 2]])


def test_old_baselines_are_raised_and_new_ones_stand(maker, optical, make_tile):
    values = np.full((24, 30), 400, np.uint16)
    values[0, 0], values[0, 1] = 0, 65_000
    path = maker.file("old", values)
    maker.scene({"B04": path}, dn_shift=1000)
    made = compose(maker.scenes, make_tile(), CubeSpec(bands=("B04",)), collection=optical)
    assert made.layers["B04"][0, 0] == 0 and made.count[0, 0] == 0
    assert made.layers["B04"][0, 1] == 65_535
    assert (made.layers["B04"][1:] == 1400).all()


def test_scenes_of_one_observation_count_once_and_the_first_with_data_wins(maker, optical, make_tile):
    tile = make_tile((4, 4))
    left = np.full((4, 4), 100, np.uint16)
    left[:, 3] = 0
    right = np.full((4, 4), 200, np.uint16)
    right[:, 0] = 0
    cloud = np.full((2, 2), 4, np.uint8)
    cloud[0, 0] = 9
    clear = np.full((2, 2), 4, np.uint8)
    maker.scene(
        {"B04": maker.file("l", left), "SCL": maker.file("lc", cloud, resolution=20)}, day=0, observation="one", id="a"
    )
    maker.scene(
        {"B04": maker.file("r", right), "SCL": maker.file("rc", clear, resolution=20)}, day=0, observation="one", id="b"
    )
    made = compose(maker.scenes, tile, CubeSpec(bands=("B04",), masks=optical.masks), collection=optical)
    assert made.count.max() == 1
    # what the first granule calls cloud stays cloud, though the second one is clear there
    np.testing.assert_array_equal(made.count[:2, :2], 0)
    np.testing.assert_array_equal(made.layers["B04"][2], [100, 100, 100, 200])


def test_dilated_masks_do_not_stop_at_windows_nor_at_the_tile(maker, optical, make_tile):
    tile = make_tile((24, 30))
    big = np.full((34, 40), 500, np.uint16)
    classes = np.full((17, 20), 4, np.uint8)
    classes[4, 3] = 9  # rows 8 and 9, columns 6 and 7 of the file: just up and left of the tile's corner
    origin = (600_000.0 - 100, 5_800_000.0 + 100)
    maker.scene(
        {
            "B04": maker.file("big", big, origin=origin),
            "SCL": maker.file("cl", classes, origin=origin, resolution=20),
        }
    )
    spec = CubeSpec(bands=("B04",), masks=optical.masks, dilate_m=30)
    made = compose(maker.scenes, tile, spec, collection=optical, budget_bytes=2000)
    dropped = np.zeros((34, 40), bool)
    dropped[8 - 3 : 10 + 3, 6 - 3 : 8 + 3] = True
    np.testing.assert_array_equal(made.count == 0, dropped[10:34, 10:40])
    assert (made.count == 0).any()


def test_few_observations_are_flagged_and_none_is_no_data(maker, optical, make_tile):
    maker.dates(3)
    made = compose(maker.scenes, make_tile(), CubeSpec(bands=BANDS, masks=optical.masks, min_obs=2), collection=optical)
    np.testing.assert_array_equal(made.flags == FEW, made.count == 1)
    np.testing.assert_array_equal(made.flags == NONE, made.count == 0)
    np.testing.assert_array_equal(made.layers["B04"] == 0, made.count == 0)


def test_all_clouds_give_no_data_and_no_error(maker, optical, make_tile):
    values = np.full((24, 30), 500, np.uint16)
    maker.scene({"B04": maker.file("v", values), "SCL": maker.file("c", np.full((12, 15), 9, np.uint8), resolution=20)})
    made = compose(maker.scenes, make_tile(), CubeSpec(bands=("B04",), masks=optical.masks), collection=optical)
    assert not made.count.any() and not made.layers["B04"].any()


def test_scenes_that_do_not_reach_the_tile_change_nothing(maker, optical, make_tile):
    stacks = maker.dates(2)
    far = maker.file("far", np.full((10, 10), 9, np.uint16), origin=(700_000.0, 5_700_000.0))
    spec = CubeSpec(bands=("B04",))
    before = compose(maker.scenes, make_tile(), spec, collection=optical)
    maker.scene({"B04": far})
    after = compose(maker.scenes, make_tile(), spec, collection=optical)
    np.testing.assert_array_equal(before.layers["B04"], after.layers["B04"])
    assert stacks["B04"].shape[0] == 2


def test_best_keeps_the_bands_of_one_date_and_writes_its_day(maker, optical, make_tile):
    stacks = maker.dates(6)
    spec = CubeSpec(bands=BANDS, masks=optical.masks, method=Method.BEST, score="ndvi_max")
    made = compose(maker.scenes, make_tile(), spec, collection=optical)
    values, clear = oracle(stacks, optical.masks[0].drop)
    red, nir = (values[b].astype(np.float32) * np.float32(0.0001) + np.float32(-0.1) for b in BANDS)
    ndvi = np.where(np.isnan(red), -np.inf, (nir - red) / (nir + red))
    chosen = ndvi.argmax(0)
    for band in BANDS:
        picked = np.take_along_axis(stacks[band], chosen[None], 0)[0]
        np.testing.assert_array_equal(made.layers[band], np.where(clear.any(0), picked, 0))
    first = (maker.scenes[0].datetime.date() - __import__("datetime").date(1970, 1, 1)).days
    np.testing.assert_array_equal(made.layers["day"], np.where(clear.any(0), first + chosen, 0))


def test_a_date_without_a_score_is_taken_where_there_is_no_other(maker, optical, make_tile):
    # both bands reflect nothing: the index has no value
    maker.scene({band: maker.file(band, np.full((24, 30), 1000, np.uint16)) for band in BANDS})
    spec = CubeSpec(bands=BANDS, method=Method.BEST, score="ndvi_max")
    made = compose(maker.scenes, make_tile(), spec, collection=optical)
    assert (made.count == 1).all() and (made.layers["B04"] == 1000).all() and (made.layers["day"] > 0).all()


def test_pixels_masked_on_more_than_nine_of_ten_dates_are_reported(maker, optical, make_tile):
    for date in range(20):
        classes = np.full((12, 15), 4, np.uint8)
        classes[0, 0] = 9  # always cloud: 4 pixels of 10 m
        classes[0, 1] = 4 if date in (3, 7) else 9  # exactly nine of ten
        classes[0, 2] = 4 if date == 5 else 9
        classes[6:] = 9
        values = np.full((24, 30), 2000, np.uint16)
        values[12:, :] = 2000 if date <= 3 else 0  # too few dates to tell
        files = {"B04": maker.file(f"v{date}", values), "SCL": maker.file(f"c{date}", classes, resolution=20)}
        maker.scene(files)
    spec = CubeSpec(bands=("B04",), masks=optical.masks)
    made = compose(maker.scenes, make_tile(), spec, collection=optical)
    assert made.stats["pixels_mostly_masked"] == 8


@pytest.mark.parametrize("reader", ["odc", "stackstac"])
@pytest.mark.parametrize(
    "more",
    [
        {"method": Method.MEDIAN, "dilate_m": 20},
        {"method": Method.MEAN},
        {"method": Method.PERCENTILE, "percentiles": (10, 62.5)},
        {"method": Method.GEOMEDIAN},
        {"method": Method.BEST, "score": "blue_min"},
        {"method": Method.FIRST},
    ],
    ids=lambda more: str(more["method"]),
)
def test_lazy_cube_equals_the_hot_path(maker, optical, make_tile, reader, more):
    maker.dates(4, bands=("B02", "B04", "B08"))
    spec = CubeSpec(bands=("B02", "B04", "B08"), masks=optical.masks, **more)
    hot = compose(maker.scenes, make_tile(), spec, collection=optical)
    cube = open_cube(maker.scenes, make_tile(), spec, collection=optical, reader=reader, chunks=16)
    assert list(cube) == list(hot.layers)
    lazy = cube.compute(scheduler="threads")
    for name, layer in hot.layers.items():
        np.testing.assert_array_equal(lazy[name].values, layer)
        assert lazy[name].dtype == layer.dtype


def test_more_than_255_observations_count_in_two_bytes(maker, optical, make_tile):
    path = maker.file("v", np.full((4, 4), 7, np.uint16))
    for _ in range(300):
        maker.scene({"B04": path})
    made = compose(maker.scenes, make_tile((4, 4)), CubeSpec(bands=("B04",)), collection=optical)
    assert made.count.dtype == np.uint16 and (made.count == 300).all()
    assert made.facts[COUNT].dtype == "uint16"


def test_bands_of_two_dtypes_are_dropped_together(maker, make_collection, make_band, make_tile):
    collection = make_collection(extra={"vh": make_band("vh", kind="backscatter", dtype="float32", nodata=-32768.0)})
    red = np.full((4, 4), 10, np.uint16)
    red[0] = 0
    radar = np.full((4, 4), 0.5, np.float32)
    radar[:, 0] = -32768
    maker.scene({"B04": maker.file("r", red), "vh": maker.file("vh", radar, nodata=-32768)})
    made = compose(maker.scenes, make_tile((4, 4)), CubeSpec(bands=("B04", "vh")), collection=collection)
    gone = (red == 0) | (radar < 0)
    np.testing.assert_array_equal(made.layers["B04"], np.where(gone, 0, 10))
    np.testing.assert_array_equal(made.layers["vh"], np.where(gone, np.float32(-32768), np.float32(0.5)))


def test_bits_drop_pixels(maker, make_collection, make_band, make_tile):
    collection = make_collection(extra={"qa": make_band("qa", kind="bits", dtype="uint16", nodata=1)})
    quality = np.array([[0, 8], [16, 1]], np.uint16)
    maker.scene({"B04": maker.file("r", np.full((2, 2), 10, np.uint16)), "qa": maker.file("qa", quality, nodata=1)})
    spec = CubeSpec(bands=("B04",), masks=(MaskRule(band="qa", drop_bits=(3,)),))
    made = compose(maker.scenes, make_tile((2, 2)), spec, collection=collection)
    np.testing.assert_array_equal(made.count, [[1, 0], [1, 0]])


@pytest.mark.parametrize(
    ("wrong", "error", "says"),
    [
        ({"bands": ("B99",)}, CollectionError, "Choose from B02"),
        ({"bands": ()}, ProductError, "no bands"),
        ({"bands": ("SCL",)}, ProductError, "has no median"),
        ({"bands": ("B04",), "method": Method.PERCENTILE}, ProductError, "needs percentiles"),
        ({"bands": ("B04",), "method": Method.BEST}, ProductError, "needs a score"),
        ({"bands": ("B04",), "method": Method.BEST, "score": "ndvi_max"}, ProductError, "needs B08"),
        ({"bands": ("B04",), "method": Method.BEST, "score": "nvdi_max"}, ProductError, "NDVI"),
        ({"bands": ("B04",), "method": Method.BEST, "score": "best"}, ProductError, "no score"),
        ({"bands": ("B04",), "masks": (MaskRule(band="SCL"),)}, CollectionError, "drops nothing"),
        ({"bands": ("B04",), "band_resampling": {"B8A": "cubic"}}, ProductError, "B8A"),
    ],
)
def test_wrong_specs_fail_before_anything_is_read(optical, make_tile, wrong, error, says):
    with pytest.raises(error, match=says):
        compose([], make_tile(), CubeSpec(**wrong), collection=optical)


def test_no_scene_is_a_unit_error(optical, make_tile):
    with pytest.raises(UnitError, match="no scenes"):
        compose([], make_tile(), CubeSpec(bands=("B04",)), collection=optical)


def test_load_keeps_dates_apart_and_names_their_observation(maker, optical, make_tile):
    stacks = maker.dates(3)
    cube = load(maker.scenes, make_tile(), CubeSpec(bands=BANDS, masks=optical.masks), collection=optical)
    assert cube["B04"].dims == ("time", "y", "x") and cube["B04"].chunks is not None
    assert list(cube["observation"].values) == ["test-1-000", "test-1-001", "test-1-002"]
    for name in (*BANDS, "SCL"):
        np.testing.assert_array_equal(cube[name].values, stacks[name])
