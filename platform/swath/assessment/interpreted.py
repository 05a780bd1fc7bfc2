"""Units of a sample as interpreters or crews left them: what the map says of each, and what they say."""

from __future__ import annotations

import io

import pandas as pd

from swath.assessment.sample import Sample

FILE = "interpreted.parquet"  #: beside a sample; a row a unit: plot, lon, lat, map, reference


def keep_units(sample: Sample, units: pd.DataFrame) -> None:
    """Keep the units of a sample beside it, for whoever asks where the map is wrong.

    Args:
        sample: Of which.
        units: A row a unit with `plot`, `map` and `reference`: names of classes, or values in the map's unit.
    """
    lon, lat = sample.places()
    placed = units.merge(pd.DataFrame({"plot": sample.drawn["plot"], "lon": lon, "lat": lat}), on="plot")
    data = io.BytesIO()
    placed[["plot", "lon", "lat", "map", "reference"]].to_parquet(data, index=False)
    sample.store.put_bytes(f"{sample.folder}/{FILE}", data.getvalue())
