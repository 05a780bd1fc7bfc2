"""A table is checked against its schema before anything learns from it."""

import numpy as np
import pandas as pd
import pytest

from swath.errors import LabelError
from swath.training.tables import Table, TableSchema

SCHEMA = TableSchema(
    features=("rain", "warmth"), categories={"soil": (1, 2, 5)}, x="lon", y="lat", target="species", group="survey",
    optional=("warmth",),
)  # fmt: skip


def frame(**columns):
    rows = {
        "rain": [800, 900.5, 1000], "warmth": [12.0, np.nan, 14.0], "soil": [1, 5, 2], "lon": [10.2, 10.9, 11.4],
        "lat": [50.1, 50.2, 50.3], "species": ["oak", "ash", "oak"], "survey": ["a", "b", "a"], "note": ["", "", ""],
    }  # fmt: skip
    return pd.DataFrame({**rows, **columns})


def test_columns_come_in_the_order_of_the_schema():
    table = Table.of(frame(), SCHEMA)
    assert table.schema.columns == ("rain", "warmth", "soil")
    assert table.values.dtype == np.float32
    assert table.column("rain").tolist() == [800, 900.5, 1000]
    assert table.column("soil").tolist() == [1, 5, 2]


def test_an_optional_number_may_be_missing():
    assert np.isnan(Table.of(frame(), SCHEMA).column("warmth")[1])


def test_any_other_number_may_not():
    with pytest.raises(LabelError, match=r"'rain' holds no finite number in 2 rows \(row 0\): nan, inf"):
        Table.of(frame(rain=[np.nan, np.inf, 3]), SCHEMA)


def test_a_word_among_optional_numbers_is_told():
    with pytest.raises(LabelError, match=r"'warmth' holds no finite number in 1 rows \(row 2\): warm"):
        Table.of(frame(warmth=[12, None, "warm"]), SCHEMA)


def test_an_unknown_column_names_the_choices():
    with pytest.raises(LabelError, match="has no column 'rain'") as caught:
        Table.of(frame().rename(columns={"rain": "rains"}), SCHEMA)
    assert "rains" in caught.value.fix


def test_a_code_that_was_never_seen_is_refused_with_those_that_are_known():
    with pytest.raises(
        LabelError, match=r"'soil' holds a code that nothing is known of in 1 rows \(row 1\): 7"
    ) as caught:
        Table.of(frame(soil=[1, 7, 2]), SCHEMA)
    assert "1, 2, 5" in caught.value.fix


def test_swapped_axes_are_told():
    with pytest.raises(LabelError, match="beyond the poles") as caught:
        Table.of(frame(lon=[50, 51, 52], lat=[110, 111, 112]), SCHEMA)
    assert "Swap x and y" in caught.value.fix


def test_a_weight_of_nothing_is_refused():
    with pytest.raises(LabelError, match="not above 0"):
        Table.of(frame(w=[1, 0, 2]), SCHEMA.model_copy(update={"weight": "w"}))


def test_a_row_without_a_target_is_refused():
    with pytest.raises(LabelError, match="'species' is empty in 1 rows"):
        Table.of(frame(species=["oak", None, "oak"]), SCHEMA)


def test_a_table_without_rows_is_refused():
    with pytest.raises(LabelError, match="no rows"):
        Table.of(frame().iloc[:0], SCHEMA)


@pytest.mark.parametrize("name", ["samples.csv", "samples.parquet"])
def test_a_file_gives_what_its_frame_gives(tmp_path, name):
    path = tmp_path / name
    frame().to_csv(path, index=False) if name.endswith("csv") else frame().to_parquet(path)
    read, made = Table.read(path, SCHEMA), Table.of(frame(), SCHEMA)
    assert np.array_equal(read.values, made.values, equal_nan=True)
    assert read.target.tolist() == made.target.tolist()


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(LabelError, match="no file"):
        Table.read(tmp_path / "none.csv", SCHEMA)


def test_rows_of_one_group_share_a_block():
    table = Table.of(frame(), SCHEMA)
    blocks = table.blocks(0.5)
    assert blocks[0] == blocks[2] != blocks[1]


def test_without_groups_blocks_are_squares():
    table = Table.of(frame(lon=[0.1, 0.9, 1.1]), SCHEMA.model_copy(update={"group": None}))
    blocks = table.blocks(1.0)
    assert blocks[0] == blocks[1] != blocks[2]


def test_a_column_cannot_be_two_things():
    with pytest.raises(ValueError, match="rain cannot be two things"):
        TableSchema(features=("rain",), target="rain")
