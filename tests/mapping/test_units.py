"""Units through tiles.parquet and back."""

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from swath.mapping.units import BATCH, Unit, UnitWriter, read_units

INSTANTS = st.datetimes(datetime(1980, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


@st.composite
def units(draw):
    start = draw(INSTANTS)
    rows = draw(st.lists(st.integers(0, 2**31 - 1), max_size=5))
    return Unit(
        id="utm33n-10m-192-x1-ym2_2023-06", tile="utm33n-10m-192-x1-ym2", step="2023-06", start=start,
        end=start + timedelta(microseconds=draw(st.integers(1, 10**12))),
        bbox=tuple(draw(st.floats(-180, 180)) for _ in range(4)), scenes=len(rows), items=tuple(rows),
        key="0123456789ab", content="ba9876543210", km2=float(np.float32(draw(st.floats(0, 1e4)))),
        bytes=draw(st.integers(0, 2**40)), seconds=float(np.float32(draw(st.floats(0, 1e6)))),
        counts=draw(st.sampled_from([(), (len(rows), 0), (0, 0, len(rows))])),
    )  # fmt: skip


def written(some) -> io.BytesIO:
    file = io.BytesIO()
    writer = UnitWriter(file)
    for unit in some:
        writer.add(unit, np.array(unit.items, np.int32))
    writer.close()
    return io.BytesIO(file.getvalue())


@settings(max_examples=30, deadline=None)
@given(st.lists(units(), max_size=4))
def test_units_come_back_as_they_were(some):
    assert list(read_units(written(some))) == some


def test_without_items_only_the_rows_are_missing():
    unit = Unit(
        "a_2023", "a", "2023", datetime(2023, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC), (0.0, 0.0, 1.0, 1.0),
        2, (3, 4), "0123456789ab", "ba9876543210", 1.0, 10, 1.0,
    )  # fmt: skip
    (read,) = read_units(written([unit]), items=False)
    assert read.items == ()
    assert read.scenes == 2
    assert read.key == unit.key


def test_more_units_than_a_batch_keep_their_order():
    start = datetime(2023, 1, 1, tzinfo=UTC)
    many = [
        Unit(f"t_{n}", "t", str(n), start, start, (0.0, 0.0, 1.0, 1.0), 1, (n,), "k", "c", 1.0, n, 1.0)
        for n in range(BATCH + 3)
    ]
    assert [unit.bytes for unit in read_units(written(many))] == list(range(BATCH + 3))


START = datetime(2023, 1, 1, tzinfo=UTC)
TWO = Unit("t_2023", "t", "2023", START, START, (0.0, 0.0, 1.0, 1.0), 3, (4, 5, 2), "k", "c", 1.0, 1, 1.0, (2, 0, 1))


def test_items_are_told_by_input():
    assert TWO.by_input == ((4, 5), (), (2,))
    assert replace(TWO, counts=()).by_input == ((4, 5, 2),)


def test_plans_of_code_that_knew_one_input_only_are_read():
    table = pq.read_table(written([TWO])).drop_columns(["counts"])
    file = io.BytesIO()
    pq.write_table(table, file)
    assert list(read_units(file)) == [replace(TWO, counts=())]
