import pytest

from swath.errors import ProductError
from swath.forms import parse_yaml, suggest
from swath.products import Product

GOOD = """
name: mine
version: "1.0"
title: Mine
inputs:
  - bands: [reflectance]
"""


def message(text: str) -> str:
    with pytest.raises(ProductError) as caught:
        Product.parse(text, where="mine.yaml")
    return str(caught.value)


def test_a_short_file_is_enough() -> None:
    assert Product.parse(GOOD, where="mine.yaml").inputs[0].composite.method == "median"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "mine.yaml: a product is a mapping of fields, this holds nothing. Start from `swath product template`."),
        ("- a", "mine.yaml: a product is a mapping of fields, this holds list."),
        ("a: [", "mine.yaml, line 1: not valid YAML"),
        ("name: a\nname: b", "mine.yaml, line 2: not valid YAML: key 'name' stands twice."),
        (GOOD.replace("title", "titel"), "titel: there is no such field. Did you mean 'title'?"),
        (GOOD.replace('"1.0"', "1.0"), "mine.yaml: version: 1.0 is a number to YAML; put text in quotes: '1.0'."),
        (GOOD.replace("mine", "My map"), "name: 'My map': String should match pattern"),
        (GOOD.replace("title: Mine\n", ""), "mine.yaml: title: this field is needed (One line for readers.)."),
        (
            GOOD.replace("bands:", "bandz:"),
            "inputs.0.bandz: there is no such field. Did you mean 'bands'? Choices: name, collection, bands",
        ),
        (
            GOOD + "    mask: {rules: [{band: SCL, dropp: [3]}]}\n",
            "inputs.0.mask.rules.0.dropp: there is no such field. Did you mean 'drop'? Choices: band, drop, drop_bits.",
        ),
        (
            GOOD + "    composite: {method: medain}\n",
            "inputs.0.composite.method: 'medain' is not one of the choices. Did you mean 'median'? Choices: median",
        ),
        (
            GOOD + "    resampling: best\n",
            "inputs.0.resampling: 'best' is not one of the choices. Choices: nearest, bilinear",
        ),
        (
            GOOD + "output: {layers: {B04: {dtipe: uint8}}}\n",
            "output.layers.B04.dtipe: there is no such field. Did you mean 'dtype'?",
        ),
        (GOOD + "  - bands: [x]\n", "mine.yaml: inputs.1.name is None: only the first may go without one."),
    ],
)
def test_a_fault_is_named_by_file_field_value_and_choices(text: str, expected: str) -> None:
    assert expected in message(text)


def test_all_faults_are_listed_at_once() -> None:
    text = message("name: A\nfoo: 1\ninputs: []\n")
    assert "5 faults" in text
    assert [line.split(":")[0].strip() for line in text.splitlines()[1:]] == [
        "name",
        "version",
        "title",
        "inputs",
        "foo",
    ]


def test_faults_are_facts_too() -> None:
    with pytest.raises(ProductError) as caught:
        Product.parse(GOOD.replace("title", "titel"), where="mine.yaml")
    assert caught.value.facts["file"] == "mine.yaml"
    assert [fault["field"] for fault in caught.value.facts["faults"]] == ["title", "titel"]


def test_yaml_tags_run_nothing() -> None:
    with pytest.raises(ProductError, match="not valid YAML"):
        parse_yaml("a: !!python/object/apply:os.getcwd []", where="x")


def test_the_nearest_choice_comes_first_whatever_the_case() -> None:
    assert suggest("ndvi", ["EVI", "NDVI"]) == "Did you mean 'NDVI'? Choices: EVI, NDVI."
    assert suggest("zzz", ["a", "b"]) == "Choices: a, b."
