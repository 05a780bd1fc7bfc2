"""A training from labels to a released package: read labels, cut chips, fit, score on what was held out, release."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from swath.errors import ModelError
from swath.models import Package, Provenance
from swath.planning import MapRequest, Said
from swath.registry.packages import write_into
from swath.runs.progress import Mode
from swath.store import Store
from swath.training.any_labels import ASSET
from swath.training.chip_plan import AnyLabels
from swath.training.chips import ChipsResult
from swath.training.chipset import ChipSet, HeldOut
from swath.training.config import TrainConfig
from swath.training.doubt import believe
from swath.training.ready import model_name, ready_chips
from swath.training.recipe import Recipe

if TYPE_CHECKING:
    from swath.training.fit import Fitted
    from swath.training.folds import Validation
    from swath.training.sight import Sight
    from swath.training.trials import OnTrialEpoch

# what a training makes in its store beside chips
FIT, FOLDS, PEER, PACKAGE, DOUBT = "fit", "folds", "peer", "package", "doubt"
REPORT = "folds.json"


@dataclass(frozen=True)
class Trained:
    """A training that came to its end.

    Attributes:
        package: The released model.
        url: Where the package lies: its folder, or its `s3://` prefix.
        out: Store of the training.
        chips: How the chips were cut.
        figures: On what was held out: transfer, or agreement where labels were made by an algorithm. Of one fold, or of
            all folds pooled.
        epochs: That were done.
        smallest_distance_m: Between a training and a test pixel; None where it has no meaning.
        within_buffer: Labelled pixels that serve for nothing, as they lie too near to what is held out.
        breakdown: The same figures with intervals over blocks, and by group, see `breakdown`.
        folds: As `Validation.to_dict` tells it, where each fold was held out.
        differences: To the peer, as `Difference.to_dict` tells them.
    """

    package: Package
    url: str
    out: Store
    chips: ChipsResult
    figures: dict[str, Any]
    epochs: int
    smallest_distance_m: float | None
    within_buffer: int
    breakdown: dict[str, Any]
    folds: dict[str, Any] | None = None
    differences: tuple[dict[str, Any], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "package": self.url,
            "digest": self.package.digest,
            "chips": self.chips.to_dict(),
            "agreement" if self.chips.agreement else "transfer": self.figures,
            "epochs": self.epochs,
            "smallest_distance_m": self.smallest_distance_m,
            "within_buffer": self.within_buffer,
            "breakdown": self.breakdown,
            **({} if self.folds is None else {"folds": self.folds, "differences": list(self.differences)}),
        }


def train_model(
    request: MapRequest,
    labels: str,
    out: str | os.PathLike[str],
    *,
    recipe: Recipe,
    folds: bool = False,
    peer: Recipe | None = None,
    chips_in: str | os.PathLike[str] | None = None,
    cluster: str = "local",
    workers: int | None = None,
    replace: bool = False,
    display: Mode = "none",
    on_epoch: Callable[[dict[str, Any]], None] | None = None,
    on_fold_epoch: OnTrialEpoch | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    say: Said = lambda _: None,
) -> Trained:
    """Train a model for a product; the same call goes on where an earlier one was stopped.

    Args:
        request: Product with its legend, area, period, source.
        labels: See `read_any_labels`.
        out: Folder or `s3://` prefix that all workers reach: `chips`, `fit` (checkpoints, curves, TensorBoard) or with
            `folds` a folder a fold, `package`.
        recipe: Bands, chips, split, network.
        folds: Hold each fold out in turn; what is released is the network that did not see the recipe's test fold.
        peer: With `folds`: another training on the same chips and folds, that this one is compared with.
        chips_in: Folder or prefix whose `chips` are taken, and cut where they lack, so that trainings share them; `out`
            unless given.
        cluster: `inline`, `local` or `auto`.
        workers: Processes that train, and most workers that cut chips; unless given, those of the recipe train.
        replace: Put the package in the place of one that stands there.
        display: How progress of the chips is shown.
        on_epoch: Told of each epoch that is done, without `folds`.
        on_fold_epoch: Told the name of each training beside the main one, `fold 2`, `peer fold 2` or `judge 2`, and
            each of its epochs that is done.
        should_stop: Asked often while chips are cut, and after each epoch of several trainings.
        say: Told what is being done, a line a stage.

    Raises:
        LabelError: Labels that cannot be read, placed or split.
        ModelError: A network that does not fit, a checkpoint of another network, a loss that is no number; a peer
            without `folds`, or of other chips.
        NoItemsError, SourceError, StoreError: As in mapping.
    """
    from swath.training.calibration.calibrate import calibration_text
    from swath.training.calibration.course import calibrated_course
    from swath.training.release import joined, with_correction
    from swath.training.sight import sight
    from swath.training.validation.by_group import TRANSFER, bounds_of, breakdown, scored_blocks
    from swath.training.validation.seen import with_applicability

    _check_peer(recipe, peer, folds=folds)
    store = Store.open(out if isinstance(out, str) else Path(out))
    held = None if folds else recipe.held
    ready = ready_chips(
        request, labels, store if chips_in is None else Store.open(os.fspath(chips_in)),
        recipe=recipe, held=held, cluster=cluster, workers=workers, display=display, should_stop=should_stop, say=say,
    )  # fmt: skip
    chips = ready.chips
    source = chips.holding_out(test=recipe.test, validate=recipe.validate_on)
    say(f"{len(chips)} chips; {source.within_buffer} labelled pixels lie within the buffer and serve for nothing")
    seen = sight(recipe.train, source)
    say(str(seen))
    name = model_name(request, recipe)
    told: _Told
    if folds:
        told = _by_folds(
            ready.chips, store, recipe, peer,
            name=name, workers=workers, cluster=cluster, on_epoch=on_fold_epoch, should_stop=should_stop, say=say,
        )  # fmt: skip
    else:
        from swath.training.fit import fit

        judged = Store.open(store.url(DOUBT))
        believed = believe(
            source, judged, recipe.doubt,
            config=_config(recipe, workers), cluster=cluster, on_epoch=on_fold_epoch, should_stop=should_stop, say=say,
        )  # fmt: skip
        fit_in = Store.open(store.url(FIT))
        fitted = fit(_config(recipe, workers), believed, fit_in, name=name, cluster=cluster, on_epoch=on_epoch)
        fitted = calibrated_course(
            with_correction(fitted, source), source, believed, judged, recipe,
            config=_config(recipe, workers), cluster=cluster, on_epoch=on_fold_epoch, should_stop=should_stop,
        )  # fmt: skip
        say(f"scoring epoch {fitted.best.epoch} on fold {recipe.test}")
        scores = scored_blocks(fitted.best, source)
        figures = joined(list(scores.values())).figures
        apart = breakdown(scores, [(fitted.best, source)], regions=recipe.regions)
        told = _Told(fitted, figures, {f"fold {recipe.test}": figures}, apart)
    if told.fitted.pretrained is not None:
        say(str(told.fitted.pretrained["text"]))
    if told.fitted.calibration is not None:
        say(calibration_text(told.fitted.calibration))
    fitted, extras = with_applicability(told.fitted, source, recipe.applicability, say=say)
    provenance = provenance_of(request, ready.labels, chips, recipe, seen)
    package, url = _release(
        fitted, store, held_out=told.released, replace=replace,
        provenance=provenance.model_copy(update={"metrics": {**provenance.metrics, **bounds_of(told.breakdown)}}),
        extras={**extras, TRANSFER: json.dumps(told.breakdown, indent=1).encode()},
    )  # fmt: skip
    return Trained(
        package, url, store, ready.cut, told.figures, len(told.fitted.history), source.smallest_distance(),
        source.within_buffer, told.breakdown, told.folds, told.differences,
    )  # fmt: skip


@dataclass(frozen=True)
class _Told:
    """What training and scoring gave: the network to release, figures, and those that the package tells by fold."""

    fitted: Fitted
    figures: dict[str, Any]
    released: dict[str, Any]
    breakdown: dict[str, Any]
    folds: dict[str, Any] | None = None
    differences: tuple[dict[str, Any], ...] = ()


def _by_folds(
    chips: ChipSet,
    store: Store,
    recipe: Recipe,
    peer: Recipe | None,
    *,
    name: str,
    workers: int | None,
    cluster: str,
    on_epoch: OnTrialEpoch | None,
    should_stop: Callable[[], bool],
    say: Said,
) -> _Told:
    """Hold each fold out in turn, and compare with a peer; the report is written into the store."""
    from swath.training.folds import compare_validations, cross_validate
    from swath.training.validation.by_group import breakdown

    def validated(recipe: Recipe, part: str, before: str, name: str) -> Validation:
        def hold_out(test: int, validate: int | None) -> HeldOut:
            held, judged = chips.holding_out(test=test, validate=validate), store.url(f"{part}/{DOUBT}-{test}")
            return believe(
                held, Store.open(judged), recipe.doubt,
                config=_config(recipe, workers), cluster=cluster, should_stop=should_stop, say=say,
                on_epoch=None if on_epoch is None else lambda one, told: on_epoch(f"{before}fold {test} {one}", told),
            )  # fmt: skip

        return cross_validate(
            _config(recipe, workers), hold_out,
            Store.open(store.url(part)), folds=chips.split.number, name=name,
            validate=recipe.validate_on is not None, calibrate=recipe.calibrate,
            cluster=cluster, should_stop=should_stop,
            on_epoch=None if on_epoch is None else lambda fold, reading: on_epoch(f"{before}{fold}", reading),
        )  # fmt: skip

    ours = validated(recipe, FOLDS, "", name)
    tested = [(one.best, chips.holding_out(test=fold)) for fold, one in enumerate(ours.fitted)]
    apart = breakdown(ours.scores, tested, regions=recipe.regions)
    told = {**ours.to_dict(), "breakdown": apart}
    differences: tuple[dict[str, Any], ...] = ()
    if peer is not None:
        theirs = validated(peer, PEER, "peer ", f"{name}-peer")
        told["peer"] = theirs.to_dict()
        differences = tuple(one.to_dict() for one in compare_validations(ours, theirs))
    store.put_bytes(REPORT, json.dumps({**told, "differences": differences}, indent=1).encode())
    by_fold = {f"fold {fold}": figures for fold, figures in ours.by_fold.items()}
    return _Told(ours.fitted[recipe.test], ours.pooled, by_fold, apart, told, differences)


def _config(recipe: Recipe, workers: int | None) -> TrainConfig:
    return recipe.train if workers is None else recipe.train.model_copy(update={"workers": workers})


def _check_peer(recipe: Recipe, peer: Recipe | None, *, folds: bool) -> None:
    """Refuse a peer that nothing can be paired with.

    Raises:
        ModelError: It is named without folds, or reads other chips.
    """
    if peer is None:
        return
    if not folds:
        raise ModelError("A peer is compared over all folds.", fix="Add --folds.")
    for part in ("bands", "labels", "chips"):
        if getattr(peer, part) != getattr(recipe, part):
            raise ModelError(
                f"The peer has other {part} than the recipe.",
                fix=f"Copy {part} from the recipe: both learn from the same chips.",
            )


def _release(
    fitted: Fitted,
    store: Store,
    *,
    provenance: Provenance,
    held_out: dict[str, Any],
    replace: bool,
    extras: Mapping[str, bytes] | None = None,
) -> tuple[Package, str]:
    """Write the package into the store; a remote store's is kept here too, where it can be opened."""
    from swath.training.release import release

    def write(folder: Path, replace: bool) -> Package:
        return release(fitted, folder, provenance=provenance, held_out=held_out, extras=extras, replace=replace)

    return write_into(store, PACKAGE, name=fitted.best.spec.name, replace=replace, write=write)


def provenance_of(request: MapRequest, labels: AnyLabels, chips: ChipSet, recipe: Recipe, seen: Sight) -> Provenance:
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
        metrics=seen.metrics(),
    )
