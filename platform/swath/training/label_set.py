"""Labels: polygons, points or footprints with a class or a value, and perhaps a time, a weight, an error, a group."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from swath.models.spec import ClassesOutput, ValueOutput, ValuesOutput
from swath.training.dropped import Dropped
from swath.training.splits import SplitSpec, check_blocks

Times = NDArray[np.datetime64]
MOST_CLASSES = 254  # 255 is no label


@dataclass(frozen=True)
class Labels:
    """Polygons, points and footprints; in an order that rests on themselves, not on the file's.

    Attributes:
        classes: Names; codes count from 0 in this order. Empty where labels are values.
        shapes: WGS84, valid, within the area, (n,). A point with a footprint stands as its disc.
        codes: Class of each, uint8, (n,); 0 where labels are values.
        places: Longitude and latitude of a point in each whole shape (before it was cut or eroded), (n, 2).
        start: First instant at which each holds, datetime64[us], NaT at any time, (n,).
        end: Exclusive.
        source: Where they come from.
        dropped: What was left out or changed, by reason.
        value: What the values are; None where labels are classes.
        values: Of each, float32, (n,); None where labels are classes.
        weights: How much each counts, float32 above 0, (n,); None: each 1.
        errors: Standard error of each value in its unit, float32, 0 where none is known, (n,); None: of none.
        groups: Name of the track, plot or region of each, "" for none, (n,); one group is never in training and test at
            once. None: no groups.
        footprint_m: Radius of the discs that stand for points; 0: there are none.
        licences: Of the labels, as the file tells them, each once.
        notes: What the file did not allow to check, in sentences.
    """

    classes: tuple[str, ...]
    shapes: NDArray[np.object_]
    codes: NDArray[np.uint8]
    places: NDArray[np.float64]
    start: Times
    end: Times
    source: str
    dropped: Dropped = field(default_factory=Dropped)
    value: ValueOutput | None = None
    values: NDArray[np.float32] | None = None
    weights: NDArray[np.float32] | None = None
    errors: NDArray[np.float32] | None = None
    groups: NDArray[np.object_] | None = None
    footprint_m: float = 0.0
    licences: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def output(self) -> ClassesOutput | ValuesOutput:
        """What a model of these labels gives."""
        return output_of(self.classes, self.value)

    @property
    def digest(self) -> str:
        """sha256 of classes, shapes, times and whatever else a chip holds of them."""
        table = self.to_arrow()
        hashed = hashlib.sha256(repr((self.classes, self.value, self.footprint_m)).encode())
        for name in table.column_names:
            hashed.update(name.encode() + repr(table[name].to_pylist()).encode())
        return hashed.hexdigest()

    def folds(self, split: SplitSpec) -> NDArray[np.uint8]:
        """Fold of each label by its block, group, region or by chance; `TRAIN_ONLY` where block and group disagree.

        Raises:
            LabelError: All lie in one block, or have no groups to split by.
        """
        return split.folds_of_labels(self.places, self.groups, self.keys if split.by == "random" else None)

    @property
    def keys(self) -> NDArray[np.uint64]:
        """A number of each label that rests on its shape alone, (n,)."""
        words = [hashlib.sha256(wkb).digest()[:8] for wkb in shapely.to_wkb(self.shapes, byte_order=1)]
        return np.frombuffer(b"".join(words), "<u8").astype(np.uint64)

    def fold_counts(self, split: SplitSpec) -> NDArray[np.int64]:
        """Labels by fold and class, (folds, classes); (folds, 1) where they are values."""
        counts = np.zeros((split.number, len(self.output.channels)), np.int64)
        folds = self.folds(split)
        if split.by == "block":
            check_blocks(split.blocks(self.places[:, 0], self.places[:, 1]), split)
        held = folds < split.number
        np.add.at(counts, (folds[held], self.codes[held]), 1)
        return counts

    def at(self, chosen: NDArray[Any]) -> Labels:
        """Some of them, by mask or index; classes stay."""

        def some(array: NDArray[Any] | None) -> Any:
            return None if array is None else array[chosen]

        return replace(
            self,
            shapes=self.shapes[chosen], codes=self.codes[chosen], places=self.places[chosen],
            start=self.start[chosen], end=self.end[chosen], values=some(self.values), weights=some(self.weights),
            errors=some(self.errors), groups=some(self.groups),
        )  # fmt: skip

    def to_arrow(self) -> pa.Table:
        """As a table, for the folder of chips; what all labels lack has no column."""
        columns = {
            "geometry": pa.array(shapely.to_wkb(self.shapes, byte_order=1).tolist(), pa.binary()),
            "code": pa.array(self.codes),
            "lon": pa.array(self.places[:, 0]),
            "lat": pa.array(self.places[:, 1]),
            "start": pa.array(self.start),
            "end": pa.array(self.end),
        }
        for name, numbers in (("value", self.values), ("weight", self.weights), ("error", self.errors)):
            if numbers is not None:
                columns[name] = pa.array(numbers)
        if self.groups is not None:
            columns["group"] = pa.array(self.groups.tolist(), pa.string())
        return pa.table(columns)

    @classmethod
    def from_arrow(cls, table: pa.Table, classes: Sequence[str], source: str, **more: Any) -> Labels:
        """From a table of `to_arrow`; `more` are the attributes that are not in columns."""
        shapes = shapely.from_wkb(np.array([*table["geometry"].to_pylist(), None], dtype=object))[:-1]
        places = np.stack([table["lon"].to_numpy(), table["lat"].to_numpy()], axis=1)
        start, end = (table[name].to_numpy().astype("datetime64[us]") for name in ("start", "end"))
        found = {
            field: table[name].to_numpy().astype(np.float32)
            for name, field in (("value", "values"), ("weight", "weights"), ("error", "errors"))
            if name in table.column_names
        }
        if "group" in table.column_names:
            found["groups"] = np.array(table["group"].to_pylist(), dtype=object)
        return cls(tuple(classes), shapes, table["code"].to_numpy(), places, start, end, source, **found, **more)

    def told(self) -> dict[str, Any]:
        """What `to_arrow` leaves out, JSON-ready: for the plan of chips."""
        return {
            "classes": list(self.classes), "source": self.source, "number": len(self),
            "dropped": self.dropped.to_dict(), "value": None if self.value is None else self.value.model_dump(),
            "footprint_m": self.footprint_m, "licences": list(self.licences), "notes": list(self.notes),
        }  # fmt: skip

    @classmethod
    def from_told(cls, table: pa.Table, told: Mapping[str, Any]) -> Labels:
        """The labels of `to_arrow` and `told`."""
        value = None if told["value"] is None else ValueOutput.model_validate(told["value"])
        return cls.from_arrow(
            table, told["classes"], told["source"], value=value, footprint_m=told["footprint_m"],
            licences=tuple(told["licences"]), notes=tuple(told["notes"]), dropped=Dropped.of(told["dropped"]),
        )  # fmt: skip


def output_of(classes: Sequence[str], value: ValueOutput | None) -> ClassesOutput | ValuesOutput:
    """What a model of some labels gives: their classes, or their one value."""
    if value is not None:
        return ValuesOutput(values=(value,), name=value.name)
    return ClassesOutput(classes=tuple(classes))


def value_text(value: ValueOutput) -> str:
    """A value for a message: `agb (Mg/ha)`."""
    return f"{value.name} ({value.unit})"
