"""stac-geoparquet tables as a source of items."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from stac_geoparquet.arrow import stac_table_to_items

from swath.errors import SourceError
from swath.sources.files import reading
from swath.sources.frozen_rows import DIGEST
from swath.sources.items import Item

BBox = tuple[float, float, float, float]


def table_items(
    address: str, ids: Sequence[str], bboxes: Sequence[BBox], start: datetime, end: datetime
) -> Iterator[Item]:
    """Items of a table in boxes and a span of time, in the table's order; only row groups with a hit are read whole.

    Args:
        address: Path or URL of one .parquet file.
        ids: Collection ids that are wanted.
        bboxes: (west, south, east, north); none crosses the antimeridian.
        start: Inclusive.
        end: Exclusive.

    Raises:
        SourceError: It cannot be read, or is no stac-geoparquet table.
    """
    try:
        with reading(address) as file:
            table = pq.ParquetFile(file)
            missing = {"id", "bbox", "datetime", "assets", "geometry"} - set(table.schema_arrow.names)
            if missing:
                raise SourceError(
                    f"{address} is no stac-geoparquet table: it lacks {', '.join(sorted(missing))}.",
                    fix="Write it with stac-geoparquet, or take a items.parquet of Swath.",
                    url=address,
                )
            keys = ["bbox", "datetime"] + ["collection"] * ("collection" in table.schema_arrow.names)
            for group in range(table.num_row_groups):
                wanted = _wanted(table.read_row_group(group, columns=keys), ids, bboxes, start, end)
                if pc.any(wanted).as_py():
                    hits = table.read_row_group(group).filter(wanted)
                    # our own digests are bytes, which no STAC property can be
                    yield from stac_table_to_items(hits.drop_columns([DIGEST] if DIGEST in hits.column_names else []))
    except pa.ArrowException as error:
        raise SourceError(f"{address} cannot be read as Parquet: {error}", fix="Check the file.", url=address) from None


def _wanted(
    keys: pa.Table, ids: Sequence[str], bboxes: Sequence[BBox], start: datetime, end: datetime
) -> pa.ChunkedArray:
    when = pc.cast(keys["datetime"], pa.timestamp("us", tz="UTC"))
    wanted = pc.and_(pc.greater_equal(when, pa.scalar(start)), pc.less(when, pa.scalar(end)))
    if "collection" in keys.column_names:
        wanted = pc.and_(wanted, pc.is_in(keys["collection"], pa.array(ids)))
    west, south, east, north = (pc.struct_field(keys["bbox"], name) for name in ("xmin", "ymin", "xmax", "ymax"))
    anywhere = None
    for box in bboxes:
        # a box over the antimeridian has west > east: it is wanted if either side is
        in_lon = pc.and_(pc.less_equal(west, box[2]), pc.greater_equal(east, box[0]))
        turned = pc.and_(pc.greater(west, east), pc.or_(pc.less_equal(west, box[2]), pc.greater_equal(east, box[0])))
        in_lat = pc.and_(pc.less_equal(south, box[3]), pc.greater_equal(north, box[1]))
        inside = pc.and_(pc.or_(in_lon, turned), in_lat)
        anywhere = inside if anywhere is None else pc.or_(anywhere, inside)
    return pc.fill_null(pc.and_(wanted, anywhere), False)
