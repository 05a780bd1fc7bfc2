"""An encoder whose weights follow from other weights, for inference."""

from __future__ import annotations

import torch
from torch import Tensor

from swath.models.features import Encoder, Features


class Made(Encoder):
    """An encoder that makes a kernel and its bias of other weights."""

    def weights(self) -> tuple[Tensor, Tensor]:
        """Both."""
        raise NotImplementedError

    def features(self, x: Tensor, day: Tensor | None, valid: Tensor | None, kernel: Tensor, bias: Tensor) -> Features:
        """Features by both."""
        raise NotImplementedError

    def forward(self, x: Tensor, day: Tensor | None = None, valid: Tensor | None = None) -> Features:
        """See `Encoder`."""
        return self.features(x, day, valid, *self.weights())

    def settled(self) -> Encoder:
        """See `Encoder`."""
        return Settled(self)


class Settled(Encoder):
    """The encoder with its kernel and bias computed.

    Args:
        owner: That makes them.
    """

    kernel: Tensor
    bias: Tensor

    def __init__(self, owner: Made) -> None:
        super().__init__(owner.spec)
        self.channels, self.vector_size = owner.channels, owner.vector_size
        self.reaches, self.multiple = owner.reaches, owner.multiple
        self.owner = owner
        with torch.no_grad():
            kernel, bias = owner.weights()
        self.register_buffer("kernel", kernel.contiguous())
        self.register_buffer("bias", bias.contiguous())

    def forward(self, x: Tensor, day: Tensor | None = None, valid: Tensor | None = None) -> Features:
        """See `Encoder`."""
        return self.owner.features(x, day, valid, self.kernel, self.bias)
