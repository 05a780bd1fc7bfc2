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

SCALE = 0.1  #: of what a ConvNeXt block adds at first: Touvron et al. 2021 take it up to 18 blocks


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


def channels_at(x: Tensor, places: Sequence[int]) -> Tensor:
    """Channels of (N, T, C, H, W) at rising places: runs of them are cut, which a graph does without moving others."""
    runs: list[list[int]] = []
    for place in places:
        if runs and runs[-1][1] == place:
            runs[-1][1] += 1
        else:
            runs.append([place, place + 1])
    parts = [x[:, :, first:last] for first, last in runs]
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=2)


class LayerScale(nn.Module):
    """A learned factor a channel (Touvron et al. 2021, doi:10.1109/ICCV48922.2021.00010, eq. 4), on the last axis.

    Args:
        channels: Of the last axis.
        start: What all factors begin with: what a block adds is small at first.
    """

    def __init__(self, channels: int, *, start: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels,), start))

    def forward(self, x: Tensor) -> Tensor:
        """(..., C) to the same."""
        return x * self.weight


class DropPath(nn.Module):
    """Leaves whole samples out in training, the others grown by as much (stochastic depth, Huang et al. 2016).

    Args:
        share: Of samples.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        """(N, ...) to the same."""
        if not self.training or not self.share:
            return x
        kept = x.new_empty((len(x), *(1 for _ in x.shape[1:]))).bernoulli_(1 - self.share)
        return x * kept / (1 - self.share)


class ChannelNorm(nn.LayerNorm):
    """Layer normalisation over the channels of each pixel: a result depends on no other pixel and no other sample."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same."""
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ConvNextBlock(nn.Module):
    """Depthwise convolution, then an inverted bottleneck pixel by pixel, beside an identity.

    Liu et al. 2022, "A ConvNet for the 2020s" (doi:10.1109/CVPR52688.2022.01167), figure 4.

    Args:
        channels: In and out.
        kernel: Edge of the depthwise convolution, odd.
        expansion: Channels within, as a multiple of those outside.
        drop: Share of samples that pass by in training.
    """

    def __init__(self, channels: int, *, kernel: int, expansion: int, drop: float) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, kernel, padding=kernel // 2, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.widen = nn.Linear(channels, expansion * channels)
        self.narrow = nn.Linear(expansion * channels, channels)
        self.scale = LayerScale(channels, start=SCALE)
        self.drop = DropPath(drop)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same."""
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        y = self.scale(self.narrow(functional.gelu(self.widen(y))))
        added: Tensor = x + self.drop(y.permute(0, 3, 1, 2))
        return added


class ConvNextLevels(nn.Module):
    """A pyramid of ConvNeXt blocks; between levels, convolutions of 2 x 2 at a stride of 2 join whole blocks.

    Args:
        widths: Channels of each level, finest first; the input has `widths[0]`.
        depth: Blocks a level.
        kernel: See `ConvNextBlock`, as expansion.
        expansion: Channels within a block.
        drop: Of the last block; it rises from 0 at the first.
    """

    def __init__(self, widths: Sequence[int], *, depth: int, kernel: int, expansion: int, drop: float) -> None:
        super().__init__()
        shares = torch.linspace(0, drop, len(widths) * depth, device="cpu").tolist()
        self.down = nn.ModuleList(
            nn.Sequential(ChannelNorm(fine), nn.Conv2d(fine, coarse, 2, stride=2)) for fine, coarse in pairwise(widths)
        )
        self.levels = nn.ModuleList(
            nn.Sequential(
                *(
                    ConvNextBlock(width, kernel=kernel, expansion=expansion, drop=shares[level * depth + block])
                    for block in range(depth)
                )
            )
            for level, width in enumerate(widths)
        )
        # the finer levels are read through convolutions that are normalised; a norm of each would be one more weight
        # that a head of whole windows leaves unused, which training on several workers refuses
        self.last = ChannelNorm(widths[-1])

    def forward(self, x: Tensor) -> list[Tensor]:
        """(N, widths[0], H, W) to a list of (N, widths[i], H / 2^i, W / 2^i)."""
        pyramid = []
        for index, level in enumerate(self.levels):
            x = level(x if index == 0 else self.down[index - 1](x))
            pyramid.append(x)
        return [*pyramid[:-1], self.last(x)]


def convnext_reaches(levels: int, *, depth: int, kernel: int, before: int) -> tuple[int, ...]:
    """How far `ConvNextLevels` sees beyond the block of a feature, input pixels, by level.

    A block of level i adds half its kernel times 2^i pixels; going down joins whole blocks and adds none.

    Args:
        levels: Of the pyramid.
        depth: Blocks a level.
        kernel: Edge of the depthwise convolutions.
        before: What stands before the first level has seen so far.
    """
    return tuple(before + depth * (kernel // 2) * (2 ** (level + 1) - 1) for level in range(levels))
