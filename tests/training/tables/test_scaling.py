"""Columns are standardised by training rows only, as the predictor standardises pixels."""

import numpy as np
import pandas as pd
import pytest

from swath.cube import LayerFacts
from swath.errors import LabelError
from swath.models.normalise import Normaliser
from swath.models.spec import InputSpec
from swath.training.tables import Scaling, Table, TableSchema

SCHEMA = TableSchema(features=("rain", "warmth"), categories={"soil": (1, 2, 5)}, x="lon", y="lat")


def table(rows: int, *, shift: float = 0.0, seed: int = 0) -> Table:
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "rain": random.normal(900 + shift, 120, rows), "warmth": random.normal(12, 3, rows),
            "soil": random.choice([1, 2, 5], rows), "lon": random.uniform(10, 14, rows),
            "lat": random.uniform(50, 51, rows),
        }
    )  # fmt: skip
    return Table.of(frame, SCHEMA)


def test_training_rows_alone_decide():
    train, test = table(500), table(500, shift=400)
    scaling = Scaling.fit([train])
    assert abs(scaling.apply(train)[:, 0].mean()) < 1e-4
    assert scaling.apply(test)[:, 0].mean() > 3


def test_codes_stay_what_they_are():
    rows = table(50)
    assert np.array_equal(Scaling.fit([rows]).apply(rows)[:, 2], rows.column("soil"))


def test_rows_get_the_numbers_that_pixels_get():
    rows = table(64)
    scaling = Scaling.fit([rows], place=True)
    spec = InputSpec(bands=scaling.bands, unit="1", gsd=1000, window=8, stride=8)
    numbers = np.concatenate([rows.values, rows.xy.astype(np.float32)], axis=1)
    facts = [LayerFacts("float32", float("nan"), 1.0, 0.0, "1", "x")] * 5
    x, _ = Normaliser.of(spec, facts).chips(numbers.T.reshape(1, 1, 5, 8, 8))
    assert np.array_equal(x.reshape(5, 64).T, scaling.apply(rows))


def test_degrees_are_the_built_in_input():
    bands = Scaling.fit([table(50)], place=True).bands
    assert [(band.name, band.input) for band in bands[-2:]] == [("longitude", "location"), ("latitude", "location")]


def test_a_degree_is_as_long_in_both_directions():
    bands = Scaling.fit([table(50)], place=True).bands
    assert bands[-1].std == bands[-2].std


def test_what_is_missing_is_the_mean():
    schema = SCHEMA.model_copy(update={"optional": ("rain",)})
    frame = pd.DataFrame(
        {"rain": [1, 3, np.nan], "warmth": [1, 2, 3], "soil": [1, 1, 2], "lon": [0, 1, 2], "lat": [0, 1, 2]}
    )
    rows = Table.of(frame, schema)
    scaling = Scaling.fit([rows])
    assert scaling.apply(rows)[2, 0] == 0
    assert scaling.bands[0].optional


def test_codes_spread_to_columns_of_nought_and_one():
    rows = table(40)
    scaling = Scaling.fit([rows], place=True)
    spread = scaling.spread(scaling.apply(rows))
    assert spread.shape == (40, 2 + 2 + 3)
    assert np.array_equal(spread[:, 4:], rows.column("soil")[:, None] == [1, 2, 5])


def test_a_column_that_never_changes_is_refused():
    rows = table(20)
    rows.values[:, 0] = 7
    with pytest.raises(LabelError, match="'rain' is 7 in all 20 training rows"):
        Scaling.fit([rows])


def test_oblique_coordinates_are_rotations_of_the_place():
    rows = table(30)
    scaling = Scaling.fit([rows], place=True, axes=4)
    x = scaling.apply(rows)
    spread = scaling.spread(x)
    assert spread.shape == (30, 2 + 2 + 2 + 3)
    east, north = x[:, 3].astype(float), x[:, 4].astype(float)
    assert np.allclose(spread[:, 4], (east + north) / np.sqrt(2), atol=1e-6)
    assert np.allclose(spread[:, 5], (north - east) / np.sqrt(2), atol=1e-6)


def test_a_column_may_come_of_another_input_of_the_product():
    bands = Scaling.fit([table(30)], inputs={"warmth": "climate"}, units={"warmth": "degC"}).bands
    assert [(band.input, band.unit) for band in bands] == [(None, None), ("climate", "degC"), (None, None)]
