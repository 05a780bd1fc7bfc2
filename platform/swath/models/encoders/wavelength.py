"""One network for many sensors: the weights of a band follow from its wavelength."""

from __future__ import annotations

import hashlib
import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from swath.models.encoders._settled import Made
from swath.models.encoders.temporal import HARMONICS, YEAR
from swath.models.features import Features, odd, share, whole
from swath.models.layers import ChannelNorm, ConvNextLevels, convnext_reaches
from swath.models.spec import BandInput, InputSpec

#: Waves over octaves of wavelength, per octave: red edge bands lie 0.07 octaves apart, visible and thermal 5.
FREQUENCIES = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0, 2.0, 4.0)
SHORTEST = 0.4  #: micrometres, where octaves count from
KINDS = ("reflectance", "temperature", "backscatter", "elevation", "place", "other")
CODE = 8  #: signs that tell bands without a wavelength apart by their name
LARGEST = 3e38  #: of float32: beyond is infinity
#: Centres by common name (STAC eo), micrometres, where a spec states none.
CENTRES = {
    "coastal": 0.443, "blue": 0.485, "green": 0.56, "yellow": 0.61, "red": 0.66, "rededge": 0.74, "rededge071": 0.705,
    "rededge075": 0.74, "rededge078": 0.783, "nir": 0.84, "nir08": 0.865, "nir09": 0.945, "cirrus": 1.375,
    "swir16": 1.61, "swir22": 2.2, "lwir": 11.0, "lwir11": 10.9, "lwir12": 12.0, "pan": 0.6,
}  # fmt: skip
_UNITS = {
    "reflectance": "reflectance", "k": "temperature", "kelvin": "temperature", "db": "backscatter",
    "gamma0": "backscatter", "sigma0": "backscatter", "backscatter": "backscatter", "m": "elevation",
    "degree": "place", "degrees": "place", "deg": "place",
}  # fmt: skip


class Wavelength(Made):
    """A convolution whose weights a small network makes from each band's description, then ConvNeXt.

    After DOFA (Xiong et al. 2024, arXiv:2403.15356, section 3.1). A band is described by its wavelength and kind
    (reflectance, temperature, backscatter, elevation), one without a wavelength by its name as well. All weights have
    the same shape for any list of bands, so that those of one sensor load for another. What bands say is averaged over
    those that are there: a number that is the fill, NaN or infinite is not, pixel by pixel, so that a band which is
    missing altogether (or which training left out) only makes the average narrower.

    Of several dates each goes through the same weights, with its day of the year; then the dates that have data are
    averaged. Where the spec names a target, its own features stand beside that average.

    Args:
        spec: What the network takes.
        width: Channels of the finest level; each level has twice those of the one before.
        levels: Of the pyramid.
        depth: ConvNeXt blocks a level.
        patch: Edge of the convolution that takes bands, an odd number of pixels.
        kernel: Edge of the depthwise convolutions, an odd number of pixels.
        expansion: Channels within a block, as a multiple of those outside.
        drop: Stochastic depth, see `convnext`.
        hidden: Width of the network that makes weights.
    """

    takes_day = True
    takes_valid = True
    described: Tensor
    frequencies: Tensor

    def __init__(
        self,
        spec: InputSpec,
        *,
        width: int = 32,
        levels: int = 4,
        depth: int = 2,
        patch: int = 3,
        kernel: int = 7,
        expansion: int = 4,
        drop: float = 0.1,
        hidden: int = 128,
    ) -> None:
        super().__init__(spec)
        width = whole("width", width, low=1, high=1024)
        levels = whole("levels", levels, low=1, high=8)
        depth = whole("depth", depth, low=1, high=32)
        self.patch, kernel = odd("patch", patch, high=15), odd("kernel", kernel, high=31)
        hidden = whole("hidden", hidden, low=8, high=4096)
        self.channels = tuple(width * 2**level for level in range(levels))
        self.vector_size = self.channels[-1]
        self.reaches = convnext_reaches(levels, depth=depth, kernel=kernel, before=self.patch // 2)
        self.multiple = 2 ** (levels - 1)
        described = torch.tensor([description(band, spec) for band in spec.bands], dtype=torch.float32)
        # not among the weights, so that these load for other bands
        self.register_buffer("described", described, persistent=False)
        self.maker = nn.Sequential(
            nn.Linear(described.shape[1], hidden), nn.GELU(), nn.Linear(hidden, hidden), nn.GELU()
        )
        self.kernel, self.bias = nn.Linear(hidden, width * self.patch**2), nn.Linear(hidden, width)
        self.day = nn.Linear(2 * HARMONICS, width) if spec.day_of_year else None
        frequencies = 2 * math.pi / YEAR * torch.arange(1, HARMONICS + 1, dtype=torch.float32)
        self.register_buffer("frequencies", frequencies, persistent=False)
        self.norm = ChannelNorm(width)
        self.join = nn.Conv2d(width if spec.target is None else 2 * width, width, 1)
        self.levels = ConvNextLevels(
            self.channels,
            depth=depth,
            kernel=kernel,
            expansion=whole("expansion", expansion, low=1, high=16),
            drop=share("drop", drop),
        )

    def weights(self) -> tuple[Tensor, Tensor]:
        """Of the bands of the spec: (width, C, patch, patch), and (width, C, 1, 1) of a band's being there."""
        made = self.maker(self.described)
        kernel = self.kernel(made).view(len(made), -1, self.patch, self.patch).transpose(0, 1)
        return kernel, self.bias(made).transpose(0, 1)[:, :, None, None]

    def features(self, x: Tensor, day: Tensor | None, valid: Tensor | None, kernel: Tensor, bias: Tensor) -> Features:
        """Features by weights that are given, see `weights`."""
        n, t, _, h, w = x.shape
        there = (x != self.spec.fill) & (x.abs() <= LARGEST)
        if valid is not None:
            there = there & (valid > 0).unsqueeze(2)
        # a NaN times 0 is NaN still: it is replaced
        values = torch.where(there, x, torch.zeros_like(x)).flatten(0, 1)
        marks = there.to(x.dtype).flatten(0, 1)
        count = marks.sum(dim=1, keepdim=True)
        y = functional.conv2d(values, kernel, padding=self.patch // 2) + functional.conv2d(marks, bias)
        y = y / count.clamp(min=1)
        if self.day is not None and day is not None:
            angle = day.reshape(n * t, 1) * self.frequencies
            y = y + self.day(torch.cat([angle.sin(), angle.cos()], dim=-1))[:, :, None, None]
        y = functional.gelu(self.norm(y)).view(n, t, -1, h, w)
        pyramid = self.levels(self.join(self._dates(y, (count > 0).to(x.dtype).view(n, t, 1, h, w))))
        return Features(pyramid, pyramid[-1].mean(dim=(2, 3)))

    def _dates(self, y: Tensor, seen: Tensor) -> Tensor:
        """Dates (N, T, C, H, W) that are seen (N, T, 1, H, W) to one: (N, C, H, W), or twice C with a target."""
        target = self.spec.target
        own = None if target is None else y[:, target]
        if target is not None and self.spec.steps > 1:
            others = [step for step in range(self.spec.steps) if step != target]
            y, seen = y[:, others], seen[:, others]
        mean = (y * seen).sum(dim=1) / seen.sum(dim=1).clamp(min=1)
        return mean if own is None else torch.cat([own, mean], dim=1)


def description(band: BandInput, spec: InputSpec) -> list[float]:
    """What a band is, in numbers from -1 to 1: waves over the octaves of its wavelength, its kind, a code of its name.

    Bands with a wavelength have no code, so that red is red on any sensor; polarisations of one wavelength do.
    """
    unit = "degree" if band.input == "location" else spec.unit_of(band).strip().lower()
    kind = _UNITS.get(unit, "other")
    centre = band.wavelength or CENTRES.get(band.common_name or "")
    waves = [0.0] * (2 * len(FREQUENCIES))
    if centre:
        octaves = math.log2(centre / SHORTEST)
        waves = [wave(2 * math.pi * f * octaves) for f in FREQUENCIES for wave in (math.sin, math.cos)]
    code = [0.0] * CODE
    if not centre or kind == "backscatter":
        bits = hashlib.sha256(band.name.lower().encode()).digest()[0]
        code = [1.0 if bits >> place & 1 else -1.0 for place in range(CODE)]
    return [*waves, *(float(kind == known) for known in KINDS), *code]
