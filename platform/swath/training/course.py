"""A training from labels to a released package: read labels, cut chips, fit, score on what was held out, release."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swath.errors import LabelError
from swath.models import Package, Provenance
from swath.planning import MapRequest, Said
from swath.products import Product
from swath.runs.progress import Mode
from swath.sources import collection
from swath.training.chips import ChipsResult, cut_chips
from swath.training.chipset import ChipSet
from swath.training.cube_of import chips_product, known_classes, other_names
from swath.training.label_rasters import CodeLabels, band_labels, raster_labels
from swath.training.labels import Labels, read_labels
from swath.training.loop import Reading
from swath.training.recipe import Recipe

ASSET = "asset:"  #: begins labels that are a quality band of the items themselves
_RASTERS = (".tif", ".tiff", ".vrt")


@dataclass(frozen=True)
class Trained:
    """A training that came to its end.

    Attributes:
        package: The released model.
        chips: How the chips were cut.
        figures: On the fold that was held out: transfer, or agreement where labels were made by an algorithm.
        epochs: That were done.
        smallest_distance_m: Between a training and a test pixel; None where it has no meaning.
        within_buffer: Labelled pixels that serve for nothing, as they lie too near to what is held out.
    """

    package: Package
    chips: ChipsResult
    figures: dict[str, Any]
    epochs: int
    smallest_distance_m: float | None
    within_buffer: int

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "package": str(self.package.folder),
            "digest": self.package.digest,
            "chips": self.chips.to_dict(),
            "agreement" if self.chips.agreement else "transfer": self.figures,
            "epochs": self.epochs,
            "smallest_distance_m": self.smallest_distance_m,
            "within_buffer": self.within_buffer,
        }


def read_any_labels(text: str, request: MapRequest, product: Product, recipe: Recipe) -> Labels | CodeLabels:
    """Labels from a file of shapes, a raster, or a quality band of the items (`asset:fmask`).

    Args:
        text: Path, or `asset:` and the name of a band.
        request: Area and period.
        product: Whose legend names the classes.
        recipe: How labels are read.

    Raises:
        LabelError: They cannot be read or placed; see `read_labels`, `raster_labels`, `band_labels`.
    """
    known = known_classes(product)
    choice = recipe.labels
    if text.startswith(ASSET):
        named = product.inputs[0].collection
        if named == "auto":
            raise LabelError(
                f"Labels {text} are a band of a collection, and the product takes any.",
                fix="Name the collection with --set-product inputs.0.collection=….",
            )
        return band_labels(text, collection(named), legend=choice.legend or {}, known=known)
    if Path(text).suffix.lower() in _RASTERS:
        return raster_labels(text, area=request.area, legend=choice.legend, known=known)
    return read_labels(
        text, area=request.area, period=request.period, column=choice.column, time=choice.time,
        legend=choice.legend, known=known, aliases=other_names(product), erode_m=choice.erode_m,
    )  # fmt: skip


def train_model(
    request: MapRequest,
    labels: str,
    out: str | os.PathLike[str],
    *,
    recipe: Recipe,
    cluster: str = "local",
    workers: int | None = None,
    replace: bool = False,
    display: Mode = "none",
    on_epoch: Callable[[Reading], None] | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    say: Said = lambda _: None,
) -> Trained:
    """Train a model for a product; the same call goes on where an earlier one was stopped.

    Args:
        request: Product with its legend, area, period, source.
        labels: See `read_any_labels`.
        out: Folder that all workers see: `chips`, `fit` (checkpoints, curves, TensorBoard), `package`.
        recipe: Bands, chips, split, network.
        cluster: `inline`, `local` or `auto`.
        workers: Processes that train, and most workers that cut chips; unless given, those of the recipe train.
        replace: Put the package in the place of one that stands there.
        display: How progress of the chips is shown.
        on_epoch: Told of each epoch that is done.
        should_stop: Asked often while chips are cut.
        say: Told what is being done, a line a stage.

    Raises:
        LabelError: Labels that cannot be read, placed or split.
        ModelError: A network that does not fit, a checkpoint of another network, a loss that is no number.
        NoItemsError, SourceError, StoreError: As in mapping.
    """
    from swath.training.fit import fit
    from swath.training.release import evaluate, release

    folder = Path(out)
    product = request.product
    read = read_any_labels(labels, request, product, recipe)
    say(f"labels: {read.source}, {len(read.classes)} classes: {', '.join(read.classes)}; left out: {read.dropped}")
    held = tuple(fold for fold in (recipe.test, recipe.validate_on) if fold is not None)
    split = recipe.chips.split.model_copy(update={"held": held})
    chosen = chips_product(product, recipe.bands, recipe.chips.inputs)
    cube = MapRequest(chosen, request.area, request.period, request.source)
    cut = cut_chips(
        cube, read, folder / "chips",
        settings=recipe.chips.model_copy(update={"split": split}), cluster=cluster, workers=workers,
        display=display, should_stop=should_stop, say=say,
    )  # fmt: skip
    chips = ChipSet.open(folder / "chips")
    source = chips.holding_out(test=recipe.test, validate=recipe.validate_on)
    say(f"{len(chips)} chips; {source.within_buffer} labelled pixels lie within the buffer and serve for nothing")
    config = recipe.train if workers is None else recipe.train.model_copy(update={"workers": workers})
    name = f"{product.name}-{config.encoder.name}"
    fitted = fit(config, source, folder / "fit", name=name, cluster=cluster, on_epoch=on_epoch)
    say(f"scoring epoch {fitted.best.epoch} on fold {recipe.test}")
    figures = evaluate(fitted.best, source)
    package = release(
        fitted, folder / "package",
        provenance=provenance_of(request, read, chips, recipe),
        held_out={f"fold {recipe.test}": figures}, replace=replace,
    )  # fmt: skip
    return Trained(package, cut, figures, len(fitted.history), source.smallest_distance(), source.within_buffer)


def provenance_of(request: MapRequest, labels: Labels | CodeLabels, chips: ChipSet, recipe: Recipe) -> Provenance:
    """Where a model comes from, as far as the request and its chips tell."""
    items = sorted({item for row in chips.index["items"].to_pylist() for item in row})
    kind = "agreement with labels made by an algorithm" if chips.is_agreement else "transfer to blocks held out"
    return Provenance(
        licence=recipe.licence,
        title=f"{request.product.title} over {request.area.name}",
        description=f"Trained on {request.period.text}; its figures are {kind}, no map accuracy.",
        labels=(Path(labels.source).name if not labels.source.startswith(ASSET) else labels.source,),
        items=tuple(items),
        geometry=dict(request.area.geometry.__geo_interface__),
        start=request.period.start,
        end=request.period.end,
    )
