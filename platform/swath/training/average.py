"""Weights averaged over the second half of a training: steadier than those of any one step."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import Tensor

from swath.models.network import Network


class Average:
    """An exponential moving average of a network's weights; Polyak and Juditsky 1992, doi:10.1137/0330046.

    Statistics of normalisation are those of the network itself: they are averages already.

    Args:
        network: Whose weights walk.
        decay: What the average so far counts, against 1 - decay of each step; 0: no average.
        steps: Of the whole training.
    """

    def __init__(self, network: Network, *, decay: float, steps: int) -> None:
        self._network, self._decay, self._steps = network, decay, steps
        self._mean: Network | None = None

    def _begun(self, step: int) -> bool:
        return self._decay > 0 and 2 * step > self._steps

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take the weights of a step in, the first counting from 1."""
        if not self._begun(step):
            return
        if self._mean is None:
            self._mean = copy.deepcopy(self._network)
            return
        mine: list[Tensor] = list(self._mean.parameters())
        theirs: list[Tensor] = list(self._network.parameters())
        torch._foreach_lerp_(mine, theirs, 1 - self._decay)
        for own, other in zip(self._mean.buffers(), self._network.buffers(), strict=True):
            own.copy_(other)

    def resume(self, weights: Mapping[str, Tensor], step: int) -> None:
        """Go on from the average that stood after a step."""
        if self._begun(step):
            self._mean = copy.deepcopy(self._network)
            self._mean.load(weights)

    @property
    def kept(self) -> Network:
        """What is scored and kept: the average, once it has begun, else the network itself."""
        return self._network if self._mean is None else self._mean
