"""A plan of chips: request, labels and settings, frozen in the folder of the chips before anything is cut."""

from __future__ import annotations

import hashlib
import io
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, Field

from swath.cube import PIXELS, CubeSpec
from swath.cube.layers import LayerFacts, band_layers
from swath.errors import GridError, LabelError, StoreMismatchError
from swath.grid import Area, Grid, Period, Tile
from swath.models.inputs import level_of
from swath.models.spec import BandInput, InputSpec, Layout
from swath.planning import ItemTable, Join, MapRequest, Said, Steps, frozen_inputs, grid_of
from swath.planning.join import MARGIN_M
from swath.products import Product
from swath.sources import BandKind, Collection, FrozenItems, collection
from swath.store import Store
from swath.training.chip_units import ChipUnit, units_of
from swath.training.label_rasters import CodeLabels
from swath.training.label_set import Labels
from swath.training.rasterise import Painter
from swath.training.source import ChipFacts
from swath.training.splits import SplitSpec, check_folds
from swath.training.value_rasters import ValueRaster

#: Labels of any kind: shapes, or pixels of classes or values.
AnyLabels = Labels | CodeLabels | ValueRaster
PLAN, ITEMS, LABELS = "plan.json", "items.parquet", "labels.parquet"
#: Raised by hand when the same inputs give other chips.
CHIPS = 2


class ChipSettings(BaseModel):
    """How chips are cut."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: int = Field(default=128, ge=8, le=1024, description="Edge of a chip, pixels; a divisor of the tile size.")
    margin: int = Field(
        default=0,
        ge=0,
        le=512,
        description="Pixels of surroundings on each side of a chip: labels lie within `size`, and a network sees "
        "`size + 2 * margin`. About its reach lets it learn with the neighbourhood that it has when it maps.",
    )
    steps: int = Field(default=1, ge=1, le=64, description="Time steps of a chip.")
    target: int | None = Field(
        default=None,
        ge=0,
        description="Where steps are acquisitions: which of them is labelled, counted from 0; the others are those "
        "before and after it. Null: the steps are equal parts of the period's.",
    )
    per_polygon: int | None = Field(
        default=250,
        ge=1,
        description="Most pixels of a polygon, so that a lake does not outweigh all ponds; null: all.",
    )
    least: int = Field(default=1, ge=1, description="Chips with fewer labelled pixels are not cut.")
    split: SplitSpec = Field(default_factory=SplitSpec, description="What is held out.")

    @property
    def edge(self) -> int:
        """Pixels of a chip with its surroundings."""
        return self.size + 2 * self.margin


@dataclass(frozen=True)
class ChipPlan:
    """A plan that stands in the folder of the chips.

    Attributes:
        store: The folder.
        content: Of plan.json.
    """

    store: Store
    content: dict[str, Any]

    @classmethod
    def open(cls, store: Store) -> ChipPlan:
        """A plan that was committed before."""
        return cls(store, json.loads(store.read_bytes(PLAN)))

    @cached_property
    def product(self) -> Product:
        """Of which cube the chips are."""
        return Product.model_validate(self.content["product"])

    @cached_property
    def collection(self) -> Collection:
        """Facts of the items."""
        return collection(self.content["collection"])

    @cached_property
    def spec(self) -> CubeSpec:
        """The cube."""
        return self.product.cube_spec(self.collection)

    @cached_property
    def layers(self) -> dict[str, LayerFacts]:
        """Layers of a chip and their facts, in order."""
        layers = band_layers(self.spec, self.collection)
        return {name: layers[name] for name in self.spec.bands}

    @cached_property
    def settings(self) -> ChipSettings:
        """How chips are cut."""
        return ChipSettings.model_validate(self.content["settings"])

    @cached_property
    def area(self) -> Area:
        """Where labels are taken from."""
        return Area.parse(self.content["area"])

    @cached_property
    def grid(self) -> Grid:
        """Of the tiles."""
        return grid_of(self.product, self.collection)

    @cached_property
    def labels(self) -> AnyLabels:
        """The labels as they were read."""
        told = self.content["labels"]
        if told["kind"] == "shapes":
            return Labels.from_told(pq.read_table(io.BytesIO(self.store.read_bytes(LABELS))), told)
        if told["kind"] == "values":
            return ValueRaster.from_told(told)
        return CodeLabels.from_told(told, band=told["kind"] == "band")

    @cached_property
    def painter(self) -> Painter | None:
        """Of polygons and points; None where labels are pixels."""
        if not isinstance(self.labels, Labels):
            return None
        return Painter(self.labels, self.settings.split, per_polygon=self.settings.per_polygon)

    @cached_property
    def items(self) -> FrozenItems:
        """The frozen items."""
        return FrozenItems.open(self.store.url(ITEMS))

    @cached_property
    def input(self) -> InputSpec:
        """A network's input that is a whole chip: with it the cube is read by the code that maps."""
        bands = tuple(
            BandInput(name=name, common_name=band.common_name, wavelength=band.wavelength)
            for name, band in ((name, self.collection.bands[name]) for name in self.spec.bands)
        )
        first = self.collection.bands[self.spec.bands[0]]
        settings = self.settings
        return InputSpec(
            bands=bands, unit=str(first.kind) if first.kind is BandKind.REFLECTANCE else first.unit,
            gsd=self.grid.resolution, window=settings.edge, stride=settings.size, margin=settings.margin,
            layout=Layout.NTCHW, steps=settings.steps, target=settings.target, level=level_of(self.collection),
        )  # fmt: skip

    @property
    def facts(self) -> ChipFacts:
        """What all chips have in common."""
        return ChipFacts(
            bands=self.input.bands, layers=tuple(self.layers.values()), unit=self.input.unit, gsd=self.input.gsd,
            size=self.settings.edge, steps=self.settings.steps, output=self.labels.output,
            level=self.input.level, target=self.input.target,
        )  # fmt: skip

    def units(self) -> Iterator[ChipUnit]:
        """Tiles that hold labels, by the steps for which there are items; in the order of the grid."""
        table = ItemTable.of(self.items)
        # labels that are pixels are looked at beyond the tile, as far as the buffer reaches; numbers by the margin
        margin = MARGIN_M + max(self.settings.split.buffer_m, self.settings.margin * self.grid.resolution)
        join = Join(table.footprints, table.cloud_cover <= self.spec.max_cloud, margin_m=margin)
        period, target = Period.parse(self.content["request"]["period"]), self.settings.target
        before, after = (0, 0) if target is None else (target, self.settings.steps - 1 - target)
        steps = Steps.of(period, table.times, table.observations, before=before, after=after)
        for tile, rows in join.rows(self._tiles()):
            yield from units_of(tile, rows, steps)

    def _tiles(self) -> Iterator[Tile]:
        for tile in self.grid.tiles(self.area):
            if self.painter is None or len(self.painter.touches(tile)):
                yield tile


def make_chip_plan(
    request: MapRequest, labels: AnyLabels, store: Store, settings: ChipSettings, *, say: Said
) -> ChipPlan:
    """Freeze the items, labels and settings of chips, or open the plan that was made of the same before.

    Raises:
        LabelError: Folds that lack a class, all labels in one block, or a chip size that does not divide tiles.
        StoreMismatchError: The folder holds chips of something else.
        NoItemsError: The search found nothing.
    """
    if request.product.output.grid.tile_size % settings.size:
        size = request.product.output.grid.tile_size
        fits = [n for n in range(8, size + 1) if size % n == 0 and n <= 1024]
        near = sorted(fits, key=lambda n: abs(n - settings.size))[:3]
        raise GridError(
            f"Chips of {settings.size} px do not divide tiles of {size} px.",
            fix=f"Take {', '.join(map(str, sorted(near)))} px.",
        )
    settings = settings.model_copy(update={"split": settings.split.frozen()})
    if isinstance(labels, Labels) and settings.split.by != "year":
        check_folds(labels.fold_counts(settings.split), labels.output.channels, folds=settings.split.held)
    asked = {
        "request": request.to_dict(),
        "settings": settings.model_dump(mode="json", exclude={"split": {"held"}}),
        "labels": labels.digest,
        "pixels": [PIXELS, CHIPS],
    }  # fmt: skip
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
    if store.exists(PLAN):
        plan = ChipPlan.open(store)
        if plan.content["digest"] != digest:
            raise StoreMismatchError(
                f"{store.root} holds chips of another request, other labels or settings.",
                fix="Name another folder, or remove this one.",
            )
        say("the plan stands; items stay as they were frozen")
        return plan
    store.check_writable()
    with tempfile.TemporaryDirectory(prefix="swath-chips-") as folder:
        path = Path(folder, ITEMS)
        facts, _ = frozen_inputs(request, path, say)
        grid_of(request.product, facts)
        store.put_file(ITEMS, path)
    if isinstance(labels, Labels):
        data = io.BytesIO()
        pq.write_table(labels.to_arrow(), data, compression="zstd", store_schema=True)
        store.put_bytes(LABELS, data.getvalue())
    content = {
        **asked,
        "digest": digest,
        "product": request.product.model_dump(mode="json"),
        "collection": facts.key,
        "area": request.area.to_geojson(),
        "labels": _told(labels),
        "pixels": [PIXELS, CHIPS],
    }
    store.put_bytes(PLAN, json.dumps(content, indent=1).encode())
    return ChipPlan(store, content)


def _told(labels: AnyLabels) -> dict[str, Any]:
    if isinstance(labels, CodeLabels):
        return {**labels.told(), "kind": "band" if labels.band else "raster"}
    return {**labels.told(), "kind": "shapes" if isinstance(labels, Labels) else "values"}


def check_request(labels: AnyLabels, request: MapRequest, settings: ChipSettings) -> None:
    """Refuse what does not fit together: folds by year and longer chips, acquisitions and parts of a period.

    Raises:
        LabelError: Says what to change.
    """
    if settings.target is not None and settings.target >= settings.steps:
        raise LabelError(f"Target {settings.target} is none of {settings.steps} steps.", fix="They count from 0.")
    acquisitions = request.period.acquisition
    if (acquisitions and settings.steps > 1) if settings.target is None else not acquisitions:
        raise LabelError(
            f"Chips of {settings.steps} steps with target {settings.target} do not fit the period "
            f"{request.period.text}: acquisitions need a target, parts of a period have none.",
            fix="Set target to the step that is labelled, with a period as 2023/acquisition; or neither.",
        )
    if settings.split.by == "group" and not isinstance(labels, Labels):
        raise LabelError(
            f"{labels.source} is a raster, whose pixels have no groups.", fix="Take folds by block, year or region."
        )
    if settings.split.by == "year":
        for step in request.period.steps:
            last = step.end.replace(tzinfo=None)
            if step.start.year != last.year and (last.month, last.day) != (1, 1):
                raise LabelError(
                    f"Folds by year need steps within a year, and {step.id} of {request.period.text} spans two.",
                    fix="Take a period in steps of a year or less, or folds by block.",
                )
    if isinstance(labels, CodeLabels) and labels.band and not request.period.acquisition:
        raise LabelError(
            f"{labels.source} is of each acquisition, and {request.period.text} is not cut into acquisitions.",
            fix=f"Write {request.period.text.rpartition('/')[0] or request.period.text}/acquisition.",
        )
