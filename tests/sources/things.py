"""Items and requests that the tests of this room share."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import shapely


@dataclass(frozen=True)
class Where:
    """As much of an area as a search asks for."""

    geometry: shapely.Geometry
    bbox: tuple[float, float, float, float]

    @classmethod
    def box(cls, west, south, east, north):
        if west > east:
            sides = [shapely.box(west, south, 180, north), shapely.box(-180, south, east, north)]
            return cls(shapely.MultiPolygon(sides), (west, south, east, north))
        return cls(shapely.box(west, south, east, north), (west, south, east, north))


@dataclass(frozen=True)
class When:
    """As much of a period as a search asks for; the end is exclusive."""

    start: datetime
    end: datetime


WORLD = Where.box(-180, -90, 180, 90)
ALWAYS = When(datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))


def when(start: str, end: str) -> When:
    return When(*(datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (start, end)))


def provider_items(folder: Path) -> list[dict]:
    """Every item of stac-items."""
    found = []
    for path in sorted((folder / "stac-items").iterdir()):
        doc = json.loads(path.read_text())
        found += doc.get("features", [doc])
    return found


def item(
    name: str = "S2A_MSIL2A_20230601T101031_N0509_R022_T33UUU_20230601T160000",
    *,
    collection: str = "swath-simulated-optical",
    when: str = "2023-06-01T10:10:31Z",
    box: tuple[float, float, float, float] = (12.0, 52.0, 13.0, 53.0),
    hrefs: dict[str, str] | None = None,
    **properties: object,
) -> dict:
    """A Sentinel-2-like item; `__` in a property's name stands for a colon."""
    west, south, east, north = box
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    if west > east:
        geometry = json.loads(shapely.to_geojson(Where.box(*box).geometry))
    else:
        geometry = {"type": "Polygon", "coordinates": [ring]}
    base = {"datetime": when, "platform": "sentinel-2a", "s2:processing_baseline": "05.09", "eo:cloud_cover": 10.0}
    base |= {key.replace("__", ":"): value for key, value in properties.items()}
    hrefs = (
        {"B04": f"https://example.com/{name}/B04.tif", "SCL": f"https://example.com/{name}/SCL.tif"}
        if hrefs is None
        else hrefs
    )
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": name,
        "collection": collection,
        "geometry": geometry,
        "bbox": list(box),
        "properties": {key: value for key, value in base.items() if value is not None},
        "links": [],
        "assets": {key: {"href": href} for key, href in hrefs.items()},
    }


def write_catalog(folder: Path, items: list[dict], collection: str = "swath-simulated-optical") -> Path:
    """A static catalog: catalog.json > collection.json > items/."""
    (folder / "items").mkdir(parents=True, exist_ok=True)
    for doc in items:
        (folder / "items" / f"{doc['id']}.json").write_text(json.dumps(doc))
    links = [{"rel": "item", "href": f"./items/{doc['id']}.json"} for doc in items]
    extent = {"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [[None, None]]}}
    (folder / "collection.json").write_text(
        json.dumps({"type": "Collection", "id": collection, "links": links, "extent": extent})
    )
    (folder / "catalog.json").write_text(
        json.dumps({"type": "Catalog", "id": "test", "links": [{"rel": "child", "href": "./collection.json"}]})
    )
    return folder / "catalog.json"
