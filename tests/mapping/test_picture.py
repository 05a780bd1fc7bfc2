"""Pictures: that they are drawn, at their size, without a warning."""

import numpy as np
from PIL import Image

from swath.mapping.picture import Panel, draw, true_colour


def test_true_colour_is_within_0_and_1_and_keeps_no_data():
    band = np.array([[0.0, 0.25], [0.5, np.nan]], np.float32)
    image = true_colour(band, band, band)
    assert image.shape == (2, 2, 3)
    np.testing.assert_allclose(image[0], [[0, 0, 0], [1, 1, 1]])
    assert np.isnan(image[1, 1]).all()
    assert image[1, 0].max() == 1


def test_panels_of_every_kind_are_drawn(tmp_path):
    random = np.random.default_rng(1)
    rgb = random.random((60, 80, 3))
    codes = random.choice(np.array([10, 80]), (60, 80))
    panels = [
        Panel("Colour", rgb, note="a note"),
        Panel("Numbers", random.random((60, 80)), label="metres"),
        Panel("Classes", codes, legend={10: ("tree", "#006400"), 80: ("water", "#0064c8")}),
    ]
    path = draw(tmp_path / "picture.png", panels, pixel_m=10, title="A title")
    with Image.open(path) as image:
        assert image.width > 800
        assert np.asarray(image.convert("L")).std() > 5
