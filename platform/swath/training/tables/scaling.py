"""Columns of a table as a model takes them: standardised by training rows only, as the bands of its card say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from swath.errors import LabelError
from swath.models.spec import LOCATION, LOCATION_BANDS, BandInput
from swath.training.tables.schema import TableSchema
from swath.training.tables.table import Table


@dataclass(frozen=True)
class Scaling:
    """Mean and deviation of each column. Codes stay what they are.

    Attributes:
        schema: Of the tables.
        bands: A band a column, then those of the place where it is used; with mean and std in their card's precision.
        place: Whether x and y are columns.
    """

    schema: TableSchema
    bands: tuple[BandInput, ...]
    place: bool

    @classmethod
    def fit(cls, tables: Sequence[Table], *, place: bool = False, units: dict[str, str] | None = None) -> Scaling:
        """Learn from training rows.

        Args:
            tables: Of one schema; their rows count alike.
            place: Take x and y as two further columns; where they are degrees, as the built-in input `location`.
            units: Of columns.

        Raises:
            LabelError: A column that has one value only, in all rows: it can tell nothing.
        """
        schema = tables[0].schema
        values = np.concatenate([table.values for table in tables]).astype(np.float64)
        bands = []
        for row, name in enumerate(schema.features):
            mean, std = float(np.nanmean(values[:, row])), float(np.nanstd(values[:, row]))
            if not std > 0:
                raise LabelError(
                    f"Column {name!r} is {mean:g} in all {len(values)} training rows.",
                    fix="Leave it out: it tells nothing.",
                    column=name,
                )
            bands.append(
                BandInput(name=name, mean=mean, std=std, unit=(units or {}).get(name), optional=name in schema.optional)
            )
        bands += [BandInput(name=name) for name in schema.categories]
        if place:
            xy = np.concatenate([table.places() for table in tables])
            # one scale for both, so that a distance is as long in either direction
            std = float(xy.std(axis=0).max()) or 1.0
            names = LOCATION_BANDS if schema.is_lonlat else (str(schema.x), str(schema.y))
            bands += [
                BandInput(
                    name=name, mean=float(mean), std=std, input=LOCATION if schema.is_lonlat else None,
                    unit="degree" if schema.is_lonlat else "m",
                )
                for name, mean in zip(names, xy.mean(axis=0), strict=True)
            ]  # fmt: skip
        return cls(schema=schema, bands=tuple(bands), place=place)

    def apply(self, table: Table) -> NDArray[np.float32]:
        """(n, bands) as `Normaliser` gives a pixel of the same numbers: float32, 0 where nothing is there."""
        values = table.values
        if self.place:
            values = np.concatenate([values, table.places().astype(np.float32)], axis=1)
        mean = np.array([band.mean for band in self.bands], np.float32)
        factor = np.array([1.0 / band.std for band in self.bands], np.float32)
        return np.nan_to_num((values - mean) * factor, nan=0.0)

    @property
    def codes(self) -> dict[int, tuple[int, ...]]:
        """Codes that a band may have, by its place."""
        first = len(self.schema.features)
        return {first + row: codes for row, codes in enumerate(self.schema.categories.values())}

    def spread(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, columns) with a column of 0 and 1 for each code of a band of codes, as trees take it."""
        parts = [x[:, [place for place in range(x.shape[1]) if place not in self.codes]]]
        for place, codes in self.codes.items():
            parts.append((x[:, place : place + 1] == np.array(codes, np.float32)).astype(np.float32))
        return np.concatenate(parts, axis=1)
