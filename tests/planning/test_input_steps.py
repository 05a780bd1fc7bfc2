"""Rows of a tile, input by input and step by step."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from swath.cube import CubeSpec
from swath.errors import PeriodError, ProductError
from swath.grid import Period
from swath.planning import Footprints, InputSteps, ItemTable
from swath.products import Product

TEXT = """
name: several
version: "1"
title: Several
inputs:
  - {bands: [red]}
  - {name: radar, bands: [vv]}
  - {name: height, bands: [data], static: STATIC}
"""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MONTHS = Period.parse("2023-01/2023-02/P1M")
# rows 0 to 2 are optical, 3 and 4 radar, 5 and 6 heights
DATES = ["2023-01-05", "2023-02-03", "2023-02-01", "2023-02-20", "2023-03-01", "2011-05-01", "2013-05-01"]
ROWS = np.arange(7, dtype=np.int32)


def table(dates=DATES, cloud=0.0) -> ItemTable:
    times = [(datetime.fromisoformat(day).replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1) for day in dates]
    shapes = Footprints(np.array([], object), np.zeros(7, np.int32))
    cover = np.array([0, cloud, 0, 0, 0, 0, 0], np.float32)
    return ItemTable(shapes, np.array(times), ROWS.copy(), cover, np.zeros((7, 16), np.uint8))


TIMELESS = TEXT.replace("STATIC", "timeless")


def series(text=TIMELESS, period=MONTHS, *, without=(), **given) -> InputSteps:
    product = Product.parse(text, where="several")
    groups = (range(3), (3, 4), (5, 6))
    members = [None if n in without else np.isin(ROWS, group) for n, group in enumerate(groups)]
    return InputSteps.of(product, period, table(**given), members, (CubeSpec(bands=("a",), max_cloud=50),) * 3)


def test_each_input_is_cut_by_itself_and_static_rows_stand_in_every_step():
    made = [(step.id, [part.tolist() for part in parts]) for step, parts in series().cut(ROWS)]
    assert made == [("2023-01", [[0], [], [5, 6]]), ("2023-02", [[2, 1], [3], [5, 6]])]


def test_rows_that_a_tile_does_not_touch_are_in_no_part():
    made = [[part.tolist() for part in parts] for _, parts in series().cut(ROWS[[1, 4, 6]])]
    assert made == [[[], [], [6]], [[1], [], [6]]]


def test_what_an_input_does_not_allow_or_read_is_kept_of_none():
    assert series(cloud=80.0).keep.tolist() == [True, False, True, True, True, True, True]
    assert series(without=(1,)).keep.tolist() == [True, True, True, False, False, True, True]
    assert [part.tolist() for part in next(iter(series(without=(1,)).cut(ROWS)))[1]] == [[0], [], [5, 6]]


def test_what_a_step_lacks_is_named_unless_it_is_not_read():
    (_, january), (_, february) = series().cut(ROWS)
    assert series().lacking(january) == ["radar"] and series().lacking(february) == []
    assert series(without=(1,)).lacking(january) == []


def test_an_optional_input_is_lacking_apart():
    text = TIMELESS.replace("bands: [vv]", "bands: [vv], optional: true, collection: a")
    (_, january), _ = series(text).cut(ROWS)
    assert series(text).lacking(january) == [] and series(text).lacking(january, optional=True) == ["radar"]


def test_a_static_layer_that_is_later_than_a_step_is_refused_unless_it_is_timeless():
    late = [*DATES[:-1], "2023-02-01"]
    list(series(dates=late).cut(ROWS))
    with pytest.raises(
        ProductError,
        match=r"input height is static and of 2023-02-01, later than step 2023-01, which ends before 2023-02",
    ):
        list(series(TEXT.replace("STATIC", "true"), dates=late).cut(ROWS))
    assert len(list(series(TEXT.replace("STATIC", "true")).cut(ROWS))) == 2


def test_a_product_of_static_inputs_has_the_period_s_steps():
    text = "{name: s, version: '1', title: S, inputs: [{bands: [a], static: true}]}"
    product = Product.parse(text, where="s")
    made = InputSteps.of(product, MONTHS, table(), [ROWS > 4], [CubeSpec(bands=("a",))])
    assert [(step.id, parts[0].tolist()) for step, parts in made.cut(ROWS[5:])] == [
        ("2023-01", [5, 6]), ("2023-02", [5, 6]),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TEXT.replace("STATIC", "true"), "several reads the first and radar, and 2023-01/acquisition"),
        (
            "{name: s, version: '1', title: S, inputs: [{bands: [a], static: true}, {name: b, bands: [a], "
            "static: true}, {name: c, bands: [c], static: true}]}",
            "s reads static inputs only",
        ),
    ],
)
def test_acquisitions_are_those_of_one_series(text, message):
    with pytest.raises(PeriodError, match=message):
        series(text, Period.parse("2023-01/acquisition"))


def test_acquisitions_have_static_inputs_beside_them():
    text = TIMELESS.replace("{name: radar, bands: [vv]}", "{name: r, bands: [vv], static: true}")
    made = [
        [part.tolist() for part in parts]
        for _, parts in series(text, Period.parse("2023/acquisition"), without=(1,)).cut(ROWS)
    ]
    assert made == [[[0], [], [5, 6]], [[2], [], [5, 6]], [[1], [], [5, 6]]]
