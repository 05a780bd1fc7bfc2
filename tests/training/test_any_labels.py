"""Labels of any kind by one text."""

import numpy as np
import pytest
import rasterio

from support.drawn_labels import AREA, PERIOD, saved, squares
from support.value_plots import AGB, plots, table
from swath.errors import LabelError
from swath.planning import MapRequest
from swath.products import Product
from swath.training import CodeLabels, Labels, ValueRaster
from swath.training.any_labels import labels_line, read_any_labels
from swath.training.recipe import LabelChoice, Recipe

PRODUCT = Product.load("landcover")
LEGEND = {"crop": "cropland", "tree": "tree cover", "water": None}


def read(text, **choice):
    return read_any_labels(str(text), MapRequest(PRODUCT, AREA, PERIOD, "-"), PRODUCT, LabelChoice(**choice))


def raster(folder, dtype, nodata=0):
    path = folder / f"{dtype}.tif"
    with rasterio.open(
        path, "w", driver="GTiff", width=50, height=50, count=1, dtype=dtype, crs=4326, nodata=nodata,
        transform=rasterio.transform.from_bounds(*AREA.geometry.bounds, 50, 50),
    ) as file:  # fmt: skip
        file.write((np.arange(2500).reshape(50, 50) % 3 * 10).astype(dtype), 1)
    return path


def test_polygons_give_classes_of_the_product_and_a_line_says_so(tmp_path):
    labels = read(saved(squares(), tmp_path), legend=LEGEND)
    assert isinstance(labels, Labels)
    assert labels.classes == ("tree cover", "cropland")
    line = labels_line(labels)
    assert "2 classes: tree cover, cropland" in line
    assert "labels that the legend drops" in line


def test_a_table_of_plots_gives_values(tmp_path):
    labels = read(
        table(plots(), tmp_path), value=AGB, column="agb", weight="w", error="sd", group="track", footprint_m=12.5
    )
    assert isinstance(labels, Labels)
    assert labels.value == AGB
    assert labels.groups is not None and labels.weights is not None and labels.errors is not None
    assert f"{len(labels)} of agb (Mg/ha)" in labels_line(labels)


def test_a_raster_gives_codes_or_values_as_the_recipe_asks(tmp_path):
    codes = read(raster(tmp_path, "uint8"), legend={10: "tree cover", 20: "cropland"})
    assert isinstance(codes, CodeLabels)
    values = read(raster(tmp_path, "float32", -1), value=AGB)
    assert isinstance(values, ValueRaster)
    assert "agb (Mg/ha)" in labels_line(values)


def test_a_band_of_classes_gives_no_values():
    with pytest.raises(LabelError, match=r"asset:SCL are classes, and the recipe asks for agb \(Mg/ha\)"):
        read("asset:SCL", value=AGB)


def test_a_recipe_with_a_legend_for_values_is_refused():
    with pytest.raises(LabelError, match="values have no legend"):
        Recipe.parse({"labels": {"value": {"name": "agb", "unit": "Mg/ha"}, "legend": {"a": "b"}}})
    with pytest.raises(LabelError, match="footprints of GEDI are values and have no legend"):
        Recipe.parse({"labels": {"gedi": {}, "legend": {"a": "b"}}})
