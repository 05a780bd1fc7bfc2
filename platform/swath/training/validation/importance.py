"""How much a network rests on each band: what it loses when the band is another chip's.

Permutation importance (Fisher, Rudin and Dominici 2019, arXiv:1801.01489), with whole chips exchanged, so that a band
stays as smooth as it is.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from swath.models.network import Network
from swath.models.spec import ClassesOutput, Layout, ValuesOutput
from swath.training.batches import Preparer
from swath.training.checkpoint import Checkpoint
from swath.training.chipset import HeldOut
from swath.training.source import Part

_CHIPS, _BATCH = 96, 16


def band_importance(
    checkpoint: Checkpoint, source: HeldOut, bands: tuple[int, ...], *, seed: int = 0
) -> tuple[float, ...]:
    """Weight of each band, with a mean of 1: the mean squared change of the network's output on labelled pixels.

    Labels do not come into it: a band that moves what the network says is one that it rests on, whether it is right or
    not. A network that rests on none of them gets equal weights.

    Args:
        checkpoint: Of the network.
        source: Of its chips: those that were learned from.
        bands: Places of the bands.
        seed: Draws chips, and which are exchanged.
    """
    spec = checkpoint.spec
    network = Network.build(spec)
    network.load(checkpoint.network())
    network.eval()
    preparer, rng = Preparer(source, spec), np.random.default_rng(seed)
    chips = rng.permutation(np.flatnonzero(source.counts(Part.TRAIN).sum(axis=1)))[:_CHIPS]
    axis = {Layout.NCHW: 1, Layout.NHWC: 3, Layout.NTCHW: 2}[spec.input.layout]
    changed = np.zeros(len(bands))
    for first in range(0, len(chips) - 1, _BATCH):
        group = chips[first : first + _BATCH].tolist()
        if len(group) < 2:
            break
        batch = preparer.batch(group, Part.TRAIN)
        known = torch.isfinite(batch.target) if batch.target.is_floating_point() else batch.target != 255
        if known.ndim == 4:
            known = known.any(1)
        with torch.no_grad():
            plain = _said(network(*batch.inputs), spec.output)
            for number, band in enumerate(bands):
                x = batch.inputs[0].clone()
                part = x.select(axis, band)
                part.copy_(batch.inputs[0].select(axis, band).roll(1, 0))
                moved = _said(network(x, *batch.inputs[1:]), spec.output)
                away = ((moved - plain) ** 2).sum(1)
                changed[number] += float(away[known].sum() if away.ndim == 3 else away.sum())
    if not changed.sum() > 0:
        return (1.0,) * len(bands)
    # a distance is weighted by the change itself, not by its square
    weight = np.sqrt(changed)
    return tuple((weight / weight.mean()).tolist())


def _said(scores: Tensor, output: ClassesOutput | ValuesOutput) -> Tensor:
    """Scores; of classes centred over these: a constant that is added to all says nothing."""
    found = scores.float()
    return found - found.mean(1, keepdim=True) if isinstance(output, ClassesOutput) else found
