"""The contracting half of a U-Net; several dates are stacked as channels."""

from __future__ import annotations

import torch
from torch import Tensor

from swath.models.features import Encoder, Features, whole
from swath.models.layers import Down, down_reaches
from swath.models.spec import InputSpec


class UNet(Encoder):
    """Ronneberger et al. 2015, with batch normalisation and padding.

    Batch normalisation is a fixed scale at inference, so that a result does not depend on what else is in the window.

    Args:
        spec: What the network takes. With `valid`, the masks are further channels.
        width: Channels of the finest level; each level has twice those of the one before.
        levels: Of the pyramid.
        depth: Convolutions a level.
    """

    takes_valid = True

    def __init__(self, spec: InputSpec, *, width: int = 32, levels: int = 4, depth: int = 2) -> None:
        super().__init__(spec)
        width = whole("width", width, low=1, high=1024)
        levels = whole("levels", levels, low=1, high=8)
        depth = whole("depth", depth, low=1, high=8)
        self.channels = tuple(width * 2**level for level in range(levels))
        self.vector_size = self.channels[-1]
        self.reaches = down_reaches(levels, depth=depth)
        self.multiple = 2 ** (levels - 1)
        self.down = Down(spec.steps * (len(spec.bands) + spec.valid), self.channels, depth=depth)

    def forward(self, x: Tensor, day: Tensor | None = None, valid: Tensor | None = None) -> Features:
        """See `Encoder`."""
        x = x.flatten(1, 2)
        if valid is not None:
            x = torch.cat([x, valid], dim=1)
        pyramid = self.down(x)
        return Features(pyramid, pyramid[-1].mean(dim=(2, 3)))
