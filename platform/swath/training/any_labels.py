"""Labels of any kind by one text: a file of shapes, a table, footprints, a raster, or a band of the items."""

from __future__ import annotations

from pathlib import Path

from swath.errors import LabelError
from swath.planning import MapRequest
from swath.products import Product
from swath.sources import collection
from swath.training.chip_plan import AnyLabels
from swath.training.cube_of import known_classes, other_names
from swath.training.gedi import AGB, gedi_labels
from swath.training.label_rasters import band_labels, raster_labels
from swath.training.label_set import Labels, value_text
from swath.training.labels import read_labels
from swath.training.recipe import LabelChoice
from swath.training.value_rasters import value_raster

ASSET = "asset:"  #: begins labels that are a quality band of the items themselves
_RASTERS = (".tif", ".tiff", ".vrt")


def read_any_labels(text: str, request: MapRequest, product: Product, choice: LabelChoice) -> AnyLabels:
    """Labels from a file of shapes, a table, GEDI footprints, a raster, or a quality band of the items (`asset:fmask`).

    Args:
        text: Path, or `asset:` and the name of a band.
        request: Area and period.
        product: Whose legend names the classes.
        choice: How labels are read.

    Raises:
        LabelError: They cannot be read or placed; see `read_labels`, `gedi_labels`, `raster_labels`, `value_raster`,
            `band_labels`.
    """
    if choice.gedi is not None:
        value = choice.value or AGB
        return gedi_labels(text, area=request.area, period=request.period, rules=choice.gedi, value=value)
    raster = Path(text).suffix.lower() in _RASTERS
    if choice.value is not None:
        if text.startswith(ASSET):
            raise LabelError(
                f"Labels {text} are classes, and the recipe asks for {value_text(choice.value)}.",
                fix="Give a file of values, or leave labels.value out.",
            )
        if raster:
            return value_raster(text, area=request.area, value=choice.value)
        return read_labels(
            text, area=request.area, period=request.period, column=choice.column, columns=choice.columns,
            value=choice.value, erode_m=choice.erode_m, footprint_m=choice.footprint_m,
        )  # fmt: skip
    known = known_classes(product)
    if text.startswith(ASSET):
        named = product.inputs[0].collection
        if named == "auto":
            raise LabelError(
                f"Labels {text} are a band of a collection, and the product takes any.",
                fix="Name the collection with --set-product inputs.0.collection=….",
            )
        return band_labels(text, collection(named), legend=choice.legend or {}, known=known)
    if raster:
        return raster_labels(text, area=request.area, legend=choice.legend, known=known)
    return read_labels(
        text, area=request.area, period=request.period, column=choice.column, columns=choice.columns,
        legend=choice.legend, known=known, aliases=other_names(product), erode_m=choice.erode_m,
        footprint_m=choice.footprint_m,
    )  # fmt: skip


def labels_line(labels: AnyLabels) -> str:
    """Labels in a line: where they are from, what they are, what was left out, what could not be checked."""
    if isinstance(labels, Labels) and labels.value is not None:
        what = f"{len(labels)} of {value_text(labels.value)}"
    elif labels.classes:
        what = f"{len(labels.classes)} classes: {', '.join(labels.classes)}"
    else:
        what = value_text(labels.output.values[0]) if labels.output.kind == "values" else "classes"
    notes = "".join(f" {note}" for note in labels.notes) if isinstance(labels, Labels) else ""
    return f"labels: {labels.source}, {what}; left out: {labels.dropped}.{notes}"
