"""A residual perceptron for each pixel or row by itself: environment, climate, tables."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from swath.errors import ModelError
from swath.models.features import Encoder, Features, share, whole
from swath.models.layers import channels_at
from swath.models.spec import InputSpec


class Mlp(Encoder):
    """Residual blocks after Gorishniy et al. 2021 (arXiv:2106.11959, section 3.2), a pixel at a time.

    A row of a table is a window of one pixel, so that weights which learned from rows draw maps. Normalisation is over
    channels, not over a batch: a row's result depends on no other row.

    Args:
        spec: What the network takes. With `valid`, the masks are further channels.
        width: Channels.
        depth: Residual blocks.
        expansion: Channels within a block, as a multiple of those outside.
        dropout: Share that is left out in training, within blocks and after them.
        categories: Bands whose values are codes, and how many they have, as `soil:12,vegetation:9`: codes 0 to 11 and 0
            to 8, each with a learned vector. Anything else there has the vector of what is unknown.
        embedding: Length of a code's vector.
    """

    takes_valid = True

    def __init__(
        self,
        spec: InputSpec,
        *,
        width: int = 256,
        depth: int = 4,
        expansion: int = 1,
        dropout: float = 0.1,
        categories: str = "",
        embedding: int = 8,
    ) -> None:
        super().__init__(spec)
        width = whole("width", width, low=1, high=4096)
        depth = whole("depth", depth, low=0, high=64)
        inner = width * whole("expansion", expansion, low=1, high=16)
        dropout = share("dropout", dropout)
        embedding = whole("embedding", embedding, low=1, high=256)
        self.channels, self.vector_size = (width,), width
        self.reaches, self.multiple = (0,), 1
        codes = _codes(categories, spec)
        self.codes = tuple(codes.items())
        self.numbers = [place for place in range(len(spec.bands)) if place not in codes]
        self.embeddings = nn.ModuleList(nn.Embedding(count + 1, embedding) for count in codes.values())
        taken = len(self.numbers) + embedding * len(codes) + spec.valid
        self.first = nn.Linear(spec.steps * taken, width)
        self.blocks = nn.Sequential(*(_Residual(width, inner, dropout) for _ in range(depth)))
        self.last = nn.Sequential(nn.LayerNorm(width), nn.ReLU(), nn.Dropout(dropout))

    def forward(self, x: Tensor, day: Tensor | None = None, valid: Tensor | None = None) -> Features:
        """See `Encoder`."""
        parts = [channels_at(x, self.numbers)] if self.numbers else []
        parts += [self._embedded(x, place, count, row) for row, (place, count) in enumerate(self.codes)]
        if valid is not None:
            parts.append(valid.unsqueeze(2))
        y = torch.cat(parts, dim=2).flatten(1, 2).permute(0, 2, 3, 1)
        features = self.last(self.blocks(self.first(y))).permute(0, 3, 1, 2)
        return Features([features], features.mean(dim=(2, 3)))

    def _embedded(self, x: Tensor, place: int, count: int, row: int) -> Tensor:
        """(N, T, E, H, W) of a band of codes."""
        band = self.spec.bands[place]
        code = torch.round(x[:, :, place] * band.std + band.mean)
        known = (code >= 0) & (code < count)
        index = torch.where(known, code + 1, torch.zeros_like(code)).long()
        vectors: Tensor = self.embeddings[row](index)
        return vectors.permute(0, 1, 4, 2, 3)


class _Residual(nn.Module):
    """Two linear maps with a ReLU between them, beside an identity."""

    def __init__(self, width: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.widen, self.narrow = nn.Linear(width, inner), nn.Linear(inner, width)
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        """(..., width) to the same."""
        y = functional.dropout(functional.relu(self.widen(self.norm(x))), self.dropout, self.training)
        return x + functional.dropout(self.narrow(y), self.dropout, self.training)


def _codes(categories: str, spec: InputSpec) -> dict[int, int]:
    """How many codes a band has, by its place.

    Raises:
        ModelError: The text is no list of `band:codes`, or names a band that is not there, or twice.
    """
    places = {band.channel: place for place, band in enumerate(spec.bands)}
    found: dict[int, int] = {}
    for word in filter(None, (part.strip() for part in str(categories or "").split(","))):
        name, colon, count = (part.strip() for part in word.partition(":"))
        if not colon or not count.isdecimal() or not 1 <= int(count) <= 100_000:
            raise ModelError(
                f"Setting categories of a network is {categories!r}.",
                fix="Give bands and their number of codes, as 'soil:12,vegetation:9'.",
                setting="categories",
            )
        if name not in places:
            raise ModelError(
                f"Setting categories of a network names a band {name!r}, which it does not take.",
                fix=f"Bands: {', '.join(places)}.",
                setting="categories",
            )
        if places[name] in found:
            raise ModelError(f"Setting categories of a network names {name} twice.", fix="Name it once.")
        found[places[name]] = int(count)
    return found
