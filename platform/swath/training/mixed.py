"""Labelled pixels of many chips, mixed anew: a step then sees many places, and not a few with many pixels each.

Where the pixels of a label are taken together (`loss.by_object`: footprints, plots), whole labels are mixed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice

import torch
from torch import Tensor, nn

from swath.errors import ModelError
from swath.models.features import ByPixel
from swath.models.network import Network
from swath.models.spec import Layout
from swath.training.batches import Batch
from swath.training.config import TrainConfig
from swath.training.source import IGNORED

ROOM = 2**30  #: bytes of what is kept of chips, at most


class OnPixels(nn.Module):
    """The learned part of a network, called with pixels (1, F, 1, P) that `Mixer` made; weights are the network's.

    Args:
        network: Its encoder is `ByPixel`, its head looks at single pixels, and it has no location encoder.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, made: Tensor) -> Tensor:
        """Scores (1, K, 1, P); in training of several members as many windows."""
        return self.network.of_pixels(made)


class Mixer:
    """Takes batches of chips, gives as many batches of their labelled pixels.

    The pixels of one chip are alike, so that a step on a few chips follows few places, and its statistics of
    normalisation are theirs. Pixels drawn from all chips are nearer to the independent ones that stochastic gradients
    ask for (Bottou, Curtis and Nocedal 2018, doi:10.1137/16M1080173).

    Where no change of chips reaches the fixed part (mirrors and turns do not, see `ByPixel`), what it made of a chip is
    kept for the next epochs, and the chip is not read again.

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
        changed = config.augment
        fades = changed.brightness or changed.drop_bands or changed.drop_inputs
        self.keeps = not fades and not (changed.drop_dates and network.spec.steps > 1)
        self._kept: dict[int, Batch] = {}
        self._room = ROOM

    def makers(
        self, chips: Sequence[Sequence[int]], makers: Sequence[Callable[[], Batch]]
    ) -> list[Callable[[], Batch]]:
        """The makers of batches, but where all chips of a batch are kept nothing is read.

        Args:
            chips: Of each batch.
            makers: One a batch.
        """
        return [
            partial(_named, part) if all(chip in self._kept for chip in part) else make
            for part, make in zip(chips, makers, strict=True)
        ]

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
            pool = _joined([chip for batch in held for chip in self._chips(batch)])
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

    def _chips(self, batch: Batch) -> list[Batch]:
        """The labelled pixels of each chip of a batch."""
        if not batch.inputs:
            return [self._kept[chip] for chip in batch.indices]
        made = self._pixels(batch)
        if self.keeps:
            for one in made:
                size = one.inputs[0].nbytes
                if one.indices[0] not in self._kept and size <= self._room:
                    self._kept[one.indices[0]], self._room = one, self._room - size
        return made

    @torch.no_grad()
    def _pixels(self, batch: Batch) -> list[Batch]:
        held, spec = batch.to(self._device), self._network.spec
        x = held.inputs[0].unsqueeze(1) if spec.layout is Layout.NCHW else held.inputs[0]
        made = self._encoder.fixed(x, held.inputs[-1] if spec.valid else None).permute(0, 2, 3, 1)
        whole = held.objects if self._whole else None
        found = []
        for row, chip in enumerate(held.indices):
            target = held.target[row]
            has = target != IGNORED if target.dtype == torch.int64 else torch.isfinite(target)
            one = target[has]
            weight = torch.ones_like(one, dtype=torch.float32) if held.weight is None else held.weight[row][has]
            error = torch.zeros_like(one, dtype=torch.float32) if held.error is None else held.error[row][has]
            found.append(
                Batch(
                    (made[row][has],), one, (chip,), len(one), weight, None if whole is None else whole[row][has], error
                )
            )
        return found


def _named(chips: Sequence[int]) -> Batch:
    """A batch of chips that are kept: their numbers alone."""
    return Batch((), torch.empty(0), tuple(chips), 0)


def _joined(parts: list[Batch]) -> Batch:
    """Rows of several chips; weights and errors that tell nothing are left out, as chips leave them out.

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
