"""STAC items, collections and catalogs of the simulated archive, as plain dicts with relative hrefs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from shapely.geometry import mapping

from swath.synthetic.files import affine
from swath.synthetic.granules import Granule
from swath.synthetic.legend import CLASS_COLOURS, CLASS_NAMES, GSD
from swath.synthetic.orbits import Datatake
from swath.synthetic.sensor import SATURATED, Image

COLLECTION = "swath-simulated-optical"  #: id of the collection of scenes
UPDATED = "2026-01-01T00:00:00Z"  #: of all items: the simulated archive was made outside time
_EXTENSIONS = "https://stac-extensions.github.io/{}/schema.json"
_COMMON = {
    "B02": ("blue", 0.4966, 0.098), "B03": ("green", 0.56, 0.045), "B04": ("red", 0.6645, 0.038),
    "B05": ("rededge071", 0.7039, 0.019), "B08": ("nir", 0.8351, 0.145), "B11": ("swir16", 1.6137, 0.143),
    "B12": ("swir22", 2.2024, 0.242),
}  # fmt: skip
_COG = "image/tiff; application=geotiff; profile=cloud-optimized"
_SCL = (
    "no_data", "saturated_or_defective", "dark_area", "cloud_shadow", "vegetation", "not_vegetated", "water",
    "unclassified", "cloud_medium_probability", "cloud_high_probability", "thin_cirrus", "snow",
)  # fmt: skip


def extensions(*names: str) -> list[str]:
    """Schema URLs of extensions given as `name/version`."""
    return [_EXTENSIONS.format(name) for name in names]


def raster(href: str, checksum: str, granule: Granule, factor: int, **more: Any) -> dict[str, Any]:
    """An asset of one raster of a granule with pixels of `factor` x 10 m."""
    window = granule.window
    return {
        "href": href, "type": _COG, "roles": ["data"], "gsd": 10 * factor,
        "proj:shape": [window.rows // factor, window.cols // factor],
        "proj:transform": list(affine(window, factor))[:6], "file:checksum": checksum, **more,
    }  # fmt: skip


def item(
    name: str, collection: str, granule: Granule, when: str, properties: Mapping[str, Any], assets: Mapping[str, Any],
    schemas: Iterable[str],
) -> dict[str, Any]:  # fmt: skip
    """An item over a whole granule."""
    outline = granule.footprint()
    return {
        "type": "Feature", "stac_version": "1.1.0", "stac_extensions": list(schemas), "id": name,
        "collection": collection, "geometry": mapping(outline), "bbox": list(outline.bounds),
        "properties": {
            "datetime": when, "created": UPDATED, "updated": UPDATED, "proj:code": f"EPSG:{granule.window.epsg}",
            **properties,
        },
        "assets": dict(assets),
        "links": [
            {"rel": "root", "href": "../../catalog.json", "type": "application/json"},
            {"rel": "parent", "href": "../collection.json", "type": "application/json"},
            {"rel": "collection", "href": "../collection.json", "type": "application/json"},
        ],
    }  # fmt: skip


def scene(
    name: str, granule: Granule, take: Datatake, image: Image, checksums: Mapping[str, str], *, lying: bool
) -> dict[str, Any]:
    """The item of one granule of one datatake.

    Args:
        name: Item id.
        granule: Where.
        take: The pass.
        image: For its cloud cover and sun.
        checksums: By asset; the files are `<asset>.tif` beside the item.
        lying: Flags and offsets in the item contradict the pixels; the baseline tells the truth.
    """
    told = (take.offset > 0) != lying
    assets = {}
    for band, (common, centre, width) in _COMMON.items():
        assets[band] = raster(
            f"{band}.tif", checksums[band], granule, GSD[band] // 10, data_type="uint16", nodata=0,
            **{
                "bands": [{"name": band, "eo:common_name": common, "eo:center_wavelength": centre,
                           "eo:full_width_half_max": width}],
                "raster:scale": 0.0001, "raster:offset": -0.1 if told else 0.0,
            },
        )  # fmt: skip
    classes = [{"value": n, "name": word, "description": word.replace("_", " ")} for n, word in enumerate(_SCL)]
    assets["SCL"] = raster(
        "SCL.tif", checksums["SCL"], granule, 2, data_type="uint8", nodata=0,
        **{"classification:classes": classes},
    )  # fmt: skip
    properties = {
        "platform": take.platform, "constellation": "swath-simulated", "instruments": ["sim"], "gsd": 10,
        "eo:cloud_cover": image.cloud_cover, "view:sun_azimuth": round(image.sun[0], 4),
        "view:sun_elevation": round(image.sun[1], 4), "view:off_nadir": 0,
        "s2:processing_baseline": take.baseline, "s2:datatake_id": take.id, "s2:nodata_pixel_percentage":
        round(100 * (1 - image.seen), 4), "s2:product_type": "S2MSI2A", "s2:mgrs_tile": granule.id,
        "s2:saturated": SATURATED, "earthsearch:boa_offset_applied": not told,
    }  # fmt: skip
    when = f"{take.time:%Y-%m-%dT%H:%M:%SZ}"
    schemas = extensions("eo/v2.0.0", "projection/v2.0.0", "view/v1.1.0", "raster/v2.0.0", "file/v2.1.0",
                         "classification/v1.1.0")  # fmt: skip
    return item(name, COLLECTION, granule, when, properties, assets, schemas)


def legend() -> list[dict[str, Any]]:
    """WorldCover classes as the classification extension writes them."""
    return [
        {
            "value": code,
            "name": word.replace(" ", "-"),
            "description": word,
            "color_hint": CLASS_COLOURS[code][1:].upper(),
        }
        for code, word in CLASS_NAMES.items()
    ]


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write a document with sorted keys, so that the same content is the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def catalog(
    folder: Path, title: str, description: str, collections: Mapping[str, tuple[str, list[dict[str, Any]]]]
) -> Path:
    """Write catalog.json, a collection.json each, and item files; returns the catalog's path.

    Args:
        folder: Where; items go to `<collection>/<item>/<item>.json`.
        title: Of the catalog.
        description: Of the catalog.
        collections: By id: what it holds, and its items.
    """
    links: list[dict[str, Any]] = [{"rel": "root", "href": "./catalog.json", "type": "application/json"}]
    for name, (says, items) in collections.items():
        boxes = [entry["bbox"] for entry in items]
        times = sorted(
            entry["properties"].get(word) or entry["properties"]["datetime"]
            for entry in items for word in ("start_datetime", "end_datetime")
        )  # fmt: skip
        links.append({"rel": "child", "href": f"./{name}/collection.json", "type": "application/json", "title": name})
        write_json(folder / name / "collection.json", {
            "type": "Collection", "stac_version": "1.1.0", "id": name, "title": says.split(".")[0], "description": says,
            "license": "CC0-1.0", "keywords": ["simulated"],
            "extent": {
                "spatial": {"bbox": [[f(b[n] for b in boxes) for n, f in enumerate((min, min, max, max))]]},
                "temporal": {"interval": [[times[0], times[-1]]]},
            },
            "links": [
                {"rel": "root", "href": "../catalog.json", "type": "application/json"},
                {"rel": "parent", "href": "../catalog.json", "type": "application/json"},
                *({"rel": "item", "href": f"./{entry['id']}/{entry['id']}.json", "type": "application/geo+json"}
                  for entry in items),
            ],
        })  # fmt: skip
        for entry in items:
            write_json(folder / name / entry["id"] / f"{entry['id']}.json", entry)
    path = folder / "catalog.json"
    write_json(path, {
        "type": "Catalog", "stac_version": "1.1.0", "id": folder.name or "simulated-earth", "title": title,
        "description": description, "links": links,
    })  # fmt: skip
    return path
