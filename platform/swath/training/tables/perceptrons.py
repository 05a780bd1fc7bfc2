"""Small networks that learn a mean and a spread for each row, many networks at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from torch import Tensor

Floats = NDArray[np.float64]
_FINAL = 0.1  # of the last layer's fresh weights: a network begins at the mean
_LARGEST_LOG = 5.0  # of a spread, in deviations of the target


class PerceptronConfig(BaseModel):
    """Perceptrons of one hidden layer with a line beside it, and noise on what they take."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    members: int = Field(default=8, ge=1, le=100, description="Networks that are averaged.")
    width: int = Field(default=64, ge=1, le=4096, description="Hidden units of each.")
    dropout: float = Field(default=0.5, ge=0, lt=1, description="Share of hidden units that is left out in training.")
    noise: float = Field(
        default=0.1, ge=0, description="Deviation of the noise that is added to standardised columns in training."
    )
    epochs: int = Field(default=200, ge=1, le=100_000, description="Steps, each over all rows.")
    lr: float = Field(default=3e-3, gt=0, description="Highest learning rate; it rises and falls once.")
    weight_decay: float = Field(default=0.1, ge=0, description="Of weights.")


@dataclass(frozen=True)
class Perceptrons:
    """Networks that have learned.

    Attributes:
        first: (members, columns, width) and (members, 1, width): into the hidden layer.
        last: (members, width, 2) and (members, 1, 2): out of it, mean and log of the spread.
        line: (members, columns, 1): past it, to the mean.
    """

    first: tuple[Floats, Floats]
    last: tuple[Floats, Floats]
    line: Floats

    def predict(self, x: Floats) -> tuple[Floats, Floats]:
        """Mean and standard deviation of the mixture of all members, (n,) each, from (n, columns).

        Mean variance of the members plus the variance of their means (Lakshminarayanan et al. 2017,
        arXiv:1612.01474, section 2.4).
        """
        hidden = x @ self.first[0] + self.first[1]
        hidden = hidden / (1 + np.exp(-hidden.clip(-60, 60)))
        out = hidden @ self.last[0] + self.last[1]
        mean = out[..., 0] + (x @ self.line)[..., 0]
        variance = np.exp(2 * out[..., 1].clip(-_LARGEST_LOG, _LARGEST_LOG))
        return mean.mean(0), np.sqrt(variance.mean(0) + mean.var(0))


def learn_perceptrons(
    x: NDArray[np.floating], target: Floats, weight: NDArray[np.floating], config: PerceptronConfig, *, seed: int = 0
) -> Perceptrons:
    """Fit all members by the likelihood of a normal distribution, each with fresh weights and noise of its own.

    Args:
        x: (n, columns), standardised.
        target: (n,) with mean about 0 and deviation about 1.
        weight: (n,) of rows, with mean 1.
        config: The networks.
        seed: Of weights and noise.
    """
    import torch
    from torch.nn import functional

    random = torch.Generator().manual_seed(seed)
    given, wanted, count = (torch.as_tensor(part, dtype=torch.float32) for part in (x, target, weight))
    members, columns, width = config.members, given.shape[1], config.width

    def fresh(*shape: int, scale: float) -> Tensor:
        return (torch.randn(*shape, generator=random) * scale).requires_grad_()

    w1, b1 = fresh(members, columns, width, scale=columns**-0.5), fresh(members, 1, width, scale=0.0)
    w2, b2 = fresh(members, width, 2, scale=_FINAL * width**-0.5), fresh(members, 1, 2, scale=0.0)
    line = fresh(members, columns, 1, scale=0.0)
    optimiser = torch.optim.AdamW(
        [
            {"params": [w1, w2, line], "weight_decay": config.weight_decay},
            {"params": [b1, b2], "weight_decay": 0.0},
        ],
        lr=config.lr,
    )
    rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, config.lr, total_steps=config.epochs + 1)
    for _ in range(config.epochs):
        noisy = given + config.noise * torch.randn(members, *given.shape, generator=random)
        hidden = functional.silu(noisy @ w1 + b1)
        kept = torch.rand(hidden.shape, generator=random) >= config.dropout
        out = (hidden * kept / (1 - config.dropout)) @ w2 + b2
        spread = out[..., 1].clamp(-_LARGEST_LOG, _LARGEST_LOG)
        off = (wanted - out[..., 0] - (noisy @ line)[..., 0]) * torch.exp(-spread)
        loss = ((spread + 0.5 * off**2) * count).mean(1).sum()  # a sum over members: none shares another's gradient
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        rate.step()
    numbers = [part.detach().numpy().astype(np.float64) for part in (w1, b1, w2, b2, line)]
    return Perceptrons((numbers[0], numbers[1]), (numbers[2], numbers[3]), numbers[4])
