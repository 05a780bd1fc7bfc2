"""A plan of chips: request, labels and settings, frozen in the folder of the chips before anything is cut."""

from __future__ import annotations

import hashlib
import io
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from swath.cube import PIXELS, CubeSpec
from swath.cube.layers import LayerFacts
from swath.errors import GridError, LabelError, StoreMismatchError
from swath.grid import Area, Grid, Period, Tile
from swath.models.inputs import level_of, unit_of
from swath.models.spec import InputSpec, Layout
from swath.planning import Inputs, InputSteps, ItemTable, Join, MapRequest, Said, freeze_inputs, grid_of
from swath.planning.join import MARGIN_M
from swath.products import Product
from swath.sources import Collection, FrozenItems, collection
from swath.store import Store
from swath.training.chip_inputs import Channel, channels_of_chips, chosen_inputs, stored_facts
from swath.training.chip_settings import ChipSettings as ChipSettings  # others take it from here
from swath.training.chip_units import ChipUnit, units_of
from swath.training.label_rasters import CodeLabels
from swath.training.label_set import Labels
from swath.training.rasterise import Painter
from swath.training.source import ChipFacts
from swath.training.splits import check_folds
from swath.training.validation.matched import matched
from swath.training.value_rasters import ValueRaster

#: Labels of any kind: shapes, or pixels of classes or values.
AnyLabels = Labels | CodeLabels | ValueRaster
PLAN, ITEMS, LABELS = "plan.json", "items.parquet", "labels.parquet"
#: Raised by hand when the same inputs give other chips.
CHIPS = 2


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
    def collections(self) -> tuple[Collection | None, ...]:
        """Facts of the items of each input."""
        return tuple(None if key is None else collection(key) for key in self.content["collections"])

    @property
    def collection(self) -> Collection:
        """Facts of the first input's items."""
        first = self.collections[0]
        assert first is not None
        return first

    @cached_property
    def specs(self) -> tuple[CubeSpec | None, ...]:
        """The cubes of the inputs."""
        return tuple(
            None if facts is None else self.product.cube_spec(facts, number)
            for number, facts in enumerate(self.collections)
        )

    @property
    def spec(self) -> CubeSpec:
        """The cube of the first input."""
        first = self.specs[0]
        assert first is not None
        return first

    @cached_property
    def channels(self) -> tuple[Channel, ...]:
        """Bands of a chip, in order."""
        settings = self.settings
        return channels_of_chips(
            self.product, self.collections, self.specs, settings.inputs, location=settings.location
        )

    @cached_property
    def layers(self) -> dict[str, LayerFacts]:
        """Bands of a chip and the facts of their numbers, in order."""
        names = [channel.band.channel for channel in self.channels]
        return dict(zip(names, stored_facts(self.channels), strict=True))

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
        first = self.collection.bands[self.spec.bands[0]]
        settings = self.settings
        return InputSpec(
            bands=tuple(channel.band for channel in self.channels), unit=unit_of(first),
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
        period, target = Period.parse(self.content["request"]["period"]), self.settings.target
        about = (0, 0) if target is None else (target, self.settings.steps - 1 - target)
        series = InputSteps.of(self.product, period, table, self._inputs.members(self.items), self.specs, about=about)
        join = Join(table.footprints, series.keep, margin_m=margin)
        for tile, rows in join.rows(self._tiles()):
            yield from units_of(tile, rows, series)

    @property
    def _inputs(self) -> Inputs:
        ids = [None if names is None else frozenset(names) for names in self.content["chosen"]]
        return Inputs(self.collections, tuple(ids), [], [])

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
    request = replace(request, product=chosen_inputs(request.product, settings.inputs))
    if request.product.output.grid.tile_size % settings.size:
        size = request.product.output.grid.tile_size
        fits = [n for n in range(8, size + 1) if size % n == 0 and n <= 1024]
        near = sorted(fits, key=lambda n: abs(n - settings.size))[:3]
        raise GridError(
            f"Chips of {settings.size} px do not divide tiles of {size} px.",
            fix=f"Take {', '.join(map(str, sorted(near)))} px.",
        )
    settings = settings.model_copy(update={"split": matched(settings.split.frozen(), labels, request.area)})
    if isinstance(labels, Labels) and settings.split.by != "year":
        check_folds(labels.fold_counts(settings.split), labels.output.channels, folds=settings.split.held)
    asked = {
        "request": request.to_dict(),
        # what is matched follows from the rest
        "settings": settings.model_dump(mode="json", exclude={"split": {"held", "matching", *settings.split.unset}}),
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
        inputs = freeze_inputs(request, path, say)
        grid_of(request.product, inputs.first)
        store.put_file(ITEMS, path)
    if isinstance(labels, Labels):
        data = io.BytesIO()
        pq.write_table(labels.to_arrow(), data, compression="zstd", store_schema=True)
        store.put_bytes(LABELS, data.getvalue())
    content = {
        **asked,
        "settings": settings.model_dump(mode="json", exclude={"split": {"held"}}),
        "digest": digest,
        "product": request.product.model_dump(mode="json"),
        "collections": [None if facts is None else facts.key for facts in inputs.collections],
        # items that an input chooses by their properties, which the frozen table does not hold
        "chosen": [None if names is None else sorted(names) for names in inputs.ids],
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
