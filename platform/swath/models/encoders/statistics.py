"""What a pixel's neighbourhood looks like, by fixed statistics; the network itself sees one pixel's row of them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from swath.errors import ModelError
from swath.models.encoders.wavelength import CENTRES
from swath.models.features import Encoder, Features, share, whole
from swath.models.spec import InputSpec

#: Normalised differences of reflectance, by common names: vegetation, open water, moisture, tillage.
PAIRS = (("nir", "red"), ("green", "nir"), ("nir08", "swir16"), ("nir", "swir16"), ("swir16", "swir22"))
_LIGHT = "reflectance"
_LEAST = 1e-3  # reflectance in a normalised difference; variance under a logarithm
_FAR = 6.0  # standard deviations beyond which a statistic tells no more


class Statistics(Encoder):
    """Means and standard deviations over boxes, then 1 x 1 convolutions: for few labels, which a U-Net overfits.

    What goes in, of each date, is each band and normalised difference, and of each the mean and the logarithm of the
    standard deviation over boxes about the pixel. None of it is learned, so that some hundred polygons are enough. On
    one Sentinel-2 scene with 604 polygons of eight classes this reached a mean IoU of 0.39 to 0.44 in blocks that were
    held out, where a U-Net reached 0.31 and boosted trees on the same statistics 0.38 to 0.44.

    Args:
        spec: What the network takes. With `valid`, the masks are further channels.
        width: Channels of the features.
        depth: 1 x 1 convolutions; those after the first are residual.
        boxes: Edges of the boxes, odd numbers of pixels, joined by commas.
        dropout: Share of the features that is left out in training; of the statistics, a third of it.
        differences: Further ones by common names, as `lwir11-lwir12,blue-red`: normalised of reflectance, else plain in
            the bands' unit; what the bands do not allow is left out. Two bands that vary together hide what tells them
            apart: of 11 and 12 micrometres thin cloud (Inoue 1985, doi:10.2151/jmsj1965.63.3.449), some hundredths of
            what each varies by.
        only_data: Boxes take only pixels that have data, so that a swath's edge is no texture; else what has none is an
            average pixel.
    """

    takes_valid = True

    def __init__(
        self,
        spec: InputSpec,
        *,
        width: int = 128,
        depth: int = 2,
        boxes: str = "3,7,15",
        dropout: float = 0.3,
        differences: str = "",
        only_data: bool = False,
    ) -> None:
        super().__init__(spec)
        width = whole("width", width, low=1, high=4096)
        depth = whole("depth", depth, low=1, high=16)
        dropout = share("dropout", dropout)
        self.boxes = _edges(boxes)
        self.pairs = _pairs(spec)
        self.further, self.only_data = _further(differences, spec), bool(only_data)
        self.channels, self.vector_size = (width,), width
        self.reaches = (max(self.boxes) // 2,)
        self.multiple = 1
        for name in ("mean", "std"):
            values = torch.tensor([getattr(band, name) for band in spec.bands], dtype=torch.float32)
            self.register_buffer(f"band_{name}", values.view(1, -1, 1, 1), persistent=False)
        count = (len(spec.bands) + len(self.pairs) + len(self.further)) * (1 + 2 * len(self.boxes))
        # a plain average over the training: these statistics are of the data, not of weights that change
        self.scale = nn.BatchNorm2d(spec.steps * count, affine=False, momentum=None)
        layers: list[nn.Module] = [
            nn.Dropout(dropout / 3),
            nn.Conv2d(spec.steps * (count + spec.valid), width, 1),
        ]
        layers += [_Residual(width, dropout) for _ in range(depth - 1)]
        self.body = nn.Sequential(*layers, nn.BatchNorm2d(width), nn.ReLU(inplace=True), nn.Dropout(dropout))

    def forward(self, x: Tensor, day: Tensor | None = None, valid: Tensor | None = None) -> Features:
        """See `Encoder`."""
        return self._features(self._made(x, valid), valid)

    def fixed(self, x: Tensor, valid: Tensor | None = None) -> Tensor:
        """Statistics, then the masks: (N, T, C, H, W) and (N, T, H, W) to (N, F, H, W), the same whatever the weights.

        Args:
            x: As `Encoder` takes it.
            valid: As `Encoder` takes it.
        """
        made = self._made(x, valid)
        return made if valid is None else torch.cat([made, valid], dim=1)

    def learned(self, made: Tensor) -> Features:
        """Features of (N, F, H, W) as `fixed` gives it, each pixel for itself."""
        count = self.scale.num_features
        return self._features(made[:, :count], made[:, count:] if self.spec.valid else None)

    def _features(self, made: Tensor, valid: Tensor | None) -> Features:
        made = self.scale(made).clamp(-_FAR, _FAR)
        if valid is not None:
            made = torch.cat([made, valid], dim=1)
        features = self.body(made)
        return Features([features], features.mean(dim=(2, 3)))

    def _made(self, x: Tensor, valid: Tensor | None) -> Tensor:
        """Statistics of all dates, (N, F, H, W)."""
        n, _, _, h, w = x.shape
        with torch.no_grad():
            made = self._statistics(x.flatten(0, 1), None if valid is None else valid.flatten(0, 1))
            if self.spec.steps > 1:
                made = made.contiguous()  # with channels last the dates of a window do not join
            return made.view(n, -1, h, w)

    def _statistics(self, x: Tensor, valid: Tensor | None = None) -> Tensor:
        """(N, C, H, W) to (N, count, H, W)."""
        seen = self._seen(x, valid) if self.only_data else None
        values = [x]
        if self.pairs:
            physical = (x * self.band_std + self.band_mean).clamp(min=_LEAST)
            values += [_normalised(physical[:, a : a + 1], physical[:, b : b + 1]) for a, b in self.pairs]
        values += [self._difference(x, a, b) for a, b in self.further]
        # channels last: pools and 1 x 1 convolutions over many channels are several times quicker so on a CPU
        x = torch.cat(values, dim=1).contiguous(memory_format=torch.channels_last)
        if seen is not None:
            x = x * seen
        made = [x]
        for edge in self.boxes:
            mean, square = _box(x, edge), _box(x * x, edge)
            if seen is not None:  # what has no data adds 0 to both; a box without any has mean and variance 0
                share = _box(seen, edge).clamp(min=0.5 / edge**2)
                mean, square = mean / share, square / share
            variance = square - mean * mean
            made += [mean, 0.5 * torch.log(variance.clamp(min=0) + _LEAST)]
        return torch.cat(made, dim=1)

    def _seen(self, x: Tensor, valid: Tensor | None) -> Tensor:
        """(N, C + more, H, W), 1 where a band, or both of a difference, have data."""
        there = x != self.spec.fill
        if valid is not None:
            there = there & (valid > 0).unsqueeze(1)
        both = (there[:, a : a + 1] & there[:, b : b + 1] for a, b in (*self.pairs, *self.further))
        return torch.cat([there, *both], dim=1).to(x.dtype).contiguous(memory_format=torch.channels_last)

    def _difference(self, x: Tensor, a: int, b: int) -> Tensor:
        """Of two bands, (N, 1, H, W); 0 where one is missing."""
        first, second = x[:, a : a + 1], x[:, b : b + 1]
        there = (first != self.spec.fill) & (second != self.spec.fill)
        mean, std = self.band_mean.flatten(), self.band_std.flatten()
        if self.spec.unit_of(self.spec.bands[a]) == _LIGHT:
            light = [(band * std[n] + mean[n]).clamp(min=_LEAST) for n, band in ((a, first), (b, second))]
            found = _normalised(*light)
        else:  # kelvins of two bands are large and alike: they are never formed
            found = first * std[a] - second * std[b] + (mean[a] - mean[b])
        return torch.where(there, found, torch.zeros_like(found))

    band_mean: Tensor
    band_std: Tensor


class _Residual(nn.Module):
    """A 1 x 1 convolution beside an identity."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.BatchNorm2d(width), nn.ReLU(), nn.Dropout(dropout), nn.Conv2d(width, width, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


def _normalised(first: Tensor, second: Tensor) -> Tensor:
    """Normalised difference of reflectance above 0, times 4: it then varies about as much as a normalised band."""
    return (first - second) / (first + second) * 4


def _box(x: Tensor, edge: int) -> Tensor:
    """Mean over a square about each pixel, of what lies within the window."""
    half = edge // 2
    x = functional.avg_pool2d(x, (edge, 1), 1, (half, 0), count_include_pad=False)
    return functional.avg_pool2d(x, (1, edge), 1, (0, half), count_include_pad=False)


def _edges(boxes: str) -> tuple[int, ...]:
    """Edges of boxes.

    Raises:
        ModelError: They are no odd numbers from 3 to 127, each once and rising.
    """
    words = [word.strip() for word in str(boxes).split(",")]
    edges = tuple(int(word) for word in words if word.isdecimal())
    if len(edges) < len(words) or not edges or sorted(set(edges)) != list(edges):
        raise ModelError(f"Setting boxes of a network is {boxes!r}.", fix="Give rising odd numbers, as '3,7,15'.")
    if any(edge % 2 == 0 or not 3 <= edge <= 127 for edge in edges):
        raise ModelError(f"Setting boxes of a network is {boxes!r}.", fix="Edges are odd numbers from 3 to 127.")
    return edges


def _pairs(spec: InputSpec) -> tuple[tuple[int, int], ...]:
    """Places of the bands of each normalised difference that the bands allow; none where values are no reflectance."""
    if spec.unit != _LIGHT:
        return ()
    place = {band.common_name: n for n, band in reversed(list(enumerate(spec.bands))) if band.common_name}
    return tuple((place[a], place[b]) for a, b in PAIRS if a in place and b in place)


def _further(differences: str, spec: InputSpec) -> tuple[tuple[int, int], ...]:
    """Places of the bands of each difference that is asked for, as far as the bands allow.

    Raises:
        ModelError: The text is no list of pairs of common names, or a pair has two units.
    """
    place = {band.common_name: n for n, band in reversed(list(enumerate(spec.bands))) if band.common_name}
    found = []
    for word in filter(None, (part.strip() for part in str(differences or "").split(","))):
        names = tuple(name.strip() for name in word.split("-"))
        if len(names) != 2 or names[0] == names[1] or not set(names) <= set(CENTRES):
            raise ModelError(
                f"Setting differences of a network has {word!r}.",
                fix=f"Give pairs of common names, as 'lwir11-lwir12,blue-red'. Names: {', '.join(CENTRES)}.",
                setting="differences",
            )
        if not set(names) <= set(place):
            continue
        a, b = (place[name] for name in names)
        units = [spec.unit_of(spec.bands[n]) for n in (a, b)]
        if units[0] != units[1]:
            raise ModelError(
                f"Setting differences of a network has {word!r}, of {units[0]} and {units[1]}.",
                fix="Name bands of one unit.",
                setting="differences",
            )
        found.append((a, b))
    return tuple(found)
