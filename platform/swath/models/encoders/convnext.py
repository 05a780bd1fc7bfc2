"""ConvNeXt as a pyramid from full resolution down; several dates are stacked as channels."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from swath.models.features import Encoder, Features, odd, share, whole
from swath.models.layers import ChannelNorm, ConvNextLevels, convnext_reaches
from swath.models.spec import InputSpec


class ConvNext(Encoder):
    """Liu et al. 2022 (doi:10.1109/CVPR52688.2022.01167), with a stem that keeps the resolution.

    The paper's stem joins 4 x 4 pixels, which a map at full resolution cannot afford; here a 3 x 3 convolution makes
    the finest level. Normalisation is over the channels of a pixel: a result depends neither on the rest of a batch nor
    of the window, and training with few chips a step is stable.

    Args:
        spec: What the network takes. With `valid`, the masks are further channels.
        width: Channels of the finest level; each level has twice those of the one before.
        levels: Of the pyramid.
        depth: Blocks a level.
        kernel: Edge of the depthwise convolutions, an odd number of pixels.
        expansion: Channels within a block, as a multiple of those outside.
        drop: Stochastic depth: share of samples that pass by the last block in training, less before.
    """

    takes_valid = True

    def __init__(
        self,
        spec: InputSpec,
        *,
        width: int = 32,
        levels: int = 4,
        depth: int = 2,
        kernel: int = 7,
        expansion: int = 4,
        drop: float = 0.1,
    ) -> None:
        super().__init__(spec)
        width = whole("width", width, low=1, high=1024)
        levels = whole("levels", levels, low=1, high=8)
        depth = whole("depth", depth, low=1, high=32)
        kernel = odd("kernel", kernel, high=31)
        self.channels = tuple(width * 2**level for level in range(levels))
        self.vector_size = self.channels[-1]
        self.reaches = convnext_reaches(levels, depth=depth, kernel=kernel, before=1)
        self.multiple = 2 ** (levels - 1)
        self.stem = nn.Sequential(
            nn.Conv2d(spec.steps * (len(spec.bands) + spec.valid), width, 3, padding=1), ChannelNorm(width)
        )
        self.levels = ConvNextLevels(
            self.channels,
            depth=depth,
            kernel=kernel,
            expansion=whole("expansion", expansion, low=1, high=16),
            drop=share("drop", drop),
        )

    def forward(self, x: Tensor, day: Tensor | None = None, valid: Tensor | None = None) -> Features:
        """See `Encoder`."""
        x = x.flatten(1, 2)
        if valid is not None:
            x = torch.cat([x, valid], dim=1)
        pyramid = self.levels(self.stem(x))
        return Features(pyramid, pyramid[-1].mean(dim=(2, 3)))
