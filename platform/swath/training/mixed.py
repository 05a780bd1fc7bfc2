"""Labelled pixels of many chips, mixed anew: a step then sees many places, and not a few with many pixels each.

Where the pixels of a label are taken together (`loss.by_object`: footprints, plots), whole labels are mixed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from swath.errors import ModelError
from swath.models.features import Features
from swath.models.network import Network
from swath.models.spec import Layout
from swath.training.batches import Batch
from swath.training.config import TrainConfig
from swath.training.losses.weighing import object_ids
from swath.training.source import IGNORED


@runtime_checkable
class ByPixel(Protocol):
    """An encoder in two parts: what it looks up in a window, where nothing is learned, and what it learns by pixel."""

    def fixed(self, x: Tensor, valid: Tensor | None = None) -> Tensor:
        """(N, T, C, H, W) and (N, T, H, W) to (N, F, H, W), the same whatever the weights."""
        ...

    def learned(self, made: Tensor) -> Features:
        """Features of (N, F, H, W), each pixel for itself."""
        ...


class OnPixels(nn.Module):
    """The learned part of a network, called with pixels (1, F, 1, P) that `Mixer` made; weights are the network's.

    Args:
        network: Its encoder is `ByPixel`, its head looks at single pixels, and it has no location encoder.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, made: Tensor) -> Tensor:
        """Scores (1, K, 1, P)."""
        encoder = self.network.encoder
        assert isinstance(encoder, ByPixel)
        scores: Tensor = self.network.head(encoder.learned(made))
        return scores


class Mixer:
    """Takes batches of chips, gives as many batches of their labelled pixels.

    The pixels of one chip are alike, so that a step on a few chips follows few places, and its statistics of
    normalisation are theirs. Pixels drawn from all chips are nearer to the independent ones that stochastic gradients
    ask for (Bottou, Curtis and Nocedal 2018, doi:10.1137/16M1080173).

    Args:
        config: `mix` batches are held and mixed at a time.
        network: Whose fixed part is computed here.
        device: Of the steps.

    Raises:
        ModelError: The network learns across pixels.
    """

    def __init__(self, config: TrainConfig, network: Network, device: torch.device) -> None:
        encoder = network.encoder
        if not isinstance(encoder, ByPixel) or network.head.reach != 0 or network.location is not None:
            name = config.encoder.name if network.location is None else f"{config.encoder.name} with a location"
            raise ModelError(
                f"mix is {config.mix}, and the network {name} with the head {config.head.name} learns from windows.",
                fix="Set mix to 1, or take the encoder statistics with the head segmentation or regression.",
            )
        self._network, self._encoder, self._mix, self._device = network, encoder, config.mix, device
        self._whole = config.loss.by_object

    def __call__(self, batches: Iterable[Batch], *, seed: int) -> Iterator[Batch]:
        """Batches of pixels: inputs (1, F, 1, P), target, weight, error and objects (1, 1, P).

        Args:
            batches: Of chips.
            seed: Of the order; the same seed and chips give the same batches.

        Raises:
            ModelError: There are fewer than two labelled pixels, or whole labels, a batch.
        """
        generator = torch.Generator().manual_seed(seed)
        source = iter(batches)
        while held := list(islice(source, self._mix)):
            pool = _joined([self._pixels(batch) for batch in held])
            number = torch.arange(pool.labelled) if pool.objects is None else pool.objects.cpu()
            count = int(number.max()) + 1 if pool.labelled else 0
            if count < 2 * len(held):
                raise ModelError(
                    f"{count} {'labels' if self._whole else 'labelled pixels'} are too few for {len(held)} batches.",
                    fix="Make batch larger, or set mix to 1.",
                )
            turn = torch.argsort(torch.randperm(count, generator=generator))[number]  # of each pixel's label
            order = torch.argsort(turn, stable=True)
            each = [len(part) for part in torch.tensor_split(torch.arange(count), len(held))]
            pixels = [int(part.sum()) for part in torch.split(torch.bincount(turn, minlength=count), each)]
            for part in torch.split(order.to(self._device), pixels):
                yield _taken(pool, part)

    @torch.no_grad()
    def _pixels(self, batch: Batch) -> Batch:
        """The labelled pixels of chips."""
        held, spec = batch.to(self._device), self._network.spec
        x = held.inputs[0].unsqueeze(1) if spec.layout is Layout.NCHW else held.inputs[0]
        made = self._encoder.fixed(x, held.inputs[-1] if spec.valid else None)
        has = held.target != IGNORED if held.target.dtype == torch.int64 else torch.isfinite(held.target)
        target = held.target[has]
        weight = torch.ones_like(target, dtype=torch.float32) if held.weight is None else held.weight[has]
        error = torch.zeros_like(target, dtype=torch.float32) if held.error is None else held.error[has]
        objects = object_ids(held.objects)[has] if self._whole and held.objects is not None else None
        return replace(
            held, inputs=(made.permute(0, 2, 3, 1)[has],), target=target, labelled=len(target), objects=objects,
            weight=weight, error=error,
        )  # fmt: skip


def _joined(parts: list[Batch]) -> Batch:
    """Rows of several batches; weights and errors that tell nothing are left out, as chips leave them out.

    Objects are numbered anew from 0 over all of them.
    """
    objects = [torch.unique(part.objects, return_inverse=True)[1] for part in parts if part.objects is not None]
    first = 0
    for numbers in objects:
        numbers += first
        first = int(numbers.max()) + 1 if len(numbers) else first
    weight = torch.cat([part.weight for part in parts if part.weight is not None])
    error = torch.cat([part.error for part in parts if part.error is not None])
    return Batch(
        inputs=(torch.cat([part.inputs[0] for part in parts]),),
        target=torch.cat([part.target for part in parts]),
        indices=tuple(index for part in parts for index in part.indices),
        labelled=sum(part.labelled for part in parts),
        weight=weight if (weight != 1).any() else None,
        error=error if error.any() else None,
        objects=torch.cat(objects) if objects else None,
    )


def _taken(pool: Batch, rows: Tensor) -> Batch:
    """Some rows as one window of a single line; a view of rows is what channels last asks for."""
    return replace(
        pool,
        inputs=(pool.inputs[0][rows].T[None, :, None],),
        target=pool.target[rows][None, None],
        labelled=len(rows),
        weight=None if pool.weight is None else pool.weight[rows][None, None],
        error=None if pool.error is None else pool.error[rows][None, None],
        objects=None if pool.objects is None else pool.objects[rows][None, None] + 1,  # 0 stands for none
    )
