"""Make `countries.parquet` anew from three unpacked npm packages (SOURCE.md names them and their versions).

python -m swath.grid.data.convert WORLD_ATLAS COUNTRIES_LIST I18N_ISO_COUNTRIES countries.parquet
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon, Polygon

from swath.grid.lonlat import polygons, split

# Natural Earth has these without an ISO number; they count with the continent of those around them.
_WITHOUT_NUMBER = {
    "Somaliland": ("", "", "AF"),
    "Kosovo": ("XK", "XKX", "EU"),
    "N. Cyprus": ("", "", "EU"),
    "Indian Ocean Ter.": ("", "", "AS"),
    "Siachen Glacier": ("", "", "AS"),
}
# Ours, where countries-list says otherwise: most of Russia's people, and all neighbours of Timor-Leste.
_CONTINENT = {"RU": "EU", "TL": "AS"}
# Parts far from their country: (iso2, west, south, east, north, continent).
_ELSEWHERE = (
    ("FR", -56.0, 0.0, -50.0, 8.0, "SA"),  # French Guiana
    ("FR", -63.0, 12.0, -59.0, 18.5, "NA"),  # Guadeloupe, Martinique
    ("FR", 40.0, -25.0, 60.0, -10.0, "AF"),  # Mayotte, Réunion
    ("NL", -70.0, 10.0, -60.0, 20.0, "NA"),  # Bonaire, Saba, Sint Eustatius
    ("US", -180.0, 15.0, -150.0, 30.0, "OC"),  # Hawaii
    ("CL", -112.0, -30.0, -78.0, -24.0, "OC"),  # Easter Island
)


def arcs_of(topology: dict[str, Any]) -> list[NDArray[np.float64]]:
    """Arcs in degrees: TopoJSON holds running differences on a quantised lattice."""
    scale, move = np.array(topology["transform"]["scale"]), np.array(topology["transform"]["translate"])
    return [np.cumsum(np.array(arc), axis=0) * scale + move for arc in topology["arcs"]]


def polygon(rings: list[list[int]], arcs: list[NDArray[np.float64]]) -> MultiPolygon:
    """A polygon from arc numbers; ~n is arc n backwards.

    world-atlas has stitched the cuts at 180 degrees and at the pole away, so they are cut again here. It draws
    Antarctica between two rings round the pole: rings are therefore combined by exclusive or, which for all others is
    shell without holes.
    """
    whole = MultiPolygon()
    for ring in rings:
        lines = [arcs[n] if n >= 0 else arcs[~n][::-1] for n in ring]
        turn = split(Polygon(np.vstack([lines[0], *(line[1:] for line in lines[1:])])))
        whole = polygons(shapely.symmetric_difference(whole, turn))
    return whole


def geometry(feature: dict[str, Any], arcs: list[NDArray[np.float64]]) -> MultiPolygon:
    """A feature's polygons, valid, within -180 to 180, to 1e-4 degrees (finer than 1:50m holds)."""
    parts = [feature["arcs"]] if feature["type"] == "Polygon" else feature["arcs"]
    whole = shapely.union_all([polygon(rings, arcs) for rings in parts])
    return polygons(shapely.set_precision(shapely.make_valid(whole), 1e-4))


def rows(world_atlas: Path, countries_list: Path, iso: Path) -> list[dict[str, Any]]:
    """A row for each country and continent it lies on."""
    topology = json.loads((world_atlas / "countries-50m.json").read_text())
    facts = json.loads((countries_list / "countries.min.json").read_text())
    codes = {number: (two, three) for two, three, number, _ in json.loads((iso / "codes.json").read_text())}
    arcs = arcs_of(topology)
    table: list[dict[str, Any]] = []
    for feature in topology["objects"]["countries"]["geometries"]:
        drawn = feature["properties"]["name"]
        if "id" in feature:
            two, three = codes[feature["id"]]
            fact = facts[two]
            continent = _CONTINENT.get(two, fact["continent"])
        else:
            two, three, continent = _WITHOUT_NUMBER[drawn]
            fact = facts.get(two, {"name": drawn})
        aliases = sorted({drawn, fact.get("native", drawn), *fact.get("alias", ())} - {fact["name"]})
        rest = geometry(feature, arcs)
        for code, west, south, east, north, other in _ELSEWHERE:
            if code == two:
                there = polygons(shapely.intersection(rest, shapely.box(west, south, east, north)))
                rest = polygons(shapely.difference(rest, there))
                if not there.is_empty:
                    table.append(_row(fact["name"], aliases, two, three, other, there))
        table.append(_row(fact["name"], aliases, two, three, continent, rest))
    return sorted(table, key=lambda row: (row["name"], row["continent"]))


def _row(name: str, aliases: list[str], two: str, three: str, continent: str, shape: MultiPolygon) -> dict[str, Any]:
    wkb = shapely.to_wkb(shapely.normalize(shape))
    return {"name": name, "aliases": aliases, "iso2": two, "iso3": three, "continent": continent, "geometry": wkb}


def main(world_atlas: str, countries_list: str, iso: str, target: str) -> None:
    """Write the GeoParquet file."""
    table = pa.Table.from_pylist(rows(Path(world_atlas), Path(countries_list), Path(iso)))
    column = {"encoding": "WKB", "geometry_types": ["MultiPolygon"]}
    geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}
    table = table.replace_schema_metadata({"geo": json.dumps(geo)})
    pq.write_table(table, target, compression="zstd", compression_level=19, use_dictionary=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
