"""From a composite to what stands in the files."""

from dataclasses import replace

import numpy as np

from swath.cube import Composite, LayerFacts
from swath.mapping.layers import layers_of

from .published import COLLECTION, PRODUCT

LAYERS = {layer.name: layer for layer in PRODUCT.layers(COLLECTION)}


def composite(dtype="uint8"):
    red = np.array([[2000, 0], [1500, 3000]], np.uint16)
    nir = np.array([[5000, 0], [1500, 1200]], np.uint16)
    facts = LayerFacts(dtype="uint16", nodata=0, scale=0.0001, offset=-0.1, unit="1")
    count = LayerFacts(dtype=dtype, nodata=None, scale=1.0, offset=0.0, unit="1")
    layers = {"B04": red, "B08": nir, "count": np.array([[3, 0], [1, 2]], dtype)}
    return Composite(layers, {"B04": facts, "B08": facts, "count": count})


def made(*layers):
    return layers_of(composite(), layers, COLLECTION)


def test_every_layer_of_the_product_is_made_in_its_dtype():
    found = layers_of(composite(), tuple(LAYERS.values()), COLLECTION)
    assert list(found) == list(LAYERS) == ["B04", "B08", "count", "NDVI"]
    assert {name: str(numbers.dtype) for name, numbers in found.items()} == {
        name: layer.dtype for name, layer in LAYERS.items()
    }


def test_bands_pass_as_they_are():
    np.testing.assert_array_equal(made(LAYERS["B04"])["B04"], composite().layers["B04"])


def test_another_dtype_keeps_the_values_and_the_no_data():
    layer = replace(LAYERS["B04"], dtype="float32", nodata=float("nan"), scale=1.0, offset=0.0)
    found = made(layer)["B04"]
    np.testing.assert_allclose(found, [[0.1, np.nan], [0.05, 0.2]], atol=1e-6)


def test_an_index_is_of_reflectance_and_has_no_data_where_a_band_has_none():
    layer = LAYERS["NDVI"]
    found = made(layer)["NDVI"].astype(float)
    missing = np.isnan(found) if layer.nodata is None or np.isnan(layer.nodata) else found == layer.nodata
    np.testing.assert_array_equal(missing, [[False, True], [False, False]])
    values = found * layer.scale + layer.offset
    # reflectances 0.1 and 0.4, 0.05 and 0.05, 0.2 and 0.02
    np.testing.assert_allclose(values[~missing], [0.6, 0.0, -0.18 / 0.22], atol=1e-3)


def test_a_wide_count_is_written_in_the_type_of_all_tiles():
    layer = LAYERS["count"]
    assert layer.dtype == "uint16"
    np.testing.assert_array_equal(made(layer)["count"], [[3, 0], [1, 2]])
