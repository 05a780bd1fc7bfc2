"""What a model asks of a plan."""

import pytest

from swath.errors import PeriodError, ProductError
from swath.grid import Period
from swath.models.spec import BandInput, ClassesOutput, InputSpec, Layout, ModelSpec
from swath.planning.models import acquisitions_about, check_period, halo_m
from swath.products import Product


def with_model(product: str, **given) -> Product:
    known = {"unit": "reflectance", "gsd": 20, "window": 64, "stride": 64}
    spec = InputSpec(bands=(BandInput(name="B04"),), **known, **given)
    output = ClassesOutput(classes=("clear", "cloud") if product == "clouds" else ("water", "trees"))
    return Product.load(product).with_model(ModelSpec(name="toy", input=spec, output=output), "d" * 64)


SERIES = {"steps": 5, "layout": Layout.NTCHW}


def test_clouds_are_mapped_by_acquisition_only():
    check_period(with_model("clouds"), Period.parse("2023-05-01/acquisition"))
    with pytest.raises(PeriodError, match="maps each acquisition by itself, and the period is 2023/P1Y"):
        check_period(with_model("clouds"), Period.parse("2023/P1Y"))


def test_a_model_of_several_parts_of_a_period_takes_no_single_acquisition():
    check_period(with_model("landcover", **SERIES), Period.parse("2023/P1Y"))
    with pytest.raises(PeriodError, match="reads 5 parts of a period"):
        check_period(with_model("landcover", **SERIES), Period.parse("2023-05-01/acquisition"))


def test_a_model_about_an_acquisition_reads_those_before_and_after_it():
    assert acquisitions_about(with_model("clouds", target=1, **SERIES)) == (1, 3)
    assert acquisitions_about(with_model("clouds")) == (0, 0)
    assert acquisitions_about(Product.load("mosaic")) == (0, 0)


def test_a_tile_is_read_up_to_a_window_beyond_its_edge():
    assert halo_m(with_model("landcover")) == 64 * 20
    assert halo_m(Product.load("mosaic")) == 0


def test_a_product_that_needs_a_model_says_so_before_any_work():
    with pytest.raises(ProductError, match=r"landcover maps with a model, and none is chosen\. Give --model PACKAGE"):
        check_period(Product.load("landcover"), Period.parse("2023/P1Y"))
