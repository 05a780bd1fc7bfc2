"""Countries and continents by name, from Natural Earth (data/SOURCE.md)."""

from __future__ import annotations

import difflib
import unicodedata
from functools import lru_cache
from importlib import resources
from io import BytesIO
from typing import cast

import pyarrow.parquet as pq
import shapely
from shapely.geometry.base import BaseGeometry

from swath.errors import AreaError

CONTINENTS = {
    "AF": "Africa",
    "AN": "Antarctica",
    "AS": "Asia",
    "EU": "Europe",
    "NA": "North America",
    "OC": "Oceania",
    "SA": "South America",
}


def boundary(name: str) -> tuple[str, BaseGeometry]:
    """A country or continent.

    Args:
        name: In English or the country's own language, or ISO 3166-1 of two or three letters (two letters always mean
            a country: NA is Namibia); case and accents do not matter. A continent's name is the union of its countries'
            parts that lie on it.

    Returns:
        (English name, WGS84 polygons split at 180 degrees).

    Raises:
        AreaError: Unknown; close names are suggested.
    """
    names, rows = _index()
    key = _plain(name)
    if key not in rows:
        near = difflib.get_close_matches(key, list(names), n=3, cutoff=0.6)
        hint = f"Did you mean {' or '.join(dict.fromkeys(names[k] for k in near))}? " if near else ""
        raise AreaError(
            f"There is no country, continent or file {name!r}.",
            fix=f"{hint}Give a name, an ISO code, a bbox as west,south,east,north in degrees, or a file of polygons.",
            area=name,
        )
    table = _table()
    shapes = shapely.from_wkb([table["geometry"][row] for row in rows[key]])
    return names[key], shapely.union_all(shapes)


@lru_cache(maxsize=1)
def _table() -> dict[str, list[object]]:
    raw = resources.files("swath.grid").joinpath("data/countries.parquet").read_bytes()
    table: dict[str, list[object]] = pq.read_table(BytesIO(raw)).to_pydict()
    return table


@lru_cache(maxsize=1)
def _index() -> tuple[dict[str, str], dict[str, tuple[int, ...]]]:
    """Title and rows by every name that is known."""
    table = _table()
    names: dict[str, str] = {}
    rows: dict[str, tuple[int, ...]] = {}

    def add(word: object, title: str, row: int) -> None:
        key = _plain(str(word))
        if key and names.setdefault(key, title) == title and row not in rows.get(key, ()):
            rows[key] = (*rows.get(key, ()), row)

    # what comes first keeps a word: Antarctica is a continent and a country; no alias hides a country's name
    for row, continent in enumerate(table["continent"]):
        add(CONTINENTS[str(continent)], CONTINENTS[str(continent)], row)
    for column in ("name", "iso2", "iso3"):
        for row, word in enumerate(table[column]):
            add(word, str(table["name"][row]), row)
    for row, aliases in enumerate(cast("list[list[str]]", table["aliases"])):
        for word in aliases:
            add(word, str(table["name"][row]), row)
    return names, rows


def _plain(name: str) -> str:
    """Without case, accents, points and dashes; & is and."""
    letters = unicodedata.normalize("NFKD", name.replace("&", " and ").casefold())
    kept = "".join(c if c.isalnum() else " " for c in letters if not unicodedata.combining(c) and c not in "'’`.")
    return " ".join(word for word in kept.split() if word != "the")
