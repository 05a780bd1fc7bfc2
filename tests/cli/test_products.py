"""`swath product`: list, show, check, template."""

import pytest
import yaml

from support.command import swath
from swath.cli import main


def test_list_names_what_ships():
    code, document = swath("product", "list")
    assert code == 0
    assert "mosaic" in {product["name"] for product in document["products"]}


def test_show_gives_every_field_with_overrides():
    code, document = swath("product", "show", "mosaic", "--set", "inputs.0.composite.min_obs=3")
    assert code == 0
    assert document["inputs"][0]["composite"]["min_obs"] == 3
    assert document["output"]["grid"]["tile_size"]


def test_what_show_prints_is_a_product_file(tmp_path, capsys):
    assert main(["product", "show", "mosaic"]) == 0
    path = tmp_path / "mine.yaml"
    path.write_text(capsys.readouterr().out)
    code, document = swath("product", "check", path)
    assert (code, document["ok"], document["name"]) == (0, True, "mosaic")


def test_the_template_is_commented_and_right(tmp_path, capsys):
    assert main(["product", "template"]) == 0
    text = capsys.readouterr().out
    assert text.count("#") > 20
    assert yaml.safe_load(text)["name"]
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    assert swath("product", "check", path)[0] == 0


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("name: mine\ncolour: blue\n", "colour"),
        ("name: mine\ninputs:\n  - composite: {method: maximal}\n", "maximal"),
        ("- a\n- list\n", "mine.yaml"),
        ("name: [\n", "mine.yaml"),
    ],
)
def test_a_wrong_product_file_is_named_with_its_field(tmp_path, text, named):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    code, document = swath("product", "check", path)
    assert code == 2
    assert document["error"]["type"] == "ProductError"
    assert named in document["error"]["message"]


def test_a_product_that_does_not_ship_is_named_with_the_choices():
    code, document = swath("product", "show", "mosiac")
    assert code == 2
    assert "mosiac" in document["error"]["message"]
    assert "mosaic" in document["error"]["fix"] + document["error"]["message"]
