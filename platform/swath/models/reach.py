"""How far a network sees, measured: what its parts state is held against this."""

from __future__ import annotations

import copy

import torch
from torch import nn

from swath.models.layers import LayerScale
from swath.models.network import Network


def measured_reach(network: Network) -> int:
    """The receptive field as it is: how far a change of one column of the input changes scores, pixels.

    Weights of a copy are set so that nothing cancels, is cut off or fades away: positive, in float64, biases 1, and of
    a kernel only its first and last column, which see furthest. Beside what a change moves, it is read which
    pixels the scores' slopes go to: these stay numbers where a change is lost in the last digit.

    Args:
        network: With a finite reach.

    Raises:
        ValueError: It has none.
    """
    if network.reach is None:
        raise ValueError("the reach of this network is the whole window")
    probe = copy.deepcopy(network).double().eval()
    with torch.no_grad():
        random = torch.Generator().manual_seed(0)
        for module in probe.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                # not all alike: normalisation over channels would leave nothing
                weights = 0.5 + torch.rand(module.weight.shape, generator=random, dtype=torch.float64)
                if module.weight.ndim == 4 and module.weight.shape[-1] > 1 and module.stride == (1, 1):
                    ends = torch.zeros_like(weights)
                    ends[:, :, weights.shape[2] // 2, [0, -1]] = 1
                    weights *= ends
                module.weight.copy_(weights / (weights > 0).sum(dim=tuple(range(1, weights.ndim)), keepdim=True))
                if module.bias is not None:
                    module.bias.fill_(1.0)
            elif isinstance(module, LayerScale):
                module.weight.fill_(1.0)
            elif isinstance(module, nn.BatchNorm2d):
                module.reset_parameters()
                module.reset_running_stats()
                if module.affine:
                    module.bias.fill_(1.0)
        width = (2 * network.reach // network.multiple + 4) * network.multiple
        middle = width // 2 // network.multiple * network.multiple
        size = dict(
            zip("NTCHW", (1, network.spec.steps, len(network.spec.bands), network.multiple, width), strict=True)
        )
        x = 1 + torch.rand([size[axis] for axis in network.spec.layout.value], generator=random, dtype=torch.float64)
        more = []
        if network.spec.day_of_year:
            more.append(torch.linspace(30, 330, network.spec.steps, dtype=torch.float64).unsqueeze(0))
        if network.spec.valid:
            more.append(torch.ones([size[axis] for axis in "NTHW"], dtype=torch.float64))
        before = probe(x, *more)
        furthest = 0
        for column in range(middle, middle + network.multiple):
            changed = x.clone()
            if network.spec.steps > 1:
                changed[:, 0, :, :, column] += 1e6
            else:
                changed[..., column] += 1e6
            moved = (probe(changed, *more) != before).any(dim=1).any(dim=1)[0]
            with torch.enable_grad():
                given = x.clone().requires_grad_()
                (slope,) = torch.autograd.grad(probe(given, *more)[..., column].sum(), given, allow_unused=True)
            if slope is not None:
                moved |= (slope != 0).flatten(0, -2).any(dim=0)
            places = moved.nonzero().flatten()
            furthest = max(furthest, int((places - column).abs().max()) if len(places) else 0)
    return furthest
