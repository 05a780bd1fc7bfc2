import re

import pytest

from registry.test_registry import package
from swath.registry import card_page
from swath.registry.outline import continents_apart

ALPS = {"type": "Polygon", "coordinates": [[[10, 46], [12, 46], [12, 47], [10, 47], [10, 46]]]}


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    made = package(
        tmp_path_factory.mktemp("page") / "one", title="<script>alert(1)</script>", geometry=ALPS,
        labels=("plots & <b>points</b>",), metrics={"transfer_macro_f1": 0.5},
    )  # fmt: skip
    return card_page(made, name="small@1", aliases=("production",), colours={"Water": "#0064c8", "crop": "red;x"})


def test_every_text_of_a_card_is_escaped(page):
    assert "<script" not in page and "<b>" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_a_page_asks_for_nothing_from_elsewhere(page):
    assert not re.search(r"""(src|href)\s*=\s*["'](?!data:)""", page)
    assert "default-src 'none'" in page


def test_a_page_tells_where_the_model_has_seen_nothing(page):
    assert continents_apart(ALPS) == ["Africa", "Antarctica", "Asia", "North America", "Oceania", "South America"]
    assert "It has seen nothing of Africa" in page


def test_figures_are_titled_by_what_they_are(page):
    assert "It is no accuracy of a map." in page and "0.500" in page


def test_only_a_colour_is_taken_for_a_colour(page):
    assert "background: #0064c8" in page and "red;x" not in page
