"""Layers: what a product writes, one file each, with the facts that a reader of the file needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from swath.errors import ProductError
from swath.forms import suggest
from swath.products.legend import Legend

DType = Literal["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32"]
Overviews = Literal["average", "nearest", "mode", "bilinear", "cubic"]


class LayerKind(StrEnum):
    """What a layer's numbers are."""

    CONTINUOUS = "continuous"
    COUNT = "count"
    CLASSES = "classes"
    CODES = "codes"  #: numbers that must not be averaged and have no legend: days, bits


class Compression(BaseModel):
    """How the numbers of a layer are packed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    codec: Literal["zstd", "deflate", "lerc"] = Field(
        default="zstd", description="zstd and deflate keep every bit; lerc keeps values within `max_error`."
    )
    level: int | None = Field(
        default=None, ge=1, le=22, description="Effort: zstd 1 to 22, deflate 1 to 9; null: 1 and 6."
    )
    max_error: float = Field(
        default=0.0, ge=0, description="For lerc: the largest error allowed, in the numbers of the file (before scale)."
    )

    @model_validator(mode="after")
    def _fields_of_the_codec(self) -> Compression:
        if self.max_error and self.codec != "lerc":
            raise ValueError(f"max_error {self.max_error:g} needs codec 'lerc', this one is {self.codec!r}")
        if self.level is not None and self.level > {"zstd": 22, "deflate": 9, "lerc": 22}[self.codec]:
            raise ValueError(f"level {self.level} is more than {self.codec} has (deflate 1 to 9)")
        return self


class LayerRule(BaseModel):
    """How some layers are written. What stands at null is taken from the facts of the collection."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dtype: DType | None = Field(default=None, description="Type of the numbers in the file.")
    nodata: float | None = Field(default=None, description="Number that means no data.")
    scale: float | None = Field(default=None, gt=0, description="Value = number x scale + offset.")
    offset: float | None = Field(default=None, description="Value = number x scale + offset.")
    unit: str | None = Field(default=None, description="Unit of the value, UCUM (`1`, `K`, `Mg/ha`).")
    legend: Legend | None = Field(default=None, description="Classes of a layer of codes: names and colours.")
    overviews: Overviews | None = Field(
        default=None, description="Resampling of overviews; null: average, and nearest for counts, mode for classes."
    )
    compression: Compression | None = Field(
        default=None, description="Packing: {codec: zstd | deflate | lerc, level, max_error}; null: zstd."
    )


@dataclass(frozen=True)
class Layer:
    """One layer of a product: everything about its files but the pixels.

    Attributes:
        name: Also the start of the file's name.
        kind: Decides the default resampling of overviews.
        title: One line for readers.
        dtype: Of the numbers in the file.
        nodata: Number that means no data; None where every number has a meaning (counts).
        scale: Value = number * scale + offset.
        offset: Value = number * scale + offset.
        unit: Of the value, UCUM.
        overviews: Resampling of overviews.
        compression: Codec, level, largest error.
        legend: For classes.
        band: Name of the collection's band that it is made of, None if of several.
        common_name: STAC eo common name.
        wavelength: Centre, micrometres.
        width: Full width at half maximum, micrometres.
        input: Place of the product's input whose composite it is of.
        made_of: Name of the layer in that composite, where it is another.
        bits: Of a bit mask: what each bit says, the lowest first.
    """

    name: str
    kind: LayerKind
    title: str
    dtype: DType
    nodata: float | None
    scale: float = 1.0
    offset: float = 0.0
    unit: str = "1"
    overviews: Overviews = "average"
    compression: Compression = field(default_factory=Compression)
    legend: Legend | None = None
    band: str | None = None
    common_name: str | None = None
    wavelength: float | None = None
    width: float | None = None
    input: int = 0
    made_of: str | None = None
    bits: tuple[str, ...] = ()

    def encode(
        self,
        numbers: np.ndarray[Any, Any],
        *,
        nodata: float | None,
        scale: float = 1.0,
        offset: float = 0.0,
    ) -> np.ndarray[Any, Any]:
        """Numbers of this layer's file from numbers with other facts.

        Equal facts give back the same array, uncopied. Else values are scaled in float64 and rounded half to even;
        those beyond the type are set to its end, and those that would fall on no-data to the next number.

        Args:
            numbers: (rows, columns) of any integer or float type.
            nodata: Of `numbers`; NaN is no data in floats in any case.
            scale: Of `numbers`.
            offset: Of `numbers`.

        Returns:
            (rows, columns) of `dtype`.
        """
        dtype = np.dtype(self.dtype)
        same = numbers.dtype == dtype and (scale, offset) == (self.scale, self.offset)
        if same and (_same_number(nodata, self.nodata) or nodata is None):
            return numbers
        missing = np.zeros(numbers.shape, bool) if nodata is None else numbers == nodata
        if numbers.dtype.kind == "f":
            missing |= ~np.isfinite(numbers)
        if (scale, offset) == (self.scale, self.offset):
            values = numbers.astype(np.float64)
        else:
            values = (numbers.astype(np.float64) * scale + (offset - self.offset)) / self.scale
        fill = self.nodata
        if dtype.kind == "f":
            result = values.astype(dtype)
            result[missing] = np.nan if fill is None else fill
            return result
        if fill is None and missing.any():
            raise ValueError(f"layer {self.name!r} has no no-data number, and {int(missing.sum())} pixels have no data")
        info = np.iinfo(dtype)
        values[missing] = 0
        result = np.clip(np.rint(values), info.min, info.max).astype(dtype)
        if fill is not None:
            at_fill = result == fill
            result[at_fill] = int(fill) + 1 if fill < info.max else int(fill) - 1
            result[missing] = int(fill)
        return result


def default_nodata(dtype: DType) -> float:
    """No-data of a type where the facts name none: 0 for unsigned, the least number for signed, NaN for floats."""
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return float("nan")
    return float(np.iinfo(kind).min) if kind.kind == "i" else 0.0


def apply_rules(layer: Layer, rules: Mapping[str, LayerRule]) -> Layer:
    """The layer after all rules whose pattern fits its name, in their order, the later winning field by field."""
    for pattern, rule in rules.items():
        if fnmatchcase(layer.name, pattern):
            changes = {name: value for name in LayerRule.model_fields if (value := getattr(rule, name)) is not None}
            retyped = changes.get("dtype", layer.dtype) != layer.dtype
            if retyped and "nodata" not in changes and layer.nodata is not None:
                changes["nodata"] = default_nodata(changes["dtype"])
            if "legend" in changes:
                changes = {"kind": LayerKind.CLASSES, "overviews": "mode"} | changes
            layer = replace(layer, **changes)
    return layer


def ruled(layers: Sequence[Layer], rules: Mapping[str, LayerRule], *, where: str) -> tuple[Layer, ...]:
    """Layers after all rules.

    Args:
        layers: As they are made.
        rules: By pattern.
        where: Product and field, for the message.

    Raises:
        ProductError: A pattern that fits no layer, or a rule that contradicts itself.
    """
    names = [layer.name for layer in layers]
    for pattern in rules:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise ProductError(
                f"{where}: no layer is called {pattern!r}.",
                fix=suggest(pattern, names),
                field="output.layers",
                value=pattern,
                choices=names,
            )
    written = tuple(apply_rules(layer, rules) for layer in layers)
    for layer in written:
        if fault := contradiction(layer):
            raise ProductError(
                f"{where}: layer {layer.name!r}: {fault}.", fix="Change the rule of the layer.", field="output.layers"
            )
    return written


def contradiction(layer: Layer) -> str:
    """What in a layer's facts cannot be, as a sentence's end; empty where all is well."""
    dtype = np.dtype(layer.dtype)
    if layer.nodata is not None and dtype.kind != "f":
        info = np.iinfo(dtype)
        if not (float(layer.nodata).is_integer() and info.min <= layer.nodata <= info.max):
            return f"no-data {layer.nodata:g} is no {layer.dtype}"
    if layer.legend is not None:
        if layer.dtype not in ("uint8", "uint16"):
            return f"a legend needs dtype uint8 or uint16, this is {layer.dtype}"
        too_large = [c.code for c in layer.legend.classes if c.code > np.iinfo(dtype).max]
        if too_large:
            return f"code {too_large[0]} of the legend does not fit {layer.dtype}"
    # an inexact codec could turn a number beside a finite no-data into it; NaN has a mask of its own
    if layer.compression.max_error and not (dtype.kind == "f" and layer.nodata is not None and np.isnan(layer.nodata)):
        return f"compression with max_error {layer.compression.max_error:g} needs dtype float32 with no-data .nan"
    return ""


def _same_number(a: float | None, b: float | None) -> bool:
    if a is None or b is None:
        return a is b
    return a == b or (np.isnan(a) and np.isnan(b))
