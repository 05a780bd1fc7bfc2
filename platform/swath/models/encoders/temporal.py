"""One U-Net for all dates, joined by attention over the dates of each pixel."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from swath.errors import ModelError
from swath.models.features import Encoder, Features, whole
from swath.models.layers import Down, down_reaches
from swath.models.spec import InputSpec

HARMONICS = 8  #: of the year, in the encoding of the day
YEAR = 365.25  #: days
MASKED = (
    -1e4
)  #: stands for minus infinity: finite, so that a pixel without any date has weights, which are then set to 0
FLOOR = 1e-4  #: share of a date that the coarse pixel did not choose, where a fine pixel has no other


class DateAttention(nn.Module):
    """Lightweight temporal attention (L-TAE, Garnot and Landrieu 2020, eq. 2 to 5): one learned query a group.

    Args:
        channels: Of the features, a multiple of `groups`.
        groups: Of channels, each with weights of its own.
        keys: Length of a key and of the query.
        with_day: Whether the day of year is encoded: sine and cosine of the year's first harmonics, so that the last
            of December lies beside the first of January, by a learned linear map.
    """

    frequencies: Tensor

    def __init__(self, channels: int, *, groups: int, keys: int, with_day: bool) -> None:
        super().__init__()
        self.groups, self.keys = groups, keys
        self.key = nn.Conv2d(channels, groups * keys, 1)
        self.query = nn.Parameter(torch.randn(groups, keys) * math.sqrt(2.0 / keys))
        self.day = nn.Linear(2 * HARMONICS, channels) if with_day else None
        frequencies = 2 * math.pi / YEAR * torch.arange(1, HARMONICS + 1, dtype=torch.float32)
        self.register_buffer("frequencies", frequencies, persistent=False)

    def forward(self, x: Tensor, day: Tensor | None, valid: Tensor | None) -> Tensor:
        """Weights of dates.

        Args:
            x: (N, T, C, H, W).
            day: (N, T).
            valid: (N, T, H, W), 0 where a date has no data at all.

        Returns:
            (N, groups, T, H, W); they sum to 1 over T.
        """
        n, t, c, h, w = x.shape
        if self.day is not None and day is not None:
            angle = day.unsqueeze(-1) * self.frequencies
            x = x + self.day(torch.cat([angle.sin(), angle.cos()], dim=-1)).view(n, t, c, 1, 1)
        keys = self.key(x.reshape(n * t, c, h, w)).view(n, t, self.groups, self.keys, h, w)
        scores = (keys * self.query.view(1, 1, self.groups, self.keys, 1, 1)).sum(dim=3) / math.sqrt(self.keys)
        if valid is not None:
            scores = scores + MASKED * (valid <= 0).to(scores.dtype).unsqueeze(2)
        return scores.softmax(dim=1).transpose(1, 2)


def joined(x: Tensor, weights: Tensor, valid: Tensor | None) -> Tensor:
    """Mean of features over the dates; 0 where no date is valid.

    Args:
        x: (N, T, C, H, W).
        weights: (N, G, T, H, W), for C / G channels each.
        valid: (N, T, H, W), share of valid pixels of each date.

    Returns:
        (N, C, H, W).
    """
    n, t, c, h, w = x.shape
    groups = weights.shape[1]
    if valid is not None:
        weights = (weights + FLOOR) * valid.unsqueeze(1)
        weights = weights / weights.sum(dim=2, keepdim=True).clamp(min=1e-6)
    values = x.view(n, t, groups, c // groups, h, w)
    return (values * weights.transpose(1, 2).unsqueeze(3)).sum(dim=1).reshape(n, c, h, w)


class Temporal(Encoder):
    """U-TAE (Garnot and Landrieu 2021): attention at the coarsest level, its weights doubled up to the finer ones.

    The cost beyond the U-Net of each date is small, since dates are compared at the coarsest level only. A date without
    data at a pixel has no weight there; a pixel without any date has features of zero.

    Attention does not know the order of dates. Where the spec names a target, its own features stand beside the mean of
    the others, and a 1 x 1 convolution joins the two at each level: what is there now, against what is there otherwise.

    Args:
        spec: What the network takes, layout NTCHW.
        width: Channels of the finest level; each level has twice those of the one before. A multiple of `groups`.
        levels: Of the pyramid.
        depth: Convolutions a level.
        groups: Of channels, each with its own weights of dates (heads, in the paper's words).
        keys: Length of a key.
    """

    takes_day = True
    takes_valid = True
    others: Tensor

    def __init__(
        self, spec: InputSpec, *, width: int = 32, levels: int = 4, depth: int = 2, groups: int = 8, keys: int = 4
    ) -> None:
        super().__init__(spec)
        width = whole("width", width, low=1, high=1024)
        levels = whole("levels", levels, low=1, high=8)
        depth = whole("depth", depth, low=1, high=8)
        groups = whole("groups", groups, low=1, high=64)
        if width % groups:
            raise ModelError(
                f"Setting width is {width}, and groups {groups} does not divide it.", fix="Make width a multiple."
            )
        self.channels = tuple(width * 2**level for level in range(levels))
        self.vector_size = self.channels[-1]
        self.multiple = 2 ** (levels - 1)
        # weights of dates come from the coarsest level: each finer feature sees as far as the coarse block around it
        coarsest = down_reaches(levels, depth=depth)[-1]
        self.reaches = tuple(coarsest + self.multiple - 2**level for level in range(levels))
        self.down = Down(len(spec.bands) + spec.valid, self.channels, depth=depth)
        self.attention = DateAttention(
            self.channels[-1],
            groups=groups,
            keys=whole("keys", keys, low=1, high=256),
            with_day=spec.day_of_year,
        )
        self.beside = None
        if spec.target is not None:
            self.beside = nn.ModuleList(_Beside(width) for width in self.channels)
            others = torch.ones(spec.steps)
            others[spec.target] = 0
            self.register_buffer("others", others.view(1, -1, 1, 1), persistent=False)

    def forward(self, x: Tensor, day: Tensor | None = None, valid: Tensor | None = None) -> Features:
        """See `Encoder`."""
        n, t, _, h, w = x.shape
        if valid is not None:
            x = torch.cat([x, valid.unsqueeze(2)], dim=2)
        dates = [level.view(n, t, *level.shape[1:]) for level in self.down(x.reshape(n * t, -1, h, w))]
        if self.beside is not None:
            valid = self.others.expand(n, t, h, w) if valid is None else self.others * valid
        shares = [None if valid is None else functional.avg_pool2d(valid, 2**level) for level in range(len(dates))]
        weights = self.attention(dates[-1], day, shares[-1])
        pyramid = []
        for level, (features, share) in enumerate(zip(dates, shares, strict=True)):
            steps = len(dates) - 1 - level
            fine = weights.flatten(1, 2)
            if steps:
                fine = functional.interpolate(fine, scale_factor=float(2**steps), mode="nearest")
            mean = joined(features, fine.view(*weights.shape[:3], *features.shape[-2:]), share)
            if self.beside is not None:
                mean = self.beside[level](features[:, self.spec.target], mean)
            pyramid.append(mean)
        return Features(pyramid, pyramid[-1].mean(dim=(2, 3)))


class _Beside(nn.Module):
    """Features of the target and of the other dates to as many as one of them has.

    Args:
        channels: Of each.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.join = nn.Sequential(
            nn.Conv2d(2 * channels, channels, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(inplace=True)
        )

    def forward(self, target: Tensor, others: Tensor) -> Tensor:
        """Two of (N, C, H, W) to one."""
        joined: Tensor = self.join(torch.cat([target, others], dim=1))
        return joined
