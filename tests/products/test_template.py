import yaml
from pydantic import BaseModel

from swath.forms import element_model, is_mapping
from swath.products import Product, template


def test_the_template_validates() -> None:
    assert Product.parse(template(), where="template").name == "my-mosaic"


def test_the_template_says_what_a_product_without_its_defaults_says() -> None:
    short = Product.parse(
        "{name: my-mosaic, version: '1.0', title: My clear mosaic, inputs: [{bands: [reflectance]}]}", where="short"
    )
    full = Product.parse(template(), where="template")
    assert full.inputs == short.inputs
    assert full.output.grid == short.output.grid


def test_every_field_of_the_schema_is_described_and_stands_in_the_template() -> None:
    values = yaml.safe_load(template())

    def walk(model: type[BaseModel], value: object) -> None:
        for name, field in model.model_fields.items():
            assert field.description, f"{model.__name__}.{name} has no description"
            inner = element_model(field.annotation)
            if isinstance(value, dict):
                assert name in value, f"{model.__name__}.{name} is not in the template"
                below = value[name]
                if inner is not None and isinstance(below, list) and below:
                    walk(inner, below[0])
                elif inner is not None and isinstance(below, dict):
                    walk(inner, next(iter(below.values())) if is_mapping(field.annotation) else below)

    walk(Product, values)


def test_lines_are_short_enough_to_read() -> None:
    assert max(map(len, template().splitlines())) <= 110
