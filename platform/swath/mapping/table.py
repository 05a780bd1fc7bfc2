"""The frozen items as arrays: what joining, cutting and naming units needs of each, and no more."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from numpy.typing import NDArray

from swath.mapping.join import Footprints
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
        table = items.footprints(("geometry", "datetime", "cloud", "observation", "digest"))
        geometry = _codes(table["geometry"])
        digests = table["digest"].combine_chunks().cast(pa.binary(16))
        return cls(
            footprints=Footprints(
                shapes=np.asarray(shapely.from_wkb(geometry.dictionary.to_numpy(zero_copy_only=False)), dtype=object),
                shape_of=geometry.indices.to_numpy().astype(np.int32),
            ),
            times=table["datetime"].cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_numpy(),
            observations=_codes(table["observation"]).indices.to_numpy().astype(np.int32),
            cloud_cover=pc.fill_null(table["cloud"], 0.0).to_numpy().astype(np.float32),
            digests=np.frombuffer(digests.buffers()[1], np.uint8)[digests.offset * 16 :][: len(table) * 16].reshape(
                -1, 16
            ),
        )


def _codes(column: pa.ChunkedArray) -> pa.DictionaryArray:
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    return column.unify_dictionaries().combine_chunks()
