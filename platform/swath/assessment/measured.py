"""What was measured on the plots of a sample of a map of values."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
import pandas as pd

from swath.assessment.reference import left_out, plots_of
from swath.assessment.sample import Sample
from swath.errors import SampleError

VALUE = ("value", "agb", "agbd", "measured", "reference")  #: usual names of the column of values
PREDICTION = "prediction"  #: column of what folds of the model told that had not seen the plot


@dataclass(frozen=True)
class Measured:
    """Units with their measured values.

    Attributes:
        table: A row a unit that was measured: what was drawn of it, `value`, and `prediction` where it is given.
        missing: Plots that were drawn and have no value.
        dropped: Rows that serve for nothing, by reason.
    """

    table: pd.DataFrame
    missing: tuple[int, ...]
    dropped: dict[str, int]

    @classmethod
    def read(cls, path: str | os.PathLike[str], sample: Sample, *, column: str | None = None) -> Measured:
        """Read what was measured on the plots of a sample.

        Args:
            path: CSV, GeoPackage or GeoJSON with a column of plots, one of the map and one of values.
            sample: That they are of.
            column: Of values; by default `value`, `agb`, `agbd`, `measured` or `reference`.

        Raises:
            SampleError: See `plots_of`; or values that are no numbers.
        """
        table, plots, name, file = plots_of(path, sample, column=column, usual=VALUE)
        values = numbers_of(table, name, file)
        blank = values.isna()
        kept = pd.DataFrame({"plot": plots[~blank].astype(int), "value": values[~blank]})
        if PREDICTION in table.columns:
            kept[PREDICTION] = numbers_of(table, PREDICTION, file)[~blank]
        joined = sample.drawn.merge(kept, on="plot", validate="one_to_one")
        return cls(joined, *left_out(sample, joined["plot"], blank, "without a value"))


def numbers_of(table: pd.DataFrame, name: str, file: object) -> pd.Series[float]:
    """A column of numbers; NaN where it is blank.

    Raises:
        SampleError: Some are neither numbers nor blank: they are counted.
    """
    numbers = pd.to_numeric(table[name], errors="coerce")
    text = table[name].astype("string").str.strip()
    strange = text.notna() & ~text.isin(["", "nan", "NaN", "NA"]) & ~np.isfinite(numbers)
    if strange.any():
        raise SampleError(
            f"{int(strange.sum())} of {len(table)} rows of {file} have no number in {name!r}, as "
            f"{text[strange].iloc[0]!r}.",
            fix="Give numbers, and leave out what was not measured.", count=int(strange.sum()),
        )  # fmt: skip
    return numbers
