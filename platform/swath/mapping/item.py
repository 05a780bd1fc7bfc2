"""The STAC item of a unit: written last, it says that the unit is whole.

Nothing in it depends on when, where or in which run the unit was made: the same key gives the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from shapely import set_precision
from shapely.geometry import mapping

import swath
from swath.grid import Tile
from swath.mapping.cog import Cog
from swath.mapping.units import Unit
from swath.products import Layer, LayerKind, Product
from swath.sources import Collection, Scene
from swath.store import names

STAC_VERSION = "1.1.0"
COG_TYPE = "image/tiff; application=geotiff; profile=cloud-optimized"
DEGREES = 1e-7  #: coordinates in degrees are rounded to this: 1 cm

PROJECTION = "https://stac-extensions.github.io/projection/v2.0.0/schema.json"
PROCESSING = "https://stac-extensions.github.io/processing/v1.2.0/schema.json"
FILE = "https://stac-extensions.github.io/file/v2.1.0/schema.json"
RASTER = "https://stac-extensions.github.io/raster/v2.0.0/schema.json"
EO = "https://stac-extensions.github.io/eo/v2.0.0/schema.json"
CLASSIFICATION = "https://stac-extensions.github.io/classification/v1.1.0/schema.json"


class Recipe(Protocol):
    """What an item needs of a plan."""

    @property
    def product(self) -> Product:
        """What is mapped."""

    @property
    def collections(self) -> tuple[Collection | None, ...]:
        """Facts of the inputs, None for one that is not read."""

    @property
    def layers(self) -> tuple[Layer, ...]:
        """What each unit writes, in order."""


def unit_item(
    *,
    unit: Unit,
    tile: Tile,
    plan: Recipe,
    cogs: Mapping[str, Cog],
    scenes: Sequence[Scene],
    skipped: Sequence[Mapping[str, Any]] = (),
    lacking: Sequence[str] = (),
) -> dict[str, Any]:
    """A STAC 1.1 item, JSON-ready.

    Args:
        unit: The unit.
        tile: Its tile.
        plan: Product and layers.
        cogs: The written files by name of the layer.
        scenes: Inputs that were used.
        skipped: Inputs that could not be read, as dicts (item, band, href, reason).
        lacking: Optional inputs of the product for which there are no items.

    Raises:
        KeyError: A layer of the plan has no file.
    """
    footprint = set_precision(tile.footprint, DEGREES)
    observations = sorted({scene.observation for scene in scenes})
    platforms = sorted({scene.platform for scene in scenes})
    properties: dict[str, Any] = {
        "title": f"{plan.product.title}, {unit.step}, {unit.tile}",
        "datetime": None,
        "start_datetime": timestamp(unit.start),
        "end_datetime": timestamp(max(unit.start, unit.end - timedelta(seconds=1))),
        "gsd": tile.resolution,
        "proj:code": tile.crs,
        "proj:shape": list(tile.shape),
        "proj:transform": [float(v) for v in tuple(tile.affine)[:6]],
        "proj:bbox": [float(v) for v in tile.bounds],
        "processing:level": "L3",
        "processing:software": {"swath": swath.__version__},
        "swath:product": plan.product.name,
        "swath:version": plan.product.version,
        "swath:tile": unit.tile,
        "swath:step": unit.step,
        "swath:key": unit.key,
        "swath:content": unit.content,
        "swath:observations": len(observations),
        "swath:platforms": platforms,
        "swath:inputs": [scene.id for scene in scenes],
        "swath:skipped": [dict(read) for read in skipped],
        **({"swath:lacking": list(lacking)} if lacking else {}),
    }
    return {
        "type": "Feature",
        "stac_version": STAC_VERSION,
        "stac_extensions": extensions(plan.layers),
        "id": unit.id,
        "geometry": mapping(footprint),
        "bbox": [round(float(v), 7) for v in tile.bbox],
        "properties": properties,
        "links": [
            {"rel": rel, "href": "../../collection.json", "type": "application/json"}
            for rel in ("root", "parent", "collection")
        ],
        "assets": {
            layer.name: _asset(layer, _beside(unit, layer), cogs[layer.name], tile.resolution) for layer in plan.layers
        },
        "collection": collection_id(plan.product),
    }


def collection_id(product: Product) -> str:
    """Id of the STAC collection of a product and version."""
    return f"{product.name}-{product.version}"


def timestamp(instant: datetime) -> str:
    """RFC 3339 of a UTC instant."""
    return instant.isoformat(timespec="auto").replace("+00:00", "Z")


def extensions(layers: Sequence[Layer]) -> list[str]:
    """Schemas of the STAC extensions that items of these layers use, sorted."""
    used = [PROJECTION, PROCESSING, FILE, RASTER]
    if any(_eo(layer) for layer in layers):
        used.append(EO)
    if any(layer.legend is not None or layer.bits for layer in layers):
        used.append(CLASSIFICATION)
    return sorted(used)


def asset_facts(layer: Layer) -> dict[str, Any]:
    """What is the same in the files of a layer in all items: also `item_assets` of the collection."""
    nodata = {} if layer.nodata is None else {"nodata": _number(layer.nodata)}
    band = {
        "name": layer.name,
        "description": layer.title,
        "data_type": layer.dtype,
        **nodata,
        "unit": layer.unit,
        "raster:scale": layer.scale,
        "raster:offset": layer.offset,
        **_eo(layer),
    }
    roles = ["data"] if layer.kind in (LayerKind.CONTINUOUS, LayerKind.CLASSES) else ["metadata"]
    facts: dict[str, Any] = {"type": COG_TYPE, "title": layer.title, "roles": roles, "bands": [band]}
    if layer.legend is not None:
        facts["classification:classes"] = layer.legend.to_stac()
    if layer.bits:
        facts["classification:bitfields"] = [_bit(name, place) for place, name in enumerate(layer.bits)]
    return facts


def _bit(name: str, place: int) -> dict[str, Any]:
    """One bit of a mask, as the STAC classification extension has it."""
    word = "".join(ch if ch.isalnum() else "_" for ch in name.lower())
    return {
        "name": word,
        "description": name,
        "offset": place,
        "length": 1,
        "classes": [
            {"value": 0, "name": f"no_{word}", "description": f"not {name}"},
            {"value": 1, "name": word, "description": name},
        ],
    }


def _asset(layer: Layer, href: str, cog: Cog, resolution: float) -> dict[str, Any]:
    facts = asset_facts(layer)
    facts["bands"][0] |= {
        "raster:spatial_resolution": resolution,
        "statistics": {"valid_percent": round(100 * cog.valid, 3)},
    }
    return {"href": href, **facts, "file:size": cog.size, "file:checksum": cog.multihash}


def _beside(unit: Unit, layer: Layer) -> str:
    return "./" + names.layer_key("root", unit.step, unit.tile, layer.name, unit.key).rsplit("/", 1)[1]


def _eo(layer: Layer) -> dict[str, Any]:
    fields = {
        "eo:common_name": layer.common_name,
        "eo:center_wavelength": layer.wavelength,
        "eo:full_width_half_max": layer.width,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _number(value: float) -> float | int | str:
    # JSON has no NaN; STAC 1.1 writes the word
    if math.isnan(value):
        return "nan"
    return int(value) if float(value).is_integer() else value
