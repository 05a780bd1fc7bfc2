"""What the files of a layer must be, as the collection says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from swath.assessment.published import PublishedMap

COUNT = "count"  #: the layer of observations; of a later input `<input>_count`


@dataclass(frozen=True)
class LayerFacts:
    """A layer of a map.

    Attributes:
        name: Of the layer.
        is_data: It is what the map is made for, not told beside it (counts, flags, days).
        dtype: Of the numbers in the file; None where the collection does not say it.
        nodata: Number that means no data.
        scale: Value = number * scale + offset.
        offset: See scale.
        unit: Of the value, UCUM.
        legend: Name by code; None for a layer without classes.
        colors: (red, green, blue) by code, as far as the collection has them.
        count: Name of the layer that counts its observations, None where there is none or it has none of its own.
        bits: Of a bit mask, how many there are.
    """

    name: str
    is_data: bool
    dtype: str | None
    nodata: float | None
    scale: float
    offset: float
    unit: str
    legend: dict[int, str] | None
    colors: dict[int, tuple[int, int, int]]
    count: str | None
    bits: int = 0

    @property
    def is_count(self) -> bool:
        """It counts observations."""
        return self.name == COUNT or self.name.endswith(f"_{COUNT}")

    def valid(self, numbers: NDArray[Any]) -> NDArray[np.bool_]:
        """Which pixels hold data, (rows, columns)."""
        if self.nodata is None:
            return np.ones(numbers.shape, bool)
        if np.isnan(self.nodata):
            return ~np.isnan(numbers)
        return np.asarray(numbers != self.nodata)


def layer_facts(map_: PublishedMap, *, own_counts: Mapping[str, str | None] | None = None) -> dict[str, LayerFacts]:
    """Facts of the layers of a map, from `item_assets` of its collection.

    Args:
        map_: The map.
        own_counts: Layer of counts by layer, where a run's product tells it; else `count` counts for all layers of
            data, unless there are several such layers.
    """
    assets: dict[str, Any] = map_.collection["item_assets"]
    counts = [name for name in assets if name == COUNT or name.endswith(f"_{COUNT}")]
    alone = counts[0] if len(counts) == 1 else None
    made = {}
    for name, asset in assets.items():
        band = asset["bands"][0]
        classes = asset.get("classification:classes")
        nodata = band.get("nodata")
        is_data = "data" in asset.get("roles", ["data"]) and name not in counts
        made[name] = LayerFacts(
            name, is_data, band.get("data_type"), None if nodata is None else float(nodata),
            float(band.get("raster:scale", 1.0)), float(band.get("raster:offset", 0.0)), str(band.get("unit", "1")),
            None if not classes else {int(one["value"]): str(one["name"]) for one in classes},
            {int(one["value"]): _rgb(one["color_hint"]) for one in classes or () if "color_hint" in one},
            (alone if own_counts is None else own_counts.get(name)) if is_data else None,
            sum(int(one.get("length", 1)) for one in asset.get("classification:bitfields", ())),
        )  # fmt: skip
    return made


def _rgb(text: str) -> tuple[int, int, int]:
    return int(text[:2], 16), int(text[2:4], 16), int(text[4:6], 16)
