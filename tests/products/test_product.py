from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swath.cube import Method
from swath.errors import ProductError
from swath.products import Product, check, products
from swath.sources import collection, collections

from .facts import TOY

MOSAIC = Product.load("mosaic")


def refusal(*assignments: str) -> ProductError:
    with pytest.raises(ProductError) as caught:
        MOSAIC.with_overrides(assignments).layers(TOY)
    return caught.value


def test_the_mosaic_ships() -> None:
    assert "mosaic" in products()
    assert MOSAIC.name == "mosaic"


def test_the_mosaic_is_the_median_of_each_reflectance_band_that_all_items_have() -> None:
    spec = MOSAIC.cube_spec(TOY)
    assert spec.bands == ("B03", "B04", "B05", "B07", "B08")
    assert (spec.method, spec.masks) == (Method.MEDIAN, TOY.masks)


def test_the_mosaic_writes_its_bands_and_the_count() -> None:
    layers = {layer.name: layer for layer in MOSAIC.layers(TOY)}
    assert list(layers) == ["B03", "B04", "B05", "B07", "B08", "count"]
    red = layers["B04"]
    assert (red.dtype, red.nodata, red.scale, red.offset, red.common_name) == ("uint16", 0, 0.0001, -0.1, "red")
    assert (layers["count"].dtype, layers["count"].nodata, layers["count"].overviews) == ("uint16", None, "nearest")


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("[B08, red]", ("B08", "B04")),
        ("[temperature]", ("ST",)),
        ("[all]", ("B03", "B04", "B05", "B07", "B08", "ST")),
        ("[coastal, all]", ("B01", "B03", "B04", "B05", "B07", "B08", "ST")),
        ("[red, B04, reflectance]", ("B04", "B03", "B05", "B07", "B08")),
    ],
)
def test_bands_go_by_name_common_name_kind_or_all_each_once(wanted: str, expected: tuple[str, ...]) -> None:
    assert MOSAIC.with_overrides([f"inputs.0.bands={wanted}"]).cube_spec(TOY).bands == expected


def test_a_band_that_the_collection_lacks_is_refused_with_the_choices() -> None:
    error = refusal("inputs.0.bands=[B4]")
    assert error.exit_code == 2
    assert str(error).startswith(
        "mosaic: inputs.0.bands: collection 'toy-optical' has no band 'B4'. Did you mean 'B04'?"
    )
    assert "coastal" in error.facts["choices"]


def test_a_kind_that_the_collection_lacks_is_called_a_kind() -> None:
    assert "has no bands of kind 'backscatter'" in str(refusal("inputs.0.bands=[backscatter]"))


@pytest.mark.parametrize("key", sorted(collections()))
def test_the_mosaic_fits_every_collection_with_reflectance(key: str) -> None:
    facts = collection(key)
    if any(band.kind == "reflectance" and not band.optional for band in facts.bands.values()):
        layers = MOSAIC.layers(facts)
        assert layers[-1].name == "count"
        assert all(layer.band in facts.bands for layer in layers[:-1])
    else:
        with pytest.raises(ProductError, match="has no bands of kind 'reflectance'"):
            MOSAIC.layers(facts)


def test_a_common_name_of_two_bands_is_refused_with_both() -> None:
    assert "Name one: B05, B07." in str(refusal("inputs.0.bands=[rededge]"))


def test_a_quality_band_cannot_be_composited() -> None:
    assert "'SCL' of collection 'toy-optical' holds classes" in str(refusal("inputs.0.bands=[SCL]"))


def test_own_mask_rules_take_the_place_of_the_default() -> None:
    product = MOSAIC.with_overrides(["inputs.0.mask={rules: [{band: QA, drop_bits: [3, 4]}], dilate_m: 60}"])
    spec = product.cube_spec(TOY)
    assert [(rule.band, rule.drop_bits) for rule in spec.masks] == [("QA", (3, 4))]
    assert spec.dilate_m == 60


def test_no_mask_is_a_choice() -> None:
    assert MOSAIC.with_overrides(["inputs.0.mask.rules=none"]).cube_spec(TOY).masks == ()


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ("[{band: SLC, drop: [3]}]", "has no quality band 'SLC'. Did you mean 'SCL'? Choices: SCL, QA."),
        ("[{band: B04, drop: [3]}]", "has no quality band 'B04'"),
        ("[{band: SCL}]", "the rule on 'SCL' drops nothing"),
    ],
)
def test_a_mask_rule_that_cannot_be_is_refused(rules: str, message: str) -> None:
    assert message in str(refusal(f"inputs.0.mask.rules={rules}"))


def test_percentiles_give_a_layer_each() -> None:
    product = MOSAIC.with_overrides(
        ["inputs.0.bands=[red]", "inputs.0.composite={method: percentile, percentiles: [5, 50]}"]
    )
    assert [layer.name for layer in product.layers(TOY)] == ["B04_p05", "B04_p50", "count"]


def test_a_best_date_has_its_day_and_few_observations_a_flag() -> None:
    product = MOSAIC.with_overrides(
        ["inputs.0.bands=[red, nir]", "inputs.0.composite={method: best, score: ndvi_max, min_obs: 3}"]
    )
    layers = {layer.name: layer for layer in product.layers(TOY)}
    assert list(layers) == ["B04", "B08", "day", "count", "flags"]
    assert layers["day"].overviews == layers["flags"].overviews == "nearest"


@pytest.mark.parametrize(
    ("composite", "message"),
    [
        ("{method: percentile}", "give percentiles with method 'percentile', and only then"),
        ("{percentiles: [5]}", "give percentiles with method 'percentile', and only then"),
        ("{method: best}", "give a score with method 'best', and only then"),
        ("{method: best, score: beauty}", "There is no score 'beauty'"),
        ("{method: percentile, percentiles: [5, 5]}", "name one twice"),
        ("{method: percentile, percentiles: [101]}", "inputs.0.composite.percentiles.0: 101"),
        ("{min_obs: 0}", "inputs.0.composite.min_obs: 0"),
    ],
)
def test_a_composite_that_contradicts_itself_is_refused(composite: str, message: str) -> None:
    assert message in str(refusal(f"inputs.0.composite={composite}"))


def test_resampling_can_differ_by_band() -> None:
    product = MOSAIC.with_overrides(["inputs.0.resampling=bilinear", "inputs.0.band_resampling={B05: cubic}"])
    spec = product.cube_spec(TOY)
    assert (spec.resampling, spec.band_resampling) == ("bilinear", {"B05": "cubic"})


def test_an_index_is_a_layer_of_its_own() -> None:
    layer = MOSAIC.with_overrides(["index_of_composite=[ndvi]"]).layers(TOY)[-1]
    assert (layer.name, layer.dtype, layer.scale, layer.nodata) == ("NDVI", "int16", 0.0001, -32768)
    assert layer.title == "NDVI of the median composite"


@pytest.mark.parametrize(
    ("assignments", "message"),
    [
        (["index_of_composite=[NDVIX]"], "There is no spectral index 'NDVIX'"),
        (["index_of_composite=[NDVI]", "inputs.0.bands=[green, red]"], "NDVI needs B08, the cube has B03, B04."),
        (["index_of_composite=[NBR]"], "NBR needs a swir22 band, which toy-optical does not have"),
        (["index_of_composite=[NDVI, ndvi]"], "names an index twice: NDVI, NDVI"),
        (
            ["index_of_composite=[NDVI]", "inputs.0.composite={method: percentile, percentiles: [5]}"],
            "needs one value a band",
        ),
    ],
)
def test_an_index_that_cannot_be_computed_is_refused(assignments: list[str], message: str) -> None:
    assert message in str(refusal(*assignments))


def test_a_product_for_another_collection_is_refused() -> None:
    assert "inputs.0.collection is 'hls-s30', and the items are of 'toy-optical'" in str(
        refusal("inputs.0.collection=hls-s30")
    )


def test_rules_change_layers_by_name_and_pattern_the_later_winning() -> None:
    product = MOSAIC.with_overrides(
        ["output.layers={'B0?': {compression: {codec: deflate}, unit: x}, B04: {unit: y}, count: {dtype: uint8}}"]
    )
    layers = {layer.name: layer for layer in product.layers(TOY)}
    assert (layers["B03"].compression.codec, layers["B03"].unit, layers["B04"].unit) == ("deflate", "x", "y")
    assert (layers["count"].dtype, layers["count"].compression.codec) == ("uint8", "zstd")


def test_another_dtype_takes_the_no_data_of_its_own() -> None:
    product = MOSAIC.with_overrides(["output.layers.B04={dtype: int16, scale: 0.0001, offset: 0}"])
    assert next(layer for layer in product.layers(TOY) if layer.name == "B04").nodata == -32768


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("output.layers.B99={unit: x}", "no layer is called 'B99'"),
        ("output.layers.B04={nodata: -1}", "layer 'B04': no-data -1 is no uint16"),
        ("output.layers.B04={nodata: 0.5}", "no-data 0.5 is no uint16"),
        ("output.layers.B04={compression: {codec: lerc, max_error: 2}}", "needs dtype float32 with no-data .nan"),
        ("output.layers.B04={compression: {codec: zstd, max_error: 2}}", "needs codec 'lerc'"),
        ("output.layers.B04={compression: {codec: deflate, level: 12}}", "level 12 is more than deflate has"),
        ("output.layers.B04={legend: {classes: [{code: 1, name: a, color: red}]}}", "legend.classes.0.color: 'red'"),
        (
            "output.layers.B04={dtype: float32, legend: {classes: [{code: 1, name: a, color: '#ff0000'}]}}",
            "a legend needs dtype uint8 or uint16",
        ),
    ],
)
def test_a_rule_that_cannot_be_is_refused(rule: str, message: str) -> None:
    assert message in str(refusal(rule))


def test_resolution_and_grid_are_those_of_the_collection_unless_the_product_says_otherwise() -> None:
    assert (MOSAIC.resolution(TOY), MOSAIC.grid_name(TOY)) == (10, "utm")
    assert MOSAIC.with_overrides(["inputs.0.bands=[rededge]"]).output.grid.resolution is None
    assert MOSAIC.with_overrides(["inputs.0.bands=[B05]"]).resolution(TOY) == 20
    asked = MOSAIC.with_overrides(["output.grid={name: 'EPSG:6933', resolution: 30}"])
    assert (asked.resolution(TOY), asked.grid_name(TOY)) == (30, "EPSG:6933")


# --- the digest ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "title=Another",
        "description=Another",
        "name=other",
        "version='2.0'",
        "license=CC-BY-4.0",
        "providers=[{name: A}]",
        "output.grid.tile_size=768",
    ],
)
def test_what_does_not_touch_pixels_does_not_change_the_digest(text: str) -> None:
    assert MOSAIC.with_overrides([text]).pixel_digest(TOY) == MOSAIC.pixel_digest(TOY)


@pytest.mark.parametrize(
    "text",
    [
        "inputs.0.bands=[red]",
        "inputs.0.mask.rules=none",
        "inputs.0.mask.dilate_m=30",
        "inputs.0.composite.method=mean",
        "inputs.0.composite.min_obs=2",
        "inputs.0.composite.max_cloud=50",
        "inputs.0.resampling=cubic",
        "inputs.0.on_missing=skip",
        "index_of_composite=[NDVI]",
        "output.layers.count.dtype=uint8",
        "output.layers.B04.compression={codec: deflate}",
    ],
)
def test_what_touches_pixels_changes_the_digest(text: str) -> None:
    assert MOSAIC.with_overrides([text]).pixel_digest(TOY) != MOSAIC.pixel_digest(TOY)


def test_a_corrected_fact_changes_the_digest_and_an_unused_band_does_not() -> None:
    def changed(name: str) -> str:
        bands = TOY.bands | {name: TOY.bands[name].model_copy(update={"nodata": 7})}
        return MOSAIC.pixel_digest(TOY.model_copy(update={"bands": bands}))

    assert changed("B04") != MOSAIC.pixel_digest(TOY)
    assert changed("SCL") != MOSAIC.pixel_digest(TOY)
    assert changed("ST") == MOSAIC.pixel_digest(TOY)


def test_a_name_and_the_bands_that_it_means_have_one_digest() -> None:
    named = MOSAIC.with_overrides(["inputs.0.bands=[B03, B04, B05, B07, B08]", "inputs.0.collection=toy-optical"])
    assert named.pixel_digest(TOY) == MOSAIC.pixel_digest(TOY)


@given(st.permutations(["name", "version", "title", "inputs", "output"]))
def test_the_order_of_keys_in_the_file_does_not_change_the_digest(keys: list[str]) -> None:
    import yaml

    values = MOSAIC.model_dump(mode="json")
    text = yaml.safe_dump({key: values[key] for key in keys}, sort_keys=False)
    assert Product.parse(text, where="x").pixel_digest() == MOSAIC.pixel_digest()


def test_a_product_goes_through_json_unchanged() -> None:
    assert Product.model_validate(MOSAIC.model_dump(mode="json")) == MOSAIC


def test_a_product_cannot_be_changed_in_place() -> None:
    with pytest.raises(ValueError, match="frozen"):
        MOSAIC.title = "x"  # type: ignore[misc]


# --- files --------------------------------------------------------------------------------------------


def test_an_unknown_name_is_refused_with_the_shipped_ones() -> None:
    with pytest.raises(ProductError, match=r"There is no product 'mosiac'\. Did you mean 'mosaic'\?"):
        Product.load("mosiac")


def test_a_file_that_is_not_there_is_refused_by_its_path(tmp_path: Path) -> None:
    with pytest.raises(ProductError, match=r"mine\.yaml cannot be read: No such file"):
        Product.load(tmp_path / "mine.yaml")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ProductError, match=r"is not UTF-8"):
        Product.load(path)


def test_check_tries_the_bands_of_a_named_collection(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "name: mine\nversion: '1'\ntitle: Mine\ninputs: [{collection: swath-simulated-optical, bands: [B99]}]\n"
    )
    with pytest.raises(ProductError, match=r"mine: inputs\.0\.bands: .*'swath-simulated-optical' has no band 'B99'"):
        check(path)
    path.write_text(path.read_text().replace("B99", "B04"))
    assert check(path).name == "mine"
