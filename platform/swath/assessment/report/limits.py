"""What a map must not be used for, as far as its own facts tell."""

from __future__ import annotations

from typing import Any

import shapely
from pyproj import Geod
from shapely.geometry import shape
from shapely.ops import nearest_points

from swath.models import Package


def limits_of(values: dict[str, Any], package: Package | None) -> list[str]:
    """Sentences, the gravest first.

    Args:
        values: Of a report: `map`, `accuracy`, `audit`, `made`.
        package: The map's model.
    """
    return [*_checked(values), *_trained(values, package), *_made(values), *_always(values)]


def _checked(values: dict[str, Any]) -> list[str]:
    said = []
    audit = values["audit"]
    if audit is None:
        said.append("Nobody has audited this map: run swath audit.")
    elif audit.get("verdict") == "failed":
        said.append("Its audit has failed: do not use it before what is named there is mended.")
    current = [one for one in values["accuracy"] if not one.get("outdated")]
    if not current:
        said.append(
            "No probability sample of it was interpreted: nothing here says how accurate it is. "
            "Figures of the model are those of other places."
        )
    for one in values["accuracy"]:
        if one.get("outdated"):
            said.append(f"The sample {one['sample']} is of an earlier map, {one['map']}; its figures are left out.")
    few = sorted({e["of"] for one in current for e in one.get("estimates", []) if e.get("is_few") and e["of"]})
    if few:
        said.append(f"Few units tell of {', '.join(name.replace('_', ' ') for name in few)}: read their intervals.")
    return said


def _trained(values: dict[str, Any], package: Package | None) -> list[str]:
    if package is None:
        return []
    geometry, model, step = package.card.get("geometry"), values["model"], values["map"]["step"]
    said = []
    if geometry is None:
        said.append("Its model does not tell where it was trained.")
    else:
        west, south, east, north = values["map"]["bbox"]
        here, there = shapely.box(min(west, east), south, max(west, east), north), shape(geometry)
        (x, y), (to_x, to_y) = (point.coords[0] for point in nearest_points(here, there))
        away = Geod(ellps="WGS84").inv(x, y, to_x, to_y)[2]
        if away > 0:
            said.append(f"Its model was trained elsewhere, some {max(1, round(away / 1000)):,} km from here.")
        elif not here.within(there):
            said.append("Part of it lies outside the area that its model was trained in.")
    if model["start"] and not model["start"][:4] <= step[:4] <= model["end"][:4]:
        said.append(f"Its model learned from {model['start']} to {model['end']}; the map is of {step}.")
    return said


def _made(values: dict[str, Any]) -> list[str]:
    failed, lacking = values["made"]["failures"]["count"], values["made"]["incomplete"]["count"]
    said = []
    if failed:
        said.append(f"{failed} tiles failed and are missing: swath retry takes them up.")
    if lacking:
        said.append(f"{lacking} tiles were made without some of their files.")
    return said


def _always(values: dict[str, Any]) -> list[str]:
    said = ["A count of pixels is no area: areas of classes come from the sample, with their intervals."]
    if not values["map"]["classes"]:
        said = ["A sum of pixels is no total: totals of regions need their own variance."]
    return [*said, "The difference of two maps is no change: areas of change come from a sample of their own."]
