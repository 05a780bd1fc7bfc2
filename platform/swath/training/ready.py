"""Labels and their chips, as a training or a search takes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from swath.planning import MapRequest, Said
from swath.runs.progress import Mode
from swath.store import Store
from swath.training.any_labels import labels_line, read_any_labels
from swath.training.chip_plan import AnyLabels
from swath.training.chip_settings import ChipSettings
from swath.training.chips import ChipsResult, cut_chips
from swath.training.chipset import ChipSet
from swath.training.cube_of import chips_product
from swath.training.recipe import Recipe
from swath.training.sensors import joined_result
from swath.training.united import unite

CHIPS = "chips"  # folder of a training's store


@dataclass(frozen=True)
class Ready:
    """Chips that are cut.

    Attributes:
        labels: That they are of.
        cut: How they were cut.
        chips: All of them.
    """

    labels: AnyLabels
    cut: ChipsResult
    chips: ChipSet


def ready_chips(
    request: MapRequest,
    labels: str,
    out: Store,
    *,
    recipe: Recipe,
    held: Sequence[int] | None,
    cluster: str = "local",
    workers: int | None = None,
    display: Mode = "none",
    should_stop: Callable[[], bool] = lambda: False,
    say: Said = lambda _: None,
) -> Ready:
    """Read labels and cut their chips, as far as that is not done.

    Args:
        request: Product with its legend, area, period, source.
        labels: See `read_any_labels`.
        out: Store of the training.
        recipe: Bands, chips, split.
        held: Folds that will be held out; None: each may be.
        cluster: `inline`, `local` or `auto`.
        workers: Most workers.
        display: How progress is shown.
        should_stop: Asked often.
        say: Told what is being done, a line a stage.

    Raises:
        LabelError: Labels that cannot be read, placed or split.
        NoItemsError, SourceError, StoreError: As in mapping.
    """

    def ready(request: MapRequest, labels: str, recipe: Recipe, folder: str) -> Ready:
        read = read_any_labels(labels, request, request.product, recipe.labels)
        say(labels_line(read))
        cube, settings = chip_request(request, recipe, held=held)
        store = Store.open(out.url(folder))
        cut = cut_chips(
            cube, read, store,
            settings=settings, cluster=cluster, workers=workers, display=display, should_stop=should_stop, say=say,
        )  # fmt: skip
        return Ready(read, cut, ChipSet.open(store))

    if not recipe.sensors:
        return ready(request, labels, recipe, CHIPS)
    several = []
    for sensor in recipe.sensors:
        say(f"sensor {sensor.name}: {sensor.collection}")
        of_sensor = recipe.model_copy(update={"bands": sensor.bands})
        several.append(ready(sensor.request(request), sensor.labels(labels), of_sensor, f"{CHIPS}-{sensor.name}"))
    united = unite([one.chips.store.root for one in several], Store.open(out.url(CHIPS)), say=say)
    return Ready(several[0].labels, joined_result(united.store.root, [one.cut for one in several]), united)


def chip_request(request: MapRequest, recipe: Recipe, *, held: Sequence[int] | None) -> tuple[MapRequest, ChipSettings]:
    """The cube that chips are cut from, and how: what `cut_chips` and `stream_chips` take.

    Args:
        request: Product with its legend, area, period, source.
        recipe: Bands, chips, split.
        held: Folds that will be held out; None: each may be.
    """
    split = recipe.chips.split.model_copy(update={"held": None if held is None else tuple(held)})
    cube = MapRequest(chips_product(request.product, recipe.bands), request.area, request.period, request.source)
    return cube, recipe.chips.model_copy(update={"split": split})


def model_name(request: MapRequest, recipe: Recipe) -> str:
    """Name of the model that a recipe trains for a product."""
    return f"{request.product.name}-{recipe.train.encoder.name}"
