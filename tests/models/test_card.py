from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from swath.errors import ModelError
from swath.forms import element_model
from swath.models.card import Card, card_template
from swath.models.spec import ClassesOutput

HERE = Path(__file__).parents[1] / "support" / "cards"


def changed(path: str, value: Any = None) -> str:
    """The template as a person would fill it, one field set, or taken away."""
    data = yaml.safe_load(card_template())
    *parents, last = path.split(".")
    inner = data
    for key in parents:
        inner = inner[int(key) if key.isdigit() else key]
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return yaml.safe_dump(data)


def test_the_template_is_a_card() -> None:
    card = Card.parse(card_template(), where="template")
    assert card.spec().input.unit == "reflectance"
    assert isinstance(card.output, ClassesOutput)


def test_every_field_is_described_and_stands_in_the_template() -> None:
    values = yaml.safe_load(card_template())

    def walk(model: type[BaseModel], value: dict[str, Any]) -> None:
        for name, field in model.model_fields.items():
            assert field.description or name == "kind", f"{model.__name__}.{name} has no description"
            assert name in value, f"{model.__name__}.{name} is not in the template"
            inner, below = element_model(field.annotation), value[name]
            if inner is not None and below:
                walk(inner, below[0] if isinstance(below, list) else below)

    walk(Card, values)


def test_lines_of_the_template_are_short_enough_to_read() -> None:
    assert max(map(len, card_template().splitlines())) <= 110


@pytest.mark.parametrize(
    "field", ["name", "licence", "input.unit", "input.bands", "input.gsd", "input.window", "output"]
)
def test_a_card_that_lacks_a_field_is_refused_by_its_name(field: str) -> None:
    with pytest.raises(ModelError, match=rf"card\.yaml: {field}: this field is needed"):
        Card.parse(changed(field), where="card.yaml")


def test_bands_without_an_order_are_refused() -> None:
    with pytest.raises(ModelError, match=r"input\.bands: .*valid tuple"):
        Card.parse(changed("input.bands", {"red": {"mean": 0.1}, "nir": {"mean": 0.3}}), where="card.yaml")


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("input.banda", 1, r"input\.banda: there is no such field\. Did you mean 'bands'"),
        ("licence", "see the web page", "licence: "),
        ("bbox", [10, 50, 5, 60], "is not west, south, east, north"),
        ("task", "regression", "does not go with an output of classes"),
        ("input.stride", 300, "make the stride at most that"),
        ("version", 1.0, "put text in quotes"),
    ],
)
def test_a_wrong_field_is_refused(field: str, value: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        Card.parse(changed(field, value), where="card.yaml")


def test_a_card_that_is_not_there_is_told_the_template(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="swath models template"):
        Card.read(tmp_path / "card.yaml")


def test_days_become_a_period_with_its_last_day() -> None:
    text = changed("start", "2019-01-01").replace("end: null", "end: 2020-12-31")
    provenance = Card.parse(text, where="card").provenance()
    assert provenance.start == datetime(2019, 1, 1, tzinfo=UTC)
    assert provenance.end == datetime(2020, 12, 31, 23, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize("path", sorted(HERE.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_cards_that_ship_with_the_tests_are_cards(path: Path) -> None:
    assert Card.read(path).name == path.stem
