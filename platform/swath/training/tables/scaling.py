"""Columns of a table as a model takes them: standardised by training rows only, as the bands of its card say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
        axes: Directions of the place among the columns that `spread` gives, evenly over half a turn; 2: x and y.
    """

    schema: TableSchema
    bands: tuple[BandInput, ...]
    place: bool
    axes: int = 2

    @classmethod
    def fit(
        cls,
        tables: Sequence[Table],
        *,
        place: bool = False,
        axes: int = 2,
        units: Mapping[str, str] | None = None,
        inputs: Mapping[str, str] | None = None,
    ) -> Scaling:
        """Learn from training rows.

        Args:
            tables: Of one schema; their rows count alike.
            place: Take x and y as two further columns; where they are degrees, as the built-in input `location`.
            axes: See the class; an even number.
            units: Of columns.
            inputs: Name of the product's input that gives a column; the first unless told.

        Raises:
            LabelError: A column that has one value only, in all rows: it can tell nothing.
        """
        schema, units, inputs = tables[0].schema, units or {}, inputs or {}
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
                BandInput(
                    name=name,
                    mean=mean,
                    std=std,
                    unit=units.get(name),
                    input=inputs.get(name),
                    optional=name in schema.optional,
                )
            )
        bands += [BandInput(name=name, unit=units.get(name), input=inputs.get(name)) for name in schema.categories]
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
        return cls(schema=schema, bands=tuple(bands), place=place, axes=axes)

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

    @property
    def tilted(self) -> list[tuple[float, float]]:
        """Cosine and sine of each direction of the place but those of x and y, in float32."""
        if not self.place:
            return []
        angles = [np.pi * step / self.axes for step in range(self.axes) if 2 * step % self.axes]
        return [(float(np.float32(np.cos(angle))), float(np.float32(np.sin(angle)))) for angle in angles]

    @property
    def numbers(self) -> list[int]:
        """Places of the bands that are no codes: those of the place are the last two of them."""
        return [place for place in range(len(self.bands)) if place not in self.codes]

    def spread(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, columns) as trees take it: numbers, oblique coordinates, a column of 0 and 1 for each code.

        A tree cuts along its columns. Coordinates along several directions let it cut the place along any (Møller et
        al. 2020, doi:10.5194/soil-6-269-2020).
        """
        parts = [x[:, self.numbers]]
        if self.tilted:
            east, north = (x[:, place : place + 1] for place in self.numbers[-2:])
            parts += [east * np.float32(cos) + north * np.float32(sin) for cos, sin in self.tilted]
        for place, codes in self.codes.items():
            parts.append((x[:, place : place + 1] == np.array(codes, np.float32)).astype(np.float32))
        return np.concatenate(parts, axis=1)
