"""What a map must not be used for, as far as its own facts tell."""

from __future__ import annotations

from typing import Any

import shapely
from pyproj import Geod
from shapely.geometry import shape
from shapely.ops import nearest_points

from swath.assessment.greg import DESIGN
from swath.models import Package

NAMED = 8  #: of regions or classes in a sentence
MUCH = 0.25  #: share outside from which a class is named


def limits_of(values: dict[str, Any], package: Package | None) -> list[str]:
    """Sentences, the gravest first.

    Args:
        values: Of a report: `map`, `accuracy`, `plots`, `regions`, `applicability`, `audit`, `made`, `model`.
        package: The map's model.
    """
    return [
        *_checked(values), *_applicable(values), *_trained(values, package), *_of_regions(values), *_made(values),
        *_always(values),
    ]  # fmt: skip


def _checked(values: dict[str, Any]) -> list[str]:
    said = []
    audit = values["audit"]
    if audit is None:
        said.append("Nobody has audited this map: run swath audit.")
    elif audit.get("verdict") == "failed":
        said.append("Its audit has failed: do not use it before what is named there is mended.")
    by_sample, others, regions = (
        [one for one in values[name] if not one.get("outdated")] for name in ("accuracy", "plots", "regions")
    )
    titles = {one["title"] for one in [*by_sample, *others, *regions]}
    if DESIGN not in titles:
        told = f" What is told of it is {' and '.join(sorted(titles))}." if titles else ""
        said.append(
            f"No probability sample of it was interpreted or measured: nothing here says by design how accurate it is."
            f"{told} Figures of the model are those of other places."
        )
    for name in ("accuracy", "plots", "regions"):
        for one in values[name]:
            if one.get("outdated"):
                of = one.get("reference", f"sample {one.get('sample')}")
                said.append(f"The {of} is of an earlier map, {one['map']}; its figures are left out.")
    few = sorted({e["of"] for one in [*by_sample, *others] for e in one["estimates"] if e["is_few"] and e["of"]})
    if few:
        said.append(f"Few units tell of {_named(few)}: read their intervals.")
    return list(dict.fromkeys(said))


def _of_regions(values: dict[str, Any]) -> list[str]:
    """What the estimates of regions say of themselves."""
    said = []
    for one in values["regions"]:
        estimates = one.get("estimates", [])
        for flags, sentence in _FLAGS:
            names = list(dict.fromkeys(e["region"] for e in estimates if set(flags) & set(e["flags"])))
            if names:
                said.append(sentence.format(names=_named(names), reference=one["reference"]))
    return list(dict.fromkeys(said))


_FLAGS = (
    (
        ("few units", "no units", "few tracks", "no tracks"),
        "Few units or none lie in {names} ({reference}): the estimate of such a region is uncertain, or is the map's.",
    ),
    (
        ("model's part unknown", "residual part unknown"),
        "Intervals by {reference} lack a part of the variance that nobody has told: they are too short.",
    ),
    (
        ("few omissions",),
        "Few units tell what the map misses of a class in {names} ({reference}): intervals there are too short.",
    ),
    (("spread of regions unknown",), "Synthetic estimates of {names} ({reference}) have no interval."),
)


def _applicable(values: dict[str, Any]) -> list[str]:
    """Where the model speaks of what it has not seen."""
    told = values["applicability"]
    if told is None or not told["share_outside"]:
        return []
    said = [
        f"{_percent(told['share_outside']).capitalize()} of the mapped area lies outside the model's area of "
        "applicability: pixels there are unlike all that it was trained on, and its figures on blocks held out do not "
        "speak of them."
    ]
    worst = [one for one in told["classes"] if (one["share_outside"] or 0) >= MUCH]
    if worst:
        worst.sort(key=lambda one: -one["share_outside"])
        said.append(
            "Largely outside are "
            + _named([f"{one['name']} ({_percent(one['share_outside'])})" for one in worst])
            + " as mapped."
        )
    return said


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.01 else "less than 1%"


def _named(names: list[str]) -> str:
    """The first few, and how many more."""
    told = ", ".join(name.replace("_", " ") for name in names[:NAMED])
    return told if len(names) <= NAMED else f"{told} and {len(names) - NAMED} more"


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
    made = values["made"]
    failed, kept, lacking = (made[name]["count"] for name in ("failures", "not_renewed", "incomplete"))
    said = []
    if made["unmade"]:
        said.append(f"{made['unmade']:,} tiles that were planned are not there: swath map goes on with them.")
    if failed:
        said.append(f"{failed} tiles failed and are missing: swath retry takes them up.")
    if kept:
        said.append(f"{kept} tiles could not be made anew: they stand as an earlier run left them.")
    if lacking:
        said.append(f"{lacking} tiles were made without some of their files.")
    return said


def _always(values: dict[str, Any]) -> list[str]:
    said = ["A count of pixels is no area: areas of classes come from a sample, with their intervals."]
    if not values["map"]["classes"]:
        said = ["A sum of pixels is no total: totals of regions come from a reference, with their intervals."]
    return [*said, "The difference of two maps is no change: areas of change come from a sample of their own."]
