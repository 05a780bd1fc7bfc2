"""Figures of held-out labels by region, by bin of the value, and by how much was observed, each with its interval.

One figure over all hides where a model fails. Groups are told by what chips know: their place; the label itself; and of
observations the steps with data at the pixel, or for composites of one step the scenes that were read, as chips do not
keep the number of clear ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import shapely
import torch
from numpy.typing import NDArray
from torch import Tensor

from swath.grid import Area
from swath.models.normalise import Normaliser
from swath.models.spec import ModelSpec
from swath.training.checkpoint import Checkpoint
from swath.training.chipset import HeldOut
from swath.training.folds import Block, blocks_of
from swath.training.metrics.bins import EDGES, ValueBins
from swath.training.metrics.values import ValueSums
from swath.training.release import TITLE, Learned, by_chip, joined, outputs
from swath.training.scores import Score, ValueScore, score_of
from swath.training.source import IGNORED, Part
from swath.training.splits import SplitSpec
from swath.training.validation.bootstrap import drawn, intervals

TRANSFER = "transfer.json"  #: file of a package
CELL_KM = 100.0  #: edge of a region where none are named
ELSEWHERE = "elsewhere"
_BINS = 5
_STEPS, _SCENES = "steps with data at the pixel", "scenes read for the chip, clear or not"


@dataclass(frozen=True)
class Grouping:
    """A way to put labels into groups.

    Attributes:
        name: `region`, `value` or `observations`.
        of: What the groups are of, in words.
        labels: Of the groups, in order.
        chips: Group of each chip, (chips,); None where it differs from pixel to pixel.
        edges: Between bins of what pixels have, rising: bin k ends before edge k.
    """

    name: str
    of: str
    labels: tuple[str, ...]
    chips: NDArray[np.int64] | None = None
    edges: NDArray[np.float64] | None = None


def scored_blocks(checkpoint: Learned, held: HeldOut) -> dict[Block, Score]:
    """Scores of the labels that a network has not seen, by block.

    Raises:
        LabelError: There are none.
    """
    chips, found = by_chip(checkpoint, held)
    scores: dict[Block, list[Score]] = {}
    for block, score in zip(blocks_of(held, chips.tolist()), found, strict=True):
        scores.setdefault(block, []).append(score)
    return {block: joined(scores[block]) for block in sorted(scores)}


def breakdown(
    scores: Mapping[Block, Score],
    tested: Sequence[tuple[Checkpoint, HeldOut]],
    *,
    regions: Sequence[str] = (),
    seed: int = 0,
) -> dict[str, Any]:
    """Figures with intervals over blocks, over all and by group, JSON-ready.

    Args:
        scores: Of all held-out labels, by block.
        tested: Networks, each with chips whose test part it has not seen; one or more, of the same chips.
        regions: Areas as `SplitSpec.regions` names them; cells of 100 km where none is named.
        seed: Of the draws.
    """
    out: dict[str, Any] = {
        "title": TITLE,
        "interval": drawn(len(scores)),
        "blocks": len(scores),
        "figures": intervals(list(scores.values()), seed=seed),
        "by": {},
    }
    groupings = _groupings(tested[0][0].spec, tested[0][1], joined(list(scores.values())), regions)
    found: dict[str, dict[str, dict[Block, Score]]] = {}
    for number, (checkpoint, held) in enumerate(tested):
        for name, label, block, score in _grouped(checkpoint, held, groupings):
            place = found.setdefault(name, {}).setdefault(label, {})
            key = (number, *block)
            place[key] = joined([place[key], score]) if key in place else score
    for grouping in groupings:
        made = found.get(grouping.name, {})
        order = [label for label in grouping.labels if label in made]
        if len(order) > 1:
            out["by"][grouping.name] = {
                "of": grouping.of, "groups": [_told(label, made[label], seed=seed) for label in order]
            }  # fmt: skip
    return out


def _told(label: str, scores: Mapping[Block, Score], *, seed: int) -> dict[str, Any]:
    figures = intervals(list(scores.values()), seed=seed)
    pixels = joined(list(scores.values())).figures.get("pixels")
    return {"group": label, "blocks": len(scores), "pixels": pixels, "figures": figures}


def _groupings(spec: ModelSpec, held: HeldOut, whole: Score, regions: Sequence[str]) -> list[Grouping]:
    found = [_regions(held, regions)]
    if isinstance(whole, ValueScore):
        found += _values(whole)
    return [*found, _observations(spec, held)]


def _regions(held: HeldOut, regions: Sequence[str]) -> Grouping:
    lon, lat = (held.chips.index[name].to_numpy() for name in ("lon", "lat"))
    if not regions:
        cells = SplitSpec(block_m=1000 * CELL_KM).blocks(lon, lat)
        names, number = np.unique(cells, axis=0, return_inverse=True)
        labels = tuple(f"cell {x}, {y}" for x, y in names.tolist())
        return Grouping("region", f"cells of {CELL_KM:g} km in EPSG:6933", labels, number.reshape(-1))
    areas = [Area.parse(text) for text in regions]
    number = np.full(len(lon), len(areas))
    for place in reversed(range(len(areas))):  # where two overlap, the first has the chip
        number[shapely.intersects_xy(areas[place].geometry, lon, lat)] = place
    return Grouping("region", "regions of the recipe, by the middle of a chip", (*_names(areas), ELSEWHERE), number)


def _names(areas: Sequence[Area]) -> list[str]:
    """A name each; those that share one are numbered."""
    names = [area.name for area in areas]
    return [f"{name} {n + 1}" if names.count(name) > 1 else name for n, name in enumerate(names)]


def _values(whole: ValueScore) -> list[Grouping]:
    """Bins of about as many labels, with the round edges of `ValueBins`."""
    bins = whole.sums[2 + ValueSums.SIZE :][: ValueBins.SIZE].reshape(ValueBins.SHAPE)
    share = np.cumsum(bins[1][:, 0]) / max(bins[1][:, 0].sum(), 1)
    places = np.unique([int(np.argmax(share >= k / _BINS)) for k in range(1, _BINS)])
    edges = EDGES[places[places < len(EDGES)]]
    if not len(edges):
        return []
    said = [f"{edge:g}" for edge in edges]
    labels = (f"below {said[0]}", *(f"{a} to {b}" for a, b in pairwise(said)))
    value = whole.said.value
    return [Grouping("value", f"label, {value.unit}", (*labels, f"{said[-1]} and more"), edges=edges)]


def _observations(spec: ModelSpec, held: HeldOut) -> Grouping:
    if spec.input.steps > 1:
        steps = np.arange(spec.input.steps + 1, dtype=np.float64)
        return Grouping("observations", _STEPS, tuple(f"{step:g}" for step in steps), edges=steps[1:] - 0.5)
    scenes = np.array([len(items) for items in held.chips.index["items"].to_pylist()], np.int64)
    edges = np.unique(np.quantile(scenes, [0.25, 0.5, 0.75], method="lower")).astype(np.int64)
    edges = edges[edges > scenes.min()]
    ends = [int(scenes.min()), *edges.tolist(), int(scenes.max()) + 1]
    labels = tuple(f"{a}" if b - a <= 1 else f"{a} to {b - 1}" for a, b in pairwise(ends))
    return Grouping("observations", _SCENES, labels, np.searchsorted(edges, scenes, side="right"))


def _grouped(
    checkpoint: Checkpoint, held: HeldOut, groupings: Sequence[Grouping]
) -> list[tuple[str, str, Block, Score]]:
    """Grouping, group, block and score of all that a chip has of a group."""
    made: list[tuple[str, str, Block, Score]] = []
    spec = checkpoint.spec
    normaliser = Normaliser.of(spec.input, held.facts.layers)
    by_object = checkpoint.by_object
    for batch, found in outputs(checkpoint, held, Part.TEST):
        blocks = blocks_of(held, batch.indices)
        steps = None
        if any(one.name == "observations" and one.chips is None for one in groupings):
            steps = torch.from_numpy(normaliser.chips(held.read(batch.indices)["numbers"])[1].sum(axis=1))
        for row, (index, block) in enumerate(zip(batch.indices, blocks, strict=True)):
            target = batch.target[row : row + 1]
            weight, objects, error = (
                None if part is None else part[row : row + 1]
                for part in (batch.weight, batch.objects if by_object else None, batch.error)
            )
            for grouping in groupings:
                for label, part in _parts(grouping, index, target, spec, None if steps is None else steps[row]):
                    score = score_of(spec)
                    score.add(
                        found[row : row + 1], part, loss=0.0, labelled=0, weight=weight, objects=objects, error=error
                    )
                    made.append((grouping.name, label, block, score))
    return made


def _parts(
    grouping: Grouping, index: int, target: Tensor, spec: ModelSpec, steps: Tensor | None
) -> list[tuple[str, Tensor]]:
    """A chip's target group by group, what is of other groups left out."""
    if grouping.chips is not None:
        return [(grouping.labels[int(grouping.chips[index])], target)]
    assert grouping.edges is not None
    if grouping.name == "value":
        value = spec.output.values[0]  # type: ignore[union-attr]
        of = target * value.scale + value.offset
        known = torch.isfinite(of)
    else:
        assert steps is not None
        of = steps[None].to(target.device)
        known = torch.isfinite(target) if target.is_floating_point() else target != IGNORED
        if known.ndim == 4:
            known = known.any(1)
        if known.shape != of.shape:  # of a head for whole windows: what most of its pixels have
            of = of.flatten(1).median(1).values.reshape(known.shape)
    # the number comes out of float32: an edge is met within its last digit
    place = torch.bucketize(
        of.double() + of.double().abs() * 1e-6, torch.from_numpy(grouping.edges.astype(np.float64)), right=True
    )
    made = []
    for group in torch.unique(place[known]).tolist():
        other = place != group
        if target.ndim == 4:
            other = other.unsqueeze(1).expand_as(target)
        part = target.masked_fill(other, torch.nan if target.is_floating_point() else IGNORED)
        made.append((grouping.labels[int(group)], part))
    return made


def bounds_of(told: Mapping[str, Any]) -> dict[str, float]:
    """Ends of the intervals over all, as a card names figures: `transfer_mean_iou_low`."""
    return {
        f"{TITLE}_{name}_{end}": figure[end]
        for name, figure in told["figures"].items()
        for end in ("low", "high")
        if figure[end] is not None
    }
