"""All that is known of a map, gathered from its store."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from swath.assessment.assess import RESULT
from swath.assessment.audit.publication import read_audits
from swath.assessment.published import CLASS, PublishedMap
from swath.assessment.report.applicable import applicability_of
from swath.assessment.report.limits import limits_of
from swath.assessment.report.made import how_made
from swath.assessment.report.regions import is_same_step, plots_of_others, regions_of
from swath.assessment.sample import DESIGN, sample_folders
from swath.models import Package
from swath.registry.packages import kept_package


@dataclass(frozen=True)
class Contents:
    """What a report tells.

    Attributes:
        values: JSON-ready: `map`, `accuracy` by samples and `plots` of others, `regions`, `applicability`, `transfer`,
            `audit`, `made`, `model`, `limits`, `citation`.
        package: The model that made the map, where one did.
    """

    values: dict[str, Any]
    package: Package | None

    @classmethod
    def of(cls, map_: PublishedMap) -> Contents:
        """Gather what the store of a map holds.

        Raises:
            ModelError: The map's model is not the one that made it.
            StoreError: A file cannot be read.
        """
        made = how_made(map_)
        digests = [run["model"] for run in made["runs"] if run["model"]]
        package = kept_package(map_.store, map_.root, digests[-1]) if digests else None
        values: dict[str, Any] = {
            "map": _identity(map_),
            "accuracy": _accuracy(map_),
            "plots": plots_of_others(map_),
            "regions": regions_of(map_),
            "applicability": _applicability(map_, package),
            "transfer": _transfer(package),
            "audit": _audit(map_),
            "made": made,
            "model": None if package is None else _model(package),
        }
        values["limits"] = limits_of(values, package)
        values["citation"] = _citation(map_, values)
        return cls(values, package)


def _identity(map_: PublishedMap) -> dict[str, Any]:
    collection = map_.collection
    with_class = CLASS in map_.layers
    return {
        "id": map_.id,
        "product": collection["swath:product"],
        "version": collection["swath:version"],
        "step": map_.step,
        "title": collection["title"],
        "description": collection["description"],
        "license": collection["license"],
        "providers": [one["name"] for one in collection.get("providers", [])],
        "bbox": collection["extent"]["spatial"]["bbox"][0],
        "gsd": collection["summaries"].get("gsd", [None])[0],
        "systems": collection["summaries"].get("proj:code", []),
        "tiles": len(map_.units),
        "layers": {
            name: {
                "title": asset.get("title", name),
                "unit": asset["bands"][0].get("unit", ""),
                "dtype": asset["bands"][0].get("data_type", ""),
            }
            for name, asset in collection["item_assets"].items()
        },
        "classes": [
            {"name": one["name"], "code": one["value"], "means": one.get("description", "")}
            for one in (collection["item_assets"][CLASS]["classification:classes"] if with_class else [])
        ],
    }


def _accuracy(map_: PublishedMap) -> list[dict[str, Any]]:
    """Results of all samples of this very map; those of an earlier one are told to be so, without their numbers."""
    found = []
    for folder in sample_folders(map_.store, map_.root):
        if not map_.store.exists(f"{folder}/{RESULT}"):
            continue
        told = json.loads(map_.store.read_bytes(f"{folder}/{RESULT}"))
        if told["map"] == map_.id:
            design = json.loads(map_.store.read_bytes(f"{folder}/{DESIGN}"))
            found.append(told | {"strata": design["strata"]})
        elif is_same_step(told["map"], map_.id):
            found.append({"sample": told["sample"], "map": told["map"], "outdated": True})
    return found


def _applicability(map_: PublishedMap, package: Package | None) -> dict[str, Any] | None:
    """Where the model may be applied, with what its package says of it."""
    told = applicability_of(map_)
    known = None if package is None else package.spec.applicability
    if told is None:
        return None
    return told | ({} if known is None else {"threshold": known.threshold, "held_out_within": known.within})


def _transfer(package: Package | None) -> dict[str, Any] | None:
    """Figures of the model on blocks that it has not seen."""
    if package is None or not package.has("metrics.json"):
        return None
    told = json.loads(package.path("metrics.json").read_bytes())
    held = {name: figures for name, figures in (told.get("held_out") or {}).items() if isinstance(figures, dict)}
    return {"title": str(told.get("title", "transfer")), "held_out": held} if held else None


def _audit(map_: PublishedMap) -> dict[str, Any] | None:
    """The verdict on this very map, with what each check found."""
    told: dict[str, Any] | None = read_audits(map_.store, map_.root).get("steps", {}).get(map_.step)
    return told if told is not None and told["map"] == map_.id else None


def _model(package: Package) -> dict[str, Any]:
    properties = package.card["properties"]
    return {
        "name": package.spec.name,
        "digest": package.digest,
        "title": properties.get("title"),
        "license": properties.get("license"),
        "labels": properties.get("swath:labels", []),
        "start": (properties.get("start_datetime") or "")[:10],
        "end": (properties.get("end_datetime") or "")[:10],
        "geometry": package.card.get("geometry"),
    }


def _citation(map_: PublishedMap, values: dict[str, Any]) -> str:
    identity = values["map"]
    who = " and ".join(name for name in identity["providers"] if name != "Swath") or "[who publishes it]"
    year = identity["step"][:4]
    return (
        f"{who}: {identity['title']}, version {identity['version']}, {identity['step']} ({year}). "
        f"Map {identity['id'].rpartition('@')[2]}, made with Swath {version('swath')}. Licence: {identity['license']}."
    )
