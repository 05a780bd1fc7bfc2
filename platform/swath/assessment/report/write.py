"""Write the report of a map beside it, and tell of it in its collection."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from swath.assessment.audit.publication import change_collection
from swath.assessment.overlay import ALL
from swath.assessment.published import CLASS, PublishedMap
from swath.assessment.report.contents import Contents
from swath.assessment.report.overview import Canvas
from swath.assessment.report.page import Drawn, report_page
from swath.assessment.report.pictures import applicable_picture, legend_colours, pictures, plain
from swath.assessment.report.sheets import spreadsheet
from swath.assessment.report.where import where_wrong
from swath.assessment.sample import DESIGN, sample_folders
from swath.planning import Said

PAGE, NUMBERS, SHEETS = "report.html", "report.json", "report.xlsx"
SHEETS_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True)
class Report:
    """A report that was written.

    Attributes:
        page: URL of the page.
        numbers: URL of its numbers, JSON.
        sheets: URL of the same as a spreadsheet.
        contents: What it tells.
    """

    page: str
    numbers: str
    sheets: str
    contents: Contents


def write_report(map_: PublishedMap, *, say: Said = lambda _: None) -> Report:
    """Gather what is known of a map and write it as one page that opens offline, as JSON, and as a spreadsheet.

    The files stand in the folder of the map's time step.

    Args:
        map_: Of classes, values or images.
        say: Told what is being done.

    Raises:
        StoreError: The store cannot be read or written.
        ModelError: The map's model is not the one that made it.
    """
    say(f"gathering what is known of {map_.id}")
    contents, canvas = Contents.of(map_), Canvas.of(map_)
    say(f"drawing {len(map_.units)} tiles")
    drawn = list(pictures(map_, canvas))
    folders = _interpreted(map_, contents, drawn[0].layer)
    where = where_wrong(map_, folders, canvas, drawn[0])
    colours = {plain(name): colour for name, colour in legend_colours(map_).items()} if CLASS in map_.layers else {}
    folder, store = f"{map_.root}/{map_.step}", map_.store
    files = {
        NUMBERS: json.dumps(contents.values, indent=1).encode(),
        SHEETS: spreadsheet(contents.values),
        PAGE: report_page(contents, Drawn(drawn, where, applicable_picture(map_, canvas), colours)).encode(),
    }
    for name, data in files.items():
        store.put_bytes(f"{folder}/{name}", data)
    _tell(map_, contents)
    page, numbers, sheets = (store.url(f"{folder}/{name}") for name in (PAGE, NUMBERS, SHEETS))
    return Report(page, numbers, sheets, contents)


def _interpreted(map_: PublishedMap, contents: Contents, layer: str) -> list[str]:
    """Folders of samples of this very map whose units tell of the layer that is shown."""
    current = {one["sample"] for one in contents.values["accuracy"] if not one.get("outdated")}
    current |= {one["reference"].removeprefix("sample ") for one in contents.values["regions"] if "estimates" in one}
    found = [folder for folder in sample_folders(map_.store, map_.root) if folder.rpartition("/")[2] in current]
    designs = [json.loads(map_.store.read_bytes(f"{folder}/{DESIGN}")) for folder in found]
    return [folder for folder, one in zip(found, designs, strict=True) if one.get("layer", CLASS) == layer]


def _tell(map_: PublishedMap, contents: Contents) -> None:
    """Name the report, and the accuracy that it tells, in the map's collection."""
    media = {PAGE: "text/html", NUMBERS: "application/json", SHEETS: SHEETS_TYPE}
    assets = {
        f"{name.replace('.', '_')}_{map_.step}": {
            "href": f"./{map_.step}/{name}",
            "type": kind,
            "title": f"Report, {map_.step}",
            "roles": ["metadata"],
        }
        for name, kind in media.items()
    }

    def change(collection: dict[str, Any]) -> None:
        collection.setdefault("assets", {}).update(assets)
        current = [one for one in contents.values["accuracy"] if not one.get("outdated")]
        told = collection.setdefault("swath:accuracy", {})
        told[map_.step] = [
            {name: one[name] for name in ("map", "sample", "design", "title", "level", "estimates")} for one in current
        ]
        # of thousands of regions the report's numbers tell; here the whole map's only
        regions = [one for one in contents.values["regions"] if not one.get("outdated")]
        totals = collection.setdefault("swath:totals", {})
        totals[map_.step] = [
            {name: one[name] for name in ("map", "reference", "unit", "level")}
            | {"estimates": [e for e in one["estimates"] if e["region"] == ALL]}
            for one in regions
        ]

    change_collection(map_.store, map_.root, change)
