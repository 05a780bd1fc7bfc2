"""From the best checkpoint to a model package, with what it measures where it has not learned."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from swath.errors import LabelError
from swath.models.export import export_onnx
from swath.models.network import Network
from swath.models.package import Package
from swath.models.provenance import Provenance
from swath.models.spec import ModelSpec, ValuesOutput
from swath.training.batches import Ahead, Batch, Preparer
from swath.training.checkpoint import Checkpoint
from swath.training.curves import PICTURE, draw_curves
from swath.training.fit import Fitted
from swath.training.said import said_of
from swath.training.scores import Score, score_of
from swath.training.source import ChipSource, Part
from swath.training.suitability import is_presence

#: What figures on held-out blocks are: how a model does elsewhere, not how good a map is (Wadoux et al. 2021)
TITLE = "transfer"
METRICS = "metrics.json"


class Learned(Protocol):
    """A network that has learned, as far as scoring needs it: a checkpoint, or a package of one."""

    @property
    def spec(self) -> ModelSpec:
        """Of the model."""
        ...

    @property
    def by_object(self) -> bool:
        """Whether labels are of whole objects, whose pixels are scored together."""
        ...

    def network(self) -> dict[str, Tensor]:
        """Weights by name."""
        ...


def by_chip(
    checkpoint: Learned, source: ChipSource, part: Part = Part.TEST, *, batch: int = 8, device: str = "cpu"
) -> tuple[NDArray[np.int64], list[Score]]:
    """Score a network on the labels of a part, chip by chip, so that chips can be joined to blocks.

    Args:
        checkpoint: Of the network.
        source: Of the chips.
        part: Whose labels count.
        batch: Chips at once.
        device: Where to compute.

    Returns:
        Indices of the chips that have labels of the part, and the score of each.

    Raises:
        LabelError: There is none.
    """
    chips: list[int] = []
    scores: list[Score] = []
    for held, found in outputs(checkpoint, source, part, batch=batch, device=device):
        objects = held.objects if checkpoint.by_object else None
        for row in range(len(held.indices)):
            weight, group, error = (
                None if part is None else part[row : row + 1] for part in (held.weight, objects, held.error)
            )
            one = score_of(checkpoint.spec)
            one.add(
                found[row : row + 1], held.target[row : row + 1], loss=0.0, labelled=0,
                weight=weight, objects=group, error=error,
            )  # fmt: skip
            scores.append(one)
        chips += held.indices
    return np.array(chips, np.int64), scores


def outputs(
    checkpoint: Learned, source: ChipSource, part: Part, *, batch: int = 8, device: str = "cpu"
) -> Iterator[tuple[Batch, Tensor]]:
    """Batches of the chips that have labels of a part, and what a network gives for each, float32.

    Raises:
        LabelError: There is none.
    """
    chips = np.flatnonzero(source.counts(part).sum(1))
    if not len(chips):
        raise LabelError(f"No chip has a label for part {part.name.lower()}.", fix="Hold out a fold that has labels.")
    network = Network.build(checkpoint.spec)
    network.load(checkpoint.network())
    network.to(device).eval()
    preparer = Preparer(source, checkpoint.spec, pin=device == "cuda")
    groups = np.array_split(chips, -(-len(chips) // batch))
    with Ahead([partial(preparer.batch, group.tolist(), part) for group in groups]) as batches:
        for made in batches:
            held = made.to(torch.device(device))
            with torch.no_grad():  # not round the yield: it would reach into the caller
                found = network(*held.inputs).float()
            yield held, found


def evaluate(
    checkpoint: Checkpoint, source: ChipSource, part: Part = Part.TEST, *, batch: int = 8, device: str = "cpu"
) -> dict[str, Any]:
    """Figures of a network on the labels of a part; see `by_chip` and `Score.figures`."""
    _, scores = by_chip(checkpoint, source, part, batch=batch, device=device)
    return joined(scores).figures


def joined(scores: Sequence[Score]) -> Score:
    """One score of the labels of several, one or more."""
    whole = type(scores[0])(scores[0].spec, len(scores[0].sums) - 2)
    whole.sums = np.sum([score.sums for score in scores], axis=0)
    return whole


def with_correction(fitted: Fitted, source: ChipSource) -> Fitted:
    """A training whose best network makes its way back from logs unbiased; the same where it learned none.

    The factor comes from the residuals of the training part (see `correction_of`), becomes a setting of the head, and
    with it a part of the package's graph.

    Args:
        fitted: The training.
        source: Of its chips.
    """
    spec = fitted.best.spec
    if not isinstance(spec.output, ValuesOutput) or is_presence(spec):
        return fitted
    said = said_of(spec)
    if not said.reading.log or said.form == "quantiles":
        return fitted
    from swath.training.log_return import corrected, correction_of

    network = Network.build(spec)
    network.load(fitted.best.network())
    correction = correction_of(spec, network, source, by_object=fitted.config.loss.by_object)
    best = replace(fitted.best, spec=corrected(spec, correction))
    return replace(fitted, best=best, correction=correction.to_dict())


def release(
    fitted: Fitted,
    folder: str | os.PathLike[str],
    *,
    provenance: Provenance,
    held_out: Mapping[str, Mapping[str, Any]],
    extras: Mapping[str, bytes] | None = None,
    replace: bool = False,
) -> Package:
    """Write the best checkpoint as a package: weights, ONNX graph, metrics.json and curves.png.

    Args:
        fitted: The training.
        folder: To make.
        provenance: Licence, labels, items, area and period; what the training itself knows is filled in.
        held_out: Figures of `evaluate`, by name of what was held out (`fold 0`). They may be those of other trainings
            by the same config, a fold each.
        extras: More files of the package, by name.
        replace: Put it in the place of a package that stands there.

    Raises:
        ModelError: The ONNX graph gives other results than the network, or the folder is taken.
        StoreFullError: No space left: nothing has changed.
    """
    best = fitted.best
    network = Network.build(best.spec)
    network.load(best.network())
    told = {
        "title": TITLE,
        "epoch": best.epoch,
        "held_out": {name: dict(figures) for name, figures in held_out.items()},
        "validation": fitted.history[best.epoch - 1]["figures"],
        **({} if fitted.calibration is None else {"calibration": fitted.calibration}),
    }
    known = {
        "framework": "PyTorch",
        "framework_version": torch.__version__,
        "code": {"swath": version("swath"), **provenance.code},
        "parameters": sum(p.numel() for p in network.parameters()),
        "hyperparameters": {**fitted.config.model_dump(mode="json"), **_learned(fitted), **provenance.hyperparameters},
        "metrics": {**_means(held_out), **_uncertainty(fitted), **provenance.metrics},
    }
    with tempfile.TemporaryDirectory(prefix="swath-release-") as name:
        graph, picture = Path(name, "model.onnx"), Path(name, PICTURE)
        export_onnx(network, best.spec.input, graph)
        draw_curves(fitted.history, picture, title=f"{best.spec.name}: training; validation is {TITLE}")
        return Package.write(
            folder,
            best.spec,
            provenance=Provenance.model_validate({**provenance.model_dump(), **known}),
            onnx=graph,
            weights=network.state_dict(),
            extras={**(extras or {}), METRICS: json.dumps(told, indent=1).encode(), PICTURE: picture.read_bytes()},
            replace=replace,
        )


def _learned(fitted: Fitted) -> dict[str, Any]:
    """What a training found out beside its weights."""
    pretrained = {} if fitted.pretrained is None else {"weights_from": fitted.pretrained}
    parts = {"log_correction": fitted.correction, "calibration": fitted.calibration}
    return {**pretrained, **{name: told for name, told in parts.items() if told is not None}}


def _uncertainty(fitted: Fitted) -> dict[str, float]:
    """What calibration changed on the test part, named `transfer_ece_uncalibrated` and `transfer_ece_calibrated`."""
    told = fitted.calibration
    if told is None or not told["fitted"]:
        return {}
    return {
        f"{TITLE}_{name}_{way}": value
        for way, when in (("uncalibrated", "before"), ("calibrated", "after"))
        for name, value in told["test"][when].items()
        if value is not None
    }


def _means(held_out: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """Mean of each figure over what was held out, named `transfer_macro_f1`."""
    names = dict.fromkeys(name for figures in held_out.values() for name in figures)
    means = {}
    for name in names:
        values = [figures.get(name) for figures in held_out.values()]
        numbers = [value for value in values if isinstance(value, float)]
        if numbers and len(numbers) == len(values):
            means[f"{TITLE}_{name}"] = float(np.mean(numbers))
    return means
