"""One network for all species: a residual perceptron of rows, learned from records and background at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from swath.models.network import Network
from swath.models.spec import (
    BandInput,
    InputSpec,
    ModelSpec,
    NetworkSpec,
    PartSpec,
    ValueOutput,
    ValuesOutput,
)
from swath.training.species.config import NetworkConfig
from swath.training.species.records import Records

REACH = 4.0  #: deviations; numbers beyond are set to it, so that a network is not asked for what it never saw
_WARM_UP = 0.1


class Networks(nn.Module):
    """Networks that saw the same rows in another order, averaged.

    Args:
        members: With one spec.
        codes: Columns of 0 and 1, at the end, which are not clipped.
    """

    high: Tensor

    def __init__(self, members: Sequence[Network], codes: int) -> None:
        super().__init__()
        self.spec = members[0].spec
        self.members = nn.ModuleList(members)
        columns = len(self.spec.bands)
        self.register_buffer("high", torch.full((1, columns, 1, 1), REACH), persistent=False)
        self.high[:, columns - codes :] = 1.0

    def finished(self) -> Networks:
        """What is exported: itself, its heads' closing formula included."""
        return self

    def forward(self, x: Tensor) -> Tensor:
        """(N, columns, H, W) to (N, S, H, W), 0 to 1."""
        x = torch.minimum(torch.maximum(x, -self.high), self.high)
        scores = [cast(Network, member)(x) for member in self.members]
        return torch.stack(scores).mean(0).sigmoid()

    def rows(self, columns: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, columns) to (n, S)."""
        with torch.no_grad():
            scores: Tensor = self.eval()(torch.from_numpy(columns)[:, :, None, None])
        return scores[:, :, 0, 0].numpy()


def network_spec(columns: int, species: Sequence[str], config: NetworkConfig, *, window: int = 1) -> ModelSpec:
    """What one of the networks is."""
    return ModelSpec(
        name="species",
        task="regression",
        input=InputSpec(
            bands=tuple(BandInput(name=f"column{place}") for place in range(columns)), unit="1", gsd=1, window=window,
            stride=window,
        ),
        output=ValuesOutput(values=tuple(ValueOutput(name=name, unit="1") for name in species)),
        network=NetworkSpec(
            encoder=PartSpec(
                name="mlp",
                settings={"width": config.width, "depth": config.depth, "expansion": 2, "dropout": config.dropout},
            ),
            head=PartSpec(name="presence"),
        ),
    )  # fmt: skip


def learn(
    sites: NDArray[np.float32],
    background: NDArray[np.float32],
    records: Records,
    config: NetworkConfig,
    *,
    codes: int,
    names: Sequence[str],
    target_group: float,
    seed: int,
    window: int,
) -> Networks:
    """Fit the networks.

    Every species has the same weight, as have its presences and its background: sites where others of its group were
    recorded (absence is assumed there) and random places, in the shares that the recipe says. The full weighted loss of
    Zbinden et al. 2024 (doi:10.1016/j.ecoinf.2024.102623), with weights that make species count alike.

    Args:
        sites: (sites, columns).
        background: (m, columns).
        records: Who was seen at the sites.
        config: The networks.
        codes: Columns of 0 and 1 at the end.
        names: Of the outputs.
        target_group: Share of the background that is others' sites.
        seed: Of the first network.
        window: Edge of the windows that they are exported for.
    """
    spec = network_spec(sites.shape[1], names, config, window=window)
    with torch.random.fork_rng(devices=[]):
        members = [
            _one(sites, background, records, config, spec, target_group=target_group, seed=seed + number, codes=codes)
            for number in range(config.members)
        ]
    return Networks(members, codes).eval()


def _one(
    sites: NDArray[np.float32],
    background: NDArray[np.float32],
    records: Records,
    config: NetworkConfig,
    spec: ModelSpec,
    *,
    target_group: float,
    seed: int,
    codes: int,
) -> Network:
    torch.manual_seed(seed)
    random = torch.Generator().manual_seed(seed)
    network = Network.build(spec).train()
    whole = Networks([network], codes)
    x, y = torch.from_numpy(sites), torch.from_numpy(records.seen.astype(np.float32))
    weight, empty = _weights(records, len(background), target_group)
    other = torch.from_numpy(background)
    batch, count = min(config.batch, len(x)), len(x)
    steps = config.epochs * -(-count // batch)
    optimiser = torch.optim.AdamW(network.parameters(), lr=config.lr, weight_decay=config.weight_decay)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, config.lr, total_steps=steps + 1, pct_start=_WARM_UP)
    order, at = torch.randperm(count, generator=random), 0
    for _ in range(steps):
        if at + batch > count:
            order, at = torch.randperm(count, generator=random), 0
        rows = order[at : at + batch]
        at += batch
        places = torch.randint(len(other), (batch,), generator=random)
        taken = torch.cat([x[rows], other[places]])[:, :, None, None]
        scores = network(torch.minimum(torch.maximum(taken, -whole.high), whole.high))[:, :, 0, 0]
        seen = functional.binary_cross_entropy_with_logits(
            scores[:batch], y[rows], weight=weight[rows], reduction="sum"
        )
        loss = (seen + (functional.softplus(scores[batch:]) * empty).sum()) / (batch * y.shape[1])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        rate.step()
    return network.eval()


def _weights(records: Records, background: int, target_group: float) -> tuple[Tensor, Tensor]:
    """Of sites (sites, S) and of a random place (S,); the mean over sites of a species' presences is 1."""
    others = records.told & ~records.seen
    there = others.sum(0) > 0
    # a group of one species has no sites of others: all of its background is random
    share = np.where(there, target_group, 0.0)
    each = records.seen / records.seen.sum(0) + others * (share / np.maximum(others.sum(0), 1))
    return (
        torch.from_numpy((each * len(records.sites)).astype(np.float32)),
        torch.from_numpy((1 - share).astype(np.float32)),
    )
