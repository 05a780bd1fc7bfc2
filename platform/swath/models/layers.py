"""Blocks that encoders and heads are built of, and arithmetic on how far they see.

Padding is by zeros, scales change by max pooling and by doubling pixels: away from the edge of a window, by more than
the reach, a result does not know where the edge is, and a shift by the coarsest pixel shifts the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional


class Convolutions(nn.Sequential):
    """`depth` times: 3 x 3 convolution, batch normalisation, ReLU.

    Args:
        channels: Of the input.
        out: Of the result.
        depth: Number of convolutions, and the reach in pixels of this level.
    """

    def __init__(self, channels: int, out: int, *, depth: int) -> None:
        layers: list[nn.Module] = []
        for index in range(depth):
            layers += [
                nn.Conv2d(channels if index == 0 else out, out, 3, padding=1, bias=False),
                nn.BatchNorm2d(out),
                nn.ReLU(inplace=True),
            ]
        super().__init__(*layers)


class Down(nn.Module):
    """The contracting path of a U-Net (Ronneberger et al. 2015): a pyramid, each level half the size of the last.

    Args:
        channels: Of the input.
        widths: Channels of each level, finest first.
        depth: Convolutions a level.
    """

    def __init__(self, channels: int, widths: Sequence[int], *, depth: int) -> None:
        super().__init__()
        before = [channels, *widths[:-1]]
        self.levels = nn.ModuleList(Convolutions(a, b, depth=depth) for a, b in zip(before, widths, strict=True))

    def forward(self, x: Tensor) -> list[Tensor]:
        """(N, C, H, W) to a list of (N, widths[i], H / 2^i, W / 2^i)."""
        pyramid = []
        for index, level in enumerate(self.levels):
            x = level(x if index == 0 else functional.max_pool2d(x, 2))
            pyramid.append(x)
        return pyramid


class Up(nn.Module):
    """The expanding path of a U-Net: from the coarsest level to the finest, with skips.

    Channels are halved by a 1 x 1 convolution before pixels are doubled: the same result as after it, at a quarter of
    the cost.

    Args:
        widths: Channels of each level, finest first; the result has `widths[0]`.
        depth: Convolutions a level.
    """

    def __init__(self, widths: Sequence[int], *, depth: int) -> None:
        super().__init__()
        pairs = list(pairwise(widths))
        self.narrow = nn.ModuleList(nn.Conv2d(coarse, fine, 1) for fine, coarse in pairs)
        self.levels = nn.ModuleList(Convolutions(2 * fine, fine, depth=depth) for fine, _ in pairs)

    def forward(self, pyramid: Sequence[Tensor]) -> Tensor:
        """A pyramid, finest first, to (N, widths[0], H, W)."""
        x = pyramid[-1]
        for index in range(len(self.levels) - 1, -1, -1):
            x = functional.interpolate(self.narrow[index](x), scale_factor=2.0, mode="nearest")
            x = self.levels[index](torch.cat([pyramid[index], x], dim=1))
        return x


def down_reaches(levels: int, *, depth: int) -> tuple[int, ...]:
    """How far `Down` sees beyond the block of a feature, input pixels, by level.

    A convolution of level i adds 2^i pixels; pooling joins whole blocks and adds none.
    """
    return tuple(depth * (2 ** (level + 1) - 1) for level in range(levels))


def up_reaches(levels: int, *, depth: int) -> tuple[int, ...]:
    """How far it is from a pixel of `Up` to the furthest input pixel of the blocks that it uses, by level.

    Followed backwards for each place that a pixel can have in the coarsest block: a convolution widens the interval by
    one pixel of its level, doubling halves it to the blocks that it touches.
    """
    size = 2 ** (levels - 1)
    reaches = [0] * levels
    for pixel in range(size):
        low = high = pixel
        for level in range(levels):
            if level < levels - 1:
                low, high = low - depth, high + depth
            block = 2**level
            reaches[level] = max(reaches[level], pixel - low * block, (high + 1) * block - 1 - pixel)
            low, high = low // 2, high // 2
    return tuple(reaches)
