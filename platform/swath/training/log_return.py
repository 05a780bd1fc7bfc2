"""The way back from logs: the one number that a package's mean is multiplied by, from the training's own labels."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Literal

import numpy as np
import torch

from swath.errors import ModelError
from swath.models.network import Network
from swath.models.spec import ModelSpec
from swath.training.batches import Ahead, Preparer
from swath.training.losses import Correction, Log, LogResiduals, pairs_of
from swath.training.said import said_of
from swath.training.source import ChipSource, Part


def correction_of(
    spec: ModelSpec,
    network: Network,
    source: ChipSource,
    *,
    part: Part = Part.TRAIN,
    method: Literal["duan", "baskerville"] = "duan",
    by_object: bool = False,
    batch: int = 8,
    device: str = "cpu",
) -> Correction:
    """Factor of the mean on its way back from logs, from the residuals that labels of a part leave.

    A residual is log(label + shift) - log(mean that a map gets + shift), so that what the head does by itself (a
    `gaussian` multiplies by exp(s^2 / 2)) is counted, and not done twice.

    Args:
        spec: Of the model; its head's `correction` is left aside.
        network: Trained.
        source: Of the chips.
        part: Whose labels count: training's, as calibration never sees what is held out.
        method: See `Correction`.
        by_object: Hold the mean over each object against its label, as the loss did.
        batch: Chips at once.
        device: Where to compute.

    Raises:
        ModelError: The head does not learn logs, or gives quantiles, which need no correction.
        LabelError: Fewer than two labels.
    """
    said = said_of(spec)
    if not said.reading.log or said.form == "quantiles":
        raise ModelError(
            f"A head of form {said.form}{' in log space' * said.reading.log} has no mean to correct.",
            fix="Set log: true and form point, gaussian or laplace, or leave the correction.",
        )
    plain = replace(said.reading, correction=1.0)
    log = Log(plain.shift)
    chips = np.flatnonzero(source.counts(part).sum(1))
    preparer = Preparer(source, spec, pin=device == "cuda")
    network.to(device).eval()
    sums = LogResiduals(np.zeros(LogResiduals.SIZE))
    groups = np.array_split(chips, -(-len(chips) // batch)) if len(chips) else []
    with torch.no_grad(), Ahead([partial(preparer.batch, group.tolist(), part) for group in groups]) as batches:
        for made in batches:
            held = made.to(torch.device(device))
            mean = plain.close(network(*held.inputs)[:, : plain.scores].float())
            pairs = pairs_of(mean, held.target, weight=held.weight, objects=held.objects if by_object else None)
            told, found, weight = (t.cpu().numpy() for t in (pairs.target, pairs.scores[:, 0], pairs.weight))
            sums += LogResiduals.of(log.of(told), log.of(found), weight)
    return sums.correction(log, method)


def corrected(spec: ModelSpec, correction: Correction) -> ModelSpec:
    """The spec whose head makes the correction; weights stay what they are.

    Args:
        spec: Of a model whose head learns logs.
        correction: Of it.
    """
    assert spec.network is not None
    settings = {**spec.network.head.settings, "correction": correction.factor}
    head = spec.network.head.model_copy(update={"settings": settings})
    return spec.model_copy(update={"network": spec.network.model_copy(update={"head": head})})
