"""The frozen items as arrays: what joining, cutting and naming units needs of each, and no more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from numpy.typing import NDArray

from swath.planning.join import Footprints
from swath.sources import FrozenItems


@dataclass(frozen=True)
class ItemTable:
    """Columns of N items, row i of the frozen table at i.

    Attributes:
        footprints: Distinct footprints and which each item has.
        times: Microseconds since 1970 UTC, int64, (N,).
        observations: Code of the observation, int32, (N,).
        cloud_cover: Percent, float32, (N,); 0 where the item does not say.
        digests: Of all that makes an item what it is, uint8, (N, 16).
    """

    footprints: Footprints
    times: NDArray[np.int64]
    observations: NDArray[np.int32]
    cloud_cover: NDArray[np.float32]
    digests: NDArray[np.uint8]

    @classmethod
    def of(cls, items: FrozenItems) -> ItemTable:
        """The columns of a frozen table; hrefs stay where they are."""
        number = len(items)
        shape_of, observations = np.empty(number, np.int32), np.empty(number, np.int32)
        times, cloud = np.empty(number, np.int64), np.empty(number, np.float32)
        digests = np.empty((number, 16), np.uint8)
        shapes, names = Codes(), Codes()
        row = 0
        for part in items.footprint_parts(("geometry", "datetime", "cloud", "observation", "digest")):
            here = slice(row, row := row + part.num_rows)
            shapes.code(part["geometry"], shape_of[here])
            names.code(part["observation"], observations[here])
            times[here] = part["datetime"].cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_numpy()
            cloud[here] = pc.fill_null(part["cloud"], 0.0).to_numpy()
            digest = pa.concat_arrays(part["digest"].cast(pa.binary(16)).chunks or [pa.array([], pa.binary(16))])
            flat = np.frombuffer(digest.buffers()[1], np.uint8)[digest.offset * 16 :]
            digests[here] = flat[: len(digest) * 16].reshape(-1, 16)
        return cls(
            footprints=Footprints(
                shapes=np.asarray(shapely.from_wkb(np.array(list(shapes.known), dtype=object)), dtype=object),
                shape_of=shape_of,
            ),
            times=times,
            observations=observations,
            cloud_cover=cloud,
            digests=digests,
        )


class Codes:
    """Numbers for distinct values, by their first appearance.

    Attributes:
        known: Number of each value, in order of the numbers.
    """

    def __init__(self) -> None:
        self.known: dict[Any, int] = {}

    def code(self, column: pa.ChunkedArray, out: NDArray[np.int32]) -> None:
        """Write the number of each of the column's values (dictionary-encoded or not) to `out`."""
        row = 0
        for chunk in column.chunks:
            coded = chunk if pa.types.is_dictionary(chunk.type) else chunk.dictionary_encode()
            values = coded.dictionary.to_pylist()
            numbers = np.array([self.known.setdefault(value, len(self.known)) for value in values], np.int32)
            if len(values):
                out[row : row + len(chunk)] = numbers[coded.indices.to_numpy()]
            row += len(chunk)
