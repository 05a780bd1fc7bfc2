"""Weights averaged over the second half of a training: steadier than those of any one step."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from swath.models.network import Network

LOOKS = 16  #: last batches of an epoch from which the average learns its statistics of normalisation
MOMENTUM = 0.2  #: of these: what was known before counts 0.8 ** 16 = 0.03 after them


class Average:
    """An exponential moving average of a network's weights; Polyak and Juditsky 1992, doi:10.1137/0330046.

    Its statistics of normalisation are its own (Izmailov et al. 2018, arXiv:1803.05407, section 3.2): what comes out of
    averaged weights is spread otherwise than what comes out of those of a step, the more so where weights are made by
    others. With the statistics of the network itself, kernels made of wavelengths lost 0.04 to 0.3 in accuracy.

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
        for own, other in zip(self._mean.modules(), self._network.modules(), strict=True):
            if isinstance(own, _BatchNorm) and own.momentum is None:  # statistics of the data, whatever the weights
                for mine_, theirs_ in zip(own.buffers(), other.buffers(), strict=True):
                    mine_.copy_(theirs_)

    @torch.no_grad()
    def look(self, inputs: tuple[Tensor, ...], through: Callable[[Network], nn.Module]) -> None:
        """Learn what the average makes of a batch, for its normalisation; nothing before it has begun.

        Args:
            inputs: Of the batch.
            through: The network as it is called with them.
        """
        if self._mean is None:
            return
        norms = [one for one in self._mean.modules() if isinstance(one, _BatchNorm) and one.momentum is not None]
        if not norms:
            return
        self._mean.eval()  # without dropout: as in a map
        for one in norms:
            one.momentum = MOMENTUM
            one.train()
        through(self._mean)(*inputs)
        self._mean.eval()

    def resume(self, weights: Mapping[str, Tensor], step: int) -> None:
        """Go on from the average that stood after a step."""
        if self._begun(step):
            self._mean = copy.deepcopy(self._network)
            self._mean.load(weights)

    @property
    def kept(self) -> Network:
        """What is scored and kept: the average, once it has begun, else the network itself."""
        return self._network if self._mean is None else self._mean
