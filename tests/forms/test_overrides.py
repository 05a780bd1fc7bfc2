import pytest

from swath.errors import ProductError
from swath.products import Product

MOSAIC = Product.load("mosaic")


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("inputs.0.collection=hls", lambda p: p.inputs[0].collection == "hls"),
        ("inputs.0.bands=[red, nir]", lambda p: p.inputs[0].bands == ("red", "nir")),
        ("inputs.0.bands.0=red", lambda p: p.inputs[0].bands == ("red",)),
        ("inputs.0.bands.1=nir", lambda p: p.inputs[0].bands == ("reflectance", "nir")),
        ("inputs.0.composite.min_obs=3", lambda p: p.inputs[0].composite.min_obs == 3),
        ("output.grid.resolution=null", lambda p: p.output.grid.resolution is None),
        ("output.grid.resolution=30", lambda p: p.output.grid.resolution == 30.0),
        ("output.layers.count.dtype=uint8", lambda p: p.output.layers["count"].dtype == "uint8"),
        ("output.layers.*.compression.codec=lerc", lambda p: p.output.layers["*"].compression.codec == "lerc"),
        ("title=a=b", lambda p: p.title == "a=b"),
    ],
)
def test_any_field_can_be_set(text: str, read) -> None:
    assert read(MOSAIC.with_overrides([text]))


def test_overrides_leave_the_product_as_it_was_and_all_else_in_place() -> None:
    changed = MOSAIC.with_overrides(["title=x"])
    assert MOSAIC.title == "Clear mosaic"
    assert changed.model_copy(update={"title": MOSAIC.title}) == MOSAIC


def test_several_are_validated_together() -> None:
    texts = ["inputs.0.composite.method=percentile", "inputs.0.composite.percentiles=[5]"]
    assert MOSAIC.with_overrides(texts).inputs[0].composite.percentiles == (5,)


def test_none_gives_the_same_product() -> None:
    assert MOSAIC.with_overrides([]) is MOSAIC


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("foo", "--set 'foo' is not FIELD=VALUE."),
        ("=3", "is not FIELD=VALUE"),
        ("inputs..bands=3", "is not FIELD=VALUE"),
        ("inptus.0.bands=[a]", "the product has no field 'inptus'. Did you mean 'inputs'? Choices: name, version"),
        (
            "inputs.0.colection=x",
            "inputs.0 has no field 'colection'. Did you mean 'collection'? Choices: name, collection, bands",
        ),
        ("inputs.1.bands=[x]", "inputs has no field '1'. Choices: 0."),
        ("inputs.x=3", "inputs has no field 'x'. Choices: 0, 1."),
        ("inputs.0.collection.name=3", "inputs.0.collection is the plain value 'auto'"),
        ("output.layers.count.dtyp=x", "output.layers.count has no field 'dtyp'. Did you mean 'dtype'?"),
        ("inputs.0.bands=[x", "--set inputs.0.bands, line 1: not valid YAML"),
        ("output.grid.resolution=ten", "mosaic with --set: output.grid.resolution: 'ten'"),
        ("output.layers.count.dtype=uint9", "'uint9' is not one of the choices. Did you mean 'uint8'?"),
    ],
)
def test_a_path_that_leads_nowhere_names_the_choices_at_that_point(text: str, message: str) -> None:
    with pytest.raises(ProductError) as caught:
        MOSAIC.with_overrides([text])
    assert message in str(caught.value)
