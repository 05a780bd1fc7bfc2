"""What a composite's layers are called and what their numbers mean."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from swath.cube.adjust import check_adjust
from swath.cube.harmonise import band_of, nodata_of
from swath.cube.masks import mask_fill
from swath.cube.spec import CubeSpec, Method
from swath.errors import ProductError
from swath.sources.facts import BandKind, Collection

#: Layers that any composite has beside those of its bands.
COUNT, FLAGS, DAY = "count", "flags", "day"
#: Beside the layers: observations with data of each pixel, masked or not.
SEEN = "seen"


@dataclass(frozen=True)
class LayerFacts:
    """The numbers of one layer: value = number * scale + offset, in `unit`."""

    dtype: str
    nodata: float | None
    scale: float = 1.0
    offset: float = 0.0
    unit: str = "1"
    kind: str = "quantity"

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values."""
        return asdict(self)


def percentile_name(band: str, percent: float) -> str:
    """Name of a percentile's layer: `B04_p25`, `B04_p2.5`."""
    return f"{band}_p{percent:02g}"


def count_dtype(observations: int) -> np.dtype[Any]:
    """uint8 up to 255 observations, uint16 beyond."""
    return np.dtype(np.uint8 if observations <= 255 else np.uint16)


def check(spec: CubeSpec, collection: Collection) -> None:
    """Refuse a cube that cannot be made, before anything is read.

    Raises:
        CollectionError: A band that the collection lacks, or whose numbers have no no-data.
        ProductError: No bands, percentiles or score missing or out of range, bands that cannot be reduced so,
            coefficients that do not fit.
    """
    if not spec.bands:
        raise ProductError("The cube has no bands.", fix=f"Choose from {', '.join(collection.bands)}.", field="bands")
    if len(set(spec.bands)) < len(spec.bands):
        raise ProductError(f"A band is named twice in {', '.join(spec.bands)}.", field="bands")
    for name in spec.bands:
        band = band_of(collection, name)
        nodata_of(band, name)
        if band.kind in {BandKind.CLASSES, BandKind.BITS} and spec.method not in {Method.FIRST, Method.BEST}:
            raise ProductError(
                f"Band {name} holds {band.kind}, which has no {spec.method}.",
                fix="Leave it out, or reduce by first or best.",
                field="bands",
            )
    for rule in spec.masks:
        mask_fill(band_of(collection, rule.band), rule)
    if spec.method is Method.PERCENTILE and not spec.percentiles:
        raise ProductError("percentile needs percentiles.", fix="Name some, as [25, 50, 75].", field="percentiles")
    wrong = [percent for percent in spec.percentiles if not 0 <= percent <= 100]
    if wrong:
        raise ProductError(f"Percentiles {wrong} do not lie between 0 and 100.", field="percentiles")
    if spec.method is Method.BEST and not spec.score:
        raise ProductError("best needs a score.", fix="Name one, as ndvi_max.", field="score")
    if spec.dilate_m < 0 or spec.min_obs < 1:
        raise ProductError(f"dilate_m {spec.dilate_m} or min_obs {spec.min_obs} is out of range.", field="min_obs")
    check_adjust(spec, collection)
    unknown = set(spec.band_resampling) - set(spec.bands)
    if unknown:
        raise ProductError(
            f"band_resampling names {', '.join(sorted(unknown))}, which the cube does not have.",
            fix=f"Choose from {', '.join(spec.bands)}.",
            field="band_resampling",
        )


def band_layers(spec: CubeSpec, collection: Collection) -> dict[str, LayerFacts]:
    """Layers of the bands and their facts, in output order; with `best` the day too."""
    layers: dict[str, LayerFacts] = {}
    for name in spec.bands:
        band = band_of(collection, name)
        facts = LayerFacts(band.dtype, nodata_of(band, name), band.scale, band.offset, band.unit, str(band.kind))
        if spec.method is Method.PERCENTILE:
            for percent in spec.percentiles:
                layers[percentile_name(name, percent)] = facts
        else:
            layers[name] = facts
    if spec.method is Method.BEST:
        layers[DAY] = LayerFacts("uint16", 0, unit="days since 1970-01-01", kind="quantity")
    return layers


def layer_facts(spec: CubeSpec, collection: Collection, *, observations: int) -> dict[str, LayerFacts]:
    """Facts of all layers of a composite, `count` and `flags` included."""
    layers = band_layers(spec, collection)
    layers[COUNT] = LayerFacts(str(count_dtype(observations)), None, unit="observations", kind="quantity")
    layers[FLAGS] = LayerFacts("uint8", None, kind="bits")
    return layers
