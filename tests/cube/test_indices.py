from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from swath.cube import (
    CubeSpec,
    compose,
    compute_index,
    index_bands,
    index_numbers,
    index_of_composite,
    index_of_dates,
    load,
    physical,
)
from swath.cube.layers import LayerFacts
from swath.errors import ProductError
from swath.sources import collection


def test_ndvi_of_a_composite_is_of_reflectance_with_offset(maker, optical, make_tile):
    maker.scene(
        {
            "B04": maker.file("r", np.full((24, 30), 1500, np.uint16)),
            "B08": maker.file("n", np.full((24, 30), 4000, np.uint16)),
        }
    )
    made = compose(maker.scenes, make_tile(), CubeSpec(bands=("B04", "B08")), collection=optical)
    ndvi = index_of_composite("ndvi", made.layers, made.facts, optical)
    assert ndvi.dtype == np.float32
    np.testing.assert_allclose(ndvi, (0.3 - 0.05) / 0.35, rtol=1e-5)
    np.testing.assert_array_equal(index_numbers(ndvi), 7143)


def test_no_data_has_no_index(optical):
    facts = LayerFacts("uint16", 0, 0.0001, -0.1)
    layers = {"B04": np.array([0, 1500], np.uint16), "B08": np.array([4000, 4000], np.uint16)}
    ndvi = index_of_composite("NDVI", layers, {"B04": facts, "B08": facts}, optical)
    assert np.isnan(ndvi[0]) and index_numbers(ndvi)[0] == -32768


def test_published_indices_saturate_and_round_half_to_even():
    values = np.array([9.0, -9.0, 0.00005, 0.00015, np.nan, np.inf], np.float32)
    assert index_numbers(values)[:2].tolist() == [32767, -32767]
    assert index_numbers(values)[4:].tolist() == [-32768, 32767]


def test_division_by_zero_is_no_number():
    zero = np.zeros(2, np.float32)
    assert np.isnan(compute_index("NDVI", {"N": zero, "R": zero})).all()


def test_an_index_of_a_cube_stays_lazy():
    red = xr.DataArray(np.full((2, 3), 0.1, np.float32)).chunk(1)
    index = compute_index("NDVI", {"N": red * 3, "R": red})
    assert index.chunks is not None and index.dtype == np.float32
    np.testing.assert_allclose(index.values, 0.5, rtol=1e-6)


def test_indices_with_constants_take_their_defaults(optical):
    assert index_bands("EVI", optical) == {"N": "B08", "R": "B04", "B": "B02"}
    got = compute_index("EVI", {"N": np.float32([0.4]), "R": np.float32([0.1]), "B": np.float32([0.05])})
    np.testing.assert_allclose(got, 2.5 * 0.3 / (0.4 + 0.6 - 0.375 + 1), rtol=1e-5)


def test_a_wavelength_stands_in_for_a_missing_common_name(make_collection, make_band):
    collection = make_collection(extra={"B08": make_band("B08", common_name=None, wavelength=0.84)})
    assert index_bands("NDVI", collection)["N"] == "B08"


@pytest.mark.parametrize(
    ("key", "bands"),
    [
        ("usgs-landsat-c2-l2-sr", {"N": "nir08", "R": "red", "B": "blue"}),
        ("planetary-computer-landsat-c2-l2", {"N": "nir08", "R": "red", "B": "blue"}),
        ("lpcloud-hls-l30", {"N": "B05", "R": "B04", "B": "B02"}),
        ("lpcloud-hls-s30", {"N": "B08", "R": "B04", "B": "B02"}),
        ("planetary-computer-sentinel-2-l2a", {"N": "B08", "R": "B04", "B": "B02"}),
    ],
)
def test_near_infrared_is_found_by_wavelength_where_its_name_is_another(key, bands):
    assert index_bands("EVI", collection(key)) == bands


def test_a_band_beyond_the_range_of_a_symbol_is_not_taken():
    with pytest.raises(ProductError, match="rededge071"):
        index_bands("NDREI", collection("usgs-landsat-c2-l2-sr"))


def test_unknown_indices_name_near_ones_and_lacking_bands_are_told(optical):
    with pytest.raises(ProductError, match="NDVI"):
        index_bands("NDVII", optical)
    with pytest.raises(ProductError, match="green"):
        index_bands("NDWI", optical)
    with pytest.raises(ProductError, match="B08"):
        index_of_composite("NDVI", {"B04": np.zeros(1, np.uint16)}, {}, optical)


def test_radar_indices_are_refused(optical):
    with pytest.raises(ProductError, match="no band of reflectance"):
        index_bands("DpRVIVV", optical)


def test_physical_values_keep_negative_reflectance():
    got = physical(np.array([900, 0], np.uint16), LayerFacts("uint16", 0, 0.0001, -0.1))
    np.testing.assert_allclose(got, [-0.01, np.nan], atol=1e-7)


def test_the_index_of_dates_is_not_the_index_of_their_composite(maker, optical, make_tile):
    for red, nir in ((1500, 2000), (1200, 6000), (3000, 3500)):
        files = {"B04": np.full((24, 30), red, np.uint16), "B08": np.full((24, 30), nir, np.uint16)}
        maker.scene({band: maker.file(f"{band}-{red}", values) for band, values in files.items()})
    cube = load(maker.scenes, make_tile(), ("B04", "B08"), collection=optical)
    dates = index_of_dates("ndvi", cube, optical)
    assert dates.name == "NDVI" and dates.chunks is not None and dates.dtype == np.float32
    of_dates = np.median([0.05 / 0.15, 0.48 / 0.52, 0.05 / 0.45])
    np.testing.assert_allclose(np.median(dates.values, axis=0), of_dates, rtol=1e-5)
    made = compose(maker.scenes, make_tile(), CubeSpec(bands=("B04", "B08")), collection=optical)
    of_composite = index_of_composite("ndvi", made.layers, made.facts, optical)
    assert abs(of_composite[0, 0] - of_dates) > 0.01
