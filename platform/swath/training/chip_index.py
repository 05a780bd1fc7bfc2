"""The index of a folder of chips, as GeoParquet, and the facts that commit it."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from swath.grid.lonlat import from_lonlat
from swath.training.chip_labels import tensor_names
from swath.training.chip_plan import ChipPlan
from swath.training.chipset import FACTS, INDEX
from swath.training.label_rasters import CodeLabels
from swath.training.label_set import Labels
from swath.training.shards import shard_key
from swath.training.splits import check_folds

_TIME = pa.timestamp("us", tz="UTC")


def chip_rows(facts: Mapping[str, Any], plan: ChipPlan) -> Iterator[dict[str, Any]]:
    """Rows of the index for the chips of one unit, from the facts of its shard."""
    split, size, labels = plan.settings.split, plan.settings.edge * plan.grid.resolution, plan.labels
    names = labels.output.channels
    for number, chip in enumerate(facts["chips"]):
        x, y = chip["x"], chip["y"]
        corners = np.array([(x, y), (x, y - size), (x + size, y - size), (x + size, y)])
        turn = from_lonlat(facts["crs"])
        around = np.column_stack(turn.transform(corners[:, 0], corners[:, 1], direction="INVERSE"))
        lon, lat = turn.transform(x + size / 2, y - size / 2, direction="INVERSE")
        block = split.blocks(np.array([lon]), np.array([lat]))[0].tolist()
        pixels = np.reshape(chip["pixels"], (split.number + 1, -1))
        (held,) = np.nonzero(pixels[:-1].sum(axis=1))
        row = {
            "chip": f"{facts['unit']}_{chip['top']}_{chip['left']}", "file": shard_key(facts["unit"]), "row": number,
            "tile": facts["tile"], "step": facts["step"], "year": facts["year"], "crs": facts["crs"],
            "start": datetime.fromisoformat(facts["start"]), "end": datetime.fromisoformat(facts["end"]),
            "top": chip["top"], "left": chip["left"], "x": x, "y": y, "lon": lon, "lat": lat,
            "block": block, "fold": int(held[0]) if len(held) == 1 else -1, "pixels": chip["pixels"],
            "labelled": int(pixels.sum()),
            "items": [one for date in facts["items"] for one in date],
            "geometry": shapely.to_wkb(shapely.Polygon(around), byte_order=1),
        }  # fmt: skip
        row |= {"class": names[int(pixels.sum(axis=0).argmax())]} if labels.classes else {"mean": chip["mean"]}
        yield row


def publish_index(
    plan: ChipPlan,
    rows: Sequence[dict[str, Any]],
    *,
    held: Sequence[int] | None,
    dropped: dict[str, int],
    failures: Sequence[dict[str, Any]] = (),
    streamed: bool = False,
) -> dict[str, int]:
    """Write the index, and chips.json last.

    Args:
        plan: Of the chips.
        rows: Of the index, one or more.
        held: Folds that must have every class; None: all.
        dropped: What was left out, by reason.
        failures: Units that could not be made.
        streamed: There are no shards: chips are read from the cubes.

    Returns:
        Labelled pixels by class, or of the value.

    Raises:
        LabelError: A fold lacks a class.
    """
    folds, classes = plan.settings.split.number, plan.labels.output.channels
    counts = np.sum([row["pixels"] for row in rows], axis=0).reshape(folds + 1, len(classes))
    if not isinstance(plan.labels, Labels):
        check_folds(counts[:-1], classes, folds=held, what="labelled pixel")
    data = io.BytesIO()
    pq.write_table(_table(rows), data, compression="zstd")
    plan.store.put_bytes(INDEX, data.getvalue())
    facts, agreement = plan.facts, isinstance(plan.labels, CodeLabels) and plan.labels.band
    content = {
        "chips": len(rows),
        "facts": {
            "bands": [band.model_dump(mode="json") for band in facts.bands],
            "layers": [layer.to_dict() for layer in facts.layers],
            "unit": facts.unit, "gsd": facts.gsd, "size": facts.size, "steps": facts.steps,
            "classes": list(plan.labels.classes), "output": facts.output.model_dump(mode="json"),
            "level": facts.level, "target": facts.target,
        },
        "tensors": tensor_names(plan.labels),
        "streamed": streamed,
        "split": plan.settings.split.model_dump(mode="json"),
        "labels": plan.content["labels"],
        "agreement": agreement,
        "title": "agreement with an algorithm's labels" if agreement else "transfer",
        "pixels": counts.tolist(),
        "dropped": dropped,
        "failed": list(failures),
        "request": plan.content["request"],
        "digest": plan.content["digest"],
    }  # fmt: skip
    plan.store.put_bytes(FACTS, json.dumps(content, indent=1).encode())
    return dict(zip(classes, counts.sum(axis=0).tolist(), strict=True))


def _table(rows: Sequence[dict[str, Any]]) -> pa.Table:
    """As GeoParquet 1.1: outlines in `geometry`, straight in longitude and latitude between corners."""
    table = pa.Table.from_pylist(list(rows))
    for name in ("start", "end"):
        table = table.set_column(table.column_names.index(name), name, table[name].cast(_TIME))
    bounds = shapely.total_bounds(shapely.from_wkb(np.array([row["geometry"] for row in rows], dtype=object)))
    geo = {
        "version": "1.1.0",
        "primary_column": "geometry",
        "columns": {
            "geometry": {
                "encoding": "WKB", "geometry_types": ["Polygon"], "edges": "planar", "bbox": bounds.tolist(),
            }
        },
    }  # fmt: skip
    return table.replace_schema_metadata({"geo": json.dumps(geo)})
